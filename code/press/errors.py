"""A finding: one thing that is wrong in the book, with its place and its fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with its place and its fix."""

    path: str  # relative to the project root
    line: int  # 1-based; 0 when the whole file is meant
    rule: str  # a short stable name: "output", "numbers", "anatomy", ...
    what: str  # one sentence
    fix: str  # one sentence
    detail: str = ""  # a diff or a traceback, any number of lines
    chapter: str = ""
    cell: int | None = None  # 1-based, as counted on the page

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        cell = f" (chapter {self.chapter}, cell {self.cell})" if self.cell else ""
        text = f"{place}: [{self.rule}] {self.what}{cell}"
        if self.detail:
            text += "\n" + "\n".join("    " + row for row in self.detail.splitlines())
        return f"{text}\n    fix: {self.fix}"

    def as_dict(self) -> dict:
        """The fields, for a JSON report."""
        return asdict(self)
