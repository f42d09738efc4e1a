"""Claims of groundtruth.modern.tokenizers, against Hugging Face tokenizers and against every text
hypothesis can think of.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from groundtruth.modern import tokenizers
from groundtruth.modern.tokenizers import BYTES, BytePairs, Characters
from hypothesis import given
from hypothesis import strategies as st

SONNETS = (Path(__file__).parents[3] / "code" / "projects" / "corpora" / "sonnets.txt").read_text()


@pytest.fixture(scope="module")
def learned():
    return BytePairs.train(SONNETS, 300)


def byte_level(count: int):
    """The reference, with the same pattern for words and the same alphabet."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    theirs = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(
        Regex(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
        "isolated",
    )
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=256 + count,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator([SONNETS], trainer)
    return theirs


def test_merges_and_tokens_are_those_of_the_tokenizers_library(learned):
    theirs = byte_level(300)
    for text in (SONNETS[:20_000], "Thou art 3 times fairer -- 'tis true!", "naïve café ☕ 東京"):
        assert learned.encode(text) == theirs.encode(text).ids
    assert theirs.get_vocab_size() == len(learned) == 556


@given(st.text())
def test_byte_pairs_spell_every_text(learned, text):
    assert learned.decode(learned.encode(text)) == text


@given(st.text(min_size=1))
def test_characters_spell_their_own_text(text):
    tokenizer = Characters(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) == len(set(text))


def test_each_merge_shortens_the_text_it_was_learned_from():
    lengths = [
        len(BytePairs.train(SONNETS[:5000], count).encode(SONNETS[:5000]))
        for count in (0, 1, 5, 50)
    ]
    assert lengths[0] == len(SONNETS[:5000].encode())
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) == 4


def joined(word, pair, new):
    """The word with every occurrence of the pair, from the left, replaced by one token."""
    result = []
    for token in word:
        result.append(token)
        if tuple(result[-2:]) == pair:
            result[-2:] = [new]
    return result


def words_of(text):
    return [[BYTES.index(b) for b in word.encode()] for word in tokenizers.WORDS.findall(text)]


def merges_by_recounting(text, count):
    """The plain algorithm: count all pairs again before every merge."""
    words = words_of(text)
    merges = []
    for m in range(count):
        counts = Counter()
        for word in words:
            counts.update(pairwise(word))
        if not counts:
            break
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))
        words = [joined(word, merges[-1], 256 + m) for word in words]
    return merges


def test_training_counts_as_recounting_from_scratch_does():
    """The bookkeeping of pairs against the plain algorithm."""
    text = SONNETS[:2000]
    assert BytePairs.train(text, 60).merges == merges_by_recounting(text, 60)


@pytest.mark.usefixtures("in_time")
def test_fewer_merges_come_back_when_no_pair_is_left():
    assert BytePairs.train("ab", 10).merges == [(BYTES.index(ord("a")), BYTES.index(ord("b")))]


@pytest.mark.parametrize("kind", [Characters, BytePairs])
def test_a_state_makes_the_same_tokenizer(kind):
    tokenizer = Characters("abc") if kind is Characters else BytePairs.train("abc abc", 2)
    again = tokenizers.load(tokenizer.state())
    assert type(again) is kind
    assert again.state() == tokenizer.state()
    assert again.encode("cab") == tokenizer.encode("cab")


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: Characters(""), "alphabet is empty"),
        (lambda: Characters("ab").encode("abz"), "'z' at position 2"),
        (lambda: Characters("ab").decode([2]), "token 2 is not in a vocabulary of 2"),
        (lambda: Characters("ab").decode([-1]), "token -1"),
        (lambda: BytePairs([]).decode([256]), "vocabulary of 256"),
        (lambda: BytePairs([(0, 256)]), "merge 0 joins 0 and 256"),
        (lambda: BytePairs.train("abc", -1), "-1 merges"),
        (lambda: BytePairs.train("", 1), "text is empty"),
        (lambda: tokenizers.load({"kind": "words"}), "no tokenizer of kind 'words'"),
    ],
)
def test_bad_input_is_told(do, message):
    with pytest.raises(ValueError, match=message):
        do()


def tokens_by_repeated_search(merges, text):
    """Again and again all occurrences of the earliest merge that a word holds, from the left."""
    tokens = []
    for word in words_of(text):
        while present := [m for m, pair in enumerate(merges) if pair in set(pairwise(word))]:
            word = joined(word, merges[present[0]], 256 + present[0])
        tokens += word
    return tokens


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("letters", ["a ", "ab ", "abc  ", "abcdefgh "])
@pytest.mark.parametrize("seed", range(6))
def test_runs_of_equal_letters_are_merged_from_the_left_and_ties_by_number(letters, seed):
    rng = np.random.default_rng(seed)
    text, other = ("".join(rng.choice(list(letters), 150)) for _ in range(2))
    tokenizer = BytePairs.train(text, 25)
    assert tokenizer.merges == merges_by_recounting(text, 25)
    for some in (text, other):
        assert tokenizer.encode(some) == tokens_by_repeated_search(tokenizer.merges, some)
        assert tokenizer.decode(tokenizer.encode(some)) == some


@pytest.mark.usefixtures("in_time")
def test_a_count_of_overlapping_pairs_is_that_of_their_places():
    """In aaaa the pair stands three times, in bcbc bc stands twice and cb once."""
    a, b, c = (BYTES.index(ord(x)) for x in "abc")
    assert BytePairs.train("aaaa bcbc", 2).merges == [(a, a), (b, c)]
    assert BytePairs.train("aaa bcbc", 1).merges == [(a, a)]  # 2 each; a is the smaller number


@pytest.mark.usefixtures("in_time")
def test_words_count_as_often_as_they_stand():
    a, b, c, d = (BYTES.index(ord(x)) for x in "abcd")
    assert BytePairs.train("ab\ncd\ncd\n", 1).merges == [(c, d)]
    assert BytePairs.train("ab\ncd\ncd\n", 2).merges == [(c, d), (a, b)]


@pytest.mark.usefixtures("in_time")
def test_no_pair_crosses_words():
    assert BytePairs.train("a\nb\na\nb", 5).merges == []


@pytest.mark.usefixtures("in_time")
def test_no_merge_leaves_the_bytes():
    tokenizer = BytePairs.train("abab", 0)
    assert tokenizer.merges == []
    assert len(tokenizer) == 256
    assert tokenizer.encode("é") == [BYTES.index(b) for b in "é".encode()]
    assert tokenizer.encode("") == []


@pytest.mark.usefixtures("in_time")
def test_the_same_word_is_spelled_alike_again():
    tokenizer = BytePairs.train("abc abc abd", 3)
    once = tokenizer.encode("abc")
    assert tokenizer.encode("abc\nabc") == once + tokenizer.encode("\n") + once
    tokenizer.encode("abc").append(7)
    assert tokenizer.encode("abc") == once


def test_a_cut_through_a_character_shows_as_the_replacement_character():
    tokens = BytePairs([]).encode("é")
    assert BytePairs([]).decode(tokens[:1]) == "\ufffd"
    assert BytePairs([]).decode(tokens) == "é"


def test_a_token_spells_both_of_its_parts():
    a, b = BYTES.index(ord("a")), BYTES.index(ord("b"))
    tokenizer = BytePairs(np.array([[a, b], [256, 256], [257, a]]))
    assert [tokenizer.decode([t]) for t in (256, 257, 258)] == ["ab", "abab", "ababa"]
    assert tokenizer.merges == [(a, b), (256, 256), (257, a)]
    assert all(type(number) is int for pair in tokenizer.merges for number in pair)
    assert len(tokenizer) == 259


def test_states_are_plain_values():
    assert Characters("cab").state() == {"kind": "characters", "alphabet": "abc"}
    assert BytePairs([(1, 2), (256, 3)]).state() == {
        "kind": "byte pairs",
        "merges": [[1, 2], [256, 3]],
    }


def test_a_state_that_went_through_json_makes_the_same_tokenizer():
    for tokenizer in (Characters("hello"), BytePairs.train("hello hello", 3)):
        again = tokenizers.load(json.loads(json.dumps(tokenizer.state())))
        assert type(again) is type(tokenizer)
        assert again.state() == tokenizer.state()
    pairs = tokenizers.load({"kind": "byte pairs", "merges": ((1, 2),)})
    assert pairs.merges == [(1, 2)]
    assert tokenizers.load({"kind": "byte pairs", "merges": []}).merges == []


def test_a_merge_may_join_the_tokens_before_it_and_no_others():
    assert len(BytePairs([(0, 255), (256, 256), (7, 0)])) == 259
    for merges in ([(-1, 0)], [(0, -1)], [(256, 0)], [(0, 256)], [(0, 1), (257, 0)]):
        m, (a, b) = len(merges) - 1, merges[-1]
        with pytest.raises(ValueError, match=f"merge {m} joins {a} and {b}.*below {256 + m}"):
            BytePairs(merges)


def test_a_merge_is_given_once():
    with pytest.raises(ValueError, match=r"merge \(3, 4\) is given twice"):
        BytePairs([(1, 2), (3, 4), (2, 1), (3, 4)])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "is a dictionary, got NoneType"),
        ([("kind", "characters")], "is a dictionary, got list"),
        ({}, "no tokenizer of kind None"),
        ({"kind": "characters"}, "alphabet must be a text, got None"),
        ({"kind": "characters", "alphabet": ["a"]}, "alphabet must be a text"),
        ({"kind": "characters", "alphabet": ""}, "alphabet is empty"),
        ({"kind": "byte pairs"}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": "ab"}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": {(1, 2): 3}}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": [(1, 2), 3]}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": [(1, 2, 3)]}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": [(1,)]}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": [(1, 2.0)]}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": [(True, 2)]}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": ["ab"]}, "merges must be pairs"),
        ({"kind": "byte pairs", "merges": [b"ab"]}, "merges must be pairs"),
    ],
)
def test_a_state_that_is_not_whole_is_told(state, message):
    with pytest.raises(ValueError, match=message):
        tokenizers.load(state)


@pytest.mark.parametrize(
    "call",
    [
        lambda: BytePairs([]).encode("ok \ud800"),
        lambda: BytePairs.train("ok \ud800", 1),
    ],
    ids=["encode", "train"],
)
def test_half_of_a_surrogate_pair_is_told(call):
    with pytest.raises(ValueError, match=r"'\\ud800' is half of a surrogate pair"):
        call()


def test_numbers_of_tokens_end_before_the_size_of_the_vocabulary():
    assert BytePairs([]).decode([0, 255]) == bytes([BYTES[0], BYTES[255]]).decode(errors="replace")
    assert Characters("ab").decode([]) == ""
    for token in (-1, 256):
        with pytest.raises(ValueError, match=f"token {token} is not in a vocabulary of 256"):
            BytePairs([]).decode([0, token])


def test_a_strange_character_is_named_with_its_first_place():
    with pytest.raises(ValueError, match="'y' at position 1 is not in the alphabet of 2"):
        Characters("ab").encode("ayzy")


def test_a_chain_of_tokens_by_hand():
    chain = tokenizers._Chain([5, 6, 7, 8])
    assert [chain.pair(i) for i in range(4)] == [(5, 6), (6, 7), (7, 8), tokenizers.NO_PAIR]
    assert chain.pair(-1) == tokenizers.NO_PAIR
    chain.join(1, 9)  # 5 9 . 8
    assert chain.tokens() == [5, 9, 8]
    assert [chain.pair(i) for i in range(4)] == [
        (5, 9),
        (9, 8),
        tokenizers.NO_PAIR,
        tokenizers.NO_PAIR,
    ]
    assert chain.before[3] == 1
    chain.join(1, 4)  # 5 4 . .
    assert chain.tokens() == [5, 4]
    assert chain.pair(1) == tokenizers.NO_PAIR
    chain.join(0, 3)
    assert chain.tokens() == [3]


def test_a_chain_keeps_token_zero_and_the_given_list():
    tokens = [0, 1, 0]
    chain = tokenizers._Chain(tokens)
    assert chain.pair(0) == (0, 1)
    assert chain.tokens() == [0, 1, 0]
    chain.join(0, 2)
    assert tokens == [0, 1, 0]
    assert chain.pair(0) == (2, 0)
    assert tokenizers._Chain([]).tokens() == []
