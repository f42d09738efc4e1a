"""Every page in a real browser: silent, self-contained, accessible, and never wider than the screen.

A page is opened three times, and each test looks at one of the three: from a folder on a wide screen,
from a host on a phone, and without scripts.
"""

from __future__ import annotations

import gzip
import sys
from contextlib import ExitStack, contextmanager, suppress

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.site.conftest import FLAGS, chromium, opened, pages

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
SHIFTS = (
    "window.shift = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) window.shift += e.value; })"
    ".observe({ type: 'layout-shift', buffered: true });"
)


# a busy machine can lose a frame, and then nothing asks for another: who waits for one waits a second at most
FRAMES = "await new Promise(done => { requestAnimationFrame(() => requestAnimationFrame(done)); setTimeout(done, 1000); })"


def scroll_through(page):
    """Walk down the page as a reader does, by the wheel at first, so that everything lazy is loaded; each figure is looked at until it has started."""
    # told to the page and not to the browser, which answers a real wheel with a frame, and waits for it without an end
    page.evaluate(
        f"async () => {{ document.body.dispatchEvent(new WheelEvent('wheel', {{ deltaY: 50, bubbles: true }})); scrollBy(0, 50); {FRAMES}; }}"
    )
    page.evaluate(
        "async () => { for (let y = 0; y < document.documentElement.scrollHeight; y += 0.9 * innerHeight)"
        f" {{ scrollTo(0, y); {FRAMES}; }} }}"
    )
    for box in page.query_selector_all(".interactive"):
        seen(page, box)
    page.evaluate("scrollTo(0, 0)")


def seen(page, box):
    """Look at a figure until it has started. A busy machine can lose the frame in which it came into view: then look away and back, as a reader would."""
    for _ in range(3):
        box.evaluate("e => e.scrollIntoView({ block: 'center' })")
        try:
            return box.wait_for_selector(".interactive-live svg", state="attached", timeout=5000)
        except PlaywrightTimeout:
            state = box.evaluate(
                f"async e => {{ const t = performance.now(); {FRAMES}; return [e.className, !!e.view, document.visibilityState, performance.now() - t, t]; }}"
            )
            print(
                f"a figure did not start within 5 s: class, view, page, ms for two frames, ms since the page began: {state}; the page said {page.said}",
                file=sys.stderr,
            )
            assert "is-static" not in state[0], f"the figure gave up: {page.said}"
            with suppress(PlaywrightError):  # a picture asks for a frame as well
                page.bring_to_front()
                page.screenshot(timeout=5000)
            page.evaluate(f"async () => {{ scrollTo(0, 0); {FRAMES}; }}")
    raise AssertionError(f"a figure did not start in three looks of 5 s: {state}")


@contextmanager
def walked(browser, url, **options):
    """A page seen to its end; in a new browser if this one has stopped to draw, which a page cannot be blamed for."""
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
    with walked(browser, (site / request.param).as_uri(), color_scheme="light") as page:
        page.wait_for_load_state("networkidle")
        yield page


@pytest.fixture(scope="module", params=PAGES)
def from_host(request, host, browser):
    """A page from a static host on a phone, seen to its end, with every shift of its layout added up."""
    with walked(
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
    assert from_folder.said == []
    assert [
        url for url in from_folder.asked if not url.startswith((site.as_uri(), "data:", "blob:"))
    ] == []
    broken = from_folder.evaluate(
        "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    assert broken == []


def test_no_page_scrolls_sideways(from_folder):
    # a block with containment would hide what it overflows with
    from_folder.add_style_tag(
        content="article section > * { content-visibility: visible !important; contain: none !important; }"
    )
    for width in (3840, 1280, 768, 360, 320):
        from_folder.set_viewport_size({"width": width, "height": 900})
        if width == 320:  # at 1280 it has been seen to its end already
            scroll_through(from_folder)
        from_folder.evaluate(f"async () => {{ {FRAMES}; }}")
        wide, screen = from_folder.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert screen <= width
        if wide > screen:
            culprits = from_folder.evaluate(
                "w => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1).slice(0, 5).map(e => e.tagName + '.' + e.className)",
                screen,
            )
            raise AssertionError(f"at {width}: {wide} > {screen}: {culprits}")


# axe looks up what lies behind each of thousands of words, which is most of its time; words of one kind (colour, size, weight,
# and every background and opacity up to the root) have one contrast, so three of each kind are marked, and looked at
KINDS = """() => {
  for (const e of document.querySelectorAll('[data-kind]')) e.removeAttribute('data-kind');
  const kinds = new Map(), seen = new Set(), painted = new Map([[null, '']]);
  const behind = e => {
    if (!painted.has(e)) {
      const s = getComputedStyle(e), own = [s.backgroundColor, s.backgroundImage, s.opacity].join(' ');
      painted.set(e, (own === 'rgba(0, 0, 0, 0) none 1' ? '' : own + '; ') + behind(e.parentElement));
    }
    return painted.get(e);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || seen.has(e) || !e.checkVisibility()) continue;
    seen.add(e);
    const s = getComputedStyle(e), kind = [s.color, s.fontSize, s.fontWeight, s.textShadow, behind(e)].join('; ');
    kinds.set(kind, (kinds.get(kind) || 0) + 1);
    if (kinds.get(kind) <= 3) e.setAttribute('data-kind', '');
  }
  axe.configure({ rules: [{ id: 'color-contrast', selector: '[data-kind]' }] });
  return kinds.size;
}"""


def violations(page):
    """What axe finds on the page as it is now: each rule on every element, contrast on three words of each kind."""
    page.evaluate(AXE.axe_script)
    assert page.evaluate(KINDS) > 0
    return [
        (v["id"], n["target"], n["failureSummary"][:300])
        for v in page.evaluate("options => axe.run(options)", TAGS)["violations"]
        for n in v["nodes"][:2]
    ]


def test_axe_finds_nothing_in_light_and_in_dark(from_folder, counted):
    page = from_folder
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    backgrounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        scroll_through(page)
        page.evaluate(
            "async () => { await document.fonts.ready; await new Promise(r => setTimeout(r, 150)); }"
        )
        assert (scheme, violations(page)) == (scheme, [])
        backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] != backgrounds[1], "dark is another scheme"
    counted("looks at a page by an accessibility checker, in light and in dark", 2)


@pytest.mark.parametrize(
    ("where", "style"),
    [
        ("article pre span", "color: rgb(200, 200, 200)"),  # one token of one listing
        ("article section p", "opacity: 0.4"),  # one paragraph
        ("article table td", "background: rgb(90, 90, 110)"),  # one cell
    ],
)
def test_one_pale_word_among_thousands_is_found(where, style, site, browser):
    """The control of the test above: contrast is looked at by kinds, and a single word of another kind is one."""
    with opened(browser, (site / "front" / "notation.html").as_uri(), color_scheme="light") as page:
        scroll_through(page)
        assert violations(page) == []
        words = page.locator(where).filter(visible=True)
        words.nth(words.count() - 1).evaluate("(e, style) => e.setAttribute('style', style)", style)
        assert {found[0] for found in violations(page)} == {"color-contrast"}


def test_a_page_from_a_host_is_silent_and_asks_nothing_from_elsewhere(host, from_host):
    assert (
        from_host.said == []
        and [url for url in from_host.asked if not url.startswith((host.url, "data:", "blob:"))]
        == []
    )


def test_a_page_is_small_and_does_not_shift(site, from_host, measured):
    size = len(gzip.compress((site / from_host.name).read_bytes(), 6))
    shift = from_host.evaluate("window.shift")
    measured(f"page {from_host.name}: {size / 1000:.1f} KB gzipped, layout shift {shift:.4f}")
    assert size <= 90_000 and shift <= 0.02


def test_formulas_and_names_are_whole_on_a_phone(from_host):
    """No punctuation begins a line after its formula, no number lies on its equation, no name in a table is broken."""
    from_host.add_style_tag(
        content="article section > * { content-visibility: visible !important; contain: none !important; }"
    )
    torn = from_host.evaluate("""() => {
      const lost = [], seen = e => e.getClientRects().length > 0, box = e => e.getBoundingClientRect();
      for (const place of document.querySelectorAll('.stay')) {
        const base = [...place.querySelectorAll('.katex-html .base')].pop(), mark = document.createRange();
        if (!base || !seen(base)) continue;
        mark.selectNodeContents(place.lastChild);
        if (box(mark).top > box(base).bottom - 2 || box(mark).left < box(base).left) lost.push('mark after ' + base.textContent);
      }
      for (const number of document.querySelectorAll('div.math .eqno')) for (const base of number.parentElement.querySelectorAll('.katex-html .base')) {
        const a = box(number), b = box(base);
        if (seen(number) && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) { lost.push('number on ' + base.textContent); break; }
      }
      for (const name of document.querySelectorAll('.table-scroll code')) if (name.getClientRects().length > 1) lost.push('broken ' + name.textContent);
      return lost;
    }""")
    assert torn == []


def test_a_figure_that_starts_takes_the_room_that_was_kept_for_it(from_host):
    """Whoever looks at a figure while it starts, on a slow phone, sees nothing below it move."""
    grown = from_host.evaluate("""() => [...document.querySelectorAll('.interactive-controls')].map(place => {
      const rows = [...place.querySelectorAll('.vega-bind')].reduce((sum, row) => sum + row.getBoundingClientRect().height, 0);
      return [place.id, rows, parseFloat(getComputedStyle(place).minHeight)];
    }).filter(([, rows, kept]) => rows === 0 || rows > kept + 1)""")
    assert grown == []


def test_no_formula_waits_for_its_font(from_host):
    """A font that comes later than its formula moves the lines below: those of the formulas on this page came with the style sheet."""
    assert [url for url in from_host.asked if ".woff2" in url and not url.startswith("data:")] == []
    fonts = from_host.evaluate(
        "[...document.fonts].filter(f => f.family.includes('KaTeX')).map(f => [f.family, f.status])"
    )
    assert [name for name, status in fonts if status == "error"] == []
    assert any(status == "loaded" for _, status in fonts) or not from_host.query_selector(".katex")


def test_a_page_is_complete_without_scripts(without_scripts):
    page = without_scripts
    flat = page.eval_on_selector_all(
        ".katex",
        "all => all.filter(e => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width === 0).map(e => e.textContent)",
    )
    assert flat == []
    assert "$" not in "".join(
        p.inner_text() for p in page.query_selector_all("article > section > p")
    )
    for box in page.query_selector_all(".interactive"):
        assert [i for i in box.query_selector_all("img") if i.is_visible()], (
            "the static picture stands in"
        )
    for image in page.query_selector_all("article figure"):
        assert image.is_visible()


def test_the_first_visit_and_the_second_page_are_within_budget(host, browser, measured):
    """Bytes over the wire with gzip, pictures aside, with an empty and with a warm cache."""
    names = [name for name in PAGES if name not in ("404.html", "search.html")]
    heavy = max(
        names,
        key=lambda name: 0 if name == "index.html" else len(name.encode()) and _length(host, name),
    )
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
            f"first visit {first}: {spent[0] / 1000:.0f} KB, then {second}: {spent[1] / 1000:.0f} KB"
        )
        assert spent[0] <= 170_000 and spent[1] <= 120_000


def _length(host, name):
    import urllib.request

    return len(urllib.request.urlopen(f"{host.url}/{name}").read())
