"""Claims of groundtruth.modern.ngrams."""

from __future__ import annotations

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


def by_the_formula(x: list[int], n: int, V: int, past: list[int], w: int) -> float:
    """p(w | past) by equations 24 to 27 of Chen and Goodman, on plain lists of sequences."""

    def count(words: tuple[int, ...], order: int) -> int:
        size = len(words)
        places = [i for i in range(len(x) - size + 1) if tuple(x[i : i + size]) == words]
        if size == order:
            return len(places)
        return len({x[i - 1] for i in places if i > 0})

    def probability(context: tuple[int, ...], w: int) -> float:
        size = len(context) + 1
        grams = {tuple(x[i : i + size]) for i in range(len(x) - size + 1)}
        counts = {gram: count(gram, n) for gram in grams}
        how_many = [sum(c == i for c in counts.values()) for i in range(5)]
        Y = how_many[1] / (how_many[1] + 2 * how_many[2])
        D = [0.0] + [i - (i + 1) * Y * how_many[i + 1] / how_many[i] for i in (1, 2, 3)]
        lower = probability(context[1:], w) if context else 1 / V
        following = [counts.get((*context, v), 0) for v in range(V)]
        if not sum(following):
            return lower
        back = sum(D[min(c, 3)] for c in following)
        c = following[w]
        return (c - D[min(c, 3)] + back * lower) / sum(following)

    return probability(tuple(past[len(past) - n + 1 :]), w)


@pytest.mark.parametrize("past", [[0, 1], [3, 3], [2, 9], [9, 9]])
def test_kneser_ney_is_the_formula_of_the_paper(past):
    rng = np.random.default_rng(1)
    x = np.minimum(rng.geometric(0.18, size=900) - 1, 29).tolist()
    p = KneserNey(x, 3, 30).probabilities(past)
    for w in (0, 3, 12, 29):
        assert p[w] == pytest.approx(by_the_formula(x, 3, 30, past, w), rel=1e-9)


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
