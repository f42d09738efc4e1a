"""A project for the tests of the runner: a line with dropout, fitted to noisy points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from projects.runner import processes
from projects.runner.devices import choose
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.task import Batch, Task
from projects.runner.training import Trainer
from torch import Tensor, nn

PRESETS: dict[str, dict[str, Any]] = {"smoke": {}, "laptop": {"steps": 200}}


@dataclass(frozen=True)
class Settings(RunSettings):
    width: int = 8
    dropout: float = 0.0
    shuffle: bool = True
    name: str = "toy"


class Line(Task):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        torch.manual_seed(settings.seed)
        self.model = nn.Sequential(
            nn.Linear(3, settings.width),
            nn.Tanh(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.width, 1),
        )

    def batch(self, step: int) -> Batch:
        rng = generator(self.settings.seed, step)
        X = torch.randn(self.settings.batch_size, 3, generator=rng)
        return X, X.sum(1, keepdim=True) + 0.1 * torch.randn(len(X), 1, generator=rng)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        X, y = batch
        return ((model(X) - y) ** 2).mean()

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        X = torch.randn(64, 3, generator=generator(1))
        return {"val_loss": float(((model(X) - X.sum(1, keepdim=True)) ** 2).mean())}


def trainer(
    folder,
    task: Task | None = None,
    group: processes.Group | None = None,
    **settings: Any,
) -> Trainer:
    folder.mkdir(parents=True, exist_ok=True)
    return Trainer(
        task or Line(Settings(**settings)),
        "toy",
        choose("cpu"),
        group or processes.Group(),
        folder,
        speak=False,
    )


def weights(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]
