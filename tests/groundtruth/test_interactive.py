"""Interactive figures are small, described, labelled and valid Vega-Lite."""

import altair as alt
import pytest
from groundtruth import interactive
from groundtruth.data import features_plots, kernels_plots, model_plots, signals_plots, similarity_plots, tensors_plots
from groundtruth.front import notation_plots, primer_plots, reading_plots
from groundtruth.learning import (
    backprop_plots,
    generalization_plots,
    gradient_descent_plots,
    hyperparameter_search_plots,
    linear_models_plots,
    losses_plots,
    metrics_plots,
    optimizers_plots,
    regularization_plots,
)
from groundtruth.networks import depth_plots, initialization_and_normalization_plots, mlp_plots, neuron_plots, pytorch_plots

TEXT = "A line of two points and nothing else."


def chart(n=2):
    return alt.Chart(alt.Data(values=[{"x": i, "y": i} for i in range(n)])).mark_line().encode(x="x:Q", y="y:Q")


def all_figures():
    import numpy as np

    x = np.arange(5.0)
    return {
        "model": model_plots.explorer(x, 2 * x + 1), "descent": model_plots.descent(x, 2 * x + 1), "features": features_plots.outlier(), "ridge": kernels_plots.ridge_explorer(), "density": kernels_plots.density_explorer(), "smoother": signals_plots.smoother(), "flagger": signals_plots.flagger(), "similarity": similarity_plots.explorer(), "tensors": tensors_plots.oracle(), "notation": notation_plots.reader(),
        "primer": primer_plots.slicer(), "reading": reading_plots.sigmoid_explorer(),
        "linear": linear_models_plots.explorer(), "growth": linear_models_plots.growth(x, {10: np.array([-1.0, 1.0]), 20: np.array([-2.0, 2.0])}), "constant": losses_plots.best_constant(), "score": losses_plots.by_score(), "bowl": gradient_descent_plots.explorer(), "noise": gradient_descent_plots.noise_ball(), "metrics": metrics_plots.explorer(), "backprop": backprop_plots.explorer(), "momentum": optimizers_plots.explorer(), "schedule": optimizers_plots.shapes(), "degree": generalization_plots.explorer(), "leak": generalization_plots.leak(), "net": regularization_plots.explorer(), "smooth": regularization_plots.smoothing(), "search": hyperparameter_search_plots.explorer(),
        "neuron": neuron_plots.explorer(), "sawtooth": neuron_plots.sawtooth(), "mlp": mlp_plots.explorer(), "iteration": pytorch_plots.iteration(), "scales": initialization_and_normalization_plots.explorer(), "depth": depth_plots.explorer(), "shares": initialization_and_normalization_plots.who_shares(),
    }


def test_a_figure_shows_itself_as_vega_lite_and_as_text():
    bundle = interactive.show(chart(), TEXT)._repr_mimebundle_()
    assert set(bundle) == {interactive.MIME, "text/plain"}
    assert bundle[interactive.MIME]["description"] == TEXT and TEXT in bundle["text/plain"]


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


@pytest.mark.parametrize("name", ["model", "descent", "features", "ridge", "density", "smoother", "flagger", "similarity", "tensors", "notation", "primer", "reading", "linear", "growth", "constant", "score", "bowl", "noise", "metrics", "backprop", "momentum", "schedule", "degree", "leak", "net", "smooth", "search"])
def test_every_figure_of_the_book_compiles_and_is_deterministic(name):
    """vl-convert is the same Vega-Lite that readers' browsers run; a broken expression fails here."""
    import vl_convert

    first, second = all_figures()[name].spec, all_figures()[name].spec
    assert first == second
    svg = vl_convert.vegalite_to_svg(first, vl_version="6.1")
    assert svg.startswith("<svg") and "NaN" not in svg and "undefined" not in svg
