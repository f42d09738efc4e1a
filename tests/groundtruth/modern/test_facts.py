"""The world of people and cities, and what abstention is worth."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import facts
from groundtruth.modern.ngrams import KneserNey


@pytest.fixture(scope="module")
def world():
    return facts.world(np.random.default_rng(0), 200, 300, 20, 5)


def test_every_sentence_states_a_true_fact(world):
    sentences = world.text.reshape(-1, 4)
    city = {(f, last): c for f, last, c in zip(world.first, world.last, world.city, strict=True)}
    assert len(city) == 200
    assert all(city[f, last] == c for f, last, c, _ in sentences)
    assert (sentences[:, 3] == facts.PERIOD).all()


def test_mentions_count_sentences(world):
    sentences = world.text.reshape(-1, 4)
    for i in (0, 7, 199):
        same = (sentences[:, 0] == world.first[i]) & (sentences[:, 1] == world.last[i])
        assert same.sum() == world.mentions[i]
    assert world.mentions.sum() == 300


def test_kinds_of_tokens_do_not_overlap(world):
    assert world.first.min() >= 1
    assert world.first.max() <= 20
    assert world.last.min() >= 21
    assert world.last.max() <= 40
    assert world.city.min() >= 41
    assert world.city.max() < world.V == 46


def test_earlier_people_are_mentioned_more():
    many = facts.world(np.random.default_rng(1), 10, 20_000, 4, 3)
    weight = 1 / np.arange(1, 11)
    np.testing.assert_allclose(many.mentions / 20_000, weight / weight.sum(), atol=0.01)


def test_answers_are_those_of_the_model(world):
    model = KneserNey(world.text.tolist(), 3, world.V)
    token, sure, city = facts.answers(world)
    for i in (0, 50, 199):
        p = model.probabilities([int(world.first[i]), int(world.last[i])])
        assert token[i] == p.argmax()
        assert sure[i] == pytest.approx(p.max())
        assert city[i] == pytest.approx(p[41:].sum())


def test_the_mentioned_are_answered_and_the_others_guessed(world):
    token, _, _ = facts.answers(world)
    right = token == world.city
    assert right[world.mentions > 0].mean() > 0.9
    assert right[world.mentions == 0].mean() < 0.6


def test_selective_accuracy_by_hand():
    coverage, accuracy = facts.selective([0.1, 0.9, 0.5, 0.7], [1, 1, 0, 0])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(accuracy, [1, 0.5, 1 / 3, 0.5])


@pytest.mark.parametrize(
    ("threshold", "penalty", "points"),
    [(0, 0, 0.5), (0, 1, 0), (0.6, 3, -0.5), (0.8, 3, 0.25), (0.9, 3, 0.25)],
)
def test_score_by_hand(threshold, penalty, points):
    assert facts.score([0.1, 0.9, 0.5, 0.7], [1, 1, 0, 0], threshold, penalty) == points


def test_a_calibrated_model_answers_above_the_break_even():
    rng = np.random.default_rng(2)
    p = rng.random(200_000)
    right = rng.random(200_000) < p
    scores = {t: facts.score(p, right, t, 3.0) for t in (0.5, 0.75, 0.9)}
    assert max(scores, key=scores.__getitem__) == 0.75  # 3 / (1 + 3)


def test_the_world_of_the_chapter_is_the_default():
    w = facts.world(np.random.default_rng(3))
    assert (len(w.city), int(w.mentions.sum()), w.names, w.cities) == (900, 1500, 60, 12)
    assert w.mentions.shape == (900,)


def test_all_names_and_cities_occur_and_no_pair_twice():
    w = facts.world(np.random.default_rng(4), 16, 5, 4, 2)  # as many people as pairs
    assert sorted(zip(w.first.tolist(), w.last.tolist(), strict=True)) == [
        (a, b) for a in range(1, 5) for b in range(5, 9)
    ]
    assert len(w.mentions) == 16


def test_common_cities_are_common():
    w = facts.world(np.random.default_rng(5), 20_000, 1, 150, 3)
    share = np.bincount(w.city - w.city.min()) / 20_000
    np.testing.assert_allclose(share, np.array([6, 3, 2]) / 11, atol=0.02)


def test_the_smallest_world():
    w = facts.world(np.random.default_rng(0), 1, 1, 1, 1)
    assert w.text.tolist() == [1, 2, 3, 0] and w.mentions.tolist() == [1]


def test_equal_confidences_keep_their_order():
    right = np.arange(60) < 30
    _, accuracy = facts.selective(np.ones(60), right)
    assert accuracy[29] == 1 and accuracy[-1] == 0.5
    _, accuracy = facts.selective(np.repeat([0.0, 1.0], 30), np.arange(60) < 45)
    assert accuracy[14] == 1 and accuracy[29] == 0.5


def test_marks_may_be_zeros_and_ones_of_any_type():
    assert facts.score([0.9, 0.9], np.array([2, 0]), 0.5, 1.0) == 0.0
    coverage, accuracy = facts.selective(np.float32([0.5, 0.25]), np.array([1, 0], dtype=np.uint8))
    assert accuracy.tolist() == [1.0, 0.5] and coverage.tolist() == [0.5, 1.0]


def test_a_threshold_is_compared_in_double_precision():
    assert facts.score(np.float32([0.1]), [True], 0.1, 1.0) == 1.0  # 0.1 in float32 is above 0.1
    assert facts.score(np.float32([0.7]), [True], 0.7, 1.0) == 0.0  # and 0.7 is below 0.7


@pytest.mark.parametrize("sizes", [(0, 5, 3, 2), (5, 0, 3, 2), (5, 5, 3, 0), (10, 5, 3, 2)])
def test_a_world_that_cannot_be_is_explained(sizes):
    with pytest.raises(ValueError, match="people need as many pairs of .* names, all at least 1"):
        facts.world(np.random.default_rng(0), *sizes)


@pytest.mark.parametrize(
    "call",
    [
        lambda: facts.world(np.random.default_rng(0), 10, 5, 3, 2),
        lambda: facts.world(np.random.default_rng(0), 0, 5, 3, 2),
        lambda: facts.world(np.random.default_rng(0), 5, 0, 3, 2),
        lambda: facts.world(np.random.default_rng(0), 0, 5, 0, 2),
        lambda: facts.world(np.random.default_rng(0), 5, 5, -3, 2),
        lambda: facts.world(np.random.default_rng(0), 5, 5, 3, 0),
        lambda: facts.selective([], []),
        lambda: facts.selective([0.5], [True, False]),
        lambda: facts.score([0.5], [True, False], 0.5, 1.0),
        lambda: facts.score([0.5], [True], 0.5, -1.0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
