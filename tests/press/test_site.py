"""The steps from raw pages to the site, one by one."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from press.files import sha
from press.site import (
    finish,
    fonts,
    icons,
    interactive,
    listings,
    manifest,
    page,
    pictures,
    render,
    styles,
)
from press.source.toc import Entry

from tests.press import shop

WORDS = {"div", "a", "p", "keep", "also", "main", "html", "body"}


def test_the_theme_still_has_the_measuring_that_the_site_leaves_out():
    """If it fails after an upgrade of the theme: find the new text of its keyboard scrolling, or the pages open slowly."""
    import pydata_sphinx_theme

    script = (
        Path(pydata_sphinx_theme.__file__).parent
        / "theme"
        / "pydata_sphinx_theme"
        / "static"
        / "scripts"
        / "pydata-sphinx-theme.js"
    )
    assert script.read_text(encoding="utf-8").count(finish.MEASURES_ALL) == 1


@pytest.mark.parametrize(
    "selector",
    [
        ".keep",
        "div.keep > a",
        "a:hover",
        "html[data-theme=dark] .keep",
        "p:not(.gone)",
        "#main .keep::before",
        "*",
        ":root",
        ".keep:is(.also)",
        "a[href^='x']",
    ],
)
def test_rules_that_can_match_are_kept(selector):
    assert styles.used(selector, WORDS)


@pytest.mark.parametrize(
    "selector", [".gone", "div.gone", "#gone", "section", ".keep .gone", ".keep.gone"]
)
def test_rules_that_cannot_match_are_dropped(selector):
    assert not styles.used(selector, WORDS)


def test_purging_keeps_media_variables_in_use_and_keyframes(tmp_path):
    css = """:root { --used: 1px; --unused: 2px; --via: var(--used) } .keep, .gone { margin: var(--via) }
    @media print { .keep { color: red } .gone { color: blue } } @media screen { .gone { top: 0 } }
    @keyframes k { from { top: 0 } to { top: 1px } } @font-face { font-family: "Font Awesome 6 Free"; src: url(x) } @charset "utf-8";"""
    small = styles.purge(css, WORDS, tmp_path / "memo")
    assert (
        "gone" not in small
        and "--unused" not in small
        and "Awesome" not in small
        and "screen" not in small
    )
    assert (
        ".keep{margin:var(--via)}" in small
        and "--used:1px" in small
        and "@media print{.keep{color:red}}" in small
        and "@keyframes k" in small
    )
    assert styles.purge(css, WORDS, tmp_path / "memo") == small


def test_the_vocabulary_is_that_of_the_page_and_of_the_scripts():
    assert styles.vocabulary('<div class="a b" id="c"><my-tag></my-tag></div>') == {
        "div",
        "a",
        "b",
        "c",
        "my-tag",
    }
    assert {"x-on", "other"} <= styles.script_words("el.classList.add('x-on'); q(\".other\")")


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_mirroring_swaps_light_and_dark_and_keeps_grey_grey(rgb):
    colour = "#{:02x}{:02x}{:02x}".format(*rgb)
    mirrored = pictures.mirror(colour)
    before, after = (
        sum((max(rgb), min(rgb))),
        sum(f(int(mirrored[i : i + 2], 16) for i in (1, 3, 5)) for f in (max, min)),
    )
    assert abs(after / 510 - (0.93 - 0.86 * before / 510)) < 0.01
    if len(set(rgb)) == 1:
        assert len({mirrored[i : i + 2] for i in (1, 3, 5)}) == 1


def test_a_dark_picture_has_other_colours_and_the_same_drawing():
    svg = '<?xml version="1.0"?><svg xmlns="x" width="72pt" height="36pt"><path id="a1b2c3" style="fill: #000000; stroke: #ffffff"/><use xlink:href="#a1b2c3"/><rect fill="white"/></svg>'
    dark = pictures.dark(svg)
    assert (
        "#ededed" in dark
        and dark.count("#121212") == 2
        and 'href="#a1b2c3"' in dark
        and 'id="a1b2c3"' in dark
    )
    assert pictures.size(svg) == pictures.size(dark) == (96, 48)


def test_sizes_come_from_the_view_box_when_there_is_nothing_else():
    assert pictures.size('<svg viewBox="0 0 30 20"></svg>') == (30, 20)
    with pytest.raises(ValueError, match="neither a size nor a view box"):
        pictures.size("<svg></svg>")


def test_theme_icons_become_drawings_and_an_unknown_one_is_an_error():
    root = html.document_fromstring(
        '<body><p><i class="fa-solid fa-bars fa-lg extra" data-mode="x"></i>tail</p></body>'
    )
    icons.replace(root)
    drawn = root.find(".//svg")
    assert (
        "extra" in drawn.get("class")
        and drawn.get("data-mode") == "x"
        and drawn.get("aria-hidden") == "true"
        and drawn.tail == "tail"
    )
    with pytest.raises(ValueError, match="has not drawn"):
        icons.replace(html.document_fromstring('<body><i class="fa-solid fa-dragon"></i></body>'))


def test_interactive_figures_get_a_picture_a_frame_and_a_text(tmp_path):
    spec = {
        "data": {"values": [{"x": 1}]},
        "mark": "point",
        "encoding": {"x": {"field": "x", "type": "quantitative"}},
        "description": "A point at one.",
        "params": [{"name": "a", "value": 1, "bind": {"input": "range", "name": "a"}}],
    }
    import json

    root = html.document_fromstring(
        f'<body><div class="interactive"><script type="application/json">{json.dumps(spec)}</script></div></body>'
    )
    used = interactive.dress(root, "../", tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == used and len(used) == 2
    images = root.findall(".//img")
    assert [i.get("alt") for i in images] == ["A point at one."] * 2 and all(
        i.get("width") and i.get("loading") == "lazy" for i in images
    )
    assert root.xpath("//div[@class='interactive-controls'][@id='controls-1']")


def context(**more):
    from pathlib import Path

    base = {
        "title": "Book",
        "entries": [Entry("index", ""), Entry("a/b", "Part")],
        "titles": {"index": "Home", "a/b": "Bee"},
        "facts": {},
        "totals": [],
        "checks": [],
        "machines": [],
        "paths": [],
        "versions": "",
        "definitions": {"term-x": "An x."},
        "repository": "https://github.com/o/r",
        "branch": "main",
        "baseurl": "https://x.org/book",
        "raw": Path(),
        "images": Path(),
    }
    return page.Context(**{**base, **more})


RAW = """<html><head><title>t</title><meta name="viewport" content="a"><meta name="viewport" content="b"><link rel="stylesheet" href="x.css"><script src="y.js"></script></head>
<body><div id="pst-primary-sidebar"><nav class="bd-links bd-docs-nav" aria-label="Main"><p>old</p></nav></div><main><article><h1>Bee<a class="headerlink" href="#bee">#</a></h1><p>First words.</p>
<a class="reference internal" href="../g.html#term-x"><span class="xref std std-term">x</span></a><table><tr><td>1</td></tr></table>
<div class="solution dropdown admonition" id="s"><p class="admonition-title">Solution to <a href="#e">E</a></p><p>Body.</p></div></article></main></body></html>"""


def test_a_raw_page_becomes_a_page():
    done = page.finish("a/b", RAW, context())
    root = html.document_fromstring(done.text)
    assert [link.get("href") for link in root.xpath("//link[@rel='stylesheet']")] == [
        "../_static/book.css"
    ]
    assert (
        root.xpath("//script/@src") == ["../_static/book.js"]
        and len(root.xpath("//meta[@name='viewport']")) == 1
    )
    assert root.xpath("//meta[@property='og:url']/@content") == [
        "https://x.org/book/a/b.html"
    ] and root.xpath("//meta[@name='description']/@content") == ["First words."]
    assert (
        root.xpath("//nav//a/@href") == ["../index.html", "../a/b.html"]
        and root.xpath("//nav//a[@aria-current='page']")[0].text == "Bee"
    )
    assert root.xpath("//a[@data-definition='An x.']") and root.xpath(
        "//div[@class='table-scroll']/table"
    )
    (fold,) = root.xpath("//details")
    assert fold[0].tag == "summary" and not fold.xpath("./summary//a") and fold.get("open") is None
    assert done.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("after", "kept", "rest"), [(", and", ",", " and"), ("). Then", ").", " Then"), (".", ".", "")]
)
def test_punctuation_stays_with_the_formula_before_it(after, kept, rest):
    formula = '<span class="math notranslate nohighlight">F</span>'
    done = html.document_fromstring(
        page.finish("a/b", RAW.replace("First words.", f"If {formula}{after}"), context()).text
    )
    (place,) = done.xpath("//span[@class='stay']")
    assert (
        place.text_content() == "F" + kept
        and (place.tail or "") == rest
        and place.getparent().text_content() == f"If F{after}"
    )


def test_a_formula_before_a_word_is_left_as_it_is():
    text = RAW.replace(
        "First words.", 'If <span class="math">F</span> then, or <span class="math">G</span>'
    )
    assert 'class="stay"' not in page.finish("a/b", text, context()).text


def test_plain_tokens_of_a_listing_become_bare_text_and_nothing_else_changes():
    listing = '<div class="highlight"><pre><span></span><span class="n">x</span><span class="w"> </span><span class="o">=</span> <span class="p">[</span><span class="nb">len</span><span class="p">]</span></pre></div>'
    around = '<p><span class="n">prose</span></p>'
    light = listings.lighten(around + listing + around)
    assert (
        light
        == around
        + '<div class="highlight"><pre><span></span>x <span class="o">=</span> [<span class="nb">len</span>]</pre></div>'
        + around
    )
    assert (
        html.fragment_fromstring(listing).text_content()
        == html.fragment_fromstring(light[len(around) : -len(around)]).text_content()
    )


def test_the_characters_of_formulas_are_found_and_no_others():
    text = '<p>prose <span class="katex"><span class="katex-mathml">mathml</span><span class="katex-html"><span class="mord mathbb">R</span><span class="mord">x\u2208</span></span></span></p>'
    assert fonts.characters(text) == "Rx\u2208" and fonts.characters("<p>no formula</p>") == ""


def test_a_font_keeps_the_glyphs_in_use_in_a_fraction_of_its_size(tmp_path):
    from fontTools.ttLib import TTFont

    from tests.conftest import ROOT

    whole = ROOT / "node_modules" / "katex" / "dist" / "fonts" / "KaTeX_Main-Regular.woff2"
    small = fonts.subset(
        whole, "xy+\u2208\u4e00", tmp_path / "a"
    )  # no font of formulas has the last one
    before, after = TTFont(whole), TTFont(small)
    assert (
        {ord(c) for c in "xy+\u2208"} <= set(after.getBestCmap())
        and len(after.getBestCmap()) < 8
        and small.stat().st_size < whole.stat().st_size / 5
    )
    for character in "xy\u2208":
        name = before.getBestCmap()[ord(character)]
        assert after["hmtx"][after.getBestCmap()[ord(character)]] == before["hmtx"][name]
    assert small.read_bytes() == fonts.subset(whole, "xy+\u2208\u4e00", tmp_path / "b").read_bytes()
    assert fonts.subset(whole, "x", tmp_path / "a") != small


def test_fonts_that_no_rule_asks_for_are_left_out():
    css = '@font-face {font-family:KaTeX_AMS;src:url(fonts/KaTeX_AMS-Regular.woff2)}\n@font-face{font-family:"KaTeX_Script";src:url(fonts/KaTeX_Script-Regular.woff2)}\n@font-face{font-family:Other;src:url(o)}'
    rules = ".katex .mathbb{font-family:KaTeX_AMS}"
    assert fonts.used(fonts.asked_for(css + rules)) == [
        "KaTeX_AMS-Regular.woff2"
    ] and "Other" in fonts.asked_for(css)
    assert (
        fonts.used(css) == ["KaTeX_AMS-Regular.woff2", "KaTeX_Script-Regular.woff2"]
        and fonts.used(fonts.asked_for(css)) == []
    )


def test_a_font_in_a_style_sheet_is_the_font():
    from tests.conftest import ROOT

    whole = ROOT / "node_modules" / "katex" / "dist" / "fonts" / "KaTeX_Size1-Regular.woff2"
    head, code = fonts.inline(whole).removesuffix(")").split(",")
    assert head == "url(data:font/woff2;base64" and base64.b64decode(code) == whole.read_bytes()
    css = (whole.parents[1] / "katex.min.css").read_text()
    assert set(fonts.COMMON) <= set(fonts.used(css)), (
        "a name that KaTeX does not know would stay a file"
    )


def test_the_manifest_sees_every_change(tmp_path):
    from press import config as project

    root = shop.make(tmp_path)
    book = project.load(root)
    assert not manifest.holds(book)
    shop.write(book.site / "a.html", "one")
    manifest.write(book)
    assert manifest.holds(book)
    for spoil in (
        lambda: shop.write(book.site / "a.html", "two"),
        lambda: shop.write(book.site / "b.html", ""),
        lambda: (book.site / "a.html").unlink(),
    ):
        spoil()
        assert not manifest.holds(book)
        shop.write(book.site / "a.html", "one")
        (book.site / "b.html").unlink(missing_ok=True)
        assert manifest.holds(book) and sha("one") in str(manifest.write(book))


@pytest.mark.slow
def test_a_page_without_a_record_is_an_error_and_never_an_execution(tmp_path):
    from press import config as project
    from press.store import Store

    root = shop.make(tmp_path, {"index": shop.chapter("Home", "open('executed', 'w').write('x')")})
    book = project.load(root)
    try:
        findings = render.render(book, [], Store.of(book))
    except Exception as error:  # Sphinx may let the refusal through or turn it into a warning
        findings = [error]
    assert findings and "never executes" in " ".join(str(f) for f in findings)
    assert not (root / "book" / "executed").exists()


def test_pages_that_are_not_written_again_keep_their_index_entries():
    from types import SimpleNamespace

    from press.patches import index_entries

    entry = ("single", "stride", "term-stride", "main", None)
    env = SimpleNamespace(
        domaindata={"index": {"entries": {"glossary": [entry], "other": []}}},
        _search_index_index_entries={},
    )
    assert index_entries(None, env) == []
    assert env._search_index_index_entries == {
        "glossary": [("stride", "term-stride", "main")],
        "other": [],
    }


def test_the_site_carries_the_licences_of_what_others_wrote(root):
    from press import config as project
    from press.supply import licences

    text = licences.text(project.load(root))
    for name in (
        "Sphinx",
        "pydata",
        "KaTeX",
        "University of Washington",
        "clipboard.js",
        "Bootstrap",
        "Pygments",
    ):
        assert name in text
    assert text.count("=" * 80) == 2 * (len(licences.SHIPPED) + 3) and str(root) not in text


def test_what_has_no_licence_is_not_shipped(root, monkeypatch):
    from press import config as project
    from press.errors import PressError
    from press.supply import licences

    monkeypatch.setattr(
        licences.metadata, "distribution", lambda name: SimpleNamespace(files=[Path("x/y.py")])
    )
    with pytest.raises(PressError, match="licence"):
        licences.text(project.load(root))


MATRIX = {
    "processor": "A Processor",
    "profiles": [
        {
            "name": "plain",
            "what": "this machine",
            "canary": {"a": "1", "b": "1"},
            "unmoved": [],
            "mismatches": 0,
            "chapters": [{}, {}],
        },
        {
            "name": "old",
            "what": "another",
            "canary": {"a": "2", "b": "1"},
            "unmoved": [],
            "mismatches": 3,
            "chapters": [{}, {}],
        },
        {
            "name": "deaf",
            "what": "a third",
            "canary": {"a": "1", "b": "1"},
            "unmoved": ["a"],
            "mismatches": 0,
            "chapters": [],
        },
    ],
}


def test_reports_are_counted_and_never_made_up(tmp_path):
    import json
    from dataclasses import replace

    from press import config as project
    from press.site import reports

    from tests.conftest import ROOT

    there = replace(project.load(ROOT), root=tmp_path)
    assert (
        reports.machines(there) == []
        and [row[2] for row in reports.checks(there, [])] == ["every build"] * 5
    )
    folder = tmp_path / "book" / "_assets" / "reports"
    folder.mkdir(parents=True)
    (folder / "profiles.json").write_text(json.dumps(MATRIX))
    (folder / "tests.json").write_text(json.dumps({"counts": {"changes planted": 12345}}))
    assert [
        (m.name, m.moved, m.chapters, m.mismatches, m.skipped) for m in reports.machines(there)
    ] == [("plain", 0, 2, 0, ()), ("old", 1, 2, 3, ()), ("deaf", 0, 0, 0, ("a",))]
    rows = reports.checks(there, [])
    assert ("machines the whole book was run as", "2", "profiles, on A Processor") in rows and (
        "outputs that differed on any of them",
        "3",
        "profiles",
    ) in rows
    assert rows[-1] == ("changes planted", "12,345", "tests")
    for text in ("", "[1]", "{"):
        (folder / "tests.json").write_text(text)
        assert reports.read(there, "tests") == {}


def test_the_committed_matrix_is_of_the_profiles_there_are(root):
    from press import config as project
    from press.machines import profiles
    from press.site import reports
    from press.source import toc

    book = project.load(root)
    seen = reports.machines(book)
    assert [m.name for m in seen] == list(profiles.ALL) and all(m.mismatches == 0 for m in seen)
    chapters = sum(book.expectation(slug).is_file() for slug in toc.slugs(book))
    assert all(m.chapters == chapters or m.skipped for m in seen), (
        "pages were added: python -m press profiles --report book/_assets/reports/profiles.json"
    )
