"""The book, or some of its chapters, as one PDF: printed by Chromium, joined by pypdf.

Each chapter is printed by itself, with the page numbers that follow those of the one before, so
that a browser never holds the whole book. Cover and contents come last, when the numbers are known.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from clikit.errors import Exit, UserError
from lxml import html

from press.config import Project
from press.site import context
from press.site.export import joining
from press.site.export.joining import Sheet
from press.site.export.plain import article
from press.source import toc

PAPERS = ("A4", "Letter")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ANSWERS = ("solution", "hint", "flashcard")
TIMEOUT_S = 300  # of one chapter
LITTLE = 0.25  # of a page: a chapter that ends with no more is set tighter, if that saves the page
TIGHT = """<style>@media print {
article { line-height: 1.46; } article h2 { margin-top: 1.5rem; } figure { margin: .8rem 0; }
}</style>"""
MARGINS_PT = (45, 51)  # above and below the text, as in print.css
FRONT = """
<style>
@page { @bottom-center { content: none; } }
.cover { padding-top: 35%%; break-after: page; text-align: center; }
.cover h1 { font-size: 3rem; }
.part { margin: 1.2rem 0 .3rem; font-weight: 600; break-after: avoid; }
.line { display: flex; gap: .5rem; color: inherit; text-decoration: none; line-height: 1.7; }
.line i { flex: 1; border-bottom: 1px dotted #999; transform: translateY(-.45em); }
</style>
<article><div class="cover"><h1>%s</h1><p>%s</p><p>© %s</p></div><h2>Contents</h2>%s</article>"""


@dataclass(frozen=True)
class Printer:
    """How pages are printed."""

    project: Project
    browser: str
    paper: str = "A4"
    answers: bool = False  # print solutions, hints and answers of cards, which readers unfold
    folder: Path = field(default_factory=Path)  # for files on the way

    def sheet(self, entry: toc.Entry, first: int) -> Sheet:
        """Print one chapter; its pages are numbered from `first` on."""
        page = self.project.site / f"{entry.slug}.html"
        tree = article(page.read_text(encoding="utf-8"))
        _unfold(tree, self.answers)
        _absolute(tree, page.as_uri())
        for heading in tree.find_class("headerlink"):
            heading.drop_tree()
        title = next(tree.iter("h1")).text_content().strip()
        count = f"@page :first {{ counter-increment: page {first}; }}"
        body = f"<style>{count}</style>{html.tostring(tree, encoding='unicode')}"
        file = self.shortest(entry.slug.replace("/", "-"), title, body)
        return Sheet(entry.slug, title, entry.part, file, first, _count(file))

    def shortest(self, name: str, title: str, body: str) -> Path:
        """Print a chapter, and once more if its last page is nearly empty and that saves it."""
        file = self.print(name, title, body)
        if _count(file) == 1 or filled(file) > LITTLE:
            return file
        tight = self.print(f"{name}-tight", title, TIGHT + body)
        return tight if _count(tight) < _count(file) else file

    def print(self, name: str, title: str, body: str) -> Path:
        """Print the body of a document and return the PDF."""
        style = (self.project.site / "_static" / "book.css").as_uri()
        text = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f'<title>{escape(title)}</title><link rel="stylesheet" href="{style}">'
            f"<style>@page {{ size: {self.paper}; }}</style></head><body>{body}</body></html>"
        )
        source = self.folder / f"{name}.html"
        source.write_text(text, encoding="utf-8")
        target = source.with_suffix(".pdf")
        command = [
            self.browser,
            "--headless",
            "--disable-gpu",
            "--no-pdf-header-footer",
            "--generate-pdf-document-outline",
            "--force-color-profile=srgb",
            f"--user-data-dir={self.folder / 'profile'}",
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # as root, Chromium refuses to start with one
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        if not target.is_file():
            reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise UserError(
                f"{self.browser} printed no PDF of {name}: {reason}",
                "try another browser: --browser PATH",
                Exit.ENVIRONMENT,
            )
        return target


def browser(path: str | None = None) -> str:
    """The Chromium to print with: the one at `path`, or one that is installed."""
    wanted = (path,) if path else BROWSERS
    names = [shutil.which(name) for name in wanted]
    if sys.platform == "darwin" and not path:
        names.append(str(MAC) if MAC.is_file() else None)
    installed = next(filter(None, names), None)
    if installed:
        return installed
    raise UserError(
        f"there is no browser at {path}" if path else "Chromium is not installed, and it prints",
        "install Chromium or Chrome (Debian: apt install chromium; macOS: brew install --cask "
        "chromium), or name one: --browser PATH",
        Exit.ENVIRONMENT,
    )


def make(
    project: Project,
    slugs: list[str],
    printer: Callable[[Path], Printer],
    tell: Callable[[str], object] = print,
) -> Path:
    """Print these pages into one file below `_build/pdf`; a whole book gets cover and contents."""
    from pypdf import PdfWriter

    entries = toc.entries(project)
    chosen = [entry for entry in entries if entry.slug in slugs]
    _require_site(project, chosen)
    is_whole = len(chosen) == len(entries)
    name = "book" if is_whole else "-".join(slug.replace("/", "-") for slug in slugs)
    with tempfile.TemporaryDirectory() as folder:
        how = printer(Path(folder))
        sheets: list[Sheet] = []
        for entry in chosen:
            first = sheets[-1].first + sheets[-1].pages if sheets else 1
            sheets.append(how.sheet(entry, first))
            tell(f"  printed {entry.slug}: {sheets[-1].pages} pages")
        writer = PdfWriter()
        front = 0
        if is_whole:
            cover = how.print("front", context.title(project), _front(project, sheets))
            front = _count(cover)
            writer.append(str(cover), import_outline=False)
        joining.append(writer, sheets, front)
        joining.relink(writer, project, {sheet.slug: front + sheet.first - 1 for sheet in sheets})
        _describe(writer, project, sheets, is_whole)
        target = project.build / "pdf" / f"{name}{'-with-solutions' if how.answers else ''}.pdf"
        target.parent.mkdir(parents=True, exist_ok=True)
        writer.write(target)
    return target


def _require_site(project: Project, entries: list[toc.Entry]) -> None:
    for entry in entries:
        if not (project.site / f"{entry.slug}.html").is_file():
            raise UserError(
                f"the site has no page {entry.slug}", "make book, then print", Exit.USAGE
            )


def _unfold(tree: Any, answers: bool) -> None:
    """Open what the reader asked for, and load images at once: nobody scrolls."""
    for box in tree.iter("details"):
        if answers and not {*ANSWERS}.isdisjoint(box.get("class", "").split()):
            box.set("open", "")
    for image in tree.iter("img"):
        image.attrib.pop("loading", None)


def _absolute(tree: Any, address: str) -> None:
    """Absolute addresses, but for places of the page itself: anchors, and drawings in use."""
    tree.make_links_absolute(address)
    for link in tree.xpath("//*[@href]"):
        link.set("href", re.sub(f"^{re.escape(address)}(?=#)", "", link.get("href")))


def _front(project: Project, sheets: list[Sheet]) -> str:
    lines = []
    part = ""
    for sheet in sheets:
        if sheet.part != part:
            part = sheet.part
            lines.append(f'<p class="part">{escape(part)}</p>')
        address = (project.site / f"{sheet.slug}.html").as_uri()
        title = f"<span>{escape(sheet.title)}</span><i></i><span>{sheet.first}</span>"
        lines.append(f'<a class="line" href="{address}">{title}</a>')
    about = (context.title(project), context.author(project), context.rights(project))
    return FRONT % (*map(escape, about), "\n".join(lines))


def _count(file: Path) -> int:
    from pypdf import PdfReader

    return len(PdfReader(file).pages)


def filled(file: Path, number: int = -1) -> float:
    """How far down the text of a page reaches, as a share of the page; 0 for no text."""
    from pypdf import PdfReader

    page = PdfReader(file).pages[number]
    heights: list[float] = []

    def note(text: str, outer: list[float], inner: list[float], *_: Any) -> None:
        if text.strip():
            heights.append(outer[1] * inner[4] + outer[3] * inner[5] + outer[5])

    page.extract_text(visitor_text=note)
    above, below = MARGINS_PT
    room = float(page.mediabox.height) - above - below
    return max((1 - (y - below) / room for y in heights if y >= below), default=0.0)


def _describe(writer: Any, project: Project, sheets: list[Sheet], is_whole: bool) -> None:
    """Title and author; no clock, so that equal books are equal files."""
    title = context.title(project)
    if not is_whole:
        title = f"{', '.join(sheet.title for sheet in sheets)} ({title})"
    writer.metadata = {
        "/Title": title,
        "/Author": context.author(project),
        "/Creator": "press pdf",
    }
    writer.page_mode = "/UseOutlines"
    writer.create_viewer_preferences().display_doctitle = True
    writer.compress_identical_objects()
