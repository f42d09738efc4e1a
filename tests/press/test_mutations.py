"""Every planted change in every output of every chapter is caught and named. Zero misses."""

from __future__ import annotations

import copy
import re

import pytest
from press import config as project
from press.execute import compare, expectations
from press.execute.records import Record
from press.source import chapter as chapters
from press.source import toc

from tests.conftest import ROOT

DEPENDS = ("book/**", "tests/expected/**", "_toc.yml")

PROJECT = project.load(ROOT)
SLUGS = [slug for slug in toc.slugs(PROJECT) if PROJECT.expectation(slug).is_file()]


def text_mutations(text: str):
    """(kind, changed text) for one text; each differs from the original."""
    lines = text.splitlines(keepends=True)
    for match in re.finditer(r"\d", text):
        yield "digit", text[: match.start()] + str((int(match[0]) + 1) % 10) + text[match.end() :]
    for match in re.finditer(r"(?<![\w.])-?\d", text):
        yield (
            "sign",
            text[: match.start()]
            + (match[0][1:] if match[0][0] == "-" else "-" + match[0])
            + text[match.end() :],
        )
    for match in re.finditer(r"\b[A-Za-z%]+\b", text):
        yield (
            "word or unit",
            text[: match.start()] + match[0][::-1].swapcase() + "x" + text[match.end() :],
        )
    for i, line in enumerate(lines):
        yield "dropped line", "".join(lines[:i] + lines[i + 1 :])
        yield (
            "added line",
            "".join(
                [*lines[: i + 1], line if line.endswith("\n") else "\n" + line, *lines[i + 1 :]]
            ),
        )
        if i + 1 < len(lines) and lines[i].rstrip("\n") != lines[i + 1].rstrip("\n"):
            yield "swapped lines", "".join([*lines[:i], lines[i + 1], line, *lines[i + 2 :]])


def json_mutations(value):
    """A changed number or text at every place of a JSON value."""
    if isinstance(value, dict):
        for key in value:
            for kind, new in json_mutations(value[key]):
                yield kind, {**value, key: new}
            yield "dropped key", {k: v for k, v in value.items() if k != key}
    elif isinstance(value, list):
        for i, item in enumerate(value):
            for kind, new in json_mutations(item):
                yield kind, [*value[:i], new, *value[i + 1 :]]
    elif isinstance(value, bool):
        yield "flag", not value
    elif isinstance(value, (int, float)):
        yield "datum", value + 1
    elif isinstance(value, str):
        yield "text", value + "x"


def output_mutations(outputs: list[dict]):
    """(kind, changed outputs) of one cell."""
    for i, output in enumerate(outputs):
        before, after = outputs[:i], outputs[i + 1 :]
        yield "removed output", [*before, *after]
        yield "doubled output", [*before, output, copy.deepcopy(output), *after]
        if output["output_type"] == "stream":
            for kind, new in text_mutations(output["text"]):
                yield kind, [*before, {**output, "text": new}, *after]
            yield "stream", [*before, {**output, "name": "stderr"}, *after]
        elif output["output_type"] in ("display_data", "execute_result"):
            for mime, value in output["data"].items():
                changes = text_mutations(value) if isinstance(value, str) else json_mutations(value)
                for kind, new in changes:
                    yield kind, [*before, {**output, "data": {**output["data"], mime: new}}, *after]
                yield (
                    "removed kind",
                    [
                        *before,
                        {**output, "data": {k: v for k, v in output["data"].items() if k != mime}},
                        *after,
                    ],
                )
        if after and after[0] != output:
            yield "swapped outputs", [*before, after[0], output, *after[1:]]
    if not outputs:
        yield "unexpected output", [{"output_type": "stream", "name": "stdout", "text": "1\n"}]


def load(slug: str):
    page = chapters.read(slug, PROJECT.page(slug))
    want = expectations.load(PROJECT.expectation(slug))
    cells = want["cells"]
    record = Record(
        slug,
        "",
        [c["source"] for c in cells],
        [copy.deepcopy(c["outputs"]) for c in cells],
        [c["execution_count"] for c in cells],
        1.0,
        None,
    )
    return page, cells, record


@pytest.mark.parametrize("slug", SLUGS)
def test_every_planted_change_is_caught(slug, measured, counted):
    page, cells, record = load(slug)
    assert compare.chapter_findings(PROJECT, page, record) == [], "the unchanged outputs must pass"
    planted = 0
    missed = []
    named = 0
    for number, expected in enumerate(cells, 1):
        kinds: set[str] = set()
        for kind, changed in output_mutations(expected["outputs"]):
            if changed == expected["outputs"]:
                continue  # reversing a one-letter word twice and the like: nothing was changed
            planted += 1
            if compare.same(changed, expected["outputs"]):
                missed.append((number, kind))
            if kind not in kinds:  # the report itself, once a kind and cell
                kinds.add(kind)
                record.outputs[number - 1] = changed
                found = compare.cell_findings(PROJECT, page, {"cells": cells}, record)
                record.outputs[number - 1] = copy.deepcopy(expected["outputs"])
                assert [(f.chapter, f.cell) for f in found] == [(slug, number)], kind
                assert (
                    found[0].line == page.cells[number - 1].line
                    and "make accept" in found[0].fix
                    and found[0].detail
                )
                named += 1
    measured(f"mutations of {slug}: {planted} planted, {len(missed)} missed, {named} reports read")
    counted("changes planted in expected outputs", planted)
    counted("planted changes that were missed", len(missed))
    assert missed == [] and planted > 0


@pytest.mark.parametrize("slug", SLUGS)
def test_committed_expectations_are_their_own_minimal_form(slug):
    path = PROJECT.expectation(slug)
    assert expectations.dumps(expectations.minimal(expectations.load(path))) == path.read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("slug", SLUGS)
def test_no_cell_is_left_unchecked(slug):
    """A cell without a count and without outputs would pass nbval whatever it prints."""
    for cell in expectations.load(PROJECT.expectation(slug))["cells"]:
        assert isinstance(cell["execution_count"], int)


@pytest.mark.parametrize("value", [1.0, True])
def test_another_kind_of_the_same_number_is_caught(value):
    """To Python 1 == 1.0 == True; to a reader of the figure's data they are three things."""

    def shown(x):
        return [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {"application/json": {"x": [x]}},
            }
        ]

    assert (
        compare.same(shown(1), shown(1))
        and not compare.same(shown(value), shown(1))
        and not compare.same(shown(1), shown(value))
    )


def test_a_changed_count_is_named():
    page, _, record = load(SLUGS[-1])
    record.counts[0] += 1
    found = compare.chapter_findings(PROJECT, page, record)
    assert len(found) == 1 and "count" in found[0].what and found[0].cell == 1
