"""What a page shows only after a key or a tap, before the same accessibility checker as pages.

`test_pages` looks at every page as it opens on a wide screen, with all folds open; here are the
states that it never sees, and the layout of a phone, each in light and in dark.
"""

from __future__ import annotations

import pytest

from tests.site.test_pages import COLOR, FONTS_READY, TAGS, prepare_axe, run_axe, scroll_through
from tests.site.test_progress import start

pytestmark = pytest.mark.browser
PHONE = {"width": 360, "height": 740, "has_touch": True, "is_mobile": True}
SMALL = "front/primer.html"


def drawer(page):
    page.locator(".menu-button").tap()


def suggestions(page):
    page.keyboard.press("Control+k")
    page.keyboard.type("unequal budgets")
    page.wait_for_selector(".search-popup [role=option]")
    page.keyboard.press("ArrowDown")


def results(page):
    page.wait_for_selector(".search-hits mark")
    page.wait_for_selector(".search-in a")


def notice(page):
    page.wait_for_selector(".search-page .search-announced")


def menu(page):
    page.locator(".run-menu summary").click()


def enlarged(page):
    page.locator("a.figure-zoom:visible").first.click()
    page.wait_for_selector("dialog.enlarged[open]")


def tip(page):
    page.locator("article a.term:visible").first.focus()
    page.wait_for_selector("#term-tip:visible")


def session(page):
    start(page, "2")
    page.wait_for_selector(".study-body .study-button:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector(".study-body .rating")


def plain(page):
    """What scrolls sideways can be reached by keyboard once it has come near."""
    scroll_through(page)


STATES = {
    "a phone": (SMALL, PHONE, plain, "html"),
    "the drawer of a phone": (SMALL, PHONE, drawer, "#contents"),
    "suggestions": (SMALL, {}, suggestions, ".bar"),
    "a list of results": ("search.html?q=cluster", {}, results, "main"),
    "a list of results on a phone": ("search.html?q=cluster", PHONE, results, "main"),
    "a notice": ("search.html?q=random+forest", {}, notice, "main"),
    "the menu of a page": (SMALL, {}, menu, ".tools"),
    "an enlarged figure": (SMALL, {}, enlarged, "dialog"),
    "an enlarged figure on a phone": (SMALL, PHONE, enlarged, "dialog"),
    "a definition": (SMALL, {}, tip, "#term-tip"),
    "a session with cards": ("reference/cards-due.html", {}, session, "main"),
}


@pytest.fixture
def in_state(host, open_page):
    """A page in one of the states and one of the schemes, and the part of it that shows there."""

    def bring(state: str, scheme: str):
        name, options, act, region = STATES[state]
        page = open_page(f"{host.url}/{name}", color_scheme=scheme, **options)
        act(page)
        page.evaluate(FONTS_READY)
        return page, region

    return bring


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_what_a_reader_opens(state, scheme, in_state, counted):
    page, region = in_state(state, scheme)
    prepare_axe(page)
    assert run_axe(page, {"include": [[region]]}, TAGS) == []
    assert page.console == []
    counted("looks at a state of a page by an accessibility checker", 1)


@pytest.mark.parametrize(
    ("state", "where"),
    [
        ("suggestions", ".search-popup a:nth-child(3) small"),
        ("a list of results", ".search-place"),
        ("a list of results on a phone", ".search-in a"),
        ("the menu of a page", ".run-menu li a"),
        ("a definition", "#term-tip p"),
        ("a session with cards", ".study-left"),
    ],
)
def test_a_pale_word_in_a_state_is_found(state, where, in_state):
    """The control of the test above."""
    page, region = in_state(state, "light")
    page.locator(where).first.evaluate("e => e.style.color = 'rgb(200, 200, 200)'")
    prepare_axe(page)
    assert {rule for rule, *_ in run_axe(page, {"include": [[region]]}, TAGS)} == {COLOR}
