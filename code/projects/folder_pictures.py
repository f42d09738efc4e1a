"""Pictures of your own: a folder with one subfolder per class, for `--set data=FOLDER`.

Each picture is cropped to its central square and resized. The split into training, validation and
test pictures depends on the content alone: copies of one file are read once, so that none is on
both sides of the split. Whatever cannot be read is refused by name before anything is trained, and
the size of a picture is known before its pixels are decoded. Read with `book/capstones/cnn.md`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from clikit.errors import Exit, UserError
from PIL import Image, ImageOps
from torch import Tensor

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}
KINDS = "PNG, JPEG, WebP, BMP"
NOT_READ = (".gif", ".tif", ".tiff", ".heic", ".heif", ".avif")
MODES = {1: "L", 3: "RGB"}  # Pillow's names for gray and for color
DEEP = ("I;16", "I;16L", "I;16B")  # 16 bits a pixel, which Pillow's convert would cut off at 255
LARGEST_FILE = 64 * 2**20  # bytes
LARGEST_PICTURE = 50_000_000  # pixels
TOO_MANY = f"has more than {LARGEST_PICTURE:,} pixels"
LARGEST_SET = 2 * 2**30  # bytes of all pictures as float32
MOST_CLASSES = 1000
FEWEST = 5  # different pictures of a class: three for training, one each to validate and to test
SHOWN = 3  # names in a message
PARTS = {"test": 0.2, "val": 0.1}  # fractions of each class; the others are for training


@dataclass(frozen=True)
class FolderPictures:
    """Pictures of a folder, read, resized and split.

    Attributes
    ----------
    names : list of str, the classes in alphabetical order
    parts : dict of `train`, `val`, `test` to pictures (n, C, size, size) from 0 to 1 and labels
        (n,), which count from 0 in the order of `names`
    digest : str, of names and contents: it changes when a picture does
    """

    names: list[str]
    parts: dict[str, tuple[Tensor, Tensor]]
    digest: str


def read_folder(folder: Path, size: int, channels: int = 1) -> FolderPictures:
    """Read a folder of pictures, one subfolder per class.

    Parameters
    ----------
    folder : Path
    size : int, pixels of the sides of the square to which each picture is cropped and resized
    channels : int, 1 for gray, 3 for color

    Raises
    ------
    ValueError
        For a size below 1, or channels other than 1 and 3.
    UserError
        When the folder is missing, has fewer than two classes, has pictures outside of its classes,
        has a class with fewer than five different pictures, a picture that is damaged or too large,
        the same picture in two classes, or more pictures than fit into two gigabytes.
    """
    if size < 1 or channels not in MODES:
        raise ValueError(f"need size >= 1 and channels of 1 or 3, got {size} and {channels}")
    files = {path.name: _pictures_of(path) for path in _classes(folder)}
    total = sum(len(paths) for paths in files.values())
    needed = total * channels * size * size * 4
    if needed > LARGEST_SET:
        raise UserError(
            f"{total:,} pictures of {size} x {size} need {needed / 2**30:.1f} GiB, more than "
            f"{LARGEST_SET / 2**30:.0f}",
            f"give a smaller size than size={size}, or fewer pictures",
            Exit.USAGE,
        )
    contents = _distinct(files)
    parts: dict[str, list[tuple[np.ndarray, int]]] = {name: [] for name in ("train", *PARTS)}
    damaged: list[str] = []
    for label, name in enumerate(files):
        for part, path in _split(contents[name]):
            try:
                parts[part].append((_read(path, size, channels), label))
            except _Unreadable as error:
                damaged.append(f"{path.relative_to(folder)} {error}")
    if damaged:
        raise _refusal(folder, f"{len(damaged)} of {total:,} pictures cannot be read", damaged)
    identity = "\n".join(f"{name} {key}" for name, found in contents.items() for key in found)
    return FolderPictures(
        list(files),
        {part: _tensors(examples) for part, examples in parts.items()},
        hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:16],
    )


class _Unreadable(Exception):
    """Why a picture cannot be read, to follow its name."""


# -- what is in the folder ------------------------------------------------------------------------


def _entries(folder: Path) -> Iterator[Path]:
    """Visible entries of a folder, by name."""
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise UserError(
            f"there is no folder {folder}",
            "give the folder that holds one folder of pictures per class",
            Exit.USAGE,
        ) from None
    except OSError as error:
        raise UserError(
            f"the folder {folder} cannot be read: {error.strerror}",
            "give a folder that you may read",
            Exit.USAGE,
        ) from None
    return (path for path in entries if not path.name.startswith("."))


def _classes(folder: Path) -> list[Path]:
    """The folders of the classes."""
    entries = list(_entries(folder))
    classes = [path for path in entries if path.is_dir()]
    loose = [path.name for path in entries if path.suffix.lower() in FORMATS and path.is_file()]
    if loose:
        raise _refusal(folder, "pictures lie outside of the folders of the classes", loose)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise UserError(
            f"{folder} has {len(classes):,} folders, and a classifier needs from 2 to "
            f"{MOST_CLASSES:,}, one for each class",
            f"arrange the pictures as {folder / 'CLASS' / 'PICTURE.png'}",
            Exit.USAGE,
        )
    return classes


def _pictures_of(folder: Path) -> list[Path]:
    """The picture files of one class; other files are passed over, folders refused."""
    entries = list(_entries(folder))
    nested = [path.name for path in entries if path.is_dir()]
    if nested:
        raise _refusal(folder, "a class has folders inside, and only its pictures are read", nested)
    unread = [path.name for path in entries if path.suffix.lower() in NOT_READ]
    if unread:
        raise _refusal(folder, f"some pictures are of a kind other than {KINDS}", unread)
    pictures = [path for path in entries if path.suffix.lower() in FORMATS]
    if not pictures:
        others = sorted({path.suffix for path in entries if path.suffix})[:SHOWN]
        raise UserError(
            f"the class {folder} has no pictures"
            + (f", but files of the kind {', '.join(others)}" if others else ""),
            f"put at least {FEWEST} pictures ({KINDS}) into it, or remove the folder",
            Exit.USAGE,
        )
    return pictures


def _distinct(files: dict[str, list[Path]]) -> dict[str, dict[str, Path]]:
    """For each class its pictures by the hash of their bytes, in the order of the hashes."""
    owner: dict[str, tuple[str, Path]] = {}
    contents: dict[str, dict[str, Path]] = {}
    for name, paths in files.items():
        by_hash: dict[str, Path] = {}
        for path in paths:
            key = _hash(path)
            if key in owner and owner[key][0] != name:
                raise UserError(
                    f"{path} and {owner[key][1]} are the same picture in two classes",
                    "delete the one whose class is wrong",
                    Exit.USAGE,
                )
            owner[key] = name, path
            by_hash[key] = path
        if len(by_hash) < FEWEST:
            raise UserError(
                f"the class {name!r} has {len(by_hash)} different pictures, fewer than {FEWEST}",
                "add pictures, or remove its folder",
                Exit.USAGE,
            )
        contents[name] = dict(sorted(by_hash.items()))
    return contents


def _hash(path: Path) -> str:
    """SHA-256 of a file of acceptable size."""
    if not path.is_file():
        raise UserError(f"{path} is not a file, or a link to none", "remove it", Exit.USAGE)
    try:
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise UserError(
                f"{path} has {size / 2**20:,.0f} MiB, more than {LARGEST_FILE / 2**20:.0f}",
                "save it smaller, or remove it",
                Exit.USAGE,
            )
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}",
            "correct its permissions, or remove it",
            Exit.USAGE,
        ) from None


def _split(by_hash: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """The part of each picture: the first hashes are for testing, the next for validation."""
    n = len(by_hash)
    test, val = (max(1, round(fraction * n)) for fraction in PARTS.values())
    for position, path in enumerate(by_hash.values()):
        if position < test:
            yield "test", path
        else:
            yield "val" if position < test + val else "train", path


# -- one picture ----------------------------------------------------------------------------------


def read_picture(path: Path, size: int, channels: int = 1) -> Tensor:
    """One picture (channels, size, size) with values from 0 to 1, prepared as those of a folder.

    Raises
    ------
    UserError
        When it is missing, damaged, too large or of another format.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path} is not a picture file", f"give one of: {KINDS}", Exit.USAGE)
    _hash(path)
    try:
        pixels = _read(path, size, channels)
    except _Unreadable as error:
        raise UserError(f"{path} {error}", "give another picture", Exit.USAGE) from None
    return torch.from_numpy(pixels).float() / 255


def _read(path: Path, size: int, channels: int) -> np.ndarray:
    """A picture cropped to its central square and resized, (channels, size, size), uint8."""
    try:
        with _opened(path) as image:
            width, height = image.size
            if width * height > LARGEST_PICTURE:
                raise _Unreadable(TOO_MANY)
            if image.format == "JPEG":
                image.draft(None, (size, size))  # decoded at a fraction of its size
            square = _square(ImageOps.exif_transpose(image), size, MODES[channels])
    except _Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _Unreadable(TOO_MANY) from None
    except Exception as error:  # Pillow raises what it likes on bad bytes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise _Unreadable(f"is damaged or not a picture ({reason})") from None
    return np.array(square, dtype=np.uint8).reshape(size, size, channels).transpose(2, 0, 1)


def _opened(path: Path) -> Image.Image:
    """The head of a picture; Pillow's warning of a bomb is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=sorted(set(FORMATS.values())))


def _square(image: Image.Image, size: int, mode: str) -> Image.Image:
    """The central square of an image, resized, in gray or color; transparent pixels are white."""
    if image.mode in DEEP:
        deep = np.asarray(image, dtype=np.uint16)
        image = Image.fromarray((deep // 257).astype(np.uint8))
    transparent = image.has_transparency_data
    image = image.convert("RGBA" if transparent else mode)
    side = min(image.size)
    left, top = ((length - side) // 2 for length in image.size)
    square = image.crop((left, top, left + side, top + side))
    image = square.resize((size, size), Image.Resampling.BILINEAR)
    if transparent:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def _tensors(examples: list[tuple[np.ndarray, int]]) -> tuple[Tensor, Tensor]:
    X = torch.from_numpy(np.stack([pixels for pixels, _ in examples])).float() / 255
    return X, torch.tensor([label for _, label in examples])


def _refusal(folder: Path, what: str, items: list[str]) -> UserError:
    """An error about several entries, the first of which are named."""
    more = f" and {len(items) - SHOWN:,} more" if len(items) > SHOWN else ""
    return UserError(
        f"in {folder} {what}: {', '.join(items[:SHOWN])}{more}",
        "move or remove them; each picture belongs into the folder of its class",
        Exit.USAGE,
    )
