"""An interactive figure has a layout for a wide page and one for a phone."""

from __future__ import annotations

import copy

import pytest
from press.site import figures, labels, layouts, pictures

PLOT = {
    "data": {"values": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
    "mark": "point",
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
    },
}
NOTE = {"mark": {"type": "text"}, "encoding": {"x": {"value": 100}, "y": {"value": -8}}}


def sized(width, height, **more):
    return {**copy.deepcopy(PLOT), "width": width, "height": height, **more}


@pytest.mark.parametrize("width", [layouts.WIDE, layouts.NARROW])
@pytest.mark.parametrize("spec", [sized(400, 200), {"hconcat": [sized(150, 150), sized(150, 150)]}])
def test_a_drawing_has_the_width_of_its_layout(spec, width):
    layout = layouts.fitted(spec, width, figures.static)
    assert abs(layout.width - width) <= layouts.CLOSE


def test_a_tall_plot_becomes_narrower_rather_than_taller():
    layout = layouts.fitted(sized(300, 300), layouts.WIDE, figures.static)
    assert layout.height <= layouts.TALLEST + layouts.CLOSE
    assert layout.width < layouts.WIDE


def test_labels_keep_their_size():
    layout = layouts.fitted(sized(400, 200), layouts.NARROW, figures.static)
    before = set(pictures.labels(figures.static(sized(400, 200))))
    assert set(pictures.labels(figures.static(layout.spec))) == before


def test_a_square_stays_a_square_and_a_wide_plot_keeps_its_height_on_a_phone():
    square = layouts.scaled(sized(300, 300), 0.5)
    wide = layouts.scaled(sized(400, 200), 0.5)
    assert (square["width"], square["height"]) == (150, 150)
    assert (wide["width"], wide["height"]) == (200, 200)


def test_what_stands_at_a_fixed_place_in_a_plot_moves_with_it():
    spec = {"width": 300, "height": 300, "layer": [copy.deepcopy(PLOT), copy.deepcopy(NOTE)]}
    encoding = layouts.scaled(spec, 0.5)["layer"][1]["encoding"]
    assert encoding["x"]["value"] == 50
    assert encoding["y"]["value"] == -8, "above the plot"


def test_a_mark_below_the_plot_stays_below_it():
    spec = {"width": 300, "height": 300, "layer": [{"mark": {"type": "text", "x": 20, "y": 320}}]}
    assert layouts.scaled(spec, 2)["layer"][0]["mark"] == {"type": "text", "x": 40, "y": 640}


LONG = "error on the points 0.28; against the truth that nobody ever knows 0.18"


def readout(text: str) -> dict:
    """A plot with a line of words at a fixed place, as interactive figures have it."""
    note = {"mark": {"type": "text", "align": "left", "text": text}, "encoding": NOTE["encoding"]}
    note["encoding"] = {"x": {"value": 5}, "y": {"value": 10}}
    return {**sized(400, 200), "layer": [{"mark": "point"}, note]}


def test_a_line_of_words_breaks_where_it_is_too_long_for_a_phone():
    layout = layouts.fitted(readout(LONG), layouts.NARROW, figures.static)
    assert layout.width <= layouts.NARROW + layouts.CLOSE
    assert layout.spec["layer"][1]["mark"]["lineBreak"] == "; "
    wide = layouts.fitted(readout(LONG), layouts.WIDE, figures.static)
    assert "lineBreak" not in wide.spec["layer"][1]["mark"]


def test_a_line_of_words_that_fits_stays_one():
    layout = layouts.fitted(readout("error 0.28; truth 0.18"), layouts.NARROW, figures.static)
    assert "lineBreak" not in layout.spec["layer"][1]["mark"]


def test_the_specification_itself_is_left_alone():
    spec = sized(400, 200)
    layouts.scaled(spec, 0.5)
    assert spec == sized(400, 200)


def test_changes_lead_from_one_layout_to_the_other():
    spec = sized(400, 200, config={"legend": {"labelFontSize": 12}})
    other = layouts.fitted(spec, layouts.NARROW, figures.static).spec
    changed = copy.deepcopy(spec)
    for *path, last, value in layouts.changes(spec, other):
        part = changed
        for name in path:
            part = part[name]
        part[last] = value
    assert changed == other


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (
            '<svg width="40pt" height="40pt" viewBox="0 0 40 40"><g transform="scale(0.09 -0.09)">',
            12,
        ),
        ('<svg width="40" height="40"><text font-size="10">', 10),
        ('<svg width="80" height="40" viewBox="0 0 40 20"><text style="font-size: 6px">', 12),
    ],
)
def test_the_size_of_a_label_is_that_in_which_it_is_shown(markup, expected):
    # the size of a drawing is in whole pixels
    assert pictures.labels(markup) == pytest.approx([expected], rel=0.01)


def test_a_figure_without_labels_fills_the_column():
    shown = pictures.shown('<svg width="30" height="20"></svg>')
    assert (shown.width, shown.height, shown.least) == (672, 448, 0)


@pytest.mark.parametrize("label", [8, 12])
def test_labels_are_neither_too_large_nor_below_12_pixels_on_a_phone(label):
    svg = f'<svg width="400" height="200"><text font-size="{label}">a</text></svg>'
    shown = pictures.shown(svg)
    assert shown.width * label / 400 <= pictures.LARGEST + 0.1  # whole pixels
    assert shown.least * label / 400 >= labels.SMALLEST
