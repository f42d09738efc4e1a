"""Run the book under other seeds and count in how many of them each check line holds.

A shift adds a multiple of a large prime to every seed that a page sets (`shift/sitecustomize.py`).
Printed digits may change; the lines that `check_lines` of book/press.yml describes may not. A shift
counts only when the control shows that every source of randomness draws other numbers.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError

from press.config import Project, kernel_env
from press.execute.run import Run
from press.machines import draws, runs
from press.machines.statements import Statement, statements
from press.source import settings
from press.source.chapter import Chapter
from press.tables import table

SHIFT = Path(__file__).parent / "shift"
VARIABLE = "GROUNDTRUTH_SEED_SHIFT"


@dataclass
class Survival:
    """In how many seeds a statement held."""

    statement: Statement
    held: int = 0
    of: int = 0


@dataclass
class Report:
    """All pages under all shifts."""

    seeds: int
    sources: list[str]  # of randomness, each shown to be shifted
    survivals: list[Survival] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def fragile(self, share: float = 0.95) -> list[Survival]:
        """Statements that held in fewer seeds than `share` of them."""
        return [row for row in self.survivals if row.held < share * row.of]

    def as_dict(self) -> dict[str, Any]:
        """The report as it is committed."""
        return {
            "seeds": self.seeds,
            "sources": self.sources,
            "statements": [
                {**asdict(row.statement), "held": row.held, "of": row.of} for row in self.survivals
            ],
            "faults": self.faults,
        }


def environment(project: Project, shift: int) -> dict[str, str]:
    """The environment of a kernel whose seeds are shifted; 0 shifts nothing."""
    env = {**kernel_env(project), **settings.load(project.book).seeds_env}
    env["PYTHONPATH"] = os.pathsep.join([str(SHIFT), env["PYTHONPATH"]])
    env[VARIABLE] = str(shift)
    return env


def control(project: Project, seeds: int) -> list[str]:
    """The sources of randomness; UserError when one of them draws the same under two shifts."""
    drawn = [_draws(environment(project, shift)) for shift in range(seeds + 1)]
    for name in drawn[0]:
        values = [json.dumps(draw[name]) for draw in drawn]
        repeated = [shift for shift, value in enumerate(values) if values.index(value) < shift]
        if repeated:
            raise UserError(
                f"{name} draws the same under shift {repeated[0]} as under another",
                f"shift it in {SHIFT.name}/sitecustomize.py",
                Exit.FINDINGS,
            )
    return list(drawn[0])


def _draws(env: dict[str, str]) -> dict[str, list[float]]:
    return runs.facts(Path(draws.__file__), env)


def run(
    project: Project,
    slugs: list[str],
    seeds: int,
    quiet: bool = False,
    report: Callable[[str], None] = print,
) -> Report:
    """Execute `slugs` under `seeds` shifts and compare their check lines with the expectations."""
    result = Report(seeds, control(project, seeds))
    pages = runs.pages(project, slugs)
    rows = {
        statement: Survival(statement) for page in pages for statement in _expected(project, page)
    }
    pages = [page for page in pages if any(row.slug == page.slug for row in rows)]
    for shift in range(1, seeds + 1):
        report(f"press: shift {shift} of {seeds}")
        for _, done in runs.execute(project, pages, quiet, environment(project, shift)):
            _count(project, done, rows)
            if done.fault:
                place = f"{done.slug}, shift {shift}, cell {done.fault.cell}"
                result.faults.append(f"{place}: {done.fault.what}")
    result.survivals = list(rows.values())
    return result


def _expected(project: Project, page: Chapter) -> list[Statement]:
    """The check lines of a page's expectation."""
    cells = runs.expectation(project, page)["cells"]
    return statements(project, page.slug, [cell["outputs"] for cell in cells])


def _count(project: Project, done: Run, rows: dict[Statement, Survival]) -> None:
    """Add one execution to the rows of its page."""
    printed = set(statements(project, done.slug, done.outputs))
    for statement, row in rows.items():
        if statement.slug == done.slug:
            row.of += 1
            row.held += statement in printed


def markdown(report: Report) -> str:
    """The report as Markdown: the counts, then every statement that did not always hold."""
    kinds = Counter(row.statement.kind for row in report.survivals)
    steady = Counter(row.statement.kind for row in report.survivals if row.held == row.of)
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
        for row in report.survivals
        if row.held < row.of
    ]
    if broken:
        lines += ["", *table(["page", "cell", "statement", "held"], broken)]
    if report.faults:
        lines += ["", *(f"- {fault}" for fault in report.faults)]
    return "\n".join(lines) + "\n"
