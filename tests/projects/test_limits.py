"""Rare but legal settings, full disks, shared weights, and two writers of one folder."""

from __future__ import annotations

import errno
import json
import math

import pytest
import torch
from clikit import files
from clikit.errors import Exit, UserError
from projects import adapters, diffusion, gpt
from projects.runner import checkpoints, processes, session
from projects.runner.settings import override
from torch.nn.functional import one_hot

from tests.projects.test_commands import SMALL, last, projects, start, wait_for

LOGITS = torch.tensor([[1.0, 3.0, 2.0, -4.0]])


# -- sampling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1e-3, 1e-8, 1e-38, 1e-45, 1e-300, 5e-324])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e30])
def test_a_cold_temperature_takes_the_likeliest_token(temperature, scale):
    p = gpt.next_token_probs(scale * LOGITS, temperature)
    assert torch.allclose(p, one_hot(LOGITS.argmax(-1), 4).float(), atol=1e-3) or scale < 1
    assert float(p.sum()) == pytest.approx(1.0)
    assert int(p.argmax()) == 1


def test_an_endless_temperature_is_uniform():
    assert gpt.next_token_probs(LOGITS, math.inf).tolist() == [[0.25] * 4]


@pytest.mark.parametrize("top_p", [1e-300, 5e-324, 1e-40, 1e-9])
def test_the_smallest_share_keeps_the_likeliest_token(top_p):
    assert gpt.next_token_probs(LOGITS, top_p=top_p).tolist() == [[0.0, 1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": math.nan},
        {"temperature": 0.0},
        {"temperature": -1.0},
        {"top_k": -1},
        {"top_p": math.nan},
        {"top_p": 0.0},
        {"top_p": 1.5},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="need temperature > 0"):
        gpt.next_token_probs(LOGITS, **options)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="not finite"):
        gpt.next_token_probs(torch.tensor([[1.0, value]]))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("temperature=nan", "temperature=nan is not a finite number"),
        ("temperature=-1", "temperature=-1.0 must not be negative"),
        ("top_p=nan", "top_p=nan is not a finite number"),
        ("top_p=0", "top_p=0.0 must be a probability"),
        ("top_k=-1", "top_k=-1 must not be negative"),
        ("length=0", "length=0 must be at least 1"),
        (f"seed={2**64}", "must fit into 63 bits"),
        (f"seed={-(2**64)}", "must fit into 63 bits"),
    ],
)
def test_options_of_sampling_are_checked_before_anything_is_computed(option, message):
    with pytest.raises(UserError, match=message) as caught:
        override(gpt.Sample(), [option]).check()
    assert caught.value.code is Exit.USAGE


@pytest.mark.parametrize("seed", [0, -(2**63) + 1, 2**63 - 1])
def test_every_accepted_seed_starts_a_generator(seed):
    gpt.Sample(seed=seed).check()
    torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (f"seed={2**60}", "must be at most"),
        ("ema=nan", "not a finite number"),
        ("clip_norm=inf", "not a finite number"),
        ("weight_decay=nan", "not a finite number"),
        ("learning_rate=inf", "not a finite number"),
    ],
)
def test_settings_that_torch_cannot_use_are_refused(pair, message):
    with pytest.raises(UserError, match=message):
        override(gpt.Settings(), [pair]).check()


@pytest.mark.parametrize(
    "option", ["eta=nan", "eta=-1", "eta=2", "guidance=inf", "steps=-1", f"seed={2**64}"]
)
def test_options_of_diffusion_are_checked_too(option):
    task = diffusion.build(diffusion.Settings(T=4, sample_steps=4))
    options = override(diffusion.Sample(), [option])
    with pytest.raises(UserError, match=option.partition("=")[0]):
        task.sample(task.model, options, torch.device("cpu"))


def test_a_plain_sample_of_diffusion_takes_the_levels_there_are():
    task = diffusion.build(diffusion.Settings(T=4, sample_steps=4))
    text = task.sample(task.model, diffusion.Sample(count=3), torch.device("cpu"))
    assert len(text.splitlines()) == 3


def test_a_plain_sample_starts_from_what_the_model_knows():
    task = gpt.build(gpt.Settings(corpus="sentence", context=8))
    text = task.sample(task.model.eval(), gpt.Sample(length=5), torch.device("cpu"))
    assert len(text) == 6
    assert task.default_prompt() in gpt.corpora.SENTENCE


def test_an_unknown_character_is_answered_with_a_prompt_that_works():
    task = gpt.build(gpt.Settings(corpus="sentence", context=8))
    with pytest.raises(UserError, match="'Z'") as caught:
        task.sample(task.model.eval(), gpt.Sample(prompt="Z"), torch.device("cpu"))
    prompt = caught.value.fix.split("prompt=")[1].strip("'")
    assert task.sample(task.model, gpt.Sample(prompt=prompt, length=2), torch.device("cpu"))


# -- shared weights -------------------------------------------------------------------------------


@pytest.mark.parametrize("tie", [True, False])
def test_merging_a_head_leaves_the_embedding_that_shares_its_weight(tie):
    torch.manual_seed(0)
    model = gpt.GPT(gpt.Settings(tie=tie, layers=1), 11).eval()
    names = adapters.inject(model, ["head"], r=2)
    torch.nn.init.normal_(adapters.layers(model)[names[0]].B)
    tokens = torch.randint(11, (2, 7))
    with torch.no_grad():
        beside = model(tokens)
        adapters.merge(model)
        merged = model(tokens)
        adapters.unmerge(model)
        again = model(tokens)
    assert torch.allclose(merged, beside, atol=1e-4)
    assert torch.equal(again, beside)
    assert (model.head.base.weight is model.token.weight) == tie


def test_merging_does_not_write_to_the_base():
    base = torch.nn.Linear(4, 3)
    layer = adapters.LoRALinear(base, r=2)
    torch.nn.init.normal_(layer.B)
    weight = base.weight
    before = weight.detach().clone()
    layer.merge()
    layer.merge()
    assert torch.equal(weight, before)
    layer.unmerge()
    assert base.weight is weight


# -- full disks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 1, 64, 4096, 100_000])
def test_a_full_disk_is_one_message_wherever_it_fills_up(tmp_path, monkeypatch, room):
    write = files._Handle.write

    def limited(self, data):
        self.written = getattr(self, "written", 0) + len(bytes(data))
        if self.written > room:
            self.error = OSError(errno.ENOSPC, "No space left on device")
            raise self.error
        return write(self, data)

    state = {"model": {"w": torch.randn(300, 300)}}
    checkpoints.save(tmp_path, 1, state, keep=2)
    monkeypatch.setattr(files._Handle, "write", limited)
    with pytest.raises(UserError, match="cannot write .*No space left on device") as caught:
        checkpoints.save(tmp_path, 2, state, keep=2)
    assert caught.value.code is Exit.ENVIRONMENT
    assert "last checkpoint is untouched" in caught.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000001.pt"]


# -- two writers ----------------------------------------------------------------------------------


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    one = processes.Group()
    with (
        session.alone(tmp_path, one),
        pytest.raises(UserError, match="another run"),
        session.alone(tmp_path, one),
    ):
        pass


def test_two_new_folders_are_two(tmp_path):
    names = [session.new_folder(tmp_path / "runs" / "gpt", False).name for _ in range(3)]
    assert names == ["gpt", "gpt-2", "gpt-3"]


def test_a_run_that_is_still_going_cannot_be_resumed(tmp_path):
    folder = tmp_path / "run"
    arguments = [*SMALL, "--set", "steps=100000", "--set", "save_every=5"]
    process = start("run", "gpt", *arguments, "--out", folder)
    wait_for(lambda: checkpoints.list_newest_first(folder), process)
    refused = projects("resume", folder)
    process.terminate()
    process.communicate(timeout=60)
    assert refused.returncode == Exit.ENVIRONMENT
    assert f"another run (process {process.pid}) still holds" in refused.stderr
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines if "loss" in json.loads(line)]
    assert steps == sorted(set(steps))


def test_a_run_is_not_resumed_to_a_step_before_its_own(tmp_path):
    folder = tmp_path / "run"
    options = ["--set", "steps=10", "--set", "save_every=10"]
    assert projects("run", "gpt", *SMALL, *options, "--out", folder).returncode == 0
    card = (folder / "card.json").read_bytes()
    run = (folder / "run.json").read_bytes()
    refused = projects("resume", folder, "--set", "steps=5")
    assert refused.returncode == Exit.USAGE
    assert "is at step 10, past steps=5" in refused.stderr
    assert (folder / "card.json").read_bytes() == card
    assert (folder / "run.json").read_bytes() == run
    assert last(folder)["step"] == 10
