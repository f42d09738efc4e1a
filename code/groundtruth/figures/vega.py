"""Interactive figures that run in JupyterLab and on the site from the same cell.

A figure is a Vega-Lite chart made with Altair; its data are small, rounded, and part of the output
that the build compares.
"""

from __future__ import annotations

from typing import Any

import altair as alt

MIME = "application/vnd.vegalite.v5+json"
LIMIT_BYTES = 40_000


class Interactive:
    """A chart with a text of what it shows; displayed live where Vega-Lite is understood."""

    def __init__(self, spec: dict[str, Any], description: str) -> None:
        self.spec, self.description = spec, description

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {MIME: self.spec, "text/plain": f"<Interactive figure: {self.description}>"}


def show(chart: Any, description: str) -> Interactive:
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
            f"the figure carries {size:,} bytes, more than {LIMIT_BYTES:,}; draw fewer points or round them"
        )
    return Interactive(spec, description)


def slider(name: str, label: str, start: float, low: float, high: float, step: float) -> Any:
    """A labelled range control bound to a parameter, usable by mouse, touch and arrow keys."""
    if not low <= start <= high or step <= 0:
        raise ValueError(
            f"slider {name!r}: start {start} must lie in [{low}, {high}] and step {step} be positive"
        )
    return alt.param(
        name=name, value=start, bind=alt.binding_range(min=low, max=high, step=step, name=label)
    )


def menu(name: str, label: str, options: list[Any], start: Any | None = None) -> Any:
    """A labelled drop-down bound to a parameter."""
    if not options:
        raise ValueError(f"menu {name!r} has no options")
    return alt.param(
        name=name,
        value=options[0] if start is None else start,
        bind=alt.binding_select(options=options, name=label),
    )
