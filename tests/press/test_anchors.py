"""What was published stays: addresses on pages, pages that moved, dates of pages, site map."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import date

import pytest
from clikit.errors import UserError
from lxml import html
from press import config
from press.site import addresses, anchors, parts
from press.source import dates, settings
from press.source.toc import Entry

from tests.press import sample_book

DEPENDS = (
    "code/press/**",
    "book/press.yml",
    "book/_assets/anchors.json",
    "book/_assets/reports/**",
)
PAGE = '<h2 id="masks">M</h2><p id="id3"></p><div id="controls-1"></div><b class="x" id="ex-a"></b>'


@pytest.fixture
def project(tmp_path):
    """A book with a published page `a/one` and rendered pages in `raw`."""
    sample_book.make(tmp_path)
    sample_book.write(tmp_path / "raw" / "a" / "one.html", PAGE)
    published = {"a/one": ["ex-a", "masks"]}
    sample_book.write(tmp_path / anchors.FILE, json.dumps(published))
    return config.load(tmp_path)


def lost(project) -> list[str]:
    found = anchors.lost(project, project.root / "raw", ["a/one"])
    return [finding.what for finding in found]


def test_ids_that_change_with_their_place_are_not_permanent():
    assert anchors.ids(PAGE) == ["ex-a", "masks"]


def test_a_drawing_that_formulas_share_is_no_address():
    assert anchors.ids(f'{PAGE}<svg><path id="drawn-1f2e3d4c"/></svg>') == ["ex-a", "masks"]


def test_nothing_is_lost_while_every_published_address_is_there(project):
    assert lost(project) == []


def test_an_address_that_is_gone_is_a_finding(project):
    sample_book.write(project.root / "raw" / "a" / "one.html", PAGE.replace("masks", "veils"))
    assert lost(project) == ["the published address a/one.html#masks is gone"]


def test_a_page_that_is_gone_is_a_finding(project):
    sample_book.write(project.root / anchors.FILE, json.dumps({"a/zero": ["x"]}))
    assert lost(project) == ["the published page a/zero is gone"]


def test_a_page_that_moved_keeps_its_addresses(project, monkeypatch):
    sample_book.write(project.root / anchors.FILE, json.dumps({"a/zero": ["masks", "y"]}))
    moved = settings.Settings(redirects={"a/zero": "a/one"})
    monkeypatch.setattr(settings, "load", lambda _: moved)
    assert lost(project) == ["the published address a/zero.html#y is gone"]


@pytest.mark.parametrize("text", ["[]", "{", '{"a/one": 3}', '{"a/one": [3]}', '{"a/one": "x"}'])
def test_a_damaged_list_is_refused(project, text):
    sample_book.write(project.root / anchors.FILE, text)
    with pytest.raises(UserError, match=f"{anchors.FILE} is damaged"):
        lost(project)


def test_new_addresses_are_added_and_none_is_removed(project):
    sample_book.write(project.site / "a" / "one.html", PAGE.replace("masks", "veils"))
    assert anchors.add(project, ["a/one"]) == 1
    assert anchors.load(project) == {"a/one": ["ex-a", "masks", "veils"]}


def test_every_page_of_the_book_has_a_list(root):
    published = anchors.load(config.load(root))
    assert len(published) >= 38
    assert "order" in published["networks/attention"], "an address of before the headings changed"


def test_a_page_that_moved_leads_to_its_new_address():
    files = addresses.moved({"old/deep/page": "new/page"})
    tree = html.fromstring(files["old/deep/page.html"])
    assert tree.xpath("//main//a/@href") == ["../../new/page.html"]
    assert tree.xpath("//script/@src") == [f"../../{addresses.MOVED}"]
    assert tree.xpath("//noscript/meta/@content") == ["0; url=../../new/page.html"]
    assert addresses.MOVED in files


def test_without_pages_that_moved_there_is_nothing():
    assert addresses.moved({}) == {}


def test_robots_are_led_to_the_site_map_with_its_dates():
    files = addresses.site_map("https://x.org", ["index", "a/b"], {"a/b": "2026-01-02"})
    assert "<loc>https://x.org/a/b.html</loc><lastmod>2026-01-02</lastmod>" in files["sitemap.xml"]
    assert "Sitemap: https://x.org/sitemap.xml" in files["robots.txt"]


def git(root, *arguments):
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def dated(tmp_path):
    """A book of two pages, committed on the first of January 2020, and dated."""
    project = config.load(sample_book.make(tmp_path / "book"))
    git(project.root, "init", "-q")
    commit(project.root, "2020-01-01")
    assert dates.fill(project, ["a/one", "a/two"]) == 2
    return project


def commit(root, day: str):
    """Commit everything on a day."""
    git(root, "add", ".")
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    when = {name: f"{day}T12:00:00Z" for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")}
    command = ["git", "-C", str(root), *who, "commit", "-qm", day]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **when})


def texts_of(project) -> dict[str, str]:
    return {slug: project.page(slug).read_text() for slug in ("a/one", "a/two")}


def edit(project, slug: str):
    with project.page(slug).open("a") as file:
        file.write("\nAnother sentence.\n")


def test_a_page_has_the_date_of_its_last_commit(dated):
    assert dates.load(dated, texts_of(dated)) == {"a/one": "2020-01-01", "a/two": "2020-01-01"}
    assert dates.committed(dated, texts_of(dated)) == dates.load(dated, texts_of(dated))


def test_a_page_that_is_newer_than_the_committed_dates_has_that_of_the_history(dated):
    edit(dated, "a/two")
    commit(dated.root, "2020-02-02")
    assert list(dates.committed(dated, texts_of(dated))) == ["a/one"]
    assert dates.load(dated, texts_of(dated)) == {"a/one": "2020-01-01", "a/two": "2020-02-02"}


def test_a_page_that_is_being_written_is_dated_today(dated):
    edit(dated, "a/two")
    today = date.today().isoformat()
    assert dates.load(dated, texts_of(dated)) == {"a/one": "2020-01-01", "a/two": today}
    dates.fill(dated, ["a/one", "a/two"])  # in the commit of the text
    assert dates.committed(dated, texts_of(dated)) == {"a/one": "2020-01-01", "a/two": today}


def test_a_part_of_the_history_dates_nothing(dated, tmp_path):
    """Its first commit would date every page."""
    edit(dated, "a/two")
    commit(dated.root, "2020-02-02")
    source = f"file://{dated.root}"
    git(tmp_path, "clone", "-q", "--depth", "1", source, "shallow")
    shallow = config.load(tmp_path / "shallow")
    assert list(dates.load(shallow, texts_of(shallow))) == ["a/one"]


def test_a_folder_without_history_has_the_committed_dates(dated):
    edit(dated, "a/two")
    shutil.rmtree(dated.root / ".git")
    assert list(dates.load(dated, texts_of(dated))) == ["a/one"]


def test_a_folder_without_history_has_no_dates_to_write(tmp_path):
    project = config.load(sample_book.make(tmp_path))
    with pytest.raises(UserError, match="git log"):
        dates.fill(project, ["a/one"])


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 3}', '{"a": null}', '{"a": ["no day", "x"]}'])
def test_a_damaged_report_of_dates_is_refused_by_name(tmp_path, text):
    project = config.load(sample_book.make(tmp_path))
    sample_book.write(tmp_path / dates.FILE, text)
    with pytest.raises(UserError, match=f"{dates.FILE} is damaged"):
        dates.load(project, {"a": "b"})


def test_parts_are_listed_in_their_order_with_pages_or_announced():
    listed = tuple(settings.Part(name, "x") for name in ("One", "Two"))
    book = settings.Settings(
        parts=listed, announced=(settings.Announced("Two", (("k-means", "kmeans"),)),)
    )
    entries = [Entry("index", ""), Entry("z/a", "Unlisted"), Entry("o/a", "One")]
    rows = parts.rows(book, entries, {"o/a": "A"}, {"o/a": "1.1"})
    assert [row.name for row in rows] == ["", "One", "Two", "Unlisted"]
    assert rows[1].pages == [parts.Leaf("o/a", "A", "1.1")]
    assert (rows[2].number, rows[2].pages) == ("2", [])
    assert rows[2].subjects == ["k-means"]
