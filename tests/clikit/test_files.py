"""Files are complete or absent, damage is detected, and one process at a time holds a lock."""

import errno
import os
import subprocess
import sys
import threading
import time

import pytest
from clikit import files
from clikit.errors import Exit, UserError

FULL = OSError(errno.ENOSPC, "No space left on device")


def _raise_full(*_):
    raise FULL


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write_atomic(path, "old")
    monkeypatch.setattr(os, "fsync", _raise_full)
    with pytest.raises(UserError, match="No space left on device") as caught:
        files.write_atomic(path, "new")
    assert "free some space" in caught.value.fix
    assert caught.value.code is Exit.ENVIRONMENT
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_is_reported_whatever_error_the_writer_makes_of_it(tmp_path):
    class Full:
        def write(self, data):
            raise FULL

        def flush(self):
            pass

    def write(handle):
        handle.handle = Full()
        try:
            handle.write(b"x")
        except OSError:
            raise RuntimeError("unexpected pos 64 vs 0") from None

    with pytest.raises(UserError, match="No space left on device"):
        files.write_with(tmp_path / "a", write)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_writer_itself_is_not_taken_for_a_full_disk(tmp_path):
    def write(handle):
        raise ValueError("a fault of the program")

    with pytest.raises(ValueError, match="a fault of the program"):
        files.write_with(tmp_path / "a", write)
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_is_read_back(tmp_path):
    value = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json") == value


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t[:-5],
        lambda t: t.replace("1", "2", 1),
        lambda t: "",
        lambda t: t + "more",
        lambda t: "\0" * len(t),
    ],
    ids=["cut", "changed digit", "empty", "longer", "zeros"],
)
def test_a_damaged_file_counts_as_missing(tmp_path, damage):
    path = tmp_path / "x.json"
    files.write_json(path, {"a": 1, "digits": list(range(10))})
    path.write_text(damage(path.read_text()))
    assert files.read_json(path) is None


def test_a_missing_file_is_none(tmp_path):
    assert files.read_json(tmp_path / "no.json") is None


def test_an_unwritable_folder_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        files.write_atomic(tmp_path / "file" / "below", "x")


def test_the_second_holder_waits_for_the_first(tmp_path):
    messages = []
    order = []
    inside = threading.Event()

    def first():
        with files.lock(tmp_path / "lock", messages.append):
            inside.set()
            threading.Event().wait(0.4)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with files.lock(tmp_path / "lock", messages.append):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert any(str(os.getpid()) in text for text in messages)


def test_a_holder_that_hangs_is_named_after_the_wait(tmp_path):
    with (
        files.lock(tmp_path / "lock", print),
        pytest.raises(UserError, match=f"process {os.getpid()}.*still holds"),
        files.lock(tmp_path / "lock", lambda _: None, wait_s=0.2),
    ):
        pass


def test_a_lock_in_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot write"),
        files.lock(tmp_path / "file" / "below" / "lock", print),
    ):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from clikit import files\n"
        "with files.lock(Path(sys.argv[1]), print):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.wait()
    start = time.monotonic()
    with files.lock(tmp_path / "lock", print, wait_s=5):
        pass
    assert time.monotonic() - start < 2


def test_digests_do_not_depend_on_the_order_of_keys():
    assert files.sha({"a": 1, "b": 2}) == files.sha({"b": 2, "a": 1})


def test_digests_depend_on_the_values():
    assert files.sha({"a": 1, "b": 2}) != files.sha({"a": 1, "b": 3})
