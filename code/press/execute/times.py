"""How long a page runs, as readers see it: measured when its outputs were accepted.

A clock read in every build would make two builds of one book differ. `tests/expected/seconds.json`
holds a limit for each page; accepting outputs again changes it only when it is no longer true, or
is far too high.
"""

from __future__ import annotations

import json
from pathlib import Path

from clikit.files import write_atomic

from press.config import Project

STEPS_S = (10, 20, 30, 60, 120, 300)
ROOM = 1.5  # a limit leaves half as much again, since a reader's machine may be busy


def limit(seconds: float) -> int:
    """The smallest step that leaves room."""
    return next((step for step in STEPS_S if seconds * ROOM < step), STEPS_S[-1])


def _file(project: Project) -> Path:
    return project.expected / "seconds.json"


def load(project: Project) -> dict[str, int]:
    """Page -> limit in seconds; empty when there is no file, or none that can be read."""
    try:
        rows = json.loads(_file(project).read_text(encoding="utf-8")).items()
    except (OSError, ValueError, AttributeError):
        return {}
    return {slug: step for slug, step in rows if step in STEPS_S}


def accept(project: Project, measured: dict[str, float]) -> None:
    """Keep the limits true for pages just accepted; pages that are gone lose theirs."""
    before = load(project)
    now = {slug: step for slug, step in before.items() if project.page(slug).is_file()}
    for slug, seconds in measured.items():
        if slug not in now or seconds >= now[slug] or limit(2 * seconds) < now[slug]:
            now[slug] = limit(seconds)
    if now != before or not _file(project).is_file():
        text = json.dumps(dict(sorted(now.items())), indent=0)
        write_atomic(_file(project), f"{text}\n")
