"""Counts, TF-IDF and hashing against scikit-learn; BM25 by hand; algebra and bad input."""

import numpy as np
import pytest
from groundtruth.data import text
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

DOCS = [
    "The cat sat on the mat.",
    "A dog, a DOG!",
    "x",
    "",
    "über-große Katzen 42 cats_and dogs",
    "it's 2 o'clock",
]
corpora = st.lists(
    st.lists(st.sampled_from(["aa", "bb", "cc", "dd"]), max_size=12), min_size=1, max_size=8
).filter(lambda docs: any(docs))


def test_tokens_counts_and_weights_equal_sklearn():
    tokens = [text.tokenize(doc) for doc in DOCS]
    words = text.vocabulary_of(tokens)
    theirs = CountVectorizer().fit(DOCS)
    assert words == theirs.get_feature_names_out().tolist()
    counts = text.count_matrix(tokens, words)
    assert np.array_equal(counts.toarray(), theirs.transform(DOCS).toarray())
    assert np.allclose(
        text.tfidf(counts).toarray(), TfidfVectorizer().fit_transform(DOCS).toarray(), atol=1e-12
    )


def test_new_documents_use_the_weights_of_training():
    train = DOCS[:2]
    new = ["the dog and the unseen cat"]
    tokens = [text.tokenize(doc) for doc in train]
    words = text.vocabulary_of(tokens)
    weight = text.idf(text.count_matrix(tokens, words))
    ours = text.tfidf(text.count_matrix([text.tokenize(doc) for doc in new], words), weight)
    assert np.allclose(
        ours.toarray(), TfidfVectorizer().fit(train).transform(new).toarray(), atol=1e-12
    )


def test_pairs_equal_sklearn_bigrams():
    docs = ["new york city", "york new"]
    pairs = [text.bigrams(text.tokenize(doc)) for doc in docs]
    words = text.vocabulary_of(pairs)
    theirs = CountVectorizer(ngram_range=(2, 2)).fit(docs)
    assert words == theirs.get_feature_names_out().tolist()
    assert np.array_equal(
        text.count_matrix(pairs, words).toarray(), theirs.transform(docs).toarray()
    )


@given(corpora)
def test_counts_sum_to_the_lengths_and_ignore_order(docs):
    words = text.vocabulary_of(docs)
    counts = text.count_matrix(docs, words).toarray()
    assert counts.sum(1).tolist() == [len(doc) for doc in docs]
    assert np.array_equal(counts, text.count_matrix([doc[::-1] for doc in docs], words).toarray())


@given(corpora)
def test_rows_of_tfidf_have_length_one_or_zero(docs):
    weights = text.tfidf(text.count_matrix(docs, text.vocabulary_of(docs))).toarray()
    assert np.allclose(np.linalg.norm(weights, axis=1), [float(bool(doc)) for doc in docs])


@given(corpora, st.integers(1, 50))
def test_hashing_is_linear_in_the_documents(docs, m):
    parts = text.hash_vectorize(docs, m).toarray()
    whole = text.hash_vectorize([[token for doc in docs for token in doc]], m).toarray()[0]
    assert np.array_equal(parts.sum(0), whole)


def test_hashed_inner_products_are_unbiased():
    """Over many buckets' worth of different vocabularies the mean product is the true one."""
    rng = np.random.default_rng(0)
    products = []
    for salt in range(400):
        a, b = ([f"{salt}-{word}" for word in rng.integers(0, 40, 30)] for _ in range(2))
        words = text.vocabulary_of([a, b])
        true = text.count_matrix([a, b], words).toarray()
        hashed = text.hash_vectorize([a, b], 16).toarray()
        products.append(hashed[0] @ hashed[1] - true[0] @ true[1])
    assert abs(np.mean(products)) < 3 * np.std(products) / 20


def test_hashing_is_the_same_on_every_machine():
    assert text.hash_vectorize([["ground", "truth"]], 1000).indices.tolist() == sorted(
        text.hash_vectorize([["truth"], ["ground"]], 1000).indices.tolist()
    )
    assert text.hash_vectorize([["ground"]], 2**16).indices.tolist() == [
        int.from_bytes(__import__("hashlib").blake2b(b"ground", digest_size=8).digest(), "little")
        // 2
        % 2**16
    ]


def test_bm25_by_hand():
    counts = text.count_matrix(
        [["cat", "dog"], ["cat", "cat"], ["sun", "sun"]], ["cat", "dog", "sun"]
    )
    weight = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 2 / 2)
    assert np.allclose(
        text.bm25(counts, [0]), [weight * 2.2 / (1 + norm), weight * 4.4 / (2 + norm), 0.0]
    )


@given(corpora, st.integers(0, 3))
def test_bm25_rises_with_every_further_occurrence_and_saturates(docs, word):
    words = ["aa", "bb", "cc", "dd"]
    docs = [*docs, [words[word]], [words[word]] * 2, [words[word]] * 50]
    scores = text.bm25(text.count_matrix(docs, words), [word], b=0.0)
    one, two, fifty = scores[-3:]
    assert 0 < one < two < fifty < 2.2 * one


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: text.vocabulary_of([[], []]), ValueError, "no token"),
        (lambda: text.count_matrix([["a"]], []), ValueError, "non-empty"),
        (lambda: text.count_matrix([["a"]], ["a", "a"]), ValueError, "without repeats"),
        (lambda: text.count_matrix("abc", ["a"]), TypeError, "tokenize"),
        (lambda: text.count_matrix(["abc"], ["a"]), TypeError, "tokenize"),
        (lambda: text.hash_vectorize(["abc"], 4), TypeError, "tokenize"),
        (lambda: text.hash_vectorize([["a"]], 0), ValueError, "m = 0"),
        (lambda: text.idf(text.count_matrix([], ["a"])), ValueError, "there are none"),
        (
            lambda: text.tfidf(text.count_matrix([["a"]], ["a"]), [1.0, 2.0]),
            ValueError,
            r"\(1,\), got \(2,\)",
        ),
        (lambda: text.tfidf(text.count_matrix([["a"]], ["a"]), [np.nan]), ValueError, "finite"),
        (lambda: text.bm25(text.count_matrix([[]], ["a"]), [0]), ValueError, "no document"),
        (lambda: text.bm25(text.count_matrix([["a"]], ["a"]), [1]), ValueError, r"\[0, 1\)"),
        (lambda: text.bm25(text.count_matrix([["a"]], ["a"]), [0], b=2.0), ValueError, "b = 2.0"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
