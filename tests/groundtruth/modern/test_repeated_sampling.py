"""pass@k, pass^k, best of n and voting against enumeration."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from groundtruth.modern import repeated_sampling as repeated


@pytest.mark.parametrize(("n", "c", "k"), [(5, 2, 3), (6, 0, 2), (6, 6, 2), (7, 4, 7), (4, 3, 1)])
def test_estimates_are_means_over_all_subsets(n, c, k):
    marks = [1] * c + [0] * (n - c)
    subsets = list(combinations(marks, k))
    assert repeated.pass_at_k(n, c, k) == pytest.approx(np.mean([any(s) for s in subsets]))
    assert repeated.pass_hat_k(n, c, k) == pytest.approx(np.mean([all(s) for s in subsets]))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_best_of_n_equals_enumeration(n):
    p = np.array([0.1, 0.4, 0.3, 0.2])
    scores = np.array([2.0, 1.0, 3.0, 0.0])
    expected = np.zeros(4)
    for draw in product(range(4), repeat=n):
        best = max(draw, key=lambda i: scores[i])
        expected[best] += np.prod(p[list(draw)])
    np.testing.assert_allclose(repeated.best_of_n(p, scores, n), expected)


def test_answers_of_equal_score_share_their_mass_as_before():
    out = repeated.best_of_n([0.2, 0.3, 0.5], [1.0, 1.0, 0.0], 2)
    np.testing.assert_allclose(out, [0.75 * 0.4, 0.75 * 0.6, 0.25])


def test_an_answer_of_probability_zero_stays_impossible():
    assert repeated.best_of_n([1.0, 0.0], [0.0, 9.0], 5).tolist() == [1.0, 0.0]


def test_the_divergence_is_below_the_bound_and_approaches_it():
    n = 8
    for m, gap in ((20, 0.3), (4000, 0.002)):
        p = np.full(m, 1 / m)
        q = repeated.best_of_n(p, np.arange(m), n)
        kl = (q[q > 0] * np.log(q[q > 0] * m)).sum()
        assert 0 <= repeated.best_of_n_kl(n) - kl < gap


def test_vote_of_three_by_hand():
    rate = repeated.vote([0.7, 0.3], 0, 3, np.random.default_rng(0), 40_000)
    assert rate == pytest.approx(0.7**3 + 3 * 0.7**2 * 0.3, abs=0.01)


def test_ties_are_decided_at_random():
    rate = repeated.vote([0.5, 0.5], 1, 2, np.random.default_rng(0), 40_000)
    assert rate == pytest.approx(0.5, abs=0.01)


def test_single_precision_is_computed_in_double():
    p = np.float32([1 / 3, 1 / 3, 1 / 3])
    scores = [0.0, 1.0, 2.0]
    exact = p.astype(float)
    upto = np.cumsum(exact)
    expected = np.diff(upto**3, prepend=0.0)
    np.testing.assert_allclose(repeated.best_of_n(p, scores, 3), expected, rtol=1e-14)


def test_scores_that_single_precision_cannot_separate_are_separate():
    assert repeated.best_of_n([0.5, 0.5], [2**24, 2**24 + 1], 2).tolist() == [0.25, 0.75]


def test_one_vote_is_one_draw_and_one_trial_is_enough():
    assert repeated.vote([1.0, 0.0], 0, 1, np.random.default_rng(0), 1) == 1.0
    rate = repeated.vote([0.3, 0.7], 0, 1, np.random.default_rng(0), 40_000)
    assert rate == pytest.approx(0.3, abs=0.01)


def test_a_rate_of_votes_is_a_multiple_of_one_trial():
    rate = repeated.vote([0.3, 0.7], 0, 3, np.random.default_rng(0))
    assert (rate * 4000) == round(rate * 4000) and 0 < rate < 1


@pytest.mark.parametrize("p", [[1.0], [[1.0]], [[1.0, 0.0]]])
def test_answers_without_their_scores_are_named(p):
    with pytest.raises(ValueError, match="one score per answer"):
        repeated.best_of_n(p, [[1.0]], 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: repeated.pass_at_k(3, 4, 1),
        lambda: repeated.pass_at_k(3, -1, 1),
        lambda: repeated.pass_hat_k(3, 1, 4),
        lambda: repeated.pass_hat_k(3, 1, 0),
        lambda: repeated.best_of_n([1.0], [1.0, 2.0], 1),
        lambda: repeated.best_of_n([[1.0]], [[1.0]], 1),
        lambda: repeated.best_of_n([1.0], [1.0], 0),
        lambda: repeated.best_of_n([0.5], [1.0], 1),
        lambda: repeated.best_of_n_kl(0),
        lambda: repeated.vote([1.0], 1, 1, np.random.default_rng(0)),
        lambda: repeated.vote([1.0], 0, 0, np.random.default_rng(0)),
        lambda: repeated.vote([1.0], 0, 1, np.random.default_rng(0), 0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
