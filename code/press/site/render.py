"""Render with Sphinx, configured by Jupyter Book, into a folder from which the site is assembled.

Outputs come from the records, see `reader`; a page without one is an error, never an execution.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from typing import Any

import click

from press import patches
from press.config import EPOCH, Project, node_folder
from press.errors import Finding
from press.execute.records import Record
from press.site import anchors, context, reader
from press.site.incremental import Incremental
from press.source import configuration as sources
from press.source.chapter import Chapter
from press.store import Store

DISK = re.compile(r"OSError\((27|28|122), '([^']*)'\)")  # too large, no space, over quota
PLACE = re.compile(
    r"^(?P<path>.+?\.(?:md|py|bib|yml))(?::(?P<line>\d+))?: *"
    r"(?:WARNING|ERROR|CRITICAL|SEVERE): *(?P<what>.*)$"
)


def raw(project: Project) -> Path:
    return project.work / "raw"


def render(
    project: Project, pages: list[tuple[Chapter, Record]], store: Store, book: context.Context
) -> list[Finding]:
    """Bring the raw pages up to date; every warning is a finding."""
    outputs = {chapter.slug: record.digest for chapter, record in pages}
    incremental = Incremental(store, project.work, outputs)
    text = _sphinx(project, pages, incremental, book)
    if full := DISK.search(text):  # Sphinx only warns when it cannot copy a file
        raise OSError(int(full[1]), full[2])
    findings = [_finding(project, block) for block in _blocks(text)]
    if not findings:
        incremental.save()
        findings = anchors.lost(project, raw(project), list(outputs))
    return findings


def configuration(project: Project, pages: list[tuple[Chapter, Record]]) -> dict[str, Any]:
    """The configuration of Sphinx for these pages, which are never executed."""
    sources.load(project.root)
    folder = node_folder()
    if folder:
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
    # two clean builds must not differ by the clock
    os.environ.setdefault("SOURCE_DATE_EPOCH", EPOCH)
    from jupyter_book.config import get_final_config

    patches.katex()
    patches.bibliography()
    overrides: dict[str, Any] = {
        "latex_individualpages": False,
        "external_toc_path": str(project.root / "_toc.yml"),
        **reader.offer(pages),
        "nitpicky": True,
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        config, _ = get_final_config(
            user_yaml=project.root / "_config.yml", cli_config=overrides, sourcedir=project.book
        )
    config.pop("comments_config", None)
    config["html_theme_options"] = {}  # Jupyter Book fills in those of the theme it expects
    return config


def _sphinx(
    project: Project,
    pages: list[tuple[Chapter, Record]],
    incremental: Incremental,
    book: context.Context,
) -> str:
    """Run Sphinx and return its warnings."""
    config = configuration(project, pages)
    from sphinx.application import Sphinx
    from sphinx.errors import ExtensionError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = io.StringIO()
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(
            srcdir=str(project.book),
            confdir=None,
            outdir=str(raw(project)),
            doctreedir=str(project.work / "doctrees"),
            buildername="html",
            confoverrides=config,
            status=None,
            warning=warnings,
            warningiserror=True,
            keep_going=True,
        )
        app.press_context = book  # type: ignore[attr-defined]
        incremental.connect(app)
        try:
            app.build()
        except ExtensionError:  # some extensions name page and line in a warning, then stop
            if not warnings.getvalue().strip():
                raise
    return click.unstyle(warnings.getvalue())


def _blocks(text: str) -> list[str]:
    """Warnings, one block each: a line that starts at the margin and what hangs from it."""
    blocks: list[str] = []
    for line in text.splitlines():
        if line.strip() in ("", "build finished with problems."):
            continue
        is_first = re.search(r"(WARNING|ERROR|CRITICAL|SEVERE):", line) and line[0] != " "
        if is_first or not blocks:
            blocks.append(line)
        else:
            blocks[-1] += "\n" + line
    return blocks


def _finding(project: Project, block: str) -> Finding:
    first, _, rest = block.partition("\n")
    fix = "fix the page; a render with a warning is not published"
    match = PLACE.match(first)
    if not match:
        return Finding("book", 0, "render", first.strip(), fix, rest)
    path = project.rel(Path(match["path"]))
    slug = path.removeprefix("book/").removesuffix(".md")
    return Finding(path, int(match["line"] or 0), "render", match["what"].strip(), fix, rest, slug)
