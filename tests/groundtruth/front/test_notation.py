"""The notation table cannot lie."""

import dataclasses

import numpy as np
import pytest
from groundtruth.front.notation import TABLE, check_table


def test_every_row_has_the_shape_it_promises():
    assert len(check_table()) == len(TABLE) >= 20


def test_symbols_are_unique():
    names = [row.symbol for row in TABLE]
    assert len(set(names)) == len(names)


def test_a_row_that_lies_is_refused():
    liar = dataclasses.replace(TABLE[1], letters=("d", "n"))
    with pytest.raises(ValueError, match=r"'X' promises \(3, 4\) and has \(4, 3\)"):
        check_table([liar])


def test_probabilities_of_the_table_sum_to_one():
    p = next(row for row in TABLE if row.symbol == "p").make(np.random.default_rng(0))
    assert np.allclose(p.sum(1), 1)
