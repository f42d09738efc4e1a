"""The licences of everything that the site ships and somebody else wrote, in one text."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from clikit.errors import Exit, UserError

from press.config import Project
from press.source import settings

# what lies in the site -> the package that it comes from
SHIPPED = {
    "Colors of listings": "accessible-pygments",
    "The script that draws interactive figures, as packed by vl-convert": "vl-convert-python",
}
NPM = ("katex", "minisearch", "ts-fsrs")  # what the site takes from node_modules
VEGA = Path(__file__).parent.parent / "site" / "theme" / "vega-licence.txt"


def text(project: Project) -> str:
    """All of them; UserError when a package has no license file, since it must not be shipped."""
    parts = {f"{what}: {name}": _required(name) for what, name in SHIPPED.items()}
    modules = project.root / "node_modules"
    for title, path in (
        ("Vega, Vega-Lite and Vega-Embed, inside that script", VEGA),
        ("KaTeX: formulas, their style sheet and fonts", modules / "katex" / "LICENSE"),
        ("MiniSearch: the engine of the search", modules / "minisearch" / "LICENSE.txt"),
        ("ts-fsrs: when a card is due", modules / "ts-fsrs" / "LICENSE"),
    ):
        parts[title] = path.read_text(encoding="utf-8")
    notice = settings.load(project.book).license_notice + "\n"
    return "\n".join([notice, *(_section(title, body) for title, body in parts.items())])


def text_of(dist: metadata.Distribution) -> str | None:
    """The licence file of an installed package, or None where it has none."""
    for file in dist.files or []:
        if ".dist-info" in str(file) and file.name.upper().startswith(("LICEN", "COPYING")):
            return file.read_text(encoding="utf-8")
    return None


def _required(name: str) -> str:
    body = text_of(metadata.distribution(name))
    if body is None:
        raise UserError(
            f"{name} is shipped in the site and has no licence file",
            "look its licence up before you ship it",
            Exit.ENVIRONMENT,
        )
    return body


def _section(title: str, body: str) -> str:
    lines = [line.rstrip() for line in body.strip().splitlines()]
    return "\n".join(["=" * 80, title, "=" * 80, "", *lines, ""])
