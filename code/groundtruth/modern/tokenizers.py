"""From text to whole numbers and back: one number per character, and byte-pair encoding learned
from the text.

Read with book/capstones/gpt.md.

Byte-pair encoding is Sennrich, Haddow and Birch (2016), on bytes as in Radford et al. (2019): every
text has a spelling, none is unknown. The numbers of single bytes follow GPT-2's order, so that its
merges can be compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

# numbers that \\d does not know and \\w takes for letters: superscripts, fractions, Roman numerals
_NUMERALS = "".join(
    chr(code)
    for code in range(0x20000)  # there are none beyond
    if unicodedata.category(chr(code)) in ("No", "Nl")
)
_SPACE = r"[^\S\x1c-\x1f]"  # what Unicode calls white space: Python adds four separators
_LETTER = rf"[^\W\d_{_NUMERALS}]"
_NUMBER = rf"[\d{_NUMERALS}]"
_SIGN = r"(?:[^\s\w]|[_\x1c-\x1f])"
# English contractions, a word, a number or a run of signs, each with the space before it; then
# white space: GPT-2's pattern, whose classes are Unicode's letters and numbers
WORDS = re.compile(
    rf"'(?:[sdmt]|ll|ve|re)| ?{_LETTER}+| ?{_NUMBER}+| ?{_SIGN}+"
    rf"|{_SPACE}+(?![\S\x1c-\x1f])|{_SPACE}+"
)
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
            position, strange = next((i, c) for i, c in enumerate(text) if c not in self._number)
            raise ValueError(
                f"{strange!r} at position {position} is not in the alphabet of {len(self)}"
                " characters; leave it out, or use byte pairs, which spell every text"
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
        repeated = [pair for pair, times in Counter(self.merges).items() if times > 1]
        if repeated:
            raise ValueError(f"merge {repeated[0]} is given twice; keep the first of them")
        self._rank = {pair: m for m, pair in enumerate(self.merges)}
        self._encoded: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, count: int) -> BytePairs:
        """Learn `count` merges: again and again the pair that stands together most often becomes a
        token.

        Pairs do not cross words. Of pairs that are equally frequent the one with the smaller
        numbers is taken. Counts of pairs change only
        where a merge happens: the cost follows the letters of the text's different words, and not
        their number times the merges. Fewer merges come back when no pair is left.

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
        learner = _Learner([_bytes_of(word) for word in words], list(words.values()))
        merges: list[Pair] = []
        while len(merges) < count:
            pair = learner.most_frequent()
            if pair is None:
                break
            learner.merge(pair, 256 + len(merges))
            merges.append(pair)
        return cls(merges)

    def __len__(self) -> int:
        return len(self._spelling)

    def encode(self, text: str) -> list[int]:
        """Token numbers of a text: in each word the earliest learned merge first."""
        tokens: list[int] = []
        for word in WORDS.findall(text):
            if word not in self._encoded:
                self._encoded[word] = self._word(_bytes_of(word))
            tokens += self._encoded[word]
        return tokens

    def _word(self, word: list[int]) -> list[int]:
        """Apply the merges to the bytes of a word, the earliest learned first, from the left."""
        chain = _Chain(word)
        queue = [
            (self._rank[pair], i) for i, pair in enumerate(pairwise(word)) if pair in self._rank
        ]
        heapify(queue)
        while queue:
            rank, i = heappop(queue)
            if self._rank.get(chain.pair(i)) != rank:  # a neighbor was merged in the meantime
                continue
            chain.join(i, 256 + rank)
            for left in (chain.before[i], i):
                pair = chain.pair(left)
                if pair in self._rank:
                    heappush(queue, (self._rank[pair], left))
        return chain.tokens()

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


def _bytes_of(word: str) -> list[int]:
    """The bytes of a word by their numbers; half of a surrogate pair has none."""
    try:
        return [NUMBER[byte] for byte in word.encode()]
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{word[error.start]!r} is half of a surrogate pair and not a character; decode the"
            " text with errors='replace'"
        ) from None


NO_PAIR = (-1, -1)


class _Chain:
    """Tokens in a row of which two neighbors become one in constant time."""

    def __init__(self, tokens: Sequence[int]) -> None:
        n = len(tokens)
        self.token = list(tokens)  # -1 where a token was absorbed by the one on its left
        self.before = list(range(-1, n - 1))
        self.after = [*range(1, n), -1]

    def pair(self, i: int) -> Pair:
        """The token at i and its neighbor on the right."""
        if i < 0 or self.token[i] < 0 or self.after[i] < 0:
            return NO_PAIR
        return self.token[i], self.token[self.after[i]]

    def join(self, i: int, token: int) -> None:
        """Replace the pair at i by one token."""
        absorbed = self.after[i]
        following = self.after[absorbed]
        self.token[i] = token
        self.token[absorbed] = -1
        self.after[i] = following
        if following >= 0:
            self.before[following] = i

    def tokens(self) -> list[int]:
        return [token for token in self.token if token >= 0]


class _Learner:
    """Counts of all pairs in a corpus, changed only where a merge happens.

    All words lie in one chain, cut between words; each position has the weight of its word.
    """

    def __init__(self, words: Sequence[Sequence[int]], times: Sequence[int]) -> None:
        self.chain = _Chain([token for word in words for token in word])
        self.weight = [n for word, n in zip(words, times, strict=True) for _ in word]
        end = 0
        for word in words:
            end += len(word)
            self.chain.after[end - 1] = -1
            if end < len(self.weight):
                self.chain.before[end] = -1
        self.count: Counter[Pair] = Counter()
        self.places: defaultdict[Pair, set[int]] = defaultdict(set)
        for i in range(len(self.weight)):
            self._add(i, 1)
        self.heap = [(-n, pair) for pair, n in self.count.items()]
        heapify(self.heap)

    def _add(self, i: int, sign: int) -> Pair:
        """Count the pair at i in (+1) or out (-1)."""
        pair = self.chain.pair(i)
        if pair == NO_PAIR:
            return pair
        self.count[pair] += sign * self.weight[i]
        if sign > 0:
            self.places[pair].add(i)
        else:
            self.places[pair].discard(i)
        return pair

    def most_frequent(self) -> Pair | None:
        """The pair that stands together most often; of equals the one with the smaller numbers."""
        while self.heap:
            n, pair = heappop(self.heap)
            if self.count[pair] == -n:
                return pair
            if self.count[pair] > 0:  # counted before other merges: back to where it belongs now
                heappush(self.heap, (-self.count[pair], pair))
        return None

    def merge(self, pair: Pair, new: int) -> None:
        """Replace every occurrence of the pair, from the left, by one token."""
        changed: set[Pair] = set()
        for i in sorted(self.places[pair]):
            if self.chain.pair(i) != pair:  # it overlapped with the one before
                continue
            left = self.chain.before[i]
            right = self.chain.after[i]
            self._add(left, -1)
            self._add(i, -1)
            self._add(right, -1)
            self.chain.join(i, new)
            changed.add(self._add(left, 1))
            changed.add(self._add(i, 1))
        del self.count[pair]
        del self.places[pair]
        for fresh in changed - {pair, NO_PAIR}:
            if self.count[fresh] > 0:
                heappush(self.heap, (-self.count[fresh], fresh))


def _check(tokens: Sequence[int], size: int) -> None:
    for token in tokens:
        if not 0 <= token < size:
            raise ValueError(f"token {token} is not in a vocabulary of {size}")
