"""Finding the way: the sidebar, the parts, the drawers, the landing page, landmarks, old links."""

from __future__ import annotations

import json

import pytest

from tests.conftest import ROOT
from tests.site.conftest import pages, wait_until

pytestmark = pytest.mark.browser
CHAPTER = "networks/attention.html"
PLACE = "scaled-dot-product-attention"
IN_VIEW = """() => {
  const nav = document.querySelector('#contents');
  const link = nav.querySelector('[aria-current=page]');
  const [inner, outer] = [link, nav].map(e => e.getBoundingClientRect());
  return inner.height > 0 && inner.top >= outer.top && inner.bottom <= outer.bottom;
}"""
MARKED = "document.querySelector('.page-contents a[aria-current]')?.hash"
MARK_IN_VIEW = """() => {
  const list = document.querySelector('.page-contents');
  const link = list.querySelector('a[aria-current]');
  const [inner, outer] = [link, list].map(e => e.getBoundingClientRect());
  return inner.height > 0 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
}"""


def test_a_chapter_is_reached_by_one_click_in_the_sidebar(host, open_page):
    page = open_page(f"{host.url}/index.html")
    page.locator("#contents").get_by_role("link", name="Attention").click()
    assert "Attention" in page.locator("h1").inner_text()
    page.wait_for_function(IN_VIEW)
    assert page.console == []


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("link", ["Notation", "Loss functions", "Diffusion models"])
def test_a_chapter_of_another_part_is_reached_by_one_click(host, open_page, link, scripts):
    page = open_page(f"{host.url}/{CHAPTER}", java_script_enabled=scripts)
    page.locator("#contents").get_by_role("link", name=link).click(timeout=3000)
    assert link in page.locator("h1").inner_text()
    wait_until(page, f"({IN_VIEW})()")  # without scripts too
    assert page.evaluate("scrollY") == 0, "the page itself stands at its top"


def test_the_sidebar_stands_at_the_page_after_next(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", height=700)
    page.locator(".prev-next .next").click()
    page.wait_for_url("**/graphs.html")
    page.wait_for_function(IN_VIEW)


def test_a_part_folds_and_unfolds_by_keyboard_without_scripts(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", java_script_enabled=False)
    part = page.locator(".contents-part[data-part='Capstones']")
    part.locator("summary").focus()
    page.keyboard.press("Enter")
    assert not part.get_by_role("link", name="GPT").is_visible()
    page.keyboard.press("Enter")
    assert part.get_by_role("link", name="GPT").is_visible()


@pytest.mark.parametrize("name", [CHAPTER, "capstones/diffusion.html"])
def test_the_drawer_of_a_phone_stands_at_the_page_and_closes(host, open_page, name):
    page = open_page(f"{host.url}/{name}", width=375, height=740, has_touch=True)
    drawer = page.locator("#contents")
    assert not drawer.is_visible()
    page.locator(".menu-button").tap()
    page.wait_for_function(IN_VIEW)
    box = page.locator(".close-button").bounding_box()
    assert 0 <= box["y"] <= 8, "the button stays where the list scrolls"
    page.locator(".close-button").tap()
    assert not drawer.is_visible()
    page.locator(".menu-button").tap()
    drawer.locator("[aria-current=page]").tap()
    assert not drawer.is_visible(), "a tap on the page itself closes the drawer"


def test_the_contents_of_a_page_close_on_a_tap_and_follow_back(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", width=375, height=740, has_touch=True)
    box = page.locator(".page-contents details")
    box.locator("summary").tap()
    box.locator("a[href='#the-mathematics']").tap()
    assert box.get_attribute("open") is None
    wait_until(page, f"{MARKED} === '#the-mathematics'")
    page.evaluate("location.hash = '#traps'")
    wait_until(page, f"{MARKED} === '#traps'")
    page.go_back()
    wait_until(page, f"{MARKED} === '#the-mathematics'")


@pytest.mark.parametrize("section", ["further-reading", "the-picture"])
def test_the_marked_section_is_in_sight_in_a_long_list(host, open_page, section):
    page = open_page(f"{host.url}/{CHAPTER}#traps", height=500)
    wait_until(page, f"{MARKED} === '#traps'")
    page.evaluate(f"location.hash = '#{section}'")
    wait_until(page, f"{MARKED} === '#{section}'")
    page.wait_for_function(MARK_IN_VIEW)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)])
def test_the_first_screen_says_what_for_whom_and_where_to_start(host, open_page, width, height):
    page = open_page(f"{host.url}/index.html", width=width, height=height)
    for name in ("Start reading", "Search"):
        box = page.locator(".start-buttons").get_by_role("link", name=name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height, f"{name} is below the first screen"
    figure = page.locator(".interactive").first.bounding_box()
    assert figure is not None
    assert figure["y"] < 1.3 * height


def test_the_button_to_start_leads_to_the_first_page(host, open_page):
    page = open_page(f"{host.url}/index.html")
    page.locator(".start-buttons a").first.click()
    assert page.locator("h1").inner_text().startswith("How to read this book")


@pytest.mark.parametrize("name", ["index.html", CHAPTER, "search.html"])
def test_the_landmarks_of_a_page_are_in_the_tree(host, open_page, name):
    page = open_page(f"{host.url}/{name}")
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("banner").get_by_role("search").count() == 1
    contents = page.get_by_role("navigation", name="Contents of the book", exact=True)
    assert contents.count() == 1
    assert page.get_by_role("heading", level=1).count() == 1


def test_every_page_has_one_first_heading_and_says_its_part(parsed):
    for name in pages():
        tree = parsed(name)
        assert len(tree.xpath("//h1")) == 1, name
        if name.count("/"):
            assert len(tree.xpath("//nav[@aria-label='Breadcrumb']//li")) == 2, name


def test_links_to_a_place_have_names_of_their_own(parsed):
    labels = parsed(CHAPTER).xpath("//a[@class='headerlink']/@aria-label")
    assert len(labels) == len(set(labels))
    assert any(label.startswith("Link to Exercise 3.9.1") for label in labels)


def test_a_change_of_the_color_theme_is_said(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    page.locator(".theme-switch-button").click()
    status = page.get_by_role("banner").get_by_role("status")
    assert status.text_content() == "Color theme: light"


def test_the_report_of_an_error_names_the_section_of_the_address(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}#traps")
    link = page.locator(".report-link")
    link.evaluate("e => e.addEventListener('click', event => event.preventDefault())")
    link.click()
    assert "&section=Traps" in link.get_attribute("href")


def test_the_report_names_the_section_before_anybody_clicks(host, open_page):
    """Whoever copies the address of the link gets the section too."""
    page = open_page(f"{host.url}/{CHAPTER}#traps")
    link = page.locator(".report-link")
    assert "&section=Traps" in link.get_attribute("href")
    page.evaluate("location.hash = '#exercises'")
    wait_until(page, "document.querySelector('.report-link').href.includes('section=Exercises')")
    page.go_back()
    wait_until(page, "document.querySelector('.report-link').href.includes('section=Traps')")
    page.evaluate("document.querySelector('.report-link').href = 'about:blank'")
    link.focus()
    assert "&section=Traps" in link.get_attribute("href")


@pytest.mark.parametrize("name", ["index.html", CHAPTER, "capstones/lora.html"])
def test_the_cards_that_are_due_are_one_click_away(host, open_page, name):
    page = open_page(f"{host.url}/{name}", height=800)
    link = page.locator(".contents-top a")
    box = link.bounding_box()
    assert 56 <= box["y"] <= 100, "in sight wherever the list stands"
    assert box["height"] >= 24
    link.click()
    assert page.locator("h1").inner_text().startswith("Cards due")


def test_the_drawer_of_a_phone_leads_to_the_cards(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", width=360, height=740, has_touch=True)
    page.locator(".menu-button").tap()
    page.locator(".contents-top a").tap()
    page.wait_for_url("**/cards-due.html")


def test_the_sidebar_is_three_screens_at_most(host, open_page):
    """A chapter is one click away, and no more than two screens of the list."""
    page = open_page(f"{host.url}/{CHAPTER}", height=800)
    tall, screen = page.evaluate(
        "[document.querySelector('#contents')].flatMap((e) => [e.scrollHeight, e.clientHeight])"
    )
    assert tall <= 2.9 * screen
    heights = page.eval_on_selector_all(
        "#contents a", "all => all.map((e) => e.getBoundingClientRect().height)"
    )
    assert min(heights[1:]) >= 24


def test_the_keys_of_the_search_are_announced(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    box = page.locator(".bar input[name=q]")
    assert box.get_attribute("aria-keyshortcuts") == "/ Control+K Meta+K"
    assert "Ctrl+K" in box.get_attribute("title")
    hint = page.locator(".bar kbd")
    assert hint.inner_text() == "/"
    page.keyboard.press("/")
    assert box.evaluate("e => e === document.activeElement")
    assert not hint.is_visible()
    phone = open_page(f"{host.url}/{CHAPTER}", width=360, height=740)
    assert not phone.locator(".bar kbd").is_visible()


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_note_of_marks_leaves_the_list_of_the_page_alone(host, open_page, width):
    hit = {"page": "networks/attention", "anchor": PLACE, "own": ["attention"], "terms": []}
    page = open_page(
        f"{host.url}/{CHAPTER}#{PLACE}",
        width=width,
        height=800,
        prepare=f"localStorage['book-hit'] = {json.dumps(json.dumps(hit))};",
    )
    page.locator(".marks-note button").wait_for()
    wait_until(page, "document.querySelector('.marks-note').innerText.includes('marked')")
    note = page.locator(".marks-note").bounding_box()
    text = page.locator("article").bounding_box()
    assert text["x"] <= note["x"]
    assert note["x"] + note["width"] <= page.locator(".page-contents").bounding_box()["x"]
    assert note["y"] + note["height"] <= 800


def test_what_is_not_written_is_announced_in_the_contents_and_in_the_table(parsed):
    tree = parsed("index.html")
    announced = [e.text_content() for e in tree.find_class("contents-announced")]
    assert any("Classical methods" in text for text in announced)
    assert len(tree.find_class("part-status")) == len(announced)


def test_every_heading_of_before_has_its_address_still(site):
    """The addresses are looked at in every render; this looks at the site itself."""
    published = json.loads((ROOT / "book" / "_assets" / "anchors.json").read_text())
    text = (site / CHAPTER).read_text()
    missing = [name for name in published["networks/attention"] if f'id="{name}"' not in text]
    assert missing == []


@pytest.mark.parametrize("name", ["index.html", CHAPTER])
def test_the_drawer_of_a_phone_is_closed_by_its_button(host, open_page, name):
    """Its first line once lay over the button, and a tap on it left the page."""
    page = open_page(f"{host.url}/{name}", width=360, height=740)
    page.locator(".menu-button").click()
    page.locator("#contents .close-button").click(timeout=5000)
    assert page.evaluate("document.documentElement.dataset.drawer || ''") == ""


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 360])
def test_the_contents_of_the_page_open_anywhere_on_a_phone(host, open_page, width):
    page = open_page(f"{host.url}/networks/attention.html", width=width, height=640)
    page.evaluate("document.querySelector('#traps').scrollIntoView()")
    button = page.locator(".page-button")
    box = button.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="On this page")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert button.evaluate("e => e === document.activeElement")
    button.click()
    dialog.get_by_role("link", name="Don’t be confused").click()
    dialog.wait_for(state="detached")
    assert 0 <= page.locator("#don-t-be-confused > h2").bounding_box()["y"] <= 200
    assert page.console == []
