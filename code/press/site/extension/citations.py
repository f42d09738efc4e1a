"""Citations by author and year, and a bibliography that says where each entry is cited."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.template import field as bib_field
from pybtex.style.template import href, join, optional
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinxcontrib.bibtex import plugin
from sphinxcontrib.bibtex.domain import get_docnames
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

from press.site import context

REFERENCES = "author_year_round"  # `bibtex_reference_style` in _config.yml
ENTRIES = "book"  # `bibtex_default_style`
DOI = "https://doi.org/"
ARXIV = "https://arxiv.org/abs/"


def round_brackets() -> BracketStyle:
    return BracketStyle(left="(", right=")", sep="; ")


@dataclass
class RoundReferences(AuthorYearReferenceStyle):
    """Vaswani et al. (2017), or (Vaswani et al., 2017; Ba et al., 2016)."""

    bracket_textual: BracketStyle = field(default_factory=round_brackets)
    bracket_parenthetical: BracketStyle = field(default_factory=round_brackets)
    bracket_author: BracketStyle = field(default_factory=round_brackets)
    bracket_label: BracketStyle = field(default_factory=round_brackets)
    bracket_year: BracketStyle = field(default_factory=round_brackets)


class AuthorYear(BaseLabelStyle):
    """The label of an entry is what the text shows, so two that look alike are a warning."""

    def format_labels(self, sorted_entries: Any) -> Any:
        for entry in sorted_entries:
            yield label(entry)


def label(entry: Any) -> str:
    """What the text shows of an entry: its authors and its year."""
    persons = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [" ".join([*person.prelast_names, *person.last_names]) for person in persons]
    shown = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{shown or entry.fields['title']} {entry.fields.get('year', 'n.d.')}"


class BookStyle(PlainStyle):
    """pybtex's plain style with short links, and labels of authors and years."""

    default_label_style = AuthorYear

    def format_web_refs(self, entry: Any) -> Any:
        address = entry.fields.get("url", "")
        host = urlsplit(address).netloc.removeprefix("www.")
        doi, eprint = bib_field("doi", raw=True), bib_field("eprint", raw=True)
        return join(sep=" · ")[
            optional[href(join[DOI, doi])[join["doi:", doi]]],
            optional[href(join[ARXIV, eprint])[join["arXiv:", eprint]]],
            optional[href(bib_field("url", raw=True))[host]] if host else "",
        ]


def register() -> None:
    """Make the two styles known by their names."""
    register_plugin("pybtex.style.formatting", ENTRIES, BookStyle, force=True)
    group = "sphinxcontrib.bibtex.style.referencing"
    plugin.register_plugin(group, REFERENCES, RoundReferences, force=True)


def uses(env: Any) -> dict[str, dict[str, str]]:
    """The pages that cite each entry, in the order of the book, with the anchor of the first."""
    references = env.get_domain("cite").citation_refs
    anchors: dict[str, dict[str, str]] = {}
    for reference in references:
        page = anchors.setdefault(reference.docname, {})
        for target in reference.targets:
            page.setdefault(target.key, reference.citation_ref_id)
    result: dict[str, dict[str, str]] = {}
    for name in get_docnames(env):
        for key, anchor in anchors.get(name, {}).items():
            result.setdefault(key, {})[name] = anchor
    return result


def lists_entries(env: Any, page: str) -> bool:
    """Whether a page holds a bibliography."""
    return any(key.docname == page for key in env.get_domain("cite").bibliographies)


class Backlinks(SphinxPostTransform):
    """Entries of a bibliography stand from A to Z, and name the pages that cite them."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        entries = list(self.document.findall(nodes.citation))
        if not entries:
            return
        pages = uses(self.env)
        titles = context.titles(self.env)
        domain: Any = self.env.get_domain("cite")
        items = {item.citation_id: item for item in domain.citations}
        letters: dict[str, list[nodes.Element]] = {}
        for entry in entries:
            for shown in list(entry.findall(nodes.label)):
                entry.remove(shown)
            entry["backrefs"] = []
            item = items[entry["ids"][0]]
            cited = pages.get(item.key, {})
            entry += self._line([(page, anchor, titles[page]) for page, anchor in cited.items()])
            first = label(item.entry).lstrip("{")[0].upper()
            letters.setdefault(first, []).append(entry)
        entries[0].parent.replace_self(_alphabet(letters))

    def _line(self, places: list[tuple[str, str, str]]) -> nodes.paragraph:
        line = nodes.paragraph("", "Cited in ", classes=["cited-in"])
        for number, (page, anchor, title) in enumerate(places):
            if number:
                line += nodes.Text(", ")
            address = self.app.builder.get_relative_uri(self.env.docname, page)
            line += nodes.reference("", title, refuri=f"{address}#{anchor}", internal=True)
        return line


def _alphabet(groups: dict[str, list[nodes.Element]]) -> list[nodes.Element]:
    """A row of letters that lead to their sections, and the sections."""
    row = nodes.bullet_list()
    sections: list[nodes.Element] = []
    for letter in sorted(groups):
        anchor = f"letter-{letter.lower()}"
        link = nodes.reference("", letter, refid=anchor, internal=True)
        row += nodes.list_item("", nodes.paragraph("", "", link))
        section = nodes.section("", nodes.title("", letter), ids=[anchor])
        section += nodes.container("", *groups[letter])
        sections.append(section)
    return [nodes.container("", row, classes=["letters"]), *sections]


class Letters(SphinxPostTransform):
    """A local table of contents of class `letters` is a row like that of the bibliography."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for topic in list(self.document.findall(nodes.topic)):
            if "letters" in topic["classes"]:
                row = nodes.container("", *topic.children, classes=["letters"])
                topic.parent.replace(topic, row)
