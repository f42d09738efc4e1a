"""Every page as a notebook with its verified outputs, which runs wherever a reader opens it."""

from __future__ import annotations

import json
from typing import Any

from press.config import KERNELSPEC, Project
from press.execute.records import Record
from press.site import reader
from press.site.export.plain import Code, Text
from press.source.chapter import Chapter
from press.supply import wheel

FOLDER = "_notebooks"  # of the site
INSTALL = """\
# The library of this book. In a checkout, or once installed, this does nothing.
import importlib.util
from pathlib import Path

NEEDED = "{modules}".split()
if not all(importlib.util.find_spec(module) for module in NEEDED):
    wheel = "{url}"
    for file in Path().glob("{pattern}"):  # a copy beside this notebook comes first
        wheel = file.absolute().as_uri()
    %pip install --quiet "{requirement} @ {{wheel}}"
    importlib.invalidate_caches()"""


def notebook(chapter: Chapter, record: Record, parts: list[Text | Code], install: str) -> str:
    """The downloadable notebook of a page: its texts as plain Markdown around its cells.

    Solutions stay folded: their texts by an element that folds, their cells by what notebooks know.
    """
    import nbformat

    source: Any = reader.executed(chapter, record)
    code = [cell for cell in source.cells if cell.cell_type == "code"]
    cells = [_install(install)] if install else []
    for part in parts:
        match part:
            case Text():
                cells.append(nbformat.v4.new_markdown_cell(part.markdown))
            case Code():
                cells.append(_cell(code[part.number - 1], part.fold))
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"cell-{number}"
    metadata = {"kernelspec": KERNELSPEC}
    whole = nbformat.v4.new_notebook(cells=cells, metadata=metadata, nbformat_minor=5)
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _install(source: str) -> Any:
    import nbformat

    return nbformat.v4.new_code_cell(source, metadata={"tags": ["install"]})


def _cell(cell: Any, fold: str) -> Any:
    """A code cell with the metadata that notebooks know: MyST's own says nothing to them."""
    tags = cell.metadata.get("tags", [])
    shown = {"tags": tags} if tags else {}
    if fold:
        shown["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
    elif "hide-input" in tags or "remove-input" in tags:
        shown["jupyter"] = {"source_hidden": True}
    cell.metadata = shown
    return cell


def install_cell(project: Project, chapter: Chapter, baseurl: str, about: wheel.Library) -> str:
    """The guarded cell that installs what the page imports; empty when nothing of ours is."""
    modules = wheel.modules(project, about, chapter)
    if not set(modules) & set(about.packages):
        return ""
    return INSTALL.format(
        modules=" ".join(modules),
        url=f"{baseurl.rstrip('/')}/_static/{about.file}",
        pattern=f"{about.name.replace('-', '_')}-*.whl",
        requirement=wheel.requirement(project, about, chapter),
    )
