"""lora: fine-tuning a pretrained model five ways, and what each one costs and forgets.

The base is a small encoder pretrained on upright digits; or, with `start=FOLDER`, a run of the gpt
project; or, with `base=FOLDER`, a published GPT-2 in safetensors. The task is the same digits
rotated by a quarter turn, from a few labeled images; or, for a language model, another `corpus`.
Methods: `head` trains the last layer, `bias` the biases, `lora` low-rank adapters (over a base in
16 bits with `half`, in four with `four_bit`), `full` everything. Measured are the new task and the
old one. `sample RUN --set save=FILE` writes the adapter of a run to a file, `adapter=FILE` starts
from it. Adapters are in `adapters.py` and `adapter_files.py`. Read with `book/capstones/lora.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects import adapter_files, adapters, cnn, gpt, gpt2, pictures
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
    targets: str = ""  # endings of layer names, by commas; empty: all linear, not a GPT-2's head
    start: str = ""  # folder of a gpt run to adapt; empty: the encoder
    base: str = ""  # folder of a GPT-2 to adapt: config.json, model.safetensors, its tokenizer
    context: int = 0  # tokens per window over a GPT-2; 0: as many as it has positions
    half: bool = False  # hold the frozen weights of a language model in bfloat16
    adapter: str = ""  # file of a saved adapter to start from; rank, alpha, targets are the file's
    corpus: str = "sentence"  # the new text, for a language model
    old_corpus: str = ""  # the old text; empty: that of the gpt run, and none for a GPT-2
    labels_per_class: int = 10  # labeled images of the new task, for the encoder
    turn: int = 1  # quarter turns, for the encoder
    pretrain_steps: int = 400  # of the encoder's base; 0: random weights, the control

    def check(self) -> None:
        super().check()
        if self.method not in METHODS:
            raise wrong("method", self.method, f"is not one of: {', '.join(METHODS)}")
        if self.rank < 1 or self.labels_per_class < 1:
            raise wrong(
                "rank, labels_per_class",
                (self.rank, self.labels_per_class),
                "must be at least 1",
            )
        if self.pretrain_steps < 0:
            raise wrong("pretrain_steps", self.pretrain_steps, "must be at least 0")
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
        self._check_base()

    def _check_base(self) -> None:
        if self.start and self.base:
            raise wrong("base", self.base, "and start name a base each: give one of them")
        if self.context < 0 or (self.context and not self.base):
            raise wrong("context", self.context, "is a number of tokens, with base=FOLDER only")
        if self.half and (self.method != "lora" or not (self.start or self.base)):
            raise wrong("half", self.half, "needs method=lora and a language model")
        if self.adapter and self.method not in ("lora", "none"):
            raise wrong("adapter", self.adapter, "needs method=lora, or none to evaluate it")


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
    """Options of `sample`: those of gpt for a language model; for the encoder, a test image."""

    index: int = 0
    save: str = ""  # file to which the adapter of the run is written, in place of a sample


def adapt(model: nn.Module, s: Settings) -> None:
    """Choose what is trained, in place."""
    if s.half:
        model.to(torch.bfloat16)
    if s.adapter:
        state = adapter_files.read(Path(s.adapter))
        _untie(model, s, list(state["scale"]))
        adapter_files.attach(model, state)
    elif s.method == "lora":
        targets = _targets(model, s)
        _untie(model, s, targets)
        adapters.inject(model, targets, s.rank, s.alpha, s.adapter_dropout, s.four_bit)
    if s.method == "lora":
        return
    _untie(model, s, [])
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


def _targets(model: nn.Module, s: Settings) -> list[str]:
    if s.targets:
        return [target.strip() for target in s.targets.split(",")]
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    return [name for name in linear if not (s.base and name == "head")]


def _untie(model: nn.Module, s: Settings, targets: list[str]) -> None:
    """A head that is trained gets a weight of its own: the embedding must not change with it."""
    trained = s.method == "head" or "head" in targets
    if trained and isinstance(model, gpt.GPT) and model.head.weight is model.token.weight:
        model.head.weight = nn.Parameter(model.head.weight.detach().clone())


def save_adapter(model: nn.Module, path: Path) -> str:
    """Write the adapter of a run to a file, and say what it holds."""
    if not adapters.layers(model):
        raise UserError(
            "this run has no adapter to save", "save one of a run with method=lora", Exit.USAGE
        )
    adapter_files.save(model, path)
    trained = sum(
        p.numel() for layer in adapters.layers(model).values() for p in (layer.A, layer.B)
    )
    return (
        f"{path}: {trained:,} numbers in {path.stat().st_size:,} bytes, for base "
        f"{adapters.base_hash(model)}"
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
    """Digits rotated by quarter turns, from few labels."""

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
        if options.save:
            return save_adapter(model, Path(options.save))
        X, y = self.parts["test"]
        if not 0 <= options.index < len(X):
            raise UserError(
                f"index={options.index} is not a test image",
                f"there are {len(X)}: give 0 to {len(X) - 1}",
                Exit.USAGE,
            )
        with torch.no_grad():
            predicted = [
                int(model(self._ready(X[options.index][None], turned).to(device)).argmax())
                for turned in (False, True)
            ]
        return (
            f"label {int(y[options.index])}; predicted upright {predicted[0]}, "
            f"rotated {predicted[1]}"
        )


class Text(Adapted, gpt.TextTask[Settings]):
    """A language model on another text; its tokenizer stays."""

    betas = (0.9, 0.95)

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.model, self.tokenizer, own_corpus = (
            _published_base(settings) if settings.base else _run_base(settings)
        )
        adapt(self.model, settings)
        train, held_out = gpt.corpora.split(settings.corpus)
        old_corpus = settings.old_corpus or own_corpus
        self.train = self._encode(train, "training")
        self.held_out = self._encode(held_out, "held-out")
        self.old = (
            self._encode(gpt.corpora.split(old_corpus)[1], "old held-out") if old_corpus else None
        )
        self.held_out_bytes = len(held_out.encode())

    def _encode(self, text: str, part: str) -> Tensor:
        """The tokens of a text, enough for a window."""
        try:
            tokens = torch.tensor(self.tokenizer.encode(text))
        except ValueError as error:
            raise UserError(
                f"the base's tokenizer cannot spell the corpus: {error}",
                "use a base with byte pairs (--set merges=...), or another text",
                Exit.USAGE,
            ) from None
        context = self.model.s.context
        if len(tokens) <= context:
            raise UserError(
                f"the {part} text has {len(tokens)} tokens, a window needs {context + 1}",
                "use a longer text, or over a GPT-2 --set context=... (smaller)",
                Exit.USAGE,
            )
        return tokens

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Metrics on the new text, and the loss on the old one where there is one."""
        metrics = gpt.TextTask.evaluate(self, model, device)
        if self.old is not None:
            metrics["old_loss"] = self.mean_loss(model, self.old, device)
        return metrics

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        return {**gpt.TextTask.extras(self, model, device), **Adapted.extras(self, model, device)}

    def sample(self, model: nn.Module, options: gpt.Sample, device: torch.device) -> str:
        if isinstance(options, Sample) and options.save:
            return save_adapter(model, Path(options.save))
        return super().sample(model, options, device)


Base = tuple[gpt.GPT, gpt.TextTokenizer, str]  # a language model, its tokenizer and its corpus


def _own(settings: Settings) -> dict[str, Any]:
    """The settings of training, which are the adapted run's and not the base's."""
    return {f.name: getattr(settings, f.name) for f in fields(RunSettings)}


def _run_base(settings: Settings) -> Base:
    """The best weights of a run of the gpt project."""
    folder = Path(settings.start)
    run = records.read_run(folder)
    if run["project"] != "gpt":
        raise UserError(
            f"{folder} is a run of {run['project']!r}", "start from a run of gpt", Exit.USAGE
        )
    base = gpt.Settings(**{**run["settings"], **_own(settings)})
    try:
        best = checkpoints.load(folder / "best.pt", "gpt")
    except UserError as error:
        if error.code is Exit.EXECUTION:  # its fix is about a run that goes on
            raise UserError(error.what, "start from another run of gpt", Exit.USAGE) from None
        raise
    tokenizer = gpt.special_tokens.load(best["task"]["tokenizer"])
    model = gpt.GPT(base, len(tokenizer))
    model.load_state_dict(best["model"])
    return model, tokenizer, base.corpus


def _published_base(settings: Settings) -> Base:
    """A GPT-2 in a folder, of which the text it was trained on is not known."""
    folder = Path(settings.base)
    config = gpt2.read_config(folder)
    sizes: dict[str, Any] = {name: config[key] for name, key in gpt2.SIZES.items()}
    sizes |= gpt2.KIND
    sizes["merges"] = len(gpt2.read_tokenizer(folder).merges)
    sizes["context"] = settings.context or config["n_positions"]
    base = gpt.Settings(**_own(settings), **sizes, init=settings.base)
    base.check()
    tokenizer = gpt2.start(folder, base)
    model = gpt.GPT(base, len(tokenizer))
    gpt2.load(model, folder)
    return model, tokenizer, ""


def build(settings: Settings, state: dict[str, Any] | None = None) -> Encoder | Text:
    """The task of the base that the settings name."""
    language = settings.start or settings.base
    return Text(settings, state) if language else Encoder(settings, state)
