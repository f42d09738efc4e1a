"""Static figures on a phone: whole where their labels allow, with a visible edge where not."""

from __future__ import annotations

import html
import re

import pytest
from press.site import labels

from tests.conftest import ROOT
from tests.site.conftest import pages

SITE = ROOT / "_build" / "html"
PHONE = 360
COLUMN = 356  # of a figure on that phone
SMALL = 320  # a phone for which some figures are too wide
BOX = re.compile(r'<span class="figure-box" style="--least:(\d+)px">.*?src="([^"]+\.svg)"')
# the lowest size of a label in CSS pixels, and pairs of labels that have come to overlap
LOOK = """() => {
  const groups = [...document.querySelectorAll('g[class^=grow-]')];
  const boxes = () => groups.map(e => e.getBoundingClientRect());
  const meet = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const now = boxes(), factors = groups.map(e => new DOMMatrix(getComputedStyle(e).transform).a);
  for (const e of groups) e.style.transform = 'none';
  const before = boxes(), over = [];
  now.forEach((a, i) => now.slice(i + 1).forEach((b, k) => {
    if (meet(a, b) && !meet(before[i], before[i + 1 + k])) over.push([i + 1, i + 2 + k]);
  }));
  return [factors, over];
}"""


def figures(site) -> dict[str, int]:
    """The least width of each static figure by its file."""
    least = {}
    for name in pages():
        text = (site / name).read_text(encoding="utf-8")
        for width, source in BOX.findall(text):
            least[source.rpartition("/")[2]] = int(width)
    return least


def test_most_static_figures_fit_a_phone(site, measured):
    widths = figures(site)
    fitting = sum(width <= COLUMN for width in widths.values())
    measured(f"static figures that fit a phone of {PHONE} px: {fitting} of {len(widths)}")
    assert fitting >= 0.8 * len(widths)


def grown() -> list[str]:
    """Every fifth of the figures whose labels grow, and the one that became narrower by most."""
    folder = SITE / "_images"
    names = sorted(path.name for path in folder.glob("*.svg") if not path.stem.endswith("-dark"))
    names = [name for name in names if labels.least((folder / name).read_text()[:1500])]
    return names[::5]


@pytest.mark.browser
def test_labels_grow_in_the_browser_to_their_size_and_stay_apart(site, open_page):
    page = open_page("about:blank")
    for name in grown():
        path = site / "_images" / name
        svg = path.read_text(encoding="utf-8")
        least = labels.least(svg)
        page.set_viewport_size({"width": least, "height": 600})
        page.goto(path.as_uri())
        factors, overlapping = page.evaluate(LOOK)
        unit = least / float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])
        sizes = [100 * float(size) for size in re.findall(r"scale\((0\.\d+) -\1\)", svg)]
        assert min(sizes) * max(factors) * unit >= 11.9, name
        assert overlapping == [], name


def test_every_figure_fits_a_phone(site):
    assert [name for name, least in figures(site).items() if least > COLUMN] == []


WORDS = re.compile(r"<!--(.*?)-->|<text\b[^>]*>(.*?)</text>", re.DOTALL)
HYPHENS = re.compile(r"(?<![\w{-])-\s?(?=[\d.])|\^-")  # where a minus sign belongs


def test_negative_numbers_of_all_figures_have_a_minus_sign(site):
    """Matplotlib notes each text in a comment, Vega draws it as text; mathematics sets its own."""
    seen = 0
    wrong = []
    for path in sorted((site / "_images").glob("*.svg")):
        if path.stem.endswith("-dark"):
            continue
        for words in WORDS.findall(path.read_text(encoding="utf-8")):
            text = html.unescape(re.sub(r"<[^>]+>", "", "".join(words))).strip()
            seen += 1
            if HYPHENS.search(text) and not text.startswith("$"):
                wrong.append((path.name, text))
    assert seen > 3000
    assert wrong == []


def test_the_figure_of_best_constants_tells_something_on_paper(parsed, site):
    """As printed: three constants, no two equal, and a caption that says which one moved."""
    [image] = parsed("learning/losses.html").xpath(
        "//figure[@id='fig-losses-constant']//picture[contains(@class, 'for-light')]//img"
    )
    drawing = (site / "learning" / image.get("src")).read_text(encoding="utf-8")
    shown = re.findall(r"<text[^>]*>(\d+\.\d\d)</text>", drawing)
    assert len(set(shown)) == 3
    caption = parsed("learning/losses.html").xpath("//figure[@id='fig-losses-constant']/figcaption")
    assert "follows the fifth value" in caption[0].text_content()


@pytest.mark.browser
def test_a_figure_that_fits_is_whole_and_one_that_does_not_shows_its_edge(site, host, open_page):
    texts = {name: (site / name).read_text(encoding="utf-8") for name in pages()}
    names = [
        name
        for name, text in texts.items()
        if any(int(width) > COLUMN - (PHONE - SMALL) for width, _ in BOX.findall(text))
    ]
    page = open_page(f"{host.url}/{names[0]}", width=SMALL, height=800)
    seen = {True: 0, False: 0}
    for name in names:
        page.goto(f"{host.url}/{name}")
        for box in page.query_selector_all(".figure-box"):
            box.scroll_into_view_if_needed()
            page.wait_for_timeout(50)
            wide, room, least = box.evaluate(
                "e => [e.scrollWidth, e.clientWidth, e.style.getPropertyValue('--least')]"
            )
            fits = int(least.removesuffix("px")) <= room
            seen[fits] += 1
            assert (wide <= room) == fits, (name, wide, room, least)
            if not fits:
                page.wait_for_selector(".figure-box.more")
                assert box.evaluate("e => getComputedStyle(e).maskImage !== 'none'")
        if all(seen.values()):
            return
    raise AssertionError(f"no page has both kinds of figures: {seen}")
