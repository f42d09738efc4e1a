"""Run the book under other seeds and count in how many of them each check line holds.

A shift adds a multiple of a large prime to every seed that a page sets (`shift/sitecustomize.py`).
Printed digits may change; the lines that `check_lines` of book/press.yml describes may not. A shift
counts only when the control shows that every source of randomness draws other numbers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from clikit.errors import Exit, UserError

from press.config import Project, kernel_env
from press.execute.run import Run
from press.machines import draws, runs, survival
from press.machines.dependence import Digests
from press.machines.statements import Statement, statements
from press.machines.survival import PageReport, Report, Survival
from press.source import chapter as chapters
from press.source import settings
from press.source.chapter import Chapter
from press.store import Store

SHIFT = Path(__file__).parent / "shift"
VARIABLE = "GROUNDTRUTH_SEED_SHIFT"


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
    sources = control(project, seeds)
    pages = runs.pages(project, slugs)
    digests = Digests(project, Store.of(project))
    results = {page.slug: PageReport(page.slug, digests.of(page)) for page in pages}
    for page in pages:
        results[page.slug].rows = [Survival(row) for row in _expected(project, page)]
    pages = [page for page in pages if results[page.slug].rows]
    for shift in range(1, seeds + 1):
        report(f"press: shift {shift} of {seeds}")
        for _, done in runs.execute(project, pages, quiet, environment(project, shift)):
            _count(project, done, results[done.slug])
            if done.fault:
                place = f"{done.slug}, shift {shift}, cell {done.fault.cell}"
                results[done.slug].faults.append(f"{place}: {done.fault.what}")
    return Report(sources, list(results.values()))


def gather(project: Project, slugs: list[str], folder: Path) -> Report:
    """The reports below a folder as one, of these pages. Raises UserError where there is none."""
    files = sorted(folder.rglob("*.json"))
    if not files:
        what = f"{folder} holds no report of seeds"
        raise UserError(what, "write one there: press seeds --report FILE", Exit.USAGE)
    result = Report()
    for file in files:
        result = survival.merged(result, survival.load(file), slugs)
    return result


def unstated(project: Project, report: Report) -> list[Survival]:
    """Statements that held in too few seeds, on pages where no sentence says in how many."""
    return [
        row for row in report.fragile if not row.is_stated(_sentences(project, row.statement.slug))
    ]


def _sentences(project: Project, slug: str) -> list[str]:
    page = chapters.read(slug, project.page(slug))
    return [line.text for line in page.prose.lines]


def _expected(project: Project, page: Chapter) -> list[Statement]:
    """The check lines of a page's expectation."""
    cells = runs.expectation(project, page)["cells"]
    return statements(project, page.slug, [cell["outputs"] for cell in cells])


def _count(project: Project, done: Run, result: PageReport) -> None:
    """Add one execution to the rows of its page."""
    printed = set(statements(project, done.slug, done.outputs))
    for row in result.rows:
        row.of += 1
        row.held += row.statement in printed
