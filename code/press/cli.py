"""Build, check and audit the book. `python -m press COMMAND --help` explains each command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from clikit.errors import Exit
from clikit.group import CommandGroup

from press import config as projects


@click.group(
    "press",
    cls=CommandGroup,
    help=__doc__,
    interrupted="interrupted; finished work is saved, the same command resumes it",
    out_of_memory="set workers = 1 under [tool.press] in pyproject.toml",
)
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="The project (default: the one around the working folder).",
)
@click.pass_context
def main(ctx: click.Context, root: Path | None) -> None:
    if root is not None and not (root / "_toc.yml").is_file():
        raise click.UsageError(f"--root {root} is not a book: it has no _toc.yml")
    ctx.obj = projects.load(root.resolve()) if root else projects.find()


def _json_option(function):
    return click.option(
        "--json", "as_json", is_flag=True, help="Print a JSON report on standard output."
    )(function)


def _end(report, as_json: bool, summary: str) -> None:
    """Print findings and the summary, or the JSON report, and leave with the report's code."""
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=1))
    else:
        for finding in report.findings:
            click.echo(str(finding), err=True)
        click.echo(summary)
    sys.exit(int(report.code))


def _tell(text: str) -> None:
    click.echo(text, err=True)


@main.command()
@click.option("--force", is_flag=True, help="Execute every chapter, stale or not.")
@click.option(
    "--execute-only",
    multiple=True,
    metavar="CHAPTER",
    help="Execute and compare these chapters; render nothing.",
)
@_json_option
@click.pass_obj
def build(
    project: projects.Project, force: bool, execute_only: tuple[str, ...], as_json: bool
) -> None:
    """Execute what is stale, compare, audit and render the site."""
    from press import build as builder
    from press.source import toc

    only = toc.slugs(project, execute_only) if execute_only else None
    report = builder.build(project, _tell, force=force, only=only, quiet=as_json)
    spent = sum(report.seconds.values())
    laps = ", ".join(f"{name} {s:.1f} s" for name, s in report.seconds.items() if s >= 0.05)
    if report.code is not Exit.OK:
        summary = (
            f"press: {len(report.findings)} finding(s); the site was not touched"
            f" ({spent:.1f} s: {laps})"
        )
    elif report.rendered:
        summary = (
            f"press: {len(report.executed)} of {report.chapters} chapters executed,"
            f" {report.outputs} outputs checked, site in {project.rel(project.site)}"
            f" ({spent:.1f} s: {laps})"
        )
    elif only:
        summary = (
            f"press: {len(report.executed)} chapter(s) executed, no differences ({spent:.1f} s)"
        )
    else:
        summary = (
            f"press: up to date: {report.chapters} chapters, {report.outputs} outputs verified,"
            f" site in {project.rel(project.site)}"
        )
    _end(report, as_json, summary)


@main.command()
@_json_option
@click.pass_obj
def check(project: projects.Project, as_json: bool) -> None:
    """Compare and audit without rendering."""
    from press import build as builder

    report = builder.build(project, _tell, render=False, quiet=as_json)
    word = f"{len(report.findings)} finding(s)" if report.findings else "no findings"
    _end(
        report,
        as_json,
        f"press: {report.chapters} chapters, {report.outputs} outputs compared: {word}",
    )


@main.command()
@click.argument("chapters", nargs=-1, metavar="[CHAPTER]...")
@click.option("--shard", metavar="K/N", help="Only the K-th of N parts of about equal length.")
@_json_option
@click.pass_obj
def execute(
    project: projects.Project, chapters: tuple[str, ...], shard: str | None, as_json: bool
) -> None:
    """Execute and compare what is stale; render nothing.

    Several machines execute one book, each a shard of it; `press gather` brings the records
    together.
    """
    from press import build as builder
    from press.execute import shards
    from press.source import toc

    slugs = toc.slugs(project, chapters)
    if shard:
        slugs = shards.pages(project, slugs, shard)
    report = builder.Report()
    if slugs:
        report = builder.build(project, _tell, only=slugs, quiet=as_json)
    word = f"{len(report.findings)} finding(s)" if report.findings else "no findings"
    _end(report, as_json, f"press: {len(report.executed)} of {len(slugs)} pages executed: {word}")


@main.command()
@click.argument(
    "folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER..."
)
@click.pass_obj
def gather(project: projects.Project, folders: tuple[Path, ...]) -> None:
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
        click.echo(f"{row.slug}: not taken: {row.reason}", err=True)
    click.echo(f"press: the records of {len(rows) - len(missing)} of {len(rows)} pages are current")
    sys.exit(int(Exit.FINDINGS if missing else Exit.OK))


@main.command()
@click.argument("chapters", nargs=-1, required=True, metavar="CHAPTER...")
@click.pass_obj
def accept(project: projects.Project, chapters: tuple[str, ...]) -> None:
    """Make the last execution of CHAPTER... the committed expectation, and show the changes."""
    from clikit.files import lock

    from press.execute.accept import accept as run
    from press.source import toc

    with lock(project.work / "lock", _tell):
        for moved in run(project, toc.slugs(project, chapters)):
            word = (
                "new expectation"
                if moved.new
                else f"{len(moved.cells)} cell(s) changed"
                if moved.cells
                else "nothing changed"
            )
            click.echo(f"{moved.slug}: {word}")
            for cell, diff in moved.cells.items():
                if not moved.new:
                    click.echo(
                        f"  cell {cell}\n" + "\n".join("    " + row for row in diff.splitlines())
                    )


@main.command()
@click.pass_obj
def changes(project: projects.Project) -> None:
    """Date every printed line by the history of its expectation, for the tips of the site.

    `press accept` keeps the dates; this writes all of them again, as after a merge.
    """
    from press.execute import changes as history
    from press.source import toc

    count = history.fill(project, toc.slugs(project))
    click.echo(f"press: {count:,} printed lines dated in {history.FILE}")


class _ListsAudits(click.Command):
    """A command whose help ends with the list of audits."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from press import checks

        with formatter.section("Audits"):
            formatter.write_dl([(audit.name, audit.about) for audit in checks.ALL.values()])


@main.command(cls=_ListsAudits)
@click.argument("names", nargs=-1, metavar="[AUDIT]...")
@click.option("--lower", is_flag=True, help="Lower the counts of book/debt.yml; never raises one.")
@_json_option
@click.pass_obj
def audit(project: projects.Project, names: tuple[str, ...], lower: bool, as_json: bool) -> None:
    """Run all audits, or those named, on the last execution."""
    from press import checks as audits
    from press.build import Report
    from press.execute import state

    audits.chosen(names)
    current = state.look(project)
    if current.stale:
        _tell(f"press: stale, skipped: {', '.join(current.stale)}")
    if lower:
        for rule, count in audits.lower(current.book()).items():
            _tell(f"press: {rule} lowered by {count}")
    report = Report(chapters=len(current.slugs), findings=audits.run(current.book(), names))
    report.code = Exit.FINDINGS if report.findings else Exit.OK
    _end(report, as_json, f"press: {len(report.findings)} finding(s) in {report.chapters} pages")


@main.command()
@click.argument("chapters", nargs=-1, metavar="[CHAPTER]...")
@click.option(
    "--python",
    required=True,
    metavar="PATH",
    help="The other interpreter; it needs ipykernel and what the book imports.",
)
@click.option(
    "--markdown",
    "to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the Markdown report to this file.",
)
@_json_option
@click.pass_obj
def drift(
    project: projects.Project,
    chapters: tuple[str, ...],
    python: str,
    to: Path | None,
    as_json: bool,
) -> None:
    """Run the book with another interpreter and report which outputs differ; changes nothing."""
    from clikit.files import write_atomic

    from press.machines import drift as drifts
    from press.source import toc

    path, about = drifts.interpreter(python, project)
    found = drifts.drift(project, path, toc.slugs(project, chapters), quiet=as_json)
    text = drifts.markdown(about, found)
    if to:
        write_atomic(to, text)
    click.echo(
        json.dumps({"python": about, "chapters": [c.as_dict() for c in found]}, indent=1)
        if as_json
        else text.rstrip()
    )
    sys.exit(int(Exit.FINDINGS if any(c.cells or c.fault for c in found) else Exit.OK))


@main.command()
@click.argument("chapters", nargs=-1, metavar="[CHAPTER]...")
@click.option(
    "--profile",
    "names",
    multiple=True,
    metavar="NAME",
    help="Only this configuration (repeat for several); --list names them.",
)
@click.option("--list", "listed", is_flag=True, help="List the profiles and exit.")
@click.option(
    "--markdown",
    "to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the matrix as Markdown to this file.",
)
@click.option(
    "--report",
    "data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the matrix as JSON to this file.",
)
@_json_option
@click.pass_obj
def profiles(
    project: projects.Project,
    chapters: tuple[str, ...],
    names: tuple[str, ...],
    listed: bool,
    to: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Execute the book under emulated CPU configurations and report which outputs differ; changes
    nothing.
    """
    from clikit.files import write_atomic

    from press.machines import profiles as machines
    from press.source import toc

    wanted = machines.chosen(names)
    if listed:
        for profile in wanted:
            click.echo(
                f"{profile.name:15s} {profile.what}; moves: {', '.join(profile.moves) or 'nothing'}"
            )
        return
    rows = machines.run(project, wanted, toc.slugs(project, chapters), as_json, _tell)
    if to:
        write_atomic(to, machines.markdown(rows))
    found = json.dumps(machines.report(rows), indent=1)
    if data:
        write_atomic(data, found + "\n")
    click.echo(found if as_json else machines.markdown(rows).rstrip())
    sys.exit(int(Exit.FINDINGS if any(r.mismatches or r.unmoved for r in rows) else Exit.OK))


@main.command()
@click.argument("chapters", nargs=-1, metavar="[CHAPTER]...")
@click.option(
    "--seeds", default=20, show_default=True, type=click.IntRange(min=1), help="How many shifts."
)
@click.option(
    "--page", "pages", multiple=True, metavar="CHAPTER", help="Another way to name a chapter."
)
@click.option(
    "--markdown",
    "to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the Markdown report to this file.",
)
@click.option(
    "--report",
    "data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the JSON report to this file.",
)
@_json_option
@click.pass_obj
def seeds(
    project: projects.Project,
    chapters: tuple[str, ...],
    seeds: int,
    pages: tuple[str, ...],
    to: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Run the book under other seeds and count in how many each claim holds."""
    from clikit.files import write_atomic

    from press.machines import seeds as shifts
    from press.source import toc

    slugs = toc.slugs(project, (*chapters, *pages))
    result = shifts.run(project, slugs, seeds, as_json, _tell)
    text = shifts.markdown(result)
    body = json.dumps(result.as_dict(), indent=1, ensure_ascii=False)
    if to:
        write_atomic(to, text)
    if data:
        write_atomic(data, body + "\n")
    click.echo(body if as_json else text.rstrip())
    sys.exit(int(Exit.FINDINGS if result.fragile() else Exit.OK))


@main.command()
@click.option(
    "--check",
    "only",
    is_flag=True,
    help="Compare with the committed DEPENDENCIES.md, and write nothing.",
)
@click.option(
    "--dates",
    is_flag=True,
    help="Ask PyPI when the pinned versions were released; needs a network.",
)
@_json_option
@click.pass_obj
def dependencies(project: projects.Project, only: bool, dates: bool, as_json: bool) -> None:
    """Check that each package has a reason, a pin and a license, and write DEPENDENCIES.md."""
    from press.build import Report
    from press.supply import dependencies as packages

    if dates:
        packages.dates(project, _tell)
    report = Report(findings=packages.check(project) if only else packages.write(project))
    report.code = Exit.FINDINGS if report.findings else Exit.OK
    _end(
        report,
        as_json,
        f"press: {len(report.findings)} finding(s)"
        if report.findings
        else "press: every package has a reason, an exact pin and a license",
    )


@main.command()
@_json_option
@click.pass_obj
def status(project: projects.Project, as_json: bool) -> None:
    """List the chapters with their state: what a build would execute, and what is current."""
    from press.execute import status as states

    rows = states.rows(project)
    if as_json:
        click.echo(json.dumps(states.as_dicts(rows), indent=1))
        return
    for row in rows:
        note = "" if row.expectation else "  no expectation"
        click.echo(
            f"{row.state:9s}  {row.slug:32s} {row.cells:3d} cells  {row.outputs:3d} outputs  "
            f"{row.seconds:6.1f} s{note}"
        )
