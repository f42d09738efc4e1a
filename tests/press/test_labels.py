"""Labels that grow where a drawing is shown small, on drawings as Matplotlib writes them."""

from __future__ import annotations

import re

import pytest
from press.site import labels, pictures

VIEW = 354.0  # units; 472 CSS pixels
NEEDED = 405  # the width at which a label of 10.5 points has 12 pixels
GLYPH = (
    '<defs><path id="F-41" d="M 0 0 L 3840 0 L 3840 4480 L 0 4480 z" '
    'transform="scale(0.015625)"/></defs>'  # 0.6 by 0.7 of the size
)


def text(number: int, x: float, y: float, letters: int = 4, size: float = 0.105, turn="") -> str:
    uses = "".join(
        f'<use xlink:href="#F-41" transform="translate({60 * i} 0)"/>' for i in range(letters)
    )
    place = f"translate({x} {y}) {turn}scale({size} -{size})"
    return f'<g id="text_{number}"><g style="fill: #1d2327" transform="{place}">{uses}</g></g>'


def drawing(*parts: str) -> str:
    return (
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="354pt" height="200pt" '
        f'viewBox="0 0 {VIEW:g} 200" xmlns="http://www.w3.org/2000/svg">'
        f'<defs><style type="text/css">*{{}}</style></defs>{GLYPH}{"".join(parts)}</svg>'
    )


def least(*parts: str) -> int:
    return labels.least(labels.fitted(drawing(*parts), NEEDED)) or NEEDED


def classes(svg: str) -> list[str]:
    """The pivot of each label, in the order of the drawing."""
    rules = re.findall(r"\.(grow-\d+){transform-box:fill-box;transform-origin:(\d+)% 50%}", svg)
    return [dict(rules)[name] for name in re.findall(r'id="text_\d+" class="(grow-\d+)"', svg)]


def test_labels_with_room_grow_until_the_drawing_fits_the_narrowest_phone():
    svg = labels.fitted(drawing(text(1, 50, 50), text(2, 200, 50)), NEEDED)
    assert labels.least(svg) == labels.NARROWEST


def test_each_label_has_its_size_at_the_low_end_of_every_step():
    svg = labels.fitted(drawing(text(1, 50, 50), text(2, 200, 50, size=0.115)), NEEDED)
    steps = re.findall(r"@media \(max-width:([\d.]+)px\){(.*?)}}", svg)
    edges = [labels.NARROWEST, *sorted(float(high) + 0.02 for high, _ in steps)]
    assert edges[-1] == NEEDED
    for (_, rules), low in zip(sorted(steps), edges, strict=False):
        factors = [float(value) for value in re.findall(r"scale\(([\d.]+)\)", rules)]
        sizes = [10.5, 11.5][: len(factors)]
        for size, factor in zip(sizes, factors, strict=True):
            assert size * factor * low / VIEW >= labels.SMALLEST - 0.02


def test_a_narrow_rule_comes_after_the_wide_ones_and_wins():
    svg = labels.fitted(drawing(text(1, 50, 50)), NEEDED)
    highs = [float(high) for high in re.findall(r"max-width:([\d.]+)px", svg)]
    assert highs == sorted(highs, reverse=True)


@pytest.mark.parametrize("gap", [5.0, 3.0])
def test_labels_that_would_meet_keep_the_drawing_wider(gap):
    four = 4 * 0.6 * 10.5  # the width of a label
    row = [text(n, 50 + n * (four + gap), 50) for n in range(5)]
    assert labels.NARROWEST < least(*row) <= NEEDED
    assert least(*row) >= least(*[text(n, 50 + n * (four + gap + 3), 50) for n in range(5)])


def test_a_label_stays_off_the_line_of_its_box():
    frame = '<path d="M 45 30 L 80 30 L 80 60 L 45 60 z" style="stroke: #000000"/>'
    assert least(text(1, 50, 50), frame) > least(text(1, 50, 50))


@pytest.mark.parametrize(
    ("line", "pivot"), [("M 30 41 L 90 41", "50% 0%"), ("M 30 51.5 L 90 51.5", "50% 100%")]
)
def test_a_label_grows_away_from_a_line_above_or_below(line, pivot):
    svg = labels.fitted(
        drawing(text(1, 50, 50), f'<path d="{line}" style="stroke: #000000"/>'), NEEDED
    )
    assert labels.least(svg) == labels.NARROWEST
    assert f"transform-origin:{pivot}" in svg


def test_a_label_between_two_lines_grows_more_to_the_side_with_more_room():
    # it grows by 7.5 units: 2 fit at its left and 6 at its right
    left, right = (f'<path d="M {x} 0 L {x} 90" style="stroke: #000000"/>' for x in (46, 83.2))
    svg = labels.fitted(drawing(text(1, 50, 50), left, right), NEEDED)
    assert labels.least(svg) == labels.NARROWEST
    assert "transform-origin:25% 50%" in svg


def test_what_is_not_drawn_is_no_line():
    ground = '<path d="M 45 30 L 80 30 L 80 60 L 45 60 z" style="fill: none"/>'
    assert least(text(1, 50, 50), ground) == labels.NARROWEST


def test_a_label_at_the_edge_grows_inward():
    svg = labels.fitted(drawing(text(1, VIEW - 26, 50), text(2, 1, 100)), NEEDED)
    assert classes(svg) == ["100", "0"]


def test_an_entry_of_a_legend_grows_away_from_its_mark():
    svg = labels.fitted(drawing(f'<g id="legend_1">{text(1, 200, 50)}</g>'), NEEDED)
    assert classes(svg) == ["0"]


def test_a_turned_label_is_where_it_is_drawn():
    upright = text(1, 60, 150, letters=12, turn="rotate(-90) ")
    beside = text(2, 62, 100)
    assert least(upright, beside) > labels.NARROWEST
    assert least(upright, text(2, 120, 100)) == labels.NARROWEST


def test_a_drawing_without_labels_or_with_other_labels_stays_as_it_is():
    for svg in (drawing(), drawing('<g id="text_1"><text font-size="10">a</text></g>')):
        assert labels.fitted(svg, NEEDED) == svg


def test_a_drawing_that_is_narrow_enough_stays_as_it_is():
    svg = drawing(text(1, 50, 50))
    assert labels.fitted(svg, labels.NARROWEST) == svg


def test_a_page_reserves_the_width_that_the_labels_need():
    svg = pictures.fitted(drawing(text(1, 50, 50)))
    assert pictures.shown(svg).least == labels.NARROWEST
    assert pictures.shown(drawing(text(1, 50, 50))).least == NEEDED
