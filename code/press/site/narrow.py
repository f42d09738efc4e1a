"""Listings of modules, whose lines may have 100 columns, in the columns of a page."""

from __future__ import annotations

import ast
import io
import subprocess
import textwrap
import tokenize
from functools import cache
from itertools import groupby

from ruff import find_ruff_bin

from press.site import literals

DOCUMENTED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def narrowed(text: str, columns: int) -> str:
    """The same statements in lines of at most `columns`, as far as a formatter can break them.

    A comment at the end of a long line goes above the line, paragraphs of docstrings are filled
    anew, a string that does not fit is in parts, and the text of an error is left out. A text that
    is not whole Python is returned as it is.

    >>> print(narrowed("value = first + second  # the sum", 30))
    # the sum
    value = first + second
    """
    if all(len(line) <= columns for line in text.splitlines()):
        return text
    flush = textwrap.dedent(text)
    margin = " " * (len(text) - len(text.lstrip(" ")))
    width = columns - len(margin)
    try:
        shown = _formatted(_comments_above(flush, width), width)
        shown = _without_messages(shown, width)
        shown = _formatted(literals.broken(shown, width), width)
        # a formatter that breaks a line moves the comments in it to the right
        shown = _docstrings(_comments_above(shown, width), width)
    except (tokenize.TokenError, SyntaxError):
        return text
    return textwrap.indent(shown.rstrip("\n"), margin)


def _formatted(text: str, columns: int) -> str:
    command = [find_ruff_bin(), "format", "--isolated", "--line-length", str(columns), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise SyntaxError(done.stderr)
    return done.stdout


def _without_messages(text: str, columns: int) -> str:
    """`raise Error(...)` where a line of what is raised is too long."""
    rows = text.splitlines()
    raised = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise)]
    for node in sorted(raised, key=lambda node: -node.lineno):  # the lines above keep their places
        last = node.end_lineno or node.lineno
        if isinstance(node.exc, ast.Call) and max(map(len, rows[node.lineno - 1 : last])) > columns:
            cause = f" from {ast.unparse(node.cause)}" if node.cause else ""
            short = f"raise {ast.unparse(node.exc.func)}(...){cause}"
            rows[node.lineno - 1 : last] = [" " * node.col_offset + short]
    return "\n".join(rows) + "\n"


def _docstrings(text: str, columns: int) -> str:
    """Docstrings with the paragraphs that have a line that is too long filled anew."""
    rows = text.splitlines()
    tree = ast.parse(text)
    documented = [tree, *(node for node in ast.walk(tree) if isinstance(node, DOCUMENTED))]
    found = [node.body[0] for node in documented if ast.get_docstring(node) is not None]
    for node in sorted(found, key=lambda node: -node.lineno):  # the lines above keep their places
        last = node.end_lineno or node.lineno
        rows[node.lineno - 1 : last] = _filled(rows[node.lineno - 1 : last], columns)
    return "\n".join(rows) + "\n"


def _filled(rows: list[str], columns: int) -> list[str]:
    """Lines of a docstring; a paragraph is a run of lines that begin in one column."""
    shown: list[str] = []
    for indent, lines in groupby(rows, _indent):
        paragraph = list(lines)
        mark = " " * max(indent, 0)
        text = " ".join(line.strip() for line in paragraph)
        fits = all(len(line) <= columns for line in paragraph)
        if fits or text.startswith(">>>"):
            shown += paragraph
        else:
            shown += textwrap.wrap(
                text,
                columns,
                initial_indent=mark,
                subsequent_indent=mark,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return shown


def _indent(row: str) -> int:
    """The column in which a line begins; -1 of one that is empty or closes a docstring."""
    return -1 if row.strip() in ("", '"""') else len(row) - len(row.lstrip())


def _comments_above(text: str, columns: int) -> str:
    """Comments of lines that are too long in lines of their own, above what they explain."""
    rows = text.splitlines()
    above: dict[int, list[str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        number, column = token.start
        if token.type == tokenize.COMMENT and len(rows[number - 1]) > columns:
            row = rows[number - 1]
            mark = row[: len(row) - len(row.lstrip())] + "# "
            words = token.string.lstrip("# ")
            above[number - 1] = textwrap.wrap(
                words, columns, initial_indent=mark, subsequent_indent=mark
            )
            rows[number - 1] = row[:column].rstrip()
    lines: list[str] = []
    for number, row in enumerate(rows):
        lines += above.get(number, [])
        if row or number not in above:
            lines.append(row)
    return "\n".join(lines) + "\n"
