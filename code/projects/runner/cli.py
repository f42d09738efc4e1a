"""Train, resume, sample and serve the projects. `python -m projects COMMAND --help` explains each command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from clikit.errors import Exit, UserError
from clikit.group import CommandGroup

from projects import registry
from projects.runner import checkpoints, cli_use, devices, processes, records
from projects.runner.options import changes, machine, settings_of
from projects.runner.settings import Settings, choose, override
from projects.runner.training import Interrupted, Trainer


@click.group("projects", cls=CommandGroup, help=__doc__)
def main() -> None:
    pass


@main.command("list")
def list_() -> None:
    """The projects, one line each."""
    for name in registry.NAMES:
        click.echo(f"{name:<10} {registry.load(name).SUMMARY}")
    click.echo(
        "agent      a loop that thinks, calls tools within limits, and answers: python -m projects ask"
    )


@main.command()
@click.argument("project")
def describe(project: str) -> None:
    """What PROJECT does, its settings and its presets."""
    module = registry.load(project)
    click.echo((module.__doc__ or "").strip() + "\n")
    plain = module.Settings()
    click.echo(f"{'setting':<16}" + "".join(f"{name:>12}" for name in module.PRESETS))
    columns = {name: choose(plain, module.PRESETS, name) for name in module.PRESETS}
    for field in fields(plain):
        click.echo(
            f"{field.name:<16}"
            + "".join(f"{_short(getattr(column, field.name)):>12}" for column in columns.values())
        )
    click.echo(
        "\noptions of sample: "
        + ", ".join(
            f"{f.name}={_short(getattr(module.Sample(), f.name))}" for f in fields(module.Sample)
        )
    )


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else (str(value) or '""')


@main.command()
@click.argument("project")
@click.option(
    "--preset", default="laptop", show_default=True, help="A set of settings: smoke, laptop, gpu."
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
    help="Train this often, with seeds 0, 1, ..., and summarise.",
)
@click.option(
    "--processes",
    "count",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes on this machine (data parallel).",
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
    """Train PROJECT with a preset; the folder of the run is the last line of standard output."""
    module = registry.load(project)
    settings = choose(module.Settings(), module.PRESETS, preset, overrides)
    devices.choose(device, precision)  # refuse before a folder is made
    group = processes.current_group()
    folder = out or _free(Path("runs") / f"{project}-{preset}", group.size > 1)
    if out and group.size == 1 and out.exists() and any(out.iterdir()):
        raise UserError(
            f"{out} is not empty",
            f"resume it with: python -m projects resume {out}; or name another folder",
            Exit.USAGE,
        )
    if count > 1 and group.size == 1:
        _launch(count, [*sys.argv[1:], "--out", str(folder)] if out is None else sys.argv[1:])
        return
    cards = []
    for seed in range(settings.seed, settings.seed + seeds):
        one = replace(settings, seed=seed)
        place = folder / f"seed-{seed}" if seeds > 1 else folder
        if group.first:
            place.mkdir(parents=True, exist_ok=True)
            records.write_run(
                place, project, preset, one, device=device, precision=precision, compiled=compiled
            )
        cards.append(
            _train(
                module,
                project,
                preset,
                one,
                place,
                group,
                device,
                precision,
                compiled,
                tensorboard,
                again=False,
            )
        )
    processes.destroy_group()
    if group.first:
        if seeds > 1:
            checkpoints.write_text(
                folder / "card.json",
                json.dumps(records.summary([card for card in cards if card]), indent=1) + "\n",
            )
        _show(folder)
        click.echo(folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@changes
@machine
def resume(
    folder: Path,
    overrides: tuple[str, ...],
    device: str,
    precision: str,
    compiled: bool | None,
    tensorboard: bool,
) -> None:
    """Go on with the run in FOLDER, exactly where its newest checkpoint stands.

    Only lengths may change (steps, eval_every, save_every, keep): another model or batch would be another run.
    """
    made = records.read_run(folder)
    module = registry.load(made["project"])
    settings = settings_of(module, made, folder)
    allowed = ("steps", "eval_every", "save_every", "keep")
    for pair in overrides:
        if pair.partition("=")[0] not in allowed:
            raise UserError(
                f"{pair!r} would make it another run",
                f"only {', '.join(allowed)} may change when a run is resumed",
                Exit.USAGE,
            )
    settings = override(settings, overrides)
    settings.check()
    group = processes.current_group()
    device = made.get("device", "auto") if device == "auto" else device
    precision = made.get("precision", "auto") if precision == "auto" else precision
    _train(
        module,
        made["project"],
        made["preset"],
        settings,
        folder,
        group,
        device,
        precision,
        made.get("compiled") if compiled is None else compiled,
        tensorboard,
        again=True,
    )
    processes.destroy_group()
    if group.first:
        _show(folder)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
@click.option(
    "--publish", metavar="NAME", help="Copy the card to the book's results under this name."
)
def card(folder: Path, as_json: bool, publish: str | None) -> None:
    """The result card of the run in FOLDER."""
    path = folder / "card.json"
    if not path.exists():
        records.read_run(folder)
        raise UserError(
            f"the run in {folder} has not finished",
            f"go on with it: python -m projects resume {folder}",
            Exit.USAGE,
        )
    if as_json:
        click.echo(path.read_text().rstrip())
    else:
        _show(folder)
    if publish:
        checkpoints.write_text(records.RESULTS / f"{publish}.json", path.read_text())


@main.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--publish", metavar="NAME", help="Write the comparison to the book's results under this name."
)
def compare(folders: tuple[Path, ...], publish: str | None) -> None:
    """The results of several finished runs of one project, side by side."""
    cards = {}
    for folder in folders:
        path = folder / "card.json"
        if not path.exists():
            raise UserError(
                f"the run in {folder} has no card",
                f"go on with it: python -m projects resume {folder}",
                Exit.USAGE,
            )
        cards[folder.name] = json.loads(path.read_text())
    made = records.comparison(cards)
    names = list(made["runs"][0]["metrics"])
    click.echo(f"{'run':<20}" + "".join(f"{name:>20}" for name in names))
    for one in made["runs"]:
        values = [one["metrics"][name] for name in names]
        texts = [
            f"{v['mean']:.4f} +- {v['sd']:.4f}" if isinstance(v, dict) else f"{v:.4f}"
            for v in values
        ]
        click.echo(f"{one['name']:<20}" + "".join(f"{text:>20}" for text in texts))
    if publish:
        checkpoints.write_text(
            records.RESULTS / f"{publish}.json", json.dumps(made, indent=1) + "\n"
        )


def _train(
    module: ModuleType,
    project: str,
    preset: str,
    settings: Settings,
    folder: Path,
    group: processes.Group,
    device: str,
    precision: str,
    compiled: bool | None,
    tensorboard: bool,
    again: bool,
) -> dict[str, Any] | None:
    config = devices.choose(device, precision, group.local_rank)
    processes.init_group(group, config.device)
    if group.first:
        click.echo(
            f"{project} ({preset}): {config.name}, {config.reason}; {config.precision}; {group.size} process(es); seed {settings.seed}; in {folder}",
            err=True,
        )
    use = config.device.type == "cuda" if compiled is None else compiled
    trainer = Trainer(
        module.build(settings), project, config, group, folder, use, tensorboard=tensorboard
    )
    if again:
        trainer.resume()
        if group.first:
            records.write_run(
                folder,
                project,
                preset,
                settings,
                device=device,
                precision=precision,
                compiled=compiled,
            )
    try:
        result = trainer.run()
    except Interrupted:
        click.echo(
            f"projects: stopped at step {trainer.step}, saved; go on with: python -m projects resume {folder}",
            err=True,
        )
        processes.destroy_group()
        sys.exit(int(Exit.INTERRUPTED))
    if result is not None:
        result["preset"], result["settings"], result["curve"] = (
            preset,
            asdict(settings),
            records.curve(folder, trainer.task.target),
        )
        records.write_curve(folder, f"{project}, {preset}")
        checkpoints.write_text(folder / "card.json", json.dumps(result, indent=1) + "\n")
    return result


def _free(base: Path, shared: bool) -> Path:
    """`base`, or `base-2`, `base-3`, ...: a folder that is not there. Several processes must be told one."""
    if shared:
        raise UserError(
            "several processes need one folder that all of them know",
            "add --out FOLDER to the command that torchrun starts",
            Exit.USAGE,
        )
    names = [base, *(base.with_name(f"{base.name}-{i}") for i in range(2, 10_000))]
    return next(name for name in names if not name.exists())


def _launch(count: int, arguments: list[str]) -> None:
    """Start this command again in several processes, by torchrun."""
    kept, skip = [], False
    for argument in arguments:
        if skip or argument == "--processes" or argument.startswith("--processes="):
            skip = argument == "--processes"
            continue
        kept.append(argument)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(count),
            "-m",
            "projects",
            *kept,
        ]
    )
    if done.returncode:
        raise UserError(
            f"a process of {count} ended with code {done.returncode}",
            "its message stands above; one process alone says more: leave --processes out",
            Exit.EXECUTION,
        )


def _show(folder: Path) -> None:
    """A card as a few lines."""
    made = json.loads((folder / "card.json").read_text())
    click.echo(
        f"{made['project']} ({made['preset']}): {made['parameters']:,} parameters, {made['steps']} steps on {made['device']} in {made['precision']}"
    )
    if "seeds" in made:
        for name, value in made["metrics"].items():
            click.echo(
                f"  {name:<14} {value['mean']:.4f}  sd {value['sd']:.4f}  over {len(made['seeds'])} seeds"
            )
        return
    for name, value in made["metrics"].items():
        click.echo(f"  {name:<14} {value:.4f}")
    click.echo(
        f"  {'wall time':<14} {made['wall_s']:.1f} s, {made['units_per_s']:,.0f} {made['unit']}/s, peak {made['peak_memory_mb']:.0f} MB"
    )


for command in (cli_use.sample, cli_use.serve, cli_use.ask, cli_use.tools):
    main.add_command(command)
