"""cnn: an image classifier, measured: generated bars, real digits, glyphs of fonts or a folder of
your own, nine models on one loop.

Bars are 12 x 12 pictures with one bright row (class 0) or column (class 1) in noise. Digits are the
1,797 handwritten 8 x 8 ones of scikit-learn, 500 of which are for testing and 200 for choosing.
Glyphs are 62 characters in 16 fonts, and in 4 more that no training sees. All come from
`pictures.py`; a folder with one folder of images per class is read by `folder_pictures.py`. A run
can start from the weights of another, or from a published ResNet (`start`), keep them (`freeze`)
and learn a new set of labels from a few examples (`classes`, `labels_per_class`): transfer
learning. Read with `book/capstones/cnn.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects import pictures, resnet
from projects.attribution import saliency
from projects.folder_pictures import FolderPictures, read_folder
from projects.image_models import MODELS, Classifier, network
from projects.pictures import CHARACTERS, augmented, bars, digits, shades
from projects.runner import checkpoints
from projects.runner.order import epochs
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import wrong
from projects.runner.task import Batch, Task

SUMMARY = "an image classifier: bars, handwritten digits, glyphs of fonts or a folder of your own"
DATA = {"bars": "01", "digits": "0123456789", "glyphs": CHARACTERS}  # and their labels
EDGES = {"bars": 12, "digits": 8}  # pixels; of glyphs and of a folder the setting size
LARGEST = 256  # pixels of the sides of glyphs and of images of a folder
MOST_TOKENS = 1024  # of the vision transformer, whose attention is quadratic in them


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the pictures, the model and the training."""

    data: str = "bars"  # bars, digits, glyphs, or a folder with one folder of images per class
    size: int = 32  # of glyphs and of the images of a folder, in pixels
    color: bool = False  # read the images of a folder in color
    noise: float = 0.1  # standard deviation of the noise of bars
    images: int = 200  # bars to train on; as many again to test
    model: str = "small"  # logistic, mlp, small, residual, vit, resnet18, -34, -50, -101
    channels: int = 8
    stages: int = 1  # halvings of the residual model
    augment: bool = False  # shifts by a pixel, or by a sixteenth of size; rotations, stretches
    dropout: float = 0.0
    smoothing: float = 0.0  # share of the target spread over the other labels
    classes: str = ""  # labels in use, "56789", of glyphs characters; empty: all
    labels_per_class: int = 0  # training examples of each label; 0: all
    start: str = ""  # folder of a run, or of a ResNet in safetensors, whose body this starts from
    freeze: bool = False  # train the head alone

    @property
    def folder(self) -> bool:
        """Whether the data are a folder."""
        return self.data not in DATA

    @property
    def edge(self) -> int:
        """Pixels of the sides of an image."""
        return EDGES.get(self.data, self.size)

    def check(self) -> None:
        super().check()
        if self.folder and not Path(self.data).is_dir():
            raise wrong(
                "data", self.data, f"is not one of: {', '.join(DATA)}, and there is no such folder"
            )
        if self.model not in MODELS:
            raise wrong("model", self.model, f"is not one of: {', '.join(MODELS)}")
        if self.channels < 1 or self.images < 2 or self.labels_per_class < 0 or self.noise < 0:
            raise wrong(
                "channels, images, labels_per_class, noise",
                (self.channels, self.images, self.labels_per_class, self.noise),
                "must be at least 1, 2, 0 and 0",
            )
        if not (0 <= self.dropout < 1 and 0 <= self.smoothing < 1):
            raise wrong("dropout, smoothing", (self.dropout, self.smoothing), "are shares below 1")
        if self.freeze and not self.start:
            raise wrong(
                "freeze", self.freeze, "keeps weights that nobody trained: give start=FOLDER too"
            )
        if self.color and not self.folder:
            raise wrong("color", self.color, "is for the images of a folder: data=FOLDER")
        self._check_size()
        self._check_classes()

    def _check_size(self) -> None:
        """Refuse sizes at which a model has no pixels left, or too many."""
        if not (8 <= self.size <= LARGEST and 1 <= self.stages <= 8):
            raise wrong(
                "size, stages", (self.size, self.stages), f"must be from 8 to {LARGEST}, 1 to 8"
            )
        halved = self.model == "residual" or self.data == "glyphs"
        if halved and self.edge >> self.stages < 4:
            raise wrong(
                "size, stages",
                (self.edge, self.stages),
                "must leave 4 pixels left after the halvings",
            )
        if self.model in resnet.DEPTHS and self.edge < resnet.SMALLEST:
            raise wrong(
                "model",
                self.model,
                f"needs images of at least {resnet.SMALLEST} pixels, and these have {self.edge}",
            )
        if self.model == "vit" and (self.edge // 2) ** 2 > MOST_TOKENS:
            raise wrong("model", self.model, "takes images of at most 64 pixels: patches of 2 x 2")

    def _check_classes(self) -> None:
        """Refuse classes that the data do not have, or a single one."""
        if self.folder and self.classes:
            raise wrong("classes", self.classes, "is for digits and glyphs: a folder has its own")
        if not set(self.classes) <= set(DATA.get(self.data, "")) or len(set(self.classes)) == 1:
            raise wrong(
                "classes",
                self.classes,
                "must name at least two labels of these data, for example 01",
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


# -- the task -------------------------------------------------------------------------------------


class Pictures(Task[Settings]):
    """Name the class of an image."""

    unit = "images"
    betas = (0.9, 0.999)
    model: Classifier

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.read: FolderPictures | None = None
        if settings.folder:
            colors = 3 if settings.color else 1
            self.read = read_folder(Path(settings.data), settings.size, colors)
        self.parts = _parts(settings, self.read)
        if state is not None and self.state() != {name: state.get(name) for name in self.state()}:
            raise UserError(
                f"the pictures in {settings.data} are not those that the run was trained on",
                "restore them, or start a new run",
                Exit.USAGE,
            )
        X, y = self.parts["train"]
        self.mean = float(X.mean())
        self.sd = float(X.std())  # of the training images: the others must not tell
        self.labels = sorted(set(y.tolist()))
        self._check_labels()
        torch.manual_seed(settings.seed)
        self.model = network(
            settings.model,
            X.shape[-1],
            settings.channels,
            len(self.labels),
            settings.dropout,
            settings.stages,
            X.shape[1],
        )
        if settings.start and state is None:
            self._load_body(Path(settings.start))
        if settings.freeze:
            self.model.body.requires_grad_(False)

    def _check_labels(self) -> None:
        """Refuse training images of one class, and others of a class without training images."""
        known = torch.tensor(self.labels)
        missing = {
            int(label) for _, y in self.parts.values() for label in y.unique() if label not in known
        }
        if len(self.labels) < 2 or missing:
            raise UserError(
                f"the training images have the labels {self.labels} alone"
                + (f", and others the labels {sorted(missing)}" if missing else ""),
                "give more images or another seed",
                Exit.USAGE,
            )

    def state(self) -> dict[str, Any]:
        """Of a folder its classes and a hash of its content; the other data never change."""
        if self.read is None:
            return {}
        return {"classes": self.read.names, "pictures": self.read.digest}

    def _load_body(self, folder: Path) -> None:
        """The body of another run of this project or of a published ResNet; the head stays new."""
        if isinstance(self.model.body, resnet.ResNet) and resnet.is_published(folder):
            resnet.load_published(self.model.body, self.settings.model, folder)
            return
        if resnet.is_published(folder):
            raise wrong(
                "model",
                self.settings.model,
                f"cannot start from the weights in {folder}; {', '.join(resnet.DEPTHS)} can",
            )
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
        """By the training images, and for a ResNet as its published weights expect it."""
        if self.settings.model in resnet.DEPTHS:
            return resnet.standardize(X)
        return (X - self.mean) / self.sd

    def name(self, label: int) -> str:
        """What a label means."""
        if self.read is not None:
            return self.read.names[label]
        return DATA[self.settings.data][label]

    def batch(self, step: int) -> Batch:
        X, y = self.parts["train"]
        chosen = epochs(len(X), self.settings.batch_size, step, self.settings.seed)
        shown = X[chosen]
        if self.settings.augment:
            rng = generator(self.settings.seed, step, 1)
            fixed = self.settings.data in EDGES  # 8 or 12 pixels: a shift by one of them
            shown = augmented(shown, rng) if fixed else pictures.random_affine(shown, rng)
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
        at_once = max(1, min(500, 500 * 32 * 32 // X[0].numel()))
        scores = torch.cat(
            [model(self.standardize(piece).to(device)).float().cpu() for piece in X.split(at_once)]
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
        shown = F.adaptive_avg_pool2d(X[options.index].mean(0)[None], min(32, looks.shape[0]))[0]
        looks = F.adaptive_avg_pool2d(looks[None], min(32, looks.shape[0]))[0]
        rows = zip(shades(shown), shades(looks), strict=True)
        answer = ", ".join(
            f"{self.name(self.labels[int(i)])} with {v:.3f}" for v, i in zip(*best, strict=True)
        )
        return (
            "\n".join(f"{a}   {b}" for a, b in rows)
            + f"\nlabel {self.name(int(y[options.index]))}; the model says {answer}; "
            "right: how much each pixel counts"
        )


def _parts(s: Settings, folder: FolderPictures | None) -> dict[str, tuple[Tensor, Tensor]]:
    """Images and labels to train, validate and test."""
    if folder is not None:
        parts = dict(folder.parts)
    elif s.data == "bars":
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
