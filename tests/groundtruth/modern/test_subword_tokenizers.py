"""WordPiece and unigram tokenizers against the `tokenizers` library and enumeration."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from groundtruth.modern.subword_tokenizers import UNKNOWN, Unigram, WordPiece
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

COUNTS = {"low": 5, "lower": 2, "newest": 6, "widest": 3, "slow": 4, "new": 3, "wow": 1}


def spellings(word):
    """All ways to cut a word."""
    n = len(word)
    for k in range(n):
        for cuts in combinations(range(1, n), k):
            yield [word[i:j] for i, j in pairwise([0, *cuts, n])]


def log_probs(seed, letters="abc", longest=3):
    rng = np.random.default_rng(seed)
    pieces = {letter: 1.0 for letter in letters}
    for _ in range(8):
        pieces["".join(rng.choice(list(letters), int(rng.integers(2, longest + 1))))] = 1.0
    p = rng.dirichlet(np.ones(len(pieces)))
    return {piece: float(math.log(v)) for piece, v in zip(pieces, p, strict=True)}


@given(st.text("abc", min_size=1, max_size=9), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_unigram_equals_enumeration(word, seed):
    table = log_probs(seed)
    model = Unigram(table)
    scores = {
        tuple(s): sum(table[p] for p in s) for s in spellings(word) if all(p in table for p in s)
    }
    best = max(scores.values())
    ours = model.encode(word)
    assert sum(table[p] for p in ours) == pytest.approx(best)
    total = math.log(sum(math.exp(v) for v in scores.values()))
    assert model.log_likelihood(word) == pytest.approx(total)


@given(st.text("abc", min_size=1, max_size=12), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_unigram_equals_the_library(word, seed):
    table = log_probs(seed)
    theirs = Tokenizer(models.Unigram(list(table.items())))
    ours = Unigram(table).encode(word)
    other = theirs.encode(word).tokens
    assert sum(table[p] for p in ours) == pytest.approx(sum(table[p] for p in other))


def test_expected_uses_by_enumeration():
    table = log_probs(3)
    model = Unigram(table)
    words = {"abc": 2, "aab": 3, "cba": 1}
    expected = Counter()
    for word, n in words.items():
        options = [s for s in spellings(word) if all(p in table for p in s)]
        weight = [math.exp(sum(table[p] for p in s)) for s in options]
        for option, w in zip(options, weight, strict=True):
            for piece in option:
                expected[piece] += n * w / sum(weight)
    for piece, value in model.expected(words).items():
        assert value == pytest.approx(expected[piece], abs=1e-12)


def test_expectation_maximization_never_lowers_the_likelihood():
    model = Unigram(log_probs(4, "lowernstid", 2) | {c: -3.0 for c in "lowernstid"})
    before = -math.inf
    for _ in range(6):
        value = sum(n * model.log_likelihood(w) for w, n in COUNTS.items())
        assert value >= before - 1e-9
        before = value
        uses = {p: n for p, n in model.expected(COUNTS).items() if n > 1e-9}
        total = sum(uses.values())
        model = Unigram({p: math.log(n / total) for p, n in uses.items()})


def test_unigram_training_gives_the_size_and_keeps_characters():
    model = Unigram.train(COUNTS, 16)
    assert len(model.log_probs) == 16
    assert set("lowernstid") <= set(model.log_probs)
    assert sum(map(math.exp, model.log_probs.values())) == pytest.approx(1)
    assert "".join(model.encode("dolls")) == "dolls"


def test_a_larger_vocabulary_has_a_higher_likelihood():
    def score(size):
        model = Unigram.train(COUNTS, size)
        return sum(n * model.log_likelihood(w) for w, n in COUNTS.items())

    assert score(11) < score(13) < score(16)  # at 18 each of the seven words is a piece


def wordpiece_by_definition(counts, merges):
    """Every count from scratch before each merge."""
    spelled = {w: [w[0], *("##" + c for c in w[1:])] for w in counts}
    learned = []
    for _ in range(merges):
        single = Counter()
        double = Counter()
        for w, n in counts.items():
            for a in spelled[w]:
                single[a] += n
            for pair in pairwise(spelled[w]):
                double[pair] += n
        if not double:
            break
        a, b = min(double, key=lambda p: (-double[p] / (single[p[0]] * single[p[1]]), p))
        learned.append(a + b[2:])
        for pieces in spelled.values():
            i = 0
            while i + 1 < len(pieces):
                if (pieces[i], pieces[i + 1]) == (a, b):
                    pieces[i : i + 2] = [a + b[2:]]
                i += 1
    return learned


@pytest.mark.parametrize("merges", [1, 5, 12, 40])
def test_wordpiece_training_equals_its_definition(merges):
    model = WordPiece.train(COUNTS, merges)
    start = len({c if i == 0 else "##" + c for w in COUNTS for i, c in enumerate(w)})
    merged = model.vocabulary[start:]
    expected = wordpiece_by_definition(COUNTS, merges)
    assert merged == list(dict.fromkeys(expected))[: len(merged)]
    assert len(merged) == len(set(expected) - set(model.vocabulary[:start]))


def test_wordpiece_merges_by_likelihood_and_not_by_frequency():
    # "ab" is frequent, but so are a and b elsewhere; "xy" always stands together
    counts = {"ab": 10, "a": 30, "b": 30, "ca": 20, "cb": 20, "xy": 2}
    assert WordPiece.train(counts, 1).vocabulary[-1] == "xy"


def test_wordpiece_encoding_equals_the_library():
    model = WordPiece.train(COUNTS, 8)
    vocabulary = {piece: i for i, piece in enumerate([UNKNOWN, *model.vocabulary])}
    theirs = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    rng = np.random.default_rng(0)
    for _ in range(300):
        word = "".join(rng.choice(list("lowernstidx"), rng.integers(1, 9)))
        assert model.encode(word) == theirs.encode(word).tokens


def test_the_longest_match_is_taken_even_if_it_ends_in_unknown():
    model = WordPiece(["a", "ab", "##c", "##b"])
    assert model.encode("abc") == ["ab", "##c"]
    assert WordPiece(["a", "ab", "##bc"]).encode("abc") == [UNKNOWN]


def test_the_piece_whose_removal_costs_most_stays():
    """Both are used ten times; without ab a word loses 15 nats, without cd 1."""
    model = Unigram({"ab": -3.0, "a": -9.0, "b": -9.0, "cd": -2.0, "c": -1.5, "d": -1.5})
    pruned = model._pruned({"ab": 10, "cd": 10}, set("abcd"), 5)
    assert set(pruned.log_probs) == {"a", "b", "c", "d", "ab"}


@pytest.mark.parametrize(
    "call",
    [
        lambda: WordPiece([]),
        lambda: WordPiece.train({}, 1),
        lambda: WordPiece.train({"a": 0}, 1),
        lambda: WordPiece.train({"a": 1}, -1),
        lambda: Unigram({}),
        lambda: Unigram({"": 0.0}),
        lambda: Unigram({"a": 0.0}).encode("b"),
        lambda: Unigram.train({}, 3),
        lambda: Unigram.train({"abc": 1}, 2),
        lambda: Unigram.train({"abc": 1}, 3, keep=1.0),
        lambda: Unigram.train({"abc": 1}, 3, keep=0.0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
