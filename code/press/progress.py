"""Progress of chapters and their cells."""

from __future__ import annotations

from clikit.progress import Progress as Bar


class Progress:
    """Chapter, cell, time elapsed and time left while chapters run."""

    def __init__(self, chapters: int, cells: int, quiet: bool = False) -> None:
        self.chapters = chapters
        self.bar = Bar(chapters, "chapters", quiet)
        self.running: dict[str, str] = {}

    def cell(self, slug: str, number: int, count: int) -> None:
        """Cell `number` of `count` of a chapter has started."""
        self.running[slug] = f"{slug} {number}/{count}"
        self.bar.update(self.bar.done, "  ".join(self.running.values()))

    def chapter(self, slug: str, seconds: float, cells: int, ok: bool) -> None:
        """A chapter has ended."""
        self.running.pop(slug, None)
        done = self.bar.done + 1
        self.bar.update(done, "  ".join(self.running.values()))
        word = "ran" if ok else "FAILED"
        count = f"[{done}/{self.chapters}]"
        self.bar.log(
            f"  {word} {slug}: {cells} cells, {seconds:.1f} s  {count}  {self.bar.clock()}"
        )
        if done == self.chapters:
            self.bar.close()
