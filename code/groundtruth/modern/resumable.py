"""A training run that can be stopped after any step and resumed exactly, with its log.

Read with book/modern/training-in-practice.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from groundtruth.learning.schedules import warmup_cosine

PARTS = ("model", "optimizer", "generator", "order", "step")


class Run:
    """A network on the examples x (n, d), y (n,): epochs, noise on the inputs, AdamW, a schedule.

    Parameters
    ----------
    folder : where `checkpoint.pt` and `log.jsonl` are written
    total : number of steps of the schedule
    seed : of the weights, of the order of the examples and of the noise
    """

    def __init__(self, folder: Path, x: Tensor, y: Tensor, total: int, seed: int) -> None:
        self.folder = Path(folder)
        self.x = x
        self.y = y
        self.total = total
        self.generator = torch.Generator().manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, 10))
        with torch.no_grad():
            for p in self.model.parameters():
                p.copy_(0.1 * torch.randn(p.shape, generator=self.generator))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1.0)
        self.order = torch.zeros(0, dtype=torch.int64)
        self.step = 0

    def _batch(self, B: int = 32) -> tuple[Tensor, Tensor]:
        """The next B examples of the epoch, with noise on the inputs; a short rest is left out."""
        if len(self.order) < B:
            self.order = torch.randperm(len(self.y), generator=self.generator)
        rows, self.order = self.order[:B], self.order[B:]
        x = self.x[rows]
        return x + 0.1 * torch.randn(x.shape, generator=self.generator), self.y[rows]

    def train(self, until: int) -> None:
        """Steps up to this number; each appends a line to the log."""
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            while self.step < until:
                x, y = self._batch()
                loss = F.cross_entropy(self.model(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                rate = warmup_cosine(self.step + 1, 0.01, 10, self.total + 1)
                self.optimizer.param_groups[0]["lr"] = rate
                self.optimizer.step()
                self.step += 1
                line = {"step": self.step, "loss": loss.item(), "norm": norm.item(), "rate": rate}
                log.write(json.dumps(line) + "\n")

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "order": self.order,
            "step": self.step,
        }

    def save(self) -> None:
        """Write beside the checkpoint and rename, so that a crash leaves the old one or the new."""
        temporary = self.folder / "checkpoint.new"
        with temporary.open("wb") as file:
            torch.save(self.state(), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.folder / "checkpoint.pt")

    def load(self, without: str = "") -> None:
        """Continue from the checkpoint; lines of the log after its step are cut off.

        Parameters
        ----------
        without : a part that is left as it is, to see what it is needed for

        Raises
        ------
        ValueError
            If there is no such part.
        """
        if without and without not in PARTS:
            raise ValueError(f"without must be one of {PARTS}, got {without!r}")
        path = self.folder / "checkpoint.pt"
        state = torch.load(path, weights_only=True)  # noqa: TID251
        if without != "model":
            self.model.load_state_dict(state["model"])
        if without != "optimizer":
            self.optimizer.load_state_dict(state["optimizer"])
        if without != "generator":
            self.generator.set_state(state["generator"])
        if without != "order":
            self.order = state["order"]
        if without != "step":
            self.step = state["step"]
        log = self.folder / "log.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines()
        log.write_text("".join(line + "\n" for line in lines[: state["step"]]), encoding="utf-8")

    def losses(self) -> list[float]:
        """The losses in the log."""
        lines = (self.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["loss"] for line in lines]
