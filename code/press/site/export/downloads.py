"""What a reader can download of each page, made from the rendered page and its recorded outputs."""

from __future__ import annotations

import posixpath
from functools import partial

from clikit.files import sha

from press.config import Project
from press.execute.records import Record
from press.site import context, notebooks
from press.site.export import markdown, plain
from press.source import toc
from press.source.chapter import Chapter
from press.store import Store
from press.supply import wheel


def files(
    project: Project, pages: list[tuple[Chapter, Record]], html: dict[str, str], store: Store
) -> dict[str, str]:
    """Path in the site -> content: a Markdown file and a notebook a page, and `llms.txt`."""
    base = context.baseurl(project)
    about = wheel.library(project)
    entries = plain.entries({chapter.slug: html[chapter.slug] for chapter, _ in pages})
    listed = sha(entries)
    texts: dict[str, str] = {}
    result = {}
    for chapter, record in pages:
        slug = chapter.slug
        install = notebooks.install_cell(project, chapter, base, about) if about else ""
        rendered = plain.Page(slug, html[slug], entries)
        key = [chapter.text, record.digest, sha(html[slug]), base, listed, install]
        make = partial(_page, chapter, record, rendered, install, base)
        texts[slug], notebook = store.get(f"downloads/{slug}", key, make)
        # it lies in the site, which need not be online
        result[f"{slug}.md"] = plain.relative(texts[slug], posixpath.dirname(slug))
        if notebook:
            result[f"{notebooks.FOLDER}/{slug}.ipynb"] = notebook
    order = toc.entries(project)
    title = context.title(project)
    result["llms.txt"] = markdown.index(title, base, order, html, texts)
    whole = _led(markdown.whole(order, texts), base, "")
    return {**result, "llms-full.txt": whole} if whole else result


def _page(
    chapter: Chapter, record: Record, rendered: plain.Page, install: str, base: str
) -> tuple[str, str]:
    """The Markdown of a page, whose links have no beginning yet, and its notebook."""
    parts = rendered.parts()
    text = markdown.page(chapter, record, parts)
    if not chapter.cells:
        return text, ""
    notebook = notebooks.notebook(chapter, record, parts, install)
    folder = posixpath.join(notebooks.FOLDER, posixpath.dirname(chapter.slug))
    return text, _led(notebook, base, folder)


def _led(text: str, base: str, folder: str) -> str:
    """A text that is read anywhere: its links lead to the published site, where there is one."""
    return plain.absolute(text, base) if base else plain.relative(text, folder)
