"""Sentences of a page: one a line, none of them empty of meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from press.checks.book import Page
from press.errors import Finding

RULE = "anatomy"
ABBREVIATION = re.compile(
    r"\b(e\.g|i\.e|cf|vs|Fig|Eq|et al|St|Dr|No|approx|resp|ch|p|pp|vol|[A-Z])\.$"
)
END = re.compile(r"[.?!](?=\s+[\"'(]?[A-Z])")
LIST_MARK = re.compile(r"^\s*(\d+|[-*])\.?$")
AFTER_COMMENT = re.compile(r"<!--.*?-->[ \t]*[^\s<]")
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")


def word_count(words: str) -> int:
    """Words of a line without its roles, code and mathematics."""
    return len(WORD.findall(words))


def check(page: Page) -> Iterator[Finding]:
    """Lines with two sentences, filler or an exclamation mark."""
    yield from _raw_lines(page)
    filler = _any_of(page.settings.filler)
    for line, words in page.words:
        if line.is_table or line.heading or "glossary" in line.blocks:
            continue
        if _is_two(words):
            what = "two sentences share one line"
            fix = "one sentence a line: break after the full stop"
            yield page.finding(line.number, RULE, what, fix)
        if filler and (match := filler.search(words)):
            what = f"filler: {match[0]!r}"
            yield page.finding(line.number, RULE, what, "say the thing itself")
        if "!" in words and "!" in re.sub(r"!=|!\[", "", words):
            what = "an exclamation mark"
            fix = "end the sentence with a full stop"
            yield page.finding(line.number, RULE, what, fix)


def _raw_lines(page: Page) -> Iterator[Finding]:
    """Lines that begin with a comment: Markdown shows what follows as it is typed."""
    for number, text in enumerate(page.chapter.text.splitlines(), 1):
        if AFTER_COMMENT.match(text):
            what = "what follows a comment on its line is shown as it is typed"
            yield page.finding(number, RULE, what, "write the comment on a line of its own")


def _is_two(words: str) -> bool:
    """Whether a sentence ends before the end of the line."""
    for match in END.finditer(words):
        sentence = words[: match.end()]
        if not ABBREVIATION.search(sentence) and not LIST_MARK.match(sentence):
            return True
    return False


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    """One pattern for all of them, each between word boundaries."""
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.I) if patterns else None
