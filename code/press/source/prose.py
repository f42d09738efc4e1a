"""The text of a page, line by line, without its code: what the audits read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
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
    *("admonition", "note", "tip", "warning", "important", "dropdown", "container"),
    *("exercise", "exercise-start", "solution", "solution-start", "figure", "list-table"),
    *("theorem", "definition", "lemma", "proof", "prf:theorem", "prf:definition", "prf:lemma"),
    *("prf:proof", "prf:proposition", "glossary", "rubric", "epigraph"),
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
    prose = Prose([], [])
    _Walker(prose, names, 1).walk(text)
    return prose


def lines(text: str) -> list[Line]:
    """Lines of prose, see `read`."""
    return read(text).lines


def blocks(text: str) -> list[Block]:
    """Directives with their options and bodies, see `read`."""
    return read(text).blocks


@dataclass(frozen=True)
class _Walker:
    """Collects lines and directives from the tokens of a text and of its directives."""

    page: Prose
    names: tuple[str, ...]
    first: int  # the line of the page where the text begins
    around: tuple[str, ...] = ()
    prose: bool = True
    depth: int = 0

    def walk(self, text: str) -> None:
        """Read `text`."""
        rows = text.split("\n")
        heading = 0
        table = False
        for token in markdown.parse(text, self.names):
            if token.type in ("heading_open", "heading_close"):
                heading = int(token.tag[1:]) if token.nesting > 0 else 0
            elif token.type in ("fence", "colon_fence"):
                self._fence(token)
            elif token.type in ("table_open", "table_close"):
                table = token.nesting > 0
                self._rows(token, rows)
            elif token.type == "inline" and heading:
                self._heading(token, heading)
            elif token.type in ("inline", "html_block") and not table:
                self._rows(token, rows)

    def _heading(self, token: Token, level: int) -> None:
        if self.prose and token.map:
            text = COMMENT.sub("", token.content).strip()
            self.page.lines.append(Line(self.first + token.map[0], text, self.around, level))

    def _rows(self, token: Token, rows: list[str]) -> None:
        """The lines of a paragraph, a table or a piece of HTML as they are on the page.

        Without comments.
        """
        if not self.prose or not token.map:
            return
        start, end = token.map
        text = "\n".join(rows[start:end])
        for hidden in (COMMENT, DISPLAY):
            text = hidden.sub(lambda match: "\n" * match[0].count("\n"), text)
        self._lines(text.split("\n"), self.first + start, self.around)

    def _lines(self, rows: list[str], first: int, around: tuple[str, ...]) -> None:
        for number, row in enumerate(rows, first):
            if row.strip():
                self.page.lines.append(Line(number, row.strip(), around))

    def _fence(self, token: Token) -> None:
        match = INFO.match(token.info.strip())
        if not match or not token.map:
            return
        number = self.first + token.map[0]
        name, argument = match[1], match[2].strip()
        body = token.content.split("\n")[:-1]
        options: dict[str, str] = {}
        while body and (option := OPTION.match(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        runs = name in CELLS and token.type == "fence" and not self.depth and not token.level
        text = "\n".join(body)
        self.page.blocks.append(Block(number, name, argument, options, text, runs))
        prose = self.prose and name in PROSE
        if prose and argument:
            self.page.lines.append(Line(number, argument, (*self.around, name), heading=7))
        if name in CODE:
            return
        kind = f"{name}.{options['class'].strip()}" if options.get("class") else name
        around = (*self.around, kind)
        start = number + 1 + len(options)
        if name != "glossary":
            inner = replace(self, first=start, around=around, prose=prose, depth=self.depth + 1)
            inner.walk(text)
        elif prose:  # its terms are lines at the margin, which markdown has no word for
            self._lines(body, start, around)


def plain(text: str) -> str:
    """A line without roles, links, code and mathematics: words only."""
    text = re.sub(r"\{[\w:-]+\}`([^`<]*?)(?:\s*<[^`]*>)?`", r"\1", text)
    text = re.sub(r"`[^`]*`", " code ", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\$[^$]*\$", " maths ", text)
    return re.sub(r"<https?:[^>]*>|https?:\S+", " link ", text).replace("**", "").replace("*", "")


def word_count(text: str) -> int:
    """Words a reader reads: prose, captions excluded, mathematics and code as one word each."""
    return sum(words_of_line(line.text) for line in lines(text))


def words_of_line(text: str) -> int:
    """The words of one line, counted as `word_count` does."""
    return len(re.findall(r"[A-Za-z][A-Za-z'’-]*", plain(text)))
