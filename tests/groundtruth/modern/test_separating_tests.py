"""Separating tests: each confirms its own fault and no other, and leaves the pipeline alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from groundtruth.modern import separating_tests as st
from groundtruth.modern.training_faults import CAUSES, Pipeline, Setting
from sklearn.neighbors import NearestNeighbors

QUICK = [cause for cause, (test, _, _) in st.TESTS.items() if test not in st.TRAINS]


@pytest.mark.parametrize("fault", CAUSES)
def test_a_quick_test_confirms_its_own_fault_only(fault):
    decision = st.Decision(Pipeline(Setting(fault, seed=4)))
    confirmed = {cause for cause in QUICK if decision.confirms(cause)}
    assert confirmed - {"label noise" if fault == "labels shuffled" else ""} == {fault} & set(QUICK)


@pytest.mark.parametrize("fault", ["healthy", "rate too high", "rate too low", "few units"])
def test_tests_that_train_find_what_the_quick_ones_leave(fault):
    decision = st.Decision(Pipeline(Setting(fault, seed=4)))
    assert decision.first_confirmed(list(st.TESTS)) == fault


def test_few_examples_gain_from_data_and_many_do_not():
    few, many = (st.data_response(Pipeline(Setting("few examples", n))) for n in (30, 1200))
    assert few > 0.07 > many


@pytest.mark.parametrize("test", list(dict.fromkeys(t for t, _, _ in st.TESTS.values())))
def test_a_test_does_not_change_the_pipeline(test):
    p = Pipeline(Setting(width=8, examples=200))
    before = copy.deepcopy((p.params, p.buffers, p.X, p.y, p.setting))
    test(p)
    after = (p.params, p.buffers, p.X, p.y, p.setting)
    for a, b in zip(before[:2], after[:2], strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert np.array_equal(before[2], after[2])
    assert np.array_equal(before[3], after[3])
    assert before[4] == after[4]


def test_the_floor_of_a_double_softmax():
    assert st.loss_floor(Pipeline(Setting("softmax twice"))) == pytest.approx(
        np.log((np.e + 9) / np.e)
    )


@pytest.mark.parametrize("fraction", [0.4, 1.0])
def test_copies_are_counted(fraction):
    assert st.copies(Pipeline(Setting("validation in training", fraction))) == pytest.approx(
        fraction, abs=0.005
    )


def test_nonfinite_inputs_are_counted_in_both_sets():
    p = Pipeline(Setting())
    p.X[0, :3] = np.nan
    p.X_val[0, 0] = np.inf
    assert st.nonfinite_inputs(p) == 4


@pytest.mark.parametrize(("layers", "fraction"), [(1, 1 / 3), (2, 2 / 3)])
def test_weight_matrices_that_a_step_leaves_are_counted(layers, fraction):
    assert st.unchanged_weights(Pipeline(Setting("layers frozen", layers))) == pytest.approx(
        fraction
    )


def test_neighbors_are_those_of_scikit_learn():
    p = Pipeline(Setting("label noise", 0.3))
    near = NearestNeighbors(n_neighbors=10).fit(p.X).kneighbors(return_distance=False)
    labels = p.y[near]
    assert st.neighbor_disagreement(p) == pytest.approx(np.mean(labels != p.y[:, None]), abs=2e-4)
    expected = 0
    for own, others in zip(p.y, labels, strict=True):
        counts = np.bincount(others, minlength=10)
        counts[own] = 0
        expected += counts.max() >= 6
    assert st.contradicted_labels(p) == pytest.approx(expected / len(p.y), abs=2e-3)


def test_the_gradient_of_a_healthy_loop_is_the_same_twice():
    assert st.accumulated_gradient(Pipeline(Setting(dropout=0.3))) == pytest.approx(0.0, abs=1e-12)
    assert st.accumulated_gradient(Pipeline(Setting("gradients not zeroed"))) == pytest.approx(1.0)


def test_half_accumulated_gradients_add_half():
    p = Pipeline(Setting("gradients not zeroed", 0.5))
    assert st.accumulated_gradient(p) == pytest.approx(0.5)


def test_each_test_is_run_at_most_once_and_counted_when_used():
    p = Pipeline(Setting("dead ReLUs"))
    decision = st.Decision(p)
    assert decision.runs == 0
    assert (
        decision.first_confirmed(["softmax twice", "softmax twice", "dead ReLUs"]) == "dead ReLUs"
    )
    assert decision.runs == 2
    again = st.Decision(p, known=decision.values)
    assert again.runs == 0
    assert again.confirms("dead ReLUs")
    assert again.runs == 1


def test_tests_that_train_wait_for_the_quick_ones():
    decision = st.Decision(Pipeline(Setting("gradients not zeroed")))
    answer = decision.first_confirmed(["rate too high", "gradients not zeroed"])
    assert (answer, decision.runs) == ("gradients not zeroed", 1)


def test_a_rate_is_tried_before_the_tests_that_a_bad_rate_fails_too():
    decision = st.Decision(Pipeline(Setting("rate too low")))
    assert decision.first_confirmed(["few units", "rate too low"]) == "rate too low"


def test_a_cause_without_a_test_is_refused():
    with pytest.raises(ValueError, match="bad luck"):
        st.Decision(Pipeline(Setting())).first_confirmed(["bad luck"])


def test_a_rate_must_lower_the_loss_of_a_short_run_by_more_than_two_fifths(monkeypatch):
    p = Pipeline(Setting())
    for share, expected in ((0.61, 0.0), (0.59, 2.0)):
        losses = {1e-2: 1.0, 1e-1: 1.0, 1.0: 1.0, 1e2: share, 1e3: 1.0}
        monkeypatch.setattr(
            st, "_trained", lambda twin, _, known=losses: known[round(twin.setting.rate / 0.2, 3)]
        )
        assert st.better_rate(p) == expected


def test_dropout_is_off_while_a_batch_is_overfitted():
    loss = st.overfit_batch(Pipeline(Setting(dropout=0.5)))
    assert loss == pytest.approx(st.overfit_batch(Pipeline(Setting())), abs=0.02)
