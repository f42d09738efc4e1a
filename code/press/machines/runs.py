"""What drift, profiles and seeds share: pages executed aside, and programs that report facts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError

from press.config import Project
from press.execute import compare
from press.execute.kernels import run_many
from press.execute.run import Run
from press.progress import Progress
from press.source import chapter as chapters
from press.source.chapter import Chapter

FACTS_TIMEOUT_S = 300


def pages(project: Project, slugs: list[str]) -> list[Chapter]:
    """Those of the pages that have cells."""
    return [page for slug in slugs if (page := chapters.read(slug, project.page(slug))).cells]


def expectation(project: Project, page: Chapter) -> dict[str, Any]:
    """The committed expectation of a page. Raises UserError where there is none."""
    notebook, findings = compare.pairing(project, page)
    if notebook is None:
        raise UserError(f"{page.slug}: {findings[0].what}", findings[0].fix, Exit.FINDINGS)
    return notebook


def execute(
    project: Project,
    pages: list[Chapter],
    quiet: bool,
    env: dict[str, str] | None = None,
    python: str = sys.executable,
) -> list[tuple[Chapter, Run]]:
    """Each page with its execution, in order; no record of it is kept."""
    progress = Progress(len(pages), sum(len(page.cells) for page in pages), quiet)
    cells = {page.slug: len(page.cells) for page in pages}
    runs: dict[str, Run] = {}

    def done(run: Run) -> None:
        progress.chapter(run.slug, run.seconds, cells[run.slug], run.fault is None)
        runs[run.slug] = run

    try:
        asyncio.run(run_many(project, pages, progress.cell, done, python, env))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return [(page, runs[page.slug]) for page in pages]


def facts(program: Path, env: dict[str, str], folder: Path | None = None) -> dict[str, Any]:
    """What a program prints as JSON when it runs in `env`. Raises UserError when it fails."""
    done = subprocess.run(
        [sys.executable, str(program)],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=FACTS_TIMEOUT_S,
    )
    if done.returncode:
        raise UserError(
            f"{program.name} failed: {done.stderr.strip().splitlines()[-1:]}",
            f"run {program} by hand in that environment",
            Exit.FINDINGS,
        )
    return json.loads(done.stdout)
