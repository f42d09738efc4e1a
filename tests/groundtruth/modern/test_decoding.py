"""Decoding rules against definitions by search, transformers, and cases worked by hand."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch
from groundtruth.functional import softmax
from groundtruth.modern import decoding
from transformers.generation import logits_process as hf


def rows(count, V, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(V, 0.6), count)


def support(p):
    return set(np.flatnonzero(p).tolist())


@pytest.mark.parametrize(
    ("rule", "value", "processor"),
    [
        (decoding.top_k, 4, hf.TopKLogitsWarper(4)),
        (decoding.top_p, 0.8, hf.TopPLogitsWarper(0.8)),
        (decoding.min_p, 0.3, hf.MinPLogitsWarper(0.3)),
        (decoding.typical, 0.7, hf.TypicalLogitsWarper(0.7)),
    ],
)
def test_truncation_equals_transformers(rule, value, processor):
    p = rows(60, 20)
    theirs = processor(None, torch.tensor(np.log(p))).softmax(-1).numpy()
    np.testing.assert_allclose([rule(row, value) for row in p], theirs, atol=1e-9)


def test_penalties_equal_transformers():
    z = np.random.default_rng(1).normal(size=(1, 12))
    past = np.array([[3, 3, 7, 0]])
    theirs = hf.RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor(past), torch.tensor(z))
    ours = decoding.penalized(z[0], np.bincount(past[0], minlength=12), 1.7)
    np.testing.assert_allclose(ours, theirs[0].numpy(), atol=1e-12)


def test_frequency_counts_and_presence_does_not():
    out = decoding.penalized([1.0, 1.0, 1.0], [0, 1, 3], frequency=0.1, presence=0.5)
    np.testing.assert_allclose(out, [1.0, 0.4, 0.2])


@pytest.mark.parametrize("mass", [0.1, 0.5, 0.9, 1.0])
def test_top_p_is_the_smallest_set_that_holds_the_mass(mass):
    for p in rows(40, 6):
        sets = [s for k in range(1, 7) for s in combinations(range(6), k)]
        enough = [s for s in sets if p[list(s)].sum() >= mass - 1e-12]
        size = min(map(len, enough))
        best = max((s for s in enough if len(s) == size), key=lambda s: p[list(s)].sum())
        assert support(decoding.top_p(p, mass)) == set(best)


def test_typical_keeps_what_is_nearest_to_the_entropy_even_without_the_likeliest():
    p = np.array([0.4] + [0.06] * 10)
    entropy = -(p * np.log(p)).sum()
    assert abs(-np.log(0.06) - entropy) < abs(-np.log(0.4) - entropy)
    assert support(decoding.typical(p, 0.3)) == {1, 2, 3, 4, 5}


def test_ties_go_to_the_smaller_id():
    assert support(decoding.top_k([0.25] * 4, 2)) == {0, 1}
    assert support(decoding.top_p([0.25] * 4, 0.5)) == {0, 1}


def test_min_p_keeps_a_token_exactly_at_the_fraction():
    assert support(decoding.min_p([0.5, 0.25, 0.25], 0.5)) == {0, 1, 2}


@pytest.mark.parametrize("rule", [decoding.top_p, decoding.typical])
def test_the_whole_mass_keeps_everything(rule):
    p = rows(1, 9, 4)[0]
    np.testing.assert_allclose(rule(p, 1.0), p)


@pytest.mark.parametrize("rule", [decoding.top_p, decoding.min_p, decoding.typical])
def test_what_is_kept_is_renormalized_in_proportion(rule):
    for p in rows(20, 8, 5):
        out = rule(p, 0.5)
        kept = out > 0
        np.testing.assert_allclose(out[kept] / out[kept][0], p[kept] / p[kept][0])
        assert out.sum() == pytest.approx(1)


def test_temperature_divides_logits():
    z = np.array([2.0, -1.0, 0.5])
    np.testing.assert_allclose(decoding.tempered(z, 0.7), softmax(z / 0.7), atol=1e-15)


def test_temperature_limits():
    z = np.array([1.0, 3.0, 3.0])
    assert decoding.tempered(z, 0).tolist() == [0, 1, 0]
    np.testing.assert_allclose(decoding.tempered(z, 1e9), 1 / 3, atol=1e-8)
    np.testing.assert_allclose(decoding.tempered(z, 1e-3), [0, 0.5, 0.5])
    assert decoding.tempered([0.0, -np.inf], 1.0).tolist() == [1, 0]


def chain():
    return np.log(np.random.default_rng(3).dirichlet(np.ones(3), 4))


def test_a_beam_of_all_prefixes_lists_the_best_strings_in_order():
    table = chain()

    def log_probs(s):
        return table[s[-1] if s else 3]

    score = {s: sum(log_probs(s[:t])[s[t]] for t in range(4)) for s in product(range(3), repeat=4)}
    best = sorted(score, key=lambda s: -score[s])
    beams = decoding.beam(log_probs, 4, 81)
    assert [s for _, s in beams] == best
    np.testing.assert_allclose([v for v, _ in beams], [score[s] for s in best])


def test_a_beam_of_one_is_greedy():
    table = chain()
    tokens = ()
    for _ in range(5):
        tokens += (int(np.argmax(table[tokens[-1] if tokens else 3])),)
    assert decoding.beam(lambda s: table[s[-1] if s else 3], 5, 1)[0][1] == tokens


def test_a_finished_sequence_stays_in_the_beam():
    table = {(): [0.6, 0.4], (1,): [0.5, 0.5]}
    beams = decoding.beam(lambda s: np.log(table.get(s, [0.5, 0.5])), 2, 3, end=0)
    assert beams[0][1] == (0,)
    assert np.exp(beams[0][0]) == pytest.approx(0.6)


PARITY = {"even": {0: "odd", 1: "even"}, "odd": {0: "even", 1: "odd"}}


def test_masking_only_produces_strings_that_the_automaton_accepts():
    rng = np.random.default_rng(0)
    live = decoding.completable(PARITY, {"odd"}, 4)
    for _ in range(200):
        state = "even"
        for t in range(4):
            p = decoding.constrained(rng.dirichlet(np.ones(2)), PARITY[state], live[3 - t])
            state = PARITY[state][int(rng.choice(2, p=p))]
        assert state == "odd"


def test_completable_counts_the_remaining_tokens():
    line = {"a": {0: "b"}, "b": {0: "c"}, "c": {}}
    assert decoding.completable(line, {"c"}, 3) == [{"c"}, {"b"}, {"a"}, set()]


def test_majority_takes_the_first_of_a_tie():
    assert decoding.majority(["b", "a", "a", "b"]) == "b"


SINGLE = np.float32([0.3, 0.6, 0.1])


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (decoding.top_k, 2),
        (decoding.top_p, 0.8),
        (decoding.min_p, 0.4),
        (decoding.typical, 0.8),
    ],
)
def test_probabilities_of_single_precision_are_renormalized_in_double(rule, value):
    out = rule(SINGLE, value)
    expected = np.where(out > 0, SINGLE.astype(float), 0)
    np.testing.assert_array_equal(out, expected / expected.sum())
    assert out.dtype == float


def test_logits_of_single_precision_are_computed_in_double():
    z = np.float32([0.1, 2.7, -1 / 3])
    np.testing.assert_array_equal(
        decoding.tempered(z, 0.7), decoding.tempered(z.astype(float), 0.7)
    )
    np.testing.assert_array_equal(
        decoding.penalized(z, [1, 0, 2], 1.3, 0.1),
        decoding.penalized(z.astype(float), [1, 0, 2], 1.3, 0.1),
    )
    assert decoding.penalized([3, -3], [1, 1], repetition=2.0).tolist() == [1.5, -6.0]


def test_many_equal_tokens_are_kept_in_the_order_of_their_ids():
    p = np.full(60, 1 / 60)
    assert support(decoding.top_k(p, 25)) == set(range(25))
    assert support(decoding.top_p(p, 0.5)) == set(range(30))
    assert support(decoding.typical(p, 0.5)) == set(range(30))
    two = np.tile([1.0, 3.0], 60) / 240
    assert support(decoding.top_k(two, 20)) == set(range(1, 41, 2))
    assert support(decoding.top_p(two, 0.25)) == set(range(1, 41, 2))


@pytest.mark.filterwarnings("error")
def test_impossible_tokens_are_allowed_in_and_never_come_out():
    p = [0.5, 0.0, 0.3, 0.2]
    assert decoding.top_k(p, 4).tolist() == p
    assert support(decoding.typical(p, 1.0)) == {0, 2, 3}
    assert support(decoding.typical([0.0, 1.0], 0.5)) == {1}


def test_one_token_may_remain():
    assert decoding.top_k([0.2, 0.8], 1).tolist() == [0.0, 1.0]


@pytest.mark.filterwarnings("error")
def test_a_tiny_temperature_is_greedy_without_a_warning():
    assert decoding.tempered([0.0, 1e308], 1e-308).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("rule", [decoding.top_p, decoding.typical])
def test_a_bad_mass_is_named(rule):
    with pytest.raises(ValueError, match="the mass must be above 0 and at most 1, got 2"):
        rule([0.5, 0.5], 2)


def test_a_bad_fraction_is_named():
    with pytest.raises(ValueError, match="the fraction must be above 0 and at most 1, got 0"):
        decoding.min_p([0.5, 0.5], 0)


def test_a_beam_of_one_token_and_impossible_continuations():
    beams = decoding.beam(lambda s: np.array([-np.inf, -0.5, -0.25]), 1, 5)
    assert beams == [(-0.25, (2,)), (-0.5, (1,))]


def test_others_grow_beside_a_finished_sequence():
    table = {(): [0.6, 0.4], (1,): [0.1, 0.9]}
    beams = decoding.beam(lambda s: np.log(table[s]), 2, 3, end=0)
    assert [s for _, s in beams] == [(0,), (1, 1), (1, 0)]
    np.testing.assert_allclose(np.exp([v for v, _ in beams]), [0.6, 0.36, 0.04])


def test_no_remaining_token_accepts_the_accepting_states():
    assert decoding.completable({"a": {0: "a"}}, {"a"}, 0) == [{"a"}]


def test_majority_takes_the_most_frequent_wherever_it_stands():
    assert decoding.majority(["a", "b", "b"]) == "b"
    assert decoding.majority([None, 1, 1, None, None]) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: decoding.top_k([0.5, 0.5], 0),
        lambda: decoding.top_p([0.5, 0.5], 0.0),
        lambda: decoding.top_p([0.5, 0.5], 1.1),
        lambda: decoding.min_p([0.5, 0.6], 0.5),
        lambda: decoding.typical([[1.0]], 0.5),
        lambda: decoding.typical([], 0.5),
        lambda: decoding.top_k([1.5, -0.5], 1),
        lambda: decoding.tempered([1.0, np.nan], 1.0),
        lambda: decoding.tempered([np.nan], 0.0),
        lambda: decoding.tempered([], 1.0),
        lambda: decoding.tempered([-np.inf, -np.inf], 1.0),
        lambda: decoding.tempered([np.inf, 0.0], 1.0),
        lambda: decoding.tempered([1.0, 0.0], -1.0),
        lambda: decoding.tempered([1.0, 0.0], float("nan")),
        lambda: decoding.tempered([[1.0, 0.0]], 1.0),
        lambda: decoding.penalized([1.0], [1, 2]),
        lambda: decoding.penalized([1.0], [-1]),
        lambda: decoding.penalized([1.0], [1], repetition=0),
        lambda: decoding.beam(lambda s: [0.0], 0, 1),
        lambda: decoding.beam(lambda s: [0.0], 1, 0),
        lambda: decoding.completable({}, set(), -1),
        lambda: decoding.constrained([0.5, 0.5], {}, {"x"}),
        lambda: decoding.constrained([1.0, 0.0], {1: "x"}, {"x"}),
        lambda: decoding.majority([]),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
