"""A module of the reader's own, outside the package: started, stopped, resumed, and refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from clikit.errors import Exit, UserError
from projects import registry
from projects.runner import checkpoints, own
from projects.runner.settings import Settings
from projects.runner.task import Task
from torch import nn

from tests.conftest import ROOT
from tests.projects import toy

DEPENDS = ("code/projects/**", "code/groundtruth/**", "code/clikit/**")

MODULE = '''
"""Fit a noisy line, slowly enough to be stopped."""

import time
from dataclasses import dataclass

import torch
from torch import nn

from projects.runner import rng, settings as base
from projects.runner.task import Task

PRESETS = {"short": {"steps": 60, "save_every": 5, "eval_every": 20, "batch_size": 5}}


@dataclass(frozen=True)
class Settings(base.Settings):
    dropout: float = 0.2
    pause: float = 0.0


class Line(Task):
    def __init__(self, settings):
        super().__init__(settings)
        torch.manual_seed(settings.seed)
        self.model = nn.Sequential(nn.Linear(1, 8), nn.Dropout(settings.dropout), nn.Linear(8, 1))

    def batch(self, step):
        time.sleep(self.settings.pause)
        x = torch.randn(self.settings.batch_size, 1, generator=rng.generator(step))
        return x, 2 * x

    def loss(self, model, batch):
        return ((model(batch[0]) - batch[1]) ** 2).mean()

    def evaluate(self, model, device):
        return {"val_loss": float(model(torch.ones(1, 1)).item() - 2) ** 2}


def build(settings, state=None):
    return Line(settings)
'''
SAMPLE = """
@dataclass(frozen=True)
class Sample:
    x: float = 1.0


def sample(self, model, options, device):
    return f"{options.x:g} -> {model(torch.tensor([[options.x]])).item():.3f}"


Line.sample = sample
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder from which modules are imported, and nothing of them afterwards."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    yield tmp_path
    for name in set(sys.modules) - before:
        if not name.startswith(("torch", "projects", "groundtruth")):
            del sys.modules[name]


def write(name: str, text: str = MODULE) -> None:
    path = Path(name.replace(".", "/") + ".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


ENV = {**os.environ, "PYTHONPATH": str(ROOT / "code"), "OMP_NUM_THREADS": "1"}


def start(folder: Path, *args: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "projects", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENV,
        cwd=folder,
    )


def projects(folder: Path, *args: object) -> str:
    process = start(folder, *args)
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return out


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send these to another process")
@pytest.mark.parametrize(("name", "count"), [("line", 1), ("my.tasks.line", 1), ("line", 2)])
def test_a_module_is_started_stopped_and_resumed_by_its_name(folder, name, count):
    """The commands find it from the current folder, also in the processes that torchrun starts."""
    write(name)
    several = ["--processes", count] if count > 1 else []
    projects(folder, "run", name, *several, "--out", "straight")
    process = start(folder, "run", name, *several, "--set", "pause=0.05", "--out", "halted")
    deadline = time.monotonic() + 240
    while not checkpoints.list_newest_first(folder / "halted"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    halted = checkpoints.load_newest(folder / "halted", name, print)["step"]
    assert 5 <= halted < 60
    projects(folder, "resume", "halted", *several)
    lines = [(folder / run / "metrics.jsonl").read_text() for run in ("straight", "halted")]
    assert lines[0] == lines[1]
    models = [
        checkpoints.load_newest(folder / run, name, print)["model"]
        for run in ("straight", "halted")
    ]
    assert all(torch.equal(weight, models[1][key]) for key, weight in models[0].items())
    card = json.loads((folder / "halted" / "card.json").read_text())
    assert (card["project"], card["preset"], card["processes"]) == (name, "short", count)
    assert len(card["versions"][name]) == 12


def test_the_other_commands_find_it_by_the_same_name(folder):
    write("line", MODULE + SAMPLE)
    made = projects(folder, "run", "line", "--set", "steps=2", "--seeds", 2)
    assert made.splitlines()[-1] == "runs/line-short"
    assert "Fit a noisy line" in projects(folder, "describe", "line")
    assert "dropout" in projects(folder, "describe", "line")
    assert projects(folder, "card", "runs/line-short").startswith("line (short): 25 parameters")
    seeds = [f"runs/line-short/seed-{seed}" for seed in (0, 1)]
    assert "seed differs: 0; 1" in projects(folder, "compare", *seeds)
    assert projects(folder, "sample", seeds[0], "--set", "x=3").startswith("3 -> ")
    write("line", MODULE + SAMPLE + "# changed")
    resumed = start(folder, "resume", seeds[0], "--set", "steps=3")
    _, said = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, said
    assert re.search("versions was .*'line': '(.{12})'.* and is .*'line': '(?!\\1)", said), said


def test_a_module_that_changed_is_another_version(folder):
    write("line")
    module = registry.load("line")
    task = own.task(module, module.Settings())
    before = own.version(task)
    write("line", MODULE + "\n")
    assert before.keys() == own.version(task).keys() == {"line"}
    assert before != own.version(task)


def test_the_books_own_tasks_and_those_of_a_notebook_are_not_hashed():
    from projects import cnn

    assert own.version(cnn.build(cnn.Settings(model="logistic", images=2))) == {}
    notebook = type("Cell", (toy.Line,), {"__module__": "__main__"})
    assert own.version(notebook(toy.Settings())) == {}


def test_the_current_folder_comes_first_as_with_python_m(folder):
    write("line")
    assert Path(registry.load("line").__file__) == folder / "line.py"
    assert sys.path[0] == str(folder)
    registry.load("line")
    assert sys.path.count(str(folder)) == 1


def test_a_project_comes_before_a_file_of_its_name(folder):
    write("gpt")
    assert registry.load("gpt").__name__ == "projects.gpt"


def replaced(old: str, new: str) -> str:
    assert old in MODULE
    return MODULE.replace(old, new)


PRESET = '{"short": {"steps": 60, "save_every": 5, "eval_every": 20, "batch_size": 5}}'
FAULTS = {
    "no names": ("x = 1", "has no Settings, PRESETS, build"),
    "no build": (replaced("def build", "def built"), r"line.py\) has no build"),
    "error": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero .*line 1"),
    "syntax": ("\n\nx = = 1", "cannot be imported: SyntaxError: .*line 3"),
    "null byte": ("x = 1\0", "cannot be imported: .*null bytes"),
    "exit": ("raise SystemExit('bye')", "cannot be imported: SystemExit: bye"),
    "missing import": ("import torhc", "cannot be imported: .*No module named 'torhc'"),
    "not frozen": (replaced("frozen=True", "frozen=False"), "cannot inherit non-frozen"),
    "build is a word": (MODULE + "build = 'Line'", "build of .* is 'Line'"),
    "build of nothing": (
        replaced("build(settings, state=None)", "build()"),
        "build of .* does not take the settings",
    ),
    "build of one": (
        replaced("build(settings, state=None)", "build(settings)"),
        "build of .* does not take the settings",
    ),
    "settings of no class": (MODULE + "Settings = {'steps': 3}", "Settings of .* is {'steps': 3}"),
    "settings of another class": (MODULE + "Settings = Line", "Settings of .* is <class"),
    "no decorator": (
        replaced("@dataclass(frozen=True)", ""),
        "is not a dataclass: dropout, pause cannot be set",
    ),
    "type of a setting": (
        replaced("pause: float = 0.0", "pause: tuple = ()"),
        "Settings.pause of .* has the type tuple",
    ),
    "union": (
        replaced("pause: float = 0.0", "pause: float | None = None"),
        "Settings.pause of .* has the type float . None",
    ),
    "default of a setting": (replaced("dropout: float = 0.2", "dropout: int = 0.2"), "dropout=0.2"),
    "no preset": (MODULE + "PRESETS = {}", "PRESETS of .* is {}"),
    "list of presets": (MODULE + "PRESETS = ['short']", "PRESETS of .* is \\['short'\\]"),
    "preset of no settings": (MODULE + "PRESETS = {'a': 3}", "PRESETS\\['a'\\] of .* is 3"),
    "preset of no name": (MODULE + "PRESETS = {1: {}}", "PRESETS\\[1\\] of"),
    "key of a preset": (
        replaced('"steps"', '"stepps"'),
        "preset 'short' of .* sets 'stepps', which is not a setting; did you mean 'steps'",
    ),
    "type in a preset": (
        replaced('"steps": 60', '"steps": "60"'),
        "preset 'short' of .*: steps='60' is not of type int",
    ),
    "options of no class": (MODULE + "Sample = 3", "Sample of .* is 3"),
    "type of an option": (
        MODULE + "@dataclass\nclass Sample:\n    x: list = None\n",
        "Sample.x of .* has the type list",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_module_without_what_a_task_needs_is_refused_with_the_fix(folder, fault):
    text, message = FAULTS[fault]
    write("line", text)
    with pytest.raises(UserError, match=message) as error:
        registry.load("line")
    assert error.value.code is Exit.USAGE
    assert error.value.fix
    assert len(error.value.what.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lien", "no project 'lien'; did you mean 'line'(.|\n)*no lien.py was found from this"),
        ("gtp", "no project 'gtp'; did you mean 'gpt'"),
        ("my.lien", "no module 'my.lien'; did you mean 'my.line'(.|\n)*no my/lien.py"),
        ("line.x", "no module 'line.x'"),
        ("nowhere.line", "no module 'nowhere.line'"),
        ("line.py", "'line.py' is a file(.|\n)*in this folder, name the module: line"),
        ("my/line.py", "is a file(.|\n)*in this folder, name the module: my.line"),
        ("../line.py", "is a file(.|\n)*in .., name the module: line"),
        ("", "no project ''"),
        (".line", "no project '.line'"),
        ("3x", "no project '3x'"),
        ("projects.cnn", "'projects.cnn' is a project(.|\n)*name it 'cnn'"),
        ("os.path", "the module 'os.path' .* has no Settings"),
    ],
)
def test_a_name_without_a_module_is_answered_with_the_nearest(folder, name, message):
    write("line")
    write("my.line")
    with pytest.raises(UserError, match=message) as error:
        registry.load(name)
    assert error.value.code is Exit.USAGE


def test_a_package_that_fails_is_not_a_package_that_is_missing(folder):
    write("my.line")
    write("my.__init__", "import my.other")
    with pytest.raises(UserError, match="'my.line' cannot be imported: .*'my.other'"):
        registry.load("my.line")


def test_what_build_returns_is_checked():
    class Empty(Task):
        batch = loss = evaluate = None

    settings = Settings()
    for wrong, message in (
        (nn.Linear(1, 1), "what build returns of the module 'm' is Linear"),
        (Empty(settings), "the model of Empty of the module 'm' is None"),
    ):
        module = type("module", (), {"__name__": "m", "build": staticmethod(lambda *_, w=wrong: w)})
        module.__name__ = "m"
        with pytest.raises(UserError, match=message):
            own.task(module, settings)


def test_a_run_without_a_preset_takes_laptop_or_the_first():
    module = type("module", (), {"PRESETS": {"smoke": {}, "laptop": {}}})
    assert own.first_preset(module) == "laptop"
    module.PRESETS = {"short": {}, "long": {}}
    assert own.first_preset(module) == "short"


def test_a_task_that_cannot_be_sampled_says_so(folder, monkeypatch):
    from click.testing import CliRunner
    from projects.runner.cli import main

    write("line")
    runner = CliRunner()
    made = runner.invoke(main, ["run", "line", "--set", "steps=1", "--out", "one"])
    assert made.exit_code == 0, made.output
    done = runner.invoke(main, ["sample", "one"])
    assert done.exit_code == 2
    assert "the task Line of 'line' has no method sample" in done.output
    monkeypatch.chdir(folder.parent)
    sys.path.remove(str(folder))
    del sys.modules["line"]
    done = runner.invoke(main, ["resume", str(folder / "one")])
    assert done.exit_code == 2
    assert f"no line.py was found from this folder, {folder.parent}" in done.output
