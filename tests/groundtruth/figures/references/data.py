"""References of the interactive figures in Part I and in the front pages."""

from __future__ import annotations

import functools

import numpy as np
from groundtruth.data import similarity as sim
from groundtruth.data.signals import hampel, savgol, savgol_coeffs
from groundtruth.figures.data import features, kernels, model, signals, similarity, tensors
from groundtruth.figures.front import notation, primer, reading
from groundtruth.learning import losses
from groundtruth.learning.gradient_descent import gd
from scipy import special, stats
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tests.groundtruth.figures.checking import HUNDREDTHS, THOUSANDTHS, reference

X = np.arange(5.0)
Y = 2 * X + 1


@reference(model.explorer, X, Y)
def line(at):
    fit = np.polyval([at.w, at.b], X)
    points = {"fit": fit, "error": fit - Y}
    loss = losses.mse(Y, fit)
    return {
        "layer_0": points,
        "layer_1": points,
        "layer_2": {"y": Y},
        "layer_3": {"loss": loss, "note": f"mean squared error {loss:.2f}"},
    }


@reference(model.descent, X, Y, tolerance=1e-6)
def descent(at):
    def gradient(theta):
        error = theta[0] * X + theta[1] - Y
        return np.array([2 * np.mean(error * X), 2 * np.mean(error)])

    path = gd(gradient, np.zeros(2), at.eta, at.steps) if at.steps else np.zeros((1, 2))
    points = {"w": path[:, 0], "b": path[:, 1]}
    w, b = path[-1]
    loss = losses.mse(Y, np.polyval([w, b], X))
    return {
        "layer_0_layer_0": points,
        "layer_0_layer_1": points,
        "layer_1": {"w": 2.0, "b": 1.0},
        "layer_2": {"note": f"step {at.steps}: w = {w:.2f}, b = {b:.2f}, loss {loss:.2f}"},
    }


@reference(features.outlier)
def scalings(at):
    values = np.array([2.0, 2.4, 2.9, 3.1, 3.3, 3.6, 3.8, 4.1, 4.4, 4.7, 5.2, at.out])[:, None]
    scaled = [
        scaler.fit_transform(values)
        for scaler in (StandardScaler(), MinMaxScaler(), RobustScaler())
    ]
    return {
        "marks": {
            "z": np.concatenate(scaled).ravel(),
            "who": 3 * [*(11 * ["the others"]), "twelfth"],
        }
    }


@reference(similarity.explorer)
def measures(at):
    angle = np.deg2rad(at.deg)
    a = np.array([1.0, 0.0])
    b = at.len * np.array([np.cos(angle), np.sin(angle)])
    values = {
        "dot": sim.dot(a, b),
        "cosine": sim.cosine(a, b),
        "Euclidean": sim.euclidean(a, b),
        "Manhattan": sim.manhattan(a, b),
        "Chebyshev": sim.chebyshev(a, b),
        "RBF": sim.rbf(a, b, at.gam),
    }
    arrows = {"ex": [1, b[0]], "ey": [0, b[1]], "o": [0, 0]}
    return {
        "layer_0": arrows,
        "layer_1": arrows,
        "layer_2": {
            "value": list(values.values()),
            "say": [f"{name} {value:.2f}" for name, value in values.items()],
        },
    }


@functools.cache
def noisy_wave():
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(0, 1, 30))[:, None]
    return x, np.sin(2 * np.pi * x[:, 0]) + rng.normal(0, 0.25, 30)


@reference(kernels.ridge_explorer, tolerance=HUNDREDTHS)
def kernel_ridge(at):
    gamma = kernels.GAMMAS[at.gam]
    x, y = noisy_wave()
    grid = np.linspace(0, 1, 61)[:, None]
    fit = KernelRidge(alpha=0.05, kernel="rbf", gamma=gamma).fit(x, y)
    curve = fit.predict(grid)
    wrong = np.sqrt(losses.mse(y, fit.predict(x)))
    far = np.sqrt(losses.mse(np.sin(2 * np.pi * grid[:, 0]), curve))
    gram = np.exp(-gamma * (x[::3] - x[::3].T) ** 2)
    text = f"gamma {gamma:g}: error on the points {wrong:.2f}, against the truth {far:.2f}"
    return {
        "concat_0_layer_0": {"y": y},
        "concat_0_layer_1": {"v": curve},
        "concat_0_layer_2": {"t": text},
        "concat_1": {"k": gram.ravel()},
    }


@reference(kernels.density_explorer, tolerance=THOUSANDTHS)
def density(at):
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.normal(-1.2, 0.5, 30), rng.normal(1.2, 0.5, 30)])
    grid = np.linspace(-4, 4, 81)
    h = kernels.WIDTHS[at.bw]
    truth = (stats.norm.pdf(grid, -1.2, 0.5) + stats.norm.pdf(grid, 1.2, 0.5)) / 2
    estimate = stats.norm.pdf(grid[:, None], x, h).mean(1)
    return {
        "layer_0": {"v": truth},
        "layer_1": {"v": estimate},
        "layer_2": {"t": f"bandwidth {h:g}"},
    }


def wave_with_step():
    i = np.arange(80)
    noise = np.random.default_rng(4).normal(0, 0.2, 80)
    return np.sin(2 * np.pi * i / 45) + (i > 55) + noise


@reference(signals.smoother, tolerance=HUNDREDTHS)
def smoother(at):
    causal = at.way == "causal"
    smooth = savgol(wave_with_step(), at.win, at.ord, causal=causal)
    weights = savgol_coeffs(at.win, at.ord, pos=at.win - 1 if causal else None)
    return {
        "layer_0": {"x": wave_with_step()},
        "layer_1": {"s": smooth[np.isfinite(smooth)]},
        "layer_2": {"t": f"noise gain {np.sum(weights**2):.2f}"},
    }


@reference(signals.flagger)
def flagger(at):
    x = np.sin(2 * np.pi * np.arange(80) / 80) + np.random.default_rng(5).normal(0, 0.12, 80)
    x[[8, 21, 22, 40, 63, 72]] += [1.5, -1.2, -1.4, 1.0, -1.6, 0.6]
    flags, _ = hampel(x, at.win, at.k)
    return {"marks": {"who": np.where(flags, "flagged", "not flagged").tolist()}}


def shape_of(operation, a, b):
    """The shape that NumPy gives, or None where it refuses."""
    try:
        if operation == "+":
            return np.broadcast_shapes(a, b)
        return np.matmul(np.zeros(a), np.zeros(b)).shape
    except ValueError:
        return None


@reference(tensors.oracle)
def oracle(at):
    shapes = {str(shape): shape for shape in tensors.SHAPES}
    shape = shape_of(at.pop, shapes[at.pa], shapes[at.pb])
    shown = {"a": at.pa, "b": at.pb, "op": at.pop}
    says = {} if shape is None else {"says": f"result {shape}"}
    return {"layer_0": shown, "layer_1": shown, "layer_2": shown, "layer_3": {**shown, **says}}


@reference(notation.reader)
def reader(at):
    part, reads, shape = zip(*notation.READINGS[at.pick], strict=True)
    return {
        "layer_0": {"shown": list(part)},
        "layer_1": {"shown": list(reads)},
        "layer_2": {"shown": list(shape)},
    }


@reference(primer.slicer)
def slicer(at):
    chosen = np.zeros((4, 5), dtype=bool)
    part = slice(at.start, at.stop, at.step)
    text = f"{at.start}:{at.stop}:{at.step}"
    index = (part,) if at.axis == "axis 0" else (slice(None), part)
    chosen[index] = True
    cells = {"inside": chosen.ravel()}
    before = "" if at.axis == "axis 0" else ":, "
    names = [f"{i}, {j}" for i in range(4) for j in range(5)]
    return {
        "layer_0": cells,
        "layer_1": {**cells, "name": names},
        "layer_2": {"say": f"A[{before}{text}] has shape {chosen[index].shape}"},
    }


@reference(reading.sigmoid_explorer, tolerance=THOUSANDTHS)
def sigmoid(at):
    z = np.arange(-8, 8.01, 0.25)
    s = special.expit(z)
    value = special.expit(at.at)
    slope = value * (1 - value)
    return {
        "layer_0": {"s": s},
        "layer_1": {"d": s * (1 - s)},
        "layer_2": {"s": value},
        "layer_3": {"d": slope},
        "layer_4": {"say": f"sigmoid {value:.3f}, slope {slope:.3f}"},
    }
