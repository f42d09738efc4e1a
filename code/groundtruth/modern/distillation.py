"""A smaller model in place of a larger one: soft targets, and layers of low rank.

Read with book/modern/compression.md.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike

from groundtruth.arrays import Array
from groundtruth.functional import softmax


def soft_target_loss(student: torch.Tensor, teacher: torch.Tensor, T: float) -> torch.Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)), mean over examples (n, k), in nats.

    Raises
    ------
    ValueError
        If the shapes differ or the temperature is not above 0.

    Examples
    --------
    >>> z = torch.tensor([[2.0, 0.0]])
    >>> float(soft_target_loss(z, z, 4.0))
    0.0
    """
    if student.shape != teacher.shape or student.ndim != 2:
        raise ValueError(f"need two arrays (n, k), got {student.shape} and {teacher.shape}")
    if not T > 0:
        raise ValueError(f"the temperature must be > 0, got {T}")
    log_p = F.log_softmax(student / T, 1)  # (n, k)
    log_t = F.log_softmax(teacher / T, 1)
    return T**2 * (log_t.exp() * (log_t - log_p)).sum(1).mean()


def distill_loss(
    student: torch.Tensor, teacher: torch.Tensor, y: torch.Tensor, T: float, alpha: float
) -> torch.Tensor:
    """alpha times the soft-target loss plus (1 - alpha) times the cross-entropy of labels y (n,).

    The temperature applies to the soft targets only.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"the weight alpha lies from 0 to 1, got {alpha}")
    soft = soft_target_loss(student, teacher, T)
    return alpha * soft + (1 - alpha) * F.cross_entropy(student, y)


def soft_target_gradient(student: ArrayLike, teacher: ArrayLike, T: float) -> Array:
    """Gradient of KL (without T^2) with respect to the student's logits (..., k).

    (softmax(z / T) - softmax(v / T)) / T, about (z - v) / (k T^2) for centered logits and large T.
    """
    if not T > 0:
        raise ValueError(f"the temperature must be > 0, got {T}")
    z = np.asarray(student, dtype=np.float64)
    v = np.asarray(teacher, dtype=np.float64)
    return (softmax(z / T) - softmax(v / T)) / T


def low_rank(W: ArrayLike, r: int) -> tuple[Array, Array]:
    """The best factors A (k, r), B (r, d) of W (k, d) in squared error (Eckart & Young, 1936).

    Examples
    --------
    >>> A, B = low_rank([[3.0, 0.0], [0.0, 1.0]], 1)
    >>> np.abs(A @ B).round(9).tolist()
    [[3.0, 0.0], [0.0, 0.0]]
    """
    weights = np.asarray(W, dtype=np.float64)
    if weights.ndim != 2 or not 1 <= r <= min(weights.shape):
        raise ValueError(f"the rank must be from 1 to {min(weights.shape)}, got {r}")
    U, s, Vt = np.linalg.svd(weights, full_matrices=False)
    root = np.sqrt(s[:r])
    return U[:, :r] * root, root[:, None] * Vt[:r]
