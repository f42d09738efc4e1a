"""The range test and the choice from it: where it stops, noise, losses that explode; bad input."""

import numpy as np
import pytest
from groundtruth.learning.range_test import range_test, steepest


def bowl(curvature=(1.0, 10.0)):
    """A training step on a quadratic; its stability limit is 2 / 10."""
    h = np.array(curvature)
    x = np.ones(len(h))

    def train(lr):
        nonlocal x
        loss = float((h * x * x).sum()) / 2
        x = x - lr * h * x
        return loss

    return train


def test_the_run_stops_soon_after_the_limit_and_the_choice_lies_below_it():
    rates, losses = range_test(bowl(), 1e-4, 10.0, 100)
    assert 0.2 < rates[-1] < 2.0
    assert len(rates) == len(losses)
    assert 0.01 < steepest(rates, losses) < 0.2


def test_a_larger_factor_stops_later():
    short = range_test(bowl(), 1e-4, 10.0, 100, factor=2.0)[0]
    long = range_test(bowl(), 1e-4, 10.0, 100, factor=1e6)[0]
    assert len(short) < len(long)


def test_the_average_is_corrected_for_its_start():
    _, losses = range_test(lambda lr: 3.0, 1e-3, 1.0, 20)
    assert np.allclose(losses, 3.0, rtol=1e-12, atol=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_ends_the_run_and_is_left_out(bad):
    def train(lr):
        return bad if lr > 0.1 else 2.0 - lr

    rates, losses = range_test(train, 1e-3, 10.0, 41)
    assert np.isfinite(losses).all()
    assert rates[-1] <= 0.1
    assert steepest(rates, losses) <= 0.1


def test_the_steepest_fall_is_per_factor_of_the_rate():
    # the loss 1 / (1 + rate) falls fastest at zero per unit of rate, at rate 1 per factor of it
    rates = np.geomspace(1e-4, 1e4, 161)
    assert np.isclose(steepest(rates, 1 / (1 + rates)), 1.0, rtol=0.2)


def test_a_noisy_start_is_not_chosen():
    rates = np.geomspace(1e-4, 1.0, 100)
    losses = 2.3 - rates
    losses[1:] -= 0.2  # the second batch happened to be an easy one
    assert steepest(rates, losses) > 0.5
    assert steepest(rates, losses, skip=0.0) == rates[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: range_test(lambda lr: 1.0, 1.0, 0.1), "low < high"),
        (lambda: range_test(lambda lr: 1.0, factor=1.0), "factor"),
        (lambda: range_test(lambda lr: np.nan), "first loss"),
        (lambda: steepest(np.ones(9), np.ones(9)), "at least 10"),
        (lambda: steepest(np.ones(12), np.ones(11)), "12 and 11"),
        (lambda: steepest(np.arange(1.0, 13), np.full(12, np.nan)), "finite"),
        (lambda: steepest(np.arange(1.0, 13), np.arange(1.0, 13)), "falls nowhere"),
        (lambda: steepest(np.arange(1.0, 13), -np.arange(1.0, 13), skip=1.0), "skip"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
