"""InfoNCE: which of N is the partner.

Read with book/networks/learning-rules.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.functional import log_softmax


def info_nce(za: ArrayLike, zb: ArrayLike, T: float = 0.1) -> float:
    """Mean -ln p(partner) over rows of za (N, d), among all rows of zb (N, d), by cosines over a
    temperature (van den Oord et al., 2018).

    Examples
    --------
    >>> round(info_nce([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], 1.0), 4)
    0.3133
    """
    a = np.asarray(za, dtype=np.float64)
    b = np.asarray(zb, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape or len(a) < 2 or not T > 0:
        raise ValueError(
            f"need two tables (N, d) with N >= 2 and a temperature > 0, got {a.shape}, {b.shape}"
            f" and {T}"
        )
    lengths = np.linalg.norm(a, axis=1, keepdims=True), np.linalg.norm(b, axis=1, keepdims=True)
    if min(lengths[0].min(), lengths[1].min()) == 0:
        raise ValueError("a row of zeros has no direction; drop it or add a bias")
    return float(-np.diag(log_softmax((a / lengths[0]) @ (b / lengths[1]).T / T)).mean())


def information_bound(scores: ArrayLike) -> float:
    """ln N minus the loss of scores (N, N) whose diagonal holds the partners: a lower bound, at
    most ln N, on the mutual information.
    """
    s = np.asarray(scores, dtype=np.float64)
    if s.ndim != 2 or s.shape[0] != s.shape[1] or len(s) < 2:
        raise ValueError(f"scores form a square table with N >= 2, got {s.shape}")
    return float(np.log(len(s)) + np.diag(log_softmax(s)).mean())
