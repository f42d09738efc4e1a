"""Options that several commands share. Read with `book/capstones/runner.md`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import click
from clikit.errors import Exit, UserError

from projects.runner.settings import Settings, check_types


def changes(function: Any) -> Any:
    """`--set KEY=VALUE`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Change a setting of the preset; may be given several times.",
    )(function)


def machine(function: Any) -> Any:
    """Where and how to compute."""
    for option in (
        click.option("--device", default="auto", help="auto (default), cuda, mps or cpu."),
        click.option(
            "--precision", default="auto", help="auto (default), fp32, tf32, bf16 or fp16."
        ),
        click.option(
            "--compile/--no-compile",
            "compiled",
            default=None,
            help="torch.compile; by default on CUDA only.",
        ),
        click.option("--tensorboard", is_flag=True, help="Write TensorBoard event files too."),
    ):
        function = option(function)
    return function


def settings_of(module: ModuleType, run: dict[str, Any], folder: Path) -> Settings:
    """The settings in a run.json; UserError when this edition has others."""
    try:
        settings = module.Settings(**run["settings"])
        check_types(settings)
        return settings
    except TypeError as error:
        raise UserError(
            f"{folder / 'run.json'} does not fit this edition's settings: {error}",
            "start the run again",
            Exit.USAGE,
        ) from None
