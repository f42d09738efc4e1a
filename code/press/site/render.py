"""Render with Sphinx, configured by Jupyter Book, into a folder from which the site is assembled.

Outputs come from jupyter-cache; a miss is an error, never a second execution. A marker stands while
Sphinx works: a render that was killed or that warned is never continued, its state is thrown away.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path
from typing import Any

from press.config import Project, node_folder
from press.errors import Finding
from press.execute import cache
from press.execute.records import Record
from press.files import read_json, write_json
from press.site import bibliography, context, katex
from press.source.chapter import Chapter
from press.store import Store

DISK = re.compile(r"OSError\((27|28|122), '([^']*)'\)")  # too large, no space, over quota
ANSI = re.compile(r"\x1b\[[0-9;]*m")
PLACE = re.compile(
    r"^(?P<path>.+?\.(?:md|py|bib|yml))(?::(?P<line>\d+))?: *"
    r"(?:WARNING|ERROR|CRITICAL|SEVERE): *(?P<what>.*)$"
)


def raw(project: Project) -> Path:
    return project.work / "raw"


def render(
    project: Project, pages: list[tuple[Chapter, Record]], store: Store | None = None
) -> list[Finding]:
    """Bring the raw pages up to date; every warning is a finding."""
    store = store or Store.of(project)
    doctrees, state = project.work / "doctrees", project.work / "render.json"
    marker = project.work / "rendering"
    known = read_json(state) or {}
    if marker.exists() or known.get("base") != store.base:
        shutil.rmtree(raw(project), ignore_errors=True)
        shutil.rmtree(doctrees, ignore_errors=True)
    project.work.mkdir(parents=True, exist_ok=True)
    marker.touch()
    for chapter, record in pages:  # Sphinx does not see that a cache entry changed
        if known.get("pages", {}).get(chapter.slug) != record.digest:
            (doctrees / f"{chapter.slug}.doctree").unlink(missing_ok=True)
    text = _sphinx(project, doctrees, context.read(project, pages, store))
    if full := DISK.search(text):  # Sphinx only warns when it cannot copy a file
        raise OSError(int(full[1]), full[2])
    findings = [_finding(project, block) for block in _blocks(text)]
    if not findings:
        write_json(state, {"base": store.base, "pages": {c.slug: r.digest for c, r in pages}})
        marker.unlink()
    return findings


def _sphinx(project: Project, doctrees: Path, book: context.Context) -> str:
    """Run Sphinx and return its warnings."""
    folder = node_folder()
    if folder:
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
    # two clean builds must not differ by the clock
    os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600")
    from jupyter_book.config import get_final_config
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    _never_execute()
    katex.repair()
    bibliography.repair()
    overrides: dict[str, Any] = {
        "latex_individualpages": False,
        "external_toc_path": str(project.root / "_toc.yml"),
        "nb_execution_mode": "cache",
        "nb_execution_cache_path": str(cache.folder(project)),
        "nitpicky": True,
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        config, _ = get_final_config(
            user_yaml=project.root / "_config.yml", cli_config=overrides, sourcedir=project.book
        )
    config.pop("comments_config", None)
    config["html_theme_options"] = {}  # Jupyter Book fills in those of the theme it expects
    warnings = io.StringIO()
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(
            srcdir=str(project.book),
            confdir=None,
            outdir=str(raw(project)),
            doctreedir=str(doctrees),
            buildername="html",
            confoverrides=config,
            status=None,
            warning=warnings,
            warningiserror=True,
            keep_going=True,
        )
        app.press_context = book  # type: ignore[attr-defined]
        app.connect("env-updated", _keep_index_entries)
        app.build()
    return ANSI.sub("", warnings.getvalue())


def _keep_index_entries(_: Any, env: Any) -> list[str]:
    """Sphinx forgets the index entries of pages that it does not write again: pass them on."""
    from sphinx.util.index_entries import split_index_msg

    for page, entries in env.domaindata["index"]["entries"].items():
        rows = {
            (part, target or "", main)
            for kind, value, target, main, _ in entries
            for part in split_index_msg(kind, value)
        }
        env._search_index_index_entries[page] = sorted(rows)
    return []


def _never_execute() -> None:
    import myst_nb.core.execute.cache as client

    def refuse(notebook: Any, **_: Any) -> Any:
        raise LookupError(
            "this page's outputs are not in the cache; rendering never executes a cell"
        )

    client.single_nb_execution = refuse


def _blocks(text: str) -> list[str]:
    """Warnings, one block each: a line that starts at the margin and what hangs from it."""
    blocks: list[str] = []
    for line in text.splitlines():
        if line.strip() in ("", "build finished with problems."):
            continue
        if (
            re.search(r"(WARNING|ERROR|CRITICAL|SEVERE):", line) and not line.startswith(" ")
        ) or not blocks:
            blocks.append(line)
        else:
            blocks[-1] += "\n" + line
    return blocks


def _finding(project: Project, block: str) -> Finding:
    first, _, rest = block.partition("\n")
    match = PLACE.match(first)
    path = project.rel(Path(match["path"])) if match else "book"
    what = match["what"] if match else first
    slug = path.removeprefix("book/").removesuffix(".md") if match else ""
    return Finding(
        path,
        int(match["line"] or 0) if match else 0,
        "render",
        what.strip(),
        "fix the page; a render with a warning is not published",
        rest,
        slug,
    )
