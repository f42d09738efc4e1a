"""Commands that start warm: each is a copy of one process that has imported what a command imports, and done nothing else.

Most of what a small command costs is the import of Sphinx or torch, and the tests run hundreds of them. A copy is a process
of its own with its own environment, folder, standard streams and exit code, and ends as any process ends. What acts before
the first import (a `sitecustomize`, a limit set on the process, a hash seed) and what is to be killed starts in the usual way.
Linux only: elsewhere `run` starts every command in the usual way.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def imports(name: str) -> Iterator[str]:
    """What `python -m name` imports sooner or later, as far as it takes long."""
    yield f"{name}.cli" if name == "press" else f"{name}.runner.cli"
    if name == "press":
        yield from (
            "press.execute.accept",
            "press.machines.drift",
            "press.execute.kernels",
            "press.machines.profiles",
            "press.checks",
            "press.site.finish",
            "jupyter_book.config",
            "sphinx.application",
            "myst_nb.sphinx_",
            "sphinx_book_theme",
            "sphinxcontrib.bibtex",
        )
        from jupyter_book.config import get_final_config
        from sphinx.application import builtin_extensions

        yield from builtin_extensions
        yield from get_final_config(
            user_yaml=ROOT / "_config.yml",
            cli_config={"latex_individualpages": False},
            sourcedir=ROOT / "book",
        )[0]["extensions"]
        yield from (
            "sphinx.builders.html.transforms",
            "requests",
            "IPython",
            "fontTools.subset",
            "fontTools.ttLib.woff2",
            "brotli",
            "pygments.lexers.shell",
            "jupytext",
        )


class Warm:
    """The process that `python -m name` is copied from."""

    def __init__(self, name: str) -> None:
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "code"),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), name],
            env=env,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        told = self.ours.recv(1000).decode()
        assert told == "ready", (
            f"no copies can be made of a process that imported {name}: {told or 'it ended'}"
        )

    def run(
        self, args: list[str], env: dict[str, str], cwd: str, timeout: float
    ) -> subprocess.CompletedProcess:
        """As `subprocess.run` with captured text."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(
                self.ours,
                [json.dumps({"args": args, "env": env, "cwd": cwd}).encode()],
                [out.fileno(), err.fileno()],
            )
            pid = int(self.ours.recv(100))
            try:
                self.ours.settimeout(timeout)
                code = int(self.ours.recv(100))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self.ours.settimeout(None)
                self.ours.recv(100)
                raise subprocess.TimeoutExpired(args, timeout) from None
            finally:
                self.ours.settimeout(None)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(args, code, out.read().decode(), err.read().decode())


@functools.cache
def _warm(name: str) -> Warm:
    return Warm(name)


def run(
    name: str,
    args: list[str],
    env: dict[str, str] | None = None,
    cwd: str | os.PathLike | None = None,
    timeout: float = 240,
) -> subprocess.CompletedProcess:
    """`python -m name args`, started warm where this system can."""
    env, cwd = dict(os.environ if env is None else env), os.fspath(cwd or os.getcwd())
    if sys.platform == "linux":
        return _warm(name).run(args, env, cwd, timeout)
    return subprocess.run(
        [sys.executable, "-m", name, *args],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def become(name: str, asked: dict, fds: list[int]) -> None:
    """In the copy: the process that `python -m name` would be."""
    for stream, fd in enumerate(fds, 1):
        os.dup2(fd, stream)
        os.close(fd)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv = [name, *asked["args"]]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def main(theirs: socket.socket, name: str) -> None:
    del sys.path[0]  # the folder of this file
    gc.disable()  # as the press does for itself; a copy of a process that never looked for garbage has none to look through
    for module in imports(name):
        importlib.import_module(module)
    gc.freeze()
    gc.enable()
    threads = len(os.listdir("/proc/self/task"))
    theirs.send(b"ready" if threads == 1 else f"{threads} threads".encode())
    while True:
        message, fds, *_ = socket.recv_fds(theirs, 1 << 20, 2)
        if not message:  # nobody asks any more
            return
        pid = os.fork()
        if pid == 0:
            theirs.close()
            return become(name, json.loads(message), fds)
        theirs.send(str(pid).encode())
        for fd in fds:
            os.close(fd)
        theirs.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
