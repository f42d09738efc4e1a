"""What a cell can do to an execution: raise, hang, flood, kill its kernel. Each is one clear message."""

from __future__ import annotations

import asyncio
import time

import pytest
from press import config as project
from press.execute.kernels import Bounded, run_many
from press.source import chapter as chapters

from tests.press import shop

pytestmark = pytest.mark.slow


def run(tmp_path, *sources, workers=2, pages=None, **settings):
    """Execute one page of these cells and return its run."""
    root = shop.make(
        tmp_path, pages or {"index": shop.chapter("Home", *sources)}, workers=workers, **settings
    )
    book = project.load(root)
    runs, told = {}, []
    names = list(pages or {"index": ""})
    asyncio.run(
        run_many(
            book,
            [chapters.read(n, book.page(n)) for n in names],
            lambda *a: told.append(a),
            lambda r: runs.setdefault(r.slug, r),
        )
    )
    return (runs["index"], told) if pages is None else (runs, told)


def test_outputs_counts_and_progress(tmp_path):
    result, told = run(tmp_path, "print('a')", "x = 1", "x + 1")
    assert result.fault is None and result.counts == [1, 2, 3]
    assert (
        result.outputs[0][0]["text"] == "a\n"
        and result.outputs[1] == []
        and result.outputs[2][0]["data"]["text/plain"] == "2"
    )
    assert told == [("index", i, 3) for i in (1, 2, 3)]


def test_pieces_of_a_stream_are_one_output(tmp_path):
    source = "import sys, time\nfor i in range(4):\n    print(i, flush=True)\n    time.sleep(0.3)\nprint('e', file=sys.stderr)"
    result, _ = run(tmp_path, source)
    assert [(o["name"], o["text"]) for o in result.outputs[0]] == [
        ("stdout", "0\n1\n2\n3\n"),
        ("stderr", "e\n"),
    ]


def test_a_cell_that_raises_is_named_with_its_message(tmp_path):
    result, _ = run(
        tmp_path, "print('fine')", "raise ValueError('the number 7 is odd')", "print('never')"
    )
    assert (result.fault.kind, result.fault.cell) == ("raised", 2)
    assert (
        "ValueError: the number 7 is odd" in result.fault.what
        and "ValueError" in result.fault.detail
        and "\x1b" not in result.fault.detail
    )


def test_a_cell_that_should_raise_may(tmp_path):
    pages = {
        "index": shop.HEAD
        + "# H\n\n"
        + shop.cell("1 / 0", ":tags: [raises-exception]\n\n")
        + "\n"
        + shop.cell("print('after')")
    }
    runs, _ = run(tmp_path, pages=pages)
    assert (
        runs["index"].fault is None and runs["index"].outputs[0][0]["ename"] == "ZeroDivisionError"
    )


def test_a_cell_that_hangs_is_stopped(tmp_path):
    start = time.monotonic()
    result, _ = run(tmp_path, "import time\ntime.sleep(600)", cell_timeout_s=2)
    assert (
        (result.fault.kind, result.fault.cell) == ("timeout", 1)
        and "2 s" in result.fault.what
        and time.monotonic() - start < 30
    )


def test_a_cell_that_ignores_interrupts_is_stopped_too(tmp_path):
    source = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    time.sleep(1)"
    result, _ = run(tmp_path, source, cell_timeout_s=2)
    assert result.fault.kind in ("timeout", "died") and result.fault.cell == 1


def test_a_cell_that_prints_100_mb_is_stopped_and_takes_less_than_three_times_that(tmp_path):
    import resource

    run(tmp_path / "before", "print(1)")  # what the first execution imports is not the flood's
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result, _ = run(tmp_path / "flood", "for _ in range(100):\n    print('x' * 1_000_000)")
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert (result.fault.kind, result.fault.cell) == (
        "flood",
        1,
    ) and "1,000,000 bytes" in result.fault.what
    assert (
        grown_mb < 300
    )  # a kernel sends what it printed in a fifth of a second at once, and that is held and decoded


def test_what_is_certainly_too_long_is_counted_and_not_opened():
    session = Bounded(key=b"k")
    session.limit_bytes = 1000

    def received(kind, content):
        parts = session.serialize(session.msg(kind, content))
        return session.deserialize(session.feed_identities(parts)[1])["content"]

    short, long, widest = (
        "x" * 21_000,
        "x" * 23_000,
        "\U0001f600" * 1_000,
    )  # twelve bytes of JSON for one character
    assert received("stream", {"name": "stderr", "text": short}) == {
        "name": "stderr",
        "text": short,
    }
    assert (
        received("stream", {"name": "stdout", "text": widest})["text"] == widest
    )  # not too long: nothing is lost
    assert len(received("stream", {"name": "stdout", "text": long})["text"]) == 1001
    for kind in ("display_data", "execute_result", "update_display_data"):
        assert (
            len(received(kind, {"data": {"text/html": long}, "metadata": {}})["data"]["text/plain"])
            == 1001
        )
    assert (
        received("error", {"ename": "E", "evalue": long, "traceback": []})["evalue"] == long
    )  # why a cell failed is told whole


def test_a_cell_that_kills_its_kernel_is_named(tmp_path):
    result, _ = run(tmp_path, "print(1)", "import os\nos._exit(1)")
    assert (result.fault.kind, result.fault.cell) == ("died", 2)


def test_one_bad_chapter_does_not_stop_the_others(tmp_path):
    pages = {
        "index": shop.chapter("H", "print(1)"),
        "a": shop.chapter("A", "import os\nos._exit(1)"),
        "b": shop.chapter("B", "print(2)"),
    }
    runs, _ = run(tmp_path, pages=pages)
    assert (
        runs["a"].fault is not None
        and runs["index"].fault is None
        and runs["b"].outputs[0][0]["text"] == "2\n"
    )


def test_chapters_share_nothing(tmp_path):
    pages = {"index": shop.chapter("H", "x = 1"), "b": shop.chapter("B", "print('x' in globals())")}
    runs, _ = run(tmp_path, pages=pages, workers=1)
    assert runs["b"].outputs[0][0]["text"] == "False\n"


def test_kernels_have_one_thread_no_chance_and_the_book_as_folder(tmp_path):
    source = "import os, pathlib\nprint(os.environ['OMP_NUM_THREADS'], os.environ['PYTHONHASHSEED'], pathlib.Path.cwd().name)"
    result, _ = run(tmp_path, source)
    assert result.outputs[0][0]["text"] == "1 0 book\n"
