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
    cells: int
    outputs: int
    seconds: float
    expectation: bool


def rows(project: Project) -> list[Row]:
    """One row a page, in reading order."""
    current = state.look(project)
    found = []
    for slug in current.slugs:
        record = records.load(current.store, slug)
        cells = current.prints.page(slug)["count"]
        word = (
            "current"
            if slug in current.records
            else "never run"
            if record is None
            else "stale"
            if record.ok
            else "failed"
        )
        outputs = sum(len(o) for o in record.outputs) if record else 0
        found.append(
            Row(
                slug,
                word,
                cells,
                outputs,
                record.seconds if record else 0.0,
                project.expectation(slug).is_file(),
            )
        )
    found += [
        Row(slug, "unreadable", 0, 0, 0.0, project.expectation(slug).is_file())
        for slug in current.broken
    ]
    return found


def as_dicts(found: list[Row]) -> list[dict]:
    return [asdict(row) for row in found]
