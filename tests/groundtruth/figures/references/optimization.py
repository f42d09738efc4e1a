"""References of the interactive figures on descent, optimizers and search."""

from __future__ import annotations

import functools

import numpy as np
import torch
from groundtruth.figures.learning import (
    backprop,
    gradient_descent,
    hyperparameter_search,
    optimizers,
)
from groundtruth.learning import optimizers as opt
from groundtruth.learning import schedules
from groundtruth.learning.bayesian import GP, expected_improvement
from groundtruth.learning.gradient_descent import gd

from tests.groundtruth.figures.checking import HUNDREDTHS, THOUSANDTHS, reference
from tests.groundtruth.figures.references.learning import circles

ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": lambda z: z * 1,
}


@reference(backprop.explorer)
def one_unit(at):
    leaves = [torch.tensor(float(v), dtype=torch.float64) for v in (at.w, at.x, at.b)]
    w, x, b = (leaf.requires_grad_() for leaf in leaves)
    z = w * x + b
    a = ACTIVATIONS[at.act](z)
    L = (a - at.y) ** 2
    dL, dz = torch.autograd.grad(L, (a, z), retain_graph=True)
    (da,) = torch.autograd.grad(a, z, retain_graph=True)
    dw, dx, db = (g.item() for g in torch.autograd.grad(L, (w, x, b)))
    values = {"z": z, "a": a, "L": L, "dL": dL, "da": da, "dz": dz}
    numbers = {name: 7 * [value.item()] for name, value in values.items()}
    return {
        "marks": {
            **numbers,
            "dw": 7 * [dw],
            "dx": 7 * [dx],
            "say": [
                f"z = w * x + b = {z:.3f}",
                f"a = {at.act}(z) = {a:.3f}",
                f"L = (a - y)^2 = {L:.3f}",
                f"dL/da = 2 (a - y) = {dL:.3f}",
                f"da/dz = {da:.3f},  dL/dz = {dz:.3f}",
                f"dL/dw = dL/dz * x = {dw:.3f}",
                f"dL/dx = dL/dz * w = {dx:.3f},  dL/db = {db:.3f}",
            ],
        }
    }


@reference(optimizers.explorer, tolerance=1e-5)
def momentum(at):
    curvature = np.array([1.0, 30.0])
    x = np.array([-1.0, 0.6])
    optimizer = opt.SGD([x], at.eta, momentum=at.bet)
    path = [x.copy()]
    for _ in range(60):
        optimizer.step([curvature * x])
        path.append(x.copy())
    points = dict(zip("xy", np.array(path).T, strict=True))
    effective = at.eta / (1 - at.bet)
    verdict = ": diverges" if spectral_radius(at.eta, at.bet) > 1 + 1e-9 else ""
    factor = 1 / (1 - at.bet)
    return {
        "layer_0": circles((0.3, 0.8, 1.5, 2.5, 3.5), (0, 0), 1 / np.sqrt(30)),
        "layer_1_layer_0": points,
        "layer_1_layer_1": points,
        "layer_2": {
            "note": f"1 / (1 - momentum) = {factor:.1f}, effective rate {effective:.3f}{verdict}"
        },
    }


def spectral_radius(eta, beta):
    """Of one step of momentum on the steep direction, as a map of (x, buffer)."""
    step = np.array([[1 - 30 * eta, -eta * beta], [30.0, beta]])
    return np.abs(np.linalg.eigvals(step)).max()


@reference(optimizers.shapes)
def shapes(at):
    total = 10_000
    warmup = round(at.war * total)

    def rate(t):
        step = round(t * total)
        if step < warmup:
            return step / warmup
        if at.kin == "cosine":
            return schedules.cosine(step - warmup, 1.0, total - warmup, at.low)
        if at.kin == "line":
            return schedules.linear(step - warmup, 1.0, total - warmup, 1.0, at.low)
        stable = schedules.wsd(step, 1.0, warmup, total // 5, total)
        return at.low + (1 - at.low) * stable

    return {"marks": {"r": [rate(t) for t in np.arange(101) / 100]}}


@reference(gradient_descent.explorer)
def descent(at):
    path = gd(lambda x: x * [1.0, at.kap], np.ones(2), at.eta, 30)
    points = {"x": path[:, 0], "y": path[:, 1]}
    flat, steep = path[1]
    verdict = ": diverges" if abs(path[2, 1]) > abs(steep) > 1 else ""
    return {
        "layer_0": circles((0.15, 0.4, 0.8, 1.2), (0, 0), 1 / np.sqrt(at.kap)),
        "layer_1_layer_0": points,
        "layer_1_layer_1": points,
        "layer_2": {"note": f"factors per step: flat {flat:.2f}, steep {steep:.2f}{verdict}"},
    }


@reference(gradient_descent.noise_ball, tolerance=THOUSANDTHS)
def noise_ball(at):
    rng = np.random.default_rng(0)
    clouds = []
    for size in (1, 4, 16, 64):
        x = np.zeros(2)
        walk = [x := x - 0.2 * (x * [1, 2] + rng.normal(0, size**-0.5, 2)) for _ in range(400)]
        clouds.append([x for t, x in enumerate(walk) if t >= 100 and t % 3 == 0])
    cloud = np.array(clouds[at.bat])
    return {"layer_0": {"x": cloud[:, 0], "y": cloud[:, 1]}, "layer_1": {"x": 0, "y": 0}}


@functools.cache
def search(ell, trials):
    """The process after a number of trials, each chosen by the largest expected improvement."""
    grid = np.linspace(0, 1, 41)
    X = np.array([0.05, 0.95])
    while True:
        y = hyperparameter_search.target(X)
        mu, sd = GP(ell, scale=0.8, noise=0.02).fit(X[:, None], y).predict(grid[:, None])
        gain = expected_improvement(mu, sd, float(y.min()))
        if X.size == trials:
            return grid, X, y, mu, sd, gain
        X = np.append(X, grid[gain.argmax()])


@reference(hyperparameter_search.explorer, tolerance=3 * HUNDREDTHS)
def bayesian_search(at):
    grid, X, y, mu, sd, gain = search(at.len, at.stp)
    trial = grid[gain.argmax()]
    curves = {
        "x": grid,
        "m": mu,
        "low": mu - 2 * sd,
        "high": mu + 2 * sd,
        "gain": 4 * gain - 3,
        "s": sd,
        "e": gain,
    }
    return {
        "layer_0": curves,
        "layer_1": curves,
        "layer_2": curves,
        "layer_3": {"x": X, "y": y},
        "layer_4": {"next": trial},
        "layer_5": {"s": f"next trial at {trial:.2f}"},
    }
