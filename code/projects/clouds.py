"""Points in the plane whose distribution is known: data for the diffusion project.

Read with `book/capstones/diffusion.md`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

POINTS = ("ring", "moons", "spirals", "letters")


def points(name: str, n: int, rng: torch.Generator) -> Tensor:
    """n points (n, 2): the unit circle, two half moons, two spiral arms, or the letters GT."""
    if n < 1:
        raise ValueError(f"cannot draw {n} points; give 1 or more")
    u = torch.rand(n, generator=rng)
    if name == "ring":
        angle = 2 * math.pi * u
        return torch.stack([angle.cos(), angle.sin()], 1)
    side = torch.randint(2, (n,), generator=rng).float()
    fuzz = 0.03 * torch.randn(n, 2, generator=rng)
    if name == "moons":
        angle = math.pi * (u + side)
        return (
            torch.stack([angle.cos() + (side - 0.5), angle.sin() + 0.25 * (2 * side - 1)], 1) / 1.1
            + fuzz
        )
    if name == "spirals":
        return _arms(u, side) + fuzz
    if name == "letters":
        inside = torch.tensor(
            np.argwhere(_letters() > 0.5), dtype=torch.float32
        )  # (m, 2) row, column
        chosen = inside[torch.randint(len(inside), (n,), generator=rng)] + torch.rand(
            n, 2, generator=rng
        )
        return torch.stack([chosen[:, 1] - 20, 12 - chosen[:, 0]], 1) / 14
    raise ValueError(f"there is no set {name!r}; choose one of: {', '.join(POINTS)}")


def spiral_arms(n: int) -> Tensor:
    """Middles (2 n, 2) of the two arms of the spirals, as dense as the data, float64.

    The data are, up to this grid, a mixture of normals of standard deviation 0.03 around them.
    """
    if n < 1:
        raise ValueError(f"cannot place {n} points on an arm; give 1 or more")
    u = ((torch.arange(n, dtype=torch.float64) + 0.5) / n).repeat(2)
    return _arms(u, torch.arange(2, dtype=torch.float64).repeat_interleave(n))


def _arms(u: Tensor, side: Tensor) -> Tensor:
    """Points at the fraction u of the data along arm 0 or 1."""
    radius = 0.15 + 1.1 * u.sqrt()
    angle = 2.5 * math.pi * u.sqrt() + math.pi * side
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def _letters() -> np.ndarray:
    """GT in a raster of 24 by 40, drawn here: no font differs between computers."""
    canvas = np.zeros((24, 40))
    canvas[2:22, 2:6] = canvas[2:6, 2:17] = canvas[18:22, 2:17] = canvas[12:22, 13:17] = canvas[
        12:16, 9:17
    ] = 1
    canvas[2:6, 21:38] = canvas[2:22, 27:32] = 1
    return canvas
