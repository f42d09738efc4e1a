"""Train, resume, sample and serve the projects.

Read with `book/capstones/runner.md`.

`python -m projects COMMAND --help` explains each command.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
from clikit.errors import Exit, UserError
from clikit.group import CommandGroup

from projects import registry
from projects.runner import checkpoints, cli_results, cli_use, devices, own, processes, records
from projects.runner.options import changes, machine, settings_of
from projects.runner.session import Session, launch, new_folder, occupied
from projects.runner.settings import LENGTHS, choose, override


@click.group("projects", cls=CommandGroup, help=__doc__)
def main() -> None:
    """The group of all commands."""


@main.command("list")
def list_() -> None:
    """The projects, one line each; `run` takes a module of your own too."""
    for name in registry.NAMES:
        click.echo(f"{name:<10} {registry.load(name).SUMMARY}")
    click.echo(
        "agent      a loop that calls tools within limits and answers: python -m projects ask"
    )


@main.command()
@click.argument("project")
def describe(project: str) -> None:
    """What PROJECT does, its settings and its presets; of the agent its limits and tools.

    PROJECT may be a module of your own, see `run`.
    """
    if project == "agent":
        cli_use.describe_agent()
        return
    module = registry.load(project)
    click.echo(str(module.__doc__ or getattr(module, "SUMMARY", project)).strip() + "\n")
    plain = module.Settings()
    click.echo(f"{'setting':<16}" + "".join(f"{name:>12}" for name in module.PRESETS))
    columns = {name: choose(plain, module.PRESETS, name) for name in module.PRESETS}
    for field in fields(plain):
        click.echo(
            f"{field.name:<16}"
            + "".join(f"{_short(getattr(column, field.name)):>12}" for column in columns.values())
        )
    options = own.options(module)
    named = [f"{f.name}={_short(getattr(options, f.name))}" for f in fields(options)]
    click.echo(f"\noptions of sample: {', '.join(named) or 'none'}")


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else (str(value) or '""')


@main.command()
@click.argument("project")
@click.option(
    "--preset",
    default="",
    help="A set of settings; `describe PROJECT` lists them (default: laptop, or the first one of a "
    "module without it).",
)
@changes
@machine
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run (default: a new one under runs/).",
)
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Train this often, with consecutive seeds, and summarize.",
)
@click.option(
    "--processes",
    "count",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes on this computer (data parallel).",
)
def run(
    project: str,
    preset: str,
    overrides: tuple[str, ...],
    device: str,
    precision: str,
    compiled: bool | None,
    tensorboard: bool,
    out: Path | None,
    seeds: int,
    count: int,
) -> None:
    """Train PROJECT with a preset; the folder of the run is the last line of standard output.

    PROJECT is one of those that `list` names, or a module of your own, my_task or my.task, which
    Python finds from the current folder and which has the names Settings, PRESETS and build (and
    for `sample`, if its task can be sampled, Sample). The other commands find it by the same name,
    so give them from the same folder.
    """
    module = registry.load(project)
    preset = preset or own.first_preset(module)
    settings = choose(module.Settings(), module.PRESETS, preset, overrides)
    devices.choose(device, precision)  # refuse before a folder is made
    group = processes.current_group()
    if out and group.first and occupied(out):  # only the first one writes
        raise UserError(
            f"{out} is not empty",
            f"resume it with: python -m projects resume {out}; or name another folder",
            Exit.USAGE,
        )
    folder = out or new_folder(Path("runs") / f"{project}-{preset}", group.size > 1)
    if count > 1 and group.size == 1:
        launch(count, [*sys.argv[1:], "--out", str(folder)] if out is None else sys.argv[1:])
        return
    cards = []
    for seed in range(settings.seed, settings.seed + seeds):
        session = Session(
            project,
            preset,
            replace(settings, seed=seed),
            folder / f"seed-{seed}" if seeds > 1 else folder,
            device,
            precision,
            compiled,
            tensorboard,
        )
        try:
            cards.append(session.train(group, resume=False))
        except SystemExit:  # interrupted
            _name_other_seeds(project, seed, settings.seed + seeds - 1, folder, group.first)
            raise
    processes.destroy_group()
    if not group.first:
        return
    if seeds > 1:
        summary = records.summary([card for card in cards if card])
        checkpoints.write_text(folder / "card.json", json.dumps(summary, indent=1) + "\n")
    cli_results.show(folder)
    click.echo(folder)


def _name_other_seeds(project: str, seed: int, last: int, folder: Path, first: bool) -> None:
    """Say which runs of `--seeds` were not started."""
    if first and seed < last:
        click.echo(
            f"projects: the seeds {seed + 1} to {last} were not started: run {project} with the "
            f"same options, --set seed={seed + 1} (and so on) and "
            f"--out {folder / f'seed-{seed + 1}'}; then compare them",
            err=True,
        )


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@changes
@machine
@click.option(
    "--processes",
    "count",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes on this computer: as many as the run had, or random numbers differ.",
)
def resume(
    folder: Path,
    overrides: tuple[str, ...],
    device: str,
    precision: str,
    compiled: bool | None,
    tensorboard: bool,
    count: int,
) -> None:
    """Resume the run in FOLDER from its newest checkpoint that is intact.

    Only lengths may change (steps, eval_every, save_every, keep): another model or batch would be
    another run. The learning rate is a function of the step and of steps, so a longer run also has
    another rate.
    """
    record = records.read_run(folder)
    module = registry.load(record["project"])
    settings = settings_of(module, record, folder)
    for pair in overrides:
        if pair.partition("=")[0] not in LENGTHS:
            raise UserError(
                f"{pair!r} would make it another run",
                f"only {', '.join(LENGTHS)} may change when a run is resumed",
                Exit.USAGE,
            )
    settings = override(settings, overrides)
    settings.check()
    group = processes.current_group()
    if count > 1 and group.size == 1:
        launch(count, sys.argv[1:])
        return
    session = Session(
        record["project"],
        record["preset"],
        settings,
        folder,
        record.get("device", "auto") if device == "auto" else device,
        record.get("precision", "auto") if precision == "auto" else precision,
        record.get("compiled") if compiled is None else compiled,
        tensorboard,
    )
    session.train(group, resume=True)
    processes.destroy_group()
    if group.first:
        cli_results.show(folder)


for command in (
    cli_results.card,
    cli_results.compare,
    cli_use.sample,
    cli_use.serve,
    cli_use.chat,
    cli_use.ask,
    cli_use.tools,
):
    main.add_command(command)
