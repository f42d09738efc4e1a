"""Functions that the tests of isolation run in a process of their own, which imports them."""

from __future__ import annotations

import os
import subprocess
import sys
import time


def power(n: int) -> str:
    """Compute 10**n, in one call that no thread can interrupt."""
    return str(round(5, -n))


def echo(text: str) -> str:
    """Say it again."""
    print("noise on standard output")
    return text


def environment() -> str:
    """Name the variables of the environment."""
    return " ".join(sorted(os.environ))


def hungry(megabytes: int) -> str:
    """Use memory."""
    return str(len(bytearray(megabytes << 20)))


def fails() -> str:
    """Fail."""
    raise RuntimeError("the cable is out")


def leave() -> str:
    """End the process."""
    os._exit(3)


def family(pidfile: str) -> str:
    """Start a child that outlives the call, unless it is killed too."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with open(pidfile, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()} {child.pid}")
    time.sleep(60)
    return ""
