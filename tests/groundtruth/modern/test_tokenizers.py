"""Claims of groundtruth.modern.tokenizers, against Hugging Face tokenizers and against every text
hypothesis can think of.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

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


def test_training_counts_as_recounting_from_scratch_does():
    """The bookkeeping of pairs against the plain algorithm: count all pairs again before every
    merge.
    """
    text = SONNETS[:2000]
    words = [[BYTES.index(b) for b in word.encode()] for word in tokenizers.WORDS.findall(text)]
    merges = []
    for m in range(60):
        counts: dict = {}
        for word in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = [joined(word, best, 256 + m) for word in words]
    assert BytePairs.train(text, 60).merges == merges


def test_fewer_merges_come_back_when_no_pair_is_left():
    assert BytePairs.train("ab", 10).merges == [(BYTES.index(ord("a")), BYTES.index(ord("b")))]


@pytest.mark.parametrize("tokenizer", [Characters("abc"), BytePairs.train("abc abc", 2)])
def test_a_state_makes_the_same_tokenizer(tokenizer):
    again = tokenizers.load(tokenizer.state())
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
