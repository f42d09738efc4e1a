"""Pictures with labels, none of which is downloaded: bars that are generated, real digits, glyphs
of fonts.

Glyphs are the 62 letters and digits of the fonts that come with matplotlib, drawn from their
outlines, so that no version of a rasteriser changes them much. Read with `book/capstones/cnn.md`.
"""

from __future__ import annotations

import math
import string
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor

from projects.runner.rng import generator

CHARACTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
STYLES = {
    "DejaVuSans": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSerif": ("", "-Bold", "-Italic", "-BoldItalic"),
    "cm": ("r10", "b10", "ss10", "tt10"),
    "STIXGeneral": ("", "Bol", "Italic", "BolIta"),
}
HELD = "STIXGeneral"  # the family that is kept for the question whether an unseen font can be read
EM = 0.75  # height of a font's em as a share of the picture


def bars(
    n: int, noise: float, seed: int, places: tuple[int, ...] = tuple(range(12))
) -> tuple[Tensor, Tensor]:
    """n pictures (n, 1, 12, 12) with a bright row (label 0) or column (label 1) at one of the
    places, and labels (n,).
    """
    if n < 1 or noise < 0 or not places or not all(0 <= p < 12 for p in places):
        raise ValueError(
            f"need n >= 1, noise >= 0 and places from 0 to 11, got {n}, {noise} and {places}"
        )
    rng = generator(seed, n)
    y = torch.randint(2, (n,), generator=rng)
    at = torch.tensor(places)[torch.randint(len(places), (n,), generator=rng)]
    bright = (torch.arange(12) == at[:, None]).float()  # (n, 12)
    X = torch.where(
        y[:, None, None] == 0,
        bright[:, :, None].expand(n, 12, 12),
        bright[:, None, :].expand(n, 12, 12),
    )
    return (X + noise * torch.randn(n, 12, 12, generator=rng))[:, None], y


def digits() -> dict[str, tuple[Tensor, Tensor]]:
    """`train` 1,097, `val` 200 and `test` 500 digits (n, 1, 8, 8) with values from 0 to 1; the same
    for every seed.
    """
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    X = torch.tensor(pictures[order] / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    y = torch.tensor(labels[order])
    cuts = {"test": slice(0, 500), "val": slice(500, 700), "train": slice(700, None)}
    return {name: (X[cut], y[cut]) for name, cut in cuts.items()}


def glyphs(family: str, size: int) -> tuple[Tensor, Tensor]:
    """Every character in every style of a family: pictures (n, 1, size, size) from 0 to 1, upright
    and clean, and labels (n,).

    All stand on one baseline and have their own size, so that *c* and *C* differ; each is centered
    from left to right.

    Raises
    ------
    ValueError
        For a family that does not come with matplotlib, or fewer than 8 pixels.
    """
    if family not in STYLES or size < 8:
        raise ValueError(
            f"need a family of {', '.join(STYLES)} and 8 pixels or more, got {family!r} and {size}"
        )
    X, y = _glyphs(family, size)
    return X.clone(), y.clone()  # of what is cached: a caller may change its own


@lru_cache(maxsize=8)
def _glyphs(family: str, size: int) -> tuple[Tensor, Tensor]:
    fine = max(32, size)
    sheets = [_sheet(f"{family}{style}.ttf", fine) for style in STYLES[family]]
    X = torch.tensor(np.concatenate(sheets), dtype=torch.float32)[
        :, None
    ]  # (styles * 62, 1, fine, fine)
    return F.interpolate(X, size=(size, size), mode="area"), torch.arange(len(CHARACTERS)).repeat(
        len(sheets)
    )


def _sheet(font: str, size: int) -> np.ndarray:
    """The characters of one font side by side in one picture, cut apart: (62, size, size)."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    face = FontProperties(fname=str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / font))
    n = len(CHARACTERS)
    with matplotlib.rc_context(
        {"patch.antialiased": True, "path.snap": True}
    ):  # whatever the caller's figures look like
        figure = Figure(
            figsize=(n, 1), dpi=size, facecolor="white"
        )  # on a clear ground every touched pixel would be black
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, n), ylim=(0, 1))
        axes.axis("off")
        for i, character in enumerate(CHARACTERS):
            outline = TextPath((0, 0), character, size=1, prop=face)
            extents = outline.get_extents()
            transform = (
                Affine2D()
                .translate(-(extents.x0 + extents.x1) / 2, 0)
                .scale(EM)
                .translate(i + 0.5, 0.28)
            )
            axes.add_patch(
                PathPatch(outline.transformed(transform), facecolor="black", linewidth=0)
            )
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    grey = 1 - np.asarray(canvas.buffer_rgba())[..., 0] / 255.0  # (size, n * size)
    return grey.reshape(size, n, size).transpose(1, 0, 2)


def typeset(size: int) -> tuple[Tensor, Tensor]:
    """Glyphs of all families but the held one, (16 * 62, 1, size, size), and labels."""
    parts = [glyphs(family, size) for family in STYLES if family != HELD]
    return torch.cat([X for X, _ in parts]), torch.cat([y for _, y in parts])


def render_samples(X: Tensor, y: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n random ones of the glyphs, each under a random affine map as of a careless printer."""
    rng = generator(seed, n)
    chosen = torch.randint(len(y), (n,), generator=rng)
    return random_affine(X[chosen], rng), y[chosen]


def random_affine(X: Tensor, rng: torch.Generator) -> Tensor:
    """Images (n, C, size, size) shifted by up to a sixteenth of their size, turned by up to 15
    degrees, stretched by up to an eighth.
    """
    return augmented(X, rng, shift=X.shape[-1] / 16, turn=15.0, stretch=0.125)


def augmented(
    X: Tensor, rng: torch.Generator, shift: float = 1.0, turn: float = 12.0, stretch: float = 0.1
) -> Tensor:
    """Each picture (n, C, H, W) shifted by up to `shift` pixels, turned by up to `turn` degrees,
    stretched by up to a share.
    """
    n, C, H, W = X.shape
    r = torch.rand(n, 5, generator=rng) * 2 - 1  # in [-1, 1]
    angle = r[:, 0] * math.radians(turn)
    sx = 1 + stretch * r[:, 1]
    sy = 1 + stretch * r[:, 2]
    moved = (
        shift * r[:, 3:] * 2 / torch.tensor([W, H])
    )  # one pixel is 2 / W of the picture's coordinates
    rows = [
        torch.stack([sx * angle.cos(), -angle.sin(), moved[:, 0]], 1),
        torch.stack([angle.sin(), sy * angle.cos(), moved[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), [n, C, H, W], align_corners=False)
    return F.grid_sample(X, grid, align_corners=False)


def shades(X: Tensor) -> list[str]:
    """A picture (H, W) as rows of characters."""
    levels = ((X - X.min()) / (X.max() - X.min()).clamp_min(1e-12) * 9).round().long()
    return ["".join(" .:-=+*#%@"[int(v)] * 2 for v in row) for row in levels]


def save_sheet(X: Tensor, path: Path, side: int = 128) -> None:
    """Pictures (n, C, H, W) with values from 0 to 1 in one PNG, each enlarged to about `side`
    pixels, in rows of up to ten.

    Raises
    ------
    UserError
        When the file has another suffix than .png or cannot be written.
    """
    from PIL import Image

    if path.suffix.lower() != ".png":
        raise UserError(
            f"{path} is not the name of a PNG file", "give a name that ends in .png", Exit.USAGE
        )
    n, C, H, W = X.shape
    factor = max(1, round(side / H))
    columns = min(n, 10)
    rows = -(-n // columns)
    edge = max(2, factor // 2)
    sheet = torch.ones(C, rows * (H * factor + edge) + edge, columns * (W * factor + edge) + edge)
    for i, picture in enumerate(X.clamp(0, 1)):
        top = edge + i // columns * (H * factor + edge)
        left = edge + i % columns * (W * factor + edge)
        large = picture.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
        sheet[:, top : top + H * factor, left : left + W * factor] = large
    pixels = (sheet * 255).round().byte().permute(1, 2, 0).numpy()  # (rows, columns, C)
    try:
        Image.fromarray(pixels[..., 0] if C == 1 else pixels).save(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", "give another file", Exit.USAGE
        ) from None
