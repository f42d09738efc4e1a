"""Every page in a real browser: silent, self-contained, accessible, and never wider than the screen."""

from __future__ import annotations

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.conftest import pages

pytestmark = pytest.mark.browser
PAGES = pages()
AXE = Axe()
TAGS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


def scroll_through(page):
    """Walk down the page, so that everything lazy is loaded; a figure starts when it comes into sight, so each is looked at until it has."""
    page.evaluate(
        "async () => { for (let y = 0; y < document.documentElement.scrollHeight; y += 600) { scrollTo(0, y); await new Promise(r => setTimeout(r, 25)); } }"
    )
    for box in page.query_selector_all(".interactive"):
        box.scroll_into_view_if_needed()
        box.wait_for_selector(".interactive-live svg", state="attached", timeout=15000)
    page.evaluate("scrollTo(0, 0)")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opened_from_a_folder_is_silent_and_asks_nothing_from_elsewhere(site, open_page, name):
    page = open_page((site / name).as_uri())
    scroll_through(page)
    page.wait_for_load_state("networkidle")
    assert page.said == []
    assert [url for url in page.asked if not url.startswith((site.as_uri(), "data:", "blob:"))] == []
    broken = page.evaluate("[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)")
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_from_a_host_is_silent_and_asks_nothing_from_elsewhere(host, open_page, name):
    page = open_page(f"{host.url}/{name}")
    scroll_through(page)
    page.wait_for_load_state("networkidle")
    assert page.said == [] and [url for url in page.asked if not url.startswith((host.url, "data:", "blob:"))] == []


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 3840])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(site, open_page, name, width):
    page = open_page((site / name).as_uri(), width=width)
    if width in (320, 1280):
        scroll_through(page)
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if wide > screen:
        culprits = page.evaluate(
            "w => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1).slice(0, 5).map(e => e.tagName + '.' + e.className)", screen
        )
        raise AssertionError(f"{wide} > {screen}: {culprits}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(site, open_page, name, scheme):
    page = open_page((site / name).as_uri(), color_scheme=scheme)
    scroll_through(page)
    page.evaluate("async () => { document.querySelectorAll('details').forEach(d => { d.open = true; }); await document.fonts.ready; await new Promise(r => setTimeout(r, 150)); }")
    found = AXE.run(page, options=TAGS).response["violations"]
    assert [(v["id"], n["target"], n["failureSummary"][:300]) for v in found for n in v["nodes"][:2]] == []


@pytest.mark.parametrize("name", [name for name in PAGES if name != "search.html"])
def test_a_page_is_complete_without_scripts(site, open_page, name):
    page = open_page((site / name).as_uri(), java_script_enabled=False)
    formulas = page.query_selector_all(".katex")
    flat = [f for f in formulas if f.is_visible() and f.bounding_box()["width"] == 0]
    assert flat == []
    assert "$" not in "".join(p.inner_text() for p in page.query_selector_all("article > section > p"))
    for box in page.query_selector_all(".interactive"):
        assert [i for i in box.query_selector_all("img") if i.is_visible()], "the static picture stands in"
    for image in page.query_selector_all("article figure"):
        assert image.is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_and_does_not_shift(site, host, open_page, name, measured):
    size = len(gzip.compress((site / name).read_bytes(), 6))
    page = open_page(f"{host.url}/{name}", width=412, height=823)
    page.evaluate(
        "() => { window.shift = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) window.shift += e.value; })"
        ".observe({ type: 'layout-shift', buffered: true }); }"
    )
    scroll_through(page)
    page.wait_for_timeout(200)
    shift = page.evaluate("window.shift")
    measured(f"page {name}: {size / 1000:.1f} KB gzipped, layout shift {shift:.4f}")
    assert size <= 90_000 and shift <= 0.02


def test_the_first_visit_and_the_second_page_are_within_budget(host, browser, measured):
    """Bytes over the wire with gzip, pictures aside, with an empty and with a warm cache."""
    names = [name for name in PAGES if name not in ("404.html", "search.html")]
    heavy = max(names, key=lambda name: 0 if name == "index.html" else len(name.encode()) and _length(host, name))
    for first, second in ((heavy, "index.html"), ("index.html", heavy)):
        context = browser.new_context()
        page = context.new_page()
        spent = []
        for name in (first, second):
            del host.sent[:]
            page.goto(f"{host.url}/{name}")
            page.wait_for_load_state("networkidle")
            spent.append(sum(size for path, size in host.sent if "/_images/" not in path and "vega.js" not in path))
        context.close()
        measured(f"first visit {first}: {spent[0] / 1000:.0f} KB, then {second}: {spent[1] / 1000:.0f} KB")
        assert spent[0] <= 300_000 and spent[1] <= 120_000


def _length(host, name):
    import urllib.request

    return len(urllib.request.urlopen(f"{host.url}/{name}").read())
