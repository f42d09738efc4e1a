"""Run the book under emulated configurations: instruction sets, threads, hash seeds, locale.

Each profile is verified first: a canary computes in its environment, and the facts that the profile
claims to change must differ from the plain ones. A setting that this CPU ignores is reported, and
the profile does not count as passed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from clikit import group

from press.config import THREAD_KNOBS, Project, kernel_env
from press.machines import canary, runs
from press.machines.drift import ChapterDrift, drift

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
ZEN = {"OPENBLAS_CORETYPE": "Zen", "ATEN_CPU_CAPABILITY": "avx2"}
SANDY_BRIDGE = {"OPENBLAS_CORETYPE": "Sandybridge", "ATEN_CPU_CAPABILITY": "default"}
NUMPY_AVX2 = {"NPY_DISABLE_CPU_FEATURES": AVX2["NPY_DISABLE_CPU_FEATURES"]}
NUMPY_SSE = {"NPY_DISABLE_CPU_FEATURES": SSE["NPY_DISABLE_CPU_FEATURES"]}
PRESCOTT = {"OPENBLAS_CORETYPE": "Prescott", **NUMPY_AVX2}
TWO = dict.fromkeys(THREAD_KNOBS, "2")
PERSON = {"USER": "somebody", "LOGNAME": "somebody"}
ABROAD = {"TZ": "Asia/Kathmandu", "LC_ALL": "POSIX", "LANG": "POSIX", **PERSON}
ALL_BUT_ORDER = {**SSE, **TWO, **ABROAD}


@dataclass(frozen=True)
class Profile:
    """One emulated configuration."""

    name: str
    what: str
    env: dict[str, str] = field(default_factory=dict)
    moves: tuple[str, ...] = ()  # facts of the canary that must differ from those of "plain"
    elsewhere: bool = False  # from a copy in another folder, with another home


def _table(*rows: tuple[str, str, dict[str, str], str]) -> dict[str, Profile]:
    """Profiles by name; one that moves the folder runs elsewhere."""
    profiles = {}
    for name, what, env, facts in rows:
        moves = tuple(facts.split(", ")) if facts else ()
        profiles[name] = Profile(name, what, env, moves, "folder" in moves)
    return profiles


ALL = _table(
    ("plain", "this computer, as the book is built", {}, ""),
    ("avx2", "a CPU without AVX-512 (Haswell)", AVX2, "openblas, numpy, aten"),
    ("sse", "a CPU without AVX (Nehalem)", SSE, "openblas, numpy, aten, onednn, mkl"),
    ("zen", "OpenBLAS for Zen, torch with AVX2", ZEN, "openblas, aten"),
    (
        "sandybridge",
        "OpenBLAS for Sandy Bridge, torch without vectors",
        SANDY_BRIDGE,
        "openblas, aten",
    ),
    ("prescott", "OpenBLAS for Prescott, NumPy with AVX2", PRESCOTT, "openblas, numpy"),
    ("numpy-sse", "NumPy without AVX", NUMPY_SSE, "numpy"),
    ("mkl-compatible", "MKL's one code path for every CPU", {"MKL_CBWR": "COMPATIBLE"}, "mkl"),
    ("onednn-sse", "oneDNN without AVX", {"ONEDNN_MAX_CPU_ISA": "SSE41"}, "onednn"),
    ("two-threads", "two threads in every library", TWO, "torch threads, torch sum"),
    ("hash-1", "another order of sets", {"PYTHONHASHSEED": "1"}, "hash"),
    ("hash-4711", "and another", {"PYTHONHASHSEED": "4711"}, "hash"),
    ("abroad", "another folder, user, locale and zone", ABROAD, "folder, user, locale, zone"),
    (
        "all",
        "SSE, two threads, another order, abroad",
        {**ALL_BUT_ORDER, "PYTHONHASHSEED": "7"},
        "openblas, numpy, aten, onednn, mkl, torch threads, hash, folder, user, locale, zone",
    ),
)


def chosen(names: tuple[str, ...]) -> list[Profile]:
    """Profiles by name, all of them for none; refused when there is no such profile."""
    return group.chosen("profile", names or tuple(ALL), ALL)


@contextmanager
def environment(project: Project, profile: Profile) -> Iterator[tuple[Project, dict[str, str]]]:
    """The project and the environment of its kernels as the profile wants them."""
    if not profile.elsewhere:
        yield project, {**kernel_env(project), **profile.env}
        return
    with tempfile.TemporaryDirectory(prefix="press abroad ") as folder:
        root = Path(folder) / "un autre é"
        skipped = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        for part in ("book", "code", "tests/expected"):
            shutil.copytree(project.root / part, root / part, ignore=skipped)
        for file in ("_toc.yml", "_config.yml", "pyproject.toml"):
            if (project.root / file).is_file():
                shutil.copy(project.root / file, root / file)
        home = root / "home"
        home.mkdir()
        copy = replace(project, root=root)
        yield copy, {**kernel_env(copy), **profile.env, "HOME": str(home)}


def facts(project: Project, env: dict[str, str]) -> dict[str, str]:
    """What the canary finds in `env`, run where the kernels of `project` run."""
    program = project.code / "press" / "machines" / "canary.py"
    if not program.is_file():
        program = Path(canary.__file__)
    return runs.facts(program, env, project.book)


def unmoved(profile: Profile, plain: dict[str, str], moved: dict[str, str]) -> list[str]:
    """What the profile claims to move and does not."""
    return [name for name in profile.moves if moved.get(name) == plain.get(name)]


@dataclass
class Row:
    """One profile over all chapters."""

    name: str
    what: str
    canary: dict[str, str]
    changed: int  # facts of the canary that differ from those of "plain"
    unmoved: list[str]
    chapters: list[ChapterDrift] = field(default_factory=list)

    @property
    def mismatches(self) -> int:
        return sum(len(c.cells) + (c.fault is not None) for c in self.chapters)


def run(
    project: Project,
    profiles: list[Profile],
    slugs: list[str],
    quiet: bool = False,
    tell: Callable[[str], object] = print,
) -> list[Row]:
    """Execute `slugs` under each profile and compare with the committed expectations."""
    plain = facts(project, kernel_env(project))
    rows = []
    for profile in profiles:
        with environment(project, profile) as (copy, env):
            values = facts(copy, env)
            changed = sum(value != plain.get(name) for name, value in values.items())
            row = Row(profile.name, profile.what, values, changed, unmoved(profile, plain, values))
            if row.unmoved:
                effect = f"had no effect on {', '.join(row.unmoved)}: skipped"
            else:
                effect = f"changes {', '.join(profile.moves) or 'nothing, as expected'}"
            tell(f"press: profile {profile.name}: {effect}")
            if not row.unmoved:
                row.chapters = drift(copy, slugs, quiet, env)
        rows.append(row)
    return rows
