"""References of the interactive figures in Part II."""

from __future__ import annotations

import functools

import numpy as np
import torch
from groundtruth.figures.learning import (
    generalization,
    linear_models,
    losses,
    metrics,
    regularization,
)
from groundtruth.functional import softmax
from groundtruth.learning import losses as ls
from groundtruth.learning import model_selection as ms
from groundtruth.learning.regularization import elastic_net
from scipy import special, stats

from tests.groundtruth.figures.checking import HUNDREDTHS, THOUSANDTHS, reference

ANGLES = np.arange(64) / 10


def circles(radii, center, stretch=1.0):
    """Closed curves around a center: for each radius all angles."""
    k = np.repeat(radii, ANGLES.size)
    a = np.tile(ANGLES, len(radii))
    return {"a": a, "x": center[0] + k * np.cos(a), "y": center[1] + k * np.sin(a) * stretch}


@reference(metrics.explorer)
def metrics_of_two_normals(at):
    x = np.linspace(-4, 7, 111)
    p = at.prev / 100
    recall = stats.norm.sf(at.cut, at.gap)
    fpr = stats.norm.sf(at.cut)
    auc = stats.norm.cdf(at.gap / np.sqrt(2))
    tp = p * recall
    fp = (1 - p) * fpr
    precision = tp / (tp + fp)
    cost = fp + at.cr * (p - tp)
    threshold = at.gap / 2 + np.log((1 - p) / (at.cr * p)) / at.gap
    best = f"{threshold:.1f}"
    if threshold > 6:
        best = "above 6"
    if threshold < -3:
        best = "below -3"
    densities = [(1 - p) * stats.norm.pdf(x), p * stats.norm.pdf(x, at.gap)]
    return {
        "layer_0": {
            "d": np.concatenate(densities),
            "class": [*(111 * ["negatives"]), *(111 * ["positives"])],
        },
        "layer_1": {"x": at.cut},
        "layer_2": {
            "recall": recall,
            "fpr": fpr,
            "specificity": 1 - fpr,
            "precision": precision,
            "auc": auc,
            "cost": cost,
            "note": f"recall {recall:.2f}, specificity {1 - fpr:.2f}",
        },
        "layer_3": {"note": f"precision {precision:.2f}, AUC {auc:.2f}"},
        "layer_4": {"note": f"cost per example {cost:.4f}, best threshold {best}"},
    }


def net(lam, mix):
    """The elastic net's weights on an orthonormal design whose least-squares weights are known."""
    n = 4
    X = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # X'X / n = I
    y = X @ np.array(regularization.LEAST_SQUARES)
    assert np.allclose(X.T @ X / n, np.eye(2))
    if lam == 0:
        return np.array(regularization.LEAST_SQUARES)
    return elastic_net(X, y, lam, mix)[0]


@reference(regularization.explorer, tolerance=1e-6)
def elastic_net_path(at):
    lams = np.arange(0, 2.51, 0.05)
    path = np.array([net(lam, at.mix) for lam in lams])
    first, second = net(at.lam, at.mix)
    zero = ": exactly zero" if second == 0 else ""
    return {
        "layer_0": circles((0.3, 0.6, 0.9), regularization.LEAST_SQUARES),
        "layer_1": {"x": path[:, 0], "y": path[:, 1]},
        "layer_2": {"x": 1.6, "y": 0.7},
        "layer_3": {"x": first, "y": second},
        "layer_4": {
            "x": first,
            "y": second,
            "note": f"weights {first:.2f} and {second:.2f}{zero}",
        },
    }


@reference(regularization.smoothing)
def smoothed_labels(at):
    def gap(K):
        target = np.full(K, at.eps / K)
        target[0] += 1 - at.eps
        assert np.allclose(softmax(np.log(target)), target)  # the logits that meet the target
        return np.log(target[0]) - np.log(target[1])

    gaps = [gap(K) for K in range(2, 101)]
    target = 1 - at.eps + at.eps / 10
    return {
        "layer_0": {"g": gaps},
        "layer_1": {"g": gap(10), "note": f"ten classes: target {target:.2f}, gap {gap(10):.2f}"},
    }


@functools.cache
def fits():
    rng = np.random.default_rng(3)
    x = np.linspace(-0.95, 0.95, 14)
    unit = rng.normal(size=14)
    return x, [np.sin(np.pi * x) + sigma * unit for sigma in (0.1, 0.3)]


@reference(generalization.explorer, tolerance=HUNDREDTHS)
def polynomial_fit(at):
    x, targets = fits()
    y = targets[at.noi]
    grid = np.linspace(-1, 1, 41)
    coefficients = np.polynomial.chebyshev.chebfit(x, y, at.deg)
    curve = np.polynomial.chebyshev.chebval(grid, coefficients)
    train = ls.mse(y, np.polynomial.chebyshev.chebval(x, coefficients))
    new = ls.mse(np.sin(np.pi * grid), curve) + (0.1, 0.3)[at.noi] ** 2
    text = f"training error {train:.3f}, error on new data {min(new, 99):.3f}"
    return {
        "layer_0": {"x": grid, "v": np.clip(curve, -2.5, 2.5)},
        "layer_1": {"y": y},
        "layer_2": {"s": text},
    }


@functools.cache
def leaks():
    """Accuracy of the nearest neighbor by rows per subject, split at random and by subject."""
    rng = np.random.default_rng(5)
    scores = {}
    for per in (1, 2, 5, 10, 20):
        subject = np.repeat(np.arange(200 // per), per)
        X = rng.normal(size=(200 // per, 5))[subject] + 0.1 * rng.normal(size=(200, 5))
        y = rng.integers(0, 2, 200 // per)[subject]
        scores[per] = [
            np.mean([nearest_accuracy(X, y, *fold) for fold in folds])
            for folds in (ms.kfold(200, 5, rng), ms.group_kfold(subject, 5))
        ]
    return scores


def nearest_accuracy(X, y, train, test):
    nearest = np.linalg.norm(X[test, None] - X[train], axis=2).argmin(1)
    return np.mean(y[train][nearest] == y[test])


@reference(generalization.leak, tolerance=THOUSANDTHS)
def leak(at):
    return {"layer_0": {"s": leaks()[at.per]}, "layer_1": {"x": 0.5}}


@reference(linear_models.explorer)
def logistic_model(at):
    rng = np.random.default_rng(3)
    parts = [rng.normal([-1, -0.5], 0.9, (15, 2)), rng.normal([1, 0.8], 0.9, (15, 2))]
    points = np.concatenate(parts).round(2)
    y = np.repeat([0, 1], 15)
    side = np.arange(-3, 3.1, 0.5)
    cells = np.array([(a, b) for a in side for b in side])
    w = np.array([at.w1, at.w2])
    z = points @ w + at.bb
    loss = ls.bce_with_logits(y, z)
    right = np.mean((z > 0) == y)
    return {
        "layer_0": {"p": special.expit(cells @ w + at.bb)},
        "layer_2": {
            "loss": loss,
            "right": right,
            "t": f"loss {loss:.2f}, correct {right:.0%}",
        },
    }


HOURS = np.arange(5.0)
WEIGHTS = {10: np.array([-1.0, 1.0]), 20: np.array([-2.0, 2.0])}


@reference(linear_models.growth, HOURS, WEIGHTS, tolerance=THOUSANDTHS)
def growth(at):
    steps, w = list(WEIGHTS.items())[at.st]
    p = special.expit(w[0] + w[1] * np.linspace(-1, 5, 81))
    text = f"{steps:,} steps: length of w {np.hypot(*w):.1f}, boundary {-w[0] / w[1]:.2f}"
    passed = (HOURS > 4.5).astype(int)
    return {"layer_0": {"p": passed}, "layer_1": {"p": p}, "layer_2": {"t": text}}


@reference(losses.best_constant, tolerance=0.006)
def best_constant(at):
    values = np.array([1.0, 2.0, 3.0, 4.0, at.far])
    grid = np.linspace(0, 30, 30_001)
    huber = min(grid, key=functools.partial(huber_sum, values))
    best = [values.mean(), huber, np.median(values)]
    names = ["squared: mean", "Huber, delta 3", "absolute: median"]
    marks = {"loss": names, "v": best}
    return {
        "layer_0": {"x": values, "loss": 5 * ["the five values"]},
        "layer_1": marks,
        "layer_2": {**marks, "shown": [f"{v:.2f}" for v in best]},
    }


def huber_sum(values, c):
    return np.sum(special.huber(3.0, values - c))


@reference(losses.by_score)
def by_score(at):
    s = np.arange(-80, 81) / 10
    values = {
        "cross-entropy": [ls.bce_with_logits([1], [z]) for z in s],
        "squared on p": (1 - special.expit(s)) ** 2,
        "hinge": [ls.hinge([1], [z]) for z in s],
    }
    z = torch.tensor(float(at.z), dtype=torch.float64, requires_grad=True)
    (squared,) = torch.autograd.grad((1 - torch.sigmoid(z)) ** 2, z)
    entropy = ls.bce_with_logits_grad([1], [at.z])[0]
    hinge = round(ls.hinge_grad([1], [at.z])[0])
    text = f"cross-entropy {entropy:.3f}, squared on p {squared:.3f}, hinge {hinge}"
    return {
        "layer_0": {
            "v": np.concatenate(list(values.values())),
            "loss": np.repeat(list(values), s.size).tolist(),
        },
        "layer_1": {"s": at.z},
        "layer_2": {
            "entropy": entropy,
            "squared": squared.item(),
            "note": f"gradient: {text}",
        },
    }
