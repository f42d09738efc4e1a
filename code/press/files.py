"""The old name of `clikit.files`; it goes when nothing imports it any more."""

from clikit.files import disk_error, lock, read_json, sha, write_atomic, write_json

__all__ = ["disk_error", "lock", "read_json", "sha", "write_atomic", "write_json"]
