"""Every page in a real browser: silent, self-contained, accessible, no wider than the screen.

A page is opened three times, and each test looks at one of the three: from a folder on a wide
screen, from a host on a phone, and without scripts.
"""

from __future__ import annotations

import gzip
import sys
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.conftest import FLAGS, chromium, opened, pages
from tests.site.rendering import FRAMES, TURN_WHEEL, StaysError, run, show_in, start_figures

pytestmark = pytest.mark.browser
PAGES = pages()
AXE = Axe()
# only what is wrong is described in full: the thousands of nodes that pass need not travel
TAGS = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],
}
SHIFTS = """
window.shift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: 'layout-shift', buffered: true });
"""
SCROLL_DOWN = f"""async () => {{
  for (let y = 0; y < document.documentElement.scrollHeight; y += 0.9 * innerHeight) {{
    scrollTo(0, y);
    {FRAMES};
  }}
}}"""
OPEN_FOLDS = """
document.addEventListener('DOMContentLoaded', () => {
  for (const fold of document.querySelectorAll('details')) fold.open = true;
});
"""
# a block with containment would hide what it overflows with
LAY_OUT_ALL = """
article section > * { content-visibility: visible !important; contain: none !important; }
"""


def scroll_through(page):
    """Scroll down as a reader does, so that all that is lazy is loaded and all figures start."""
    run(page, TURN_WHEEL)
    run(page, SCROLL_DOWN)
    start_figures(page)


@contextmanager
def opened_and_scrolled(browser, url, **options):
    """A page scrolled to its end; in a new browser if this one has stopped to draw."""
    with ExitStack() as stack:
        page = stack.enter_context(opened(browser, url, **options))
        try:
            scroll_through(page)
        except AssertionError as error:
            print(f"once more, in a new browser: {error}", file=sys.stderr)
            another = browser.browser_type.launch(executable_path=chromium(), args=FLAGS)
            stack.callback(another.close)
            page = stack.enter_context(opened(another, url, **options))
            scroll_through(page)
        yield page


@pytest.fixture(scope="module", params=PAGES)
def from_folder(request, site, browser):
    """A page opened by double-click, 1280 px wide, in light, seen to its end."""
    with opened_and_scrolled(
        browser, (site / request.param).as_uri(), color_scheme="light"
    ) as page:
        page.wait_for_load_state("networkidle")
        yield page


@pytest.fixture(scope="module", params=PAGES)
def from_host(request, host, browser):
    """A page from a static host on a phone, with every shift of its layout added up."""
    with opened_and_scrolled(
        browser, f"{host.url}/{request.param}", width=412, height=823, prepare=SHIFTS
    ) as page:
        page.name = request.param
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(200)
        yield page


@pytest.fixture(scope="module", params=[name for name in PAGES if name != "search.html"])
def without_scripts(request, site, browser):
    """A page in a browser that runs no script."""
    with opened(browser, (site / request.param).as_uri(), java_script_enabled=False) as page:
        yield page


def test_a_page_opened_from_a_folder_is_silent_and_asks_nothing_from_elsewhere(site, from_folder):
    assert from_folder.console == []
    assert [
        url for url in from_folder.requests if not url.startswith((site.as_uri(), "data:", "blob:"))
    ] == []
    broken = from_folder.evaluate(
        "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    assert broken == []


# axe looks up what lies behind each of thousands of words, which is most of its time; words of one
# kind (color, size, weight, every background and opacity up to the root) have one contrast, so
# three of each kind are marked and looked at
KINDS = """() => {
  for (const e of document.querySelectorAll('[data-kind]')) e.removeAttribute('data-kind');
  const kinds = new Map(), seen = new Set(), painted = new Map([[null, '']]);
  const behind = e => {
    if (!painted.has(e)) {
      const s = getComputedStyle(e);
      const own = [s.backgroundColor, s.backgroundImage, s.opacity].join(' ');
      const plain = own === 'rgba(0, 0, 0, 0) none 1';
      painted.set(e, (plain ? '' : own + '; ') + behind(e.parentElement));
    }
    return painted.get(e);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || seen.has(e) || !e.checkVisibility()) continue;
    if (e.closest('[aria-hidden="true"]')) continue;  // axe passes over it
    seen.add(e);
    const s = getComputedStyle(e);
    const kind = [s.color, s.fontSize, s.fontWeight, s.textShadow, behind(e)].join('; ');
    kinds.set(kind, (kinds.get(kind) || 0) + 1);
    if (kinds.get(kind) <= 3) e.setAttribute('data-kind', '');
  }
  axe.configure({ rules: [{ id: 'color-contrast', selector: '[data-kind]' }] });
  return kinds.size;
}"""


FONTS_READY = """async () => {
  await document.fonts.ready;
  await new Promise(done => setTimeout(done, 150));
}"""
WIDER_THAN = """screen => [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > screen + 1)
  .slice(0, 5)
  .map(e => e.tagName + '.' + e.className)"""
FORMULAS_HIDDEN = """screen => [...document.querySelectorAll('article div.math')].filter(e => {
  if (screen >= 1280 && e.clientWidth && e.scrollWidth > e.clientWidth + 1) return true;  // is cut
  const number = e.querySelector('.eqno')?.getBoundingClientRect();
  return number && [...e.querySelectorAll('.katex-html .base')].some(part => {
    const box = part.getBoundingClientRect();
    return box.right > number.left + 1 && box.left < number.right
      && box.bottom > number.top + 2 && box.top < number.bottom - 2;
  });
}).map(e => e.id || e.textContent.slice(0, 60))"""
LISTINGS_CUT = """[...document.querySelectorAll('details.source[open] pre')]
  .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
  .map(e => e.textContent.slice(0, 60))"""


# only these rules look at colors; what else axe checks cannot differ in dark, except for what only
# dark shows
COLOR = "color-contrast"
COLOR_RULES = (COLOR, "link-in-text-block")
NOTE_VISIBLE = """() => {
  const visible = [...document.querySelectorAll('*')].filter(e => e.checkVisibility());
  window.visibleBefore = new Set(visible);
}"""
MARK_APPEARED = """() => {
  const appeared = [...document.querySelectorAll('body *')]
    .filter(e => e.checkVisibility() && !window.visibleBefore.has(e));
  for (const e of appeared) e.setAttribute('data-appeared', '');
  return appeared.length;
}"""
# half of the nodes of a page draw formulas, hidden from screen readers; axe goes through each of
# them many times and checks nothing in them, so formulas are emptied meanwhile: those that hold
# nothing to focus and are not in a link or in a box that scrolls
RUN_AXE = """async ([context, options]) => {
  const scrolls = e => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX !== 'visible';
  const boxes = [...document.querySelectorAll('a, article *')]
    .filter(e => e.tagName === 'A' || scrolls(e));
  const emptied = [...document.querySelectorAll('.katex-html[aria-hidden="true"]')]
    .filter(e => !boxes.some(box => box.contains(e)))
    .filter(e => !e.querySelector('[id], [role], [tabindex], a'))
    .map(e => [e, [...e.childNodes]]);
  for (const [e] of emptied) e.replaceChildren();
  try {
    return await axe.run(context, options);
  } finally {
    for (const [e, nodes] of emptied) e.replaceChildren(...nodes);
  }
}"""


def violations(page):
    """What axe finds on the page: each rule everywhere, contrast on three words of each kind."""
    prepare_axe(page)
    return run_axe(page, {"include": [["html"]]}, TAGS)


def violations_of_other_colors(page):
    """What axe finds in colors, and in any way on what has appeared since `NOTE_VISIBLE`."""
    prepare_axe(page)
    colors = {**TAGS, "runOnly": {"type": "rule", "values": COLOR_RULES}}
    problems = run_axe(page, {"include": [["html"]]}, colors)
    if page.evaluate(MARK_APPEARED):
        problems += run_axe(page, {"include": [["[data-appeared]"]]}, TAGS)
    return problems


def prepare_axe(page):
    page.evaluate(AXE.axe_script)
    assert page.evaluate(KINDS) > 0


def run_axe(page, context, options):
    report = page.evaluate(RUN_AXE, [context, options])
    return [
        (violation["id"], node["target"], node["failureSummary"][:300])
        for violation in report["violations"]
        for node in violation["nodes"][:2]
    ]


def in_dark(page):
    """The page in the dark scheme, with all figures redrawn."""
    page.evaluate(NOTE_VISIBLE)
    show_in(page, "dark")
    start_figures(page)
    page.evaluate(FONTS_READY)


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def problems_in_dark(page, browser) -> tuple[list, str]:
    """What axe finds in the page turned dark, and its background.

    A page that does not turn, which happens once in some hundred runs on a busy computer, is opened
    anew in dark and looked at whole.
    """
    try:
        in_dark(page)
        return violations_of_other_colors(page), background(page)
    except StaysError as error:
        print(f"once more, opened in dark: {error}", file=sys.stderr)
    with opened_and_scrolled(browser, page.url, color_scheme="dark") as anew:
        anew.add_style_tag(content=LAY_OUT_ALL)
        anew.evaluate(FONTS_READY)
        return violations(anew), background(anew)


def test_axe_finds_nothing_in_light_and_in_dark(from_folder, browser, counted):
    """All folds are open since before the page was scrolled through; figures follow the scheme."""
    page = from_folder
    page.add_style_tag(content=LAY_OUT_ALL)
    start_figures(page)
    page.evaluate(FONTS_READY)
    assert violations(page) == []
    light = background(page)
    problems, dark = problems_in_dark(page, browser)
    assert problems == []
    assert dark != light, "dark is another scheme"
    counted("looks at a page by an accessibility checker, in light and in dark", 2)


def test_no_page_scrolls_sideways_and_formulas_are_whole(from_folder):
    """No number of an equation lies on it, from a phone to a 4K screen; the last test here."""
    from_folder.emulate_media(color_scheme="light")
    from_folder.add_style_tag(content=LAY_OUT_ALL)
    for width in (3840, 1280, 768, 360, 320):
        from_folder.set_viewport_size({"width": width, "height": 900})
        if width == 320:  # what was off the screen is laid out, and figures have taken their width
            start_figures(from_folder)
        from_folder.evaluate(f"async () => {{ {FRAMES}; }}")
        root = "document.documentElement"
        wide = from_folder.evaluate(f"{root}.scrollWidth")
        screen = from_folder.evaluate(f"{root}.clientWidth")
        assert screen <= width
        culprits = from_folder.evaluate(WIDER_THAN, screen) if wide > screen else []
        assert wide <= screen, f"at {width}: {wide} > {screen}: {culprits}"
        assert from_folder.evaluate(FORMULAS_HIDDEN, width) == [], f"at {width}"
        if width == 1280:
            assert from_folder.evaluate(LISTINGS_CUT) == []


@pytest.mark.parametrize(
    ("where", "style"),
    [
        ("article pre span", "color: rgb(200, 200, 200)"),  # one token of one listing
        ("article section p", "opacity: 0.4"),  # one paragraph
        ("article table td", "background: rgb(90, 90, 110)"),  # one cell
    ],
)
def test_one_pale_word_among_thousands_is_found(where, style, site, browser):
    """The control of the test above: contrast is looked at by kinds of words, a single one too."""
    with opened(browser, (site / "front" / "notation.html").as_uri(), color_scheme="light") as page:
        scroll_through(page)
        assert violations(page) == []
        words = page.locator(where).filter(visible=True)
        words.nth(words.count() - 1).evaluate("(e, style) => e.setAttribute('style', style)", style)
        assert {rule for rule, *_ in violations(page)} == {COLOR}


@pytest.mark.parametrize(
    ("selector", "change", "rule"),
    [
        ("article img.for-dark", "e => e.removeAttribute('alt')", "image-alt"),
        ("article section p", "e => e.setAttribute('style', 'color: rgb(60, 60, 60)')", COLOR),
    ],
)
def test_a_fault_that_only_dark_shows_is_found(selector, change, rule, site, browser):
    """The control of the check in dark: an image without alternative text, and dark gray words."""
    url = (site / "data" / "tensors.html").as_uri()
    with opened(browser, url, color_scheme="light") as page:
        scroll_through(page)
        page.locator(selector).last.evaluate(change)
        assert violations(page) == []
        in_dark(page)
        assert {name for name, *_ in violations_of_other_colors(page)} == {rule}


def test_a_page_from_a_host_is_silent_and_asks_nothing_from_elsewhere(host, from_host):
    own = (host.url, "data:", "blob:")
    assert from_host.console == []
    assert [url for url in from_host.requests if not url.startswith(own)] == []


def test_a_page_is_small_and_does_not_shift(site, from_host, measured):
    size = len(gzip.compress((site / from_host.name).read_bytes(), 6))
    shift = from_host.evaluate("window.shift")
    measured(f"page {from_host.name}: {size / 1000:.1f} KB gzipped, layout shift {shift:.4f}")
    assert size <= 90_000
    assert shift <= 0.02


TORN = """() => {
  const torn = [];
  const visible = e => e.getClientRects().length > 0;
  const box = e => e.getBoundingClientRect();
  for (const place of document.querySelectorAll('.stay')) {
    const base = [...place.querySelectorAll('.katex-html .base')].pop();
    if (!base || !visible(base)) continue;
    const mark = document.createRange();
    mark.selectNodeContents(place.lastChild);
    if (box(mark).top > box(base).bottom - 2 || box(mark).left < box(base).left)
      torn.push('mark after ' + base.textContent);
  }
  for (const number of document.querySelectorAll('div.math .eqno')) {
    const a = box(number);
    for (const base of number.parentElement.querySelectorAll('.katex-html .base')) {
      const b = box(base);
      const beside = a.left >= b.right || b.left >= a.right;
      if (!visible(number) || beside || a.top >= b.bottom || b.top >= a.bottom) continue;
      torn.push('number on ' + base.textContent);
      break;
    }
  }
  for (const name of document.querySelectorAll('.table-scroll code'))
    if (new Set([...name.getClientRects()].map(piece => piece.top)).size > 1)
      torn.push('broken ' + name.textContent);
  return torn;
}"""
GROWN = """() => [...document.querySelectorAll('.interactive-rows')].map(place => {
  const rows = [...place.querySelectorAll('.vega-bind')];
  const height = rows.reduce((sum, row) => sum + row.getBoundingClientRect().height, 0);
  return [place.id, height, parseFloat(getComputedStyle(place).minHeight)];
}).filter(([, height, reserved]) => height === 0 || height > reserved + 1)"""
FLAT = """formulas => formulas
  .filter(e => e.checkVisibility({ visibilityProperty: true }))
  .filter(e => e.getBoundingClientRect().width === 0)
  .map(e => e.textContent)"""
TEXT = "paragraphs => paragraphs.map(e => e.innerText).join('')"
# Playwright's idea of what is visible
VISIBLE = """e => {
  const box = e.getBoundingClientRect();
  return e.checkVisibility({ visibilityProperty: true }) && box.width > 0 && box.height > 0;
}"""
HIDDEN = f"figures => figures.filter(e => !({VISIBLE})(e)).map(e => e.id || e.outerHTML)"
WITHOUT_PICTURE = f"""boxes => boxes
  .filter(box => ![...box.querySelectorAll('img')].some({VISIBLE}))
  .map(box => box.id || box.outerHTML)"""


def test_formulas_and_names_are_whole_on_a_phone(from_host):
    """No mark begins a line after its formula, no number overlaps, no name in a table breaks."""
    from_host.add_style_tag(content=LAY_OUT_ALL)
    torn = from_host.evaluate(TORN)
    assert torn == []


def test_a_figure_that_starts_takes_the_room_that_was_kept_for_it(from_host):
    """Whoever looks at a figure while it starts, on a slow phone, sees nothing below it move."""
    grown = from_host.evaluate(GROWN)
    assert grown == []


def test_no_formula_waits_for_its_font(from_host):
    """A late font would move the lines below, so the fonts come with the style sheet."""
    assert [
        url for url in from_host.requests if ".woff2" in url and not url.startswith("data:")
    ] == []
    fonts = from_host.evaluate(
        "[...document.fonts].filter(f => f.family.includes('KaTeX')).map(f => [f.family, f.status])"
    )
    assert [name for name, status in fonts if status == "error"] == []
    assert any(status == "loaded" for _, status in fonts) or not from_host.query_selector(".katex")


def test_a_page_is_complete_without_scripts(without_scripts):
    page = without_scripts
    flat = page.eval_on_selector_all(".katex", FLAT)
    assert flat == []
    text = page.eval_on_selector_all("article > section > p", TEXT)
    assert "$" not in text
    empty = page.eval_on_selector_all(".interactive", WITHOUT_PICTURE)
    assert empty == [], "the static picture stands in"
    hidden = page.eval_on_selector_all("article figure", HIDDEN)
    assert hidden == []


def test_the_first_visit_and_the_second_page_are_within_budget(host, browser, measured):
    """Bytes over the wire with gzip, pictures aside, with an empty and with a warm cache."""
    names = [name for name in PAGES if name not in ("404.html", "search.html")]
    sizes = {name: len(read(host, name)) for name in names if name != "index.html"}
    heavy = max(sizes, key=lambda name: sizes[name])
    for first, second in ((heavy, "index.html"), ("index.html", heavy)):
        context = browser.new_context()
        page = context.new_page()
        spent = []
        for name in (first, second):
            del host.sent[:]
            page.goto(f"{host.url}/{name}")
            page.wait_for_load_state("networkidle")
            spent.append(
                sum(
                    size
                    for path, size in host.sent
                    if "/_images/" not in path and "vega.js" not in path
                )
            )
        context.close()
        measured(
            f"first visit {first}: {spent[0] / 1000:.0f} KB, "
            f"then {second}: {spent[1] / 1000:.0f} KB"
        )
        assert spent[0] <= 170_000
        assert spent[1] <= 120_000


def read(host, name: str) -> bytes:
    with urllib.request.urlopen(f"{host.url}/{name}") as answer:
        return answer.read()
