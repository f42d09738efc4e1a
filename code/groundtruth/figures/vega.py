"""Interactive figures that run in JupyterLab and on the site from the same cell.

Read with book/front/how-to-read.md.

A figure is a Vega-Lite chart drawn by Altair; its data are small, rounded, and part of the output
that the build compares. What moves with a control is computed in the reader's browser, by formulas
in Vega's expression language. The functions here write such formulas from named parts. What a
formula must give is said in tests/groundtruth/figures, where Vega evaluates each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

import altair as alt

from groundtruth.figures.style import CYCLE

MIME = "application/vnd.vegalite.v5+json"
LIMIT_BYTES = 40_000


class Interactive:
    """A chart with a text of what it shows; displayed live where Vega-Lite is understood."""

    def __init__(self, spec: dict[str, Any], description: str) -> None:
        self.spec = spec
        self.description = description

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {MIME: self.spec, "text/plain": f"<Interactive figure: {self.description}>"}


def show(chart: alt.TopLevelMixin, description: str) -> Interactive:
    """Prepare an Altair chart for display.

    Parameters
    ----------
    chart : altair chart
    description : str
        What is to be seen and what the controls do; read aloud by screen readers.

    Raises
    ------
    ValueError
        If the description is missing or the figure carries more than 40 KB.
    """
    if len(description) < 20:
        raise ValueError(f"describe the figure in a sentence, got {description!r}")
    with alt.data_transformers.enable(consolidate_datasets=False, max_rows=5000):
        spec = chart.properties(description=description).to_dict()
    spec["config"] = {
        "view": {"stroke": None},
        "axis": {"labelFontSize": 12, "titleFontSize": 13},
        "legend": {"labelFontSize": 12},
    }
    size = len(str(spec))
    if size > LIMIT_BYTES:
        raise ValueError(
            f"the figure carries {size:,} bytes, more than {LIMIT_BYTES:,}; "
            "draw fewer points or round them"
        )
    return Interactive(spec, description)


def slider(
    name: str, label: str, start: float, low: float, high: float, step: float
) -> alt.Parameter:
    """A labeled range control bound to a parameter, usable by mouse, touch and arrow keys.

    Raises
    ------
    ValueError
        If the start lies outside [low, high] or the step is not positive.
    """
    if not low <= start <= high or step <= 0:
        raise ValueError(
            f"slider {name!r}: start {start} must lie in [{low}, {high}], "
            f"and step {step} must be positive"
        )
    return alt.param(
        name=name, value=start, bind=alt.binding_range(min=low, max=high, step=step, name=label)
    )


def menu(name: str, label: str, options: Sequence[Any], start: Any | None = None) -> alt.Parameter:
    """A labeled drop-down bound to a parameter; without a start it begins with the first option.

    Raises
    ------
    ValueError
        If there are no options, or the start is not one of them.
    """
    if not options:
        raise ValueError(f"menu {name!r} has no options")
    first = options[0] if start is None else start
    if first not in options:
        raise ValueError(f"menu {name!r}: start {first!r} must be one of {list(options)}")
    return alt.param(
        name=name, value=first, bind=alt.binding_select(options=list(options), name=label)
    )


def one_row(**formulas: str) -> alt.Chart:
    """A chart of one row whose fields are formulas of the controls: for a rule, a point or a note.

    Examples
    --------
    >>> one_row(double="2 * x").mark_point().to_dict()["transform"]
    [{'calculate': '2 * x', 'as': 'double'}]
    """
    return alt.Chart(alt.Data(values=[{}])).transform_calculate(**formulas)


def readout(template: str) -> str:
    """A Python template as a Vega formula: {name} is a field, {name:.2f} a formatted one.

    Examples
    --------
    >>> readout("rate {rate:.2f}, {name}")
    "'rate ' + format(datum.rate, '.2f') + ', ' + datum.name"

    Raises
    ------
    ValueError
        If the template holds a quotation mark that would end the formula's string.
    """
    if "'" in template or "\\" in template:
        raise ValueError(f"a readout holds no quotation mark and no backslash, got {template!r}")
    parts = []
    for words, field, spec, _ in Formatter().parse(template):
        if words:
            parts.append(f"'{words}'")
        if field and spec:
            parts.append(f"format(datum.{field}, '{spec}')")
        elif field:
            parts.append(f"datum.{field}")
    return " + ".join(parts)


def left_text(
    chart: alt.Chart, field: str, x: float, y: float, size: float = 13, **mark: Any
) -> alt.Chart:
    """The text of a field, its left end x and its middle y pixels from the upper left corner."""
    return chart.mark_text(align="left", fontSize=size, **mark).encode(
        x=alt.value(x), y=alt.value(y), text=f"{field}:N"
    )


def note(
    chart: alt.Chart, template: str, x: float = 4, y: float = -8, size: float = 13, **mark: Any
) -> alt.Chart:
    """A line of text filled in from the fields of a chart; by default it lies above the figure."""
    return left_text(chart.transform_calculate(note=readout(template)), "note", x, y, size, **mark)


def choose(control: str, cases: Mapping[Any, str]) -> str:
    """The formula of the option that a menu, or any other expression, is at; the last is the rest.

    Examples
    --------
    >>> choose("act", {"relu": "max(0, z)", "none": "z"})
    "(act == 'relu' ? max(0, z) : z)"

    Raises
    ------
    ValueError
        If there are no cases.
    """
    if not cases:
        raise ValueError(f"a choice by {control!r} needs at least one case")
    *named, (_, rest) = cases.items()
    return (
        "(" + "".join(f"{control} == {key!r} ? {formula} : " for key, formula in named) + rest + ")"
    )


def sigmoid(z: str) -> str:
    """The logistic sigmoid of a formula.

    Examples
    --------
    >>> sigmoid("datum.z")
    '(1 / (1 + exp(-(datum.z))))'
    """
    return f"(1 / (1 + exp(-({z}))))"


def tanh(z: str) -> str:
    """The hyperbolic tangent of a formula, which Vega's language does not have.

    Examples
    --------
    >>> tanh("datum.z")
    '(2 / (1 + exp(-2 * (datum.z))) - 1)'
    """
    return f"(2 / (1 + exp(-2 * ({z}))) - 1)"


def normal_cdf(z: str) -> str:
    """The standard normal distribution function of a formula, accurate in both tails.

    Examples
    --------
    >>> normal_cdf("gap - cut")
    'cumulativeNormal(gap - cut)'
    """
    return f"cumulativeNormal({z})"


def series_colors(domain: Sequence[str], colors: Sequence[str] = CYCLE) -> alt.Scale:
    """The scale that gives each series its color of the book, in the order of the domain.

    Examples
    --------
    >>> series_colors(["train", "test"]).to_dict()
    {'domain': ['train', 'test'], 'range': ['#0067a5', '#c4510a']}

    Raises
    ------
    ValueError
        If there are more series than colors.
    """
    if len(domain) > len(colors):
        raise ValueError(f"{len(domain)} series need as many colors, got {len(colors)}")
    return alt.Scale(domain=list(domain), range=list(colors[: len(domain)]))


def rings(radii: Sequence[float], x: str, y: str) -> alt.Chart:
    """Closed curves: for each radius k (datum.k), x and y as formulas of the angle a (datum.a)."""
    return (
        alt.Chart(alt.Data(values=[{"k": k} for k in radii]))
        .transform_calculate(a="sequence(0, 6.4, 0.1)")
        .transform_flatten(["a"])
        .transform_calculate(x=x, y=y)
    )
