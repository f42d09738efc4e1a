"""Progress for a person: a live line on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time


class Progress:
    """Chapter, cell, elapsed and time left while chapters run."""

    def __init__(self, chapters: int, cells: int, quiet: bool = False) -> None:
        self.start, self.chapters, self.cells = time.monotonic(), chapters, cells
        self.done_chapters, self.at = 0, {}  # type: ignore[var-annotated]
        self.quiet, self.live = quiet, sys.stderr.isatty()

    def cell(self, slug: str, number: int, count: int) -> None:
        """Cell `number` of `count` of a chapter has started."""
        self.at[slug] = (number, count)
        if self.live and not self.quiet:
            running = "  ".join(f"{name} {n}/{of}" for name, (n, of) in self.at.items())
            line = f"  {self.done_chapters}/{self.chapters} chapters  {running}  {self._clock()}"
            sys.stderr.write("\r\x1b[K" + line[:150])
            sys.stderr.flush()

    def chapter(self, slug: str, seconds: float, cells: int, ok: bool) -> None:
        """A chapter has ended."""
        self.done_chapters += 1
        self.at.pop(slug, None)
        if not self.quiet:
            clear = "\r\x1b[K" if self.live else ""
            word = "ran" if ok else "FAILED"
            sys.stderr.write(
                f"{clear}  {word} {slug}: {cells} cells, {seconds:.1f} s  [{self.done_chapters}/{self.chapters}]  {self._clock()}\n"
            )
            sys.stderr.flush()

    def _clock(self) -> str:
        elapsed = time.monotonic() - self.start
        if not self.done_chapters:
            return f"elapsed {elapsed:.0f} s"
        left = elapsed / self.done_chapters * (self.chapters - self.done_chapters)
        return f"elapsed {elapsed:.0f} s, left about {left:.0f} s"
