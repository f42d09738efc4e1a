"""The book under other seeds: every source moves, and a claim that hangs on its seed is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from clikit.errors import Exit, UserError
from press import checks, config
from press.machines import dependence, seeds, survival
from press.machines.dependence import Digests
from press.machines.statements import Statement
from press.machines.survival import PageReport, Report, Survival
from press.site import reports, survivals
from press.source import chapter as chapters
from press.source import toc
from press.store import Store
from sphinx.util.template import SphinxRenderer

from tests.conftest import ROOT
from tests.press import sample_book
from tests.press.pages import book as book_of
from tests.press.pages import messages, page

LUCK = """
import numpy as np
first = np.random.default_rng(0).random()
print(f"claim {'ok' if first > 0.6 else 'failed'}: the first draw is large ({first:.2f} > 0.6)")
"""
STEADY = """
import numpy as np
mean = np.random.default_rng(0).random(10_000).mean()
print(f"claim {'ok' if abs(mean - 0.5) < 0.1 else 'failed'}: the mean is near 0.5 ({mean:.1f})")
"""
STOPS = """
import numpy as np
assert np.random.default_rng(0).random() > 0.63
print("parity ok: reached under the seed of the page (within 1e-12)")
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    pages = {
        "index": sample_book.chapter("Home", "print('no claim')"),
        "a/luck": sample_book.chapter("Luck", LUCK.strip()),
        "a/steady": sample_book.chapter("Steady", STEADY.strip()),
        "a/stops": sample_book.chapter("Stops", STOPS.strip()),
    }
    return sample_book.accepted(sample_book.make(tmp_path_factory.mktemp("seeds"), pages))


@pytest.fixture(scope="module")
def report(book):
    project = config.load(book)
    return seeds.run(project, ["index", "a/luck", "a/steady", "a/stops"], 3, True, lambda _: None)


def row(report, slug):
    return next(row for row in report.rows if row.statement.slug == slug)


@pytest.mark.slow
def test_a_claim_that_hangs_on_its_seed_does_not_survive(report):
    assert row(report, "a/luck").held < 3


@pytest.mark.slow
def test_a_claim_that_does_not_hang_on_its_seed_survives(report):
    assert row(report, "a/steady").held == 3


@pytest.mark.slow
def test_a_line_that_a_page_does_not_reach_does_not_count_as_held(report):
    assert row(report, "a/stops").held < 3


@pytest.mark.slow
def test_a_page_that_stops_is_named_with_its_cell(report):
    faults = next(page.faults for page in report.pages if page.slug == "a/stops")
    assert any("a/stops" in fault and "cell 1" in fault for fault in faults)


@pytest.mark.slow
def test_every_line_was_asked_in_every_seed(report):
    assert {row.of for row in report.rows} == {3}


@pytest.mark.slow
def test_fragile_statements_are_found(report):
    names = {row.statement.slug for row in report.fragile}
    assert names == {"a/luck", "a/stops"}


@pytest.mark.slow
def test_every_source_of_randomness_moves(report):
    """A run asks the control first, which refuses a source that does not move."""
    expected = {"random.Random", "numpy.random.default_rng", "torch.Generator"}
    assert expected <= set(report.sources)


def test_a_source_that_is_not_shifted_is_refused(book, monkeypatch):
    monkeypatch.setattr(seeds, "_draws", lambda env: {"numpy.random.default_rng": [0.5]})
    with pytest.raises(UserError, match="default_rng draws the same under shift 1"):
        seeds.control(config.load(book), 2)


@pytest.mark.slow
def test_the_command_ends_with_findings_where_a_claim_is_fragile(book, tmp_path):
    file = tmp_path / "seeds.json"
    done = sample_book.press(book, "seeds", "a/luck", "--seeds", "2", "--report", str(file))
    assert done.returncode == 1, done.stderr
    (row,) = survival.load(file).rows
    assert (row.statement.text, row.of) == ("the first draw is large", 2)
    assert "held in 0 of 2 seeds: the first draw is large" in done.stderr


def page_report(slug, held=20, of=20, digest="0", kind="claim", faults=()):
    """A page with one statement."""
    row = Survival(Statement(slug, 1, kind, "it is so"), held, of)
    return PageReport(slug, digest, [row], list(faults))


def test_the_report_names_what_did_not_always_hold():
    page = page_report("a/b", 18, faults=["a/b, shift 3, cell 2: it stopped"])
    text = survival.markdown(Report(["numpy"], [page]))
    assert "| a/b | 1 | it is so | 18 of 20 |" in text
    assert "- a/b, shift 3, cell 2: it stopped" in text


def test_a_report_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "seeds.json"
    assert survival.load(path) == Report()
    report = Report(["numpy"], [page_report("a/b", faults=["it stopped"]), page_report("a/c", 3)])
    path.write_text(survival.text(report))
    assert survival.load(path) == report


def damaged(held=20, of=20, pages=1):
    """A report whose counts or pages may make no sense."""
    row = {"cell": 1, "kind": "claim", "text": "so", "held": held, "of": of}
    page = {"slug": "a/b", "digest": "0", "faults": [], "statements": [row]}
    return json.dumps({"sources": [], "pages": [page] * pages})


def test_a_report_that_is_not_damaged_is_read(tmp_path):
    path = tmp_path / "seeds.json"
    path.write_text(damaged())
    assert len(survival.load(path).rows) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"pages": []}',
        '{"sources": [1], "pages": []}',
        '{"sources": [], "pages": [{"slug": "a/b"}]}',
        damaged(pages=2),
        damaged(held=21),
        damaged(held=-1),
        damaged(held=0, of=0),
        damaged(held="20"),
        damaged(held=True),
    ],
)
def test_a_damaged_report_is_refused(tmp_path, text):
    path = tmp_path / "seeds.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is not a report of seeds"):
        survival.load(path)


def test_a_run_replaces_the_rows_of_its_pages_and_no_others():
    old = Report(["numpy", "torch"], [page_report("a/b"), page_report("a/c"), page_report("gone")])
    new = Report(["random", "numpy"], [page_report("a/c", 3, digest="1"), PageReport("a/d", "0")])
    result = survival.merged(old, new, ["index", "a/c", "a/b", "a/d"])
    assert result.pages == [page_report("a/c", 3, digest="1"), page_report("a/b")]
    assert result.sources == ["numpy"]  # shown to move in both


def test_a_page_without_check_lines_any_more_has_no_rows():
    old = Report(["numpy"], [page_report("a/b")])
    assert survival.merged(old, Report(["numpy"], [PageReport("a/b", "1")]), ["a/b"]).pages == []


def test_reports_of_shards_are_gathered_into_the_committed_one(book, tmp_path):
    file = tmp_path / "seeds.json"
    file.write_text(survival.text(Report(["numpy"], [page_report("a/luck", digest="old")])))
    for number, slug in enumerate(["a/luck", "a/steady"]):
        part = tmp_path / "parts" / f"seeds-{number}" / "seeds.json"
        sample_book.write(part, survival.text(Report(["numpy"], [page_report(slug)])))
    done = sample_book.press(
        book, "seeds", "--gather", str(tmp_path / "parts"), "--report", str(file)
    )
    assert done.returncode == 0, done.stderr
    assert survival.load(file).pages == [page_report("a/luck"), page_report("a/steady")]


def test_a_folder_without_reports_is_refused(book, tmp_path):
    done = sample_book.press(book, "seeds", "--gather", str(tmp_path))
    assert done.returncode == Exit.USAGE
    assert "holds no report of seeds" in done.stderr


@pytest.mark.parametrize(
    ("sentence", "stated"),
    [
        ("It holds in 17 of 20 seeds.", True),
        ("It holds in 17 of 20 {term}`seeds <seed>`.", True),
        ("It held under 17 of the 20 other seeds that we tried.", True),
        ("It holds in 18 of 20 seeds.", False),
        ("17 of 20 plants grew from seeds.", False),
        ("It holds in 117 of 20 seeds.", False),
    ],
)
def test_a_sentence_says_in_how_many_seeds_a_claim_held(sentence, stated):
    (row,) = page_report("a/b", 17).rows
    assert row.is_stated(["Before.", sentence]) == stated


@pytest.mark.parametrize(("held", "fragile"), [(20, False), (19, False), (18, True)])
def test_nineteen_of_twenty_is_enough(held, fragile):
    assert page_report("a/b", held).rows[0].is_fragile == fragile


def digest(root, slug="a/one"):
    project = config.load(root)
    page = chapters.read(slug, project.page(slug))
    return Digests(project, Store.of(project)).of(page)


CELLS = """import json
from toy.near import double
with open("numbers.json") as file:  # of the page
    print(double(len(json.load(file))))"""


def edited(root, file, old, new):
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def small(tmp_path):
    """A book with a page that imports a module and names a file."""
    root = sample_book.make(
        tmp_path / "b", {"index": sample_book.chapter("Home"), "a/one": IMPORTING}
    )
    sample_book.write(root / "book" / "numbers.json", "[1]")
    return root


IMPORTING = sample_book.chapter("One", CELLS)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("code/toy/near.py", "FACTOR * x", "FACTOR + x"),
        ("code/toy/deep.py", "FACTOR = 2", "FACTOR = 3"),
        ("book/a/one.md", "double(len", "double(2 * len"),
        ("book/numbers.json", "[1]", "[2]"),
    ],
)
def test_what_a_check_line_depends_on_moves_the_digest(small, file, old, new):
    before = digest(small)
    edited(small, file, old, new)
    assert digest(small) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("code/toy/unused.py", "NOTHING = 0", "NOTHING = 1"),
        ("code/toy/near.py", "A module that chapters import.", "Another remark,\n\nlonger."),
        ("code/toy/deep.py", "FACTOR = 2", "# two\n\nFACTOR = 2  # and no more"),
        ("book/a/one.md", "  # of the page", ""),
        ("book/a/one.md", "The cell with number 1 prints.", "It prints."),
    ],
)
def test_remarks_and_what_is_not_imported_do_not_move_the_digest(small, file, old, new):
    before = digest(small)
    edited(small, file, old, new)
    assert digest(small) == before


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('def f():\n    """Doc."""\n    return "# a"  # b\n', 'def f():\n    return "# a"'),
        ('"""Two\n\nlines."""\n\nx = 1\n', "x = 1"),
        ('def f(): "doc"\n', 'def f(): "doc"'),
        ('"doc"; x = 1\n', '"doc"; x = 1'),
        ('x = """a\n# b\n"""\n', 'x = """a\n# b\n"""'),
        ("%timeit f()  # a magic\n", "%timeit f()  # a magic\n"),
        ('name = "é"\n"no docstring"\n', 'name = "é"\n"no docstring"'),
    ],
)
def test_remarks_are_left_out_and_nothing_else(source, expected):
    assert dependence.without_remarks(source) == expected


def test_a_page_that_changed_is_named_and_not_counted():
    report = Report(["numpy"], [page_report("a/b", 19), page_report("a/c", 3, kind="parity")])
    parts = {"index": "", "a/b": "First", "a/c": "First", "a/d": "Last"}
    whole = survivals.overview(survivals.Survivals(report), parts)
    assert whole["parts"] == [
        {
            "name": "First",
            "pages": 2,
            "kinds": {"claim": 1, "parity": 1},
            "checks": 2,
            "steady": 0,
        }
    ]
    assert [row["slug"] for row in whole["broken"]] == ["a/c", "a/b"]  # the weakest first
    rest = survivals.overview(survivals.Survivals(report, ("a/c",), ("a/d",)), parts)
    assert rest["parts"][0]["pages"] == 1
    assert [row["slug"] for row in rest["broken"]] == ["a/b"]
    assert (rest["stale"], rest["untried"]) == (["a/c"], ["a/d"])


def test_how_we_know_shows_the_counts_and_every_statement_that_did_not_always_hold():
    report = Report(["numpy"], [page_report("a/b"), page_report("a/c", 3), page_report("a/d")])
    shifted = survivals.Survivals(report, ("a/d",), ("a/e",))
    parts = {"a/b": "First", "a/c": "Last", "a/d": "Last"}
    site = SimpleNamespace(seeds=survivals.overview(shifted, parts))
    renderer = SphinxRenderer(str(ROOT / "code" / "press" / "site" / "theme"))
    values = {"name": "seeds", "site": site, "up": "../", "titles": {"a/c": "C & D"}}
    html = renderer.render("places.html", values)
    first = "<tr><td>First</td><td>1</td><td>1</td><td>0</td><td>0</td><td>1 of 1</td></tr>"
    assert first in html
    assert "Held under all 20 seeds" in html
    link = '<a href="../a/c.html">C &amp; D</a>'
    assert f"{link}</td><td>it is so</td><td>3&nbsp;of&nbsp;20</td>" in html
    assert "<code>numpy</code>" in html
    assert 'not counted: <a href="../a/d.html">' in html
    assert 'Not tried yet: <a href="../a/e.html">' in html


def test_a_site_without_a_report_shows_no_table():
    site = SimpleNamespace(seeds=survivals.overview(survivals.Survivals(), {}))
    renderer = SphinxRenderer(str(ROOT / "code" / "press" / "site" / "theme"))
    html = renderer.render("places.html", {"name": "seeds", "site": site, "up": "", "titles": {}})
    assert html.strip() == '<div data-press="seeds"></div>'


def test_the_counts_of_how_we_know_leave_out_pages_that_changed(tmp_path):
    there = replace(config.load(ROOT), root=tmp_path)
    report = Report(["numpy"], [page_report("a/b"), page_report("a/c", 3), page_report("a/d")])
    before = reports.checks(there, [])
    rows = reports.checks(there, [], survivals.Survivals(report, ("a/d",)))
    assert rows[len(before) :] == [
        ("claims, derivations and comparisons tried under 20 other seeds", "2", "seeds"),
        ("of these, held under every one of them", "1", "seeds"),
    ]
    all_stale = survivals.Survivals(report, ("a/b", "a/c", "a/d"))
    assert reports.checks(there, [], all_stale) == before


def audited(tmp_path, sentence, held, digest_of_page=None):
    """What the audit says of a page whose claim held in so many of 20 seeds."""
    body = page(sample_book.cell("print('claim ok: it is so (2 > 1)')") + f"\n{sentence}")
    sample = book_of(tmp_path, {"a/b": body})
    root = sample.project.root
    report = Report(
        ["numpy"], [page_report("a/b", held, 20, digest_of_page or digest(root, "a/b"))]
    )
    sample_book.write(root / survival.REPORT, survival.text(report))
    return [finding.what for finding in checks.run(sample, ("seeds",))]


def test_the_audit_rejects_a_claim_that_hangs_on_its_seed(tmp_path):
    assert audited(tmp_path, "It is so.", 18) == ["held in 18 of 20 other seeds: 'it is so'"]


@pytest.mark.parametrize(
    ("sentence", "held", "digest_of_page"),
    [
        ("It is so.", 19, None),
        ("It is so in 12 of 20 other seeds.", 12, None),
        ("It is so.", 12, "of an older page"),
    ],
)
def test_the_audit_accepts(tmp_path, sentence, held, digest_of_page):
    assert audited(tmp_path, sentence, held, digest_of_page) == []


@pytest.mark.parametrize(("held", "unstated"), [(12, 0), (13, 1)])
def test_a_count_that_a_sentence_says_is_no_finding_of_the_command(tmp_path, held, unstated):
    sample = book_of(tmp_path, {"a/b": page("It is so in 12 of 20 seeds.")})
    report = Report(["numpy"], [page_report("a/b", held)])
    assert len(seeds.unstated(sample.project, report)) == unstated


def test_a_book_without_a_report_has_nothing_to_audit(tmp_path):
    assert messages(tmp_path, "seeds", sample_book.cell("print(1)")) == []


def test_the_committed_report_is_of_pages_there_are_and_of_twenty_seeds():
    project = config.load(ROOT)
    report = survival.committed(project)
    assert report.pages
    assert {page.slug for page in report.pages} <= set(toc.slugs(project))
    assert {row.of for row in report.rows} == {20}
    assert len(report.sources) >= 10
