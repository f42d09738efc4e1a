"""How far two samples lie apart: what the diffusion project measures what it draws by. Each has a
floor, data against data.

Read with `book/capstones/diffusion.md`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from projects.runner.rng import generator


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 64, seed: int = 0) -> float:
    """Root of the mean squared distance between the sorted projections of two samples (n, d), over
    random directions (Rabin et al., 2012).
    """
    if a.shape != b.shape or a.dim() != 2 or len(a) == 0:
        raise ValueError(
            f"need two samples of one shape (n, d), got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    u = torch.randn(a.shape[1], directions, generator=generator(seed, 31))
    u = u / u.norm(dim=0)
    return float(
        ((a.float() @ u).sort(0).values - (b.float() @ u).sort(0).values).square().mean().sqrt()
    )


def mmd(a: Tensor, b: Tensor, width: float) -> float:
    """Squared maximum mean discrepancy, unbiased, with a Gaussian kernel (Gretton et al., 2012,
    equation 3); near 0, or below, for equal distributions.
    """
    if (
        a.dim() != 2
        or b.dim() != 2
        or a.shape[1] != b.shape[1]
        or min(len(a), len(b)) < 2
        or width <= 0
    ):
        raise ValueError(
            f"need two samples (n, d) with n >= 2 and a positive width, "
            f"got {tuple(a.shape)}, {tuple(b.shape)} and {width}"
        )

    def mean_kernel(distances: Tensor) -> Tensor:
        return distances.square_().mul_(-0.5 / width**2).exp_().mean()

    x = a.double()
    y = b.double()
    same = mean_kernel(torch.pdist(x)) + mean_kernel(torch.pdist(y))  # without a point and itself
    return float(same - 2 * mean_kernel(torch.cdist(x, y)))


def frechet(a: Tensor, b: Tensor) -> float:
    """Squared Frechet distance of the normal distributions with the means and covariances of two
    samples (n, d) and (m, d).

    |mean a - mean b|^2 + tr(A + B - 2 (A B)^(1/2)), on features of a network the FID of Heusel et
    al. (2017).
    """
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"need two samples (n, d) with n >= 2, got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    x = a.double()
    y = b.double()
    A = torch.cov(x.T).reshape(x.shape[1], -1)
    B = torch.cov(y.T).reshape(x.shape[1], -1)
    values, vectors = torch.linalg.eigh(A)
    root = (
        vectors * values.clamp_min(0).sqrt() @ vectors.T
    )  # A^(1/2), so that A B and the symmetric A^(1/2) B A^(1/2) share eigenvalues
    shared = torch.linalg.eigvalsh(root @ B @ root).clamp_min(0).sqrt().sum()
    return float((x.mean(0) - y.mean(0)).square().sum() + A.trace() + B.trace() - 2 * shared)
