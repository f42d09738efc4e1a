"""The commands that read results: card, compare. Read with `book/capstones/runner.md`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from clikit.errors import Exit, UserError

from projects.runner import checkpoints, records


@click.command()
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
            f"resume it: python -m projects resume {folder}",
            Exit.USAGE,
        )
    if as_json:
        click.echo(path.read_text(encoding="utf-8").rstrip())
    else:
        show(folder)
    if publish:
        checkpoints.write_text(
            records.RESULTS / f"{publish}.json", path.read_text(encoding="utf-8")
        )


@click.command()
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
                f"resume it: python -m projects resume {folder}",
                Exit.USAGE,
            )
        cards[folder.name] = json.loads(path.read_text(encoding="utf-8"))
    comparison = records.comparison(cards)
    names = list(comparison["runs"][0]["metrics"])
    click.echo(f"{'run':<20}" + "".join(f"{name:>20}" for name in names))
    for run in comparison["runs"]:
        cells = [_metric(run["metrics"][name]) for name in names]
        click.echo(f"{run['name']:<20}" + "".join(f"{cell:>20}" for cell in cells))
    if publish:
        checkpoints.write_text(
            records.RESULTS / f"{publish}.json", json.dumps(comparison, indent=1) + "\n"
        )


def _metric(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['mean']:.4f} +- {value['sd']:.4f}"
    return f"{value:.4f}"


def show(folder: Path) -> None:
    """A card as a few lines."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    click.echo(
        f"{card['project']} ({card['preset']}): {card['parameters']:,} parameters, "
        f"{card['steps']} steps on {card['device']} in {card['precision']}"
    )
    if "seeds" in card:
        for name, value in card["metrics"].items():
            click.echo(
                f"  {name:<14} {value['mean']:.4f}  sd {value['sd']:.4f}  "
                f"over {len(card['seeds'])} seeds"
            )
        return
    for name, value in card["metrics"].items():
        click.echo(f"  {name:<14} {value:.4f}")
    click.echo(
        f"  {'wall time':<14} {card['wall_s']:.1f} s, {card['units_per_s']:,.0f} "
        f"{card['unit']}/s, peak {card['peak_memory_mb']:.0f} MB"
    )
