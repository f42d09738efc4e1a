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


def playing(losses):
    """A training step that returns these losses one by one, and the rates that it was given."""
    rates = []

    def train(lr):
        rates.append(lr)
        return losses[len(rates) - 1]

    return train, rates


def test_rates_grow_by_a_constant_factor_from_the_first_to_the_last():
    train, given = playing([1.0] * 7)
    rates, losses = range_test(train, 1e-3, 1e3, 7)
    assert np.allclose(rates, 10.0 ** np.arange(-3, 4), rtol=1e-12)
    assert given == rates.tolist()
    assert {type(rate) for rate in given} == {float}
    assert len(losses) == 7


def test_by_default_a_hundred_rates_from_a_millionth_to_ten():
    rates, _ = range_test(lambda lr: 1.0)
    assert len(rates) == 100
    assert np.allclose(rates[[0, -1]], [1e-6, 10.0], rtol=1e-12)


@pytest.mark.parametrize(("settings", "smooth"), [({"smooth": 0.6}, 0.6), ({}, 0.9)])
def test_each_average_weighs_a_loss_by_its_age(settings, smooth):
    raw = [3.0, 1.0, 2.0, 2.5, 0.5]
    _, losses = range_test(playing(raw)[0], 1e-3, 1.0, 5, **settings)
    for i, loss in enumerate(losses):
        weights = smooth ** np.arange(i, -1, -1)
        assert np.isclose(loss, np.average(raw[: i + 1], weights=weights), rtol=1e-12)


@pytest.mark.parametrize(
    ("raw", "factor", "used"),
    [
        ([1.0, 4.0, 4.0, 4.5, 1.0], 4.0, 4),  # at the bound it goes on
        ([2.0, 1.0, 4.5, 1.0, 1.0], 4.0, 3),  # of the smallest, not of the first
        ([-1.0, 0.0, 0.5, -1.0, -1.0], 2.0, 3),  # the margin of -1 is 1
        ([-1.0, -2.0, -0.5, 0.5, -2.0], 2.0, 4),
        ([1.0, 3.9, 3.9, 3.9, 3.9], 4.0, 5),
    ],
)
def test_the_run_ends_with_the_loss_that_exceeds_the_smallest_by_the_factor(raw, factor, used):
    rates, losses = range_test(playing(raw)[0], 1e-3, 1.0, 5, smooth=0.0, factor=factor)
    assert losses.tolist() == raw[:used]
    assert len(rates) == used


def test_by_default_the_run_ends_at_four_times_the_smallest_loss():
    for last, used in ((4.0, 5), (4.001, 3)):
        raw = [1.0, 1.0, last, 1.0, 1.0]
        assert len(range_test(playing(raw)[0], 1e-3, 1.0, 5, smooth=0.0)[0]) == used


def test_two_rates_are_enough_to_train_and_ten_to_choose():
    assert range_test(lambda lr: 1.0, 0.25, 1.0, 2)[0].tolist() == [0.25, 1.0]
    rates = 2.0 ** np.arange(10)
    assert steepest(rates, -(np.arange(10.0) ** 2)) == rates[9]


def test_the_choice_is_the_rate_behind_the_steepest_fall():
    rates = 10.0 ** np.arange(20)
    losses = np.ones(20)
    losses[7:] = 0.5
    losses[12:] = 0.25
    assert steepest(rates, losses) == rates[7]
    assert steepest(rates, losses, skip=0.3) == rates[7]
    assert steepest(rates, losses, skip=0.35) == rates[12]


def test_a_wide_gap_between_rates_is_no_steep_fall():
    rates = np.cumprod([1.0, 2, 2, 2, 100, 2, 2, 2, 2, 2])
    losses = np.array([9.0, 9, 9, 9, 8, 8, 7.5, 7.5, 7.5, 7.5])
    assert steepest(rates, losses) == rates[6]  # 1 / ln 100 < 0.5 / ln 2


def test_by_default_a_tenth_of_the_curve_is_skipped():
    rates = 10.0 ** np.arange(20)
    for fall, chosen in ((2, 5), (3, 3)):
        losses = np.ones(20)
        losses[fall:] -= 0.5
        losses[5:] -= 0.25
        assert steepest(rates, losses) == rates[chosen]


@pytest.mark.parametrize(
    "losses", [np.ones(10), np.r_[3.0, np.ones(9)], np.r_[np.ones(9), 0.5]], ids=["flat", "a", "b"]
)
def test_a_curve_that_falls_in_no_part_searched_is_refused(losses):
    skip = 0.95 if losses[-1] < 1 else 0.1
    with pytest.raises(ValueError, match="falls nowhere"):
        steepest(10.0 ** np.arange(10), losses, skip)


@pytest.mark.parametrize(
    "settings",
    [
        {"low": 0.0},
        {"low": -1.0},
        {"low": 1.0, "high": 1.0},
        {"steps": 1},
        {"smooth": 1.0},
        {"smooth": -0.1},
        {"factor": 1.0},
        {"factor": np.nan},
        {"smooth": np.nan},
        {"high": np.nan},
    ],
)
def test_settings_out_of_range_are_refused_before_training(settings):
    train, given = playing([1.0] * 100)
    with pytest.raises(ValueError, match="need 0 < low < high"):
        range_test(train, **settings)
    assert not given


@pytest.mark.parametrize("skip", [-0.1, 1.0, 1.5, np.nan])
def test_the_skipped_part_is_a_fraction(skip):
    with pytest.raises(ValueError, match="skip must be a fraction"):
        steepest(10.0 ** np.arange(10), -np.arange(10.0), skip)


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
