"""WordPiece and unigram tokenizers against the `tokenizers` library and enumeration."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from groundtruth.modern import subword_tokenizers
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


def likelihood(table, word):
    """Sum over all spellings of the products of their probabilities."""
    options = (s for s in spellings(word) if all(p in table for p in s))
    return sum(math.exp(sum(table[p] for p in s)) for s in options)


def likeliest(table, word):
    options = [s for s in spellings(word) if all(p in table for p in s)]
    return max(options, key=lambda s: sum(table[p] for p in s))


def uses_of(table, counts):
    uses = dict.fromkeys(table, 0.0)
    for word, n in counts.items():
        for s in spellings(word):
            if all(p in table for p in s):
                share = math.exp(sum(table[p] for p in s)) / likelihood(table, word)
                for piece in s:
                    uses[piece] += n * share
    return uses


def shares_of(uses, characters):
    """Unused pieces vanish, characters have a thousandth of a use at least."""
    used = {
        piece: max(n, 0.001) if piece in characters else n
        for piece, n in uses.items()
        if piece in characters or n > 1e-6
    }
    return {piece: math.log(n / sum(used.values())) for piece, n in used.items()}


def unigram_by_enumeration(counts, size, longest, keep):
    """Training with every spelling written out, after the docstring of `Unigram.train`."""
    characters = {c for word in counts for c in word}
    found = Counter()
    for word, n in counts.items():
        for i in range(len(word)):
            for j in range(i + 1, len(word) + 1):
                if j - i <= longest:
                    found[word[i:j]] += n
    kept = {piece: n for piece, n in found.items() if n >= 2 or piece in characters}
    table = shares_of(kept, set())
    while True:
        for _ in range(2):
            table = shares_of(uses_of(table, counts), characters)
        if len(table) <= size:
            return table
        best = Counter()
        for word, n in counts.items():
            for piece in likeliest(table, word):
                best[piece] += n
        cost = {}
        for piece, value in table.items():
            if piece in characters:
                cost[piece] = math.inf
                continue
            others = {p: v for p, v in table.items() if p != piece}
            cost[piece] = best[piece] * (value - math.log(likelihood(others, piece)))
        most = max(size, math.floor(len(table) * keep))
        ranked = sorted(cost, key=lambda piece: (-cost[piece], piece))
        table = {piece: table[piece] for piece in ranked[:most]}


LETTERS = {"abcab": 4, "cab": 3, "bcbc": 5, "aab": 1, "db": 2}
RARE = {"xy": 50, "abcab": 4, "cab": 3, "bcbc": 5, "db": 2}


@pytest.mark.parametrize(
    ("size", "longest", "keep"), [(4, 8, 0.75), (6, 8, 0.5), (6, 2, 0.75), (9, 3, 0.9), (7, 1, 0.3)]
)
def test_unigram_training_is_that_by_enumeration(size, longest, keep):
    model = Unigram.train(LETTERS, size, longest, keep)
    expected = unigram_by_enumeration(LETTERS, size, longest, keep)
    assert model.log_probs == pytest.approx(expected)


@pytest.mark.parametrize(("size", "keep"), [(7, 0.95), (9, 0.9)])
def test_a_letter_that_stands_in_one_piece_only_keeps_a_thousandth_of_a_use(size, keep):
    model = Unigram.train(RARE, size, keep=keep)
    expected = unigram_by_enumeration(RARE, size, 8, keep)
    assert model.log_probs == pytest.approx(expected)
    assert model.log_probs["x"] == min(expected.values())
    assert math.exp(expected["x"] - expected["xy"]) == pytest.approx(0.001 / 50, rel=1e-3)


@pytest.mark.parametrize("word", ["ab", "aab", "aaa", "aaaaa", "abab"])
def test_of_equally_likely_spellings_the_choice_is_that_of_the_library(word):
    half = math.log(0.5)
    table = {"a": half, "b": half, "ab": 2 * half, "aa": 2 * half, "aab": 3 * half}
    theirs = Tokenizer(models.Unigram(list(table.items())))
    assert Unigram(table).encode(word) == theirs.encode(word).tokens


def test_pieces_have_at_most_eight_characters_and_three_quarters_stay_unless_told_otherwise():
    counts = {"abcdefghij": 3, "abcdefghi": 3, "abcdefgh": 9, "bcdefghij": 5, "fghij": 2}
    default = Unigram.train(counts, 14)
    assert default.log_probs == Unigram.train(counts, 14, 8, 0.75).log_probs
    many = Unigram.train(counts, 1000)
    assert max(map(len, many.log_probs)) == 8
    assert max(map(len, Unigram.train(counts, 1000, 9).log_probs)) == 9


def test_a_vocabulary_may_be_as_large_as_its_characters():
    model = Unigram.train({"aab": 3, "ab": 2}, 2)
    assert set(model.log_probs) == {"a", "b"}
    # three words with aab, two with ab: 8 letters a and 5 letters b
    assert math.exp(model.log_probs["a"]) == pytest.approx(8 / 13)
    with pytest.raises(ValueError, match="2 characters do not fit into 1 pieces"):
        Unigram.train({"aab": 3, "ab": 2}, 1)


def test_words_without_a_letter_or_with_a_count_of_zero_or_less_do_not_count():
    counts = {"ab": 3, "": 5, "xy": 0, "z": -1, "abc": 1}
    clean = {"ab": 3, "abc": 1}
    assert Unigram.train(counts, 4).log_probs == Unigram.train(clean, 4).log_probs
    assert WordPiece.train(counts, 2).vocabulary == WordPiece.train(clean, 2).vocabulary
    for nothing in ({"": 1}, {"a": 0, "b": -1}):
        with pytest.raises(ValueError, match="no word with a count above 0"):
            WordPiece.train(nothing, 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("merges", [0, 3, 30])
def test_wordpiece_training_equals_its_definition_on_random_words(merges, seed):
    rng = np.random.default_rng(seed)
    words = {"".join(rng.choice(list("abc"), rng.integers(1, 7))) for _ in range(12)}
    counts = {word: int(rng.integers(1, 6)) for word in sorted(words)}
    letters = sorted({c if i == 0 else "##" + c for w in counts for i, c in enumerate(w)})
    learned = wordpiece_by_definition(counts, merges)
    assert WordPiece.train(counts, merges).vocabulary == list(dict.fromkeys(letters + learned))


def test_equal_pairs_of_wordpiece_are_merged_in_alphabetical_order():
    assert WordPiece.train({"cd": 2, "ab": 2, "ef": 2}, 3).vocabulary[-3:] == ["ab", "cd", "ef"]


def test_repeated_pairs_of_a_word_are_merged_from_the_left():
    # x ##a ##a ##a: the pair of ##a stands twice but cannot be merged twice
    model = WordPiece.train({"xaaa": 1, "xb": 9, "yaaa": 1}, 1)
    assert model.vocabulary[-1] == "ya"  # 1 / (1 x 6) is more than 4 / (6 x 6) and 1 / (10 x 6)
    pieces = ["##a", "##a", "##a", "##b", "##a", "##a"]
    subword_tokenizers._join(pieces, ("##a", "##a"), "##aa")
    assert pieces == ["##aa", "##a", "##b", "##aa"]
    pieces = ["a", "##b"]
    subword_tokenizers._join(pieces, ("a", "##b"), "ab")
    assert pieces == ["ab"]
    subword_tokenizers._join(pieces, ("a", "##b"), "ab")
    assert pieces == ["ab"]


def test_a_vocabulary_keeps_the_first_of_repeated_pieces():
    assert WordPiece(["b", "a", "b", "##a"]).vocabulary == ["b", "a", "##a"]


def test_the_longest_piece_of_wordpiece_can_be_a_whole_word():
    model = WordPiece(["abcdef", "a", "##b", "##cdef"])
    assert model.encode("abcdef") == ["abcdef"]
    assert model.encode("abcdefb") == ["abcdef", "##b"]
    assert model.encode("abcde") == [UNKNOWN]
    assert model.encode("a") == ["a"]
    assert model.encode("") == []
    assert model.encode("ba") == [UNKNOWN]
    assert WordPiece(["##a"]).encode("a") == [UNKNOWN]


def test_a_continuation_as_long_as_the_longest_piece_is_found():
    assert WordPiece(["a", "##bcd"]).encode("abcd") == ["a", "##bcd"]


def test_a_word_with_no_spelling_has_probability_zero():
    model = Unigram({"a": math.log(0.5), "bc": math.log(0.5)})
    assert model.log_likelihood("b") == -math.inf
    assert model.log_likelihood("abc") == pytest.approx(math.log(0.25))
    assert model.log_likelihood("") == 0.0
    assert model.encode("") == []
    for word in ("b", "ab", "bca ", "c"):
        with pytest.raises(ValueError, match=f"'{word}' cannot be spelled"):
            model.encode(word)


def test_very_unlikely_words_keep_their_log_probability():
    model = Unigram({"a": -500.0, "aa": -1000.0})
    # aaa: a a a, a aa and aa a, each e^-1500
    assert model.log_likelihood("aaa") == pytest.approx(-1500 + math.log(3))
    assert model.expected({"aaa": 2}) == pytest.approx({"a": 10 / 3, "aa": 4 / 3})


def test_logs_are_added_without_overflow():
    add = subword_tokenizers._log_add
    assert add(math.log(2), math.log(3)) == pytest.approx(math.log(5))
    assert add(math.log(3), math.log(2)) == pytest.approx(math.log(5))
    assert add(800.0, 800.0) == pytest.approx(800 + math.log(2))
    assert add(-800.0, -801.0) == pytest.approx(-800 + math.log(1 + math.exp(-1)))
    assert add(-math.inf, -3.0) == add(-3.0, -math.inf) == -3.0
    assert add(-math.inf, -math.inf) == -math.inf


def test_shares_leave_out_what_is_not_used_and_keep_characters():
    """2 of a, 1 of bc; b is a character and has a thousandth, c was used less than 1e-6 times."""
    uses = {"a": 2.0, "bc": 1.0, "b": 0.0, "c": 1e-6, "d": 0.5}
    table = subword_tokenizers._normalized(uses, ["b", "d"])
    total = 2 + 1 + 0.001 + 0.5
    expected = {"a": 2 / total, "bc": 1 / total, "b": 0.001 / total, "d": 0.5 / total}
    assert {piece: math.exp(value) for piece, value in table.items()} == pytest.approx(expected)
    assert set(subword_tokenizers._normalized({"a": 1.0, "b": 1e-5})) == {"a", "b"}


def test_pruning_keeps_characters_and_of_equals_the_first_in_the_alphabet():
    """Neither ab nor cd is used, so both cost nothing."""
    table = {"ab": -9.0, "cd": -9.0, "a": -1.0, "b": -1.0, "c": -1.0, "d": -1.0}
    pruned = Unigram(table)._pruned({"abcd": 3}, set("abcd"), 5)
    assert pruned.log_probs == {piece: v for piece, v in table.items() if piece != "cd"}


def test_the_fraction_that_stays_is_rounded_down_but_not_below_the_size():
    """Nine pieces and a fraction of a half: four stay, or the five that are asked for."""
    counts = {"ab": 9, "cd": 7, "abcd": 2}
    assert len(Unigram.train(counts, 4, keep=0.5).log_probs) == 4
    assert len(Unigram.train(counts, 5, keep=0.5).log_probs) == 5
    assert len(Unigram.train(counts, 5, keep=0.01).log_probs) == 5
