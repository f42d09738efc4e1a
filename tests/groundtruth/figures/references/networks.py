"""References of the interactive figures in Part III."""

from __future__ import annotations

import functools
from itertools import permutations

import numpy as np
import torch
from groundtruth.figures.networks import (
    architectures,
    attention,
    convolution,
    embeddings,
    gates,
    graphs,
)
from groundtruth.functional import softmax
from groundtruth.networks import positions
from groundtruth.networks.architectures import RULES, cost
from groundtruth.networks.attention import sdpa
from groundtruth.networks.embeddings import superposition
from groundtruth.networks.equilibrium import slerp
from groundtruth.networks.gates import sparsemax
from groundtruth.networks.graphs import block_model, normalize
from groundtruth.networks.toy_language import ID, PEOPLE, WORDS

from tests.groundtruth.figures.checking import HUNDREDTHS, THOUSANDTHS, reference

TABLES = {name: np.random.default_rng(i).normal(size=(16, 16)) for i, name in enumerate(RULES)}


@reference(architectures.explorer, TABLES, tolerance=HUNDREDTHS)
def rules(at):
    sizes = np.abs(TABLES[at.rr])
    costs = cost(at.rr, 2**at.nn, 64)
    values = [costs.weights, costs.multiply_adds, costs.path, costs.serial]
    bars = {"log": np.log10(values)}
    return {
        "concat_0": {
            "v": (sizes / sizes.max()).ravel(),
            "i": np.repeat(range(16), 16),
            "j": np.tile(range(16), 16),
        },
        "concat_1_layer_0": bars,
        "concat_1_layer_1": {**bars, "value": values, "text": [si(v) for v in values]},
    }


def si(value):
    """Two significant digits and a prefix of the SI, as d3 writes them."""
    digits, exponent = f"{value:.1e}".split("e")
    power = int(exponent) // 3
    rounded = float(digits) * 10 ** (int(exponent) - 3 * power)
    places = max(0, 1 - (int(exponent) - 3 * power))
    return f"{rounded:.{places}f}{' kMGTP'[power].strip()}"


def by_x(points):
    """Points (n, 2) of a line in the order in which Vega-Lite joins them."""
    return points[np.argsort(points[:, 0], kind="stable")]


@reference(attention.explorer)
def attention_weights(at):
    angle = np.deg2rad(at.an)
    query = at.le * np.array([[np.cos(angle), np.sin(angle)]])
    keys = attention.KEYS
    mask = np.ones((1, 5), dtype=bool)
    if at.cu != "all words":
        mask[0, 3:] = False
    blend, _ = sdpa(query / at.te, keys, keys, mask)
    p = sdpa(query / at.te, keys, np.eye(5), mask)[0][0]
    needle = by_x(np.array([[0.0, 0.0], query[0]]))
    bars = {"p": p, "t": [f"{v:.2f}" for v in p]}
    return {
        "concat_0_layer_0": {"x": needle[:, 0], "y": needle[:, 1]},
        "concat_0_layer_1": {"p": p},
        "concat_0_layer_2": {"w": attention.WORDS},
        "concat_0_layer_3": {"bx": blend[0, 0], "by": blend[0, 1]},
        "concat_1_layer_0": bars,
        "concat_1_layer_1": bars,
    }


@reference(attention.wheel, tolerance=1e-3)
def rotated_pairs(at):
    frequencies = positions.frequencies(8, 1000.0)
    angles = [place * w for w in frequencies for place in (at.mm, at.mm - at.dd)]
    hands = np.concatenate([by_x(np.array([[0, 0], [np.cos(a), np.sin(a)]])) for a in angles])
    scores = np.cos(np.arange(61)[:, None] * frequencies).sum(1)
    score = scores[at.dd]
    return {
        "concat_0_child": {"x": hands[:, 0], "y": hands[:, 1]},
        "concat_1_layer_0": {"s": scores},
        "concat_1_layer_1": {"s": score},
        "concat_1_layer_2": {"s": score, "t": f"dot product {score:.2f}"},
    }


@reference(convolution.explorer, tolerance=HUNDREDTHS)
def filtered_digit(at):
    options = {
        "no padding": {},
        "padding 1": {"padding": 1},
        "padding 1, stride 2": {"padding": 1, "stride": 2},
        "dilation 2": {"dilation": 2},
    }
    image = torch.tensor(convolution.digit(0))[None, None]
    kernel = torch.tensor(convolution.FILTERS[at.ff])[None, None]
    y = torch.conv2d(image, kernel, **options[at.mm])[0, 0].numpy()
    w = y.shape[1]
    size = f"the map is {w} by {w}"
    return {
        "concat_0_concat_0": {"v": image.numpy().ravel()},
        "concat_0_concat_1": {
            "v": (y / np.abs(y).max()).ravel(),
            "i": np.repeat(range(w), w),
            "j": np.tile(range(w), w),
        },
        "concat_1": {"size": size},
    }


W = np.random.default_rng(1).normal(size=(len(WORDS), 8))


@reference(embeddings.calculator, W, tolerance=HUNDREDTHS)
def analogies(at):
    asked = (at.aa, at.bb, at.cc)
    if asked not in set(permutations(PEOPLE, 3)):
        return {"layer_0": {"w": [], "v": []}, "layer_1": {"w": [], "v": []}}
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    v = unit[ID[at.bb]] - unit[ID[at.aa]] + unit[ID[at.cc]]
    cosines = unit @ v / np.linalg.norm(v)
    best = np.argsort(-cosines)[:3]
    names = [WORDS[i] + (" (given)" if WORDS[i] in asked else "") for i in best]
    bars = {"w": names, "v": cosines[best]}
    return {"layer_0": bars, "layer_1": bars}


@functools.cache
def sparse_features(sparsity):
    return superposition(5, 2, sparsity, seed=1, steps=1500, decay=0.95)[0]


@reference(embeddings.pentagon, tolerance=HUNDREDTHS)
def pentagon(at):
    sparsity = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)[at.kk]
    x, y = sparse_features(sparsity)
    count = int((np.hypot(x, y) > 0.5).sum())
    ends = {"x": x, "y": y}
    return {
        "layer_0": {**ends, "zero": 5 * [0]},
        "layer_1": ends,
        "layer_2": {**ends, "i": range(1, 6)},
        "layer_3": {
            "s": f"zero in {sparsity:.0%} of cases; "
            f"features with a norm above one half: {count} of 5"
        },
    }


CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def in_triangle(p):
    return dict(zip("xy", np.atleast_2d(p @ CORNERS).T, strict=True))


@reference(gates.simplex, tolerance=1e-6)
def simplex(at):
    z = np.array([at.z1, at.z2, at.z3])
    noise = np.random.default_rng(3).gumbel(size=(100, 3)).round(2)
    return {
        "layer_2": in_triangle(softmax((z + noise) / at.temp)),
        "layer_3": in_triangle(softmax(z / at.temp)),
        "layer_4": in_triangle(sparsemax(z / at.temp)),
    }


@reference(gates.arcs, tolerance=THOUSANDTHS)
def arcs(at):
    a = np.array([1.0, 0.0])
    b = np.array([-0.5, np.sqrt(3) / 2])
    t = at.step / 20
    points = np.array([(1 - t) * a + t * b, slerp(a, b, t)])
    ends = {"x": points[:, 0], "y": points[:, 1]}
    straight, arc = np.linalg.norm(points, axis=1)
    return {
        "layer_1": {**ends, "zero": [0, 0]},
        "layer_2": ends,
        "layer_3": {"n": f"lerp: norm {straight:.2f}"},
        "layer_4": {"n": f"slerp: norm {arc:.2f}"},
    }


@reference(graphs.explorer, tolerance=HUNDREDTHS)
def hops(at):
    g = block_model(40, 0.3, 0.05, np.random.default_rng(3), d=2, signal=0.35)
    X = np.linalg.matrix_power(normalize(g.A), at.kk) @ g.X
    means = [X[g.y == k].mean(0) for k in (0, 1)]
    distances = [np.linalg.norm(X - mean, axis=1) for mean in means]
    right = np.mean((distances[1] < distances[0]) == g.y)
    return {
        "layer_0": {
            "x": X[:, 0],
            "y": X[:, 1],
            "kind": np.where(g.y == 1, "class one", "class two").tolist(),
        },
        "layer_1": {"t": f"by class means {right:.0%} right"},
    }
