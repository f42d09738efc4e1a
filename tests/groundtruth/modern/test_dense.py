"""Latent semantic analysis, the bi-encoder and its loss against NumPy, PyTorch and definitions."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.data import text
from groundtruth.modern import dense

DOCS = [
    ["car", "wheel", "road"],
    ["auto", "wheel", "wheel"],
    ["cat", "fur"],
    ["dog", "fur", "road", "fur"],
    ["bird", "wing", "cat"],
    ["plane", "wing", "wheel", "road"],
]


def test_rows_are_divided_by_their_norms_and_a_row_of_zeros_stays():
    X = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -0.02]])
    assert dense.unit(X) == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0], [0.0, -1.0]]))
    assert dense.unit(np.array([3.0, 4.0])).tolist() == [0.6, 0.8]
    stacked = dense.unit(np.array([X, 2 * X]))
    assert np.allclose(stacked[0], stacked[1])


def test_lsa_has_the_leading_singular_values_and_vectors_of_the_weighted_counts():
    model = dense.LSA(DOCS, 3)
    counts = text.count_matrix(DOCS, text.vocabulary_of(DOCS))
    U, s, Vt = np.linalg.svd(text.tfidf(counts).toarray(), full_matrices=False)
    assert model.vocabulary == text.vocabulary_of(DOCS)
    assert np.allclose(model.singular_values, s[:3])
    assert model.basis.shape == (len(model.vocabulary), 3)
    assert np.allclose(np.abs((model.basis * Vt[:3].T).sum(axis=0)), 1)
    # on the training texts the coordinates are U S, up to the sign of a column
    rows = U[:, :3] * s[:3]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.allclose(np.abs(model.encode(DOCS)), np.abs(rows))


def test_lsa_repeats_to_the_last_digit():
    one, other = dense.LSA(DOCS, 3), dense.LSA(DOCS, 3)
    assert (one.basis == other.basis).all()
    assert (one.singular_values == other.singular_values).all()


def test_new_texts_are_weighted_by_the_idf_of_the_training_texts():
    """Weight of a word: its count times ln(7 / (1 + df)) + 1, df of the six training texts."""
    model = dense.LSA(DOCS, 4)
    new = ["wheel", "wheel", "fur", "unknown"]
    df = Counter(word for doc in DOCS for word in set(doc))
    weight = {w: math.log(7 / (1 + df[w])) + 1 for w in df}
    row = np.array([Counter(new)[w] * weight[w] for w in model.vocabulary])
    for d in (1, 2, 4, None):
        expected = row @ model.basis[:, :d]
        expected /= np.linalg.norm(expected)
        assert np.allclose(model.encode([new], d), expected)
    assert (model.encode([["unknown"]]) == 0).all()


def test_the_dimensions_of_lsa_lie_between_one_and_one_less_than_the_smaller_size():
    assert dense.LSA(DOCS, 1).basis.shape[1] == 1
    assert dense.LSA(DOCS, 5).basis.shape[1] == 5
    for d in (0, 6):
        with pytest.raises(ValueError, match=rf"lie in \[1, 5\], got {d}"):
            dense.LSA(DOCS, d)


def test_a_bi_encoder_starts_with_two_equal_normal_tables_of_its_own():
    model = dense.BiEncoder(("a", "b", "c"), 4, np.random.default_rng(3))
    expected = np.random.default_rng(3).normal(size=(3, 4)) / 2  # the square root of 4
    assert model.vocabulary == ["a", "b", "c"]
    assert np.allclose(model.query_table, expected)
    assert np.allclose(model.document_table, expected)
    assert model.document_table is not model.query_table


def test_an_embedding_has_at_least_one_dimension():
    assert dense.BiEncoder(["a"], 1, np.random.default_rng(0)).query_table.shape == (1, 1)
    with pytest.raises(ValueError, match="at least one dimension, got 0"):
        dense.BiEncoder(["a"], 0, np.random.default_rng(0))


def test_bags_are_the_shares_of_the_known_words():
    model = dense.BiEncoder(["a", "b", "c"], 2, np.random.default_rng(0))
    bags = model.bags([["a", "b", "a", "z"], [], ["c"], ["z"], ["a", "b", "c", "c"]])
    expected = [[2 / 3, 1 / 3, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0], [1 / 4, 1 / 4, 1 / 2]]
    assert np.allclose(bags.toarray(), expected)


def test_queries_and_documents_are_means_of_rows_of_their_own_table():
    model = dense.BiEncoder(["a", "b"], 3, np.random.default_rng(0))
    model.query_table = np.array([[3.0, 0.0, 4.0], [0.0, 2.0, 0.0]])
    model.document_table = np.array([[0.0, 5.0, 0.0], [1.0, 0.0, 7.0]])
    texts = [["a"], ["b"], ["a", "b"]]
    third = np.array([1.5, 1.0, 2.0])  # mean of the rows of a and b
    expected = [[0.6, 0, 0.8], [0, 1, 0], third / np.linalg.norm(third)]
    assert np.allclose(model.queries(texts), expected)
    assert np.allclose(model.queries(texts, 2)[2], third[:2] / np.linalg.norm(third[:2]))
    other = np.array([0.5, 2.5, 3.5])
    assert np.allclose(model.documents(texts)[2], other / np.linalg.norm(other))
    assert np.allclose(model.documents(texts, 2)[2], other[:2] / np.linalg.norm(other[:2]))


def loss_by_definition(Q, D, temperature, dims):
    """Mean -ln of the softmax share of the partner, over rows and then over prefixes."""
    losses = []
    for m in dims:
        for i in range(len(Q)):
            cosines = [
                Q[i, :m] @ row[:m] / np.linalg.norm(Q[i, :m]) / np.linalg.norm(row[:m]) for row in D
            ]
            shares = [math.exp(c / temperature) for c in cosines]
            losses.append(-math.log(shares[i] / sum(shares)))
    return np.mean(losses)


@pytest.mark.parametrize("dims", [(), (5,), (2,), (1, 3, 5)])
@pytest.mark.parametrize("temperature", [0.2, 1.5])
def test_the_in_batch_loss_is_its_definition_with_its_gradient(dims, temperature):
    Q, D = np.random.default_rng(4).normal(size=(2, 4, 5))
    before = Q.copy(), D.copy()
    loss, dQ, dD = dense.in_batch_loss(Q, D, temperature, dims)
    prefixes = dims or (5,)
    assert isinstance(loss, float)
    assert loss == pytest.approx(loss_by_definition(Q, D, temperature, prefixes))
    by_queries = numeric_grad(lambda M: loss_by_definition(M, D, temperature, prefixes), Q)
    by_documents = numeric_grad(lambda M: loss_by_definition(Q, M, temperature, prefixes), D)
    assert np.allclose(dQ, by_queries, atol=1e-7)
    assert np.allclose(dD, by_documents, atol=1e-7)
    assert (before[0] == Q).all()
    assert (before[1] == D).all()


def test_a_pair_is_enough_and_a_partner_of_probability_zero_costs_300_ln_10():
    """Partners point in opposite directions: e^(-2 / 0.001) is no longer a number above 0."""
    Q = np.array([[1.0, 0.0], [-1.0, 0.0]])
    loss, dQ, dD = dense.in_batch_loss(Q, -Q, 1e-3)
    assert loss == pytest.approx(300 * math.log(10))
    assert np.isfinite(dQ).all()
    assert np.isfinite(dD).all()
    assert dense.in_batch_loss(Q, Q, 1e-3)[0] == pytest.approx(0, abs=1e-12)


def test_a_row_of_zeros_passes_its_gradient_on_as_it_is():
    """It is its own unit row. Its cosines are 0, so both shares are 1/2; with T = 1 and the unit
    documents e_1 and e_2, a row has (p - 1) D / 2, here (-1/4, 1/4).
    """
    Q = np.array([[0.0, 0.0], [0.0, 2.0]])
    loss, dQ, _ = dense.in_batch_loss(Q, np.eye(2), 1.0)
    assert dQ[0] == pytest.approx(np.array([-0.25, 0.25]))
    assert loss == pytest.approx((math.log(2) - math.log(math.e / (1 + math.e))) / 2)


@pytest.mark.parametrize(
    ("shapes", "temperature"),
    [
        (((3,), (3,)), 1.0),
        (((2, 3, 2), (2, 3, 2)), 1.0),
        (((2, 3), (3, 3)), 1.0),
        (((2, 3), (2, 4)), 1.0),
        (((1, 3), (1, 3)), 1.0),
        (((2, 3), (2, 3)), 0.0),
        (((2, 3), (2, 3)), math.nan),
    ],
)
def test_batches_that_are_none_are_refused(shapes, temperature):
    with pytest.raises(ValueError, match="B >= 2"):
        dense.in_batch_loss(np.ones(shapes[0]), np.ones(shapes[1]), temperature)


def pairs_of(n):
    """Texts of one to four words; some words stand on one side only."""
    rng = np.random.default_rng(8)
    queries = [[f"q{i}" for i in rng.integers(9, size=rng.integers(1, 5))] for _ in range(n)]
    documents = [[f"q{i}" for i in rng.integers(12, size=rng.integers(1, 5))] for _ in range(n)]
    return queries, documents


class Adam:
    """Algorithm 1 of Kingma and Ba (2015)."""

    def __init__(self, rate):
        self.rate = rate
        self.m = self.v = 0.0
        self.t = 0

    def step(self, table, g):
        """The table after one more step."""
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        m = self.m / (1 - 0.9**self.t)
        v = self.v / (1 - 0.999**self.t)
        return table - self.rate * m / (np.sqrt(v) + 1e-8)


def trained_by_torch(model, queries, documents, rng, epochs, batch, rate, temperature, dims):
    """Gradients of cross entropies of cosines by PyTorch; returns the tables and losses."""
    bags = [
        torch.tensor(
            [[words.count(v) / len(words) for v in model.vocabulary] for words in texts],
            dtype=torch.float64,
        )
        for texts in (queries, documents)
    ]
    tables = [model.query_table, model.document_table]
    optimizers = [Adam(rate), Adam(rate)]
    means = []
    for _ in range(epochs):
        order = rng.permutation(len(queries))
        losses = []
        while len(order) >= batch:  # what is left over is too short for a batch
            rows, order = order[:batch], order[batch:]
            leaves = [torch.tensor(table, requires_grad=True) for table in tables]
            q, d = (bag[rows.tolist()] @ leaf for bag, leaf in zip(bags, leaves, strict=True))
            loss = 0
            for m in dims or (q.shape[1],):
                a = torch.nn.functional.normalize(q[:, :m])
                b = torch.nn.functional.normalize(d[:, :m])
                cosines = a @ b.T / temperature
                loss += torch.nn.functional.cross_entropy(cosines, torch.arange(batch))
            loss = loss / len(dims or (1,))
            loss.backward()
            for i, (optimizer, leaf) in enumerate(zip(optimizers, leaves, strict=True)):
                tables[i] = optimizer.step(tables[i], leaf.grad.numpy())
            losses.append(loss.item())
        means.append(sum(losses) / len(losses))
    return tables, means


@pytest.mark.parametrize(
    ("n", "epochs", "batch", "dims"),
    [(11, 3, 4, ()), (12, 2, 4, (2, 5)), (6, 4, 2, ()), (5, 3, 5, (3,))],
)
def test_training_is_that_of_torch(n, epochs, batch, dims):
    queries, documents = pairs_of(n)
    vocabulary = text.vocabulary_of(queries + documents)
    model = dense.BiEncoder(vocabulary, 5, np.random.default_rng(0))
    tables, means = trained_by_torch(
        model, queries, documents, np.random.default_rng(1), epochs, batch, 0.05, 0.3, dims
    )
    losses = dense.train(
        model,
        queries,
        documents,
        np.random.default_rng(1),
        epochs=epochs,
        batch=batch,
        rate=0.05,
        temperature=0.3,
        dims=dims,
    )
    assert losses == pytest.approx(means)
    assert all(type(loss) is float for loss in losses)
    assert np.allclose(model.query_table, tables[0], atol=1e-7)
    assert np.allclose(model.document_table, tables[1], atol=1e-7)


def test_training_has_twenty_epochs_of_batches_of_64_unless_told_otherwise():
    queries, documents = pairs_of(130)
    vocabulary = text.vocabulary_of(queries + documents)
    model = dense.BiEncoder(vocabulary, 3, np.random.default_rng(0))
    same = dense.BiEncoder(vocabulary, 3, np.random.default_rng(0))
    losses = dense.train(model, queries, documents, np.random.default_rng(1))
    _, means = trained_by_torch(
        same, queries, documents, np.random.default_rng(1), 20, 64, 0.01, 0.1, ()
    )
    assert losses == pytest.approx(means, rel=1e-6)


def test_a_step_of_training_is_that_of_the_paper_also_for_tiny_gradients():
    """With gradients about as small as 1e-8 the small number of the denominator decides."""
    rng = np.random.default_rng(0)
    ours = rng.normal(size=(4, 3))
    reference = Adam(0.05)
    m, v = np.zeros_like(ours), np.zeros_like(ours)
    for step in (1, 2, 3, 4):
        g = rng.normal(size=(4, 3)) * (1e-8 if step < 3 else 1.0)
        expected = reference.step(ours, g)
        dense._adam(ours, g.copy(), m, v, step, 0.05)
        np.testing.assert_allclose(ours, expected, rtol=1e-12)
        np.testing.assert_allclose(m, reference.m)
        np.testing.assert_allclose(v, reference.v)


@pytest.mark.parametrize(("more", "batch"), [(0, 1), (0, 7), (1, 3), (-1, 3)])
def test_lists_of_different_lengths_and_batches_of_other_sizes_are_refused(more, batch):
    queries, documents = pairs_of(6)
    model = dense.BiEncoder(text.vocabulary_of(queries + documents), 2, np.random.default_rng(0))
    documents = [*documents, ["q1"]][: 6 + more]
    with pytest.raises(ValueError, match=f"got 6, {6 + more} and {batch}"):
        dense.train(model, queries, documents, np.random.default_rng(0), batch=batch)


def test_late_interaction_sums_the_best_product_of_each_query_vector():
    rng = np.random.default_rng(9)
    q = rng.normal(size=(3, 4))
    d = rng.normal(size=(5, 4))
    expected = sum(max(sum(a * b for a, b in zip(x, y, strict=True)) for y in d) for x in q)
    assert dense.max_sim(q, d) == pytest.approx(expected)
    assert type(dense.max_sim(q, d)) is float


def test_late_interaction_of_small_whole_numbers_does_not_overflow():
    q = np.array([[100, 100]], dtype=np.int8)
    assert dense.max_sim(q, [[1.0, 1.0]]) == 200
    assert dense.max_sim(q, q) == 20_000
    assert dense.max_sim(q.astype(float), q) == 20_000


@pytest.mark.parametrize(
    ("query", "document"),
    [
        (np.ones(2), np.ones((3, 2))),
        (np.ones((3, 2)), np.ones(2)),
        (np.ones((1, 2, 2)), np.ones((3, 2))),
        (np.ones((3, 2)), np.ones((3, 2, 2))),
        (np.ones((2, 2)), np.ones((2, 3))),
        (np.ones((0, 2)), np.ones((2, 2))),
        (np.ones((2, 2)), np.ones((0, 2))),
    ],
)
def test_late_interaction_needs_two_tables_of_as_many_columns(query, document):
    with pytest.raises(ValueError, match="tables"):
        dense.max_sim(query, document)
