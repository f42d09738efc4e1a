"""Which printed line accounts for a number: the nearest one that speaks of the same thing."""

from __future__ import annotations

import pytest
from press.checks import origins

from tests.press import pages, sample_book

RUN = sample_book.cell("run()")
OTHER = sample_book.cell("run_again()")


def traced(folder, body, *outputs):
    """The numbers of a page whose cells print these texts."""
    printed = {"front/x": [[pages.printed(text)] for text in outputs]}
    [page] = pages.book(folder, {"front/x": pages.page(body)}, printed).pages
    return origins.trace(page)


def places(numbers):
    """(cell, row) of each number, None where nothing printed it."""
    return [number.origin and (number.origin.cell, number.origin.row) for number in numbers]


def test_a_number_leads_to_the_line_that_printed_it(tmp_path):
    [number] = traced(tmp_path, f"{RUN}\nThe forest reaches 0.92.", "tree 0.85\nforest 0.923\n")
    assert number.account == "printed"
    assert number.origin == origins.Printed(1, 2, "forest 0.923")


@pytest.mark.parametrize("number", ["0.92", "0.10", "0.15", "0.45"])
def test_the_numbers_of_a_line_are_found_in_any_order(tmp_path, number):
    printed = "rates 0.92 0.10 0.45 0.15 and 0.30"
    assert places(traced(tmp_path, f"{RUN}\nOne is {number}.", printed)) == [(1, 1)]


def test_a_number_knows_its_line_of_the_page(tmp_path):
    [number] = traced(tmp_path, f"{RUN}\nThe forest reaches 0.92.", "0.92")
    assert (
        number.line
        == pages.page(f"{RUN}\nThe forest reaches 0.92.")
        .split("\n")
        .index("The forest reaches 0.92.")
        + 1
    )


def test_a_number_printed_twice_leads_to_the_nearest_earlier_cell(tmp_path):
    body = f"{RUN}\nFirst 0.92.\n\n{OTHER}\nThen 0.92.\n\n{RUN}"
    assert places(traced(tmp_path, body, "0.92", "0.92", "0.92")) == [(1, 1), (2, 1)]


def test_a_number_leads_up_although_a_cell_below_is_nearer(tmp_path):
    body = f"{RUN}\n{OTHER}\n{RUN}\nIt was 0.92.\n\n{OTHER}"
    assert places(traced(tmp_path, body, "0.92", "1", "2", "0.92")) == [(1, 1)]


def test_a_number_printed_only_below_leads_there(tmp_path):
    assert places(traced(tmp_path, f"It will be 0.92.\n\n{RUN}", "0.92")) == [(1, 1)]


@pytest.mark.parametrize(
    ("printed", "row"),
    [
        ("error 1\nrate 1.0", 2),  # written alike
        ("share 0.951\nshare 1.0", 2),  # the number itself before one that rounds to it
        ("rate 1.0\nthe factor 1.0", 2),  # what the sentence speaks of
        ("rate 1.0\nrate 1.0", 1),
        ("error 1\nrate 1 to 1.0", 2),  # one line can write it twice
        ("error 1\nrate 1.0 to 1", 2),
    ],
)
def test_of_the_lines_of_a_cell_the_likeliest_is_taken(tmp_path, printed, row):
    assert places(traced(tmp_path, f"{RUN}\nThe factor is 1.0.", printed)) == [(1, row)]


@pytest.mark.parametrize(
    ("line", "account"),
    [
        ("It is 0.92. <!-- given: 0.92 -->", "given"),
        ("It is 0.92, as in {cite}`gauss`.", "cited"),
        ("It is 0.93.", ""),
    ],
)
def test_a_number_that_something_else_accounts_for_has_no_origin(tmp_path, line, account):
    [number] = traced(tmp_path, f"{RUN}\n{line}", "0.92")
    assert number.account == account
    assert number.origin is None


ASSUMED = sample_book.cell("train(rate=0.25)")


def test_an_assumption_in_code_does_not_lead_to_a_line_that_happens_to_hold_it(tmp_path):
    body = f"{ASSUMED}\n{OTHER}\n{RUN}\nThe learning rate is 0.25."
    [number] = traced(tmp_path, body, "error 0.25", "1", "2")
    assert number.account == "code"
    assert number.origin is None


@pytest.mark.parametrize("printed", [("rate 0.25", "1", "2"), ("1", "2", "0.25")])
def test_an_assumption_leads_to_a_line_that_speaks_of_it_or_is_right_above(tmp_path, printed):
    body = f"{ASSUMED}\n{OTHER}\n{RUN}\nThe learning rate is 0.25."
    [number] = traced(tmp_path, body, *printed)
    assert number.account == "printed"


def test_a_caption_leads_to_the_cell_that_draws_the_figure(tmp_path):
    options = "---\nmystnb:\n  figure:\n    caption: A peak of 0.92.\n---\n"
    body = f"{RUN}\n{sample_book.cell('draw()', options)}"
    assert places(traced(tmp_path, body, "0.92", "0.92")) == [(2, 1)]


def test_percentages_lead_to_their_shares(tmp_path):
    assert places(traced(tmp_path, f"{RUN}\nThat is 92 %.", "share 0.92")) == [(1, 1)]


def test_the_stand_in_of_a_figure_is_no_printed_line(tmp_path):
    figure = {"front/x": [[pages.image("<svg/>"), pages.printed("0.5")]]}
    [page] = pages.book(tmp_path, {"front/x": pages.page(RUN)}, figure).pages
    assert origins.printed(page) == [origins.Printed(1, 1, "0.5")]
