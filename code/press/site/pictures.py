"""SVG figures for light and dark pages, with their size known before they load."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from statistics import median

from clikit.files import sha

from press.site import labels as growing
from press.store import Store

COLOR = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
LIGHTEST = 0.93  # lightness of what was black
RANGE = 0.86  # from there down to that of what was white
NAMED = {"white": "#ffffff", "black": "#000000", "transparent": "transparent"}


def dark(svg: str) -> str:
    """The drawing for a dark page: each color keeps its hue and has its lightness mirrored."""
    head, mark, body = svg.partition("<svg")
    body = re.sub(
        r"\b(fill|stroke)(=\"|:\s*)(white|black)\b", lambda m: m[1] + m[2] + NAMED[m[3]], body
    )
    # a drawing that names no color is drawn in black: give its root an explicit one
    body = (
        re.sub(r">", ' color="#000000" fill="#000000">', body, count=1)
        if ' fill="' not in body.split(">", 1)[0]
        else body
    )
    return head + mark + _outside_data(body)


def dark_name(name: str) -> str:
    """File name of the version for dark pages of the picture `name`.

    >>> dark_name("a.svg")
    'a-dark.svg'
    """
    return name.removesuffix(".svg") + "-dark.svg"


def mirrored(text: str) -> dict[str, str]:
    """Every color of a specification in JSON, and the one that takes its place on a dark page."""
    return {color: mirror(color) for color in sorted(set(re.findall(r'"(#[0-9a-fA-F]{6})"', text)))}


def _outside_data(text: str) -> str:
    parts = re.split(r"((?:xlink:href|href)=\"[^\"]*\"|url\(#[^)]*\)|id=\"[^\"]*\")", text)
    return "".join(
        part if i % 2 else COLOR.sub(lambda m: mirror(m[0]), part) for i, part in enumerate(parts)
    )


def mirror(color: str) -> str:
    """A color with its lightness mirrored between near-black and near-white.

    >>> mirror("#ffffff"), mirror("#000000")
    ('#121212', '#ededed')
    """
    digits = color.lstrip("#")
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    r, g, b = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    h, lightness, s = colorsys.rgb_to_hls(r, g, b)
    r, g, b = colorsys.hls_to_rgb(h, LIGHTEST - RANGE * lightness, s)
    return "#" + "".join(f"{round(255 * c):02x}" for c in (r, g, b))


COLUMN = 672  # CSS pixels
LARGEST = 20  # of the usual label, on a wide page: a drawing for it fills the column
ENLARGED = 18  # of the smallest label, in the dialog
# a label drawn as glyphs, in hundredths of its size, and one that is text
GLYPHS = re.compile(r"scale\((0\.\d+) -\1\)")
TEXT = re.compile(r"font-size(?:=\"|:\s*)([\d.]+)")


@dataclass(frozen=True)
class Shown:
    """Sizes of a figure in CSS pixels: on a wide page, at least on a phone, and enlarged."""

    width: int
    height: int
    least: int
    enlarged: int


def shown(svg: str) -> Shown:
    """How large a figure is: as wide as the column, unless its labels would be too large for it.

    >>> shown('<svg width="400" height="200"><text font-size="10">a</text></svg>')
    Shown(width=672, height=336, least=480, enlarged=720)
    """
    width, height = size(svg)
    sizes = sorted(labels(svg))
    if not sizes:
        factor = COLUMN / width
        return Shown(COLUMN, round(height * factor), 0, 2 * COLUMN)
    factor = min(COLUMN / width, LARGEST / median(sizes))
    wide = round(width * factor)
    least = growing.least(svg) or _least(width, sizes[0])
    return Shown(wide, round(height * factor), least, round(width * ENLARGED / sizes[0]))


def _least(width: int, smallest: float) -> int:
    """The width at which the smallest label is large enough for a phone."""
    return min(COLUMN, round(width * growing.SMALLEST / smallest))


def fitted(svg: str, store: Store | None = None) -> str:
    """The drawing with labels that grow where it is shown small, once where there is a store."""

    def fit() -> bytes:
        sizes = labels(svg)
        if not sizes:
            return svg.encode()
        return growing.fitted(svg, _least(size(svg)[0], min(sizes))).encode()

    if store is None:
        return fit().decode()
    return store.file("labels", sha(svg), ".svg", fit).read_text(encoding="utf-8")


def labels(svg: str) -> list[float]:
    """The sizes of the labels of a drawing in CSS pixels, when it has its own size."""
    box = re.search(r'viewBox="([^"]+)"', svg)
    unit = size(svg)[0] / float(box[1].split()[2]) if box else 1.0
    glyphs = [100 * float(scale) for scale in GLYPHS.findall(svg)]
    return [unit * value for value in [*glyphs, *map(float, TEXT.findall(svg))]]


def size(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels, from the attributes or the view box."""
    head = svg[svg.index("<svg") :].split(">", 1)[0]
    lengths = []
    for name in ("width", "height"):
        match = re.search(rf'\b{name}="([\d.]+)(pt|px|)"', head)
        if match:
            lengths.append(float(match[1]) * (4 / 3 if match[2] == "pt" else 1))
    if len(lengths) < 2:
        box = re.search(r'viewBox="([^"]+)"', head)
        if not box:
            raise ValueError("the SVG has neither a size nor a view box")
        lengths = [float(value) for value in box[1].split()[2:]]
    return round(lengths[0]), round(lengths[1])
