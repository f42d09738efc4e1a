"""diffusion: denoising diffusion on sets of points in the plane, and on pictures with a small U-Net
and guidance.

`ring`, `moons`, `spirals` and `letters` are points whose distribution is known, so the quality of
samples is a number beside a floor; `digits` are scikit-learn's and `glyphs` those of fonts, drawn
on request by label. Training predicts the noise or v (`target`); sampling takes any number of steps
with any share of fresh noise. Read with `book/capstones/diffusion.md`. Sources: Ho et al. (2020),
Song et al. (2021), Salimans and Ho (2022) for v, Ho and Salimans (2021) for guidance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from clikit.errors import Exit, UserError
from torch import Tensor, nn

from projects import cnn, pictures
from projects.quality import frechet, mmd, sliced_wasserstein
from projects.runner import checkpoints, records
from projects.runner.rng import generator
from projects.runner.settings import Settings as RunSettings
from projects.runner.settings import check_seed, finite, wrong
from projects.runner.task import Batch, Task

SUMMARY = "a diffusion model of points in the plane, of digits or of glyphs of fonts"
POINTS = ("ring", "moons", "spirals", "letters")
PICTURES = {"digits": (8, 10), "glyphs": (32, 62)}  # their size and how many labels there are
STEPS = 50  # of the sampler, unless a number is given
NO_LABEL = -1  # the label that stands for no label


@dataclass(frozen=True)
class Settings(RunSettings):
    """Settings of the data, the noise and the model."""

    data: str = "ring"  # ring, moons, spirals, letters, digits, glyphs
    T: int = 50  # noise levels
    schedule: str = "linear"  # linear, cosine
    target: str = "eps"  # eps, v
    width: int = 128
    levels: int = 1  # halvings of the U-Net
    label_dropout: float = 0.1  # share of pictures whose label is hidden in training, for guidance
    sample_steps: int = 50  # steps of the sampler in evaluations
    guidance: float = 1.0  # 1: the conditional model as it is
    samples: int = 1000  # drawn in an evaluation of points; of digits a fifth
    judge: str = ""  # folder of a cnn run on glyphs that reads the drawn ones

    def check(self) -> None:
        super().check()
        for name, names in (
            ("data", (*POINTS, *PICTURES)),
            ("schedule", ("linear", "cosine")),
            ("target", ("eps", "v")),
        ):
            if getattr(self, name) not in names:
                raise wrong(name, getattr(self, name), f"is not one of: {', '.join(names)}")
        if self.T < 2 or not 1 <= self.sample_steps <= self.T:
            raise wrong(
                "sample_steps",
                self.sample_steps,
                f"must lie between 1 and T, which is {self.T} and at least 2",
            )
        if self.width < 8 or self.width % 8 or self.samples < 10:
            raise wrong(
                "width, samples",
                (self.width, self.samples),
                "must be a multiple of 8, and at least 10",
            )
        if self.levels < 1 or (
            self.data in PICTURES and PICTURES[self.data][0] % (2 << self.levels)
        ):
            raise wrong(
                "levels",
                self.levels,
                "must be at least 1 and leave an even number of pixels after the halvings",
            )
        if self.judge and self.data != "glyphs":
            raise wrong("judge", self.judge, "reads glyphs alone: give data=glyphs too")
        if not 0 <= self.label_dropout < 1 or self.guidance < 0:
            raise wrong(
                "label_dropout, guidance",
                (self.label_dropout, self.guidance),
                "must be a share below 1, and not negative",
            )


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
    label: int = -1  # of digits or glyphs; -1: any
    steps: int = 0  # of the sampler; 0: 50, or as many as there are noise levels
    eta: float = 0.0  # share of fresh noise: 0 is DDIM, 1 is DDPM
    guidance: float = 1.5
    seed: int = 0

    def check(self) -> None:
        """Refuse values that cannot be sampled with, whatever the run."""
        finite(self)
        for name in ("steps", "eta", "guidance"):
            if getattr(self, name) < 0:
                raise wrong(name, getattr(self, name), "must not be negative")
        if self.eta > 1:
            raise wrong("eta", self.eta, "is a share of at most 1")
        check_seed(self.seed)


# -- noise ----------------------------------------------------------------------------------------


class Schedule:
    """How much is left of the data at noise level t = 0, ..., T - 1.

    `linear` is Ho et al.'s for a thousand levels, its rates scaled by 1000 / T so that as much is
    left at the end; with fewer than about 50 levels they are capped. `cosine` is Nichol and
    Dhariwal's (2021, equation 17).

    Attributes
    ----------
    beta, alpha, abar : Tensor (T,), float64
        Rate of each level, 1 - rate, and the product of the latter up to the level.
    """

    def __init__(self, kind: str, T: int) -> None:
        if T < 2:
            raise ValueError(f"a schedule needs at least 2 levels, got {T}")
        if kind == "linear":
            self.beta = torch.linspace(
                1e-4 * 1000 / T, 0.02 * 1000 / T, T, dtype=torch.float64
            ).clamp(max=0.999)
        elif kind == "cosine":
            t = torch.arange(T + 1, dtype=torch.float64) / T
            abar = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
            self.beta = (1 - abar[1:] / abar[:-1]).clamp(max=0.999)
        else:
            raise ValueError(f"there is no schedule {kind!r}; choose linear or cosine")
        self.T = T
        self.alpha = 1 - self.beta
        self.abar = self.alpha.cumprod(0)

    @classmethod
    def of(cls, beta: Tensor) -> Schedule:
        """The schedule of given rates (T,), each strictly between 0 and 1."""
        if beta.dim() != 1 or not bool(((beta > 0) & (beta < 1)).all()):
            raise ValueError("rates must be one row of numbers strictly between 0 and 1")
        schedule = cls("cosine", len(beta))
        schedule.beta = beta.double()
        schedule.alpha = 1 - beta.double()
        schedule.abar = schedule.alpha.cumprod(0)
        return schedule

    def at(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(abar_t) and sqrt(1 - abar_t), shaped to multiply a batch."""
        abar = self.abar.to(like.device)[t].view(-1, *[1] * (like.dim() - 1))
        return abar.sqrt().to(like.dtype), (1 - abar).sqrt().to(like.dtype)


def add_noise(x0: Tensor, t: Tensor, eps: Tensor, s: Schedule) -> Tensor:
    """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps: any level in one step."""
    a, b = s.at(t, x0)
    return a * x0 + b * eps


def velocity(x0: Tensor, t: Tensor, eps: Tensor, s: Schedule) -> Tensor:
    """v = sqrt(abar_t) eps - sqrt(1 - abar_t) x_0."""
    a, b = s.at(t, x0)
    return a * eps - b * x0


def predict_x0_eps(
    xt: Tensor, t: Tensor, predicted: Tensor, s: Schedule, target: str
) -> tuple[Tensor, Tensor]:
    """The data and the noise (x_0, eps) that a prediction of `target` says x_t is made of."""
    a, b = s.at(t, xt)
    if target == "v":
        return a * xt - b * predicted, b * xt + a * predicted
    return (xt - b * predicted) / a, predicted


Predict = Callable[
    [Tensor, Tensor], Tensor
]  # x (B, ...), t (B,) -> what `target` names, shaped as x


@torch.no_grad()
def sample(
    predict: Predict,
    x: Tensor,
    s: Schedule,
    steps: int,
    eta: float = 0.0,
    target: str = "eps",
    clip: float = 0.0,
    rng: torch.Generator | None = None,
    path: list[Tensor] | None = None,
) -> Tensor:
    """From noise x at the last level to data, in `steps` levels spread evenly (Song et al., 2021,
    equation 12).

    eta = 0 is deterministic (DDIM); eta = 1 with all levels is the ancestral sampler of Ho et al.
    (2020) with the variance of the posterior. `clip` > 0 keeps the predicted data within [-clip,
    clip]. `path` collects every state.
    """
    if not 1 <= steps <= s.T or eta < 0:
        raise ValueError(f"need 1 to {s.T} steps and eta >= 0, got {steps} and {eta}")
    levels = torch.linspace(s.T - 1, 0, steps).round().long().tolist() if steps > 1 else [s.T - 1]
    for level, after in zip(levels, [*levels[1:], -1], strict=True):
        t = torch.full((len(x),), level, device=x.device)
        x0, eps = predict_x0_eps(x, t, predict(x, t), s, target)
        abar = s.abar[level]
        if clip:
            x0 = x0.clamp(-clip, clip)
            eps = (x - float(abar.sqrt()) * x0) / float((1 - abar).sqrt())
        then = s.abar[after] if after >= 0 else torch.tensor(1.0, dtype=torch.float64)
        variance = eta**2 * (1 - then) / (1 - abar) * (1 - abar / then)
        x = float(then.sqrt()) * x0 + float((1 - then - variance).clamp_min(0).sqrt()) * eps
        if float(variance) > 0:
            x = x + float(variance.sqrt()) * torch.randn(
                x.shape, generator=rng, device=x.device, dtype=x.dtype
            )
        if path is not None:
            path.append(x)
    return x


# -- data -----------------------------------------------------------------------------------------


def points(name: str, n: int, rng: torch.Generator) -> Tensor:
    """n points (n, 2): the unit circle, two half moons, two spiral arms, or the letters GT."""
    if n < 1:
        raise ValueError(f"cannot draw {n} points; give 1 or more")
    u = torch.rand(n, generator=rng)
    if name == "ring":
        angle = 2 * math.pi * u
        return torch.stack([angle.cos(), angle.sin()], 1)
    side = torch.randint(2, (n,), generator=rng).float()
    fuzz = 0.03 * torch.randn(n, 2, generator=rng)
    if name == "moons":
        angle = math.pi * (u + side)
        return (
            torch.stack([angle.cos() + (side - 0.5), angle.sin() + 0.25 * (1 - 2 * side) * -1], 1)
            / 1.1
            + fuzz
        )
    if name == "spirals":
        radius = 0.15 + 1.1 * u.sqrt()
        angle = 2.5 * math.pi * u.sqrt() + math.pi * side
        return torch.stack([radius * angle.cos(), radius * angle.sin()], 1) + fuzz
    if name == "letters":
        inside = torch.tensor(
            np.argwhere(_letters() > 0.5), dtype=torch.float32
        )  # (m, 2) row, column
        chosen = inside[torch.randint(len(inside), (n,), generator=rng)] + torch.rand(
            n, 2, generator=rng
        )
        return torch.stack([chosen[:, 1] - 20, 12 - chosen[:, 0]], 1) / 14
    raise ValueError(f"there is no set {name!r}; choose one of: {', '.join(POINTS)}")


def _letters() -> np.ndarray:
    """GT in a raster of 24 by 40, drawn here: no font differs between machines."""
    canvas = np.zeros((24, 40))
    canvas[2:22, 2:6] = canvas[2:6, 2:17] = canvas[18:22, 2:17] = canvas[12:22, 13:17] = canvas[
        12:16, 9:17
    ] = 1
    canvas[2:6, 21:38] = canvas[2:22, 27:32] = 1
    return canvas


# -- models ---------------------------------------------------------------------------------------


def embedding(t: Tensor, T: int, size: int) -> Tensor:
    """Sines and cosines of a level at `size` / 2 rates, (B, size)."""
    rates = math.pi * 2.0 ** torch.linspace(0, 6, size // 2, device=t.device)
    angle = (t.float() / T)[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], 1)


class PointDenoiser(nn.Module):
    """A denoiser of points: three hidden layers of x and the level's embedding."""

    def __init__(self, width: int, T: int) -> None:
        super().__init__()
        self.T = T
        self.body = nn.Sequential(
            nn.Linear(2 + 32, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.body(torch.cat([x, embedding(t, self.T, 32)], 1))


class ResBlock(nn.Module):
    """Two convolutions with the level and the label added between them, and a skip connection."""

    def __init__(self, a: int, b: int, size: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(a, b, 3, padding=1)
        self.second = nn.Conv2d(b, b, 3, padding=1)
        self.norm1 = nn.GroupNorm(min(8, a), a)
        self.norm2 = nn.GroupNorm(8, b)
        self.cond_proj = nn.Linear(size, b)
        self.skip = nn.Identity() if a == b else nn.Conv2d(a, b, 1)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        h = self.first(F.silu(self.norm1(x))) + self.cond_proj(cond)[:, :, None, None]
        return self.skip(x) + self.second(F.silu(self.norm2(h)))


class UNet(nn.Module):
    """Down by halves and back up, with a skip connection at each size; the label is an embedding,
    the last of which means none.
    """

    def __init__(self, width: int, T: int, labels: int = 10, levels: int = 1) -> None:
        super().__init__()
        C = width
        self.T = T
        self.labels = labels
        wide = [C << i for i in range(levels + 1)]  # channels at each size
        self.cond_mlp = nn.Sequential(nn.Linear(32, 4 * C), nn.SiLU(), nn.Linear(4 * C, 4 * C))
        self.label = nn.Embedding(labels + 1, 4 * C)
        self.conv_in = nn.Conv2d(1, C, 3, padding=1)
        self.down = nn.ModuleList(
            ResBlock(a, b, 4 * C) for a, b in zip([C, *wide], wide, strict=False)
        )
        self.shrink = nn.ModuleList(nn.Conv2d(a, a, 3, stride=2, padding=1) for a in wide[:-1])
        self.middle = ResBlock(wide[-1], wide[-1], 4 * C)
        self.up = nn.ModuleList(
            ResBlock(2 * a, b, 4 * C) for a, b in zip(wide, [C, *wide], strict=False)
        )
        self.conv_out = nn.Sequential(nn.GroupNorm(8, C), nn.SiLU(), nn.Conv2d(C, 1, 3, padding=1))

    def forward(self, x: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        labels = (
            torch.full_like(t, self.labels)
            if labels is None
            else torch.where(labels == NO_LABEL, self.labels, labels)
        )
        cond = F.silu(self.cond_mlp(embedding(t, self.T, 32)) + self.label(labels))
        h = self.down[0](self.conv_in(x), cond)  # (B, C, H, W)
        skips = [h]
        for shrink, down in zip(self.shrink, self.down[1:], strict=True):
            h = down(shrink(h), cond)  # (B, 2C, H / 2, W / 2), and so on
            skips.append(h)
        h = self.middle(h, cond)
        for i in reversed(range(len(skips))):
            h = self.up[i](torch.cat([h, skips[i]], 1), cond)
            if i:
                h = F.interpolate(h, scale_factor=2.0, mode="nearest")
        return self.conv_out(h)


def with_guidance(model: nn.Module, labels: Tensor, w: float) -> Predict:
    """Predictions pushed towards a label: none + w (labelled - none). w = 0 forgets the label, w =
    1 is the model as trained.
    """

    def predict(x: Tensor, t: Tensor) -> Tensor:
        if w == 1.0:
            return model(x, t, labels)
        free = model(x, t, torch.full_like(labels, NO_LABEL))
        return free if w == 0.0 else free + w * (model(x, t, labels) - free)

    return predict


# -- the task -------------------------------------------------------------------------------------


class Denoising(Task[Settings]):
    """Say which noise is in a noisy example."""

    unit = "examples"
    betas = (0.9, 0.999)

    def __init__(self, settings: Settings, state: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self.schedule = Schedule(settings.schedule, settings.T)
        self.size, self.labels = PICTURES.get(settings.data, (0, 0))  # 0: points
        torch.manual_seed(settings.seed)
        self.model = (
            UNet(settings.width, settings.T, self.labels, settings.levels)
            if self.size
            else PointDenoiser(settings.width, settings.T)
        )

    @cached_property
    def parts(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Pictures with values from -1 to 1; of glyphs the clean ones, which are augmented again in
        every batch, and a test.
        """
        if self.settings.data == "glyphs":
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

    def _noisy(self, n: int, rng: torch.Generator, part: str) -> Batch:
        x0, labels = self.examples(n, rng, part)
        t = torch.randint(self.settings.T, (n,), generator=rng)
        eps = torch.randn(x0.shape, generator=rng)
        labels = torch.where(
            torch.rand(n, generator=rng) < self.settings.label_dropout, NO_LABEL, labels
        )
        goal = velocity(x0, t, eps, self.schedule) if self.settings.target == "v" else eps
        return add_noise(x0, t, eps, self.schedule), t, labels, goal

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        x, t, labels, goal = batch
        return F.mse_loss(model(x, t, labels), goal)

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
        path: list[Tensor] | None = None,
    ) -> Tensor:
        """n samples; of digits with the labels given."""
        rng = torch.Generator(device).manual_seed(seed)
        x = torch.randn(
            n, *((1, self.size, self.size) if self.size else (2,)), generator=rng, device=device
        )
        labels = torch.full((n,), NO_LABEL, device=device) if labels is None else labels.to(device)
        return sample(
            with_guidance(model, labels, guidance),
            x,
            self.schedule,
            steps,
            eta,
            self.settings.target,
            clip=1.0 if self.size else 0.0,
            rng=rng,
            path=path,
        )

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        x, t, labels, goal = (v.to(device) for v in self._noisy(2000, generator(5, 5), "val"))
        with torch.no_grad():
            metrics = {"val_loss": float(F.mse_loss(model(x, t, labels).float(), goal))}
        return {**metrics, **self.quality(model, device)}

    def quality(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Distances between samples and data beside those between data and data, and how many
        samples show what was asked for.
        """
        if self.settings.judge:
            return self._read_quality(model, device)
        return {"digits": self._digit_quality, "glyphs": lambda *_: {}}.get(
            self.settings.data, self._point_quality
        )(model, device)

    def _point_quality(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        n = self.settings.samples
        drawn = self.draw(model, n, device, self.settings.sample_steps, eta=1.0).cpu()
        data, more = (points(self.settings.data, n, generator(i, 77)) for i in (1, 2))
        metrics = {
            "sliced": sliced_wasserstein(drawn, data),
            "sliced_floor": sliced_wasserstein(more, data),
            "mmd": mmd(drawn, data, 0.2),
            "mmd_floor": mmd(more, data, 0.2),
        }
        if self.settings.data == "ring":
            radius = drawn.norm(dim=1)
            metrics |= {"radius_mean": float(radius.mean()), "radius_sd": float(radius.std())}
        return metrics

    def _digit_quality(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        n = self.settings.samples // 5
        labels = torch.arange(n) % 10
        drawn = self.draw(
            model,
            n,
            device,
            self.settings.sample_steps,
            guidance=self.settings.guidance,
            labels=labels,
        ).cpu()
        X, y = self.parts["train"]
        real = self.examples(n, generator(3, 3), "test")[0]
        away = torch.cdist(drawn.flatten(1), X.flatten(1))
        return {
            "right_label": float(
                (y[away.argmin(1)] == labels).float().mean()
            ),  # by the nearest training digit
            "sliced": sliced_wasserstein(
                drawn.flatten(1), self.examples(n, generator(4, 4), "test")[0].flatten(1)
            ),
            "sliced_floor": sliced_wasserstein(
                real.flatten(1), self.examples(n, generator(4, 4), "test")[0].flatten(1)
            ),
            "nearest": float(away.amin(1).median()),
            "nearest_real": float(torch.cdist(real.flatten(1), X.flatten(1)).amin(1).median()),
        }

    @torch.no_grad()
    def _read_quality(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """What a classifier says of drawn glyphs, and how far its features of them lie from those
        of printed ones.
        """
        judge = self.judge
        n = self.settings.samples
        labels = torch.arange(n) % self.labels
        drawn = torch.cat(
            [
                self.draw(
                    model,
                    len(part),
                    device,
                    self.settings.sample_steps,
                    guidance=self.settings.guidance,
                    labels=part,
                    seed=i,
                ).cpu()
                for i, part in enumerate(labels.split(500))
            ]
        )
        real = [self.examples(n, generator(i, 78)) for i in (1, 2)]
        scaled = [judge.standardize(X / 2 + 0.5) for X in (drawn, real[0][0], real[1][0])]
        features = [torch.cat([judge.model.body(part) for part in X.split(250)]) for X in scaled]
        says = [judge.model.head(f).argmax(1) for f in features]
        return {
            "right_label": float((says[0] == labels).float().mean()),
            "right_label_real": float((says[1] == real[0][1]).float().mean()),
            "frechet": frechet(features[0], features[1]),
            "frechet_floor": frechet(features[2], features[1]),
        }

    def extras(self, model: nn.Module, device: torch.device) -> dict[str, Any]:
        """A few samples for the page: 250 points, two of each digit in hundredths, or one of each
        glyph in ninths.
        """
        if self.settings.data == "glyphs":
            labels = torch.arange(self.labels)
            drawn = self.draw(
                model,
                len(labels),
                device,
                self.settings.sample_steps,
                guidance=self.settings.guidance,
                labels=labels,
                seed=1,
            ).cpu()
            return {
                "drawn": [
                    "".join(str(round(float(v) * 4.5 + 4.5)) for v in x.flatten()) for x in drawn
                ]
            }
        if not self.size:
            return {
                "drawn": [
                    [round(float(v), 2) for v in x]
                    for x in self.draw(
                        model, 250, device, self.settings.sample_steps, eta=1.0
                    ).cpu()
                ]
            }
        labels = torch.arange(20) % 10
        drawn = self.draw(
            model,
            20,
            device,
            self.settings.sample_steps,
            guidance=self.settings.guidance,
            labels=labels,
            seed=1,
        ).cpu()
        images = [[round(float(v) * 50 + 50) for v in x.flatten()] for x in drawn]
        return {
            "drawn": images,
            "drawn_labels": labels.tolist(),
            "sweep": self._sweep(model, device),
        }

    def _sweep(self, model: nn.Module, device: torch.device) -> list[dict[str, float]]:
        """What guidance does to 200 digits: how many are read as asked for, how far apart those of
        one label are, how near the training digits.
        """
        X, y = self.parts["train"]
        labels = torch.arange(200) % 10
        rows = []
        real = torch.cat([X[y == label][:20] for label in range(10)]).flatten(1).view(10, 20, 64)
        for w in (0.0, 1.0, 1.5, 3.0, 6.0):
            drawn = (
                self.draw(
                    model,
                    200,
                    device,
                    self.settings.sample_steps,
                    guidance=w,
                    labels=labels,
                    seed=2,
                )
                .cpu()
                .flatten(1)
            )
            away = torch.cdist(drawn, X.flatten(1))
            apart = torch.stack(
                [torch.pdist(drawn[labels == label]).mean() for label in range(10)]
            ).mean()
            rows.append(
                {
                    "w": w,
                    "right": float((y[away.argmin(1)] == labels).float().mean()),
                    "apart": float(apart),
                    "nearest": float(away.amin(1).median()),
                }
            )
        return [
            *rows,
            {
                "w": -1.0,
                "right": 1.0,
                "apart": float(torch.stack([torch.pdist(r).mean() for r in real]).mean()),
                "nearest": 0.0,
            },
        ]  # -1: the digits themselves

    def sample(self, model: nn.Module, options: Sample, device: torch.device) -> str:
        """Samples as rows of characters, or as the coordinates of points."""
        options.check()
        kinds = max(self.labels, 10)
        T = self.settings.T
        steps = options.steps or min(STEPS, T)
        if not 1 <= options.count <= 1000 or not -1 <= options.label < kinds or steps > T:
            raise UserError(
                f"count={options.count}, label={options.label} or steps={steps} is out of range",
                f"give a count of 1 to 1000, a label of -1 to {kinds - 1}, and 1 to {T} steps",
                Exit.USAGE,
            )
        if options.label < 0:
            labels = torch.arange(options.count) % kinds
        else:
            labels = torch.full((options.count,), options.label)
        drawn = self.draw(
            model,
            options.count,
            device,
            steps,
            options.eta,
            options.guidance if self.size else 1.0,
            labels if self.size else None,
            options.seed,
        ).cpu()
        if not self.size:
            return "\n".join(f"{x:+.4f} {y:+.4f}" for x, y in drawn.tolist())
        return "\n\n".join("\n".join(pictures.shades(x[0])) for x in drawn)


def build(settings: Settings, state: dict[str, Any] | None = None) -> Denoising:
    """The task."""
    return Denoising(settings, state)
