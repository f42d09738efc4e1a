"""Which files a test depends on: what it imports, data files beside that, and what is declared.

A module declares further files by `DEPENDS = ("code/press/**", "_config.yml")`, a test by the
marker `depends`. A module that names the project's folder and declares nothing is uncertain: a test
that uses it depends on every file of the project.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import subprocess
import sys
import sysconfig
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DEPENDS = ()  # this names the folder of the project to look through it
SKIPPED = (
    ".git",
    ".pdbrc",
    ".venv",
    "_build",
    "node_modules",
    "__pycache__",
    ".hypothesis",
    ".pytest_cache",
)
DYNAMIC = {"import_module", "__import__", "run_module", "run_path", "spec_from_file_location"}
CACHES = {"cache", "lru_cache", "cached_property"}
FOLDER_NAMES = {"ROOT", "__file__"}
# what every test depends on: how tests are run, and what is installed
COMMON = ("pyproject.toml", "requirements.txt", "package-lock.json")
VARIABLES = (
    "CI",
    "FUZZ_CASES",
    "NBVAL_SECONDS",
    "REBUILD_PROFILE",
    "OPENBLAS_CORETYPE",
    "ATEN_CPU_CAPABILITY",
    "PYTHONHASHSEED",
)


class Module(NamedTuple):
    """What the text of a module says about its dependencies."""

    imports: frozenset[str]
    declared: tuple[str, ...] | None
    dynamic: bool
    names_folder: bool
    caches: bool


class Scope(NamedTuple):
    """Files that a test depends on, and the patterns that were declared for it."""

    files: frozenset[str]
    patterns: tuple[str, ...]
    certain: bool


def sha(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def parse(source: str, package: str) -> Module:
    """What a module of `package` imports and declares, without running it."""
    tree = ast.parse(source)
    imports: set[str] = set()
    declared = None
    dynamic = False
    names_folder = False
    caches = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            imports.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            constant = bool(node.args) and isinstance(node.args[0], ast.Constant)
            if name in DYNAMIC and constant:
                imports.add(str(node.args[0].value))
            elif name in DYNAMIC:
                dynamic = True
        elif isinstance(node, ast.Name):
            names_folder = names_folder or node.id in FOLDER_NAMES
            caches = caches or node.id in CACHES
        elif isinstance(node, ast.Attribute):
            caches = caches or node.attr in CACHES
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            names_folder = names_folder or any(arg.arg == "root" for arg in node.args.args)
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DEPENDS":
            declared = _strings(node.value)
    return Module(frozenset(imports), declared, dynamic, names_folder, caches)


def _strings(node: ast.expr) -> tuple[str, ...]:
    """The patterns of a `DEPENDS`, which must be a plain tuple of strings."""
    value = ast.literal_eval(node)
    if not isinstance(value, tuple) or not all(isinstance(entry, str) for entry in value):
        raise ValueError(f"DEPENDS must be a tuple of strings, not {value!r}")
    return value


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    base = parents[: len(parents) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def environment() -> str:
    """Digest of the interpreter, the installed packages, the CPU and variables tests look at."""
    installed = sorted(
        path.name for path in Path(sysconfig.get_paths()["purelib"]).glob("*.dist-info")
    )
    flags = ""
    if Path("/proc/cpuinfo").is_file():
        found = re.search(r"^flags.*$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        flags = found[0] if found else ""
    variables = [f"{name}={os.environ.get(name, '')}" for name in VARIABLES]
    return sha(sys.version, platform.node(), platform.machine(), flags, *installed, *variables)


class Tree:
    """The files of a project as they are now; digests and parsed modules are computed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._digests: dict[str, str] = {}
        self._modules: dict[str, Module] = {}
        self._closures: dict[str, frozenset[str]] = {}
        self._matches: dict[str, frozenset[str]] = {}

    @cached_property
    def files(self) -> frozenset[str]:
        """Every file of the project that is not built or ignored, by its path from the root."""
        command = ["git", "-C", str(self.root), "ls-files", "-z", "-co", "--exclude-standard"]
        try:
            listed = subprocess.run(command, capture_output=True, text=True)
        except OSError:  # no git on this machine
            return self._walk()
        if listed.returncode:
            return self._walk()
        names = [name for name in listed.stdout.split("\0") if name]
        return frozenset(name for name in names if (self.root / name).is_file())

    def _walk(self) -> frozenset[str]:
        names = []
        for folder, below, files in os.walk(self.root):
            below[:] = [name for name in below if name not in SKIPPED]
            names += [os.path.relpath(os.path.join(folder, name), self.root) for name in files]
        return frozenset(Path(name).as_posix() for name in names if not name.endswith(".pyc"))

    def signature(self) -> str:
        """Changes when any file is written, added or removed; reads no file."""
        rows = []
        now = Tree(self.root)
        for name in sorted(now.files | now.matching("_build/html/**")):
            status = (self.root / name).stat()
            rows.append(f"{name} {status.st_mtime_ns} {status.st_size}")
        return sha(*rows)

    def digest(self, name: str) -> str:
        if name not in self._digests:
            path = self.root / name
            data = path.read_bytes() if path.is_file() else b"missing"
            self._digests[name] = hashlib.sha256(data).hexdigest()
        return self._digests[name]

    def matching(self, pattern: str) -> frozenset[str]:
        """Files whose path matches a pattern, in which a star also stands for slashes."""
        if pattern not in self._matches:
            if pattern.startswith("_build/"):
                paths = self.root.glob(pattern + "/*" if pattern.endswith("**") else pattern)
                names = [path.relative_to(self.root).as_posix() for path in paths if path.is_file()]
            else:
                names = [name for name in self.files if fnmatchcase(name, pattern)]
            self._matches[pattern] = frozenset(names)
        return self._matches[pattern]

    def module(self, name: str) -> Module:
        if name not in self._modules:
            dotted = _dotted(name)
            package = ".".join(dotted if name.endswith("__init__.py") else dotted[:-1])
            source = (self.root / name).read_text(encoding="utf-8")
            try:
                self._modules[name] = parse(source, package)
            except SyntaxError:  # its import fails, and so does every test that needs it
                self._modules[name] = Module(frozenset(), None, False, True, True)
        return self._modules[name]

    def closure(self, name: str) -> frozenset[str]:
        """The module, the conftest files above it and every module of the project they import."""
        if name not in self._closures:
            reached: set[str] = set()
            queue = [name, *self._conftests(name)]
            while queue:
                current = queue.pop()
                if current not in reached:
                    reached.add(current)
                    queue += self._neighbors(current)
            self._closures[name] = frozenset(reached)
        return self._closures[name]

    def imported(self, source: str) -> frozenset[str]:
        """The modules of the project that a piece of Python imports, and what those import."""
        paths = [path for dotted in parse(source, "").imports for path in self._located(dotted)]
        return frozenset().union(*(self.closure(path) for path in paths))

    def _conftests(self, name: str) -> list[str]:
        folders = [folder.as_posix() for folder in Path(name).parents]
        names = [f"{folder}/conftest.py".removeprefix("./") for folder in folders]
        return [conftest for conftest in names if (self.root / conftest).is_file()]

    def _neighbors(self, name: str) -> list[str]:
        module = self.module(name)
        neighbors = [path for dotted in module.imports for path in self._located(dotted)]
        neighbors += self._located(".".join(_dotted(name)))
        if module.dynamic and module.declared is None:
            rooms = "code/" if name.startswith("tests/") else "/".join(name.split("/")[:2]) + "/"
            neighbors += [
                path for path in self.files if path.startswith(rooms) and path.endswith(".py")
            ]
        return neighbors

    def _located(self, dotted: str) -> list[str]:
        """The files that importing a dotted name runs, its packages included."""
        paths = []
        parts = dotted.split(".")
        for base in ("code/", ""):
            for length in range(1, len(parts) + 1):
                stem = base + "/".join(parts[:length])
                paths += [f"{stem}.py", f"{stem}/__init__.py"]
        return [path for path in paths if path in self.files]

    def scope(self, name: str, marked: tuple[str, ...] = ()) -> Scope:
        """What a test in the file `name` depends on; `marked` are patterns of its own marker."""
        modules = self.closure(name)
        patterns = list(marked)
        certain = True
        for path in modules:
            module = self.module(path)
            patterns += module.declared or ()
            if module.declared is None and path.startswith("tests/"):
                certain = certain and not module.names_folder
        files = {*modules, *COMMON, *self.matching("tests/reuse/*")}
        for pattern in patterns:
            files |= self.matching(pattern)
        files |= {path for path in self.files if self._lies_beside(path, modules)}
        return Scope(frozenset(files), tuple(patterns), certain or bool(marked))

    @staticmethod
    def _lies_beside(path: str, modules: frozenset[str]) -> bool:
        """Whether a data file lies in a package of `code/` of which a module is used."""
        if path.endswith(".py") or not path.startswith("code/"):
            return False
        return any(
            f"{folder.as_posix()}/__init__.py" in modules for folder in Path(path).parents[:-2]
        )

    @cached_property
    def environment(self) -> str:
        lock = self.root / "node_modules" / ".package-lock.json"
        return sha(environment(), lock.read_text(encoding="utf-8") if lock.is_file() else "")

    def key(self, test: str, scope: Scope) -> str:
        """Digest of a test's name and the bytes of all that it depends on."""
        rows = [f"{name} {self.digest(name)}" for name in sorted(scope.files)]
        return sha(test, self.environment, *rows)

    def whole(self) -> Scope:
        """The scope of a test about which nothing is certain: the project and its site."""
        return Scope(self.files | self.matching("_build/html/**"), ("*",), True)


def _dotted(name: str) -> list[str]:
    parts = name.removesuffix(".py").removeprefix("code/").split("/")
    return parts[:-1] if parts[-1] == "__init__" else parts
