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


def test_sparse_features_share_dimensions_and_dense_ones_do_not():
    few, _ = em.superposition(10, 3, 0.0, steps=1500)
    many, _ = em.superposition(10, 3, 0.97, steps=1500)

    def count(W):
        return int((np.linalg.norm(W, axis=0) > 0.5).sum())

    assert count(few) == 3
    assert count(many) > 5


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
        (lambda: em.skip_gram(np.array([[0, 5]]), 3, 2), "below V=3"),
        (lambda: em.pmi([[0, 0], [0, 0]]), "not all zero"),
        (lambda: em.ppmi_svd(np.ones((2, 2)), 3), "between 1 and 2"),
        (lambda: em.analogy(np.zeros((4, 2)), 0, 1, 2), "no direction"),
        (lambda: em.cka(np.ones((2, 2)), np.ones((3, 2))), "same rows"),
        (lambda: em.superposition(4, 2, 1.0), "sparsity"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
