"""Sums and variances against exact arithmetic, NumPy, and cases worked by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.modern import summation as su

SUMS = [su.running_sum, su.pairwise_sum, su.kahan_sum]
U = {np.float16: 2.0**-11, np.float32: 2.0**-24, np.float64: 2.0**-53}


def exact(x):
    return float(sum(Fraction(float(value)) for value in x))


@pytest.mark.parametrize("f", SUMS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 1000])
def test_sums_are_that_of_fsum_up_to_their_bound(f, n):
    x = np.random.default_rng(n).normal(size=n)
    passes = {su.running_sum: n - 1, su.pairwise_sum: math.ceil(math.log2(n)), su.kahan_sum: 2.1}[f]
    bound = passes * 2.0**-53 * np.abs(x).sum()
    assert abs(f(x) - math.fsum(x)) <= bound


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("f", SUMS)
def test_sums_keep_the_type(f, dtype):
    assert f(np.ones(5, dtype)).dtype == dtype


def test_the_running_sum_is_a_loop():
    x = np.random.default_rng(0).normal(size=300).astype(np.float32)
    total = np.float32(0)
    for value in x:
        total = total + value
    assert su.running_sum(x) == total


def test_a_short_float_stagnates():
    assert su.running_sum(np.full(20_000, 0.1, np.float16)) == 256
    assert su.running_sum(np.ones(5000, np.float16)) == 2048


def test_kahan_recovers_what_each_addition_loses():
    x = np.full(200_000, 0.1, np.float32)
    assert su.kahan_sum(x) == np.float32(exact(x))
    assert abs(su.running_sum(x) - exact(x)) > 10


@pytest.mark.parametrize("n", [10_000, 100_000])
def test_pairwise_stays_within_its_bound_in_float32(n):
    x = np.random.default_rng(n).uniform(size=n).astype(np.float32)
    relative = abs(float(su.pairwise_sum(x)) - exact(x)) / exact(x)
    assert relative <= math.ceil(math.log2(n)) * U[np.float32]


def test_pairwise_by_hand_with_an_odd_number_of_terms():
    # (1 + 2^-24) + (2^-24 + 2^-24): neighbors first, and the fifth term last
    x = np.array([1, 2**-24, 2**-24, 2**-24, 0], np.float32)
    assert su.pairwise_sum(x) == np.float32(1 + 2**-23)
    assert su.running_sum(x) == 1


def test_two_sum_is_exact():
    rng = np.random.default_rng(1)
    a = rng.normal(size=1000) * 10.0 ** rng.integers(-20, 20, 1000)
    b = rng.normal(size=1000) * 10.0 ** rng.integers(-20, 20, 1000)
    total, error = su.two_sum(a, b)
    assert np.array_equal(total, a + b)
    for values in zip(a, b, total, error, strict=True):
        left, right, rounded, lost = map(Fraction, values)
        assert left + right == rounded + lost


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e6])
def test_welford_is_numpy_in_two_passes(shift):
    x = np.random.default_rng(2).normal(size=500) + shift
    mean, variance = su.welford(x)
    assert mean == pytest.approx(x.mean(), rel=1e-12)
    assert variance == pytest.approx(x.var(), rel=1e-8)


def test_welford_does_not_cancel_where_one_pass_does():
    x = (1e4 + np.random.default_rng(3).normal(size=2000)).astype(np.float32)
    assert su.welford(x)[1] == pytest.approx(x.astype(float).var(), rel=0.01)
    assert abs(su.one_pass_variance(x) - x.astype(float).var()) > 10
    assert su.welford(x)[0].dtype == np.float32


@pytest.mark.parametrize("seed", range(5))
def test_one_pass_variance_is_a_loop_in_the_type_of_its_input(seed):
    x = (1e4 + np.random.default_rng(seed).normal(size=500)).astype(np.float32)
    total = squares = np.float32(0)
    for value in x:
        total = total + value
        squares = squares + value * value
    n = np.float32(500)
    assert su.one_pass_variance(x) == squares / n - (total / n) * (total / n)


def test_one_pass_variance_by_hand():
    assert su.one_pass_variance([1.0, 2.0, 6.0]) == pytest.approx(14 / 3)
    assert su.welford([5.0]) == (5.0, 0.0)
    assert su.welford([1e-20]) == (1e-20, 0.0)


@pytest.mark.parametrize("f", [*SUMS, su.one_pass_variance, su.welford])
@pytest.mark.parametrize("x", [np.zeros(0), np.ones((2, 2)), np.float64(1)])
def test_what_is_not_a_vector_is_refused(f, x):
    with pytest.raises(ValueError, match="vector"):
        f(x)


@pytest.mark.parametrize("f", [*SUMS, su.one_pass_variance, su.welford])
@pytest.mark.parametrize("x", [np.arange(3), np.array([True]), np.array([1j])])
def test_what_is_not_a_float_is_refused(f, x):
    with pytest.raises(TypeError, match="need floats"):
        f(x)
