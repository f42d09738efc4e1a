"""Convolution and pooling with their backward passes: windows gathered into a matrix, one product,
windows scattered back.

Read with book/networks/convolution.md.

Layout (N, C, H, W) and weights (K, C / groups, kh, kw), as in PyTorch; what is computed is the
cross-correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

BLOCK = 200_000  # numbers of gathered windows held at once


class Layer(NamedTuple):
    """What a convolution or a pooling does to places: size of its window, step, spacing inside the
    window.
    """

    k: int
    stride: int = 1
    dilation: int = 1


def out_size(n: int, k: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> int:
    """Number of places a window of k taps fits on n samples: floor((n + 2 pad - dilation (k - 1) -
    1) / stride) + 1.

    Raises
    ------
    ValueError
        If the window is longer than the padded signal, or a number is out of range.

    Examples
    --------
    >>> out_size(8, 3), out_size(8, 3, stride=2, pad=1), out_size(8, 3, dilation=3)
    (6, 4, 2)
    """
    if min(n, k, stride, dilation) < 1 or pad < 0:
        raise ValueError(
            f"need n, k, stride, dilation >= 1 and pad >= 0, got n={n}, k={k}, stride={stride},"
            f" dilation={dilation}, pad={pad}"
        )
    reach = dilation * (k - 1) + 1
    if reach > n + 2 * pad:
        raise ValueError(
            f"a window that spans {reach} does not fit on {n} samples with padding {pad}; pad more"
            " or use a smaller kernel"
        )
    return (n + 2 * pad - reach) // stride + 1


def receptive_field(layers: Sequence[Layer]) -> int:
    """How many inputs in a row one output of a stack can see: r <- r + (k - 1) dilation (product of
    earlier strides).

    Examples
    --------
    >>> (
    ...     receptive_field([Layer(3), Layer(3)]),
    ...     receptive_field([Layer(3), Layer(2, stride=2), Layer(3)]),
    ... )
    (5, 8)
    """
    field = 1
    step = 1
    for k, stride, dilation in layers:
        if min(k, stride, dilation) < 1:
            raise ValueError(f"k, stride and dilation must be >= 1, got {(k, stride, dilation)}")
        field += (k - 1) * dilation * step
        step *= stride
    return field


def toeplitz(w: ArrayLike, n: int) -> Array:
    """The matrix (n - k + 1, n) whose product with a signal (n,) is its correlation with w (k,).

    Examples
    --------
    >>> toeplitz([-1.0, 1.0], 4).astype(int).tolist()
    [[-1, 1, 0, 0], [0, -1, 1, 0], [0, 0, -1, 1]]
    """
    taps = np.asarray(w, dtype=float)
    if taps.ndim != 1:
        raise ValueError(f"w must have one axis, got the shape {taps.shape}")
    T = np.zeros((out_size(n, taps.size), n))
    for i, row in enumerate(T):
        row[i : i + taps.size] = taps
    return T


def _four(x: ArrayLike, name: str) -> Array:
    values = np.asarray(x)
    values = values if values.dtype.kind == "f" else values.astype(float)
    if values.ndim != 4 or not values.size:
        raise ValueError(
            f"{name} must be a non-empty array with four axes, got the shape {values.shape}"
        )
    return values


def im2col(
    x: ArrayLike, k: tuple[int, int], stride: int = 1, pad: int = 0, dilation: int = 1
) -> Array:
    """All windows as columns: x (N, C, H, W) to (N, C, kh, kw, H', W'), a copy.

    Examples
    --------
    >>> im2col([[[[1.0, 2.0, 3.0]]]], (1, 2))[0, 0, 0].tolist()
    [[[1.0, 2.0]], [[2.0, 3.0]]]
    """
    values = _four(x, "x")
    N, C, H, W = values.shape
    rows = out_size(H, k[0], stride, pad, dilation)
    cols = out_size(W, k[1], stride, pad, dilation)
    if pad:
        values = np.pad(values, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.empty((N, C, *k, rows, cols), dtype=values.dtype)
    for i in range(k[0]):  # a handful of strided copies, each over the whole batch
        for j in range(k[1]):
            out[:, :, i, j] = values[:, :, i * dilation :, j * dilation :][
                :, :, : (rows - 1) * stride + 1 : stride, : (cols - 1) * stride + 1 : stride
            ]
    return out


def col2im(
    cols: Array, shape: tuple[int, ...], stride: int = 1, pad: int = 0, dilation: int = 1
) -> Array:
    """The adjoint of `im2col`: windows (N, C, kh, kw, H', W') added back into their places, (N, C,
    H, W).
    """
    N, C, H, W = shape
    kh, kw, rows, columns = cols.shape[2:]
    out = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dtype=cols.dtype)
    for i in range(kh):
        for j in range(kw):
            out[:, :, i * dilation :, j * dilation :][
                :, :, : (rows - 1) * stride + 1 : stride, : (columns - 1) * stride + 1 : stride
            ] += cols[:, :, i, j]
    return out[:, :, pad : pad + H, pad : pad + W]


def _weights(w: ArrayLike, C: int, groups: int) -> Array:
    taps = _four(w, "w")
    if groups < 1 or C % groups or taps.shape[0] % groups:
        raise ValueError(
            f"{groups} groups must divide both {C} input and {taps.shape[0]} output channels"
        )
    if taps.shape[1] != C // groups:
        raise ValueError(
            f"w has {taps.shape[1]} input channels, x has {C} in {groups} group(s), so"
            f" {C // groups} are needed"
        )
    return taps


def conv2d(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int = 1,
    pad: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """Cross-correlate a batch of maps with a bank of kernels.

    Parameters
    ----------
    x : array_like (N, C, H, W)
    w : array_like (K, C / groups, kh, kw)
    b : array_like (K,), optional
    stride, pad, dilation, groups : int
        Step of the window; zeros on each side; spacing of its taps; independent slices of the
        channels.

    Returns
    -------
    array (N, K, H', W') with H', W' from `out_size`, in the precision of x.

    Examples
    --------
    >>> conv2d([[[[0.0, 0.0, 1.0, 1.0]]]], [[[[-1.0, 1.0]]]])[0, 0].tolist()
    [[0.0, 1.0, 0.0]]
    """
    values = _four(x, "x")
    N, C = values.shape[:2]
    taps = _weights(w, C, groups).astype(values.dtype, copy=False)
    K, each, kh, kw = taps.shape
    rows = out_size(values.shape[2], kh, stride, pad, dilation)
    columns = out_size(values.shape[3], kw, stride, pad, dilation)
    y = np.empty((N, groups, K // groups, rows * columns), dtype=values.dtype)
    bank = taps.reshape(groups, K // groups, -1)
    # images whose windows stay in the cache, and the memory bounded
    some = max(1, BLOCK // (C * kh * kw * rows * columns))
    for n in range(0, N, some):
        cols = im2col(values[n : n + some], (kh, kw), stride, pad, dilation)
        np.matmul(
            bank,
            cols.reshape(len(cols), groups, each * kh * kw, rows * columns),
            out=y[n : n + some],
        )
    y = y.reshape(N, K, rows, columns)
    if b is not None:
        shift = np.asarray(b, dtype=values.dtype)
        if shift.shape != (K,):
            raise ValueError(
                f"b must have the shape ({K},), one per output channel, got {shift.shape}"
            )
        y += shift[:, None, None]
    return y


def conv2d_backward(
    dy: Array,
    x: ArrayLike,
    w: ArrayLike,
    stride: int = 1,
    pad: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """(dx, dw, db) in the shapes of x, w and b, given the gradient dy (N, K, H', W') of the
    output.
    """
    values = _four(x, "x")
    N, C = values.shape[:2]
    taps = _weights(w, C, groups)
    K, each, kh, kw = taps.shape
    cols = im2col(values, (kh, kw), stride, pad, dilation)
    rows, columns = cols.shape[-2:]
    if dy.shape != (N, K, rows, columns):
        raise ValueError(
            f"the output has the shape {(N, K, rows, columns)}, its gradient {dy.shape}"
        )
    flat = cols.reshape(N, groups, each * kh * kw, rows * columns)
    g = dy.reshape(N, groups, K // groups, rows * columns)
    dw = (g @ flat.swapaxes(-1, -2)).sum(0).reshape(taps.shape)
    dcols = taps.reshape(groups, K // groups, -1).swapaxes(-1, -2) @ g
    return (
        col2im(dcols.reshape(cols.shape), values.shape, stride, pad, dilation),
        dw,
        dy.sum((0, 2, 3)),
    )


def conv1d(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: int = 1,
    pad: int = 0,
    dilation: int = 1,
) -> Array:
    """`conv2d` for signals: x (N, C, L), w (K, C, k) to (N, K, L').

    Examples
    --------
    >>> conv1d([[[0.0, 0.0, 0.0, 1.0, 1.0]]], [[[-1.0, 1.0]]])[0, 0].tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    signal = np.asarray(x, dtype=float)
    taps = np.asarray(w, dtype=float)
    if signal.ndim != 3 or taps.ndim != 3:
        raise ValueError(
            f"need x (N, C, L) and w (K, C, k), got the shapes {signal.shape} and {taps.shape}"
        )
    if stride < 1 or pad < 0:
        raise ValueError(f"need stride >= 1 and pad >= 0, got stride={stride} and pad={pad}")
    if pad:
        signal = np.pad(signal, ((0, 0), (0, 0), (pad, pad)))
    y = conv2d(signal[:, :, None], taps[:, :, None], b, 1, 0, dilation)[:, :, 0]
    return y[:, :, ::stride]


def conv_transpose2d(y: ArrayLike, w: ArrayLike, stride: int = 1, pad: int = 0) -> Array:
    """The adjoint of `conv2d` as a layer: y (N, K, H', W'), w (K, C, kh, kw) to (N, C, H, W), H =
    (H' - 1) stride + kh - 2 pad.

    It undoes the *shape* of a convolution and not its values.

    Examples
    --------
    >>> conv_transpose2d([[[[1.0, 2.0]]]], [[[[1.0, 1.0]]]])[0, 0].tolist()
    [[1.0, 3.0, 2.0]]
    """
    values = _four(y, "y")
    N, K, rows, columns = values.shape
    taps = _four(w, "w")
    if taps.shape[0] != K:
        raise ValueError(f"y has {K} channels, w expects {taps.shape[0]}")
    if stride < 1 or pad < 0:
        raise ValueError(f"need stride >= 1 and pad >= 0, got stride={stride} and pad={pad}")
    C, kh, kw = taps.shape[1:]
    shape = (N, C, (rows - 1) * stride + kh - 2 * pad, (columns - 1) * stride + kw - 2 * pad)
    if min(shape) < 1:
        raise ValueError(
            f"a padding of {pad} leaves an output of {shape[2]} x {shape[3]}; pad less, or use a"
            " larger kernel or stride"
        )
    cols = taps.reshape(K, -1).T @ values.reshape(N, K, -1)
    return col2im(cols.reshape(N, C, kh, kw, rows, columns), shape, stride, pad)


def max_pool2d(x: ArrayLike, k: int, stride: int | None = None) -> tuple[Array, Array]:
    """Largest entry of each k x k window, x (N, C, H, W) to (N, C, H', W'), and where it stood
    (flat index in its window).

    Examples
    --------
    >>> y, at = max_pool2d([[[[1.0, 5.0], [2.0, 3.0]]]], 2)
    >>> y.item(), at.item()
    (5.0, 1)
    """
    values = _four(x, "x")
    step = k if stride is None else stride
    for n in values.shape[2:]:
        out_size(n, k, step)
    windows = sliding_window_view(values, (k, k), axis=(2, 3))[:, :, ::step, ::step]
    flat = windows.reshape(*windows.shape[:4], k * k)
    at = flat.argmax(-1)
    return np.take_along_axis(flat, at[..., None], -1)[..., 0], at


def max_pool2d_backward(
    dy: Array, at: Array, shape: tuple[int, ...], k: int, stride: int | None = None
) -> Array:
    """The gradient of each window goes to the entry that was largest: dy (N, C, H', W') to (N, C,
    H, W).
    """
    if dy.shape != at.shape:
        raise ValueError(f"the output has the shape {at.shape}, its gradient {dy.shape}")
    marks = (np.arange(k * k) == at[..., None]) * dy[..., None]  # (N, C, H', W', kk)
    N, C, rows, columns = dy.shape
    return col2im(
        marks.transpose(0, 1, 4, 2, 3).reshape(N, C, k, k, rows, columns),
        shape,
        k if stride is None else stride,
    )


def avg_pool2d(x: ArrayLike, k: int) -> Array:
    """Mean of each k x k window without overlap, (N, C, H, W) to (N, C, H // k, W // k)."""
    values = _four(x, "x")
    N, C, H, W = values.shape
    rows = out_size(H, k, k)
    columns = out_size(W, k, k)
    return values[:, :, : rows * k, : columns * k].reshape(N, C, rows, k, columns, k).mean((3, 5))
