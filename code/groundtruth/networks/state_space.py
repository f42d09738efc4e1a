"""Linear state-space layers: one system as a loop, a convolution and a scan; a memory of
polynomials; selection.

Read with book/networks/recurrence.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array


def _system(A: ArrayLike, B: ArrayLike, C: ArrayLike | None = None) -> tuple[Array, Array, Array]:
    a = np.asarray(A, dtype=float)
    b = np.asarray(B, dtype=float)
    c = np.zeros_like(b) if C is None else np.asarray(C, dtype=float)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or b.shape != a.shape[:1] or c.shape != b.shape:
        raise ValueError(
            f"need A (N, N), B (N,) and C (N,), got the shapes {a.shape}, {b.shape}, {c.shape}"
        )
    return a, b, c


def discretize(A: ArrayLike, B: ArrayLike, dt: float, method: str = "zoh") -> tuple[Array, Array]:
    """x' = A x + B u over steps of dt: matrices (N, N) and (N,) with x_t = Ad x_(t-1) + Bd u_t.

    Parameters
    ----------
    A : array_like (N, N)
        Per unit of time.
    B : array_like (N,)
    dt : float
        Step, > 0.
    method : {"zoh", "bilinear", "euler"}
        Exact for an input that is held; the trapezoidal rule; one explicit step.

    Examples
    --------
    >>> Ad, Bd = discretize([[-1.0]], [1.0], np.log(2))
    >>> Ad.item(), Bd.round(6).item()
    (0.5, 0.5)
    """
    from scipy.linalg import expm

    a, b, _ = _system(A, B)
    if not dt > 0:
        raise ValueError(f"dt must be positive, got {dt}")
    n = len(a)
    if method == "zoh":
        # the integral of e^(As) B comes along
        both = expm(dt * np.block([[a, b[:, None]], [np.zeros((1, n + 1))]]))
        return both[:n, :n], both[:n, n]
    if method == "bilinear":
        left = np.eye(n) - dt / 2 * a
        return np.linalg.solve(left, np.eye(n) + dt / 2 * a), np.linalg.solve(left, dt * b)
    if method == "euler":
        return np.eye(n) + dt * a, dt * b
    raise ValueError(f"method must be 'zoh', 'bilinear' or 'euler', got {method!r}")


def recurrence(A: ArrayLike, B: ArrayLike, C: ArrayLike, u: ArrayLike) -> Array:
    """y_t = C x_t with x_t = A x_(t-1) + B u_t, from zero: u (L,) to y (L,).

    Examples
    --------
    >>> recurrence([[0.5]], [1.0], [1.0], [1.0, 0.0, 0.0]).tolist()
    [1.0, 0.5, 0.25]
    """
    a, b, c = _system(A, B, C)
    x = np.zeros(len(b))
    out = []
    for value in _signal(u):
        x = a @ x + b * value
        out.append(c @ x)
    return np.array(out)


def _signal(u: ArrayLike) -> Array:
    values = np.asarray(u, dtype=float)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"u must be a non-empty signal (L,), got the shape {values.shape}")
    return values


def kernel(A: ArrayLike, B: ArrayLike, C: ArrayLike, L: int) -> Array:
    """Impulse response K_j = C A^j B for j < L, (L,).

    Examples
    --------
    >>> kernel([[0.5]], [2.0], [1.0], 3).tolist()
    [2.0, 1.0, 0.5]
    """
    a, b, c = _system(A, B, C)
    if L < 1:
        raise ValueError(f"L must be >= 1, got {L}")
    out = []
    for _ in range(L):
        out.append(c @ b)
        b = a @ b
    return np.array(out)


def convolve(u: ArrayLike, k: ArrayLike) -> Array:
    """Causal convolution (L,) of two signals of one length by Fourier transforms, padded so that
    nothing wraps around.
    """
    signal = _signal(u)
    taps = _signal(k)
    if signal.size != taps.size:
        raise ValueError(
            f"signal and kernel must have one length, got {signal.size} and {taps.size}"
        )
    n = 2 * signal.size
    return np.fft.irfft(np.fft.rfft(signal, n) * np.fft.rfft(taps, n), n)[: signal.size]


def scan(a: ArrayLike, b: ArrayLike) -> Array:
    """x_t = a_t x_(t-1) + b_t from zero, entry by entry, in ceil(log2 L) sweeps: a, b (L, N) to (L,
    N).

    Pairs compose by (a1, b1) then (a2, b2) = (a2 a1, a2 b1 + b2), which is associative (Blelloch,
    1990).

    Examples
    --------
    >>> scan([[0.5], [0.5], [0.5]], [[1.0], [0.0], [4.0]]).ravel().tolist()
    [1.0, 0.5, 4.25]
    """
    x = np.array(a, dtype=float)
    total = np.array(b, dtype=float)
    if x.ndim != 2 or x.shape != total.shape or not len(x):
        raise ValueError(f"a and b must have one shape (L, N), got {x.shape} and {total.shape}")
    reach = 1
    while reach < len(x):
        # what lies `reach` earlier, carried here
        total[reach:] += x[reach:] * total[:-reach].copy()
        x[reach:] *= x[:-reach].copy()
        reach *= 2
    return total


def hippo_legs(N: int) -> tuple[Array, Array]:
    """A (N, N), B (N,) whose state holds the Legendre coefficients of the whole past (Gu et al.,
    2020, theorem 2), for x' = (A x + B u) / t.

    Examples
    --------
    >>> hippo_legs(2)[0].round(3).tolist()
    [[-1.0, 0.0], [-1.732, -2.0]]
    """
    if N < 1:
        raise ValueError(f"N must be >= 1, got {N}")
    root = np.sqrt(2 * np.arange(N) + 1.0)
    return 0 - np.tril(np.outer(root, root), -1) - np.diag(np.arange(N) + 1.0), root


def remember(u: ArrayLike, N: int) -> Array:
    """Legendre coefficients (N,) of the whole signal u (L,), gathered online with `hippo_legs` by
    bilinear steps.
    """
    A, B = hippo_legs(N)
    x = np.zeros(N)
    eye = np.eye(N)
    for t, value in enumerate(_signal(u), start=1):
        x = np.linalg.solve(eye - A / (2 * t), (eye + A / (2 * t)) @ x + B * value / t)
    return x


def recall(x: ArrayLike, L: int) -> Array:
    """The signal (L,) that coefficients x (N,) of `remember` stand for."""
    coefficients = _signal(x)
    at = 2 * (np.arange(L) + 0.5) / L - 1
    return np.polynomial.legendre.legval(
        at, coefficients * np.sqrt(2 * np.arange(coefficients.size) + 1)
    )
