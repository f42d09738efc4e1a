"""A corpus on the disk gives the batches of one in memory, in bounded memory, and is made once."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from clikit import files
from clikit.errors import UserError
from groundtruth.modern.tokenizers import BytePairs, Characters
from hypothesis import given
from hypothesis import strategies as st
from projects import corpora, gpt, token_files
from projects.corpora import streams
from projects.runner import records
from projects.runner.cli import main
from projects.runner.settings import choose

from tests.bench import large_corpus as bench
from tests.conftest import ROOT

# what words can end with or go on after: contractions, separators that count as signs, wide letters
LETTERS = "a'rezZ9_ \n\t\r.\x1c\x1f\xa0é²漢😀\ufeff"
TEXTS = st.text(LETTERS, max_size=60)
SMALL = ["layers=1", "width=16", "heads=2", "context=8", "batch_size=4", "eval_windows=3"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GROUNDTRUTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def text(tmp_path) -> Path:
    """A text of 6,000 characters with line breaks of three kinds and letters of several bytes."""
    rng = random.Random(0)
    words = ["it's", "wasn't", "best", "of", "times,\r\n", "naïve\n\n", "漢字", "😀", "x² =\t4."]
    path = tmp_path / "my.txt"
    path.write_bytes(("\n " + " ".join(rng.choices(words, k=1200)) + " \n").encode())
    return path


def build(corpus: Path, large: bool, monkeypatch, *more: str) -> gpt.Language:
    monkeypatch.setattr(token_files, "IN_MEMORY", 0 if large else 10**9)
    sets = [*SMALL, f"corpus={corpus}", *more]
    return gpt.build(choose(gpt.Settings(), gpt.PRESETS, "smoke", sets))


def report(lines: list[str]):
    return lines.append


# -- the text in pieces ---------------------------------------------------------------------------


def joined(folder: Path) -> tuple[str, str]:
    found = streams.survey(str(folder))
    return "".join(streams.part(found, False)), "".join(streams.part(found, True))


@given(documents=st.lists(TEXTS, min_size=1, max_size=23), piece=st.integers(1, 7))
def test_a_text_in_pieces_is_split_as_one_in_memory(documents, piece, tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for i, document in enumerate(documents):
        (folder / f"{i:02}.txt").write_bytes(document.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "PIECE", piece)
        if not any(document.strip() for document in documents):
            with pytest.raises(UserError, match="is empty"):
                joined(folder)
            return
        assert joined(folder) == corpora.split(str(folder))


# few letters, so that a cut within a word or within white space often parts what is merged
WORDS = st.text("a' \n.\x1c\t", max_size=40)


@given(text=WORDS | TEXTS, cuts=st.lists(st.integers(0, 60), max_size=8), merges=st.integers(0, 40))
def test_tokens_of_pieces_are_those_of_the_whole_text(text, cuts, merges):
    learned = BytePairs.train(text * 2 or "a", merges)
    edges = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    for tokenizer in (learned, Characters(LETTERS)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(token_files, "STEP", 1)
            patch.setattr(token_files, "WORDS_KEPT", 2)
            parts = list(token_files.pieces_encoded(tokenizer, pieces))
        assert list(chain(*parts)) == tokenizer.encode(text)


@pytest.mark.parametrize(
    ("pieces", "cut"),
    [
        (["so we'", "r", "e here"], ["so", "", " we're", " here"]),
        (["a\n\n", "\n\n b"], ["a", "", "\n\n\n\n b"]),
    ],
)
def test_a_cut_waits_for_the_end_of_a_word_and_of_white_space(pieces, cut, monkeypatch):
    monkeypatch.setattr(token_files, "STEP", 1)
    text = "".join(pieces)
    tokenizer = BytePairs.train(text * 3, 20)
    parts = list(token_files.pieces_encoded(tokenizer, pieces))
    assert list(chain(*parts)) == tokenizer.encode(text)
    assert [tokenizer.decode(part) for part in parts] == cut


@pytest.mark.parametrize("end", [b"bc", b"", b"\xbd"])
def test_a_byte_that_is_not_utf8_is_named_by_its_position(tmp_path, monkeypatch, end):
    monkeypatch.setattr(streams, "PIECE", 4)
    path = tmp_path / "bad.txt"
    path.write_bytes("äöü".encode() + b"abc\xe4" + end)
    for read in (corpora.split, streams.survey):
        with pytest.raises(UserError, match=r"not UTF-8 text .byte 9."):
            read(str(path))


@pytest.mark.parametrize("change", [lambda p: p.write_text("other"), lambda p: p.unlink()])
def test_a_text_that_changes_while_it_is_encoded_is_refused(text, change, cache, monkeypatch):
    encode = token_files.pieces_encoded

    def slow(tokenizer, pieces):
        yield from encode(tokenizer, pieces)
        if text.exists():
            os.utime(text, (1, 1))

    monkeypatch.setattr(token_files, "pieces_encoded", slow)
    with pytest.raises(UserError, match=r"my\.txt changed while the corpus was read"):
        token_files.load(str(text), 0, None, report([]))
    assert not list(cache.rglob("*.bin"))
    found = streams.survey(str(text))
    change(text)
    with pytest.raises(UserError, match="changed while"):
        found.check()


# -- the same batches -----------------------------------------------------------------------------


@pytest.mark.parametrize("merges", [0, 40])
@pytest.mark.parametrize("files_of_text", [1, 12])
def test_batches_losses_and_state_are_those_of_tokens_in_memory(
    tmp_path, text, merges, files_of_text, monkeypatch
):
    whole = text.read_text(encoding="utf-8")
    folder = tmp_path / "texts"
    folder.mkdir()
    size = len(whole) // files_of_text
    for i in range(files_of_text):
        (folder / f"{i:02}.txt").write_text(whole[i * size : (i + 1) * size], encoding="utf-8")
    monkeypatch.setattr(streams, "PIECE", 50)
    monkeypatch.setattr(token_files, "STEP", 90)
    memory, disk = (
        build(folder, large, monkeypatch, f"merges={merges}") for large in (False, True)
    )
    assert isinstance(memory.train, torch.Tensor)
    assert isinstance(disk.train, token_files.Tokens)
    assert disk.train.array.dtype == np.uint16
    for step in (0, 1, 50):
        for ours, theirs in zip(disk.batch(step), memory.batch(step), strict=True):
            assert ours.dtype == theirs.dtype == torch.int64
            assert torch.equal(ours, theirs)
    assert torch.equal(disk.held_out[:], memory.held_out[:])
    assert disk.state() == memory.state()
    cpu = torch.device("cpu")
    assert disk.evaluate(disk.model, cpu) == memory.evaluate(memory.model, cpu)
    assert disk.extras(disk.model.eval(), cpu) == memory.extras(memory.model.eval(), cpu)


@pytest.mark.parametrize(("vocabulary", "dtype"), [(1 << 16, np.uint16), (65_537, np.uint32)])
def test_a_vocabulary_above_65536_takes_32_bits(tmp_path, vocabulary, dtype):
    path = tmp_path / "wide.txt"
    characters = [chr(code) for code in range(0x21, 0x11000) if not 0xD800 <= code < 0xE000]
    path.write_text("".join(characters[: vocabulary - 1]), encoding="utf-8")  # and a line break
    encoded = token_files.load(str(path), 0, None, report([]))
    assert len(encoded.tokenizer) == vocabulary
    assert encoded.train.array.dtype == dtype
    tokens = torch.cat([encoded.train[:], encoded.held_out[:]]).tolist()
    assert encoded.tokenizer.decode(tokens) == "".join(corpora.split(str(path)))
    assert max(tokens) == vocabulary - 1


def test_small_texts_and_named_corpora_leave_no_files(text, cache, monkeypatch):
    assert streams.size("stdlib") == 0
    assert streams.size(str(text)) == text.stat().st_size
    build(text, False, monkeypatch)
    assert not cache.exists()


# -- made once ------------------------------------------------------------------------------------


def test_a_corpus_is_encoded_once_for_each_text_and_tokenizer(text, cache):
    lines: list[str] = []
    first = token_files.load(str(text), 0, None, report(lines))
    moved = text.rename(text.with_name("moved.txt"))
    again = token_files.load(str(moved), 0, None, report(lines))
    assert len(lines) == 1
    assert lines[0].startswith(f"encoding the text of {text} into {cache}")
    assert again.digest == first.digest
    token_files.load(str(moved), 20, None, report(lines))
    token_files.load(str(moved), 0, BytePairs([]), report(lines))
    moved.write_text(moved.read_text() + "!")
    token_files.load(str(moved), 0, None, report(lines))
    assert len(lines) == 4
    assert len(list(cache.rglob("tokens.json"))) == 4


def test_a_run_that_is_resumed_reads_what_it_encoded(text, tmp_path, monkeypatch):
    monkeypatch.setattr(token_files, "IN_MEMORY", 0)
    out = str(tmp_path / "run")
    sets = [word for pair in [*SMALL, "steps=2", f"corpus={text}"] for word in ("--set", pair)]
    begun = CliRunner().invoke(main, ["run", "gpt", *sets, "--out", out, "--device", "cpu"])
    assert begun.exit_code == 0, begun.output
    assert "encoding the text" in begun.output
    resumed = CliRunner().invoke(main, ["resume", out, "--set", "steps=3"])
    assert resumed.exit_code == 0, resumed.output
    assert "encoding" not in resumed.output
    text.write_text("another text, " * 500)
    refused = CliRunner().invoke(main, ["resume", out, "--set", "steps=4"])
    assert "the corpus of the run" in refused.output + str(refused.exception)


CHILD = """
import sys
from projects import token_files
encoded = token_files.load(sys.argv[1], 0, None, lambda line: print(line, flush=True))
print(encoded.digest)
"""


def test_of_processes_that_start_together_one_encodes_and_the_others_wait(tmp_path):
    text = tmp_path / "long.txt"
    text.write_text("to be or not to be " * 100_000)
    command = [sys.executable, "-c", CHILD, str(text)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "code")}
    started = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [process.communicate()[0] for process in started]
    assert sum("encoding the text" in output for output in outputs) == 1
    assert len({output.splitlines()[-1] for output in outputs}) == 1


# -- bad luck -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "train.bin").unlink(),
        lambda folder: (folder / "held_out.bin").write_bytes(b""),
        lambda folder: (folder / "train.bin").write_bytes(b"odd"),
        lambda folder: os.truncate(folder / "train.bin", 100),
        lambda folder: flip(folder / "held_out.bin"),
        lambda folder: flip(folder / "tokens.json"),
        lambda folder: (folder / "tokens.json").write_text("{}"),
    ],
)
def test_damaged_files_are_reported_and_made_again(text, cache, damage):
    lines: list[str] = []
    first = token_files.load(str(text), 0, None, report(lines)).digest
    [folder] = (path.parent for path in cache.rglob("tokens.json"))
    damage(folder)
    again = token_files.load(str(text), 0, None, report(lines))
    assert [line.startswith("encoding") for line in lines] == [True, False, True]
    assert again.digest == first == token_files.digest(again.train, again.held_out)
    _, message, _ = lines
    assert message.endswith("damaged: the text is encoded again")
    assert str(folder) in message


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_a_full_disk_is_told_with_the_way_out_and_leaves_nothing(text, cache, monkeypatch):
    written = files.write_with

    def full(path, write, fix=files.DISK_FIX):
        if path.name != "held_out.bin":
            return written(path, write, fix)
        raise files.disk_error(path, OSError(errno.ENOSPC, "No space left on device"), fix)

    monkeypatch.setattr(files, "write_with", full)
    with pytest.raises(UserError, match=r"held_out\.bin: No space left") as caught:
        token_files.load(str(text), 0, None, report([]))
    assert "GROUNDTRUTH_CACHE" in caught.value.fix
    assert not list(cache.rglob("*.bin"))
    monkeypatch.undo()
    monkeypatch.setenv("GROUNDTRUTH_CACHE", str(cache))
    token_files.load(str(text), 0, None, report([]))


def test_a_cache_that_cannot_be_made_is_told(text, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GROUNDTRUTH_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="cannot write") as caught:
        token_files.load(str(text), 0, None, report([]))
    assert "GROUNDTRUTH_CACHE" in caught.value.fix


@pytest.mark.parametrize("named", [None, "base"])
def test_the_cache_lies_where_caches_lie(text, tmp_path, monkeypatch, named):
    monkeypatch.delenv("GROUNDTRUTH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if named:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / named))
    token_files.load(str(text), 0, None, report([]))
    base = tmp_path / named if named else tmp_path / "home" / ".cache"
    assert list((base / "groundtruth" / "tokens").rglob("tokens.json"))


# -- memory ---------------------------------------------------------------------------------------


def mapped_pages() -> int:
    """Bytes of files in the memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile")) << 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_pages_that_were_read_leave_the_memory(tmp_path):
    path = tmp_path / "train.bin"
    path.write_bytes(bytes(32 << 20))
    tokens = token_files.Tokens(path, "<u2")
    before = mapped_pages()
    token_files.digest(tokens)
    assert mapped_pages() - before < 8 << 20


LIMITED = """
import resource, sys
import numpy as np, torch
from projects import gpt, token_files
from projects.runner.settings import choose
torch.set_num_threads(1)
torch.randint(9, (9,)); torch.nn.Linear(9, 9)(torch.zeros(1, 9)).sum().backward()
sets = [f"corpus={sys.argv[1]}", *sys.argv[4:]]
settings = choose(gpt.Settings(), gpt.PRESETS, "smoke", sets)
token_files.IN_MEMORY = int(sys.argv[2])
before = int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1]) << 10
limit = before + int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
task = gpt.build(settings)
for step in range(5):
    task.loss(task.model, task.batch(step)).backward()
print(len(task.train) + len(task.held_out))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA is enforced on Linux")
@pytest.mark.parametrize("merges", [0, 5])
def test_a_text_larger_than_the_memory_that_is_left_can_be_trained_on(tmp_path, merges):
    """Data memory is limited to what the process has after its imports and twice the bytes of the
    text; tokens in memory take eight bytes per character, and fail.
    """
    text = tmp_path / "large.txt"
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(1, 9))) for _ in range(5000)]
    text.write_text(" ".join(rng.choices(words, k=30_000_000 // 6)))
    size = text.stat().st_size
    limit = size * 2
    env = {**os.environ, "PYTHONPATH": str(ROOT / "code"), "OMP_NUM_THREADS": "1"}

    def run(in_memory: int) -> subprocess.CompletedProcess[str]:
        words = [str(text), str(in_memory), str(limit), *SMALL, f"merges={merges}"]
        command = [sys.executable, "-c", LIMITED, *words]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    disk = run(0)
    assert disk.returncode == 0, disk.stderr[-500:]
    assert merges or int(disk.stdout) == size + 1
    memory = run(10**9)
    assert memory.returncode != 0
    assert "MemoryError" in memory.stderr


# -- the recorded run -----------------------------------------------------------------------------


def test_the_bench_takes_each_text_once_and_records_a_run(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(token_files, "IN_MEMORY", 0)
    monkeypatch.setitem(bench.SETTINGS, "merges", 5)
    source = tmp_path / "source"
    source.mkdir()
    rng = random.Random(0)
    for i in range(30):
        words = rng.choices(["to", "be", "or", "not", "that"], k=150)
        (source / f"{i}.py").write_text(" ".join(words))
    (source / "copy.py").write_text((source / "0.py").read_text())
    (source / "blank.py").write_text("\n")
    (source / "latin.py").write_bytes(b"\xe4")
    (source / "picture.svg").write_text("no source")
    paths = bench.different([source, source])
    assert len(paths) == 30
    bench.link(paths, tmp_path / "corpus")
    card = bench.record(tmp_path / "corpus", cache, tmp_path / "run", steps=2)
    assert card["documents"] == 30
    assert card["text_bytes"] == sum(path.stat().st_size for path in paths)
    assert card["disk_bytes"] == 2 * card["tokens"]
    assert card["settings"]["steps"] == 2
    assert card["before"]["bits_per_byte"] > card["after"]["bits_per_byte"]


def test_the_published_run_had_less_memory_than_its_text_takes():
    card = records.read_card("_assets/results/gpt-large-corpus.json")
    assert card["disk_bytes"] == 2 * card["tokens"]
    assert card["digest"].startswith(f"{card['tokens']:,} tokens")
    assert 8 * card["tokens"] > 3e6 * card["limit_mb"]
    assert card["after"]["bits_per_byte"] < card["before"]["bits_per_byte"]
    for key, value in bench.SETTINGS.items():
        assert card["settings"][key] == value
