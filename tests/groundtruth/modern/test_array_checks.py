"""Shapes are compared by name, and the first bad array is found."""

import numpy as np
import pytest
import torch
from groundtruth.modern import array_checks as ac


def test_names_become_sizes():
    assert ac.assert_shape(np.zeros((2, 5, 3)), "B T 3") == {"B": 2, "T": 5}
    assert ac.assert_shape(np.float64(1), "") == {}
    assert ac.assert_shape(torch.zeros(4, 4), "n n") == {"n": 4}
    assert ac.assert_shape(np.zeros((2, 7)), "_ _") == {}


def test_known_sizes_must_hold_and_are_passed_on():
    sizes = ac.assert_shape(np.zeros((2, 5)), "B T")
    assert ac.assert_shape(np.zeros((5, 3)), "T d", **sizes) == {"B": 2, "T": 5, "d": 3}
    with pytest.raises(ValueError, match="axis 'T' of shape \\(4, 3\\) is 4, expected 5"):
        ac.assert_shape(np.zeros((4, 3)), "T d", **sizes)


@pytest.mark.parametrize(
    ("shape", "spec", "message"),
    [
        ((50, 50), "n", "2 axes, expected 1"),
        ((), "n", "0 axes, expected 1"),
        ((3, 4), "n n", "is 4, expected 3"),
        ((3, 4), "n 5", "is 4, expected 5"),
    ],
)
def test_wrong_shapes(shape, spec, message):
    with pytest.raises(ValueError, match=message):
        ac.assert_shape(np.zeros(shape), spec)


def test_a_report_names_what_is_not_finite_in_order():
    arrays = {
        "x": np.ones(3),
        "layers": {"a": np.array([[1.0, np.inf], [-np.inf, np.nan]]), "b": None},
        "count": 3,
        "t": torch.tensor([0.0, float("nan")], requires_grad=True),
        "half": torch.tensor([1.0, float("inf")]).bfloat16(),
    }
    report = ac.nan_report(arrays)
    assert report == [
        ac.NotFinite("layers.a", 1, 2, (0, 1)),
        ac.NotFinite("t", 1, 0, (1,)),
        ac.NotFinite("half", 0, 1, (1,)),
    ]
    assert ac.nan_report({"x": np.arange(3)}, prefix="net.") == []
    assert ac.nan_report({"x": np.nan}, prefix="net.")[0].name == "net.x"


@pytest.mark.parametrize("entry", ["text", np.array(["a"]), np.array([None])])
def test_a_report_refuses_what_is_not_numeric(entry):
    with pytest.raises(TypeError, match="w is not numeric"):
        ac.nan_report({"w": entry})


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 1000])
def test_the_first_bad_step_and_its_cost(n):
    steps = []
    tests = []

    def step(state):
        steps.append(state)
        return state + 1

    def bad(state):
        tests.append(state)
        return state >= n

    assert ac.first_bad_step(0, step, bad) == n
    assert len(steps) <= 3 * n
    assert len(tests) <= 2 * np.log2(n) + 3


def test_a_bad_start_and_a_run_that_stays_good_are_refused():
    with pytest.raises(ValueError, match="bad already"):
        ac.first_bad_step(0, lambda s: s, lambda s: True)
    with pytest.raises(ValueError, match="no bad state"):
        ac.first_bad_step(0, lambda s: s, lambda s: False)
