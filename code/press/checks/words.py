"""The field's words in the prose: the wordings that `book/press.yml` lists do not occur."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from press.checks.book import Page
from press.checks.registry import page_audit
from press.errors import Finding
from press.source.settings import HouseWord

RULE = "words"


@page_audit(RULE, "wordings that the book avoids, with the field's word instead", counted=(RULE,))
def words(page: Page) -> Iterator[Finding]:
    """Each use of a wording to avoid."""
    house = page.settings.words
    pattern = _any_of(house)
    if pattern is None:
        return
    fixed = {*page.rules.sections, *page.settings.sections.aside}
    for line, text in page.words:
        if line.heading == 2 and line.text in fixed:
            continue
        for match in pattern.finditer(text):
            say = next(word.say for i, word in enumerate(house) if match[f"w{i}"])
            what = f"the book does not say {match[0]!r}"
            yield page.finding(line.number, RULE, what, f"say {say}")


@lru_cache
def _any_of(house: tuple[HouseWord, ...]) -> re.Pattern[str] | None:
    """One pattern with a group for each wording, between word boundaries."""
    if not house:
        return None
    groups = "|".join(f"(?P<w{i}>{word.pattern})" for i, word in enumerate(house))
    return re.compile(rf"(?<![\w-])(?:{groups})(?![\w-])", re.I)
