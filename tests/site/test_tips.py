"""A reader asks what a term or a citation means: by pointer, by key, by touch."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser
CHAPTER = "networks/attention.html"
TOUCH = {"has_touch": True, "width": 360, "height": 800}


def with_formula(page):
    """The first visible term of a page whose definition holds a formula."""
    ids = page.eval_on_selector_all("#tips > div:has(.katex)", "all => all.map(e => e.id)")
    hashes = {f"#{name.removeprefix('tip-')}" for name in ids}
    links = page.locator("article p > a.term:visible")
    for link in links.all():
        if link.evaluate("e => e.hash") in hashes:
            return link
    raise AssertionError("no term of the page has a formula in its definition")


@pytest.mark.parametrize("way", ["hover", "focus", "tap"])
def test_a_formula_of_a_definition_is_drawn_in_its_tip(host, open_page, way):
    page = open_page(f"{host.url}/{CHAPTER}", **(TOUCH if way == "tap" else {}))
    tip = page.locator("#term-tip")
    link = with_formula(page)
    link.scroll_into_view_if_needed()
    getattr(link, way)()
    assert tip.locator(".katex-html").first.is_visible()
    assert page.url.endswith(CHAPTER), "a first tap stays on the page"
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    assert page.console == []


def test_a_second_tap_and_the_tip_lead_to_the_glossary(host, open_page):
    for target in ("link", "more"):
        page = open_page(f"{host.url}/{CHAPTER}", **TOUCH)
        link = page.locator("article p > a.term:visible").first
        link.tap()
        (link if target == "link" else page.locator("#term-tip .tip-more")).tap()
        page.wait_for_url("**/reference/glossary.html#term-*")


def test_activations_are_what_a_layer_returns(parsed):
    page = parsed("modern/training-in-practice.html")
    tip = page.get_element_by_id("tip-term-activations").text_content()
    assert tip.startswith("The outputs of a network")
    glossary = parsed("reference/glossary.html")
    assert glossary.get_element_by_id("term-activation") is not None, "an address of before"


@pytest.mark.parametrize("width", [1280, 360])
def test_the_frame_of_a_term_leaves_the_next_line_alone(host, open_page, width):
    page = open_page(f"{host.url}/reference/glossary.html#term-activation-function", width=width)
    reaches = """term => {
      const style = getComputedStyle(term);
      const out = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth);
      return [term.getBoundingClientRect().bottom + out, term.nextElementSibling]
        .map((it) => it.getBoundingClientRect?.().top ?? it);
    }"""
    frame, below = page.locator("#term-activation-function").evaluate(reaches)
    assert frame <= below
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_tap_elsewhere_closes_the_tip(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", **TOUCH)
    page.locator("article p > a.term:visible").first.tap()
    assert page.locator("#term-tip").is_visible()
    page.locator("article h1").tap()
    assert not page.locator("#term-tip").is_visible()


def test_a_citation_shows_its_entry_and_its_links(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    link = page.locator("article p .bibtex-citation a:visible").first
    link.focus()
    tip = page.locator("#term-tip")
    assert link.get_attribute("aria-describedby") == "term-tip"
    assert tip.locator("a[href^='https://']").count() >= 1
    assert tip.locator(".tip-more").inner_text() == "In the bibliography"


@pytest.mark.parametrize("name", ["reference/glossary.html", "reference/bibliography.html"])
def test_the_lists_of_the_book_fit_a_phone(host, open_page, name):
    page = open_page(f"{host.url}/{name}", width=360, height=800)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    heights = page.eval_on_selector_all(
        ".letters a", "all => all.map(e => e.getBoundingClientRect().height)"
    )
    assert len(heights) > 15
    assert min(heights) >= 24


def test_citations_and_their_ways_back_resolve(parsed):
    bibliography = parsed("reference/bibliography.html")
    entries = bibliography.find_class("citation")
    assert len(entries) > 300
    for entry in entries:
        [line] = entry.find_class("cited-in")
        links = [link.get("href") for link in line.iter("a")]
        assert links, entry.get("id")
        for link in links:
            name, _, anchor = link.removeprefix("../").partition("#")
            if not link.startswith("../"):
                name = f"reference/{name}"
            page = parsed(name)
            assert page.get_element_by_id(anchor) is not None, link
            ids = {node.get("href", "").rpartition("#")[2] for node in page.iter("a")}
            assert entry.get("id") in ids
