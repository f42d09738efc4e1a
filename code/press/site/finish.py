"""Assemble the site out of the rendered pages and put it in place in one step.

The new site is written beside the old one and renamed: a reader sees the one or the other, never
a mixture.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

from clikit.files import sha

from press.config import Project
from press.execute.records import Record
from press.site import addresses, explained, figures, fonts, pictures, policy, search, study
from press.site.context import Context, baseurl
from press.site.export import downloads
from press.site.extension import formulas
from press.site.render import raw
from press.source import dates, settings
from press.source.chapter import Chapter
from press.store import Store
from press.supply import licences, wheel

STATIC = Path(__file__).parent / "theme" / "static"
EXTRA_PAGES = ("search", "404")
LISTINGS = ("a11y-high-contrast-light", "a11y-high-contrast-dark")
IMAGE = re.compile(r'_images/([^"?#]+)"')


def finish(
    project: Project, pages: list[tuple[Chapter, Record]], store: Store, book: Context
) -> None:
    """Bring `project.site` up to date from the rendered pages."""
    new, old = project.build / "html.new", project.build / "html.old"
    shutil.rmtree(old, ignore_errors=True)
    new.mkdir(parents=True, exist_ok=True)
    placed = Placed(new)
    names = [*(chapter.slug for chapter, _ in pages), *EXTRA_PAGES]
    texts = {name: (raw(project) / f"{name}.html").read_text(encoding="utf-8") for name in names}
    _explained(project, texts, store)
    for name, text in texts.items():
        placed.put(f"{name}.html", formulas.shared(formulas.without_source(text)))
    _images(project, store, placed, texts)
    _scripts(store, placed, texts)
    for name, script in search.files(project, book, pages, texts, store).items():
        placed.put(name, script)
    _styles(project, store, placed, texts)
    _library(project, store, placed)
    for name, text in downloads.files(project, pages, texts, store).items():
        placed.put(name, text)
    chapters = [chapter for chapter, _ in pages]
    for name, content in study.files(project, book, chapters, store, texts).items():
        placed.put(f"_static/{name}", content)
    placed.put(".nojekyll", "")
    for name, text in _addresses(project, pages).items():
        placed.put(name, text)
    placed.put("licences.txt", licences.text(project))
    for name, text in policy.files().items():
        placed.put(name, text)
    placed.tidy()
    if project.site.exists():
        os.replace(project.site, old)
    os.replace(new, project.site)
    if old.exists():  # the next build needs to write only what differs from it
        os.replace(old, new)


def _explained(project: Project, texts: dict[str, str], store: Store) -> None:
    """Let the definitions of the glossary lead to the sections that explain their terms."""
    book = settings.load(project.book)
    if (glossary := book.pages.glossary) in texts:
        pages = {name: search.of_page(text, store)[1] for name, text in texts.items()}
        key = [texts[glossary], pages, book.sections.aside]
        make = partial(explained.complete, glossary, texts[glossary], pages, book.sections.aside)
        texts[glossary] = store.get("explained", sha(key), make)


class Placed:
    """A folder that is brought to a wanted state; only files that differ are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: set[str] = set()

    def put(self, name: str, data: str | bytes) -> None:
        """The file `name` with this content, whatever it held before."""
        content = data.encode() if isinstance(data, str) else data
        path = self.folder / name
        self.names.add(name)
        with suppress(OSError):
            if path.read_bytes() == content:
                return
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def copy(self, source: Path, name: str) -> None:
        """The file `name` with the content of `source`."""
        self.put(name, source.read_bytes())

    def tidy(self) -> None:
        """Remove what was not put there, and folders that are left empty."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in self.names:
                path.unlink()


def _addresses(project: Project, pages: list[tuple[Chapter, Record]]) -> dict[str, str]:
    """The site map and the pages that moved, by name."""
    texts = {chapter.slug: chapter.text for chapter, _ in pages}
    known = addresses.site_map(baseurl(project), list(texts), dates.load(project, texts))
    return {**known, **addresses.moved(settings.load(project.book).redirects)}


def _images(project: Project, store: Store, placed: Placed, texts: dict[str, str]) -> None:
    """The images that the pages name; labels grow on phones, dark ones are made of light ones."""
    folder = raw(project) / "_images"
    shown = {name for text in texts.values() for name in IMAGE.findall(text)}
    twins = {pictures.dark_name(name): name for name in shown}
    for name in sorted(shown):
        light = twins.get(name, name)
        if not light.endswith(".svg"):
            placed.copy(folder / name, f"_images/{name}")
            continue
        svg = pictures.fitted((folder / light).read_text(encoding="utf-8"), store)
        placed.put(f"_images/{name}", svg if light == name else _dark(svg, store).read_bytes())


def _dark(svg: str, store: Store) -> Path:
    return store.file("dark", sha(svg), ".svg", lambda: pictures.dark(svg).encode())


def _scripts(store: Store, placed: Placed, texts: dict[str, str]) -> None:
    """The scripts of the book and of the interactive figures."""
    for asset in ("favicon.svg", "card.png"):
        placed.copy(STATIC / asset, f"_static/{asset}")
    placed.put("_static/book.js", script())
    if any("_static/vega.js" in text for text in texts.values()):
        placed.copy(figures.bundle(store), "_static/vega.js")


def script() -> str:
    """The script of every page: the parts of `theme/static/js` in one function."""
    body = _joined("js", first="core")
    return f'(() => {{\n"use strict";\n{body}\nbegin();\n}})();\n'


def style() -> str:
    """The style sheet of the theme: the parts of `theme/static/css`."""
    return _joined("css", first="base", last="print")


def _joined(kind: str, first: str, last: str = "") -> str:
    """The files of one kind, alphabetically between the first and the last."""
    paths = sorted(
        (STATIC / kind).glob(f"*.{kind}"),
        key=lambda path: (path.stem != first, path.stem == last, path.stem),
    )
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _styles(project: Project, store: Store, placed: Placed, texts: dict[str, str]) -> None:
    """One style sheet, with the common fonts of formulas in it and the rare ones beside it."""
    katex = project.root / "node_modules" / "katex" / "dist"
    used = {
        character
        for text in texts.values()
        for character in store.get("formulas", sha(text), partial(fonts.characters, text))
    }
    css = fonts.sheet(katex) + listings() + style()
    for font in fonts.used(css):
        source = katex / "fonts" / font
        if font in fonts.COMMON:
            cut = fonts.subset(source, "".join(sorted(used)), store)
            css = css.replace(f"url(fonts/{font})", fonts.inline(cut))
        else:
            placed.copy(source, f"_static/fonts/{font}")
    placed.put("_static/book.css", css)


def listings() -> str:
    """The colors of listings, for light pages and for dark ones."""
    from pygments.formatters import HtmlFormatter

    def rules(style: str) -> list[str]:
        lines = HtmlFormatter(style=style).get_token_style_defs(".highlight")
        return [re.sub(r"\s*/\*.*?\*/", "", line) for line in lines]

    light, dark = (rules(style) for style in LISTINGS)
    forced = [f'html[data-theme="dark"] {line}' for line in dark]
    system = [f"html:not([data-theme]) {line}" for line in dark]
    query = "@media screen and (prefers-color-scheme: dark) {"
    return "\n".join([*light, "@media screen {", *forced, "}", query, *system, "}", ""])


def _library(project: Project, store: Store, placed: Placed) -> None:
    """The wheel that downloaded notebooks install."""
    about = wheel.library(project)
    if about:
        placed.copy(wheel.build(project, about, store), f"_static/{about.file}")
