"""Build, check and audit the book. `python -m press COMMAND --help` explains each command."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from clikit.errors import Exit
from clikit.group import CommandGroup

from press.config import Project, find, load

if TYPE_CHECKING:
    from press.build import Report

FILE = click.Path(dir_okay=False, path_type=Path)
COUNT = click.IntRange(1)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(
    "press",
    cls=CommandGroup,
    help=__doc__,
    interrupted="interrupted; finished work is saved, the same command resumes it",
    out_of_memory="set workers = 1 under [tool.press] in pyproject.toml",
)
@click.option("--root", type=FOLDER, help="The project (default: the one around this folder).")
@click.pass_context
def main(ctx: click.Context, root: Path | None) -> None:
    if root is not None and not (root / "_toc.yml").is_file():
        raise click.UsageError(f"--root {root} is not a book: it has no _toc.yml")
    ctx.obj = load(root.resolve()) if root else find()


def _slugs(ctx: click.Context, _: click.Parameter, names: tuple[str, ...]) -> list[str]:
    """The pages of these names in the order of the book; all of them for no name."""
    from press.source import toc

    return toc.slugs(ctx.obj, names)


def _named(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> list[str] | None:
    """As `_slugs`, but None for no name."""
    return _slugs(ctx, param, names) if names else None


_chapters = click.argument("slugs", nargs=-1, metavar="[CHAPTER]...", callback=_slugs)
_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON report.")
_markdown = click.option("--markdown", "text_file", type=FILE, help="Write the report to FILE.")
_report = click.option("--report", "json_file", type=FILE, help="Write the JSON report to FILE.")


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _as_json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False)


def _leave(is_wrong: object) -> None:
    """End with the code of findings, or of success."""
    sys.exit(int(Exit.FINDINGS if is_wrong else Exit.OK))


def _end(report: Report, as_json: bool, summary: str) -> None:
    """Print findings and the summary, or the JSON report, and leave with the report's code."""
    if as_json:
        click.echo(_as_json(report.as_dict()))
    else:
        for finding in report.findings:
            click.echo(str(finding), err=True)
        click.echo(f"press: {summary}")
    sys.exit(int(report.code))


def _count(report: Report) -> str:
    return f"{len(report.findings)} finding(s)" if report.findings else "no findings"


def _save(file: Path | None, text: str) -> None:
    from clikit.files import write_atomic

    if file:
        write_atomic(file, text.rstrip() + "\n")


@main.command()
@click.option("--force", is_flag=True, help="Execute every chapter, stale or not.")
@click.option(
    "--execute-only",
    "only",
    multiple=True,
    metavar="CHAPTER",
    callback=_named,
    help="Execute and compare this chapter (repeat for several); render nothing.",
)
@_json
@click.pass_obj
def build(project: Project, force: bool, only: list[str] | None, as_json: bool) -> None:
    """Execute what is stale, compare, audit and render the site."""
    from press.build import build as run

    report = run(project, _tell, force=force, only=only, quiet=as_json)
    laps = ", ".join(f"{name} {s:.1f} s" for name, s in report.seconds.items() if s >= 0.05)
    spent = f"({sum(report.seconds.values()):.1f} s: {laps})"
    site = project.rel(project.site)
    if report.code is not Exit.OK:
        summary = f"{_count(report)}; the site was not touched {spent}"
    elif report.rendered:
        summary = (
            f"{len(report.executed)} of {report.chapters} chapters executed, "
            f"{report.outputs} outputs checked, site in {site} {spent}"
        )
    elif only:
        summary = f"{len(report.executed)} chapter(s) executed, no differences {spent}"
    else:
        counts = f"{report.chapters} chapters, {report.outputs} outputs verified"
        summary = f"up to date: {counts}, site in {site}"
    _end(report, as_json, summary)


@main.command()
@_json
@click.pass_obj
def check(project: Project, as_json: bool) -> None:
    """Compare and audit without rendering."""
    from press.build import build as run

    report = run(project, _tell, render=False, quiet=as_json)
    counts = f"{report.chapters} chapters, {report.outputs} outputs compared"
    _end(report, as_json, f"{counts}: {_count(report)}")


@main.command()
@_chapters
@click.option("--shard", metavar="K/N", help="Only the K-th of N parts of about equal length.")
@_json
@click.pass_obj
def execute(project: Project, slugs: list[str], shard: str | None, as_json: bool) -> None:
    """Execute and compare what is stale; render nothing.

    Several machines execute one book, each a shard of it; `press gather` brings the records
    together.
    """
    from press.build import Report
    from press.build import build as run
    from press.execute import shards

    if shard:
        slugs = shards.pages(project, slugs, shard)
    report = run(project, _tell, only=slugs, quiet=as_json) if slugs else Report()
    counts = f"{len(report.executed)} of {len(slugs)} pages executed"
    _end(report, as_json, f"{counts}: {_count(report)}")


@main.command()
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="FOLDER...")
@click.pass_obj
def gather(project: Project, folders: tuple[Path, ...]) -> None:
    """Take over the records of pages that other machines executed.

    FOLDER holds the _build/press/store/runs of a machine. A record is taken when its cells, code,
    data and versions are those of this machine.
    """
    from clikit.files import lock

    from press.execute import shards

    with lock(project.work / "lock", _tell):
        rows = shards.gather(project, list(folders))
    missing = [row for row in rows if not row.taken]
    for row in missing:
        _tell(f"{row.slug}: not taken: {row.reason}")
    click.echo(f"press: the records of {len(rows) - len(missing)} of {len(rows)} pages are current")
    _leave(missing)


@main.command()
@click.argument("slugs", nargs=-1, required=True, metavar="CHAPTER...", callback=_slugs)
@click.pass_obj
def accept(project: Project, slugs: list[str]) -> None:
    """Make the last execution of CHAPTER... the committed expectation, and show the changes."""
    from clikit.files import lock

    from press.execute.accept import accept as run

    with lock(project.work / "lock", _tell):
        for moved in run(project, slugs):
            if moved.new:
                click.echo(f"{moved.slug}: new expectation")
                continue
            word = f"{len(moved.cells)} cell(s) changed" if moved.cells else "nothing changed"
            click.echo(f"{moved.slug}: {word}")
            for cell, diff in moved.cells.items():
                click.echo(f"  cell {cell}\n{textwrap.indent(diff, '    ')}")


@main.command()
@click.pass_obj
def changes(project: Project) -> None:
    """Date every page and every printed line by the history, for the footers and tips of the site.

    `press accept` keeps the dates of lines; this writes all of them again, as after a merge.
    """
    from press.execute import changes as history
    from press.source import dates, toc

    slugs = toc.slugs(project)
    count = history.fill(project, slugs)
    click.echo(f"press: {count:,} printed lines dated in {history.FILE}")
    click.echo(f"press: {dates.fill(project, slugs)} pages dated in {dates.FILE}")


@main.command()
@click.pass_obj
def anchors(project: Project) -> None:
    """Add the addresses on the pages of the built site to those that no build may lose."""
    from press.site import anchors as published
    from press.source import toc

    count = published.add(project, toc.slugs(project))
    click.echo(f"press: {count:,} new addresses in {published.FILE}")


class _ListsAudits(click.Command):
    """A command whose help ends with the list of audits."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from press import checks

        with formatter.section("Audits"):
            formatter.write_dl([(audit.name, audit.about) for audit in checks.ALL.values()])


@main.command(cls=_ListsAudits)
@click.argument("names", nargs=-1, metavar="[AUDIT]...")
@click.option("--lower", is_flag=True, help="Lower the counts of book/debt.yml; never raises one.")
@_json
@click.pass_obj
def audit(project: Project, names: tuple[str, ...], lower: bool, as_json: bool) -> None:
    """Run all audits, or those named, on the last execution."""
    from press import checks
    from press.build import Report
    from press.execute import state

    checks.chosen(names)
    current = state.look(project)
    if current.stale:
        _tell(f"press: outputs are stale and not looked at: {', '.join(current.stale)}")
    if lower:
        for rule, count in checks.lower(current.book()).items():
            _tell(f"press: {rule} lowered by {count}")
    report = Report(chapters=len(current.slugs), findings=checks.run(current.book(), names))
    report.code = Exit.FINDINGS if report.findings else Exit.OK
    _end(report, as_json, f"{_count(report)} in {report.chapters} pages")


@main.command()
@_chapters
@click.option("--python", "path", required=True, metavar="PATH", help="The other interpreter.")
@_markdown
@_json
@click.pass_obj
def drift(
    project: Project, slugs: list[str], path: str, text_file: Path | None, as_json: bool
) -> None:
    """Run the book with another interpreter and report which outputs differ; changes nothing.

    The interpreter needs ipykernel and what the book imports.
    """
    from dataclasses import asdict

    from press.machines import drift as machines

    python, about = machines.interpreter(path, project)
    chapters = machines.drift(project, slugs, quiet=as_json, python=python)
    text = machines.markdown(about, chapters)
    _save(text_file, text)
    data = {"python": about, "chapters": [asdict(chapter) for chapter in chapters]}
    click.echo(_as_json(data) if as_json else text.rstrip())
    _leave(any(chapter.differs for chapter in chapters))


@main.command()
@_chapters
@click.option("--profile", "names", multiple=True, metavar="NAME", help="Only this configuration.")
@click.option("--list", "listed", is_flag=True, help="List the profiles and exit.")
@_markdown
@_report
@_json
@click.pass_obj
def profiles(
    project: Project,
    slugs: list[str],
    names: tuple[str, ...],
    listed: bool,
    text_file: Path | None,
    json_file: Path | None,
    as_json: bool,
) -> None:
    """Execute the book under emulated CPU configurations and report which outputs differ; changes
    nothing.

    --profile may be repeated; --list names the configurations. What was run is merged into the
    report that FILE holds already.
    """
    from press.machines import matrix
    from press.machines import profiles as machines
    from press.source import toc

    wanted = machines.chosen(names)
    if listed:
        for profile in wanted:
            moves = ", ".join(profile.moves) or "nothing"
            click.echo(f"{profile.name:15s} {profile.what}; moves: {moves}")
        return
    old = matrix.read(json_file) if json_file else None
    rows = machines.run(project, wanted, slugs, as_json, _tell)
    new = matrix.Matrix(matrix.processor(), rows)
    text = matrix.markdown(rows)
    _save(text_file, text)
    if old:
        _save(json_file, _as_json(matrix.merged(old, new, toc.slugs(project)).as_dict()))
    click.echo(_as_json(new.as_dict()) if as_json else text.rstrip())
    _leave(any(row.mismatches or row.unmoved for row in rows))


@main.command()
@_chapters
@click.option("--seeds", "count", default=20, show_default=True, type=COUNT, help="How many.")
@click.option("--shard", metavar="K/N", help="Only the K-th of N parts of about equal length.")
@click.option("--gather", "folder", type=FOLDER, help="Execute nothing: take the reports below it.")
@_markdown
@_report
@_json
@click.pass_obj
def seeds(
    project: Project,
    slugs: list[str],
    count: int,
    shard: str | None,
    folder: Path | None,
    text_file: Path | None,
    json_file: Path | None,
    as_json: bool,
) -> None:
    """Run the book under other seeds and count in how many each claim holds.

    --report merges what was run into FILE: the rows of other pages stay. Ends with findings when a
    claim held in fewer than 19 of 20 seeds and no sentence of its page says in how many.
    """
    from press.execute import shards
    from press.machines import seeds as shifts
    from press.machines import survival
    from press.source import toc

    old = survival.load(json_file) if json_file else survival.Report()
    if shard:
        slugs = shards.pages(project, slugs, shard)
    if folder:
        result = shifts.gather(project, slugs, folder)
    else:
        result = shifts.run(project, slugs, count, as_json, _tell)
    text = survival.markdown(result)
    _save(text_file, text)
    _save(json_file, survival.text(survival.merged(old, result, toc.slugs(project))))
    click.echo(survival.text(result) if as_json else text.rstrip())
    unstated = shifts.unstated(project, result)
    for row in unstated:
        _tell(f"{row.statement.slug}: held in {row.held} of {row.of} seeds: {row.statement.text}")
    _leave(unstated)


@main.command()
@click.argument("names", nargs=-1, metavar="[MODULE]...")
@click.option("--survivors", "again", is_flag=True, help="Try only those of the report again.")
@_markdown
@_report
@_json
@click.pass_obj
def mutants(
    project: Project,
    names: tuple[str, ...],
    again: bool,
    text_file: Path | None,
    json_file: Path | None,
    as_json: bool,
) -> None:
    """Plant mistakes in MODULE... and count how many its own tests catch.

    Without a name, the modules of the report: FILE, or the committed one. A survivor takes over the
    reason that the report gives for it; --report merges what was run into FILE.
    """
    from press.machines import mutants as planted

    committed = planted.load(json_file or project.root / planted.REPORT)
    chosen = names or tuple(score.module for score in committed)
    scores = planted.run(project, chosen, committed, again, _tell)
    text = planted.markdown(scores)
    body = _as_json(planted.as_dict(scores))
    _save(text_file, text)
    if json_file:
        _save(json_file, _as_json(planted.as_dict(planted.merged(committed, scores))))
    click.echo(body if as_json else text.rstrip())
    _leave(any(score.share < planted.STANDARD for score in scores))


@main.command()
@click.option("--check", "only", is_flag=True, help="Compare with DEPENDENCIES.md; write nothing.")
@click.option("--dates", is_flag=True, help="Ask PyPI for the days of release; needs a network.")
@_json
@click.pass_obj
def dependencies(project: Project, only: bool, dates: bool, as_json: bool) -> None:
    """Check that each package has a reason, a pin and a license, and write DEPENDENCIES.md."""
    from press.build import Report
    from press.supply import dependencies as packages

    if dates:
        packages.dates(project, _tell)
    report = Report(findings=packages.check(project) if only else packages.write(project))
    report.code = Exit.FINDINGS if report.findings else Exit.OK
    success = "every package has a reason, an exact pin and a license"
    _end(report, as_json, _count(report) if report.findings else success)


@main.command()
@_chapters
@click.option("--solutions", is_flag=True, help="Print solutions, hints and answers of cards.")
@click.option("--paper", type=click.Choice(["A4", "Letter"]), default="A4", show_default=True)
@click.option("--browser", "path", metavar="PATH", help="The Chromium to print with.")
@click.pass_obj
def pdf(project: Project, slugs: list[str], solutions: bool, paper: str, path: str | None) -> None:
    """Print the site, or CHAPTER... of it, into one PDF below _build/pdf."""
    from press.site.export import pdf as paper_book

    program = paper_book.browser(path)

    def printer(folder: Path) -> paper_book.Printer:
        return paper_book.Printer(project, program, paper, solutions, folder)

    start = time.monotonic()
    _exported(project, paper_book.make(project, slugs, printer, _tell), start)


@main.command()
@click.pass_obj
def epub(project: Project) -> None:
    """Write the book as an EPUB below _build/epub, from what the last build executed."""
    from press.site.export import epub as package

    start = time.monotonic()
    _exported(project, package.make(project, _tell), start)


def _exported(project: Project, file: Path, start: float) -> None:
    """Say which file was written, its size and the time it took."""
    megabytes = file.stat().st_size / 1e6
    seconds = time.monotonic() - start
    click.echo(f"press: {project.rel(file)} ({megabytes:.1f} MB, {seconds:.0f} s)")


@main.command()
@_json
@click.pass_obj
def status(project: Project, as_json: bool) -> None:
    """List the chapters with their state: what a build would execute, and what is current."""
    from press.execute import status as states

    rows = states.rows(project)
    if as_json:
        click.echo(_as_json(states.as_dicts(rows)))
        return
    for row in rows:
        note = "" if row.expectation else "  no expectation"
        if row.reason:
            note += f"  {row.reason}"
        click.echo(
            f"{row.state:10s}  {row.slug:32s} {row.cells:3d} cells  {row.outputs:3d} outputs  "
            f"{row.seconds:6.1f} s{note}"
        )
