"""The book executed and rendered once more elsewhere: the same outputs, and the same site.

Elsewhere is a fresh clone in another folder, of another user in another time zone, and its kernels
compute as on an older CPU. One execution thus shows two things. Where rounding moves a picture, its
texts and elements are compared instead of its bytes, and the rendering goes on with the outputs of
this build, so that the two sites must be equal to the last byte. REBUILD_PROFILE=plain
computes as here and compares the bytes of every picture as well; the weekly workflow does.

REBUILD_SHARD=2/3 executes only that shard elsewhere; the records of the other pages are those of
this build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from press import config
from press.execute import compare, expectations, records, shards
from press.execute.records import Record
from press.machines import profiles
from press.source import toc
from press.store import Store

from tests.conftest import ROOT
from tests.press import sample_book

# not the history: which commit a page names is the same on both sides
DEPENDS = (
    "book/**",
    "code/**",
    "tests/expected/**",
    "_config.yml",
    "_toc.yml",
    "dependencies.yml",
    "jupytext.toml",
    "CITATION.cff",
    "LICENSE",
    "README.md",
    "_build/html/**",
)
# one group: what was executed elsewhere is used by each of these tests
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000), pytest.mark.xdist_group("real-book")]
BUILT = (
    "_build",
    ".venv",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
)
DRAWING = "image/svg+xml"
PROFILE = profiles.ALL[os.environ.get("REBUILD_PROFILE", "sse")]
SHARD = os.environ.get("REBUILD_SHARD", "1/1")


def clone(to: Path) -> Path:
    """A copy of all but what is built; with the history, because a page names its commit."""
    shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns(*BUILT))
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    return to


def press(root: Path, env: dict[str, str], *command: str) -> None:
    """Run a command of the press that must succeed."""
    arguments = [sys.executable, "-m", "press", "--root", str(root), *command]
    done = subprocess.run(arguments, cwd=root, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr


def elements(drawing: str) -> list[tuple[str, str]]:
    """Elements of a drawing and their texts, without the numbers that say where they are."""
    nodes = etree.fromstring(drawing.encode()).iter(tag=etree.Element)
    return [(node.tag, (node.text or "").strip()) for node in nodes]


def comparable(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with the elements of each drawing in the place of its bytes."""
    plain = []
    for output in outputs:
        data = output.get("data", {})
        drawn = {DRAWING: elements(data[DRAWING])} if DRAWING in data else {}
        plain.append({**output, "data": {**data, **drawn}})
    return plain


def differences(here: Record | None, there: Record | None) -> list[str]:
    """Cells of a page that gave something else there than here."""
    if here is None or there is None or not there.ok:
        return ["the page was not executed"]
    pairs = zip(here.outputs, there.outputs, strict=True)
    return [
        f"cell {number}: {compare.diff(got, wanted) or 'a drawing'}"
        for number, (wanted, got) in enumerate(pairs, 1)
        if comparable(got) != comparable(wanted)
    ]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """Another user, time zone and locale."""
    home = tmp_path_factory.mktemp("home")
    return {**os.environ, **profiles.ALL["abroad"].env, "HOME": str(home)}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, environment) -> Path:
    """A clone with a shard executed as on an older CPU and compared with the expectations."""
    press(ROOT, dict(os.environ), "build")
    root = clone(tmp_path_factory.mktemp("there") / "and" / "deeper")
    environment["PYTHONPATH"] = str(root / "code")
    press(root, {**environment, **PROFILE.env}, "execute", "--shard", SHARD)
    return root


def read(root: Path, part: str = "1/1") -> dict[str, Record | None]:
    """The record of each page of a shard; none where a page was not executed."""
    project = config.load(root)
    store = Store.of(project)
    slugs = shards.pages(project, toc.slugs(project), part)
    return {slug: records.load(store, slug) for slug in slugs}


def test_every_page_prints_elsewhere_and_on_an_older_cpu_what_it_prints_here(elsewhere, measured):
    there = read(elsewhere, SHARD)
    here = read(ROOT)
    measured(f"executed elsewhere: {len(there)} of {len(here)} pages, shard {SHARD}")
    report = {slug: differences(here[slug], record) for slug, record in there.items()}
    assert {slug: cells for slug, cells in report.items() if cells} == {}


def test_nbval_finds_what_was_computed_elsewhere_equal_to_the_expectations(elsewhere):
    """The judge is the class of nbval that `pytest --nbval` uses, which must be installed here."""
    assert compare.IPyNbCell is not None
    project = config.load(ROOT)
    for slug, record in read(elsewhere, SHARD).items():
        if record.outputs:
            wanted = expectations.load(project.expectation(slug))["cells"]
            pairs = zip(record.outputs, wanted, strict=True)
            verdicts = [compare.same(got, cell["outputs"]) for got, cell in pairs]
            assert verdicts == [True] * len(wanted), slug


def test_a_site_rendered_elsewhere_is_byte_identical_with_the_site_that_is_here(
    elsewhere, environment
):
    store = Store.of(config.load(elsewhere))
    here = read(ROOT)
    runs = records.path(Store.of(config.load(ROOT)), "index").parent
    press(elsewhere, environment, "gather", str(runs))
    for slug, record in read(elsewhere).items():
        if PROFILE.env and record.outputs != here[slug].outputs:
            records.keep(store, replace(record, outputs=here[slug].outputs))
    press(elsewhere, environment, "build")
    site = elsewhere / "_build" / "html"
    assert sample_book.digest(site) == sample_book.digest(ROOT / "_build" / "html")
    text = "".join(path.read_text() for path in site.rglob("*.html"))
    assert str(elsewhere) not in text
    assert str(ROOT) not in text


def drawing(text: str, y: float) -> list[dict[str, Any]]:
    svg = f'<svg><g id="axes"><text x="1" y="{y}">{text}</text></g></svg>'
    return [{"output_type": "display_data", "metadata": {}, "data": {DRAWING: svg}}]


def record(outputs: list[dict[str, Any]], **changes: Any) -> Record:
    made = Record("a", "print", ["x"], [outputs], [1], 1.0, None)
    return replace(made, **changes)


def test_a_drawing_that_rounding_moves_is_no_difference():
    assert differences(record(drawing("loss", 1.25)), record(drawing("loss", 1.26))) == []


@pytest.mark.parametrize(
    "other",
    [
        record(drawing("less", 1.25)),
        record([]),
        record([{"output_type": "stream", "name": "stdout", "text": "1\n"}]),
        record(drawing("loss", 1.25), fault="it was interrupted"),
        None,
    ],
    ids=["another text", "no output", "another output", "a fault", "no record"],
)
def test_another_output_is_a_difference(other):
    """The control of the comparison above."""
    assert differences(record(drawing("loss", 1.25)), other) != []
