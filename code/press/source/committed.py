"""Files that the press writes and the repository keeps: absent, or of their form, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from clikit.errors import Exit, UserError

T = TypeVar("T")


def read(root: Path, name: str, form: Callable[[Any], T], empty: T) -> T:
    """What `form` makes of the JSON file `name` below `root`; `empty` where there is none.

    Raises UserError, with the name of the file, for one that is not UTF-8, not JSON, or of another
    form: `form` raises ValueError, TypeError, AttributeError or KeyError for it.
    """
    path = root / name
    if not path.is_file():
        return empty
    try:
        return form(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        what = f"{name} is damaged: {error}"
        raise UserError(what, f"git checkout -- {name}", Exit.FINDINGS) from error


def table(value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.40} is not a table of names and values")
    return value
