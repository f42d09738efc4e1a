"""A text read in pieces, never whole: what `corpora.split` returns, for texts larger than memory.

Read with `book/capstones/gpt.md`.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clikit.errors import Exit, UserError

from projects import corpora

PIECE = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class Survey:
    """What one pass over a corpus counts.

    Attributes
    ----------
    name : str, the path that was given
    paths : tuple of Path, the documents that are not empty, in order
    characters : int, of the documents joined to one text
    digest : str, SHA-256 of the documents
    stamps : tuple of (bytes, time of the last change), one for each document
    """

    name: str
    paths: tuple[Path, ...]
    characters: int
    digest: str
    stamps: tuple[tuple[int, int], ...]

    def check(self) -> None:
        """Raise a UserError when a document was written to since the pass."""
        for path, stamp in zip(self.paths, self.stamps, strict=True):
            if not path.is_file() or _stamp(path) != stamp:
                raise UserError(
                    f"{path} changed while the corpus was read",
                    "start again when nothing writes to it any more",
                    Exit.USAGE,
                )


def size(name: str) -> int:
    """Bytes of the files of a corpus given by its path; 0 for one with a name."""
    if name in corpora.NAMES:
        return 0
    return sum(path.stat().st_size for path in corpora.paths(Path(name)))


def survey(name: str) -> Survey:
    """Read every document of a corpus given by its path once.

    Raises
    ------
    UserError
        When there is no such path, nothing in it, or text that is not UTF-8.
    """
    digest = hashlib.sha256()
    paths: list[Path] = []
    stamps: list[tuple[int, int]] = []
    total = 0
    for path in corpora.paths(Path(name)):
        stamp = _stamp(path)
        length = 0
        for piece in stripped(path):
            length += len(piece)
            digest.update(piece.encode())
        if length:
            digest.update(b"\0%d\0" % length)  # where a document ends
            total += length
            paths.append(path)
            stamps.append(stamp)
    if not paths:
        raise corpora.empty(name)
    total += 2 * (len(paths) - 1) + 1  # two line breaks between documents, one at the end
    return Survey(name, tuple(paths), total, digest.hexdigest(), tuple(stamps))


def part(found: Survey, held_out: bool) -> Iterator[str]:
    """The text to train on, or the one held out, in pieces: joined, what `corpora.split` returns.

    Parameters
    ----------
    found : Survey of the corpus
    held_out : bool, which of the two
    """
    if len(found.paths) >= corpora.EVERY:
        yield from _joined(corpora.apart(found.paths)[held_out])
        return
    cut = found.characters * (corpora.EVERY - 1) // corpora.EVERY
    position = 0
    for piece in _joined(found.paths):
        inside = min(max(cut - position, 0), len(piece))  # characters before the cut
        position += len(piece)
        yield piece[inside:] if held_out else piece[:inside]


def documents(found: Survey, held_out: bool) -> Iterator[Iterator[str]]:
    """The documents to train on, or those held out, each in pieces, with nothing between them.

    Raises
    ------
    UserError
        When there are fewer than ten.
    """
    corpora.check_documents(found.name, len(found.paths))
    return map(stripped, corpora.apart(found.paths)[held_out])


def _joined(paths: list[Path] | tuple[Path, ...]) -> Iterator[str]:
    for i, path in enumerate(paths):
        if i:
            yield "\n\n"
        yield from stripped(path)
    yield "\n"


def stripped(path: Path) -> Iterator[str]:
    """The text of a file in pieces, without white space around it."""
    begun = False
    space = ""  # white space that is dropped unless something follows
    for piece in _decoded(path):
        piece = space + piece if begun else piece.lstrip()
        text = piece.rstrip()
        space = piece[len(text) :]
        if text:
            begun = True
            yield text


def _decoded(path: Path) -> Iterator[str]:
    """The text of a file in pieces; every line break is a line feed."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    breaks = io.IncrementalNewlineDecoder(None, translate=True)
    position = 0  # of the first byte that is not decoded
    with open(path, "rb") as handle:
        while True:
            raw = handle.read(PIECE)
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                raise corpora.not_utf8(path, position + error.start) from None
            position = handle.tell() - len(decoder.getstate()[0])
            yield breaks.decode(text, final=not raw)
            if not raw:
                return


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns
