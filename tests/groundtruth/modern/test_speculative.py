"""Speculative decoding has the distribution of the target, for any draft."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from groundtruth.modern import speculative


class Script:
    """A generator that answers with given uniforms, and with the token of a given rank."""

    def __init__(self, uniforms):
        self.uniforms = list(uniforms)

    def random(self):
        return self.uniforms.pop(0)

    def choice(self, n, p):
        return int(np.searchsorted(np.cumsum(p), self.uniforms.pop(0), side="right"))


def exact(p, q):
    """Distribution of one verified token, by the definition: all drafts, both outcomes."""
    out = np.zeros(len(p))
    rejected = 0.0
    for x in range(len(p)):
        accept = min(1.0, p[x] / q[x]) if q[x] > 0 else 0.0
        out[x] += q[x] * accept
        rejected += q[x] * (1 - accept)
    return out + rejected * speculative.residual(p, q)


@pytest.mark.parametrize("seed", range(10))
def test_one_verified_token_has_the_targets_distribution(seed):
    p, q = np.random.default_rng(seed).dirichlet(np.full(6, 0.4), 2)
    np.testing.assert_allclose(exact(p, q), p, atol=1e-12)


def test_a_grid_of_uniforms_gives_the_exact_distribution_of_two_tokens():
    """Every path of `verify` is enumerated over a fine grid of uniforms."""
    p = [np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.5, 0.25]), np.array([0.5, 0.5, 0.0])]
    q = [np.array([0.25, 0.25, 0.5]), np.array([0.5, 0.25, 0.25])]
    n = 16
    grid = (np.arange(n) + 0.5) / n
    first = np.zeros(3)
    for x, y in product(range(3), repeat=2):
        for u, v in product(grid, repeat=2):
            tokens = speculative.verify(p, q, [x, y], Script([u, v, v, v]))
            first[tokens[0]] += q[0][x] * q[1][y] / n**2
    np.testing.assert_allclose(first, p[0], atol=1e-12)


def test_all_accepted_adds_a_token_of_the_target():
    p = [np.array([0.5, 0.5])] * 2 + [np.array([0.0, 1.0])]
    tokens = speculative.verify(p, p[:2], [0, 1], np.random.default_rng(0))
    assert tokens == [0, 1, 1]


def test_after_a_rejection_the_later_drafts_are_dropped():
    p = [np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.array([1.0, 0.0])]
    q = [np.array([1.0, 0.0]), np.array([1.0, 0.0])]
    assert speculative.verify(p, q, [0, 0], np.random.default_rng(0)) == [1]


def test_generation_has_the_distribution_of_the_target():
    rng = np.random.default_rng(5)
    table = rng.dirichlet(np.ones(3), 4)
    draft = rng.dirichlet(np.ones(3), 4)
    joint = np.zeros((3, 3, 3))
    n = 4000
    for _ in range(n):
        tokens, _ = speculative.generate(
            lambda s: table[s[-1] if s else 3], lambda s: draft[s[-1] if s else 3], [], 3, 2, rng
        )
        joint[tuple(tokens)] += 1
    expected = table[3][:, None, None] * table[:3][:, :, None] * table[:3][None]
    statistic = ((joint - n * expected) ** 2 / (n * expected)).sum()
    assert statistic < 56  # chi-square, 26 degrees of freedom, 0.0006


def test_passes_follow_the_formula_when_acceptances_are_independent():
    p, q = np.array([0.7, 0.3]), np.array([0.3, 0.7])
    tokens, passes = speculative.generate(
        lambda s: p, lambda s: q, [], 6000, 4, np.random.default_rng(1)
    )
    assert len(tokens) / passes == pytest.approx(speculative.tokens_per_pass(0.6, 4), rel=0.03)


def test_without_drafts_each_pass_gives_one_token():
    p = np.array([0.5, 0.5])
    _, passes = speculative.generate(lambda s: p, lambda s: p, [1], 7, 0, np.random.default_rng(0))
    assert passes == 7


def test_models_see_the_past_and_the_drafts():
    seen = []

    def target(s):
        seen.append(list(s))
        return np.array([0.0, 1.0])

    tokens, _ = speculative.generate(
        target, lambda s: np.array([0.0, 1.0]), [7, 8], 3, 2, np.random.default_rng(0)
    )
    assert tokens == [1, 1, 1]
    assert seen == [[7, 8], [7, 8, 1], [7, 8, 1, 1]]


def test_the_draft_sees_the_past_and_its_own_tokens():
    seen = []

    def draft(s):
        seen.append(list(s))
        return np.array([0.0, 1.0])

    speculative.generate(lambda s: np.array([0.0, 1.0]), draft, [7], 3, 2, np.random.default_rng(0))
    assert seen == [[7], [7, 1]]


def test_acceptance_is_one_minus_total_variation():
    p, q = np.random.default_rng(2).dirichlet(np.ones(9), 2)
    assert speculative.acceptance(p, q) == pytest.approx(1 - abs(p - q).sum() / 2)


def test_the_residual_of_equal_models_is_the_target():
    np.testing.assert_array_equal(speculative.residual([0.5, 0.5], [0.5, 0.5]), [0.5, 0.5])


@pytest.mark.parametrize(("rate", "g", "tokens"), [(0.0, 5, 1.0), (1.0, 5, 6.0), (0.5, 1, 1.5)])
def test_tokens_per_pass_by_hand(rate, g, tokens):
    assert speculative.tokens_per_pass(rate, g) == tokens


def test_single_precision_is_computed_in_double():
    p, q = np.float32([0.7, 0.3]), np.float32([0.1, 0.9])
    exact = float(np.minimum(p.astype(float), q.astype(float)).sum())
    assert speculative.acceptance(p, q) == exact
    thirds = np.float32([1 / 3, 1 / 3, 1 / 3])
    rest = np.maximum(thirds.astype(float) - np.float32([0.1, 0.1, 0.8]).astype(float), 0)
    np.testing.assert_array_equal(
        speculative.residual(thirds, np.float32([0.1, 0.1, 0.8])), rest / rest.sum()
    )


def test_the_message_names_the_distribution_that_is_none():
    with pytest.raises(ValueError, match="the target is not"):
        speculative.acceptance([0.6, 0.6], [0.5, 0.5])
    with pytest.raises(ValueError, match="the draft is not"):
        speculative.acceptance([0.5, 0.5], [0.6, 0.6])


def test_a_uniform_equal_to_the_ratio_rejects():
    # with probability min(1, p / q) means u < p / q: a token of target probability 0 never passes
    p = [np.array([0.0, 1.0]), np.array([0.5, 0.5])]
    assert speculative.verify(p, [np.array([1.0, 0.0])], [0], Script([0.0, 0.5])) == [1]


def test_one_token_and_no_draft():
    p = np.array([0.0, 1.0])
    out = speculative.generate(lambda s: p, lambda s: p, [], 1, 0, np.random.default_rng(0))
    assert out == ([1], 1)
    assert speculative.tokens_per_pass(0.5, 0) == 1.0


HALF = np.array([0.5, 0.5])


@pytest.mark.parametrize(
    "call",
    [
        lambda: speculative.residual([0.5, 0.5], [1.0]),
        lambda: speculative.acceptance([0.6, 0.6], [0.5, 0.5]),
        lambda: speculative.acceptance([0.5, 0.5], [1.5, -0.5]),
        lambda: speculative.verify([HALF], [HALF], [0], np.random.default_rng(0)),
        lambda: speculative.verify([HALF] * 2, [np.array([0.0, 1])], [0], np.random.default_rng(0)),
        lambda: speculative.generate(len, len, [], 0, 1, np.random.default_rng(0)),
        lambda: speculative.generate(len, len, [], 1, -1, np.random.default_rng(0)),
        lambda: speculative.tokens_per_pass(1.1, 1),
        lambda: speculative.tokens_per_pass(0.5, -1),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
