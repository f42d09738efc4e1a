"""The theme and its transforms, seen on the pages of a small book, and the steps around them."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from press.site import (
    addresses,
    context,
    figures,
    finish,
    fonts,
    manifest,
    pictures,
    policy,
    render,
)
from press.site.extension import formulas, terms
from press.site.extension.translator import PlainTokens
from press.store import Store

from tests.press import sample_book

DEPENDS = ("code/press/**", "_config.yml", "pyproject.toml", ".github/ISSUE_TEMPLATE/**")
THEME = Path(finish.__file__).parent / "theme" / "static"

SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.20.1.json",
    "data": {"values": [{"x": 1}]},
    "mark": {"type": "point", "color": "#c4510a"},
    "encoding": {"x": {"field": "x", "type": "quantitative"}},
    "description": "A point at one.",
    "params": [{"name": "a", "value": 1, "bind": {"input": "range", "name": "a"}}],
}
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><path fill="#000000"/></svg>'
)
RICH = (
    sample_book.HEAD
    + """(an-older-title)=
# Rich

First words, if $x^2$, and {term}`thing` [outside](https://example.org/page).

```{press} counts
```

## Cells

The cell imports and computes.

"""
    + sample_book.cell("import math\nimport sys\n\nprint(math.floor(2.5))")
    + """
The next cell only imports.

"""
    + sample_book.cell("from toy import near", ":tags: []\n\n")
    + """
This one was hidden by its author.

"""
    + sample_book.cell("print('hidden')", ":tags: [hide-input]\n\n")
    + """
### Figures

An interactive one.

"""
    + sample_book.cell(
        "from IPython.display import display, SVG\n"
        f"display({{'application/vnd.vegalite.v5+json': {SPEC!r}}}, raw=True)",
        ":try: Look at the point.\n\n",
    )
    + """
A static one.

```{figure} ../_assets/static.svg
:name: fig-static
:alt: Nothing but black.

A drawing.
```

| a | b |
|---|---|
| 1 | 2 |

```{admonition} A box
:class: dropdown
Inside.
```

"""
    + sample_book.EXERCISE
    + """Done.
```{solution-end}
```
"""
)
GLOSSARY = (
    sample_book.HEAD
    + """# Glossary

```{glossary}
thing
  A thing is $x$. It has a second sentence.
```

A cell prints.

"""
    + sample_book.cell("print('words')")
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A small book with one page of everything, built."""
    root = tmp_path_factory.mktemp("book")
    pages = {
        "index": sample_book.chapter("Home", "print('home')"),
        "a/rich": RICH,
        "reference/glossary": GLOSSARY,
    }
    sample_book.make(root, pages)
    sample_book.write(root / "book" / "_assets" / "static.svg", SVG)
    sample_book.accepted(root)
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="module")
def page(book):
    """The page of everything, parsed."""
    return html.parse(str(book / "_build" / "html" / "a" / "rich.html")).getroot()


def test_a_page_has_one_style_sheet_and_one_script(page):
    assert page.xpath("//link[@rel='stylesheet']/@href") == ["../_static/book.css"]
    assert page.xpath("//script[@src]/@src") == ["../_static/book.js"]


def test_no_page_has_an_inline_script(book):
    for path in (book / "_build" / "html").rglob("*.html"):
        scripts = html.parse(str(path)).xpath("//script[not(@src)]")
        assert all(script.get("type") == "application/json" for script in scripts), path.name


def test_the_policy_precedes_what_it_governs(page):
    head = [child.get("http-equiv") or child.tag for child in page.find("head")]
    assert head.index("Content-Security-Policy") < min(head.index("title"), head.index("link"))
    assert page.xpath("//meta[@http-equiv]/@content") == [policy.policy()]


def test_the_contents_list_every_page_by_part_and_mark_this_one(page):
    assert page.xpath("//nav[@id='contents']//li/a/@href") == [
        "../index.html",
        "#",
        "../reference/glossary.html",
    ]
    assert page.xpath("//nav[@id='contents']//*[@aria-current='page']/text()") == ["Rich"]
    assert page.xpath("//nav[@id='contents']/details/summary/text()") == ["All"]


def test_the_contents_of_the_page_have_two_levels(page):
    nav = page.xpath("//nav[@class='page-contents']")[0]
    assert nav.xpath(".//details/ul/li/a/@href") == ["#cells"]
    assert nav.xpath(".//details/ul/li/ul/li/a/@href") == ["#figures"]


def test_the_neighbors_of_a_page_are_linked(page):
    assert page.xpath("//nav[@class='prev-next']/a[@rel='prev']/@href") == ["../index.html"]
    assert page.xpath("//nav[@class='prev-next']/a[@rel='next']/@href") == [
        "../reference/glossary.html"
    ]


def test_an_older_title_still_has_its_anchor(page):
    assert page.xpath("//h1/preceding-sibling::span/@id") == ["an-older-title"]


def test_a_page_describes_itself_by_its_title_and_its_first_sentence(page):
    (words,) = page.xpath("//meta[@name='description']/@content")
    assert words == "Rich: First words, if x^2, and thing outside."


def test_the_facts_stand_below_the_title(page):
    facts = page.xpath("//h1/following-sibling::*[1][@class='page-facts']")[0].text
    times = r"\d+ min to read · \d+ min to practice"
    assert re.fullmatch(rf"{times} · runs in under \d+ s · \d+ outputs checked", facts)


def test_leading_imports_fold_and_the_rest_of_the_cell_stays_open(page):
    cell = page.xpath("//div[contains(@class, 'cell_input')]")[0]
    fold, rest = cell
    assert fold.tag == "details"
    assert fold.get("open") is None
    assert fold.find("summary").text == "Imports"
    assert "import sys" in fold.text_content()
    assert rest.text_content().strip() == "print(math.floor(2.5))"


def test_a_cell_of_imports_folds_as_a_whole(page):
    (fold,) = page.xpath("//div[contains(@class, 'cell_input')]")[1]
    assert (fold.tag, fold.find("summary").text) == ("details", "Imports")


def test_a_hidden_cell_folds(page):
    (fold,) = page.xpath("//details[contains(@class, 'hidden-cell')]")
    assert "print('hidden')" in fold.text_content()


def test_boxes_and_solutions_fold_without_a_link_in_their_title(page):
    folds = page.xpath("//details[contains(@class, 'folded')]")
    assert ["solution" in fold.get("class") for fold in folds] == [False, True]
    for fold in folds:
        assert fold[0].tag == "summary"
        assert fold.xpath("./summary//a") == []
        assert "open" not in fold.attrib
    assert "Solution to Exercise 1" in folds[1].find("summary").text_content()


def test_ids_are_unique(page):
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_an_interactive_figure_has_pictures_a_frame_and_controls(page):
    (box,) = page.xpath("//div[@class='interactive']")
    images = box.xpath(".//picture//img")
    assert [image.get("alt") for image in images] == ["A point at one."] * 2
    assert all(image.get("width") for image in images)
    assert all(image.get("loading") == "lazy" for image in images)
    assert box.xpath(".//div[@class='interactive-rows']/@id") == ["controls-1"]
    assert box.xpath(".//button[@class='interactive-reset scripted']/text()") == ["Reset"]
    assert box.get("data-script") == "../_static/vega.js"


def test_an_interactive_figure_says_what_to_try(page):
    (line,) = page.xpath("//p[@class='interactive-try']/span")
    assert line.text_content() == "Try: Look at the point."


def test_a_phone_gets_a_drawing_of_its_own(page, book):
    sources = page.xpath("//div[@class='interactive']//picture/source")
    assert [source.get("media") for source in sources] == ["(max-width: 34rem)"] * 2
    for source in sources:
        assert (book / "_build" / "html" / "a" / source.get("srcset")).is_file()


def test_the_dark_colors_of_a_figure_come_from_the_one_mirror(page):
    (box,) = page.xpath("//div[@class='interactive']")
    assert json.loads(box.get("data-dark")) == {"#c4510a": pictures.mirror("#c4510a")}
    assert str(pictures.LIGHTEST) not in finish.script(), "a script mirrors colors by itself"


def test_a_figure_has_a_picture_for_light_and_one_for_dark_of_one_size(page, book):
    light, dark = page.xpath("//figure[@id='fig-static']//img")
    assert (light.get("width"), light.get("height")) == ("672", "448")
    assert (dark.get("width"), dark.get("height")) == ("672", "448")
    folder = book / "_build" / "html" / "_images"
    assert (folder / "static-dark.svg").read_text() == pictures.dark(SVG)


def test_a_figure_leads_to_its_drawing(page):
    links = page.xpath("//figure[@id='fig-static']//a[contains(@class, 'figure-zoom')]")
    assert [link.get("href") for link in links] == [
        "../_images/static.svg",
        "../_images/static-dark.svg",
    ]
    assert [link.text_content() for link in links] == ["Enlarge: "] * 2


def test_tables_scroll(page):
    assert len(page.xpath("//article//table")) == len(
        page.xpath("//article//div[@class='table-scroll']/table")
    )


def test_a_term_leads_to_the_glossary_and_its_definition_stands_below_the_page(page):
    (link,) = page.xpath("//a[contains(@class, 'term')]")
    assert link.get("href") == "../reference/glossary.html#term-thing"
    (text,) = page.xpath("//div[@id='tip-term-thing']")
    assert text.xpath(".//math")


def test_punctuation_stays_with_the_formula_before_it(page):
    (stay,) = page.xpath("//article//span[@class='stay']")
    assert stay.xpath("./text()") == [","]
    assert stay.tail.startswith(" and")


PIECES = st.sampled_from([".", ",", "). And", "with ", "x", " and ", "?!"])


@given(st.lists(st.tuples(st.booleans(), PIECES), max_size=8))
def test_keeping_punctuation_with_its_formula_changes_no_word(pieces):
    document = new_document("", get_default_settings())
    children = [nodes.math(text=text) if formula else nodes.Text(text) for formula, text in pieces]
    document += nodes.paragraph("", "", *children)
    before = document.astext()
    terms.Punctuation(document).run()
    assert document.astext() == before


def test_permanent_links_say_where_they_lead(page):
    assert "Link to: Cells" in page.xpath("//a[@class='headerlink']/@aria-label")
    assert page.xpath("//a[@class='headerlink'][@title]") == []


def test_links_elsewhere_tell_nobody_where_the_reader_was(page):
    outside = page.xpath("//a[starts-with(@href, 'http')]")
    assert outside
    assert all(link.get("rel") == "noopener" for link in outside)


def test_plain_tokens_of_a_listing_are_bare_text(page):
    listing = page.xpath("//div[contains(@class, 'cell_input')]")[0]
    assert listing.xpath(".//span[@class='n']") == []
    assert listing.xpath(".//span[@class='kn']")


def test_places_hold_what_the_build_counted(page):
    rows = {row[0].text: row[1].text for row in page.xpath("//table[@class='docutils counts']//tr")}
    assert rows["pages"] == "3"


def test_the_page_for_missing_addresses_needs_nothing_beside_it(book):
    root = html.parse(str(book / "_build" / "html" / "404.html")).getroot()
    assert root.xpath("//link[@href]/@href") == ["data:,"]
    assert root.xpath("//script") == []
    baseurl = "https://ground-truth-book.github.io/ground-truth/"
    assert [href for href in root.xpath("//a/@href") if not href.startswith(baseurl)] == []


def test_the_page_for_missing_addresses_leads_on(book):
    root = html.parse(str(book / "_build" / "html" / "404.html")).getroot()
    titles = root.xpath("//nav[@aria-label='Contents of the book']//a/text()")
    assert titles == ["Rich", "Glossary"]
    assert root.xpath("//form[@role='search']//input/@name") == ["q"]


def test_the_page_for_missing_addresses_has_the_colors_of_the_theme(book):
    text = (book / "_build" / "html" / "404.html").read_text()
    (declared,) = re.findall(r"--gt-link: [^;]+;", (THEME / "css" / "base.css").read_text())
    assert declared in text
    assert "#" not in text.split("}", 1)[1].split("</style>")[0], "a color is typed a second time"


def test_the_site_map_lists_every_page(book):
    text = (book / "_build" / "html" / "sitemap.xml").read_text()
    base = "https://ground-truth-book.github.io/ground-truth/"
    assert re.findall("<loc>([^<]*)</loc>", text) == [
        base,
        f"{base}a/rich.html",
        f"{base}reference/glossary.html",
    ]


def test_without_an_address_of_the_site_nothing_names_one():
    assert addresses.site_map("", ["index"], {}) == {}


def test_the_foot_of_a_page_leads_to_a_filled_in_form(page):
    (href,) = page.xpath("//a[@class='report-link']/@href")
    fields = parse_qs(urlsplit(href).query)
    assert fields["page"] == ["a/rich"]
    assert fields["title"] == ["Error on Rich"]
    assert fields["template"] == ["error.yml"]


def test_the_fields_of_the_link_are_those_of_the_form(root, page):
    form = yaml.safe_load((root / ".github" / "ISSUE_TEMPLATE" / "error.yml").read_text())
    known = {item.get("id") for item in form["body"]}
    (href,) = page.xpath("//a[@class='report-link']/@href")
    sent = set(parse_qs(urlsplit(href).query)) - {"template", "title"}
    assert sent <= known
    assert "section" in known, "the script of the page adds it"


def test_a_page_says_in_which_part_it_stands(page):
    items = page.xpath("//nav[@aria-label='Breadcrumb']//li")
    assert [item.text_content() for item in items] == ["All", "Rich"]


def test_boxes_have_addresses_made_of_their_titles(page):
    (fold,) = page.xpath("//details[@id='box-a-box']")
    assert fold.xpath("./a[@class='headerlink']/@href") == ["#box-a-box"]


def test_a_solution_has_the_address_of_its_exercise(page):
    assert page.xpath("//details[contains(@class, 'solution')]/@id") == ["ex-one-solution"]


def test_only_the_search_page_loads_the_search(book):
    site = book / "_build" / "html"
    loading = [p.name for p in site.rglob("*.html") if "_static/search" in p.read_text()]
    assert loading == ["search.html"]


def test_what_a_page_shows_of_others_follows_them(book):
    """A new title and a new definition reach the pages that show them, which are not read again."""
    path = book / "book" / "reference" / "glossary.md"
    before = path.read_text()
    try:
        path.write_text(before.replace("# Glossary", "# Words").replace("A thing is", "One is"))
        assert sample_book.press(book, "build").returncode == 0
        text = (book / "_build" / "html" / "a" / "rich.html").read_text()
    finally:
        path.write_text(before)
    assert ">Words</a>" in text
    assert "One is" in text


def test_a_static_picture_that_changes_changes_its_dark_twin(book):
    path = book / "book" / "_assets" / "static.svg"
    path.write_text(SVG.replace("#000000", "#0000ff"))
    try:
        assert sample_book.press(book, "build").returncode == 0
        dark = (book / "_build" / "html" / "_images" / "static-dark.svg").read_text()
    finally:
        path.write_text(SVG)
    assert dark == pictures.dark(SVG.replace("#000000", "#0000ff"))


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_mirroring_swaps_light_and_dark_and_keeps_grey_grey(rgb):
    colour = "#{:02x}{:02x}{:02x}".format(*rgb)
    mirrored = pictures.mirror(colour)
    before, after = (
        sum((max(rgb), min(rgb))),
        sum(f(int(mirrored[i : i + 2], 16) for i in (1, 3, 5)) for f in (max, min)),
    )
    mirror_image = pictures.LIGHTEST - pictures.RANGE * before / 510
    assert abs(after / 510 - mirror_image) < 0.01
    if len(set(rgb)) == 1:
        assert len({mirrored[i : i + 2] for i in (1, 3, 5)}) == 1


def test_a_dark_picture_has_other_colours_and_the_same_drawing():
    svg = (
        '<?xml version="1.0"?><svg xmlns="x" width="72pt" height="36pt">'
        '<path id="a1b2c3" style="fill: #000000; stroke: #ffffff"/>'
        '<use xlink:href="#a1b2c3"/><rect fill="white"/></svg>'
    )
    dark = pictures.dark(svg)
    assert (
        pictures.mirror("#000000") in dark
        and dark.count(pictures.mirror("#ffffff")) == 2
        and 'href="#a1b2c3"' in dark
        and 'id="a1b2c3"' in dark
    )
    assert pictures.size(svg) == pictures.size(dark) == (96, 48)


def test_sizes_come_from_the_view_box_when_there_is_nothing_else():
    assert pictures.size('<svg viewBox="0 0 30 20"></svg>') == (30, 20)
    with pytest.raises(ValueError, match="neither a size nor a view box"):
        pictures.size("<svg></svg>")


def test_listings_have_a_color_for_every_token_in_light_and_in_dark():
    css = finish.listings()
    for rule in ('html[data-theme="dark"] .highlight .k ', ".highlight .k ", ":not([data-theme])"):
        assert rule in css


def test_the_script_that_draws_is_packed_once(tmp_path, monkeypatch):
    import vl_convert

    calls = []
    monkeypatch.setattr(
        vl_convert, "javascript_bundle", lambda *_, **__: calls.append(1) or "draw()"
    )
    store = Store(tmp_path, "base")
    assert figures.bundle(store).read_bytes() == figures.bundle(store).read_bytes()
    assert calls == [1]
    figures.bundle(Store(tmp_path, "another press"))
    assert calls == [1, 1]


def test_the_characters_of_formulas_are_found_and_no_others():
    text = (
        '<p>prose <span class="katex"><span class="katex-mathml">mathml</span>'
        '<span class="katex-html"><span class="mord mathbb">R</span>'
        '<span class="mord">x\u2208</span></span></span></p>'
    )
    assert fonts.characters(text) == "Rx\u2208" and fonts.characters("<p>no formula</p>") == ""


def test_a_font_keeps_the_glyphs_in_use_in_a_fraction_of_its_size(tmp_path):
    from fontTools.ttLib import TTFont

    from tests.conftest import ROOT

    whole = ROOT / "node_modules" / "katex" / "dist" / "fonts" / "KaTeX_Main-Regular.woff2"
    small = fonts.subset(
        whole, "xy+\u2208\u4e00", Store(tmp_path / "a", "")
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
    assert (
        small.read_bytes()
        == fonts.subset(whole, "xy+\u2208\u4e00", Store(tmp_path / "b", "")).read_bytes()
    )
    assert fonts.subset(whole, "x", Store(tmp_path / "a", "")) != small


def test_a_font_in_a_style_sheet_is_the_font():
    from tests.conftest import ROOT

    whole = ROOT / "node_modules" / "katex" / "dist" / "fonts" / "KaTeX_Size1-Regular.woff2"
    head, code = fonts.inline(whole).removesuffix(")").split(",")
    assert head == "url(data:font/woff2;base64" and base64.b64decode(code) == whole.read_bytes()
    css = (whole.parents[1] / "katex.min.css").read_text()
    assert set(fonts.COMMON) <= set(fonts.used(css)), (
        "a name that KaTeX does not know would stay a file"
    )


def _spoil_content(site: Path) -> None:
    sample_book.write(site / "a.html", "two")


def _spoil_names(site: Path) -> None:
    sample_book.write(site / "b.html", "")


def _spoil_presence(site: Path) -> None:
    (site / "a.html").unlink()


@pytest.mark.parametrize("spoil", [_spoil_content, _spoil_names, _spoil_presence])
def test_the_manifest_sees_every_change(tmp_path, spoil):
    sample_book.write(tmp_path / "a.html", "one")
    files = manifest.read(tmp_path)
    assert manifest.is_intact(tmp_path, files)
    spoil(tmp_path)
    assert not manifest.is_intact(tmp_path, files)


@pytest.mark.slow
def test_a_page_without_a_record_is_an_error_and_never_an_execution(tmp_path):
    from press import config as project

    root = sample_book.make(
        tmp_path, {"index": sample_book.chapter("Home", "open('executed', 'w').write('x')")}
    )
    book = project.load(root)
    try:
        findings = render.render(book, [], Store.of(book), context.Context())
    except Exception as error:  # Sphinx may let the refusal through or turn it into a warning
        findings = [error]
    assert findings and "never executes" in " ".join(str(f) for f in findings)
    assert not (root / "book" / "executed").exists()


def test_the_site_carries_the_licences_of_what_others_wrote(root):
    from press import config as project
    from press.supply import licences

    text = licences.text(project.load(root))
    for name in (
        *("MiniSearch", "KaTeX", "University of Washington", "accessible-pygments"),
        "Open Spaced Repetition",
    ):
        assert name in text
    assert text.count("=" * 80) == 2 * (len(licences.SHIPPED) + 4) and str(root) not in text


def test_what_has_no_licence_is_not_shipped(root, monkeypatch):
    from clikit.errors import UserError
    from press import config as project
    from press.supply import licences

    monkeypatch.setattr(
        licences.metadata, "distribution", lambda name: SimpleNamespace(files=[Path("x/y.py")])
    )
    with pytest.raises(UserError, match="licence"):
        licences.text(project.load(root))


MATRIX = {
    "processor": "A Processor",
    "profiles": [
        {
            "name": "plain",
            "what": "this machine",
            "canary": {"a": "1", "b": "1"},
            "changed": 0,
            "unmoved": [],
            "mismatches": 0,
            "chapters": [{}, {}],
        },
        {
            "name": "old",
            "what": "another",
            "canary": {"a": "2", "b": "1"},
            "changed": 1,
            "unmoved": [],
            "mismatches": 3,
            "chapters": [{}, {}],
        },
        {
            "name": "deaf",
            "what": "a third",
            "canary": {"a": "1", "b": "1"},
            "changed": 0,
            "unmoved": ["a"],
            "mismatches": 0,
            "chapters": [],
        },
    ],
}


def test_reports_are_counted_and_never_made_up(tmp_path):
    from dataclasses import replace

    from clikit.errors import UserError
    from press import config as project
    from press.site import reports

    from tests.conftest import ROOT

    there = replace(project.load(ROOT), root=tmp_path)
    assert (
        reports.machines(there) == []
        and [row[2] for row in reports.checks(there, [])] == ["every build"] * 6
    )
    folder = tmp_path / "book" / "_assets" / "reports"
    folder.mkdir(parents=True)
    (folder / "profiles.json").write_text(json.dumps(MATRIX))
    (folder / "tests.json").write_text(json.dumps({"counts": {"changes planted": 12345}}))
    assert reports.machines(there) == MATRIX["profiles"]
    rows = reports.checks(there, [])
    assert ("machines the whole book was run as", "2", "profiles, on A Processor") in rows and (
        "outputs that differed on any of them",
        "3",
        "profiles",
    ) in rows
    assert rows[-1] == ("changes planted", "12,345", "tests")
    for text in ("", '"x"', "[1]", "{", '{"counts": [1]}', '{"counts": {"a": "b"}}'):
        (folder / "tests.json").write_text(text)
        with pytest.raises(UserError, match="tests.json is damaged"):
            reports.read(there, "tests")


def test_the_committed_matrix_is_of_the_profiles_there_are(root):
    from press import config as project
    from press.machines import profiles
    from press.site import reports
    from press.source import toc

    book = project.load(root)
    seen = reports.machines(book)
    assert [row["name"] for row in seen] == list(profiles.ALL)
    assert [row["name"] for row in seen if row["mismatches"]] == []
    chapters = sum(book.expectation(slug).is_file() for slug in toc.slugs(book))
    assert all(len(row["chapters"]) == chapters or row["unmoved"] for row in seen), (
        "run the pages that were added: python -m press profiles PAGE... "
        "--report book/_assets/reports/profiles.json"
    )


def test_a_formula_keeps_its_drawing_in_fewer_bytes():
    drawn = (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><mn>0.12345</mn></math>'
        '<span class="vlist" style="height:1.42306em;"><span style="top:-2.55em;margin-left:0em;'
        'margin-right:0.05em;"></span></span><svg width="0.66671em"></svg>'
    )
    assert formulas.compact(drawn) == (
        '<math><mn>0.12345</mn></math><span class="vlist" style="height:1.423em">'
        '<span style="top:-2.55em;margin-right:0.05em"></span></span><svg width="0.66671em"></svg>'
    )


@pytest.mark.parametrize(
    ("style", "before", "after"),
    [
        ("double-struck", "AHR1", "𝔸ℍℝ𝟙"),
        ("script", "BNl", "ℬ𝒩𝓁"),
        ("fraktur", "CIg", "ℭℑ𝔤"),
        ("bold", "x1ω∇", "𝐱𝟏𝛚𝛁"),
        ("italic", "hx", "ℎ𝑥"),
        ("bold-italic", "xλ", "𝒙𝝀"),
        ("sans-serif-bold-italic", "Aλ", "𝘼𝞴"),
        ("monospace", "a0.", "𝚊𝟶."),
    ],
)
def test_letters_of_an_alphabet_are_characters_of_their_own(style, before, after):
    drawn = f'<math><mi mathvariant="{style}">{before}</mi></math>'
    assert formulas.with_letters(drawn) == f"<math><mi>{after}</mi></math>"


@pytest.mark.parametrize(
    "drawn",
    [
        '<mi mathvariant="normal">d</mi>',
        '<mi mathvariant="script">λ</mi>',
        '<mi mathvariant="bold">&lt;</mi>',
        '<mtext mathvariant="bold">z-score</mtext>',
    ],
)
def test_what_has_no_character_of_its_own_keeps_its_attribute(drawn):
    assert formulas.with_letters(drawn) == drawn


def test_letters_of_alphabets_are_plain_letters_to_whoever_searches():
    def plain(text: str) -> str:
        return unicodedata.normalize("NFKC", text)

    table = formulas.alphabets()
    assert len(table) > 900
    assert [row for row in table.items() if plain(row[0][1]) != plain(row[1])] == []


def test_a_page_shows_formulas_without_their_source():
    annotation = '<annotation encoding="application/x-tex">x\n &lt; 2</annotation>'
    drawn = "<math><semantics><mi>x</mi>{}</semantics></math> and {}"
    assert formulas.without_source(drawn.format(annotation, annotation)) == drawn.format("", "")


def test_operators_of_a_listing_are_bare_text_and_words_keep_their_color():
    from pygments import highlight
    from pygments.lexers import PythonLexer

    line = highlight("a.b += 1 if c in d else -e", PythonLexer(), PlainTokens())
    assert html.fromstring(line).text_content().strip() == "a.b += 1 if c in d else -e"
    assert re.findall(r'<span class="\w+">([^<]+)', line) == ["1", "if", "in", "else"]


LONG = "M0 0" + "l1 1" * 40


@pytest.mark.parametrize("close", ["/>", " />", "></path>"])
def test_a_root_that_is_shown_twice_is_drawn_once(close):
    root = f'<svg width="400em"><path d="{LONG}"{close}</svg>'
    other = f'<path d="{LONG}l2 2"{close}'
    page = formulas.shared(f"<article>{root}<p>text</p>{root}{other}</article><p>{root}</p>")
    tree = html.document_fromstring(page)
    [drawing] = [path for path in tree.iter("path") if path.get("d") == LONG]
    assert {use.get("href") for use in tree.iter("use")} == {"#" + drawing.get("id")}
    assert len(list(tree.iter("use"))) == 3
    assert drawing.getparent().getparent().getparent().tag == "article"  # printed with its text
    assert other in page


@pytest.mark.parametrize(
    "page",
    [
        f'<article><path d="{LONG}"/></article>',  # shown once
        '<article><path d="M0 0"/><path d="M0 0"/></article>',  # shorter than its reference
        f'<p><path d="{LONG}"/><path d="{LONG}"/></p>',  # no article
    ],
)
def test_other_drawings_stay_where_they_are(page):
    assert formulas.shared(page) == page


def test_the_clips_of_a_figure_do_not_depend_on_the_figures_drawn_before_it():
    from press.site import figures

    drawing = '<g clip-path="url(#clip292)"/><g clip-path="url(#clip7)"/><clipPath id="clip292"/>'
    same = drawing.replace("292", "3").replace("clip7", "clip11")
    assert figures.numbered(drawing) == figures.numbered(same)
    assert figures.numbered(drawing).count("clip1") == 2
