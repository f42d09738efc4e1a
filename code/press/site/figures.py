"""Static pictures of interactive figures, and the script that draws the live ones.

Vega, Vega-Lite and vega-embed come as one bundle out of the vl-convert wheel: no network, one file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from clikit.files import sha

from press.store import Store

VEGALITE = "6.1"  # draws v5 specifications too; JupyterLab, which knows only v5, gets those


def name(spec: dict[str, Any]) -> str:
    """File name of the picture of a specification."""
    return f"vega-{sha(spec)[:24]}.svg"


def numbered(drawing: str) -> str:
    """A drawing with its clips numbered from 1: Vega goes on counting from figure to figure."""
    clips: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return clips.setdefault(match[0], f"clip{len(clips) + 1}")

    return re.sub(r"\bclip\d+\b", number, drawing)


def static(spec: dict[str, Any], store: Store | None = None) -> str:
    """The drawing of a specification as SVG, drawn once where there is a store."""

    def draw() -> bytes:
        import vl_convert

        return numbered(vl_convert.vegalite_to_svg(spec, vl_version=VEGALITE)).encode()

    if store is None:
        return draw().decode()
    return store.file("vega", name(spec), ".svg", draw).read_text(encoding="utf-8")


def bundle(store: Store) -> Path:
    """The script that draws; its names stay its own."""

    def pack() -> bytes:
        import vl_convert

        script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGALITE)
        return f"(() => {{{script}}})();\n".encode()

    return store.file("vega-bundle", VEGALITE, ".js", pack)
