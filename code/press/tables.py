"""Tables of Markdown reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a Markdown table; a bar or a line break inside a cell is replaced.

    >>> table(["a", "b"], [[1, "x|y"]])
    ['| a | b |', '|---|---|', '| 1 | x/y |']
    """
    return [_row(head), "|---" * len(head) + "|", *map(_row, rows)]


def _row(cells: Sequence[object]) -> str:
    texts = (str(cell).replace("|", "/").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(texts)} |"
