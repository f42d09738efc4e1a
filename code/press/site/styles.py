"""One style sheet with the rules the site uses, in place of nine with half a megabyte.

A rule stays when every tag, class and id of one of its selectors occurs in a page or in a script.
"""

from __future__ import annotations

import re
from pathlib import Path

import tinycss2

from press.files import read_json, sha, write_json

NOT = re.compile(r":not\([^()]*(?:\([^()]*\)[^()]*)*\)")
PART = re.compile(r"([.#]?)(-?[A-Za-z_][\w-]*|\\.)")
PSEUDO = re.compile(r"::?[a-zA-Z-]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?")
ATTRIBUTE = re.compile(r"\[[^\]]*\]")
DROPPED_FONTS = re.compile(r"font ?awesome|FontAwesome", re.I)


def vocabulary(text: str) -> set[str]:
    """Tags, classes and ids of an HTML page."""
    found = {tag.lower() for tag in re.findall(r"<([A-Za-z][\w-]*)", text)}
    for kind, value in re.findall(r'\b(class|id)="([^"]*)"', text):
        found.update(value.split() if kind == "class" else [value])
    return found


def script_words(text: str) -> set[str]:
    """Words in the string literals of a script: classes it may set."""
    found: set[str] = set()
    for literal in re.findall(
        r"\"((?:[^\"\\\n]|\\.){1,200})\"|'((?:[^'\\\n]|\\.){1,200})'|`([^`]{1,200})`", text
    ):
        found.update(re.findall(r"-?[A-Za-z_][\w-]*", "".join(literal)))
    return found


def purge(css: str, words: set[str], memo: Path) -> str:
    """`css` without the rules that match nothing; remembered in `memo` while nothing changes."""
    key = sha([css, sorted(words)])
    known = read_json(memo)
    if known and known["key"] == key:
        return known["css"]
    small = _variables(
        _rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), words)
    )
    write_json(memo, {"key": key, "css": small})
    return small


def _rules(rules: list, words: set[str]) -> str:
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [
                s.strip() for s in _split(tinycss2.serialize(rule.prelude)) if used(s, words)
            ]
            body = tinycss2.serialize(rule.content).strip()
            if selectors and body:
                kept.append(f"{','.join(selectors)}{{{_squeeze(body)}}}")
        elif rule.type == "at-rule":
            prelude = tinycss2.serialize(rule.prelude).strip()
            if rule.at_keyword in ("media", "supports", "layer") and rule.content is not None:
                inner = _rules(
                    tinycss2.parse_rule_list(
                        rule.content, skip_comments=True, skip_whitespace=True
                    ),
                    words,
                )
                if inner:
                    kept.append(f"@{rule.at_keyword} {prelude}{{{inner}}}")
            elif rule.at_keyword == "charset" or (
                rule.at_keyword == "font-face"
                and DROPPED_FONTS.search(tinycss2.serialize(rule.content))
            ):
                continue
            else:
                body = (
                    f"{{{_squeeze(tinycss2.serialize(rule.content))}}}"
                    if rule.content is not None
                    else ";"
                )
                kept.append(f"@{rule.at_keyword} {prelude}{body}")
    return "\n".join(kept)


def _split(prelude: str) -> list[str]:
    """Selectors of a list, split at commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(prelude):
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            parts.append(prelude[start:i])
            start = i + 1
    return [*parts, prelude[start:]]


def used(selector: str, words: set[str]) -> bool:
    """True when every name in a selector is one the site knows; what :not() excludes need not exist."""
    bare = PSEUDO.sub(" ", NOT.sub(" ", ATTRIBUTE.sub(" ", selector)))
    for mark, name in PART.findall(bare):
        if not mark and name.lower() in ("html", "body", "from", "to"):
            continue
        if (name if mark else name.lower()) not in words:
            return False
    return True


def _squeeze(body: str) -> str:
    return (
        re.sub(
            r"\s*([{};:,])\s*",
            r"\1",
            re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", body, flags=re.S)),
        )
        .strip()
        .rstrip(";")
    )


PROPERTY = re.compile(
    r"(?<=[{;])(--[\w-]+):(?:[^;{}()\"']|\([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\)|\"[^\"]*\"|'[^']*')*(;|(?=\}))"
)


def _variables(css: str) -> str:
    """Drop custom properties that nothing reads, until none is left."""
    while True:
        wanted = frozenset(re.findall(r"var\(\s*(--[\w-]+)", css))

        def keep(match: re.Match, wanted: frozenset[str] = wanted) -> str:
            return match[0] if match[1] in wanted or match[1].startswith("--gt-") else ""

        smaller = PROPERTY.sub(keep, css)
        if smaller == css:
            return css
        css = smaller
