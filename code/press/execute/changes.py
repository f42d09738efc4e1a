"""When each printed line last changed: by the acceptances, or by the history of the expectations.

`book/_assets/reports/changes.json` holds, for each page and cell, the lines that changed on a date:
`{"data/model": {"3": {"2026-11-21": [1, 2]}}}`. It is committed, because a clone without history
must build the same site. A line without an entry has no date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from difflib import SequenceMatcher
from typing import Any

import nbformat
from clikit.files import sha, write_atomic

from press.config import Project
from press.execute import expectations
from press.source import committed
from press.source.git import git

FILE = "book/_assets/reports/changes.json"
Lines = list[tuple[int, int, str]]  # cell, row (both 1-based), text
Dates = dict[tuple[int, int], str]  # (cell, row) -> ISO date
Report = dict[str, dict[str, dict[str, list[int]]]]


def today() -> str:
    """The date of an acceptance, the same in every time zone."""
    return datetime.now(UTC).date().isoformat()


def lines(notebook: dict[str, Any]) -> Lines:
    """Every line of text in the outputs of a notebook, images left out."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    result = []
    for number, cell in enumerate(code, 1):
        outputs = expectations.minimal_outputs(cell["outputs"])
        rows = [row for output in outputs for row in _rows(output)]
        result += [(number, row, text) for row, text in enumerate(rows, 1)]
    return result


def _rows(output: dict[str, Any]) -> list[str]:
    if output["output_type"] == "stream":
        text = output["text"]
    elif output["output_type"] == "error":
        text = output["evalue"]
    else:
        text = output["data"].get("text/plain", "")
    return text.removesuffix("\n").split("\n")


def expected(project: Project, slug: str) -> Lines:
    """The lines of a page's expectation; none when there is no expectation that can be read."""
    try:
        return lines(expectations.load(project.expectation(slug)))
    except (OSError, ValueError):
        return []


def version(project: Project, slug: str) -> str:
    """Digest of the lines that a page is expected to print: a report says which ones it met."""
    return sha(expected(project, slug))[:16]


def load(project: Project) -> Report:
    """The committed report; empty when there is none. Raises UserError for a damaged one."""
    return committed.read(project.root, FILE, _report, {})


def _report(value: Any) -> Report:
    """Pages, cells, dates, rows."""
    for slug, cells in committed.table(value).items():
        for number, days in cells.items():
            int(number)
            for day, rows in days.items():
                date.fromisoformat(day)
                if not all(type(row) is int for row in rows):
                    raise ValueError(f"{slug} has {rows!r:.40}, not numbers of lines")
    return value


def dates(report: Report, slug: str) -> Dates:
    """The date of each line of a page that has one."""
    return {
        (int(number), row): day
        for number, days in report.get(slug, {}).items()
        for day, rows in days.items()
        for row in rows
    }


def advance(before: Lines, known: Dates, after: Lines, day: str) -> Dates:
    """The dates of the lines `after` a change on `day`: lines that are as before keep theirs.

    An empty `day` gives none to the others.
    """
    old_texts = [text for _, _, text in before]
    new_texts = [text for _, _, text in after]
    result = {(cell, row): day for cell, row, _ in after if day}
    blocks = SequenceMatcher(None, old_texts, new_texts, autojunk=False).get_matching_blocks()
    for match in blocks:
        for step in range(match.size):
            old, new = before[match.a + step], after[match.b + step]
            result.pop(new[:2], None)
            if old[:2] in known:
                result[new[:2]] = known[old[:2]]
    return result


def accept(project: Project, before: dict[str, Lines], day: str = "") -> None:
    """Note what changed in the expectations of these pages since they were `before`."""
    report = load(project)
    for slug, old in before.items():
        new = expected(project, slug)
        report[slug] = _entry(advance(old, dates(report, slug), new, day or today()))
    _write(project, report)


def fill(project: Project, slugs: list[str]) -> int:
    """Write the whole report from the history of the expectations; returns how many lines it dates.

    Lines that are not committed yet have no date. Raises UserError in a folder without history.
    """
    report = {}
    for slug in slugs:
        old: Lines = []
        known: Dates = {}
        for day, text in _versions(project, slug):
            new = lines(nbformat.v4.reads(text))
            known = advance(old, known, new, day)
            old = new
        report[slug] = _entry(advance(old, known, expected(project, slug), ""))
    _write(project, report)
    return sum(len(dates(report, slug)) for slug in report)


def _versions(project: Project, slug: str) -> Iterator[tuple[str, str]]:
    """(date, text) of each committed version of an expectation, the oldest first."""
    path = project.rel(project.expectation(slug))
    log = git(project, "log", "--follow", "--format=%x00%H %cs", "--name-only", "--", path)
    for block in reversed(log.split("\0")[1:]):
        head, _, name = block.strip().partition("\n\n")
        commit, day = head.split()
        yield day, git(project, "show", f"{commit}:./{name.strip() or path}")


def _entry(known: Dates) -> dict[str, dict[str, list[int]]]:
    """The dates of a page as the report has them."""
    cells: dict[str, dict[str, list[int]]] = {}
    for (cell, row), day in sorted(known.items()):
        cells.setdefault(str(cell), {}).setdefault(day, []).append(row)
    return cells


def _write(project: Project, report: Report) -> None:
    """Write the report with one cell a line; pages that are gone or print nothing have no entry."""
    pages = []
    for slug, cells in sorted(report.items()):
        if not project.page(slug).is_file() or not cells:
            continue
        rows = [f'  "{cell}": {json.dumps(days, sort_keys=True)}' for cell, days in cells.items()]
        pages.append(f" {json.dumps(slug)}: {{\n" + ",\n".join(rows) + "\n }")
    text = "{\n" + ",\n".join(pages) + "\n}\n" if pages else "{}\n"
    path = project.root / FILE
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
