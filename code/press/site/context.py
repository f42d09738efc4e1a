"""What the pages need to know of the whole book while they are rendered."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

from docutils.nodes import make_id

from press.config import Project, commit
from press.execute.records import Record
from press.site import facts, listings, provenance, reports, survivals
from press.site.listings import Listing
from press.site.provenance import Provenance
from press.source import cards, configuration, dates, kinds, settings, toc
from press.source.chapter import Chapter
from press.source.settings import Settings
from press.source.toc import Entry
from press.store import Store


@dataclass(frozen=True)
class Context:
    """The book around a page. An empty one serves a build without the press."""

    store: Store | None = None
    title: str = ""  # of the book
    copyright: str = ""
    entries: list[Entry] = field(default_factory=list)
    facts: dict[str, facts.Facts] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)  # of the recorded outputs
    provenance: dict[str, Provenance] = field(default_factory=dict)  # of pages with cells
    listings: dict[str, list[Listing]] = field(default_factory=dict)
    totals: list[tuple[str, str]] = field(default_factory=list)
    checks: list[tuple[str, str, str]] = field(default_factory=list)
    machines: list[dict[str, Any]] = field(default_factory=list)
    mutants: list[dict[str, Any]] = field(default_factory=list)
    seeds: dict[str, Any] = field(default_factory=dict)  # the overview of other seeds
    paths: list[dict[str, Any]] = field(default_factory=list)  # key, name, about, pages, section
    versions: str = ""
    repository: str = ""
    branch: str = "main"
    baseurl: str = ""
    version: str = ""  # of the book
    dates: dict[str, str] = field(default_factory=dict)  # of the last change of a page
    settings: Settings = field(default_factory=Settings)

    @property
    def first(self) -> str:
        """The page on which a reader starts: the first one after the landing page."""
        return self.entries[1].slug if len(self.entries) > 1 else self.entries[0].slug

    @property
    def proofs(self) -> list[tuple[str, str]]:
        """What the build counted, in the words of the landing page."""
        outputs = sum(fact.outputs for fact in self.facts.values())
        exercises = sum(fact.exercises for fact in self.facts.values())
        return [
            (f"{outputs:,} outputs", "computed and compared on every build"),
            (f"{exercises} exercises", "with a solution that runs"),
            ("No network", "the pages, the search and the figures work from a folder"),
        ]

    def hours(self, path: dict[str, Any]) -> str:
        """How long the pages of a path take to read."""
        minutes = sum(self.facts[slug].minutes for slug in path["pages"])
        count = max(1, round(minutes / 60))
        return "1 hour" if count == 1 else f"{count} hours"

    def cards(self, path: dict[str, Any]) -> int:
        """How many cards the pages of a path have."""
        return sum(self.facts[slug].cards for slug in path["pages"])

    def size(self, path: dict[str, Any]) -> str:
        """What a path asks of a reader: pages and hours, or cards where it opens them at those."""
        pages = f"{len(path['pages'])} pages"
        if path.get("section"):
            return f"{self.cards(path)} cards on {pages}"
        return f"{self.hours(path)} · {pages}"

    def is_on_path(self, slug: str) -> bool:
        """Whether a reading path leads to the page."""
        return any(slug in path["pages"] for path in self.paths)

    def counted(self) -> dict[str, Any]:
        """What only pages with a ``{press}`` place show."""
        return {
            "facts": {slug: asdict(fact) for slug, fact in self.facts.items()},
            "machines": self.machines,
            "mutants": self.mutants,
            "seeds": self.seeds,
            "rest": [self.totals, self.checks, self.versions, self.paths],
            "parts": [[entry.slug, entry.part] for entry in self.entries],
        }


def of_app(app: Any) -> Context:
    """The context that the press gave to a Sphinx application, or an empty one."""
    return getattr(app, "press_context", None) or Context()


def titles(env: Any) -> dict[str, str]:
    """The title of every page of a Sphinx environment as plain text."""
    return {page: title.astext() for page, title in env.titles.items()}


def read(project: Project, pages: list[tuple[Chapter, Record]], store: Store) -> Context:
    """The context of a book with these pages and their verified outputs."""
    config = _config(project)
    entries = toc.entries(project)
    parts = {entry.slug: entry.part for entry in entries}
    of_pages = {
        chapter.slug: facts.of(project, parts[chapter.slug], chapter, record)
        for chapter, record in pages
    }
    shifted = survivals.read(project, pages, store)
    repository = config.get("repository", {})
    return Context(
        store=store,
        title=title(project),
        copyright=config.get("copyright", ""),
        entries=entries,
        facts=of_pages,
        digests={chapter.slug: record.digest for chapter, record in pages},
        provenance=provenance.of(project, pages, shifted),
        listings=listings.of(project, [chapter for chapter, _ in pages], store),
        totals=facts.totals(list(of_pages.values()), project),
        checks=reports.checks(project, list(of_pages.values()), shifted),
        machines=reports.machines(project),
        mutants=reports.mutants(project),
        seeds=survivals.overview(shifted, parts),
        paths=_paths(project, [chapter for chapter, _ in pages]),
        versions=_versions(project),
        repository=repository.get("url", "").rstrip("/"),
        branch=repository.get("branch", "main"),
        baseurl=baseurl(project),
        version=version(project),
        dates=dates.load(project, {chapter.slug: chapter.text for chapter, _ in pages}),
        settings=settings.load(project.book),
    )


def baseurl(project: Project) -> str:
    """The address of the published site, empty where none is configured."""
    return _config(project).get("html", {}).get("baseurl", "").rstrip("/")


def title(project: Project) -> str:
    """The title of the book."""
    return _config(project)["title"]


def author(project: Project) -> str:
    """Who wrote the book."""
    return _config(project).get("author", "")


def rights(project: Project) -> str:
    """The copyright of the book."""
    return _config(project).get("copyright", "")


def version(project: Project) -> str:
    """The version of the book in pyproject.toml, empty where it has none."""
    path = project.root / "pyproject.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str(table.get("project", {}).get("version", ""))


def _config(project: Project) -> dict[str, Any]:
    return configuration.load(project.root)


def _paths(project: Project, chapters: list[Chapter]) -> list[dict[str, Any]]:
    """The reading paths, by the front matter of the pages and in their order."""
    book = settings.load(project.book)
    fronts = [
        (page.slug, kinds.front_matter(page.source.get("metadata", {}), book)) for page in chapters
    ]
    paths = kinds.reading_paths(book, fronts, set(cards.bank(project.book)))
    section = next(filter(None, map(_section_of_cards, chapters)), "")
    for path in paths:
        if section and book.paths[path["key"]].cards:
            path["section"] = section  # at which a page of this path opens
    return paths


def _section_of_cards(chapter: Chapter) -> str:
    """The id of the section in which a page asks its cards; empty where it has none."""
    for block in chapter.prose.blocks:
        if block.name == "cards":
            heads = [line for line in chapter.prose.lines if line.heading == 2]
            titles = [line.text for line in heads if line.number < block.number]
            return make_id(titles[-1].lstrip("# ")) if titles else ""
    return ""


def _versions(project: Project) -> str:
    """The commit and the library versions behind the numbers."""
    names = []
    for name in settings.load(project.book).versions:
        try:
            names.append(f"{name} {metadata.version(name).split('+')[0]}")
        except metadata.PackageNotFoundError:
            continue
    return f"Built from {commit(project) or 'a folder without history'} with {', '.join(names)}."
