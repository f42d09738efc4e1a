"""Claims of the reader of folders of pictures, and what it refuses."""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from clikit.errors import UserError
from PIL import Image
from projects import folder_pictures
from projects.folder_pictures import read_folder, read_picture


def noise(seed: int, height: int = 10, width: int = 10) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def save(image: Image.Image, path: Path, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Ten pictures of cats and ten of dogs."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(10):
            save(noise(10 * label + number), tmp_path / name / f"{number}.png")
    return tmp_path


# -- what is read ---------------------------------------------------------------------------------


def test_every_picture_is_in_one_part_and_each_class_in_all(folder):
    data = read_folder(folder, 10, channels=3)
    assert data.names == ["cat", "dog"]
    counts = {part: torch.bincount(y).tolist() for part, (_, y) in data.parts.items()}
    assert counts == {"train": [7, 7], "test": [2, 2], "val": [1, 1]}
    read = {x.mul(255).byte().numpy().tobytes() for X, _ in data.parts.values() for x in X}
    written = {np.asarray(noise(seed)).transpose(2, 0, 1).copy().tobytes() for seed in range(20)}
    assert read == written
    X, y = data.parts["train"]
    cats = {np.asarray(noise(seed)).transpose(2, 0, 1).copy().tobytes() for seed in range(10)}
    for x, label in zip(X, y, strict=True):
        assert (x.mul(255).byte().numpy().tobytes() in cats) == (label == 0)


def test_copies_are_read_once_and_names_do_not_matter(folder):
    before = read_folder(folder, 10)
    for number in range(10):
        (folder / "cat" / f"copy{number}.PNG").write_bytes(
            (folder / "cat" / f"{number}.png").read_bytes()
        )
    (folder / "dog" / "3.png").rename(folder / "dog" / "another.png")
    (folder / "dog" / "notes.txt").write_text("not a picture")
    (folder / ".DS_Store").write_text("nor this")
    after = read_folder(folder, 10)
    assert after.digest == before.digest
    for part, (X, y) in before.parts.items():
        assert torch.equal(X, after.parts[part][0])
        assert torch.equal(y, after.parts[part][1])
    save(noise(99), folder / "dog" / "3.png")
    assert read_folder(folder, 10).digest != before.digest


def test_the_central_square_is_resized_whatever_the_shape(folder):
    wide = Image.new("RGB", (90, 30), "black")
    wide.paste("white", (30, 0, 60, 30))
    assert read_picture(save(wide, folder / "wide.png"), 6).tolist() == [[[1.0] * 6] * 6]
    high = wide.transpose(Image.Transpose.ROTATE_90)
    assert float(read_picture(save(high, folder / "high.png"), 6).min()) == 1.0
    thin = save(Image.new("L", (1_000_000, 1), 255), folder / "thin.png")
    assert read_picture(thin, 32, 3).shape == (3, 32, 32)


def test_resizing_averages_instead_of_skipping(folder):
    checkers = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8))
    small = read_picture(save(checkers, folder / "checkers.png"), 8)
    assert float((small - 0.5).abs().max()) < 0.02


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_gives_the_same_gray(mode, tmp_path):
    half = np.zeros((8, 8), dtype=np.uint8)
    half[:4] = 255
    image = Image.fromarray(half).convert("RGB")
    if mode == "I;16":
        image = Image.fromarray(half.astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    X = read_picture(save(image, tmp_path / "a.png"), 8, 3)
    assert torch.equal(X, torch.tensor(half).expand(3, 8, 8) / 255)


def test_transparent_pixels_are_white(tmp_path):
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert float(read_picture(save(clear, tmp_path / "a.png"), 8).min()) == 1.0


def test_a_camera_held_sideways_is_turned_upright(tmp_path):
    image = Image.new("L", (8, 8), 0)
    image.paste(255, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    X = read_picture(save(image, tmp_path / "a.jpg", exif=exif, quality=100), 8)
    assert float(X[0, :3].max()) < 0.1
    assert float(X[0, 5:].min()) > 0.9


# -- what is refused ------------------------------------------------------------------------------


def refused(folder: Path, *words: str, **options) -> None:
    with pytest.raises(UserError) as error:
        read_folder(folder, **{"size": 8, **options})
    assert error.value.fix
    for word in words:
        assert word in str(error.value)


def test_a_folder_that_is_missing_empty_or_a_file_is_refused(tmp_path):
    refused(tmp_path / "nowhere", "there is no folder", "nowhere")
    refused(tmp_path, "has 0 folders", "from 2 to")
    (tmp_path / "cat").mkdir()
    refused(tmp_path, "has 1 folders")
    (tmp_path / "dog").mkdir()
    refused(tmp_path, "cat has no pictures", "at least 5")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "cannot be read")


def test_pictures_in_wrong_places_are_refused(folder):
    save(noise(50), folder / "dog" / "puppies" / "a.png")
    refused(folder, "a class has folders inside", "puppies")
    (folder / "dog" / "puppies").rename(folder / "puppies")
    refused(folder, "'puppies' has 1 different pictures, fewer than 5")
    (folder / "puppies" / "a.png").rename(folder / "a.png")
    refused(folder, "outside of the folders of the classes", "a.png")


def test_kinds_that_are_not_read_are_named(folder):
    (folder / "dog" / "a.HEIC").write_bytes(b"")
    refused(folder, "of a kind other than PNG", "a.HEIC")
    (folder / "dog" / "a.HEIC").unlink()
    for path in (folder / "dog").iterdir():
        path.rename(path.with_suffix(".raw"))
    refused(folder, "dog has no pictures", ".raw")


def test_one_picture_in_two_classes_is_refused(folder):
    (folder / "dog" / "x.png").write_bytes((folder / "cat" / "4.png").read_bytes())
    refused(folder, "the same picture in two classes", "x.png", "4.png")


def damaged(kind: str, good: bytes) -> bytes:
    return {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "text": b"GIF89a is what this claims to be",
        "flipped": good[:60] + bytes(255 - b for b in good[60:90]) + good[90:],
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "flipped", "svg"])
def test_damaged_pictures_are_named(kind, folder):
    path = folder / "dog" / "7.png"
    path.write_bytes(damaged(kind, path.read_bytes()))
    refused(folder, "1 of 20 pictures cannot be read", "dog", "7.png is damaged or not a picture")


def test_many_damaged_pictures_are_counted(folder):
    for number in range(5):
        (folder / "dog" / f"{number}.png").write_bytes(b"damaged %d" % number)
    refused(folder, "5 of 20 pictures cannot be read", "and 2 more")


@pytest.mark.parametrize("side", [8_000, 10_000, 60_000])
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(side, folder):
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data
    (folder / "dog" / "bomb.png").write_bytes(bomb)
    refused(folder, "bomb.png has more than 50,000,000 pixels")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(folder):
    with (folder / "dog" / "sparse.png").open("wb") as handle:
        handle.truncate(folder_pictures.LARGEST_FILE + 1)
    refused(folder, "sparse.png has 64 MiB, more than 64")


def test_more_pictures_than_memory_are_refused_before_one_is_read(folder):
    (folder / "dog" / "7.png").write_bytes(b"")
    refused(
        folder,
        "20 pictures of 10000 x 10000 need 22.4 GiB",
        "smaller size",
        size=10_000,
        channels=3,
    )


def test_what_is_no_file_is_refused(folder):
    (folder / "dog" / "a.png").symlink_to(folder / "nowhere.png")
    refused(folder, "a.png is not a file, or a link to none")
    (folder / "dog" / "a.png").unlink()
    os.mkfifo(folder / "dog" / "b.png")
    refused(folder, "b.png is not a file")


@pytest.mark.parametrize("options", [{"size": 0}, {"channels": 2}])
def test_sizes_that_make_no_sense_are_the_callers_mistake(options, folder):
    with pytest.raises(ValueError, match="need size >= 1"):
        read_folder(folder, **{"size": 8, **options})


def test_a_single_picture_is_refused_with_its_name(tmp_path):
    with pytest.raises(UserError, match=r"a\.txt is not a picture file"):
        read_picture(tmp_path / "a.txt", 8)
    with pytest.raises(UserError, match=r"a\.png is not a file"):
        read_picture(tmp_path / "a.png", 8)
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(UserError, match="is damaged or not a picture"):
        read_picture(tmp_path / "a.png", 8)


def test_no_damage_ends_in_anything_but_a_message(tmp_path, monkeypatch):
    """A hundred files with bytes changed or cut."""
    monkeypatch.setattr(folder_pictures, "LARGEST_PICTURE", 10**6)
    rng = random.Random(0)
    goods = [
        save(noise(1, 20, 20), tmp_path / f"good{suffix}").read_bytes()
        for suffix in folder_pictures.FORMATS
    ]
    outcomes = set()
    for number in range(100):
        content = bytearray(goods[number % len(goods)])
        for _ in range(rng.randrange(1, 20)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path = tmp_path / f"bad{list(folder_pictures.FORMATS)[number % len(goods)]}"
        path.write_bytes(content[: rng.randrange(1, len(content) + 1)] if number % 3 else content)
        try:
            X = read_picture(path, 8, 3)
            assert X.shape == (3, 8, 8)
            assert bool(torch.isfinite(X).all())
            outcomes.add("read")
        except UserError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
