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


def test_superposition_takes_the_steps_of_adam_on_the_gradient_of_autograd():
    features, d, sparsity, steps = 4, 2, 0.5, 30
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


@settings(max_examples=10)
@given(SEEDS)
def test_exclusion_removes_the_inputs(seed):
    W = np.random.default_rng(seed).normal(size=(6, 3))
    assert em.analogy(W, 0, 1, 2) not in (0, 1, 2)


def test_a_seed_gives_the_same_table_again_and_0_is_the_default():
    assert np.array_equal(em.Embedding(3, 2).W, em.Embedding(3, 2, seed=0).W)
    assert not np.array_equal(em.Embedding(3, 2).W, em.Embedding(3, 2, seed=1).W)


def test_a_table_of_one_number_is_a_table():
    table = em.Embedding(1, 1)
    assert np.array_equal(table.forward([0, 0]), [table.W[0], table.W[0]])


def test_pairs_of_narrow_ids_are_wide():
    pairs = em.context_pairs([np.array([7, 255], dtype=np.uint8)], 1)
    assert pairs.dtype == np.int64
    assert pairs.tolist() == [[7, 255], [255, 7]]


def test_the_defaults_of_skip_gram_are_five_epochs_with_five_noise_words():
    pairs = np.random.default_rng(0).integers(0, 9, (130, 2))
    named = {"negatives": 5, "epochs": 5, "lr": 0.05, "seed": 0, "batch": 64, "power": 0.75}
    for ours, theirs in zip(
        em.skip_gram(pairs, 9, 2), em.skip_gram(pairs, 9, 2, **named), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(em.skip_gram(pairs, 9, 2, seed=1)[0], em.skip_gram(pairs, 9, 2)[0])


def test_skip_gram_of_sizes_of_one_moves_the_pair_together():
    pairs = np.array([[0, 1]])
    W, C = em.skip_gram(pairs, 3, 1, negatives=1, epochs=1, batch=1)
    assert W.shape == C.shape == (3, 1)


def started(monkeypatch, *args):
    """Word vectors, context vectors and noise words as skip-gram gives them to its first epoch."""
    seen = []
    monkeypatch.setattr(
        em, "sgns_epoch", lambda W, C, pairs, words, *rest: seen.append((W, C, words))
    )
    em.skip_gram(*args)
    return seen[0]


def test_vectors_start_uniform_around_zero_and_narrower_in_more_dimensions(monkeypatch):
    W, C, _ = started(monkeypatch, np.array([[0, 1]]), 400, 25)
    for start in (W, C):
        assert -0.1 <= start.min() < -0.099 < 0.099 < start.max() <= 0.1  # 1/2 over sqrt 25
        assert start.mean() == pytest.approx(0, abs=0.003)  # five standard errors
    assert not np.array_equal(W, C)


def test_each_word_of_a_large_vocabulary_is_a_noise_word(monkeypatch):
    V = 50_000
    _, _, words = started(monkeypatch, np.stack([np.arange(V)] * 2, 1), V, 1)
    count = np.bincount(words, minlength=V)
    assert count.min() == count.max() > 0


def test_pmi_does_not_depend_on_the_unit_of_counts():
    counts = np.array([[2, 1], [1, 4]])
    np.testing.assert_allclose(em.pmi(counts * 10**10), em.pmi(counts), rtol=1e-12)
    np.testing.assert_allclose(em.pmi(counts / 8), em.pmi(counts), rtol=1e-12)
    assert em.pmi([[1, 1], [1, 1]]).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.filterwarnings("error")
def test_a_word_that_never_occurs_has_no_information_and_no_warning():
    table = em.pmi([[2, 0, 0], [0, 2, 0], [0, 0, 0]])
    near = np.log(2)
    assert table == pytest.approx(
        np.array([[near, -np.inf, -np.inf], [-np.inf, near, -np.inf], [-np.inf] * 3])
    )


def test_all_directions_of_factorised_counts_give_the_table_back():
    vectors = em.ppmi_svd([[2, 0], [0, 2]], 2)
    np.testing.assert_allclose(vectors @ vectors.T, np.log(2) * np.eye(2), atol=1e-12)


def test_an_analogy_by_hand():
    man, king, woman, queen = [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]
    others = [[0, 0, -1], [1, 0.1, 0]]  # nearest to king - man - woman, and to their sum
    assert em.analogy([man, king, woman, queen, *others], 0, 1, 2) == 3


def test_vectors_of_half_precision_do_not_overflow():
    rng = np.random.default_rng(1)
    W = (1000 * rng.normal(size=(8, 3))).astype(np.float16)
    Y = (1000 * rng.normal(size=(8, 2))).astype(np.float16)
    assert em.analogy(W, 0, 1, 2) == em.analogy(W.astype(float), 0, 1, 2)
    assert em.cka(W, Y) == pytest.approx(em.cka(W.astype(float), Y.astype(float)), rel=1e-12)


def test_two_rows_are_aligned():
    assert em.cka([[0.0], [1.0]], [[5.0], [3.0]]) == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e200])
def test_alignment_of_huge_and_of_tiny_numbers(scale):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(9, 3))
    Y = X[:, :2] + rng.normal(size=(9, 2))
    assert em.cka(scale * X, Y) == pytest.approx(em.cka(X, Y), rel=1e-9)
    assert em.cka(X, scale * Y) == pytest.approx(em.cka(X, Y), rel=1e-9)


def test_columns_that_are_equal_on_all_rows_do_not_count():
    """The mean of three times 0.1 is rounded: what is left of it would outweigh the tiny column."""
    tiny = 1e-30 * np.array([[1.0], [2.0], [4.0]])
    Y = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    wide = np.hstack([tiny, np.full((3, 1), 0.1), np.full((3, 1), 7.0)])
    assert em.cka(wide, Y) == pytest.approx(em.cka(tiny, Y), rel=1e-12)


def test_the_defaults_of_superposition():
    ours = em.superposition(2, 1, 0.5)
    named = em.superposition(2, 1, 0.5, seed=0, steps=3000, decay=0.9)
    np.testing.assert_array_equal(ours[0], named[0])
    np.testing.assert_array_equal(ours[1], named[1])


def test_superposition_of_one_feature_in_one_step():
    W, b = em.superposition(1, 1, 0.0, steps=1)
    assert W.shape == (1, 1)
    assert b.shape == (1,)


def test_the_first_step_on_a_feature_of_hardly_any_importance_by_hand():
    """Gradients near the epsilon of Adam: there their scale shows in the step."""
    tiny = 1e-8
    _, b = em.superposition(2, 1, 0.0, steps=1, decay=tiny)
    rng = np.random.default_rng(0)
    W = rng.normal(0, 2**-0.5, (1, 2))
    x = rng.random((512, 2))

    def loss(shift):
        return tiny * ((np.maximum((x @ W.T @ W)[:, 1] + shift, 0) - x[:, 1]) ** 2).mean()

    g = numeric_grad(lambda v: loss(v[0]) / tiny, np.array([0.0]), h=1e-7)[0] * tiny
    assert b[1] == pytest.approx(-1e-2 * g / (abs(g) + 1e-8), rel=1e-4)


@pytest.mark.parametrize("size", ["d", "negatives", "epochs", "batch"])
def test_each_size_of_skip_gram_is_positive(size):
    sizes = {"d": 2, "negatives": 2, "epochs": 2, "batch": 2, size: 0}
    with pytest.raises(ValueError, match=f"need positive sizes.*{size}=0"):
        em.skip_gram(np.array([[0, 1]]), 3, **sizes)


@pytest.mark.parametrize("size", ["features", "d", "steps"])
def test_each_size_of_superposition_is_positive(size):
    sizes = {"features": 2, "d": 2, "steps": 2, size: 0}
    with pytest.raises(ValueError, match=f"positive sizes.*{size}=0"):
        em.superposition(sparsity=0.5, **sizes)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: em.Embedding(0, 2), "at least one row"),
        (lambda: em.Embedding(3, 2).forward([3]), "0 to 2"),
        (lambda: em.Embedding(3, 2).forward([0.5]), "whole numbers"),
        (lambda: em.Embedding(3, 2).backward([0], np.ones((2, 2))), "its gradient"),
        (lambda: em.context_pairs([[1, 2]], 0), "window"),
        (lambda: em.context_pairs([[1]], 2), "neighbor"),
        (lambda: em.skip_gram(np.array([[0, 5]]), 3, 2), "below V=3"),
        (lambda: em.skip_gram(np.array([[0, 3]]), 3, 2), "below V=3"),
        (lambda: em.skip_gram(np.zeros((0, 2), int), 3, 2), "need positive sizes"),
        (lambda: em.pmi([[0, 0], [0, 0]]), "not all zero"),
        (lambda: em.pmi([[1, np.nan], [1, 1]]), "non-negative"),
        (lambda: em.pmi([[1, -1], [1, 1]]), "non-negative"),
        (lambda: em.pmi([1, 1]), "a table"),
        (lambda: em.ppmi_svd(np.ones((2, 2)), 3), "between 1 and 2"),
        (lambda: em.analogy(np.zeros((4, 2)), 0, 1, 2), "no direction"),
        (lambda: em.cka(np.ones((2, 2)), np.ones((3, 2))), "same rows"),
        (lambda: em.cka([1.0, 2.0, 4.0], [[1.0], [2.0], [4.0]]), "two tables"),
        (lambda: em.cka([[1.0], [2.0], [4.0]], [1.0, 2.0, 4.0]), "two tables"),
        (lambda: em.cka([[1.0, 2.0], [1.0, 2.0]], [[0.0], [1.0]]), "equal on all rows"),
        (lambda: em.superposition(4, 2, 1.0), "sparsity"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
