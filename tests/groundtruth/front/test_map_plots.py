"""The map on the first page tells the truth about the table of contents, and nothing lies on anything else."""

from __future__ import annotations

from groundtruth.figures.front import map as map_plots
from press import config as project
from press.source import toc

from tests.conftest import ROOT

DEPENDS = ("book/**", "code/**", "_toc.yml")

FOLDERS = {
    "Front": "front",
    "Data": "data",
    "Learning": "learning",
    "Networks": "networks",
    "Classical": "classical",
    "Maths": "maths",
    "Modern stack": "modern",
    "Shipping": "shipping",
    "Interview": "interview",
    "Capstones": "capstones",
}


def test_a_solid_box_is_a_part_with_pages():
    there = {slug.split("/")[0] for slug in toc.slugs(project.load(ROOT)) if "/" in slug}
    assert there <= {*FOLDERS.values(), "reference"}, "a folder that the map does not know"
    assert {name for name, (_, _, done) in map_plots.PARTS.items() if done} == {
        name for name, folder in FOLDERS.items() if folder in there
    }


def test_the_legend_covers_no_box():
    fig = map_plots.parts()
    fig.canvas.draw()
    ax = fig.axes[0]
    legend = ax.get_legend().get_window_extent()
    assert [text.get_text() for text in ax.texts if legend.overlaps(text.get_window_extent())] == []
    assert not any(legend.overlaps(box.get_window_extent()) for box in ax.patches)
