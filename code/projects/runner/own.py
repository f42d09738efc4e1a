"""A module of the reader's own as a project: found, imported and checked.

`python -m projects run my.module` trains the task of a module that Python finds from the current
folder. It needs three names; two more are used where they exist:

Settings  a dataclass that extends `projects.runner.settings.Settings`
PRESETS   named settings: {"smoke": {"steps": 40}}
build     function of the settings, and of a checkpoint's `state` or None, that returns a `Task`
Sample    a dataclass, the options of `sample`
SUMMARY   one line

Training, resuming and sampling import the module, so they run its code: as with any program, from
a folder that you trust. Read with `book/capstones/runner.md`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, make_dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from clikit.errors import Exit, UserError, nearest
from torch import nn

from projects.runner.settings import Settings, check_types
from projects.runner.task import Task

BOOK = Path(__file__).resolve().parents[1]  # the book's own tasks, which the commit names
KINDS = (int, float, bool, str)  # of settings and options: what --set can write
NO_OPTIONS = make_dataclass("Sample", [], frozen=True)


def load(name: str, projects: Sequence[str]) -> ModuleType:
    """The module `name`, with everything a project needs.

    Parameters
    ----------
    name : dotted name of a module, found from the current folder as `python -m` finds it
    projects : names of the projects, for the suggestion when there is no such module

    Raises
    ------
    UserError
        When it is not found, raises while it is imported, or lacks a part.
    """
    if not all(part.isidentifier() for part in name.split(".")) or name.endswith(".py"):
        raise _not_a_name(name, projects)
    package, _, project = name.rpartition(".")
    if package == "projects" and project in projects:
        raise UserError(f"{name!r} is a project", f"name it {project!r}", Exit.USAGE)
    here = str(Path.cwd())
    if not sys.flags.safe_path and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)  # where `python -m` looks first
    module = _imported(name, projects)
    _check(module, f"the module {name!r} ({getattr(module, '__file__', None) or 'a folder'})")
    return module


def _not_a_name(name: str, projects: Sequence[str]) -> UserError:
    """The error of a path, or of a word that no module can have for a name."""
    path = Path(name)
    if path.suffix == ".py":
        parts = path.with_suffix("").parts
        inside = all(part.isidentifier() for part in parts)
        folder = "this folder" if inside else str(path.parent)
        return UserError(
            f"{name!r} is a file, not the name of a module",
            f"in {folder}, name the module: {'.'.join(parts) if inside else path.stem}",
            Exit.USAGE,
        )
    return UserError(
        f"there is no project {name!r}{nearest(name, projects)}",
        f"choose one of: {', '.join(projects)}; or name a module, such as my_task or my.task",
        Exit.USAGE,
    )


def _imported(name: str, projects: Sequence[str]) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not (name == missing or name.startswith(f"{missing}.")):
            raise _failed(name, error) from error  # a module that it imports
        raise _not_found(name, projects) from None
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error


def _not_found(name: str, projects: Sequence[str]) -> UserError:
    """The error of a name without a module: the nearest project, or module beside it."""
    parent = name.rpartition(".")[0]
    if parent:
        prefix = f"{parent}."
        beside = [f"{prefix}{other}" for other in _names(_folders(parent))]
    else:
        beside = [*projects, *_names([str(Path.cwd())])]
    close = nearest(name, beside)
    kind = "module" if parent else "project"
    return UserError(
        f"there is no {kind} {name!r}{close}",
        f"choose one of: {', '.join(projects)}; or name a module of your own: no "
        f"{name.replace('.', '/')}.py was found from this folder, {Path.cwd()}",
        Exit.USAGE,
    )


def _folders(package: str) -> list[str]:
    """Where a package that can be imported has its modules; empty without one."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    return list(spec.submodule_search_locations or []) if spec else []


def _names(folders: list[str]) -> list[str]:
    return [found.name for found in pkgutil.iter_modules(folders)]


def _failed(name: str, error: BaseException) -> UserError:
    """The error of a module that raised while it was imported: what, and in which line."""
    text = traceback.format_exception_only(error)[-1].strip()
    return UserError(
        f"the module {name!r} cannot be imported: {text}{_place(error)}",
        f"correct it until this works: python -c 'import {name}'",
        Exit.USAGE,
    )


def _place(error: BaseException) -> str:
    """File and line in parentheses; empty where only the import system's code was running."""
    if isinstance(error, SyntaxError):
        return f" ({error.filename}, line {error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if "importlib" not in frame.filename and frame.filename != __file__:
            return f" ({frame.filename}, line {frame.lineno})"
    return ""


def _check(module: ModuleType, where: str) -> None:
    """Refuse a module that lacks a part, or has one of another type."""
    missing = [name for name in ("Settings", "PRESETS", "build") if not hasattr(module, name)]
    if missing:
        raise UserError(
            f"{where} has no {', '.join(missing)}",
            "a task needs Settings (a dataclass that extends projects.runner.settings.Settings), "
            'PRESETS ({"smoke": {}}) and build(settings, state=None), which returns a Task',
            Exit.USAGE,
        )
    _check_settings(where, module.Settings)
    _check_presets(where, module)
    if not callable(module.build):
        raise _wrong(where, "build", module.build, "define a function: def build(settings, state)")
    try:
        inspect.signature(module.build).bind(None)
        inspect.signature(module.build).bind(None, None)
    except (TypeError, ValueError):
        raise UserError(
            f"build of {where} does not take the settings alone and the settings with a state",
            "write: def build(settings, state=None)",
            Exit.USAGE,
        ) from None
    sample = getattr(module, "Sample", NO_OPTIONS)
    if not (isinstance(sample, type) and is_dataclass(sample)):
        raise _wrong(where, "Sample", sample, "make it a dataclass, or leave it out")
    _check_fields(where, sample)


def _check_settings(where: str, kind: Any) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Settings)):
        raise _wrong(
            where, "Settings", kind, "write: class Settings(projects.runner.settings.Settings)"
        )
    names = {field.name for field in fields(kind)}
    plain = [name for name in vars(kind).get("__annotations__", {}) if name not in names]
    if plain:
        raise UserError(
            f"Settings of {where} is not a dataclass: {', '.join(plain)} cannot be set",
            "write @dataclass(frozen=True) above the class",
            Exit.USAGE,
        )
    _check_fields(where, kind)


def _check_fields(where: str, kind: type) -> None:
    """Every field has one of the types that --set and run.json can hold, and such a default."""
    for name, hint in get_type_hints(kind).items():
        if hint not in KINDS:
            raise UserError(
                f"{kind.__name__}.{name} of {where} has the type {_name(hint)}",
                "use int, float, bool or str, which --set and run.json can hold",
                Exit.USAGE,
            )
    try:
        check_types(kind())
    except TypeError as error:
        raise UserError(
            f"{kind.__name__} of {where}: {error}",
            "give every field a default of its type",
            Exit.USAGE,
        ) from None


def _check_presets(where: str, module: ModuleType) -> None:
    presets = module.PRESETS
    if not (isinstance(presets, dict) and presets):
        raise _wrong(where, "PRESETS", presets, 'name one preset or more: {"smoke": {}}')
    known = [field.name for field in fields(module.Settings)]
    for preset, values in presets.items():
        if not (isinstance(preset, str) and isinstance(values, dict)):
            raise _wrong(where, f"PRESETS[{preset!r}]", values, 'write: {"smoke": {"steps": 40}}')
        for key in values:
            if key not in known:
                near = nearest(str(key), known)
                raise UserError(
                    f"preset {preset!r} of {where} sets {key!r}, which is not a setting{near}",
                    f"the settings are: {', '.join(known)}",
                    Exit.USAGE,
                )
        try:
            check_types(module.Settings(**values))
        except TypeError as error:
            raise UserError(
                f"preset {preset!r} of {where}: {error}",
                "give the setting a value of its type",
                Exit.USAGE,
            ) from None


def _wrong(where: str, part: str, value: Any, fix: str) -> UserError:
    text = repr(value)
    short = text if len(text) <= 60 else f"{text[:57]}..."
    return UserError(f"{part} of {where} is {short}", fix, Exit.USAGE)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def first_preset(module: ModuleType) -> str:
    """The preset of a run that names none: `laptop`, or the first of a module without it."""
    return "laptop" if "laptop" in module.PRESETS else next(iter(module.PRESETS))


def task(module: ModuleType, settings: Settings, state: dict[str, Any] | None = None) -> Task[Any]:
    """The task that a module builds from settings, and from the state of a checkpoint.

    Raises
    ------
    UserError
        When `build` returns anything but a `Task` with a model.
    """
    built = module.build(settings) if state is None else module.build(settings, state)
    if not isinstance(built, Task):
        raise _wrong(
            f"the module {module.__name__!r}",
            "what build returns",
            built,
            "return an object of a class that extends projects.runner.task.Task",
        )
    if not isinstance(getattr(built, "model", None), nn.Module):
        raise _wrong(
            f"the module {module.__name__!r}",
            f"the model of {type(built).__name__}",
            getattr(built, "model", None),
            "set self.model in __init__ to a torch.nn.Module",
        )
    return built


def options(module: ModuleType) -> Any:
    """The options of `sample` with their defaults; none in a module without `Sample`."""
    return getattr(module, "Sample", NO_OPTIONS)()


def version(task: Task[Any]) -> dict[str, str]:
    """The hash of the file with a task that is not the book's, by the name of its module.

    The commit on a card names the book's own code; a task of the reader's own is named by this. A
    task that was defined in a notebook has no file.
    """
    name = type(task).__module__
    path = getattr(sys.modules.get(name), "__file__", None)
    if name == "__main__" or path is None or Path(path).resolve().is_relative_to(BOOK):
        return {}
    try:
        return {name: sha256(Path(path).read_bytes()).hexdigest()[:12]}
    except OSError:  # in an archive
        return {}
