"""When each page last changed, by the history of its text.

`book/_assets/reports/dates.json` holds the date and the digest of the text that has it. It is
committed, because a clone without history must build the same site. A page whose text is newer
than the file has the date of the history, and today's while it is being written.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from clikit.errors import UserError
from clikit.files import sha, write_atomic

from press.config import Project
from press.source import committed as report
from press.source.git import git

FILE = "book/_assets/reports/dates.json"


def load(project: Project, texts: dict[str, str]) -> dict[str, str]:
    """The ISO date of each of these pages by slug: the committed one, or else the history's.

    A page has none where its text is not the dated one and there is no history, or a part of it
    only, whose first commit would date every page.
    """
    known = committed(project, texts)
    missing = [slug for slug in texts if slug not in known]
    if not missing or not _has_history(project):
        return known
    return {**known, **{slug: _day(project, slug, texts[slug]) for slug in missing}}


def committed(project: Project, texts: dict[str, str]) -> dict[str, str]:
    """The date of each of these pages whose text is the one that the committed file dates.

    Raises UserError for a damaged file.
    """
    none: dict[str, tuple[str, str]] = {}
    dated = report.read(project.root, FILE, _dated, none)
    return {
        slug: dated[slug][0]
        for slug, text in texts.items()
        if slug in dated and dated[slug][1] == _digest(text)
    }


def _dated(value: Any) -> dict[str, tuple[str, str]]:
    """Date and digest by slug."""
    dated = {slug: (str(day), digest) for slug, (day, digest) in report.table(value).items()}
    for day, _ in dated.values():
        date.fromisoformat(day)
    return dated


def fill(project: Project, slugs: list[str]) -> int:
    """Write the committed file from the history of the pages; returns how many pages it dates.

    A page with changes that are not committed is dated today, so that both can be one commit.
    Raises UserError in a folder without history.
    """
    git(project, "log", "-1")
    rows = []
    for slug in sorted(slugs):
        text = project.page(slug).read_text(encoding="utf-8")
        row = [_day(project, slug, text), _digest(text)]
        rows.append(f" {json.dumps(slug)}: {json.dumps(row)}")
    target = project.root / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, "{\n" + ",\n".join(rows) + "\n}\n")
    return len(rows)


def _has_history(project: Project) -> bool:
    """Whether the project is a full clone of its repository."""
    try:
        return git(project, "rev-parse", "--is-shallow-repository").strip() == "false"
    except (OSError, UserError):  # no git, or no repository
        return False


def _day(project: Project, slug: str, text: str) -> str:
    """The day of the last commit of a page, today's if its text is not the committed one."""
    path = project.rel(project.page(slug))
    try:
        if git(project, "show", f"HEAD:./{path}") == text:
            return git(project, "log", "-1", "--format=%cs", "--", path).strip()
    except UserError:  # not in the last commit
        pass
    return date.today().isoformat()


def _digest(text: str) -> str:
    return sha(text)[:16]
