"""How good the samples of a diffusion model are: points, digits, glyphs that a classifier reads.

Every distance stands beside its floor, the same distance between samples of the data, of which
many pairs are drawn: one pair says nothing. Read with `book/capstones/diffusion.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean, stdev

import torch
from groundtruth.networks.diffusion import circle_noise
from torch import Tensor, nn

from projects.clouds import points
from projects.noise import Schedule
from projects.quality import frechet, mmd, sliced_wasserstein
from projects.runner.rng import generator

KERNEL_WIDTH = 0.2  # of the kernel of the maximum mean discrepancy of points
PAIRS = 20  # pairs of samples of the data for a floor
DRAWS = 5  # samples of the data that drawn points are compared with

Labeled = tuple[Tensor, Tensor]  # pictures (n, C, H, W) and labels (n,)


# -- points ---------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def point_floors(name: str, n: int, pairs: int = PAIRS) -> dict[str, float]:
    """Mean and standard deviation of both distances between two samples of n points of a set."""
    samples = [[points(name, n, generator(i, 78 + k)) for k in (0, 1)] for i in range(pairs)]
    sliced = [sliced_wasserstein(a, b) for a, b in samples]
    squared = [mmd(a, b, KERNEL_WIDTH) for a, b in samples]
    return {
        "sliced_floor": fmean(sliced),
        "sliced_floor_sd": stdev(sliced),
        "mmd_floor": fmean(squared),
        "mmd_floor_sd": stdev(squared),
    }


def point_quality(drawn: Tensor, name: str) -> dict[str, float]:
    """Mean distances of drawn points (n, 2) from samples of a set, beside those among the latter.

    `stray` is the fraction of drawn points farther than 0.1 from all of 20,000 points of the set.
    """
    data = [points(name, len(drawn), generator(i, 77)) for i in range(DRAWS)]
    dense = points(name, 20_000, generator(0, 76))
    away = torch.cat([torch.cdist(part, dense).amin(1) for part in drawn.split(250)])
    metrics = {
        "sliced": fmean(sliced_wasserstein(drawn, each) for each in data),
        "mmd": fmean(mmd(drawn, each, KERNEL_WIDTH) for each in data),
        "stray": float((away > 0.1).float().mean()),
        **point_floors(name, len(drawn)),
    }
    if name == "ring":
        radius = drawn.norm(dim=1)
        metrics |= {"radius_mean": float(radius.mean()), "radius_sd": float(radius.std())}
    return metrics


def ring_floor(x: Tensor, t: Tensor, goal: Tensor, s: Schedule, target: str) -> float:
    """The loss of the exact denoiser of the ring on noisy examples x (n, 2) of levels t (n,)."""
    best = torch.empty(x.shape, dtype=torch.float64)
    for level in t.unique().tolist():
        chosen = t == level
        at = x[chosen].double()
        eps = torch.from_numpy(circle_noise(at.numpy(), float(s.abar[level])))
        if target == "v":  # with x_0 = (x - b eps) / a, v = a eps - b x_0 is (eps - b x) / a
            a, b = s.at(t[chosen], at)
            eps = (eps - b * at) / a
        best[chosen] = eps
    return float((best - goal).square().mean())


# -- pictures -------------------------------------------------------------------------------------


def nearest(X: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of each picture to the nearest of some others, and the index of that one, (n,)."""
    away = torch.cdist(X.flatten(1), among.flatten(1))
    return away.amin(1), away.argmin(1)


def halves(X: Tensor, n: int, pairs: int = PAIRS) -> list[tuple[Tensor, Tensor]]:
    """Disjoint pairs of n pictures each, flattened, in random orders."""
    if 2 * n > len(X):
        raise ValueError(f"two disjoint samples of {n} need {2 * n} pictures, got {len(X)}")
    orders = [torch.randperm(len(X), generator=generator(i, 79)) for i in range(pairs)]
    return [(X[order[:n]].flatten(1), X[order[n : 2 * n]].flatten(1)) for order in orders]


def picture_quality(
    drawn: Tensor, labels: Tensor, train: Labeled, test: Labeled
) -> dict[str, float]:
    """Labels by the nearest training picture, distances from test pictures, and copies.

    `copies` is the fraction of drawn pictures nearer to a training picture than any test picture
    is. The sliced distance is taken on as many pictures as two disjoint samples of the test
    pictures allow.
    """
    X, y = train
    real, real_labels = test
    distance, index = nearest(drawn, X)
    real_distance, real_index = nearest(real, X)
    n = min(len(drawn), len(real) // 2)
    pairs = halves(real, n)
    mixed = drawn[torch.randperm(len(drawn), generator=generator(0, 80))[:n]].flatten(1)
    floors = [sliced_wasserstein(a, b) for a, b in pairs]
    return {
        "right_label": float((y[index] == labels).float().mean()),
        "right_label_real": float((y[real_index] == real_labels).float().mean()),
        "sliced": fmean(sliced_wasserstein(mixed, a) for a, _ in pairs),
        "sliced_floor": fmean(floors),
        "sliced_floor_sd": stdev(floors),
        "nearest": float(distance.median()),
        "nearest_real": float(real_distance.median()),
        "copies": float((distance < real_distance.min()).float().mean()),
    }


def guidance_row(drawn: Tensor, labels: Tensor, train: Labeled, w: float) -> dict[str, float]:
    """What guidance w does: right labels, the mean distance of pairs of one label, copies."""
    distance, index = nearest(drawn, train[0])
    flat = drawn.flatten(1)
    apart = [torch.pdist(flat[labels == label]).mean() for label in labels.unique()]
    return {
        "w": w,
        "right": float((train[1][index] == labels).float().mean()),
        "apart": float(torch.stack(apart).mean()),
        "nearest": float(distance.median()),
    }


@torch.no_grad()
def read_quality(
    drawn: Labeled, real: Sequence[Labeled], body: nn.Module, head: nn.Module
) -> dict[str, float]:
    """What a classifier says of drawn pictures, and how far its features of them lie from those of
    the first of two samples of real ones, all with the same labels.
    """
    sets = [drawn, *real]
    features = [torch.cat([body(part) for part in X.split(250)]) for X, _ in sets]
    right = [
        float((head(f).argmax(1) == y).float().mean())
        for f, (_, y) in zip(features, sets, strict=True)
    ]
    return {
        "right_label": right[0],
        "right_label_real": right[1],
        "frechet": frechet(features[0], features[1]),
        "frechet_floor": frechet(features[2], features[1]),
    }
