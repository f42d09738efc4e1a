"""SVG figures for light and dark pages, with their size known before they load."""

from __future__ import annotations

import colorsys
import re

COLOUR = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
LENGTH = re.compile(r"^([\d.]+)(pt|px|)$")
NAMED = {"white": "#ffffff", "black": "#000000", "transparent": "transparent"}


def dark(svg: str) -> str:
    """The same picture for a dark page: every colour keeps its hue and has its lightness mirrored."""
    head, mark, body = svg.partition("<svg")
    body = re.sub(
        r"\b(fill|stroke)(=\"|:\s*)(white|black)\b", lambda m: m[1] + m[2] + NAMED[m[3]], body
    )
    # a drawing that names no colour is drawn in black: give its root an explicit one
    body = (
        re.sub(r">", ' color="#000000" fill="#000000">', body, count=1)
        if ' fill="' not in body.split(">", 1)[0]
        else body
    )
    return head + mark + _outside_data(body)


def _outside_data(text: str) -> str:
    parts = re.split(r"((?:xlink:href|href)=\"[^\"]*\"|url\(#[^)]*\)|id=\"[^\"]*\")", text)
    return "".join(
        part if i % 2 else COLOUR.sub(lambda m: mirror(m[0]), part) for i, part in enumerate(parts)
    )


def mirror(colour: str) -> str:
    """A colour with its lightness mirrored between near-black and near-white.

    >>> mirror("#ffffff"), mirror("#000000")
    ('#121212', '#ededed')
    """
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    r, g, b = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    h, lightness, s = colorsys.rgb_to_hls(r, g, b)
    r, g, b = colorsys.hls_to_rgb(h, 0.93 - 0.86 * lightness, s)
    return "#" + "".join(f"{round(255 * c):02x}" for c in (r, g, b))


def size(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels, from the attributes or the view box."""
    head = svg[svg.index("<svg") :].split(">", 1)[0]
    found = []
    for name in ("width", "height"):
        match = re.search(rf'\b{name}="([\d.]+)(pt|px|)"', head)
        if match:
            found.append(float(match[1]) * (4 / 3 if match[2] == "pt" else 1))
    if len(found) < 2:
        box = re.search(r'viewBox="([^"]+)"', head)
        if not box:
            raise ValueError("the SVG has neither a size nor a view box")
        found = [float(v) for v in box[1].split()[2:]]
    return round(found[0]), round(found[1])
