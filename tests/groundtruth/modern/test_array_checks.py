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


@pytest.mark.parametrize(
    ("shape", "spec", "message"),
    [
        ((50, 2), "n", r"shape \(50, 2\) has 2 axes, expected 1: 'n'"),
        ((3, 4), "n n", r"axis 'n' of shape \(3, 4\) is 4, expected 3"),
        ((3, 4), "5 n", r"axis '5' of shape \(3, 4\) is 3, expected 5"),
    ],
)
def test_the_message_has_both_shapes(shape, spec, message):
    with pytest.raises(ValueError, match=message):
        ac.assert_shape(np.zeros(shape), spec)


def test_axes_after_a_free_one_are_compared_too():
    assert ac.assert_shape(np.zeros((2, 3, 4, 4)), "_ a _ 4") == {"a": 3}
    with pytest.raises(ValueError, match="is 4, expected 5"):
        ac.assert_shape(np.zeros((2, 3, 4)), "_ _ 5")


def test_a_number_that_is_right_adds_no_name():
    assert ac.assert_shape(np.zeros((2, 3)), "2 3", d=9) == {"d": 9}


def test_names_in_nested_mappings_are_joined_by_dots():
    nan = np.array([np.nan])
    report = ac.nan_report({"a": {"b": {"c": nan}, "d": nan}, "e": nan}, prefix="net/")
    assert [found.name for found in report] == ["net/a.b.c", "net/a.d", "net/e"]
    assert ac.nan_report({"e": nan})[0].name == "e"


def test_a_number_alone_has_an_empty_index():
    assert ac.nan_report({"x": float("-inf")}) == [ac.NotFinite("x", 0, 1, ())]


def test_an_array_after_a_missing_one_is_still_looked_at():
    report = ac.nan_report({"none": None, "fine": np.ones(2), "x": np.array([np.nan, np.nan])})
    assert report == [ac.NotFinite("x", 2, 0, (0,))]


@pytest.mark.parametrize(
    "entry",
    [True, np.arange(3), np.arange(3, dtype=np.uint8), 1.5, np.float32(2), 1 + 2j, torch.ones(2)],
)
def test_every_kind_of_number_is_numeric(entry):
    assert ac.nan_report({"w": entry}) == []


def test_parts_of_complex_numbers_count():
    report = ac.nan_report({"z": np.array([1j, complex(np.nan, 1), complex(0, np.inf)])})
    assert report == [ac.NotFinite("z", 1, 1, (1,))]


def test_the_error_names_the_array_and_its_type():
    with pytest.raises(TypeError, match="a.w is not numeric: it has the type object"):
        ac.nan_report({"a": {"w": np.array([None])}})


def test_indices_are_plain_integers():
    found = ac.nan_report({"x": np.array([0.0, np.inf])})[0]
    assert type(found.first[0]) is int
    assert (type(found.nan), type(found.infinite)) == (int, int)


@pytest.mark.parametrize("n", range(1, 40))
def test_every_first_bad_step_is_found_from_a_state_that_stays(n):
    state = [0]

    def step(state):
        return [state[0] + 1]

    assert ac.first_bad_step(state, step, lambda s: s[0] >= n) == n
    assert state == [0]


@pytest.mark.parametrize("n", [2**20 - 1, 2**20])
def test_the_last_bad_step_that_is_sought(monkeypatch, n):
    monkeypatch.setattr(ac, "_after", lambda state, step, count: state + count)
    assert ac.first_bad_step(0, None, lambda state: state >= n) == n
    with pytest.raises(ValueError, match="no bad state in"):
        ac.first_bad_step(0, None, lambda state: state > 2**20)


def test_an_array_before_a_mapping_stays_in_the_report():
    report = ac.nan_report({"x": np.nan, "layers": {"w": np.nan, "more": {"v": np.nan}}})
    assert [found.name for found in report] == ["x", "layers.w", "layers.more.v"]


@pytest.mark.parametrize(
    ("n", "states"),
    [(1, [0, 1]), (4, [0, 1, 2, 4, 3]), (9, [0, 1, 2, 4, 8, 16, 12, 10, 9])],
)
def test_states_are_tested_after_powers_of_two_and_then_by_halves(n, states):
    tested = []

    def bad(state):
        tested.append(state)
        return state >= n

    assert ac.first_bad_step(0, lambda state: state + 1, bad) == n
    assert tested == states
