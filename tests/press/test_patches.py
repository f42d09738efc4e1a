"""Changes to other packages are made only to versions for which they were checked."""

from __future__ import annotations

import ast
import re
from importlib import metadata
from pathlib import Path

import pytest
from clikit.errors import Exit, UserError
from press import patches


@pytest.mark.parametrize("patch", patches.ALL, ids=lambda patch: patch.package)
def test_the_pinned_version_is_known(patch):
    patch.require()


@pytest.mark.parametrize("patch", patches.ALL, ids=lambda patch: patch.package)
def test_the_next_release_that_is_not_known_is_refused(patch, monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda package: f"{patch.below}.0")
    with pytest.raises(UserError) as caught:
        patch.require()
    assert f"{patch.package} {patch.below}.0 is installed" in caught.value.what
    assert "code/press/patches.py" in caught.value.fix
    assert caught.value.code is Exit.ENVIRONMENT


@pytest.mark.parametrize("patch", patches.ALL, ids=lambda patch: patch.package)
def test_each_names_its_issue_or_says_that_none_was_found(patch):
    assert patch.issue == patches.NONE or re.search(r"[\w-]+/[\w-]+#\d+", patch.issue)


def private_parts(path: Path, own: set[str]) -> set[str]:
    """Attributes and methods of others that begin with an underscore, in one module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    called = {
        node.attr
        for node in attributes
        if isinstance(node.value, ast.Call)  # super()._name
    }
    foreign = {node.attr for node in attributes} - own
    return {name for name in foreign | called if re.match("_[a-z]", name)}


def test_private_parts_of_other_packages_are_used_where_their_version_is_checked():
    root = Path(patches.__file__).parent
    sources = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    own = {
        name
        for text in sources.values()
        for names in re.findall(r"def (\w+)|class (\w+)|self\.(\w+)\b[^=\n]*=|^(\w+) =", text)
        for name in names
    }
    python = {"_exit", "_getframe", "_inst"}  # of os, sys and random
    used = {path: private_parts(path, own) - python for path in sources}
    users = {path for path, names in used.items() if names}
    assert {"kernels.py", "incremental.py", "translator.py"} <= {path.name for path in users}
    parts = "load_mime_renders", "translation_handlers", "sphinx_exercise_registry"
    users |= {path for path, text in sources.items() if any(part in text for part in parts)}
    checked = re.compile(r"patches\.[A-Z_]+")
    assert [path.name for path in users if not checked.search(sources[path])] == []


def test_an_older_release_is_refused(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda package: "0.0.1")
    with pytest.raises(UserError):
        patches.KATEX.require()


def test_an_unknown_version_can_be_tried(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda package: "99")
    monkeypatch.setenv(patches.OVERRIDE, "1")
    patches.KERNELS.require()


def test_formatting_is_patched_once_however_often_it_is_asked_for():
    from pybtex.style.formatting import BaseStyle

    patches.bibliography()
    first = BaseStyle.format_entry
    patches.bibliography()
    assert BaseStyle.format_entry is first


def test_an_entry_is_formatted_again_when_it_changes():
    from pybtex.database import Entry
    from pybtex.plugin import find_plugin

    patches.bibliography()
    style = find_plugin("pybtex.style.formatting", "plain")()
    texts = []
    for title in ("One", "Two"):
        entry = Entry("misc", fields={"title": title})
        entry.key = "key"
        texts.append(style.format_entry("1", entry).text.render_as("text"))
    assert ["One" in texts[0], "Two" in texts[1]] == [True, True]
