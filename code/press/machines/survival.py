"""The report of other seeds: in how many of them each check line of a page held, page by page.

It is committed, and the site reads it; a run replaces the rows of its pages. Each page has the
digest of what its check lines depend on, so that a page which changed since is shown as such.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError

from press.config import Project
from press.machines.statements import Statement
from press.tables import table

REPORT = "book/_assets/reports/seeds.json"
STANDARD = 0.95  # of the seeds, in which a check line holds


@dataclass
class Survival:
    """In how many seeds a statement held."""

    statement: Statement
    held: int = 0
    of: int = 0

    @property
    def is_fragile(self) -> bool:
        """Whether it held in fewer seeds than the standard asks for."""
        return self.held < STANDARD * self.of

    def is_stated(self, lines: Iterable[str]) -> bool:
        """Whether one of these sentences says in how many seeds it held."""
        seeds = r"(?:seeds\b|\{term\}`seeds)"  # the word may be linked to the glossary
        count = rf"\b{self.held} of (?:the )?{self.of} (?:other )?(?:random )?{seeds}"
        return any(re.search(count, line) for line in (*lines, self.statement.text))


@dataclass
class PageReport:
    """One page under all its shifts."""

    slug: str
    digest: str  # of what its check lines depend on
    rows: list[Survival] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def steady(self) -> int:
        """How many statements held in every seed."""
        return sum(row.held == row.of for row in self.rows)


@dataclass
class Report:
    """Pages under other seeds, and the control: the sources that drew other numbers in each."""

    sources: list[str] = field(default_factory=list)
    pages: list[PageReport] = field(default_factory=list)

    @property
    def rows(self) -> list[Survival]:
        """The statements of all pages."""
        return [row for page in self.pages for row in page.rows]

    @property
    def fragile(self) -> list[Survival]:
        """The statements that held in fewer seeds than the standard asks for."""
        return [row for row in self.rows if row.is_fragile]

    @property
    def seeds(self) -> str:
        """The number of seeds, or the least and the most of them."""
        counts = sorted({row.of for row in self.rows}) or [0]
        return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def committed(project: Project) -> Report:
    """The report of the project; empty where there is none."""
    return load(project.root / REPORT)


def load(path: Path) -> Report:
    """A report, empty where there is no file. Raises UserError for a damaged one."""
    if not path.exists():
        return Report()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        sources = [_of(str, source) for source in data["sources"]]
        pages = [_page(row) for row in data["pages"]]
        if len({page.slug for page in pages}) < len(pages):
            raise ValueError("a page stands in it twice")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path} is not a report of seeds: {error!r}",
            f"git checkout -- {path}, or name another file",
            Exit.USAGE,
        ) from error
    return Report(sources, pages)


def _of(kind: type, value: Any) -> Any:
    """`value`, which is of this type. Raises TypeError for another."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _page(data: dict[str, Any]) -> PageReport:
    slug = _of(str, data["slug"])
    rows = [_row(slug, row) for row in data["statements"]]
    faults = [_of(str, fault) for fault in data["faults"]]
    return PageReport(slug, _of(str, data["digest"]), rows, faults)


def _row(slug: str, data: dict[str, Any]) -> Survival:
    statement = Statement(
        slug, _of(int, data["cell"]), _of(str, data["kind"]), _of(str, data["text"])
    )
    row = Survival(statement, _of(int, data["held"]), _of(int, data["of"]))
    if not 0 <= row.held <= row.of or row.of < 1:
        raise ValueError(f"{statement.text!r} of {slug} held in {row.held} of {row.of} seeds")
    return row


def merged(old: Report, new: Report, slugs: list[str]) -> Report:
    """`old` with the pages of `new` in place of its own, in the order of `slugs`.

    Pages that are not in `slugs`, or have no check line any more, are left out. A source of
    randomness counts when it moved in both.
    """
    by = {page.slug: page for page in (*old.pages, *new.pages)}
    pages = [by[slug] for slug in slugs if slug in by and by[slug].rows]
    if not (old.pages and new.pages):
        return Report(new.sources or old.sources, pages)
    return Report([source for source in new.sources if source in old.sources], pages)


def text(report: Report) -> str:
    """The report as JSON with one statement a line: a difference shows what moved."""
    pages = []
    for page in report.pages:
        head = json.dumps({"slug": page.slug, "digest": page.digest}, ensure_ascii=False)[:-1]
        faults = json.dumps(page.faults, ensure_ascii=False)
        rows = ",\n".join(f"   {_line(row)}" for row in page.rows)
        pages.append(f'  {head}, "faults": {faults}, "statements": [\n{rows}\n  ]}}')
    body = ",\n".join(pages)
    return f'{{\n "sources": {json.dumps(report.sources)},\n "pages": [\n{body}\n ]\n}}'


def _line(row: Survival) -> str:
    about = row.statement
    values = {"cell": about.cell, "kind": about.kind, "text": about.text}
    return json.dumps({**values, "held": row.held, "of": row.of}, ensure_ascii=False)


def markdown(report: Report) -> str:
    """The report as Markdown: the counts, then every statement that did not always hold."""
    kinds = Counter(row.statement.kind for row in report.rows)
    steady = Counter(row.statement.kind for row in report.rows if row.held == row.of)
    counts = ([kind, count, steady[kind]] for kind, count in sorted(kinds.items()))
    lines = [
        "# Other seeds",
        "",
        f"{report.seeds} shifts of every seed; shown to move: {', '.join(report.sources)}.",
        "",
        *table(["kind", "statements", "held in every seed"], counts),
    ]
    broken = [
        [row.statement.slug, row.statement.cell, row.statement.text, f"{row.held} of {row.of}"]
        for row in report.rows
        if row.held < row.of
    ]
    if broken:
        lines += ["", *table(["page", "cell", "statement", "held"], broken)]
    if faults := [fault for page in report.pages for fault in page.faults]:
        lines += ["", *(f"- {fault}" for fault in faults)]
    return "\n".join(lines) + "\n"
