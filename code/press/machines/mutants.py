"""Mutants of our own code: a small mistake is planted, and the tests of the module must fail.

mutmut plants them (`requirements-mutants.txt`), one module at a time, in a folder aside. A survivor
is a mistake that no test notices, or an equivalent mutant: one that computes the same. The
committed report gives the reason in writing for each of those.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError
from clikit.files import sha

from press.config import Project
from press.machines import mutated, mutation_folder
from press.machines.mutated import Mutant
from press.machines.mutation_folder import Module
from press.tables import table

REPORT = "book/_assets/reports/mutants.json"
PINS = "requirements-mutants.txt"
PROGRAM = """
import contextlib, importlib, sys
for name in sys.argv.pop(1).split():
    with contextlib.suppress(ImportError):  # a function of a module
        importlib.import_module(name)
from mutmut.__main__ import cli
cli()
"""
STANDARD = 0.95  # of the mutants that are not equivalent, caught
CAUGHT = ("caught", "timeout")  # a mutant that never ends is noticed


@dataclass
class Survivor:
    """A mutant that no test caught; with a reason, one that computes the same."""

    name: str
    function: str
    line: int
    old: str
    new: str
    outcome: str
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays when the lines above it move."""
        return self.function, self.old, self.new


@dataclass
class Score:
    """The mutants of one module."""

    module: str
    digest: str  # of its source
    tests: list[str]
    mutants: int
    caught: int
    timeouts: int = 0  # among the caught
    seconds: float = field(default=0.0, compare=False)
    survivors: list[Survivor] = field(default_factory=list)

    @property
    def equivalent(self) -> int:
        """Survivors with a reason in writing."""
        return sum(bool(survivor.reason) for survivor in self.survivors)

    @property
    def share(self) -> float:
        """Caught ones among the mutants that are not equivalent."""
        return self.caught / max(self.mutants - self.equivalent, 1)

    def as_dict(self) -> dict[str, Any]:
        """The score as it is committed; the time is that of one computer and stays out."""
        return {
            "module": self.module,
            "digest": self.digest,
            "tests": self.tests,
            "mutants": self.mutants,
            "caught": self.caught,
            "timeouts": self.timeouts,
            "equivalent": self.equivalent,
            "survivors": [vars(survivor) for survivor in self.survivors],
        }


def available() -> bool:
    """Whether mutmut is installed."""
    return find_spec("mutmut") is not None


def run(
    project: Project,
    names: tuple[str, ...],
    old: list[Score],
    again: bool,
    tell: Callable[[str], object],
) -> list[Score]:
    """Mutate the modules of these names; survivors take over the reasons of `old`.

    With `again`, only the survivors of `old` that have no reason are tried, where the source is
    still the same: what tests caught once, they catch with others beside them.

    Raises
    ------
    UserError
        When mutmut is missing, a name is unknown, or the tests of a module fail as they are.
    """
    chosen = mutation_folder.modules(project, names)
    if not available():
        what = "mutmut is not installed"
        raise UserError(what, f"{sys.executable} -m pip install --no-deps -r {PINS}")
    scores = []
    for module in chosen:
        tell(f"press: {module.name}, against {len(module.tests)} file(s) of tests")
        before = next((score for score in old if score.module == module.name), None)
        digest = digest_of(project, module)
        if again and before and before.digest == digest:
            score = _again(project, module, before)
        else:
            start = time.monotonic()
            score = score_of(module, digest, _tried(project, module, []))
            score.seconds = time.monotonic() - start
        _explain(score, before)
        tell(f"press: {_summary(score)}, in {score.seconds:.0f} s")
        scores.append(score)
    return scores


def digest_of(project: Project, module: Module) -> str:
    """Of the source of a module: its mutants have the same names while it stays."""
    return sha((project.code / module.source).read_bytes())[:16]


def _tried(project: Project, module: Module, names: list[str]) -> list[Mutant]:
    """The mutants of these names after their tests; all of the module for no name."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        mutation_folder.fill(project, module, folder)
        _mutmut(project, module, folder, names)
        mutants = mutated.read(folder, module.source, project.code / module.source)
    return [mutant for mutant in mutants if not names or mutant.name in names]


def _again(project: Project, module: Module, before: Score) -> Score:
    """The score after another trial of the survivors that nothing explains."""
    names = [row.name for row in before.survivors if not row.reason]
    start = time.monotonic()
    mutants = _tried(project, module, names) if names else []
    new = score_of(module, before.digest, mutants)
    rows = {row.name: row for row in new.survivors}
    survivors = [rows.get(row.name, row) for row in before.survivors]
    survivors = [row for row in survivors if row.reason or row.name in rows]
    caught = before.caught + new.caught
    return replace(
        new,
        mutants=before.mutants,
        caught=caught,
        timeouts=before.timeouts + new.timeouts,
        seconds=time.monotonic() - start,
        survivors=survivors,
    )


def _mutmut(project: Project, module: Module, folder: Path, names: list[str]) -> None:
    """Run mutmut, one mutant at a time."""
    loaded = " ".join(["pytest", *mutation_folder.foreign(project, module)])
    command = [sys.executable, "-c", PROGRAM, loaded, "run", "--max-children", "1", *names]
    env = mutation_folder.environment(project)
    with (folder / "log").open("w+", encoding="utf-8") as log:
        done = subprocess.run(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        log.seek(0)
        lines = log.read().replace("\r", "\n").splitlines()
    if done.returncode:
        end = "\n".join(line for line in lines if line.strip())[-2000:]
        raise UserError(
            f"mutmut ended with {done.returncode} for {module.name}:\n{end}",
            f"let its tests pass first: pytest {' '.join(module.tests)}",
            Exit.EXECUTION,
        )


def score_of(module: Module, digest: str, mutants: list[Mutant]) -> Score:
    """The score of a module from the outcomes of its mutants."""
    untried = [mutant for mutant in mutants if mutant.outcome == "untried"]
    if untried:
        what = f"{len(untried)} mutants of {module.name} were not tried"
        raise UserError(what, "run the command again", Exit.EXECUTION)
    counts = Counter(mutant.outcome for mutant in mutants)
    survivors = [Survivor(**vars(mutant)) for mutant in mutants if mutant.outcome not in CAUGHT]
    caught = sum(counts[outcome] for outcome in CAUGHT)
    return Score(
        module=module.name,
        digest=digest,
        tests=list(module.tests),
        mutants=len(mutants),
        caught=caught,
        timeouts=counts["timeout"],
        survivors=survivors,
    )


def _explain(score: Score, before: Score | None) -> None:
    """Give survivors the reasons that the last report has for them."""
    reasons = {row.key: row.reason for row in before.survivors} if before else {}
    for survivor in score.survivors:
        survivor.reason = reasons.get(survivor.key, "")


def load(path: Path) -> list[Score]:
    """The scores of a report; none where there is no file.

    Raises
    ------
    UserError
        When the file is damaged: its reasons were written by hand and must not be lost.
    """
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["modules"]
        return [_loaded(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{path} is no report of mutants: {error}"
        raise UserError(what, f"git checkout -- {path}", Exit.USAGE) from error


def _loaded(row: dict[str, Any]) -> Score:
    survivors = [Survivor(**survivor) for survivor in row["survivors"]]
    names = ("module", "digest", "tests", "mutants", "caught", "timeouts")
    return Score(**{name: row[name] for name in names}, survivors=survivors)


def merged(old: list[Score], new: list[Score]) -> list[Score]:
    """The scores of `new`, and those of `old` for other modules; by name."""
    rows = {score.module: score for score in (*old, *new)}
    return [rows[name] for name in sorted(rows)]


def as_dict(scores: list[Score]) -> dict[str, Any]:
    """The report as it is committed."""
    return {"modules": [score.as_dict() for score in scores]}


def _summary(score: Score) -> str:
    reasons = f", {score.equivalent} equivalent" if score.equivalent else ""
    return f"{score.module}: {score.caught} of {score.mutants} mutants caught{reasons}"


def markdown(scores: list[Score]) -> str:
    """The scores, and every survivor without a reason with its change."""
    rows = [
        [score.module, score.mutants, score.caught, score.equivalent, f"{score.share:.1%}"]
        for score in scores
    ]
    lines = ["# Mutants", "", *table(["module", "mutants", "caught", "equivalent", "score"], rows)]
    for score in scores:
        for row in score.survivors:
            if not row.reason:
                change = [f"-{line}" for line in row.old.splitlines()]
                change += [f"+{line}" for line in row.new.splitlines()]
                place = f"{score.module}:{row.line}, {row.function} ({row.outcome})"
                lines += ["", f"{place}:", "", "```diff", *change, "```"]
    return "\n".join(lines) + "\n"
