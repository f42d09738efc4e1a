"""Progress on standard error: a bar on a terminal, plain lines in a log, nothing when quiet."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts `total` steps, from `initial` on.

    Parameters
    ----------
    total : int, steps in all
    unit : str, what one step is called
    quiet : bool, print nothing
    initial : int, steps that an earlier session finished

    Examples
    --------
    >>> progress = Progress(4, "chapters", quiet=True)
    >>> progress.update(1)
    >>> progress.done
    1
    """

    def __init__(self, total: int, unit: str, quiet: bool = False, initial: int = 0) -> None:
        self.total = total
        self.unit = unit
        self.quiet = quiet
        self.initial = initial
        self.done = initial
        self.start = time.monotonic()
        self.terminal = not quiet and sys.stderr.isatty()
        self.bar = self._bar() if self.terminal else None

    def _bar(self):  # type: ignore[no-untyped-def]
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # no thread: kernels are forked from this process
        return tqdm(
            total=self.total,
            initial=self.initial,
            unit=f" {self.unit}",
            file=sys.stderr,
            dynamic_ncols=True,
            leave=False,
        )

    def update(self, done: int, note: str = "") -> None:
        """`done` steps are finished; `note` stands beside the bar until the next update."""
        self.done = done
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(done - self.bar.n)
            self.bar.refresh()

    def log(self, text: str) -> None:
        """A line that stays, above the bar if there is one."""
        if self.bar is not None:
            self.bar.write(text, file=sys.stderr)
        elif not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()

    def clock(self) -> str:
        """Seconds elapsed and an estimate of those left."""
        elapsed = time.monotonic() - self.start
        steps = self.done - self.initial
        if steps < 1:
            return f"elapsed {elapsed:.0f} s"
        left = elapsed / steps * (self.total - self.done)
        return f"elapsed {elapsed:.0f} s, left about {left:.0f} s"
