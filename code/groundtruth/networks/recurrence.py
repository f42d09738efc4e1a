"""Recurrent cells with their backward passes through time: tanh, LSTM, GRU. Weights are applied
from the right.

Read with book/networks/recurrence.md.

Gate order as in PyTorch: i, f, g, o for the LSTM; r, z, n for the GRU. One bias per gate, except
the GRU's new state, whose recurrent part has its own, because the reset gate multiplies it after
the product.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import sigmoid

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


class Weights(NamedTuple):
    """Wx (D, gates H), Wh (H, gates H), b (gates H,), and for the GRU bn (H,) inside the reset
    gate.
    """

    Wx: Array
    Wh: Array
    b: Array
    bn: Array | None = None


class Step(NamedTuple):
    """What the backward pass through one step needs."""

    x: Array
    h: Array
    c: Any  # (N, H) for the LSTM, None for the others
    gates: tuple[Array, ...]


def make_weights(kind: str, D: int, H: int, seed: int = 0, forget: float = 1.0) -> Weights:
    """Starting weights: uniform within 1 / sqrt(H), biases zero, the LSTM's forget gate open by
    `forget`.

    Examples
    --------
    >>> w = make_weights("lstm", 3, 2)
    >>> w.Wx.shape, w.b.tolist()
    ((3, 8), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    """
    if kind not in GATES:
        raise ValueError(f"kind must be one of {sorted(GATES)}, got {kind!r}")
    if min(D, H) < 1:
        raise ValueError(f"need positive sizes, got D={D}, H={H}")
    rng = np.random.default_rng(seed)
    g = GATES[kind]
    s = H**-0.5
    b = np.zeros(g * H)
    if kind == "lstm":
        b[H : 2 * H] = forget
    return Weights(
        rng.uniform(-s, s, (D, g * H)),
        rng.uniform(-s, s, (H, g * H)),
        b,
        np.zeros(H) if kind == "gru" else None,
    )


def _checked(kind: str, x: ArrayLike, h: ArrayLike, w: Weights) -> tuple[Array, Array]:
    now = np.asarray(x, dtype=float)
    state = np.asarray(h, dtype=float)
    H = w.Wh.shape[0]
    if w.Wh.shape != (H, GATES[kind] * H) or w.b.shape != (GATES[kind] * H,):
        raise ValueError(
            f"a cell of kind {kind!r} needs Wh (H, {GATES[kind]} H) and b ({GATES[kind]} H,), got"
            f" {w.Wh.shape} and {w.b.shape}"
        )
    if now.ndim != 2 or now.shape[1] != w.Wx.shape[0] or state.shape != (len(now), H):
        raise ValueError(
            f"need x (N, {w.Wx.shape[0]}) and h (N, {H}), got the shapes {now.shape} and"
            f" {state.shape}"
        )
    return now, state


def rnn_cell(x: ArrayLike, h: ArrayLike, w: Weights) -> tuple[Array, Step]:
    """tanh(x Wx + h Wh + b): x (N, D), h (N, H) to (N, H) (Elman, 1990).

    Examples
    --------
    >>> rnn_cell([[0.0]], [[0.5]], Weights(np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)))[0].round(
    ...     3
    ... ).item()
    0.462
    """
    now, state = _checked("rnn", x, h, w)
    out = np.tanh(now @ w.Wx + state @ w.Wh + w.b)
    return out, Step(now, state, None, (out,))


def lstm_cell(x: ArrayLike, h: ArrayLike, c: ArrayLike, w: Weights) -> tuple[Array, Array, Step]:
    """c' = f c + i g, h' = o tanh(c'): returns h', c' (N, H) each (Hochreiter and Schmidhuber,
    1997; forget gate Gers et al., 2000).
    """
    now, state = _checked("lstm", x, h, w)
    cell = np.asarray(c, dtype=float)
    if cell.shape != state.shape:
        raise ValueError(f"h has the shape {state.shape}, c {cell.shape}; both must be equal")
    zi, zf, zg, zo = np.split(now @ w.Wx + state @ w.Wh + w.b, 4, axis=1)
    i = sigmoid(zi)
    f = sigmoid(zf)
    g = np.tanh(zg)
    o = sigmoid(zo)
    new = f * cell + i * g
    bent = np.tanh(new)
    return o * bent, new, Step(now, state, cell, (i, f, g, o, bent))


def gru_cell(x: ArrayLike, h: ArrayLike, w: Weights) -> tuple[Array, Step]:
    """h' = (1 - z) n + z h with n = tanh(x Wn + b + r (h Un + bn)): (N, H) (Cho et al., 2014, as
    PyTorch writes it).
    """
    now, state = _checked("gru", x, h, w)
    H = state.shape[1]
    if w.bn is None or w.bn.shape != (H,):
        raise ValueError(f"a GRU needs bn of shape ({H},), the bias inside its reset gate")
    a = now @ w.Wx + w.b
    u = state @ w.Wh
    r = sigmoid(a[:, :H] + u[:, :H])
    z = sigmoid(a[:, H : 2 * H] + u[:, H : 2 * H])
    inner = u[:, 2 * H :] + w.bn
    n = np.tanh(a[:, 2 * H :] + r * inner)
    return (1 - z) * n + z * state, Step(now, state, None, (r, z, n, inner))


def _shares(
    dz: Array, step: Step, w: Weights, du: Array | None = None
) -> tuple[Array, Array, Weights]:
    """dx, dh and weight gradients, given the gradients of the gates' scores; du where the recurrent
    part differs.
    """
    d = dz if du is None else du
    return dz @ w.Wx.T, d @ w.Wh.T, Weights(step.x.T @ dz, step.h.T @ d, dz.sum(0), None)


def rnn_cell_backward(dh: Array, step: Step, w: Weights) -> tuple[Array, Array, Weights]:
    """(dx, dh before, weights) given the gradient dh (N, H) of the new state."""
    (out,) = step.gates
    return _shares(dh * (1 - out * out), step, w)


def lstm_cell_backward(
    dh: Array, dc: Array, step: Step, w: Weights
) -> tuple[Array, Array, Array, Weights]:
    """(dx, dh before, dc before, weights) given the gradients of the new state and of the new
    cell.
    """
    i, f, g, o, bent = step.gates
    d = dc + dh * o * (1 - bent * bent)  # along the conveyor
    dz = np.concatenate(
        [
            d * g * i * (1 - i),
            d * step.c * f * (1 - f),
            d * i * (1 - g * g),
            dh * bent * o * (1 - o),
        ],
        axis=1,
    )
    dx, before, dw = _shares(dz, step, w)
    return dx, before, d * f, dw


def gru_cell_backward(dh: Array, step: Step, w: Weights) -> tuple[Array, Array, Weights]:
    """(dx, dh before, weights) given the gradient dh (N, H) of the new state."""
    r, z, n, inner = step.gates
    dn = dh * (1 - z) * (1 - n * n)
    dr = dn * inner * r * (1 - r)
    dz = dh * (step.h - n) * z * (1 - z)
    scores = np.concatenate([dr, dz, dn], axis=1)
    recurrent = np.concatenate([dr, dz, dn * r], axis=1)
    dx, before, dw = _shares(scores, step, w, recurrent)
    return dx, before + dh * z, dw._replace(bn=(dn * r).sum(0))


def unroll(
    kind: str, x: ArrayLike, w: Weights, h: ArrayLike | None = None, c: ArrayLike | None = None
) -> tuple[Array, list[Step]]:
    """Run a cell over a sequence x (T, N, D); returns the states (T, N, H) and the steps for
    `bptt`.
    """
    values = np.asarray(x, dtype=float)
    if kind not in GATES:
        raise ValueError(f"kind must be one of {sorted(GATES)}, got {kind!r}")
    if values.ndim != 3 or not len(values):
        raise ValueError(
            f"x must have the axes (T, N, D) with T >= 1, got the shape {values.shape}"
        )
    zero = np.zeros((values.shape[1], w.Wh.shape[0]))
    state = zero if h is None else np.asarray(h, dtype=float)
    cell = zero if c is None else np.asarray(c, dtype=float)
    states = []
    steps = []
    for now in values:
        if kind == "lstm":
            state, cell, step = lstm_cell(now, state, cell, w)
        else:
            state, step = (rnn_cell if kind == "rnn" else gru_cell)(now, state, w)
        states.append(state)
        steps.append(step)
    return np.stack(states), steps


def bptt(kind: str, dstates: Array, steps: list[Step], w: Weights) -> tuple[Array, Array, Weights]:
    """Backpropagation through time: (dx (T, N, D), dh0 (N, H), weights), given the gradients of all
    states (T, N, H).
    """
    if len(dstates) != len(steps):
        raise ValueError(f"there are {len(steps)} steps and {len(dstates)} gradients")
    dh = np.zeros_like(dstates[0])
    dc = np.zeros_like(dstates[0])
    total = Weights(
        np.zeros_like(w.Wx),
        np.zeros_like(w.Wh),
        np.zeros_like(w.b),
        None if w.bn is None else np.zeros_like(w.bn),
    )
    dx: list[Array] = []
    for d, step in zip(dstates[::-1], steps[::-1], strict=True):
        dh = dh + d  # from the output now, and from all later steps
        if kind == "lstm":
            now, dh, dc, dw = lstm_cell_backward(dh, dc, step, w)
        else:
            now, dh, dw = (rnn_cell_backward if kind == "rnn" else gru_cell_backward)(dh, step, w)
        dx.append(now)
        bn = None if total.bn is None or dw.bn is None else total.bn + dw.bn
        total = Weights(total.Wx + dw.Wx, total.Wh + dw.Wh, total.b + dw.b, bn)
    return np.stack(dx[::-1]), dh, total


def half_life(factor: ArrayLike) -> Array:
    """Steps after which a factor per step in (0, 1) has halved what it multiplies: ln 2 / -ln
    factor.

    Examples
    --------
    >>> half_life([0.5, 0.25]).tolist()
    [1.0, 0.5]
    """
    f = np.asarray(factor, dtype=float)
    if not ((f > 0) & (f < 1)).all():
        raise ValueError(f"a factor that forgets lies strictly between 0 and 1, got {f}")
    return np.log(2) / -np.log(f)
