"""Files are whole or absent, damage is noticed, and one build at a time holds the folder."""

import errno
import os
import threading

import pytest
from press import files
from press.errors import PressError


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    files.write_atomic(path, "old")
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")),
    )
    with pytest.raises(PressError, match="No space left on device") as caught:
        files.write_atomic(path, "new")
    assert "free some space" in caught.value.fix
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.json"]


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
    with pytest.raises(PressError, match="cannot write"):
        files.write_atomic(tmp_path / "file" / "below", "x")


def test_the_second_build_waits_for_the_first(tmp_path):
    said, order = [], []
    inside = threading.Event()

    def first():
        with files.lock(tmp_path / "lock", said.append):
            inside.set()
            threading.Event().wait(0.4)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with files.lock(tmp_path / "lock", said.append):
        order.append("second")
    thread.join()
    assert order == ["first", "second"] and any(str(os.getpid()) in text for text in said)


def test_a_build_that_hangs_is_named_after_the_wait(tmp_path):
    with (
        files.lock(tmp_path / "lock", print),
        pytest.raises(PressError, match="still holds"),
        files.lock(tmp_path / "lock", lambda _: None, wait_s=0.2),
    ):
        pass


def test_digests_do_not_depend_on_the_order_of_keys():
    assert files.sha({"a": 1, "b": 2}) == files.sha({"b": 2, "a": 1}) != files.sha({"a": 1, "b": 3})
