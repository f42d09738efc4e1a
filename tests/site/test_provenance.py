"""A reader asks where a number comes from: by pointer, by key, by touch, and without a script."""

from __future__ import annotations

import pytest

from tests.site.conftest import pages

pytestmark = pytest.mark.browser
CHAPTER = "learning/metrics.html"
NOTE = "Printed by cell"


def line_of(page, link):
    """The printed line to which a number leads."""
    return page.locator(link.get_attribute("href"))


def in_view(locator) -> bool:
    """Whether the middle of an element is on the screen, below the bar."""
    return locator.evaluate(
        "e => { const b = e.getBoundingClientRect(), y = (b.top + b.bottom) / 2;"
        " return y > 56 && y < innerHeight; }"
    )


def test_the_tip_of_a_number_shows_its_line_and_its_origin(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    number = page.locator("a.number").first
    tip = page.locator("#term-tip")
    number.focus()
    assert number.get_attribute("aria-describedby") == "term-tip"
    assert tip.locator("code").inner_text().strip() == line_of(page, number).inner_text().strip()
    assert NOTE in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    number.hover()
    assert NOTE in tip.inner_text()
    assert page.console == []


def test_a_term_after_a_number_shows_its_definition_again(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    page.locator("a.number").first.focus()
    page.locator("a.term").first.focus()
    assert NOTE not in page.locator("#term-tip").inner_text()
    assert len(page.locator("#term-tip").inner_text()) > 20


@pytest.mark.parametrize("way", ["key", "click", "touch"])
def test_a_number_leads_to_its_line(host, open_page, way):
    options = {"has_touch": True, "width": 360, "height": 800} if way == "touch" else {}
    page = open_page(f"{host.url}/{CHAPTER}", **options)
    number = page.locator("p > a.number:visible").last
    line = line_of(page, number)
    if way == "key":
        number.focus()
        page.keyboard.press("Enter")
    elif way == "touch":
        number.tap()
    else:
        number.click()
    page.wait_for_timeout(500)
    assert page.url.endswith(number.get_attribute("href"))
    assert in_view(line)
    assert line.evaluate("e => e.matches(':target')")


def test_without_a_script_the_line_says_where_the_number_comes_from(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", java_script_enabled=False)
    number = page.locator("a.number").first
    line = line_of(page, number)
    number.click()
    assert in_view(line)
    content = line.evaluate("e => getComputedStyle(e, '::after').content")
    assert NOTE in content


def test_a_number_leads_into_a_folded_solution(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    number = page.locator("details.solution a.number").first
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = false; })")
    page.evaluate("hash => { location.hash = hash; }", number.get_attribute("href"))
    page.wait_for_timeout(300)
    assert line_of(page, number).is_visible()


def test_every_number_of_the_book_leads_to_a_line_that_holds_something(parsed):
    count = 0
    for name in pages():
        page = parsed(name)
        anchors = {line.get("id"): line for line in page.find_class("printed")}
        for number in page.find_class("number"):
            assert anchors[number.get("href").lstrip("#")].text_content().strip(), name
            count += 1
    assert count > 400
