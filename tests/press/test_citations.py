"""Citations, the bibliography and the tips, in a small book and in the files of the real one."""

from __future__ import annotations

import re
from functools import cache

import pytest
from docutils import nodes
from lxml import html
from press import config
from press.checks.book import Book
from press.site.extension import citations, tips
from pybtex.database import Entry, Person, parse_file

from tests.conftest import ROOT
from tests.press import sample_book

DEPENDS = (
    "book/references.bib",
    "book/reference/*.md",
    "code/press/**",
    "code/clikit/**",
    "_config.yml",
    "book/press.yml",
)
GLOSSARY = """# Glossary

```{contents}
:local:
:class: letters
:backlinks: none
```

## L

```{glossary}
loss
cost
  The sum $\\sum_i e_i^2$ of errors, see {doc}`../a/one`.

  Explained in {doc}`../a/one`.
```
"""
BIBLIOGRAPHY = """# Bibliography

```{bibliography}
```
"""
PAGE = """# One

A {term}`loss`, and a {term}`loss` again, a {term}`cost`.
{cite:t}`ada` showed it {cite}`ada,bob`.
Ada's rule {cite:yearpar}`ada` holds.
"""
OTHER = """# Two

Nothing but {cite}`bob`.
"""
ENTRIES = """@article{ada, title={On Sums}, author={Ada, A. and Eve, E. and Zoe, Z.}, journal={J},
 year={1999a}, doi={10.1000/xyz}}
@misc{bob, title={Of {Loss}}, author={Bob, B.}, year={2001}, eprint={0101.00001}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a small site with a glossary and a bibliography."""
    root = tmp_path_factory.mktemp("cited")
    pages = {
        "index": sample_book.chapter("Home"),
        "a/one": sample_book.HEAD + PAGE,
        "a/two": sample_book.HEAD + OTHER,
        "reference/glossary": sample_book.HEAD + GLOSSARY,
        "reference/bibliography": sample_book.HEAD + BIBLIOGRAPHY,
    }
    sample_book.make(root, pages)
    sample_book.write(root / "book" / "references.bib", ENTRIES)
    sample_book.press(root, "check")
    sample_book.press(root, "accept", "--all")
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build" / "html"


def page_of(site, name):
    return html.parse(site / name).getroot()


def words(node) -> str:
    return " ".join(node.text_content().split())


def test_citations_name_authors_and_year(site):
    cited = [words(node) for node in page_of(site, "a/one.html").find_class("bibtex-citation")]
    assert cited == ["Ada et al. (1999a)", "(Ada et al., 1999a; Bob, 2001)", "(1999a)"]


def test_an_entry_has_a_lasting_address_and_its_links(site):
    entry = page_of(site, "reference/bibliography.html").get_element_by_id("cite-ada")
    addresses = [link.get("href") for link in entry.iter("a")]
    assert addresses[0] == "https://doi.org/10.1000/xyz"
    other = page_of(site, "reference/bibliography.html").get_element_by_id("cite-bob")
    assert "https://arxiv.org/abs/0101.00001" in [link.get("href") for link in other.iter("a")]


def test_an_entry_leads_back_to_the_places_that_cite_it(site):
    bibliography = page_of(site, "reference/bibliography.html")
    entry = bibliography.get_element_by_id("cite-bob")
    [line] = entry.find_class("cited-in")
    assert words(line) == "Cited in One, Two"
    for link in line.iter("a"):
        name, _, anchor = link.get("href").removeprefix("../").partition("#")
        assert page_of(site, name).get_element_by_id(anchor) is not None


def test_entries_stand_under_their_letters_to_which_a_row_leads(site):
    page = page_of(site, "reference/bibliography.html")
    [row] = page.find_class("letters")
    assert [words(link) for link in row.iter("a")] == ["A", "B"]
    for link in row.iter("a"):
        section = page.get_element_by_id(link.get("href").lstrip("#"))
        entries = [entry.get("id") for entry in section.find_class("citation")]
        assert entries == [{"A": "cite-ada", "B": "cite-bob"}[words(link)]]


def test_the_glossary_has_a_row_of_letters(site):
    page = page_of(site, "reference/glossary.html")
    [row] = page.find_class("letters")
    assert [(words(link), link.get("href")) for link in row.iter("a")] == [("L", "#l")]
    assert "contents" not in row.get("class").split()


def test_the_texts_of_tips_stand_once_on_a_page(site):
    page = page_of(site, "a/one.html")
    ids = [node.get("id") for node in page.get_element_by_id("tips")]
    assert sorted(ids) == ["tip-cite-ada", "tip-cite-bob", "tip-term-cost", "tip-term-loss"]


def test_a_tip_holds_the_first_paragraph_with_its_formula_and_no_link(site):
    tip = page_of(site, "a/one.html").get_element_by_id("tip-term-loss")
    assert "of errors" in words(tip)
    assert "Explained in" not in words(tip)
    assert tip.find_class("katex-html")
    assert not list(tip.iter("a"))


def test_a_page_without_terms_and_citations_has_no_tips(site):
    assert not page_of(site, "index.html").xpath("//*[@id='tips']")


def test_a_page_without_text_has_no_tips():
    values: dict = {}
    tips.complete(None, "404", "", values, None)
    assert values["tips"] == []


@pytest.mark.parametrize(
    ("persons", "shown"),
    [
        (["Ada, A."], "Ada 2000"),
        (["Ada, A.", "Bob, B."], "Ada and Bob 2000"),
        (["van den Oord, A.", "Bob, B.", "Eve, E."], "van den Oord et al. 2000"),
        ([], "Sums 2000"),
    ],
)
def test_a_label_is_what_the_text_shows(persons, shown):
    people = {"author": [Person(name) for name in persons]}
    entry = Entry("misc", fields={"year": "2000", "title": "Sums"}, persons=people)
    assert citations.label(entry) == shown


def test_a_paragraph_keeps_its_words_when_its_references_go():
    from sphinx import addnodes

    paragraph = nodes.paragraph("", "See ", addnodes.pending_xref("", nodes.Text("that")))
    definition = nodes.definition("", paragraph)
    first = tips._first(definition)
    assert first.astext() == "See that"
    assert not list(first.findall(addnodes.pending_xref))


@cache
def entries():
    return parse_file(str(ROOT / "book" / "references.bib")).entries


def test_most_entries_lead_to_the_work_itself():
    linked = [entry for entry in entries().values() if {"doi", "eprint", "url"} & set(entry.fields)]
    assert len(linked) / len(entries()) > 0.9


@pytest.mark.parametrize("name", ["doi", "eprint", "url"])
def test_identifiers_have_their_form(name):
    form = {"doi": r"10\.\d{4,}/\S+", "eprint": r"\d{4}\.\d{4,5}", "url": r"https?://\S+"}[name]
    wrong = {
        key: value
        for key, entry in entries().items()
        if (value := entry.fields.get(name)) and not re.fullmatch(form, value)
    }
    assert wrong == {}


def test_preprints_and_their_entries_are_of_about_one_year():
    years = {
        key: (int(entry.fields["year"][:4]), 2000 + int(entry.fields["eprint"][:2]))
        for key, entry in entries().items()
        if "eprint" in entry.fields
    }
    assert years
    assert {key: pair for key, pair in years.items() if not -2 <= pair[0] - pair[1] <= 2} == {}


def test_no_two_entries_look_alike_in_the_text():
    labels = [citations.label(entry) for entry in entries().values()]
    assert sorted(set(labels)) == sorted(labels)


def test_the_glossary_is_sorted_and_each_entry_says_where_it_is_explained():
    terms = Book(config.load(ROOT)).terms
    first = list(dict.fromkeys(term.entry for term in terms.values()))
    assert len(first) > 180
    assert first == sorted(first, key=lambda name: re.sub(r"[^a-z0-9 ]", "", _key(name)))
    assert {term.entry for term in terms.values() if not term.pages} == set()
    pages = {page for term in terms.values() for page in term.pages}
    assert {page for page in pages if not config.load(ROOT).page(page).is_file()} == set()


def _key(name: str) -> str:
    return name.lower().replace("-", " ")
