"""The text of a page, line by line, without its code: what the audits read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from press.source import markdown

if TYPE_CHECKING:
    from markdown_it.token import Token

INFO = re.compile(r"\{([\w:+-]+)\}\s*(.*)$", re.DOTALL)
OPTION = re.compile(r"^\s*:([\w-]+):\s*(.*)$")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# display mathematics directly below a line of text belongs to the paragraph of that line
DISPLAY = re.compile(r"^\s*\$\$.*?\$\$[^\n]*$", re.DOTALL | re.MULTILINE)
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
# directives whose body is not markdown; a directive that is in neither set is searched for others
CODE = {"code-cell", "raw-cell", "code", "code-block", "math", "raw", "literalinclude", "toctree"}
CELLS = ("code-cell", "raw-cell")


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
    runs: bool = False  # a fenced cell that is in no other block: the only kind that is executed


@dataclass(frozen=True)
class Prose:
    """Lines and directives of one page, in order."""

    lines: list[Line]
    blocks: list[Block]


def restore(values: dict[str, Any]) -> Prose:
    """Lines and directives out of their form as JSON."""
    lines = [Line(**{**row, "blocks": tuple(row["blocks"])}) for row in values["lines"]]
    return Prose(lines, [Block(**row) for row in values["blocks"]])


def read(text: str, names: tuple[str, ...] = markdown.EXTENSIONS) -> Prose:
    """Lines of prose and directives of MyST markdown, nested ones included.

    Lines leave out front matter, code, options, comments, labels and display mathematics.
    """
    walker = _Walker(names)
    walker.walk(text, 1, (), True, 0)
    return Prose(walker.lines, walker.blocks)


def lines(text: str) -> list[Line]:
    """Lines of prose, see `read`."""
    return read(text).lines


def blocks(text: str) -> list[Block]:
    """Directives with their options and bodies, see `read`."""
    return read(text).blocks


class _Walker:
    """Collects lines and directives from the tokens of a text and of its directives."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.lines: list[Line] = []
        self.blocks: list[Block] = []

    def walk(self, text: str, first: int, around: tuple[str, ...], prose: bool, depth: int) -> None:
        """Read `text`, whose first line is line `first` of the page."""
        rows = text.split("\n")
        heading = 0
        table = False
        for token in markdown.parse(text, self.names):
            if token.type == "heading_open":
                heading = int(token.tag[1:])
            elif token.type == "heading_close":
                heading = 0
            elif token.type in ("table_open", "table_close"):
                table = token.nesting > 0
                if table:
                    self._rows(token, rows, first, around, prose)
            elif token.type in ("fence", "colon_fence"):
                self._fence(token, first, around, prose, depth)
            elif token.type == "inline" and heading:
                self._heading(token, first, around, prose, heading)
            elif token.type in ("inline", "html_block") and not table:
                self._rows(token, rows, first, around, prose)

    def _heading(
        self, token: Token, first: int, around: tuple[str, ...], prose: bool, level: int
    ) -> None:
        if prose and token.map:
            text = COMMENT.sub("", token.content).strip()
            self.lines.append(Line(first + token.map[0], text, around, level))

    def _rows(
        self, token: Token, rows: list[str], first: int, around: tuple[str, ...], prose: bool
    ) -> None:
        """The lines of a paragraph, a table or a piece of HTML as they are on the page.

        Without comments.
        """
        if not prose or not token.map:
            return
        start, end = token.map
        text = "\n".join(rows[start:end])
        for hidden in (COMMENT, DISPLAY):
            text = hidden.sub(lambda match: "\n" * match[0].count("\n"), text)
        for number, row in enumerate(text.split("\n"), first + start):
            if row.strip():
                self.lines.append(Line(number, row.strip(), around))

    def _fence(
        self, token: Token, first: int, around: tuple[str, ...], prose: bool, depth: int
    ) -> None:
        match = INFO.match(token.info.strip())
        if not match or not token.map:
            return
        number = first + token.map[0]
        name, argument = match[1], match[2].strip()
        body = token.content.split("\n")[:-1]
        options: dict[str, str] = {}
        while body and (option := OPTION.match(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        runs = name in CELLS and token.type == "fence" and not depth and not token.level
        text = "\n".join(body)
        self.blocks.append(Block(number, name, argument, options, text, runs))
        is_prose = prose and name in PROSE
        if is_prose and argument:
            self.lines.append(Line(number, argument, (*around, name), heading=7))
        if name in CODE:
            return
        kind = f"{name}.{options['class'].strip()}" if options.get("class") else name
        start = number + 1 + len(options)
        if name == "glossary":  # its terms are lines at the margin, which markdown has no word for
            if is_prose:
                self.lines += [
                    Line(start + i, row.strip(), (*around, kind))
                    for i, row in enumerate(body)
                    if row.strip()
                ]
            return
        self.walk(text, start, (*around, kind), is_prose, depth + 1)


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
