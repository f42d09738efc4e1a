"""Claims of groundtruth.modern.judged: estimates, intervals, the best weight, simulated marks."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from groundtruth.modern import judged


class Fixed:
    """A generator whose draws are all the same number."""

    def __init__(self, value):
        self.value = value

    def random(self, n):
        return np.full(n, self.value)


def test_prediction_powered_estimates_by_hand():
    estimate, low, high = judged.prediction_powered([1, 1, 0, 1], [1, 0], [1, 1], weight=0.5)
    assert estimate == pytest.approx(0.5 * 0.75 + (0.5 + 1) / 2)
    variance = 0.25 * 0.25 / 4 + 0.125 / 2
    assert high - low == pytest.approx(2 * 1.959964 * np.sqrt(variance), rel=1e-5)
    plain = judged.prediction_powered([1, 0], [1, 0], [1, 1], weight=0)
    assert plain[0] == 1


def test_the_judge_has_weight_one_and_the_interval_95_percent_by_default():
    estimate, low, high = judged.prediction_powered([1, 1, 0, 1], [1, 0, 1], [1, 1, 1])
    # the judge's mean is 3/4 with variance 1/4; the errors 0, 1, 0 have mean 1/3 and variance 1/3
    assert estimate == pytest.approx(3 / 4 + 1 / 3)
    half = NormalDist().inv_cdf(0.975) * np.sqrt(1 / 4 / 4 + 1 / 3 / 3)
    assert [low, high] == pytest.approx([estimate - half, estimate + half])


@pytest.mark.parametrize("level", [0.01, 0.5, 0.9, 0.999])
def test_the_half_width_is_the_normal_quantile_times_the_standard_error(level):
    estimate, low, high = judged.prediction_powered([1, 1, 0, 1], [1, 0], [1, 1], level, 0.5)
    half = NormalDist().inv_cdf(0.5 + level / 2) * np.sqrt(0.25 * 0.25 / 4 + 0.125 / 2)
    assert [estimate - low, high - estimate] == pytest.approx([half, half])


def test_marks_between_zero_and_one_need_not_be_whole():
    estimate, _, _ = judged.prediction_powered([0.5, 0.7], [0.2, 0.4], [0.3, 0.9])
    assert estimate == pytest.approx(0.6 + (0.1 + 0.5) / 2)


def test_two_marks_are_enough_and_come_back_in_double_precision():
    table = judged.marks(np.array([0, 1], dtype=np.int8), "judge")
    assert table.dtype == np.float64
    assert table.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "values", [[1], [], 1, [[0, 1], [1, 0]], [0, 1.01], [-0.01, 1], [0, np.nan], [0.5, np.inf]]
)
def test_marks_are_at_least_two_numbers_from_zero_to_one(values):
    with pytest.raises(ValueError, match="person must be at least two marks"):
        judged.marks(values, "person")


def test_prediction_powered_intervals_cover_whatever_the_judge():
    rng = np.random.default_rng(6)
    for sensitivity, specificity in ((0.95, 0.6), (0.2, 0.1)):
        hits = 0
        for _ in range(400):
            y, f = judged.simulate(rng, 1150, 0.6, sensitivity, specificity)
            _, low, high = judged.prediction_powered(f[150:], f[:150], y[:150])
            hits += low <= 0.6 <= high
        assert 0.92 < hits / 400 < 0.98


def test_the_best_weight_minimizes_the_variance():
    rng = np.random.default_rng(7)
    y, f = judged.simulate(rng, 40_000, 0.7, 0.9, 0.5)
    weight = judged.best_weight(f[:20_000], y[:20_000], 20_000)

    def width(w):
        _, low, high = judged.prediction_powered(f[20_000:], f[:20_000], y[:20_000], weight=w)
        return high - low

    assert width(weight) < min(width(weight - 0.1), width(weight + 0.1))
    assert judged.best_weight([1, 1, 1], [0, 1, 1], 10) == 0


@pytest.mark.parametrize(("many", "expected"), [(8, 1 / 3), (4, 1 / 4), (1, 1 / 10)])
def test_the_best_weight_by_hand(many, expected):
    # judge 1, 1, 0, 0 and person 1, 1, 1, 0: covariance 1/6, variance of the judge 1/3, n = 4,
    # so the weight is 1/2 / (1 + 4 / N)
    weight = judged.best_weight([1, 1, 0, 0], [1, 1, 1, 0], many)
    assert weight == pytest.approx(expected)


def test_the_simulated_judge_has_its_rates():
    y, f = judged.simulate(np.random.default_rng(8), 100_000, 0.7, 0.95, 0.6)
    assert y.mean() == pytest.approx(0.7, abs=0.01)
    assert f[y == 1].mean() == pytest.approx(0.95, abs=0.01)
    assert f[y == 0].mean() == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("accuracy", "sensitivity", "specificity", "truth", "mark"),
    [(1, 1, 0, 1, 1), (1, 0, 0, 1, 0), (0, 1, 1, 0, 0), (0, 1, 0, 0, 1)],
)
@pytest.mark.parametrize("draw", [0.0, 0.5, 1 - 2**-53])
def test_what_is_certain_happens_for_every_draw(
    accuracy, sensitivity, specificity, truth, mark, draw
):
    y, f = judged.simulate(Fixed(draw), 3, accuracy, sensitivity, specificity)
    assert y.tolist() == [truth] * 3
    assert f.tolist() == [mark] * 3
    assert y.dtype == f.dtype == np.float64


def test_simulated_marks_repeat_with_the_generator():
    first, second, other = (
        judged.simulate(np.random.default_rng(seed), 50, 0.5, 0.8, 0.8) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
@pytest.mark.parametrize("name", ["accuracy", "sensitivity", "specificity"])
def test_rates_are_probabilities(name, value):
    rates = {"accuracy": 0.5, "sensitivity": 0.5, "specificity": 0.5, name: value}
    with pytest.raises(ValueError, match=f"{name} is a probability, got {value}"):
        judged.simulate(np.random.default_rng(0), 5, **rates)


@pytest.mark.parametrize("level", [0, 1, -0.5, 1.5])
def test_the_level_lies_between_zero_and_one(level):
    with pytest.raises(ValueError, match="need a level in"):
        judged.prediction_powered([1, 0], [1, 0], [1, 0], level)


@pytest.mark.parametrize("weight", [np.inf, -np.inf, np.nan])
def test_the_weight_is_finite(weight):
    with pytest.raises(ValueError, match="a finite weight"):
        judged.prediction_powered([1, 0], [1, 0], [1, 0], weight=weight)


@pytest.mark.parametrize(
    ("judge", "checked", "person", "message"),
    [
        ([1, 2], [1, 0], [1, 0], "judge must"),
        ([1, 0], [1, 2], [1, 0], "judge_checked must"),
        ([1, 0], [1, 0], [1, 2], "person_checked must"),
        ([1, 0], [1, 0, 1], [1, 0], "in pairs, got 3 and 2"),
    ],
)
def test_bad_marks_are_named(judge, checked, person, message):
    with pytest.raises(ValueError, match=message):
        judged.prediction_powered(judge, checked, person)


@pytest.mark.parametrize(
    ("checked", "person", "many", "message"),
    [
        ([1, 2], [1, 0], 5, "judge_checked must"),
        ([1, 0], [1, 2], 5, "person_checked must"),
        ([1, 0, 1], [1, 0], 5, "got 3 and 2 marks"),
        ([1, 0], [1, 0], 0, "many = 0"),
    ],
)
def test_the_best_weight_needs_pairs_and_other_answers(checked, person, many, message):
    with pytest.raises(ValueError, match=message):
        judged.best_weight(checked, person, many)
