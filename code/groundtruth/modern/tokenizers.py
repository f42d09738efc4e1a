"""From text to whole numbers and back: one number a character, and byte-pair encoding learned from
the text.

Byte-pair encoding is Sennrich, Haddow and Birch (2016), on bytes as in Radford et al. (2019): every
text has a spelling, none is unknown. The numbers of single bytes follow GPT-2's order, so that its
merges can be compared.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

# English contractions, a word, a number or a run of signs, each with the space before it; then
# white space
WORDS = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
# printable bytes first, then the rest: the order in which GPT-2 numbers them
BYTES = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES += [b for b in range(256) if b not in set(BYTES)]
NUMBER = {byte: number for number, byte in enumerate(BYTES)}

Pair = tuple[int, int]


class Characters:
    """One token for each different character of a text.

    Parameters
    ----------
    alphabet : iterable of str
        The characters; repeats count once, the order is alphabetical.

    Raises
    ------
    ValueError
        When the alphabet is empty.

    Examples
    --------
    >>> t = Characters("banana")
    >>> t.encode("nab"), t.decode([1, 0])
    ([2, 0, 1], 'ba')
    """

    kind = "characters"

    def __init__(self, alphabet: Iterable[str]) -> None:
        self.alphabet = "".join(sorted(set(alphabet)))
        if not self.alphabet:
            raise ValueError("the alphabet is empty; give a text to take the characters from")
        self._number = {character: number for number, character in enumerate(self.alphabet)}

    def __len__(self) -> int:
        return len(self.alphabet)

    def encode(self, text: str) -> list[int]:
        """Token numbers of a text; ValueError names a character that is not in the alphabet and
        where it stands.
        """
        try:
            return [self._number[character] for character in text]
        except KeyError:
            place, strange = next((i, c) for i, c in enumerate(text) if c not in self._number)
            raise ValueError(
                f"{strange!r} at position {place} is not in the alphabet of {len(self)} characters;"
                " leave it out, or use byte pairs, which spell every text"
            ) from None

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token numbers; ValueError names one that is out of range."""
        _check(tokens, len(self))
        return "".join(self.alphabet[token] for token in tokens)

    def state(self) -> dict[str, object]:
        """Plain values from which `load` makes the same tokenizer."""
        return {"kind": self.kind, "alphabet": self.alphabet}


class BytePairs:
    """Byte-pair encoding: 256 bytes, and a token for each merge, in the order in which the merges
    were learned.

    Parameters
    ----------
    merges : sequence of (int, int)
        Merge number m joins two tokens below 256 + m into the token 256 + m.

    Raises
    ------
    ValueError
        When a merge joins tokens that do not exist before it.

    Examples
    --------
    >>> t = BytePairs.train("low low lower", 2)
    >>> [t.decode([256 + m]) for m in range(2)], t.encode("low")
    (['lo', 'low'], [257])
    """

    kind = "byte pairs"

    def __init__(self, merges: Sequence[Pair]) -> None:
        self.merges = [(int(a), int(b)) for a, b in merges]
        self._spelling = [bytes([byte]) for byte in BYTES]
        for m, (a, b) in enumerate(self.merges):
            if not (0 <= a < 256 + m and 0 <= b < 256 + m):
                raise ValueError(
                    f"merge {m} joins {a} and {b}; it may only join tokens below {256 + m}"
                )
            self._spelling.append(self._spelling[a] + self._spelling[b])
        self._rank = {pair: m for m, pair in enumerate(self.merges)}
        self._known: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, count: int) -> BytePairs:
        """Learn `count` merges: again and again the pair that stands together most often becomes a
        token.

        Pairs do not cross words. Of pairs that are equally frequent the one with the smaller
        numbers is taken. Counts are kept by pair and changed only where a merge happened: the cost
        follows the text's different words, not its length times the merges. Fewer merges come back
        when no pair is left.

        Raises
        ------
        ValueError
            When the count is negative or the text is empty.
        """
        if count < 0:
            raise ValueError(f"cannot learn {count} merges; give 0 or more")
        if not text:
            raise ValueError("the text is empty; there is nothing to learn merges from")
        words = Counter(WORDS.findall(text))
        spelled = [[NUMBER[b] for b in word.encode()] for word in words]
        often = list(words.values())
        pairs: Counter[Pair] = Counter()
        where: defaultdict[Pair, set[int]] = defaultdict(set)
        for i, word in enumerate(spelled):
            for pair in pairwise(word):
                pairs[pair] += often[i]
                where[pair].add(i)
        heap = [(-n, pair) for pair, n in pairs.items()]
        heapify(heap)
        merges: list[Pair] = []
        while heap and len(merges) < count:
            n, pair = heappop(heap)
            if pairs[pair] != -n:  # counted before other merges: put it back where it belongs now
                if pairs[pair] > 0:
                    heappush(heap, (-pairs[pair], pair))
                continue
            new = 256 + len(merges)
            merges.append(pair)
            changed: set[Pair] = set()
            for i in where.pop(pair):
                before = spelled[i]
                after = _merge(before, pair, new)
                for old in pairwise(before):
                    pairs[old] -= often[i]
                for fresh in pairwise(after):
                    pairs[fresh] += often[i]
                    where[fresh].add(i)
                    changed.add(fresh)
                spelled[i] = after
            del pairs[pair]
            for fresh in changed:
                if fresh != pair:
                    heappush(heap, (-pairs[fresh], fresh))
        return cls(merges)

    def __len__(self) -> int:
        return len(self._spelling)

    def encode(self, text: str) -> list[int]:
        """Token numbers of a text: in each word the earliest learned merge first."""
        tokens: list[int] = []
        for word in WORDS.findall(text):
            if word not in self._known:
                self._known[word] = self._word([NUMBER[b] for b in word.encode()])
            tokens += self._known[word]
        return tokens

    def _word(self, word: list[int]) -> list[int]:
        while len(word) > 1:
            best = min(pairwise(word), key=lambda pair: self._rank.get(pair, len(self.merges)))
            if best not in self._rank:
                break
            word = _merge(word, best, 256 + self._rank[best])
        return word

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token numbers; a cut through a character shows as U+FFFD; ValueError names a
        number out of range.
        """
        _check(tokens, len(self))
        return b"".join(self._spelling[token] for token in tokens).decode("utf-8", errors="replace")

    def state(self) -> dict[str, object]:
        """Plain values from which `load` makes the same tokenizer."""
        return {"kind": self.kind, "merges": [list(pair) for pair in self.merges]}


Tokenizer = Characters | BytePairs


def load(state: dict[str, object]) -> Tokenizer:
    """The tokenizer whose `state()` this is; ValueError when it is of neither kind, or not
    whole.
    """
    if not isinstance(state, dict):
        raise ValueError(
            f"the state of a tokenizer is a dictionary, got {type(state).__name__}; give what"
            " `state()` returned"
        )
    if state.get("kind") == Characters.kind:
        alphabet = state.get("alphabet")
        if not isinstance(alphabet, str):
            raise ValueError(
                f"the alphabet must be a text, got {alphabet!r}; give what `state()` returned"
            )
        return Characters(alphabet)
    if state.get("kind") == BytePairs.kind:
        merges = state.get("merges")
        if not isinstance(merges, (list, tuple)) or not all(
            isinstance(pair, (list, tuple))
            and len(pair) == 2
            and all(type(token) is int for token in pair)
            for pair in merges
        ):
            raise ValueError(
                "the merges must be pairs of whole numbers; give what `state()` returned"
            )
        return BytePairs([(a, b) for a, b in merges])
    raise ValueError(
        f"there is no tokenizer of kind {state.get('kind')!r}; known are {Characters.kind!r} and"
        f" {BytePairs.kind!r}"
    )


def _merge(word: list[int], pair: Pair, new: int) -> list[int]:
    """`word` with every occurrence of the pair, from the left, replaced by one token."""
    merged = []
    i = 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged


def _check(tokens: Sequence[int], size: int) -> None:
    for token in tokens:
        if not 0 <= token < size:
            raise ValueError(f"token {token} is not in a vocabulary of {size}")
