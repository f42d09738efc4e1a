"""Vocabulary, pairs, ranks and analogies on cases worked by hand."""

import numpy as np
import pytest
from groundtruth.networks import word_tests as wt
from scipy.spatial.distance import cdist

FORMS = [form for forms in wt.PRONOUNS for form in forms if form]


def test_words_are_lower_case_with_their_apostrophes():
    words, documents = wt.vocabulary(["Love's not Time's fool, 'love' -- love's", "not"], 1)
    assert words == ["love's", "not", "time's", "fool", "love"]
    assert documents == [[0, 1, 2, 3, 4, 0], [1]]


def test_rare_words_are_left_out_of_the_documents():
    words, documents = wt.vocabulary(["a b a c", "b a"], 2)
    assert words == ["a", "b"]
    assert documents == [[0, 1, 0], [1, 0]]


def test_inflections_need_three_letters_and_both_forms():
    pairs = wt.inflections(["rose", "roses", "rose's", "it", "its", "loss", "losses", "thing"])
    assert pairs.tolist() == [[0, 1], [0, 2], [5, 6]]
    none = wt.inflections(["sun"])
    assert none.shape == (0, 2)
    assert none.dtype == np.int64  # indices, of nothing too


def test_pronoun_questions_keep_person_and_form_apart():
    questions = wt.pronoun_questions(FORMS)
    spelled = [tuple(FORMS[i] for i in q) for q in questions]
    assert ("i", "me", "thou", "thee") in spelled
    assert ("he", "his", "they", "their") in spelled
    assert len(set(spelled)) == len(spelled) == 84
    assert all(len(set(q)) == 4 for q in questions)
    assert len(wt.pronoun_questions(FORMS[:8])) == 24


def test_relative_rank_equals_a_count_by_hand():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(12, 3))
    distance = cdist(W, W, "cosine")
    for a, b in ((0, 5), (3, 4)):
        expected = []
        for one, other in ((a, b), (b, a)):
            rest = [i for i in range(12) if i not in (one, other)]
            expected.append(np.mean(distance[one, rest] < distance[one, other]))
        np.testing.assert_allclose(wt.relative_ranks(W, [[a, b]]), expected)


def test_relative_rank_of_random_vectors_is_one_half():
    rng = np.random.default_rng(1)
    W = rng.normal(size=(200, 10))
    assert abs(wt.relative_ranks(W, rng.permutation(200).reshape(100, 2)).mean() - 0.5) < 0.07


def test_parallelograms_are_answered_with_the_offset_only():
    # two forms of four persons: the offset is the first coordinate
    persons = np.repeat(np.eye(4), 2, axis=0)
    W = np.column_stack([np.tile([-1.0, 1.0], 4), 2 * persons])
    questions = [(2 * p, 2 * p + 1, 2 * q, 2 * q + 1) for p in range(4) for q in range(4) if p != q]
    scores = wt.analogy_scores(W, questions)
    assert scores == (1.0, 1.0, 0.0, 1.0)
    scores = wt.analogy_scores(W * [3, 1, 1, 1, 1], questions)
    assert scores.including == scores.excluding == 1
    assert scores.nearest_to_b == 0  # words of the same form are nearer


def test_a_small_offset_returns_b_itself():
    persons = np.repeat(np.eye(3), 2, axis=0)
    W = np.column_stack([np.tile([-1.0, 1.0], 3), 9 * persons])
    W[1, 0] = -0.9  # the first pair hardly differs
    scores = wt.analogy_scores(W, [(0, 1, 2, 3), (0, 1, 4, 5)])
    assert scores == (1.0, 0.0, 1.0, 1.0)


def test_the_neighbor_of_b_is_neither_a_nor_a_star():
    # a, a* and b nearly agree; of the other words b* is nearest to b
    W = np.array([[1, 0.01, 0], [1, 0, 0.02], [1, 0, 0], [1, 0.5, 0], [0, 1, 1.0]])
    assert wt.analogy_scores(W, [(0, 1, 2, 3)]).nearest_to_b == 1
    assert wt.analogy_scores(W, [(0, 1, 2, 4)]).nearest_to_b == 0


def test_norms_do_not_count_not_even_those_that_overflow_in_single_precision():
    rng = np.random.default_rng(2)
    W = rng.normal(size=(10, 4)).astype(np.float32)
    pairs = [[0, 1], [2, 3], [4, 5]]
    questions = [[(0, 1, b, x)] for b in range(2, 10) for x in range(2, 10) if b != x]
    ranks = wt.relative_ranks(W, pairs)
    nearest = [wt.analogy_scores(W, question).nearest_to_b for question in questions]
    assert sum(nearest) == 8  # one word for each b
    sizes = rng.uniform(0.1, 10, (10, 1))
    for scaled in (sizes * W, np.float32(1e30) * W):
        np.testing.assert_allclose(wt.relative_ranks(scaled, pairs), ranks)
        assert [wt.analogy_scores(scaled, q).nearest_to_b for q in questions] == nearest


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: wt.vocabulary(["a"], 0), "at_least"),
        (lambda: wt.vocabulary(["a b"], 2), "no word occurs"),
        (lambda: wt.relative_ranks(np.eye(3), np.zeros((0, 2), int)), "at least one pair"),
        (lambda: wt.relative_ranks(np.zeros((3, 2)), [[0, 1]]), "zero"),
        (lambda: wt.analogy_scores(np.eye(3), []), "at least one question"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
