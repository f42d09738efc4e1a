"""WordPiece and the unigram tokenizer, learned from counts of words.

Read with book/modern/language-models.md.

WordPiece (Schuster and Nakajima, 2012) is trained here by the usual reconstruction, the ratio of a
pair's count to the product of the counts of its parts, and encodes by longest match; the unigram
tokenizer prunes a large vocabulary by expectation maximization (Kudo, 2018).
Byte-pair encoding is in `tokenizers`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

INSIDE = "##"
UNKNOWN = "[UNK]"


def _words(counts: Mapping[str, int]) -> dict[str, int]:
    words = {word: n for word, n in counts.items() if word and n > 0}
    if not words:
        raise ValueError("there is no word with a count above 0 to learn from")
    return words


class WordPiece:
    """A vocabulary of word beginnings, and of continuations that start with ##.

    Parameters
    ----------
    vocabulary : iterable of str, repeats count once

    Examples
    --------
    >>> w = WordPiece(["un", "##able", "##a", "##b"])
    >>> w.encode("unable"), w.encode("unx")
    (['un', '##able'], ['[UNK]'])
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        self.vocabulary = list(dict.fromkeys(vocabulary))
        if not self.vocabulary:
            raise ValueError("the vocabulary is empty")
        self._known = set(self.vocabulary)
        self._longest = max(len(piece) for piece in self.vocabulary)

    @classmethod
    def train(cls, counts: Mapping[str, int], merges: int) -> WordPiece:
        """Merge again and again the pair with the largest count(ab) / (count(a) count(b)).

        Of equal pairs the one that comes first in alphabetical order is merged. Fewer merges
        happen when no pair is left.

        Raises
        ------
        ValueError
            If there is no word, or the number of merges is negative.

        Examples
        --------
        >>> WordPiece.train({"ab": 1, "cb": 9, "cd": 9}, 1).vocabulary[-1]  # 1 / (1 x 10)
        'ab'
        """
        if merges < 0:
            raise ValueError(f"cannot merge {merges} times; give 0 or more")
        words = _words(counts)
        spelled = {w: [w[0], *(INSIDE + c for c in w[1:])] for w in words}
        vocabulary = sorted({piece for pieces in spelled.values() for piece in pieces})
        single: Counter[str] = Counter()
        double: Counter[tuple[str, str]] = Counter()
        places: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

        def count(word: str, sign: int) -> None:
            for piece in spelled[word]:
                single[piece] += sign * words[word]
            for pair in pairwise(spelled[word]):
                double[pair] += sign * words[word]
                places[pair].add(word)

        for word in words:
            count(word, 1)
        for _ in range(merges):
            present = [pair for pair, n in double.items() if n > 0]
            if not present:
                break
            best = min(present, key=lambda p: (-double[p] / (single[p[0]] * single[p[1]]), p))
            joined = best[0] + best[1].removeprefix(INSIDE)
            vocabulary.append(joined)
            for word in places.pop(best):  # some may have lost the pair since
                count(word, -1)
                _join(spelled[word], best, joined)
                count(word, 1)
        return cls(vocabulary)

    def encode(self, word: str) -> list[str]:
        """The longest known beginning, then the longest known continuation, and so on."""
        pieces = []
        start = 0
        while start < len(word):
            prefix = INSIDE if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                if prefix + word[start:end] in self._known:
                    break
            else:
                return [UNKNOWN]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces


def _join(pieces: list[str], pair: tuple[str, str], joined: str) -> None:
    """Replace each occurrence of a pair, from the left, in place."""
    i = 0
    while i < len(pieces) - 1:
        if (pieces[i], pieces[i + 1]) == pair:
            pieces[i : i + 2] = [joined]
        i += 1


class Unigram:
    """Pieces with probabilities; a word is spelled by the likeliest sequence of pieces.

    Parameters
    ----------
    log_probs : mapping from piece to log-probability

    Examples
    --------
    >>> u = Unigram({"a": math.log(0.5), "b": math.log(0.25), "ab": math.log(0.25)})
    >>> u.encode("ab"), round(math.exp(u.log_likelihood("ab")), 3)  # 0.25 + 0.5 x 0.25
    (['ab'], 0.375)
    """

    def __init__(self, log_probs: Mapping[str, float]) -> None:
        self.log_probs = dict(log_probs)
        if not self.log_probs or "" in self.log_probs:
            raise ValueError("pieces are strings of at least one character, at least one of them")
        self._longest = max(len(piece) for piece in self.log_probs)

    @classmethod
    def train(
        cls, counts: Mapping[str, int], size: int, longest: int = 8, keep: float = 0.75
    ) -> Unigram:
        """Begin with all frequent substrings and prune until `size` pieces are left.

        Two steps of expectation maximization, then the pieces are sorted by their expected count
        times the log-probability that their removal would cost; the best fraction `keep` stays,
        and so do single characters.

        Raises
        ------
        ValueError
            If there is no word, the size is below the number of characters, or `keep` is not a
            fraction below 1.

        Examples
        --------
        >>> u = Unigram.train({"low": 5, "lower": 2, "lowest": 3}, 8)
        >>> len(u.log_probs), u.encode("lower")
        (8, ['low', 'e', 'r'])
        """
        words = _words(counts)
        characters = {c for word in words for c in word}
        if size < len(characters):
            raise ValueError(f"{len(characters)} characters do not fit into {size} pieces")
        if not 0 < keep < 1:
            raise ValueError(f"the fraction that stays is between 0 and 1, got {keep}")
        found: Counter[str] = Counter()
        for word, n in words.items():
            for i in range(len(word)):
                for j in range(i + 1, min(len(word), i + longest) + 1):
                    found[word[i:j]] += n
        pieces = {p: float(n) for p, n in found.items() if n > 1 or p in characters}
        model = cls(_normalized(pieces))
        while True:
            for _ in range(2):
                model = cls(_normalized(model.expected(words), characters))
            if len(model.log_probs) <= size:
                return model
            model = model._pruned(words, characters, max(size, int(len(model.log_probs) * keep)))

    def expected(self, words: Mapping[str, int]) -> dict[str, float]:
        """Expected number of uses of each piece over all spellings of the words."""
        uses = dict.fromkeys(self.log_probs, 0.0)
        for word, n in words.items():
            forward = self._sums(word)
            backward = self._sums(word, reverse=True)
            for i, j, value in self._edges(word):
                uses[word[i:j]] += n * math.exp(forward[i] + value + backward[j] - forward[-1])
        return uses

    def log_likelihood(self, word: str) -> float:
        """Log-probability of a word, summed over all its spellings; -inf if it has none."""
        return self._sums(word)[-1]

    def encode(self, word: str) -> list[str]:
        """The likeliest spelling (Viterbi).

        Raises
        ------
        ValueError
            If the word has no spelling.
        """
        best = [0.0] + [-math.inf] * len(word)
        back = [0] * (len(word) + 1)
        for i, j, value in self._edges(word):
            if best[i] + value > best[j]:
                best[j] = best[i] + value
                back[j] = i
        if best[-1] == -math.inf:
            raise ValueError(f"{word!r} cannot be spelled with these pieces")
        pieces = []
        end = len(word)
        while end:
            pieces.append(word[back[end] : end])
            end = back[end]
        return pieces[::-1]

    def _edges(self, word: str) -> Iterable[tuple[int, int, float]]:
        """Start, end and log-probability of each piece in a word, by its start."""
        for i in range(len(word)):
            for j in range(i + 1, min(len(word), i + self._longest) + 1):
                value = self.log_probs.get(word[i:j])
                if value is not None:
                    yield i, j, value

    def _sums(self, word: str, reverse: bool = False) -> list[float]:
        """Log of the summed probability of all spellings up to, or from, each place."""
        total = [-math.inf] * (len(word) + 1)
        total[len(word) if reverse else 0] = 0.0
        edges = list(self._edges(word))
        if reverse:
            for i, j, value in reversed(edges):
                total[i] = _log_add(total[i], value + total[j])
        else:
            for i, j, value in edges:
                total[j] = _log_add(total[j], total[i] + value)
        return total

    def _pruned(self, words: Mapping[str, int], always: set[str], size: int) -> Unigram:
        """The model without the pieces whose loss is cheapest."""
        uses: Counter[str] = Counter()
        for word, n in words.items():
            for piece in self.encode(word):
                uses[piece] += n
        cost = {}
        for piece, value in self.log_probs.items():
            if piece in always:
                cost[piece] = math.inf
                continue
            others = Unigram({p: v for p, v in self._inside(piece).items() if p != piece})
            cost[piece] = uses[piece] * (value - others.log_likelihood(piece))
        best = sorted(cost, key=lambda piece: (-cost[piece], piece))[:size]
        return Unigram({piece: self.log_probs[piece] for piece in best})

    def _inside(self, word: str) -> dict[str, float]:
        return {word[i:j]: value for i, j, value in self._edges(word)}


def _log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) without overflow."""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _normalized(uses: Mapping[str, float], always: Iterable[str] = ()) -> dict[str, float]:
    """Log-probabilities of the pieces that are used; single characters never vanish."""
    floors = dict.fromkeys(always, 1e-3)
    used = {p: max(n, floors.get(p, 0.0)) for p, n in uses.items() if n > 1e-6 or p in floors}
    total = sum(used.values())
    return {piece: math.log(n / total) for piece, n in used.items()}
