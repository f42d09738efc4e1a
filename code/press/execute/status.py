"""What a build would do, without doing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from press.config import Project
from press.execute import records, state


@dataclass(frozen=True)
class Row:
    """One chapter."""

    slug: str
    state: str  # "current", "stale", "failed", "never run", "unreadable"
    expectation: bool
    cells: int = 0
    outputs: int = 0
    seconds: float = 0.0
    reason: str = ""  # of an unreadable one


def rows(project: Project) -> list[Row]:
    """One row a page, in reading order; pages that cannot be read are last."""
    current = state.look(project)
    broken = [
        Row(slug, "unreadable", project.expectation(slug).is_file(), reason=finding.what)
        for slug, finding in current.broken.items()
    ]
    return [_row(current, slug) for slug in current.slugs] + broken


def _row(current: state.State, slug: str) -> Row:
    expectation = current.project.expectation(slug).is_file()
    cells = current.prints.page(slug)["count"]
    record = records.load(current.store, slug)
    if record is None:
        return Row(slug, "never run", expectation, cells)
    word = "stale" if record.ok else "failed"
    if slug in current.records:
        word = "current"
    outputs = sum(map(len, record.outputs))
    return Row(slug, word, expectation, cells, outputs, record.seconds)


def as_dicts(rows: list[Row]) -> list[dict]:
    """The rows, for a JSON report."""
    return [asdict(row) for row in rows]
