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
    seconds = round(run.seconds, 3)
    printed = (run.outputs, run.counts, seconds, run.fault, run.reads)
    record = Record(run.slug, fingerprint, sources, *printed)
    keep(store, record)
    return record


def keep(store: Store, record: Record) -> None:
    """Store a record, whether it was executed here or elsewhere."""
    store.with_base(BASE).save(NAME, record.slug, asdict(record))


def load(store: Store, slug: str) -> Record | None:
    """The record of the last execution, or None when there is none that can be trusted."""
    return read(path(store, slug))


def path(store: Store, slug: str) -> Path:
    """The file of a record."""
    return store.with_base(BASE).path(NAME, slug)


def read(file: Path) -> Record | None:
    """A record in a file that may come from another machine; None when it is damaged."""
    try:
        values = (read_json(file) or [])[0]
        return Record(**{**values, "fault": values["fault"] and Fault(**values["fault"])})
    except (TypeError, KeyError, IndexError):
        return None


def forget(store: Store, slugs: list[str]) -> None:
    """Remove the records of all pages but these."""
    wanted = {path(store, slug) for slug in slugs}
    for file in (store.folder / NAME).glob("*"):
        if file not in wanted:
            file.unlink()
