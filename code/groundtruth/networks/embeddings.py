"""Learned vectors: a table of embeddings, skip-gram with negative sampling, factorized
co-occurrence, analogies, comparisons, superposition.

Read with book/networks/embeddings.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from groundtruth.arrays import Array, binary_scale
from groundtruth.functional import sigmoid, softplus


class Embedding:
    """A table (V, d) whose rows are looked up, and whose gradient touches the rows that were used.

    Examples
    --------
    >>> table = Embedding(3, 2)
    >>> table.W[:] = [[1, 2], [3, 4], [5, 6]]
    >>> table.forward([2, 0, 2]).tolist(), table.backward([2, 0, 2], np.ones((3, 2))).tolist()
    ([[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]], [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]])
    """

    def __init__(self, V: int, d: int, seed: int = 0) -> None:
        if min(V, d) < 1:
            raise ValueError(f"need at least one row and one column, got {V} and {d}")
        self.W = np.random.default_rng(seed).normal(size=(V, d))

    def _checked(self, ids: ArrayLike) -> NDArray[np.int64]:
        rows = np.asarray(ids)
        if rows.dtype.kind not in "iu" or (
            rows.size and not (rows.min() >= 0 and rows.max() < len(self.W))
        ):
            raise ValueError(f"ids must be whole numbers from 0 to {len(self.W) - 1}, got {ids!r}")
        return rows.astype(np.int64)

    def forward(self, ids: ArrayLike) -> Array:
        """Rows (..., d) for ids (...,)."""
        return self.W[self._checked(ids)]

    def backward(self, ids: ArrayLike, dy: Array) -> Array:
        """Gradient (V, d) of the table, given dy (..., d); a row used twice gets both."""
        rows = self._checked(ids)
        if dy.shape != (*rows.shape, self.W.shape[1]):
            raise ValueError(
                f"the output has the shape {(*rows.shape, self.W.shape[1])}, its gradient"
                f" {dy.shape}"
            )
        out = np.zeros_like(self.W)
        np.add.at(out, rows.reshape(-1), dy.reshape(-1, self.W.shape[1]))
        return out


def context_pairs(sentences: Sequence[Sequence[int]], window: int) -> NDArray[np.int64]:
    """All (word, neighbor) pairs within a window, (P, 2).

    Examples
    --------
    >>> context_pairs([[7, 8, 9]], 1).tolist()
    [[7, 8], [8, 7], [8, 9], [9, 8]]
    """
    if window < 1:
        raise ValueError(f"the window must be >= 1, got {window}")
    pairs = [
        (s[i], s[j])
        for s in sentences
        for i in range(len(s))
        for j in range(max(0, i - window), min(len(s), i + window + 1))
        if i != j
    ]
    if not pairs:
        raise ValueError("no word has a neighbor; give sentences of at least two words")
    return np.array(pairs, dtype=np.int64)


def sgns_loss(w: Array, c: Array, noise: Array) -> tuple[float, Array, Array, Array]:
    """-ln s(w.c) - sum_k ln s(-w.n_k), mean over rows, with gradients with respect to w (B, d), c
    (B, d) and noise (B, K, d) (Mikolov et al., 2013, equation 4).
    """
    right = (w * c).sum(1)
    wrong = np.einsum("bd,bkd->bk", w, noise)
    loss = float((softplus(-right) + softplus(wrong).sum(1)).mean())
    up = (sigmoid(right) - 1)[:, None] / len(w)
    down = sigmoid(wrong)[..., None] / len(w)
    return loss, up * c + (down * noise).sum(1), up * w, down * w[:, None]


def sgns_epoch(
    W: Array,
    C: Array,
    pairs: NDArray[np.int64],
    noise_words: NDArray[np.int64],
    rates: NDArray[np.float64],
    negatives: int,
    rng: np.random.Generator,
) -> None:
    """One pass over pairs (P, 2) in random order, a batch for each rate; changes W and C (V, d)."""
    order = rng.permutation(len(pairs))
    for rate, rows in zip(rates, np.array_split(order, len(rates)), strict=True):
        i, j = pairs[rows].T
        noise = noise_words[rng.integers(0, noise_words.size, (len(rows), negatives))]  # (B, K)
        _, dw, dc, dn = sgns_loss(W[i], C[j], C[noise])  # of the mean over the batch
        step = rate * len(rows)
        np.subtract.at(W, i, step * dw)  # a word that occurs twice moves twice
        np.subtract.at(C, j, step * dc)
        np.subtract.at(C, noise.reshape(-1), step * dn.reshape(-1, W.shape[1]))


def skip_gram(
    pairs: NDArray[np.int64],
    V: int,
    d: int,
    negatives: int = 5,
    epochs: int = 5,
    lr: float = 0.05,
    seed: int = 0,
    batch: int = 64,
    power: float = 0.75,
) -> tuple[Array, Array]:
    """Train word and context vectors (V, d) by stochastic gradient steps on `sgns_loss`.

    Parameters
    ----------
    pairs : (P, 2) ints
        From `context_pairs`.
    negatives : int
        Noise words for each pair, drawn from frequency^power.
    lr : float
        Rate per pair, falling to zero over the run.
    """
    if (
        min(d, negatives, epochs, batch) < 1
        or not len(pairs)
        or pairs.max() >= V
        or pairs.min() < 0
    ):
        raise ValueError(
            f"need positive sizes and ids below V={V}, got d={d}, negatives={negatives},"
            f" epochs={epochs}, batch={batch}"
        )
    rng = np.random.default_rng(seed)
    W = rng.uniform(-0.5, 0.5, (V, d)) / np.sqrt(d)
    C = rng.uniform(-0.5, 0.5, (V, d)) / np.sqrt(d)
    q = np.bincount(pairs[:, 1], minlength=V) ** power
    copies = np.round(max(20_000, 4 * V) * q / q.sum()).astype(int)
    noise_words = np.repeat(np.arange(V), copies)  # a uniform draw from these has the probability q
    batches = -(-len(pairs) // batch)
    rates = lr * (1 - np.arange(epochs * batches) / (epochs * batches))
    for epoch_rates in rates.reshape(epochs, batches):
        sgns_epoch(W, C, pairs, noise_words, epoch_rates, negatives, rng)
    return W, C


def pmi(counts: ArrayLike) -> Array:
    """ln p(w, c) / (p(w) p(c)) from counts (V, V); minus infinity where a pair never occurred.

    Examples
    --------
    >>> pmi([[2, 0], [0, 2]]).round(3).tolist()
    [[0.693, -inf], [-inf, 0.693]]
    """
    n = np.asarray(counts, dtype=float)
    if n.ndim != 2 or not np.isfinite(n).all() or (n < 0).any() or not n.any():
        raise ValueError("counts must be a table of non-negative numbers that are not all zero")
    with np.errstate(divide="ignore", invalid="ignore"):
        table = np.log(n * n.sum() / np.outer(n.sum(1), n.sum(0)))
    return np.where(n > 0, table, -np.inf)  # also in the row of a word that never occurs


def ppmi_svd(counts: ArrayLike, d: int) -> Array:
    """Word vectors (V, d): U S^1/2 of the positive part of `pmi` (Levy and Goldberg, 2014)."""
    table = np.maximum(np.nan_to_num(pmi(counts), nan=0.0, neginf=0.0), 0)
    if not 1 <= d <= min(table.shape):
        raise ValueError(f"d must lie between 1 and {min(table.shape)}, got {d}")
    U, s, _ = np.linalg.svd(table)
    return U[:, :d] * np.sqrt(s[:d])


def analogy(W: ArrayLike, a: int, a_star: int, b: int, exclude: bool = True) -> int:
    """The word nearest, by cosine, to a* - a + b (3CosAdd; Levy and Goldberg, 2014); the three
    given words may be excluded.

    Examples
    --------
    >>> W = [[1, 0, 1], [1, 1, 0], [0, 0, 1], [0, 1, 0.0]]
    >>> analogy(W, 2, 0, 3)
    1
    """
    table = np.asarray(W, dtype=float)
    norms = np.linalg.norm(table, axis=1)
    if not (norms > 0).all():
        raise ValueError("a word vector is zero; it has no direction")
    unit = table / norms[:, None]
    scores = unit @ (unit[a_star] - unit[a] + unit[b])
    if exclude:
        scores[[a, a_star, b]] = -np.inf
    return int(scores.argmax())


def cka(X: ArrayLike, Y: ArrayLike) -> float:
    """Linear centered kernel alignment of two representations (n, p), (n, q) of the same rows, in
    [0, 1] (Kornblith et al., 2019).

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(9, 3))
    >>> round(cka(X, 2 * X[:, ::-1]), 9)
    1.0
    """
    tables = [np.asarray(v, dtype=float) for v in (X, Y)]
    a, b = tables
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or len(a) < 2:
        raise ValueError(
            f"need two tables with the same rows, got the shapes {a.shape} and {b.shape}"
        )
    for table in tables:
        if not np.isfinite(table).all() or (table.min(0) == table.max(0)).all():
            raise ValueError(
                "a representation holds NaN or infinity, or is equal on all rows: it has nothing"
                " to align"
            )
    a, b = (np.where(v.min(0) < v.max(0), v - v.mean(0), 0.0) for v in tables)
    a = a / binary_scale(a)
    b = b / binary_scale(b)
    return float(np.linalg.norm(a.T @ b) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)))


def superposition(
    features: int, d: int, sparsity: float, seed: int = 0, steps: int = 3000, decay: float = 0.9
) -> tuple[Array, Array]:
    """Weights W (d, features) and b (features,) of max(W'W x + b, 0), trained to reproduce sparse
    features (Elhage et al., 2022).

    Feature i has importance decay^i, is zero with probability `sparsity` and uniform in [0, 1]
    otherwise.
    """
    if not 0 <= sparsity < 1 or min(features, d, steps) < 1:
        raise ValueError(
            f"need a sparsity in [0, 1) and positive sizes, got sparsity={sparsity},"
            f" features={features}, d={d}, steps={steps}"
        )
    from groundtruth.learning.optimizers import Adam

    rng = np.random.default_rng(seed)
    W = rng.normal(0, features**-0.5, (d, features))
    b = np.zeros(features)
    weight = decay ** np.arange(features)
    opt = Adam([W, b], 1e-2)
    for step in range(steps):
        opt.lr = 1e-2 * (1 - step / steps)
        x = rng.random((512, features)) * (rng.random((512, features)) >= sparsity)
        h = x @ W.T  # (B, d)
        z = h @ W + b
        g = 2 * weight * (np.maximum(z, 0) - x) * (z > 0) / len(x)
        opt.step([h.T @ g + (g @ W.T).T @ x, g.sum(0)])
    return W, b
