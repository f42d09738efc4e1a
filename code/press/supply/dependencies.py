"""The table of dependencies: why each is here, its licence, size and release, and what it brings
along.

`dependencies.yml` holds the reasons, requirements.txt the pins, the installed packages the rest.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

import yaml
from clikit.errors import Exit, UserError
from clikit.files import write_atomic
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from press.config import Project
from press.errors import Finding
from press.execute import imports
from press.source import prose
from press.supply import install, licences
from press.supply.wheel import providers
from press.tables import table

REASONS = "dependencies.yml"
PINS = "requirements.txt"
ASIDE = "requirements-mutants.txt"  # of one command, which need not be installed
TABLE = "DEPENDENCIES.md"
RELEASE = "https://pypi.org/pypi/{}/{}/json"
# words of a licence that lets us use, change and ship; MPL and LGPL parts are used as they come
FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software "
    r"Foundation|Python-2\.0|MPL|Mozilla|LGPL|HPND|Zlib|Unlicense|CNRI|BSL-1\.0|CC0|public "
    r"domain)\b|CMU License|permission is hereby granted, free of charge",
    re.I,
)


@dataclass(frozen=True)
class Package:
    """One pinned package as it is installed."""

    name: str
    version: str  # without the mark of a local build
    licence: str
    megabytes: float
    needs: frozenset[str]  # canonical names


@dataclass(frozen=True)
class Supply:
    """Reasons, installed packages, who brings what, and what is wrong; by canonical name."""

    reasons: dict[str, dict[str, str]]
    packages: dict[str, Package]
    brought: dict[str, list[str]]
    aside: dict[str, str]  # versions of the packages of one command
    findings: list[Finding]


def _finding(what: str, fix: str, path: str = REASONS, line: int = 0) -> Finding:
    return Finding(path, line, "dependencies", what, fix)


def pins(project: Project, file: str = PINS) -> tuple[dict[str, str], list[Finding]]:
    """Name and version of every pin by canonical name; a line without an exact pin is a finding."""
    path = project.root / file
    text = path.read_text(encoding="utf-8") if file == PINS or path.is_file() else ""
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and line[0] != "#" and not install.PIN.match(line):
            what = f"{line.strip()!r} is not an exact pin"
            findings.append(_finding(what, "write NAME==VERSION", file, number))
    exact: dict[str, str] = {}
    for name, version in install.pins(text).items():
        exact[canonicalize_name(name)] = version
    return exact, findings


def reasons(project: Project) -> dict[str, dict[str, str]]:
    """`dependencies.yml`: for each package asked for, `for` and `instead`."""
    try:
        rows = yaml.safe_load((project.root / REASONS).read_text(encoding="utf-8"))
        return {
            canonicalize_name(name): {key: str(value) for key, value in row.items()}
            for name, row in rows.items()
        }
    except (OSError, UnicodeError, AttributeError, TypeError, yaml.YAMLError) as error:
        raise UserError(
            f"{REASONS} is not a table of package: {{for: ..., instead: ...}}: {error}",
            f"see its first lines, or git checkout -- {REASONS}",
            Exit.FINDINGS,
        ) from error


def installed(name: str) -> Package | None:
    """The package of that name in this environment."""
    try:
        dist = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    size = sum(file.size or 0 for file in dist.files or [])
    version = dist.version.split("+")[0]
    needs = frozenset(_needs(name, frozenset()))
    return Package(dist.metadata["Name"], version, licence(dist), size / 1e6, needs)


def _needs(name: str, extras: frozenset[str]) -> set[str]:
    """What `name[extras]` needs here; nothing where it is not installed."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    needs: set[str] = set()
    for need in map(Requirement, lines):
        marker = need.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            needs.add(canonicalize_name(need.name))
            if need.extras:
                needs |= _needs(need.name, frozenset(need.extras))
    return needs


def licence(dist: metadata.Distribution) -> str:
    """Its licence in a few words: the SPDX expression, else the classifiers, else the first line
    of the field, else what its licence file says.
    """
    about = dist.metadata
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [line.split(" :: ") for line in about.get_all("Classifier") or []]
    named = {parts[-1] for parts in classifiers if parts[0] == "License"} - {"OSI Approved"}
    if named:
        return ", ".join(sorted(named))
    field = about["License"].strip().partition("\n")[0][:60] if "License" in about else "unknown"
    if FREE.search(field):
        return field
    match = FREE.search(licences.text_of(dist) or "")
    return f"{match[0]} (from its licence file)" if match else field


def brought(direct: list[str], packages: dict[str, Package]) -> dict[str, list[str]]:
    """For each package that nobody asked for, those asked for that bring it."""
    by: dict[str, list[str]] = {}
    for root in direct:
        reached = {root}
        queue = [root]
        while queue:
            new = packages[queue.pop()].needs & packages.keys() - reached
            reached |= new
            queue += new
        for name in reached - {root}:
            by.setdefault(name, []).append(root)
    return by


def imported(project: Project) -> dict[str, str]:
    """Top-level names imported by code/, tests/ and cells of book/, each with one place."""
    files = [*project.code.rglob("*.py"), *(project.root / "tests").rglob("*.py")]
    places: dict[str, str] = {}
    for path in [*sorted(files), *sorted(project.book.rglob("*.md"))]:
        parts = [path.read_text(encoding="utf-8")]
        if path.suffix == ".md":
            cells = (block.body for block in prose.blocks(parts[0]) if block.runs)
            parts = [imports.as_python(cell) for cell in cells]
        for name in (name for part in parts for name in imports.of(part, "")):
            places.setdefault(name.partition(".")[0], project.rel(path))
    return places


def survey(project: Project) -> Supply:
    """Everything that the table shows, and every finding."""
    rows = reasons(project)
    pinned, findings = pins(project)
    packages = {name: package for name in pinned if (package := installed(name))}
    direct = [name for name in rows if name in packages]
    by = brought(direct, packages)
    aside, wrong = pins(project, ASIDE)
    findings += [*wrong, *_wrong_pins(pinned, packages, {*direct, *by})]
    findings += _wrong_reasons(rows, {**aside, **pinned})
    findings += _wrong_licences(rows, aside)
    return Supply(rows, packages, by, aside, [*findings, *_unexplained(project, packages, rows)])


def _wrong_pins(
    pinned: dict[str, str], packages: dict[str, Package], needed: set[str]
) -> Iterator[Finding]:
    """Pins that differ from what is installed, or that nothing needs; licences that do not do."""
    for name, version in pinned.items():
        package = packages.get(name)
        if package is None:
            yield _finding(f"{name} is pinned and not installed", "make setup", PINS)
            continue
        if package.version != version:
            what = f"{name} is pinned at {version}, {package.version} is installed"
            yield _finding(what, "make setup", PINS)
        if not FREE.search(package.licence):
            what = f"the licence of {name} is {package.licence!r}"
            fix = (
                "look it up; add its words to FREE in press/supply/dependencies.py if they allow "
                "what we do, or use another package"
            )
            yield _finding(what, fix)
        if name not in needed:
            what = f"{name} is pinned, and nothing that we ask for needs it"
            yield _finding(what, f"remove its pin, or give its reason in {REASONS}", PINS)


def _wrong_reasons(rows: dict[str, dict[str, str]], pinned: dict[str, str]) -> Iterator[Finding]:
    """Reasons without a pin, and reasons that are not given."""
    for name, row in rows.items():
        if name not in pinned:
            what = f"{name} has a reason and no pin"
            yield _finding(what, f"pin it in {PINS}, or remove its line")
        for key in ("for", "instead"):
            if not row.get(key, "").strip():
                yield _finding(f"{name} does not say {key!r}", f"write `{key}: ...`")


def _wrong_licences(rows: dict[str, dict[str, str]], aside: dict[str, str]) -> Iterator[Finding]:
    """Packages of one command, not installed here, whose licence is not given or does not do."""
    for name in aside.keys() & rows.keys():
        licence = rows[name].get("licence", "")
        if not FREE.search(licence):
            what = f"the licence of {name} is {licence!r}"
            yield _finding(what, "write `licence: ...` as its package says, or use another package")


def _unexplained(
    project: Project, packages: dict[str, Package], rows: dict[str, dict[str, str]]
) -> Iterator[Finding]:
    """Imports of pinned packages for which no reason is given."""
    for top, place in imported(project).items():
        names = {canonicalize_name(name) for name in providers().get(top, [])} & packages.keys()
        if names and names.isdisjoint(rows):
            what = f"{place} imports {top}, and nothing says why {min(names)} is here"
            yield _finding(what, f"give its reason in {REASONS}")


def markdown(supply: Supply) -> str:
    """DEPENDENCIES.md."""
    packages = supply.packages
    direct = [
        (p.name, p.version, row["for"], row["instead"], p.licence, row.get("released", ""), _mb(p))
        for name, row in supply.reasons.items()
        if (p := packages.get(name))
    ]
    others = [
        (p.name, p.version, _some(sorted(supply.brought.get(name, []))), p.licence, _mb(p))
        for name, p in sorted(packages.items())
        if name not in supply.reasons
    ]
    total = sum(package.megabytes for package in packages.values())
    lines = [
        "# Dependencies",
        "",
        f"Written by `python -m press dependencies`; the reasons are in `{REASONS}`, the exact "
        f"versions in `{PINS}`.",
        f"{len(direct)} packages are asked for and bring {len(others)} others, "
        f"{total:,.0f} MB together; three more come from npm, for the site and its tests "
        "(`package-lock.json`).",
        "",
        *table(
            ["package", "version", "for", "considered instead", "licence", "released", "MB"],
            direct,
        ),
        "",
        "## What they bring",
        "",
        *table(["package", "version", "brought by", "licence", "MB"], others),
        *_of_one_command(supply),
    ]
    return "\n".join(lines) + "\n"


def _of_one_command(supply: Supply) -> list[str]:
    """The section on packages that one command asks for, and a build does not."""
    if not supply.aside:
        return []
    reasons = supply.reasons
    rows = [
        (
            name,
            version,
            reasons[name]["for"],
            reasons[name]["instead"],
            reasons[name].get("licence", ""),
        )
        for name, version in supply.aside.items()
        if name in reasons
    ]
    others = sorted(supply.aside.keys() - reasons.keys())
    return [
        "",
        "## For one command only",
        "",
        f"Pinned in `{ASIDE}`, with what they bring: {', '.join(others)}.",
        "",
        *table(["package", "version", "for", "considered instead", "licence"], rows),
    ]


def _mb(package: Package) -> str:
    return f"{package.megabytes:.1f}"


def _some(names: list[str]) -> str:
    """At most four names, and how many more there are."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def dates(project: Project, tell: Callable[[str], object] = print) -> None:
    """Ask PyPI when each pinned version that we ask for was released, and keep the day in
    `dependencies.yml`.
    """
    pinned = {**pins(project, ASIDE)[0], **pins(project)[0]}
    path = project.root / REASONS
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        name = canonicalize_name(line.partition(":")[0])
        if name not in pinned:
            continue
        try:
            with urllib.request.urlopen(RELEASE.format(name, pinned[name]), timeout=30) as answer:
                day = min(file["upload_time"] for file in json.load(answer)["urls"])[:10]
        except (OSError, ValueError, KeyError) as error:
            tell(f"press: no date for {name} {pinned[name]}: {error}")
            continue
        lines[number] = re.sub(r"(, released: [\d-]+)?\}$", f", released: {day}}}", line)
    write_atomic(path, "\n".join(lines) + "\n")


def write(project: Project) -> list[Finding]:
    """Write DEPENDENCIES.md when nothing is wrong."""
    supply = survey(project)
    if not supply.findings:
        write_atomic(project.root / TABLE, markdown(supply))
    return supply.findings


def check(project: Project) -> list[Finding]:
    """As `write`, but only compares with the DEPENDENCIES.md that is there; sizes and platforms may
    differ, the packages may not.
    """
    supply = survey(project)
    path = project.root / TABLE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if supply.findings or _essence(text) == _essence(markdown(supply)):
        return supply.findings
    what = f"the table is not that of {PINS} and {REASONS}"
    return [_finding(what, "python -m press dependencies", TABLE)]


def _essence(text: str) -> list[list[str]]:
    """Name, version and reason of each row: what does not depend on the machine."""
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    reasons = text.partition("## What they bring")[2].partition("## For one command only")[2]
    return [[reasons], *(row[:4] if len(row) == 7 else row[:2] for row in rows)]
