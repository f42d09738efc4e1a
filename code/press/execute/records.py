"""What the last execution of each chapter gave; damaged records count as missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from press.config import Project
from press.execute.run import Fault, Run
from press.files import read_json, sha, write_json

VERSION = 1


@dataclass(frozen=True)
class Record:
    """One execution: the fingerprint it belongs to, its outputs or its fault."""

    slug: str
    fingerprint: str
    sources: list[str]
    outputs: list[list[dict[str, Any]]]
    counts: list[int | None]
    seconds: float
    fault: Fault | None
    reads: dict[str, str] = field(default_factory=dict)  # files of the project -> digest

    @property
    def ok(self) -> bool:
        return self.fault is None

    @cached_property
    def digest(self) -> str:
        """Changes when an output changes, and at no other time."""
        return sha([self.sources, self.outputs, self.counts])


def save(project: Project, run: Run, fingerprint: str, sources: list[str]) -> None:
    """Write the record of `run`; it is found again only under the same fingerprint."""
    write_json(
        project.record(run.slug),
        {
            "version": VERSION,
            "fingerprint": fingerprint,
            "sources": sources,
            "outputs": run.outputs,
            "counts": run.counts,
            "seconds": round(run.seconds, 3),
            "fault": asdict(run.fault) if run.fault else None,
            "reads": run.reads,
        },
    )


def load(project: Project, slug: str) -> Record | None:
    """The record of the last execution, or None when there is none that can be trusted."""
    raw = read_json(project.record(slug))
    if not isinstance(raw, dict) or raw.get("version") != VERSION:
        return None
    fault = Fault(**raw["fault"]) if raw["fault"] else None
    return Record(
        slug,
        raw["fingerprint"],
        raw["sources"],
        raw["outputs"],
        raw["counts"],
        raw["seconds"],
        fault,
        raw.get("reads", {}),
    )


def refingerprint(project: Project, slug: str, fingerprint: str) -> None:
    """Move a record to a new fingerprint (after `accept`, which changes nothing but the expectation)."""
    raw = read_json(project.record(slug))
    if raw is not None:
        write_json(project.record(slug), {**raw, "fingerprint": fingerprint})


def forget(project: Project, keep: list[str]) -> None:
    """Remove the records of chapters that are no longer in the book."""
    base = project.work / "runs"
    wanted: set[Path] = {project.record(slug) for slug in keep}
    for path in base.rglob("*.json") if base.is_dir() else ():
        if path not in wanted:
            path.unlink()
