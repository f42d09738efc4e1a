"""String literals that are too long for a line, in parts that Python joins again."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

LITERAL = re.compile(r"""([A-Za-z]*)("|')(?!\2\2)(.*)\2""")
SHORTEST = 12  # columns of a part, below which a text is no longer read


@dataclass(frozen=True)
class Literal:
    """A string literal on one line; `depth` counts the brackets around it."""

    row: int  # 0-based
    start: int
    end: int
    depth: int


def broken(text: str, columns: int) -> str:
    """The same program with string literals of lines beyond `columns` in parts, one a line.

    A literal outside of brackets gets its own. Parts end after a space, or beside a replacement
    field where there is none. What would mean something else, or has no such place, stays.

    >>> print(broken('value = "one two three four five"', 24))
    value = (
        "one two three "
        "four five"
    )
    """
    rows = text.splitlines()
    for literal in sorted(_literals(text), key=lambda item: (-item.row, -item.start)):
        if len(rows[literal.row]) <= columns:
            continue
        shown = [*rows[: literal.row], *_apart(rows[literal.row], literal, columns)]
        shown += rows[literal.row + 1 :]
        if _same("\n".join(rows), "\n".join(shown)):
            rows = shown
    return "\n".join(rows) + "\n" * text.endswith("\n")


def _literals(text: str) -> Iterator[Literal]:
    """The outermost string literals; from Python 3.12 on an f-string is several tokens."""
    depth = inside = 0
    begin = (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            begin = begin if inside else token.start
            inside += 1
        inside -= kind == "FSTRING_END"
        if inside:
            continue
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        start = begin if kind == "FSTRING_END" else token.start
        if kind in ("STRING", "FSTRING_END") and start[0] == token.end[0]:
            yield Literal(start[0] - 1, start[1], token.end[1], depth)


def _apart(row: str, literal: Literal, columns: int) -> list[str]:
    """The lines in place of one."""
    margin = " " * (len(row) - len(row.lstrip()))
    before, text, after = row[: literal.start], row[literal.start : literal.end], row[literal.end :]
    if not literal.depth:
        parts = _parts(text, columns - len(margin) - 4)
        lines = [before + "(", *(f"{margin}    {part}" for part in parts), margin + ")" + after]
    else:
        parts = _parts(text, columns - literal.start - len(after))
        lines = [" " * literal.start + part for part in parts]
        lines[0] = before + parts[0]
        lines[-1] += after
    return lines if len(parts) > 1 else [row]


def _parts(literal: str, columns: int) -> list[str]:
    """A literal as several, each of at most `columns` where it has places to break."""
    match = LITERAL.fullmatch(literal)
    if match is None:
        return [literal]
    prefix, quote, body = match.groups()
    room = max(columns, SHORTEST) - len(prefix) - 2
    pieces = [""]
    for word in _words(body, is_format="f" in prefix.lower()):
        if pieces[-1] and len(pieces[-1] + word) > room:
            pieces.append("")
        pieces[-1] += word
    parts = []
    for piece in pieces:
        plain = prefix.replace("f", "") if "{" not in piece and "}" not in piece else prefix
        parts.append(f"{plain}{quote}{piece}{quote}")
    return parts


def _words(body: str, is_format: bool) -> Iterator[str]:
    """A text in pieces that stay whole: words with the spaces behind them, replacement fields."""
    depth = first = 0
    for place, sign in enumerate(body):
        if is_format and sign == "{":
            if depth == 0 and place > first and body[place - 1] != "{":
                yield body[first:place]
                first = place
            depth += 1
        elif is_format and sign == "}":
            depth -= 1
        elif depth == 0 and sign != " " and place > first and body[place - 1] == " ":
            yield body[first:place]
            first = place
    yield body[first:]


def _same(text: str, other: str) -> bool:
    try:
        return ast.dump(ast.parse(text)) == ast.dump(ast.parse(other))
    except SyntaxError:
        return False
