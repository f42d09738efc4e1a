"""The language has the structure it claims."""

import numpy as np
import pytest
from groundtruth.networks import toy_language as tl


def test_every_sentence_holds_a_person_with_its_traits_or_a_fruit():
    for s in tl.sentences(300, np.random.default_rng(0)):
        words = [tl.WORDS[i] for i in s]
        heads = [w for w in words if w in tl.PEOPLE or w in tl.FRUIT]
        assert len(heads) == 1
        traits = tl.PEOPLE.get(heads[0], ("fruit",))
        assert all(any(w in tl.COMPANY[t] for t in traits) for w in words if w != heads[0])


def test_one_sentence_can_be_drawn():
    assert [len(s) for s in tl.sentences(1, np.random.default_rng(4))] == [4]


def test_four_of_five_sentences_are_about_people():
    heads = [
        any(tl.WORDS[i] in tl.PEOPLE for i in s)
        for s in tl.sentences(4000, np.random.default_rng(1))
    ]
    assert 0.77 < np.mean(heads) < 0.83


def test_coordinates_do_not_depend_on_a_shift_of_one_group():
    # common words move together: the midpoint of their own group moves with them
    rng = np.random.default_rng(2)
    W = np.zeros((35, 6))
    W[:8, :2] = signs()
    W[:8, 2:] = 3 * rng.normal(size=4)
    shifted = W.copy()
    common = np.array([t[0] == "common" for t in tl.PEOPLE.values()])
    shifted[:8, 0] += np.where(common, 0.4, 0.0)  # along gender
    np.testing.assert_array_equal(np.sign(tl.coordinates(shifted)), signs())
    gender = tl.coordinates(shifted)[:, 0]
    assert abs(gender[common].mean()) < 0.05


def test_questions_change_one_trait():
    assert len(tl.WORDS) == 35 == len(set(tl.WORDS))
    for a, b, c, x in tl.questions():
        A, B, C, X = (tl.PEOPLE[tl.WORDS[i]] for i in (a, b, c, x))
        changed = [i for i in range(3) if A[i] != B[i]]
        assert len(changed) == 1
        assert [i for i in range(3) if C[i] != X[i]] == changed
        assert A[changed[0]] == C[changed[0]]


def signs():
    return np.array(
        [[2 * (g == "female") - 1, 2 * (r == "royal") - 1] for r, g, _ in tl.PEOPLE.values()]
    )


def test_coordinates_of_traits_are_their_signs():
    W = np.zeros((35, 5))
    W[:8, :2] = signs()
    W[:8, 2] = [t[2] == "old" for t in tl.PEOPLE.values()]
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    sizes = np.random.default_rng(1).uniform(0.5, 2, (35, 1))  # norms do not count
    coordinates = tl.coordinates(sizes * (W @ Q))
    np.testing.assert_array_equal(np.sign(coordinates), signs())
    np.testing.assert_allclose(np.abs(coordinates), 1, atol=0.2)


def test_the_norms_of_word_vectors_do_not_count():
    W = np.random.default_rng(3).normal(size=(35, 4)).astype(np.float32)
    expected = tl.coordinates(W.astype(float))
    for size in (1e-3, 1e30):  # squares of 1e30 overflow in single precision
        np.testing.assert_allclose(tl.coordinates(np.float32(size) * W), expected, rtol=1e-5)


def test_coordinates_of_noise_have_signs_by_chance():
    rng = np.random.default_rng(0)
    right = [(tl.coordinates(rng.normal(size=(35, 16))) * signs() > 0).mean() for _ in range(400)]
    assert abs(np.mean(right) - 0.5) < 0.02


def test_a_trait_that_reverses_between_groups_is_on_the_wrong_side():
    W = np.zeros((35, 2))
    W[:8] = signs()
    W[:8, 0] *= W[:8, 1]  # female points one way among royals, the other way among commons
    assert (tl.coordinates(W)[:, 0] * signs()[:, 0] < 0).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="one vector for each of 35"):
        tl.coordinates(np.ones((8, 2)))
    with pytest.raises(ValueError, match="no direction"):
        tl.coordinates(np.zeros((35, 2)))
    with pytest.raises(ValueError, match="at least one"):
        tl.sentences(0, np.random.default_rng(0))
