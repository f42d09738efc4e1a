"""Code, figures and formulas as a reader meets them: on the page, large enough, and to be tried."""

from __future__ import annotations

import re

import pytest
import yaml
from playwright.sync_api import expect
from press.checks.width import columns

from tests.conftest import ROOT
from tests.site.conftest import pages
from tests.site.test_pages import prepare_axe, run_axe

CHAPTERS = [name for name in pages() if "/" in name and not name.startswith(("reference", "_"))]
# equations whose number is beside them and more than 6 pixels above or below their middle
UNEVEN = """() => [...document.querySelectorAll('article div.math')].filter((e) => {
  const number = e.querySelector('.eqno')?.getBoundingClientRect();
  const formula = e.querySelector('.katex-html').getBoundingClientRect();
  return number && number.bottom > formula.top
    && Math.abs(number.top + number.bottom - formula.top - formula.bottom) > 12;
}).map((e) => e.id)"""
PHONE = 356  # CSS pixels of an interactive figure on a screen of 360, up to whose edges it reaches


def debts() -> set[str]:
    """Pages whose lines are allowed to be too wide for now."""
    rows = yaml.safe_load((ROOT / "book" / "debt.yml").read_text(encoding="utf-8"))
    return {page for page, rules in rows.items() if {"cell-width", "output-width"} & set(rules)}


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_open_cell_before_the_first_figure_is_plumbing(parsed, name):
    body = parsed(name)
    first = body.xpath("(//article//figure)[1]")
    if not first:
        return
    before = body.xpath("(//article//figure)[1]/preceding::div[contains(@class, 'cell_input')]")
    for cell in before:
        listing = "".join(cell.xpath(".//pre[not(ancestor::details)]//text()"))
        rows = [row for row in listing.splitlines() if row.strip()]
        assert not rows or not all(re.match(r"(import|from)\s", row) for row in rows), listing


@pytest.mark.parametrize("name", CHAPTERS)
def test_lines_of_listings_fit_the_column(parsed, name):
    if name.removesuffix(".html") in debts():
        return
    for listing in parsed(name).xpath("//article//pre"):
        wide = [row for row in listing.text_content().splitlines() if columns(row) > 79]
        assert wide == []


def test_each_interactive_figure_says_what_to_try_and_can_be_reset(parsed):
    for name in CHAPTERS:
        for box in parsed(name).xpath("//div[@class='interactive']"):
            assert box.xpath(".//p[@class='interactive-try']/span/strong"), name
            assert box.xpath(".//button[contains(@class, 'interactive-reset')]"), name


def test_each_interactive_figure_has_labels_of_12_pixels_on_a_phone(parsed, site):
    """The narrow drawing has the width of the screen: no picture scrolls sideways."""
    for name in CHAPTERS:
        for box in parsed(name).xpath("//div[@class='interactive']"):
            source = box.xpath(".//source")[0]
            drawing = site / "_images" / source.get("srcset").rpartition("/")[2]
            text = drawing.read_text(encoding="utf-8")
            smallest = min(map(float, re.findall(r'font-size="([\d.]+)px"', text)), default=12)
            style = box.xpath(".//div[@class='interactive-picture']/@style")[0]
            least = int(re.search(r"--least:(\d+)px", style)[1])
            scale = PHONE / float(source.get("width"))
            assert least == 0, name
            assert smallest * scale >= 12, (name, smallest, scale)


def test_most_pages_unfold_the_library_and_one_function_stands_open(parsed):
    shown = [
        name for name in CHAPTERS if parsed(name).xpath("//details[contains(@class, 'source')]")
    ]
    opened = [
        name for name in shown if parsed(name).xpath("//details[contains(@class, 'source')][@open]")
    ]
    assert len(shown) >= 34
    assert len(opened) >= 34


def test_a_figure_opens_enlarged_by_keyboard_and_gives_the_focus_back(host, open_page):
    page = open_page(f"{host.url}/networks/attention.html", width=360, height=640)
    link = page.locator("a.figure-zoom.for-light").first
    link.focus()
    page.keyboard.press("Enter")
    picture = page.locator("dialog.enlarged img")
    picture.wait_for()
    box = page.locator(".enlarged-picture")  # at its full size, and whole by a second key
    full = picture.bounding_box()["width"]
    assert full > 500
    assert "more" in box.get_attribute("class").split()
    page.keyboard.press("Enter")
    shown = picture.bounding_box()
    assert shown["x"] >= 0
    assert shown["x"] + shown["width"] <= 360
    assert "more" not in box.get_attribute("class").split()
    box.focus()
    page.keyboard.press("End")
    picture.click()
    assert picture.bounding_box()["width"] == full
    page.keyboard.press("Escape")
    picture.wait_for(state="hidden")
    assert link.evaluate("e => e === document.activeElement")
    assert page.console == []


@pytest.mark.parametrize("size", [(360, 740), (740, 360), (1280, 800)])
def test_a_figure_is_never_smaller_when_it_opens(host, open_page, size):
    page = open_page(f"{host.url}/modern/training-in-practice.html", width=size[0], height=size[1])
    links = page.locator("a.figure-zoom.for-light")
    assert links.count() >= 3
    for link in links.all():
        before = link.locator("img").bounding_box()["width"]
        link.click()
        after = page.locator("dialog.enlarged img").bounding_box()["width"]
        assert after >= before - 1
        page.keyboard.press("Escape")


def test_picture_and_control_are_seen_together_on_a_phone(host, open_page):
    page = open_page(f"{host.url}/networks/neuron.html", width=360, height=640)
    box = page.locator(".interactive").first
    box.scroll_into_view_if_needed()
    box.locator(".vega-bind").first.wait_for()
    last = box.locator(".interactive-rows input, .interactive-rows select").last
    last.evaluate("e => e.scrollIntoView({block: 'end'})")
    picture = box.locator(".interactive-live").bounding_box()
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= last.bounding_box()["y"]


def test_reset_takes_the_controls_back(host, open_page):
    page = open_page(f"{host.url}/networks/neuron.html")
    box = page.locator(".interactive").first
    box.scroll_into_view_if_needed()
    slider = box.locator("input[type=range]").first
    slider.wait_for()
    before = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowRight")
    moved = slider.input_value()
    box.locator(".interactive-reset").click()
    page.wait_for_function(
        "([box, value]) => box.querySelector('input').value === value",
        arg=[box.element_handle(), before],
    )
    assert moved != before


def test_sliders_leave_a_vertical_swipe_to_the_page(host, open_page):
    page = open_page(f"{host.url}/networks/neuron.html", width=360, height=640, has_touch=True)
    box = page.locator(".interactive").first
    box.scroll_into_view_if_needed()
    slider = box.locator("input[type=range]").first
    slider.wait_for()
    assert slider.evaluate("e => getComputedStyle(e).touchAction") == "pan-y"


def test_copy_buttons_are_visible_on_touch(host, open_page):
    page = open_page(
        f"{host.url}/networks/neuron.html", width=360, height=640, has_touch=True, is_mobile=True
    )
    button = page.locator(".copybtn").first
    assert button.evaluate("e => getComputedStyle(e).opacity") == "1"


def test_copy_buttons_cover_no_code_on_touch(host, open_page):
    page = open_page(
        f"{host.url}/learning/metrics.html", width=360, height=640, has_touch=True, is_mobile=True
    )
    page.evaluate("document.documentElement.dataset.laid = 'out'")
    count, covered = page.evaluate("""() => {
      const shown = [...document.querySelectorAll('.copybtn')].filter(b => b.offsetWidth);
      const range = document.createRange();
      const covers = button => {
        const box = button.getBoundingClientRect();
        const walker = document.createTreeWalker(button.parentElement, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          if (!walker.currentNode.data.trim() || button.contains(walker.currentNode)) continue;
          range.selectNodeContents(walker.currentNode);
          for (const part of range.getClientRects())
            if (part.right > box.left + 1 && part.left < box.right - 1
                && part.bottom > box.top + 3 && part.top < box.bottom - 3) return true;
        }
        return false;
      };
      return [shown.length, shown.filter(covers).length];
    }""")
    assert count >= 20
    assert covered == 0


def test_tables_of_few_columns_do_not_scroll_on_a_phone(host, open_page):
    page = open_page(f"{host.url}/learning/metrics.html", width=360, height=640)
    page.evaluate("document.documentElement.dataset.laid = 'out'")
    over = page.evaluate("""[...document.querySelectorAll('.table-scroll')]
      .filter(box => box.scrollWidth > box.clientWidth + 1)
      .map(box => box.querySelectorAll('tr:first-child > *').length)""")
    assert page.locator(".table-scroll").count() >= 3
    assert [columns for columns in over if columns <= 3] == []


def test_the_parts_of_the_book_are_read_in_whole_lines_on_a_phone(host, open_page):
    page = open_page(f"{host.url}/index.html", width=360, height=640)
    row = page.locator("[data-press=parts] tbody tr").nth(1)
    words = row.locator("td").nth(1).bounding_box()
    assert words["width"] > 300
    assert row.get_attribute("role") == "row"


def test_figures_fill_the_column_on_a_wide_page(parsed):
    widths = [
        int(image.get("width"))
        for name in CHAPTERS
        for image in parsed(name).xpath("//img[contains(@class, 'for-light')]")
    ]
    assert sum(width >= 600 for width in widths) >= 0.9 * len(widths)


def test_formulas_are_sent_without_what_no_browser_needs(parsed):
    page = parsed("learning/metrics.html")
    styles = page.xpath("//*[@class='katex-html']//@style")
    assert len(styles) > 1000
    assert [style for style in styles if re.search(r"\.\d{4}|;$", style)] == []


@pytest.mark.browser
def test_the_number_of_an_equation_is_level_with_its_middle(host, open_page):
    page = open_page(f"{host.url}/networks/attention.html")
    page.evaluate("document.fonts.ready")
    assert page.locator("div.math .eqno").count() > 3
    assert page.evaluate(UNEVEN) == []


WIDE_TABLES = (
    "modern/retrieval",
    "networks/learning-rules",
    "capstones/runner",
    "reference/how-we-know",
)
OVER = """[...document.querySelectorAll('article .table-scroll')]
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 40))"""
# names that go on in another line, as the pieces that stand in one line each
PIECES = """[...document.querySelectorAll('article .table-scroll code')].flatMap((code) => {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT), range = new Range();
  const pieces = [];
  let top = null;
  while (walker.nextNode()) for (let at = 0; at < walker.currentNode.length; at++) {
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + 1);
    const box = range.getBoundingClientRect(), letter = walker.currentNode.data[at];
    if (pieces.length && Math.abs(box.top - top) < 4) pieces[pieces.length - 1] += letter;
    else pieces.push(letter);
    top = box.top;
  }
  return pieces.length > 1 ? [pieces] : [];
})"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 1440])
@pytest.mark.parametrize("name", WIDE_TABLES)
def test_wide_tables_fit_and_names_break_between_their_words(host, open_page, name, width):
    page = open_page(f"{host.url}/{name}.html", width=width)
    page.evaluate("document.documentElement.dataset.laid = 'out'")
    assert page.evaluate(OVER) == []
    ends = [piece[-1] for pieces in page.evaluate(PIECES) for piece in pieces[:-1]]
    assert set(ends) <= set("._=( ,-")


@pytest.mark.browser
@pytest.mark.parametrize("name", WIDE_TABLES)
def test_wide_tables_of_a_phone_keep_names_whole_and_say_that_they_scroll(host, open_page, name):
    page = open_page(f"{host.url}/{name}.html", width=360, height=640)
    page.evaluate("document.documentElement.dataset.laid = 'out'")
    assert page.evaluate(PIECES) == []
    boxes = page.locator("article .table-scroll").all()
    wide = [box for box in boxes if box.evaluate("e => e.scrollWidth > e.clientWidth + 1")]
    assert wide
    for box in wide:
        box.scroll_into_view_if_needed()
        expect(box).to_have_class(re.compile(r"\bmore\b"))


CROWDED = """() => {
  const shown = (e) => e.checkVisibility() && e.getClientRects().length;
  const kinds = 'main :is(a[href], button, summary, input, select)';
  const targets = [...document.querySelectorAll(kinds)].filter(shown);
  return targets.filter((e) => e.matches('.copybtn')).flatMap((button) => {
    const one = button.getBoundingClientRect();
    const others = targets.filter((other) => {
      const two = other.getBoundingClientRect();
      return other !== button && one.left < two.right && two.left < one.right
        && one.top < two.bottom - 0.5 && two.top < one.bottom - 0.5;
    });
    const size = `${one.width} x ${one.height}`;
    const small = one.width < 24 || one.height < 24;
    return [...(small ? [size] : []), ...others.map((e) => e.textContent)];
  });
}"""


@pytest.mark.browser
@pytest.mark.parametrize("name", ["capstones/diffusion", "learning/losses", "data/kernels"])
def test_copy_buttons_have_room_of_their_own_on_touch(host, open_page, name):
    page = open_page(
        f"{host.url}/{name}.html", width=412, height=823, has_touch=True, is_mobile=True
    )
    page.evaluate("document.documentElement.dataset.laid = 'out'")  # as after the first touch
    page.wait_for_selector(".copybtn", state="attached")
    assert page.evaluate(CROWDED) == []


@pytest.mark.browser
def test_targets_have_their_size_while_a_page_opens(host, open_page):
    """The buttons of an open listing once lay upon what follows, until its cell had a layout."""
    page = open_page(
        f"{host.url}/capstones/diffusion.html",
        width=412,
        height=823,
        has_touch=True,
        is_mobile=True,
        prepare="window.requestIdleCallback = () => 0",  # the moment stays
    )
    page.wait_for_selector(".copybtn", state="attached")
    prepare_axe(page)
    sizes = {"runOnly": {"type": "rule", "values": ["target-size"]}}
    assert run_axe(page, {"include": [["html"]]}, sizes) == []
