"""What a cell can do to an execution: raise, hang, flood, kill its kernel.

Each is one clear message.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from press import config as project
from press.execute import kernels
from press.execute.kernels import run_many
from press.execute.output_limits import Bounded
from press.source import chapter as chapters

from tests.press import sample_book

pytestmark = pytest.mark.slow


def run(tmp_path, *sources, workers=2, pages=None, **settings):
    """Execute one page of these cells and return its run."""
    root = sample_book.make(
        tmp_path,
        pages or {"index": sample_book.chapter("Home", *sources)},
        workers=workers,
        **settings,
    )
    book = project.load(root)
    runs = {}
    told = []
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
    source = (
        "import sys, time\nfor i in range(4):\n    print(i, flush=True)\n    time.sleep(0.3)\n"
        "print('e', file=sys.stderr)"
    )
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
        "index": sample_book.HEAD
        + "# H\n\n"
        + sample_book.cell("1 / 0", ":tags: [raises-exception]\n\n")
        + "\n"
        + sample_book.cell("print('after')")
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
    source = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True:\n    time.sleep(1)"
    )
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

    short = "x" * 21_000
    long = "x" * 23_000
    widest = "\U0001f600" * 1_000  # twelve bytes of JSON for one character
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
        "index": sample_book.chapter("H", "print(1)"),
        "a": sample_book.chapter("A", "import os\nos._exit(1)"),
        "b": sample_book.chapter("B", "print(2)"),
    }
    runs, _ = run(tmp_path, pages=pages)
    assert (
        runs["a"].fault is not None
        and runs["index"].fault is None
        and runs["b"].outputs[0][0]["text"] == "2\n"
    )


def test_chapters_share_nothing(tmp_path):
    pages = {
        "index": sample_book.chapter("H", "x = 1"),
        "b": sample_book.chapter("B", "print('x' in globals())"),
    }
    runs, _ = run(tmp_path, pages=pages, workers=1)
    assert runs["b"].outputs[0][0]["text"] == "False\n"


def test_kernels_have_one_thread_no_chance_and_the_book_as_folder(tmp_path):
    source = (
        "import os, pathlib\n"
        "print(os.environ['OMP_NUM_THREADS'], os.environ['PYTHONHASHSEED'], "
        "pathlib.Path.cwd().name)"
    )
    result, _ = run(tmp_path, source)
    assert result.outputs[0][0]["text"] == "1 0 book\n"


DISPLAY = "from IPython.display import display, update_display\ndisplay('first', display_id='a');\n"
FLOODS = {
    "an update that is not opened": DISPLAY + "update_display('b' * 13_000_000, display_id='a')",
    "an update": DISPLAY + "update_display('b' * 1_100_000, display_id='a')",
    "metadata": "display({'text/plain': 'a'}, raw=True, metadata={'k': 'x' * 1_100_000})",
    "two bytes a character": "print(('\u00e9' * 999 + '\\n') * 600)",
    "a long line": "print('x' * 10_001)",
    "a long line in a result": "display({'text/plain': 'x' * 10_001}, raw=True)",
    "backspaces": "print('x' * 1_001 + '\\b' * 1_001)",
}


@pytest.mark.parametrize("kind", FLOODS)
def test_every_kind_of_output_counts_against_the_limit(tmp_path, kind):
    result, _ = run(tmp_path, "print(1)", FLOODS[kind])
    assert result.fault is not None
    assert (result.fault.kind, result.fault.cell) == ("flood", 2)


def test_an_expected_error_counts_against_the_limit(tmp_path):
    cell = sample_book.cell("raise ValueError('x' * 1_100_000)", ":tags: [raises-exception]\n\n")
    runs, _ = run(tmp_path, pages={"index": sample_book.HEAD + "# H\n\n" + cell})
    assert runs["index"].fault.kind == "flood"


def test_an_error_with_an_endless_message_is_still_named(tmp_path):
    result, _ = run(tmp_path, "raise ValueError('x' * 3_000_000)")
    assert result.fault.kind == "raised"
    assert "ValueError: xxx" in result.fault.what
    assert len(result.fault.what) + len(result.fault.detail) < 100_000


def test_small_updates_are_what_the_page_shows(tmp_path):
    result, _ = run(tmp_path, DISPLAY + "update_display('second', display_id='a')")
    assert result.fault is None
    assert result.outputs[0][0]["data"]["text/plain"] == "'second'"


def test_a_page_may_have_its_own_time_limit(tmp_path):
    page = sample_book.chapter("Home", "import time\ntime.sleep(600)")
    pages = {"index": page.replace("kernelspec:", "press: {timeout_s: 1}\nkernelspec:", 1)}
    runs, _ = run(tmp_path, pages=pages, cell_timeout_s=500)
    assert (runs["index"].fault.kind, "within 1 s" in runs["index"].fault.what) == ("timeout", True)


@pytest.mark.parametrize("name", ["per%41cent", "a:b", "with space", "#1", "{connection_file}"])
def test_a_book_may_lie_in_a_folder_of_any_name(tmp_path, name):
    result, _ = run(tmp_path / name, "from toy.near import double\nprint(double(2))")
    assert result.fault is None
    assert result.outputs[0][0]["text"] == "4\n"


def test_a_temporary_folder_with_a_long_name_is_no_hindrance(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(kernels.tempfile, "tempdir", str(long))
    result, _ = run(tmp_path, "print(1)")
    assert result.fault is None


def test_where_every_folder_has_a_long_name_the_kernel_talks_over_tcp(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "SOCKET_BYTES", 1)
    result, _ = run(tmp_path, "print(1)")
    assert result.fault is None
