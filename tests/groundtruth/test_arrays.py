"""Powers of two as scales: how near they come, what they leave alone, huge and tiny numbers."""

import numpy as np
import pytest
from groundtruth.arrays import binary_scale
from hypothesis import given
from hypothesis import strategies as st

HUGE = np.finfo(float).max
SUBNORMAL = np.nextafter(0.0, 1.0)


@given(st.floats(min_value=np.finfo(float).tiny, max_value=HUGE), st.sampled_from([-1.0, 1.0]))
def test_the_largest_number_lies_between_its_scale_and_twice_that(size, sign):
    x = np.array([0.0, sign * size, size / 2])
    scale = binary_scale(x, normal=1.0).item()
    assert np.frexp(scale)[0] == 0.5  # a power of two
    assert scale <= size
    assert size / scale < 2
    assert np.array_equal(x / scale * scale, x)


@pytest.mark.parametrize("normal", [2.0**64, 2.0**10])
@pytest.mark.parametrize("sign", [-1, 1])
def test_numbers_up_to_either_bound_are_left_alone(normal, sign):
    for bound in (1 / normal, 1.0, normal):
        assert binary_scale(np.array([sign * bound]), normal=normal) == 1
    above = np.nextafter(normal, np.inf)
    assert binary_scale(np.array([sign * above]), normal=normal) == normal
    below = np.nextafter(1 / normal, 0)
    assert binary_scale(np.array([sign * below]), normal=normal) == 1 / normal / 2


def test_by_default_ordinary_means_within_two_to_the_64():
    assert binary_scale(np.array([2.0**64])) == 1
    assert binary_scale(np.array([2.0**65])) == 2.0**65
    assert binary_scale(np.array([2.0**-64])) == 1
    assert binary_scale(np.array([2.0**-65])) == 2.0**-65


@pytest.mark.parametrize("x", [np.zeros(3), np.array([]), np.zeros((2, 0))])
def test_zeros_and_nothing_have_the_scale_one(x):
    assert binary_scale(x, normal=1.0).tolist() == 1.0


def test_each_row_or_column_has_its_own_scale_and_keeps_its_axis():
    x = np.array([[1e-30, 1.0, 3.0], [0.0, -6.0, 1e30]])
    assert binary_scale(x, axis=0, normal=1.0).tolist() == [[2.0**-100, 4.0, 2.0**99]]
    assert binary_scale(x, axis=1, normal=1.0).tolist() == [[2.0], [2.0**99]]
    assert binary_scale(x, axis=-1).tolist() == [[1.0], [2.0**99]]
    assert binary_scale(x).tolist() == 2.0**99
    assert binary_scale(np.zeros((0, 2)), axis=0).tolist() == [[1.0, 1.0]]


def test_whole_numbers_do_not_wrap_around():
    assert binary_scale(np.array([-128], np.int8), normal=1.0) == 128
    assert binary_scale(np.array([np.iinfo(np.int64).min]), normal=1.0) == 2.0**63


def test_squares_of_scaled_numbers_stay_in_range():
    assert binary_scale(np.array([HUGE])) == 2.0**1023
    for x in (HUGE, 1e200, 1e-200, 1e-300):
        assert 1 <= (x / binary_scale(np.array([x])).item()) ** 2 < 4


def test_the_scale_of_subnormal_numbers_is_a_normal_number():
    # a processor that takes subnormal numbers for zero must not divide by zero
    for x in (SUBNORMAL, 2.0**-1023):
        assert binary_scale(np.array([x])) == np.finfo(float).tiny
