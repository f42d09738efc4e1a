"""Run in the interpreter of the kernels: import what the pages import, then become kernels.

    python preload.py PARENT ASKED ANSWERS MODULE...

One line of JSON on the descriptor ASKED (`argv`, `cwd`, `env`) is one kernel; on ANSWERS comes a
line with its process number. A copy of this process starts a kernel without the seconds that
imports take. It is a copy of a process that has computed nothing and has one thread; where a
library started another, the only answer is "threads" and nothing is copied. The end of ASKED, and
that of the process PARENT, is the end of this one.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys

import recorder  # it lies beside this file, whose folder is on the path of a script

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell")


def bring_in(names: list[str]) -> None:
    """Import what can be imported, without a word.

    What is missing or warns does so again in the page that asks for it.
    """
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        for name in names:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def threads() -> int:
    """Threads of this process, those of compiled libraries as well."""
    return len(os.listdir("/proc/self/task"))


def become(asked: dict, answers: int) -> None:
    """In the copy: the kernel that `python -m ipykernel_launcher` would be."""
    # a session of its own: an interrupt reaches the kernel and what it started, and nothing else.
    # It stays ignored until the kernel runs a cell: an earlier one would end in a traceback
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for name, value in asked["env"].items():
        os.environ.setdefault(
            name, value
        )  # what this process was started with stays: an interpreter may add to it
    os.chdir(asked["cwd"])
    os.write(answers, f"{os.getpid()}\n".encode())
    os.close(answers)
    log, code, roots = asked["record"]
    recorder.record(log, code, json.loads(roots))
    sys.argv = ["ipykernel_launcher.py", *asked["argv"]]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


def main(parent: int, asked: int, answers: int, names: list[str]) -> None:
    """Import, then answer until nobody asks any more."""
    ctypes.CDLL(None).prctl(
        PR_SET_PDEATHSIG, signal.SIGKILL
    )  # in the middle of an import nobody reads ASKED
    if os.getppid() != parent:  # it had ended before the line above
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # nobody waits for the copies: they are watched from where they were asked for
    del sys.path[0]  # the folder of this file, where a kernel has none
    os.environ["JPY_PARENT_PID"] = str(
        os.getpid()
    )  # read by ipykernel as it is imported: a kernel ends with its parent
    bring_in([*KERNEL, *names])
    if threads() > 1:
        os.write(answers, b"threads\n")
        return
    with os.fdopen(asked, encoding="utf-8") as lines:
        for line in lines:
            if not os.fork():
                os.close(lines.fileno())
                become(json.loads(line), answers)
                os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
