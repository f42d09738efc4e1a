"""A token that no text contains: `<|endoftext|>`, which ends every document of a corpus.

It has a number of its own after those of the ordinary tokens, and is put between documents by
their boundaries, never by looking for its name in a text: a text that spells the name is encoded
as ordinary characters, so nobody can end a document from inside it. Read with
`book/capstones/gpt.md`. Source: Radford et al. (2019), whose GPT-2 has this one token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from groundtruth.modern import tokenizers
from groundtruth.modern.tokenizers import Tokenizer

END = "<|endoftext|>"


class DocumentTokenizer:
    """A tokenizer of texts, and one token more that ends a document.

    Parameters
    ----------
    ordinary : Tokenizer, of the texts

    Attributes
    ----------
    ordinary : Tokenizer
    end : int, the number of the special token: that of the ordinary tokens

    Examples
    --------
    >>> t = DocumentTokenizer(tokenizers.Characters("ab"))
    >>> t.encode_documents(["ab", "b"]), t.encode("ab"), t.decode([0, 2, 1])
    ([0, 1, 2, 1, 2], [0, 1], 'a<|endoftext|>b')
    """

    kind = "documents"

    def __init__(self, ordinary: Tokenizer) -> None:
        self.ordinary = ordinary
        self.end = len(ordinary)

    def __len__(self) -> int:
        return self.end + 1

    def encode(self, text: str) -> list[int]:
        """Ordinary tokens of a text, whatever it contains; ValueError as the ordinary tokenizer
        raises it.
        """
        return self.ordinary.encode(text)

    def encode_documents(self, documents: Iterable[str]) -> list[int]:
        """Tokens of documents, each followed by the special token."""
        return [token for text in documents for token in (*self.encode(text), self.end)]

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; the special one is spelled `<|endoftext|>`; ValueError names a
        number that is out of range.
        """
        return "".join(
            END * len(run) if special else self.ordinary.decode(run)
            for special, group in groupby(tokens, self.end.__eq__)
            if (run := list(group))
        )

    def state(self) -> dict[str, Any]:
        """Plain values from which `load` makes the same tokenizer."""
        return {"kind": self.kind, "ordinary": self.ordinary.state()}


TextTokenizer = Tokenizer | DocumentTokenizer


def load(state: dict[str, Any]) -> TextTokenizer:
    """The tokenizer whose `state()` this is, with a special token or without; ValueError when it is
    of no known kind, or not whole.
    """
    if isinstance(state, dict) and state.get("kind") == DocumentTokenizer.kind:
        return DocumentTokenizer(tokenizers.load(state.get("ordinary", {})))
    return tokenizers.load(state)


def end(tokenizer: Any) -> int | None:
    """The number of the token that ends a document; None in a vocabulary without one."""
    return tokenizer.end if isinstance(tokenizer, DocumentTokenizer) else None
