"""All pairs and top-k beside scikit-learn and NumPy, as ratios from one run."""

from __future__ import annotations

from functools import partial

import numpy as np
from groundtruth.data.similarity import cosine_matrix, pairwise_dists, top_k
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances

from tests.bench.timing import peak_mb, ratio


def numpy_top_k(scores: np.ndarray, k: int) -> np.ndarray:
    best = np.argpartition(scores, -k)[-k:]
    return best[np.argsort(-scores[best])]


def main() -> None:
    rng = np.random.default_rng(0)
    X, Y, scores = (
        rng.normal(size=(4000, 128)),
        rng.normal(size=(4000, 128)),
        rng.normal(size=1_000_000),
    )
    pairs = {
        "all-pairs Euclidean, 4000 x 4000 x 128": (
            partial(pairwise_dists, X, Y),
            partial(euclidean_distances, X, Y),
        ),
        "all-pairs cosine, 4000 x 4000 x 128": (
            partial(cosine_matrix, X, Y),
            partial(cosine_similarity, X, Y),
        ),
        "top 10 of a million": (partial(top_k, scores, 10), partial(numpy_top_k, scores, 10)),
    }
    for name, (ours, theirs) in pairs.items():
        print(
            f"{name}: time ratio {ratio(ours, theirs):.2f}, memory {peak_mb(ours):.0f} MB "
            f"against {peak_mb(theirs):.0f} MB (ratio at most 1.2)"
        )


if __name__ == "__main__":
    main()
