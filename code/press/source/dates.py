"""When each page last changed, by the history of its text.

`book/_assets/reports/dates.json` holds the date and the digest of the text that has it. It is
committed, because a clone without history must build the same site. A page whose text is another
one has no date.
"""

from __future__ import annotations

import json
from datetime import date

from clikit.files import sha, write_atomic

from press.config import Project
from press.source.git import git

FILE = "book/_assets/reports/dates.json"


def load(project: Project, texts: dict[str, str]) -> dict[str, str]:
    """The ISO date of each of these pages whose text is the dated one, by slug."""
    try:
        report = json.loads((project.root / FILE).read_text(encoding="utf-8"))
        dated = {slug: (str(day), digest) for slug, (day, digest) in report.items()}
        for day, _ in dated.values():
            date.fromisoformat(day)
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return {
        slug: dated[slug][0]
        for slug, text in texts.items()
        if slug in dated and dated[slug][1] == _digest(text)
    }


def fill(project: Project, slugs: list[str]) -> int:
    """Write the report from the history of the pages; returns how many pages it dates.

    Raises UserError in a folder without history.
    """
    report = {}
    for slug in slugs:
        path = project.rel(project.page(slug))
        day = git(project, "log", "-1", "--format=%cs", "--", path).strip()
        if day:
            report[slug] = [day, _digest(git(project, "show", f"HEAD:./{path}"))]
    rows = [f" {json.dumps(slug)}: {json.dumps(row)}" for slug, row in sorted(report.items())]
    target = project.root / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, "{\n" + ",\n".join(rows) + "\n}\n")
    return len(report)


def _digest(text: str) -> str:
    return sha(text)[:16]
