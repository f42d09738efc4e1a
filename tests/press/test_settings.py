"""`book/press.yml`: wrong keys are refused with their place, and the press holds nothing of it."""

from __future__ import annotations

import re
import tomllib

import pytest
from clikit.errors import Exit, UserError
from press import config
from press.source import cards, chapter, configuration, kinds, settings, toc

from tests.conftest import ROOT

BOOK = settings.load(ROOT / "book")
PROJECT = config.load(ROOT)


def load(folder, text: str) -> settings.Settings:
    (folder / "press.yml").write_text(text, encoding="utf-8")
    return settings.load(folder)


def test_a_book_without_settings_has_the_defaults(tmp_path):
    assert settings.load(tmp_path) == settings.Settings()


def test_the_book_sets_nothing_that_is_the_default():
    """One place for each value: a default that is also set could be edited without effect."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["press"]
    usual = config.Project(ROOT)
    assert [name for name, value in table.items() if getattr(usual, name) == value] == []
    limits = vars(settings.Limits())
    assert [name for name, value in limits.items() if value == vars(BOOK.limits)[name]] == []


def test_a_limit_that_is_not_set_limits_nothing(tmp_path):
    assert load(tmp_path, "limits: {cell_lines: 25}").limits.columns > 10**9


def test_an_empty_file_has_the_defaults(tmp_path):
    assert load(tmp_path, "# nothing\n") == settings.Settings()


def test_a_kind_may_share_the_rules_of_another(tmp_path):
    text = "kinds:\n  a: &a {about: x, words: [1, 2]}\n  b: {<<: *a, about: y}\n"
    assert load(tmp_path, text).kinds["b"] == settings.Kind("y", words=settings.Range(1, 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kidns: {}", "the file has no key 'kidns'; did you mean 'kinds'?"),
        (
            "kinds: {a: {about: x, word: [1, 2]}}",
            "kinds, a has no key 'word'; did you mean 'words'?",
        ),
        ("kinds: {a: {words: [1, 2]}}", "kinds, a is not complete"),
        ("kinds: [a]", "kinds is ['a'], not a mapping with names as keys"),
        ("kinds: {a: {about: x, words: [3, 2]}}", "a list of two whole numbers, the smaller first"),
        ("kinds: {a: {about: x, words: 3}}", "kinds, a, words is 3"),
        ("kinds: {a: {about: x, promise: 1}}", "kinds, a, promise is 1, not true or false"),
        ("limits: {columns: wide}", "limits, columns is 'wide', not a whole number"),
        ("limits: {columns: true}", "limits, columns is True, not a whole number"),
        ("filler: delve", "filler is 'delve', not a list"),
        ("filler: ['(']", "filler, item 1 is '(', not a regular expression"),
        ("words: [{pattern: a}]", "words, item 1 is not complete"),
        (
            "announced: [{part: a, subjects: [[]]}]",
            "announced, a, subject 1 is [], not a list of names",
        ),
        ("versions: [1]", "versions, item 1 is 1, not a string"),
        ("- a", "the file is ['a'], not a mapping"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(tmp_path, text, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith("book/press.yml: ")
    assert caught.value.code is Exit.USAGE


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "press.yml").write_bytes("license_notice: é".encode("latin-1"))
    with pytest.raises(UserError, match="cannot be read"):
        settings.load(tmp_path)


def test_the_settings_name_pages_that_exist():
    named = (BOOK.pages.glossary, *BOOK.pages.terms)
    assert set(named) <= set(toc.slugs(PROJECT))


def test_what_is_announced_has_no_page_and_no_section():
    pages = [PROJECT.page(slug).read_text(encoding="utf-8") for slug in toc.slugs(PROJECT)]
    headings = {
        heading.lower()
        for page in pages
        for heading in re.findall(r"(?m)^#+ (.*?)(?:: .*)?$", page)
    }
    names = {
        name.lower() for part in BOOK.announced for subject in part.subjects for name in subject
    }
    assert names & headings == set()


def test_the_settings_name_documents_that_exist():
    names = {*BOOK.documents, *(name for files in BOOK.documents.values() for name in files)}
    assert {name for name in names if not (ROOT / name).is_file()} == set()


def words_of_the_book() -> set[str]:
    """Slugs, parts, folders, section titles, kinds of box and paths that only the book may name."""
    slugs = set(toc.slugs(PROJECT)) - {"index"}
    names = slugs | {entry.part for entry in toc.entries(PROJECT)} - {""}
    names |= {f"{slug.split('/')[0]}/" for slug in slugs}
    names |= {title for kind in BOOK.kinds.values() for title in kind.sections}
    names |= {*BOOK.sections.aside, BOOK.sections.keep, *BOOK.grades, *BOOK.kernel_env}
    names |= {path.name for path in BOOK.paths.values()} - {"Interview"}
    return names | {"Ground Truth", "groundtruth", "paths.yml"}


ALLOWED = {
    "data/model",
    "Exercises",
}  # an example of a slug in comments, the name of a package's part


def names_in(text: str, words: set[str]) -> set[str]:
    """The words that occur in a text; one that is a plain word only where it is quoted."""
    quoted = set(re.findall(r"[\"'`]([A-Z][a-z]+)[\"'`]", text))
    plain = {word for word in words if word.isalpha() and word != "groundtruth"}
    rest = {word for word in words - plain if re.search(rf"(?<![\w/]){re.escape(word)}", text)}
    return rest | (plain & quoted)


def test_the_press_names_nothing_of_the_book():
    words = words_of_the_book() - ALLOWED
    hits = {}
    for path in sorted((ROOT / "code" / "press").rglob("*.py")):
        text = path.read_text(encoding="utf-8").replace("data/model", "")
        if names := names_in(text, words):
            hits[path.relative_to(ROOT).as_posix()] = names
    assert hits == {}


@pytest.mark.parametrize(
    "line",
    [
        'if slug == "front/primer":',
        'title = "What to keep"',
        "name = 'GROUNDTRUTH_FIGURES'",
        'part = "Front"',
    ],
)
def test_a_planted_name_of_the_book_is_noticed(line):
    assert names_in(line, words_of_the_book()) != set()


def front(metadata: dict) -> kinds.FrontMatter:
    return kinds.front_matter(metadata, BOOK)


def test_a_path_holds_its_pages_in_the_order_of_the_contents():
    pages = [
        ("b", front({"kind": "front", "paths": ["deep-learning"]})),
        ("a", front({"kind": "front", "paths": ["classical", "deep-learning"]})),
        ("c", front({"kind": "front"})),
    ]
    paths = kinds.reading_paths(BOOK, pages, {"c"})
    assert [path["key"] for path in paths] == ["deep-learning", "classical", "interview"]
    assert {path["name"]: path["pages"] for path in paths} == {
        "Deep learning": ["b", "a"],
        "Classical and statistical": ["a"],
        "Interview": ["c"],
    }


def test_a_path_without_pages_is_left_out():
    assert kinds.reading_paths(BOOK, [("a", front({"kind": "front"}))], set()) == []


def test_the_interview_path_holds_every_page_with_cards():
    slugs = toc.slugs(PROJECT)
    pages = [
        (slug, front(chapter.read(slug, PROJECT.page(slug)).source["metadata"])) for slug in slugs
    ]
    paths = {
        path["name"]: path for path in kinds.reading_paths(BOOK, pages, cards.bank(ROOT / "book"))
    }
    with_cards = [slug for slug in slugs if cards.card_file(ROOT / "book", slug).is_file()]
    assert paths["Interview"]["pages"] == with_cards
    assert len(with_cards) >= 37


# of indices, of a search page, of a foot and of links to sources, which the theme has not
WITHOUT_EFFECT = {
    *("html_copy_source", "html_show_search_summary", "html_show_sourcelink", "html_use_index"),
    "bibtex_tooltips",  # the translator leaves out what a link has as its title
}


def test_each_setting_of_sphinx_has_an_effect(root, tmp_path):
    """A setting that Sphinx does not know, or that has the value it would have anyway, has none."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    given = configuration.load(root)["sphinx"]["config"]
    needed = {"extensions": given["extensions"], "bibtex_bibfiles": ["references.bib"]}
    (tmp_path / "references.bib").write_text("", encoding="utf-8")
    needed["external_toc_path"] = str(root / "_toc.yml")
    folder = str(tmp_path)
    with patch_docutils(None), docutils_namespace():
        app = Sphinx(folder, None, f"{folder}/o", f"{folder}/d", "dummy", needed, None, None)
    known = {value.name: value.value for value in app.config}
    settings_of_it = given.keys() - needed.keys()
    assert settings_of_it - known.keys() == set()
    assert {name for name in settings_of_it if known[name] == given[name]} == set()
    assert WITHOUT_EFFECT & set(given) == set()
