"""Interactive figures are small, described, labelled and valid Vega-Lite."""

import altair as alt
import numpy as np
import pytest
from groundtruth.figures import vega as interactive
from groundtruth.figures.style import CYCLE
from scipy import special, stats

from tests.groundtruth.figures.runtime import vega

TEXT = "A line of two points and nothing else."


def chart(n=2):
    return (
        alt.Chart(alt.Data(values=[{"x": i, "y": i} for i in range(n)]))
        .mark_line()
        .encode(x="x:Q", y="y:Q")
    )


def test_a_figure_shows_itself_as_vega_lite_and_as_text():
    bundle = interactive.show(chart(), TEXT)._repr_mimebundle_()
    assert set(bundle) == {interactive.MIME, "text/plain"}
    assert bundle[interactive.MIME]["description"] == TEXT
    assert TEXT in bundle["text/plain"]


def test_a_figure_without_a_description_is_refused():
    with pytest.raises(ValueError, match="describe"):
        interactive.show(chart(), "a line")


def test_a_heavy_figure_is_refused():
    with pytest.raises(ValueError, match="draw fewer points"):
        interactive.show(chart(4000), TEXT)


@pytest.mark.parametrize(("start", "step"), [(5, 1), (-1, 1), (1, 0)])
def test_impossible_sliders_are_refused(start, step):
    with pytest.raises(ValueError, match="slider"):
        interactive.slider("a", "a", start, 0, 4, step)


def test_an_empty_menu_is_refused():
    with pytest.raises(ValueError, match="no options"):
        interactive.menu("a", "a", [])


def test_a_menu_starts_with_one_of_its_options():
    with pytest.raises(ValueError, match="must be one of"):
        interactive.menu("a", "a", ["x", "y"], "z")


def test_a_readout_formats_fields():
    assert interactive.readout("{a}: {b:.1f} %") == "datum.a + ': ' + format(datum.b, '.1f') + ' %'"


@pytest.mark.parametrize("template", ["it's {a}", "a \\ b"])
def test_a_readout_that_would_end_its_own_string_is_refused(template):
    with pytest.raises(ValueError, match="no quotation mark"):
        interactive.readout(template)


def test_a_note_is_left_aligned_above_the_figure():
    spec = interactive.note(interactive.one_row(a="1"), "a {a}").to_dict()
    assert spec["mark"]["align"] == "left"
    assert spec["encoding"]["y"]["value"] < 0


def test_the_last_case_of_a_choice_is_the_rest():
    assert (
        interactive.choose("a", {"x": "1", 2: "2", "z": "3"}) == "(a == 'x' ? 1 : a == 2 ? 2 : 3)"
    )


def test_a_choice_without_cases_is_refused():
    with pytest.raises(ValueError, match="at least one case"):
        interactive.choose("a", {})


def test_more_series_than_colors_are_refused():
    with pytest.raises(ValueError, match="as many colors"):
        interactive.series_colors([str(i) for i in range(len(CYCLE) + 1)])


def test_rings_close():
    spec = interactive.rings([1.0], "cos(datum.a)", "sin(datum.a)").mark_line().to_dict()
    assert spec["transform"][0]["calculate"] == "sequence(0, 6.4, 0.1)"


@pytest.mark.parametrize("z", [-30, -8, -3, -0.5, 0, 2, 7])
def test_the_functions_of_vega_have_the_accuracy_of_scipy(z):
    """Relative accuracy: the ratio of two tails is what a precision is made of."""
    fields = {"cdf": interactive.normal_cdf("z"), "s": interactive.sigmoid("z")}
    fields["t"] = interactive.tanh("z")
    spec = {
        "data": {"values": [{}]},
        "params": [{"name": "z", "value": z}],
        "transform": [{"calculate": formula, "as": name} for name, formula in fields.items()],
        "mark": "point",
        "encoding": {"x": {"field": "cdf", "type": "quantitative"}},
    }
    (row,) = vega().evaluate(spec, [{}])[0]["marks"]
    assert np.isclose(row["cdf"], stats.norm.cdf(z), rtol=1e-7, atol=0)
    assert np.isclose(row["s"], special.expit(z), rtol=1e-12, atol=0)
    assert np.isclose(row["t"], np.tanh(z), rtol=0, atol=1e-15)
