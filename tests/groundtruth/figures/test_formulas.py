"""Each interactive figure, evaluated in Vega itself, shows what the library computes."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pkgutil
import re
from types import SimpleNamespace

import groundtruth.figures
import numpy as np
import projects.figures
import pytest
import vl_convert
from groundtruth.figures.vega import Interactive
from groundtruth.networks.depth import ResidualMLP, rms
from groundtruth.networks.normalization import layer_norm
from press.site.figures import VEGALITE

from tests.groundtruth.figures import references
from tests.groundtruth.figures.checking import (
    EXACT,
    REFERENCES,
    agree,
    differences,
    full_name,
    positions,
    without_reference,
)
from tests.groundtruth.figures.runtime import vega

for module in pkgutil.iter_modules(references.__path__, f"{references.__name__}."):
    importlib.import_module(module.name)


def interactive_figures(*packages):
    """The full name of every function of the packages that returns an interactive figure."""
    names = []
    for package in packages:
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            for _, function in inspect.getmembers(module, inspect.isfunction):
                returns = inspect.signature(function, eval_str=True).return_annotation
                if function.__module__ == info.name and returns is Interactive:
                    names.append(full_name(function))
    return names


HELPERS = {"groundtruth.figures.vega.show"}


def test_every_interactive_figure_has_a_reference():
    figures = set(interactive_figures(groundtruth.figures, projects.figures)) - HELPERS
    missing = [f"no reference for {name}" for name in sorted(figures - set(REFERENCES))]
    assert missing == []


def test_every_reference_is_of_a_figure():
    figures = set(interactive_figures(groundtruth.figures, projects.figures))
    assert set(REFERENCES) <= figures


def faults_of(entry, spec):
    """Where a specification differs from the reference, at all positions of its controls."""
    places = positions(spec)
    answers = vega().evaluate(spec, places)
    faults = []
    for at, marks in zip(places, answers, strict=True):
        expected = entry.expected(SimpleNamespace(**at))
        faults += [f"at {at}: {fault}" for fault in differences(marks, expected, entry.tolerance)]
    return faults


@functools.cache
def specification(name):
    """The specification of a figure; no test changes it."""
    return REFERENCES[name].figure().spec


# the tests of a figure run on one worker, which computes its specification once
every_figure = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in sorted(REFERENCES)]
)


@every_figure
def test_a_figure_shows_its_reference_at_every_position(name):
    assert faults_of(REFERENCES[name], specification(name))[:10] == []


@every_figure
def test_every_formula_of_a_figure_has_a_reference(name):
    entry = REFERENCES[name]
    spec = specification(name)
    start = SimpleNamespace(**positions(spec)[0])
    assert without_reference(spec, entry.expected(start)) == []


@every_figure
def test_a_figure_is_drawn_and_the_same_every_time(name):
    first = specification(name)
    second = REFERENCES[name].figure().spec
    assert first == second
    svg = vl_convert.vegalite_to_svg(first, vl_version=VEGALITE)
    assert svg.startswith("<svg")
    assert "NaN" not in svg
    assert "undefined" not in svg


HYPHENS = re.compile(r"(?<!\w)-(?=[\d.])|\^-")  # where a minus sign belongs


@every_figure
def test_a_figure_writes_negative_numbers_with_a_minus_sign(name):
    """Vega writes a true minus where it formats a number, not where it joins one to a text."""
    spec = specification(name)
    answers = vega().evaluate(spec, positions(spec))
    rows = [row for marks in answers for rows in marks.values() for row in rows]
    texts = {row["shown"] for row in rows if "shown" in row}
    assert [text for text in sorted(texts) if HYPHENS.search(text)][:5] == []


MODES = {"plain": "plain", "residual": "residual", "Pre-LN": "pre", "Post-LN": "post"}


@pytest.mark.parametrize(("block", "mode"), MODES.items())
def test_the_closed_forms_of_depth_are_those_of_a_real_stack(block, mode):
    """Wide layers at random: the sizes that the figure draws, to within a fifth."""
    depth_reference = REFERENCES["groundtruth.figures.networks.depth.explorer"].expected
    expected = depth_reference(SimpleNamespace(dp=8, ga=1.0, cc=0.8, md=block))
    net = ResidualMLP(256, 8, mode, scale=0.8)
    rng = np.random.default_rng(1)
    x = layer_norm(rng.normal(size=(64, 256)), np.ones(256), np.zeros(256))[0]
    out, stream = net.forward(x)
    g = rng.normal(size=out.shape)
    back = net.backward(g, branches=mode == "plain")[0]
    sizes = [np.log10(rms(s)) for s in stream]
    assert np.allclose(sizes, expected["layer_1"]["v"], atol=0.08)
    assert np.isclose(np.log10(rms(back) / rms(g)), expected["layer_0"]["v"][0], atol=0.08)


def altered(spec, formula, wrong):
    """The specification with one of its formulas replaced wherever it occurs."""
    text = json.dumps(spec)
    assert json.dumps(formula)[1:-1] in text
    return json.loads(text.replace(json.dumps(formula)[1:-1], json.dumps(wrong)[1:-1]))


LOGISTIC = "(1 / (1 + exp(-1.702 * (gap - cut))))"
MUTANTS = [  # figure, formula, a wrong one in its place
    ("learning.metrics", "cumulativeNormal(gap - cut)", LOGISTIC),
    ("learning.metrics", "(1 - datum.prevalence) * datum.fpr", "datum.fpr"),
    ("learning.metrics", "datum.log_odds / gap > 6", "datum.log_odds / gap > 600"),
    ("learning.backprop", "datum.a * (1 - datum.a)", "datum.a * (1 + datum.a)"),
    ("learning.backprop", "datum.dz * x", "datum.dz * w"),
    ("learning.optimizers", "- 4 * bet", "- 4.01 * bet"),
    ("networks.neuron", "datum.z >= 0", "datum.z > 1e-6"),
    ("networks.attention", "/ sqrt(2) / te", "/ te"),
    ("networks.depth", "-log(1 + dp * datum.branch)", "-log(1 + datum.l * datum.branch)"),
    ("networks.gates", "(datum.two - 1) / 2", "(datum.two - 1) / 3"),
    ("data.features", "stdevp", "stdev"),
    ("data.model", "w * datum.x + b", "w * datum.x - b"),
]


@pytest.mark.parametrize(("figure", "formula", "wrong"), MUTANTS)
def test_a_planted_mistake_is_caught(figure, formula, wrong):
    names = [name for name in REFERENCES if name.startswith(f"groundtruth.figures.{figure}.")]
    caught = False
    for name in names:
        entry = REFERENCES[name]
        spec = specification(name)
        if json.dumps(formula)[1:-1] in json.dumps(spec):
            caught = caught or bool(faults_of(entry, altered(spec, formula, wrong)))
    assert caught


def test_a_formula_without_a_reference_is_reported():
    entry = REFERENCES["groundtruth.figures.learning.metrics.explorer"]
    expected = dict(entry.expected(SimpleNamespace(gap=2, prev=10, cut=1, cr=5)))
    del expected["layer_4"]
    missing = without_reference(entry.figure().spec, expected)
    assert missing == ["layer_4_marks", "layer_4_marks: note"]


def test_sliders_are_tried_at_both_ends_and_in_the_middle():
    spec = {"params": [{"name": "a", "value": 1, "bind": {"min": 0, "max": 0.5, "step": 0.1}}]}
    assert [p["a"] for p in positions(spec)] == [1, 0.0, 0.2, 0.5]


def test_every_option_of_every_menu_is_tried():
    binds = {"a": ["x", "y"], "b": [1, 2, 3]}
    params = [{"name": n, "value": o[0], "bind": {"options": o}} for n, o in binds.items()]
    assert len({tuple(p.items()) for p in positions({"params": params})}) == 6


@pytest.mark.parametrize(
    ("shown", "value", "same"),
    [
        ("loss \N{MINUS SIGN}0.50", "loss -0.50", True),
        ("loss 0.51", "loss 0.50", True),
        ("loss 0.52", "loss 0.50", False),
        ("loss 0.5", "loss 0.50", False),
        ("cost 0.50", "loss 0.50", False),
        (0.5, 0.5 + 1e-8, False),
        (0.5, 0.5 + 1e-12, True),
        (True, 1, False),
        (None, 0.0, False),
    ],
)
def test_what_counts_as_equal(shown, value, same):
    assert agree(shown, value, EXACT) is same


def test_a_figure_that_vega_refuses_is_reported_with_its_message():
    with pytest.raises(RuntimeError, match="nonsense"):
        vega().evaluate(
            {
                "mark": "point",
                "data": {"values": [{}]},
                "transform": [{"calculate": "nonsense(1)", "as": "x"}],
            },
            [{}],
        )
