"""The Anki package holds the cards of the book, with identities that outlive their text."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from press import config
from press.config import EPOCH
from press.site import anki
from press.source import cards

from tests.conftest import ROOT

DEPENDS = ("book/_assets/cards/**", "code/press/**")

PARTS = {"front": "Front", "data": "Data", "learning": "Learning"}
NOTES = [
    anki.Note(
        card, slug, f"Page {slug}", PARTS.get(slug.partition("/")[0], "Other"), f"u#{card.id}"
    )
    for slug, bank in cards.bank(ROOT / "book").items()
    for card in bank
]
SEPARATOR = "\x1f"


def packed(notes: list[anki.Note] = NOTES, time_s: int = int(EPOCH)) -> bytes:
    return anki.package("Book", notes, time_s)


def rows(package: bytes, folder: Path, query: str) -> list[tuple]:
    """What a query answers about the collection inside a package."""
    path = folder / "collection.anki2"
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        path.write_bytes(archive.read("collection.anki2"))
    collection = sqlite3.connect(path)
    try:
        return collection.execute(query).fetchall()
    finally:
        collection.close()


def of_guid(package: bytes, folder: Path) -> dict[str, list[str]]:
    found = rows(package, folder, "SELECT guid, flds FROM notes")
    return {guid: fields.split(SEPARATOR) for guid, fields in found}


@pytest.fixture(scope="module")
def package() -> bytes:
    return packed()


def test_every_card_is_in_the_package_once(package, tmp_path):
    assert {guid: fields[3] for guid, fields in of_guid(package, tmp_path).items()} == {
        note.guid: note.card.id for note in NOTES
    }
    assert rows(package, tmp_path, "SELECT count(*) FROM cards") == [(len(NOTES),)]
    assert len(NOTES) > 250


def test_a_note_has_level_type_and_page_as_tags(package, tmp_path):
    found = dict(rows(package, tmp_path, "SELECT guid, tags FROM notes"))
    for note in NOTES:
        tags = found[note.guid].split()
        assert f"level::{note.card.level}" in tags
        assert f"type::{note.card.type}" in tags
        assert f"page::{note.slug}" in tags


def test_each_part_has_a_deck_inside_that_of_the_book(package, tmp_path):
    [(text,)] = rows(package, tmp_path, "SELECT decks FROM col")
    names = {deck["name"] for deck in json.loads(text).values()} - {"Default"}
    assert names == {f"Book::{part}" for part in {note.part for note in NOTES}}


def test_the_number_of_a_deck_does_not_depend_on_its_name(tmp_path):
    query = "SELECT DISTINCT did FROM cards ORDER BY did"
    before = rows(packed(), tmp_path, query)
    renamed = [replace(note, part=f"The {note.part}") for note in NOTES]
    assert rows(packed(renamed), tmp_path, query) == before


def test_the_kind_of_note_keeps_its_number():
    """Another number would give whoever imported the cards before a second kind of note."""
    assert anki.number("model", *anki.FIELDS) == 1_563_572_889


def test_two_packages_of_the_same_cards_are_the_same_bytes(package):
    assert packed() == package


def test_a_changed_answer_keeps_its_identity(package, tmp_path):
    card = replace(NOTES[0].card, answer="Another answer, which is also long enough for a card.")
    changed = of_guid(packed([replace(NOTES[0], card=card), *NOTES[1:]]), tmp_path)
    before = of_guid(package, tmp_path)
    assert changed.keys() == before.keys()
    assert [guid for guid in before if changed[guid] != before[guid]] == [NOTES[0].guid]


def test_a_later_package_has_later_notes(tmp_path):
    """Anki takes over a changed text only then."""
    query = "SELECT DISTINCT mod FROM notes"
    [[former]] = rows(packed(NOTES[:3]), tmp_path, query)
    [[latter]] = rows(packed(NOTES[:3], int(EPOCH) + 60), tmp_path, query)
    assert latter == former + 60


def test_a_note_leads_to_its_card(package, tmp_path):
    fields = of_guid(package, tmp_path)[NOTES[0].guid]
    assert fields[2] == f'<a href="u#{NOTES[0].card.id}">Page {NOTES[0].slug}</a>'


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("A mean of $x<1$ *only*.", r"<p>A mean of \(x&lt;1\) <em>only</em>.</p>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("$$\nx\n$$", r"\[x\]"),
        ("See {doc}`../learning/regularization`.", "<p>See regularization.</p>"),
        ("A {term}`loss <loss function>` falls.", "<p>A loss falls.</p>"),
        ("$a_1*b*c_2$", r"<p>\(a_1*b*c_2\)</p>"),
    ],
)
def test_the_text_of_a_card_becomes_html_with_formulas_for_mathjax(markdown, html):
    assert re.sub(r"</?(?:div|span)[^>]*>|\n", "", anki.html(markdown)) == html


def test_no_formula_of_the_book_is_left_as_dollars():
    left = [note.card.id for note in NOTES if "$" in "".join(note.fields[:2])]
    assert left == []


def test_the_table_has_a_row_for_each_card():
    lines = anki.table("Book", NOTES[:2]).splitlines()
    assert lines[: len(anki.HEAD)] == list(anki.HEAD)
    assert NOTES[0].guid in lines[len(anki.HEAD)]
    assert "Book::" in lines[len(anki.HEAD)]


def test_without_history_the_date_is_fixed(tmp_path):
    project = replace(config.load(ROOT), root=tmp_path)
    assert anki.changed_s(project) == int(EPOCH)


def test_the_date_is_that_of_the_last_commit_of_the_cards():
    assert anki.changed_s(config.load(ROOT)) > int(EPOCH)
