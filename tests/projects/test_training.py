"""Claims of the loop: exact resume, accumulation, clipping, averaging, and what it says when a run
goes wrong.
"""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import pytest
import torch
from clikit.errors import UserError
from groundtruth.learning.schedules import warmup_cosine
from projects.runner import checkpoints, cli_results, processes, records
from projects.runner.training import Interrupted, rate
from torch import nn

from tests.projects.toy import Line, Settings, trainer, weights

MIXED = {
    "steps": 60,
    "dropout": 0.3,
    "ema": 0.9,
    "save_every": 20,
    "eval_every": 15,
    "weight_decay": 0.1,
}


def equal(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def stopped_at(folder, k, **settings):
    first = trainer(folder, **settings)
    step = first._one_step

    def and_stop() -> None:
        step()
        first.stopping = first.step == k

    first._one_step = and_stop
    with pytest.raises(Interrupted):
        first.run()


@pytest.mark.parametrize("k", [1, 20, 37])
def test_n_steps_are_k_steps_a_stop_and_the_rest_bit_for_bit(tmp_path, k):
    """Weights, averaged weights, optimizer, generators (there is dropout) and metrics."""
    straight = trainer(tmp_path / "straight", **MIXED)
    straight.run()
    stopped_at(tmp_path / "stopped", k, **MIXED)
    torch.manual_seed(99)  # another session: nothing may depend on what this process did before
    second = trainer(tmp_path / "stopped", **MIXED)
    second.resume()
    assert second.step == k
    second.run()
    assert equal(weights(straight.model), weights(second.model))
    assert equal(weights(straight.average), weights(second.average))
    assert (tmp_path / "straight" / "metrics.jsonl").read_bytes() == (
        tmp_path / "stopped" / "metrics.jsonl"
    ).read_bytes()
    last = [
        checkpoints.load(checkpoints.list_newest_first(tmp_path / name)[0], "toy")
        for name in ("straight", "stopped")
    ]
    assert all(
        torch.equal(a["exp_avg_sq"], b["exp_avg_sq"])
        for a, b in zip(*(s["optimizer"]["state"].values() for s in last), strict=True)
    )


def test_the_weights_alone_are_not_enough_to_resume(tmp_path):
    """What the other parts of a checkpoint are for: without optimiser and generators another run
    comes out.
    """
    straight = trainer(tmp_path / "straight", **MIXED)
    straight.run()
    half = trainer(tmp_path / "half", **{**MIXED, "steps": 20})
    half.run()
    naive = trainer(tmp_path / "naive", **MIXED)
    naive.model.load_state_dict(half.model.state_dict())
    naive.step = 20
    naive.run()
    assert not equal(weights(straight.model), weights(naive.model))


def test_equal_runs_leave_equal_files_and_another_seed_does_not(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        trainer(tmp_path / name, steps=10, seed=seed).run()
    a, b, c = ((tmp_path / name / "metrics.jsonl").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_training_run_is_a_plain_loop_with_adamw(tmp_path):
    """Against torch written out by hand: schedule, clipping, decay on matrices alone."""
    settings = Settings(steps=30, warmup_steps=5, weight_decay=0.2, clip_norm=0.5, final_rate=0.1)
    ours = trainer(tmp_path, Line(settings))
    task = Line(settings)
    model = task.model
    matrices = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    plain = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.2}, {"params": rest, "weight_decay": 0.0}],
        lr=1e-3,
        betas=(0.9, 0.95),
    )
    for t in range(30):
        for group in plain.param_groups:
            group["lr"] = warmup_cosine(t, 1e-3, 5, 30, 1e-4)
        plain.zero_grad()
        task.loss(model, task.batch(t)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        plain.step()
    ours.run()
    assert all(
        torch.allclose(a, b, atol=1e-6)
        for a, b in zip(weights(ours.model), weights(model), strict=True)
    )


@pytest.mark.parametrize("micro", [8, 5, 1])
def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path, micro):
    """32 at once against micro-batches, 5 does not divide 32: each counts by its examples."""
    whole = trainer(tmp_path, batch_size=32)
    parts = trainer(tmp_path, batch_size=32, micro_batch=micro)
    batch = whole.task.batch(0)
    losses = [float(t._gradients(batch, 32)) for t in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-6)


def test_averaged_weights_are_the_exponential_average_by_hand(tmp_path):
    run = trainer(tmp_path, steps=25, ema=0.8)
    slow = weights(run.model)
    step = run._one_step

    def follow() -> None:
        step()
        decay = min(0.8, (1 + run.step) / (10 + run.step))
        for i, fast in enumerate(weights(run.model)):
            slow[i] = decay * slow[i] + (1 - decay) * fast

    run._one_step = follow
    run.run()
    assert all(
        torch.allclose(a, b, atol=1e-6) for a, b in zip(slow, weights(run.average), strict=True)
    )


class Tied(Line):
    """Two layers with one matrix, and a buffer."""

    def __init__(self, settings):
        super().__init__(settings)
        first, second = nn.Linear(3, 3), nn.Linear(3, 3)
        second.weight = first.weight
        self.model = nn.Sequential(first, second, nn.BatchNorm1d(3), nn.Linear(3, 1))


def test_the_average_of_a_shared_matrix_moves_once_per_step(tmp_path):
    run = trainer(tmp_path, Tied(Settings(steps=1, ema=0.9)))
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.add_(1.0)
    before = run.average[0].weight.clone()
    run.step = 100
    run._update_average()
    moved = run.average[0].weight - before
    assert torch.allclose(moved, torch.full_like(moved, 0.1), atol=1e-6)
    assert run.average[1].weight is run.average[0].weight


class Fed(Line):
    """A task that says what its data are."""

    data = "a.txt"

    def state(self):
        return {"corpus": self.data}


def test_a_run_is_not_resumed_with_other_data(tmp_path):
    trainer(tmp_path, Fed(Settings(steps=4))).run()
    other = Fed(Settings(steps=8))
    other.data = "b.txt"
    run = trainer(tmp_path, other)
    with pytest.raises(UserError, match=r"corpus .* was a\.txt and is now b\.txt"):
        run.resume()
    same = trainer(tmp_path, Fed(Settings(steps=8)))
    same.resume()
    assert same.step == 4


def test_looking_does_not_change_the_training(tmp_path):
    runs = []
    for every in (1, 20):
        run = trainer(tmp_path / str(every), steps=20, dropout=0.5, eval_every=every)
        run.task.evaluate = lambda model, device: {
            "val_loss": float(torch.rand(()))
        }  # draws from the global generator
        run.run()
        runs.append(run)
    often, never = runs
    assert equal(weights(often.model), weights(never.model))


def test_the_best_weights_are_those_of_the_lowest_loss(tmp_path):
    run = trainer(tmp_path, steps=4, eval_every=1)
    values = iter([3.0, 1.0, 2.0, 1.5])
    seen = []
    run.task.evaluate = lambda model, device: (
        seen.append(weights(model)) or {"val_loss": next(values)}
    )
    run.run()
    best = torch.load(tmp_path / "best.pt", weights_only=True)  # noqa: TID251
    assert best["step"] == 2
    assert equal(list(best["model"].values()), seen[1])


class Broken(Line):
    """A loss that is no number from step 5 on."""

    def loss(self, model, batch):
        self.calls = getattr(self, "calls", 0) + 1
        return super().loss(model, batch) * (math.nan if self.calls > 5 else 1.0)


def test_a_loss_that_is_no_number_stops_the_run_with_step_checkpoint_and_causes(tmp_path):
    run = trainer(tmp_path, Broken(Settings(steps=20, save_every=2, clip_norm=0)))
    with pytest.raises(UserError) as error:
        run.run()
    text = str(error.value)
    assert "the loss is nan at step 6" in text
    assert "checkpoint-00000004.pt" in text
    assert "learning rate (" in text
    assert "clip_norm=1" in text
    assert "a square root" in text
    saved = checkpoints.load(
        checkpoints.list_newest_first(tmp_path)[0], "toy"
    )  # what is on the disk is not spoiled
    assert all(bool(torch.isfinite(w).all()) for w in saved["model"].values())


class Hungry(Line):
    """Three examples at a time fit into memory, no more."""

    room = 3

    def loss(self, model, batch):
        if len(batch[0]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().loss(model, batch)


def test_out_of_memory_is_answered_with_smaller_micro_batches_and_the_same_result(tmp_path):
    small = trainer(tmp_path / "a", Hungry(Settings(steps=10)))
    plain = trainer(tmp_path / "b", steps=10)
    small.run(), plain.run()
    assert small.micro == 2
    assert all(
        torch.allclose(a, b, atol=1e-6)
        for a, b in zip(weights(small.model), weights(plain.model), strict=True)
    )


class Late(Line):
    """Memory runs out once, in the second micro-batch of step 5, after masks were drawn."""

    calls = 0

    def loss(self, model, batch):
        value = super().loss(model, batch)
        self.calls += 1
        if self.calls == 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return value


def test_a_step_that_ran_out_of_memory_starts_again_from_the_same_random_states(tmp_path):
    """The repeat draws the masks that micro-batches of that size would have drawn at first."""
    run = trainer(tmp_path / "a", Late(Settings(steps=5, dropout=0.5, micro_batch=8)))
    run.run()
    plain = trainer(tmp_path / "b", steps=5, dropout=0.5, micro_batch=8)
    step = plain._one_step

    def smaller_at_the_end() -> None:
        plain.micro = 4 if plain.step == 4 else 8
        step()

    plain._one_step = smaller_at_the_end
    plain.run()
    assert run.micro == 4
    assert equal(weights(run.model), weights(plain.model))


def test_when_not_even_one_example_fits_the_remedies_are_named(tmp_path):
    task = Hungry(Settings(steps=10))
    task.room = 0
    with pytest.raises(
        UserError, match=r"out of memory with 1 example.*at step 0(.|\n)*micro_batch"
    ):
        trainer(tmp_path, task).run()


def test_a_model_that_does_not_compile_trains_without(tmp_path, monkeypatch, capsys):
    def refuse(model):
        def called(*_):
            raise RuntimeError("no compiler here")

        return called

    monkeypatch.setattr(torch, "compile", refuse)
    run = trainer(tmp_path, steps=3)
    run.compiled = True
    run.wrapped = torch.compile(run.model)
    run.progress.bar.quiet = False
    card = run.run()
    said = capsys.readouterr().err
    assert "torch.compile failed (no compiler here); continuing without it" in said
    assert card["compiled"] is False
    assert card["steps"] == 3
    again = trainer(tmp_path, steps=5)
    again.compiled = True
    again.wrapped = torch.compile(again.model)
    again.resume()
    assert again.run()["compiled"] is False


def test_the_rate_is_a_chain_of_torchs_schedulers():
    s = Settings(steps=60, warmup_steps=10, learning_rate=0.02, final_rate=0.1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.02)
    up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: t / 10)
    down = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50, eta_min=0.002)
    chain = torch.optim.lr_scheduler.SequentialLR(optimizer, [up, down], [10])
    for t in range(60):
        assert rate(t, s) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        chain.step()


def test_a_warm_up_as_long_as_the_run_is_left_out_and_said(tmp_path):
    said = []
    run = trainer(tmp_path, steps=3, warmup_steps=3)
    run.progress.log = said.append
    run.run()
    assert "warmup_steps=3 is not less than steps=3" in said[0]


def test_gradients_are_unscaled_before_they_are_clipped(tmp_path, monkeypatch):
    order = []
    run = trainer(tmp_path, steps=1)
    monkeypatch.setattr(run.scaler, "unscale_", lambda _: order.append("unscale"))
    clip = nn.utils.clip_grad_norm_

    def clipped(*args):
        order.append("clip")
        return clip(*args)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", clipped)
    run.run()
    assert order == ["unscale", "clip"]


def test_a_resumed_run_knows_the_best_loss_and_the_scale_before_it(tmp_path, monkeypatch):
    run = trainer(tmp_path, steps=4, eval_every=2)
    run.scaler.state_dict = lambda: {"scale": 8.0}
    run.run()
    best = run.best
    restored = []
    again = trainer(tmp_path, steps=8, eval_every=2)
    monkeypatch.setattr(again.scaler, "load_state_dict", restored.append)
    again.resume()
    assert again.best == best
    assert restored == [{"scale": 8.0}]


def test_a_longer_run_says_that_its_rate_rises(tmp_path):
    trainer(tmp_path, steps=40, learning_rate=3e-3).run()
    said = []
    longer = trainer(tmp_path, steps=80, learning_rate=3e-3)
    longer.progress.log = said.append
    longer.resume()
    assert said == [
        "the learning rate rises from 3.0e-04 to 1.6e-03: its cosine now ends at step 80"
    ]


def test_a_run_of_two_processes_says_that_one_resumes_it(tmp_path):
    run = trainer(tmp_path, steps=4)
    run.run()
    state = checkpoints.load(checkpoints.list_newest_first(tmp_path)[0], "toy")
    checkpoints.save(tmp_path, 4, {**state, "rng": state["rng"] * 2}, keep=2)
    said = []
    again = trainer(tmp_path, steps=4)
    again.progress.log = said.append
    again.resume()
    assert "had 2 process(es) and has 1 now" in said[0]


def test_settings_edited_in_run_json_are_refused_with_both_values(tmp_path):
    trainer(tmp_path, steps=4, learning_rate=1e-3).run()
    other = trainer(tmp_path, steps=8, learning_rate=5e-3)
    with pytest.raises(UserError, match=r"learning_rate=0\.005 in .*with learning_rate=0\.001"):
        other.resume()


@pytest.mark.parametrize("part", ["rng", "model", "scaler"])
def test_a_checkpoint_without_a_part_is_refused_by_its_name(tmp_path, part):
    trainer(tmp_path, steps=4).run()
    path = checkpoints.list_newest_first(tmp_path)[0]
    state = checkpoints.load(path, "toy")
    del state[part]
    checkpoints.save(tmp_path, 4, state, keep=2)
    with pytest.raises(UserError, match=f"has no {part}"):
        trainer(tmp_path, steps=8).resume()
    checkpoints.save(tmp_path, 4, {**state, part: None}, keep=2)
    if part == "model":
        with pytest.raises(UserError, match="does not fit the model"):
            trainer(tmp_path, steps=8).resume()


def test_the_rate_warms_up_and_falls_to_its_share():
    s = Settings(steps=100, warmup_steps=10, learning_rate=1.0, final_rate=0.1)
    rates = [rate(t, s) for t in range(100)]
    assert rates[0] < rates[9] <= 1.0
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1, abs=1e-3)
    flat = Settings(steps=100, final_rate=1.0, learning_rate=0.5)
    assert {round(rate(t, flat), 12) for t in range(100)} == {0.5}


def test_a_card_tells_what_ran_where_and_how_well(tmp_path):
    card = trainer(tmp_path, steps=12).run()
    assert card["parameters"] == 8 * 3 + 8 + 8 + 1
    assert card["steps"] == 12
    assert card["kind"] == "cpu"
    assert card["precision"] == "fp32"
    assert card["units_per_s"] > 0
    assert card["wall_s"] > 0
    assert card["peak_memory_mb"] > 10
    assert card["versions"]["torch"]
    assert card["best_val_loss"] == card["metrics"]["val_loss"]
    json.dumps(card)


@pytest.mark.parametrize(("steps", "timed"), [(6, 0), (12, 5)])
def test_throughput_is_that_of_the_timed_steps_of_the_last_session(tmp_path, capsys, steps, timed):
    """A session of three steps or fewer times none: 0 is no throughput, and is not shown as one."""
    stopped_at(tmp_path, 4, steps=steps)
    last = trainer(tmp_path, steps=steps)
    last.resume()
    card = last.run()
    assert card["timed_steps"] == timed
    assert (card["units_per_s"] > 0) == (timed > 0)
    whole = card | {"settings": {}, "preset": "smoke"}
    (tmp_path / "card.json").write_text(json.dumps(whole))
    cli_results.show(tmp_path)
    shown = capsys.readouterr().out
    assert "wall time" in shown
    assert ("examples/s" in shown) == (timed > 0)


def test_event_files_are_written_when_asked_for(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = trainer(tmp_path, steps=5)
    run.writer = records.event_files(tmp_path)
    run.run()
    run.writer.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [e.value for e in events.Scalars("loss")] == pytest.approx(
        [line["loss"] for line in lines if "loss" in line]
    )


class OutOfMemoryAt(Line):
    """Runs out of memory in one call of `loss`, counted from 1."""

    at = 3
    calls = 0

    def loss(self, model, batch):
        self.calls += 1
        if self.calls == self.at:
            raise torch.OutOfMemoryError("full")
        return super().loss(model, batch)


def test_a_halved_micro_batch_survives_a_resume(tmp_path):
    """With dropout another size of micro-batch draws other masks."""
    straight = trainer(tmp_path / "straight", OutOfMemoryAt(Settings(**MIXED)))
    straight.run()
    first = trainer(tmp_path / "stopped", OutOfMemoryAt(Settings(**MIXED)))
    step = first._one_step

    def and_stop() -> None:
        step()
        first.stopping = first.step == 25

    first._one_step = and_stop
    with pytest.raises(Interrupted):
        first.run()
    second = trainer(tmp_path / "stopped", **MIXED)
    second.resume()
    assert second.micro == first.micro == 8
    second.run()
    assert equal(weights(straight.model), weights(second.model))


@dataclass(frozen=True)
class Pair(processes.Group):
    """The first of two processes; the other does the same, and is asked to stop when this says."""

    size: int = 2
    other_asked: list[float] = field(default_factory=lambda: [0.0])

    def total(self, values):
        return values.copy_(torch.stack([values[0] * 2, values[1] + self.other_asked[0]]))

    def gather(self, value):
        return [value, value]

    def wrap(self, model, device):
        return nn.Sequential(model)

    def wait(self):
        pass


@pytest.mark.parametrize("mine", [True, False])
def test_a_process_asked_after_the_exchange_of_a_step_stops_with_the_others(tmp_path, mine):
    """A signal that comes while it writes must not end it a step before the others, which would
    wait for it; and one that only another process got ends this one at the same step.
    """
    group = Pair()
    run = trainer(tmp_path, group=group, steps=9, save_every=1)
    run.wrapped.no_sync = nullcontext
    save = run._save

    def and_ask(started: float) -> None:
        save(started)
        if run.step == 3 and mine:
            run._ask_to_stop()
        elif run.step == 3:
            group.other_asked[0] = 1.0

    run._save = and_ask
    with pytest.raises(Interrupted):
        run.run()
    assert run.step == 4


def test_memory_that_runs_out_in_an_evaluation_is_one_message(tmp_path):
    class Large(Line):
        def evaluate(self, model, device):
            raise torch.OutOfMemoryError("full")

    with pytest.raises(UserError, match=r"after step 50, in the optimizer's step or in an eval"):
        trainer(tmp_path, Large(Settings())).run()


def test_a_run_that_ends_at_its_checkpoint_is_evaluated_once(tmp_path):
    stopped_at(tmp_path, 13, steps=40)
    for _ in range(2):
        last = trainer(tmp_path, steps=13)
        last.resume()
        card = last.run()
    assert math.isfinite(card["metrics"]["val_loss"])
    assert math.isfinite(card["best_val_loss"])
    lines = records.read_lines(tmp_path / "metrics.jsonl")
    assert sum("val_loss" in line for line in lines) == 1


def test_a_session_on_another_precision_is_said_and_is_on_the_card(tmp_path):
    stopped_at(tmp_path, 13, steps=40)
    said = []
    last = trainer(tmp_path, steps=40)
    last.device_config = replace(last.device_config, precision="bf16")
    last.progress.log = said.append
    last.resume()
    assert "precision was fp32 and is bf16 now" in said[0]
    card = last.run()
    assert [(s["from_step"], s["precision"]) for s in card["sessions"]] == [
        (0, "fp32"),
        (13, "bf16"),
    ]


def test_a_card_of_equal_sessions_does_not_list_them(tmp_path):
    stopped_at(tmp_path, 13, steps=40)
    last = trainer(tmp_path, steps=40)
    last.resume()
    assert "sessions" not in last.run()


def test_micro_batches_weigh_what_the_task_says(tmp_path):
    """A loss that is a mean over something else than examples, as learned tokens are."""

    class Some(Line):
        def loss(self, model, batch):
            X, y = batch
            counts = 1 + 2 * (y > 0)
            return (counts * (model(X) - y) ** 2).sum() / counts.sum()

        def weight(self, batch):
            return int((1 + 2 * (batch[1] > 0)).sum())

    run = trainer(tmp_path, Some(Settings(batch_size=16)))
    batch = run.task.batch(0)
    gradients = []
    for micro in (16, 5):
        run.micro = micro
        loss = run._gradients(batch, run.task.weight(batch))
        gradients.append(torch.cat([p.grad.flatten() for p in run.model.parameters()]))
        assert loss.item() == pytest.approx(run.task.loss(run.model, batch).item())
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)
