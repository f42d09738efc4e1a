"""Make the site out of the raw pages and put it in place in one step.

Pages are made anew only when their raw form or what they know of the rest has changed. The finished
site is assembled beside the old one and renamed: a reader sees the one or the other, never a mixture.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import yaml
from lxml import html

from press.config import Project, commit
from press.execute.records import Record
from press.files import read_json, sha, write_atomic, write_json
from press.site import facts, fonts, interactive, notebooks, policy, reports, styles
from press.site.page import Context
from press.site.page import finish as finish_page
from press.site.render import raw, titles
from press.source import cards, kinds, settings, toc
from press.source.chapter import Chapter
from press.store import Store, file_digest
from press.supply import licences, wheel

THEME = Path(__file__).parent / "theme"
EXTRA_PAGES = ("search",)
SCRIPTS = (
    "documentation_options.js",
    "doctools.js",
    "sphinx_highlight.js",
    "clipboard.min.js",
    "copybutton.js",
    "scripts/sphinx-book-theme.js",
    "scripts/bootstrap.js",
    "scripts/pydata-sphinx-theme.js",
)
# The theme asks every listing for its width as the page opens, which lays out all that is off the screen; book.js asks those that come near it.
MEASURES_ALL = '["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",".pst-scrollable-table-container"]'
STYLES = (
    "styles/theme.css",
    "basic.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "mystnb.*.css",
    "copybutton.css",
    "exercise.css",
    "proof.css",
)


def finish(project: Project, pages: list[tuple[Chapter, Record]], store: Store) -> None:
    """Bring `project.site` up to date from the raw pages."""
    drawn = project.work / "pictures" / store.base  # another press draws other pictures
    context = _context(project, pages, drawn)
    press = [
        sha(path.read_text(encoding="utf-8")) for path in sorted(Path(__file__).parent.glob("*.py"))
    ]
    known: dict = read_json(project.work / "finish.json") or {}
    now: dict[str, dict] = {}
    texts: dict[str, str] = {}
    for name in [chapter.slug for chapter, _ in pages] + list(EXTRA_PAGES):
        source = (raw(project) / f"{name}.html").read_text(encoding="utf-8")
        key, done = (
            sha(
                [
                    press,
                    store.base,
                    source,
                    _svgs(source, context),
                    _known_to(name, source, context),
                ]
            ),
            project.work / "pages" / f"{name}.html",
        )
        if (
            known.get(name, {}).get("key") == key
            and done.is_file()
            and sha(text := done.read_text(encoding="utf-8")) == known[name]["digest"]
        ):
            now[name], texts[name] = known[name], text
            continue
        page = finish_page(name, source, context)
        write_atomic(done, page.text)
        texts[name] = page.text
        now[name] = {
            "key": key,
            "digest": sha(page.text),
            "images": sorted(page.images),
            "drawn": sorted(page.drawn),
            "words": sorted(styles.vocabulary(page.text)),
            "math": fonts.characters(page.text),
        }
    write_json(project.work / "finish.json", now)
    _assemble(project, pages, texts, now, drawn, context)


def _svgs(source: str, context: Context) -> list[str]:
    """Digests of the drawings of a page: each has a twin for dark pages."""
    names = sorted(set(re.findall(r'_images/([^"/]+\.svg)"', source)))
    return [file_digest(context.raw / "_images" / name) for name in names]


def _known_to(name: str, source: str, context: Context) -> dict:
    """What a page depends on beside its own text: the facts of other pages only where it has a place for them."""
    whole = "data-press=" in source
    facts = {slug: asdict(fact) for slug, fact in context.facts.items() if whole or slug == name}
    known = {
        "titles": context.titles,
        "facts": facts,
        "definitions": context.definitions,
        "repository": context.repository,
        "branch": context.branch,
        "baseurl": context.baseurl,
        "title": context.title,
        "entries": [asdict(e) for e in context.entries],
    }
    return (
        {
            **known,
            "totals": context.totals,
            "checks": context.checks,
            "machines": [asdict(m) for m in context.machines],
            "versions": context.versions,
            "paths": context.paths,
        }
        if whole
        else known
    )


def _context(project: Project, pages: list[tuple[Chapter, Record]], drawn: Path) -> Context:
    config = yaml.safe_load((project.root / "_config.yml").read_text(encoding="utf-8"))
    entries = toc.entries(project)
    parts = {entry.slug: entry.part for entry in entries}
    known = {
        chapter.slug: facts.of(project, parts[chapter.slug], chapter, record)
        for chapter, record in pages
    }
    repository = config.get("repository", {})
    return Context(
        title=config["title"],
        entries=entries,
        titles=titles(project),
        facts=known,
        totals=facts.totals(list(known.values()), project),
        checks=reports.checks(project, list(known.values())),
        machines=reports.machines(project),
        paths=_paths(project, [chapter for chapter, _ in pages]),
        versions=_versions(project),
        definitions=_definitions(project),
        repository=repository.get("url", ""),
        branch=repository.get("branch", "main"),
        baseurl=config.get("html", {}).get("baseurl", ""),
        raw=raw(project),
        images=drawn,
    )


def _paths(project: Project, chapters: list[Chapter]) -> list[dict]:
    """The reading paths, by the front matter of the pages and in their order."""
    book = settings.load(project.book)
    fronts = [
        (chapter.slug, kinds.front_matter(chapter.source.get("metadata", {}), book))
        for chapter in chapters
    ]
    return kinds.reading_paths(book, fronts, set(cards.bank(project.book)))


def _versions(project: Project) -> str:
    """The commit and the library versions behind the numbers."""
    found = []
    for name in settings.load(project.book).versions:
        try:
            found.append(f"{name} {metadata.version(name).split('+')[0]}")
        except metadata.PackageNotFoundError:
            continue
    return (
        f"Built from {commit(project) or 'a folder without history'} with " + ", ".join(found) + "."
    )


def _definitions(project: Project) -> dict[str, str]:
    """First sentence of each glossary entry by its anchor."""
    path = raw(project) / f"{settings.load(project.book).pages.glossary}.html"
    if not path.is_file():
        return {}
    root = html.document_fromstring(path.read_text(encoding="utf-8"))
    found = {}
    for term in root.xpath("//dl[contains(@class, 'glossary')]/dt[@id]"):
        definition = term.getnext()
        while definition is not None and definition.tag == "dt":
            definition = definition.getnext()
        if definition is not None:
            for twice in definition.xpath(
                ".//*[@class='katex-html'] | .//*[local-name()='annotation']"
            ):
                twice.drop_tree()
            words = re.sub(r"\s+", " ", definition.text_content()).strip()
            found[term.get("id")] = re.split(r"(?<=[.])\s+(?=[A-Z])", words)[0]
    return found


def _assemble(
    project: Project,
    pages: list,
    texts: dict[str, str],
    now: dict[str, dict],
    drawn: Path,
    context: Context,
) -> None:
    new, old = project.build / "html.new", project.build / "html.old"
    shutil.rmtree(old, ignore_errors=True)
    new.mkdir(parents=True, exist_ok=True)
    placed = Placed(new)
    for name, text in texts.items():
        placed.put(f"{name}.html", text)
    static = raw(project) / "_static"
    script = ";\n".join((static / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = re.sub(r"//# sourceMappingURL=\S+", "", script)
    script = re.sub(
        r"\bconsole\.(?:log|debug)\(", "void (", script
    )  # a reader's console stays silent
    script = (
        script.replace(MEASURES_ALL, '["unmeasured"]')
        + ";\n"
        + (THEME / "book.js").read_text(encoding="utf-8")
    )
    placed.put("_static/book.js", script)
    for name in ("language_data.js", "searchtools.js"):
        placed.put(f"_static/{name}", (static / name).read_text(encoding="utf-8"))
    placed.put(
        "searchindex.js",
        _search_index((raw(project) / "searchindex.js").read_text(encoding="utf-8")),
    )
    for image in sorted({name for page in now.values() for name in page["images"]}):
        placed.copy(raw(project) / "_images" / image, f"_images/{image}")
    for image in sorted({name for page in now.values() for name in page["drawn"]}):
        placed.copy(drawn / image, f"_images/{image}")
    if any(fact.interactive for fact in context.facts.values()):
        placed.copy(interactive.bundle(drawn), "_static/vega.js")
    for asset in ("logo.svg", "favicon.svg", "card.png"):
        placed.copy(THEME / asset, f"_static/{asset}")
    katex = project.root / "node_modules" / "katex" / "dist"
    css = (
        re.sub(
            r"@import[^;]*basic\.css[^;]*;", "", "\n".join(_sheet(static, name) for name in STYLES)
        )
        + _katex(katex)
        + (THEME / "book.css").read_text(encoding="utf-8")
    )
    words = {word for page in now.values() for word in page["words"]} | styles.script_words(script)
    words |= styles.script_words((static / "searchtools.js").read_text(encoding="utf-8")) | {
        "vega-bind",
        "vega-bind-name",
        "vega-embed",
    }
    kept = "".join(sorted(set().union(*(page["math"] for page in now.values()))))
    placed.put(
        "_static/book.css",
        _with_fonts(
            styles.purge(css, words, project.work / "styles.json"),
            katex / "fonts",
            placed,
            kept,
            drawn / "fonts",
        ),
    )
    _library(project, pages, placed, context.baseurl)
    placed.put("404.html", _not_found(context))
    placed.put(".nojekyll", "")
    placed.put("licences.txt", licences.text(project))
    for name, text in policy.files(texts.values()).items():
        placed.put(name, text)
    placed.tidy()
    if project.site.exists():
        os.replace(project.site, old)
    os.replace(new, project.site)
    if old.exists():  # the next build needs to write only what differs from it
        os.replace(old, new)


class Placed:
    """A folder that is brought to a wanted state: what is already there as it should be is not written again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, set[str]()

    def put(self, name: str, data: str | bytes) -> None:
        """The file `name` with this content, whatever it held before."""
        raw_bytes, path = data.encode() if isinstance(data, str) else data, self.folder / name
        self.names.add(name)
        with suppress(OSError):
            if path.read_bytes() == raw_bytes:
                return
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw_bytes)

    def copy(self, source: Path, name: str) -> None:
        """The file `name` with the content of `source`."""
        self.put(name, source.read_bytes())

    def tidy(self) -> None:
        """Remove what nobody put there, and folders that are left empty."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in self.names:
                path.unlink()


def _search_index(script: str) -> str:
    """The index in one fixed form: Sphinx keeps words that an edit removed, and the order of their arrival."""
    head, tail = "Search.setIndex(", ")"
    index = json.loads(script.strip().removeprefix(head).removesuffix(tail))
    for key in ("terms", "titleterms", "alltitles"):
        index[key] = {word: places for word, places in index[key].items() if places != []}
    index["alltitles"] = {
        title: sorted(places, key=str) for title, places in index["alltitles"].items()
    }
    return (
        head + json.dumps(index, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + tail
    )


def _sheet(static: Path, name: str) -> str:
    path = next(iter(sorted(static.glob(name))), None)
    return path.read_text(encoding="utf-8") if path else ""


def _katex(dist: Path) -> str:
    """KaTeX's style sheet, which names its fonts in their smallest form only."""
    css = (dist / "katex.min.css").read_text(encoding="utf-8")
    return (
        "\n"
        + re.sub(r",url\([^)]*\.(?:woff|ttf)\) format\(\"(?:woff|truetype)\"\)", "", css)
        + "\n"
    )


def _with_fonts(css: str, folder: Path, placed: Placed, kept: str, work: Path) -> str:
    """`css` with the fonts that it asks for in it or beside it, cut down to the characters `kept`."""
    css = fonts.asked_for(css)
    for font in fonts.used(css):
        cut = fonts.subset(folder / font, kept, work)
        if font in fonts.COMMON:
            css = css.replace(f"url(fonts/{font})", fonts.inline(cut))
        else:
            placed.copy(cut, f"_static/fonts/{font}")
    return css


def _library(
    project: Project, pages: list[tuple[Chapter, Record]], placed: Placed, baseurl: str
) -> None:
    """The downloadable notebooks, and the wheel that they install."""
    store = Store.of(project)
    about = wheel.library(project)
    if about:
        placed.copy(wheel.build(project, about, store), f"_static/{about.file}")
    for slug, text in notebooks.notebooks(project, pages, baseurl, store).items():
        placed.put(f"_notebooks/{slug}.ipynb", text)


def _not_found(context: Context) -> str:
    """A page that needs nothing beside it: a host serves it for any address."""
    home = (context.baseurl.rstrip("/") + "/") if context.baseurl else "/"
    return (
        (THEME / "404.html")
        .read_text(encoding="utf-8")
        .replace("HOME", home)
        .replace("TITLE", context.title)
    )
