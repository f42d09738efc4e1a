r"""The cards as an Anki package and as a table; the same cards give the same bytes.

A note keeps its identity, `guid`, when its text changes, so that whoever imports a newer package
keeps the schedule. Anki takes over a changed text when the note's date is newer: that date is the
one of the last commit that changed the cards. Formulas become `\( \)` and `\[ \]`, which Anki sets
with MathJax.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from clikit.files import sha

from press.config import EPOCH, Project
from press.source.cards import Card

if TYPE_CHECKING:
    import genanki

# their names give the kind of note its number: with another field, a reader who imports the cards
# again gets a second kind of note
FIELDS = ("Question", "Answer", "Page", "Card")
HEAD = ("#separator:tab", "#html:true", "#guid column:1", "#deck column:2", "#tags column:6")
ROLE = re.compile(r"\{[\w:-]+\}`([^`<]*?)\s*(?:<([^`>]*)>)?`")
STYLE = ".card { font: 20px/1.5 sans-serif; text-align: left; } .page { font-size: 14px; }"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Note:
    """A card with its place in the book."""

    card: Card
    slug: str  # of its page
    page: str  # title of its page
    part: str  # caption of the part
    url: str = ""  # of the card on the published site, empty where there is none

    @property
    def guid(self) -> str:
        """What identifies the note in every package, whatever its text."""
        return sha(["note", self.card.id])[:16]

    @property
    def fields(self) -> list[str]:
        """The values of `FIELDS`, as HTML."""
        page = escape(self.page)
        link = f'<a href="{escape(self.url)}">{page}</a>' if self.url else page
        return [html(self.card.question), html(self.card.answer), link, escape(self.card.id)]

    @property
    def tags(self) -> list[str]:
        """Level, type and page, and the tags of the card itself."""
        card = self.card
        return [f"level::{card.level}", f"type::{card.type}", f"page::{self.slug}", *card.tags]


def number(*names: str) -> int:
    """The number by which Anki knows a deck or a kind of note; the same in every build."""
    return 2**30 + int(sha(list(names))[:8], 16) % 2**30


def deck_name(title: str, part: str) -> str:
    """The deck of a part, inside the deck of the book."""
    return f"{title}::{part}" if part else title


def package(title: str, notes: Sequence[Note], time_s: int) -> bytes:
    """The `.apkg` file of a book with this title; its notes are dated `time_s`."""
    import genanki

    decks: dict[str, genanki.Deck] = {}
    model = _model(title)
    for note in notes:
        part = note.slug.partition("/")[0]
        if part not in decks:
            decks[part] = genanki.Deck(number("deck", part), deck_name(title, note.part))
        decks[part].add_note(
            genanki.Note(model=model, fields=note.fields, tags=note.tags, guid=note.guid)
        )
    packed = io.BytesIO()
    genanki.Package(list(decks.values())).write_to_file(packed, timestamp=time_s)
    return _fixed(packed)


def table(title: str, notes: Sequence[Note]) -> str:
    """The cards as tab-separated values, with the header lines that Anki reads."""
    text = io.StringIO()
    text.writelines(f"{line}\n" for line in HEAD)
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    for note in notes:
        question, answer, page, _ = note.fields
        deck = deck_name(title, note.part)
        writer.writerow([note.guid, deck, question, answer, page, " ".join(note.tags)])
    return text.getvalue()


def changed_s(project: Project) -> int:
    """When the cards changed last, in seconds; a fixed date where there is no history."""
    folder = str(project.book / "_assets" / "cards")
    command = ["git", "-C", str(project.root), "log", "-1", "--format=%ct", "--", folder]
    try:
        git = subprocess.run(command, capture_output=True, text=True)
    except OSError:  # no git on this machine
        return int(EPOCH)
    return int(git.stdout) if git.returncode == 0 and git.stdout.strip() else int(EPOCH)


def html(markdown: str) -> str:
    """The text of a card as HTML."""
    return _parser().render(ROLE.sub(_text_of_role, markdown)).strip()


def _text_of_role(role: re.Match[str]) -> str:
    """The words that a role shows, or the last part of the name that it refers to."""
    return role[1].rpartition("/")[2].replace("-", " ") if "/" in role[1] else role[1]


@lru_cache(maxsize=1)
def _parser() -> Any:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    def mathjax(formula: str, options: dict[str, Any]) -> str:
        left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
        return f"{left}{escape(formula.strip(), quote=False)}{right}"

    parser = MarkdownIt("commonmark").enable("table")
    return parser.use(dollarmath_plugin, renderer=mathjax, allow_labels=False)


def _model(title: str) -> genanki.Model:
    import genanki

    template = {
        "name": "Card",
        "qfmt": "{{Question}}",
        "afmt": '{{FrontSide}}<hr id="answer">{{Answer}}<p class="page">{{Page}}</p>',
    }
    return genanki.Model(
        number("model", *FIELDS),
        f"{title}: question and answer",
        fields=[{"name": name} for name in FIELDS],
        templates=[template],
        css=STYLE,
    )


def _fixed(packed: io.BytesIO) -> bytes:
    """The same archive with one date, whatever the clock said when its files were written."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(fixed, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, ZIP_DATE)
            new.writestr(entry, old.read(name), zipfile.ZIP_DEFLATED)
    return fixed.getvalue()
