"""Runs the copy of the press that a book carries, in a fork of a process that imported the rest.

A test that edits the press cannot run the one under `code/`; and importing Sphinx for each build
takes longer than the build. The fork server imports what other packages bring, never the press. A
process has one fork server, and that of the tests has imported the press (tests/warm.py), so this
one belongs to a process of its own.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import runpy
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PRELOADED = [
    "jupyter_book.config",
    "jupytext",
    "lxml.html",
    "myst_nb.sphinx_",
    "nbclient",
    "nbval.plugin",
    "sphinx.application",
    "sphinx.builders.html",
    "sphinx.builders.html.transforms",
    "sphinx_book_theme",
    "sphinx_copybutton",
    "sphinx_exercise",
    "sphinx_external_toc",
    "sphinx_proof",
    "sphinxcontrib.bibtex",
    "sphinxcontrib.katex",
    "fontTools.subset",
    "fontTools.ttLib.woff2",
    "brotli",
    "jsonschema",
]
LIMIT_S = 120


@dataclass(frozen=True)
class Outcome:
    """What one command of the press returned and printed."""

    code: int
    text: str


def press(root: Path, *arguments: str, path: tuple[Path, ...] = ()) -> Outcome:
    """Run `python -m press ARGUMENTS` in `root`, with the modules of `path` and of `root/code`."""
    return _owner().submit(_press, root, arguments, path).result()


@functools.cache
def _owner() -> ProcessPoolExecutor:
    """The process that owns the fork server."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _press(root: Path, arguments: tuple[str, ...], path: tuple[Path, ...]) -> Outcome:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    log = root / "press.log"
    entries = [str(entry) for entry in (*path, root / "code")]
    process = context.Process(target=_run, args=(str(root), arguments, entries, str(log)))
    process.start()
    process.join(LIMIT_S)
    if process.is_alive():
        process.kill()
        process.join()
    text = log.read_text(encoding="utf-8")
    log.unlink()
    assert process.exitcode is not None
    return Outcome(process.exitcode, text)


def _run(root: str, arguments: tuple[str, ...], entries: list[str], log: str) -> None:
    with open(log, "w", encoding="utf-8") as handle:
        for stream in (1, 2):
            os.dup2(handle.fileno(), stream)
    os.chdir(root)
    os.environ["PYTHONPATH"] = os.pathsep.join(entries)
    sys.path[:0] = entries
    sys.argv = ["press", "--root", root, *arguments]
    runpy.run_module("press", run_name="__main__", alter_sys=True)
