"""Data inspection: label audit against its definition, slices, adversarial validation."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.functional import softmax
from groundtruth.learning.intervals import wilson
from groundtruth.modern import data_inspection as di
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression

P = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.05, 0.95]]
Y = [0, 0, 0, 1, 1]


def audit_by_definition(p, y):
    """Example by example, as the paper states it."""
    k = p.shape[1]
    t = [np.mean([p[i, j] for i in range(len(y)) if y[i] == j]) for j in range(k)]
    joint = np.zeros((k, k), int)
    flagged = []
    for i in range(len(y)):
        classes = [j for j in range(k) if p[i, j] >= t[j] - 1e-12]
        if classes:
            best = max(classes, key=lambda j: p[i, j])
            joint[y[i], best] += 1
            if best != y[i]:
                flagged.append(i)
    return joint, flagged


@pytest.mark.parametrize("seed", range(5))
def test_the_audit_is_that_of_its_definition(seed):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(4), rng.integers(0, 4, 60)])
    p = softmax(2 * np.eye(4)[rng.permutation(y)] + rng.normal(size=(64, 4)))
    joint, flagged = audit_by_definition(p, y)
    assert np.array_equal(di.confident_joint(p, y), joint)
    assert sorted(di.label_audit(p, y)) == flagged
    assert len(flagged) == joint.sum() - np.trace(joint)


def test_the_least_plausible_label_comes_first():
    p = np.array([[0.6, 0.4], [0.02, 0.98], [0.2, 0.8], [0.1, 0.9]])
    order = di.label_audit(p, [0, 0, 0, 1])
    assert order.tolist() == [1]
    p = np.array([[0.99, 0.01], [0.02, 0.98], [0.1, 0.9], [0.2, 0.8], [0.15, 0.85]])
    assert di.label_audit(p, [0, 0, 0, 1, 1]).tolist() == [1, 2]


def test_examples_that_reach_no_threshold_are_left_out():
    p = [[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]
    assert di.confident_joint(p, [0, 0, 1]).sum() == 2


def test_perfect_predictions_flag_nothing():
    assert di.label_audit(np.eye(3), [0, 1, 2]).size == 0


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([0.5, 0.5], [0, 1], "shapes"),
        (P, [0, 0, 1, 1], "shapes"),
        (np.zeros((0, 2)), np.zeros(0, int), "shapes"),
        (P, [0.0, 0.0, 0.0, 1.0, 1.0], "integers"),
        ([[0.9, 0.2], [0.5, 0.5]], [0, 1], "sum to 1"),
        ([[1.1, -0.1], [0.5, 0.5]], [0, 1], "sum to 1"),
        ([[np.nan, np.nan], [0.5, 0.5]], [0, 1], "sum to 1"),
        (P, [0, 0, 0, 0, 0], "every class"),
        (P, [0, 0, 0, 1, 2], "every class"),
    ],
)
def test_bad_input_to_the_audit_is_refused(p, y, message):
    with pytest.raises(ValueError, match=message):
        di.label_audit(p, y)


def test_slices_worked_by_hand():
    wrong = [1, 1, 1, 0, 0, 0, 0, 1, 0]
    groups = ["a"] * 4 + ["b"] * 4 + ["c"]
    report = di.slice_report(wrong, groups, least=2)
    assert [(s.name, s.size, s.error) for s in report] == [("a", 4, 0.75), ("b", 4, 0.25)]
    assert (report[0].low, report[0].high) == wilson(3, 4)


def test_slices_are_ordered_by_the_lower_end_and_not_by_the_error():
    wrong = [1] + 40 * [1] + 20 * [0]
    groups = ["one"] + 60 * ["many"]
    report = di.slice_report(wrong, groups)
    assert [s.name for s in report] == ["many", "one"]
    assert report[1].error > report[0].error


def test_slices_of_boolean_errors_and_numbers():
    report = di.slice_report(np.array([True, False]), np.array([3, 4]))
    assert [s.name for s in report] == ["3", "4"]


@pytest.mark.parametrize(
    ("wrong", "groups", "least"),
    [([], [], 1), ([1], [1, 2], 1), ([[1]], [[1]], 1), ([2], ["a"], 1), ([1], ["a"], 0)],
)
def test_bad_slices_are_refused(wrong, groups, least):
    with pytest.raises(ValueError, match="need|must"):
        di.slice_report(wrong, groups, least)


def test_one_distribution_cannot_be_told_apart_and_a_shift_can():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 400, 5))
    assert abs(di.adversarial_validation(a, b) - 0.5) < 0.1
    assert di.adversarial_validation(a, b + 1.0) > 0.9


def test_a_change_of_variance_alone_is_seen():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 400, 5))
    assert di.adversarial_validation(a, 3 * b) > 0.9


def test_for_one_shifted_column_the_auc_is_that_of_the_column():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 3000, 1))
    b = b + 1.0
    exact = mannwhitneyu(b[:, 0], a[:, 0]).statistic / 3000**2
    assert di.adversarial_validation(a, b) == pytest.approx(exact, abs=0.01)


def test_the_classifier_is_judged_on_examples_it_was_not_trained_on():
    # with as many columns as examples an in-sample AUC would be near one
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 40, 60))
    X = np.vstack([a, b])
    fit = LogisticRegression(C=0.01).fit(X, np.repeat([0, 1], 40))
    assert np.mean(fit.decision_function(b)) > np.mean(fit.decision_function(a))
    assert di.adversarial_validation(a, b) < 0.7


@pytest.mark.parametrize(
    ("a", "b", "folds", "message"),
    [
        (np.zeros(3), np.zeros((3, 1)), 4, "shapes"),
        (np.zeros((5, 1)), np.zeros((5, 2)), 4, "shapes"),
        (np.zeros((3, 1)), np.zeros((9, 1)), 4, "folds"),
        (np.zeros((9, 1)), np.zeros((9, 1)), 1, "folds"),
        (np.full((9, 1), np.nan), np.zeros((9, 1)), 4, "finite"),
    ],
)
def test_bad_samples_are_refused(a, b, folds, message):
    with pytest.raises(ValueError, match=message):
        di.adversarial_validation(a, b, folds)
