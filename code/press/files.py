"""Files that are either whole or not there, and one build at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from press.errors import Exit, PressError


def sha(data: bytes | str | Any) -> str:
    """Hex digest of bytes, of a string, or of anything JSON can spell (sorted keys)."""
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write, fsync, rename: a reader sees the old file or the new one, never a part."""
    raw = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        with os.fdopen(fd, "wb") as handle:
            handle.write(raw)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def disk_error(path: Path, error: OSError) -> PressError:
    """An operating-system error as a message that names the file and the remedy."""
    return PressError(
        f"cannot write {path}: {error.strerror or error}",
        "free some space or correct the permissions, then run the same command again; "
        "what was finished is kept",
    )


def write_json(path: Path, value: Any) -> None:
    """`value` as JSON with a checksum line, so that damage is noticed when it is read."""
    body = json.dumps(value, ensure_ascii=False)
    write_atomic(path, f"{sha(body)}\n{body}\n")


def read_json(path: Path) -> Any | None:
    """What `write_json` wrote, or None when the file is missing or damaged."""
    try:
        digest, body = path.read_text(encoding="utf-8").split("\n", 1)
    except (OSError, ValueError):
        return None
    body = body.rstrip("\n")
    return json.loads(body) if sha(body) == digest else None


@contextmanager
def lock(path: Path, tell: Callable[[str], None], wait_s: float = 3600.0) -> Iterator[None]:
    """Hold the build folder; a second build waits, and the kernel frees the lock of a killed one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(path, "a+")
    except OSError as error:
        raise disk_error(path, error) from error
    told, start = False, time.monotonic()
    with handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    handle.seek(0)
                    tell(
                        f"another build is at work here (process {handle.read().strip() or '?'}); waiting for it"
                    )
                    told = True
                if time.monotonic() - start > wait_s:
                    raise PressError(
                        f"the other build still holds {path} after {wait_s:.0f} s",
                        "wait for it or end it, then run the same command again",
                        Exit.ENVIRONMENT,
                    ) from None
                time.sleep(0.1)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
