"""What a reader does: switch, copy, unfold, move a slider, look up a word."""

from __future__ import annotations

import datetime
import json
import re

import pytest
from press import config
from press.source import toc

from tests.conftest import ROOT
from tests.site.conftest import pages
from tests.site.rendering import show_in, wait_for_figure

pytestmark = pytest.mark.browser
CHAPTER = "data/tensors.html"
SITE = ROOT / "_build" / "html"
SLUGS = toc.slugs(config.load(ROOT))


SCROLLING = """() => {
  for (const box of document.querySelectorAll('details')) box.open = true;
  return [...document.querySelectorAll('.cell pre')]
    .filter(e => !e.closest('.sources') && e.scrollWidth > e.clientWidth + 1)
    .map(e => e.textContent.slice(0, 60));
}"""


@pytest.mark.parametrize("name", ["data/model", "learning/metrics", "learning/optimizers"])
def test_lines_of_79_columns_fit_at_1280_in_solutions_too(host, open_page, name):
    page = open_page(f"{host.url}/{name}.html")
    assert page.evaluate(SCROLLING) == []


def test_the_theme_switches_and_is_remembered(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    button = page.locator(".theme-switch-button").first
    for _ in range(3):
        button.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light == "rgb(255, 255, 255)"
    assert dark != light
    figure = page.locator("article figure").first
    assert figure.locator("img.for-dark").first.is_visible()
    assert not figure.locator("img.for-light").first.is_visible()
    page.goto(f"{host.url}/index.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_dark_is_followed_without_scripts(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", color_scheme="dark", java_script_enabled=False)
    assert page.locator("article figure img.for-dark").first.is_visible()


def test_code_is_copied_and_outputs_have_no_button(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}", permissions=["clipboard-read", "clipboard-write"])
    cell = page.locator("div.cell_input").nth(2)
    cell.hover()
    cell.locator("button.copybtn").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.strip() == cell.locator("pre").inner_text().strip()
    assert page.locator("div.cell_output button.copybtn").count() == 0


def test_solutions_unfold_by_keyboard(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    box = page.locator("details.solution").first
    assert box.get_attribute("open") is None
    box.locator("summary").focus()
    page.keyboard.press("Enter")
    assert box.get_attribute("open") is not None
    assert box.locator("div.cell_output").first.is_visible()
    page.keyboard.press("Space")
    assert box.get_attribute("open") is None


def interactive_pages() -> list[str]:
    return [
        name
        for name in pages()
        if (SITE / name).is_file()
        and 'class="interactive"' in (SITE / name).read_text(encoding="utf-8")
    ]


def redrawn(page, box, before: str, key: str) -> bool:
    """Press a key, and see within a second whether the figure is another one."""
    page.keyboard.press(key)
    for _ in range(25):
        page.wait_for_timeout(40)
        if box.query_selector(".interactive-live").inner_html() != before:
            return True
    return False


def test_many_pages_have_interactive_figures(site):
    assert len(interactive_pages()) >= 30


@pytest.mark.parametrize("name", interactive_pages())
def test_sliders_and_menus_change_their_figures_by_keyboard(site, host, open_page, counted, name):
    page = open_page(f"{host.url}/{name}")
    moved = 0
    for box in page.query_selector_all(".interactive"):
        wait_for_figure(page, box)
        assert not any(image.is_visible() for image in box.query_selector_all("img"))
        for control in box.query_selector_all(
            ".interactive-controls input, .interactive-controls select"
        ):
            label = control.evaluate("e => e.closest('label').textContent.trim()")
            assert label
            before = box.query_selector(".interactive-live").inner_html()
            control.focus()
            keys = ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowUp")
            assert any(redrawn(page, box, before, key) for key in keys), f"{label} moved nothing"
            moved += 1
    assert page.console == []
    counted("controls of figures moved by keyboard", moved)


# the lowest size of a label in CSS pixels, as it is drawn, and that label
SMALLEST = """e => [...e.querySelectorAll('.interactive-live text')]
  .filter(text => text.textContent.trim())
  .map(text => {
    const { a, b } = text.getScreenCTM();
    return [parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b), text.textContent];
  })
  .reduce((one, other) => one[0] <= other[0] ? one : other)"""
# takes a slider or a menu to one of its ends
TO_END = """(e, last) => {
  if (e.type === 'range') e.value = last ? e.max : e.min;
  else e.selectedIndex = last ? e.options.length - 1 : 0;
  for (const name of ['input', 'change']) e.dispatchEvent(new Event(name, { bubbles: true }));
}"""


@pytest.mark.parametrize("name", interactive_pages())
def test_labels_of_interactive_figures_have_12_pixels_on_a_phone(host, open_page, counted, name):
    """As drawn when the figure starts and with each control at its ends, which can widen it."""
    page = open_page(f"{host.url}/{name}", width=360, height=800)
    seen = 0
    for box in page.query_selector_all(".interactive"):
        wait_for_figure(page, box)
        controls = box.query_selector_all(".interactive-rows input[type=range], select")
        for control, last in [(None, False), *((one, end) for one in controls for end in (0, 1))]:
            if control:
                control.evaluate(TO_END, last)
                page.wait_for_timeout(60)
            size, text = box.evaluate(SMALLEST)
            assert size >= 12, text
            seen += 1
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    counted("states of figures whose labels were measured on a phone", seen)


def test_an_open_page_follows_the_color_scheme_of_the_system(host, open_page):
    """Without a second try: the test of accessibility opens a page anew that does not turn."""
    page = open_page(f"{host.url}/{CHAPTER}", color_scheme="light")
    for scheme in ("dark", "light"):
        show_in(page, scheme)


def test_interactive_figures_follow_the_theme(host, open_page):
    page = open_page(f"{host.url}/data/model.html", color_scheme="light")
    box = page.locator(".interactive").first
    wait_for_figure(page, box.element_handle())
    before = box.locator(".interactive-live").inner_html()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    for _ in range(100):  # a busy machine redraws late
        page.wait_for_timeout(50)
        if box.locator(".interactive-live").inner_html() != before:
            return
    raise AssertionError("the figure is drawn as before")


def test_a_term_shows_its_definition_on_focus_and_hover(host, open_page):
    page = open_page(f"{host.url}/{CHAPTER}")
    term = page.locator("a.term").first
    tip = page.locator("#term-tip")
    assert not tip.is_visible()
    term.focus()
    assert tip.is_visible()
    assert len(tip.inner_text()) > 20
    assert term.get_attribute("aria-describedby") == "term-tip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    term.hover()
    assert tip.is_visible()
    tip.hover()
    page.wait_for_timeout(400)
    assert tip.is_visible(), "the pointer may enter the definition"


def test_the_page_tells_its_minutes_and_its_checks(parsed):
    [facts] = parsed(CHAPTER).find_class("page-facts")
    time = r"(?:\d+ h )?\d+ min"
    pattern = rf"{time} to read · {time} to practice · runs in under \d+ s · \d+ outputs checked"
    assert re.fullmatch(pattern, " ".join(facts.text_content().split()))


def test_every_page_says_its_version_and_when_it_last_changed(parsed):
    """Once a page whose text was newer than the committed dates had none."""
    missing = []
    for slug in SLUGS:
        [foot] = parsed(f"{slug}.html").find_class("foot")
        days = [datetime.date.fromisoformat(time.get("datetime")) for time in foot.iter("time")]
        if len(days) != 1 or "Version " not in foot.text_content():
            missing.append(slug)
    assert len(SLUGS) >= 48
    assert missing == []


def test_llms_txt_leads_to_the_markdown_of_every_page(site):
    text = (site / "llms.txt").read_text(encoding="utf-8")
    names = [link.rpartition("ground-truth/")[2] for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert {f"{slug}.md" for slug in SLUGS} <= set(names)
    assert [name for name in names if not (site / name).is_file()] == []


@pytest.mark.parametrize("name", ["index.html", CHAPTER, "search.html"])
def test_the_texts_for_language_models_are_linked_from_every_page(site, parsed, name):
    [foot] = parsed(name).find_class("foot")
    links = [link.get("href") for link in foot.iter("a")]
    for text in ("llms.txt", "llms-full.txt"):
        [link] = [link for link in links if link.endswith(f"/{text}") or link == text]
        assert (site / name).parent.joinpath(link).resolve() == (site / text).resolve()
    alternate = parsed(name).xpath("//link[@rel='alternate'][@type='text/plain']/@href")
    assert alternate == (["llms.txt", "llms-full.txt"] if name == "index.html" else [])


def test_a_page_can_be_taken_away_as_a_notebook(site, parsed):
    import nbformat

    [menu] = parsed(CHAPTER).find_class("run-menu")
    links = {link.text_content().strip(): link.get("href") for link in menu.iter("a")}
    assert set(links) == {
        "Download as notebook",
        "Download as Markdown",
        "Open in Colab",
        "Open in Binder",
        "Source of this page",
    }
    notebook = nbformat.read(site / "data" / links["Download as notebook"], as_version=4)
    nbformat.validate(notebook)
    assert any(cell.cell_type == "markdown" for cell in notebook.cells)
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_known_pages_shorten_the_path_and_are_remembered(host, open_page):
    page = open_page(f"{host.url}/index.html")
    visible = page.locator(".path:not([hidden]) .path-sum")
    assert visible.count() == 1, "one path at a time"
    before = int(re.search(r"\d+", visible.text_content())[0])  # pages
    page.locator(".path-picker input").first.focus()
    page.keyboard.press("Space")
    after = int(re.search(r"\d+", visible.text_content())[0])
    assert after < before
    page.reload()
    assert int(re.search(r"\d+", visible.text_content())[0]) == after
    page.locator(".path-bar button").last.focus()
    page.keyboard.press("Enter")
    assert page.locator(".path:not([hidden]) h3").inner_text() == "Interview"
    assert page.locator(".path-bar button[aria-pressed=true]").inner_text() == "Interview"


def test_all_paths_are_listed_without_scripts(host, open_page):
    page = open_page(f"{host.url}/index.html", java_script_enabled=False)
    assert [part.is_visible() for part in page.locator("section.path").all()] == [True] * 3


def test_the_depth_switch_hides_and_shows(host, open_page):
    page = open_page(f"{host.url}/front/how-to-read.html")
    derivation = page.locator(".admonition.derivation").first
    trap = page.locator(".admonition.trap").first
    page.locator("fieldset.depth input[value=story]").check()
    assert not derivation.is_visible()
    assert trap.is_visible()
    page.locator("fieldset.depth input[value=maths]").check()
    assert derivation.is_visible()
    assert not trap.is_visible()
    page.locator("fieldset.depth input[value=all]").check()
    assert derivation.is_visible()
    assert trap.is_visible()


def test_counts_on_the_landing_page_are_those_of_the_expectations(root, parsed):
    [table] = parsed("index.html").find_class("counts")
    cells = [[cell.text_content() for cell in row.iter("td")] for row in table.iter("tr")]
    rows = {row[0]: row[-1] for row in cells if row}
    expected = [json.loads(p.read_text()) for p in (root / "tests" / "expected").rglob("*.ipynb")]
    assert int(rows["outputs checked"]) == sum(
        len(cell["outputs"]) for book in expected for cell in book["cells"]
    )
    text = json.dumps(expected)
    assert int(rows["parity checks against a library"]) == text.count("parity ok:") > 20
    assert int(rows["derivations checked by a cell"]) == text.count("derived ok:") > 10
    assert int(rows["claims checked by a cell"]) == text.count("claim ok:") > 10


def longest(site) -> str:
    return max(
        (name for name in pages() if name.startswith(("networks/", "learning/"))),
        key=lambda name: (site / name).stat().st_size,
    )


@pytest.mark.parametrize("width", [1280, 360])
def test_an_address_inside_a_long_page_is_reached(site, host, open_page, width):
    """What is off the screen has no layout yet; every jump must find its place all the same."""
    name = longest(site)
    anchors = re.findall(r'<section id="([^"]+)"', (site / name).read_text())
    for anchor in (anchors[len(anchors) // 2], anchors[-3], anchors[1]):
        page = open_page(f"{host.url}/{name}#{anchor}", width=width, height=800)
        for jump in ("", anchors[-1], anchor):
            if jump:
                page.evaluate("a => document.querySelector(`a[href='#${a}']`).click()", jump)
            where = f"document.getElementById('{jump or anchor}').getBoundingClientRect().top"
            page.wait_for_timeout(300)
            limit = (
                800 if (jump or anchor) == anchors[-1] else 800 / 3
            )  # the last one cannot come to the top
            assert -2 <= page.evaluate(where) < limit, (anchor, jump)


def test_what_is_off_the_screen_is_laid_out_when_the_browser_is_idle(site, host, open_page):
    selector = "article section > section ~ section > :is(p, div) > *"
    visible = f"""[...document.querySelectorAll('{selector}')]
        .map(e => e.checkVisibility({{ contentVisibilityAuto: true }}))"""
    busy = open_page(
        f"{host.url}/{longest(site)}",
        width=412,
        height=823,
        prepare="window.requestIdleCallback = () => 0;",
    )
    busy.wait_for_timeout(500)
    first = busy.evaluate(visible)
    assert len(first) >= 50
    assert sum(first) < len(first) / 4, "a browser that is never idle lays out what is near"
    page = open_page(f"{host.url}/{longest(site)}", width=412, height=823)
    page.wait_for_selector("html[data-whole]", state="attached")
    assert all(page.evaluate(visible))
    assert all(page.evaluate(visible.replace(f"{selector}'", f"{selector} > *'")))


def test_whoever_scrolls_gets_the_whole_layout_at_once(site, host, open_page):
    """Also in the middle of a long derivation, whose parts are laid out one after the other."""
    parts = "article section > section ~ section > .derivation > *"
    hidden = f"""[...document.querySelectorAll('{parts}')]
        .filter(e => getComputedStyle(e).contentVisibility === 'auto').length"""
    page = open_page(
        f"{host.url}/learning/optimizers.html",
        width=412,
        height=823,
        prepare=f"""window.requestIdleCallback = later => setTimeout(() => {{
            if (!({hidden})) later({{ timeRemaining: () => 0 }});
        }});""",
    )
    for _ in range(100):
        if page.evaluate(hidden):
            break
        page.wait_for_timeout(100)
    assert page.evaluate(hidden) > 0, "no derivation is laid out in parts"
    page.mouse.wheel(0, 300)
    page.wait_for_selector("html[data-whole]", state="attached")
    assert page.evaluate(hidden) == 0


def test_every_formula_finds_its_glyphs(site, root):
    """A character of a formula that a font of KaTeX has is in the site's copy of that font."""
    from fontTools.ttLib import TTFont
    from press.site import fonts

    needed = {
        c for name in pages() for c in fonts.characters((site / name).read_text(encoding="utf-8"))
    }
    assert len(needed) > 50
    for font in sorted((site / "_static" / "fonts").glob("*.woff2")):
        had = {
            chr(code)
            for code in TTFont(
                root / "node_modules" / "katex" / "dist" / "fonts" / font.name
            ).getBestCmap()
        }
        assert needed & had <= {chr(code) for code in TTFont(font).getBestCmap()}, font.name


def test_an_address_that_does_not_exist_gets_a_page(host, open_page):
    page = open_page(f"{host.url}/no/such/page.html")
    assert "no page at this address" in page.inner_text("h1")


def test_every_heading_figure_and_solution_has_an_address_of_its_own(site):
    for name in pages():
        ids = re.findall(r'\bid="([^"]+)"', (site / name).read_text())
        assert len(ids) == len(set(ids)), (name, sorted({i for i in ids if ids.count(i) > 1})[:5])
