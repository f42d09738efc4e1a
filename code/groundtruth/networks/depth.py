"""What many layers do to signals and gradients: plain stacks, residual streams, and where the norm
stands in a block.

Read with book/networks/depth.md.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array
from groundtruth.networks.activations import named
from groundtruth.networks.normalization import Cache, layer_norm, layer_norm_backward

MODES = ("plain", "residual", "pre", "post")


def gradient_profile(
    activation: str,
    scale: Callable[[int], float],
    depth: int,
    width: int = 128,
    n: int = 16,
    seed: int = 0,
) -> Array:
    """Root mean square of the gradient at the scores of each layer (depth,), over that at the last;
    weights normal with variance scale(width).

    Examples
    --------
    >>> float(gradient_profile("identity", lambda n: 1 / n, 5)[-1])
    1.0
    """
    if depth < 1 or width < 1 or n < 1:
        raise ValueError(f"need depth, width and n >= 1, got {depth}, {width} and {n}")
    f = named(activation)
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, width))
    layers = []
    for _ in range(depth - 1):
        W = rng.normal(0, np.sqrt(scale(width)), (width, width))
        layers.append((W, f.slope(z)))
        z = f.f(z) @ W  # (n, width)
    g = rng.normal(size=z.shape)
    sizes = [np.sqrt((g**2).mean())]
    for W, slope in reversed(layers):
        g = (g @ W.T) * slope
        sizes.append(np.sqrt((g**2).mean()))
    return np.array(sizes[::-1]) / sizes[0]


class ResidualMLP:
    """L blocks with the branch F(x) = relu(x W1) W2 around a stream of width d.

    mode "plain": x <- F(x); "residual": x <- x + c F(x); "pre": x <- x + c F(LN x), and LN at the
    end (Xiong et al., 2020); "post": x <- LN(x + c F(x)) (Vaswani et al., 2017). W1 has variance
    2/d and W2 1/d, so that F keeps the mean square.

    Parameters
    ----------
    d, L : int
        Width of the stream and number of blocks, >= 1.
    mode : {"plain", "residual", "pre", "post"}
    scale : float
        The factor c on each branch.
    seed : int
    zero_last : bool
        Start with W2 = 0, so that each residual block is the identity.

    Examples
    --------
    >>> net = ResidualMLP(4, 3, "residual", zero_last=True)
    >>> x = np.ones((2, 4))
    >>> bool((net.forward(x)[0] == x).all())
    True
    """

    def __init__(
        self, d: int, L: int, mode: str, scale: float = 1.0, seed: int = 0, zero_last: bool = False
    ) -> None:
        if d < 1 or L < 1:
            raise ValueError(f"need a width and a number of blocks >= 1, got {d} and {L}")
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
        if not np.isfinite(scale):
            raise ValueError(f"scale must be finite, got {scale}")
        rng = np.random.default_rng(seed)
        self.mode = mode
        self.scale = scale
        self.d = d
        self._last: Cache | None = None
        self._cache: list[tuple[Array, Array, Array, Cache | None, Cache | None]] = []
        self.blocks = [
            (
                rng.normal(0, np.sqrt(2 / d), (d, d)),
                rng.normal(0, np.sqrt(1 / d), (d, d)) * (not zero_last),
            )
            for _ in range(L)
        ]

    def _norm(self, x: Array) -> tuple[Array, Cache]:
        return layer_norm(x, np.ones(self.d), np.zeros(self.d))

    def forward(self, X: ArrayLike) -> tuple[Array, list[Array]]:
        """Output (n, d), and the stream before each block and after the last (L + 1 arrays)."""
        x = np.asarray(X, dtype=float)
        if x.ndim != 2 or x.shape[1] != self.d or not len(x):
            raise ValueError(f"X must have the shape (n, {self.d}) with n >= 1, got {x.shape}")
        stream = [x]
        self._cache = []
        for W1, W2 in self.blocks:
            u, before = self._norm(x) if self.mode == "pre" else (x, None)
            z = u @ W1  # (n, d)
            a = np.maximum(z, 0)
            y = self.scale * (a @ W2)
            x = y if self.mode == "plain" else x + y
            x, after = self._norm(x) if self.mode == "post" else (x, None)
            self._cache.append((u, z, a, before, after))
            stream.append(x)
        x, self._last = self._norm(x) if self.mode == "pre" else (x, None)
        return x, stream

    def backward(self, g: Array, branches: bool = True) -> tuple[Array, list[tuple[Array, Array]]]:
        """Gradient with respect to the input, and (dW1, dW2) of each block, from the gradient g (n,
        d) of the last forward's output.

        With branches=False only what the skips and the norms around them pass on is followed.
        """
        if not self._cache or g.shape != self._cache[0][0].shape:
            raise ValueError(
                f"run forward first, and pass a gradient of the output's shape, got {g.shape}"
            )
        if self._last is not None:
            g = layer_norm_backward(g, self._last)[0]
        grads: list[tuple[Array, Array]] = []
        for (W1, W2), (u, z, a, before, after) in zip(
            reversed(self.blocks), reversed(self._cache), strict=True
        ):
            if after is not None:
                g = layer_norm_backward(g, after)[0]
            dy = self.scale * g
            dz = (dy @ W2.T) * (z > 0)
            grads.append((u.T @ dz, a.T @ dy))
            du = dz @ W1.T * branches
            if before is not None:
                du = layer_norm_backward(du, before)[0]
            g = du if self.mode == "plain" else g + du  # the skip passes the gradient on as it is
        return g, grads[::-1]


def rms(x: ArrayLike) -> float:
    """Root of the mean square of all entries.

    Examples
    --------
    >>> rms([3.0, -3.0])
    3.0
    """
    values = np.asarray(x, dtype=float)
    if not values.size:
        raise ValueError("no numbers to take a mean of")
    return float(np.sqrt((values**2).mean()))


def predicted_rms(L: int, scale: float) -> float:
    """(1 + c^2)^(L/2): the size of a residual stream after L independent branches of the size of
    their input.

    Examples
    --------
    >>> predicted_rms(10, 1.0)
    32.0
    """
    if L < 0 or not np.isfinite(scale):
        raise ValueError(f"need L >= 0 and a finite scale, got {L} and {scale}")
    return float((1 + scale**2) ** (L / 2))


def path_lengths(L: int) -> NDArray[np.int64]:
    """How many of the 2^L paths through L residual blocks go through k branches, k = 0 ... L (Veit,
    Wilber and Belongie, 2016).

    Examples
    --------
    >>> path_lengths(4).tolist()
    [1, 4, 6, 4, 1]
    """
    if not 0 <= L <= 60 or int(L) != L:
        raise ValueError(f"L must be a whole number from 0 to 60, got {L}")
    return np.array([comb(int(L), k) for k in range(int(L) + 1)])


def gradient_by_path_length(branches: list[Array], g: Array) -> Array:
    """Length of the part of a gradient that went through exactly k of the linear branches x <- x +
    x A, k = 0 ... L.

    The product of (I + A_l') is expanded by dynamic programming: part_k <- part_k + part_{k-1}
    A_l'.

    Examples
    --------
    >>> gradient_by_path_length([np.eye(1), np.eye(1)], np.ones(1)).tolist()
    [1.0, 2.0, 1.0]
    """
    if not branches or any(A.shape != (len(g), len(g)) for A in branches):
        raise ValueError(f"need square branches of the size of g, {len(g)}")
    parts = [np.asarray(g, dtype=float)] + [np.zeros(len(g)) for _ in branches]
    for A in reversed(branches):
        parts = [parts[0]] + [parts[k] + parts[k - 1] @ A.T for k in range(1, len(parts))]
    return np.array([float(np.linalg.norm(p)) for p in parts])
