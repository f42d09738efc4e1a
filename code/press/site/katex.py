"""Two repairs to the KaTeX server of sphinxcontrib-katex: it waits until it is answered, and it dies with its build."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

PARENT = Path(__file__).parent / "extension" / "parent.cjs"
PATIENCE_S = 30.0


def repair() -> None:
    """Patch the server class; calling it twice does no harm."""
    from sphinxcontrib.katex import KaTeXServer

    if not hasattr(KaTeXServer, "_repaired"):
        KaTeXServer._repaired = True
        KaTeXServer.start_server_process = classmethod(start)


def start(cls: Any, rundir: Path, timeout: float) -> tuple[Popen, socket.socket]:
    """Start node and connect; the socket's file appears a moment before node listens to it."""
    path = rundir / "katex.sock"
    node, *rest = cls.build_command(socket=path)
    process = Popen([node, "--require", str(PARENT), *rest], stdin=PIPE, stdout=PIPE, cwd=rundir)
    deadline = time.monotonic() + max(timeout, PATIENCE_S)
    while True:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            client.connect(str(path))
            return process, client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
            if process.poll() is not None or time.monotonic() > deadline:
                raise cls.timeout_error(timeout) from None
            time.sleep(0.005)
