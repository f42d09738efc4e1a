"""The commands that read results: card, compare. Read with `book/capstones/runner.md`."""

from __future__ import annotations

import json
import re
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
    records.read_result(folder)
    text = (folder / "card.json").read_text(encoding="utf-8")
    if as_json:
        click.echo(text.rstrip())
    else:
        show(folder)
    if publish:
        checkpoints.write_text(_published(publish), text)


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--publish", metavar="NAME", help="Write the comparison to the book's results under this name."
)
def compare(folders: tuple[Path, ...], publish: str | None) -> None:
    """The results of several finished runs of one project, side by side, and what differs."""
    short = [folder.name for folder in folders]
    cards = {}
    for folder in folders:
        name = folder.name if short.count(folder.name) == 1 else str(folder)
        cards[name] = records.read_result(folder)
    comparison = records.comparison(cards)
    runs = comparison["runs"]
    names = list(runs[0]["metrics"])
    width = max(20, *(len(run["name"]) + 2 for run in runs))
    click.echo(f"{'run':<{width}}" + "".join(f"{name:>20}" for name in names))
    for run in runs:
        cells = [_metric(run["metrics"].get(name)) for name in names]
        click.echo(f"{run['name']:<{width}}" + "".join(f"{cell:>20}" for cell in cells))
    for line in _differences(runs):
        click.echo(line)
    if publish:
        checkpoints.write_text(_published(publish), json.dumps(comparison, indent=1) + "\n")


def _published(name: str) -> Path:
    """The file of a published card."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise UserError(
            f"{name!r} is not a name of a card",
            "use small letters, digits and hyphens: --publish gpt-laptop",
            Exit.USAGE,
        )
    return records.RESULTS / f"{name}.json"


def _differences(runs: list[dict[str, Any]]) -> list[str]:
    """One line for each setting, device, precision, version or commit that is not common."""
    lines = []
    origins = [name for name in records.ORIGIN if name in runs[0]]
    for name in origins:
        lines.append(f"{name} differs: " + "; ".join(str(run[name]) for run in runs))
    for name in runs[0]["settings"]:
        lines.append(
            f"{name} differs: " + "; ".join(str(run["settings"].get(name)) for run in runs)
        )
    return lines


def _metric(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return f"{value['mean']:.4f} +- {value['sd']:.4f}"
    return f"{value:.4f}"


def show(folder: Path) -> None:
    """A card as a few lines."""
    card = records.read_result(folder)
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
    # a session shorter than the warm-up has no timed steps
    speed = f"{card['units_per_s']:,.0f} {card['unit']}/s, " if card["units_per_s"] else ""
    click.echo(
        f"  {'wall time':<14} {card['wall_s']:.1f} s, {speed}peak {card['peak_memory_mb']:.0f} MB"
    )
