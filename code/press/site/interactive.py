"""Interactive figures: a static picture first, the live one when it nears the viewport.

Vega, Vega-Lite and vega-embed come as one bundle out of the vl-convert wheel: no network, one file.
"""

from __future__ import annotations

import json
from pathlib import Path

from lxml import html

from press.files import sha, write_atomic
from press.site import pictures

VEGALITE = "6.1"  # draws v5 specifications too; JupyterLab, which knows only v5, gets those


def static(spec: dict, folder: Path) -> tuple[str, str, tuple[int, int]]:
    """Names of the light and the dark picture of `spec` in `folder`, and their size."""
    name = sha(spec)[:24]
    light, dark = folder / f"vega-{name}.svg", folder / f"vega-{name}-dark.svg"
    if not light.is_file() or not dark.is_file():
        import vl_convert

        svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGALITE)
        write_atomic(dark, pictures.dark(svg))
        write_atomic(light, svg)
    return light.name, dark.name, pictures.size(light.read_text(encoding="utf-8"))


def dress(root: html.HtmlElement, up: str, folder: Path) -> set[str]:
    """Give each interactive figure of a page its static picture and its frame; returns the pictures used."""
    used: set[str] = set()
    for number, box in enumerate(root.xpath("//div[@class='interactive']"), 1):
        data = box.find("script")
        spec = json.loads(data.text)
        light, dark, (width, height) = static(spec, folder)
        used |= {light, dark}
        label = spec.get("description", "")
        controls = sum("bind" in param for param in spec.get("params", []))
        for name, theme in ((light, "light"), (dark, "dark")):
            image = html.fragment_fromstring(
                f'<img class="interactive-static for-{theme}" src="{up}_images/{name}" width="{width}" height="{height}" loading="lazy" decoding="async"/>'
            )
            image.set("alt", label)
            box.append(image)
        box.append(html.fragment_fromstring('<div class="interactive-live"></div>'))
        if controls:
            box.append(
                html.fragment_fromstring(
                    f'<div class="interactive-controls" id="controls-{number}" style="--rows:{controls}"></div>'
                )
            )
        text = html.fragment_fromstring('<p class="interactive-text"></p>')
        text.text = label
        box.append(text)
        box.set("data-script", f"{up}_static/vega.js")
    return used


def bundle(folder: Path) -> Path:
    """The script that draws; made once."""
    path = folder / f"vega-{VEGALITE}.js"
    if not path.is_file():
        import vl_convert

        script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGALITE)
        write_atomic(path, f"(() => {{{script}}})();\n")  # its names stay its own
    return path
