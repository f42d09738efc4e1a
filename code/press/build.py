"""One build: fingerprint, execute, compare, audit, render; the site changes when all is right."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from clikit.errors import Exit, UserError
from clikit.files import disk_error, lock, sha

from press.config import Project, commit
from press.errors import Finding
from press.execute import records, state
from press.progress import Progress
from press.source import configuration
from press.store import file_digest
from press.supply import licences, wheel

NEEDED_BYTES = 50_000_000
# what the steps after the execution import: some two seconds, in which kernels can start
RENDERING = (
    *("press.execute.compare", "press.checks", "press.site.finish"),
    *("jupyter_book.config", "sphinx.application", "myst_nb.sphinx_"),
)
DISK_ERRORS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
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
    started: float = field(default_factory=time.monotonic)

    def as_dict(self) -> dict:
        """The fields, for a JSON report."""
        findings = [finding.as_dict() for finding in self.findings]
        values = {**self.__dict__, "findings": findings, "code": int(self.code)}
        del values["started"]
        return values

    def lap(self, name: str) -> None:
        """Note the time since the last step as that of the step `name`."""
        spent_s = time.monotonic() - self.started
        self.started += spent_s
        self.seconds[name] = round(spent_s, 3)

    def add(self, findings: list[Finding]) -> None:
        """Add findings; a failed execution decides the code."""
        self.findings += findings
        if any(finding.rule == "execution" for finding in findings):
            self.code = Exit.EXECUTION
        elif findings:
            self.code = Exit.FINDINGS


def build(
    project: Project,
    tell: Callable[[str], None] = print,
    force: bool = False,
    render: bool = True,
    only: list[str] | None = None,
    quiet: bool = False,
) -> Report:
    """Bring the site up to date. With `only`, just execute and compare these chapters."""
    with lock(project.work / "lock", tell), _clean_partial_files(project):
        report = Report()
        current = state.look(project)
        wanted = [slug for slug in only or current.slugs if slug in current.slugs]
        stale = wanted if force else [slug for slug in wanted if slug not in current.records]
        broken = [current.broken[slug] for slug in only or current.broken if slug in current.broken]
        report.chapters = len(wanted)
        report.lap("fingerprint")
        if not (stale or broken) and render and not only and _is_current(current):
            report.outputs = _count(current)
            return report
        if stale:
            with _importing(RENDERING if render and not only else ()):
                _execute(current, stale, quiet)
            report.executed = stale
            report.lap("execute")
        if not only:
            broken += [*state.orphans(current), *state.unmatched_solutions(current)]
        report.add([*broken, *state.compare_all(current, wanted)])
        report.outputs = _count(current)
        report.lap("compare")
        if report.code is Exit.OK and not only:
            _finish(current, report, render)
        records.forget(current.store, [*current.slugs, *current.broken])
    return report


def _finish(current: state.State, report: Report, render: bool) -> None:
    """Audit, and render when the audits have no findings."""
    from press import checks

    report.add(checks.run(current.book()))
    report.lap("audit")
    if render and report.code is Exit.OK:
        try:
            _render(current, report)
        except UserError:
            raise
        except Exception as error:
            raise _render_error(current.project, error) from error


@contextmanager
def _clean_partial_files(project: Project) -> Iterator[None]:
    """Ctrl-C can fall between the creation of a file and the line that would remove it."""
    try:
        yield
    except KeyboardInterrupt:
        for part in project.build.rglob(".*.part"):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def _importing(names: tuple[str, ...]) -> Iterator[None]:
    """Import modules in a thread, while this process waits for kernels."""

    def import_all() -> None:
        for name in names:
            with suppress(Exception):  # it is raised again where the module is used
                import_module(name)

    import_module("press.execute.kernels")  # not in two threads at once: one would see half of it
    thread = threading.Thread(target=import_all)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _execute(current: state.State, stale: list[str], quiet: bool) -> None:
    """Run the stale chapters; each record is on disk as soon as its chapter ends."""
    from press.execute.kernels import run_many
    from press.execute.run import Run

    _require_free_space(current.project)
    chapters = {slug: current.load_chapter(slug) for slug in stale}
    # the longest chapter first: two workers end at about the same time
    before = {slug: records.load(current.store, slug) for slug in stale}
    seconds = {slug: record.seconds for slug, record in before.items() if record}
    order = sorted(stale, key=lambda slug: -seconds.get(slug, len(chapters[slug].cells)))
    cells = {slug: len(chapter.cells) for slug, chapter in chapters.items()}
    progress = Progress(len(stale), sum(cells.values()), quiet)

    def done(run: Run) -> None:
        sources = [cell.source for cell in chapters[run.slug].cells]
        record = records.save(current.store, run, current.now[run.slug], sources)
        current.records.pop(run.slug, None)
        if record.ok:
            current.records[run.slug] = record
        if cells[run.slug]:
            progress.chapter(run.slug, run.seconds, cells[run.slug], record.ok)

    try:
        pages = [chapters[slug] for slug in order]
        asyncio.run(run_many(current.project, pages, progress.cell, done))
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise KeyboardInterrupt from None


def _render(current: state.State, report: Report) -> None:
    """Render, and change the site when the renderer has no findings."""
    from press.site import context, finish, incremental, manifest, render

    project = current.project
    whole = current.store.load(incremental.NAME, "") is None
    pages = [(current.load_chapter(slug), current.records[slug]) for slug in current.slugs]
    book = context.read(project, pages, current.store)
    report.add(render.render(project, pages, current.store, book))
    report.lap("render")
    if report.code is not Exit.OK:
        return
    finish.finish(project, pages, current.store, book)
    current.store.save("site", _key(current), manifest.read(project.site))
    if whole:  # everything was asked for, so the rest belongs to another press or another book
        current.store.prune()
    report.rendered = True
    report.lap("finish")


def _render_error(project: Project, error: Exception) -> UserError:
    """A full disk or a crash: extensions wrap errors, so the whole chain is searched."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in DISK_ERRORS:
            return disk_error(project.build, cause)
        cause = cause.__cause__ or cause.__context__
    if "builder_inited_cite" in str(error):  # sphinxcontrib-bibtex, which names no file
        files = configuration.load(project.root).get("bibtex_bibfiles", [])
        names = ", ".join(project.rel(project.book / name) for name in files)
        what = f"{names} cannot be read: {_innermost(error)}"
        fix = f"correct the entry, save the file as UTF-8, or git checkout -- {names}"
        return UserError(what, fix, Exit.FINDINGS)
    what = f"rendering stopped: {type(error).__name__}: {error}"
    fix = "fix what is named above; if it names no page, run `make clean` and build again"
    return UserError(what, fix, Exit.FINDINGS)


def _innermost(error: BaseException) -> str:
    """What the first of a chain of errors said."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error)


def _key(current: state.State) -> list[str]:
    """Digests of everything that the site can show or carry.

    Sources, records, expectations, the commit, what the wheel and the npm packages bring.
    """
    project = current.project
    modules = project.root / "node_modules"
    packages = (modules / name for name in licences.NPM)
    folders = (project.book, project.code, project.expected, *packages)
    files = [path for folder in folders for path in _files(folder)]
    for pattern in ("*.yml", "*.json"):
        files += sorted(project.root.glob(pattern))
    files += [project.root / name for name in wheel.COPIED]
    digests = [[project.rel(path), file_digest(path)] for path in files]
    outputs = [[slug, current.records[slug].digest] for slug in current.slugs]
    return [commit(project), sha([digests, outputs])]


def _files(folder: Path) -> Iterator[Path]:
    """Every file below `folder` in a fixed order, and through links; each folder once."""
    entered: set[str] = set()
    for base, names, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(base)
        names[:] = sorted(n for n in names if n != "__pycache__" and not n.endswith(".egg-info"))
        if real in entered:
            names.clear()
            continue
        entered.add(real)
        yield from (Path(base, name) for name in sorted(files))


def _is_current(current: state.State) -> bool:
    """True when the site on disk is whole and was built from exactly this."""
    from press.site import manifest

    files = current.store.load("site", _key(current))
    return files is not None and manifest.is_intact(current.project.site, files)


def _count(current: state.State) -> int:
    """Outputs that are equal to their expectation."""
    from press.execute.expectations import minimal_outputs

    cells = [outputs for record in current.records.values() for outputs in record.outputs]
    return sum(len(minimal_outputs(outputs)) for outputs in cells)


def _require_free_space(project: Project) -> None:
    project.work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(project.work).free
    if free < NEEDED_BYTES:
        raise UserError(
            f"{free / 1e6:.0f} MB are free on the disk of {project.build}; "
            f"a build needs {NEEDED_BYTES / 1e6:.0f} MB",
            "free some space, then run the same command again; what was finished is kept",
        )
