"""At which rank the search of the built site answers: `python -m tests.site.ranks FILE.yml`.

A file lists queries with their targets: pages, with the `heading` or the `anchor` of a section
where not every section will do, or the name of a subject that is announced. A heading is named as
it was when the file was written; its anchor stays when it is renamed. No browser is needed.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from docutils.nodes import make_id
from press.site import search

from tests.conftest import ROOT

SITE = ROOT / "_build" / "html"
REPORT = "book/_assets/reports/search.json"
SECTION = re.compile(r'<section[^>]* id="([^"]+)">\s*((?:<span id="[^"]+"></span>\s*)*)<h(\d)')


@dataclass(frozen=True)
class Row:
    """One query: the rank of the first right section and of the first right page, 0 for none."""

    query: str
    section: int
    page: int
    first: str  # what stands at rank one


def measure(path: Path) -> list[Row]:
    """The ranks of all queries of a file."""
    queries = yaml.safe_load(path.read_text(encoding="utf-8"))
    script = SITE / "_static" / "search.js"
    answers = json.loads(search.node("rank", script, [row["query"] for row in queries]))
    return [_row(query, answer) for query, answer in zip(queries, answers, strict=True)]


def _row(query: dict[str, Any], answer: dict[str, Any]) -> Row:
    hits = answer["hits"]
    subjects = [subject["name"] for subject in answer["announced"]]
    first = f"{hits[0]['page']}#{hits[0]['anchor']}" if hits else "nothing"
    if "announced" in query:
        rank = int(query["announced"] in subjects)
        return Row(query["query"], rank, rank, f"announced: {', '.join(subjects)}")
    targets = query["targets"]
    right = [any(_is_target(hit, target) for target in targets) for hit in hits]
    pages = [hit["page"] in {target["page"] for target in targets} for hit in hits]
    return Row(query["query"], _rank(right), _rank(pages), first)


def _rank(right: list[bool]) -> int:
    return right.index(True) + 1 if True in right else 0


def _is_target(hit: dict[str, Any], target: dict[str, Any]) -> bool:
    if hit["page"] != target["page"]:
        return False
    wanted = target.get("anchor", make_id(target["heading"]) if "heading" in target else None)
    return wanted is None or wanted in _names(hit["page"], hit["anchor"])


@cache
def _sections(page: str) -> dict[str, set[str]]:
    """The anchors of each section of a page by the one that the search gives; "" is the top."""
    text = (SITE / f"{page}.html").read_text(encoding="utf-8")
    names = {}
    for anchor, spans, level in SECTION.findall(text):
        others = set(re.findall(r'id="([^"]+)"', spans))
        names["" if level == "1" else anchor] = {anchor, *others, *([""] if level == "1" else [])}
    return names


def _names(page: str, anchor: str) -> set[str]:
    return _sections(page).get(anchor, {anchor})


def summary(ranks: list[int]) -> str:
    """Counts of ranks, and the mean reciprocal rank."""
    top = sum(0 < rank <= 3 for rank in ranks)
    mean = sum(1 / rank for rank in ranks if rank) / len(ranks)
    return (
        f"{len(ranks)} queries: rank 1 {ranks.count(1)}, top three {top}, "
        f"lower {len(ranks) - top - ranks.count(0)}, not found {ranks.count(0)}, MRR {mean:.2f}"
    )


def report(rows: list[Row]) -> dict[str, int]:
    """How many queries find a right page, as the committed report says it."""
    pages = [row.page for row in rows]
    return {
        "queries": len(pages),
        "first": pages.count(1),
        "first three": sum(0 < rank <= 3 for rank in pages),
        "not found": pages.count(0),
    }


def main() -> None:
    """Print the table of each file named."""
    for name in sys.argv[1:]:
        rows = measure(Path(name))
        print(f"{'query':28} section page  first")
        for row in rows:
            print(f"{row.query:28} {row.section or '–':>7} {row.page or '–':>4}  {row.first}")
        print("right section:", summary([row.section for row in rows]))
        print("right page:   ", summary([row.page for row in rows]))


if __name__ == "__main__":
    main()
