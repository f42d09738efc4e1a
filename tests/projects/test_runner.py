"""Claims of the runner's parts: settings, devices, checkpoints, records, progress."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from dataclasses import asdict

import numpy as np
import pytest
import torch
from clikit.errors import Exit, UserError, nearest
from projects import corpora, registry
from projects.runner import (
    checkpoints,
    cli_results,
    devices,
    options,
    processes,
    progress,
    records,
    rng,
)
from projects.runner.settings import choose, override
from projects.runner.signals import OnSignals

from tests.projects.toy import PRESETS, Settings, trainer


def test_a_preset_and_overrides_make_settings_of_the_right_types():
    made = choose(
        Settings(), PRESETS, "laptop", ["learning_rate=3e-4", "shuffle=no", "width=16", "name=x=y"]
    )
    assert made == Settings(steps=200, learning_rate=3e-4, shuffle=False, width=16, name="x=y")


@pytest.mark.parametrize(
    ("preset", "overrides", "message"),
    [
        ("laptpo", [], "no preset 'laptpo'; did you mean 'laptop'"),
        ("smoke", ["learning_rat=1"], "no setting 'learning_rat'; did you mean 'learning_rate'"),
        ("smoke", ["qqqq=1"], "no setting 'qqqq'\n"),
        ("smoke", ["steps=ten"], "steps='ten' is not a whole number"),
        ("smoke", ["steps=1.5"], "steps='1.5' is not a whole number"),
        ("smoke", ["learning_rate=fast"], "is not a number"),
        ("smoke", ["shuffle=maybe"], "is not true or false"),
        ("smoke", ["steps"], "'steps' is not of the form key=value"),
        ("smoke", ["steps=0"], "steps=0 must be at least 1"),
        ("smoke", ["learning_rate=nan"], "learning_rate=nan is not a finite number"),
        ("smoke", ["ema=1"], "ema=1.0 is a decay"),
        ("smoke", ["final_rate=2"], "final_rate=2.0 is a share"),
        ("smoke", ["clip_norm=-1"], "clip_norm=-1.0 must not be negative"),
    ],
)
def test_wrong_settings_are_told_with_the_remedy(preset, overrides, message):
    with pytest.raises(UserError) as error:
        choose(Settings(), PRESETS, preset, overrides)
    assert message in str(error.value)
    assert "fix: " in str(error.value)
    assert error.value.code is Exit.USAGE


def test_override_changes_any_dataclass_and_leaves_the_old_one():
    before = Settings()
    assert override(before, ["width=3"]).width == 3
    assert before.width == 8


def test_an_unknown_project_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="no project 'gtp'; did you mean 'gpt'"):
        registry.load("gtp")
    with pytest.raises(UserError, match="the agent is not trained(.|\n)*projects ask"):
        registry.load("agent")
    assert nearest("zzz", ["gpt"]) == ""


# -- devices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cuda", "mps", "kind"), [(False, True, "mps"), (False, False, "cpu")])
def test_the_device_is_chosen_in_order_and_said_why(monkeypatch, cuda, mps, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    place = devices.choose()
    assert place.device.type == kind
    assert place.precision == "fp32"
    assert "CUDA" in place.reason


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("gpu", "auto", "no device 'gpu'"),
        ("cuda", "auto", "not on this computer"),
        ("cpu", "fp8", "no precision 'fp8'"),
        ("cpu", "fp16", "fp16 needs a CUDA device"),
        ("cpu", "tf32", "tf32 needs a CUDA device"),
    ],
)
def test_a_device_or_precision_that_cannot_be_is_refused_with_the_reason(
    monkeypatch, device, precision, message
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=message):
        devices.choose(device, precision)


def test_autocast_computes_products_in_bf16_and_leaves_the_weights():
    layer = torch.nn.Linear(4, 4)
    with devices.choose("cpu", "bf16").autocast():
        assert layer(torch.ones(1, 4)).dtype == torch.bfloat16
    with devices.choose("cpu", "fp32").autocast():
        assert layer(torch.ones(1, 4)).dtype == torch.float32
    assert layer.weight.dtype == torch.float32


def test_bf16_training_stays_nearer_to_fp32_than_another_seed_does(tmp_path):
    """Experiment 4 of the brief: the curves' distance, against the spread of seeds."""
    curves = {}
    for name, seed, precision in (("fp32", 0, "fp32"), ("bf16", 0, "bf16"), ("seed", 1, "fp32")):
        run = trainer(tmp_path / name, steps=40, seed=seed)
        run.device_config = devices.choose("cpu", precision)
        run.run()
        curves[name] = np.array(
            [
                line["loss"]
                for line in records.read_lines(tmp_path / name / "metrics.jsonl")
                if "loss" in line
            ]
        )
    assert (
        0
        < abs(curves["bf16"] - curves["fp32"]).mean()
        < 0.2 * abs(curves["seed"] - curves["fp32"]).mean()
    )


def test_peaks_are_found_by_the_devices_names():
    assert devices.peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert devices.peak_flops("NVIDIA H100 PCIe") == 756e12
    assert devices.peak_flops("Voodoo") is None
    assert devices.peak_flops("NVIDIA L40") == 181e12
    assert devices.peak_flops("NVIDIA H100 NVL") == 835e12
    assert devices.peak_flops("NVIDIA A100-SXM4-80GB") == 312e12
    assert devices.peak_flops("NVIDIA GeForce RTX 4090 Laptop GPU") is None
    assert devices.peak_flops("NVIDIA H200", "fp32") is None


# -- random states --------------------------------------------------------------------------------


def test_restored_generators_go_on_where_they_were():
    rng.seed_all(7)
    cpu = torch.device("cpu")

    def draw():
        return (
            random.random(),
            random.gauss(0, 1),
            np.random.randn(3).tolist(),
            torch.randn(3).tolist(),
        )

    draw()
    states = rng.capture(cpu)
    first = draw()
    assert draw() != first
    rng.restore(states, cpu)
    assert draw() == first


def test_two_processes_drop_other_units():
    masks = []
    for rank in (0, 1):
        rng.seed_all(0, rank)
        masks.append(torch.nn.functional.dropout(torch.ones(64), 0.5))
    assert not torch.equal(*masks)


def test_generators_for_different_purposes_differ_and_equal_ones_do_not():
    numbers = [
        torch.randint(10**9, (4,), generator=rng.generator(*parts)).tolist()
        for parts in ((0, 1), (0, 1), (1, 0), (0, 2), (0, 1, 0))
    ]
    assert numbers[0] == numbers[1]
    assert len({tuple(n) for n in numbers}) == 4


# -- checkpoints ----------------------------------------------------------------------------------


def test_the_newest_checkpoints_are_kept_and_nothing_else(tmp_path):
    for step in (10, 20, 30):
        checkpoints.save(tmp_path, step, {"project": "toy"}, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint-00000020.pt",
        "checkpoint-00000030.pt",
    ]


def test_the_checkpoint_of_this_step_stays_beside_newer_ones_of_another_run(tmp_path):
    for step in (30, 40, 10):
        checkpoints.save(tmp_path, step, {"project": "toy"}, keep=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint-00000010.pt",
        "checkpoint-00000040.pt",
    ]


def test_a_checkpoint_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, real=real: order.append(name) or real(*args)
        )
    checkpoints.save(tmp_path, 1, {"project": "toy"}, keep=1)
    assert order == ["fsync", "replace", "fsync"]  # the file, its name, and the folder


def test_an_error_without_a_message_is_named(tmp_path, monkeypatch):
    path = checkpoints.save(tmp_path, 1, {"project": "toy"}, keep=1)
    monkeypatch.setattr(torch, "load", lambda *_, **__: (_ for _ in ()).throw(EOFError()))
    with pytest.raises(UserError, match="is damaged or not a checkpoint: EOFError"):
        checkpoints.load(path, "toy")


def damage_flip(path):
    data = bytearray(path.read_bytes())
    place = data.find(b"\x01\x02\x03\x04")  # a byte of the tensor, not of the container
    data[place] ^= 0xFF
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.write_bytes(p.read_bytes()[:-200]),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"not a zip at all"),
        damage_flip,
    ],
)
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_is_taken(tmp_path, damage):
    for step in (1, 2):
        checkpoints.save(
            tmp_path,
            step,
            {"project": "toy", "x": torch.tensor([1, 2, 3, 4] * 64, dtype=torch.uint8)},
            keep=2,
        )
    damage(tmp_path / "checkpoint-00000002.pt")
    with pytest.raises(UserError, match=r"00000002.pt is damaged or not a checkpoint"):
        checkpoints.load(tmp_path / "checkpoint-00000002.pt", "toy")
    told: list[str] = []
    assert checkpoints.load_newest(tmp_path, "toy", told.append)["step"] == 1
    assert "00000002.pt is damaged" in told[0]
    assert "going back" in told[0]


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"format": 1, "project": "toy", "f": print}, tmp_path / "checkpoint-00000001.pt")
    with pytest.raises(UserError, match="damaged or not a checkpoint"):
        checkpoints.load(tmp_path / "checkpoint-00000001.pt", "toy")


def test_checkpoints_of_others_and_missing_ones_are_told(tmp_path):
    path = checkpoints.save(tmp_path, 3, {"project": "cnn"}, keep=1)
    with pytest.raises(UserError, match="is of project 'cnn', not 'gpt'"):
        checkpoints.load_newest(tmp_path, "gpt", print)
    torch.save({"format": 99}, path)
    with pytest.raises(UserError, match="format 99, this runner reads 1"):
        checkpoints.load(path, "gpt")
    with pytest.raises(UserError, match="there is no checkpoint"):
        checkpoints.load(tmp_path / "gone.pt", "gpt")
    with pytest.raises(UserError, match="holds no checkpoint"):
        checkpoints.load_newest(tmp_path / "empty", "gpt", print)


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "f"
    checkpoints.write_text(path, "old")

    def fail(handle):
        handle.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        checkpoints.write(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


# -- records and progress -------------------------------------------------------------------------


def test_lines_after_the_checkpoint_go_when_a_run_is_resumed(tmp_path):
    text = (
        "".join(json.dumps({"step": s}) + "\n" for s in (1, 2, 3)) + '{"step": 4, "lo'
    )  # cut by a kill
    (tmp_path / "metrics.jsonl").write_text(text)
    lines = records.Metrics(tmp_path, 2)
    lines.add({"step": 3, "loss": 1.0})
    lines.flush()
    assert records.read_lines(tmp_path / "metrics.jsonl") == [
        {"step": 1},
        {"step": 2},
        {"step": 3, "loss": 1.0},
    ]


DAMAGED = [b"", b'{"step": 1}\n\xff\n', b'{"step": 1}\n{"loss": 2}\n', b'{"step": 1}\n[3]\n']


@pytest.mark.parametrize("content", DAMAGED)
def test_metrics_that_are_lost_are_said_and_the_file_is_saved(tmp_path, content):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(content)
    said: list[str] = []
    records.Metrics(tmp_path, 5, said.append).flush()
    first = 2 if content else 1
    assert said == [f"{path} is missing or damaged: no metrics of the steps {first} to 5"]
    assert (tmp_path / "metrics.damaged.jsonl").read_bytes() == content


def test_lines_of_metrics_are_on_the_disk_when_they_are_flushed(tmp_path, monkeypatch):
    synced = []
    lines = records.Metrics(tmp_path, 0)
    monkeypatch.setattr(os, "fsync", synced.append)
    lines.flush()
    assert synced == [lines.handle.fileno()]


CARD = {
    **dict.fromkeys(("project", "preset", "device", "precision", "unit"), "x"),
    **dict.fromkeys(("parameters", "steps", "wall_s", "units_per_s", "peak_memory_mb"), 1),
    "settings": {},
    "metrics": {"val_loss": 1.0},
}


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{",
        "{}",
        json.dumps({**CARD, "metrics": {"a": None}}),
        json.dumps({**CARD, "metrics": 3}),
    ],
)
def test_a_damaged_card_is_one_message(tmp_path, text):
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    assert records.read_result(tmp_path)["metrics"] == {"val_loss": 1.0}
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(UserError, match=r"card\.json is damaged"):
        records.read_result(tmp_path)


@pytest.mark.parametrize(
    "change", [{"steps": None}, {"width": "x"}, {"learning_rate": True}, {"seed": 1.5}]
)
def test_settings_of_another_type_in_run_json_are_refused(tmp_path, change):
    from projects import gpt

    settings = {**asdict(gpt.Settings()), **change}
    with pytest.raises(UserError, match=f"{next(iter(change))}=.* is not of type"):
        options.settings_of(gpt, {"settings": settings}, tmp_path)


def test_comparison_names_the_device_and_commit_of_each_run_where_they_differ(tmp_path):
    base = {"project": "p", "preset": "a", "precision": "fp32", "versions": {}, "settings": {}}
    cards = {
        name: {**base, "device": device, "commit": name, "metrics": {"a": 1}}
        for name, device in (("one", "CPU"), ("two", "GPU"))
    }
    made = records.comparison(cards)
    assert "device" not in made
    assert made["precision"] == "fp32"
    assert [(run["device"], run["commit"]) for run in made["runs"]] == [
        ("CPU", "one"),
        ("GPU", "two"),
    ]


def test_runs_in_folders_of_one_name_are_both_compared(tmp_path):
    from click.testing import CliRunner
    from projects.runner.cli import main

    for name, device in (("a", "CPU"), ("b", "GPU")):
        (tmp_path / name / "run").mkdir(parents=True)
        (tmp_path / name / "run" / "card.json").write_text(json.dumps({**CARD, "device": device}))
    folders = [str(tmp_path / name / "run") for name in "ab"]
    done = CliRunner().invoke(main, ["compare", *folders])
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.output.splitlines()[1:3]] == folders
    assert "device differs: CPU; GPU" in done.output


@pytest.mark.parametrize("name", ["../../x", "A", "", "a/b"])
def test_a_published_card_stays_in_the_folder_of_results(name):
    with pytest.raises(UserError, match="is not a name of a card"):
        cli_results._published(name)


def test_a_summary_gives_mean_and_sample_deviation():
    cards = [
        {
            "project": "p",
            "seed": s,
            "settings": {"seed": s, "steps": 1},
            "metrics": {"a": v},
            "wall_s": 1.0,
            "units_per_s": 2.0,
            "curve": [[1, v]],
        }
        for s, v in enumerate((1.0, 2.0, 3.0))
    ]
    made = records.summary(cards)
    assert made["metrics"]["a"] == {"mean": 2.0, "sd": 1.0, "values": [1.0, 2.0, 3.0]}
    assert made["seeds"] == [0, 1, 2]
    assert made["curve"] == [[[1, 1.0]], [[1, 2.0]], [[1, 3.0]]]
    assert made["settings"] == {"steps": 1}


def test_a_comparison_keeps_what_differs_and_refuses_two_projects():
    base = {
        "preset": "laptop",
        "device": "d",
        "precision": "fp32",
        "versions": {},
        "commit": "c",
        "parameters": 3,
    }
    cards = {
        name: {**base, "project": "p", "settings": {"steps": 5, "rank": r}, "metrics": {"a": r}}
        for name, r in (("one", 1), ("two", 2))
    }
    made = records.comparison(cards)
    assert made["settings"] == {"steps": 5}
    assert [(r["name"], r["settings"], r["metrics"]) for r in made["runs"]] == [
        ("one", {"rank": 1}, {"a": 1}),
        ("two", {"rank": 2}, {"a": 2}),
    ]
    cards["two"]["project"] = "q"
    with pytest.raises(UserError, match="of 2 projects: p, q"):
        records.comparison(cards)


def test_folders_that_are_not_runs_and_cards_that_are_not_there_are_told(tmp_path):
    with pytest.raises(UserError, match="it has no run.json"):
        records.read_run(tmp_path)
    (tmp_path / "run.json").write_text('{"project": 3')
    with pytest.raises(UserError, match=r"run.json is damaged"):
        records.read_run(tmp_path)
    with pytest.raises(
        UserError,
        match=r"no committed card '_assets/results/gpt-labtop.json'; did you mean 'gpt-laptop'",
    ):
        records.read_card("_assets/results/gpt-labtop.json")
    assert records.read_card("_assets/results/gpt-laptop.json")["project"] == "gpt"


def test_a_curve_is_a_table_and_a_picture(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 1, "loss": 2.0}\n{"step": 1, "val_loss": 1.5}\n'
    )
    records.write_curve(tmp_path, "toy")
    assert (tmp_path / "curve.csv").read_text() == "step,loss,val_loss\n1,2.0,\n1,,1.5\n"
    assert records.curve(tmp_path, "val_loss") == [[1, 1.5]]
    assert (tmp_path / "curve.svg").read_text().lstrip().startswith("<?xml")


def test_progress_draws_a_falling_curve_and_is_silent_when_told(capsys):
    assert progress.spark([8.0, 7, 6, 5, 4, 3, 2, 1], 8) == progress.BARS[::-1]
    assert progress.spark([]) == ""
    assert progress.spark([1.0]) == "▁"
    progress.TrainingProgress(10, "tokens", speak=False).step(1, 2.0, 1e-3, 10.0, 5.0)
    assert capsys.readouterr().err == ""
    progress.TrainingProgress(10, "tokens").step(1, 2.0, 1e-3, 10.0, 5.0)
    assert "step 1/10  loss 2.0000  rate 1.0e-03  10 tokens/s  left 5 s" in capsys.readouterr().err
    progress.TrainingProgress(10, "tokens").step(
        1, 2.0, 1e-3, 0.0, None
    )  # while it warms up nobody knows
    assert capsys.readouterr().err == "  step 1/10  loss 2.0000  rate 1.0e-03  ▁\n"


@pytest.mark.parametrize(("B", "size"), [(8, 2), (7, 2), (7, 3), (3, 3)])
def test_shares_cover_a_batch_once_and_differ_by_one_at_most(B, size):
    batch = (torch.arange(B), torch.arange(B) * 2)
    shares = [processes.Group(rank=r, size=size).share(batch) for r in range(size)]
    assert torch.cat([s[0] for s in shares]).tolist() == list(range(B))
    assert torch.cat([s[1] for s in shares]).equal(batch[1])
    lengths = [len(s[0]) for s in shares]
    assert max(lengths) - min(lengths) <= 1


def test_more_processes_than_examples_are_refused():
    with pytest.raises(UserError, match="a batch of 2 cannot be shared by 3 processes"):
        processes.Group(size=3).share((torch.zeros(2),))


SMALL = {
    "steps": 1,
    "batch_size": 2,
    "warmup_steps": 0,
    "layers": 1,
    "context": 32,
    "eval_windows": 1,
    "pretrain_steps": 1,
    "samples": 10,
}


def cut(corpus: str) -> int:
    """Of the large corpus one document in eight is read; a tokenizer learns from a part anyway."""
    return 8 if corpus == "stdlib" else 1


EVERY = [(name, preset) for name in registry.NAMES for preset in registry.load(name).PRESETS]


@pytest.mark.parametrize(("name", "preset"), EVERY)
def test_every_preset_takes_a_step(name, preset, monkeypatch):
    """Also those that are too large to be trained here: the sizes that cost time are cut, all else
    is as published.
    """
    documents = corpora.documents
    monkeypatch.setattr(corpora, "documents", lambda corpus: documents(corpus)[:: cut(corpus)])
    module = registry.load(name)
    whole = choose(module.Settings(), module.PRESETS, preset)
    task = module.build(
        choose(
            module.Settings(),
            module.PRESETS,
            preset,
            [f"{key}={value}" for key, value in SMALL.items() if getattr(whole, key, None)],
        )
    )
    loss = task.loss(task.model, task.batch(0))
    loss.backward()
    assert torch.isfinite(loss)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in task.model.parameters())


@pytest.mark.parametrize("name", registry.NAMES)
def test_the_published_cards_are_those_of_the_presets(name):
    module = registry.load(name)
    published = [preset for preset in ("laptop", "gpu") if preset in module.PRESETS]
    assert "laptop" in published
    for preset in published:
        card = records.read_card(f"_assets/results/{name}-{preset}.json")
        whole = choose(module.Settings(), module.PRESETS, preset)
        for key, value in card["settings"].items():
            assert key == "seed" or value == getattr(whole, key), (preset, key)
        if "curve" in card and preset == "gpu":
            assert card["kind"] == "cuda"
            assert card["device"]
            assert card["curve"][-1][0] == whole.steps


def test_the_published_speeds_are_of_one_run_and_agree_with_their_shares():
    for name in ("gpt-speed", "gpt-speed-wide"):
        facts = records.read_card(f"_assets/results/{name}.json")
        peak = devices.peak_flops(facts["device"])
        tokens = facts["tokens_per_s"]
        shares = facts["share_of_peak"]
        flops = 6.0 * (12 * 12 * 768 * 768 + 50304 * 768) + 12.0 * 12 * 768 * facts["context"]
        assert {
            who: round(rate * flops / peak, 4) for who, rate in tokens.items()
        } == pytest.approx(shares, abs=2e-4)


def test_the_published_transfer_has_every_kind_at_every_size_with_the_same_seeds():
    card = records.read_card("_assets/results/cnn-transfer.json")
    runs = {(run["labels_per_class"], run["name"]): run for run in card["runs"]}
    assert runs.keys() == {
        (n, name) for n in (2, 5, 20) for name in ("from nothing", "from letters", "frozen")
    }
    assert len(runs) == len(card["runs"])
    assert all(
        run["seeds"] == [0, 1, 2, 3, 4] and len(run["test_accuracy"]) == 5 for run in card["runs"]
    )
    assert all(
        abs(500 * value - round(500 * value)) < 1e-2
        for run in card["runs"]
        for value in run["test_accuracy"]
    )  # shares of 500 test pictures
    body = card["source"]["settings"]
    assert (body["data"], body["size"]) == ("glyphs", 8)
    assert all(body[key] == card["settings"][key] for key in ("model", "channels", "stages"))


def test_the_published_race_is_between_runs_of_the_sizes_it_names():
    """What the page concludes follows from the seeds in the card, and the settings are ones that
    the project takes.
    """
    race = records.read_card("_assets/results/gpt-recipe.json")
    module = registry.load("gpt")
    for run in race["runs"].values():
        assert (
            len(run["seeds"])
            == len(run["wall_s"])
            == len(run["best_val_loss"])
            == len(run["val_loss"])
            == 3
        )
        assert all(
            best <= last for best, last in zip(run["best_val_loss"], run["val_loss"], strict=True)
        )
        pairs = [f"{key}={value}" for key, value in run["settings"].items()]
        whole = choose(module.Settings(), {"race": {}}, "race", pairs)
        with torch.device("meta"):
            model = module.GPT(whole, 74)  # characters of that text
        assert sum(p.numel() for p in model.parameters()) == run["parameters"]


def test_the_published_race_has_the_settings_that_the_script_runs():
    """So that the command on the page repeats it; the text is the reader's."""
    from tests.bench import recipe

    race = records.read_card("_assets/results/gpt-recipe.json")["runs"]
    assert list(race) == list(recipe.RUNS)
    for name, (settings, compiled) in recipe.RUNS.items():
        saved = dict(race[name]["settings"])
        assert saved.pop("corpus") == "plays.txt"
        assert saved == settings
        assert race[name]["compiled"] == compiled


def test_a_commit_has_a_plus_when_anything_that_a_run_imports_has_changed(tmp_path, monkeypatch):
    package = tmp_path / "code" / "projects" / "runner"
    package.mkdir(parents=True)
    library = tmp_path / "code" / "groundtruth.py"
    library.write_text("a = 1\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.setattr(records, "__file__", str(package / "records.py"))
    records.commit.cache_clear()
    clean = records.commit()
    records.commit.cache_clear()
    library.write_text("a = 2\n")
    assert records.commit() == f"{clean}+"
    records.commit.cache_clear()


@pytest.mark.parametrize(
    "change",
    [
        {"project": None},
        {"settings": None},
        {"parameters": "many"},
        {"wall_s": None},
        {"units_per_s": []},
        {"peak_memory_mb": "x"},
    ],
)
def test_a_card_with_a_part_of_another_type_is_one_message(tmp_path, change):
    card = dict.fromkeys(records.CARD, 1) | {"project": "p", "settings": {}, "metrics": {}}
    path = tmp_path / "card.json"
    path.write_text(json.dumps(card))
    assert records.read_result(tmp_path) == card
    path.write_text(json.dumps(card | change))
    with pytest.raises(UserError, match="is damaged"):
        records.read_result(tmp_path)


@pytest.mark.parametrize(("speed", "line"), [(3, "1.0 s, 3 x/s, peak"), (0.0, "1.0 s, peak")])
def test_a_card_without_timed_steps_tells_no_speed(tmp_path, capsys, speed, line):
    (tmp_path / "card.json").write_text(json.dumps(CARD | {"units_per_s": speed}))
    cli_results.show(tmp_path)
    assert line in capsys.readouterr().out


@pytest.fixture
def heard():
    """Ctrl-C interrupts; a shell starts what it puts into the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_a_second_signal_interrupts_unless_it_comes_at_once():
    asked = []
    with OnSignals(lambda: asked.append(1), once_s=60):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert asked == [1]
    with OnSignals(lambda: asked.append(2)):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with OnSignals(lambda: asked.append(3), repeat=True) as signals:
        assert not signals.asked
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert signals.asked
    assert asked == [1, 2, 3]
