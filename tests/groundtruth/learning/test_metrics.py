"""Metrics of labels, scores and numbers against scikit-learn; identities, bounds and bad input."""

import numpy as np
import pytest
from groundtruth.learning import metrics as mt
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as sk

scored = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=40).filter(
    lambda rows: len({y for y, _ in rows}) == 2
)
labelled = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)


@given(labelled)
def test_matrix_and_report_equal_sklearn(rows):
    y, p = np.array(rows).T
    assume(len(set(y) | set(p)) > 1)  # scikit-learn warns about a single label
    C = mt.confusion(y, p, 3)
    assert np.array_equal(C, sk.confusion_matrix(y, p, labels=[0, 1, 2]))
    r = mt.report(C)
    theirs = sk.precision_recall_fscore_support(y, p, labels=[0, 1, 2], zero_division=0)
    assert all(
        np.allclose(a, b, atol=1e-12)
        for a, b in zip((r.precision, r.recall, r.f1, r.support), theirs, strict=True)
    )
    for how in ("macro", "weighted"):
        assert np.allclose(
            r.average(how),
            sk.precision_recall_fscore_support(
                y, p, labels=[0, 1, 2], average=how, zero_division=0
            )[:3],
            atol=1e-12,
        )
    assert mt.mcc(C) == pytest.approx(sk.matthews_corrcoef(y, p), abs=1e-12)
    assert mt.kappa(C) == pytest.approx(sk.cohen_kappa_score(y, p), abs=1e-12)


@given(scored)
def test_curves_and_areas_equal_sklearn_with_ties(rows):
    y, s = np.array(rows).T
    assert mt.auc(y, s) == pytest.approx(sk.roc_auc_score(y, s), abs=1e-12)
    assert mt.average_precision(y, s) == pytest.approx(sk.average_precision_score(y, s), abs=1e-12)
    for ours, theirs in zip(mt.roc(y, s), sk.roc_curve(y, s, drop_intermediate=False), strict=True):
        assert np.allclose(ours, theirs)
    precision, recall, threshold = sk.precision_recall_curve(y, s)
    ours = mt.pr_curve(y, s)
    assert np.allclose(ours[0], precision[-2::-1])
    assert np.allclose(ours[1], recall[-2::-1])
    assert np.array_equal(ours[2], threshold[::-1])


@given(scored)
def test_auc_depends_on_the_order_only_and_flips_with_it(rows):
    y, s = np.array(rows).T
    assert mt.auc(y, s) == mt.auc(y, np.exp(s) * 3 - 1)
    assert mt.auc(y, -s) == pytest.approx(1 - mt.auc(y, s))
    assert mt.auc(1 - y, s) == pytest.approx(1 - mt.auc(y, s))


@given(scored, st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_best_threshold_is_the_cheapest(rows, fp, fn):
    y, s = np.array(rows).T
    t, cost = mt.best_threshold(y, s, fp, fn)

    def price(c):
        return np.mean((s >= c) & (y == 0)) * fp + np.mean((s < c) & (y == 1)) * fn

    assert cost == pytest.approx(price(t))
    assert all(cost <= price(c) + 1e-12 for c in np.append(np.unique(s), np.inf))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.2, 5))
def test_f_lies_between_precision_and_recall(p, r, beta):
    f = mt.fbeta(p, r, beta)
    assert min(p, r) - 1e-12 <= f <= max(p, r) + 1e-12


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_fbeta_equals_sklearn(beta):
    y = np.array([1, 1, 1, 1, 0, 0, 0])
    p = np.array([1, 0, 0, 0, 1, 0, 0])
    assert mt.fbeta(1 / 2, 1 / 4, beta) == pytest.approx(sk.fbeta_score(y, p, beta=beta))


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=30), st.integers(0, 999))
def test_errors_of_numbers_equal_sklearn(y, seed):
    y = np.array(y)
    p = y + np.random.default_rng(seed).normal(size=y.size)
    assume(np.ptp(y) > 1e-3)
    assert mt.rmse(y, p) == pytest.approx(sk.root_mean_squared_error(y, p))
    assert mt.rmse(y, p) >= sk.mean_absolute_error(y, p) - 1e-9
    assert mt.r2(y, p) == pytest.approx(sk.r2_score(y, p), abs=1e-9)
    assert mt.r2(y, p) <= 1
    if (np.abs(y) > 1e-3).all():
        assert mt.mape(y, p) == pytest.approx(sk.mean_absolute_percentage_error(y, p))


def test_mase_of_the_naive_forecast_is_one():
    past = np.array([1.0, 4.0, 2.0, 6.0, 3.0])
    assert mt.mase(past[1:], past[:-1], past) == 1.0
    assert mt.mase(past[2:], past[:-2], past, season=2) == 1.0


ONE = ([0, 1], [0.1, 0.2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mt.confusion([], [], 2), "length >= 1"),
        (lambda: mt.confusion([0], [2], 2), "every prediction"),
        (lambda: mt.confusion([0.5], [0], 2), "every label"),
        (lambda: mt.confusion([-1], [0], 2), "every label"),
        (lambda: mt.confusion([0], [-1], 2), "every prediction"),
        (lambda: mt.confusion([2], [0], 2), "every label"),
        (lambda: mt.confusion([[0]], [[0]], 2), r"\(1, 1\)"),
        (lambda: mt.confusion([0], [0, 1], 2), r"\(1,\) and \(2,\)"),
        (lambda: mt.report([[1, 2]]), r"\(1, 2\)"),
        (lambda: mt.report([[1]]), r"\(1, 1\)"),
        (lambda: mt.report([1, 2]), r"\(2,\)"),
        (lambda: mt.report([[1, 2, 3], [4, 5, 6]]), r"\(2, 3\)"),
        (lambda: mt.report([["a", "b"], ["c", "d"]]), "of numbers"),
        (lambda: mt.report([[1, -1], [0, 1]]), "finite, >= 0"),
        (lambda: mt.report([[1, np.inf], [0, 1]]), "finite, >= 0"),
        (lambda: mt.report([[2**53, 1], [0, 1]]), "below 2\\^53"),
        (lambda: mt.report([[0, 0], [0, 0]]), "not all zero"),
        (lambda: mt.report([[1, 0], [0, 1]]).average("micro"), "accuracy"),
        (lambda: mt.fbeta(1.5, 0.5), "1.5"),
        (lambda: mt.fbeta(-0.1, 0.5), "-0.1"),
        (lambda: mt.fbeta(0.5, 1.5), "1.5"),
        (lambda: mt.fbeta(0.5, -0.1), "-0.1"),
        (lambda: mt.fbeta(0.5, 0.5, 0.0), "beta"),
        (lambda: mt.fbeta(0.5, 0.5, np.inf), "inf"),
        (lambda: mt.auc([1, 1], [0.1, 0.2]), "only 1"),
        (lambda: mt.auc([0, 0], [0.1, 0.2]), "only 0"),
        (lambda: mt.auc([], []), "length >= 1"),
        (lambda: mt.auc([[0, 1]], [[0.1, 0.2]]), r"\(1, 2\)"),
        (lambda: mt.auc([0, 2], [0.1, 0.2]), "0 or 1"),
        (lambda: mt.auc([0, 1], [0.1, np.nan]), "NaN"),
        (lambda: mt.roc([0], [0.1, 0.2]), r"\(1,\) and \(2,\)"),
        (lambda: mt.best_threshold(*ONE, 0.0, 0.0), "not both 0"),
        (lambda: mt.best_threshold(*ONE, -1.0, 1.0), "-1.0"),
        (lambda: mt.best_threshold(*ONE, np.inf, 1.0), "inf"),
        (lambda: mt.best_threshold(*ONE, 1.0, np.nan), "nan"),
        (lambda: mt.best_threshold(*ONE, 1.0, -1.0), "-1.0"),
        (lambda: mt.rmse([], []), "length >= 1"),
        (lambda: mt.rmse([[1.0]], [[1.0]]), r"\(1, 1\)"),
        (lambda: mt.rmse([1.0], [1.0, 2.0]), r"\(1,\) and \(2,\)"),
        (lambda: mt.rmse([1.0], [np.inf]), "finite"),
        (lambda: mt.rmse([np.nan], [1.0]), "finite"),
        (lambda: mt.r2([1.0, 1.0], [1.0, 2.0]), "equal"),
        (lambda: mt.mape([1.0, 0.0], [1.0, 1.0]), "target 1 is zero"),
        (lambda: mt.mape([2.0, 0.0], [1.0, 1.0]), "target 1 is zero"),
        (lambda: mt.mase([1.0], [1.0], [1.0]), "longer"),
        (lambda: mt.mase([1.0], [1.0], [1.0, 2.0], season=0), "and 0"),
        (lambda: mt.mase([1.0], [1.0], [1.0, 2.0], season=2), "and 2"),
        (lambda: mt.mase([1.0], [1.0], [[1.0, 2.0], [3.0, 5.0]]), r"\(2, 2\)"),
        (lambda: mt.mase([1.0], [1.0], [1.0, np.nan, 2.0]), "the past holds NaN"),
        (lambda: mt.mase([1.0], [1.0], [2.0, 2.0]), "never changes"),
        (lambda: mt.mase([1.0], [2.0], [1, 2, 1, 2], season=2), "from season to season"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", ["int8", "float16", "object"])
def test_numbers_of_any_type_are_computed_as_floats(kind):
    y = np.array([-100.0, 30.0, 77.0, 120.0])
    p = np.array([100.0, 31.0, 80.0, 121.0])
    label = [0, 1, 0, 1]
    for score in (mt.rmse, mt.r2, mt.mape):
        assert score(y.astype(kind), p) == score(y, p)
        assert score(y, p.astype(kind)) == score(y, p)
        assert score(y.astype(kind), p.astype(kind)) == score(y, p)
    assert mt.mase(y, p, y.astype(kind)) == mt.mase(y, p, y)
    assert mt.auc(label, y.astype(kind)) == mt.auc(label, y)
    assert mt.best_threshold(label, y.astype(kind), 1.0, 5.0) == mt.best_threshold(label, y, 1, 5)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int64"])
def test_narrow_labels_count_as_wide_ones(kind):
    y = np.array([19, 19, 3], dtype=kind)
    C = mt.confusion(y, y[::-1], 20)
    assert C.sum() == 3
    assert C[19, 3] == C[19, 19] == C[3, 19] == 1


def test_true_and_false_are_labels():
    C = mt.confusion(np.array([True, False, True]), np.array([True, True, True]), 2)
    assert C.tolist() == [[0, 1], [0, 2]]


def test_counts_may_have_53_bits():
    C = [[2**53 - 1, 0], [0, 1]]
    assert mt.report(C).support.tolist() == [2**53 - 1, 1]
    assert mt.mcc(C) == mt.kappa(C) == 1.0


@pytest.mark.parametrize("C", [[[5, 0], [0, 0]], [[2, 0], [3, 0]], [[2, 3], [0, 0]]])
def test_margins_of_one_class_leave_nothing_to_agree_on(C):
    assert mt.mcc(C) == 0.0
    assert mt.kappa(C) == 0.0


def test_one_error_may_cost_nothing():
    y = [0, 1, 0, 1]
    s = [0.1, 0.6, 0.7, 0.9]
    assert mt.best_threshold(y, s, 0.0, 1.0)[1] == 0.0
    assert mt.best_threshold(y, s, 1.0, 0.0) == (np.inf, 0.0)


def test_infinite_scores_are_ranked():
    assert mt.auc([0, 1, 1], [-np.inf, 0.0, np.inf]) == 1.0


def test_mase_is_free_of_the_unit():
    y, p, past = np.array([1.0, 2.0]), np.array([1.5, 1.0]), np.array([1.0, 4.0, 2.0])
    for unit in (1e-3, 1e3):
        assert mt.mase(unit * y, unit * p, unit * past) == pytest.approx(mt.mase(y, p, past))
    assert mt.mase(y, p, past, season=2) == pytest.approx(0.75)  # mean of 0.5 and 1, over 1


def test_f1_weighs_both_alike():
    assert mt.fbeta(0.5, 1.0) == pytest.approx(2 / 3)


def test_whole_counts_are_exact_in_any_type():
    C = np.array([[4 * 10**9, 10**9], [2 * 10**9, 3 * 10**9]])  # n^2 has more than 63 bits
    large = [[2**53 - 1, 0], [1, 1]]
    for score in (mt.mcc, mt.kappa):
        assert score(C) == pytest.approx(score(C // 10**9), rel=1e-14)
        assert score(C.astype(float)) == score(C)
        assert score(np.array(large, dtype=float)) == score(large)
    N = 2**53  # n = N + 1, trace N, margins (N, 1) and (N - 1, 2)
    assert mt.kappa(large) == pytest.approx((2 * N - 2) / (3 * N - 1), rel=1e-14)


@pytest.mark.parametrize("score", [mt.mcc, mt.kappa])
def test_weights_below_one_agree_as_counts_do(score):
    weights = np.array([[0.2, 0.05], [0.1, 0.15]])
    assert score(weights) == pytest.approx(score([[20, 5], [10, 15]]))


def test_errors_between_huge_numbers_of_two_signs_do_not_overflow():
    assert mt.rmse([-1e200, -1e200], [1e200, 1e200]) == pytest.approx(2e200)


def test_a_target_of_one_has_a_percentage():
    assert mt.mape([1.0], [1.5]) == 0.5
