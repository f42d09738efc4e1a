"""The book as an EPUB 3, by Sphinx's own builder over the recorded outputs; nothing is executed.

Formulas are MathML, the form that the standard asks of reading systems; interactive figures are
their static pictures; solutions, hints and answers fold where a reader can fold.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from clikit.errors import Exit, UserError

from press.config import EPOCH, Project
from press.execute import state
from press.site import context, render

BUILDER = "press.site.export.epub_builder"


def make(project: Project, tell: Callable[[str], object] = print) -> Path:
    """Write `_build/epub/TITLE.epub`; raises UserError for a stale page or a warning."""
    current = state.look(project)
    stale = [slug for slug in current.slugs if slug not in current.records]
    if stale:
        raise UserError(f"not executed since they changed: {', '.join(stale)}", "make book")
    pages = [(current.load_chapter(slug), current.records[slug]) for slug in current.slugs]
    folder = project.work / "epub"
    shutil.rmtree(folder, ignore_errors=True)
    config = {**render.configuration(project, pages), **settings(project)}
    config["extensions"] = [*config["extensions"], BUILDER]
    # numbers lead to printed lines only where a script shows what is known of the line
    book = replace(context.read(project, pages, current.store), provenance={})
    tell(f"press: {len(pages)} pages as EPUB")
    warnings = _sphinx(project, config, folder, book)
    if warnings:
        raise UserError(f"Sphinx warned:\n{warnings}", "fix the page it names", Exit.FINDINGS)
    target = project.build / "epub" / f"{config['epub_basename']}.epub"
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(folder / "out" / target.name, target)
    return target


def settings(project: Project) -> dict[str, Any]:
    """What the builder must know of the book."""
    title = context.title(project)
    author = context.author(project) or title
    address = context.baseurl(project)
    return {
        "epub_theme": "epub-book",
        "epub_title": title,
        "epub_basename": title.lower().replace(" ", "-"),
        "epub_author": author,
        "epub_contributor": author,
        "epub_publisher": author,
        "epub_copyright": context.rights(project) or author,
        "epub_description": title,
        "epub_identifier": address or f"urn:book:{title.lower().replace(' ', '-')}",
        "epub_scheme": "URL",
        "epub_uid": "book-id",
        "epub_cover": ("_static/cover.png", "cover.html"),
        "epub_post_files": [("license.xhtml", "License")],
        "epub_tocscope": "includehidden",
        "epub_tocdepth": 2,
        "epub_tocdup": False,
        "epub_show_urls": "no",
        "epub_use_index": False,
        "version": context.version(project) or "1",
    }


def _sphinx(project: Project, config: dict[str, Any], folder: Path, book: context.Context) -> str:
    """Run Sphinx and return its warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    os.environ.setdefault("SOURCE_DATE_EPOCH", EPOCH)
    warnings = io.StringIO()
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(
            srcdir=str(project.book),
            confdir=None,
            outdir=str(folder / "out"),
            doctreedir=str(folder / "doctrees"),
            buildername="epub",
            confoverrides=config,
            status=None,
            warning=warnings,
        )
        app.press_context = book  # type: ignore[attr-defined]
        app.build()
    return click.unstyle(warnings.getvalue()).strip()
