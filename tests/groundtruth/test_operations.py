"""Counts of arithmetic operations against counts by hand."""

import numpy as np
import pytest
from groundtruth.operations import count_operations


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x, 0),
        (lambda x: x + 1, 6),
        (lambda x: 1 - x, 6),
        (lambda x: 2 * x, 6),
        (lambda x: 1 / x, 6),
        (lambda x: x**2, 6),
        (lambda x: x - x, 6),
        (lambda x: np.sum(x), 5),
        (lambda x: np.mean(x), 6),
        (lambda x: x @ x.T, 2 * 2 * (3 + 2)),
    ],
)
def test_operations_are_counted_as_by_hand(function, expected):
    assert count_operations(function, np.arange(1.0, 7.0).reshape(2, 3)) == expected


def test_numbers_and_arrays_are_arguments_alike():
    assert count_operations(lambda a, x: a * x, 2.0, [1.0, 2.0, 3.0]) == 3


def test_a_counted_function_computes_the_same_values():
    results = []
    count_operations(lambda x: results.append(np.mean((3 - x) ** 2 / 2)), [1.0, 5.0])
    assert float(results[0]) == 2.0


def test_each_count_starts_at_zero():
    assert [count_operations(lambda x: x + x, [1.0]) for _ in range(2)] == [1, 1]


def test_arguments_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="could not convert"):
        count_operations(lambda x: x, ["one"])


def test_complex_numbers_are_refused_and_do_not_lose_their_imaginary_parts():
    with pytest.raises(TypeError, match="complex"):
        count_operations(lambda x: x, [1.0, 2j])
