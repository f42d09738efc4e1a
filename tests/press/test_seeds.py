"""The book under other seeds: every source moves, and a claim that hangs on its seed is counted."""

from __future__ import annotations

import json

import pytest
from clikit.errors import UserError
from press import config
from press.machines import seeds

from tests.press import sample_book

LUCK = """
import numpy as np
first = np.random.default_rng(0).random()
print(f"claim {'ok' if first > 0.6 else 'failed'}: the first draw is large ({first:.2f} > 0.6)")
"""
STEADY = """
import numpy as np
mean = np.random.default_rng(0).random(10_000).mean()
print(f"claim {'ok' if abs(mean - 0.5) < 0.1 else 'failed'}: the mean is near 0.5 ({mean:.1f})")
"""
STOPS = """
import numpy as np
assert np.random.default_rng(0).random() > 0.63
print("parity ok: reached under the seed of the page (within 1e-12)")
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    pages = {
        "index": sample_book.chapter("Home", "print('no claim')"),
        "a/luck": sample_book.chapter("Luck", LUCK.strip()),
        "a/steady": sample_book.chapter("Steady", STEADY.strip()),
        "a/stops": sample_book.chapter("Stops", STOPS.strip()),
    }
    return sample_book.accepted(sample_book.make(tmp_path_factory.mktemp("seeds"), pages))


@pytest.fixture(scope="module")
def report(book):
    project = config.load(book)
    return seeds.run(project, ["index", "a/luck", "a/steady", "a/stops"], 3, True, lambda _: None)


def row(report, slug):
    return next(row for row in report.survivals if row.statement.slug == slug)


@pytest.mark.slow
def test_a_claim_that_hangs_on_its_seed_does_not_survive(report):
    assert row(report, "a/luck").held < 3


@pytest.mark.slow
def test_a_claim_that_does_not_hang_on_its_seed_survives(report):
    assert row(report, "a/steady").held == 3


@pytest.mark.slow
def test_a_line_that_a_page_does_not_reach_does_not_count_as_held(report):
    assert row(report, "a/stops").held < 3


@pytest.mark.slow
def test_a_page_that_stops_is_named_with_its_cell(report):
    assert any("a/stops" in fault and "cell 1" in fault for fault in report.faults)


@pytest.mark.slow
def test_every_line_was_asked_in_every_seed(report):
    assert {row.of for row in report.survivals} == {3}


@pytest.mark.slow
def test_fragile_statements_are_found(report):
    names = {row.statement.slug for row in report.fragile()}
    assert names == {"a/luck", "a/stops"}


@pytest.mark.slow
def test_every_source_of_randomness_moves(report):
    """A run asks the control first, which refuses a source that does not move."""
    expected = {"random.Random", "numpy.random.default_rng", "torch.Generator"}
    assert expected <= set(report.sources)


def test_a_source_that_is_not_shifted_is_refused(book, monkeypatch):
    monkeypatch.setattr(seeds, "_draws", lambda env: {"numpy.random.default_rng": [0.5]})
    with pytest.raises(UserError, match="default_rng draws the same under shift 1"):
        seeds.control(config.load(book), 2)


@pytest.mark.slow
def test_the_command_ends_with_findings_where_a_claim_is_fragile(book, tmp_path):
    file = tmp_path / "seeds.json"
    done = sample_book.press(book, "seeds", "a/luck", "--seeds", "2", "--report", str(file))
    assert done.returncode == 1, done.stderr
    assert json.loads(file.read_text())["statements"][0]["text"] == "the first draw is large"


def test_the_report_names_what_did_not_always_hold():
    claim = seeds.Statement("a/b", 2, "claim", "it is so")
    report = seeds.Report(20, ["numpy"], [seeds.Survival(claim, 18, 20)])
    assert "| a/b | 2 | it is so | 18 of 20 |" in seeds.markdown(report)
