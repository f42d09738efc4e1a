"""Files that are complete or absent, JSON with a checksum, and a lock between processes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from clikit.errors import Exit, UserError

DISK_FIX = (
    "free some space or correct the permissions, then run the same command again; "
    "finished work is saved"
)


def sha(data: bytes | str | Any) -> str:
    """Hex digest of bytes, of a string, or of anything JSON can represent (sorted keys)."""
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


class _Handle:
    """A binary file that remembers the operating system's error.

    Writers in C++ (torch's is one) answer a failed write with an error of their own that does not
    mention the full disk behind it.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self.handle.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        try:
            self.handle.flush()
        except OSError as error:
            self.error = error
            raise


def write_with(path: Path, write: Callable[[Any], Any], fix: str = DISK_FIX) -> None:
    """Let `write` fill a file beside `path`, flush it to the disk, and rename it.

    A reader sees the old file or the new one, never a part.

    Raises
    ------
    UserError
        When the disk is full or the folder cannot be written; the old file is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
    except OSError as error:
        raise disk_error(path, error, fix) from error
    try:
        with os.fdopen(descriptor, "wb") as raw:
            _fill(raw, write)
            os.fsync(raw.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise disk_error(path, error, fix) from error
    finally:
        with suppress(OSError):
            os.unlink(name)


def _fill(raw: BinaryIO, write: Callable[[Any], Any]) -> None:
    handle = _Handle(raw)
    try:
        write(handle)
        handle.flush()
    except Exception as error:
        if handle.error is None:
            raise
        raise handle.error from error


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write `data` (a string as UTF-8), fsync, rename."""
    raw = data.encode() if isinstance(data, str) else data
    write_with(path, lambda handle: handle.write(raw))


def disk_error(path: Path, error: OSError, fix: str = DISK_FIX) -> UserError:
    """An error of the operating system as a message that names the file and the fix."""
    return UserError(f"cannot write {path}: {error.strerror or error}", fix)


def write_json(path: Path, value: Any) -> None:
    """`value` as JSON under a checksum line, so that damage is detected when it is read."""
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
def lock(
    path: Path, report: Callable[[str], None], wait_s: float = 3600.0, holder: str = "build"
) -> Iterator[None]:
    """Hold `path` alone; wait for another holder, and report that once.

    The operating system frees the lock of a process that was killed.

    Raises
    ------
    UserError
        When the lock is still held after `wait_s` seconds, or its file cannot be written.
    """
    from filelock import FileLock, Timeout

    owner = path.with_name(f"{path.name}.pid")
    guard = FileLock(str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            guard.acquire(timeout=0)
        except Timeout:
            if wait_s > 0:
                report(f"another {holder} is running here (process {_pid(owner)}); waiting for it")
            guard.acquire(timeout=wait_s)
        owner.write_text(str(os.getpid()), encoding="utf-8")
    except Timeout:
        raise UserError(
            f"another {holder} (process {_pid(owner)}) still holds {path} after {wait_s:.0f} s",
            "wait for it or end it, then run the same command again",
            Exit.ENVIRONMENT,
        ) from None
    except OSError as error:
        guard.release()
        raise disk_error(path, error) from error
    try:
        yield
    finally:
        guard.release()


def _pid(owner: Path) -> str:
    try:
        return owner.read_text(encoding="utf-8").strip() or "?"
    except OSError:
        return "?"
