"""Message passing on given relations: normalized adjacency, convolution and attention on graphs,
colors, random graphs.

Read with book/networks/graphs.md.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array


class Graph(NamedTuple):
    """Adjacency A (n, n) of zeros and ones, features X (n, d), labels y (n,)."""

    A: Array
    X: Array
    y: NDArray[np.int64]


def adjacency(A: ArrayLike) -> Array:
    """A (n, n) as floats, checked: square, finite, no negative weight."""
    M = np.asarray(A, dtype=float)
    if M.ndim != 2 or M.shape[0] != M.shape[1] or not M.size:
        raise ValueError(f"an adjacency must be a square matrix, got the shape {M.shape}")
    if not np.isfinite(M).all() or (M < 0).any():
        raise ValueError("an adjacency must be finite and not negative; a missing edge is 0")
    return M


def normalize(A: ArrayLike, loops: bool = True) -> Array:
    """D^-1/2 (A + I) D^-1/2 (n, n), symmetric for an undirected graph (Kipf and Welling, 2017,
    equation 8).

    Parameters
    ----------
    A : array_like (n, n)
    loops : bool
        Add each node to its own neighbors; without, a node of degree 0 keeps a row of zeros.

    Examples
    --------
    >>> normalize([[0, 1], [1, 0]]).round(12).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    M = adjacency(A)
    if loops:
        M = M + np.eye(len(M))
    degree = M.sum(1)
    scale = np.divide(1.0, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)
    return scale[:, None] * M * scale


def gcn_layer(S: ArrayLike, X: ArrayLike, W: ArrayLike) -> tuple[Array, tuple[Array, Array, Array]]:
    """max(S X W, 0): S (n, n), X (n, d), W (d, h) to (n, h), and what the backward pass needs.

    Examples
    --------
    >>> gcn_layer(np.eye(2), [[1.0], [-1.0]], [[2.0]])[0].tolist()
    [[2.0], [0.0]]
    """
    s, x, w = (np.asarray(v, dtype=float) for v in (S, X, W))
    if (
        s.ndim != 2
        or x.ndim != 2
        or w.ndim != 2
        or s.shape != (len(x), len(x))
        or x.shape[1] != w.shape[0]
    ):
        raise ValueError(
            f"need S (n, n), X (n, d) and W (d, h), got the shapes {s.shape}, {x.shape}, {w.shape}"
        )
    mixed = s @ x
    out = np.maximum(mixed @ w, 0)
    return out, (s, mixed, out > 0)


def gcn_backward(dH: Array, saved: tuple[Array, Array, Array], W: Array) -> tuple[Array, Array]:
    """(dX, dW) given the gradient dH (n, h) of a layer's output."""
    s, mixed, on = saved
    if dH.shape != on.shape:
        raise ValueError(f"the output has the shape {on.shape}, its gradient {dH.shape}")
    g = dH * on
    return s.T @ (g @ W.T), mixed.T @ g


def graph_attention(
    A: ArrayLike, H: ArrayLike, left: ArrayLike, right: ArrayLike, a: ArrayLike, slope: float = 0.2
) -> tuple[Array, Array]:
    """Attention over neighbors and oneself (Brody, Alon and Yahav, 2022): weights softmax_j a .
    leaky(H_i left + H_j right).

    Parameters
    ----------
    A : array_like (n, n)
    H : array_like (n, d)
    left, right : array_like (d, h)
        For the node that asks and for the neighbor; what is mixed is H right.
    a : array_like (h,)

    Returns
    -------
    new features (n, h), weights (n, n) with rows that sum to one and zeros where there is no edge

    Examples
    --------
    >>> graph_attention([[0, 1], [1, 0]], np.eye(2), np.zeros((2, 1)), np.ones((2, 1)), [0.0])[
    ...     1
    ... ].tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    M = adjacency(A)
    h = np.asarray(H, dtype=float)
    v = np.asarray(a, dtype=float)
    asks = h @ np.asarray(left, dtype=float)
    offers = h @ np.asarray(right, dtype=float)
    if len(h) != len(M) or asks.shape != offers.shape or v.shape != asks.shape[1:]:
        raise ValueError(
            f"need H ({len(M)}, d), left and right (d, h), a (h,); got H {h.shape}, products"
            f" {asks.shape} and {offers.shape}, a {v.shape}"
        )
    z = asks[:, None] + offers[None]  # (n, n, h)
    score = np.where(M + np.eye(len(M)) > 0, np.where(z > 0, z, slope * z) @ v, -np.inf)
    w = np.exp(score - score.max(1, keepdims=True))
    w /= w.sum(1, keepdims=True)
    return w @ offers, w


def block_model(
    n: int, p_in: float, p_out: float, rng: np.random.Generator, d: int = 8, signal: float = 0.25
) -> Graph:
    """Two classes of n / 2 nodes; edges with probability p_in inside and p_out between; noisy
    features (Holland et al., 1983).

    Features are normal with unit variance; each mean is +signal or -signal by class.
    """
    if n < 2 or n % 2 or not 0 <= p_in <= 1 or not 0 <= p_out <= 1:
        raise ValueError(
            f"need an even n >= 2 and probabilities in [0, 1], got n={n}, p_in={p_in},"
            f" p_out={p_out}"
        )
    y = np.repeat([0, 1], n // 2)
    chance = np.where(y[:, None] == y, p_in, p_out)
    upper = np.triu(rng.random((n, n)) < chance, 1)
    return Graph(
        (upper | upper.T).astype(float), rng.normal(size=(n, d)) + signal * (2 * y[:, None] - 1), y
    )


def colors(A: ArrayLike, rounds: int | None = None) -> list[str]:
    """Colors of the nodes after rounds of refinement (Weisfeiler and Leman, 1968), sorted: equal
    lists cannot be told apart.

    A node's new color is its old one with the multiset of its neighbors' colors; names are
    canonical, so lists of two graphs can be compared.

    Examples
    --------
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> len(set(colors(path))), len(set(colors(np.ones((3, 3)) - np.eye(3))))
    (2, 1)
    """
    M = adjacency(A)
    n = len(M)
    near = [np.flatnonzero(row) for row in M]
    names = [""] * n
    for _ in range(n if rounds is None else rounds):
        messages = [
            names[i] + "(" + ",".join(sorted(names[j] for j in near[i])) + ")" for i in range(n)
        ]
        # short names of long stories
        names = [hashlib.blake2b(name.encode(), digest_size=8).hexdigest() for name in messages]
    return sorted(names)


def triangles(A: ArrayLike) -> int:
    """Number of triangles of an undirected graph: tr(A^3) / 6.

    Examples
    --------
    >>> triangles(np.ones((4, 4)) - np.eye(4))
    4
    """
    M = (adjacency(A) > 0).astype(float)
    if (M != M.T).any():
        raise ValueError("the graph is directed; np.maximum(A, A.T) forgets the directions")
    np.fill_diagonal(M, 0.0)  # a loop is not a side of a triangle
    return round(np.trace(M @ M @ M) / 6)


def cycle(n: int) -> Array:
    """The ring of n nodes, (n, n)."""
    if n < 3:
        raise ValueError(f"a ring needs at least 3 nodes, got {n}")
    return np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)


def beside(A: ArrayLike, B: ArrayLike) -> Array:
    """Two graphs as one without edges between them, block-diagonal: how graphs are batched.

    Examples
    --------
    >>> beside([[0.0]], [[1.0]]).tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    a = adjacency(A)
    b = adjacency(B)
    return np.block([[a, np.zeros((len(a), len(b)))], [np.zeros((len(b), len(a))), b]])
