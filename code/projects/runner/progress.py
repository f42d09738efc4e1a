"""What a run reports on standard error while it trains.

Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import time

from clikit.progress import Progress

BARS = "▁▂▃▄▅▆▇█"


def spark(values: list[float], width: int = 24) -> str:
    """A curve in one line of text: each character the mean of its share of the values.

    Examples
    --------
    >>> spark([3.0, 2.0, 1.0], 3)
    '█▄▁'
    """
    if not values:
        return ""
    width = min(width, len(values))
    means = [
        sum(part) / len(part)
        for i in range(width)
        if (part := values[i * len(values) // width : (i + 1) * len(values) // width])
    ]
    low = min(means)
    high = max(means)
    return "".join(BARS[int((m - low) / (high - low or 1) * (len(BARS) - 1))] for m in means)


class TrainingProgress:
    """Loss, rate and throughput; silent in every process but the first."""

    def __init__(self, steps: int, unit: str, speak: bool = True, every_s: float = 5.0) -> None:
        self.steps = steps
        self.unit = unit
        self.bar = Progress(steps, "steps", quiet=not speak)
        self.every_s = 0.5 if self.bar.terminal else every_s
        self.losses: list[float] = []
        self.last = -float("inf")

    def log(self, text: str) -> None:
        """A line that stays."""
        self.bar.log(text)

    def step(
        self,
        step: int,
        loss: float,
        rate: float,
        per_s: float,
        left_s: float | None,
        force: bool = False,
    ) -> None:
        """Report a step, at most every `every_s` seconds unless `force`."""
        self.losses.append(loss)
        now = time.perf_counter()
        if self.bar.quiet or (now - self.last < self.every_s and not force):
            return
        self.last = now
        speed = f"  {per_s:,.0f} {self.unit}/s" if per_s else ""
        left = "" if left_s is None else f"  left {left_s:.0f} s"
        note = f"loss {loss:.4f}  rate {rate:.1e}{speed}{left}  {spark(self.losses)}"
        self.bar.update(step, note)
        if not self.bar.terminal:
            self.bar.log(f"  step {step}/{self.steps}  {note}")

    def close(self) -> None:
        """Remove the bar from a terminal."""
        self.bar.close()
