"""References of the interactive figures on units, networks and their training."""

from __future__ import annotations

import functools

import numpy as np
import torch
from groundtruth.figures.networks import (
    depth,
    learning_rules,
    mlp,
    neuron,
    pytorch,
    recurrence,
)
from groundtruth.figures.networks import initialization_and_normalization as scales
from groundtruth.networks.activations import ACTIVATIONS, named
from groundtruth.networks.associative import hopfield_store, recall
from groundtruth.networks.diffusion import circle_noise
from groundtruth.networks.initialization import predicted
from groundtruth.networks.mlp import MLP, train, xor_blobs
from groundtruth.networks.neuron import signed_distance
from groundtruth.networks.recurrence import half_life
from groundtruth.networks.regions import folded, pieces

from tests.groundtruth.figures.checking import THOUSANDTHS, reference

SIDE = np.arange(-3, 3.1, 0.5)


PLANE = np.array([(a, b) for a in SIDE for b in SIDE])


@reference(depth.explorer)
def stack(at):
    branch = max(at.ga * at.cc**2, 1e-99)
    block = np.arange(at.dp + 1)
    # mean squares, layer by layer: of the stream from below, of the gradient from above
    growth = {"plain": branch, "residual": 1 + branch}.get(at.md, 1.0)
    stream = block * np.log10(growth)
    if at.md == "Pre-LN":  # each branch starts from a norm and adds the same
        stream = np.log10(1 + np.cumsum([0.0, *(at.dp * [branch])]))
    passed = {"plain": branch, "Post-LN": 1 / (1 + branch)}.get(at.md, 1.0)
    gradient = block[::-1] * np.log10(passed)
    if at.md == "Pre-LN":  # the final norm divides by the size of the last stream
        gradient = gradient - stream[-1]
    names = ["gradient along the skips (plain: through the layers)", "stream, going forward"]
    return {
        "layer_0": {"v": gradient / 2, "s": len(block) * names[:1]},
        "layer_1": {"v": stream / 2, "s": len(block) * names[1:]},
    }


@reference(scales.explorer, tolerance=0.051)
def second_moments(at):
    factor = (0.5, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.2)[at.sc]
    q = predicted(ACTIVATIONS[at.be].f, factor, 30)
    return {
        "layer_1": {"q": np.log10(np.clip(q, 1e-12, 1e12))},
        "layer_2": {"t": f"n Var(w) = {factor}"},
    }


@reference(scales.who_shares)
def who_shares(at):
    index = np.arange(24).reshape(4, 6)
    axes = {"batch": (0,), "layer": (1,), "instance": ()}
    if at.no == "group":  # two groups of three channels in each example
        groups = np.repeat(np.arange(8), 3)
    else:
        groups = np.broadcast_to(index.min(axes[at.no], keepdims=True), (4, 6)).ravel()
        groups = np.unique(groups, return_inverse=True)[1]
    return {"layer_0": {"g": groups}, "layer_1": {"t": groups + 1}}


@reference(learning_rules.noise_levels, tolerance=3e-2)
def noise_levels(at):
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 90)
    eps = rng.normal(size=(90, 2))
    signal = learning_rules.SIGNAL[at.noise]
    data = np.stack([np.cos(angle), np.sin(angle)], 1)
    x = np.sqrt(signal) * data + np.sqrt(1 - signal) * eps
    side = np.linspace(-2, 2, 7)
    grid = np.array([(a, b) for b in side for a in side if (a, b) != (0, 0)])
    score = -circle_noise(grid, signal) / np.sqrt(1 - signal)
    tip = grid + 0.25 * score / np.maximum(1, np.linalg.norm(score, axis=1, keepdims=True))
    field = {"x": grid[:, 0], "y": grid[:, 1], "u": tip[:, 0], "v": tip[:, 1]}
    return {
        "layer_0": {"x": x[:, 0], "y": x[:, 1]},
        "layer_1": field,
        "layer_2": field,
        "layer_3": {"note": f"left of the signal: {np.sqrt(signal):.2f}"},
    }


@reference(learning_rules.glyph_recall)
def glyph_recall(at):
    face = np.array([1.0 if c == "#" else -1.0 for row in learning_rules.GLYPH for c in row])
    rng = np.random.default_rng(1)
    others = rng.choice([-1.0, 1.0], size=(23, 64))
    start = face.copy()
    start[rng.choice(64, 8, replace=False)] *= -1
    count = (1, 3, 5, 7, 9, 12, 16, 24)[at.load]
    weights = hopfield_store(np.vstack([face, others[: count - 1]]))
    state, _ = recall(weights, start, np.random.default_rng(2))
    cells = {"row": np.repeat(range(8), 8), "column": np.tile(range(8), 8)}
    text = f"{count} patterns stored; overlap with the face {np.mean(state * face):.2f}"
    return {
        "concat_0": {"t": text},
        "concat_1_concat_0": {**cells, "v": (start > 0).astype(int)},
        "concat_1_concat_1": {**cells, "v": (state > 0).astype(int)},
    }


@functools.cache
def snapshot(moment):
    net = MLP((2, 4, 1), seed=5)
    X, y = xor_blobs(80, seed=3)
    train(net, X, y, 0.5, mlp.MOMENTS[moment])
    text = f"loss {net.loss(X, y):.3f}, correct {net.accuracy(X, y):.0%}"
    return net, f"step {mlp.MOMENTS[moment]}: {text}"


@reference(mlp.explorer, tolerance=0.02)
def trained_network(at):
    net, text = snapshot(at.mo)
    side = np.arange(-2.4, 2.5, 0.4)
    grid = np.array([(a, b) for a in side for b in side])
    p = net.predict(grid)
    if at.vi != "network":
        _, cache = net.forward(grid)
        p = (1 + cache[1][0][:, int(at.vi[-1]) - 1]) / 2
    return {"layer_0": {"p": p}, "layer_2": {"t": text}}


@reference(neuron.explorer)
def one_unit(at):
    angle = np.deg2rad(at.ang)
    w = at.len * np.array([np.cos(angle), np.sin(angle)])
    f = named(at.act).f
    x = np.array([[at.p1, at.p2]])
    (z,) = x @ w + at.bi
    (out,) = f(x @ w + at.bi)
    (distance,) = signed_distance(x, w, at.bi)
    text = f"z = {z:.2f}, distance {distance:.2f}, f(z) = {out:.2f}"
    return {
        "layer_0": {"f": f(PLANE @ w + at.bi)},
        "layer_1": {"a": at.p1, "b": at.p2},
        "layer_2": {"z": z, "distance": distance, "note": text},
    }


@reference(neuron.sawtooth, tolerance=THOUSANDTHS)
def sawtooth(at):
    count = pieces(functools.partial(folded, times=at.kk), 1024)
    return {
        "layer_0": {"y": folded(np.arange(129) / 128, at.kk)},
        "layer_1": {
            "note": f"{2 * at.kk} units, {count} straight pieces; "
            f"one hidden layer would need {count - 1} corners"
        },
    }


@functools.cache
def two_steps():
    """The numbers after each statement of two training steps, by torch."""
    w = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(0.0, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=0.1)
    x = torch.tensor([1.0, 2.0])
    y = torch.tensor([3.0, 5.0])
    numbers = []

    def note():
        grads = [None if p.grad is None else p.grad.item() for p in (w, b)]
        numbers.append((w.item(), b.item(), *grads))

    note()
    for _ in range(2):
        optimizer.zero_grad()
        note()
        loss = torch.nn.functional.mse_loss(w * x + b, y)
        note()
        loss.backward()
        note()
        optimizer.step()
        note()
    return numbers


@reference(pytorch.iteration)
def iteration(at):
    w, b, *grads = two_steps()[at.st]
    gw, gb = ("None" if g is None else f"{g:.1f}" for g in grads)
    return {
        "layer_0": {"i": at.st},
        "layer_1": {"shown": f"w = {w:.2f}"},
        "layer_2": {"shown": f"b = {b:.2f}"},
        "layer_3": {"shown": f"w.grad = {gw}"},
        "layer_4": {"shown": f"b.grad = {gb}"},
        "layer_5": {"i": at.st},
    }


@reference(recurrence.eigen_explorer)
def eigenvalue(at):
    eigenvalue = at.mo * np.exp(1j * np.deg2rad(at.an))
    powers = eigenvalue ** np.arange(61)
    verdict = "never forgets" if at.mo == 1 else "grows without end"
    if at.mo < 1:
        verdict = f"half-life {half_life([at.mo])[0]:.1f} steps"
    response = {"y": powers.real}
    return {
        "layer_0": {"top": np.abs(powers)},
        "layer_1": response,
        "layer_2": response,
        "layer_3": {"verdict": verdict},
    }


@reference(recurrence.gate_explorer)
def lstm_unit(at):
    cell = 0.0
    cells = []
    for t in range(61):
        cell = at.ff * cell + at.ii * {5: 1.0, 12: -0.7, 30: 0.8}.get(t, 0.0)
        cells.append(cell)
    values = np.concatenate([cells, at.oo * np.tanh(cells)])
    names = np.repeat(["cell", "output"], 61).tolist()
    return {"marks": {"t": np.tile(range(61), 2), "value": values, "what": names}}
