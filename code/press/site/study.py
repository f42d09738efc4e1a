"""What readers study with: the cards for a session, the paths, and the cards to take away.

None of it is in the pages: a script brings each part when it is first used, also from a folder.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from clikit.files import sha

from press.config import Project
from press.site import anki
from press.site.context import Context
from press.source import cards, prose
from press.source.chapter import Chapter
from press.store import Store

FOLDER = Path(__file__).parent / "theme" / "static" / "study"
CARD = "flashcard"
SCHEDULER = ("node_modules", "ts-fsrs")
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*\n?", re.MULTILINE)


def files(
    project: Project, book: Context, chapters: list[Chapter], store: Store, texts: dict[str, str]
) -> dict[str, str | bytes]:
    """Name below `_static` -> content; nothing for a book without paths and cards."""
    wanted: dict[str, str | bytes] = {}
    if book.paths:
        wanted["reading.js"] = _script("reading", reading(book))
    if not any(CARD in text for text in texts.values()):
        return wanted
    wanted["study.js"] = scheduler(project) + session()
    for slug, text in texts.items():
        page = store.get("study", sha(text), partial(rendered, text))
        if page:
            wanted[f"cards/{slug}.js"] = _script("cards", page, slug)
    taken = notes(project, book, chapters)
    key = [[note.fields, note.tags, note.part] for note in taken]
    time_s = anki.changed_s(project)
    packed = store.file(
        "anki", [book.title, key, time_s], ".apkg", lambda: anki.package(book.title, taken, time_s)
    )
    wanted["cards.apkg"] = packed.read_bytes()
    wanted["cards.tsv"] = anki.table(book.title, taken)
    return wanted


def reading(book: Context) -> dict[str, Any]:
    """The paths, and of each page the minutes to read and to practice, and its cards."""
    minutes = {slug: [fact.minutes, fact.practice, fact.cards] for slug, fact in book.facts.items()}
    return {"paths": book.paths, "minutes": minutes}


def rendered(text: str) -> dict[str, dict[str, str]]:
    """Question and answer of each card of a page, by id, as the page shows them."""
    from lxml import html

    found: dict[str, dict[str, str]] = {}
    if CARD not in text:
        return found
    for box in html.fromstring(text).find_class(CARD):
        summary = box.find("summary")
        for extra in [*summary.find_class("card-level"), *box.find_class("headerlink")]:
            extra.drop_tree()
        found[box.get("id").removeprefix("card-")] = {
            "question": "".join([summary.text or "", *map(_markup, summary)]),
            "answer": "".join(map(_markup, summary.itersiblings())).strip(),
        }
    return found


def notes(project: Project, book: Context, chapters: list[Chapter]) -> list[anki.Note]:
    """The cards of all pages, in the order of the book."""
    parts = {entry.slug: entry.part for entry in book.entries}
    bank = cards.bank(project.book)
    return [
        anki.Note(
            card, chapter.slug, title(chapter), parts[chapter.slug], _url(book, chapter, card)
        )
        for chapter in chapters
        for card in bank.get(chapter.slug, [])
    ]


def title(chapter: Chapter) -> str:
    """The title of a page, as plain text."""
    heads = (line.text for line in chapter.prose.lines if line.heading == 1)
    return prose.plain(next(heads, chapter.slug)).lstrip("# ").strip()


def scheduler(project: Project) -> str:
    """The script of ts-fsrs, which says when a card is due."""
    path = project.root.joinpath(*SCHEDULER, "dist", "index.umd.js")
    return SOURCE_MAP.sub("", path.read_text(encoding="utf-8"))


def session() -> str:
    """The script of ratings and sessions, which follows the scheduler."""
    parts = sorted(FOLDER.glob("*.js"))
    body = "\n".join(path.read_text(encoding="utf-8") for path in parts)
    return f'(() => {{\n"use strict";\n{body}\n}})();\n'


def _script(name: str, data: Any, *keys: str) -> str:
    """A script that puts `data` where `book.js` looks for it."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    place = "".join(f"[{json.dumps(key)}]" for key in keys)
    return f"(window.bookData ??= {{}}).{name} ??= {{}};\nwindow.bookData.{name}{place} = {body};\n"


def _markup(element: Any) -> str:
    from lxml import html

    return html.tostring(element, encoding="unicode")


def _url(book: Context, chapter: Chapter, card: cards.Card) -> str:
    return f"{book.baseurl}/{chapter.slug}.html#card-{card.id}" if book.baseurl else ""
