"""The check lines of a page, without the values they print: what must hold under other seeds.

Apart from the runs, because the site counts them as well and must not import what compares outputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from press.config import Project
from press.source import settings

VALUE = re.compile(r"\s*\([^()]*\)$")  # what a check line prints behind its statement


@dataclass(frozen=True)
class Statement:
    """One check line of a page, without the value it prints."""

    slug: str
    cell: int  # 1-based
    kind: str
    text: str


def of_line(project: Project, line: str) -> tuple[str, str] | None:
    """Kind and text of the statement on a printed line; None for any other line."""
    for kind, pattern in settings.load(project.book).check_lines.items():
        if match := re.match(pattern, line):
            return kind, _text(match)
    return None


def _text(match: re.Match[str]) -> str:
    """What a check line says, without its value."""
    return VALUE.sub("", match[1]).strip()


def statements(
    project: Project, slug: str, outputs: Iterable[list[dict[str, Any]]]
) -> list[Statement]:
    """The check lines in the outputs of a page; one that a cell repeats counts once."""
    patterns = settings.load(project.book).check_lines
    lines = []
    for number, cell in enumerate(outputs, 1):
        printed = "".join(
            "".join(output["text"]) for output in cell if output["output_type"] == "stream"
        )
        for kind, pattern in patterns.items():
            for match in re.finditer(pattern, printed, re.M):
                lines.append(Statement(slug, number, kind, _text(match)))
    return list(dict.fromkeys(lines))
