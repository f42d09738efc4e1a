"""The map on the first page agrees with the table of contents, and nothing covers anything else."""

from __future__ import annotations

import pytest
from groundtruth.figures.front import map as part_map
from press import config
from press.source import settings, toc

from tests.conftest import ROOT

DEPENDS = ("book/**", "code/**", "_toc.yml")
CONTENTS = ROOT / "_toc.yml"
UNDRAWN = {"Reference"}


def captions() -> list[str]:
    """Captions of the parts of the book in order."""
    return list(dict.fromkeys(e.part for e in toc.entries(config.load(ROOT)) if e.part))


def frames(fig) -> dict[str, str]:
    """The line style of the frame of each box, by its label."""
    boxes = [patch for patch in fig.axes[0].patches if hasattr(patch, "get_boxstyle")]
    labels = [text.get_text() for text in fig.axes[0].texts]
    return dict(zip(labels, [box.get_linestyle() for box in boxes[1::2]], strict=True))


def test_every_part_of_the_contents_is_on_the_map():
    assert set(captions()) - UNDRAWN <= set(part_map.BOXES)


def test_the_map_and_the_contents_announce_the_same_parts():
    listed = {part.name for part in settings.load(ROOT / "book").parts}
    assert set(part_map.BOXES) == listed - UNDRAWN


def test_a_solid_box_is_a_part_with_pages():
    styles = frames(part_map.parts(CONTENTS))
    expected = {
        box.label: "-" if caption in captions() else "--" for caption, box in part_map.BOXES.items()
    }
    assert styles == expected


def test_an_announced_part_becomes_solid_with_its_first_page(tmp_path):
    row = "- caption: Interview\n  chapters:\n  - file: interview/bank\n"
    text = CONTENTS.read_text(encoding="utf-8") + row
    (tmp_path / "_toc.yml").write_text(text, encoding="utf-8")
    styles = frames(part_map.parts(tmp_path / "_toc.yml"))
    assert styles["Interview"] == "-"
    assert styles["Shipping"] == "--"


def test_without_a_table_of_contents_every_box_is_solid(tmp_path):
    assert set(frames(part_map.parts(tmp_path / "_toc.yml")).values()) == {"-"}


def test_the_arrows_belong_to_the_reading_paths_of_the_book():
    assert set(part_map.PATHS) == set(settings.load(ROOT / "book").paths)


@pytest.mark.parametrize("end", [0, 1])
def test_an_arrow_joins_two_boxes(end):
    assert {need[end] for need in part_map.NEEDS} <= set(part_map.BOXES)


def test_the_legend_covers_no_box():
    fig = part_map.parts(CONTENTS)
    fig.canvas.draw()
    ax = fig.axes[0]
    legend = ax.get_legend().get_window_extent()
    covered = [text.get_text() for text in ax.texts if legend.overlaps(text.get_window_extent())]
    assert covered == []
    assert not any(legend.overlaps(box.get_window_extent()) for box in ax.patches)
