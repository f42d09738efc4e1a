"""Run the book under emulated configurations: instruction sets, threads, hash seeds, locale.

Each profile is verified first: a canary computes in its environment, and the facts that the profile
claims to change must differ from the plain ones. A setting that this CPU ignores is reported, and
the profile does not count as passed.
"""

from __future__ import annotations

import asyncio
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from clikit.errors import Exit, UserError

from press.config import THREAD_KNOBS, Project, kernel_env
from press.execute.kernels import run_many
from press.execute.run import Run
from press.machines import canary
from press.machines.drift import ChapterDrift, judged
from press.progress import Progress
from press.source import chapter as chapters

AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
SSE = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
}
TWO = {knob: "2" for knob in THREAD_KNOBS}
ABROAD = {
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "POSIX",
    "LANG": "POSIX",
    "USER": "somebody",
    "LOGNAME": "somebody",
}


@dataclass(frozen=True)
class Profile:
    """One emulated configuration."""

    name: str
    what: str
    env: dict[str, str] = field(default_factory=dict)
    moves: tuple[str, ...] = ()  # facts of the canary that must differ from those of "plain"
    elsewhere: bool = False  # from a copy in another folder, with another home


ALL = {
    profile.name: profile
    for profile in (
        Profile("plain", "this computer, as the book is built"),
        Profile("avx2", "a CPU without AVX-512 (Haswell)", AVX2, ("openblas", "numpy", "aten")),
        Profile(
            "sse",
            "a CPU without AVX (Nehalem)",
            SSE,
            ("openblas", "numpy", "aten", "onednn", "mkl"),
        ),
        Profile(
            "zen",
            "OpenBLAS for Zen, torch with AVX2",
            {"OPENBLAS_CORETYPE": "Zen", "ATEN_CPU_CAPABILITY": "avx2"},
            ("openblas", "aten"),
        ),
        Profile(
            "sandybridge",
            "OpenBLAS for Sandy Bridge, torch without vectors",
            {"OPENBLAS_CORETYPE": "Sandybridge", "ATEN_CPU_CAPABILITY": "default"},
            ("openblas", "aten"),
        ),
        Profile(
            "prescott",
            "OpenBLAS for Prescott, NumPy with AVX2",
            {
                "OPENBLAS_CORETYPE": "Prescott",
                "NPY_DISABLE_CPU_FEATURES": AVX2["NPY_DISABLE_CPU_FEATURES"],
            },
            ("openblas", "numpy"),
        ),
        Profile(
            "numpy-sse",
            "NumPy without AVX",
            {"NPY_DISABLE_CPU_FEATURES": SSE["NPY_DISABLE_CPU_FEATURES"]},
            ("numpy",),
        ),
        Profile(
            "mkl-compatible",
            "MKL's one code path for every CPU",
            {"MKL_CBWR": "COMPATIBLE"},
            ("mkl",),
        ),
        Profile("onednn-sse", "oneDNN without AVX", {"ONEDNN_MAX_CPU_ISA": "SSE41"}, ("onednn",)),
        Profile("two-threads", "two threads in every library", TWO, ("torch threads", "torch sum")),
        Profile("hash-1", "another order of sets", {"PYTHONHASHSEED": "1"}, ("hash",)),
        Profile("hash-4711", "and another", {"PYTHONHASHSEED": "4711"}, ("hash",)),
        Profile(
            "abroad",
            "another folder, user, locale and zone",
            ABROAD,
            ("folder", "user", "locale", "zone"),
            elsewhere=True,
        ),
        Profile(
            "all",
            "SSE, two threads, another order, abroad",
            {**SSE, **TWO, **ABROAD, "PYTHONHASHSEED": "7"},
            (
                "openblas",
                "numpy",
                "aten",
                "onednn",
                "mkl",
                "torch threads",
                "hash",
                "folder",
                "user",
                "locale",
                "zone",
            ),
            elsewhere=True,
        ),
    )
}


def chosen(names: tuple[str, ...]) -> list[Profile]:
    """Profiles by name, all of them for none; refused when there is no such profile."""
    for name in names:
        if name not in ALL:
            raise UserError(
                f"there is no profile {name!r}", f"use some of: {', '.join(ALL)}", Exit.USAGE
            )
    return [ALL[name] for name in dict.fromkeys(names or ALL)]


@contextmanager
def settled(project: Project, profile: Profile) -> Iterator[tuple[Project, dict[str, str]]]:
    """The project and the environment of its kernels as the profile wants them."""
    if not profile.elsewhere:
        yield project, {**kernel_env(project), **profile.env}
        return
    with tempfile.TemporaryDirectory(prefix="press abroad ") as folder:
        root = Path(folder) / "un autre é"
        for part in ("book", "code", "tests/expected"):
            shutil.copytree(
                project.root / part,
                root / part,
                ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
            )
        for file in ("_toc.yml", "_config.yml", "pyproject.toml"):
            if (project.root / file).is_file():
                shutil.copy(project.root / file, root / file)
        (root / "home").mkdir()
        there = replace(project, root=root)
        yield there, {**kernel_env(there), **profile.env, "HOME": str(root / "home")}


def facts(project: Project, env: dict[str, str]) -> dict[str, str]:
    """What the canary finds in `env`, run where the kernels of `project` run."""
    script = project.code / "press" / "machines" / "canary.py"
    script = script if script.is_file() else Path(canary.__file__)
    done = subprocess.run(
        [sys.executable, str(script)],
        env=env,
        cwd=project.book,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise UserError(
            f"the canary died: {done.stderr.strip().splitlines()[-1:]}",
            "run code/press/machines/canary.py by hand in that environment",
            Exit.FINDINGS,
        )
    return json.loads(done.stdout)


def unmoved(profile: Profile, plain: dict[str, str], here: dict[str, str]) -> list[str]:
    """What the profile claims to move and does not."""
    return [name for name in profile.moves if here.get(name) == plain.get(name)]


@dataclass
class Row:
    """One profile over all chapters."""

    profile: str
    what: str
    canary: dict[str, str]
    unmoved: list[str]
    chapters: list[ChapterDrift] = field(default_factory=list)

    @property
    def mismatches(self) -> int:
        return sum(len(c.cells) + (c.fault is not None) for c in self.chapters)


def run(
    project: Project, profiles: list[Profile], slugs: list[str], quiet: bool = False, tell=print
) -> list[Row]:
    """Execute `slugs` under each profile and compare with the committed expectations."""
    plain = facts(project, kernel_env(project))
    pages = [
        page for page in (chapters.read(slug, project.page(slug)) for slug in slugs) if page.cells
    ]
    rows = []
    for profile in profiles:
        with settled(project, profile) as (there, env):
            here = facts(there, env)
            row = Row(profile.name, profile.what, here, unmoved(profile, plain, here))
            tell(
                f"press: profile {profile.name}: "
                + (
                    f"had no effect on {', '.join(row.unmoved)}: skipped"
                    if row.unmoved
                    else f"changes {', '.join(profile.moves) or 'nothing, as expected'}"
                )
            )
            if not row.unmoved:
                row.chapters = _execute(there, pages, env, quiet)
        rows.append(row)
    return rows


def _execute(
    project: Project, pages: list[chapters.Chapter], env: dict[str, str], quiet: bool
) -> list[ChapterDrift]:
    by_slug = {page.slug: page for page in pages}
    found: dict[str, ChapterDrift] = {}
    progress = Progress(len(pages), sum(len(p.cells) for p in pages), quiet)

    def done(run: Run) -> None:
        progress.chapter(run.slug, run.seconds, len(by_slug[run.slug].cells), run.fault is None)
        found[run.slug] = judged(project, by_slug[run.slug], run)

    try:
        asyncio.run(run_many(project, pages, progress.cell, done, env=env))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    return [found[page.slug] for page in pages]


def processor() -> str:
    """The name of this machine's processor, as far as it tells."""
    info = Path("/proc/cpuinfo")
    named = (
        re.search(r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf-8"), re.M)
        if info.is_file()
        else None
    )
    return named[1].strip() if named else platform.processor() or platform.machine()


def report(rows: list[Row]) -> dict:
    """The matrix as plain data."""
    return {
        "processor": processor(),
        "profiles": [
            {
                "name": r.profile,
                "what": r.what,
                "canary": r.canary,
                "unmoved": r.unmoved,
                "mismatches": r.mismatches,
                "chapters": [c.as_dict() for c in r.chapters],
            }
            for r in rows
        ],
    }


def markdown(rows: list[Row]) -> str:
    """The matrix of chapter by profile, the canaries, and every difference."""
    slugs = list(dict.fromkeys(c.slug for r in rows for c in r.chapters))
    by = {r.profile: {c.slug: c for c in r.chapters} for r in rows}
    text = [
        "# The book on other machines",
        "",
        f"{len(rows)} profiles, {len(slugs)} chapters,"
        f" {sum(r.mismatches for r in rows)} mismatches.",
        "",
    ]
    text += ["| chapter | " + " | ".join(by) + " |", "|---" * (len(by) + 1) + "|"]
    for slug in slugs:
        text.append(f"| {slug} | " + " | ".join(_mark(by[name].get(slug)) for name in by) + " |")
    text += [
        "",
        "## What each profile moved",
        "",
        "| profile | " + " | ".join(canary_names := list(rows[0].canary)) + " |",
        "|---" * (len(canary_names) + 1) + "|",
    ]
    text += [
        f"| {r.profile} | "
        + " | ".join(r.canary[name].replace("|", "/") for name in canary_names)
        + " |"
        for r in rows
    ]
    text += [""] + [
        f"- **{r.profile}** had no effect on {', '.join(r.unmoved)} on this computer: skipped."
        for r in rows
        if r.unmoved
    ]
    for r in rows:
        for c in r.chapters:
            if c.fault:
                text += [
                    "",
                    f"## {c.slug} under {r.profile}",
                    "",
                    f"Cell {c.fault.cell} failed: {c.fault.what}",
                ]
            for cell in c.cells:
                text += [
                    "",
                    f"## {c.slug} under {r.profile}, cell {cell.cell}",
                    "",
                    "```diff",
                    cell.diff,
                    "```",
                ]
    return "\n".join(text) + "\n"


def _mark(chapter: ChapterDrift | None) -> str:
    if chapter is None:
        return "not run"
    return "failed" if chapter.fault else str(len(chapter.cells)) if chapter.cells else "·"
