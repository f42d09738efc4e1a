"""A claim holds, or stops the page; what it prints is true."""

from __future__ import annotations

import math

import numpy as np
import pytest
from groundtruth.claims import REPORT, claim
from hypothesis import given
from hypothesis import strategies as st

HOLD = {
    "above": ({"above": 0.1}, 0.18, "0.18 > 0.1"),
    "above, digits that keep it true": ({"above": 0.1}, 0.1004, "0.1004 > 0.1"),
    "below": ({"below": 1.0}, 0.5, "0.5 < 1"),
    "below, of a torch-like scalar": ({"below": 1}, np.float32(0.5), "0.5 < 1"),
    "between": ({"between": (1, 2)}, 1.416, "1 <= 1.4 <= 2"),
    "between, at its low end": ({"between": (1, 2)}, 1, "1 <= 1 <= 2"),
    "between, at its high end": ({"between": (1, 2)}, 2, "1 <= 2 <= 2"),
    "between, at the end of its margin": (
        {"between": (1, 2), "margin": 0.25},
        1.25,
        "1 <= 1.2 <= 2",
    ),
    "between, digits that keep it true": ({"between": (1, 2)}, 1.996, "1 <= 2 <= 2"),
    "between, beside its end": ({"between": (0.15, 2)}, 0.1504, "0.15 <= 0.15 <= 2"),
    "between, above an end of more digits": (
        {"between": (0.1504, 2)},
        0.15042,
        "0.1504 <= 0.1504 <= 2",
    ),
    "below, digits that keep it true": ({"below": 0.1}, 0.0996, "0.0996 < 0.1"),
    "one digit": ({"above": 0.1, "digits": 1}, 0.18, "0.2 > 0.1"),
    "an entry of an array": ({"above": 0.1}, np.array(0.18), "0.18 > 0.1"),
    "equal at the margin": ({"equal": 0.5, "margin": 0.25}, 0.75, "0.75 = 0.5 within 0.25"),
    "equal, rounded to the end of the margin": (
        {"equal": 1, "margin": 0.25, "digits": 3},
        1.2499,
        "1.25 = 1 within 0.25",
    ),
    "equal, digits that keep it true": ({"equal": 5.0, "margin": 0.1}, 5.06, "5.1 = 5 within 0.1"),
    "equal, more digits": ({"equal": 5.0, "margin": 0.08}, 5.06, "5.06 = 5 within 0.08"),
    "close values": ({"ordering": "increasing"}, [1.0001, 1.0002], "1.0001 < 1.0002"),
    "close values, no digit more than needed": (
        {"ordering": "increasing"},
        [1.2341, 1.2441],
        "1.23 < 1.24",
    ),
    "values that differ beyond twelve digits": (
        {"ordering": "increasing"},
        [1.0, 1.0 + 1e-12],
        "1 < 1",
    ),
    "values of two scales": ({"ordering": "increasing"}, [1.001, 1.002, 7], "1.001 < 1.002 < 7"),
    "equal count": ({"equal": 3}, 3, "3 = 3"),
    "equal within a margin": ({"equal": 0.5, "margin": 0.01}, 0.502, "0.5 = 0.5 within 0.01"),
    "equal string": ({"equal": "a"}, "a", "'a' = 'a'"),
    "increasing": ({"ordering": "increasing"}, [1, 2.5, 3], "1 < 2.5 < 3"),
    "decreasing names": ({"ordering": "decreasing"}, {"a": 2, "b": 1}, "a 2 > b 1"),
}
FAIL = {
    "on the bound": ({"above": 0.1}, 0.1),
    "inside the margin": ({"above": 0.1, "margin": 0.1}, 0.15),
    "below": ({"below": 1.0}, 1.5),
    "below, margin": ({"below": 1.0, "margin": 0.5}, 0.75),
    "below, at the margin": ({"below": 1.0, "margin": 0.5}, 0.5),
    "above, at the margin": ({"above": 1.0, "margin": 0.5}, 1.5),
    "between, inside the low margin": ({"between": (1, 2), "margin": 0.25}, 1.125),
    "between, inside the high margin": ({"between": (1, 2), "margin": 0.25}, 1.875),
    "a step up of the margin": ({"ordering": "increasing", "margin": 0.5}, [1, 1.5]),
    "a step down below the margin": ({"ordering": "decreasing", "margin": 0.5}, [1.4, 1]),
    "outside": ({"between": (1, 2)}, 2.5),
    "unequal": ({"equal": 3}, 4),
    "further than the margin": ({"equal": 0.5, "margin": 0.01}, 0.52),
    "another string": ({"equal": "a"}, "b"),
    "a tie": ({"ordering": "increasing"}, [1, 1]),
    "a step inside the margin": ({"ordering": "increasing", "margin": 0.5}, [1, 1.2]),
    "one fall": ({"ordering": "increasing"}, [1, 3, 2]),
    "not a number": ({"above": 0.0}, math.nan),
    "not a number below": ({"below": 0.0}, math.nan),
    "a hidden nan": ({"ordering": "increasing"}, [1, math.nan, 3]),
}
REFUSE = {
    "no bound": ({}, 1.0, ValueError, "exactly one"),
    "two bounds": ({"above": 1, "below": 2}, 1.5, ValueError, "above"),
    "an array": ({"above": 0}, np.ones(3), TypeError, r"\(3,\)"),
    "a string against a number": ({"above": 0}, "1", TypeError, "str"),
    "a number against a string": ({"equal": "a"}, 1, TypeError, "int"),
    "a negative margin": ({"above": 0, "margin": -1}, 1, ValueError, "-1"),
    "no digits": ({"above": 0, "digits": 0}, 1, ValueError, "0"),
    "two bounds that compare alike": (
        {"equal": 1, "above": 0},
        1,
        ValueError,
        r"\['above', 'equal'\]",
    ),
    "two kinds": (
        {"ordering": "increasing", "above": 0},
        [1],
        ValueError,
        r"\['above', 'ordering'\]",
    ),
    "an infinite margin": ({"above": 0, "margin": math.inf}, 1, ValueError, "inf"),
    "an array of one entry": ({"above": 0}, np.ones(1), TypeError, r"\(1,\)"),
    "an interval of one point": ({"between": (1, 1)}, 1, ValueError, r"\(1, 1\)"),
    "an empty interval": ({"between": (2, 1)}, 1, ValueError, r"\(2, 1\)"),
    "an unknown direction": ({"ordering": "up"}, [1, 2], ValueError, "up"),
    "one value": ({"ordering": "increasing"}, [1], ValueError, "1"),
    "a bound that is not a number": ({"above": math.nan}, 1, ValueError, "nan"),
}


@pytest.mark.parametrize(("bound", "value", "line"), HOLD.values(), ids=HOLD)
def test_a_claim_that_holds_prints_its_value(bound, value, line, capsys):
    claim("it holds", value, **bound)
    assert capsys.readouterr().out == f"claim ok: it holds ({line})\n"


@pytest.mark.parametrize(("bound", "value"), FAIL.values(), ids=FAIL)
def test_a_claim_that_does_not_hold_stops_the_page(bound, value):
    with pytest.raises(AssertionError, match="claim failed: it holds"):
        claim("it holds", value, **bound)


@pytest.mark.parametrize(("bound", "value"), FAIL.values(), ids=FAIL)
def test_under_other_seeds_a_failed_claim_is_reported(bound, value, capsys, monkeypatch):
    monkeypatch.setenv(REPORT, "report")
    claim("it holds", value, **bound)
    assert capsys.readouterr().out.startswith("claim failed: it holds (not ")


@pytest.mark.parametrize(("bound", "value", "error", "words"), REFUSE.values(), ids=REFUSE)
def test_a_claim_that_makes_no_sense_is_refused(bound, value, error, words):
    with pytest.raises(error, match=words):
        claim("it holds", value, **bound)


@pytest.mark.parametrize("statement", ["", "two\nlines"])
def test_the_statement_is_one_line(statement):
    with pytest.raises(ValueError, match="one line"):
        claim(statement, 1.0, above=0)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_printed_comparison_is_true(value, bound):
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(AssertionError):
        claim("x", value, above=bound)
    if printed.getvalue():
        shown, _, limit = printed.getvalue().split("(")[1].rstrip(")\n").split()
        assert float(shown) > float(limit) or abs(value - bound) < 1e-5 * abs(bound)
