"""The two processes of a diffusion model: noise schedules, noisy data, the sampler, guidance.

Read with `book/capstones/diffusion.md`. Sources: Ho et al. (2020) for the processes, Song et al.
(2021) for the sampler, Salimans and Ho (2022) for v, Ho and Salimans (2021) for guidance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from projects.denoisers import NO_LABEL

Predict = Callable[
    [Tensor, Tensor], Tensor
]  # x (B, ...), t (B,) -> what `target` names, shaped as x


class Schedule:
    """How much of the data is left at noise level t = 0, ..., T - 1.

    `linear` is Ho et al.'s for a thousand levels, its variances scaled by 1000 / T so that as much
    is left at the end; with 20 levels or fewer they are capped at 0.999. `cosine` is Nichol and
    Dhariwal's (2021, equation 17).

    Attributes
    ----------
    beta, alpha, abar : Tensor (T,), float64
        Variance of the noise added at each level, 1 - beta, and the product of the latter up to
        the level.

    Examples
    --------
    >>> Schedule.of(torch.tensor([0.5, 0.5])).abar.tolist()
    [0.5, 0.25]
    """

    def __init__(self, kind: str, T: int) -> None:
        if T < 2:
            raise ValueError(f"a schedule needs at least 2 levels, got {T}")
        if kind == "linear":
            low = 1e-4 * 1000 / T
            high = 0.02 * 1000 / T
            self.beta = torch.linspace(low, high, T, dtype=torch.float64).clamp(max=0.999)
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
        """The schedule of given variances (T,), each strictly between 0 and 1."""
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


def evenly_spaced(s: Schedule, steps: int) -> list[int]:
    """`steps` levels from the last to level 0; the last alone for one step.

    Examples
    --------
    >>> evenly_spaced(Schedule("linear", 50), 3)
    [49, 24, 0]
    """
    if not 1 <= steps <= s.T:
        raise ValueError(f"need 1 to {s.T} steps, got {steps}")
    if steps == 1:
        return [s.T - 1]
    return torch.linspace(s.T - 1, 0, steps).round().long().tolist()


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
    if eta < 0:
        raise ValueError(f"eta must not be negative, got {eta}")
    levels = evenly_spaced(s, steps)
    for level, after in zip(levels, [*levels[1:], -1], strict=True):
        t = torch.full((len(x),), level, device=x.device)
        x0, eps = predict_x0_eps(x, t, predict(x, t), s, target)
        abar = s.abar[level]
        if clip:
            x0 = x0.clamp(-clip, clip)
            eps = (x - float(abar.sqrt()) * x0) / float((1 - abar).sqrt())
        mean, sigma = _transition(x0, eps, abar, s.abar[after] if after >= 0 else None, eta)
        x = mean
        if sigma > 0:
            z = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
            x = mean + sigma * z
        if path is not None:
            path.append(x)
    return x


def _transition(
    x0: Tensor, eps: Tensor, abar: Tensor, after: Tensor | None, eta: float
) -> tuple[Tensor, float]:
    """Mean and standard deviation of the next state; `after` None is the data, without noise."""
    then = torch.tensor(1.0, dtype=torch.float64) if after is None else after
    variance = eta**2 * (1 - then) / (1 - abar) * (1 - abar / then)
    direction = (1 - then - variance).clamp_min(0).sqrt()
    return float(then.sqrt()) * x0 + float(direction) * eps, float(variance.sqrt())


def with_guidance(model: nn.Module, labels: Tensor, w: float) -> Predict:
    """Predictions pushed toward a label: none + w (labeled - none).

    w = 0 ignores the label, and w = 1 is the conditional model without guidance. Ho and Salimans
    count from there: their w is this one minus 1.
    """

    def predict(x: Tensor, t: Tensor) -> Tensor:
        if w == 1.0:
            return model(x, t, labels)
        free = model(x, t, torch.full_like(labels, NO_LABEL))
        return free if w == 0.0 else free + w * (model(x, t, labels) - free)

    return predict
