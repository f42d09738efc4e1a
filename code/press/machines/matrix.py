"""The matrix of pages by profiles: as JSON, merged into an older one, and as Markdown."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError

from press.execute.run import Fault
from press.machines import profiles
from press.machines.drift import CellDrift, ChapterDrift, details
from press.machines.profiles import Row
from press.tables import table


@dataclass(frozen=True)
class Matrix:
    """Rows of profiles, and the CPUs they were run on."""

    processor: str
    rows: list[Row]

    def parts(self) -> set[tuple[str, str]]:
        """The names of its profiles and pages."""
        return {(row.name, chapter.slug) for row in self.rows for chapter in row.chapters}

    def as_dict(self) -> dict[str, Any]:
        """The matrix as it is committed."""
        rows = [{**asdict(row), "mismatches": row.mismatches} for row in self.rows]
        return {"processor": self.processor, "profiles": rows}


def processor() -> str:
    """The name of this computer's CPU, as far as it tells."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.is_file() else ""
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return name[1].strip() if name else platform.processor() or platform.machine()


def read(path: Path) -> Matrix:
    """A committed matrix, empty where there is none. Raises UserError for any other file."""
    if not path.exists():
        return Matrix("", [])
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Matrix(data["processor"], [_row(row) for row in data["profiles"]])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path} is not a report of profiles: {error!r}",
            f"git checkout -- {path}, or name another file",
            Exit.USAGE,
        ) from error


def _row(values: dict[str, Any]) -> Row:
    """A row out of its JSON."""
    del values["mismatches"]
    return Row(**{**values, "chapters": [_chapter(item) for item in values["chapters"]]})


def _chapter(values: dict[str, Any]) -> ChapterDrift:
    fault = Fault(**values["fault"]) if values["fault"] else None
    return ChapterDrift(values["slug"], [CellDrift(**cell) for cell in values["cells"]], fault)


def merged(old: Matrix, new: Matrix, slugs: list[str]) -> Matrix:
    """`old` with what `new` ran in its place: profiles as they are declared, pages as in `slugs`.

    What another computer found under a profile that has no effect on this one stays.
    """
    rows = {row.name: row for row in old.rows}
    for row in new.rows:
        before = rows.get(row.name, replace(row, chapters=[]))
        if not (row.unmoved and before.chapters):
            rows[row.name] = replace(row, chapters=[*before.chapters, *row.chapters])
    for name, row in rows.items():
        last = {chapter.slug: chapter for chapter in row.chapters}
        rows[name] = replace(row, chapters=[last[slug] for slug in slugs if slug in last])
    result = Matrix(new.processor, [rows[name] for name in profiles.ALL if name in rows])
    if result.parts() <= new.parts():
        return result
    names = [*old.processor.split("; "), new.processor]
    return replace(result, processor="; ".join(dict.fromkeys(names)))


def markdown(rows: list[Row]) -> str:
    """The matrix of chapter by profile, the canaries, and every difference."""
    slugs = dict.fromkeys(chapter.slug for row in rows for chapter in row.chapters)
    by = {row.name: {chapter.slug: chapter for chapter in row.chapters} for row in rows}
    mismatches = sum(row.mismatches for row in rows)
    marks = ([slug, *(_mark(chapters.get(slug)) for chapters in by.values())] for slug in slugs)
    skipped = [row for row in rows if row.unmoved]
    lines = [
        "# The book on other machines",
        "",
        f"{len(rows)} profiles, {len(slugs)} chapters, {mismatches} mismatches.",
        "",
        *table(["chapter", *by], marks),
        "",
        "## What each profile moved",
        "",
        *table(["profile", *rows[0].canary], ([row.name, *row.canary.values()] for row in rows)),
        "",
    ]
    for row in skipped:
        names = ", ".join(row.unmoved)
        lines.append(f"- **{row.name}** had no effect on {names} on this computer: skipped.")
    for row in rows:
        for chapter in row.chapters:
            if chapter.differs:
                lines += details(chapter, f"{chapter.slug} under {row.name}")
    return "\n".join(lines) + "\n"


def _mark(chapter: ChapterDrift | None) -> str:
    """The cell of one page under one profile: the number of cells that differ."""
    if chapter is None:
        return "not run"
    if chapter.fault:
        return "failed"
    return str(len(chapter.cells) or "·")
