"""Texts to train on, split by document: a document is held out whole or not at all.

Read with `book/capstones/gpt.md`.

That does not make it new: documents quote each other. `overlap` measures by how much.

`sonnets.txt` holds William Shakespeare's 154 sonnets (1609, public domain) in modern spelling, one
blank line between two; nothing else of it is anybody's. `echo` is made, not written: words without
meaning, each said again and again.
"""

from __future__ import annotations

import random
import string
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from clikit.errors import Exit, UserError, nearest

SENTENCE = "to be or not to be that is the question "
SUFFIXES = (".txt", ".md", ".py", ".rst")
T = TypeVar("T")
EVERY = 10  # one document in ten is held out
SKIPPED = frozenset(  # of the standard library
    ["site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "lib2to3"]
)


def split(name: str) -> tuple[str, str]:
    """The text to train on and the text held out, of a corpus by its name or of a file or folder by
    its path.

    Of many documents every tenth is held out; of a single text, the last tenth. `sentence` is the
    exception: forty characters repeated, the same for both, since nothing but memory is asked of a
    model there.

    Raises
    ------
    UserError
        When there is no such corpus or path, nothing in it, or text that is not UTF-8.
    """
    if name == "sentence":
        return SENTENCE * 100, SENTENCE * 5
    pieces = documents(name)
    if len(pieces) >= EVERY:
        train, held = apart(pieces)
        return "\n\n".join(train) + "\n", "\n\n".join(held) + "\n"
    text = "\n\n".join(pieces) + "\n"
    cut = len(text) * (EVERY - 1) // EVERY
    return text[:cut], text[cut:]


def apart(pieces: Sequence[T]) -> tuple[list[T], list[T]]:
    """The documents to train on and those held out, every tenth.

    Examples
    --------
    >>> apart("abcdefghijkl")[1]
    ['j']
    """
    held = [piece for i, piece in enumerate(pieces) if i % EVERY == EVERY - 1]
    return [piece for i, piece in enumerate(pieces) if i % EVERY != EVERY - 1], held


def check_documents(name: str, count: int) -> None:
    """Refuse a corpus whose documents are too few for some to be held out whole.

    Raises
    ------
    UserError
        With their number: the last tenth of a single text begins in the middle of it, and what is
        trained on would hold no end of a document.
    """
    if count < EVERY:
        raise UserError(
            f"ends=true marks where documents end and needs {EVERY} of them or more, since every "
            f"tenth is held out; the corpus {name!r} has {count}",
            "give a folder with one file per document, or --set corpus=sonnets, or leave it out: "
            "--set ends=false",
            Exit.USAGE,
        )


def documents(name: str) -> list[str]:
    """The documents of a corpus, in a fixed order, without white space around them."""
    if name in READERS:
        texts = READERS[name]()
    else:
        texts = [_read(path) for path in paths(Path(name))]
    texts = [text.strip() for text in texts if text.strip()]
    if not texts:
        raise empty(name)
    return texts


def empty(name: str) -> UserError:
    """The error of a corpus without text."""
    return UserError(
        f"the corpus {name!r} is empty",
        f"give a text file, or one of: {', '.join(NAMES)}",
        Exit.USAGE,
    )


def overlap(train: str, held_out: str, length: int = 50, count: int = 200) -> float:
    """Share of stretches of the held-out text that occur word for word in the training text.

    Parameters
    ----------
    train, held_out : str
    length : int >= 1, characters of a stretch
    count : int >= 1, stretches, evenly spaced over the held-out text

    Raises
    ------
    ValueError
        When the held-out text is shorter than a stretch, or one of the numbers is below 1.

    Examples
    --------
    >>> overlap("to be or not", "not to be", 3, 7)  # "not", "to ", "o b" and " be", of 7
    0.5714285714285714
    """
    if length < 1 or count < 1 or len(held_out) < length:
        raise ValueError(
            f"need a held-out text of at least one stretch, and a stretch and a count of at least "
            f"1, got {len(held_out)} characters, {length} and {count}"
        )
    last = len(held_out) - length
    starts = [i * last // max(count - 1, 1) for i in range(count)]
    return sum(held_out[i : i + length] in train for i in starts) / count


def _sonnets() -> list[str]:
    return (Path(__file__).parent / "sonnets.txt").read_text(encoding="utf-8").split("\n\n")


def _stdlib() -> list[str]:
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = [p for p in sorted(root.rglob("*.py")) if not SKIPPED & set(p.relative_to(root).parts)]
    return [p.read_text(encoding="utf-8", errors="replace") for p in paths]


def paths(path: Path) -> list[Path]:
    """The file itself, or the texts in a folder and in those below it, in a fixed order.

    Raises
    ------
    UserError
        When there is no such path, or no text in it.
    """
    if path.is_file():
        return [path]
    if path.is_dir():
        texts = [p for p in sorted(path.rglob("*")) if p.is_file() and p.suffix in SUFFIXES]
        if not texts:
            raise UserError(
                f"the folder {str(path)!r} holds no text",
                f"texts end in {', '.join(SUFFIXES)}",
                Exit.USAGE,
            )
        return texts
    raise UserError(
        f"there is no corpus, file or folder {str(path)!r}{nearest(str(path), NAMES)}",
        f"give the path of a text, or one of: {', '.join(NAMES)}",
        Exit.USAGE,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error.start) from None


def not_utf8(path: Path, byte: int) -> UserError:
    """The error of a file in another encoding, with the byte that shows it."""
    return UserError(
        f"{path} is not UTF-8 text (byte {byte})",
        "convert it, for example with iconv, or give another file",
        Exit.USAGE,
    )


def echoes(n: int, length: int = 40) -> list[str]:
    """n texts of `length` letters: a random word of 6 to 12 of the letters a to p, repeated, always
    the same ones.

    Nothing in them can be foreseen but the repetition: who knows no more than letter counts pays ln
    16 nats for each.

    Raises
    ------
    ValueError
        For fewer than one text, or a length in which nothing is repeated.
    """
    if n < 1 or length < 13:
        raise ValueError(f"need at least 1 text of 13 letters or more, got {n} of {length}")
    rng = random.Random(0)
    words = [
        "".join(rng.choices(string.ascii_lowercase[:16], k=rng.randint(6, 12))) for _ in range(n)
    ]
    return [(word * length)[:length] for word in words]


# every corpus with a name; a new one is one line here
READERS = {
    "sonnets": _sonnets,
    "sentence": lambda: [SENTENCE],
    "echo": lambda: echoes(4000),
    "stdlib": _stdlib,
}
NAMES = tuple(READERS)
