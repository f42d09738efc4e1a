"""Compare an execution with its expectation: nbval's own comparison decides.

nbval passes over the order of outputs of different kinds and over types that Python calls equal, so
the outline of the outputs is compared as well. Where a release of nbval has another inner class,
`agrees` stands in for it; a test compares the two.
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

SKIP = {
    *("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count"),
    *("application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg"),
}


class _Output(dict):
    """An output whose fields are attributes as well, as nbval wants it.

    Nbformat's class copies all it holds.
    """

    __getattr__ = dict.__getitem__


def nbval_agrees(got: list[dict], want: list[dict]) -> bool:
    """nbval's verdict on two lists of outputs, without a pytest session or a kernel."""
    cell = SimpleNamespace(
        parent=SimpleNamespace(skip_compare=SKIP),
        colors=nocolors,
        sanitize=lambda text: (
            text
        ),  # it replaces patterns that its user names: the press names none
        format_output_compare=lambda *parts: None,  # pytest's diff; ours is made in `diff`
    )
    return IPyNbCell.compare_outputs(
        cell, [_Output(output) for output in got], [_Output(output) for output in want]
    )


def agrees(got: list[dict], want: list[dict]) -> bool:
    """The rules of nbval on two lists of outputs, for a version of nbval that cannot be asked."""
    return _fields(got) == _fields(want)


def _fields(outputs: list[dict]) -> dict[str, list[Any]]:
    """Values by field or MIME type, in order; streams count by their name."""
    fields: dict[str, list[Any]] = defaultdict(list)
    for output in outputs:
        values = {**output, **output.get("data", {})}
        values.pop("data", None)
        if output["output_type"] == "stream":
            values[output["name"]] = values.pop("text")
        for key in values.keys() - SKIP:
            fields[key].append(values[key])
    return fields


def same(got: list[dict], want: list[dict]) -> bool:
    """True when nbval finds no difference, and there is none in what it passes over."""
    got = expectations.minimal_outputs(got)
    want = expectations.minimal_outputs(want)
    judge = nbval_agrees if IPyNbCell else agrees
    return _same_outline(got, want) and judge(got, want)


def _same_outline(got: list[dict], want: list[dict]) -> bool:
    """Whether two lists agree in what nbval passes over: order, kinds, counts, types of numbers."""
    if len(got) != len(want):
        return False
    return all(
        _head(one) == _head(other) and _same_data(one.get("data", {}), other.get("data", {}))
        for one, other in zip(got, want, strict=True)
    )


def _head(output: dict) -> tuple[str, ...]:
    """The kind of an output, its stream and its count, spelled in full: 1 == 1.0 == True."""
    return tuple(json.dumps(output.get(key)) for key in ("output_type", "name", "execution_count"))


def _same_data(one: dict, other: dict) -> bool:
    """As `_same_values`, but of a string, which nbval compares, only that it is there."""
    return one.keys() == other.keys() and all(
        (isinstance(value, str) and isinstance(other[mime], str))
        or _same_values(value, other[mime])
        for mime, value in one.items()
    )


def _same_values(one: Any, other: Any) -> bool:
    """Whether two values of JSON are spelled alike; what is one object is not looked into."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same_values(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_values, one, other))
    return type(one) is type(other) and json.dumps(one) == json.dumps(other)


def as_text(outputs: list[dict]) -> str:
    """Outputs as a person would compare them, one line a line."""
    rows: list[str] = []
    for output in expectations.minimal_outputs(outputs):
        if output["output_type"] == "stream":
            rows += [f"[{output['name']}]"] if output["name"] != "stdout" else []
            rows += output["text"].splitlines()
        elif output["output_type"] == "error":
            rows.append(f"{output['ename']}: {output['evalue']}")
        for mime, value in output.get("data", {}).items():
            rows += [f"[{output['output_type']} {mime}]"] if mime != "text/plain" else []
            if not isinstance(value, str):
                value = json.dumps(value, indent=1, sort_keys=True)
            rows += value.splitlines()
    return "\n".join(rows)


def diff(want: list[dict], got: list[dict], limit: int = 60) -> str:
    """A unified diff of expected and computed text; lines that differ in kind only are named."""
    rows = _unified(as_text(want), as_text(got), "expected", "computed", 2) or [
        "the text is the same; the kind, the order or the count of the outputs differs",
        f"expected {[output['output_type'] for output in want]}",
        f"computed {[output['output_type'] for output in got]}",
    ]
    more = [f"... and {len(rows) - limit} more lines"] if len(rows) > limit else []
    return "\n".join(rows[:limit] + more)


def _unified(before: str, after: str, old: str, new: str, context: int) -> list[str]:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), old, new, n=context, lineterm=""
    )
    return list(lines)


def pairing(project: Project, chapter: Chapter) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The expectation of a chapter, and what is wrong with the file itself."""
    path = project.expectation(chapter.slug)
    where = project.rel(path)
    accept = f"make accept CHAPTER={chapter.slug}"
    restore = f"git checkout -- {where}, or {accept}"

    def wrong(what: str, fix: str = accept, cell: int | None = None, detail: str = "") -> Any:
        return [Finding(where, 0, "pairing", what, fix, detail, chapter.slug, cell)]

    if not path.exists():
        # nothing to execute, nothing to expect
        return None, wrong("the expectation is missing") if chapter.cells else []
    try:
        want = expectations.load(path)
        form = expectations.dumps(expectations.minimal(want))
    except OSError as error:
        what = f"the expectation cannot be read: {error.strerror or error}"
        return None, wrong(what, "correct its permissions, or restore the file")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return None, wrong(f"the expectation is damaged: {error}", restore)
    sources = [cell["source"] for cell in want["cells"]]
    for cell, source in zip(chapter.cells, sources, strict=False):
        if cell.source != source:
            place = f"{project.rel(chapter.path)}:{cell.line}"
            rows = _unified(source, cell.source, "expectation", "page", 1)
            what = f"the expectation holds another cell than {place}"
            return None, wrong(what, accept, cell.number, "\n".join(rows))
    if len(sources) != len(chapter.cells):
        what = f"the expectation has {len(sources)} cells, the page has {len(chapter.cells)}"
        return None, wrong(what)
    if form != path.read_text(encoding="utf-8"):
        what = (
            "the expectation was edited by hand or is of another kernel: not as the press writes it"
        )
        return want, wrong(what, restore)
    return want, []


def chapter_findings(project: Project, chapter: Chapter, record: Record) -> list[Finding]:
    """All that differs between an execution and the committed expectation."""
    want, problems = pairing(project, chapter)
    return problems + (cell_findings(project, chapter, want, record) if want else [])


def cell_findings(
    project: Project, chapter: Chapter, want: dict[str, Any], record: Record
) -> list[Finding]:
    """What differs, cell by cell, from an expectation that is paired with its chapter."""
    findings: list[Finding] = []
    page = project.rel(chapter.path)
    where = project.rel(project.expectation(chapter.slug))
    fix = f"make accept CHAPTER={chapter.slug}"
    executed = zip(chapter.cells, want["cells"], record.outputs, record.counts, strict=True)
    for cell, expected, got, count in executed:
        who = f"cell {cell.number} of {chapter.slug}"
        place = (chapter.slug, cell.number)
        if not same(got, expected["outputs"]):
            what = f"{who} does not print what {where} expects"
            how = f"fix the code; or, if the output is right: {fix}"
            detail = diff(expected["outputs"], got)
            findings.append(Finding(page, cell.line, "output", what, how, detail, *place))
        elif expected["execution_count"] != count:
            what = f"{who} has the count {expected['execution_count']}, it was executed as {count}"
            findings.append(Finding(where, 0, "output", what, fix, "", *place))
    return findings


def fault_finding(project: Project, chapter: Chapter, record: Record) -> Finding:
    """A failed execution as a finding."""
    fault = record.fault
    assert fault is not None
    page = project.rel(chapter.path)
    line = chapter.cells[fault.cell - 1].line if fault.cell else 0
    place = (chapter.slug, fault.cell or None)
    return Finding(page, line, "execution", fault.what, fault.fix, fault.detail, *place)
