"""lora: fine-tuning a pretrained model five ways, and what each one costs and forgets.

The base is a small encoder pretrained on upright digits, or, with `start=FOLDER`, a model of the
gpt project. The task is the same digits turned by a quarter, from a few labelled pictures; or, for
a gpt base, another `corpus`. Methods: `head` trains the last layer, `bias` the biases, `lora`
low-rank adapters (over a four-bit base with `four_bit`), `full` everything. Measured are the new
task and the old one. Adapters are in `adapters.py`. Read with `book/capstones/lora.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects import adapters, cnn, gpt, pictures
from projects.runner import checkpoints, records
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import wrong
from projects.runner.task import Batch, Task

SUMMARY = "a pretrained model adapted by its head, its biases, low-rank adapters, or in full"
METHODS = ("none", "head", "bias", "lora", "full")
WIDTH = 8  # the encoder has two hidden layers of 16 times this


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the base, the method and the new task."""

    method: str = "lora"
    rank: int = 4
    alpha: float = 8.0
    adapter_dropout: float = 0.0
    four_bit: bool = False
    targets: str = ""  # endings of layer names, separated by commas; empty: every linear layer
    start: str = ""  # folder of a gpt run to adapt; empty: the encoder
    corpus: str = "sentence"  # the new text, for a gpt base
    labels_per_class: int = 10  # labelled pictures of the new task, for the encoder
    turn: int = 1  # quarters of a turn, for the encoder
    pretrain_steps: int = 400

    def check(self) -> None:
        super().check()
        if self.method not in METHODS:
            raise wrong("method", self.method, f"is not one of: {', '.join(METHODS)}")
        if self.rank < 1 or self.labels_per_class < 1 or self.pretrain_steps < 1:
            raise wrong(
                "rank, labels_per_class, pretrain_steps",
                (self.rank, self.labels_per_class, self.pretrain_steps),
                "must be at least 1",
            )
        if self.alpha <= 0 or not 0 <= self.adapter_dropout < 1:
            raise wrong(
                "alpha, adapter_dropout",
                (self.alpha, self.adapter_dropout),
                "must be positive, and a share below 1",
            )
        if self.four_bit and self.method != "lora":
            raise wrong(
                "four_bit", self.four_bit, "needs method=lora: four-bit weights cannot be trained"
            )


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "steps": 40,
        "batch_size": 20,
        "learning_rate": 1e-2,
        "pretrain_steps": 100,
        "eval_every": 20,
        "save_every": 20,
    },
    "laptop": {
        "steps": 300,
        "batch_size": 50,
        "learning_rate": 3e-3,
        "warmup_steps": 10,
        "final_rate": 0.0,
        "eval_every": 50,
        "save_every": 150,
    },
    "gpu": {
        "steps": 1500,
        "batch_size": 64,
        "learning_rate": 3e-4,
        "rank": 8,
        "alpha": 16.0,
        "warmup_steps": 100,
        "eval_every": 250,
        "save_every": 500,
    },
}


@dataclass(frozen=True)
class Sample(gpt.Sample):
    """Options of `sample`: those of gpt for a gpt base; for the encoder, a test picture."""

    index: int = 0


def adapt(model: nn.Module, s: Settings) -> None:
    """Choose what is trained, in place."""
    if s.method == "lora":
        linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        adapters.inject(
            model,
            [t.strip() for t in s.targets.split(",")] if s.targets else linear,
            s.rank,
            s.alpha,
            s.adapter_dropout,
            s.four_bit,
        )
        return
    for name, p in model.named_parameters():
        p.requires_grad_(
            s.method == "full"
            or (s.method == "head" and name.startswith("head"))
            or (s.method == "bias" and name.endswith("bias"))
        )
    if s.method != "none" and not any(p.requires_grad for p in model.parameters()):
        raise UserError(
            f"method={s.method} finds nothing to train in this base",
            "a model without biases has none to tune: use lora, head or full",
            Exit.USAGE,
        )


class Adapted(Task[Settings]):
    """What both bases share: counts for the card, and a method that trains nothing."""

    betas = (0.9, 0.999)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.evaluate_only = settings.method == "none"

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """How many parameters are trained, of how many."""
        trained, total = adapters.count(model)
        return {"trained": trained, "of": total}


class Encoder(Adapted):
    """Digits turned by quarters, from few labels."""

    unit = "images"
    model: cnn.Classifier

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.parts = pictures.digits()
        X, y = self.parts["train"]
        self.mean = float(X.mean())
        self.sd = float(X.std())
        torch.manual_seed(settings.seed)
        self.model = cnn.network("mlp", 8, WIDTH, 10)
        if state is None:
            self._pretrain()
        adapt(self.model, settings)
        shuffled = torch.randperm(len(y), generator=generator(settings.seed, 7))
        few = torch.cat(
            [shuffled[y[shuffled] == label][: settings.labels_per_class] for label in range(10)]
        )
        self.few = (self._ready(X[few], turned=True), y[few])

    def _ready(self, X: Tensor, turned: bool) -> Tensor:
        return ((X.rot90(self.settings.turn, (2, 3)) if turned else X) - self.mean) / self.sd

    def _pretrain(self) -> None:
        """The old task: upright digits, in full."""
        X, y = self.parts["train"]
        X = self._ready(X, turned=False)
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        for step in range(self.settings.pretrain_steps):
            chosen = epochs(len(X), 64, step, self.settings.seed)
            optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / self.settings.pretrain_steps)
            optimizer.zero_grad()
            F.cross_entropy(self.model(X[chosen]), y[chosen]).backward()
            optimizer.step()

    def batch(self, step: int) -> Batch:
        X, y = self.few
        chosen = epochs(len(X), self.settings.batch_size, step, self.settings.seed)
        return X[chosen], y[chosen]

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch[0]), batch[1])

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        metrics = {}
        for name, part, turned in (
            ("val", "val", True),
            ("new", "test", True),
            ("old", "test", False),
        ):
            X, y = self.parts[part]
            with torch.no_grad():
                scores = model(self._ready(X, turned).to(device)).float().cpu()
            metrics[f"{name}_accuracy"] = float((scores.argmax(1) == y).float().mean())
            if name == "val":
                metrics["val_loss"] = float(F.cross_entropy(scores, y))
        return metrics

    def sample(self, model: nn.Module, options: Sample, device: torch.device) -> str:
        X, y = self.parts["test"]
        if not 0 <= options.index < len(X):
            raise UserError(
                f"index={options.index} is not a test picture",
                f"there are {len(X)}: give 0 to {len(X) - 1}",
                Exit.USAGE,
            )
        with torch.no_grad():
            says = [
                int(model(self._ready(X[options.index][None], turned).to(device)).argmax())
                for turned in (False, True)
            ]
        return f"label {int(y[options.index])}; upright the model says {says[0]}, turned {says[1]}"


class Text(Adapted, gpt.TextTask[Settings]):
    """A gpt base on another text; its tokenizer stays."""

    betas = (0.9, 0.95)

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        folder = Path(settings.start)
        run = records.read_run(folder)
        if run["project"] != "gpt":
            raise UserError(
                f"{folder} is a run of {run['project']!r}", "start from a run of gpt", Exit.USAGE
            )
        own = {f.name: getattr(settings, f.name) for f in fields(RunSettings)}
        # the sizes of the model are those of the base, the training has settings of its own
        base = gpt.Settings(**{**run["settings"], **own})
        best = checkpoints.load(folder / "best.pt", "gpt")
        super().__init__(settings)
        self.tokenizer = gpt.tokenizers.load(best["task"]["tokenizer"])
        self.model = gpt.GPT(base, len(self.tokenizer))
        self.model.load_state_dict(best["model"])
        # what changes the head must not change the embedding with it
        if base.tie and settings.method in ("lora", "head"):
            self.model.head.weight = nn.Parameter(self.model.head.weight.detach().clone())
        adapt(self.model, settings)
        try:
            train, held_out = gpt.corpora.split(settings.corpus)
            old = gpt.corpora.split(base.corpus)[1]
            self.train, self.held_out, self.old = (
                torch.tensor(self.tokenizer.encode(t)) for t in (train, held_out, old)
            )
        except ValueError as error:
            raise UserError(
                f"the base's tokenizer cannot spell the corpus: {error}",
                "use a base with byte pairs (--set merges=...), or another text",
                Exit.USAGE,
            ) from None
        self.held_out_bytes = len(held_out.encode())

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Metrics on the new text, and the loss on the old one."""
        return {
            **gpt.TextTask.evaluate(self, model, device),
            "old_loss": self.mean_loss(model, self.old, device),
        }

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        return {**gpt.TextTask.extras(self, model, device), **Adapted.extras(self, model, device)}


def build(settings: Settings, state: dict[str, Any] | None = None) -> Encoder | Text:
    """The task of the base that the settings name."""
    return Text(settings, state) if settings.start else Encoder(settings, state)
