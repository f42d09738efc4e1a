"""Changes to other packages are made only to versions for which they were checked."""

from __future__ import annotations

from importlib import metadata

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
