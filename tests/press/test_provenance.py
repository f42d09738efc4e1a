"""On the site a number leads to the line that printed it, and a note says what is known of it."""

from __future__ import annotations

import json
import re

import pytest
from clikit.errors import Exit
from lxml import html
from press import config
from press.checks import origins
from press.execute import changes, records
from press.machines import survival
from press.machines.dependence import Digests
from press.machines.statements import Statement
from press.machines.survival import PageReport, Report, Survival
from press.site import provenance, survivals
from press.site.extension.numbers import marked
from press.source import chapter as chapters
from press.store import Store

from tests.press import sample_book

DEPENDS = (
    "code/press/**",
    "code/clikit/**",
    "_config.yml",
    "book/press.yml",
    "pyproject.toml",
)

PAGE = (
    sample_book.HEAD
    + """# Trees and 0.923 of a forest

"""
    + sample_book.cell(
        "shares = {'tree': 923, 'forest': 951}\n"
        "for name, share in shares.items():\n"
        "    print(f'{name:6s} {share / 1000}')\n"
        "print('claim ok: more is better (3 > 2)')"
    )
    + """
The tree reaches 0.923 and **the forest 95 %**, or $0.951$; formulas hold $f = 0.923$, too.
One formula with two numbers is $0.923 < 0.951$.
Given is 0.923 elsewhere, as 0.37 is. <!-- given: 0.37 -->

- In a list: `0.923`, [0.923](https://example.org/0.923), 0.923.

| who | share |
|---|---|
| tree | 0.923 |
| forest {cite}`gauss` | 0.951 |
| a forest as this page grows it | 0.951 |

"""
    + sample_book.cell("print(sum([923, 951]) / 2000)\nprint(37 / 100)")
    + """
```{admonition} The mean is 0.937
It lies between, at 0.937, as {cite}`gauss` says of 0.923.
And once more 0.937
and the tree 0.923.
```

"""
    + sample_book.EXERCISE
    + "\n"
    + sample_book.cell("print(10 / 16)", ":tags: [hide-output]\n\n")
    + """
The answer is 0.625.
```{solution-end}
```

"""
    + sample_book.cell("print(15 / 16)", ":tags: [remove-output]\n\n")
    + """
Nobody sees 0.9375.
"""
)
DAY = "2026-01-31"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A book with one page, built, with a report of each kind."""
    root = tmp_path_factory.mktemp("provenance") / "b"
    sample_book.make(root, {"index": sample_book.chapter("Home"), "a/one": PAGE})
    entry = "@book{gauss, title={Theoria}, author={Gauss, C.}, publisher={P.}, year={1809}}\n"
    sample_book.write(root / "book" / "references.bib", entry)
    bibliography = "\n```{bibliography}\n```\n\n```{press} seeds\n```\n"
    sample_book.write(root / "book" / "index.md", sample_book.chapter("Home") + bibliography)
    sample_book.press(root, "check")
    sample_book.press(root, "accept", "a/one")
    write_reports(root)
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def write_reports(root):
    """Two profiles passed and one did not; the claim held in 19 of 20 seeds; one line is dated."""
    version = changes.version(config.load(root), "a/one")
    passed = {"slug": "a/one", "cells": [], "fault": None, "expected": version}
    rows = [passed, passed, {**passed, "cells": [{"cell": 1}]}, {**passed, "expected": "older"}]
    profiles = [{**PROFILE, "name": f"p{n}", "chapters": [row]} for n, row in enumerate(rows)]
    report(root, "profiles", {"processor": "X", "profiles": profiles})
    write_seeds(root, [("claim", "more is better", 19)])
    report(root, "changes", {"a/one": {"1": {DAY: [1]}}})


def write_seeds(root, rows, current=True):
    """Statements of the first cell of the page, each with how many of 20 seeds it held in."""
    project = config.load(root)
    page = chapters.read("a/one", project.page("a/one"))
    digest = Digests(project, Store.of(project)).of(page) if current else "older"
    lines = [Survival(Statement("a/one", 1, kind, text), held, 20) for kind, text, held in rows]
    report = Report(["numpy"], [PageReport("a/one", digest, lines)])
    sample_book.write(root / survival.REPORT, survival.text(report))


PROFILE = {"what": "", "canary": {}, "changed": 0, "unmoved": [], "mismatches": 0}


def report(root, name, value):
    path = root / "book" / "_assets" / "reports" / f"{name}.json"
    sample_book.write(path, json.dumps(value))


@pytest.fixture(scope="module")
def page(root):
    return html.parse(str(root / "_build" / "html" / "a" / "one.html")).getroot()


def links(page, where=""):
    """(text, anchor) of each number that leads somewhere, below the elements of an XPath."""
    found = page.xpath(f"{where}//a[@class='number']")
    return [(link.xpath("string()"), link.get("href").lstrip("#")) for link in found]


def test_a_number_leads_to_the_line_that_printed_it(page):
    assert ("0.923", "cell-1-1") in links(page)
    assert page.xpath("string(//*[@id='cell-1-1'])") == "tree   0.923"


def test_every_number_leads_to_an_anchor_that_exists_once(page):
    for _, anchor in links(page):
        assert page.xpath(f"count(//*[@id='{anchor}'])") == 1


def test_an_anchor_is_around_its_line_and_no_other(page):
    [listing] = page.xpath("//pre[.//*[@id='cell-1-1']]")
    assert listing.text_content().splitlines() == [
        "tree   0.923",
        "forest 0.951",
        "claim ok: more is better (3 > 2)",
    ]
    assert listing.xpath("./span[@id]/@id") == ["cell-1-1", "cell-1-2"]


def test_numbers_in_bold_in_lists_and_in_boxes_lead_somewhere(page):
    assert links(page, "//strong") == [("95 %", "cell-1-2")]
    assert links(page, "//li") == [("0.923", "cell-1-1")]
    assert ("0.937", "cell-2-1") in links(page, "//*[contains(@class, 'admonition')]")


def test_each_row_of_a_table_is_a_sentence_of_its_own(page):
    assert links(page, "//td") == [("0.923", "cell-1-1"), ("0.951", "cell-1-2")]
    assert links(page, "//tbody/tr[2]") == []


def test_a_formula_with_one_number_leads_to_its_line_as_a_whole(page):
    formulas = page.xpath("//a[@class='number'][.//*[@class='katex']]")
    assert [link.get("href") for link in formulas] == ["#cell-1-2", "#cell-1-1"]


def test_a_formula_with_numbers_of_several_lines_stays_plain(page):
    assert len(page.xpath("//*[@class='math'][contains(., '0.923<0.951')]")) == 1
    assert page.xpath("//a[contains(., '<')]") == []


def test_punctuation_stays_with_a_formula_that_is_a_link(page):
    assert len(page.xpath("//span[@class='stay']/a[@class='number']")) == 2


def test_a_given_number_has_no_link_although_a_cell_printed_it(page):
    assert "0.37" not in [text for text, _ in links(page)]
    assert "0.37" in page.xpath("string(//article)")


def test_a_sentence_with_a_citation_has_no_links_and_the_next_line_has(page):
    box = links(page, "//*[contains(@class, 'admonition')]")
    assert [text for text, _ in box] == ["0.937", "0.923", "0.625"]


def test_titles_code_and_links_stay_as_they_are(page):
    for where in ("//h1", "//p[@class='admonition-title']", "//code", "//a[@rel='noopener']"):
        assert page.xpath(where)
        assert links(page, where) == []


def test_a_number_leads_into_a_folded_output(page):
    assert links(page, "//details")[-1] == ("0.625", "cell-3-1")
    assert page.xpath("//details//*[@id='cell-3-1']")


def test_a_number_of_a_hidden_output_stays_plain(page):
    assert "0.9375" in page.xpath("string(//article)")
    assert "0.9375" not in [text for text, _ in links(page)]


def test_the_note_of_a_line_says_where_it_comes_from(page):
    assert page.xpath("string(//*[@id='cell-1-1']/@data-note)") == (
        "Printed by cell 1. The page was verified on 2 configurations. "
        f"Unchanged since {DAY}."  # no check line: another seed may print another number
    )


def test_a_page_with_a_place_for_other_seeds_shows_the_report(root):
    index = html.parse(str(root / "_build" / "html" / "index.html")).getroot()
    rows = index.xpath("//*[@data-press='seeds']//tbody/tr")
    assert [row.xpath("string(td[last()])") for row in rows] == ["0 of 1", "19\u00a0of\u00a020"]
    assert rows[1].xpath("string(.//a/@href)") == "a/one.html"


def test_the_note_of_a_check_line_says_in_how_many_seeds_that_line_held(root, reports):
    write_seeds(root, [("claim", "more is better", 18), ("parity", "ours is theirs", 3)])
    notes = {line.text: origin(root).note(line) for line in lines_of(root)}
    assert "This check held in 18 of 20 other seeds." in notes["claim ok: more is better (3 > 2)"]
    assert "seeds" not in notes["tree   0.923"]


def test_a_line_without_an_entry_has_no_date(page):
    assert "Unchanged" not in page.xpath("string(//*[@id='cell-1-2']/@data-note)")


def origin(root):
    """The provenance of the page by the reports that are there now."""
    project = config.load(root)
    store = Store.of(project)
    record = records.load(store, "a/one")
    pages = [(chapters.read("a/one", project.page("a/one"), store), record)]
    shifted = survivals.read(project, pages, store)
    return provenance.of(project, pages, shifted)["a/one"]


def lines_of(root):
    """The printed lines of the first cell."""
    lines = changes.expected(config.load(root), "a/one")
    return [origins.Printed(*line) for line in lines if line[0] == 1]


def known(root):
    """What is known of the page as a whole."""
    page = origin(root)
    return f"{page.known} {page.seeds}"


@pytest.fixture
def reports(root):
    """The reports, for a test that writes others."""
    yield
    write_reports(root)


@pytest.mark.parametrize("name", ["profiles", "seeds"])
def test_a_report_that_is_missing_says_nothing(root, reports, name):
    sentence = {"profiles": "verified", "seeds": "held"}[name]
    assert sentence in known(root)
    (root / "book" / "_assets" / "reports" / f"{name}.json").unlink()
    assert sentence not in known(root)


def test_a_page_that_changed_since_its_seeds_is_said_to_have(root, reports):
    write_seeds(root, [("claim", "more is better", 20)], current=False)
    assert "Its check held in all 20 other seeds before the page last changed." in known(root)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([20], "Its check held in all 20 other seeds."),
        ([20, 20], "Its 2 checks held in all 20 other seeds."),
        ([18, 20, 5], "Of its 3 checks, 1 held in all 20 other seeds, the weakest in 5."),
    ],
)
def test_the_weakest_check_is_told(root, reports, counts, sentence):
    write_seeds(root, [("claim", f"statement {n}", held) for n, held in enumerate(counts)])
    assert known(root).endswith(f" {sentence}")


def test_a_page_that_was_never_tried_is_listed(root, reports):
    sample_book.write(root / survival.REPORT, survival.text(Report()))
    project = config.load(root)
    store = Store.of(project)
    pages = [(chapters.read("a/one", project.page("a/one")), records.load(store, "a/one"))]
    assert survivals.read(project, pages, store).untried == ("a/one",)


def test_a_damaged_report_of_seeds_ends_the_build_with_its_name(root, reports):
    sample_book.write(root / survival.REPORT, '{"pages": 1}')
    done = sample_book.press(root, "build", "--force")
    assert done.returncode == Exit.USAGE
    assert "seeds.json is not a report of seeds" in done.stderr


@pytest.mark.parametrize("listing", ["a\n<b>b</b>\nc\n", "<i>x</i>\ny\n"])
def test_a_mark_adds_nothing_but_itself(listing):
    whole = f"<div><pre><span></span>{listing}</pre></div>"
    result = marked(whole, {1: ("cell-1-2", 'a "note"')})
    assert '<span class="printed" id="cell-1-2" data-note="a &quot;note&quot;">' in result
    assert re.sub(r"<span class=\"printed\"[^>]*>(.*?)</span>", r"\1", result) == whole
