"""Linear, logistic and softmax regression and the perceptron.

Read with book/learning/linear-models.md.

X (n, d); coefficients (d + 1,), the intercept first; labels 0/1 or 0..K-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from scipy.stats import t as student

from groundtruth.arrays import Array, binary_scale
from groundtruth.functional import log_softmax, sigmoid, softplus

SMALL = 2.0**-10  # columns of a size between this and its inverse are left in their units


def design(X: ArrayLike) -> Array:
    """A column of ones in front of X (n, d): (n, d + 1).

    Examples
    --------
    >>> design([[2.0], [3.0]]).tolist()
    [[1.0, 2.0], [1.0, 3.0]]
    """
    table = np.asarray(X, dtype=float)
    if table.ndim != 2 or not table.size:
        raise ValueError(
            f"need a table (n, d) with n, d >= 1, got shape {table.shape}; one column is X[:, None]"
        )
    if not np.isfinite(table).all():
        raise ValueError("the table holds NaN or infinity; fill or drop those rows first")
    return np.hstack([np.ones((len(table), 1)), table])


def _with_target(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    A = design(X)
    target = np.asarray(y, dtype=float)
    if target.shape != (len(A),) or not np.isfinite(target).all():
        raise ValueError(f"need one finite target per row: shape ({len(A)},), got {target.shape}")
    return A, target


def ols(X: ArrayLike, y: ArrayLike) -> Array:
    """Least squares by QR: coefficients (d + 1,), the intercept first.

    Raises
    ------
    ValueError
        If columns are linearly dependent (to rounding): the coefficients are then not determined.

    Examples
    --------
    >>> ols([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).round(9).tolist()
    [1.0, 2.0]
    """
    A, target = _with_target(X, y)
    Q, inverse = _factor(A)
    return inverse @ (Q.T @ target)


def _factor(A: Array) -> tuple[Array, Array]:
    """Orthonormal columns Q (n, p) of the design A (n, p), and the matrix (p, p) that takes Q'y to
    the coefficients.

    Units and offsets of the columns must decide neither the rank nor the digits, so columns are
    scaled by powers of two, and one that lies far from zero is shifted to its first value.
    """
    n, p = A.shape
    if n < p:
        raise ValueError(
            f"{p} coefficients need at least as many rows, got {n}; drop columns or add a penalty"
        )
    shift, scale = _shift_and_scale(A)
    Q, R = np.linalg.qr((A - shift) / scale)  # (n, p), (p, p)
    norms = np.linalg.norm(R, axis=0)  # of the scaled columns
    part = np.abs(np.diag(R)) / np.where(norms > 0, norms, 1.0)  # what those before do not explain
    if part.min() <= 1e-13:
        raise ValueError(
            f"column {int(part.argmin())} of [1, X] depends on those before it; drop it or add a"
            " penalty"
        )
    inverse = solve_triangular(R, np.eye(p)) / scale[:, None]
    inverse[0] -= shift @ inverse  # the intercept in the columns' own units
    return Q, inverse


def _shift_and_scale(A: Array) -> tuple[Array, Array]:
    """Per column (p,) of a design [1, X]: an offset to subtract, mostly 0, and a power of two."""
    center = A.mean(axis=0)
    width = np.ptp(A, axis=0)
    # a column that does not vary keeps its values, and is found to depend on the intercept
    far = (np.abs(center) > 1e3 * width) & (width > 0)
    shift = np.where(far, A[0], 0.0)
    return shift, binary_scale(A - shift, axis=0, normal=1.0)[0]


@dataclass(frozen=True)
class Summary:
    """What least squares says about its own coefficients; all (d + 1,) unless stated.

    coef, se, t : coefficient, standard error, their ratio
    low, high : confidence limits
    sigma, r2 : residual standard deviation (divisor n - d - 1) and part of the variance explained,
        numbers; r2 is NaN for targets that do not vary
    leverage, cook : (n,) weight of each row in its own prediction, and its influence on all of them
    """

    coef: Array
    se: Array
    t: Array
    low: Array
    high: Array
    sigma: float
    r2: float
    leverage: Array
    cook: Array


def ols_summary(X: ArrayLike, y: ArrayLike, level: float = 0.95) -> Summary:
    """Least squares with standard errors under independent errors of one variance.

    Examples
    --------
    >>> ols_summary([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.1, 1.9, 3.0]).coef.round(2).tolist()
    [0.03, 0.98]
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    A, target = _with_target(X, y)
    n, p = A.shape
    if n <= p:
        raise ValueError(f"standard errors of {p} coefficients need more than {p} rows, got {n}")
    Q, inverse = _factor(A)
    coef = inverse @ (Q.T @ target)
    residual = target - A @ coef
    leverage = (Q**2).sum(axis=1)  # the diagonal of the hat matrix Q Q'
    variance = residual @ residual / (n - p)
    row_scale = binary_scale(inverse, axis=1)  # squares of huge and of tiny rows stay in range
    se = np.sqrt(variance * ((inverse / row_scale) ** 2).sum(axis=1)) * row_scale[:, 0]
    wide = student.ppf(0.5 + level / 2, n - p) * se
    total = float(((target - target.mean()) ** 2).sum())
    varies = target.min() < target.max()
    explained = float(1 - residual @ residual / total) if varies else float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        cook = residual**2 / (p * variance) * leverage / (1 - leverage) ** 2
        ratio = coef / se
    return Summary(
        coef,
        se,
        ratio,
        coef - wide,
        coef + wide,
        float(np.sqrt(variance)),
        explained,
        leverage,
        cook,
    )


def vif(X: ArrayLike) -> Array:
    """Variance inflation factors (d,): 1 / (1 - R2) of each column regressed on the others; at
    least 1, infinite for a column that is a combination of others.

    Examples
    --------
    >>> vif([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).round(9).tolist()
    [1.0, 1.0]
    """
    table = design(X)[:, 1:]
    if table.shape[1] < 2 or (table.min(axis=0) == table.max(axis=0)).any():
        raise ValueError("need at least two columns, none of them constant")
    centered = table - table[0]
    centered = centered / binary_scale(centered, axis=0, normal=1.0)
    centered -= centered.mean(axis=0)
    centered /= np.linalg.norm(centered, axis=0)
    left = [
        _residual_norm(np.delete(centered, j, axis=1), column)
        for j, column in enumerate(centered.T)
    ]
    unexplained = np.array(left) ** 2
    # at rounding level nothing is left: an exact combination of the others
    rounding = (len(table) * np.finfo(float).eps) ** 2
    with np.errstate(divide="ignore"):
        return np.maximum(1.0, 1 / np.where(unexplained > rounding, unexplained, 0.0))


def _residual_norm(A: Array, t: Array) -> float:
    """Norm of what least squares on A (n, p) leaves of t (n,), whatever the rank of A."""
    U, s, _ = np.linalg.svd(A, full_matrices=False)
    basis = U[:, s > len(A) * np.finfo(float).eps * s[0]]
    for _ in range(2):  # the second pass removes the rounding of the first
        t = t - basis @ (basis.T @ t)
    return float(np.linalg.norm(t))


def _labels(y: ArrayLike, n: int) -> Array:
    label = np.asarray(y, dtype=float)
    if label.shape != (n,) or not np.isin(label, (0.0, 1.0)).all():
        raise ValueError(
            f"labels must be 0 or 1, one per row: shape ({n},), got shape {label.shape} with values"
            f" {np.unique(label)[:5]}"
        )
    return label


def logistic_loss(w: ArrayLike, A: Array, y: ArrayLike, l2: float = 0.0) -> tuple[float, Array]:
    """Mean of softplus(z) - y z with z = A w, plus l2/2 |w|^2 without the intercept; and its
    gradient (d + 1,).
    """
    theta = np.asarray(w, dtype=float)
    label = np.asarray(y, dtype=float)
    z = A @ theta
    free = np.append(0.0, theta[1:])
    return (
        float(np.mean(softplus(z) - label * z) + l2 / 2 * free @ free),
        A.T @ (sigmoid(z) - label) / len(A) + l2 * free,
    )


def logistic_gd(X: ArrayLike, y: ArrayLike, lr: float, steps: int, l2: float = 0.0) -> Array:
    """Coefficients (d + 1,) after `steps` of gradient descent from zero.

    Examples
    --------
    >>> logistic_gd([[-1.0], [1.0]], [0, 1], lr=1.0, steps=1).tolist()
    [0.0, 0.5]
    """
    A = design(X)
    label = _labels(y, len(A))
    if not 0 < lr < np.inf or steps < 0 or not 0 <= l2 < np.inf:
        raise ValueError(f"need lr > 0, steps >= 0 and l2 >= 0, got {lr}, {steps} and {l2}")
    w = np.zeros(A.shape[1])
    for _ in range(steps):
        w -= lr * (A.T @ (sigmoid(A @ w) - label) / len(A) + l2 * np.append(0.0, w[1:]))
    return w


def logistic_irls(
    X: ArrayLike, y: ArrayLike, l2: float = 0.0, tol: float = 1e-10
) -> tuple[Array, int]:
    """Logistic regression by Newton's method: coefficients (d + 1,) and the number of steps.

    Each step solves a weighted least-squares problem with weights p (1 - p), hence iteratively
    reweighted least squares (Green, 1984); a step that would raise the loss is halved.

    Raises
    ------
    ValueError
        If the classes are separable and l2 is 0: no finite coefficients are best.
    FloatingPointError
        With l2 > 0, if rounding in columns of very different sizes keeps it from converging.
    """
    A = design(X)
    label = _labels(y, len(A))
    if not 0 <= l2 < np.inf:
        raise ValueError(f"l2 must be >= 0, got {l2}")
    n, p = A.shape
    shift, scale = _shift_and_scale(A)
    ordinary = (scale >= SMALL) & (scale <= 1 / SMALL)
    scale = np.where(ordinary, 1.0, scale)  # ordinary columns are left as they are
    B = (A - shift) / scale  # (n, p): the same model, its weights v = scale w but for the intercept
    penalty = l2 * np.append(0.0, np.ones(p - 1)) / scale**2

    def objective(v: Array) -> tuple[float, Array]:
        z = B @ v
        value = np.mean(softplus(z) - label * z) + v @ (penalty * v) / 2
        return float(value), B.T @ (sigmoid(z) - label) / n + penalty * v

    v = np.zeros(p)
    loss, gradient = objective(v)
    for step in range(1, 101):
        s = sigmoid(B @ v)
        H = B.T @ (B * (s * (1 - s))[:, None]) / n + np.diag(penalty)  # (p, p)
        move = np.linalg.lstsq(H, gradient, rcond=None)[0]
        size = 1.0
        # near the optimum the losses differ by rounding only, and the whole step is the best one
        while objective(v - size * move)[0] > loss * (1 + 1e-12) and size > 1e-8:
            size /= 2
        v = v - size * move
        loss, gradient = objective(v)
        if l2 == 0 and loss < 1e-8:
            break
        if np.abs(gradient).max() < tol:
            w = v / scale
            w[0] -= shift @ w
            return w, step
    if l2:
        raise FloatingPointError("no convergence in 100 steps: standardize the columns")
    raise ValueError(
        "the loss falls without end: a line or plane separates the classes, so the weights grow for"
        " ever; use l2 > 0"
    )


def softmax_regression(X: ArrayLike, labels: ArrayLike, K: int, l2: float) -> Array:
    """Coefficients (d + 1, K) that minimize the mean cross-entropy plus l2/2 times all squared
    weights but the intercepts.

    With l2 > 0 the best weights are unique and sum to zero over the classes. The search is L-BFGS
    on the gradient A'(P - Y)/n.
    """
    A = design(X)
    label = np.asarray(labels)
    if (
        label.shape != (len(A),)
        or not np.issubdtype(label.dtype, np.integer)
        or label.min() < 0
        or label.max() >= K
    ):
        raise ValueError(
            f"labels must be whole numbers in [0, {K}), one per row, got shape {label.shape} and"
            f" type {label.dtype}"
        )
    if not 0 < l2 < np.inf:
        raise ValueError(f"l2 must be positive, got {l2}; without it the weights are not unique")
    n, p = A.shape
    Y = np.eye(K)[label]  # (n, K)
    scale = _shift_and_scale(A)[1]
    scale = np.where((scale >= SMALL) & (scale <= 1 / SMALL), 1.0, scale)[:, None]
    B = A / scale.T  # the same model with weights scale W, whose sizes are comparable
    penalty = l2 * np.append(0.0, np.ones(p - 1))[:, None] / scale**2

    def loss(flat: Array) -> tuple[float, Array]:
        W = flat.reshape(p, K)
        log_p = log_softmax(B @ W)  # (n, K)
        value = -(Y * log_p).sum() / n + (penalty * W**2).sum() / 2
        gradient = B.T @ (np.exp(log_p) - Y) / n + penalty * W
        return float(value), gradient.ravel()

    result = minimize(
        loss,
        np.zeros(p * K),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9},
    )
    if np.abs(result.jac).max() > 1e-4:
        raise FloatingPointError(
            f"no convergence in {result.nit} steps (gradient {np.abs(result.jac).max():.1e}):"
            " standardize the columns"
        )
    W = result.x.reshape(p, K) / scale
    W[0] -= W[0].mean()  # the intercepts are free up to a constant
    return W


def perceptron(X: ArrayLike, y: ArrayLike, epochs: int) -> tuple[Array, int, bool]:
    """Rosenblatt's rule for labels -1 and +1: weights (d + 1,), mistakes made, and whether a whole
    epoch passed without one.

    Examples
    --------
    >>> perceptron([[1.0], [-1.0]], [1, -1], 10)[1:]
    (2, True)
    """
    A = design(X)
    sign = np.asarray(y, dtype=float)
    if sign.shape != (len(A),) or not np.isin(sign, (-1.0, 1.0)).all():
        raise ValueError(
            f"labels must be -1 or +1, one per row: shape ({len(A)},), got shape {sign.shape} with"
            f" values {np.unique(sign)[:5]}"
        )
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    w = np.zeros(A.shape[1])
    mistakes = 0
    for _ in range(epochs):
        before = mistakes
        for row, s in zip(A, sign, strict=True):  # the rule is sequential: each mistake changes w
            if s * (row @ w) <= 0:
                w = w + s * row
                mistakes = mistakes + 1
        if mistakes == before:
            return w, mistakes, True
    return w, mistakes, False
