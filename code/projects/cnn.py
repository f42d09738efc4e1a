"""cnn: an image classifier, measured: generated bars, real digits or glyphs of fonts, five models
on one loop.

Bars are 12 x 12 pictures with one bright row (class 0) or column (class 1) in noise. Digits are the
1,797 handwritten 8 x 8 ones of scikit-learn, 500 of which are for testing and 200 for choosing.
Glyphs are 62 characters in 16 fonts, and in 4 more that no training sees. All come from
`pictures.py`. A run can start from the weights of another (`start`), keep them (`freeze`) and learn
a new set of labels from a few examples (`classes`, `labels_per_class`): transfer. Read with
`book/capstones/cnn.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects import pictures
from projects.pictures import CHARACTERS, augmented, bars, digits, shades
from projects.runner import checkpoints
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import wrong
from projects.runner.task import Batch, Task

SUMMARY = "an image classifier: five models on bars, handwritten digits or glyphs of fonts"
DATA = ("bars", "digits", "glyphs")
MODELS = ("logistic", "mlp", "small", "residual", "vit")


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the pictures, the model and the training."""

    data: str = "bars"  # bars, digits, glyphs
    size: int = 32  # of glyphs, in pixels
    noise: float = 0.1  # standard deviation of the noise of bars
    images: int = 200  # bars to train on; as many again to test
    model: str = "small"  # logistic, mlp, small, residual, vit
    channels: int = 8
    stages: int = 1  # halvings of the residual model
    augment: bool = (
        False  # shifts by a pixel (of glyphs, a sixteenth of the size), small turns and stretches
    )
    dropout: float = 0.0
    smoothing: float = 0.0  # share of the target spread over the other labels
    classes: str = ""  # labels in use, "56789", of glyphs characters; empty: all
    labels_per_class: int = 0  # training examples of each label; 0: all
    start: str = ""  # folder of a run whose body this one starts from
    freeze: bool = False  # train the head alone

    def check(self) -> None:
        super().check()
        if self.data not in DATA:
            raise wrong("data", self.data, f"is not one of: {', '.join(DATA)}")
        if self.model not in MODELS:
            raise wrong("model", self.model, f"is not one of: {', '.join(MODELS)}")
        if self.channels < 1 or self.images < 2 or self.labels_per_class < 0 or self.noise < 0:
            raise wrong(
                "channels, images, labels_per_class, noise",
                (self.channels, self.images, self.labels_per_class, self.noise),
                "must be at least 1, 2, 0 and 0",
            )
        if (
            self.size < 8
            or self.stages < 1
            or (self.data == "glyphs" and self.size < 8 << self.stages >> 1)
        ):
            raise wrong(
                "size, stages",
                (self.size, self.stages),
                "must be at least 8 and 1, with 4 pixels left after the halvings",
            )
        if not (0 <= self.dropout < 1 and 0 <= self.smoothing < 1):
            raise wrong("dropout, smoothing", (self.dropout, self.smoothing), "are shares below 1")
        if (
            not set(self.classes)
            <= set({"digits": "0123456789", "glyphs": CHARACTERS, "bars": "01"}[self.data])
            or len(set(self.classes)) == 1
        ):
            raise wrong(
                "classes",
                self.classes,
                "must name at least two labels of these data, for example 01",
            )
        if self.freeze and not self.start:
            raise wrong(
                "freeze", self.freeze, "keeps weights that nobody trained: give start=FOLDER too"
            )


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "steps": 60,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "eval_every": 30,
        "save_every": 30,
    },
    "laptop": {
        "data": "digits",
        "model": "residual",
        "channels": 32,
        "augment": True,
        "smoothing": 0.05,
        "steps": 700,
        "batch_size": 64,
        "learning_rate": 4e-3,
        "warmup_steps": 30,
        "weight_decay": 0.05,
        "final_rate": 0.0,
        "ema": 0.99,
        "eval_every": 100,
        "save_every": 350,
    },
    "glyphs": {
        "data": "glyphs",
        "model": "residual",
        "channels": 32,
        "stages": 2,
        "augment": True,
        "smoothing": 0.05,
        "steps": 3000,
        "batch_size": 256,
        "learning_rate": 3e-3,
        "warmup_steps": 100,
        "weight_decay": 0.05,
        "final_rate": 0.0,
        "ema": 0.995,
        "eval_every": 500,
        "save_every": 1000,
    },
    "gpu": {
        "data": "digits",
        "model": "residual",
        "channels": 64,
        "augment": True,
        "smoothing": 0.05,
        "steps": 4000,
        "batch_size": 256,
        "learning_rate": 4e-3,
        "warmup_steps": 100,
        "weight_decay": 0.05,
        "final_rate": 0.0,
        "ema": 0.999,
        "eval_every": 500,
        "save_every": 1000,
    },
}


@dataclass(frozen=True)
class Sample:
    """Options of `sample`, which shows a test picture, the model's answer and where it looks."""

    index: int = 0


# -- models: a body, from pictures to features, and a head, from features to scores ---------------


class Classifier(nn.Module):
    """A body and a linear head."""

    def __init__(self, body: nn.Module, features: int, K: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(features, K)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.body(x)))  # (B, K)


class Residual(nn.Module):
    """x + two convolutions of it, each normalized; the skip connection is a 1 x 1 convolution
    where the channels change."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1, bias=False),
            nn.BatchNorm2d(b),
            nn.ReLU(),
            nn.Conv2d(b, b, 3, padding=1, bias=False),
            nn.BatchNorm2d(b),
        )
        self.skip = nn.Identity() if a == b else nn.Conv2d(a, b, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.branch(x))


class Patches(nn.Module):
    """A small vision transformer's body: 2 x 2 patches as tokens, learned positions, four blocks,
    the mean token.
    """

    def __init__(self, size: int, C: int) -> None:
        super().__init__()
        self.cut = nn.Conv2d(1, C, 2, stride=2)
        self.position = nn.Parameter(torch.randn((size // 2) ** 2, C) * 0.02)
        block = nn.TransformerEncoderLayer(
            C, 4, 2 * C, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            block, 4, norm=nn.LayerNorm(C), enable_nested_tensor=False
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.cut(x).flatten(2).transpose(1, 2) + self.position  # (B, T, C)
        return self.blocks(tokens).mean(1)  # (B, C)


def network(
    name: str, size: int, C: int, K: int, dropout: float = 0.0, stages: int = 1
) -> Classifier:
    """A model by name for pictures (B, 1, size, size) and K labels; C is its first number of
    channels, doubled in each stage.
    """
    if name == "logistic":
        return Classifier(nn.Flatten(), size * size, K)
    if name == "mlp":
        return Classifier(
            nn.Sequential(
                nn.Flatten(),
                nn.Linear(size * size, 16 * C),
                nn.ReLU(),
                nn.Linear(16 * C, 16 * C),
                nn.ReLU(),
            ),
            16 * C,
            K,
            dropout,
        )
    if name == "small":
        body = nn.Sequential(
            nn.Conv2d(1, C, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(C, 2 * C, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        return Classifier(body, 2 * C * (size // 4) ** 2, K, dropout)
    if name == "residual":
        layers: list[nn.Module] = [
            nn.Conv2d(1, C, 3, padding=1, bias=False),
            nn.BatchNorm2d(C),
            nn.ReLU(),
            Residual(C, C),
        ]
        for _ in range(stages):
            layers += [nn.MaxPool2d(2), Residual(C, 2 * C), Residual(2 * C, 2 * C)]
            C *= 2
        return Classifier(
            nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), C, K, dropout
        )
    if name == "vit":
        return Classifier(Patches(size, 4 * C), 4 * C, K, dropout)
    raise ValueError(f"there is no model {name!r}; choose one of: {', '.join(MODELS)}")


# -- where a model looks --------------------------------------------------------------------------


def saliency(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """|d score of label y / d pixel|, (n, H, W): how much each pixel's change would change the
    score (Simonyan et al., 2014).
    """
    X = X.clone().requires_grad_(True)
    score = model(X).gather(1, y[:, None]).sum()
    (gradient,) = torch.autograd.grad(score, X)
    return gradient.abs().amax(1)


def occlusion(model: nn.Module, X: Tensor, y: Tensor, size: int = 2) -> Tensor:
    """How far the score of label y falls when a square around each pixel is blanked, (n, H, W)
    (Zeiler and Fergus, 2014).
    """
    n, _, H, W = X.shape
    falls = torch.zeros(n, H, W)
    with torch.no_grad():
        whole = model(X).gather(1, y[:, None])[:, 0]
        for i in range(H):
            for j in range(W):
                blank = X.clone()
                blank[:, :, max(0, i - size + 1) : i + size, max(0, j - size + 1) : j + size] = (
                    X.min()
                )
                falls[:, i, j] = whole - model(blank).gather(1, y[:, None])[:, 0]
    return falls


def gradcam(model: Classifier, X: Tensor, y: Tensor, layer: nn.Module) -> Tensor:
    """Where the channels that speak for label y are active, (n, H, W), each map scaled to at most 1
    (Selvaraju et al., 2017).
    """
    activations: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: activations.append(output))
    try:
        score = model(X).gather(1, y[:, None]).sum()
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(score, activations[0])
    weights = gradient.mean((2, 3), keepdim=True)  # (n, C, 1, 1)
    maps = F.relu((weights * activations[0]).sum(1, keepdim=True)).detach()
    maps = F.interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-12)


# -- the task -------------------------------------------------------------------------------------


class Pictures(Task[Settings]):
    """Name the label of a picture."""

    unit = "images"
    betas = (0.9, 0.999)
    model: Classifier

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.parts = _data(settings)
        X, y = self.parts["train"]
        self.mean = float(X.mean())
        self.sd = float(X.std())  # of the training pictures: the others must not tell
        torch.manual_seed(settings.seed)
        self.labels = sorted(set(y.tolist()))
        self.model = network(
            settings.model,
            X.shape[-1],
            settings.channels,
            len(self.labels),
            settings.dropout,
            settings.stages,
        )
        if settings.start and state is None:
            self._load_body(Path(settings.start))
        if settings.freeze:
            self.model.body.requires_grad_(False)

    def _load_body(self, folder: Path) -> None:
        """The body of another run of this project; the head stays new."""
        weights = checkpoints.load(folder / "best.pt", "cnn")["model"]
        body = {
            name.removeprefix("body."): w for name, w in weights.items() if name.startswith("body.")
        }
        try:
            self.model.body.load_state_dict(body)
        except RuntimeError as error:
            raise UserError(
                f"the body of {folder} does not fit model={self.settings.model} with "
                f"channels={self.settings.channels}: {str(error).splitlines()[1].strip()}",
                "give the same data, model and channels as that run",
                Exit.USAGE,
            ) from None

    def standardize(self, X: Tensor) -> Tensor:
        return (X - self.mean) / self.sd

    def batch(self, step: int) -> Batch:
        X, y = self.parts["train"]
        chosen = epochs(len(X), self.settings.batch_size, step, self.settings.seed)
        shown = X[chosen]
        if self.settings.augment:
            rng = generator(self.settings.seed, step, 1)
            shown = (
                pictures.random_affine(shown, rng)
                if self.settings.data == "glyphs"
                else augmented(shown, rng)
            )
        return self.standardize(shown), torch.searchsorted(torch.tensor(self.labels), y[chosen])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        X, y = batch
        if self.settings.freeze:
            self.model.body.eval()  # frozen statistics too
        return F.cross_entropy(model(X), y, label_smoothing=self.settings.smoothing)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        metrics = {}
        for name in (name for name in self.parts if name != "train"):
            scores, y = self.scores(model, name, device)
            metrics[f"{name}_loss"] = float(F.cross_entropy(scores, y))
            metrics[f"{name}_accuracy"] = float((scores.argmax(1) == y).float().mean())
        return metrics

    @torch.no_grad()
    def scores(self, model: nn.Module, part: str, device: torch.device) -> tuple[Tensor, Tensor]:
        """Scores (n, K) and labels (n,) of a part of the data."""
        X, y = self.parts[part]
        scores = torch.cat(
            [model(self.standardize(piece).to(device)).float().cpu() for piece in X.split(500)]
        )
        return scores, torch.searchsorted(torch.tensor(self.labels), y)

    def sample(self, model: nn.Module, options: Sample, device: torch.device) -> str:
        X, y = self.parts["test"]
        if not 0 <= options.index < len(X):
            raise UserError(
                f"index={options.index} is not a test picture",
                f"there are {len(X)}: give 0 to {len(X) - 1}",
                Exit.USAGE,
            )
        picture = self.standardize(X[options.index][None]).to(device)
        with torch.no_grad():
            p = model(picture).softmax(1)[0].cpu()
        best = p.topk(min(3, len(p)))
        looks = saliency(model, picture, best.indices[:1].to(device))[0].cpu()
        rows = zip(shades(X[options.index, 0]), shades(looks), strict=True)
        named = CHARACTERS if self.settings.data == "glyphs" else "0123456789"
        answer = ", ".join(
            f"{named[self.labels[int(i)]]} with {v:.3f}" for v, i in zip(*best, strict=True)
        )
        return (
            "\n".join(f"{a}   {b}" for a, b in rows)
            + f"\nlabel {named[int(y[options.index])]}; the model says {answer}; "
            "right: how much each pixel counts"
        )


def _data(s: Settings) -> dict[str, tuple[Tensor, Tensor]]:
    if s.data == "bars":
        n = s.images
        parts = {
            name: bars(n, s.noise, 1000 * s.seed + i)
            for i, name in enumerate(("train", "val", "test"))
        }
    elif s.data == "digits":
        parts = digits()
    else:
        clean = pictures.typeset(s.size)
        held = pictures.glyphs(pictures.HELD, s.size)
        parts = {
            "train": clean,
            "val": pictures.render_samples(*clean, 1000, 1),
            "test": pictures.render_samples(*clean, 2000, 2),
            "fonts": pictures.render_samples(*held, 2000, 3),
        }
    labels = (
        torch.tensor(sorted(CHARACTERS.index(c) for c in set(s.classes))) if s.classes else None
    )
    if labels is not None:
        parts = {
            name: (X[keep], y[keep])
            for name, (X, y) in parts.items()
            for keep in [torch.isin(y, labels)]
        }
    if s.labels_per_class:
        X, y = parts["train"]
        shuffled = torch.randperm(len(y), generator=generator(s.seed, 2))
        few = torch.cat(
            [shuffled[y[shuffled] == label][: s.labels_per_class] for label in y.unique()]
        )
        parts["train"] = (X[few], y[few])
    return parts


def build(settings: Settings, state: dict[str, Any] | None = None) -> Pictures:
    """The task; with the state of a checkpoint no other run is read."""
    return Pictures(settings, state)
