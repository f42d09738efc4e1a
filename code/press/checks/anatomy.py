"""How a page is built: its kind, title, sections and lengths, its sentences and its exercises."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from press.checks import entries, exercises, sentences
from press.checks.book import Page
from press.checks.registry import page_audit
from press.errors import Finding

RULE = "anatomy"


@page_audit(RULE, "the order of sections, lengths, one sentence a line, exercises with solutions")
def anatomy(page: Page) -> Iterator[Finding]:
    """Departures from the rules of the page's kind."""
    for what, fix in page.front.problems:
        yield page.finding(1, RULE, what, fix)
    for check in CHECKS:
        yield from check(page)


def _title(page: Page) -> Iterator[Finding]:
    heads = page.headings
    if [line.heading for line in heads].count(1) != 1 or heads[0].heading != 1:
        what = "a page has exactly one first-level heading, and it comes first"
        fix = "make the title the only line that starts with one #"
        yield page.finding(heads[0].number if heads else 1, RULE, what, fix)


def _sections(page: Page) -> Iterator[Finding]:
    """The sections of the kind are there, in its order."""
    order = page.rules.sections
    titles = [section.title for section in page.sections]
    for title in order:
        if title not in titles:
            what = f"the section {title!r} is missing"
            yield page.finding(1, RULE, what, f"add a second-level heading {title!r}")
    fixed = [section for section in page.sections if section.title in order]
    for former, latter in pairwise(fixed):
        if order.index(latter.title) < order.index(former.title):
            what = f"{latter.title!r} comes before {former.title!r} on every page of this kind"
            yield page.finding(latter.line, RULE, what, "move the section")


def _promise(page: Page) -> Iterator[Finding]:
    boxes = [block.options.get("class", "") for block in page.blocks if block.name == "admonition"]
    if page.rules.promise and not any("promise" in classes for classes in boxes):
        fix = "open with an admonition of class promise: what the reader will be able to do"
        yield page.finding(1, RULE, "the promise is missing", fix)


def _cells(page: Page) -> Iterator[Finding]:
    """The length of each cell, and its last character."""
    limit = page.settings.limits.cell_lines
    for cell in page.chapter.cells:
        rows = [row for row in cell.source.split("\n") if row.strip()]
        if len(rows) > limit:
            what = f"the cell has {len(rows)} lines, more than {limit}"
            fix = "move plumbing into a module or split the cell"
            yield page.finding(cell.line, RULE, what, fix, cell.number)
        if rows and rows[-1].rstrip().endswith(";"):
            what = "a trailing semicolon does not hide an output everywhere"
            yield page.finding(cell.line, RULE, what, "assign the value to _ instead", cell.number)


def _lengths(page: Page) -> Iterator[Finding]:
    """Words and cells of the whole page, outside the sections that are taken one item at a time."""
    words = sum(
        sentences.word_count(text) for line, text in page.words if page.in_main_part(line.number)
    )
    cells = sum(page.in_main_part(cell.line) for cell in page.chapter.cells)
    for count, limits, thing, fix in (
        (words, page.rules.words, "words", "a thin page lacks something; a long one is two pages"),
        (cells, page.rules.cells, "cells", "show more, or split"),
    ):
        if limits and not limits.holds(count):
            what = f"the page has {count:,} {thing}, outside {limits}"
            yield page.finding(1, RULE, what, fix)


def _keep(page: Page) -> Iterator[Finding]:
    """The section that sums up has few items."""
    title = page.settings.sections.keep
    limit = page.settings.limits.keep_lines
    for section in page.sections:
        lines = [line for line in page.lines if section.holds(line.number)]
        items = [line for line in lines if line.text.startswith(("- ", "* "))]
        if section.title == title and len(items) > limit:
            what = f"{title!r} has more than {limit} lines"
            yield page.finding(items[limit].number, RULE, what, "keep less")


def _outputs_are_read(page: Page) -> Iterator[Finding]:
    """Between two cells that print, a sentence reads the first output."""
    for cell, following in pairwise(page.chapter.cells):
        if not (page.outputs(cell.number) and page.outputs(following.number)):
            continue
        if not any(cell.line < line.number < following.line for line in page.lines):
            what = f"no sentence after cell {cell.number} explains its output"
            fix = "say before or after the cell what its output shows, or cut it"
            yield page.finding(following.line, RULE, what, fix, cell.number)


def _nothing_warns(page: Page) -> Iterator[Finding]:
    """A warning names files of one computer, and tells a reader that something is wrong."""
    for cell in page.chapter.cells:
        outputs = page.outputs(cell.number)
        written = [output["text"] for output in outputs if output.get("name") == "stderr"]
        warning = " ".join("".join(part for text in written for part in text).split())
        if warning:
            what = f"the cell writes to stderr: {warning[:120]}"
            fix = "fix what it warns of, or print to stdout what the reader should see"
            yield page.finding(cell.line, RULE, what, fix, cell.number)


CHECKS = (
    _title,
    _sections,
    _promise,
    _cells,
    _lengths,
    _keep,
    sentences.check,
    exercises.check,
    entries.check,
    _outputs_are_read,
    _nothing_warns,
)
