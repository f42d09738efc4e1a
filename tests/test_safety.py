"""What a user supplies is never executed, unpickled or handed to a shell: the linter refuses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

FORBIDDEN = {
    "eval": ("S307", "print(eval(input()))\n"),
    "exec": ("S102", "exec(input())\n"),
    "pickle": ("TID251", "import pickle\n\nprint(pickle.loads(b''))\n"),
    "pickle, imported by name": ("TID251", "from pickle import loads\n\nprint(loads(b''))\n"),
    "marshal": ("TID251", "import marshal\n\nprint(marshal.loads(b''))\n"),
    "shelve": ("TID251", "import shelve\n\nprint(shelve.open('x'))\n"),
    "joblib": ("TID251", "import joblib\n\nprint(joblib.load('x'))\n"),
    "torch.load": ("TID251", "import torch\n\nprint(torch.load('x'))\n"),
    "yaml.load": ("S506", "import yaml\n\nprint(yaml.load('x', Loader=yaml.Loader))\n"),
    "shell string": (
        "S602",
        "import subprocess\n\nsubprocess.run('ls ' + input(), shell=True, check=True)\n",
    ),
    "os.system": ("S605", "import os\n\nos.system('ls ' + input())\n"),
}
ALLOWED = {
    "literal_eval": "import ast\n\nprint(ast.literal_eval('1'))\n",
    "safe_load": "import yaml\n\nprint(yaml.safe_load('x'))\n",
    "a list of words": "import subprocess\n\nsubprocess.run(['ls'], check=True)\n",
    "evaluation mode": "import torch\n\ntorch.nn.Linear(1, 1).eval()\n",
}


def lint(source: str, name: str = "code/press/planted.py") -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--output-format",
            "concise",
            "--stdin-filename",
            name,
            "-",
        ],
        cwd=ROOT,
        input=source,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize("name", FORBIDDEN)
@pytest.mark.parametrize("room", ["code/press", "code/projects", "code/groundtruth/data", "tests"])
def test_what_runs_a_users_text_is_refused_in_every_room(name, room):
    rule, source = FORBIDDEN[name]
    assert f" {rule} " in lint(source, f"{room}/planted.py")


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_safe_passes(name):
    assert "All checks passed" in lint(ALLOWED[name])


def test_every_exception_says_why_or_shows_that_it_is_safe():
    """Beside a suppressed rule is its reason, beside torch.load is weights_only=True."""
    marks = [
        (path.relative_to(ROOT).as_posix(), line)
        for folder in ("code", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "# noqa: S" in line or "# noqa: TID" in line
    ]
    assert marks
    for path, line in marks:
        if path == "tests/test_safety.py":
            continue
        assert "weights_only=True" in line or "(" in line.split("# noqa:")[1], (path, line)
