"""Kernels that are copies of one process.

What they share (the libraries), what they do not, and what happens when copies cannot be had.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from press import config as project
from press.execute import forked
from press.execute.kernels import run_many
from press.source import chapter as chapters

from tests.press import sample_book

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not forked.possible(),
        reason="this system cannot fork a process with such libraries; kernels start one by one",
    ),
]
PARENT = (
    "import os\ncommand = open(f'/proc/{os.getppid()}/cmdline').read().split(chr(0))\n"
    "print(command[1].rpartition('/')[2])"
)


def run(tmp_path, pages, library="", **settings):
    """Execute pages.

    `library` is the source of a module `outsider` that all of them can import and the press does
    not own.
    """
    root = sample_book.make(
        tmp_path, {"index": sample_book.chapter("Home", "print('home')"), **pages}, **settings
    )
    book = project.load(root)
    if library:
        (book.code / "outsider.py").write_text(library)
    runs = {}
    asyncio.run(
        run_many(
            book,
            [chapters.read(n, book.page(n)) for n in ("index", *pages)],
            lambda *a: None,
            lambda r: runs.setdefault(r.slug, r),
        )
    )
    return runs


def text(result, cell=0):
    return result.outputs[cell][0]["text"]


def same(source, names="abc"):
    return {name: sample_book.chapter(name.upper(), source) for name in names}


def test_what_several_pages_import_is_there_before_they_ask_and_only_that(tmp_path):
    ahead = (
        "import sys\n"
        "print('outsider' in sys.modules, 'rare' in sys.modules, 'press' in sys.modules)\n"
        "from outsider import x"
    )
    pages = same(ahead) | {
        "d": sample_book.chapter("D", ahead.replace("from outsider import x", "import rare"))
    }
    (tmp_path / "code").mkdir(parents=True)
    runs = run(tmp_path, pages, library="x = 1\nprint('noise')")
    assert all(text(runs[name]) == "True False False\n" for name in "abc")
    assert (
        runs["d"].fault.kind == "raised" and "rare" in runs["d"].fault.what
    )  # as it would without copies


def test_a_copy_is_as_a_kernel_of_its_own(tmp_path):
    """Folder, path, environment.

    Session and handling of interrupts are those of a started kernel.
    """
    source = (
        "import json, os, signal, sys, threading\n"
        "env = {k: v for k, v in os.environ.items() if k != 'JPY_PARENT_PID'}\n"
        "print(json.dumps([os.getcwd(), sys.path, sys.argv[1:2], os.getsid(0) == os.getpid(), "
        "signal.getsignal(signal.SIGINT) is signal.default_int_handler,"
        " env, sorted(get_ipython().user_ns), sys.flags.hash_randomization]))"
    )
    started = run(
        tmp_path / "one", {"a": sample_book.chapter("A", PARENT, source)}
    )  # two pages: too few to pay
    copied = run(
        tmp_path / "one", same(PARENT, "bc") | {"a": sample_book.chapter("A", PARENT, source)}
    )
    assert (
        text(copied["a"]) == text(copied["b"]) == "preload.py\n"
        and text(started["a"]) != "preload.py\n"
    )
    assert text(copied["a"], 1) == text(started["a"], 1)


RECORDED = (
    "import gc, json, os, sys\n"
    "hook = next(o for o in gc.get_objects() if type(o).__name__ == 'Recorder')\n"
    "log = os.path.basename(hook.log)\n"
    "print(json.dumps([*sys.argv[:2], *sys.argv[3:], log, *hook.roots, sys.path[0]]))"
)


def test_one_page_and_four_pages_start_the_same_kernel(tmp_path):
    """The command of a kernel and what a copy becomes: the arguments and the recorder of both."""
    recorded = {"a": sample_book.chapter("A", PARENT, RECORDED)}
    one = run(tmp_path / "book", recorded)
    four = run(tmp_path / "book", same(PARENT, "bcd") | recorded)
    assert text(one["a"]) != "preload.py\n"
    assert text(four["a"]) == "preload.py\n"
    root = tmp_path / "book"
    command = ["ipykernel_launcher.py", "-f", "--HistoryManager.hist_file=:memory:"]
    assert json.loads(text(one["a"], 1)) == [*command, "reads", f"{root}/", str(root / "code")]
    assert text(four["a"], 1) == text(one["a"], 1)


def test_copies_share_nothing(tmp_path):
    pages = {
        "a": sample_book.chapter(
            "A", "import json\njson.mark = 1\nx = 1", "import random\nprint(random.random())"
        )
    }
    pages |= same("import json, random\nprint(hasattr(json, 'mark'), 'x' in globals())", "bc") | {
        "d": sample_book.chapter("D", "import random\nprint(random.random())")
    }
    runs = run(tmp_path, pages, workers=1)
    assert text(runs["b"]) == text(runs["c"]) == "False False\n"
    assert text(runs["a"], 1) != text(runs["d"])  # nor a random state


def test_every_fault_is_told_as_before_and_harms_no_other_page(tmp_path):
    pages = {
        "raises": sample_book.chapter("R", PARENT, "raise ValueError('seven')"),
        "dies": sample_book.chapter("D", PARENT, "import os\nos._exit(3)"),
        "hangs": sample_book.chapter("H", PARENT, "import time\ntime.sleep(600)"),
        "floods": sample_book.chapter(
            "F", PARENT, "for _ in range(100):\n    print('x' * 1_000_000)"
        ),
        "deaf": sample_book.chapter(
            "I",
            PARENT,
            "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    "
            "time.sleep(1)",
        ),
    }
    runs = run(tmp_path, pages, cell_timeout_s=8)
    assert (
        all(text(runs[name]) == "preload.py\n" for name in pages)
        and text(runs["index"]) == "home\n"
    )
    kinds = {name: (runs[name].fault.kind, runs[name].fault.cell) for name in pages}
    assert kinds | {"deaf": 0} == {
        "raises": ("raised", 2),
        "dies": ("died", 2),
        "hangs": ("timeout", 2),
        "floods": ("flood", 2),
        "deaf": 0,
    }
    assert kinds["deaf"][0] in ("timeout", "died")


@pytest.mark.parametrize(
    "library",
    [
        # a lock could be held in the copy
        "import threading, time\nthreading.Thread(target=time.sleep, args=(30,), "
        "daemon=True).start()",
        "import os\nos._exit(1)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    ],
    ids=["thread", "exit", "kill"],
)
def test_where_copies_cannot_be_had_kernels_are_started(tmp_path, library):
    # only the process that imports early is harmed: the pages would be as well, so they only name
    # the library
    runs = run(tmp_path, same(PARENT + "\nif False:\n    import outsider"), library=library)
    assert all(run.fault is None for run in runs.values()) and "preload.py\n" not in {
        text(runs[name]) for name in "abc"
    }


def test_one_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(forked, "PATIENCE_S", 1.0)
    start = time.monotonic()
    runs = run(
        tmp_path,
        same(PARENT + "\nif False:\n    import outsider"),
        library="import time\ntime.sleep(600)",
    )
    assert all(run.fault is None for run in runs.values()) and time.monotonic() - start < 40


def test_one_that_dies_in_the_middle_takes_its_kernels_and_the_rest_is_started(tmp_path):
    pages = {
        "a": sample_book.chapter(
            "A", "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(30)"
        )
    } | same(PARENT, "bcd")
    runs = run(tmp_path, pages, workers=1)
    assert runs["a"].fault.kind == "died" and all(
        text(runs[name]) != "preload.py\n" for name in "bcd"
    )


def _alive(folder: Path) -> list[str]:
    """Command lines of the processes whose working folder lies in `folder`."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and Path(os.readlink(place / "cwd")).is_relative_to(folder):
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
@pytest.mark.parametrize("moment", ["importing", "running"])
def test_nothing_is_left_when_the_press_is_ended(tmp_path, sign, moment):
    slow = "import time\ntime.sleep(600)"
    named = "if False:\n    import outsider\n"
    root = sample_book.make(
        tmp_path,
        {
            "index": sample_book.chapter("Home", "1"),
            **same(named + (slow if moment == "running" else "print(1)")),
        },
    )
    (root / "code" / "outsider.py").write_text(slow if moment == "importing" else "")
    only = [word for name in "abc" for word in ("--execute-only", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "press", "build", *only],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    expected = (
        2 if moment == "importing" else 4
    )  # the press, the process that imports, and two kernels
    deadline = time.monotonic() + 60
    while len(_alive(root)) < expected and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(_alive(root)) >= expected
    process.send_signal(sign)
    process.wait(timeout=30)
    deadline = time.monotonic() + 30
    while _alive(root) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _alive(root) == []


def test_a_process_that_is_not_a_child_is_held_and_not_its_number():
    middle = subprocess.run(
        [
            sys.executable,
            "-c",
            "import subprocess\nprint(subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL, "
            "stderr=subprocess.DEVNULL).pid)",
        ],
        capture_output=True,
        text=True,
    )
    process = forked.Forked(int(middle.stdout))
    assert process.poll() is None
    process.kill()
    assert process.wait() == 1
    assert process.poll() == 1
    process.send_signal(signal.SIGTERM)  # to nobody: the number may be another's by now
    ended = subprocess.Popen(["true"])
    ended.wait()
    with pytest.raises(ProcessLookupError):
        forked.Forked(ended.pid)
