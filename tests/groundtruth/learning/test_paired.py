"""Paired comparisons against SciPy and the normal interval of a mean difference; bad input."""

import numpy as np
import pytest
from groundtruth.learning import paired
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30)


@given(pairs)
def test_without_added_counts_it_is_the_normal_interval_of_the_mean_difference(rows):
    right_a, right_b = np.array(rows, dtype=int).T
    y = np.ones(len(rows), int)
    difference = right_a - right_b
    se = difference.std() / np.sqrt(len(rows))
    low, high = paired.paired_accuracy(y, right_a, right_b, added=0.0)
    assert (low + high) / 2 == pytest.approx(difference.mean())
    assert (high - low) / 2 == pytest.approx(1.959963984540054 * se, abs=1e-9)


@given(pairs)
def test_agresti_and_mins_interval_is_walds_after_half_an_example_in_each_cell(rows):
    right_a, right_b = np.array(rows, dtype=int).T
    b, c, n = paired.discordant(np.ones(len(rows), int), right_a, right_b)
    twice = paired.difference_interval(2 * b + 1, 2 * c + 1, 2 * n + 4, added=0.0)
    ours = paired.difference_interval(b, c, n)
    assert (ours[0] + ours[1]) / 2 == pytest.approx((twice[0] + twice[1]) / 2)
    assert ours[1] - ours[0] == pytest.approx((twice[1] - twice[0]) * np.sqrt(2))


def test_half_an_example_is_added_to_each_cell_by_default():
    columns = [1] * 10, [1] * 10, [1] * 6 + [0] * 4
    assert paired.paired_accuracy(*columns) == paired.difference_interval(4, 0, 10, added=0.5)


def test_no_discordant_examples_still_have_an_interval():
    low, high = paired.difference_interval(0, 0, 100)
    assert low == pytest.approx(-high)
    assert high == pytest.approx(1.959963984540054 / 102)


@given(pairs)
def test_mcnemar_equals_the_exact_binomial_test(rows):
    right_a, right_b = np.array(rows).T
    y = np.ones(len(rows), int)
    only_a = int((right_a & ~right_b).sum())
    only_b = int((~right_a & right_b).sum())
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    p = paired.mcnemar(y, right_a.astype(int), right_b.astype(int))
    assert p == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired.paired_accuracy([1], [1], [1], 0.0), "level"),
        (lambda: paired.paired_accuracy([1], [1], [1], added=-0.5), "added >= 0"),
        (lambda: paired.paired_accuracy([1], [1, 0], [1]), "one length"),
        (lambda: paired.mcnemar([1], [1, 0], [1]), "one length"),
        (lambda: paired.mcnemar([1], [1], [1, 0]), "one length"),
        (lambda: paired.mcnemar([], [], []), "one length >= 1"),
        (lambda: paired.difference_interval(1, 0, 3, 1.0), "level"),
        (lambda: paired.difference_interval(1, 0, 3, 1.5), "level"),
        (lambda: paired.difference_interval(1, 0, 3, added=np.inf), "added >= 0"),
        (lambda: paired.difference_interval(2, 2, 3), "b \\+ c <= n"),
        (lambda: paired.difference_interval([1, 0], 0, 3), "need b, c >= 0"),
        (lambda: paired.difference_interval(-1, 2, 3), "b, c >= 0"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
