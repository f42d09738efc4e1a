"""What is told while a run goes on, to standard error: plain lines, or one line that is written over on a terminal."""

from __future__ import annotations

import sys
import time

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
    low, high = min(means), max(means)
    return "".join(BARS[int((m - low) / (high - low or 1) * (len(BARS) - 1))] for m in means)


class Progress:
    """Tells a line now and then; silent in processes other than the first."""

    def __init__(self, steps: int, unit: str, speak: bool = True, every_s: float = 5.0) -> None:
        self.steps, self.unit, self.speak = steps, unit, speak
        self.live = speak and sys.stderr.isatty()
        self.every_s = 0.5 if self.live else every_s
        self.losses: list[float] = []
        self.last = -float("inf")
        self.open = False  # an unfinished line stands on the terminal

    def tell(self, text: str) -> None:
        if self.speak:
            print(("\n" if self.open else "") + text, file=sys.stderr, flush=True)
            self.open = False

    def step(
        self,
        step: int,
        loss: float,
        rate: float,
        per_s: float,
        left_s: float | None,
        force: bool = False,
    ) -> None:
        self.losses.append(loss)
        now = time.perf_counter()
        if not self.speak or (now - self.last < self.every_s and not force):
            return
        self.last = now
        speed = f"  {per_s:,.0f} {self.unit}/s" if per_s else ""
        left = "" if left_s is None else f"  left {left_s:.0f} s"
        line = f"  step {step}/{self.steps}  loss {loss:.4f}  rate {rate:.1e}{speed}{left}  {spark(self.losses)}"
        if self.live:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
            self.open = True
        else:
            print(line, file=sys.stderr, flush=True)
