"""The commands as a user runs them: real processes, real signals, real damage."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from projects.runner import checkpoints, cli, cli_use, session
from projects.runner.processes import Group

from tests import warm
from tests.conftest import ROOT

DEPENDS = ("code/projects/**", "code/groundtruth/**", "code/clikit/**", "book/**")

ENV = {**os.environ, "PYTHONPATH": str(ROOT / "code"), "OMP_NUM_THREADS": "1"}
SMALL = [
    "--preset",
    "smoke",
    "--set",
    "layers=1",
    "--set",
    "width=16",
    "--set",
    "context=16",
    "--set",
    "eval_windows=4",
]


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "projects", *map(str, args)]


def projects(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return warm.run("projects", list(map(str, args)), ENV, cwd, timeout=300)


def start(*args: object) -> subprocess.Popen:
    return subprocess.Popen(
        command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV
    )


def wait_for(what, process: subprocess.Popen, seconds: int = 60) -> None:
    for _ in range(50 * seconds):
        if what():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError(f"waited for {seconds} s")


def last(folder: Path) -> dict:
    return checkpoints.load(checkpoints.list_newest_first(folder)[0], "gpt")


def same(a: Path, b: Path) -> bool:
    """Whether two runs ended with the same weights and left the same metrics, bit for bit."""
    left = last(a)
    right = last(b)
    weights = all(torch.equal(x, right["model"][name]) for name, x in left["model"].items())
    return (
        weights
        and left["step"] == right["step"]
        and (a / "metrics.jsonl").read_bytes() == (b / "metrics.jsonl").read_bytes()
    )


LONG = [
    *SMALL,
    "--set",
    "steps=400",
    "--set",
    "dropout=0.1",
    "--set",
    "save_every=25",
    "--set",
    "eval_every=50",
]


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "straight"
    done = projects("run", "gpt", *LONG, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_run_says_where_it_computes_and_leaves_its_files(straight):
    names = {p.name for p in straight.iterdir()}
    assert {
        "run.json",
        "metrics.jsonl",
        "curve.csv",
        "curve.svg",
        "card.json",
        "best.pt",
    } <= names
    assert len(checkpoints.list_newest_first(straight)) == 2
    assert not [n for n in names if n.endswith(".part")]
    card = json.loads((straight / "card.json").read_text())
    assert card["project"] == "gpt"
    assert card["settings"]["width"] == 16
    assert card["metrics"]["val_loss"] < 2.0


@pytest.mark.parametrize("after", [25, 150])
def test_a_run_killed_at_any_moment_goes_on_as_if_nothing_had_been(straight, tmp_path, after):
    process = start("run", "gpt", *LONG, "--out", tmp_path / "run")
    wait_for(
        lambda: any(
            int(p.stem[-8:]) >= after for p in checkpoints.list_newest_first(tmp_path / "run")
        ),
        process,
    )
    time.sleep(0.03 * (after % 7))
    process.kill()
    process.communicate()
    done = projects("resume", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert same(straight, tmp_path / "run")


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send these to another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(straight, tmp_path, number):
    process = start("run", "gpt", *LONG, "--out", tmp_path / "run")
    wait_for(lambda: len(checkpoints.list_newest_first(tmp_path / "run")) > 0, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert f"saved; resume with: python -m projects resume {tmp_path / 'run'}" in said
    assert projects("resume", tmp_path / "run").returncode == 0
    assert same(straight, tmp_path / "run")


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(straight, tmp_path):
    process = start("run", "gpt", *LONG, "--out", tmp_path / "run")
    wait_for(lambda: len(checkpoints.list_newest_first(tmp_path / "run")) == 2, process)
    process.kill()
    process.communicate()
    newest = checkpoints.list_newest_first(tmp_path / "run")[0]
    newest.write_bytes(newest.read_bytes()[:1000])
    done = projects("resume", tmp_path / "run")
    assert done.returncode == 0
    assert f"{newest.name} is damaged" in done.stderr
    assert same(straight, tmp_path / "run")


def test_two_processes_give_the_curve_of_one_with_the_same_global_batch(tmp_path):
    """Data parallelism changes who computes, not what: gloo, half of each batch in either process,
    15 examples so that the halves differ.
    """
    options = [*SMALL, "--set", "steps=40", "--set", "batch_size=15", "--set", "eval_every=20"]
    for count in (1, 2):
        done = projects(
            "run", "gpt", *options, "--processes", count, "--out", tmp_path / str(count)
        )
        assert done.returncode == 0, done.stderr
    one, two = (
        [
            json.loads(line)
            for line in (tmp_path / str(c) / "metrics.jsonl").read_text().splitlines()
        ]
        for c in (1, 2)
    )
    assert [line["step"] for line in one] == [line["step"] for line in two]
    gap = max(
        abs(a[name] - b[name])
        for a, b in zip(one, two, strict=True)
        for name in ("loss", "val_loss")
        if name in a
    )
    assert gap < 1e-4, gap
    weights = [last(tmp_path / str(c))["model"] for c in (1, 2)]
    assert max(float((w - weights[1][name]).abs().max()) for name, w in weights[0].items()) < 1e-3
    assert json.loads((tmp_path / "2" / "card.json").read_text())["processes"] == 2


def test_several_seeds_are_summarised_and_the_card_is_shown(tmp_path):
    done = projects("run", "gpt", *SMALL, "--set", "steps=5", "--seeds", 2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / done.stdout.splitlines()[-1]
    card = json.loads((folder / "card.json").read_text())
    assert card["seeds"] == [0, 1]
    assert len(card["metrics"]["val_loss"]["values"]) == 2
    assert card["metrics"]["val_loss"]["sd"] > 0
    shown = projects("card", folder)
    side = projects("compare", folder / "seed-0", folder / "seed-1")
    assert side.returncode == 0
    assert [line.split()[0] for line in side.stdout.splitlines()] == [
        "run",
        "seed-0",
        "seed-1",
        "seed",
    ]
    assert side.stdout.splitlines()[-1] == "seed differs: 0; 1"
    assert "over 2 seeds" in shown.stdout
    assert json.loads(projects("card", folder, "--json").stdout) == card


def test_a_run_can_be_made_longer_but_not_another(straight, tmp_path):
    projects(
        "run",
        "gpt",
        *SMALL,
        "--set",
        "steps=10",
        "--set",
        "save_every=10",
        "--out",
        tmp_path / "run",
    )
    refused = projects("resume", tmp_path / "run", "--set", "width=32")
    assert refused.returncode == 2
    assert "would make it another run" in refused.stderr
    done = projects("resume", tmp_path / "run", "--set", "steps=20")
    assert done.returncode == 0
    assert last(tmp_path / "run")["step"] == 20


def test_a_sample_is_drawn_from_the_best_weights_and_repeats_with_its_seed(straight):
    one, two, other = (
        projects(
            "sample",
            straight,
            "--set",
            "prompt=to be",
            "--set",
            "length=40",
            "--set",
            f"seed={seed}",
        )
        for seed in (1, 1, 2)
    )
    assert one.returncode == 0
    assert one.stdout.startswith("to be")
    assert len(one.stdout.rstrip("\n")) == 45
    assert one.stdout == two.stdout != other.stdout


def test_list_and_describe_name_every_project_and_setting():
    assert [line.split()[0] for line in projects("list").stdout.splitlines()] == [
        "gpt",
        "chat",
        "lora",
        "cnn",
        "diffusion",
        "agent",
    ]
    said = projects("describe", "gpt").stdout
    assert "laptop" in said
    assert "learning_rate" in said
    assert "temperature=0.8" in said


def test_describe_of_the_agent_names_every_cap_and_tool():
    said = projects("describe", "agent").stdout
    for name in ("steps", "seconds", "calls", "calculator", "convert", "search", "read_file"):
        assert re.search(rf"(?m)^{name} ", said), name


def test_a_finished_run_is_not_recorded_again(straight):
    names = ("run.json", "card.json", "metrics.jsonl", "best.pt", "curve.csv")
    before = [(straight / name).read_bytes() for name in names]
    done = projects("resume", straight)
    assert done.returncode == 0, done.stderr
    assert "at its last step, 400: nothing to do" in done.stderr
    assert [(straight / name).read_bytes() for name in names] == before


def test_without_best_weights_those_of_the_newest_checkpoint_are_used(straight, tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(straight, folder)
    (folder / "best.pt").write_bytes(b"damaged")
    _, task, state = cli_use.trained(folder)
    assert state["step"] == 400
    assert "using the weights of step 400" in capsys.readouterr().err
    assert torch.equal(next(task.model.parameters()), next(iter(last(folder)["model"].values())))


def test_a_started_process_does_not_write_over_another_run(straight, monkeypatch):
    """torchrun starts the command in each process again, after a failure too."""
    from click.testing import CliRunner
    from projects.runner.cli import main

    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["run", "gpt", *SMALL, "--out", str(straight)])
    assert done.exit_code == 2
    assert "is not empty" in done.output


def test_the_command_that_resumes_has_the_number_of_processes(monkeypatch):
    folder = Path("runs/gpt")
    assert session.resume_command(folder, Group()) == "python -m projects resume runs/gpt"
    assert session.resume_command(folder, Group(size=2)).endswith("resume runs/gpt --processes 2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert session.resume_command(folder, Group(size=16)).startswith("torchrun, with the options")


def test_the_seeds_that_were_not_started_are_named(capsys):
    cli._name_other_seeds("gpt", 1, 4, Path("runs/x"), True)
    said = capsys.readouterr().err
    assert "the seeds 2 to 4 were not started" in said
    assert "--set seed=2" in said
    cli._name_other_seeds("gpt", 4, 4, Path("runs/x"), True)
    assert capsys.readouterr().err == ""


def test_a_start_that_failed_leaves_a_folder_that_can_be_used(tmp_path):
    for name in ("run.lock", "run.lock.pid"):
        (tmp_path / name).write_text("")
    assert not session.occupied(tmp_path)
    assert not session.occupied(tmp_path / "none")
    (tmp_path / "run.json").write_text("")
    assert session.occupied(tmp_path)


def test_a_run_that_saved_nothing_is_resumed_from_its_first_step(straight, tmp_path):
    """As a queue does after a kill: with `run` it would be refused, because the folder is used."""
    folder = tmp_path / "killed"
    folder.mkdir()
    shutil.copy(straight / "run.json", folder)
    done = projects("resume", folder)
    assert done.returncode == 0, done.stderr
    assert "holds no checkpoint yet: starting at step 0" in done.stderr
    assert same(straight, folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_of_several_processes_saves_and_says_how_to_go_on(tmp_path, number):
    folder = tmp_path / "two"
    long = ("--set", "steps=9000", "--set", "save_every=1")
    process = start("run", "gpt", *LONG, *long, "--processes", 2, "--out", folder)
    try:  # several processes take a while to start
        wait_for(lambda: checkpoints.list_newest_first(folder), process, seconds=240)
    finally:
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    step = last(folder)["step"]
    assert f"stopped at step {step}, saved; resume with" in said
    assert f"resume {folder} --processes 2" in said
    with session.alone(folder, Group()):  # nobody trains there any more
        pass


WRONG = {
    "key of another program": (["run", "gpt", "--set", "lr=3"], 2, "mean 'learning_rate'"),
    "key of a model": (["run", "gpt", "--set", "n_embd=3"], 2, "did you mean 'width'"),
    "key of no project": (["run", "cnn", "--set", "d_model=3"], 2, "there is no setting 'd_model'"),
    "project": (["run", "gtp"], 2, "did you mean 'gpt'"),
    "preset": (["run", "gpt", "--preset", "laptob"], 2, "did you mean 'laptop'"),
    "key": (["run", "gpt", "--set", "widht=3"], 2, "did you mean 'width'"),
    "type": (["run", "gpt", "--set", "width=wide"], 2, "is not a whole number"),
    "value": (["run", "gpt", "--set", "heads=3"], 2, "does not split into 3 heads"),
    "device": (["run", "gpt", "--device", "tpu"], 2, "no device 'tpu'"),
    "missing corpus": (["run", "gpt", "--set", "corpus=sonets"], 2, "did you mean 'sonnets'"),
    "empty corpus": (["run", "gpt", "--set", "corpus={empty}"], 2, "is empty"),
    "short corpus": (["run", "gpt", "--set", "corpus={short}"], 2, "a window needs 65"),
    "binary corpus": (["run", "gpt", "--set", "corpus={binary}"], 2, "is not UTF-8 text"),
    "no run": (["resume", "{folder}"], 2, "it has no run.json"),
    "other project": (["resume", "{other}"], 2, "no project 'poetry'"),
    "not finished": (["card", "{unfinished}"], 2, "has not finished"),
    "nothing to compare": (["compare", "{unfinished}"], 2, "has no card"),
    "no weights": (["sample", "{unfinished}"], 2, "there is no checkpoint"),
    "full folder": (["run", "gpt", "--out", "{unfinished}"], 2, "is not empty"),
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("shelf")
    files = {"empty": b"", "short": b"to be", "binary": bytes(range(200, 256)) * 10}
    for name, data in files.items():
        (base / name).write_bytes(data)
    for name, project in (("other", "poetry"), ("unfinished", "gpt")):
        (base / name).mkdir()
        (base / name / "run.json").write_text(
            json.dumps({"project": project, "preset": "smoke", "settings": {}})
        )
    return {**{p.name: p for p in base.iterdir()}, "folder": base}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_told_in_one_message_and_nothing_is_lost(case, shelf, tmp_path):
    from click.testing import CliRunner
    from projects.runner.cli import main

    args, code, message = WRONG[case]
    before = sorted(p for p in shelf["folder"].rglob("*"))
    with CliRunner().isolated_filesystem(tmp_path):
        done = CliRunner().invoke(main, [a.format(**shelf) for a in args])
    assert done.exit_code == code
    assert message in done.output
    assert "fix:" in done.output
    assert "Traceback" not in done.output
    assert sorted(p for p in shelf["folder"].rglob("*")) == before
