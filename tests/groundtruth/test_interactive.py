"""Interactive figures are small, described, labelled and valid Vega-Lite."""

import altair as alt
import numpy as np
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
from groundtruth.networks import (
    attention_plots,
    convolution_plots,
    depth_plots,
    embeddings_plots,
    gates_plots,
    graphs_plots,
    initialization_and_normalization_plots,
    learning_rules_plots,
    mlp_plots,
    neuron_plots,
    pytorch_plots,
    recurrence_plots,
)

TEXT = "A line of two points and nothing else."


def chart(n=2):
    return alt.Chart(alt.Data(values=[{"x": i, "y": i} for i in range(n)])).mark_line().encode(x="x:Q", y="y:Q")


X = np.arange(5.0)
FIGURES = {  # made when asked for: one test makes its own figure and no other
    "model": lambda: model_plots.explorer(X, 2 * X + 1),
    "descent": lambda: model_plots.descent(X, 2 * X + 1),
    "features": lambda: features_plots.outlier(),
    "ridge": lambda: kernels_plots.ridge_explorer(),
    "density": lambda: kernels_plots.density_explorer(),
    "smoother": lambda: signals_plots.smoother(),
    "flagger": lambda: signals_plots.flagger(),
    "similarity": lambda: similarity_plots.explorer(),
    "tensors": lambda: tensors_plots.oracle(),
    "notation": lambda: notation_plots.reader(),
    "primer": lambda: primer_plots.slicer(),
    "reading": lambda: reading_plots.sigmoid_explorer(),
    "linear": lambda: linear_models_plots.explorer(),
    "growth": lambda: linear_models_plots.growth(X, {10: np.array([-1.0, 1.0]), 20: np.array([-2.0, 2.0])}),
    "constant": lambda: losses_plots.best_constant(),
    "score": lambda: losses_plots.by_score(),
    "bowl": lambda: gradient_descent_plots.explorer(),
    "noise": lambda: gradient_descent_plots.noise_ball(),
    "metrics": lambda: metrics_plots.explorer(),
    "backprop": lambda: backprop_plots.explorer(),
    "momentum": lambda: optimizers_plots.explorer(),
    "schedule": lambda: optimizers_plots.shapes(),
    "degree": lambda: generalization_plots.explorer(),
    "leak": lambda: generalization_plots.leak(),
    "net": lambda: regularization_plots.explorer(),
    "smooth": lambda: regularization_plots.smoothing(),
    "search": lambda: hyperparameter_search_plots.explorer(),
    "neuron": lambda: neuron_plots.explorer(),
    "sawtooth": lambda: neuron_plots.sawtooth(),
    "mlp": lambda: mlp_plots.explorer(),
    "iteration": lambda: pytorch_plots.iteration(),
    "scales": lambda: initialization_and_normalization_plots.explorer(),
    "depth": lambda: depth_plots.explorer(),
    "shares": lambda: initialization_and_normalization_plots.who_shares(),
    "attention": lambda: attention_plots.explorer(),
    "wheel": lambda: attention_plots.wheel(),
    "convolution": lambda: convolution_plots.explorer(),
    "pentagon": lambda: embeddings_plots.pentagon(),
    "simplex": lambda: gates_plots.simplex(),
    "arcs": lambda: gates_plots.arcs(),
    "graphs": lambda: graphs_plots.explorer(),
    "levels": lambda: learning_rules_plots.noise_levels(),
    "recall": lambda: learning_rules_plots.glyph_recall(),
    "eigen": lambda: recurrence_plots.eigen_explorer(),
    "gate": lambda: recurrence_plots.gate_explorer(),
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


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_of_the_book_compiles_and_is_deterministic(name):
    """vl-convert is the same Vega-Lite that readers' browsers run; a broken expression fails here."""
    import vl_convert

    first, second = FIGURES[name]().spec, FIGURES[name]().spec
    assert first == second
    svg = vl_convert.vegalite_to_svg(first, vl_version="6.1")
    assert svg.startswith("<svg") and "NaN" not in svg and "undefined" not in svg
