"""Claims of groundtruth.modern.ngrams."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from groundtruth.modern.ngrams import KneserNey, Ngrams, floor
from hypothesis import given
from hypothesis import strategies as st

SENTENCE = "to be or not to be that is the question "


def test_the_sentences_floor_is_the_known_one():
    """Computed independently for the brief: 1.000, .221, .069, .035, zero from position 8 on, mean
    .0447 over 32.
    """
    x = [sorted(set(SENTENCE)).index(c) for c in SENTENCE]
    losses = floor(x, 32)
    assert losses[:4].round(3).tolist() == [1.0, 0.221, 0.069, 0.035]
    assert (losses[7:] == 0).all()
    assert losses[6] > 0
    assert losses.mean() == pytest.approx(0.0447, abs=5e-5)


def test_the_floor_is_met_by_simulation_of_the_best_guesser():
    """A guesser that knows the text and lists every place that fits what it has seen, on random
    windows.
    """
    x = [0, 1, 0, 2, 0, 1, 3]
    rng = np.random.default_rng(0)
    twice = [0, 1, 0, 2, 0, 1, 3] * 3
    losses = np.zeros(4)
    for start in rng.integers(7, size=3000):
        for t in range(4):
            fits = [s for s in range(7) if twice[s : s + t + 1] == twice[start : start + t + 1]]
            right = sum(twice[s + t + 1] == twice[start + t + 1] for s in fits)
            losses[t] -= np.log(right / len(fits))
    assert np.allclose(losses / 3000, floor(x, 4), atol=0.03)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(1, 8))
def test_more_of_the_window_never_hurts(x, context):
    losses = floor(x, context)
    assert losses.shape == (context,)
    assert (np.diff(losses) <= 1e-12).all()
    assert (losses >= 0).all()
    assert losses[0] <= np.log(5) + 1e-12


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), max_size=6),
)
def test_probabilities_are_positive_and_sum_to_one(x, n, past):
    p = Ngrams(x, n, 5).probabilities(past)
    assert (p > 0).all()
    assert p.sum() == pytest.approx(1)


def test_probabilities_are_those_worked_out_by_hand():
    """Text 0 0 1: p_1 = (2 + 2/2, 1 + 2/2) / 5 = (3, 2) / 5; after 0 (once 0, once 1): (1 + 2 *
    3/5, 1 + 2 * 2/5) / 4.
    """
    m = Ngrams([0, 0, 1], 2, 2)
    assert np.allclose(m.probabilities([]), [0.6, 0.4])
    assert np.allclose(m.probabilities([0]), [2.2 / 4, 1.8 / 4])
    # nothing ever followed 1: the shorter past decides
    assert np.allclose(m.probabilities([1]), [0.6, 0.4])


def test_only_the_last_tokens_of_a_past_count():
    m = Ngrams(list(np.random.default_rng(0).integers(4, size=200)), 3, 4)
    assert np.allclose(m.probabilities([0, 1, 2, 3, 1]), m.probabilities([3, 1]))


def test_longer_pasts_predict_a_text_with_structure_better():
    x = [sorted(set(SENTENCE)).index(c) for c in SENTENCE * 20]
    losses = [Ngrams(x[:600], n, 13).loss(x[600:]) for n in (1, 2, 3, 5)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.1 < 2 < losses[0]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), max_size=6),
)
def test_kneser_ney_probabilities_are_positive_and_sum_to_one(x, n, past):
    p = KneserNey(x, n, 5).probabilities(past)
    assert (p > 0).all()
    assert p.sum() == pytest.approx(1)


@cache
def counts_and_discounts(x: tuple[int, ...], n: int, size: int):
    """The counts of all sequences of a size, and D_0 to D_3, by equation 26."""
    places = defaultdict(list)
    for i in range(len(x) - size + 1):
        places[x[i : i + size]].append(i)
    counts = {
        gram: len(at) if size == n else len({x[i - 1] for i in at if i > 0})
        for gram, at in places.items()
    }
    how_many = [sum(c == i for c in counts.values()) for i in range(5)]
    Y = how_many[1] / (how_many[1] + 2 * how_many[2])
    D = [0.0] + [i - (i + 1) * Y * how_many[i + 1] / how_many[i] for i in (1, 2, 3)]
    return counts, D


def by_the_formula(x: tuple[int, ...], n: int, V: int, past: list[int], w: int) -> float:
    """p(w | past) by equations 24 to 27 of Chen and Goodman, on plain lists of sequences."""

    def probability(context: tuple[int, ...]) -> float:
        counts, D = counts_and_discounts(x, n, len(context) + 1)
        lower = probability(context[1:]) if context else 1 / V
        following = [counts.get((*context, v), 0) for v in range(V)]
        if not sum(following):
            return lower
        back = sum(D[min(c, 3)] for c in following)
        c = following[w]
        return (c - D[min(c, 3)] + back * lower) / sum(following)

    return probability(tuple(past[len(past) - n + 1 :]))


@pytest.mark.parametrize("past", [[0, 1], [3, 3], [2, 9], [9, 9]])
def test_kneser_ney_is_the_formula_of_the_paper(past):
    rng = np.random.default_rng(1)
    x = np.minimum(rng.geometric(0.18, size=900) - 1, 29).tolist()
    p = KneserNey(x, 3, 30).probabilities(past)
    for w in range(30):
        assert p[w] == pytest.approx(by_the_formula(tuple(x), 3, 30, past, w), rel=1e-9)


def test_kneser_ney_keeps_what_longer_pasts_win_where_witten_bell_loses_it():
    rng = np.random.default_rng(0)
    x = [int(i) for i in np.cumsum(rng.choice([1, 1, 1, 2, 5], size=4000)) % 40]
    train, rest = x[:3000], x[3000:]
    losses = {kind: [kind(train, n, 40).loss(rest) for n in (2, 5)] for kind in (Ngrams, KneserNey)}
    assert losses[KneserNey][1] < losses[Ngrams][1] - 0.01


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: floor([], 3), "at least one token"),
        (lambda: floor([1], 0), "context of at least 1"),
        (lambda: Ngrams([], 2, 3), "at least one token"),
        (lambda: KneserNey([], 2, 3), "at least one token"),
        (lambda: KneserNey([0], 0, 3), "need n >= 1"),
        (lambda: KneserNey([3], 2, 3), "tokens run from 3 to 3, but the vocabulary has 3"),
        (lambda: KneserNey([0], 2, 3).loss([]), "the text is empty"),
        (lambda: Ngrams([0], 0, 3), "need n >= 1"),
        (lambda: Ngrams([3], 2, 3), "tokens run from 3 to 3, but the vocabulary has 3"),
        (lambda: Ngrams([0], 2, 3).loss([]), "the text is empty"),
    ],
)
def test_bad_input_is_told(do, message):
    with pytest.raises(ValueError, match=message):
        do()


def witten_bell(x, n, V, past, w):
    """p(w | past) by the formula of `Ngrams`, on plain lists of sequences."""
    past = tuple(past[max(0, len(past) - n + 1) :])
    lower = witten_bell(x, len(past), V, past[1:], w) if past else 1 / V
    size = len(past)
    followers = [x[i + size] for i in range(len(x) - size) if tuple(x[i : i + size]) == past]
    kinds = len(set(followers))
    return (followers.count(w) + kinds * lower) / (len(followers) + kinds) if kinds else lower


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("past", [[], [2], [0, 0], [1, 0, 2], [3, 1, 0, 0, 1], [3, 3, 3, 3, 3]])
def test_witten_bell_probabilities_are_their_formula(n, past):
    x = np.random.default_rng(2).integers(3, size=60).tolist()
    p = Ngrams(x, n, 4).probabilities(past)
    assert p.shape == (4,)
    assert p.tolist() == pytest.approx([witten_bell(x, n, 4, past, w) for w in range(4)])


@pytest.mark.parametrize("kind", [Ngrams, KneserNey])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_loss_is_the_mean_of_minus_ln_p_over_the_text(kind, n):
    rng = np.random.default_rng(5)
    model = kind(rng.integers(3, size=80).tolist(), n, 4)
    text = [*rng.integers(3, size=20).tolist(), 3]
    losses = [-np.log(model.probabilities(text[:i])[text[i]]) for i in range(len(text))]
    assert model.loss(text) == pytest.approx(np.mean(losses))
    assert type(model.loss(text)) is float
    assert model.loss(np.array(text)) == model.loss(text)


def test_the_smallest_model_knows_one_token():
    model = Ngrams([0], 1, 1)
    assert (model.n, model.V) == (1, 1)
    assert model.probabilities([0, 0]).tolist() == [1.0]
    assert model.loss([0, 0]) == 0.0


@pytest.mark.parametrize("kind", [Ngrams, KneserNey])
@pytest.mark.parametrize(
    ("x", "n", "V", "message"),
    [
        ([0, -1], 2, 3, "tokens run from -1 to 0"),
        ([0, 3], 2, 3, "tokens run from 0 to 3"),
        ([0], 2, 0, "V = 0"),
        ([0, 1.5], 2, 3, "whole number, got 1.5"),
    ],
)
def test_tokens_outside_the_vocabulary_and_fractions_are_refused(kind, x, n, V, message):
    with pytest.raises(ValueError, match=message):
        kind(x, n, V)
    model = kind([0, 2], 2, 3)
    if V:
        with pytest.raises(ValueError, match=message):
            model.loss(x)


def test_whole_numbers_may_be_floats():
    assert floor([0.0, 0.0, 1.0], 2).tolist() == floor([0, 0, 1], 2).tolist()
    model = Ngrams(np.array([0.0, 1.0, 0.0]), 2, 2)
    assert model.probabilities([0]).tolist() == Ngrams([0, 1, 0], 2, 2).probabilities([0]).tolist()
    with pytest.raises(ValueError, match="whole number, got 0.5"):
        floor([0, 0.5], 2)


def test_the_floor_of_a_window_longer_than_the_text_is_zero_once_the_place_is_known():
    """0 0 1 for ever: after 0 come 0 and 1 equally often, in two of three places; ln 2 each."""
    losses = floor([0, 0, 1], 11)
    assert losses.tolist() == pytest.approx([2 / 3 * np.log(2)] + [0] * 10)
    assert floor([7], 1).tolist() == [0.0]
    # three zeros and a one: 0 is followed by 0, 0, 1; 00 by 0, 1; nothing else leaves a doubt
    three = -(2 * np.log(2 / 3) + np.log(1 / 3)) / 4
    assert floor([0, 0, 0, 1], 4).tolist() == pytest.approx([three, np.log(2) / 2, 0, 0])


def counts_of(**times):
    """A text whose tokens occur one, two, three ... times, so many tokens of each."""
    text = []
    for how_often, tokens in zip((1, 2, 3, 4, 5), times.values(), strict=False):
        for _ in range(tokens):
            text += [len(set(text))] * how_often
    return text


@pytest.mark.parametrize(
    ("one", "two", "three", "four"), [(0, 2, 2, 2), (2, 0, 2, 2), (2, 2, 0, 2), (2, 2, 2, 0)]
)
def test_without_a_number_of_counts_the_discounts_are_a_half_one_and_one_and_a_half(
    one, two, three, four
):
    x = counts_of(one=one, two=two, three=three, four=four, five=1)
    assert KneserNey(x, 1, 20).discounts == [(0.5, 1.0, 1.5)]


def test_the_discounts_are_those_of_chen_and_goodman():
    """n_1 = 4, n_2 = 2, n_3 = 2, n_4 = 1: Y = 4 / 8, so 1 - 2 Y 2/4, 2 - 3 Y 2/2, 3 - 4 Y 1/2."""
    x = counts_of(one=4, two=2, three=2, four=1)
    assert KneserNey(x, 1, 20).discounts[0] == pytest.approx((0.5, 0.5, 2.0))
    # five times as many of three as of two: 2 - 3 (1/3) 5 < 0
    x = counts_of(one=1, two=1, three=5, four=1)
    assert KneserNey(x, 1, 20).discounts[0] == pytest.approx((1 / 3, 0.01, 3 - 4 / 3 / 5))
    x = counts_of(one=1, two=1, three=1, four=5)
    assert KneserNey(x, 1, 20).discounts[0] == pytest.approx((1 / 3, 1, 0.01))
    x = counts_of(one=1, two=99, three=1, four=1)
    assert KneserNey(x, 1, 200).discounts[0][0] == 0.01


def test_kneser_ney_takes_the_discount_of_its_count_off_each_token():
    """Once, twice, three times and five times, of eleven; D is a half, 1, 1.5 and 1.5, together
    4.5, of which each of the five tokens gets a fifth.
    """
    p = KneserNey([0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 1, 5).probabilities([])
    expected = np.array([0.5, 1.0, 1.5, 3.5, 0.0]) / 11 + 4.5 / 11 / 5
    assert p == pytest.approx(expected)


def test_short_contexts_are_predicted_better_by_a_table_of_their_own_length():
    """Lower orders count contexts and not occurrences: alone they are worse estimates."""
    x = [sorted(set(SENTENCE)).index(c) for c in SENTENCE * 20]
    for length in (0, 1, 2):
        losses = {}
        for n in (length + 1, 5):
            model = KneserNey(x, n, 13)
            losses[n] = -np.mean(
                [np.log(model.probabilities(x[i - length : i])[x[i]]) for i in range(40, 80)]
            )
        assert losses[length + 1] < losses[5] - 0.01
