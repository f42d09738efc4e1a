"""One build: fingerprint, execute, compare, audit, cache, render. Nothing reaches the site unless all is right."""

from __future__ import annotations

import asyncio
import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module

from press.config import Project, commit
from press.errors import Exit, Finding, PressError
from press.execute import records, state
from press.execute.beside import beside
from press.files import disk_error, lock, read_json, sha, write_json
from press.progress import Progress

NEEDED_BYTES = 50_000_000
RENDERING = (
    "press.checks",
    "press.site.finish",
    "jupyter_book.config",
    "sphinx.application",
    "myst_nb.sphinx_",
    "jupyter_cache",
    "sphinxcontrib.bibtex",
)
DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
}


@dataclass
class Report:
    """What a build did; `as_dict` is what --json prints."""

    chapters: int = 0
    executed: list[str] = field(default_factory=list)
    outputs: int = 0
    findings: list[Finding] = field(default_factory=list)
    rendered: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    code: Exit = Exit.OK

    def as_dict(self) -> dict:
        return {
            **self.__dict__,
            "findings": [f.as_dict() for f in self.findings],
            "code": int(self.code),
        }


def build(
    project: Project,
    tell=print,
    force: bool = False,
    render: bool = True,
    only: list[str] | None = None,
    quiet: bool = False,
) -> Report:
    """Bring the site up to date. With `only`, just execute and compare these chapters."""
    report = Report()
    with lock(project.work / "lock", tell), _swept(project), ExitStack() as held:
        clock = _Clock(report.seconds)
        current = state.look(project)
        wanted = only or current.slugs
        stale = [slug for slug in wanted if force or slug in current.stale]
        report.chapters = len(wanted)
        clock.lap("fingerprint")
        if not stale and render and not only and _is_current(project, _key(current)):
            report.outputs = _count(current)
            return report
        if stale:
            held.enter_context(_warming(current, render and not only))
        report.executed = _execute(current, stale, quiet)
        clock.lap("execute")
        report.findings = state.compare_all(current, wanted)
        clock.lap("compare")
        report.outputs = _count(current)
        if any(f.rule == "execution" for f in report.findings):
            report.code = Exit.EXECUTION
        elif report.findings:
            report.code = Exit.FINDINGS
        if report.code is Exit.OK and not only:
            from press import checks as audits

            book = current.book()
            audited = beside(lambda: audits.run(book))
            if render:
                _render(current, report, clock, audited)
            else:
                _object(report, audited())
            clock.lap("audit" if not render else "finish")
        records.forget(project, current.slugs)
        current.prints.save()
    return report


@contextmanager
def _swept(project: Project) -> Iterator[None]:
    """Ctrl-C can fall between the making of a file and the line that would remove it: no part of a file stays behind."""
    try:
        yield
    except KeyboardInterrupt:
        for part in project.build.rglob(".*.part"):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def _warming(current: state.State, whole: bool) -> Iterator[None]:
    """Bring in early what the steps after the execution need, in a thread: this process has nothing to do while kernels start.

    What the execution itself needs comes first, since two threads that import one package from two ends can meet half
    of it; and the thread has ended when the build has, since an interpreter must not go down in the middle of an import.
    """
    import_module("press.execute.kernels")
    enough = threading.Event()
    thread = threading.Thread(target=_warm, args=(current, whole, enough), daemon=True)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def _warm(current: state.State, whole: bool, enough: threading.Event) -> None:
    """Whatever fails here fails again, and is told, where it is needed."""
    with suppress(Exception):
        for name in ("press.execute.compare", *(RENDERING if whole else ())):
            if enough.is_set():
                return
            import_module(name)
        for slug in current.slugs if whole else ():
            if enough.is_set():
                return
            current.load_chapter(slug)


def _execute(current: state.State, stale: list[str], quiet: bool) -> list[str]:
    """Run the stale chapters; each record is on disk as soon as its chapter ends."""
    if not stale:
        return []
    from press.execute.kernels import run_many
    from press.execute.run import Run

    project = current.project
    _space(project)
    chapters = [current.load_chapter(slug) for slug in stale]
    by_slug = {chapter.slug: chapter for chapter in chapters}
    # the longest chapter first: two workers end at about the same time
    known = {slug: record.seconds for slug in stale if (record := records.load(project, slug))}
    chapters.sort(key=lambda chapter: -known.get(chapter.slug, len(chapter.cells)))
    progress = Progress(len(chapters), sum(len(c.cells) for c in chapters), quiet)

    def done(run: Run) -> None:
        chapter = by_slug[run.slug]
        records.save(project, run, current.now[run.slug], [cell.source for cell in chapter.cells])
        record = records.load(project, run.slug)
        if record is not None and record.ok:
            current.records[run.slug] = record
        else:
            current.records.pop(run.slug, None)
        if chapter.cells:
            progress.chapter(run.slug, run.seconds, len(chapter.cells), run.fault is None)

    try:
        asyncio.run(run_many(project, chapters, progress.cell, done))
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise KeyboardInterrupt from None
    return stale


def _object(report: Report, findings: list[Finding]) -> bool:
    """Add findings to the report; True when there were any."""
    report.findings += findings
    if findings:
        report.code = Exit.FINDINGS
    return bool(findings)


def _render(
    current: state.State, report: Report, clock: _Clock, audited: Callable[[], list[Finding]]
) -> None:
    """Render what the audits are looking at meanwhile; the site changes when neither has anything to object to."""
    from press.execute import cache
    from press.site import render

    pages = [(current.load_chapter(slug), current.records[slug]) for slug in current.slugs]
    try:
        cache.fill(current.project, pages)
        clock.lap("cache")
        rendered = render.render(current.project, pages)
        clock.lap("render")
        objected = _object(report, audited())
        clock.lap("audit")
        if _object(report, rendered) or objected:
            return
        cache.settle(current.project, pages)
        from press.site import finish

        finish.finish(current.project, pages)
    except PressError:
        raise
    except Exception as error:  # extensions wrap what they meet; tell a full disk from a crash
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
                raise disk_error(current.project.build, cause) from error
            if type(cause).__module__ == "sqlite3" and "disk" in str(
                cause
            ):  # the database of jupyter-cache
                raise disk_error(
                    current.project.build, OSError(errno.ENOSPC, str(cause))
                ) from error
            cause = cause.__cause__ or cause.__context__
        raise PressError(
            f"rendering stopped: {type(error).__name__}: {error}",
            "mend what is named above; if it names no page, run `make clean` and build again",
            Exit.FINDINGS,
        ) from error
    write_json(current.project.work / "site.json", {"key": _key(current)})
    report.rendered = True


def _key(current: state.State) -> str:
    """Digest of everything a page can show: sources, records, configuration, the press itself, the commit."""
    project = current.project
    parts: dict[str, str] = {"commit": commit(project)}
    for folder, pattern in (
        (project.book, "**/*"),
        (project.code, "**/*"),
        (project.root, "*.yml"),
        (project.root, "*.toml"),
    ):
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path):
                parts[project.rel(path)] = sha(path.read_bytes())
    times = project.expected / "seconds.json"
    parts["times"] = sha(times.read_bytes()) if times.is_file() else ""
    parts.update(
        {
            slug: current.records[slug].digest if slug in current.records else ""
            for slug in current.slugs
        }
    )
    return sha(parts)


def _is_current(project: Project, key: str) -> bool:
    """True when the site on disk is whole and was made from exactly this."""
    from press.site import manifest

    known = read_json(project.work / "site.json")
    return known is not None and known.get("key") == key and manifest.holds(project)


def _count(current: state.State) -> int:
    """Outputs that stand compared with an expectation."""
    from press.execute.expectations import minimal_outputs

    return sum(
        len(minimal_outputs(outputs))
        for record in current.records.values()
        for outputs in record.outputs
    )


def _space(project: Project) -> None:
    project.work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(project.work).free
    if free < NEEDED_BYTES:
        raise PressError(
            f"{free / 1e6:.0f} MB are free where {project.build} lies; a build needs {NEEDED_BYTES / 1e6:.0f} MB",
            "free some space, then run the same command again; what was finished is kept",
        )


class _Clock:
    def __init__(self, laps: dict[str, float]) -> None:
        self.laps, self.last = laps, time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self.last = round(now - self.last, 3), now
