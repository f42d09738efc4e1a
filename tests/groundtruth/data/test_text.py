"""Counts, TF-IDF and hashing against scikit-learn; BM25 by hand; algebra and bad input."""

import hashlib
import math
from fractions import Fraction

import numpy as np
import pytest
from groundtruth.data import text
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
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


def counts_of(rows):
    return csr_array(np.array(rows, dtype=float))


def repeated_entries():
    """One document with the word 0 twice, as two entries of one, and an explicit zero."""
    data = np.array([1.0, 0.0, 1.0, 2.0])
    columns = np.array([0, 1, 0, 1])
    return csr_array((data, columns, np.array([0, 3, 4])), shape=(2, 2))


def test_tokens_by_hand():
    assert text.tokenize("A Cat, the ÄRGER of 42 x_y!") == [
        "cat",
        "the",
        "ärger",
        "of",
        "42",
        "x_y",
    ]
    assert text.tokenize("") == []
    assert text.bigrams(["one"]) == []
    assert text.bigrams(["a", "b", "c"]) == ["a b", "b c"]


def test_words_outside_the_vocabulary_are_dropped():
    docs = [["z", "b", "z"], [], ["a", "b", "b", "q"], ["q"]]
    found = text.count_matrix(docs, ["b", "a"])
    assert found.toarray().tolist() == [[1, 0], [0, 0], [2, 1], [0, 0]]
    assert found.dtype == np.float64
    assert found.nnz == 3
    assert found.has_canonical_format


def test_a_plain_string_among_the_documents_is_refused():
    for docs in ("ab", [["a"], "ab"]):
        with pytest.raises(TypeError, match="got a plain string; tokenize it first"):
            text.count_matrix(docs, ["a"])
        with pytest.raises(TypeError, match="got a plain string; tokenize it first"):
            text.hash_vectorize(docs, 4)


def test_no_documents_give_no_rows():
    assert text.count_matrix([], ["a", "b"]).shape == (0, 2)
    assert text.hash_vectorize([], 5).shape == (0, 5)
    assert text.hash_vectorize([[], []], 5).toarray().tolist() == [[0.0] * 5] * 2


def test_inverse_frequencies_by_hand():
    """Three documents; the words stand in 3, 1 and 0 of them: ln(4/4), ln(4/2), ln(4/1), plus 1."""
    found = text.idf(counts_of([[5, 1, 0], [1, 0, 0], [2, 0, 0]]))
    assert np.allclose(found, [1.0, 1 + math.log(2), 1 + math.log(4)], rtol=1e-15)


def test_entries_that_stand_for_the_same_word_count_once():
    """Word 0 stands in one document and word 1, whose other entry is a zero, too."""
    counts = repeated_entries()
    assert np.allclose(text.idf(counts), 1 + math.log(3 / 2))
    assert np.allclose(text.tfidf(counts).toarray(), np.eye(2))
    # lengths 2 and 2, so that the score of a count of 2 is idf * 2 * 2.2 / (2 + 1.2)
    assert np.allclose(text.bm25(counts, [0]), [math.log(2) * 4.4 / 3.2, 0.0])


@pytest.mark.parametrize("use", [text.idf, text.tfidf])
def test_counts_stay_as_they_are(use):
    for counts in (repeated_entries(), counts_of([[1, 2], [0, 3]])):
        before = counts.copy()
        use(counts)
        assert np.array_equal(counts.data, before.data)
        assert np.array_equal(counts.indices, before.indices)
        assert np.array_equal(counts.indptr, before.indptr)


def test_whole_numbers_are_counts():
    counts = csr_array(np.array([[1, 2], [0, 3]], dtype=np.int8))
    floats = counts_of([[1, 2], [0, 3]])
    assert np.array_equal(text.tfidf(counts).toarray(), text.tfidf(floats).toarray())
    assert text.tfidf(counts).dtype == np.float64
    many = csr_array(np.array([[100, 100, 100]], dtype=np.int8))
    assert np.allclose(text.bm25(many, [0]), text.bm25(counts_of([[100, 100, 100]]), [0]))


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_one_entry_that_is_no_count_is_refused(bad):
    counts = counts_of([[1, 2], [bad, 3]])
    for use in (text.idf, text.tfidf):
        with pytest.raises(ValueError, match="counts must be finite and >= 0"):
            use(counts)
    with pytest.raises(ValueError, match="counts must be finite and >= 0"):
        text.bm25(counts, [0])


def test_weighted_counts_by_hand():
    """Counts (1, 2) with the weights (3, 2): (3, 4) / 5. A row without a word stays zero."""
    counts = counts_of([[1, 2], [0, 0], [0, 7]])
    expected = [[0.6, 0.8], [0.0, 0.0], [0.0, 1.0]]
    assert np.allclose(text.tfidf(counts, [3, 2]).toarray(), expected, rtol=1e-15)
    assert np.allclose(text.tfidf(counts, [Fraction(3), Fraction(2)]).toarray(), expected)
    assert np.allclose(text.tfidf(counts_of([[0, 0]]), [3, 2]).toarray(), 0)


def test_a_weight_that_is_zero_leaves_its_word_out():
    assert np.allclose(text.tfidf(counts_of([[1, 2]]), [0.0, 2.0]).toarray(), [[0.0, 1.0]])
    assert np.allclose(text.tfidf(counts_of([[1, 0]]), [0.0, 2.0]).toarray(), [[0.0, 0.0]])


@pytest.mark.parametrize("weights", [[1.0], [[1.0, 1.0]], [1.0, np.inf], [np.nan, 1.0]])
def test_weights_that_do_not_fit_the_words_are_refused(weights):
    with pytest.raises(ValueError, match=r"one finite weight per word: shape \(2,\)"):
        text.tfidf(counts_of([[1, 2]]), weights)


@pytest.mark.parametrize("m", [1, 2, 7, 1000])
def test_buckets_and_signs_are_bits_of_the_digest(m):
    """The lowest of 64 bits is the sign, the others choose the bucket."""
    docs = [["aa", "über", "aa"], [], ["cc"] * 3 + ["dd"]]
    expected = np.zeros((3, m))
    for i, doc in enumerate(docs):
        for token in doc:
            digest = hashlib.blake2b(token.encode("utf-8"), digest_size=8).digest()
            number = int.from_bytes(digest, "little")
            bucket, odd = divmod(number, 2)
            expected[i, bucket % m] += 1.0 if odd else -1.0
    found = text.hash_vectorize(docs, m)
    assert np.array_equal(found.toarray(), expected)
    assert found.has_canonical_format


def test_both_signs_and_all_buckets_are_used():
    found = text.hash_vectorize([[f"word {i}"] for i in range(400)], 4).toarray()
    signs = found.sum(axis=1)
    assert abs(signs.mean()) < 4 / math.sqrt(400)
    assert (np.abs(found).sum(axis=0) > 60).all()


def score_by_definition(rows, query, k1, b):
    """Robertson and Zaragoza's sum over the words of the query, one document at a time."""
    n = len(rows)
    mean = sum(sum(row) for row in rows) / n
    scores = []
    for row in rows:
        total = 0.0
        for word in query:
            df = sum(other[word] > 0 for other in rows)
            idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
            norm = k1 * (1 - b + b * sum(row) / mean)
            if row[word]:
                total += idf * row[word] * (k1 + 1) / (row[word] + norm)
        scores.append(total)
    return scores


ROWS = [[3, 0, 1, 0], [1, 2, 0, 0], [0, 0, 9, 0], [0, 0, 0, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("query", [[0], [1, 2], [3, 3, 0], []])
@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.0, 0.75), (2.0, 0.0), (0.5, 1.0)])
def test_scores_equal_their_definition(query, k1, b):
    found = text.bm25(counts_of(ROWS), query, k1, b)
    assert np.allclose(found, score_by_definition(ROWS, query, k1, b), rtol=1e-13)


def test_scores_by_default():
    found = text.bm25(counts_of(ROWS), [0, 2])
    assert np.allclose(found, score_by_definition(ROWS, [0, 2], 1.2, 0.75), rtol=1e-13)


@pytest.mark.filterwarnings("error")
def test_an_absent_word_without_saturation_scores_zero():
    assert text.bm25(counts_of([[1, 0], [0, 1]]), [0], k1=0.0, b=0.5)[1] == 0


@pytest.mark.parametrize(
    ("k1", "b"), [(-0.1, 0.5), (np.inf, 0.5), (np.nan, 0.5), (1.0, -0.1), (1.0, 1.1), (1.0, np.nan)]
)
def test_parameters_of_the_score_out_of_range_are_refused(k1, b):
    with pytest.raises(ValueError, match=f"got k1 = {k1} and b = {b}"):
        text.bm25(counts_of(ROWS), [0], k1, b)


@pytest.mark.parametrize("word", [-1, 4])
def test_a_query_word_outside_the_columns_is_refused(word):
    with pytest.raises(ValueError, match=r"column number in \[0, 4\)"):
        text.bm25(counts_of(ROWS), [0, word])


@pytest.mark.parametrize("counts", [csr_array((0, 3)), csr_array((2, 3)), counts_of([[0, 0]])])
def test_documents_without_a_word_have_no_score(counts):
    with pytest.raises(ValueError, match="no document with a word in it"):
        text.bm25(counts, [0])


def test_rows_shorter_than_one_are_stretched_to_one():
    """Counts (3, 4) times 1/8 have the length 5/8."""
    found = text.tfidf(counts_of([[3, 4], [0, 1]]), [0.125, 0.125])
    assert np.allclose(found.toarray(), [[0.6, 0.8], [0.0, 1.0]], rtol=1e-15)


def test_buckets_beyond_double_precision_are_exact():
    m = 2**61 - 1
    docs = [[f"word {i}"] for i in range(8)]
    numbers = [
        int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        for (word,) in docs
    ]
    assert text.hash_vectorize(docs, m).indices.tolist() == [number // 2 % m for number in numbers]
