"""What the last execution of each chapter printed; damaged records count as missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from clikit.files import read_json, sha

from press.execute.run import Fault, Run
from press.store import Store

NAME = "runs"
BASE = ""  # a record is found by its page alone; its fingerprint says what it belongs to


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


def save(store: Store, run: Run, fingerprint: str, sources: list[str]) -> Record:
    """Write the record of `run`; it is valid only for the same fingerprint."""
    values = {
        "fingerprint": fingerprint,
        "sources": sources,
        "outputs": run.outputs,
        "counts": run.counts,
        "seconds": round(run.seconds, 3),
        "fault": asdict(run.fault) if run.fault else None,
        "reads": run.reads,
    }
    store.with_base(BASE).save(NAME, run.slug, values)
    return _record(run.slug, values)


def load(store: Store, slug: str) -> Record | None:
    """The record of the last execution, or None when there is none that can be trusted."""
    values = store.with_base(BASE).load(NAME, slug)
    return None if values is None else _record(slug, values)


def path(store: Store, slug: str) -> Path:
    """The file of a record."""
    return store.with_base(BASE).path(NAME, slug)


def read(file: Path, slug: str) -> Record | None:
    """A record of `slug` in a file that may come from another machine; None when it is damaged."""
    values = read_json(file)
    try:
        return _record(slug, (values or [])[0])
    except (TypeError, KeyError, IndexError):
        return None


def keep(store: Store, record: Record) -> None:
    """Store a record that was executed elsewhere."""
    values = {name: value for name, value in asdict(record).items() if name != "slug"}
    store.with_base(BASE).save(NAME, record.slug, values)


def forget(store: Store, slugs: list[str]) -> None:
    """Remove the records of all pages but these."""
    wanted = {path(store, slug) for slug in slugs}
    for file in (store.folder / NAME).glob("*"):
        if file not in wanted:
            file.unlink()


def _record(slug: str, values: dict[str, Any]) -> Record:
    fault = Fault(**values["fault"]) if values["fault"] else None
    return Record(slug, **{**values, "fault": fault})
