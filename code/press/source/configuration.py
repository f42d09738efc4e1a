"""`_config.yml` of Jupyter Book, for what the press itself reads in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from clikit.errors import Exit, UserError

from press.source.parsing import read_yaml

NAME = "_config.yml"
MAPPINGS = ("execute", "html", "parse", "repository", "sphinx")


def load(root: Path) -> dict[str, Any]:
    """The settings of the book at `root`; UserError for a file that is not a mapping in UTF-8."""
    try:
        values = read_yaml((root / NAME).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it is not a mapping of names to values")
        for name in MAPPINGS:
            if not isinstance(values.get(name, {}), dict):
                raise ValueError(f"{name} is not a mapping of names to values")
    except (OSError, ValueError, yaml.YAMLError) as error:
        fix = f"correct it there, or git checkout -- {NAME}"
        raise UserError(f"{NAME} cannot be read: {error}", fix, Exit.USAGE) from error
    return values
