"""Run in the interpreter of the kernels: import what the pages import, then become kernels.

    python preload.py PARENT MODULE...

Each line of the standard input, a JSON list of the arguments of `recorder.launch`, is one kernel;
its process number is the answer on the standard output. A copy of this process starts a kernel
without the seconds that imports take. It is a copy of a process that has computed nothing and has
one thread; where a library started another, this process ends instead. It ends with its input and
with the process PARENT as well.
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
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        for name in names:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def become(arguments: list[str], answers: int) -> None:
    """In the copy: the kernel that `recorder.py ARGUMENTS` would be.

    Its session is its own: an interrupt reaches the kernel and what it started, and nothing else.
    Interrupts stay ignored until it runs a cell: an earlier one would end in a traceback.
    """
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.write(answers, f"{os.getpid()}\n".encode())
    os.close(answers)
    recorder.launch(*arguments)


def main(parent: int, names: list[str]) -> None:
    """Import, then answer until nobody asks any more."""
    # in the middle of an import nobody reads the input
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before the line above
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # nobody waits for the copies: they are watched from where they were asked for
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # read by ipykernel as it is imported: a kernel ends with its parent
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    bring_in([*KERNEL, *names])
    if len(os.listdir("/proc/self/task")) > 1:  # threads, those of compiled libraries as well
        os._exit(0)
    for line in requests:
        if not os.fork():
            os.close(requests.fileno())
            become(json.loads(line), answers)
            os._exit(0)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file, where a kernel has none
    main(int(sys.argv[1]), sys.argv[2:])
