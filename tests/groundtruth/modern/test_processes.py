"""Collectives by hand; how a process works, and how the others are waited for."""

from __future__ import annotations

import errno
import os
import re
import tempfile
import time
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from groundtruth.modern import processes
from groundtruth.modern.processes import Group, launch

from tests.groundtruth.modern.divided import check_collectives, collectives, together


def test_collectives_by_hand(monkeypatch):
    check_collectives(*together(monkeypatch, collectives, 2))


def counts(group):
    x = torch.ones(6)
    values = []
    for work in (group.all_reduce, group.reduce_scatter, group.all_gather):
        before = group.sent
        work(x)
        values.append(group.sent - before)
    return values


@pytest.mark.parametrize("size", [1, 2, 3])
def test_numbers_sent_in_a_ring(monkeypatch, size):
    """An all-gather joins `size` pieces of six numbers."""
    share = (size - 1) / size
    expected = [2 * 6 * share, 6 * share, 6 * size * share]
    for values in together(monkeypatch, counts, size):
        assert values == pytest.approx(expected)


def test_nothing_is_sent_at_first():
    group = Group(2, 5)
    assert (group.rank, group.size, group.sent) == (2, 5, 0)


def of_columns(group):
    """Columns of a table are not contiguous in memory; the numbers are of double precision."""
    table = (torch.arange(12, dtype=torch.float64).view(6, 2) + 100 * group.rank).requires_grad_()
    column = table[:, 1]
    results = [group.all_reduce(column), group.reduce_scatter(column), group.all_gather(column)]
    if group.rank == 0:
        group.send(column, 1)
    else:
        results.append(group.receive(column.detach(), 0))
    return results


def test_columns_of_a_table_are_exchanged_without_their_graph(monkeypatch):
    (total, piece, whole), (*_, received) = together(monkeypatch, of_columns, 2)
    assert total.tolist() == [102, 106, 110, 114, 118, 122]  # (1, 3, ...) + (101, 103, ...)
    assert piece.tolist() == [102, 106, 110]
    assert whole.tolist() == [1, 3, 5, 7, 9, 11, 101, 103, 105, 107, 109, 111]
    assert received.tolist() == [1, 3, 5, 7, 9, 11]
    for x in (total, piece, whole, received):
        assert x.dtype == torch.float64
        assert not x.requires_grad


def messages(group):
    x = torch.arange(6.0).view(2, 3)
    if group.rank == 1:
        group.send(x, 2)
        group.send(10 * x, 0)
    elif group.rank == 2:
        return group.receive(torch.empty(2, 3), 1), group.sent
    else:
        return group.receive(torch.empty(2, 3), 1), group.sent
    return None, group.sent


def test_a_message_reaches_the_process_that_it_is_for(monkeypatch):
    first, second, third = together(monkeypatch, messages, 3)
    assert first[0].tolist() == [[0, 10, 20], [30, 40, 50]]
    assert third[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert [sent for _, sent in (first, second, third)] == [0, 12, 0]


class Process:
    """One that ends after it was looked at so many times, with this code."""

    def __init__(self, looks=0, code=0):
        self.looks = looks
        self.code = code

    def is_alive(self):
        self.looks -= 1
        return self.looks >= 0

    @property
    def exitcode(self):
        return None if self.looks > 0 else self.code


FAR = float("inf")


def test_waiting_ends_when_all_processes_are_done(tmp_path):
    slow = Process(looks=3)
    processes._wait([Process(), slow], tmp_path, FAR)
    assert slow.looks < 0


def test_waiting_looks_many_times_a_second(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    processes._wait([Process(looks=5)], tmp_path, FAR)
    assert pauses
    assert all(0 < pause <= 0.1 for pause in pauses)


def test_the_late_processes_are_named(tmp_path):
    running = [Process(), Process(looks=10**9), Process(), Process(looks=10**9)]
    with pytest.raises(TimeoutError, match=re.escape("the processes [1, 3] are not done in time")):
        processes._wait(running, tmp_path, time.monotonic() - 1)


def test_processes_that_are_done_are_not_late(tmp_path):
    processes._wait([Process(), Process()], tmp_path, time.monotonic() - 1)


def test_a_failure_ends_the_waiting_for_the_others(tmp_path):
    with pytest.raises(RuntimeError, match="process 1 ended with code -9"):
        processes._wait([Process(looks=10**9), Process(code=-9)], tmp_path, FAR)


def test_the_error_that_was_written_first_is_the_cause(tmp_path):
    for rank, written in ((0, 3_000), (12, 1_000), (2, 2_000)):
        path = tmp_path / f"error-{rank}"
        path.write_text(f"the text of {rank}: Δ", encoding="utf-8")
        os.utime(path, ns=(written, written))
    (tmp_path / "result-1").write_text("no error", encoding="utf-8")
    with pytest.raises(RuntimeError, match="process 12 failed:\nthe text of 12: Δ"):
        processes._wait([Process(code=1)], tmp_path, FAR)


class Dist:
    """Notes what `_run` asks of torch.distributed."""

    def __init__(self):
        self.calls = []
        self.begun = False

    def FileStore(self, path, size):
        return path, size

    def init_process_group(self, backend, **settings):
        self.calls.append(("init", backend, settings))
        self.begun = True

    def barrier(self):
        self.calls.append("barrier")

    def is_initialized(self):
        return self.begun

    def destroy_process_group(self):
        self.calls.append("destroy")


@pytest.fixture
def surroundings(monkeypatch):
    """What a process changes for itself is as before afterward."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "")
    monkeypatch.delenv("GLOO_SOCKET_IFNAME")
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def ranks(group, *arguments):
    return [group.rank, group.size, *arguments]


@pytest.mark.usefixtures("surroundings")
def test_a_process_joins_works_writes_and_leaves(monkeypatch, tmp_path):
    fake = Dist()
    monkeypatch.setattr(processes, "dist", fake)
    processes._run(1, ranks, 3, ("a", 5), str(tmp_path), 7.5)
    settings = {
        "store": (str(tmp_path / "store"), 3),
        "rank": 1,
        "world_size": 3,
        "timeout": timedelta(seconds=7.5),
    }
    assert fake.calls == [("init", "gloo", settings), "barrier", "destroy"]
    assert [path.name for path in tmp_path.iterdir()] == ["result-1"]
    result = torch.load(tmp_path / "result-1", weights_only=True)  # noqa: TID251
    assert result == [1, 3, "a", 5]
    assert torch.get_num_threads() == 1


def refuses(group):
    raise ValueError("no Δ here")


@pytest.mark.usefixtures("surroundings")
def test_a_process_that_fails_writes_why_and_leaves(monkeypatch, tmp_path):
    fake = Dist()
    monkeypatch.setattr(processes, "dist", fake)
    with pytest.raises(SystemExit) as ended:
        processes._run(2, refuses, 3, (), str(tmp_path), 7.5)
    assert ended.value.code == 1
    assert fake.calls[1:] == ["destroy"]
    assert [path.name for path in tmp_path.iterdir()] == ["error-2"]
    text = (tmp_path / "error-2").read_text(encoding="utf-8")
    assert text.startswith("Traceback")
    assert "in refuses" in text
    assert text.endswith("ValueError: no Δ here\n")


@pytest.mark.usefixtures("surroundings")
def test_the_text_of_an_error_is_utf_8_whatever_a_system_prefers(monkeypatch, tmp_path):
    write = Path.write_text

    def write_text(path, text, encoding=None):
        return write(path, text, encoding=encoding or "utf-16")

    monkeypatch.setattr(Path, "write_text", write_text)
    monkeypatch.setattr(processes, "dist", Dist())
    with pytest.raises(SystemExit):
        processes._run(0, refuses, 1, (), str(tmp_path), 7.5)
    assert "no Δ here" in (tmp_path / "error-0").read_bytes().decode("utf-8")


@pytest.mark.usefixtures("surroundings")
def test_a_group_that_never_began_is_not_left(monkeypatch, tmp_path):
    fake = Dist()

    def fails(*_, **__):
        raise OSError("no network")

    fake.init_process_group = fails
    monkeypatch.setattr(processes, "dist", fake)
    with pytest.raises(SystemExit):
        processes._run(0, ranks, 1, (), str(tmp_path), 7.5)
    assert fake.calls == []
    assert "no network" in (tmp_path / "error-0").read_text(encoding="utf-8")


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(
    ("names", "chosen"), [(["eth0", "lo"], "lo"), (["lo0", "en0"], "lo0"), (["eth0"], None)]
)
def test_processes_talk_over_the_loopback_interface(monkeypatch, tmp_path, names, chosen):
    monkeypatch.setattr(processes, "dist", Dist())
    monkeypatch.setattr(processes.socket, "if_nameindex", lambda: list(enumerate(names)))
    processes._run(0, ranks, 1, (), str(tmp_path), 7.5)
    assert os.environ.get("GLOO_SOCKET_IFNAME") == chosen


@pytest.mark.usefixtures("surroundings")
def test_one_real_process_adds_and_gathers_its_own(tmp_path):
    processes._run(0, collectives, 1, (), str(tmp_path), 30.0)
    result = torch.load(tmp_path / "result-0", weights_only=True)  # noqa: TID251
    assert result["sum"].tolist() == result["piece"].tolist() == [0, 1, 2, 3]
    assert result["whole"].tolist() == [0, 1]
    assert result["sent"] == 0
    assert not dist.is_initialized()


class Context:
    """Starts nothing: a process writes what it was given, or is late, or fails to start."""

    def __init__(self, late=(), refused=(), result=None):
        self.late = late
        self.refused = refused
        self.result = result
        self.made = []

    def Process(self, target, args, daemon):
        process = Started(self, target, args, daemon)
        self.made.append(process)
        return process


class Started:
    exitcode = 0

    def __init__(self, context, target, args, daemon):
        self.context = context
        self.target = target
        self.args = args
        self.daemon = daemon
        self.alive = False
        self.calls = []

    def start(self):
        rank, _, _, args, folder, _ = self.args
        self.calls.append("start")
        if rank in self.context.refused:
            raise OSError("no more processes")
        self.alive = rank in self.context.late
        if not self.alive:
            result = self.context.result or [rank, *args]
            torch.save(result, Path(folder) / f"result-{rank}")

    def is_alive(self):
        return self.alive

    def kill(self):
        self.calls.append("kill")
        self.alive = False

    def join(self, timeout):
        assert 0 < timeout <= 10
        self.calls.append("join")


def contexts(monkeypatch, **settings):
    """The context that `launch` is given, and the methods of starting that it asks for."""
    context = Context(**settings)
    methods = []

    def get_context(method):
        methods.append(method)
        return context

    monkeypatch.setattr(processes.mp, "get_context", get_context)
    return context, methods


def test_results_are_in_order_of_rank(monkeypatch):
    context, methods = contexts(monkeypatch)
    assert launch(ranks, 3, "a", 2.5, timeout_s=11.0) == [[r, "a", 2.5] for r in range(3)]
    assert methods == ["spawn"]
    for rank, process in enumerate(context.made):
        assert process.target is processes._run
        assert process.args[:4] == (rank, ranks, 3, ("a", 2.5))
        assert process.args[5] == 11.0
        assert process.daemon is True
        assert process.calls == ["start", "join"]
    (folder,) = {process.args[4] for process in context.made}
    assert not Path(folder).exists()


def test_late_processes_are_ended(monkeypatch):
    context, _ = contexts(monkeypatch, late=(1,))
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=re.escape("the processes [1] are not done in time")):
        launch(ranks, 3, timeout_s=0.5)
    assert 0.5 <= time.monotonic() - started < 20
    assert [process.calls[1:] for process in context.made] == [["join"], ["kill", "join"], ["join"]]
    assert not Path(context.made[0].args[4]).exists()


def test_a_process_that_cannot_start_ends_the_others(monkeypatch):
    context, _ = contexts(monkeypatch, late=(0,), refused=(1,))
    with pytest.raises(OSError, match="no more processes"):
        launch(ranks, 2)
    assert context.made[0].calls == ["start", "kill", "join"]


def test_a_result_of_anything_but_numbers_texts_and_tensors_is_refused(monkeypatch):
    """Objects of other classes would run code while they are read."""
    contexts(monkeypatch, result=Fraction(1, 2))
    with pytest.raises(Exception, match="Weights only load failed"):
        launch(ranks, 1)


def test_a_folder_that_cannot_be_removed_is_no_error(monkeypatch, tmp_path):
    """As on Windows, while a process that was ended still holds a file."""
    contexts(monkeypatch)

    def rmdir(*_, **__):
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "rmdir", rmdir)
    assert launch(ranks, 1) == [[0]]
    assert len(list(tmp_path.iterdir())) == 1


def test_the_time_is_limited_unless_told_otherwise(monkeypatch):
    context, _ = contexts(monkeypatch)
    launch(ranks, 1)
    assert 60 <= context.made[0].args[5] <= 120


@pytest.mark.parametrize(
    ("size", "timeout_s", "says"),
    [(0, 1.0, "got 0 and 1.0"), (-1, 1.0, "got -1"), (1, 0.0, "got 1 and 0.0"), (1, -1.0, "-1.0")],
)
def test_bad_settings(size, timeout_s, says):
    with pytest.raises(ValueError, match=f"positive size and timeout, .*{says}"):
        launch(collectives, size, timeout_s=timeout_s)
