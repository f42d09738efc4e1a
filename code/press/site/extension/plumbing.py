"""Which lines of a cell are plumbing: imports, seeds, and calls that only draw."""

from __future__ import annotations

import ast
from dataclasses import dataclass

SEEDS = frozenset(
    ("default_rng", "manual_seed", "seed", "set_num_threads", "set_printoptions", "filterwarnings")
)
DISCARDED = frozenset(("_", "fig", "ax", "axes"))


@dataclass(frozen=True)
class Plumbing:
    """The first `lines` of a cell fold under `label`; `whole` when nothing but them is left."""

    lines: int
    label: str
    whole: bool


def plumbing(source: str, plotters: set[str]) -> Plumbing | None:
    """The plumbing with which a cell begins, or None where there is none.

    `plotters` holds the names that draw, as imported by the cells before; those that this cell
    imports are added to it. Imports and seeds fold wherever a cell begins with them; calls that
    only draw fold when the whole cell consists of plumbing.

    >>> plumbing("import numpy as np\\n\\nx = np.ones(3)", set())
    Plumbing(lines=1, label='Imports', whole=False)
    >>> plumbing("_ = plots.bowl(3)", {"plots"})
    Plumbing(lines=1, label='Plotting', whole=True)
    >>> plumbing("x = 1", set()) is None
    True
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):  # a magic or a shell line
        return None
    kinds = [_kind(statement, plotters) for statement in statements]
    if kinds and all(kinds):
        return Plumbing(len(source.splitlines()), _label(set(kinds)), True)
    lead = 0
    while lead < len(kinds) and kinds[lead] in ("import", "seed"):
        lead += 1
    if "import" not in kinds[:lead]:
        return None
    last = statements[lead - 1].end_lineno or 0
    if statements[lead].lineno <= last:  # a semicolon: both on one line
        return None
    return Plumbing(last, _label(set(kinds[:lead])), False)


def _label(kinds: set[str]) -> str:
    parts = [
        name
        for kind, name in (("import", "imports"), ("seed", "seeds"), ("plot", "plotting"))
        if kind in kinds and not (kind == "seed" and "import" in kinds)
    ]
    return " and ".join(parts).capitalize()


def _kind(statement: ast.stmt, plotters: set[str]) -> str:
    """What a statement is: "import", "seed", "plot", or "" for everything else."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        plotters |= _drawing(statement)
        return "import"
    if isinstance(statement, ast.Assign):
        names = {getattr(target, "id", "") for target in statement.targets}
    elif isinstance(statement, ast.Expr):
        names = {"_"}
    else:
        return ""
    if not isinstance(statement.value, ast.Call):
        return ""
    dotted = ast.unparse(statement.value.func).split(".")
    if dotted[-1] in SEEDS:
        return "seed"
    return "plot" if dotted[0] in plotters and names <= DISCARDED else ""


def _drawing(statement: ast.Import | ast.ImportFrom) -> set[str]:
    """The names that an import binds to something that draws."""
    module = (getattr(statement, "module", "") or "").split(".")
    names = set()
    for alias in statement.names:
        path = [*module, *alias.name.split(".")]
        if "figures" in path or "matplotlib" in path:
            names.add(alias.asname or alias.name.split(".")[0])
    return names
