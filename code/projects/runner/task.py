"""What a project gives the runner. Read with `book/capstones/runner.md`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from projects.runner.settings import Settings

S = TypeVar("S", bound=Settings)
Batch = tuple[Tensor, ...]  # tensors with one common first dimension: the examples


class Task(ABC, Generic[S]):
    """A model, its data and its measure of success; the runner does everything else.

    Attributes
    ----------
    settings : Settings, those of the project
    model : torch.nn.Module, on the CPU; the runner moves it
    unit : str, what throughput counts: "tokens", "images"
    target : str, the metric by which the best checkpoint is chosen; smaller is better
    """

    model: nn.Module
    unit: str = "examples"
    target: str = "val_loss"
    evaluate_only: bool = False  # nothing is trained: the run is one evaluation

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The whole batch of a step, (B, ...) each: a function of the settings and the step.

        Every process computes it and takes its share; a run resumed at a step finds the data where
        it left them.
        """

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Mean loss over the examples of a (micro-)batch, a scalar."""

    @abstractmethod
    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Metrics by name, on data that were not trained on; the model is in evaluation mode."""

    def optimizer(self, fused: bool) -> torch.optim.Optimizer:
        """AdamW with decay on matrices only: biases and gains are not pulled to zero."""
        matrices = [p for p in self.model.parameters() if p.requires_grad and p.dim() >= 2]
        rest = [p for p in self.model.parameters() if p.requires_grad and p.dim() < 2]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": self.settings.weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            [g for g in groups if g["params"]],
            lr=self.settings.learning_rate,
            betas=self.betas,
            fused=fused,
        )

    betas: tuple[float, float] = (0.9, 0.95)

    def weight(self, batch: Batch) -> int:
        """What a (micro-)batch counts in the gradient of the whole batch: its examples.

        A task whose loss is a mean over something else, such as the tokens of examples of
        different lengths, counts that: at least 1 in every example.
        """
        return len(batch[0])

    def units(self, batch: Batch) -> int:
        """How many units a batch holds."""
        return len(batch[0])

    def flops(self) -> float:
        """Floating-point operations of training on one unit, 0 when nobody counted."""
        return 0.0

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold besides the weights (a vocabulary, for example): numbers,
        texts, lists, dicts.
        """
        return {}

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """More for the result card, small: what a page wants to show of a trained model."""
        return {}

    def sample(self, model: nn.Module, options: Any, device: torch.device) -> str:
        """Something made with the trained model, as text."""
        raise NotImplementedError
