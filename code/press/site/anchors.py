"""Permanent addresses: what was published under a page stays there.

`book/_assets/anchors.json` lists, by page, the ids of its sections, exercises, figures, boxes,
cards and terms. A render in which one is gone is not published; `python -m press anchors` adds new
ones after a build, and nothing removes one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from clikit.files import write_atomic

from press.config import Project
from press.errors import Finding
from press.source import committed, settings

FILE = "book/_assets/anchors.json"
ID = re.compile(r'<[a-z][^<>]*?\sid="([^"]+)"')
# numbered by chance of order, of the frame around a page, of a definition that a tip shows, or of a
# drawing that formulas share
PASSING = re.compile(
    r"drawn-.*|id\d+|controls-\d+|cell-\d+-\d+|contents|main|.*-solution-\d+|(?:gt|tip)-.*|tips"
)


def load(project: Project) -> dict[str, list[str]]:
    """The published ids by page; none when there is no list. Raises UserError for a damaged one.

    An id that a build may not lose is never dropped silently.
    """
    return committed.read(project.root, FILE, _published, {})


def _published(value: Any) -> dict[str, list[str]]:
    for slug, names in committed.table(value).items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{slug} has {names!r:.40}, not a list of addresses")
    return value


def ids(text: str) -> list[str]:
    """The ids of a rendered page that a link may name."""
    return sorted({name for name in ID.findall(text) if not PASSING.fullmatch(name)})


def lost(project: Project, folder: Path, slugs: list[str]) -> list[Finding]:
    """A finding for every published id that the rendered pages in `folder` have not."""
    moved = settings.load(project.book).redirects
    findings = []
    for slug, published in load(project).items():
        home = moved.get(slug, slug)
        if home not in slugs:
            what = f"the published page {slug} is gone"
            fix = f"write where it is now under redirects in {settings.NAME}: {slug}: new/page"
            findings.append(Finding(FILE, 0, "anchors", what, fix))
            continue
        present = set(ids((folder / f"{home}.html").read_text(encoding="utf-8")))
        for name in published:
            if name not in present:
                what = f"the published address {slug}.html#{name} is gone"
                fix = f"write ({name})= above the heading that it led to"
                place = (f"book/{home}.md", 0)
                findings.append(Finding(*place, "anchors", what, fix, chapter=home))
    return findings


def add(project: Project, slugs: list[str]) -> int:
    """Add the ids of the built site to the list; returns how many are new."""
    published = load(project)
    count = 0
    for slug in slugs:
        old = set(published.get(slug, []))
        new = set(ids((project.site / f"{slug}.html").read_text(encoding="utf-8")))
        count += len(new - old)
        published[slug] = sorted(old | new)
    rows = [f" {json.dumps(slug)}: {json.dumps(published[slug])}" for slug in sorted(published)]
    write_atomic(project.root / FILE, "{\n" + ",\n".join(rows) + "\n}\n")
    return count
