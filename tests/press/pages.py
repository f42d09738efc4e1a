"""Pages with given text and outputs, as the audits see them, without executing anything."""

from __future__ import annotations

from pathlib import Path

from press import checks, config
from press.checks.book import Book, Page
from press.execute.records import Record
from press.source import chapter

from tests.press import sample_book

Outputs = list[list[dict]]  # by cell


def book(folder: Path, pages: dict[str, str], outputs: dict[str, Outputs] | None = None) -> Book:
    """A book with these pages beside its index; without outputs a page prints nothing."""
    root = sample_book.make(folder, {"index": sample_book.chapter("Home"), **pages})
    project = config.load(root)
    return Book(project, [_page(project, slug, (outputs or {}).get(slug)) for slug in pages])


def _page(project: config.Project, slug: str, outputs: Outputs | None) -> Page:
    text = chapter.read(slug, project.page(slug))
    sources = [cell.source for cell in text.cells]
    printed = [[] for _ in sources] if outputs is None else outputs
    record = Record(slug, "", sources, printed, [1] * len(sources), 0.0, None)
    return Page(project, text, record)


def page(body: str, kind: str = "front") -> str:
    """A page of a kind with a title and this body."""
    return f"{sample_book.HEAD.replace('kind: front', f'kind: {kind}')}# T\n\n{body}\n"


def messages(
    folder: Path,
    audit: str,
    body: str,
    outputs: Outputs | None = None,
    slug: str = "front/x",
    kind: str = "front",
) -> list[str]:
    """What an audit says of one page."""
    given = None if outputs is None else {slug: outputs}
    sample = book(folder, {slug: page(body, kind)}, given)
    return [finding.what for finding in checks.run(sample, (audit,))]


def printed(text: str) -> dict:
    """An output of print."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def image(svg: str) -> dict:
    """An output with a static figure."""
    data = {"image/svg+xml": svg, "text/plain": "<Figure>"}
    return {"output_type": "display_data", "metadata": {}, "data": data}
