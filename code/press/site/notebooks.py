"""Every page as a notebook with its verified outputs, which runs wherever a reader opens it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from press.config import KERNELSPEC, Project
from press.execute.records import Record
from press.site import reader
from press.source.chapter import Chapter
from press.store import Store
from press.supply import wheel

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


def notebooks(
    project: Project, pages: list[tuple[Chapter, Record]], baseurl: str, store: Store
) -> dict[str, str]:
    """The downloadable notebook of each page with cells, by slug."""
    about = wheel.library(project)
    texts = {}
    for chapter, record in pages:
        if chapter.cells:
            install = install_cell(project, chapter, baseurl, about) if about else ""
            key = [chapter.text, record.digest, install]
            make = partial(_notebook, chapter, record, install)
            texts[chapter.slug] = store.get(f"notebooks/{chapter.slug}", key, make)
    return texts


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


def _notebook(chapter: Chapter, record: Record, install: str) -> str:
    import nbformat

    notebook: Any = reader.executed(chapter, record)
    if install:
        cell = nbformat.v4.new_code_cell(install)
        cell.metadata["tags"] = ["install"]
        notebook.cells.insert(0, cell)
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"cell-{number}"
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC})
    notebook.nbformat = 4
    notebook.nbformat_minor = 5
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
