"""Inputs that are legal and rare: units, offsets, one far value, ties, collinear columns,
fractions, additive masks, missing levels, half precision and integers that wrap around.
"""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest
from groundtruth.check import close, gradient_errors, numeric_grad, parity
from groundtruth.data import divergences, features, kernels, mixed, model, similarity, tensors, text
from groundtruth.functional import log_softmax
from groundtruth.learning import (
    backprop,
    calibration,
    generalization,
    intervals,
    linear_models,
    metrics,
    model_selection,
    multifidelity,
    optimizers,
    range_test,
    regularization,
    schedules,
)
from groundtruth.learning.hyperparameter_search import Real, Whole
from groundtruth.learning.tape import record
from groundtruth.modern import facts, grpo, preferences
from groundtruth.modern.ngrams import Ngrams, floor
from groundtruth.modern.tokenizers import WORDS, BytePairs
from groundtruth.networks import (
    associative,
    attention,
    convolution,
    embeddings,
    gates,
    graphs,
    normalization,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.spatial.distance import cdist

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(30, 2))
LINE = 1 + NOISE @ [2, 3]
scales = st.sampled_from([1e-300, 1e-160, 1e-15, 1e-6, 1.0, 1e6, 1e15, 1e150, 1e300])


# checks that must not pass


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.array([-128], np.int8), np.array([0], np.int8)),
        (np.array([0], np.uint8), np.array([255], np.uint8)),
        (np.array([np.iinfo(np.int64).min]), np.array([0])),
        (np.array([2**53]), np.array([2**53 + 1])),
        (np.array([2.0**53]), np.array([2**53 + 1])),
        (np.array([2**64 - 1], np.uint64), np.array([-1])),
        ([True], [False]),
        ([5.0], [np.inf]),
        ([-np.inf], [np.inf]),
        ([np.inf], [1e308]),
        ([np.nan], [np.nan]),
        ([1 + 0j], [1 + 1e-3j]),
    ],
)
def test_what_differs_is_not_close(a, b):
    assert not close(a, b, atol=1e-9)
    assert not close(a, b, rtol=1e-30, atol=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([np.inf, -np.inf], [np.inf, -np.inf]),
        ([True, False], [True, False]),
        (np.array([-128], np.int8), np.array([-128])),
        (np.array([2**63], np.uint64), [float(2**63)]),
        (np.array([0.1], np.float32), np.array([np.float32(0.1)], float)),
    ],
)
def test_what_is_equal_is_close(a, b):
    assert close(a, b)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(0, 300))
def test_integers_are_compared_as_python_compares_them(a, b, atol):
    assert close(np.array([a]), np.array([b]), atol=atol) == (abs(a - b) <= atol)


@pytest.mark.parametrize(
    ("a", "b", "tolerances", "error"),
    [
        ([], [], {}, ValueError),
        ([1.0], [1.0], {"rtol": np.nan}, ValueError),
        ([1.0], [1.0], {"atol": np.inf}, ValueError),
        (["a"], ["a"], {}, TypeError),
        ([None], [None], {}, TypeError),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, tolerances, error):
    with pytest.raises(error):
        close(a, b, **tolerances)


def test_a_parity_of_wrapped_integers_fails_and_names_the_difference():
    with pytest.raises(AssertionError, match="difference is 128"):
        parity("x", np.array([-128], np.int8), np.array([0], np.int8))


@pytest.mark.parametrize("x", [[1e12], [-2e8], [0.0]])
def test_a_numeric_gradient_does_not_depend_on_the_offset(x):
    assert np.allclose(numeric_grad(lambda v: (3 * v).sum(), x), 3, rtol=1e-6)


def test_a_step_that_rounds_away_is_refused():
    with pytest.raises(ValueError, match="larger h"):
        numeric_grad(lambda v: v.sum(), [1e12], h=1e-6)


def test_a_function_of_several_values_has_no_gradient():
    with pytest.raises(ValueError, match="one number"):
        numeric_grad(lambda v: v, [1.0, 2.0])


def test_a_gradient_of_nan_is_an_infinite_error():
    p = np.array([1.0])
    assert gradient_errors(lambda: float(p[0]), [p], [np.array([np.nan])]) == [np.inf]


def test_integer_parameters_swallow_the_step_and_are_refused():
    with pytest.raises(TypeError, match="floats"):
        gradient_errors(lambda: 0.0, [np.array([1])], [np.array([0.0])])


def test_a_tape_gradient_of_nan_is_an_infinite_error():
    def wrong(x):
        return record(2 * x.data, (x, lambda g: g * np.nan)).sum()

    assert backprop.check_gradients(wrong, [1.0]) == np.inf


# units, offsets and one far value


@pytest.mark.parametrize("far", [1e8, 1e9, 1e12])
def test_one_far_row_does_not_move_the_others(far):
    X = np.append(np.arange(10.0), far)[:, None]
    assert np.allclose(similarity.pairwise_dists(X), cdist(X, X), rtol=1e-9)
    index, distance = similarity.nearest([[3.2]], X, 1)
    assert index.item() == 3
    assert np.isclose(distance.item(), 0.2)


def test_two_far_clusters_keep_their_inner_distances():
    X = np.concatenate([RNG.normal(size=(40, 3)), 1e9 + np.round(RNG.normal(size=(40, 3)), 2)])
    assert np.allclose(similarity.pairwise_dists(X), cdist(X, X), rtol=1e-9, atol=1e-300)


def test_epoch_seconds_beside_a_missing_time_are_told_apart():
    X = [[1.7e9 + 0.25], [1.7e9 + 0.75], [0.0]]
    assert np.isclose(similarity.pairwise_dists(X)[0, 1], 0.5)
    assert np.isclose(kernels.rbf(X)[0, 1], np.exp(-0.25))


@given(scales)
def test_distances_and_cosines_follow_the_unit(scale):
    X = NOISE[:6]
    # dividing first is exact: the distances of scaled rows are scaled
    assert np.allclose(similarity.pairwise_dists(X * scale) / scale, cdist(X, X), atol=1e-9)
    assert np.isclose(similarity.cosine(X[0] * scale, X[1]), similarity.cosine(X[0], X[1]))
    assert np.allclose(similarity.unit_rows(X * scale), similarity.unit_rows(X))


def test_equally_near_rows_come_in_order_of_index():
    Y = np.array(list(product(range(-2, 3), repeat=2)), float) / 3
    index, distance = similarity.nearest([[0.0, 0.0]], Y, 9)
    exact = np.linalg.norm(Y, axis=1)
    assert index[0].tolist() == np.argsort(exact, kind="stable")[:9].tolist()
    assert np.allclose(distance[0], np.sort(exact)[:9])


@pytest.mark.parametrize("unit", [1e15, 1e-15, 1.7e18, 1e200, 1e-200])
def test_least_squares_follows_the_unit_of_a_column(unit):
    X = NOISE * [1, unit]
    assert np.allclose(linear_models.ols(X, LINE) * [1, 1, unit], [1, 2, 3])
    summary = linear_models.ols_summary(X, LINE + 0.1 * np.cos(np.arange(30)))
    plain = linear_models.ols_summary(NOISE, LINE + 0.1 * np.cos(np.arange(30)))
    assert np.allclose(summary.se * [1, 1, unit], plain.se)
    assert np.allclose(summary.leverage, plain.leverage)


def test_least_squares_keeps_digits_beside_a_large_offset():
    t = 1.7e18 + 1e9 * np.arange(30)
    assert np.isclose(linear_models.ols(t[:, None], np.arange(30.0))[1], 1e-9, rtol=1e-12)


def test_a_dependent_column_is_named_whatever_its_unit():
    with pytest.raises(ValueError, match="column 2"):
        linear_models.ols(np.column_stack([NOISE[:, 0], 1e-15 * NOISE[:, 0]]), LINE)


@pytest.mark.parametrize("unit", [1e9, 1e-9])
def test_logistic_regression_follows_the_unit_and_the_offset(unit):
    label = (RNG.random(30) < 0.5).astype(float)
    plain, _ = linear_models.logistic_irls(NOISE, label)
    w, _ = linear_models.logistic_irls(NOISE * [unit, 1] + [0, 1e6], label)
    assert np.allclose(w[1:] * [unit, 1], plain[1:], rtol=1e-6)


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]],
        np.column_stack([NOISE, NOISE.sum(1)]),
        np.column_stack([NOISE[:, 0], 3e15 * NOISE[:, 0]]),
        RNG.normal(size=(3, 5)),
    ],
)
def test_perfect_collinearity_inflates_without_bound(X):
    assert np.isinf(linear_models.vif(X)).all()


def test_near_collinearity_inflates_as_its_residual_says():
    x, noise = NOISE.T
    assert linear_models.vif(np.column_stack([x, x + 1e-9 * noise])).min() > 1e15


@given(scales, st.sampled_from([0.0, 1e6]))
def test_inflation_depends_on_neither_unit_nor_offset(scale, offset):
    X = np.column_stack([NOISE[:, 0] * scale, NOISE[:, 1] + offset])
    assert np.allclose(linear_models.vif(X), linear_models.vif(NOISE), rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_ridge_sees_a_column_whatever_the_others_measure(unit):
    X = NOISE * [1, unit]
    y = NOISE @ [2.0, 3.0]
    B = NOISE - NOISE.mean(0)
    exact = np.linalg.solve(B.T @ B + 1e-3 * np.diag([1, unit**-2]), B.T @ y)
    w, _ = regularization.ridge(X, y, 1e-3)
    assert np.allclose(w * [1, unit], exact, rtol=1e-9)
    assert regularization.ridge_df(NOISE * [1, 1e12], 1e-3) > 1.9


def test_the_elastic_net_converges_in_every_unit():
    plain, _ = regularization.elastic_net(NOISE, LINE, 1e-9, mix=1.0)
    scaled, _ = regularization.elastic_net(NOISE * [1, 1e9], LINE, 1e-9, mix=1.0)
    assert np.allclose(scaled * [1, 1e9], plain, rtol=1e-6)


@given(scales)
def test_r2_and_rmse_follow_the_unit(scale):
    y = NOISE[:, 0]
    p = NOISE[:, 0] + 0.1 * NOISE[:, 1]
    assert np.isclose(metrics.r2(y * scale, p * scale), metrics.r2(y, p))
    assert np.isclose(metrics.rmse(y * scale, p * scale) / scale, metrics.rmse(y, p))


@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 1e9 + 0.1])
def test_equal_targets_have_no_r2(value):
    with pytest.raises(ValueError, match="all targets are equal"):
        metrics.r2([value] * 3, [value, value, value + 1])


def test_equal_inputs_have_no_slope():
    with pytest.raises(ValueError, match="not determined"):
        model.least_squares_line(np.array([0.1] * 3), np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_leaving_one_out_follows_the_unit(shift):
    A = np.column_stack([np.ones(30), NOISE * [1, 1e12]])
    plain = generalization.press(np.column_stack([np.ones(30), NOISE]), LINE**2)
    assert np.allclose(generalization.press(A, LINE**2 + shift), plain, rtol=1e-4)


def test_the_posterior_far_from_both_means_is_not_nan():
    classes = model.GaussianClasses(np.array([0.0, 2.0]), np.ones(2), np.array([0.5, 0.5]))
    assert classes.posterior(np.array([-1e3, 1e3])).tolist() == [0.0, 1.0]


def test_a_temperature_follows_the_unit_of_the_scores():
    z = 4 * NOISE[:, 0]
    y = (z + 4 * NOISE[:, 1] > 0).astype(float)
    assert np.isclose(calibration.temperature(y, 1e9 * z) / 1e9, calibration.temperature(y, z))


def test_sparsemax_ignores_a_constant():
    assert gates.sparsemax([1e17, 1e17]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("turns", [0, 10**6, 10**12])
def test_a_circle_is_closed_after_any_number_of_turns(turns):
    assert np.allclose(features.cyclic([24.0 * turns + 6], 24.0), [[0, 1]], atol=1e-12)


@given(scales)
def test_standardizing_follows_the_unit(scale):
    Z = features.Standardizer().fit(NOISE * scale).transform(NOISE * scale)
    assert np.allclose(Z.std(0), 1)


def test_a_width_that_overflows_is_refused():
    with pytest.raises(ValueError, match="overflows"):
        features.MinMax().fit([[1e308], [-1e308]])


# ties


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (list(product([-1.0, 1.0], repeat=2)), [2.0, 0.0, 0.0, -2.0]),
        (np.eye(4), [1.0, 1.0, 0.0, 0.0]),
        (np.eye(4), [1.0, -1.0, 0.0, 0.0]),
        (list(product([-1.0, 1.0], repeat=3)), [3.0, 1, 1, -1, 1, -1, -1, -3]),
        (list(product([-1.0, 0.0, 1.0], repeat=2)), np.arange(9.0)),
        ([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]], [1.0, 2.0, 4.0]),
        ([[0.1, 1.0], [0.1, 2.0], [0.1, 4.0]], [1.0, 2.0, 4.0]),
    ],
)
def test_tied_columns_join_the_path_together(X, y):
    top = regularization.lasso_corners(X, y)[0][0]
    lams = top * np.array([0.999, 0.75, 0.5, 0.25, 0.01])
    gaps = [
        regularization.kkt_gap(X, y, w, lam)
        for w, lam in zip(regularization.lasso_path(X, y, lams), lams, strict=True)
    ]
    assert max(gaps) < 1e-9


def test_equal_effects_of_a_factorial_design_have_equal_weights():
    X = np.array(list(product([-1.0, 1.0], repeat=3)))
    y = X @ [1.0, 1.0, 0.5]
    assert np.allclose(regularization.lasso_path(X, y, [0.25])[0], [0.75, 0.75, 0.25])


@given(st.integers(0, 10_000))
def test_the_path_meets_its_conditions_on_tables_of_small_integers(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    X = rng.integers(-2, 3, (n, int(rng.integers(1, 9)))).astype(float)
    y = rng.integers(-2, 3, n).astype(float)
    lams = np.abs((X - X.mean(0)).T @ (y - y.mean())).max() / n * np.array([0.9, 0.5, 0.1, 0.01])
    for w, lam in zip(regularization.lasso_path(X, y, lams), lams, strict=True):
        assert regularization.kkt_gap(X, y, w, lam) < 1e-9


# fractions, weights and large counts


def test_weighted_confusion_matrices_are_scored_as_they_are():
    report = metrics.report([[0.9, 0.1], [0.2, 0.8]])
    assert np.allclose(report.recall, [0.9, 0.8])
    assert np.allclose(report.precision, [0.9 / 1.1, 0.8 / 0.9])
    assert np.isclose(metrics.mcc([[0.9, 0.1], [0.2, 0.8]]), metrics.mcc([[9, 1], [2, 8]]))
    assert np.isclose(metrics.kappa([[2.5, 0.5], [1.5, 3.5]]), metrics.kappa([[5, 1], [3, 7]]))


@pytest.mark.parametrize("cell", [np.nan, np.inf, -1.0, 1e300])
@pytest.mark.parametrize("score", [metrics.report, metrics.mcc, metrics.kappa])
def test_cells_that_are_not_counts_are_refused(score, cell):
    with pytest.raises(ValueError, match="counts must be"):
        score([[cell, 1], [2, 3]])


def test_counts_beyond_the_square_root_of_the_integers_keep_their_correlation():
    assert metrics.mcc([[10**15, 0], [0, 1]]) == 1.0
    assert metrics.kappa([[10**15, 0], [0, 1]]) == 1.0


def test_small_integers_do_not_wrap_in_a_sum_of_products():
    x = np.full(4, 100, np.int8)
    assert tensors.einsum2("i,i->", x, x) == 40_000
    assert tensors.einsum2("i,i->", np.ones(3, bool), np.ones(3, bool)) == 3


def test_small_integers_shrink_as_floats_do():
    weights = regularization.soft_threshold(np.uint8([3, 9]), np.uint8([5, 5]))
    assert weights.tolist() == [0.0, 4.0]
    assert regularization.soft_threshold(np.int8([-128]), 3).tolist() == [-125.0]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float16])
def test_the_steepest_rate_does_not_depend_on_the_type_of_the_losses(dtype):
    losses = np.array([100, 100, 100, 99, 98, 3, 2, 1, 120, 127])
    rates = np.geomspace(1e-4, 1.0, 10)
    assert range_test.steepest(rates, losses.astype(dtype)) == rates[5]


def test_whole_rates_of_a_range_test_may_be_a_list():
    assert range_test.steepest([2**i for i in range(10)], [9.0] * 4 + [1.0] * 6) == 16.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float16, np.int16])
def test_energies_are_computed_in_double_precision(dtype):
    X = np.array([[120, 110], [100, 90]], dtype)
    xi = np.array([125, 60], dtype)
    # the larger inner product is 120 * 125 + 110 * 60 = 21,600; the square is 19,225
    assert associative.modern_energy(X, xi, 3) == pytest.approx(-21_600 + 19_225 / 2)
    assert associative.energy(X, xi) == pytest.approx(-(21_600 * 125 + 17_900 * 60) / 2)


@pytest.mark.parametrize(
    ("shapes", "cost"),
    [(((3,), (3, 4)), 12), (((2, 3), (3,)), 6), (((5, 2, 3), (3, 4)), 120), (((2, 3),), 0)],
)
def test_products_with_vectors_and_batches_have_their_cost(shapes, cost):
    assert tensors.matmul_cost(*shapes) == cost


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (floor, ([0.5, 1], 2), "whole number"),
        (Ngrams, ([0.9, 1], 2, 2), "whole number"),
        (Whole, (1.5, 3), "whole numbers"),
        (Real, (0.0, np.inf), "low < high"),
        (mixed.minhash, ([{1.5}], 4, 0), "whole numbers"),
    ],
)
def test_fractions_are_not_cut_off(function, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        function(*arguments)


@pytest.mark.parametrize("token", [-1, 2])
def test_a_token_outside_the_vocabulary_does_not_wrap_around(token):
    with pytest.raises(ValueError, match="vocabulary"):
        Ngrams([0, 1], 1, 2).loss([token])


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_classes_does_not_wrap_around(label):
    with pytest.raises(ValueError, match="whole labels"):
        backprop.softmax_ce(backprop.Tensor(np.zeros((1, 3))), [label])


# masks and half precision


Q = RNG.normal(size=(3, 4))


@pytest.mark.parametrize(
    "mask",
    [
        np.where(np.tri(3), 0.0, -np.inf),
        np.where(np.tri(3), 0.0, -1e9),
        np.zeros((3, 3)),
        np.tri(3),
        np.where(np.tri(3), 0, -1000),
    ],
)
def test_an_additive_mask_is_refused(mask):
    with pytest.raises(ValueError, match="additive"):
        attention.sdpa(Q, Q, Q, mask)


def test_a_mask_of_zeros_and_ones_is_boolean():
    booleans = np.tri(3, dtype=bool)
    assert np.array_equal(
        attention.sdpa(Q, Q, Q, booleans.astype(int))[0], attention.sdpa(Q, Q, Q, booleans)[0]
    )


def test_scores_in_half_precision_do_not_overflow():
    x = np.full((2, 64), 300.0, np.float16)
    assert np.isfinite(attention.sdpa(x, x, x)[0]).all()


def test_half_precision_parameters_are_refused_by_the_optimizers():
    with pytest.raises(TypeError, match="half precision"):
        optimizers.Adam([np.zeros(2, np.float16)], 1e-3)


def test_the_norm_of_half_precision_gradients_is_finite():
    _, norm = optimizers.clip_norm([np.full(4, 300.0, np.float16)], 1.0)
    assert norm == 600.0


def test_a_group_without_variance_is_refused_without_eps():
    with pytest.raises(ValueError, match="eps > 0"):
        normalization.layer_norm([[2.0, 2.0]], np.ones(2), np.zeros(2), eps=0.0)


@pytest.mark.parametrize("scores", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_scores_without_probabilities_are_refused(scores):
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        log_softmax(scores)


# missing values as levels


NAN = float("nan")


def test_missing_values_are_one_level():
    means, _ = features.target_means(["a", NAN, float("nan")], [0.0, 1.0, 3.0], 0.0)
    assert means[np.nan] == 2.0
    assert features.one_hot([float("nan")], ["a", NAN]).tolist() == [[0.0, 1.0]]
    assert mixed.gower(np.zeros((2, 1)), [[NAN], [float("nan")]])[0, 1] == 0.0


def test_levels_may_be_tuples():
    levels = [("a", 1), ("b", 2), ("a", 1), ("b", 2)]
    encoded = features.target_encode(levels, [0.0, 1.0, 0.0, 1.0], [0, 0, 1, 1], 0.0)
    assert encoded.tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "split",
    [
        partial(model_selection.stratified_kfold, k=2, rng=np.random.default_rng(0)),
        partial(model_selection.group_kfold, k=2),
    ],
)
def test_an_example_of_no_class_is_refused(split):
    with pytest.raises(ValueError, match="example 4 is NaN"):
        split([0.0, 0.0, 1.0, 1.0, NAN])


def test_a_fold_of_nan_is_refused():
    with pytest.raises(ValueError, match="fold is NaN"):
        features.target_encode(["a", "b", "c"], [0.0, 1.0, 2.0], [0.0, 1.0, NAN], 0.0)


def test_a_run_that_ends_in_nan_loses():
    losses = {0: NAN, 1: 1.0, 2: 2.0}
    outcome = multifidelity.successive_halving(
        lambda config, budget: losses[config["i"]], [{"i": i} for i in range(3)], 9, 9
    )
    assert outcome.config == {"i": 1}


def test_a_metric_of_nan_has_no_interval():
    with pytest.raises(ValueError, match="NaN on"):
        intervals.bootstrap(lambda y: NAN, np.arange(5), draws=10, rng=np.random.default_rng(0))


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
@pytest.mark.parametrize("scale", [True, False])
def test_a_group_with_a_reward_that_is_not_finite_has_no_advantages(value, scale):
    with pytest.raises(ValueError, match="rewards must be finite"):
        grpo.group_advantages([[1.0, value, 3.0]], scale)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([NAN, 0.5], [0.5, 0.5]),
        ([-0.5, 1.5], [0.5, 0.5]),
        ([np.inf, 0.5], [0.5, 0.5]),
        ([0.0, 1.0], [np.inf, 1.0]),
    ],
)
def test_what_is_no_probability_has_no_divergence(p, q):
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        preferences.kl(p, q)


@pytest.mark.parametrize("reward", [NAN, np.inf])
def test_a_reward_that_is_not_finite_loses_no_comparison(reward):
    with pytest.raises(ValueError, match="rewards must be finite"):
        preferences.compare([0.0, reward], [0.5, 0.5], 3, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("confidence", "right"),
    [
        ([0.3, NAN, 0.9], [1, 0, 1]),
        ([0.3, 0.5, 0.9], [1, NAN, 1]),
        ([0.3, 0.5, 0.9], [True, None, True]),
    ],
)
@pytest.mark.parametrize(
    "measure", [facts.selective, partial(facts.score, threshold=0.5, penalty=1.0)]
)
def test_a_confidence_or_a_mark_of_nan_is_refused(measure, confidence, right):
    with pytest.raises(ValueError, match="is NaN"):
        measure(confidence, right)


@pytest.mark.parametrize(("threshold", "penalty"), [(NAN, 1.0), (0.5, NAN), (0.5, -1.0)])
def test_a_threshold_or_a_penalty_of_nan_is_refused(threshold, penalty):
    with pytest.raises(ValueError, match="threshold and a penalty"):
        facts.score([0.5], [True], threshold, penalty)


def test_a_threshold_of_nan_shrinks_nothing():
    with pytest.raises(ValueError, match="threshold"):
        regularization.soft_threshold([1.0, 2.0], NAN)


@pytest.mark.parametrize(
    "first", [NAN, -np.inf, -1.0, 0.0, 2e-3, 1e-3], ids=lambda rate: f"{rate:g}"
)
def test_rates_that_do_not_rise_from_above_zero_have_no_steepest(first):
    rates = np.append(first, np.geomspace(1e-3, 1.0, 11))
    with pytest.raises(ValueError, match="rise from step to step"):
        range_test.steepest(rates, np.linspace(3.0, 1.0, 12))


def test_unsigned_rates_that_fall_do_not_wrap_around_to_a_rise():
    with pytest.raises(ValueError, match="rise from step to step"):
        range_test.steepest(np.arange(20, 8, -1).astype(np.uint8), np.linspace(3.0, 1.0, 12))


def test_an_infinite_rate_has_no_steepest():
    rates = np.append(np.geomspace(1e-3, 1.0, 11), np.inf)
    with pytest.raises(ValueError, match="rise from step to step"):
        range_test.steepest(rates, np.linspace(3.0, 1.0, 12))


# sparse tables, shapes, text


@pytest.mark.parametrize(
    "counts",
    [
        csr_array(([1.0, 1.0, 1.0], [0, 0, 1], [0, 2, 3]), shape=(2, 2)),
        csr_array(([2.0, 0.0, 1.0], [0, 1, 1], [0, 2, 3]), shape=(2, 2)),
        csc_array([[2.0, 0.0], [0.0, 1.0]]),
        coo_array(([1.0, 1.0, 1.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 2)),
    ],
)
def test_a_sparse_table_weighs_words_as_its_dense_form(counts):
    dense = csr_array([[2.0, 0.0], [0.0, 1.0]])
    assert np.allclose(text.idf(counts), text.idf(dense))
    assert np.allclose(text.tfidf(counts).toarray(), text.tfidf(dense).toarray())
    assert np.allclose(text.bm25(counts, [0]), text.bm25(dense, [0]))


@pytest.mark.parametrize("options", [{"pad": 1}, {"pad": -1}, {"stride": 0}])
def test_a_transposed_convolution_without_an_output_is_refused(options):
    with pytest.raises(ValueError, match="pad"):
        convolution.conv_transpose2d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), **options)


@pytest.mark.parametrize(
    ("p", "q", "distance"),
    [([1.0, 5e-324], [1.0, 0.0], 0.0), ([1.0, 0.0], [0.0, 1.0], np.log(2))],
)
def test_the_jensen_shannon_divergence_is_finite(p, q, distance):
    assert np.isclose(divergences.js(p, q), distance)


def test_a_ratio_beyond_the_largest_float_has_a_divergence():
    assert np.isclose(divergences.kl([1.0, 0.0], [5e-324, 1.0]), -np.log(5e-324))


@pytest.mark.parametrize("total", [2, 4, 5, 10])
def test_a_cycle_may_rise_in_one_step(total):
    rates = [schedules.one_cycle(t, 1.0, total, rise=1 / total)[0] for t in range(total)]
    assert rates[0] == 1.0
    assert rates == sorted(rates, reverse=True)


def test_losses_below_zero_can_stop_improving():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=0)
    assert [plateau.report(loss) for loss in (-1.0, -1.0, -2.0)] == [1.0, 0.5, 0.5]


def test_a_range_test_of_losses_below_zero_runs_on():
    rates, _ = range_test.range_test(lambda rate: -1.0, 1e-3, 1.0, 10)
    assert len(rates) == 10


def test_the_steepest_rate_is_not_where_the_loss_is_nan():
    losses = np.append(np.linspace(3.0, 1.0, 11), np.nan)
    with pytest.raises(ValueError, match="finite"):
        range_test.steepest(np.geomspace(1e-3, 1.0, 12), losses)


def test_loops_are_not_sides_of_triangles():
    assert graphs.triangles(np.ones((3, 3))) == 1


def test_a_word_that_never_occurs_has_no_information():
    assert np.isneginf(embeddings.pmi([[1.0, 0.0], [0.0, 0.0]])[1]).all()


def test_equal_representations_have_nothing_to_align():
    with pytest.raises(ValueError, match="equal on all rows"):
        embeddings.cka(np.full((3, 2), 0.1), NOISE[:3])


@pytest.mark.parametrize(
    ("string", "words"),
    [
        ("12 m²", ["12", " m", "²"]),
        ("x2y", ["x", "2", "y"]),
        ("ab½", ["ab", "½"]),
        ("1½", ["1½"]),
        ("Ⅷ7 _a\x1c b", ["Ⅷ7", " _", "a", "\x1c", " b"]),
    ],
)
def test_numerals_are_numbers_and_not_letters(string, words):
    assert WORDS.findall(string) == words


def test_half_a_surrogate_pair_is_named():
    with pytest.raises(ValueError, match="surrogate"):
        BytePairs([]).encode("a\ud800")


def test_a_merge_given_twice_is_refused():
    with pytest.raises(ValueError, match="given twice"):
        BytePairs([(0, 1), (2, 3), (0, 1)])


@pytest.mark.timeout(60)
def test_one_long_word_costs_about_what_its_letters_cost():
    word = "".join(RNG.choice(list("abcdefgh"), 16_000))
    tokenizer = BytePairs.train(word, 300)
    assert tokenizer.decode(tokenizer.encode(word[::-1])) == word[::-1]
