"""Byte-pair encoding of one megabyte beside the `tokenizers` library, as ratios from one run."""

from __future__ import annotations

from groundtruth.modern.tokenizers import BytePairs
from projects import corpora
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tests.bench.timing import ratio

MERGES = 1000


def text(size: int = 1_000_000) -> str:
    """The first characters of the standard library's source."""
    return "\n\n".join(corpora.documents("stdlib"))[:size]


def theirs(sample: str) -> Tokenizer:
    """A byte-level tokenizer with as many merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + MERGES,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([sample], trainer)
    return tokenizer


def main() -> None:
    sample = text()
    quotient = ratio(lambda: BytePairs.train(sample, MERGES), lambda: theirs(sample), 5)
    size = len(sample.encode())
    print(f"BPE, {MERGES} merges of {size:,} bytes: time ratio {quotient:.2f} (at most 4)")
    mine = BytePairs.train(sample, MERGES)
    other = theirs(sample)
    assert mine.encode(sample[:20_000]) == other.encode(sample[:20_000]).ids


if __name__ == "__main__":
    main()
