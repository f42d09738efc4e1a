"""The text of a page, line by line, without its code: what the audits read."""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = re.compile(r"^\s*(`{3,}|:{3,}|~{3,})\s*(?:\{([\w:-]+)\}\s*(.*))?")
OPTION = re.compile(r"^\s*:[\w-]+:")
HEADING = re.compile(r"^(#{1,6})\s+(.*)$")
# directives whose body is prose; the body of every other fence is code or data
PROSE = {
    "admonition",
    "note",
    "tip",
    "warning",
    "important",
    "exercise",
    "exercise-start",
    "solution",
    "solution-start",
    "figure",
    "theorem",
    "definition",
    "lemma",
    "proof",
    "prf:theorem",
    "prf:definition",
    "prf:lemma",
    "prf:proof",
    "prf:proposition",
    "dropdown",
    "glossary",
    "container",
    "list-table",
    "rubric",
    "epigraph",
}


@dataclass(frozen=True)
class Line:
    """One line of prose."""

    number: int  # 1-based
    text: str
    blocks: tuple[str, ...]  # names of the directives around it, outermost first
    heading: int = 0  # level, 0 for running text

    @property
    def is_table(self) -> bool:
        return self.text.lstrip().startswith("|")


@dataclass(frozen=True)
class Block:
    """A directive of the page."""

    number: int
    name: str
    argument: str
    options: dict[str, str]
    body: str


def lines(text: str) -> list[Line]:
    """Prose lines of MyST markdown: no front matter, code, options, comments, labels or display mathematics."""
    found: list[Line] = []
    stack: list[tuple[str, str]] = []
    rows = text.split("\n")
    start = 0
    if rows and rows[0] == "---":
        start = rows.index("---", 1) + 1 if "---" in rows[1:] else 0
    in_math = in_options = False
    comment = False
    for number, row in enumerate(rows[start:], start + 1):
        fence = FENCE.match(row)
        top = stack[-1] if stack else None
        if top and row.strip() == top[0]:
            stack.pop()
            continue
        if top and top[1].partition(".")[0] not in PROSE:
            continue
        if fence:
            stack.append((fence[1], fence[2] or ""))
            in_options = True
            if fence[2] in PROSE and fence[3]:
                found.append(Line(number, fence[3], tuple(name for _, name in stack), heading=7))
            continue
        if in_options and OPTION.match(row):
            if stack and row.strip().startswith(":class:"):  # "admonition.promise"
                stack[-1] = (stack[-1][0], f"{stack[-1][1]}.{row.partition(':class:')[2].strip()}")
            continue
        in_options = False
        if "<!--" in row:
            comment = "-->" not in row
            row = re.sub(r"<!--.*?(-->|$)", "", row)
        elif comment:
            comment = "-->" not in row
            continue
        if row.strip().startswith("$$"):
            in_math = (
                not in_math
                if row.strip().count("$$") == 1 or not row.strip().endswith("$$")
                else in_math
            )
            if in_math and row.strip().count("$$") == 2:
                in_math = False
            continue
        if (
            in_math
            or not row.strip()
            or re.match(r"^\(.+\)=$", row.strip())
            or row.strip() in ("+++", "---")
        ):
            if in_math and "$$" in row:
                in_math = False
            continue
        heading = HEADING.match(row)
        blocks = tuple(name for _, name in stack)
        found.append(
            Line(
                number,
                heading[2] if heading else row.strip(),
                blocks,
                len(heading[1]) if heading else 0,
            )
        )
    return found


def blocks(text: str) -> list[Block]:
    """Every directive of a page with its options and body, nested ones included."""
    rows = text.split("\n")
    found: list[Block] = []
    for number, row in enumerate(rows, 1):
        fence = FENCE.match(row)
        if not fence or not fence[2]:
            continue
        body: list[str] = []
        for later in rows[number:]:
            if later.strip() == fence[1]:
                break
            body.append(later)
        options: dict[str, str] = {}
        while body and (match := re.match(r"^\s*:([\w-]+):\s*(.*)$", body[0])):
            options[match[1]] = match[2]
            body.pop(0)
        found.append(Block(number, fence[2], fence[3] or "", options, "\n".join(body)))
    return found


def plain(text: str) -> str:
    """A line without roles, links, code and mathematics: words only."""
    text = re.sub(r"\{[\w:-]+\}`([^`<]*?)(?:\s*<[^`]*>)?`", r"\1", text)
    text = re.sub(r"`[^`]*`", " code ", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\$[^$]*\$", " maths ", text)
    return re.sub(r"<https?:[^>]*>|https?:\S+", " link ", text).replace("**", "").replace("*", "")


def word_count(text: str) -> int:
    """Words a reader reads: prose, captions excluded, mathematics and code as one word each."""
    return sum(len(re.findall(r"[A-Za-z][A-Za-z'’-]*", plain(line.text))) for line in lines(text))
