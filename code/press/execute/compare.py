"""Compare an execution with its expectation: nbval's own comparison decides.

nbval passes over the order of outputs of different kinds and over types that Python calls equal, so
the outline of the outputs is compared as well. Where a release of nbval has another inner class,
`agrees` stands in for it.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

from press.config import Project
from press.errors import Finding
from press.execute import expectations
from press.execute.records import Record
from press.source.chapter import Chapter

try:
    from nbval.plugin import IPyNbCell, nocolors
except (ImportError, AttributeError):  # its releases are rare, and the class is not public
    IPyNbCell = None

SKIP = (
    "metadata",
    "traceback",
    "prompt_number",
    "output_type",
    "name",
    "execution_count",
    "application/vnd.jupyter.widget-view+json",
    "image/png",
    "image/jpeg",
)


class _Output(dict):
    """An output whose fields are attributes as well, as nbval wants it.

    Nbformat's class copies all it holds.
    """

    __getattr__ = dict.__getitem__


class Replay:
    """nbval's cell without a pytest session or a kernel.

    Its comparison, fed with outputs that are there.
    """

    def __init__(self) -> None:
        self.parent = SimpleNamespace(skip_compare=SKIP, sanitize_patterns={})
        self.colors = nocolors
        self.comparison_traceback: list[str] = []

    def sanitize(self, text: Any) -> Any:
        """nbval replaces patterns here that its user names; the press names none."""
        return text

    def format_output_compare(self, key: str, left: Any, right: Any) -> None:
        """nbval asks pytest for a diff here; ours is made in `diff`."""

    def agrees(self, got: list[dict], want: list[dict]) -> bool:
        """nbval's verdict on two lists of outputs."""
        left = [_Output(output) for output in got]
        right = [_Output(output) for output in want]
        return bool(IPyNbCell.compare_outputs(self, left, right))


def agrees(got: list[dict], want: list[dict]) -> bool:
    """The rules of nbval on two lists of outputs, for a version of nbval that cannot be asked."""
    return _fields(got) == _fields(want)


def _fields(outputs: list[dict]) -> dict[str, list[Any]]:
    """Values by field or MIME type, in order; streams count by their name."""
    fields: dict[str, list[Any]] = defaultdict(list)
    for output in outputs:
        values = dict(output)
        values.update(values.pop("data", {}))
        if output["output_type"] == "stream":
            values[output["name"]] = values.pop("text")
        for key, value in values.items():
            if key not in SKIP:
                fields[key].append(value)
    return fields


def same(got: list[dict], want: list[dict]) -> bool:
    """True when nbval finds no difference, and there is none in what it passes over."""
    got = expectations.minimal_outputs(got)
    want = expectations.minimal_outputs(want)
    judge = agrees if IPyNbCell is None else Replay().agrees
    return judge(got, want) and _outline(got) == _outline(want)


def _outline(outputs: list[dict]) -> str:
    """What nbval passes over: order and kinds of the outputs, counts, types of numbers."""
    rows = []
    for output in outputs:
        data = {mime: _spelled(value) for mime, value in output.get("data", {}).items()}
        count = output.get("execution_count")
        rows.append([output["output_type"], output.get("name"), count, data])
    return json.dumps(rows, sort_keys=True)


def _spelled(value: Any) -> Any:
    """JSON in full, since to Python 1 == 1.0 == True.

    Nothing for a string, which nbval compares.
    """
    return value if not isinstance(value, str) else None


def as_text(outputs: list[dict]) -> str:
    """Outputs as a person would compare them, one line a line."""
    rows: list[str] = []
    for output in expectations.minimal_outputs(outputs):
        if output["output_type"] == "stream":
            rows += [f"[{output['name']}]"] if output["name"] != "stdout" else []
            rows += output["text"].splitlines()
        elif output["output_type"] == "error":
            rows.append(f"{output['ename']}: {output['evalue']}")
        else:
            for mime, value in output["data"].items():
                rows += [f"[{output['output_type']} {mime}]"] if mime != "text/plain" else []
                rows += (
                    value.splitlines()
                    if isinstance(value, str)
                    else json.dumps(value, indent=1, sort_keys=True).splitlines()
                )
    return "\n".join(rows)


def diff(want: list[dict], got: list[dict], limit: int = 60) -> str:
    """A unified diff of expected and computed text; lines that differ in kind only are named."""
    a, b = as_text(want).splitlines(), as_text(got).splitlines()
    rows = list(difflib.unified_diff(a, b, "expected", "computed", lineterm="", n=2))
    if not rows:
        rows = [
            "the text is the same; the kind, the order or the count of the outputs differs",
            f"expected {[o['output_type'] for o in want]}",
            f"computed {[o['output_type'] for o in got]}",
        ]
    return "\n".join(
        rows[:limit] + ([f"... and {len(rows) - limit} more lines"] if len(rows) > limit else [])
    )


def pairing(project: Project, chapter: Chapter) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The expectation of a chapter, and what is wrong with the file itself."""
    path = project.expectation(chapter.slug)
    where, fix = project.rel(path), f"make accept CHAPTER={chapter.slug}"

    def finding(what: str, remedy: str = fix, cell: int | None = None, detail: str = "") -> Finding:
        return Finding(where, 0, "pairing", what, remedy, detail, chapter.slug, cell)

    if not chapter.cells and not path.exists():
        return None, []  # nothing to execute, nothing to expect
    if not path.exists():
        return None, [finding("the expectation is missing")]
    try:
        want = expectations.load(path)
        tidy = expectations.minimal(want)
        form = expectations.dumps(tidy)
    except OSError as error:
        what = f"the expectation cannot be read: {error.strerror or error}"
        return None, [finding(what, "correct its permissions, or restore the file")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return None, [
            finding(f"the expectation is damaged: {error}", f"git checkout -- {where}, or {fix}")
        ]
    sources = [cell["source"] for cell in want["cells"]]
    for cell, source in zip(chapter.cells, sources, strict=False):
        if cell.source != source:
            rows = difflib.unified_diff(
                source.splitlines(),
                cell.source.splitlines(),
                "expectation",
                "page",
                lineterm="",
                n=1,
            )
            return None, [
                finding(
                    "the expectation holds another cell than "
                    f"{project.rel(chapter.path)}:{cell.line}",
                    fix,
                    cell.number,
                    "\n".join(rows),
                )
            ]
    if len(sources) != len(chapter.cells):
        return None, [
            finding(f"the expectation has {len(sources)} cells, the page has {len(chapter.cells)}")
        ]
    if form != path.read_text(encoding="utf-8"):
        return want, [
            finding(
                "the expectation was edited by hand: it is not in the form the press writes",
                f"git checkout -- {where}, or {fix}",
            )
        ]
    return want, []


def chapter_findings(project: Project, chapter: Chapter, record: Record) -> list[Finding]:
    """All that differs between an execution and the committed expectation."""
    want, problems = pairing(project, chapter)
    if want is None:
        return problems
    return problems + cell_findings(project, chapter, want, record)


def cell_findings(
    project: Project, chapter: Chapter, want: dict[str, Any], record: Record
) -> list[Finding]:
    """What differs, cell by cell, from an expectation that is paired with its chapter."""
    differences: list[Finding] = []
    where = project.rel(project.expectation(chapter.slug))
    for cell, expected, got, count in zip(
        chapter.cells, want["cells"], record.outputs, record.counts, strict=True
    ):
        if not same(got, expected["outputs"]):
            differences.append(
                Finding(
                    project.rel(chapter.path),
                    cell.line,
                    "output",
                    f"cell {cell.number} of {chapter.slug} does not print what {where} expects",
                    f"fix the code; or, if the output is right: make accept CHAPTER={chapter.slug}",
                    diff(expected["outputs"], got),
                    chapter.slug,
                    cell.number,
                )
            )
        elif expected["execution_count"] != count:
            differences.append(
                Finding(
                    project.rel(project.expectation(chapter.slug)),
                    0,
                    "output",
                    f"cell {cell.number} of {chapter.slug} has the count "
                    f"{expected['execution_count']}, it was executed as {count}",
                    f"make accept CHAPTER={chapter.slug}",
                    "",
                    chapter.slug,
                    cell.number,
                )
            )
    return differences


def fault_finding(project: Project, chapter: Chapter, record: Record) -> Finding:
    """A failed execution as a finding."""
    fault = record.fault
    assert fault is not None
    line = chapter.cells[fault.cell - 1].line if fault.cell else 0
    return Finding(
        project.rel(chapter.path),
        line,
        "execution",
        fault.what,
        fault.fix,
        fault.detail,
        chapter.slug,
        fault.cell or None,
    )
