"""Makes small books for the tests of the press, and runs the press on them as a user would."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests import warm
from tests.conftest import ROOT

DEPENDS = ("code/press/**", "code/clikit/**", "_config.yml", "book/press.yml")

HEAD = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
kind: front
---

"""
EXERCISE = """```{exercise-start} Warm-up
:label: ex-one
```
Do it.
```{exercise-end}
```

```{solution-start} ex-one
:class: dropdown
```
"""  # its solution is open: what follows is in it
SETTINGS = {  # of the real book, whose documents a small one has not
    **yaml.safe_load((ROOT / "book" / "press.yml").read_text(encoding="utf-8")),
    "documents": {},
}
TOY = '''"""A module that chapters import."""

from toy.deep import FACTOR


def double(x):
    return FACTOR * x
'''


def cell(source: str, head: str = "") -> str:
    return f"```{{code-cell}} ipython3\n{head}{source}\n```\n"


def chapter(title: str, *sources: str) -> str:
    """A page with one cell a source, and a sentence before each."""
    body = "\n".join(
        f"The cell with number {i} prints.\n\n{cell(source)}" for i, source in enumerate(sources, 1)
    )
    return f"{HEAD}# {title}\n\n{body}"


def make(root: Path, pages: dict[str, str] | None = None, **settings: object) -> Path:
    """A book at `root` with the real configuration; audits are off unless asked for."""
    pages = pages or {
        "index": chapter("Home", "print('home')"),
        "a/one": chapter(
            "One",
            "from toy.near import double\nprint(double(2))",
            "print('x = 1.50 m')\nprint('y = -2')",
        ),
        "a/two": chapter("Two", "print('two')", "2 + 2") + "\nA formula $x^2$.\n",
    }
    settings = {"workers": 2, "packages": ["toy"], "audits": [], "cell_timeout_s": 20, **settings}
    for slug, text in pages.items():
        write(root / "book" / f"{slug}.md", text)
    names = [slug for slug in pages if slug != "index"]
    write(
        root / "_toc.yml",
        "format: jb-book\nroot: index\n"
        + (
            "parts:\n- caption: All\n  chapters:\n"
            + "".join(f"  - file: {name}\n" for name in names)
            if names
            else ""
        ),
    )
    shutil.copy(ROOT / "_config.yml", root / "_config.yml")
    write(root / "book" / "references.bib", "")
    if not (root / "book" / "press.yml").exists():
        write(root / "book" / "press.yml", yaml.safe_dump(SETTINGS, sort_keys=False))
    write(
        root / "pyproject.toml",
        "[tool.press]\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()),
    )
    write(root / "code" / "toy" / "__init__.py", "")
    write(root / "code" / "toy" / "near.py", TOY)
    write(root / "code" / "toy" / "deep.py", "FACTOR = 2\n")
    write(root / "code" / "toy" / "unused.py", "NOTHING = 0\n")
    if not (root / "node_modules").exists():
        (root / "node_modules").symlink_to(ROOT / "node_modules")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def command(root: Path, *args: str) -> list[str]:
    return [sys.executable, "-m", "press", "--root", str(root), *args]


def press(
    root: Path, *args: str, timeout: float = 240, env: dict[str, str] | None = None, **options
) -> subprocess.CompletedProcess:
    """Run one press command, with `env` added to the environment, and capture what it says.

    It starts warm, unless something is to act before its first import.
    """
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "code"), **(env or {})}
    if env is None and not options.keys() - {"cwd"}:
        return warm.run("press", command(root, *args)[3:], surroundings, timeout=timeout, **options)
    env = surroundings
    return subprocess.run(
        command(root, *args), capture_output=True, text=True, timeout=timeout, env=env, **options
    )


def accepted(root: Path) -> Path:
    """Execute everything and accept it, so that the next build is clean."""
    press(root, "check")
    names = [
        str(p.relative_to(root / "book").with_suffix("")) for p in (root / "book").rglob("*.md")
    ]
    done = press(root, "accept", *names)
    assert done.returncode == 0, done.stderr
    return root


def digest(site: Path) -> dict[str, str]:
    """SHA-256 of every file of a site."""
    return {
        p.relative_to(site).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(site.rglob("*"))
        if p.is_file()
    }


def report(done: subprocess.CompletedProcess) -> dict:
    return json.loads(done.stdout)
