"""How a page is built: its kind, title, sections and lengths, its sentences and its exercises."""

from __future__ import annotations

import re
from itertools import pairwise

from press.checks import entries, exercises, sentences
from press.checks.book import Book, Page
from press.checks.registry import audit
from press.errors import Finding
from press.source.prose import Line

RULE = "anatomy"


@audit(RULE, "the order of sections, lengths, one sentence a line, exercises with solutions")
def anatomy(book: Book) -> list[Finding]:
    """Departures from the rules of each page's kind."""
    return [finding for page in book.pages for check in CHECKS for finding in check(page)]


def _kind(page: Page) -> list[Finding]:
    return [page.finding(1, RULE, what, fix) for what, fix in page.front.problems]


def _title(page: Page) -> list[Finding]:
    heads = page.headings
    titles = [line for line in heads if line.heading == 1]
    if len(titles) == 1 and heads[0].heading == 1:
        return []
    what = "a page has exactly one first-level heading, and it comes first"
    fix = "make the title the only line that starts with one #"
    return [page.finding(heads[0].number if heads else 1, RULE, what, fix)]


def _sections(page: Page) -> list[Finding]:
    """The sections of the kind are there, in its order."""
    order = page.rules.sections
    titles = [section.title for section in page.sections]
    findings = [
        page.finding(
            1, RULE, f"the section {title!r} is missing", f"add a second-level heading {title!r}"
        )
        for title in order
        if title not in titles
    ]
    fixed = [section for section in page.sections if section.title in order]
    for former, latter in pairwise(fixed):
        if order.index(latter.title) < order.index(former.title):
            what = f"{latter.title!r} comes before {former.title!r} on every page of this kind"
            findings.append(page.finding(latter.line, RULE, what, "move the section"))
    return findings


def _promise(page: Page) -> list[Finding]:
    if not page.rules.promise:
        return []
    for block in page.blocks:
        if block.name == "admonition" and "promise" in block.options.get("class", ""):
            return []
    fix = "open with an admonition of class promise: what the reader will be able to do"
    return [page.finding(1, RULE, "the promise is missing", fix)]


def _cells(page: Page) -> list[Finding]:
    """The length of each cell, and its last character."""
    limit = page.settings.limits.cell_lines
    findings = []
    for cell in page.chapter.cells:
        rows = [row for row in cell.source.split("\n") if row.strip()]
        if len(rows) > limit:
            what = f"the cell has {len(rows)} lines, more than {limit}"
            fix = "move plumbing into a module or split the cell"
            findings.append(page.finding(cell.line, RULE, what, fix, cell.number))
        if rows and rows[-1].rstrip().endswith(";"):
            what = "a trailing semicolon does not hide an output everywhere"
            findings.append(
                page.finding(cell.line, RULE, what, "assign the value to _ instead", cell.number)
            )
    return findings


def _lengths(page: Page) -> list[Finding]:
    """Words and cells of the whole page, outside the sections that are taken one item at a time."""
    findings = []
    if limits := page.rules.words:
        count = sum(
            sentences.word_count(words) for line, words in page.words if _counts(page, line)
        )
        if not limits.holds(count):
            what = f"the page has {count:,} words, outside {limits}"
            fix = "a thin page lacks something; a long one is two pages"
            findings.append(page.finding(1, RULE, what, fix))
    if limits := page.rules.cells:
        count = sum(page.in_main_part(cell.line) for cell in page.chapter.cells)
        if not limits.holds(count):
            what = f"the page has {count} cells, outside {limits}"
            findings.append(page.finding(1, RULE, what, "show more, or split"))
    return findings


def _counts(page: Page, line: Line) -> bool:
    return page.in_main_part(line.number)


def _keep(page: Page) -> list[Finding]:
    """The section that sums up has few items."""
    title = page.settings.sections.keep
    limit = page.settings.limits.keep_lines
    for section in page.sections:
        if section.title != title:
            continue
        items = [
            line
            for line in page.lines
            if section.holds(line.number) and re.match(r"[-*] ", line.text)
        ]
        if len(items) > limit:
            what = f"{title!r} has more than {limit} lines"
            return [page.finding(items[limit].number, RULE, what, "keep less")]
    return []


def _outputs_are_read(page: Page) -> list[Finding]:
    """Between two cells that print, a sentence reads the first output."""
    findings = []
    for cell, following in pairwise(page.chapter.cells):
        if not (page.outputs(cell.number) and page.outputs(following.number)):
            continue
        if not any(cell.line < line.number < following.line for line in page.lines):
            what = f"no sentence after cell {cell.number} explains its output"
            fix = "say before or after the cell what its output shows, or cut it"
            findings.append(page.finding(following.line, RULE, what, fix, cell.number))
    return findings


def _nothing_warns(page: Page) -> list[Finding]:
    """A warning names files of one computer, and tells a reader that something is wrong."""
    findings = []
    for cell in page.chapter.cells:
        warnings = [
            " ".join("".join(output["text"]).split())
            for output in page.outputs(cell.number)
            if output.get("name") == "stderr"
        ]
        if any(warnings):
            what = f"the cell writes to stderr: {next(filter(None, warnings))[:120]}"
            fix = "fix what it warns of, or print to stdout what the reader should see"
            findings.append(page.finding(cell.line, RULE, what, fix, cell.number))
    return findings


CHECKS = (
    _kind,
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
