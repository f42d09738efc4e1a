"""Interactive figures are small, described, labelled and valid Vega-Lite."""

import altair as alt
import numpy as np
import pytest
from groundtruth.figures import vega as interactive
from groundtruth.figures.data import features as features_plots
from groundtruth.figures.data import kernels as kernels_plots
from groundtruth.figures.data import model as model_plots
from groundtruth.figures.data import signals as signals_plots
from groundtruth.figures.data import similarity as similarity_plots
from groundtruth.figures.data import tensors as tensors_plots
from groundtruth.figures.front import notation as notation_plots
from groundtruth.figures.front import primer as primer_plots
from groundtruth.figures.front import reading as reading_plots
from groundtruth.figures.learning import backprop as backprop_plots
from groundtruth.figures.learning import generalization as generalization_plots
from groundtruth.figures.learning import gradient_descent as gradient_descent_plots
from groundtruth.figures.learning import hyperparameter_search as hyperparameter_search_plots
from groundtruth.figures.learning import linear_models as linear_models_plots
from groundtruth.figures.learning import losses as losses_plots
from groundtruth.figures.learning import metrics as metrics_plots
from groundtruth.figures.learning import optimizers as optimizers_plots
from groundtruth.figures.learning import regularization as regularization_plots
from groundtruth.figures.networks import attention as attention_plots
from groundtruth.figures.networks import convolution as convolution_plots
from groundtruth.figures.networks import depth as depth_plots
from groundtruth.figures.networks import embeddings as embeddings_plots
from groundtruth.figures.networks import gates as gates_plots
from groundtruth.figures.networks import graphs as graphs_plots
from groundtruth.figures.networks import (
    initialization_and_normalization as initialization_and_normalization_plots,
)
from groundtruth.figures.networks import learning_rules as learning_rules_plots
from groundtruth.figures.networks import mlp as mlp_plots
from groundtruth.figures.networks import neuron as neuron_plots
from groundtruth.figures.networks import pytorch as pytorch_plots
from groundtruth.figures.networks import recurrence as recurrence_plots

TEXT = "A line of two points and nothing else."


def chart(n=2):
    return (
        alt.Chart(alt.Data(values=[{"x": i, "y": i} for i in range(n)]))
        .mark_line()
        .encode(x="x:Q", y="y:Q")
    )


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
    "growth": lambda: linear_models_plots.growth(
        X, {10: np.array([-1.0, 1.0]), 20: np.array([-2.0, 2.0])}
    ),
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
