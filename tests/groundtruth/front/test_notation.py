"""The notation table cannot lie."""

import dataclasses

import numpy as np
import pytest
from groundtruth.front.notation import SIZES, TABLE, _p, check_table


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


def test_the_sizes_of_the_instance():
    """A model of C channels splits them over H heads, so each has C / H."""
    assert SIZES["D"] * SIZES["H"] == SIZES["C"]
    for row, shape in check_table():
        assert shape == tuple(SIZES[letter] for letter in row.letters)


def test_instances_come_in_the_order_of_the_rows():
    found = check_table([TABLE[2], TABLE[0]])
    assert found == [(TABLE[2], (4,)), (TABLE[0], (3,))]


def test_instances_are_drawn_from_the_seed():
    drawn = []

    def make(rng):
        drawn.append(rng.normal(size=3))
        return drawn[-1]

    row = dataclasses.replace(TABLE[0], make=make)
    check_table([row])
    check_table([row], seed=0)
    check_table([row], seed=1)
    check_table([row, row], seed=1)
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])
    assert np.array_equal(drawn[2], drawn[3])
    assert not np.allclose(drawn[3], drawn[4])


def test_probabilities_follow_their_logits():
    """Odds of 1 : 3 : 4, whatever is added to a row; logits of a thousand do not overflow."""
    z = np.log([[1.0, 3.0, 4.0]] * 3) + np.array([[0.0], [1000.0], [-1000.0]])
    assert np.allclose(_p(z), [[0.125, 0.375, 0.5]] * 3, rtol=1e-12)
    assert np.allclose(_p(z[None]), [[[0.125, 0.375, 0.5]] * 3], rtol=1e-12)
