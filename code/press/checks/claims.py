"""No output says only True or False: a sentence rests on a claim, a derivation or a number."""

from __future__ import annotations

import re

from press.checks.book import Book
from press.checks.registry import audit
from press.errors import Finding

RULE = "claims"
BOOLEAN = re.compile(r"(?<![\w'\"])(?:True|False)(?![\w'\"])")


@audit(RULE, "printed lines with a bare True or False", counted=(RULE,))
def claims(book: Book) -> list[Finding]:
    """Each printed line with a bare True or False."""
    findings = []
    for page in book.pages:
        for cell in page.chapter.cells:
            for text in page.printed(cell):
                for row in text.split("\n"):
                    if BOOLEAN.search(row):
                        what = f"a bare True or False is printed: {row.strip()[:60]!r}"
                        fix = "state the claim with its value and its bound, or print the number"
                        findings.append(page.finding(cell.line, RULE, what, fix, cell.number))
    return findings
