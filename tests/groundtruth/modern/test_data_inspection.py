"""Data inspection: label audit against its definition, slices, adversarial validation."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.functional import softmax
from groundtruth.learning.intervals import wilson
from groundtruth.modern import data_inspection as di
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

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


def test_a_probability_at_its_threshold_counts():
    # the thresholds are the means of 0.75 and 0.25, and of 0.25 and 0.75: one half
    p = [[0.75, 0.25], [0.25, 0.75], [0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.5, 0.5]]
    y = [0, 0, 1, 1, 0, 1]
    assert di.confident_joint(p, y).tolist() == [[2, 1], [2, 1]]


def test_a_threshold_that_rounding_raises_is_reached():
    # the mean of three times 0.1 is rounded to a number above 0.1
    p = [[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.05, 0.95]]
    assert np.mean([0.1, 0.1, 0.1]) > 0.1
    assert di.confident_joint(p, [0, 0, 0, 1]).tolist() == [[3, 0], [0, 1]]


def test_a_class_of_probability_zero_can_be_reached():
    # class 1 has the threshold 0, which every example reaches
    p = [[1.0, 0.0], [0.2, 0.8], [1.0, 0.0]]
    assert di.confident_joint(p, [0, 0, 1]).sum() == 3
    assert di.label_audit(p, [0, 0, 1]).tolist() == [2, 1]  # margins of -1 and -0.6


def test_equally_implausible_labels_stay_in_their_order():
    n = 200
    p = np.tile([[0.1, 0.9], [0.2, 0.8]], (n, 1))
    y = np.zeros(2 * n + 4, int)
    y[-2:] = 1
    p = np.vstack([p, [[0.9, 0.1], [1.0, 0.0], [0.3, 0.7], [0.3, 0.7]]])
    flagged = di.label_audit(p, y).tolist()
    assert flagged == [*range(0, 2 * n, 2), *range(1, 2 * n, 2)]


def test_the_margin_is_that_to_the_largest_other_class():
    # own minus largest other: 0.2 - 0.7 and 0.05 - 0.5; the lowest own probability is the second
    p = [
        [0.2, 0.7, 0.1],
        [0.05, 0.5, 0.45],
        [0.9, 0.05, 0.05],
        [0.05, 0.4, 0.55],
        [0.05, 0.35, 0.6],
        [0.3, 0.4, 0.3],
    ]
    assert di.label_audit(p, [0, 0, 0, 2, 2, 1]).tolist()[:2] == [0, 1]


def test_audits_leave_their_input_as_it_is():
    p, y = np.array(P), np.array(Y)
    di.label_audit(p, y)
    di.confident_joint(p, y)
    assert p.tolist() == P
    assert y.tolist() == Y


def test_probabilities_of_single_precision_are_audited():
    p = np.array(P, np.float32)
    assert di.label_audit(p, np.array(Y, np.uint8)).tolist() == [2]
    with pytest.raises(ValueError, match="sum to 1"):
        di.label_audit(p + np.float32(2e-6), Y)


def test_rows_may_miss_a_sum_of_one_by_a_millionth():
    p = np.array(P)
    p[0, 0] += 0.9e-6
    p[1, 0] -= 0.9e-6
    assert di.label_audit(p, Y).tolist() == [2]
    p[1, 0] -= 0.2e-6
    with pytest.raises(ValueError, match="sum to 1"):
        di.label_audit(p, Y)


def test_one_class_is_enough():
    assert di.confident_joint([[1.0], [1.0]], [0, 0]).tolist() == [[2]]
    assert di.label_audit([[1.0], [1.0]], [0, 0]).size == 0


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([0.5, 0.5], [0, 1], r"shapes \(2,\) and \(2,\)"),
        (P, [[0, 0, 0, 1, 1]], r"shapes \(5, 2\) and \(1, 5\)"),
        (P, [True, True, True, False, False], "type bool"),
        (
            [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
            [0, 2],
            r"class 0 to 2 among the labels, got \[0, 2\]",
        ),
        (P, [-1, 0, 0, 1, 1], r"class 0 to 1 among the labels, got \[-1, 0, 1\]"),
    ],
)
def test_errors_of_the_audit_name_what_is_wrong(p, y, message):
    for audit in (di.label_audit, di.confident_joint):
        with pytest.raises(ValueError, match=message):
            audit(p, y)


def test_a_group_of_the_least_size_is_reported():
    report = di.slice_report([1, 0, 1], ["a", "a", "b"], least=2)
    assert [s.name for s in report] == ["a"]
    assert len(di.slice_report([1, 0, 1], ["a", "a", "b"])) == 2


def test_slices_with_equal_lower_ends_are_ordered_by_name():
    report = di.slice_report([0, 0, 0, 0, 1, 1], [10, 9, 10, 9, 2, 1])
    assert [s.name for s in report] == ["1", "2", "10", "9"]
    assert all(s.high > s.error or s.error == 1 for s in report)
    assert report[2][2:] == (0.0, *wilson(0, 2))


@pytest.mark.parametrize(
    ("wrong", "groups", "least", "message"),
    [
        ([1], [1, 2], 1, r"shapes \(1,\) and \(2,\)"),
        ([[1]], [[1]], 1, r"shapes \(1, 1\)"),
        ([], [], 1, r"shapes \(0,\)"),
        ([1], ["a"], 0, "at least 1, got 0"),
        ([0.5], ["a"], 3, "0 or 1 and least at least 1, got 3"),
    ],
)
def test_errors_of_slices_name_what_is_wrong(wrong, groups, least, message):
    with pytest.raises(ValueError, match=message):
        di.slice_report(wrong, groups, least)


def reference_auc(a, b, folds):
    """Scores of held-out folds, standardized by hand, and the AUC by counting pairs."""
    X = np.vstack([a, b]).astype(float)
    X = np.hstack([X, X**2])
    y = np.repeat([0, 1], [len(a), len(b)])
    scores = np.zeros(len(y))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(X, y):
        mean, std = X[train].mean(0), X[train].std(0)
        fit = LogisticRegression(C=0.01, max_iter=200).fit((X[train] - mean) / std, y[train])
        scores[test] = (X[test] - mean) / std @ fit.coef_[0] + fit.intercept_
    pairs = scores[y == 1][:, None] - scores[y == 0]
    return np.mean((pairs > 0) + 0.5 * (pairs == 0))


@pytest.mark.parametrize("folds", [2, 4, 5])
def test_the_auc_is_that_of_the_pairs_of_held_out_scores(folds):
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(60, 4)), rng.normal(0.3, 1.2, size=(40, 4))
    assert di.adversarial_validation(a, b, folds) == pytest.approx(reference_auc(a, b, folds))
    assert di.adversarial_validation(a, b) == pytest.approx(reference_auc(a, b, 4))


def test_as_many_examples_as_folds_are_enough():
    a, b = np.zeros((2, 1)), np.array([[3.0], [4.0]])
    assert di.adversarial_validation(a, b, 2) == 1.0


def test_a_single_column_of_integers_is_standardized():
    a = np.array([[10**6], [10**6 + 1]] * 9)
    assert di.adversarial_validation(a, a + 5) == 1.0


@pytest.mark.parametrize(
    ("a", "b", "folds", "message"),
    [
        (np.zeros((4, 2)), np.zeros(4), 2, r"shapes \(4, 2\) and \(4,\)"),
        (np.zeros((4, 2, 1)), np.zeros((4, 2, 1)), 2, r"shapes \(4, 2, 1\)"),
        (np.zeros((9, 1)), np.zeros((3, 1)), 4, "got 4 folds of 9 and 3"),
        (np.zeros((3, 1)), np.zeros((9, 1)), 4, "got 4 folds of 3 and 9"),
        (np.zeros((9, 1)), np.full((9, 1), np.inf), 4, "must be finite"),
    ],
)
def test_errors_of_samples_name_what_is_wrong(a, b, folds, message):
    with pytest.raises(ValueError, match=message):
        di.adversarial_validation(a, b, folds)


def test_whole_numbers_are_probabilities_too():
    p = np.array([[0, 1], [1, 0], [0, 1]])
    assert di.label_audit(p, [0, 0, 1]).tolist() == [0]
    assert di.confident_joint(p, [0, 0, 1]).tolist() == [[1, 1], [0, 1]]


def test_a_class_of_probability_zero_is_counted_where_it_is_the_only_one_reached():
    # the thresholds are 0.7, 0.9 and 0; the last example reaches the third one only
    p = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    y = np.array([0, 1, 2, 0])
    assert di.confident_joint(p, y).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert di.label_audit(p, y).tolist() == [2, 3]


@pytest.mark.parametrize("which", [0, 1])
def test_numbers_of_any_type_are_told_apart(which):
    rng = np.random.default_rng(6)
    samples = [rng.integers(0, 256, size=(30, 2)) for _ in range(2)]
    expected = di.adversarial_validation(*samples)
    bytes_ = [sample.astype(np.uint8) for sample in samples]
    assert di.adversarial_validation(*bytes_) == pytest.approx(expected)
    samples[which] = samples[which].astype(object)
    assert di.adversarial_validation(*samples) == pytest.approx(expected)
