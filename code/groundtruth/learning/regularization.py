"""Penalties on the weights of a linear model: ridge, lasso, elastic net, their paths and their
optimality conditions.

Read with book/learning/regularization.md.

X (n, d), y (n,), weights w (d,), intercept b. The objectives are scikit-learn's: ridge |y - Xw -
b|^2 + lam |w|^2; elastic net |y - Xw - b|^2 / 2n + lam (mix |w|_1 + (1 - mix) |w|^2 / 2). The
intercept is never penalized.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from groundtruth.arrays import Array, binary_scale


def _data(X: ArrayLike, y: ArrayLike, lam: float) -> tuple[Array, Array, Array, float]:
    """Centered data and what was taken off."""
    A = np.asarray(X, dtype=float)
    t = np.asarray(y, dtype=float)
    if A.ndim != 2 or not A.size or t.shape != A.shape[:1]:
        raise ValueError(
            f"need X (n, d) and y (n,) with at least one row and column, got {A.shape} and"
            f" {t.shape}"
        )
    if not np.isfinite(A).all() or not np.isfinite(t).all():
        raise ValueError("X and y must be finite; fill or drop missing values first")
    if not 0 <= lam < np.inf:
        raise ValueError(f"the penalty must be a finite number of at least 0, got {lam}")
    # the mean of equal numbers may differ from them by rounding, which must not become a column
    middle = np.where(A.min(0) == A.max(0), A[0], A.mean(0))
    level = float(t[0] if t.min() == t.max() else t.mean())
    return A - middle, t - level, middle, level


def ridge(X: ArrayLike, y: ArrayLike, lam: float) -> tuple[Array, float]:
    """Weights (d,) and intercept of ridge regression, by the singular values of X (Hoerl and
    Kennard, 1970).

    Examples
    --------
    >>> ridge([[-1.0], [1.0]], [-1.0, 1.0], 2.0)[0].round(6).tolist()
    [0.5]
    """
    A, t, middle, level = _data(X, y, lam)
    if _badly_scaled(A):
        Q, R, scale = _augmented(A, lam)
        w = solve_triangular(R, Q.T @ t) / scale
    else:
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
        used = s > 0 if lam > 0 else s > s[0] * 1e-12 * max(A.shape)
        factor = np.where(used, s / np.where(used, s * s + lam, 1.0), 0.0)
        w = Vt.T @ (factor * (U.T @ t))
    return w, level - float(middle @ w)


def _badly_scaled(A: Array) -> bool:
    """Whether columns differ so much in size that a small singular value is another's rounding."""
    norms = np.linalg.norm(A / binary_scale(A), axis=0)
    norms = norms[norms > 0]
    return bool(norms.size) and bool(norms.max() > 1e5 * norms.min())


def _augmented(A: Array, lam: float) -> tuple[Array, Array, Array]:
    """QR of A over sqrt(lam) I with columns of comparable size: the rows Q (n, d) of A, R (d, d)
    and the scale (d,) of the columns.

    Householder's method works column by column, so their units do not matter.
    """
    n, d = A.shape
    both = np.vstack([A, np.sqrt(lam) * np.eye(d)])
    scale = binary_scale(both, axis=0, normal=1.0)[0]
    Q, R = np.linalg.qr(both / scale)
    if (np.abs(np.diag(R)) <= 1e-13 * np.linalg.norm(R, axis=0)).any():
        raise ValueError(
            "the columns differ in size by more than 1e5 and depend on each other; scale them to"
            " comparable sizes or use a larger penalty"
        )
    return Q[:n], R, scale


def ridge_df(X: ArrayLike, lam: float) -> float:
    """Effective degrees of freedom of ridge, the sum of s^2 / (s^2 + lam) over the singular values
    of the centered X.

    Examples
    --------
    >>> round(ridge_df([[-1.0], [1.0]], 2.0), 6)
    0.5
    """
    A, *_ = _data(X, np.zeros(len(np.asarray(X))), lam)
    if not A.any():
        return 0.0
    if _badly_scaled(A):
        return float((_augmented(A, lam)[0] ** 2).sum())
    s = np.linalg.svd(A, compute_uv=False)
    if lam == 0:
        return float((s > 1e-10 * s[0]).sum())
    return float((s * s / (s * s + lam)).sum())


def soft_threshold(z: ArrayLike, t: ArrayLike) -> Array:
    """sign(z) max(|z| - t, 0): the minimizer of (w - z)^2 / 2 + t |w|.

    Raises
    ------
    ValueError
        For a threshold below 0 or NaN.

    Examples
    --------
    >>> soft_threshold([3.0, -0.5, -2.0], 1.0).tolist()
    [2.0, 0.0, -1.0]
    """
    if not (np.asarray(t) >= 0).all():
        raise ValueError(f"the threshold must be at least 0, got {t!r}")
    x = np.asarray(z, dtype=float)  # small integers would wrap around
    return np.sign(x) * np.maximum(np.abs(x) - t, 0) + 0.0


def elastic_net(
    X: ArrayLike,
    y: ArrayLike,
    lam: float,
    mix: float = 1.0,
    tol: float = 1e-10,
    max_sweeps: int = 10_000,
) -> tuple[Array, float]:
    """Weights and intercept of the elastic net by cyclic coordinate descent; mix = 1 is the lasso
    (Friedman, Hastie and Tibshirani, 2010).

    Raises
    ------
    FloatingPointError
        When a sweep still moves a weight by more than tol times the largest after `max_sweeps`.

    Examples
    --------
    >>> elastic_net([[-1.0], [1.0]], [-1.0, 1.0], 0.25)[0].tolist()
    [0.75]
    """
    if not 0 <= mix <= 1:
        raise ValueError(f"mix must lie between 0 (ridge) and 1 (lasso), got {mix}")
    A, t, middle, level = _data(X, y, lam)
    n, d = A.shape
    G = A.T @ A / n
    c = A.T @ t / n  # (d, d), (d,): what the sweeps need to know of the data
    w = np.zeros(d)
    fall = c.copy()  # X^T (y - Xw) / n
    size = np.sqrt(np.diag(G))  # what a unit of a weight moves in the predictions
    for _ in range(max_sweeps):
        largest = 0.0
        for j in np.flatnonzero(size > 0):
            z = fall[j] + G[j, j] * w[j]
            new = float(np.sign(z) * max(abs(z) - lam * mix, 0.0)) / (G[j, j] + lam * (1 - mix))
            change = new - w[j]
            if change:
                fall -= G[:, j] * change
                w[j] = new
                largest = max(largest, abs(change) * size[j])
        if largest <= tol * max(float((np.abs(w) * size).max()), 1e-300):
            return w, level - float(middle @ w)
    raise FloatingPointError(
        f"no convergence in {max_sweeps} sweeps: scale the columns, or allow more sweeps or a"
        f" larger tol than {tol:g}"
    )


def ista(X: ArrayLike, y: ArrayLike, lam: float, steps: int) -> tuple[Array, float]:
    """Lasso by proximal gradient steps: descend, then threshold (Daubechies, Defrise and De Mol,
    2004).

    Examples
    --------
    >>> ista([[-1.0], [1.0]], [-1.0, 1.0], 0.25, 1)[0].round(6).tolist()
    [0.75]
    """
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps}")
    A, t, middle, level = _data(X, y, lam)
    n = len(A)
    L = float(np.linalg.norm(A, 2) ** 2 / n) or 1.0  # for a table of zeros any step will do
    w = np.zeros(A.shape[1])
    for _ in range(steps):
        w = soft_threshold(w - A.T @ (A @ w - t) / (n * L), lam / L)
    return w, level - float(middle @ w)


def kkt_gap(X: ArrayLike, y: ArrayLike, w: ArrayLike, lam: float, mix: float = 1.0) -> float:
    """How far w is from the conditions of the elastic net's optimum, 0 at the optimum.

    With c = X^T (y - Xw) / n - lam (1 - mix) w, centered: |c_j| <= lam mix where w_j = 0, and c_j =
    lam mix sign(w_j) elsewhere.

    Examples
    --------
    >>> kkt_gap([[-1.0], [1.0]], [-1.0, 1.0], [0.75], 0.25)
    0.0
    """
    A, t, *_ = _data(X, y, lam)
    v = np.asarray(w, dtype=float)
    if v.shape != (A.shape[1],):
        raise ValueError(f"need one weight per column, shape ({A.shape[1]},), got {v.shape}")
    c = A.T @ (t - A @ v) / len(A) - lam * (1 - mix) * v
    return float(
        np.where(
            v == 0, np.maximum(np.abs(c) - lam * mix, 0), np.abs(c - lam * mix * np.sign(v))
        ).max()
    )


def lasso_corners(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """The lasso's whole path: penalties (m,), falling to 0, and weights (m, d) at its corners,
    straight lines between them.

    Homotopy (Efron et al., 2004; Osborne et al., 2000): at each corner find the direction in which
    the weights move, then follow it until a column joins or a weight meets zero. Of several equally
    good paths (columns that depend on each other) one is returned.

    Examples
    --------
    >>> lams, W = lasso_corners([[-1.0], [1.0]], [-1.0, 1.0])
    >>> lams.tolist(), W.ravel().round(9).tolist()
    ([1.0, 0.0], [0.0, 1.0])
    """
    A, t, *_ = _data(X, y, 0.0)
    n, d = A.shape
    w = np.zeros(d)
    c = A.T @ t / n
    top = float(np.abs(c).max())
    lam = top
    lams = [lam]
    path = [w.copy()]
    floor = top * 1e-9
    limit = 50 * (n + d) + 1000
    while lam > floor:
        if len(lams) > limit:
            raise FloatingPointError(
                f"no end of the path in {limit} corners: scale the columns, or use elastic_net"
            )
        residual = t - A @ w
        c = A.T @ residual / n
        tied = np.abs(c) >= lam * (1 - 1e-10) - 1e-13 * top
        slope = _direction(A, residual / lam, w, tied)
        a = A.T @ (A @ slope) / n  # c falls by a for each unit by which lam falls
        zero = (w == 0) & (slope == 0)
        move = min(_next_join(c[zero], a[zero], lam, tied[zero]), _next_drop(w, slope), lam)
        before = w
        w = w + move * slope
        w[(before != 0) & (before * w <= np.abs(before) * 1e-12 * np.abs(move * slope))] = 0.0
        lam = lam - move
        lams.append(lam if lam > floor else 0.0)
        path.append(w.copy())
    return np.array(lams), np.array(path)


def _direction(A: Array, target: Array, w: Array, tied: NDArray[np.bool_]) -> Array:
    """How the weights (d,) move as the penalty falls by one: least squares of the residual over the
    penalty on the tied columns.

    A weight that is zero may only move to the side of its correlation; with several columns that
    tie at once, some of them stay at zero, and which ones is decided by the same conditions.
    """
    n = len(A)
    free = np.flatnonzero(w != 0)
    entering = np.flatnonzero(tied & (w == 0))
    slope = np.zeros(len(w))
    sign = np.sign(A[:, entering].T @ target)
    norms = np.linalg.norm(A, axis=0)
    basis = np.linalg.qr(A[:, free] / norms[free])[0]
    columns = A[:, entering] / norms[entering] * sign
    for _ in range(2):  # the second pass removes the rounding of the first
        columns = columns - basis @ (basis.T @ columns)
    # a sum of the free columns adds nothing that they cannot say
    columns[:, np.linalg.norm(columns, axis=0) < 1e-7] = 0.0
    rest = target - basis @ (basis.T @ target)
    if entering.size:
        moved, _ = nnls(columns, rest, maxiter=30 * max(n, entering.size))
        slope[entering] = moved * sign / norms[entering]
    if free.size:
        left = target - A[:, entering] @ slope[entering]
        slope[free] = np.linalg.lstsq(A[:, free] / norms[free], left, rcond=None)[0] / norms[free]
    return slope


def _next_join(c: Array, a: Array, lam: float, resting: NDArray[np.bool_]) -> float:
    """How far the penalty falls until the correlation of a column whose weight is zero equals it.

    A column that rests although its correlation equals the penalty can only join on the other side.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        upper = (lam - c) / (1 - a)
        lower = (lam + c) / (1 + a)
    upper[resting & (c > 0)] = np.inf
    lower[resting & (c < 0)] = np.inf
    moves = np.concatenate([upper, lower])
    return float(moves[moves > 0].min(initial=np.inf))  # leaves out NaN


def _next_drop(w: Array, slope: Array) -> float:
    """How far the penalty falls until a weight meets zero."""
    shrinking = w * slope < 0
    return float((-w[shrinking] / slope[shrinking]).min(initial=np.inf))


def lasso_path(X: ArrayLike, y: ArrayLike, lams: ArrayLike) -> Array:
    """Lasso weights (L, d) at each penalty, read off the corners of the path.

    Examples
    --------
    >>> lasso_path([[-1.0], [1.0]], [-1.0, 1.0], [2.0, 0.25]).round(9).tolist()
    [[0.0], [0.75]]
    """
    at = np.asarray(lams, dtype=float)
    if at.ndim != 1 or not at.size or (at < 0).any():
        raise ValueError(f"need penalties (L,) of at least 0, got {lams!r}")
    corners, W = lasso_corners(X, y)
    corner = (
        np.clip(np.searchsorted(-corners, -at), 1, len(corners) - 1)
        if len(corners) > 1
        else np.zeros(len(at), dtype=int)
    )
    if len(corners) == 1:
        return np.repeat(W, len(at), axis=0)
    high = corners[corner - 1]
    low = corners[corner]
    part = np.clip((high - at) / (high - low), 0, 1)[:, None]
    return W[corner - 1] * (1 - part) + W[corner] * part
