"""The counts of *How we know*: from this build, and from the reports of profiles and tests.

`book/_assets/reports/profiles.json` is written by `python -m press profiles --report`,
`mutants.json` by `python -m press mutants --report`, `seeds.json` by `python -m press seeds
--report`, `tests.json` by `make counts`. A report that is missing leaves its rows out, nothing is
typed in its place; a damaged one ends the build.
"""

from __future__ import annotations

from typing import Any

from press.config import Project
from press.site.facts import Facts
from press.site.survivals import Survivals
from press.source import committed


def read(project: Project, name: str) -> dict[str, Any]:
    """A report of `book/_assets/reports`, or an empty one. Raises UserError for a damaged one."""
    return committed.read(project.root, f"book/_assets/reports/{name}.json", _report, {})


def _report(value: Any) -> dict[str, Any]:
    for label, number in committed.table(committed.table(value).get("counts", {})).items():
        if type(number) is not int:
            raise ValueError(f"{label} is {number!r:.40}, not a whole number")
    return value


def machines(project: Project) -> list[dict[str, Any]]:
    """The profiles of the last report, as `press.machines.matrix` writes them."""
    return read(project, "profiles").get("profiles", [])


def mutants(project: Project) -> list[dict[str, Any]]:
    """The modules of the last report, as `press.machines.mutants` writes them."""
    return read(project, "mutants").get("modules", [])


def checks(
    project: Project, facts: list[Facts], shifted: Survivals | None = None
) -> list[tuple[str, str, str]]:
    """What was counted, how many, and what counted it."""

    def total(name: str) -> str:
        return f"{sum(getattr(fact, name) for fact in facts):,}"

    rows = [
        ("printed outputs compared with their expectations", total("outputs"), "every build"),
        ("claims checked by a cell", total("claims"), "every build"),
        ("derivations checked by a cell", total("derived"), "every build"),
        ("results equal to a library's", total("parity"), "every build"),
        ("of all three, gradients", total("gradients"), "every build"),
        ("exercises whose solution is executed", total("exercises"), "every build"),
    ]
    if ran := [row for row in machines(project) if row["chapters"]]:
        cpu = read(project, "profiles").get("processor", "one processor")
        differing = f"{sum(row['mismatches'] for row in ran):,}"
        rows += [
            ("machines the whole book was run as", f"{len(ran)}", f"profiles, on {cpu}"),
            ("outputs that differed on any of them", differing, "profiles"),
        ]
    rows += _seeds(shifted) if shifted else []
    if scores := mutants(project):
        sums = {key: sum(row[key] for row in scores) for key in ("mutants", "caught", "equivalent")}
        modules = f"mistakes planted in {len(scores)} modules of our own"
        rows += [
            (modules, f"{sums['mutants']:,}", "mutants"),
            ("of these, caught by the tests of the module", f"{sums['caught']:,}", "mutants"),
            (
                "of these, equivalent, for a reason in writing",
                f"{sums['equivalent']:,}",
                "mutants",
            ),
        ]
    counts = read(project, "tests").get("counts", {})
    return rows + [(label, f"{number:,}", "tests") for label, number in counts.items()]


def _seeds(shifted: Survivals) -> list[tuple[str, str, str]]:
    """The rows of other seeds; none where no page was tried as it is now."""
    tried = shifted.current
    if not tried.pages:
        return []
    steady = sum(page.steady for page in tried.pages)
    what = f"claims, derivations and comparisons tried under {tried.seeds} other seeds"
    return [
        (what, f"{len(tried.rows):,}", "seeds"),
        ("of these, held under every one of them", f"{steady:,}", "seeds"),
    ]
