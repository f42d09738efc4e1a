"""Penalties on the weights of a linear model: ridge, lasso, elastic net, their paths and their
optimality conditions.

Read with `book/learning/regularization.md`. X (n, d), y (n,), weights w (d,), intercept b. The
objectives are scikit-learn's: ridge |y - Xw - b|^2 + lam |w|^2;  elastic net |y - Xw - b|^2 / 2n +
lam (mix |w|_1 + (1 - mix) |w|^2 / 2). The intercept is never penalised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def _data(X: ArrayLike, y: ArrayLike, lam: float) -> tuple[Array, Array, Array, float]:
    """Centred data and what was taken off."""
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
    middle = A.mean(0)
    level = float(t.mean())
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
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    keep = s > s[0] * 1e-12 * max(A.shape) if s[0] > 0 else np.zeros_like(s, dtype=bool)
    factor = np.where(keep, s / np.where(keep, s * s + lam, 1.0), 0.0)
    w = Vt.T @ (factor * (U.T @ t))
    return w, level - float(middle @ w)


def ridge_df(X: ArrayLike, lam: float) -> float:
    """Effective degrees of freedom of ridge, the sum of s^2 / (s^2 + lam) over the singular values
    of the centred X.

    Examples
    --------
    >>> round(ridge_df([[-1.0], [1.0]], 2.0), 6)
    0.5
    """
    A, *_ = _data(X, np.zeros(len(np.asarray(X))), lam)
    s2 = np.linalg.svd(A, compute_uv=False) ** 2
    s2 = s2[s2 > 1e-20 * max(float(s2[0]), 1e-300)]
    return float((s2 / (s2 + lam)).sum())


def soft_threshold(z: ArrayLike, t: ArrayLike) -> Array:
    """sign(z) max(|z| - t, 0): the minimiser of (w - z)^2 / 2 + t |w|.

    Examples
    --------
    >>> soft_threshold([3.0, -0.5, -2.0], 1.0).tolist()
    [2.0, 0.0, -1.0]
    """
    if (np.asarray(t) < 0).any():
        raise ValueError(f"the threshold must be at least 0, got {t!r}")
    return np.sign(z) * np.maximum(np.abs(z) - t, 0) + 0.0


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
    fall = c.copy()  # fall = X^T (y - Xw) / n
    for _ in range(max_sweeps):
        largest = 0.0
        for j in np.flatnonzero(np.diag(G) > 0):
            z = fall[j] + G[j, j] * w[j]
            new = float(np.sign(z) * max(abs(z) - lam * mix, 0.0)) / (G[j, j] + lam * (1 - mix))
            change = new - w[j]
            if change:
                fall -= G[:, j] * change
                w[j], largest = new, max(largest, abs(change))
        if largest <= tol * max(float(np.abs(w).max()), 1e-300):
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
    L = float(np.linalg.norm(A, 2) ** 2 / n) or 1.0
    w = np.zeros(A.shape[1])
    for _ in range(steps):
        w = soft_threshold(w - A.T @ (A @ w - t) / (n * L), lam / L)
    return w, level - float(middle @ w)


def kkt_gap(X: ArrayLike, y: ArrayLike, w: ArrayLike, lam: float, mix: float = 1.0) -> float:
    """How far w is from the conditions of the elastic net's optimum, 0 at the optimum.

    With c = X^T (y - Xw) / n - lam (1 - mix) w, centred: |c_j| <= lam mix where w_j = 0, and c_j =
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

    Homotopy: solve for the columns in play, move until a column joins or a weight meets zero (Efron
    et al., 2004; Osborne et al., 2000).

    Examples
    --------
    >>> lams, W = lasso_corners([[-1.0], [1.0]], [-1.0, 1.0])
    >>> lams.tolist(), W.ravel().tolist()
    ([1.0, 0.0], [0.0, 1.0])
    """
    A, t, *_ = _data(X, y, 0.0)
    n, d = A.shape
    G = A.T @ A / n
    c = A.T @ t / n
    lam = float(np.abs(c).max())
    w = np.zeros(d)
    active = [int(np.abs(c).argmax())] if lam > 0 else []
    lams = [lam]
    path = [w.copy()]
    gone = -1
    floor = lam * 1e-9
    barred: list[int] = []
    while lam > floor and active:
        sign = np.sign(c[active])
        slope = np.linalg.solve(G[np.ix_(active, active)], sign)
        a = G[:, active] @ slope  # c falls by a for each unit by which lam falls
        out = np.setdiff1d(np.arange(d), active)
        with np.errstate(divide="ignore", invalid="ignore"):
            joins = np.stack([(lam - c[out]) / (1 - a[out]), (lam + c[out]) / (1 + a[out])])
            drops = -w[active] / slope
        joins[~(joins > lam * 1e-12)] = np.inf  # also NaN
        joins[:, np.isin(out, barred)] = np.inf
        joins[:, out == gone] = np.where(
            joins[:, out == gone] < lam * 1e-8, np.inf, joins[:, out == gone]
        )
        drops[~(drops > lam * 1e-12)] = np.inf
        nearest, soonest = (float(e.min()) if e.size else np.inf for e in (joins, drops))
        move = min(nearest, soonest, lam)
        gone = -1
        w[active] += move * slope
        lam = lam - move
        c = c - move * a
        if move == soonest:
            gone = active.pop(int(drops.argmin()))
            w[gone] = 0.0
            barred.clear()
        elif move == nearest:
            new = int(out[joins.min(0).argmin()])
            rest = G[new, new] - G[new, active] @ np.linalg.solve(
                G[np.ix_(active, active)], G[active, new]
            )
            # a column that is a sum of those in play (rest 0) adds nothing that they cannot say
            (active if rest > 1e-10 * G[new, new] else barred).append(new)
        lams.append(lam if lam > floor else 0.0)
        path.append(w.copy())
    return np.array(lams), np.array(path)


def lasso_path(X: ArrayLike, y: ArrayLike, lams: ArrayLike) -> Array:
    """Lasso weights (L, d) at each penalty, read off the corners of the path.

    Examples
    --------
    >>> lasso_path([[-1.0], [1.0]], [-1.0, 1.0], [2.0, 0.25]).tolist()
    [[0.0], [0.75]]
    """
    at = np.asarray(lams, dtype=float)
    if at.ndim != 1 or not at.size or (at < 0).any():
        raise ValueError(f"need penalties (L,) of at least 0, got {lams!r}")
    corners, W = lasso_corners(X, y)
    place = (
        np.clip(np.searchsorted(-corners, -at), 1, len(corners) - 1)
        if len(corners) > 1
        else np.zeros(len(at), dtype=int)
    )
    if len(corners) == 1:
        return np.repeat(W, len(at), axis=0)
    high = corners[place - 1]
    low = corners[place]
    part = np.clip((high - at) / (high - low), 0, 1)[:, None]
    return W[place - 1] * (1 - part) + W[place] * part
