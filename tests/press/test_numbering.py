"""Numbers by part and chapter in a small book; a chapter more shifts no other number."""

from __future__ import annotations

import re

import pytest
import yaml
from lxml import html
from press import config
from press.source import settings, toc

from tests.press import sample_book

DEPENDS = ("code/press/**", "_config.yml", "book/press.yml", "_toc.yml")
PARTS = (("Opening", False), ("First", True), ("Second", True), ("Third", True))
FIGURE = """
```{{figure}} ../_assets/plain.svg
:name: fig-{name}
A drawing.
```
"""
BODY = """
$$
x^2
$$ (eq-{name})

```{{exercise-start}} Warm-up
:label: ex-{name}
```
Do it.
```{{exercise-end}}
```

```{{solution-start}} ex-{name}
:class: dropdown
```
Done.
```{{solution-end}}
```

See {{numref}}`fig-{name}`, {{eq}}`eq-{name}` and {{numref}}`ex-{name}`.
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


def page(name: str, figures: int = 1) -> str:
    """A chapter with figures, a formula and an exercise."""
    drawn = "".join(FIGURE.format(name=name if not i else f"{name}-{i}") for i in range(figures))
    return f"{sample_book.HEAD}# Chapter {name}\n\nText.\n{drawn}{BODY.format(name=name)}"


def contents(chapters: dict[str, list[str]]) -> str:
    parts = [
        {"caption": part, "chapters": [{"file": slug} for slug in slugs]}
        for part, slugs in chapters.items()
    ]
    return yaml.safe_dump({"format": "jb-book", "root": "index", "parts": parts}, sort_keys=False)


CHAPTERS = {"Opening": ["o/a"], "First": ["f/a", "f/b"], "Third": ["t/a"]}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A built book of three parts with pages and one without."""
    root = tmp_path_factory.mktemp("numbered")
    names = {slug: page(slug.replace("/", "-"), 2) for slugs in CHAPTERS.values() for slug in slugs}
    parts = [{"name": name, "about": "x", "numbered": numbered} for name, numbered in PARTS]
    rules = {**sample_book.SETTINGS, "parts": parts, "announced": []}
    sample_book.write(root / "book" / "press.yml", yaml.safe_dump(rules, sort_keys=False))
    sample_book.write(root / "book" / "_assets" / "plain.svg", SVG)
    sample_book.make(root, {"index": sample_book.chapter("Home", "print('home')"), **names})
    sample_book.write(root / "_toc.yml", contents(CHAPTERS))
    sample_book.press(root, "check")
    sample_book.press(root, "accept", "index")
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def parsed(root, slug):
    return html.parse(str(root / "_build" / "html" / f"{slug}.html")).getroot()


def words(element) -> str:
    return re.sub(r"\s+", " ", element.text_content()).strip()


def numbers(root, slug) -> list[str]:
    """Every number on a page: of its title, figures, formula, exercise and references."""
    tree = parsed(root, slug)
    marked = "section-number caption-number eqno std-numref"
    found = [words(e) for name in marked.split() for e in tree.find_class(name)]
    return found


def test_a_title_has_the_number_of_its_part_and_its_chapter(book):
    assert words(parsed(book, "f/b").find(".//h1")).startswith("1.2 Chapter f-b")


def test_a_part_without_pages_has_its_number_all_the_same(book):
    assert words(parsed(book, "t/a").find(".//h1")).startswith("3.1 Chapter t-a")


def test_sections_and_pages_of_parts_without_a_number_have_none(book):
    assert parsed(book, "o/a").find_class("section-number") == []


def test_figures_are_numbered_within_their_chapter(book):
    captions = [words(e) for e in parsed(book, "f/b").findall(".//figcaption")]
    assert [text.split(" A ")[0] for text in captions] == ["Figure 1.2.1", "Figure 1.2.2"]


def test_figures_of_a_part_without_a_number_are_counted_from_one(book):
    captions = [words(e) for e in parsed(book, "o/a").findall(".//figcaption")]
    assert [text.split(" A ")[0] for text in captions] == ["Figure 1", "Figure 2"]


def test_exercises_and_their_solutions_have_one_number(book):
    titles = [words(e) for e in parsed(book, "t/a").find_class("admonition-title")]
    assert titles[0].startswith("Exercise 3.1.1")
    assert titles[1].startswith("Solution to Exercise 3.1.1")


def test_formulas_are_numbered_within_their_chapter(book):
    assert words(parsed(book, "t/a").find_class("eqno")[0]).startswith("(3.1.1)")


def test_references_give_the_numbers(book):
    text = words(parsed(book, "f/a").find(".//article"))
    assert "See Figure 1.1.1, (1.1.1) and Exercise 1.1.1." in text


def test_the_contents_number_parts_and_chapters_and_announce_what_is_not_written(book):
    nav = parsed(book, "f/a").get_element_by_id("contents")
    assert [words(e) for e in nav.iter("summary")] == ["Opening", "1 First", "3 Third"]
    assert [words(e) for e in nav.find_class("contents-announced")] == ["2 Second announced"]
    assert [words(e) for e in nav.iter("li")][-3:] == [
        "1.1 Chapter f-a",
        "1.2 Chapter f-b",
        "3.1 Chapter t-a",
    ]


def test_links_to_what_is_numbered_say_its_number(book):
    labels = parsed(book, "t/a").xpath("//a[@class='headerlink']/@aria-label")
    assert {"Link to Figure 3.1.1", "Link to Equation 3.1.1", "Link to Exercise 3.1.1"} <= set(
        labels
    )
    assert any(label.startswith("Link to: Solution to Exercise 3.1.1") for label in labels)


def test_a_chapter_more_shifts_no_number_of_another_part(book):
    before = {slug: numbers(book, slug) for slug in ("f/a", "f/b", "t/a")}
    sample_book.write(book / "book" / "f" / "c.md", page("f-c"))
    sample_book.write(book / "book" / "s" / "a.md", page("s-a"))
    more = {**CHAPTERS, "First": ["f/a", "f/c", "f/b"], "Second": ["s/a"]}
    order = {part: more[part] for part in ("Opening", "First", "Second", "Third")}
    sample_book.write(book / "_toc.yml", contents(order))
    done = sample_book.press(book, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert numbers(book, "t/a") == before["t/a"]
    assert numbers(book, "f/a") == before["f/a"], "a chapter behind it changes nothing"
    assert numbers(book, "f/b") == [n.replace("1.2", "1.3") for n in before["f/b"]]
    assert words(parsed(book, "s/a").find(".//h1")).startswith("2.1 Chapter s-a")


def test_the_parts_of_the_contents_stand_in_the_order_of_the_list(root):
    project = config.load(root)
    listed = [part.name for part in settings.load(project.book).parts]
    written = list(dict.fromkeys(entry.part for entry in toc.entries(project) if entry.part))
    assert written == [name for name in listed if name in written]


def test_every_announced_part_is_listed(root):
    book = settings.load(config.load(root).book)
    listed = {part.name for part in book.parts}
    assert {announced.part for announced in book.announced} <= listed
