"""Networks that predict the noise, or v, of noisy data: one for points, one for images.

Read with `book/capstones/diffusion.md`. Sources: Ho et al. (2020) and, for the U-Net, Ronneberger
et al. (2015).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NO_LABEL = -1  # the label that stands for no label


def embedding(t: Tensor, T: int, size: int) -> Tensor:
    """Sines and cosines of a level at `size` / 2 rates, (B, size)."""
    rates = math.pi * 2.0 ** torch.linspace(0, 6, size // 2, device=t.device)
    angle = (t.float() / T)[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], 1)


class PointDenoiser(nn.Module):
    """A denoiser of points: three hidden layers of x and the level's embedding."""

    def __init__(self, width: int, T: int) -> None:
        super().__init__()
        self.T = T
        self.body = nn.Sequential(
            nn.Linear(2 + 32, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.body(torch.cat([x, embedding(t, self.T, 32)], 1))


class ResBlock(nn.Module):
    """Two convolutions with the level and the label added between them, and a skip connection."""

    def __init__(self, a: int, b: int, size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(a, b, 3, padding=1)
        self.second = nn.Conv2d(b, b, 3, padding=1)
        self.norm1 = nn.GroupNorm(min(8, a), a)
        self.norm2 = nn.GroupNorm(8, b)
        self.cond_proj = nn.Linear(size, b)
        self.skip = nn.Identity() if a == b else nn.Conv2d(a, b, 1)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        h = self.first(F.silu(self.norm1(x))) + self.cond_proj(cond)[:, :, None, None]
        return self.skip(x) + self.second(F.silu(self.norm2(h)))


class UNet(nn.Module):
    """Down by halves and back up, with a skip connection at each size; the label is an embedding,
    the last of which means none.
    """

    def __init__(
        self, width: int, T: int, labels: int = 10, levels: int = 1, channels: int = 1
    ) -> None:
        super().__init__()
        C = width
        self.T = T
        self.labels = labels
        wide = [C << i for i in range(levels + 1)]  # channels at each size
        self.cond_mlp = nn.Sequential(nn.Linear(32, 4 * C), nn.SiLU(), nn.Linear(4 * C, 4 * C))
        self.label = nn.Embedding(labels + 1, 4 * C)
        self.conv_in = nn.Conv2d(channels, C, 3, padding=1)
        self.down = nn.ModuleList(
            ResBlock(a, b, 4 * C) for a, b in zip([C, *wide], wide, strict=False)
        )
        self.shrink = nn.ModuleList(nn.Conv2d(a, a, 3, stride=2, padding=1) for a in wide[:-1])
        self.middle = ResBlock(wide[-1], wide[-1], 4 * C)
        self.up = nn.ModuleList(
            ResBlock(2 * a, b, 4 * C) for a, b in zip(wide, [C, *wide], strict=False)
        )
        self.conv_out = nn.Sequential(
            nn.GroupNorm(8, C), nn.SiLU(), nn.Conv2d(C, channels, 3, padding=1)
        )

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        labels = (
            torch.full_like(t, self.labels)
            if labels is None
            else torch.where(labels == NO_LABEL, self.labels, labels)
        )
        cond = F.silu(self.cond_mlp(embedding(t, self.T, 32)) + self.label(labels))
        h = self.down[0](self.conv_in(x), cond)  # (B, C, H, W)
        skips = [h]
        for shrink, down in zip(self.shrink, self.down[1:], strict=True):
            h = down(shrink(h), cond)  # (B, 2C, H / 2, W / 2), and so on
            skips.append(h)
        h = self.middle(h, cond)
        for i in reversed(range(len(skips))):
            h = self.up[i](torch.cat([h, skips[i]], 1), cond)
            if i:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        return self.conv_out(h)
