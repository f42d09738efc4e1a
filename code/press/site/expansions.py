"""Abbreviations that a text expands: the search finds one by the other."""

from __future__ import annotations

import re

EXPANSION = re.compile(r"((?:[\w'’-]+ ){1,8})\(([A-Z][A-Za-z]{1,7}?)s?[,;)]")


def expansions(text: str) -> list[tuple[str, str]]:
    """Abbreviations in brackets behind their words, as in `mean squared error (MSE)`."""
    pairs = set()
    for words, short in EXPANSION.findall(text):
        if long := _spelled(short, words.split()):
            pairs.add((short, long))
    return sorted(pairs)


def _spelled(short: str, words: list[str]) -> str:
    """The last words whose initials are `short`, hyphenated words counted as one or as several."""
    letters = short.lower()
    for start in range(len(words) - 1, -1, -1):
        tail = words[start:]
        initials = "".join(word[0] for word in tail)
        inner = "".join(part[0] for word in tail for part in word.split("-") if part)
        if letters in (initials.lower(), inner.lower()) and len(letters) > 1:
            return " ".join(tail)
    return ""
