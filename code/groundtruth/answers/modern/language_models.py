"""Answers to exercises on language models.

Read with book/modern/language-models.md.
"""

from __future__ import annotations

from groundtruth.answers import Judge, numbers
from groundtruth.modern.kv_cache import Layout


def _memory() -> list[float]:
    """GB of weights, KiB of cache per token, sequences of 4,096 tokens."""
    layout = Layout(32, 8, 128)
    return [14.0, layout.bytes(1) / 1024, float((80e9 - 14e9) // layout.bytes(4096))]


def _aligned() -> list[float]:
    """Sums whose three numbers are cut at one power of ten, from the left and from the right."""
    b = range(1000, 100_000)
    left = sum(len(str(n)) == len(str(12_345 + n)) == 5 for n in b)
    return [float(left), float(len(b))]


ANSWERS: dict[str, Judge] = {
    "ex-language-encode": numbers(
        ("lower", "slower", "wore", "die"),
        lambda: [1.0, 2.0, 4.0, 6.0],
        {
            "the merge e r needs the e first; in wore the r comes first": [1.0, 2.0, 3.0, 6.0],
            "merges are applied again after each merge: low er becomes one token": [
                2.0,
                3.0,
                4.0,
                6.0,
            ],
            "perplexity is the exponential of the loss, not the loss": [1.0, 2.0, 4.0, 1.791759],
            "the s has no merge and stays a token of its own": [1.0, 1.0, 4.0, 6.0],
        },
        rtol=1e-4,
    ),
    "ex-language-memory": numbers(
        ("weights", "KiB per token", "sequences"),
        _memory,
        {
            "a key and a value are cached: twice the numbers": [14.0, 64.0, 245.0],
            "only the 8 key-value heads are cached, not 32": [14.0, 512.0, 30.0],
            "the weights take memory too": [14.0, 128.0, 149.0],
            "16 bits are two bytes": [7.0, 64.0, 271.0],
        },
        rtol=1e-6,
    ),
    "ex-language-mask": numbers(
        ("masked", "unmasked"),
        lambda: [1.0, 37 / 15],
        {
            "the first token is not predicted: 15 losses, not 16": [1.0, 2.5],
            "the masked mean divides by the tokens of the answer alone": [4 / 15, 37 / 15],
            "the loss of the prompt is masked, not that of the answer": [3.0, 37 / 15],
        },
        rtol=1e-3,
    ),
    "ex-language-numbers": numbers(
        ("left", "right"),
        _aligned,
        {
            "the sum can have six digits and is then cut elsewhere": [90_000.0, 99_000.0],
            "from the right every number is cut at 1,000": [77_655.0, 77_655.0],
        },
        rtol=1e-9,
    ),
}
