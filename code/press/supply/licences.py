"""The licences of everything that the site ships and somebody else wrote, in one text."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from clikit.errors import Exit, UserError

from press.config import Project
from press.source import settings

# what lies in the site -> the package that it comes from
SHIPPED = {
    "Scripts of the search": "Sphinx",
    "Stemming of search words": "snowballstemmer",
    "Colors of listings": "accessible-pygments",
    "The script that draws interactive figures, as packed by vl-convert": "vl-convert-python",
}


def text(project: Project) -> str:
    """All of them; UserError when a package has no license file, since it must not be shipped."""
    parts = [settings.load(project.book).license_notice + "\n"]
    for what, name in SHIPPED.items():
        parts.append(_section(f"{what}: {name}", _of(name)))
    theme = Path(__file__).parent.parent / "site" / "theme"
    parts.append(
        _section(
            "Vega, Vega-Lite and Vega-Embed, inside that script",
            (theme / "vega-licence.txt").read_text(encoding="utf-8"),
        )
    )
    katex = project.root / "node_modules" / "katex" / "LICENSE"
    parts.append(
        _section("KaTeX: formulas, their style sheet and fonts", katex.read_text(encoding="utf-8"))
    )
    return "\n".join(parts)


def _of(name: str) -> str:
    """The licence file of an installed package."""
    for file in metadata.distribution(name).files or []:
        if ".dist-info" in str(file) and file.name.upper().startswith(("LICEN", "COPYING")):
            return file.read_text(encoding="utf-8")
    raise UserError(
        f"{name} is shipped in the site and has no licence file",
        "look its licence up before you ship it",
        Exit.ENVIRONMENT,
    )


def _section(title: str, body: str) -> str:
    lines = [line.rstrip() for line in body.strip().splitlines()]
    return "\n".join(["=" * 80, title, "=" * 80, "", *lines, ""])
