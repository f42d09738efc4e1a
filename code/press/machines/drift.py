"""Run the book with another interpreter or environment and report which printed numbers changed.

It writes no record, no expectation and no site. Maintainers run it before an upgrade.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass, field

from clikit.errors import Exit, UserError
from clikit.files import sha

from press.checks.numbers import PRINTED
from press.config import Project, kernel_env
from press.execute import changes, compare
from press.execute.kernels import run_many
from press.execute.run import Fault, Run
from press.progress import Progress
from press.source import chapter as chapters


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

    def as_dict(self) -> dict:
        return asdict(self)


def interpreter(path: str, project: Project) -> tuple[str, str]:
    """The interpreter and its description; refused when it is missing or cannot run a kernel."""
    python = shutil.which(path) or path
    probe = "import sys, ipykernel; print('Python', sys.version.split()[0], 'at', sys.prefix)"
    try:
        done = subprocess.run(
            [python, "-c", probe],
            capture_output=True,
            text=True,
            timeout=60,
            env=kernel_env(project),
        )
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
    project: Project, python: str, slugs: list[str], quiet: bool = False
) -> list[ChapterDrift]:
    """Execute `slugs` with `python` and compare with the committed expectations."""
    found: dict[str, ChapterDrift] = {}
    pages = [chapters.read(slug, project.page(slug)) for slug in slugs]
    pages = [page for page in pages if page.cells]
    by_slug = {page.slug: page for page in pages}
    progress = Progress(len(pages), sum(len(p.cells) for p in pages), quiet)

    def done(run: Run) -> None:
        progress.chapter(run.slug, run.seconds, len(by_slug[run.slug].cells), run.fault is None)
        found[run.slug] = judged(project, by_slug[run.slug], run)

    try:
        asyncio.run(run_many(project, pages, progress.cell, done, python))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return [found[slug] for slug in slugs if slug in found]


def version(project: Project, slug: str) -> str:
    """Digest of the lines that a page is expected to print: a report says which ones it met."""
    return sha(changes.expected(project, slug))[:16]


def judged(project: Project, page: chapters.Chapter, run: Run) -> ChapterDrift:
    """An execution beside the committed expectation: the cells that differ."""
    result = ChapterDrift(page.slug, fault=run.fault, expected=version(project, page.slug))
    want, findings = compare.pairing(project, page)
    if want is None:
        raise UserError(f"{page.slug}: {findings[0].what}", findings[0].fix, Exit.FINDINGS)
    if run.fault is None:
        for cell, expected, got in zip(page.cells, want["cells"], run.outputs, strict=True):
            if not compare.same(got, expected["outputs"]):
                before, after = compare.as_text(expected["outputs"]), compare.as_text(got)
                result.cells.append(
                    CellDrift(
                        cell.number,
                        cell.line,
                        compare.diff(expected["outputs"], got),
                        worst(before, after),
                    )
                )
    return result


def worst(before: str, after: str) -> float | None:
    """Largest relative difference when only numbers differ; None when the words differ too."""
    if PRINTED.sub("#", before) != PRINTED.sub("#", after):
        return None
    pairs = zip(PRINTED.findall(before), PRINTED.findall(after), strict=True)
    gaps = [
        abs(a - b) / max(abs(a), abs(b), 1e-300)
        for a, b in ((_float(x), _float(y)) for x, y in pairs)
    ]
    return max(gaps, default=0.0)


def _float(text: str) -> float:
    return float(re.sub(r"[,]", "", text).replace("−", "-"))


def markdown(about: str, found: list[ChapterDrift]) -> str:
    """The report as Markdown, ready for an issue."""
    moved = [c for c in found if c.cells or c.fault]
    rows = [f"# Drift under {about}", "", f"{len(found)} chapters run, {len(moved)} differ.", ""]
    for chapter in moved:
        rows += [f"## {chapter.slug}", ""]
        if chapter.fault:
            rows += [f"Cell {chapter.fault.cell} failed: {chapter.fault.what}", ""]
        for cell in chapter.cells:
            size = (
                "the words differ"
                if cell.worst_relative is None
                else f"largest relative difference {cell.worst_relative:.1e}"
            )
            rows += [
                f"Cell {cell.cell} (book/{chapter.slug}.md:{cell.line}), {size}:",
                "",
                "```diff",
                cell.diff,
                "```",
                "",
            ]
    return "\n".join(rows) + "\n"
