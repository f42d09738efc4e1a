"""Attention: queries, keys, values; heads; masks; the backward pass; tiles; a cache of keys.

Read with book/networks/attention.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.functional import softmax


class Saved(NamedTuple):
    """What the backward pass of attention needs."""

    Q: Array
    K: Array
    V: Array
    P: Array
    scale: float


class Projections(NamedTuple):
    """Weights of multi-head attention, each (C, C), applied from the right, and their biases (4, C)
    if there are any.
    """

    q: Array
    k: Array
    v: Array
    o: Array
    b: Array | None = None


def causal_mask(n: int, m: int | None = None) -> NDArray[np.bool_]:
    """True where query i may attend to key j: j <= i, with the last query at the last key. Shape
    (n, m).

    Examples
    --------
    >>> causal_mask(3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> causal_mask(1, 3).astype(int).tolist()
    [[1, 1, 1]]
    """
    keys = n if m is None else m
    if n < 1 or keys < n:
        raise ValueError(f"need 1 <= queries <= keys, got {n} and {keys}")
    return np.tri(n, keys, keys - n, dtype=bool)


def _floats(x: ArrayLike) -> Array:
    """Finite floats of 32 bits or more: scores in half precision would overflow beyond 65504."""
    values = np.asarray(x)
    if values.dtype.kind != "f":
        values = values.astype(float)
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("Q, K or V holds NaN or infinity; find out where it comes from")
    return values


def _checked(Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> tuple[Array, Array, Array]:
    q, k, v = (_floats(x) for x in (Q, K, V))
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ValueError(
            f"Q, K and V need at least the axes (time, width), got the shapes {q.shape}, {k.shape},"
            f" {v.shape}"
        )
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(
            f"queries have width {q.shape[-1]}, keys {k.shape[-1]}; both must be equal"
        )
    if k.shape[-2] != v.shape[-2] or not k.shape[-2]:
        raise ValueError(
            f"there are {k.shape[-2]} keys and {v.shape[-2]} values; need one value for each key,"
            " and at least one"
        )
    return q, k, v


def _boolean(mask: ArrayLike) -> NDArray[np.bool_]:
    """The mask as booleans; floats are refused, because 0 means "attend" in an additive mask."""
    values = np.asarray(mask)
    if values.dtype.kind not in "biu" or not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"the mask must be boolean, True where a query may attend, got type {values.dtype}; an"
            " additive mask of 0 and -inf is mask == 0"
        )
    return values.astype(bool)


def sdpa(
    Q: ArrayLike,
    K: ArrayLike,
    V: ArrayLike,
    mask: ArrayLike | None = None,
    scale: float | None = None,
) -> tuple[Array, Saved]:
    """softmax(Q K' scale) V, row by row (Vaswani et al., 2017, equation 1).

    Parameters
    ----------
    Q : array_like (..., n, D)
    K : array_like (..., m, D)
    V : array_like (..., m, E)
    mask : array_like of bool, or of whole numbers 0 and 1, (..., n, m), optional
        True where a query may attend; broadcast over the leading axes. An additive mask of floats
        means the opposite and is refused.
    scale : float, optional
        By default 1 / sqrt(D).

    Returns
    -------
    output (..., n, E) and what `sdpa_backward` needs; the weights are `saved.P` (..., n, m).

    Raises
    ------
    ValueError
        If shapes do not fit, or a query may attend to no key: its weights would be 0 / 0.

    Examples
    --------
    >>> out, saved = sdpa([[1.0, 0.0]], [[50.0, 0.0], [0.0, 0.0]], [[7.0], [9.0]])
    >>> out.round(3).tolist()
    [[7.0]]
    """
    q, k, v = _checked(Q, K, V)
    c = q.shape[-1] ** -0.5 if scale is None else float(scale)
    scores = (c * q) @ k.swapaxes(-1, -2)  # (..., n, m)
    if mask is not None:
        allowed = _boolean(mask)
        if allowed.shape[-2:] != scores.shape[-2:]:
            raise ValueError(f"the mask has the shape {allowed.shape}, the scores {scores.shape}")
        if not allowed.any(-1).all():
            raise ValueError(
                "a row of the mask is all False: that query may attend to no key; let it attend to"
                " itself and ignore its output"
            )
        np.copyto(scores, -np.inf, where=~allowed)
    scores -= scores.max(-1, keepdims=True)
    P = np.exp(scores, out=scores)
    P /= P.sum(-1, keepdims=True)
    return P @ v, Saved(q, k, v, P, c)


def sdpa_backward(dO: Array, saved: Saved) -> tuple[Array, Array, Array]:
    """(dQ, dK, dV) given the gradient dO (..., n, E) of the output."""
    Q, K, V, P, c = saved
    if dO.shape != (*P.shape[:-1], V.shape[-1]):
        raise ValueError(
            f"the output has the shape {(*P.shape[:-1], V.shape[-1])}, its gradient {dO.shape}"
        )
    dV = P.swapaxes(-1, -2) @ dO
    dP = dO @ V.swapaxes(-1, -2)
    dS = P * (dP - (dP * P).sum(-1, keepdims=True))  # (diag(p) - p p') for each row
    return c * dS @ K, c * dS.swapaxes(-1, -2) @ Q, dV


def split_heads(x: Array, H: int) -> Array:
    """(..., T, C) to (..., H, T, C / H): each head takes a slice of the projection.

    Examples
    --------
    >>> split_heads(np.arange(8.0).reshape(2, 4), 2)[1].tolist()
    [[2.0, 3.0], [6.0, 7.0]]
    """
    *rest, T, C = x.shape
    if H < 1 or C % H:
        raise ValueError(f"{H} heads do not divide a width of {C}")
    return x.reshape(*rest, T, H, C // H).swapaxes(-2, -3)


def merge_heads(x: Array) -> Array:
    """(..., H, T, D) to (..., T, H D); undoes `split_heads`."""
    *rest, H, T, D = x.shape
    return x.swapaxes(-2, -3).reshape(*rest, T, H * D)


def mha(
    x: ArrayLike,
    W: Projections,
    H: int,
    mask: ArrayLike | None = None,
    memory: ArrayLike | None = None,
) -> tuple[Array, tuple]:
    """Multi-head attention of x (B, T, C) on itself, or on `memory` (B, S, C); returns (B, T, C)
    and what the backward pass needs. A mask (B, T, S) holds for all heads.

    Examples
    --------
    >>> eye = np.eye(4)
    >>> mha(np.ones((1, 3, 4)), Projections(eye, eye, eye, eye), 2)[0].shape
    (1, 3, 4)
    """
    values = np.asarray(x, dtype=float)
    if values.ndim != 3:
        raise ValueError(f"x must have the axes (B, T, C), got the shape {values.shape}")
    C = values.shape[-1]
    for name, w in zip("qkvo", W[:4], strict=True):
        if w.shape != (C, C):
            raise ValueError(f"the projection {name!r} must have the shape {(C, C)}, got {w.shape}")
    if W.b is not None and W.b.shape != (4, C):
        raise ValueError(f"the biases must have the shape {(4, C)}, got {W.b.shape}")
    source = values if memory is None else np.asarray(memory, dtype=float)
    b = np.zeros((4, C)) if W.b is None else W.b
    q, k, v = (
        split_heads(of @ w + shift, H)
        for of, w, shift in zip((values, source, source), W[:3], b[:3], strict=True)
    )
    if mask is not None and np.ndim(mask) == 3:
        mask = np.asarray(mask)[:, None]  # (B, 1, T, S): not broadcast along the heads
    heads, saved = sdpa(q, k, v, mask)  # (B, H, T, D)
    joined = merge_heads(heads)
    return joined @ W.o + b[3], (values, source, joined, saved, W, H)


def over(a: Array, g: Array) -> Array:
    """a' g summed over batch and time: (B, T, C) and (B, T, D) to (C, D)."""
    return a.reshape(-1, a.shape[-1]).T @ g.reshape(-1, g.shape[-1])


def mha_backward(dy: Array, cache: tuple) -> tuple[Array, Array, Projections]:
    """(dx, dmemory, dW); on itself, the gradient of x is the sum of the first two."""
    x, source, joined, saved, W, H = cache
    if dy.shape != x.shape:
        raise ValueError(f"the output has the shape {x.shape}, its gradient {dy.shape}")
    dQ, dK, dV = (merge_heads(g) for g in sdpa_backward(split_heads(dy @ W.o.T, H), saved))
    db = None if W.b is None else np.stack([g.sum((0, 1)) for g in (dQ, dK, dV, dy)])
    return (
        dQ @ W.q.T,
        dK @ W.k.T + dV @ W.v.T,
        Projections(over(x, dQ), over(source, dK), over(source, dV), over(joined, dy), db),
    )


def tiled(
    Q: ArrayLike, K: ArrayLike, V: ArrayLike, block: int = 128, causal: bool = False
) -> Array:
    """The output of `sdpa` without ever holding the (n, m) table: running maximum, running sum (Dao
    et al., 2022).

    Parameters
    ----------
    Q, K, V : array_like (..., n, D), (..., m, D), (..., m, E)
    block : int
        Queries and keys handled at a time; memory grows with block^2 and not with n m.
    causal : bool
        Query i attends to keys up to i only.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> q, k, v = rng.normal(size=(3, 10, 4))
    >>> bool(np.allclose(tiled(q, k, v, block=3), sdpa(q, k, v)[0]))
    True
    """
    q, k, v = _checked(Q, K, V)
    n = q.shape[-2]
    m = k.shape[-2]
    if block < 1:
        raise ValueError(f"block must be >= 1, got {block}")
    if causal and n != m:
        raise ValueError(f"causal attention needs as many queries as keys, got {n} and {m}")
    table = np.broadcast_shapes(q.shape[:-2], k.shape[:-2])  # leading axes of the scores
    lead = np.broadcast_shapes(table, v.shape[:-2])
    out = np.empty((*lead, n, v.shape[-1]), dtype=q.dtype)
    for i in range(0, n, block):
        rows = (q.shape[-1] ** -0.5) * q[..., i : i + block, :]
        count = rows.shape[-2]
        top = np.full((*table, count, 1), -np.inf, dtype=q.dtype)
        total = np.zeros_like(top)
        mean = np.zeros((*lead, count, v.shape[-1]), dtype=q.dtype)
        for j in range(0, i + count if causal else m, block):
            scores = rows @ k[..., j : j + block, :].swapaxes(-1, -2)
            if causal and j + block > i:
                late = np.arange(j, j + scores.shape[-1]) > np.arange(i, i + count)[:, None]
                np.copyto(scores, -np.inf, where=late)
            new = np.maximum(top, scores.max(-1, keepdims=True))
            shrink = np.exp(top - new)  # what was summed under the old maximum
            np.exp(np.subtract(scores, new, out=scores), out=scores)
            total = total * shrink + scores.sum(-1, keepdims=True)
            mean = mean * shrink + scores @ v[..., j : j + block, :]
            top = new
        out[..., i : i + count, :] = mean / total
    return out


class Cache:
    """Keys and values of the tokens so far, so that a new token costs one row of attention and not
    a whole table.

    Parameters
    ----------
    W : Projections, each (C, C)
    H : int
        Heads.
    """

    def __init__(self, W: Projections, H: int) -> None:
        C = W.q.shape[0]
        if W.b is not None:
            raise ValueError("the cache is written for projections without biases; drop W.b")
        split_heads(np.empty((1, C)), H)  # refuses heads that do not divide the width
        self.W = W
        self.H = H
        self.k = np.empty((H, 0, C // H))
        self.v = np.empty((H, 0, C // H))

    def step(self, x: ArrayLike) -> Array:
        """Output (C,) for the next token x (C,), which attends to all tokens up to itself."""
        row = np.asarray(x, dtype=float)
        if row.shape != (self.W.q.shape[0],):
            raise ValueError(f"a token has the shape ({self.W.q.shape[0]},), got {row.shape}")
        q, k, v = (split_heads((row @ w)[None], self.H) for w in (self.W.q, self.W.k, self.W.v))
        self.k = np.concatenate([self.k, k], 1)
        self.v = np.concatenate([self.v, v], 1)
        return merge_heads(sdpa(q, self.k, self.v)[0])[0] @ self.W.o


def softmax_jacobian(z: ArrayLike) -> Array:
    """diag(p) - p p' for p = softmax(z), z (K,): what a softmax lets through in the backward pass.

    Examples
    --------
    >>> softmax_jacobian([0.0, 0.0]).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    p = softmax(z)
    if p.ndim != 1:
        raise ValueError(f"z must have one axis, got the shape {p.shape}")
    return np.diag(p) - np.outer(p, p)
