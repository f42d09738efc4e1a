"""Run the book with another interpreter or environment and report which printed numbers changed.

It writes no record, no expectation and no site. Maintainers run it before an upgrade.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field

from clikit.errors import Exit, UserError

from press.checks.numbers import PRINTED
from press.config import Project, kernel_env
from press.execute import changes, compare
from press.execute.run import Fault, Run
from press.machines import runs
from press.source.chapter import Chapter


@dataclass
class CellDrift:
    """One cell whose output differs."""

    cell: int
    line: int
    diff: str
    worst_relative: float | None  # None when more than numbers differ


@dataclass
class ChapterDrift:
    """One chapter under the other interpreter."""

    slug: str
    cells: list[CellDrift] = field(default_factory=list)
    fault: Fault | None = None
    expected: str = ""  # of its expectation, see `version`

    @property
    def differs(self) -> bool:
        """Whether anything is not as expected."""
        return bool(self.cells or self.fault)


def interpreter(path: str, project: Project) -> tuple[str, str]:
    """The interpreter and its description; refused when it is missing or cannot run a kernel."""
    python = shutil.which(path) or path
    probe = "import sys, ipykernel; print('Python', sys.version.split()[0], 'at', sys.prefix)"
    command = [python, "-c", probe]
    env = kernel_env(project)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(
            f"{path!r} cannot be run: {error}",
            "name a Python interpreter, for example .venv-new/bin/python",
            Exit.USAGE,
        ) from error
    if done.returncode:
        raise UserError(
            f"{path!r} cannot start a kernel: {done.stderr.strip().splitlines()[-1:]}",
            f"{path} -m pip install ipykernel, and what the book needs",
            Exit.USAGE,
        )
    return python, done.stdout.strip()


def drift(
    project: Project,
    slugs: list[str],
    quiet: bool = False,
    env: dict[str, str] | None = None,
    python: str = sys.executable,
) -> list[ChapterDrift]:
    """Execute `slugs` with `python` in `env`, and compare with the committed expectations."""
    executed = runs.execute(project, runs.pages(project, slugs), quiet, env, python)
    return [judged(project, page, run) for page, run in executed]


def judged(project: Project, page: Chapter, run: Run) -> ChapterDrift:
    """An execution beside the committed expectation: the cells that differ."""
    result = ChapterDrift(page.slug, fault=run.fault, expected=changes.version(project, page.slug))
    expectation = runs.expectation(project, page)
    if run.fault is None:
        for cell, expected, got in zip(page.cells, expectation["cells"], run.outputs, strict=True):
            wanted = expected["outputs"]
            if not compare.same(got, wanted):
                size = worst(compare.as_text(wanted), compare.as_text(got))
                diff = compare.diff(wanted, got)
                result.cells.append(CellDrift(cell.number, cell.line, diff, size))
    return result


def worst(before: str, after: str) -> float | None:
    """Largest relative difference when only numbers differ; None when the words differ too."""
    if PRINTED.sub("#", before) != PRINTED.sub("#", after):
        return None
    gaps = [0.0]
    for pair in zip(PRINTED.findall(before), PRINTED.findall(after), strict=True):
        old, new = (float(number.replace(",", "").replace("−", "-")) for number in pair)
        gaps.append(abs(old - new) / max(abs(old), abs(new), 1e-300))
    return max(gaps)


def markdown(about: str, chapters: list[ChapterDrift]) -> str:
    """The report as Markdown, ready for an issue."""
    moved = [chapter for chapter in chapters if chapter.differs]
    lines = [f"# Drift under {about}", "", f"{len(chapters)} chapters run, {len(moved)} differ."]
    for chapter in moved:
        lines += details(chapter, chapter.slug)
    return "\n".join(lines) + "\n"


def details(chapter: ChapterDrift, title: str) -> list[str]:
    """A section of a report: why a chapter failed, or the diff of each of its cells."""
    lines = ["", f"## {title}"]
    if chapter.fault:
        lines += ["", f"Cell {chapter.fault.cell} failed: {chapter.fault.what}"]
    for cell in chapter.cells:
        place = f"Cell {cell.cell} (book/{chapter.slug}.md:{cell.line})"
        size = "the words differ"
        if cell.worst_relative is not None:
            size = f"largest relative difference {cell.worst_relative:.1e}"
        lines += ["", f"{place}, {size}:", "", "```diff", cell.diff, "```"]
    return lines
