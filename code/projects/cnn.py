"""cnn: an image classifier, measured: generated bars or scikit-learn's real digits, five models on one loop.

Bars are 12 x 12 pictures with one bright row (class 0) or column (class 1) in noise. Digits are the 1,797
handwritten 8 x 8 ones of scikit-learn, 500 of which are for testing and 200 for choosing. A run can start from the
weights of another (`start`), keep them (`freeze`) and learn a new set of labels from a few examples
(`classes`, `labels_per_class`): transfer. Read with `book/capstones/cnn.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from projects.runner import checkpoints
from projects.runner.errors import Exit, RunnerError
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import wrong
from projects.runner.task import Batch, Task

SUMMARY = "an image classifier: small, residual and attention models on bars and real digits"
MODELS = ("logistic", "mlp", "small", "residual", "vit")


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the pictures, the model and the training."""

    data: str = "bars"           # bars, digits
    noise: float = 0.1           # standard deviation of the noise of bars
    images: int = 200            # bars to train on; as many again to test
    model: str = "small"         # logistic, mlp, small, residual, vit
    channels: int = 8
    augment: bool = False        # shifts by a pixel, small turns and stretches
    dropout: float = 0.0
    smoothing: float = 0.0       # share of the target spread over the other labels
    classes: str = ""            # labels in use, "56789"; empty: all
    labels_per_class: int = 0    # training examples of each label; 0: all
    start: str = ""              # folder of a run whose body this one starts from
    freeze: bool = False         # train the head alone

    def check(self) -> None:
        super().check()
        if self.data not in ("bars", "digits"):
            raise wrong("data", self.data, "is not one of: bars, digits")
        if self.model not in MODELS:
            raise wrong("model", self.model, f"is not one of: {', '.join(MODELS)}")
        if self.channels < 1 or self.images < 2 or self.labels_per_class < 0 or self.noise < 0:
            raise wrong("channels, images, labels_per_class, noise", (self.channels, self.images, self.labels_per_class, self.noise), "must be at least 1, 2, 0 and 0")
        if not (0 <= self.dropout < 1 and 0 <= self.smoothing < 1):
            raise wrong("dropout, smoothing", (self.dropout, self.smoothing), "are shares below 1")
        if not set(self.classes) <= set("0123456789" if self.data == "digits" else "01") or len(set(self.classes)) == 1:
            raise wrong("classes", self.classes, "must name at least two labels of these data, for example 01")
        if self.freeze and not self.start:
            raise wrong("freeze", self.freeze, "keeps weights that nobody trained: give start=FOLDER too")


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {"steps": 60, "batch_size": 32, "learning_rate": 1e-2, "eval_every": 30, "save_every": 30},
    "laptop": {"data": "digits", "model": "residual", "channels": 32, "augment": True, "smoothing": 0.05, "steps": 700, "batch_size": 64, "learning_rate": 4e-3,
               "warmup_steps": 30, "weight_decay": 0.05, "final_rate": 0.0, "ema": 0.99, "eval_every": 100, "save_every": 350},
    "gpu": {"data": "digits", "model": "residual", "channels": 64, "augment": True, "smoothing": 0.05, "steps": 4000, "batch_size": 256, "learning_rate": 4e-3,
            "warmup_steps": 100, "weight_decay": 0.05, "final_rate": 0.0, "ema": 0.999, "eval_every": 500, "save_every": 1000},
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """Options of `sample`, which shows a test picture, the model's answer and where it looks."""

    index: int = 0


# -- data -----------------------------------------------------------------------------------------


def bars(n: int, noise: float, seed: int, places: tuple[int, ...] = tuple(range(12))) -> tuple[Tensor, Tensor]:
    """n pictures (n, 1, 12, 12) with a bright row (label 0) or column (label 1) at one of the places, and labels (n,)."""
    if n < 1 or noise < 0 or not places or not all(0 <= p < 12 for p in places):
        raise ValueError(f"need n >= 1, noise >= 0 and places from 0 to 11, got {n}, {noise} and {places}")
    rng = generator(seed, n)
    y = torch.randint(2, (n,), generator=rng)
    at = torch.tensor(places)[torch.randint(len(places), (n,), generator=rng)]
    bright = (torch.arange(12) == at[:, None]).float()  # (n, 12)
    X = torch.where(y[:, None, None] == 0, bright[:, :, None].expand(n, 12, 12), bright[:, None, :].expand(n, 12, 12))
    return (X + noise * torch.randn(n, 12, 12, generator=rng))[:, None], y


def digits() -> dict[str, tuple[Tensor, Tensor]]:
    """`train` 1,097, `val` 200 and `test` 500 digits (n, 1, 8, 8) with values from 0 to 1; the same for every seed."""
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    X, y = torch.tensor(pictures[order] / 16, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(labels[order])
    cuts = {"test": slice(0, 500), "val": slice(500, 700), "train": slice(700, None)}
    return {name: (X[cut], y[cut]) for name, cut in cuts.items()}


def augmented(X: Tensor, rng: torch.Generator) -> Tensor:
    """Each picture (n, 1, H, W) shifted by up to a pixel, turned by up to 12 degrees, stretched by up to a tenth."""
    n, _, H, W = X.shape
    r = torch.rand(n, 5, generator=rng) * 2 - 1  # in [-1, 1]
    angle, sx, sy = r[:, 0] * 0.21, 1 + 0.1 * r[:, 1], 1 + 0.1 * r[:, 2]
    shift = r[:, 3:] * 2 / torch.tensor([W, H])  # one pixel is 2 / W of the picture's coordinates
    rows = [torch.stack([sx * angle.cos(), -angle.sin(), shift[:, 0]], 1), torch.stack([angle.sin(), sy * angle.cos(), shift[:, 1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), [n, 1, H, W], align_corners=False)
    return F.grid_sample(X, grid, align_corners=False)


# -- models: each has a body, from pictures to features, and a head, from features to scores -------------


class Classifier(nn.Module):
    """A body and a linear head."""

    def __init__(self, body: nn.Module, features: int, K: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.body, self.drop, self.head = body, nn.Dropout(dropout), nn.Linear(features, K)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.body(x)))  # (B, K)


class Residual(nn.Module):
    """x + two convolutions of it, each normalised; the way past is a 1 x 1 convolution where the channels change."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.way = nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1, bias=False), nn.BatchNorm2d(b))
        self.past = nn.Identity() if a == b else nn.Conv2d(a, b, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.past(x) + self.way(x))


class Patches(nn.Module):
    """A small vision transformer's body: 2 x 2 patches as tokens, learned positions, four blocks, the mean token."""

    def __init__(self, size: int, C: int) -> None:
        super().__init__()
        self.cut = nn.Conv2d(1, C, 2, stride=2)
        self.position = nn.Parameter(torch.randn((size // 2) ** 2, C) * 0.02)
        block = nn.TransformerEncoderLayer(C, 4, 2 * C, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, 4, norm=nn.LayerNorm(C), enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.cut(x).flatten(2).transpose(1, 2) + self.position  # (B, T, C)
        return self.blocks(tokens).mean(1)  # (B, C)


def network(name: str, size: int, C: int, K: int, dropout: float = 0.0) -> Classifier:
    """A model by name for pictures (B, 1, size, size) and K labels; C is its first number of channels."""
    if name == "logistic":
        return Classifier(nn.Flatten(), size * size, K)
    if name == "mlp":
        return Classifier(nn.Sequential(nn.Flatten(), nn.Linear(size * size, 16 * C), nn.ReLU(), nn.Linear(16 * C, 16 * C), nn.ReLU()), 16 * C, K, dropout)
    if name == "small":
        body = nn.Sequential(nn.Conv2d(1, C, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(C, 2 * C, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        return Classifier(body, 2 * C * (size // 4) ** 2, K, dropout)
    if name == "residual":
        stem = [nn.Conv2d(1, C, 3, padding=1, bias=False), nn.BatchNorm2d(C), nn.ReLU()]
        body = nn.Sequential(*stem, Residual(C, C), nn.MaxPool2d(2), Residual(C, 2 * C), Residual(2 * C, 2 * C), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Classifier(body, 2 * C, K, dropout)
    if name == "vit":
        return Classifier(Patches(size, 4 * C), 4 * C, K, dropout)
    raise ValueError(f"there is no model {name!r}; choose one of: {', '.join(MODELS)}")


# -- where a model looks --------------------------------------------------------------------------


def saliency(model: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    """|d score of label y / d pixel|, (n, H, W): how much each pixel's change would change the score (Simonyan et al., 2014)."""
    X = X.clone().requires_grad_(True)
    score = model(X).gather(1, y[:, None]).sum()
    (gradient,) = torch.autograd.grad(score, X)
    return gradient.abs().amax(1)


def occlusion(model: nn.Module, X: Tensor, y: Tensor, size: int = 2) -> Tensor:
    """How far the score of label y falls when a square around each pixel is blanked, (n, H, W) (Zeiler and Fergus, 2014)."""
    n, _, H, W = X.shape
    falls = torch.zeros(n, H, W)
    with torch.no_grad():
        whole = model(X).gather(1, y[:, None])[:, 0]
        for i in range(H):
            for j in range(W):
                blank = X.clone()
                blank[:, :, max(0, i - size + 1) : i + size, max(0, j - size + 1) : j + size] = X.min()
                falls[:, i, j] = whole - model(blank).gather(1, y[:, None])[:, 0]
    return falls


def gradcam(model: Classifier, X: Tensor, y: Tensor, layer: nn.Module) -> Tensor:
    """Where the channels that speak for label y are active, (n, H, W), each map scaled to at most 1 (Selvaraju et al., 2017)."""
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: kept.append(output))
    try:
        score = model(X).gather(1, y[:, None]).sum()
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(score, kept[0])
    weights = gradient.mean((2, 3), keepdim=True)  # (n, C, 1, 1)
    maps = F.relu((weights * kept[0]).sum(1, keepdim=True)).detach()
    maps = F.interpolate(maps, X.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(1e-12)


# -- the task -------------------------------------------------------------------------------------


class Pictures(Task):
    """Name the label of a picture."""

    unit = "images"
    betas = (0.9, 0.999)
    model: Classifier

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.s = settings
        self.parts = _data(settings)
        X, y = self.parts["train"]
        self.mean, self.sd = float(X.mean()), float(X.std())  # of the training pictures: the others must not tell
        torch.manual_seed(settings.seed)
        self.labels = sorted(set(y.tolist()))
        self.model = network(settings.model, X.shape[-1], settings.channels, len(self.labels), settings.dropout)
        if settings.start and state is None:
            self._take(Path(settings.start))
        if settings.freeze:
            self.model.body.requires_grad_(False)

    def _take(self, folder: Path) -> None:
        """The body of another run of this project; the head stays new."""
        weights = checkpoints.load(folder / "best.pt", "cnn")["model"]
        body = {name.removeprefix("body."): w for name, w in weights.items() if name.startswith("body.")}
        try:
            self.model.body.load_state_dict(body)
        except RuntimeError as error:
            raise RunnerError(f"the body of {folder} does not fit model={self.s.model} with channels={self.s.channels}: {str(error).splitlines()[1].strip()}", "give the same data, model and channels as that run", Exit.USAGE) from None

    def _scaled(self, X: Tensor) -> Tensor:
        return (X - self.mean) / self.sd

    def batch(self, step: int) -> Batch:
        X, y = self.parts["train"]
        chosen = epochs(len(X), self.s.batch_size, step, self.s.seed)
        pictures = X[chosen]
        if self.s.augment:
            pictures = augmented(pictures, generator(self.s.seed, step, 1))
        return self._scaled(pictures), torch.searchsorted(torch.tensor(self.labels), y[chosen])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        X, y = batch
        if self.s.freeze:
            self.model.body.eval()  # frozen statistics too
        return F.cross_entropy(model(X), y, label_smoothing=self.s.smoothing)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        found = {}
        for name in ("val", "test"):
            scores, y = self.scores(model, name, device)
            found[f"{name}_loss"] = float(F.cross_entropy(scores, y))
            found[f"{name}_accuracy"] = float((scores.argmax(1) == y).float().mean())
        return found

    @torch.no_grad()
    def scores(self, model: nn.Module, part: str, device: torch.device) -> tuple[Tensor, Tensor]:
        """Scores (n, K) and labels (n,) of a part of the data."""
        X, y = self.parts[part]
        scores = torch.cat([model(self._scaled(piece).to(device)).float().cpu() for piece in X.split(500)])
        return scores, torch.searchsorted(torch.tensor(self.labels), y)

    def sample(self, model: nn.Module, options: Sample, device: torch.device) -> str:
        X, y = self.parts["test"]
        if not 0 <= options.index < len(X):
            raise RunnerError(f"index={options.index} is not a test picture", f"there are {len(X)}: give 0 to {len(X) - 1}", Exit.USAGE)
        picture = self._scaled(X[options.index][None]).to(device)
        with torch.no_grad():
            p = model(picture).softmax(1)[0].cpu()
        best = p.topk(min(3, len(p)))
        looks = saliency(model, picture, best.indices[:1].to(device))[0].cpu()
        rows = zip(shades(X[options.index, 0]), shades(looks), strict=True)
        answer = ", ".join(f"{self.labels[int(i)]} with {v:.3f}" for v, i in zip(*best, strict=True))
        return "\n".join(f"{a}   {b}" for a, b in rows) + f"\nlabel {int(y[options.index])}; the model says {answer}; right: how much each pixel counts"


def shades(X: Tensor) -> list[str]:
    """A picture (H, W) as rows of characters."""
    levels = ((X - X.min()) / (X.max() - X.min()).clamp_min(1e-12) * 9).round().long()
    return ["".join(" .:-=+*#%@"[int(v)] * 2 for v in row) for row in levels]


def _data(s: Settings) -> dict[str, tuple[Tensor, Tensor]]:
    if s.data == "bars":
        n = s.images
        parts = {name: bars(n, s.noise, 1000 * s.seed + i) for i, name in enumerate(("train", "val", "test"))}
    else:
        parts = digits()
    labels = torch.tensor([int(c) for c in sorted(set(s.classes))]) if s.classes else None
    if labels is not None:
        parts = {name: (X[keep], y[keep]) for name, (X, y) in parts.items() for keep in [torch.isin(y, labels)]}
    if s.labels_per_class:
        X, y = parts["train"]
        shuffled = torch.randperm(len(y), generator=generator(s.seed, 2))
        few = torch.cat([shuffled[y[shuffled] == label][: s.labels_per_class] for label in y.unique()])
        parts["train"] = (X[few], y[few])
    return parts


def build(settings: Settings, state: dict[str, Any] | None = None) -> Pictures:
    """The task; with the state of a checkpoint no other run is read."""
    return Pictures(settings, state)
