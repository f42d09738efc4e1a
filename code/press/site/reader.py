"""MyST-NB's reader of the book: pages as notebooks that hold their recorded outputs.

Sphinx executes nothing.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from clikit.files import sha

from press.execute.records import Record
from press.source.chapter import Chapter

# Sphinx names the reader by its import path and gives it the text of a page alone
_pages: dict[str, tuple[Chapter, Record]] = {}


def offer(pages: list[tuple[Chapter, Record]]) -> dict[str, Any]:
    """Have these pages ready for `read`; the settings of MyST-NB that use it."""
    _pages.clear()
    _pages.update({sha(chapter.text): (chapter, record) for chapter, record in pages})
    reader = f"{read.__module__}.{read.__qualname__}"
    return {"nb_custom_formats": {".md": reader}, "nb_execution_mode": "off"}


def read(text: str) -> Any:
    """The notebook of the page with this text; raises LookupError when it was not executed."""
    if sha(text) not in _pages:
        raise LookupError("this page has no recorded outputs; rendering never executes a cell")
    return executed(*_pages[sha(text)])


def executed(chapter: Chapter, record: Record) -> Any:
    """The notebook of a page with its recorded outputs."""
    from nbformat import from_dict

    notebook = deepcopy(chapter.notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, outputs, count in zip(code, record.outputs, record.counts, strict=True):
        cell.outputs = [from_dict(output) for output in outputs]
        cell.execution_count = count
    return notebook
