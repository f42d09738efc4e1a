"""Hand the executed chapters to jupyter-cache, from which Sphinx takes the outputs.

The records are the truth and the cache is made from them: a damaged cache is thrown away and filled again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from press.config import Project
from press.execute.records import Record
from press.files import read_json, sha, write_json
from press.source.chapter import Chapter


def folder(project: Project) -> Path:
    return project.work / "jupyter-cache"


def executed(chapter: Chapter, record: Record) -> Any:
    """The page's notebook with the recorded outputs."""
    from copy import deepcopy

    from nbformat import from_dict

    notebook = deepcopy(chapter.notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, outputs, count in zip(code, record.outputs, record.counts, strict=True):
        cell.outputs = [from_dict(output) for output in outputs]
        cell.execution_count = count
    return notebook


def fill(project: Project, pages: list[tuple[Chapter, Record]]) -> None:
    """Put every page that has cells into the cache and see that each is found there again.

    Pages that `settle` saw there are left alone, as long as no file of the cache was touched since.
    """
    known = read_json(_memo(project)) or {}
    if known and known["files"] == _files(project):
        pages = [
            (chapter, record)
            for chapter, record in pages
            if known["pages"].get(chapter.slug) != _key(chapter, record)
        ]
    if not pages:
        return
    try:
        _fill(project, pages)
    except Exception:  # SQLite and file errors alike: the cache is only a copy
        shutil.rmtree(folder(project), ignore_errors=True)
        _fill(project, pages)


def settle(project: Project, pages: list[tuple[Chapter, Record]]) -> None:
    """Remember, after a render, what the cache holds."""
    write_json(
        _memo(project),
        {
            "files": _files(project),
            "pages": {chapter.slug: _key(chapter, record) for chapter, record in pages},
        },
    )


def _memo(project: Project) -> Path:
    return project.work / "cached.json"


def _key(chapter: Chapter, record: Record) -> str:
    return sha([record.digest, [(cell.source, cell.metadata) for cell in chapter.cells]])


def _files(project: Project) -> list[list[Any]]:
    """Name, size and time of every file of the cache."""
    found = []
    for path in sorted(folder(project).rglob("*")):
        if path.is_file():
            about = path.stat()
            found.append([str(path.relative_to(folder(project))), about.st_size, about.st_mtime_ns])
    return found


def _fill(project: Project, pages: list[tuple[Chapter, Record]]) -> None:
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    store = get_cache(str(folder(project)))
    for chapter, record in pages:
        if not chapter.cells:
            continue
        notebook = executed(chapter, record)
        if _holds(store, notebook, record):
            continue
        store.cache_notebook_bundle(
            CacheBundleIn(notebook, str(chapter.path), data={}),
            check_validity=False,
            overwrite=True,
        )
        if not _holds(store, notebook, record):
            raise LookupError(f"{chapter.slug} is not in the cache after it was put there")


def _holds(store: Any, notebook: Any, record: Record) -> bool:
    try:
        cached = store.get_cache_bundle(store.match_cache_notebook(notebook).pk).nb
    except KeyError:
        return False
    return [
        [dict(o) for o in cell.outputs] for cell in cached.cells if cell.cell_type == "code"
    ] == record.outputs
