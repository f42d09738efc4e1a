"""The generator of pages for the bench writes pages that differ, parse and are named once."""

from __future__ import annotations

import yaml
from press.source import chapter as chapters

from tests.bench import pages
from tests.press.sample_book import make


def test_generated_pages_have_cells_of_their_own(tmp_path):
    sources = set()
    for number in range(3):
        path = tmp_path / f"page{number}.md"
        path.write_text(pages.page(number), encoding="utf-8")
        cells = chapters.read(f"generated/page{number}", path).cells
        assert len(cells) == 2 * pages.SECTIONS
        sources |= {cell.source for cell in cells[::2]}
    assert len(sources) == 3 * pages.SECTIONS


def test_pages_that_are_added_twice_stand_in_the_contents_once(tmp_path):
    root = make(tmp_path / "book")
    assert pages.add_pages(root, range(2)) == ["generated/page0", "generated/page1"]
    assert pages.add_pages(root, range(2, 4)) == ["generated/page2", "generated/page3"]
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    [part] = [part for part in parts if part["caption"] == pages.PART]
    names = [entry["file"] for entry in part["chapters"]]
    assert names == [f"generated/page{number}" for number in range(4)]


def test_the_report_divides_by_the_pages():
    report = pages.report({"render": 9.0}, {"render": 5.0}, 10)
    assert "0.5 s each" in report
    assert "9.0" in report
