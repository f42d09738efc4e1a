"""What a run says when its numbers stop being numbers. Read with `book/capstones/runner.md`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from clikit.errors import Exit, UserError

from projects.runner.settings import Settings


def not_finite(
    step: int,
    loss: float,
    norm: float,
    rate: float,
    settings: Settings,
    precision: str,
    saved: Sequence[Path],
) -> UserError:
    """The error of a loss or a gradient's norm that is not finite: the step, the last good
    checkpoint, the likely causes.
    """
    checkpoint = (
        f"the last good checkpoint is {saved[0].name}"
        if saved
        else "no checkpoint was saved before it"
    )
    causes = [
        f"too high a learning rate ({rate:.1e} here; try a third of it, or more warm-up steps)",
        "a logarithm, a square root or a division near 0 in the loss",
    ]
    if not settings.clip_norm:
        causes.insert(1, "no clipping (try --set clip_norm=1)")
    if precision == "fp16":
        causes.insert(0, "fp16, which overflows above 65504 (try bf16)")
    what = f"the loss is {loss}" if not isfinite(loss) else f"the gradient's norm is {norm}"
    return UserError(
        f"{what} at step {step}; {checkpoint}",
        "likely causes, in this order: " + "; ".join(causes),
        Exit.EXECUTION,
    )
