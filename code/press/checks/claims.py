"""No output says only True or False: a sentence rests on a claim, a derivation or a number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from press.checks.book import Page
from press.checks.registry import page_audit
from press.errors import Finding

RULE = "claims"
BOOLEAN = re.compile(r"(?<![\w'\"])(?:True|False)(?![\w'\"])")


@page_audit(RULE, "printed lines with a bare True or False", counted=(RULE,))
def claims(page: Page) -> Iterator[Finding]:
    """Each printed line with a bare True or False."""
    fix = "state the claim with its value and its bound, or print the number"
    for cell in page.chapter.cells:
        for text in page.printed(cell):
            for row in filter(BOOLEAN.search, text.split("\n")):
                what = f"a bare True or False is printed: {row.strip()[:60]!r}"
                yield page.finding(cell.line, RULE, what, fix, cell.number)
