"""Reference of the interactive figure in the chapter on retrieval."""

from __future__ import annotations

import numpy as np
from groundtruth.figures.modern import retrieval

from tests.groundtruth.figures.checking import reference


@reference(retrieval.probes)
def probes(at):
    X, centroids, cell = retrieval.points()
    q = np.array([at.qx, at.qy])
    order = np.argsort(((centroids - q) ** 2).sum(1), kind="stable")[: at.nprobe]
    probed = np.isin(cell, order)
    distance = ((X - q) ** 2).sum(1)
    near = np.argsort(distance, kind="stable")[: retrieval.K]
    ids = np.flatnonzero(probed)
    returned = ids[np.argsort(distance[ids], kind="stable")[: retrieval.K]]
    state = np.where(probed, "compared", "not compared").astype(object)
    state[near] = "neighbor missed"
    state[returned] = "other returned"
    state[np.intersect1d(near, returned)] = "neighbor returned"
    recall = np.isin(near, returned).mean()
    rank = np.empty(len(X), dtype=int)
    rank[np.argsort(distance, kind="stable")] = np.arange(1, len(X) + 1)
    points = {"x": X[:, 0], "y": X[:, 1], "state": state, "rank": rank, "p": probed.astype(int)}
    return {
        "layer_1": points,
        "layer_2": {"x": [at.qx], "y": [at.qy]},
        "layer_3": {
            "note": [f"recall {recall:.1f}, work {probed.sum() + 12} of {len(X)} + 12"],
        },
    }
