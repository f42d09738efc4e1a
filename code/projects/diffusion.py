"""diffusion: denoising diffusion on sets of points in the plane, and on pictures with a small U-Net
and guidance.

`ring`, `moons`, `spirals` and `letters` are points whose distribution is known, so the quality of
samples is a number beside a floor; `digits` are scikit-learn's and `glyphs` those of fonts, drawn
on request by label. Any other `data` is a folder of your own pictures, one folder per class.
Training predicts the noise or v (`target`); sampling takes any number of steps with any share of
fresh noise. Read with `book/capstones/diffusion.md`. The processes are in `noise.py`, the networks
in `denoisers.py`, the measures in `evaluation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects import cnn, evaluation, folder_pictures, pictures
from projects.clouds import POINTS, points
from projects.denoisers import NO_LABEL, PointDenoiser, UNet
from projects.noise import (
    Schedule,
    add_noise,
    predict_x0_eps,
    sample,
    velocity,
    with_guidance,
)
from projects.runner import checkpoints, records
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import check_seed, finite, wrong
from projects.runner.task import Batch, Task

__all__ = [
    "NO_LABEL",
    "POINTS",
    "PRESETS",
    "SUMMARY",
    "Denoising",
    "PointDenoiser",
    "Sample",
    "Schedule",
    "Settings",
    "UNet",
    "add_noise",
    "build",
    "points",
    "predict_x0_eps",
    "sample",
    "velocity",
    "with_guidance",
]

SUMMARY = "a diffusion model of points in the plane, of digits, of glyphs or of your pictures"
PICTURES = {"digits": (8, 10), "glyphs": (32, 62)}  # their size and how many labels there are
STEPS = 50  # of the sampler, unless a number is given
LARGEST_GUIDANCE = 100.0
LARGEST_SIZE = 256  # pixels of the sides of a picture of a folder


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the data, the noise and the model."""

    data: str = "ring"  # ring, moons, spirals, letters, digits, glyphs, or a folder of pictures
    size: int = 32  # pixels of the sides of a folder's pictures
    color: bool = False  # of a folder's pictures: three channels in place of one
    T: int = 50  # noise levels
    schedule: str = "linear"  # linear, cosine
    target: str = "eps"  # eps, v
    width: int = 128
    levels: int = 1  # halvings of the U-Net
    label_dropout: float = 0.1  # share of pictures whose label is hidden in training, for guidance
    sample_steps: int = 50  # steps of the sampler in evaluations
    guidance: float = 1.0  # 1: the conditional model as it is
    samples: int = 1000  # drawn in an evaluation of points; of pictures a fifth
    judge: str = ""  # folder of a cnn run on glyphs that reads the drawn ones

    def check(self) -> None:
        super().check()
        if self.folder and not self.folder.is_dir():
            known = ", ".join((*POINTS, *PICTURES))
            raise wrong("data", self.data, f"is not one of: {known}, and there is no such folder")
        for name, names in (("schedule", ("linear", "cosine")), ("target", ("eps", "v"))):
            if getattr(self, name) not in names:
                raise wrong(name, getattr(self, name), f"is not one of: {', '.join(names)}")
        if self.T < 2:
            raise wrong("T", self.T, "must be at least 2")
        if not 1 <= self.sample_steps <= self.T:
            raise wrong("sample_steps", self.sample_steps, f"must lie between 1 and T={self.T}")
        if self.width < 8 or self.width % 8:
            raise wrong("width", self.width, "must be a multiple of 8")
        if self.samples < 10:
            raise wrong("samples", self.samples, "must be at least 10")
        if not 8 <= self.size <= LARGEST_SIZE:
            raise wrong("size", self.size, f"must lie between 8 and {LARGEST_SIZE}")
        if self.levels < 1 or (self.pixels and self.pixels % (2 << self.levels)):
            why = "must be at least 1 and leave an even number of pixels after the halvings"
            raise wrong("levels", self.levels, why)
        if self.judge and self.data != "glyphs":
            raise wrong("judge", self.judge, "reads glyphs alone: give data=glyphs too")
        if not 0 <= self.label_dropout < 1:
            raise wrong("label_dropout", self.label_dropout, "must be a share below 1")
        if not 0 <= self.guidance <= LARGEST_GUIDANCE:
            raise wrong("guidance", self.guidance, f"must lie between 0 and {LARGEST_GUIDANCE:g}")

    @property
    def pixels(self) -> int:
        """Sides of a picture; 0 for points."""
        if self.data in POINTS:
            return 0
        return PICTURES[self.data][0] if self.data in PICTURES else self.size

    @property
    def folder(self) -> Path | None:
        """The folder of the reader's own pictures, if these are the data."""
        known = self.data in POINTS or self.data in PICTURES
        return None if known else Path(self.data)


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "steps": 300,
        "batch_size": 256,
        "learning_rate": 3e-3,
        "ema": 0.98,
        "eval_every": 150,
        "save_every": 150,
        "samples": 500,
    },
    "ring": {
        "steps": 6000,
        "batch_size": 512,
        "learning_rate": 2e-3,
        "warmup_steps": 100,
        "final_rate": 0.0,
        "ema": 0.995,
        "eval_every": 1000,
        "save_every": 2000,
    },
    "laptop": {
        "data": "digits",
        "T": 200,
        "schedule": "cosine",
        "target": "v",
        "width": 32,
        "steps": 1200,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "warmup_steps": 50,
        "final_rate": 0.05,
        "ema": 0.99,
        "sample_steps": 25,
        "guidance": 1.5,
        "eval_every": 400,
        "save_every": 600,
    },
    "glyphs": {
        "data": "glyphs",
        "T": 1000,
        "schedule": "cosine",
        "target": "v",
        "width": 64,
        "levels": 2,
        "steps": 8000,
        "batch_size": 256,
        "learning_rate": 1e-3,
        "warmup_steps": 500,
        "final_rate": 0.0,
        "ema": 0.999,
        "sample_steps": 50,
        "guidance": 1.5,
        "samples": 2000,
        "eval_every": 4000,
        "save_every": 4000,
    },
    "gpu": {
        "data": "digits",
        "T": 1000,
        "schedule": "cosine",
        "target": "v",
        "width": 128,
        "steps": 8000,
        "batch_size": 256,
        "learning_rate": 1e-3,
        "warmup_steps": 500,
        "final_rate": 0.0,
        "ema": 0.999,
        "sample_steps": 50,
        "guidance": 1.5,
        "eval_every": 2000,
        "save_every": 5000,
    },
}


@dataclass(frozen=True)
class Sample:
    """Options of `sample`."""

    count: int = 4
    label: int = -1  # of pictures; of a folder, the number of its class; -1: any
    steps: int = 0  # of the sampler; 0: 50, or as many as there are noise levels
    eta: float = 0.0  # share of fresh noise: 0 is DDIM, 1 is DDPM
    guidance: float = 1.5
    seed: int = 0
    file: str = ""  # a PNG for the pictures, each enlarged; empty: characters on the screen

    def check(self) -> None:
        """Refuse values that cannot be sampled with, whatever the run."""
        finite(self)
        for name in ("steps", "eta", "guidance"):
            if getattr(self, name) < 0:
                raise wrong(name, getattr(self, name), "must not be negative")
        if self.eta > 1:
            raise wrong("eta", self.eta, "is a share of at most 1")
        if self.guidance > LARGEST_GUIDANCE:
            raise wrong("guidance", self.guidance, f"must be at most {LARGEST_GUIDANCE:g}")
        if not 1 <= self.count <= 1000:
            raise wrong("count", self.count, "must lie between 1 and 1000")
        check_seed(self.seed)


# -- the task -------------------------------------------------------------------------------------


class Denoising(Task[Settings]):
    """Say which noise is in a noisy example."""

    unit = "examples"
    betas = (0.9, 0.999)

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.schedule = Schedule(settings.schedule, settings.T)
        self.size = settings.pixels  # 0: points
        self.channels = 3 if settings.folder and settings.color else 1
        self._saved = state or {}
        if state is not None:
            self._compare(state)
        elif settings.judge:
            _ = self.judge  # refuse a wrong one before anything is trained
        self.labels = self._label_count()
        torch.manual_seed(settings.seed)
        self.model = (
            UNet(settings.width, settings.T, self.labels, settings.levels, self.channels)
            if self.size
            else PointDenoiser(settings.width, settings.T)
        )

    def state(self) -> dict[str, Any]:
        """What was trained; weights of another process would draw wrong samples without error."""
        s = self.settings
        process = {"data": s.data, "T": s.T, "schedule": s.schedule, "target": s.target}
        shape = {"width": s.width, "levels": s.levels, "size": self.size, "channels": self.channels}
        own = {"classes": self.classes, "pictures": self.digest} if s.folder else {}
        return process | shape | own

    def _compare(self, state: dict[str, Any]) -> None:
        """Refuse weights that were trained with other settings than those of run.json."""
        current = {"size": self.size, "channels": self.channels}
        for name, trained in state.items():
            value = current.get(name, getattr(self.settings, name, trained))
            if value != trained:
                raise UserError(
                    f"the weights were trained with {name}={trained}, and run.json says {value}",
                    "restore the run.json of these weights, or train again",
                    Exit.USAGE,
                )

    def _label_count(self) -> int:
        if self.settings.folder:
            return len(self.classes)
        return PICTURES.get(self.settings.data, (0, 0))[1]

    # -- data --

    @cached_property
    def _own(self) -> folder_pictures.FolderPictures:
        """The reader's own pictures."""
        folder = Path(self.settings.data)
        return folder_pictures.read_folder(folder, self.size, self.channels)

    @property
    def classes(self) -> list[str]:
        """Names of the labels of a folder; to draw samples, the folder need not exist any more."""
        return self._saved.get("classes") or self._own.names

    @property
    def digest(self) -> str:
        """A hash of the pictures of a folder."""
        return self._saved.get("pictures") or self._own.digest

    @cached_property
    def parts(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Pictures with values from -1 to 1; of glyphs the clean ones, which are augmented again in
        every batch, and a test.
        """
        if self.settings.folder:
            parts = self._own.parts
        elif self.settings.data == "glyphs":
            clean = pictures.typeset(self.size)
            parts = {"train": clean, "val": clean, "test": pictures.render_samples(*clean, 2000, 2)}
        else:
            parts = pictures.digits()
        return {name: (X * 2 - 1, y) for name, (X, y) in parts.items()}

    @cached_property
    def judge(self) -> cnn.Pictures:
        """The judge: a trained classifier of glyphs with its scale."""
        folder = Path(self.settings.judge)
        run = records.read_run(folder)
        if (
            run["project"] != "cnn"
            or run["settings"]["data"] != "glyphs"
            or run["settings"]["size"] != self.size
        ):
            raise UserError(
                f"{folder} is not a run of cnn on glyphs of {self.size} pixels",
                f"train one: run cnn --preset glyphs --set size={self.size}",
                Exit.USAGE,
            )
        judge = cnn.build(cnn.Settings(**run["settings"]))
        judge.model.load_state_dict(checkpoints.load(folder / "best.pt", "cnn")["model"])
        judge.model.eval()
        return judge

    def examples(self, n: int, rng: torch.Generator, part: str = "train") -> tuple[Tensor, Tensor]:
        """n examples and their labels."""
        if not self.size:
            return points(self.settings.data, n, rng), torch.full((n,), NO_LABEL)
        X, y = self.parts[part]
        chosen = torch.randint(len(X), (n,), generator=rng)
        if self.settings.data == "glyphs" and part != "test":
            return pictures.random_affine(X[chosen] / 2 + 0.5, rng) * 2 - 1, y[chosen]
        return X[chosen], y[chosen]

    def batch(self, step: int) -> Batch:
        """Noisy examples, levels, labels (some hidden) and targets; drawn anew in every step."""
        return self._noisy(self.settings.batch_size, generator(self.settings.seed, step), "train")

    def held_out(self) -> Batch:
        """The noisy examples of every evaluation: 2,000, and fewer of large pictures."""
        return self._noisy(max(200, min(2000, 4 * self.chunk)), generator(5, 5), "val")

    @property
    def chunk(self) -> int:
        """How many examples the model takes at once when it is not trained."""
        return max(1, 500 * 32**2 // max(32, self.size) ** 2) if self.size else 2000

    def _noisy(self, n: int, rng: torch.Generator, part: str) -> Batch:
        x0, labels = self.examples(n, rng, part)
        t = torch.randint(self.settings.T, (n,), generator=rng)
        eps = torch.randn(x0.shape, generator=rng)
        hidden = torch.rand(n, generator=rng) < self.settings.label_dropout
        labels = torch.where(hidden, NO_LABEL, labels)
        goal = velocity(x0, t, eps, self.schedule) if self.settings.target == "v" else eps
        return add_noise(x0, t, eps, self.schedule), t, labels, goal

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        x, t, labels, goal = batch
        return F.mse_loss(model(x, t, labels), goal)

    # -- samples --

    def draw(
        self,
        model: nn.Module,
        n: int,
        device: torch.device,
        steps: int,
        eta: float = 0.0,
        guidance: float = 1.0,
        labels: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """n samples; of pictures with the labels given, in parts that fit into memory."""
        rng = torch.Generator(device).manual_seed(seed)
        shape = (self.channels, self.size, self.size) if self.size else (2,)
        x = torch.randn(n, *shape, generator=rng, device=device)
        labels = torch.full((n,), NO_LABEL, device=device) if labels is None else labels.to(device)
        parts = [
            sample(
                with_guidance(model, some, guidance),
                start,
                self.schedule,
                steps,
                eta,
                self.settings.target,
                clip=1.0 if self.size else 0.0,
                rng=rng,
            )
            for start, some in zip(x.split(self.chunk), labels.split(self.chunk), strict=True)
        ]
        return torch.cat(parts)

    def _drawn(
        self,
        model: nn.Module,
        device: torch.device,
        labels: Tensor,
        guidance: float | None = None,
        seed: int = 0,
    ) -> Tensor:
        """One picture for each label, on the CPU, drawn as the settings say."""
        s = self.settings
        w = s.guidance if guidance is None else guidance
        return self.draw(
            model, len(labels), device, s.sample_steps, guidance=w, labels=labels, seed=seed
        ).cpu()

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """The loss on held-out examples (and the least possible, on the ring), and `quality`."""
        noisy = self.held_out()
        x, t, labels, goal = (v.to(device) for v in noisy)
        with torch.no_grad():
            predicted = torch.cat(
                [
                    model(*some).float()
                    for some in zip(*(v.split(self.chunk) for v in (x, t, labels)), strict=True)
                ]
            )
        metrics = {"val_loss": float(F.mse_loss(predicted, goal))}
        if self.settings.data == "ring":
            x, t, _, goal = noisy
            metrics["least_loss"] = evaluation.ring_floor(
                x, t, goal, self.schedule, self.settings.target
            )
        return {**metrics, **self.quality(model, device)}

    def quality(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Distances between samples and data beside those between data and data, and how many
        samples show what was asked for.
        """
        s = self.settings
        if s.judge:
            return self._read_quality(model, device)
        if s.data == "glyphs":
            return {}
        if not self.size:
            drawn = self.draw(model, s.samples, device, s.sample_steps, eta=1.0).cpu()
            return evaluation.point_quality(drawn, s.data)
        labels = torch.arange(s.samples // 5) % self.labels
        drawn = self._drawn(model, device, labels)
        return evaluation.picture_quality(drawn, labels, self.parts["train"], self.parts["test"])

    def _read_quality(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """What the judge says of drawn glyphs and of rendered ones with the same labels."""
        labels = torch.arange(self.settings.samples) % self.labels
        X, y = self.parts["train"]
        styles = len(X) // self.labels
        sets = [(self._drawn(model, device, labels), labels)]
        for i in (1, 2):
            rng = generator(i, 78)
            chosen = torch.randint(styles, (len(labels),), generator=rng) * self.labels + labels
            sets.append((pictures.random_affine(X[chosen] / 2 + 0.5, rng) * 2 - 1, y[chosen]))
        scaled = [(self.judge.standardize(X / 2 + 0.5), y) for X, y in sets]
        body, head = self.judge.model.body, self.judge.model.head
        return evaluation.read_quality(scaled[0], scaled[1:], body, head)

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """A few samples for the page: 250 points, two pictures of each label in hundredths, or one
        of each glyph in ninths.
        """
        s = self.settings
        if not self.size:
            drawn = self.draw(model, 250, device, s.sample_steps, eta=1.0).cpu()
            return {"drawn": [[round(float(v), 2) for v in x] for x in drawn]}
        if s.data == "glyphs":
            drawn = self._drawn(model, device, torch.arange(self.labels), seed=1)
            ninths = [[round(float(v) * 4.5 + 4.5) for v in x.flatten()] for x in drawn]
            return {"drawn": ["".join(map(str, row)) for row in ninths]}
        if s.folder:
            return {"classes": self.classes}
        labels = torch.arange(2 * self.labels) % self.labels
        drawn = self._drawn(model, device, labels, seed=1)
        return {
            "drawn": [[round(float(v) * 50 + 50) for v in x.flatten()] for x in drawn],
            "drawn_labels": labels.tolist(),
            "sweep": self._sweep(model, device),
        }

    def _sweep(self, model: nn.Module, device: torch.device) -> list[dict[str, float]]:
        """What guidance does to 200 digits; w = -1 marks the training digits themselves."""
        X, y = self.parts["train"]
        labels = torch.arange(200) % 10
        rows = []
        for w in (0.0, 1.0, 1.5, 3.0, 6.0):
            drawn = self._drawn(model, device, labels, guidance=w, seed=2)
            rows.append(evaluation.guidance_row(drawn, labels, (X, y), w))
        real = torch.cat([X[y == label][:20] for label in range(10)])
        return [
            *rows,
            evaluation.guidance_row(real, torch.arange(10).repeat_interleave(20), (X, y), -1.0),
        ]

    def sample(self, model: nn.Module, options: Sample, device: torch.device) -> str:
        """Samples as rows of characters, as the coordinates of points, or in a file."""
        options.check()
        steps = options.steps or min(STEPS, self.settings.T)
        if steps > self.settings.T:
            raise wrong("steps", steps, f"is more than the {self.settings.T} levels of the run")
        labels = self._labels_of(options)
        guidance = options.guidance if self.size else 1.0
        drawn = self.draw(
            model, options.count, device, steps, options.eta, guidance, labels, options.seed
        ).cpu()
        if not bool(drawn.isfinite().all()):
            raise UserError(
                "the samples hold values that are not finite",
                "the weights are damaged, or guidance is too strong: train again, or lower it",
                Exit.EXECUTION,
            )
        if options.file:
            pictures.save_sheet(drawn / 2 + 0.5, Path(options.file))
            return f"{options.count} pictures in {options.file}"
        if not self.size:
            return "\n".join(f"{x:+.4f} {y:+.4f}" for x, y in drawn.tolist())
        return "\n\n".join("\n".join(pictures.shades(x.mean(0))) for x in drawn)

    def _labels_of(self, options: Sample) -> Tensor | None:
        """The labels to draw; None for points, which have none."""
        if not self.size:
            for name in ("label", "guidance", "file"):
                if getattr(options, name) != getattr(Sample(), name):
                    value = getattr(options, name)
                    raise wrong(name, value, "is for pictures, and this run draws points")
            return None
        if not -1 <= options.label < self.labels:
            raise wrong("label", options.label, f"must lie between -1 and {self.labels - 1}")
        if options.label < 0:
            return torch.arange(options.count) % self.labels
        return torch.full((options.count,), options.label)


def build(settings: Settings, state: dict[str, Any] | None = None) -> Denoising:
    """The task."""
    return Denoising(settings, state)
