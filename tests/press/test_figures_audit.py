"""The audit of figures: captions, names, alt text, axis labels, controls."""

from __future__ import annotations

import pytest
from press.checks import figures

from tests.press import sample_book
from tests.press.pages import book, image, messages, page

ALT = "What is to be seen in it, in a sentence."
HEAD = f"""---
mystnb:
  figure:
    caption: A caption.
    name: fig-a
  image:
    alt: {ALT}
---
"""


def svg(label: bool, ticks: bool = True, numbers: bool = True) -> str:
    text = '<g id="text_1"/>' if numbers else ""
    tick = f'<g id="xtick_1"><g id="line2d_1"/>{text}</g>' if ticks else ""
    name = '<g id="text_9"/>' if label else ""
    axis = f'<g id="matplotlib.axis_1">{tick}{name}</g>'
    size = 'width="10pt" height="10pt"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><g id="axes_1">{axis}</g></svg>'


def stacked() -> str:
    """Two axes with one scale, named on the lower one."""
    body = svg(True).split(">", 1)[1].removesuffix("</svg>")
    lower = body.replace("axes_1", "axes_2").replace("matplotlib.axis_1", "matplotlib.axis_3")
    return svg(False, numbers=False).replace("</svg>", f"{lower}</svg>")


@pytest.mark.parametrize(
    "drawing",
    [svg(True), svg(False, ticks=False), stacked()],
    ids=["labeled", "a drawing without axes", "a shared scale"],
)
def test_a_complete_figure_passes(tmp_path, drawing):
    assert messages(tmp_path, "figures", sample_book.cell("f()", HEAD), [[image(drawing)]]) == []


@pytest.mark.parametrize(
    ("head", "outputs", "message"),
    [
        ("", [image(svg(True))], "no caption"),
        (HEAD.replace("    name: fig-a\n", ""), [image(svg(True))], "no name"),
        (HEAD.replace(ALT, "a plot"), [image(svg(True))], "alt text is missing or under 20"),
        (HEAD, [image(svg(False))], "without a name"),
        (HEAD, [image(svg(False, numbers=False))], "without a name"),
        (HEAD, [image("<svg")], "not valid SVG"),
        (HEAD, [image(svg(True)), image(svg(True))], "2 figures under one caption"),
        (HEAD, [], "shows no figure"),
    ],
)
def test_an_incomplete_figure_is_reported(tmp_path, head, outputs, message):
    reported = messages(tmp_path, "figures", sample_book.cell("f()", head), [outputs])
    assert any(message in what for what in reported)


def vega(**changes) -> dict:
    control = {"name": "a", "bind": {"input": "range", "name": "a"}}
    spec = {"description": "A long enough description.", "params": [control], **changes}
    data = {figures.VEGA: spec}
    return {"output_type": "execute_result", "metadata": {}, "execution_count": 1, "data": data}


INTERACTIVE = HEAD.replace(f"  image:\n    alt: {ALT}\n", "")


def test_a_complete_interactive_figure_passes(tmp_path):
    assert messages(tmp_path, "figures", sample_book.cell("f()", INTERACTIVE), [[vega()]]) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"description": ""}, "no description"),
        ({"data": ["x" * 41_000]}, "41,"),
        ({"params": [{"name": "a", "bind": {"input": "range"}}]}, "no label"),
    ],
)
def test_an_incomplete_interactive_figure_is_reported(tmp_path, changes, message):
    (what,) = messages(
        tmp_path, "figures", sample_book.cell("f()", INTERACTIVE), [[vega(**changes)]]
    )
    assert message in what


def test_a_name_is_used_once(tmp_path):
    body = page(sample_book.cell("f()", HEAD))
    outputs = [[image(svg(True))]]
    sample = book(
        tmp_path, {"front/x": body, "front/y": body}, {"front/x": outputs, "front/y": outputs}
    )
    (finding,) = figures.figures(sample)
    assert "is taken by front/x" in finding.what
