"""A corpus larger than memory: encoded once, in pieces, into a file that batches are read from.

Tokens are 16-bit numbers (32-bit for a vocabulary above 65,536) in a folder of the cache, named by
a digest of the text and of what the tokenizer depends on: a run, one that resumes it and another
process find what the first of them encoded. The cache is the folder in `GROUNDTRUTH_CACHE`,
otherwise `groundtruth` in `XDG_CACHE_HOME` or `~/.cache`; its folders may be deleted. Read with
`book/capstones/gpt.md`.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clikit import files
from clikit.errors import UserError
from groundtruth.modern import tokenizers
from groundtruth.modern.tokenizers import BytePairs, Characters, Tokenizer
from torch import Tensor

from projects import corpora, special_tokens
from projects.corpora import streams
from projects.corpora.streams import Survey
from projects.special_tokens import DocumentTokenizer, TextTokenizer

FORMAT = 1  # of the files, and of what a tokenizer makes of a text
IN_MEMORY = 8_000_000  # bytes of text whose tokens are held in memory as 64-bit numbers
LEARNED = 2_000_000  # characters of the training text from which byte pairs are learned
STEP = 1 << 20  # characters that are encoded at a time
WORDS_KEPT = 16  # times that is done before the tokenizer forgets the words it has encoded
DAY = 86_400.0  # seconds that a process waits for another to encode
STRETCH = 1 << 20  # tokens read at a time for a digest
PARTS = ("train", "held_out")
FIX = "free some space, or set GROUNDTRUTH_CACHE to a folder that can be written, and start again"
PLACE = re.compile(r".*\S(?=[ \n])", re.DOTALL)  # up to the last word that white space follows


class Tokens:
    """Tokens in a file, of which only those that are asked for come into memory.

    Parameters
    ----------
    path : Path
    dtype : str, "<u2" or "<u4"

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "train.bin"
    >>> _ = path.write_bytes(np.array([3, 1, 4, 1, 5], "<u2").tobytes())
    >>> Tokens(path, "<u2")[torch.tensor([[0, 2], [1, 4]])]
    tensor([[3, 4],
            [1, 5]])
    """

    def __init__(self, path: Path, dtype: str) -> None:
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.array = np.frombuffer(self.map, dtype)

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        """The tokens of a slice, or those at indices of any shape, as 64-bit numbers."""
        chosen = self.array[index.numpy() if isinstance(index, Tensor) else index]
        tokens = torch.from_numpy(chosen.astype(np.int64))
        if hasattr(mmap, "MADV_DONTNEED"):  # pages that were read count as memory until they go
            self.map.madvise(mmap.MADV_DONTNEED)
        return tokens


@dataclass(frozen=True)
class Encoded:
    """A corpus on the disk.

    Attributes
    ----------
    tokenizer : Tokenizer, with the special token if documents end with it
    train, held_out : Tokens
    held_out_bytes : int, of the held-out text as UTF-8; no token that ends a document has any
    digest : str, number and SHA-256 of the tokens, as `digest` returns it
    """

    tokenizer: TextTokenizer
    train: Tokens
    held_out: Tokens
    held_out_bytes: int
    digest: str


def load(
    name: str,
    merges: int,
    tokenizer: Tokenizer | None,
    report: Callable[[str], None],
    ends: bool = False,
) -> Encoded:
    """The tokens of a corpus given by its path; encoded now if no process has done so before.

    Of several processes that ask for the same corpus at once, one encodes it and the others wait.

    Parameters
    ----------
    name : str, path of a text file or of a folder of them
    merges : int, byte-pair merges to learn; 0: one token per character
    tokenizer : Tokenizer that is given, or None to learn one
    report : function that is told what takes time, and of damage
    ends : bool, whether a special token follows every document in place of a blank line between two

    Raises
    ------
    UserError
        When the text cannot be read or changes meanwhile, when it has too few documents for
        `ends`, or when the cache cannot be written.
    """
    found = streams.survey(name)
    if ends:
        corpora.check_documents(name, len(found.paths))
    kind = tokenizer.state() if tokenizer else {"merges": merges, "learned from": LEARNED}
    key = [FORMAT, found.digest, kind] + (["ends"] if ends else [])
    folder = _cache() / files.sha(key)[:32]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.disk_error(folder, error, FIX) from error
    lock = folder.with_name(f"{folder.name}.lock")
    with files.lock(lock, report, wait_s=DAY, holder="run"):
        encoded = _open(folder, report)
        if encoded is None:
            report(f"encoding the text of {name} into {folder}")
            ordinary = tokenizer or _learned(found, merges)
            _encode(found, DocumentTokenizer(ordinary) if ends else ordinary, folder)
            encoded = _open(folder, report)
        if encoded is None:
            raise UserError(f"{folder} does not hold what was written to it", FIX)
    return encoded


def learn(train: str, characters: Iterable[str], merges: int) -> Tokenizer:
    """Byte pairs of the beginning of the training text, or with no merges one token per character.

    Parameters
    ----------
    train : str, the training text or its first `LEARNED` characters
    characters : iterable of str, those of the whole corpus
    merges : int
    """
    if merges:
        return BytePairs.train(train[:LEARNED], merges)
    return Characters(characters)


def digest(*parts: Tensor | Tokens) -> str:
    """Number and SHA-256 of tokens, as 64-bit numbers."""
    total = hashlib.sha256()
    for tokens in parts:
        for start in range(0, len(tokens), STRETCH):
            total.update(tokens[start : start + STRETCH].numpy().tobytes())
    return f"{sum(map(len, parts)):,} tokens, sha256 {total.hexdigest()}"


def pieces_encoded(tokenizer: Tokenizer, pieces: Iterable[str]) -> Iterator[list[int]]:
    """Tokens of a text that comes in pieces: joined, those of the whole text.

    Byte pairs do not cross words, so the text is cut only where a word has ended for certain:
    before a space or a line break, and after no other white space. A word without end is held
    until it ends.
    """
    by_words = isinstance(tokenizer, BytePairs)
    text = ""
    times = 0
    for piece in pieces:
        text += piece
        if len(text) < STEP:
            continue
        end = len(text)
        if by_words:
            place = PLACE.match(text)
            end = place.end() if place else 0
        yield tokenizer.encode(text[:end])
        text = text[end:]
        times += 1
        if by_words and times % WORDS_KEPT == 0:  # it remembers every word: memory is bounded so
            tokenizer = tokenizers.load(tokenizer.state())
    yield tokenizer.encode(text)


def documents_encoded(
    tokenizer: DocumentTokenizer, documents: Iterable[Iterable[str]]
) -> Iterator[list[int]]:
    """Tokens of documents that come in pieces: joined, those of `encode_documents`."""
    ordinary = tokenizer.ordinary
    characters = 0

    def counted(pieces: Iterable[str]) -> Iterator[str]:
        nonlocal characters
        for piece in pieces:
            characters += len(piece)
            yield piece

    for pieces in documents:
        yield from pieces_encoded(ordinary, counted(pieces))
        yield [tokenizer.end]
        if characters >= STEP * WORDS_KEPT:  # as within one text, words are forgotten in time
            ordinary = tokenizers.load(ordinary.state())
            characters = 0


def _cache() -> Path:
    named = os.environ.get("GROUNDTRUTH_CACHE")
    if named:
        return Path(named) / "tokens"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "groundtruth" / "tokens"


def _learned(found: Survey, merges: int) -> Tokenizer:
    beginning = ""
    characters: set[str] = set()
    for held_out in (False, True):
        for piece in streams.part(found, held_out):
            if merges and (held_out or len(beginning) >= LEARNED):
                break
            if merges:
                beginning += piece
            else:
                characters |= set(piece)
    return learn(beginning, characters, merges)


def _encode(found: Survey, tokenizer: TextTokenizer, folder: Path) -> None:
    """Write train.bin, held_out.bin and, last, tokens.json, without which the others count for
    nothing.
    """
    dtype = "<u2" if len(tokenizer) <= 1 << 16 else "<u4"
    text_bytes = dict.fromkeys(PARTS, 0)

    def fill(handle: Any, name: str) -> None:
        def counted(pieces: Iterable[str]) -> Iterator[str]:
            for piece in pieces:
                text_bytes[name] += len(piece.encode())
                yield piece

        held_out = name == "held_out"
        if isinstance(tokenizer, DocumentTokenizer):
            documents = map(counted, streams.documents(found, held_out))
            parts = documents_encoded(tokenizer, documents)
        else:
            parts = pieces_encoded(tokenizer, counted(streams.part(found, held_out)))
        for tokens in parts:
            handle.write(np.array(tokens, dtype=dtype).tobytes())

    try:
        for name in PARTS:
            files.write_with(folder / f"{name}.bin", partial(fill, name=name), FIX)
        found.check()
    except BaseException:  # one part alone is of no use, and may have filled the disk
        for name in PARTS:
            (folder / f"{name}.bin").unlink(missing_ok=True)
        raise
    written = [Tokens(folder / f"{name}.bin", dtype) for name in PARTS]
    about = {
        "dtype": dtype,
        "held_out_bytes": text_bytes["held_out"],
        "digest": digest(*written),
        "tokenizer": tokenizer.state(),
    }
    files.write_json(folder / "tokens.json", about)


def _open(folder: Path, report: Callable[[str], None]) -> Encoded | None:
    """What a folder of the cache holds; None when it is not complete, or damaged."""
    if not (folder / "tokens.json").exists():
        return None
    about = files.read_json(folder / "tokens.json")
    if about is None:
        report(f"{folder / 'tokens.json'} is damaged: the text is encoded again")
        return None
    try:
        train, held_out = (Tokens(folder / f"{name}.bin", about["dtype"]) for name in PARTS)
        intact = digest(train, held_out) == about["digest"]
    except (OSError, ValueError):  # missing, empty, or half of a token too long
        intact = False
    if not intact:
        report(f"the tokens in {folder} are damaged: the text is encoded again")
        return None
    tokenizer = special_tokens.load(about["tokenizer"])
    return Encoded(tokenizer, train, held_out, about["held_out_bytes"], about["digest"])
