"""Claims of groundtruth.modern.dense."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.data import text
from groundtruth.data.text import tokenize
from groundtruth.modern import dense
from groundtruth.modern import retrieval_synthetic as synthetic
from groundtruth.networks.contrastive import info_nce
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer


def test_lsa_is_the_truncated_svd_of_scikit_learn():
    docs = [tokenize(passage) for passage in synthetic.planted(3, 10, 30, 5).passages]
    ours = dense.LSA(docs, 5)
    X = TfidfVectorizer(analyzer=lambda words: words).fit_transform(docs)
    theirs = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(X)
    assert np.allclose(ours.singular_values, theirs.singular_values_)
    E = dense.unit(theirs.transform(X))
    mine = ours.encode(docs)
    assert np.allclose(mine @ mine.T, E @ E.T)
    assert np.allclose(ours.encode(docs, 2), dense.unit((X @ ours.basis)[:, :2]))
    with pytest.raises(ValueError, match="d must"):
        dense.LSA(docs, 10_000)


def test_the_in_batch_loss_is_info_nce_with_a_gradient():
    rng = np.random.default_rng(4)
    Q, D = rng.normal(size=(2, 6, 5))
    loss, dQ, dD = dense.in_batch_loss(Q, D, 0.2)
    assert loss == pytest.approx(info_nce(Q, D, 0.2))
    assert np.allclose(dQ, numeric_grad(lambda M: dense.in_batch_loss(M, D, 0.2)[0], Q), atol=1e-7)
    assert np.allclose(dD, numeric_grad(lambda M: dense.in_batch_loss(Q, M, 0.2)[0], D), atol=1e-7)


def test_the_matryoshka_loss_is_the_mean_over_prefixes_with_a_gradient():
    rng = np.random.default_rng(5)
    Q, D = rng.normal(size=(2, 4, 6))
    loss, dQ, _ = dense.in_batch_loss(Q, D, 0.5, dims=(2, 6))
    assert loss == pytest.approx((info_nce(Q[:, :2], D[:, :2], 0.5) + info_nce(Q, D, 0.5)) / 2)
    f = lambda M: dense.in_batch_loss(M, D, 0.5, dims=(2, 6))[0]  # noqa: E731
    assert np.allclose(dQ, numeric_grad(f, Q), atol=1e-7)


@pytest.mark.parametrize(
    ("shapes", "temperature"),
    [(((2, 3), (3, 3)), 1.0), (((1, 3), (1, 3)), 1.0), (((2, 3),) * 2, 0)],
)
def test_batches_that_are_none_are_refused(shapes, temperature):
    with pytest.raises(ValueError, match="B >= 2"):
        dense.in_batch_loss(np.ones(shapes[0]), np.ones(shapes[1]), temperature)


def test_training_brings_pairs_together():
    queries = [["car", str(i)] for i in range(40)]
    documents = [["auto", str(i)] for i in range(40)]
    model = dense.BiEncoder(text.vocabulary_of(queries + documents), 8, np.random.default_rng(0))
    before = (model.queries([["car"]]) @ model.documents([["auto"]]).T).item()
    losses = dense.train(model, queries, documents, np.random.default_rng(1), epochs=30, batch=20)
    assert losses[-1] < losses[0]
    assert (model.queries([["car"]]) @ model.documents([["auto"]]).T).item() > before
    best = (model.queries(queries) @ model.documents(documents).T).argmax(1)
    assert (best == np.arange(40)).mean() > 0.9
    with pytest.raises(ValueError, match="batch"):
        dense.train(model, queries, documents, np.random.default_rng(1), batch=41)


def test_a_step_of_training_is_that_of_adam():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 3))
    gradients = rng.normal(size=(3, 4, 3))
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.05)
    ours = start.copy()
    m, v = np.zeros_like(start), np.zeros_like(start)
    for step, g in enumerate(gradients, 1):
        theirs.grad = torch.tensor(g)
        optimizer.step()
        dense._adam(ours, g.copy(), m, v, step, 0.05)
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9)


def test_embeddings_are_unit_means_and_unknown_words_are_left_out():
    model = dense.BiEncoder(["a", "b"], 3, np.random.default_rng(0))
    mean = (model.query_table[0] * 2 + model.query_table[1]) / 3
    assert np.allclose(model.queries([["a", "b", "a", "z"]])[0], mean / np.linalg.norm(mean))
    assert (model.documents([["z"]]) == 0).all()
    assert np.linalg.norm(model.documents([["a"]], d=2)) == pytest.approx(1)


def test_max_sim_by_hand():
    assert dense.max_sim([[1, 0], [0, 2]], [[3, 1], [0, 5]]) == 3 + 10
    with pytest.raises(ValueError, match="tables"):
        dense.max_sim([[1, 0]], [[1, 0, 0]])
