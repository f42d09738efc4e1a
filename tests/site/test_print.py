"""A printed page: light, whole, and with solutions only where the reader asked for them."""

from __future__ import annotations

import io

import pytest
from press.site.export import pdf
from pypdf import PdfReader

pytestmark = pytest.mark.browser
CHAPTER = "learning/metrics.html"
PAPER_PX = 180 / 25.4 * 96  # between the margins of A4

# what stands out of its box, or out of the paper
CUT = """() => {
  const right = document.querySelector('article').getBoundingClientRect().right;
  return [...document.querySelectorAll('article :is(pre, table, img, .math)')]
    .filter((e) => e.checkVisibility() && !e.closest('.stay, .katex'))
    .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.matches('pre')
      || e.getBoundingClientRect().right > right + 2)
    .map((e) => e.textContent.slice(0, 60));
}"""
# the dialog of a browser cannot be seen by a test; both events are
PRINT = """window.print = () => {
  dispatchEvent(new Event('beforeprint'));
  window.open_boxes = document.querySelectorAll('details.solution[open]').length;
  window.theme = document.documentElement.dataset.theme;
  dispatchEvent(new Event('afterprint'));
}"""


@pytest.mark.parametrize("name", [CHAPTER, "networks/attention.html"])
def test_nothing_is_cut_at_the_edge_of_the_paper(host, open_page, name):
    page = open_page(f"{host.url}/{name}", width=round(PAPER_PX))
    page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
    # longer than any line of the book: it is to be wrapped
    page.evaluate("document.querySelector('.cell_output pre').append('x'.repeat(300))")
    page.emulate_media(media="print")
    assert page.evaluate(CUT) == []


def test_paper_shows_the_text_and_not_the_furniture(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("article h1").is_visible()
    assert page.locator("article figure img.for-light").first.is_visible()
    assert not page.locator("article figure img.for-dark").first.is_visible()
    for name in ("#contents", ".bar", ".tools", ".foot", "details.solution"):
        assert not page.locator(name).first.is_visible(), name


@pytest.mark.parametrize(("choice", "share"), [("open", 0), ("all", 1)])
def test_solutions_are_printed_by_choice_and_close_again(host, open_page, choice, share):
    page = open_page(f"{host.url}/{CHAPTER}", color_scheme="dark", prepare=PRINT)
    page.locator(".run-menu summary").click()
    page.locator(f"button[data-print={choice}]").click()
    count = page.locator("details.solution").count()
    assert count > 0
    assert page.evaluate("window.open_boxes") == share * count
    assert page.evaluate("window.theme") == "light"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator("details.solution[open]").count() == 0


def test_printed_pages_have_the_title_and_their_numbers(host, open_page):
    page = open_page(f"{host.url}/front/how-to-read.html", color_scheme="dark")
    pages = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages
    texts = [sheet.extract_text() for sheet in pages]
    title = page.locator("h1").inner_text().removesuffix("#").strip()
    assert title in texts[0]
    assert [text.split()[0] for text in texts] == [str(n) for n in range(1, len(texts) + 1)]


def test_the_menu_is_used_by_keyboard(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", prepare=PRINT)
    page.locator(".run-menu summary").focus()
    page.keyboard.press("Enter")
    button = page.locator("button[data-print=open]")
    button.focus()
    assert button.bounding_box()["height"] >= 24
    page.keyboard.press("Enter")
    assert page.evaluate("window.open_boxes") == 0


BROKEN = """() => {
  const mark = document.createRange(), broken = [];
  const words = document.createTreeWalker(
    document.querySelector('[data-press=parts]'), NodeFilter.SHOW_TEXT);
  while (words.nextNode()) for (const word of words.currentNode.data.matchAll(/\\S+/g)) {
    mark.setStart(words.currentNode, word.index);
    mark.setEnd(words.currentNode, word.index + word[0].length);
    if (mark.getClientRects().length > 1) broken.push(word[0]);
  }
  return broken;
}"""


def test_no_word_of_the_table_of_parts_is_broken_on_paper(host, open_page):
    page = open_page(f"{host.url}/index.html", width=round(PAPER_PX))
    page.emulate_media(media="print")
    assert page.evaluate(BROKEN) == []


def test_paper_has_no_buttons_and_no_empty_folds(host, open_page):
    page = open_page(f"{host.url}/index.html")
    page.emulate_media(media="print")
    assert not page.locator(".start-buttons").is_visible()
    page.goto(f"{host.url}/reference/cards-due.html")
    assert not page.locator("#all-cards").is_visible()
    page.emulate_media(media="screen")
    page.locator("details.all-cards > summary").first.click()
    page.emulate_media(media="print")
    assert page.locator("#all-cards").is_visible(), "what the reader opened is printed"


def test_an_address_is_printed_once(host, open_page):
    page = open_page(f"{host.url}/reference/bibliography.html")
    page.emulate_media(media="print")
    after = "e => getComputedStyle(e, '::after').content"
    assert page.locator("a[href^='https://doi.org/']").first.evaluate(after) == "none"
    other = page.locator("a[href^='https://proceedings.']").first
    assert other.get_attribute("href") in other.evaluate(after)


@pytest.fixture
def printed(host, open_page, tmp_path):
    """A page printed on A4, and its headings."""

    def to_file(name: str):
        page = open_page(f"{host.url}/{name}", prepare="window.requestIdleCallback = undefined")
        page.wait_for_load_state("networkidle")
        path = tmp_path / "page.pdf"
        page.pdf(path=path, format="A4", prefer_css_page_size=True)
        return path, set(page.locator("article :is(h2, h3)").all_inner_texts())

    return to_file


def feet(page, count: int = 1) -> list[str]:
    """The lowest lines of text above the number of a page, without spaces."""
    rows: list[tuple[int, str]] = []

    def note(text: str, outer: list[float], inner: list[float], *_) -> None:
        rows.append((round(outer[1] * inner[4] + outer[3] * inner[5] + outer[5]), text))

    page.extract_text(visitor_text=note)
    levels = sorted({y for y, text in rows if text.strip() and y >= pdf.MARGINS_PT[1]})
    return [
        "".join("".join(text for y, text in rows if y == level).split()) for level in levels[:count]
    ]


def test_no_heading_stands_alone_at_the_foot_of_a_printed_page(printed):
    """What kept an old address once parted a heading from the section that follows it."""
    path, headings = printed("capstones/diffusion.html")
    names = {"".join(heading.split()).removesuffix("#") for heading in headings}
    assert "Buildit" in names
    lines = [line for page in PdfReader(path).pages for line in feet(page)]
    assert [line for line in lines if line in names] == []


@pytest.mark.parametrize("name", ["learning/losses.html", "networks/attention.html"])
def test_long_listings_break_and_leave_no_third_of_a_page_blank(printed, name):
    path, headings = printed(name)
    pages = PdfReader(path).pages
    filled = [pdf.filled(path, number) for number in range(len(pages) - 1)]
    assert min(filled) > 2 / 3
    names = {"".join(heading.split()).removesuffix("#") for heading in headings}
    assert [line for page in pages for line in feet(page, 2) if line in names] == []


@pytest.mark.parametrize(("lines", "breaks"), [(11, False), (30, True)])
def test_a_listing_breaks_only_where_both_sides_have_six_lines(open_page, site, lines, breaks):
    page = open_page((site / "learning" / "losses.html").as_uri())
    listing = "\n".join(f"line{number}" for number in range(lines))
    page.evaluate(
        """text => {
          document.querySelector('article').innerHTML = '<div style="height: 21cm"></div>'
            + '<div class="cell"><div class="cell_input"><div class="highlight"><pre></pre>';
          document.querySelector('article pre').textContent = text;
        }""",
        listing,
    )
    data = page.pdf(format="A4", prefer_css_page_size=True)
    texts = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(data)).pages]
    counts = [text.count("line") for text in texts if "line" in text]
    assert (len(counts) > 1) == breaks
    assert min(counts) >= 6


@pytest.mark.parametrize("name", ["reference/how-we-know.html", "front/notation.html"])
def test_a_long_table_leaves_no_page_half_empty(printed, name):
    path, _ = printed(name)
    count = len(PdfReader(path).pages)
    filled = [pdf.filled(path, number) for number in range(count - 1)]
    assert min(filled) > 0.7
