"""A page of the book as a notebook whose cells know their lines.

Read by the parser that renders it.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from clikit.errors import Exit, UserError, nearest

from press.config import KERNELSPEC
from press.errors import Finding
from press.source import markdown, prose

if TYPE_CHECKING:
    from press.store import Store

# they end a line for one reader of the page and not for another, or HTML cannot hold them
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
WARNING = re.compile(r"msg=['\"](.*?)['\"], lineno")  # of MyST-Parser, inside MyST-NB's exception
# the press reads the first of these, Jupytext, MyST and Sphinx the others
FRONT_MATTER = (
    *("kind", "paths", "open", "unlisted", "description", "press", "date"),
    *("jupytext", "kernelspec", "language_info", "mystnb", "myst", "html_meta", "substitutions"),
    *("orphan", "tocdepth"),
)
GATES = {"exercise-start": "exercise-end", "solution-start": "solution-end"}


class PageError(UserError):
    """A page that cannot be read: one finding with its line and its fix."""

    def __init__(self, path: Path, slug: str, line: int, what: str, fix: str) -> None:
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {what}", fix, Exit.FINDINGS)
        self.finding = Finding(f"book/{slug}.md", line, "page", what, fix, chapter=slug)


@dataclass(frozen=True)
class Cell:
    """One code cell of a page."""

    number: int  # 1-based among the code cells of the page
    line: int  # 1-based line of its opening fence
    source: str
    metadata: dict[str, Any]

    @property
    def tags(self) -> list[str]:
        return list(self.metadata.get("tags", []))

    @property
    def execution_tags(self) -> list[str]:
        """The tags that change what is executed; all others concern the look of the page."""
        return [tag for tag in self.tags if tag in ("raises-exception", "skip-execution")]


@dataclass(frozen=True)
class Chapter:
    """A page: its text, its notebook and its code cells."""

    slug: str
    path: Path
    text: str
    source: dict[str, Any]  # the notebook as JSON has it
    cells: tuple[Cell, ...]
    prose: prose.Prose  # its lines and directives

    @cached_property
    def notebook(self) -> Any:
        """The page as an nbformat notebook without outputs.

        For reading only, copy it before you change it.
        """
        from nbformat import from_dict

        return from_dict(self.source)

    @property
    def settings(self) -> dict[str, Any]:
        """`press:` of the front matter."""
        return dict(self.source["metadata"].get("press", {}))

    def time_limit(self, usual_s: int) -> int:
        """Seconds that each cell may take: what the front matter says, or as usual."""
        return self.settings.get("timeout_s", usual_s)


def read(slug: str, path: Path, store: Store | None = None) -> Chapter:
    """Read `path` (MyST markdown) as MyST-NB does; raises PageError.

    With a `store`, a page that was parsed before is read ten times faster.
    """
    text = _text(slug, path)
    names = markdown.extensions(path.parents[slug.count("/") + 1])
    page = _Page(slug, path, text, names)
    parsed = store.get("chapters", [slug, text, names], page.parse) if store else page.parse()
    cells = tuple(Cell(**cell) for cell in parsed["cells"])
    return Chapter(slug, path, text, parsed["notebook"], cells, prose.restore(parsed["prose"]))


def _text(slug: str, path: Path) -> str:
    """The text of a page, with the lines ended as on every system."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        what = f"the page cannot be read: {error.strerror or error}"
        raise PageError(path, slug, 0, what, "correct its permissions or its place") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PageError(path, slug, 1, "the page is UTF-16", "save it as UTF-8")
    if raw.startswith(b"\xef\xbb\xbf"):
        fix = "save it as UTF-8 without a byte order mark"
        raise PageError(path, slug, 1, "the page starts with a byte order mark", fix)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"the page is not UTF-8: byte 0x{raw[error.start]:02x}"
        raise PageError(path, slug, line, what, "save it as UTF-8") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if match := CONTROL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        what = f"the page holds the control character U+{ord(match[0]):04X}"
        fix = "remove it; in code, write it as an escape such as \\x0c"
        raise PageError(path, slug, line, what, fix)
    return text


@dataclass(frozen=True)
class _Page:
    """The text of a page on its way to a notebook."""

    slug: str
    path: Path
    text: str
    names: tuple[str, ...]

    def parse(self) -> dict[str, Any]:
        """The notebook and its code cells, as JSON has them."""
        if not self.text.strip():
            raise self.error(1, "the page is empty", "write its title, or remove it from _toc.yml")
        try:
            self._check_front_matter()
            self._check_directives()
            notebook = self._notebook()
        except RecursionError as error:
            raise self.error(0, "the page is nested too deeply", "nest less") from error
        cells: list[dict[str, Any]] = []
        places = zip(notebook.cells, notebook.metadata["source_map"], strict=True)
        for cell, line in places:
            cell.metadata = self._plain(dict(cell.metadata), line)
            if cell.cell_type == "code":
                self._check_options(cell.metadata, line)
                cells.append(asdict(Cell(len(cells) + 1, line, cell.source, cell.metadata)))
        notebook.metadata = self._plain(dict(notebook.metadata), 1)
        return {"notebook": notebook, "cells": cells, "prose": asdict(self._prose)}

    def error(self, line: int, what: str, fix: str) -> PageError:
        return PageError(self.path, self.slug, line, what, fix)

    @cached_property
    def _prose(self) -> prose.Prose:
        return prose.read(self.text, self.names)

    def _read(self, text: str) -> Any:
        from myst_nb.core.read import read_myst_markdown_notebook

        return read_myst_markdown_notebook(text, markdown.config(self.names), add_source_map=True)

    def _notebook(self) -> Any:
        try:
            return self._read(self.text)
        # of YAML, of MyST-NB or of nbformat, which has one for each rule
        except Exception as error:
            line, cause = self._locate(error)
            reason = str(getattr(cause, "message", cause)).strip().splitlines() or [repr(cause)]
            inner = WARNING.search(reason[0])
            what = f"the options of the cell cannot be read: {inner[1] if inner else reason[0]}"
            fix = "correct them; tags, for example, are a list: :tags: [hide-input]"
            raise self.error(line, what, fix) from error

    def _locate(self, error: Exception) -> tuple[int, Exception]:
        """The first cell that cannot be read on its own, and why.

        Not every reason names its line.
        """
        rows = self.text.split("\n")
        starts = [block.number for block in self._prose.blocks if block.runs]
        for start, end in pairwise([*starts, len(rows) + 1]):
            try:
                self._read("\n".join(rows[start - 1 : end - 1]))
            except Exception as cause:
                return start, cause
        return 0, error

    def _check_front_matter(self) -> None:
        tokens = markdown.parse(self.text, self.names)
        if not tokens or tokens[0].type != "front_matter":
            return
        fix = "correct the front matter, the lines between the two ---"
        try:
            front = yaml.safe_load(tokens[0].content)
        except (yaml.YAMLError, ValueError, TypeError) as error:  # such as the date 2020-13-45
            mark = getattr(error, "problem_mark", None)
            reason = str(getattr(error, "problem", error)).splitlines()[0]
            what = f"the front matter is not valid YAML: {reason}"
            raise self.error(mark.line + 2 if mark else 1, what, fix) from error
        if not isinstance(front, dict):
            raise self.error(1, "the front matter is not a mapping of names to values", fix)
        self._check_names(tokens[0].content)
        for name in ("jupytext", "kernelspec", "mystnb", "press"):
            if not isinstance(front.get(name, {}), dict):
                raise self.error(1, f"{name} in the front matter is not a mapping", fix)
        for name in ("open", "paths", "unlisted"):
            value = front.get(name, [])
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                what = f"{name} is {value!r:.60}, not a list of names"
                raise self.error(self._line_of(name), what, f"write, for example, {name}: [name]")
        self._check_kernel(front.get("kernelspec", {}).get("name", KERNELSPEC["name"]))
        for name, value in front.get("press", {}).items():
            if name != "timeout_s":
                what = f"press in the front matter has no setting {name!r}"
                raise self.error(1, what, "the only one is timeout_s, the seconds a cell may take")
            if type(value) is not int or value < 1:
                what = f"press: timeout_s is {value!r}, not a positive whole number"
                raise self.error(1, what, "write, for example, press: {timeout_s: 300}")

    def _check_names(self, front: str) -> None:
        """Each name of the front matter is one that something reads, and stands there once."""
        seen: set[str] = set()
        for key, _ in yaml.compose(front, Loader=yaml.SafeLoader).value:
            line = key.start_mark.line + 2
            if key.value in seen:
                what = f"{key.value} stands twice in the front matter"
                raise self.error(line, what, "remove one; only the last is read")
            seen.add(key.value)
            if key.value not in FRONT_MATTER:
                hint = nearest(key.value, FRONT_MATTER)
                what = f"the front matter has no {key.value!r:.60}{hint}"
                raise self.error(line, what, f"use some of: {', '.join(FRONT_MATTER)}")

    def _line_of(self, name: str) -> int:
        """The line of a name of the front matter."""
        match = re.search(rf"^{name}\s*:", self.text, re.MULTILINE)
        return self.text.count("\n", 0, match.start()) + 1 if match else 1

    def _check_kernel(self, name: Any) -> None:
        if name == KERNELSPEC["name"]:
            return
        match = re.search(rf"\bname:\s*['\"]?{re.escape(str(name))}", self.text)
        line = self.text.count("\n", 0, match.start()) + 1 if match else 1
        what = f"the page asks for the kernel {name!r}, and its cells would run in another one"
        raise self.error(line, what, f"write name: {KERNELSPEC['name']} under kernelspec")

    def _check_directives(self) -> None:
        """Cells that would not run and gates that do not close."""
        gate: prose.Block | None = None
        for block in self._prose.blocks:
            if block.name in prose.CELLS and not block.runs:
                what = "a cell inside another block, or between colons, is not executed"
                fix = "move it to the margin of the page, between backticks"
                raise self.error(block.number, what, fix)
            if "load" in block.options:
                what = "a cell that loads its source from a file cannot be checked"
                raise self.error(block.number, what, "write the source into the cell")
            if block.name in GATES:
                self._check_closed(gate)
                gate = block
            elif block.name in GATES.values():
                if gate is None or GATES[gate.name] != block.name:
                    what = f"{block.name} without {block.name.removesuffix('end')}start"
                    raise self.error(block.number, what, "remove it or write its start")
                gate = None
        self._check_closed(gate)

    def _check_closed(self, gate: prose.Block | None) -> None:
        if gate:
            end = GATES[gate.name]
            what = f"{gate.name} without {end}"
            raise self.error(gate.number, what, f"write {{{end}}} where it ends")

    def _check_options(self, metadata: dict[str, Any], line: int) -> None:
        mystnb = metadata.get("mystnb", {})
        parts = [mystnb]
        if isinstance(mystnb, dict):
            parts += [mystnb.get("figure", {}), mystnb.get("image", {})]
        if not all(isinstance(part, dict) for part in parts):
            what = "mystnb of the cell is not a mapping of mappings"
            raise self.error(line, what, "write, for example, mystnb: {image: {alt: ...}}")

    def _plain(self, value: Any, line: int) -> Any:
        """`value` as JSON has it: YAML knows dates, sets and names that are not strings."""
        if isinstance(value, dict):
            return {str(name): self._plain(item, line) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain(item, line) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if hasattr(value, "isoformat"):  # a date or a time
            return value.isoformat()
        what = f"a value of the type {type(value).__name__} cannot be stored in a notebook"
        raise self.error(line, what, "write it as a string or a list")
