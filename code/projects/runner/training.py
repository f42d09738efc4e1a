"""The loop: the same for every project, on every device, in one process or many.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from clikit.errors import Exit, UserError
from groundtruth.learning.schedules import cosine, warmup_cosine
from torch import Tensor, nn

from projects.runner import checkpoints, devices, own, records, restoring, rng
from projects.runner.devices import DeviceConfig
from projects.runner.faults import not_finite
from projects.runner.processes import Group
from projects.runner.progress import TrainingProgress
from projects.runner.settings import Settings
from projects.runner.signals import OnSignals
from projects.runner.task import Batch, Task

WARM = 3  # steps whose time does not count: the first ones load, allocate and compile
PENDING = 20  # steps between two looks at a GPU: reading a loss makes the CPU wait for it


class Interrupted(Exception):
    """The run was asked to stop; what it did is saved."""


def rate(step: int, settings: Settings) -> float:
    """The learning rate of a step, counted from 0: linear warm-up, then a cosine down to its final
    share.
    """
    base = settings.learning_rate
    low = settings.learning_rate * settings.final_rate
    total = settings.steps
    if 0 < settings.warmup_steps < total:
        return warmup_cosine(step, base, settings.warmup_steps, total, low)
    return cosine(step, base, total, low)


class Trainer:
    """One run of one task.

    Parameters
    ----------
    task : Task, its model on the CPU
    project : str, name that the checkpoints carry
    device_config : DeviceConfig, device and precision
    group : Group, the processes
    folder : Path, where the run lives
    compiled : bool, whether to ask torch.compile for a faster model (falls back with a message)
    speak : bool, whether to report progress on standard error
    """

    def __init__(
        self,
        task: Task,
        project: str,
        device_config: DeviceConfig,
        group: Group,
        folder: Path,
        compiled: bool = False,
        speak: bool = True,
        tensorboard: bool = False,
    ) -> None:
        self.task = task
        self.project = project
        self.device_config = device_config
        self.group = group
        self.folder = folder
        self.settings = task.settings
        self.versions = {**records.versions(), **own.version(task)}
        rng.seed_all(self.settings.seed, group.rank)
        device = device_config.device
        self.model = task.model.to(device)
        self.optimizer = self._optimizer()
        self.scaler = torch.amp.GradScaler(device.type, enabled=device_config.precision == "fp16")
        self.average: nn.Module | None = None
        if self.settings.ema:
            self.average = deepcopy(self.model).eval().requires_grad_(False)
        self.progress = TrainingProgress(self.settings.steps, task.unit, speak and group.first)
        self.compiled = compiled
        self.wrapped = self._prepare(compiled)
        self.step = 0
        self.best = float("inf")
        self.micro = self.settings.micro_batch or self.settings.batch_size
        self.metrics: dict[str, float] = {}
        self.sessions: list[dict[str, Any]] = []  # where the steps were computed
        self.asked = False  # this process, to stop
        self.stopping = False  # all of them have agreed
        self.seconds = 0.0  # of the timed steps
        self.units = 0  # in the timed steps
        self.timed = 0  # steps
        self.earlier_s = 0.0  # wall time of earlier sessions
        self.session_steps = 0  # the first steps of a session are not timed
        self.pending: list[tuple[int, Tensor, Tensor, float]] = []
        self.writer = records.event_files(folder) if tensorboard and group.first else None

    def _optimizer(self) -> torch.optim.Optimizer:
        if self.task.evaluate_only:  # a placeholder: checkpoints keep their form
            return torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=1.0)
        return self.task.optimizer(fused=self.device_config.device.type in ("cuda", "cpu"))

    # -- state ------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Restore the newest intact checkpoint: weights, optimizer, scaler, average, generators.

        Raises
        ------
        UserError
            When no checkpoint can be read, the data or the model are not those of the run, or the
            run is already past its last step.
        """
        state = checkpoints.load_newest(self.folder, self.project, self.progress.log)
        restoring.check_parts(self.folder, state)
        restoring.compare_data(self.folder, state["task"], self.task.state())
        restoring.compare_settings(self.folder, state.get("settings"), asdict(self.settings))
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise restoring.misfit(self.folder, error) from None
        if self.group.rank < len(state["rng"]):
            rng.restore(state["rng"][self.group.rank], self.device_config.device)
        self.step = state["step"]
        self.best = state["best"]
        self.metrics = state["metrics"]
        self.earlier_s = state["seconds"]
        self.micro = state.get("micro", self.micro)
        self.sessions = state.get("sessions", [])
        if self.step > self.settings.steps:
            raise UserError(
                f"the run in {self.folder} is at step {self.step}, past "
                f"steps={self.settings.steps}",
                f"give steps={self.step} or more; what was trained cannot be taken back",
                Exit.USAGE,
            )
        for warning in restoring.differences(
            self.step,
            len(state["rng"]),
            self.group.size,
            self.optimizer.param_groups[0]["lr"],
            rate(self.step, self.settings),
            self.settings,
        ):
            self.progress.log(warning)
        for warning in restoring.moved(self.sessions, self._session()):
            self.progress.log(warning)

    def _session(self) -> dict[str, Any]:
        """From which step on, and on what, this session computes."""
        return {
            "from_step": self.step,
            "device": self.device_config.name,
            "precision": self.device_config.precision,
            "processes": self.group.size,
            "versions": self.versions,
            "commit": records.commit(),
        }

    def _state(self, started: float) -> dict[str, Any] | None:
        """What `resume` needs; None in processes that do not write."""
        generators = self.group.gather(rng.capture(self.device_config.device))
        if not self.group.first:
            return None
        return {
            "project": self.project,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "task": self.task.state(),
            "settings": asdict(self.settings),
            "rng": generators,
            "micro": self.micro,
            "sessions": self.sessions,
            "best": self.best,
            "metrics": self.metrics,
            "seconds": self.earlier_s + time.perf_counter() - started,
        }

    def _save(self, started: float) -> None:
        state = self._state(started)
        if state is not None:
            self.lines.flush()
            checkpoints.save(self.folder, self.step, state, self.settings.keep)

    # -- the loop ---------------------------------------------------------------------------------

    def run(self) -> dict[str, Any] | None:
        """Train from the current step to the last; return the result card, in the first process.

        Raises
        ------
        Interrupted
            After Ctrl-C or SIGTERM; a checkpoint of the last finished step is on the disk.
        UserError
            When a loss or gradient is not a finite number, or memory runs out and smaller
            micro-batches do not help.
        """
        started = time.perf_counter()
        self.sessions = [*self.sessions, self._session()]
        if self.group.first:
            self.lines = records.Metrics(self.folder, self.step, self.progress.log)
        if self.settings.warmup_steps >= self.settings.steps:
            self.progress.log(
                f"warmup_steps={self.settings.warmup_steps} is not less than "
                f"steps={self.settings.steps}: the run starts at the full rate, without warm-up"
            )
        # a terminal and torchrun pass the same Ctrl-C on to a process: twice is not impatience
        with OnSignals(self._ask_to_stop, once_s=5.0 if self.group.size > 1 else 0.0):
            try:
                if self.task.evaluate_only or self.step == self.settings.steps:
                    self._evaluate_once(started)
                else:
                    self._train(started)
            except torch.OutOfMemoryError as error:  # outside the passes of a micro-batch
                raise _memory_error(self.step, error) from error
        self.progress.close()
        return self._card(started) if self.group.first else None

    def _evaluate_once(self, started: float) -> None:
        """A run without a step to train: one evaluation, saved as the last step."""
        self.step = self.settings.steps
        evaluated = self.metrics and records.evaluated(self.folder, self.step, self.task.target)
        if not evaluated:
            self._evaluate()
        self._save(started)

    def _train(self, started: float) -> None:
        mark = self._begin()
        while self.step < self.settings.steps:
            self._one_step()
            done = self.step == self.settings.steps
            due = done or self.step % self.settings.eval_every == 0
            save = done or self.step % self.settings.save_every == 0
            if due or save or self.stopping or self._many_pending():
                mark = self._flush_metrics(mark, force=due)
            if due:
                self._evaluate()
            if save or self.stopping:
                self._save(started)
            if due or save:
                mark = self._begin()
            if self.stopping and not done:
                raise Interrupted

    def _many_pending(self) -> bool:
        return self.device_config.device.type == "cpu" or len(self.pending) >= PENDING

    def _begin(self) -> float:
        devices.synchronize(self.device_config.device)
        return time.perf_counter()

    def _one_step(self) -> None:
        batch = self.task.batch(self.step)
        share = self.group.share(batch)
        learning_rate = rate(self.step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        loss = self._gradients(share, self.task.weight(batch))
        self.scaler.unscale_(
            self.optimizer
        )  # before clipping: the limit is meant for true gradients
        limit = self.settings.clip_norm or float("inf")
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        self._sync_loss_and_stop(loss)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        if self.average is not None:
            self._update_average()
        self.pending.append((self.step, loss, norm, learning_rate))
        self.session_steps += 1
        if self.session_steps > WARM:
            self.units += self.task.units(batch)
            self.timed += 1

    def _gradients(self, share: Batch, whole: int) -> Tensor:
        """The gradient of the mean loss of a batch of weight `whole`; returns this share's part of
        the loss.

        Falls back to smaller micro-batches when memory runs out, and to no compiler; the repeated
        attempt starts from the same random states.
        """
        states = rng.capture(self.device_config.device)
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                return self._accumulate(share, whole)
            except torch.OutOfMemoryError as error:
                self.optimizer.zero_grad(set_to_none=True)
                self._halve_micro_batch(error, len(share[0]))
                rng.restore(states, self.device_config.device)
            except Exception as error:
                if not self.compiled or self.session_steps > 0:
                    raise
                reason = checkpoints.reason(error)[:120]
                self.progress.log(f"torch.compile failed ({reason}); continuing without it")
                rng.restore(states, self.device_config.device)
                self.compiled = False
                self.wrapped = self._prepare(False)

    def _accumulate(self, share: Batch, whole: int) -> Tensor:
        """Backward passes micro-batch by micro-batch.

        A micro-batch weighs what the task says, as a rule as many examples as it holds: the mean of
        the means of unequal parts is not the mean.
        """
        device = self.device_config.device
        loss = torch.zeros((), device=device)
        for start in range(0, len(share[0]), self.micro):
            part = tuple(_to(x[start : start + self.micro], device) for x in share)
            weight = self.task.weight(part) / whole
            last = start + self.micro >= len(share[0])
            sync = nullcontext() if last or self.group.size == 1 else self.wrapped.no_sync()
            with sync:
                with self.device_config.autocast():
                    value = self.task.loss(self.wrapped, part)
                self.scaler.scale(value * weight * self.group.size).backward()
            loss += value.detach() * weight
        return loss

    def _halve_micro_batch(self, error: Exception, share: int) -> None:
        """Halve the micro-batch when memory runs out; the batch of a step stays the same."""
        if self.device_config.device.type == "cuda":
            torch.cuda.empty_cache()
        now = min(self.micro, share)
        if now == 1 or self.group.size > 1:  # several processes would have to agree on it
            raise UserError(
                f"out of memory with {now} example(s) at a time at step {self.step}",
                "use --set micro_batch=... (smaller), a smaller model or context, or --precision "
                "bf16",
                Exit.EXECUTION,
            ) from error
        self.micro = now // 2
        self.progress.log(
            f"out of memory: continuing with {self.micro} examples at a time, accumulated to the "
            "same batch"
        )

    def _sync_loss_and_stop(self, loss: Tensor) -> None:
        """Exchange the loss of the whole batch, and whether any process was asked to stop."""
        if self.group.size > 1:
            facts = self.group.total(
                torch.stack([loss, torch.tensor(float(self.asked), device=loss.device)])
            )
            loss.copy_(facts[0])
            self.stopping = bool(facts[1] > 0)

    def _update_average(self) -> None:
        assert self.average is not None
        decay = min(self.settings.ema, (1 + self.step) / (10 + self.step))  # short memory at first
        with torch.no_grad():
            for slow, fast in zip(_tensors(self.average), _tensors(self.model), strict=True):
                slow.lerp_(fast, 1 - decay) if slow.is_floating_point() else slow.copy_(fast)

    def _flush_metrics(self, mark: float, force: bool) -> float:
        """Read the pending losses, stop at one that is not finite, write and tell."""
        devices.synchronize(self.device_config.device)
        now = time.perf_counter()
        timed = (
            self.session_steps - len(self.pending) >= WARM
        )  # none of the pending steps was a warm-up
        if timed:
            self.seconds += now - mark
        else:
            self.units = self.timed = 0
        for step, loss, norm, lr in self.pending:
            value = float(loss)
            length = float(norm)
            finite = isfinite(value) and (
                isfinite(length) or self.scaler.is_enabled()
            )  # the scaler skips such a step itself
            if not finite:
                raise not_finite(
                    step,
                    value,
                    length,
                    lr,
                    self.settings,
                    self.device_config.precision,
                    checkpoints.list_newest_first(self.folder),
                )
            if self.group.first:
                self.lines.add({"step": step, "loss": value, "rate": lr, "grad_norm": length})
                speed = self.units / self.seconds if self.seconds else 0.0
                left = (
                    (self.settings.steps - step) * self.seconds / self.timed if self.timed else None
                )  # not known while it warms up
                self.progress.step(step, value, lr, speed, left, force and step == self.step)
                if self.writer:
                    for name, number in (("loss", value), ("rate", lr), ("grad_norm", length)):
                        self.writer.add_scalar(name, number, step)
        self.pending.clear()
        return time.perf_counter()

    @torch.no_grad()
    def _evaluate(self) -> None:
        states = rng.capture(self.device_config.device)  # looking must not change the training
        if self.group.first:
            model = self.average if self.average is not None else self.model
            model.eval()
            with self.device_config.autocast():
                self.metrics = self.task.evaluate(model, self.device_config.device)
            self.model.train()
            self.lines.add({"step": self.step, **self.metrics})
            self.lines.flush()
            self.progress.log(
                "  "
                + f"step {self.step}  "
                + "  ".join(f"{name} {value:.4f}" for name, value in self.metrics.items())
            )
            if self.writer:
                for name, value in self.metrics.items():
                    self.writer.add_scalar(name, value, self.step)
            if self.metrics.get(self.task.target, float("inf")) < self.best:
                self.best = self.metrics[self.task.target]
                weights = {
                    "project": self.project,
                    "model": model.state_dict(),
                    "task": self.task.state(),
                    "metrics": self.metrics,
                }
                checkpoints.save_best(self.folder, self.step, weights)
        rng.restore(states, self.device_config.device)
        self.group.wait()

    def _card(self, started: float) -> dict[str, Any]:
        """The result card."""
        speed = self.units / self.seconds if self.seconds else 0.0
        card: dict[str, Any] = {
            "project": self.project,
            "preset": "",
            "seed": self.settings.seed,
            "steps": self.step,
            "device": self.device_config.name,
            "kind": self.device_config.device.type,
            "precision": self.device_config.precision,
            "compiled": self.compiled,
            "processes": self.group.size,
            "versions": self.versions,
            "commit": records.commit(),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "wall_s": round(self.earlier_s + time.perf_counter() - started, 2),
            "unit": self.task.unit,
            "units_per_s": round(speed, 1),  # of the last session; 0 when no step was timed
            "timed_steps": self.timed,
            "peak_memory_mb": round(devices.peak_memory(self.device_config.device), 1),
            "metrics": self.metrics,
            f"best_{self.task.target}": self.best,
        }
        if restoring.moves(self.sessions):  # otherwise the card says it already
            card["sessions"] = self.sessions
        with torch.no_grad():
            card.update(
                self.task.extras(
                    (self.average if self.average is not None else self.model).eval(),
                    self.device_config.device,
                )
            )
        peak = (
            devices.peak_flops(self.device_config.name, self.device_config.precision)
            if self.device_config.device.type == "cuda"
            else None
        )
        if peak and speed and self.task.flops():
            card["share_of_peak"] = round(self.task.flops() * speed / (peak * self.group.size), 4)
        return card

    def _prepare(self, compiled: bool) -> Any:
        model: Any = self.model
        if compiled:
            model = torch.compile(model)
        if self.task.evaluate_only:
            return model
        return self.group.wrap(model, self.device_config.device)

    def _ask_to_stop(self) -> None:
        self.asked = True
        if self.group.size == 1:  # one of several would leave the others waiting
            self.stopping = True
        self.progress.log("stopping after this step (again: at once)")


def _memory_error(step: int, error: Exception) -> UserError:
    """Memory ran out in the optimizer's step or in an evaluation, where no micro-batch helps."""
    return UserError(
        f"out of memory after step {step}, in the optimizer's step or in an evaluation: "
        f"{checkpoints.reason(error)}",
        "use a smaller model, or a device with more memory; resume from the last checkpoint",
        Exit.EXECUTION,
    )


def _to(x: Tensor, device: torch.device) -> Tensor:
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)


def _tensors(model: nn.Module) -> list[Tensor]:
    """Parameters and buffers, a shared one once: `state_dict` lists it under each of its names."""
    return [*model.parameters(), *model.buffers()]
