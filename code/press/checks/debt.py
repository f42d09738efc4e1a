"""How many departures pages that are older than a rule may still have: `book/debt.yml`.

The counts may only fall. A page above its count gets a finding, and so does a page below it,
because the count must then be lowered: `python -m press audit --lower` does that, and never raises
one. The list lies beside the pages and not among the expectations, because what an author edits
there decides what it says, and because a build already looks at every file of `book/`.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import yaml
from clikit.errors import Exit, UserError
from clikit.files import write_atomic

from press.checks.book import Book, Page
from press.errors import Finding
from press.source import toc
from press.source.settings import read_yaml

NAME = "book/debt.yml"
SHOWN = 30  # departures listed in one finding
OF_OUTPUTS = ("output-width", "claims")  # rules that need the recorded outputs of a page
HEAD = """\
# Departures from rules that came after these pages, counted by page and rule. They may only fall:
# `python -m press audit --lower` lowers what a rewritten page no longer needs. A new page has none.
"""
Counts = dict[str, dict[str, int]]


def load(book: Path) -> Counts:
    """The counts by page and rule. Raises UserError when the file is not such a table."""
    path = book / "debt.yml"
    if not path.is_file():
        return {}
    fix = "correct it, or git checkout -- book/debt.yml"
    try:
        text = path.read_text(encoding="utf-8")
        raw = read_yaml(text) or {}
        rows = [(page, rule, n) for page, counts in raw.items() for rule, n in counts.items()]
    except (OSError, UnicodeError, AttributeError, yaml.YAMLError) as error:
        raise UserError(f"{NAME} cannot be read: {error}", fix, Exit.USAGE) from error
    for page, rule, count in rows:
        if type(count) is not int or count < 1:
            what = f"{NAME}: {page}, {rule} is {count!r}, not a whole number above 0"
            raise UserError(what, fix, Exit.USAGE)
    return raw


def save(book: Path, counts: Counts) -> None:
    """Write the counts, one page a line, so that two branches rarely touch the same line."""
    rows = []
    for page in sorted(counts):
        items = ", ".join(f"{rule}: {n}" for rule, n in sorted(counts[page].items()) if n)
        if items:
            rows.append(f"{page}: {{{items}}}\n")
    write_atomic(book / "debt.yml", HEAD + "".join(rows))


def settle(book: Book, rules: tuple[str, ...], findings: list[Finding]) -> list[Finding]:
    """What remains of the findings of counted rules when the counts of the pages are taken off."""
    if not rules:
        return findings
    counts = load(book.project.book)
    by_page = _by_page(findings)
    settled = [finding for finding in findings if finding.rule not in rules]
    for page in book.pages:
        for rule in rules:
            allowed = counts.get(page.slug, {}).get(rule, 0)
            departures = by_page.get((page.slug, rule), [])
            settled += _judge(page, rule, departures, allowed)
    return settled + _unknown_pages(book, rules, counts)


def _unknown_pages(book: Book, rules: tuple[str, ...], counts: Counts) -> list[Finding]:
    """Lines of the list for pages that the book has not."""
    slugs = set(toc.slugs(book.project)) if counts else set()
    what = "the book has no page {!r}"
    fix = "remove the line: python -m press audit --lower"
    return [
        Finding(NAME, 0, rules[0], what.format(slug), fix)
        for slug in sorted(set(counts) - slugs)
        if any(rule in counts[slug] for rule in rules)
    ]


def _judge(page: Page, rule: str, departures: list[Finding], allowed: int) -> list[Finding]:
    count = len(departures)
    if count == allowed or (count < allowed and not _judged(page, rule)):
        return []
    if allowed == 0:
        return departures
    if count > allowed:
        listed = [f"{item.path}:{item.line} {item.what}" for item in departures[:SHOWN]]
        if count > SHOWN:
            listed.append(f"and {count - SHOWN} more")
        what = f"{count} findings, more than the {allowed} that {NAME} allows this page"
        fix = f"fix what you added: {departures[0].fix}"
        return [page.finding(1, rule, what, fix, detail="\n".join(listed))]
    what = f"{count} findings, fewer than the {allowed} that {NAME} allows this page"
    return [page.finding(1, rule, what, "lower the count: python -m press audit --lower")]


def _judged(page: Page, rule: str) -> bool:
    """Whether this run can count the rule: outputs of a stale page are not at hand."""
    return page.record is not None or rule not in OF_OUTPUTS


def _by_page(findings: list[Finding]) -> dict[tuple[str, str], list[Finding]]:
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.chapter, finding.rule].append(finding)
    return groups


def lower(book: Book, rules: tuple[str, ...], findings: list[Finding]) -> dict[str, int]:
    """Lower each count to the number of findings; how much each rule fell. Never raises a count."""
    counts = load(book.project.book)
    pages = {page.slug: page for page in book.pages}
    by_page = _by_page(findings)
    fallen: dict[str, int] = defaultdict(int)
    for slug, row in counts.items():
        for rule in row:
            if slug in pages and not (rule in rules and _judged(pages[slug], rule)):
                continue
            count = min(row[rule], len(by_page.get((slug, rule), [])))
            fallen[rule] += row[rule] - count
            row[rule] = count
    save(book.project.book, counts)
    return {rule: n for rule, n in fallen.items() if n}
