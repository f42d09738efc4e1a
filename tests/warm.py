"""Commands and kernels that start warm: forked from one process that has done all the imports.

Most of what a small command costs is the import of Sphinx or torch, and the tests run hundreds of
them. The standard library's fork server imports once; each fork is a process of its own with its
own environment, folder, standard streams and exit code. What acts before the first import (a hash
seed, a limit on the process), and what a test kills, starts in the usual way.
"""

from __future__ import annotations

import atexit
import functools
import json
import multiprocessing
import multiprocessing.connection
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEPENDS = ()  # who runs a command says what it depends on
COMMANDS = {"press": "press.cli", "projects": "projects.runner.cli"}
PRESS = (
    "press.build",
    "press.checks",
    "press.execute.accept",
    "press.execute.kernels",
    "press.machines.drift",
    "press.machines.profiles",
    "press.site.render",
    "press.site.finish",
    "jupyter_book.config",
    "sphinx.builders.html.transforms",
    "myst_nb.sphinx_",
    "sphinx_proof",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "sphinxcontrib.katex",
    "requests",
    "IPython",
    "fontTools.subset",
    "fontTools.ttLib.woff2",
    "brotli",
    "pygments.lexers.shell",
    "jupytext",
)
KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "matplotlib.figure",  # not pyplot: the shell sets it up as it is imported
    "matplotlib.backends.backend_svg",
    "pandas",
    "scipy.stats",
    "scipy.signal",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "altair",
    "torch",
)
INLINE = "module://matplotlib_inline.backend_inline"
KERNELSPEC = {"display_name": "Python 3", "language": "python"}
# sends what a kernel is started with to `kernels` and ends when the kernel does
CLIENT = """
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
request = {"argv": sys.argv[2:], "cwd": os.getcwd(), "env": dict(os.environ)}
server.sendall(json.dumps(request).encode() + b"\\n")
sys.exit(int(server.recv(10) or 1))
"""


@functools.cache
def _context(*imports: str) -> multiprocessing.context.BaseContext:
    """The fork server of this process; there is one, so it imports for everything at once."""
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.warm_imports"])
    before = dict(os.environ)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    os.environ.update(threads, WARM_IMPORTS=" ".join(imports), JPY_PARENT_PID="0")
    os.environ["MPLBACKEND"] = INLINE  # read when matplotlib is imported
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT / "code"), str(ROOT)))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context


def run(
    name: str,
    args: list[str],
    env: dict[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 240,
) -> subprocess.CompletedProcess[str]:
    """`python -m name args` with captured text, forked where this system can."""
    env = dict(os.environ if env is None else env)
    folder = os.fspath(cwd or os.getcwd())
    if sys.platform == "win32":
        command = [sys.executable, "-m", name, *args]
        return subprocess.run(
            command, env=env, cwd=folder, capture_output=True, text=True, timeout=timeout
        )
    sys.audit("tests.command")
    context = _context(*COMMANDS.values(), *PRESS)
    with tempfile.TemporaryDirectory() as streams:
        out = Path(streams) / "out"
        err = Path(streams) / "err"
        process = context.Process(
            target=become, args=(name, args, env, folder, str(out), str(err)), daemon=False
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(args, timeout)
        code = process.exitcode
        texts = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (out, err)]
    return subprocess.CompletedProcess(args, code, *texts)


def become(name: str, args: list[str], env: dict[str, str], cwd: str, out: str, err: str) -> None:
    """In the forked process: run a module as `python -m name` would."""
    from tests.warm_imports import SEARCH_PATH

    for stream, path in enumerate((out, err), 1):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:] = SEARCH_PATH
    sys.argv = [name, *args]
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def become_kernel(argv: list[str], cwd: str, env: dict[str, str]) -> None:
    """In the forked process: the kernel that `python -m ipykernel_launcher` would be."""
    from tests.warm_imports import SEARCH_PATH

    os.setsid()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:] = SEARCH_PATH
    sys.argv = ["ipykernel_launcher.py", *argv]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


@contextmanager
def kernels(folder: Path) -> Iterator[dict[str, str]]:
    """Answers requests for the kernel `python3` with forks; yields the environment that asks here.

    Jupyter starts a small client for each kernel, which asks for a fork and ends with it; when the
    client is killed, so is the kernel.
    """
    context = _context(*KERNEL)
    spec = folder / "kernels" / "python3"
    spec.mkdir(parents=True)
    (folder / "client.py").write_text(CLIENT, encoding="utf-8")
    address = str(folder / "socket")
    argv = [sys.executable, "-SE", str(folder / "client.py"), address, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({**KERNELSPEC, "argv": argv}), encoding="utf-8")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        threading.Thread(target=_answer, args=(server, context), daemon=True).start()
        yield {**os.environ, "JUPYTER_PATH": str(folder)}


def _answer(server: socket.socket, context: multiprocessing.context.BaseContext) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # closed
            return
        threading.Thread(target=_start_kernel, args=(client, context), daemon=True).start()


def _start_kernel(client: socket.socket, context: multiprocessing.context.BaseContext) -> None:
    with client, client.makefile(encoding="utf-8") as lines:
        request = json.loads(lines.readline())
        process = context.Process(
            target=become_kernel, args=(request["argv"], request["cwd"], request["env"])
        )
        process.start()
        multiprocessing.connection.wait([process.sentinel, client])
        process.join(0)
        if process.exitcode is None:
            process.kill()
            process.join()
        with suppress(OSError):  # a client that was killed waits for no answer
            client.sendall(str(abs(process.exitcode or 0)).encode())
