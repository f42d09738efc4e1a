"""The table against torch, the loss against differences, factorised counts against scikit-learn,
comparisons by invariance.
"""

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.networks import embeddings as em
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import TruncatedSVD

SEEDS = st.integers(0, 10**6)


@given(SEEDS)
def test_the_table_and_its_gradient_equal_torch(seed):
    rng = np.random.default_rng(seed)
    table = em.Embedding(7, 3, seed)
    ids = rng.integers(0, 7, (4, 5))
    leaf = torch.tensor(table.W, requires_grad=True)
    out = torch.nn.functional.embedding(torch.tensor(ids), leaf)
    pull = rng.normal(size=out.shape)
    out.backward(torch.tensor(pull))
    np.testing.assert_array_equal(table.forward(ids), out.detach().numpy())
    np.testing.assert_allclose(table.backward(ids, pull), leaf.grad.numpy(), atol=1e-12)


def test_a_table_follows_its_seed_alone():
    np.testing.assert_array_equal(em.Embedding(3, 2, 4).W, em.Embedding(3, 2, 4).W)
    np.testing.assert_array_equal(em.Embedding(3, 2).W, em.Embedding(3, 2, seed=0).W)
    assert em.Embedding(1, 1).forward([0, 0]).shape == (2, 1)


@given(SEEDS)
def test_the_gradients_of_negative_sampling_equal_differences(seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(3, 2))
    c = rng.normal(size=(3, 2))
    n = rng.normal(size=(3, 4, 2))
    _, dw, dc, dn = em.sgns_loss(w, c, n)
    np.testing.assert_allclose(dw, numeric_grad(lambda v: em.sgns_loss(v, c, n)[0], w), atol=1e-7)
    np.testing.assert_allclose(dc, numeric_grad(lambda v: em.sgns_loss(w, v, n)[0], c), atol=1e-7)
    np.testing.assert_allclose(dn, numeric_grad(lambda v: em.sgns_loss(w, c, v)[0], n), atol=1e-7)


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=6), min_size=1, max_size=3))
def test_pairs_are_all_neighbors_within_the_window_and_no_others(sentences):
    for window in (1, 2, 5):
        expected = [
            (s[i], s[j])
            for s in sentences
            for i in range(len(s))
            for j in range(len(s))
            if 1 <= abs(i - j) <= window
        ]
        assert sorted(map(tuple, em.context_pairs(sentences, window).tolist())) == sorted(expected)


def test_pairs_of_bytes_are_long_enough_to_count_with():
    pairs = em.context_pairs([np.array([7, 8], np.uint8)], 1)
    assert pairs.dtype == np.int64
    assert pairs.tolist() == [[7, 8], [8, 7]]


@pytest.mark.parametrize(("power", "ratio"), [(0.0, 27), (0.75, 27**0.25), (1.0, 1)])
def test_noise_words_are_drawn_in_proportion_to_frequency_to_the_power(power, ratio):
    # context 0 occurs 27 times as often as context 1, and the optimum of a score is
    # ln n_wc / (K n_w q_c), so the scores differ by ln 27 / 27^power; trained within 0.05 of it
    pairs = np.array([[2, 0]] * 270 + [[2, 1]] * 10)
    W, C = em.skip_gram(pairs, 3, 4, epochs=60, power=power, lr=0.02, batch=8)
    assert abs(W[2] @ (C[0] - C[1]) - np.log(ratio)) < 0.2


def test_the_learning_rate_falls_linearly_to_zero(monkeypatch):
    rates = []
    monkeypatch.setattr(em, "sgns_epoch", lambda W, C, pairs, words, r, *rest: rates.extend(r))
    em.skip_gram(np.array([[0, 1], [1, 0], [1, 2]]), 3, 2, epochs=2, lr=0.4, batch=2)
    np.testing.assert_allclose(rates, [0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("d", [1, 4])
def test_vectors_start_uniform_within_half_over_root_d(monkeypatch, d):
    monkeypatch.setattr(em, "sgns_epoch", lambda *_: None)
    half = 0.5 / np.sqrt(d)
    tables = em.skip_gram(np.array([[0, 1], [1, 0]]), 1000, d)
    for table in tables:
        assert -half <= table.min() < -0.95 * half
        assert 0.95 * half < table.max() <= half
        assert abs(table.mean()) < 0.1 * half
    assert (tables[0] != tables[1]).all()


@pytest.mark.parametrize(
    "frequency",
    [[1, 3], [1] * 40_000, 1 + np.arange(7000) % 7],
    ids=["quarters", "many words", "rare words"],
)
def test_noise_words_hold_every_word_in_exact_proportion(monkeypatch, frequency):
    # thousands of places and four a word, on average, divide these frequencies without a rest
    seen = []
    monkeypatch.setattr(em, "sgns_epoch", lambda W, C, pairs, words, *_: seen.append(words))
    V = len(frequency)
    context = np.repeat(np.arange(V), frequency)
    em.skip_gram(np.stack([0 * context, context], 1), V, 1, epochs=1, power=1)
    share = np.bincount(seen[0], minlength=V) / seen[0].size
    np.testing.assert_allclose(share, np.array(frequency) / len(context), rtol=1e-12)


def test_skip_gram_follows_its_seed_and_has_the_settings_named_here():
    pairs = np.random.default_rng(0).integers(0, 6, (130, 2))
    settled = {"negatives": 5, "epochs": 5, "lr": 0.05, "batch": 64, "power": 0.75}
    W, C = em.skip_gram(pairs, 6, 2)
    again_W, again_C = em.skip_gram(pairs, 6, 2, seed=0, **settled)
    np.testing.assert_array_equal(W, again_W)
    np.testing.assert_array_equal(C, again_C)
    assert (em.skip_gram(pairs, 6, 2, seed=1, **settled)[0] != W).all()


def test_one_dimension_one_negative_one_epoch_and_one_pair_suffice():
    pairs = np.array([[0, 1]])
    W, C = em.skip_gram(pairs, 2, 1, negatives=1, epochs=1, batch=1, lr=0.5)
    start_W, start_C = em.skip_gram(pairs, 2, 1, negatives=1, epochs=1, batch=1, lr=0)
    # the one noise word is the one context: the slopes are s(x) - 1 and s(x)
    slope = 2 / (1 + np.exp(-start_W[0, 0] * start_C[1, 0])) - 1
    assert W[0, 0] == pytest.approx(start_W[0, 0] - 0.5 * slope * start_C[1, 0])
    assert C[1, 0] == pytest.approx(start_C[1, 0] - 0.5 * slope * start_W[0, 0])
    assert (W[1, 0], C[0, 0]) == (start_W[1, 0], start_C[0, 0])


def test_an_epoch_equals_a_loop_over_pairs():
    rng = np.random.default_rng(0)
    W, C = rng.normal(size=(2, 5, 3))
    pairs = np.array([[0, 1], [0, 2], [3, 1], [0, 1]])
    noise_words = np.arange(5)
    rates = np.array([0.2])
    slow_W, slow_C = W.copy(), C.copy()
    order_rng = np.random.default_rng(7)
    order = order_rng.permutation(4)
    noise = noise_words[order_rng.integers(0, 5, (4, 2))]
    for (w, c), negatives in zip(pairs[order], noise, strict=True):
        _, dw, dc, dn = em.sgns_loss(W[[w]], C[[c]], C[negatives][None])
        slow_W[w] -= 0.2 * dw[0]
        slow_C[c] -= 0.2 * dc[0]
        for k, gradient in zip(negatives, dn[0], strict=True):
            slow_C[k] -= 0.2 * gradient
    em.sgns_epoch(W, C, pairs, noise_words, rates, 2, np.random.default_rng(7))
    np.testing.assert_allclose(W, slow_W, atol=1e-12)
    np.testing.assert_allclose(C, slow_C, atol=1e-12)


def test_words_of_one_company_come_close():
    rng = np.random.default_rng(0)
    sentences = [
        list(rng.choice([0, 1, 2] if rng.random() < 0.5 else [3, 4, 5], 6)) for _ in range(400)
    ]
    W, _ = em.skip_gram(em.context_pairs(sentences, 2), 6, 4, seed=1)
    U = W / np.linalg.norm(W, axis=1, keepdims=True)
    like = U @ U.T
    assert like[:3, :3].mean() > like[:3, 3:].mean() + 0.5


@given(SEEDS, st.integers(1, 4))
def test_factorised_counts_equal_sklearn_up_to_sign(seed, d):
    counts = np.random.default_rng(seed).integers(0, 9, (6, 6)) + np.eye(6)
    ours = em.ppmi_svd(counts, d)
    table = np.maximum(np.nan_to_num(em.pmi(counts), neginf=0.0), 0)
    s = np.linalg.svd(table, compute_uv=False)
    if d < 6 and s[d - 1] - s[d] > 1e-6:
        theirs = TruncatedSVD(d, algorithm="arpack", random_state=0).fit_transform(table)  # U S
        np.testing.assert_allclose(
            ours @ ours.T, (theirs / np.sqrt(s[:d])) @ (theirs / np.sqrt(s[:d])).T, atol=1e-6
        )


@given(SEEDS)
def test_all_dimensions_hold_the_root_of_the_table_times_its_transpose(seed):
    counts = np.random.default_rng(seed).integers(0, 9, (4, 4)) + np.eye(4)
    table = np.maximum(em.pmi(counts), 0)
    E = em.ppmi_svd(counts, 4)
    np.testing.assert_allclose(E @ E.T @ E @ E.T, table @ table.T, atol=1e-10)


@pytest.mark.filterwarnings("error")
def test_pmi_worked_by_hand():
    # p(0, 0) = 1/4 and p(0) = 1/2 on the left; on the right 1/2 and 3/4; a third word never occurs
    ones = em.pmi([[1, 0, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(ones[:2, :2], [[np.log(2), -np.inf], [-np.inf, np.log(2)]])
    assert np.isneginf(ones[2]).all()
    expected = np.log([[2 * 4 / 9, 4 / 3], [4 / 3, 1.0]])
    expected[1, 1] = -np.inf
    np.testing.assert_allclose(em.pmi([[2, 1], [1, 0]]), expected)


def test_pmi_of_large_whole_counts_is_that_of_small_ones():
    counts = np.array([[1, 2], [5, 3]])
    np.testing.assert_allclose(em.pmi(counts * 2**40), em.pmi(counts), atol=1e-12)


@given(SEEDS)
def test_pmi_of_independent_counts_is_zero(seed):
    rng = np.random.default_rng(seed)
    np.testing.assert_allclose(
        em.pmi(np.outer(rng.uniform(1, 5, 4), rng.uniform(1, 5, 3))), 0, atol=1e-12
    )


@given(SEEDS)
def test_alignment_ignores_rotation_scale_and_shift(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 4))
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    assert abs(em.cka(X, 3 * X @ Q + 5) - 1) < 1e-9
    assert 0 <= em.cka(X, rng.normal(size=(20, 3))) < 0.9


def test_two_rows_are_aligned():
    # one direction each, whatever it is
    assert em.cka([[0.0], [1.0]], [[3.0, 1.0], [5.0, 5.0]]) == pytest.approx(1)


@pytest.mark.parametrize("scale", [1.0, 1e-30])
def test_columns_equal_on_all_rows_do_not_count(scale):
    # the mean of three equal numbers is rounded: less it, they are not zero
    X, Y = np.random.default_rng(0).normal(size=(2, 3, 2))
    wide = np.c_[np.full(3, -0.1), scale * X, np.full(3, 0.1)]
    assert (wide - wide.mean(0))[:, [0, -1]].all()
    assert em.cka(wide, Y) == pytest.approx(em.cka(X, Y))
    assert em.cka(Y, wide) == pytest.approx(em.cka(Y, X))


def test_alignment_ignores_scales_whose_squares_overflow_or_vanish():
    X, Y = np.random.default_rng(0).normal(size=(2, 9, 3))
    for left, right in ((2.0**600, 1), (1, 2.0**600), (2.0**-600, 2.0**600), (2.0**-600, 1)):
        assert em.cka(left * X, right * Y) == pytest.approx(em.cka(X, Y))


def test_half_precision_is_computed_in_double():
    X, Y = (300 * np.random.default_rng(0).normal(size=(2, 9, 3))).astype(np.float16)
    assert em.cka(X, Y) == pytest.approx(em.cka(X.astype(float), Y.astype(float)), abs=1e-12)
    W = [[300, 0, 0], [0, 300, 0], [0, 0, 300], [0, -300, 1], [-300, 300, 300]]
    assert em.analogy(np.array(W, np.float16), 0, 1, 2) == 4


class Recorder:
    """In the place of Adam: notes the gradients and leaves the parameters."""

    def __init__(self, params, lr=None):
        self.gradients = []
        Recorder.last = self

    def step(self, gradients):
        self.gradients.append(gradients)


class Draws:
    """In the place of a generator: given weights, values, and a mask whose draws are all zero."""

    def __init__(self, W, x):
        self.W = W
        self.uniform = iter([x, np.zeros_like(x)])

    def normal(self, mean, spread, shape):
        assert self.W.shape == shape
        return self.W.copy()

    def random(self, shape):
        return next(self.uniform)


@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_the_first_gradient_of_superposition_equals_autograd(monkeypatch, scale):
    # with a sparsity of 0 every feature stays, the draw of exactly 0 too; with weights of 0 each
    # output is exactly 0, where torch's ReLU passes nothing
    rng = np.random.default_rng(5)
    start = scale * rng.normal(size=(2, 4))
    x = rng.random((512, 4))
    monkeypatch.setattr("groundtruth.learning.optimizers.Adam", Recorder)
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Draws(start, x))
    em.superposition(4, 2, 0.0, steps=1, decay=0.7)
    W = torch.tensor(start, requires_grad=True)
    b = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    out = torch.relu(torch.tensor(x) @ W.T @ W + b)
    importance = torch.tensor(0.7 ** np.arange(4))
    (importance * (out - torch.tensor(x)) ** 2).sum(1).mean().backward()
    ((of_W, of_b),) = Recorder.last.gradients
    np.testing.assert_allclose(of_W, W.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(of_b, b.grad.numpy(), atol=1e-12)


def test_superposition_runs_3000_steps_with_importance_falling_by_a_tenth():
    W, b = em.superposition(2, 1, 0.5)
    again_W, again_b = em.superposition(2, 1, 0.5, seed=0, steps=3000, decay=0.9)
    np.testing.assert_array_equal(W, again_W)
    np.testing.assert_array_equal(b, again_b)


def test_one_feature_in_one_dimension_takes_one_step():
    # the first step of Adam is the rate, 0.01, against the sign of the gradient
    W, b = em.superposition(1, 1, 0.0, steps=1)
    start = np.random.default_rng(0).normal(0, 1, (1, 1))
    assert abs(start[0, 0]) < 1  # so W^2 x is too small
    np.testing.assert_allclose(W, start + 0.01 * np.sign(start), atol=1e-6)
    np.testing.assert_allclose(b, [0.01], atol=1e-6)


def test_superposition_takes_the_steps_of_adam_on_the_gradient_of_autograd():
    features = 4
    d = 2
    sparsity = 0.5
    steps = 30
    rng = np.random.default_rng(3)
    W = torch.tensor(rng.normal(0, features**-0.5, (d, features)), requires_grad=True)
    b = torch.zeros(features, dtype=torch.float64, requires_grad=True)
    importance = torch.tensor(0.7 ** np.arange(features))
    optimizer = torch.optim.Adam([W, b], 1e-2)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        x = rng.random((512, features)) * (rng.random((512, features)) >= sparsity)
        x = torch.tensor(x)
        optimizer.zero_grad()
        (importance * (torch.relu(x @ W.T @ W + b) - x) ** 2).sum(1).mean().backward()
        optimizer.step()
    ours, bias = em.superposition(features, d, sparsity, seed=3, steps=steps, decay=0.7)
    np.testing.assert_allclose(ours, W.detach().numpy(), atol=1e-8)
    np.testing.assert_allclose(bias, b.detach().numpy(), atol=1e-8)


def test_sparse_features_share_dimensions_and_dense_ones_do_not():
    few, _ = em.superposition(10, 3, 0.0, steps=1500)
    many, _ = em.superposition(10, 3, 0.97, steps=1500)

    def count(W):
        return int((np.linalg.norm(W, axis=0) > 0.5).sum())

    assert count(few) == 3
    assert count(many) > 5


@given(SEEDS)
def test_an_analogy_does_not_depend_on_the_norms(seed):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(8, 3))
    scaled = W * rng.uniform(0.1, 10, (8, 1))
    assert em.analogy(scaled, 0, 1, 2) == em.analogy(W, 0, 1, 2)


def test_an_analogy_adds_what_the_second_word_has_beyond_the_first():
    # the words nearest to a* - a + b, a* - a - b, a* + a + b and a - a* + b
    W = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, -1], [1, 1, 1], [1, -1, 1], [-1, 1, 1]]
    assert em.analogy(W, 0, 1, 2) == 6
    assert em.analogy(W, 0, 1, 2, exclude=False) == 6


@settings(max_examples=10)
@given(SEEDS)
def test_exclusion_removes_the_inputs(seed):
    W = np.random.default_rng(seed).normal(size=(6, 3))
    assert em.analogy(W, 0, 1, 2) not in (0, 1, 2)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: em.Embedding(0, 2), "at least one row"),
        (lambda: em.Embedding(3, 2).forward([3]), "0 to 2"),
        (lambda: em.Embedding(3, 2).forward([0.5]), "whole numbers"),
        (lambda: em.Embedding(3, 2).backward([0], np.ones((2, 2))), "its gradient"),
        (lambda: em.context_pairs([[1, 2]], 0), "window"),
        (lambda: em.context_pairs([[1]], 2), "neighbor"),
        (lambda: em.Embedding(2, 0), "at least one row"),
        (lambda: em.skip_gram(np.array([[0, 5]]), 3, 2), "below V=3"),
        (lambda: em.skip_gram(np.array([[0, 3]]), 3, 2), "below V=3"),
        (lambda: em.skip_gram(np.array([[0, -1]]), 3, 2), "below V=3"),
        (lambda: em.skip_gram(np.zeros((0, 2), int), 3, 2), "positive sizes"),
        (lambda: em.skip_gram(np.array([[0, 1]]), 3, 0), "got d=0"),
        (lambda: em.skip_gram(np.array([[0, 1]]), 3, 2, negatives=0), "negatives=0"),
        (lambda: em.skip_gram(np.array([[0, 1]]), 3, 2, epochs=0), "epochs=0"),
        (lambda: em.skip_gram(np.array([[0, 1]]), 3, 2, batch=0), "batch=0"),
        (lambda: em.pmi([[0, 0], [0, 0]]), "not all zero"),
        (lambda: em.pmi([1, 2]), "must be a table"),
        (lambda: em.pmi([[1, 2], [-1, 3]]), "non-negative"),
        (lambda: em.pmi([[1, 2], [np.nan, 3]]), "non-negative numbers"),
        (lambda: em.pmi([[1, 2], [np.inf, 3]]), "non-negative numbers"),
        (lambda: em.ppmi_svd(np.ones((2, 2)), 3), "between 1 and 2"),
        (lambda: em.analogy(np.zeros((4, 2)), 0, 1, 2), "no direction"),
        (lambda: em.cka(np.ones((2, 2)), np.ones((3, 2))), "same rows"),
        (lambda: em.cka([1.0, 2.0], np.eye(2)), "two tables"),
        (lambda: em.cka(np.eye(2), [1.0, 2.0]), "two tables"),
        (lambda: em.cka([[1.0, 2.0]], [[1.0]]), "two tables"),
        (lambda: em.cka([[1.0, 2.0]] * 3, np.eye(3)), "equal on all rows"),
        (lambda: em.cka(np.eye(3), [[1.0, 2.0]] * 3), "equal on all rows"),
        (lambda: em.superposition(4, 2, 1.0), "sparsity"),
        (lambda: em.superposition(0, 2, 0.5), "features=0"),
        (lambda: em.superposition(4, 0, 0.5), "d=0"),
        (lambda: em.superposition(4, 2, 0.5, steps=0), "steps=0"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
