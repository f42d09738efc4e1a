"""One execution of a chapter: what came out, or why nothing did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """Why an execution did not end well."""

    kind: str  # "raised", "timeout", "died", "flood", "start"
    cell: int  # 1-based; 0 when no cell had started
    what: str
    fix: str
    detail: str = ""


@dataclass
class Run:
    """What came out of one execution of a chapter."""

    slug: str
    outputs: list[list[dict[str, Any]]] = field(default_factory=list)  # per code cell
    counts: list[int | None] = field(default_factory=list)
    seconds: float = 0.0  # inside the cells
    fault: Fault | None = None
    reads: dict[str, str] = field(default_factory=dict)  # files of the project -> digest
