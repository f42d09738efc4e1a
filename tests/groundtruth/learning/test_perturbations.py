"""Dropout keeps the mean, smoothing equals torch, mix-up keeps mass, stopping keeps the best; bad
input.
"""

from fractions import Fraction

import numpy as np
import pytest
import torch
from groundtruth.learning import perturbations as pert
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 10_000)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_a_mask_has_mean_one_the_stated_variance_and_torchs_values(p):
    mask = pert.dropout_mask((400_000,), p, rng(1))
    assert abs(mask.mean() - 1) < 5 * np.sqrt(p / (1 - p) / 400_000) + 1e-12  # five standard errors
    assert np.isclose(mask.var(), p / (1 - p), rtol=0.05, atol=1e-9)
    torch.manual_seed(0)
    assert set(
        torch.unique(torch.nn.functional.dropout(torch.ones(1000, dtype=torch.float64), p)).tolist()
    ) == set(np.unique(mask[:1000]).tolist())


@given(seeds, st.floats(0, 0.9))
def test_evaluation_changes_nothing(seed, p):
    x = rng(seed).normal(size=7)
    assert np.array_equal(pert.dropout(x, p, rng(), train=False), x)
    y = pert.dropout(x, p, rng(seed), train=True)
    assert np.allclose(y[y != 0], x[y != 0] / (1 - p))


def test_mc_dropout_has_the_closed_forms_spread():
    r = rng(2)
    w = np.array([1.0, 2.0, 3.0])
    mean, std = pert.mc_dropout(
        lambda x: (x * pert.dropout_mask(x.shape, 0.25, r)) @ w, np.ones(3), 40_000
    )
    assert np.isclose(mean, 6, rtol=0.01)
    assert np.isclose(std, np.sqrt((w**2).sum() / 3), rtol=0.02)


@given(seeds, st.floats(0, 0.9))
def test_the_loss_of_smooth_labels_equals_torch(seed, eps):
    r = rng(seed)
    z = r.normal(size=(8, 5))
    labels = r.integers(0, 5, 8)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    ours = -(pert.label_smooth(np.eye(5)[labels], eps) * logp).sum(1).mean()
    want = torch.nn.functional.cross_entropy(
        torch.tensor(z), torch.tensor(labels), label_smoothing=eps
    )
    assert np.isclose(ours, want.item(), atol=1e-12)


@given(seeds, st.floats(0.1, 5))
def test_mixup_keeps_the_mass_and_the_means(seed, alpha):
    r = rng(seed)
    X = r.normal(size=(9, 3))
    Y = np.eye(4)[r.integers(0, 4, 9)]
    A, T = pert.mixup(X, Y, alpha, r)
    assert np.allclose(T.sum(1), 1)
    assert (T >= 0).all()
    assert A.min() >= X.min() - 1e-12
    assert A.max() <= X.max() + 1e-12  # a p + a (1 - p) may differ from a in its last bit
    both = np.column_stack([X, Y])
    C, _ = pert.mixup(both, Y, alpha, rng(seed + 1))
    D, E = pert.mixup(both, Y, alpha, rng(seed + 1))
    assert np.array_equal(C, D)
    assert np.allclose(D[:, 3:], E)  # inputs and labels are mixed in one proportion


def test_images_move_by_at_most_one_pixel():
    image = np.zeros((1, 25))
    image[0, 12] = 1.0
    places = {int(pert.shift_images(image, 5, rng(s)).argmax()) for s in range(200)}
    assert places == {6, 7, 8, 11, 12, 13, 16, 17, 18}


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.integers(1, 5))
def test_stopping_keeps_the_best_state_and_its_patience(losses, patience):
    stop = pert.EarlyStopping(patience)
    ended = None
    for step, loss in enumerate(losses):
        if stop.report(loss, step):
            ended = step
            break
    seen = losses[: (len(losses) if ended is None else ended + 1)]
    assert stop.best == min(seen)
    assert stop.best_state == seen.index(min(seen))
    if ended is not None:
        assert ended - stop.best_state == patience


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pert.dropout_mask((2,), 1.0, rng()), "probability to drop"),
        (lambda: pert.dropout([1.0], -0.1, rng(), True), "probability"),
        (lambda: pert.mc_dropout(lambda x: x, 1.0, 1), "two draws"),
        (lambda: pert.label_smooth([[1.0, 1.0]], 0.1), "sum to one"),
        (lambda: pert.label_smooth([[1.0, 0.0]], 1.0), "eps"),
        (lambda: pert.mixup([[1.0]], [], 1.0, rng()), "as many labels"),
        (lambda: pert.mixup([[1.0]], [[1.0]], 0.0, rng()), "alpha"),
        (lambda: pert.shift_images(np.ones((1, 8)), 3, rng()), "side 3"),
        (lambda: pert.EarlyStopping(0), "patience"),
        (lambda: pert.EarlyStopping(1).report(np.nan), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("p", [-0.01, 1.0, 1.01, np.nan])
def test_a_probability_to_drop_lies_from_0_to_below_1(p):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
        pert.dropout_mask((2,), p, rng())


def test_a_mask_has_its_shape_and_is_that_of_its_generator():
    assert pert.dropout_mask((2, 3, 4), 0.5, rng()).shape == (2, 3, 4)
    same = pert.dropout_mask((50,), 0.5, rng(3))
    assert np.array_equal(same, pert.dropout_mask((50,), 0.5, rng(3)))
    assert not np.array_equal(same, pert.dropout_mask((50,), 0.5, rng(4)))
    assert pert.dropout_mask((5,), 0.0, rng()).tolist() == [1.0] * 5


def test_training_multiplies_by_a_fresh_mask():
    x = np.float32([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    y = pert.dropout(x, 0.3, rng(5), train=True)
    assert y.dtype == float
    assert np.array_equal(y, x.astype(float) * pert.dropout_mask((2, 3), 0.3, rng(5)))
    assert np.array_equal(pert.dropout(x, 0.3, rng(5), train=False), x.astype(float))
    assert pert.dropout(x, 0.3, rng(5), train=False).dtype == float


def test_mean_and_standard_deviation_of_draws_by_hand():
    # 1, 2, 6: mean 3, squared deviations 4 + 1 + 9 over 2; the other column does not vary
    draws = iter([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    mean, std = pert.mc_dropout(lambda x: next(draws), None, 3)
    assert mean.tolist() == [3.0, 5.0]
    assert np.allclose(std, [np.sqrt(7), 0.0])
    mean, std = pert.mc_dropout(lambda x: [x], 4.0, 2)
    assert (mean.tolist(), std.tolist()) == ([4.0], [0.0])


def test_labels_without_smoothing_stay_and_soft_ones_are_smoothed_too():
    assert pert.label_smooth([[0, 1], [1, 0]], 0.0).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    # 0.6 * (0.5, 0.25, 0.25) + 0.4 / 3
    want = np.array([0.3, 0.15, 0.15]) + 0.4 / 3
    assert np.allclose(pert.label_smooth([[0.5, 0.25, 0.25]], 0.4), want)
    single = pert.label_smooth(np.float32([[0.5, 0.25, 0.25]]), 0.4)
    assert np.allclose(single, want, rtol=1e-14)


@pytest.mark.parametrize(
    "Y", [[1.0, 0.0], [], np.ones((0, 2)), np.ones((2, 0)), [[1.0, 0.0], [1.0, 0.5]]]
)
def test_labels_that_are_none_are_refused(Y):
    with pytest.raises(ValueError, match="whose rows sum to one"):
        pert.label_smooth(Y, 0.1)


@pytest.mark.parametrize("eps", [-0.1, 1.0])
def test_a_smoothing_outside_of_0_and_1_is_refused(eps):
    with pytest.raises(ValueError, match=r"eps must lie in \[0, 1\)"):
        pert.label_smooth([[0.0, 1.0]], eps)


def test_every_row_is_mixed_with_one_other_and_each_other_once():
    # row i of the identity tells which rows are in mixture i
    n = 40
    A, T = pert.mixup(np.eye(n), np.arange(n), 1.0, rng(8))
    assert np.allclose(A.sum(1), 1)
    own = np.diag(A)
    rest = A - np.diag(own)
    assert ((rest > 0).sum(1) <= 1).all()
    assert ((A > 0).sum(0) <= 2).all()  # as itself, and as the other of one row
    assert np.allclose(T, A @ np.arange(n))
    assert len(np.unique(own)) > n / 2  # one share per row


def test_shares_of_mixtures_are_those_of_the_beta_distribution():
    # Beta(a, a) has the variance 1 / (4 (2 a + 1)); rows mixed with themselves show no share
    for alpha in (0.2, 2.0):
        A, _ = pert.mixup(np.eye(300), np.eye(300), alpha, rng(9))
        shares = np.diag(A)[np.diag(A) < 1]
        assert np.isclose(shares.mean(), 0.5, atol=0.08)
        assert np.isclose(shares.var(), 1 / (4 * (2 * alpha + 1)), rtol=0.2)


def test_inputs_of_any_shape_are_mixed():
    X = rng(1).normal(size=(6, 2, 3))
    A, T = pert.mixup(X, np.arange(6), 0.5, rng(2))
    flat, same = pert.mixup(X.reshape(6, 6), np.arange(6), 0.5, rng(2))
    assert np.array_equal(A.reshape(6, 6), flat)
    assert T.shape == (6,)
    assert np.array_equal(T, same)


def test_mixtures_of_single_precision_are_computed_in_double():
    X = rng(1).normal(size=(6, 2)).astype(np.float32)
    A, T = pert.mixup(X, X, 0.5, rng(2))
    B, _ = pert.mixup(X.astype(float), X.astype(float), 0.5, rng(2))
    assert np.array_equal(A, B)
    assert np.array_equal(T, B)


@pytest.mark.parametrize(
    ("X", "Y", "alpha"), [([[1.0]], [1.0, 2.0], 1.0), ([], [], 1.0), ([[1.0]], [1.0], 0.0)]
)
def test_mixtures_need_as_many_labels_and_a_positive_alpha(X, Y, alpha):
    with pytest.raises(ValueError, match=f"got {len(Y)}, {len(X)} and {alpha}"):
        pert.mixup(X, Y, alpha, rng())


def moves(image, fill):
    """All nine images that a move by at most a pixel makes."""
    side = len(image)
    made = {}
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            new = np.full((side, side), fill)
            for i in range(side):
                for j in range(side):
                    if 0 <= i + down < side and 0 <= j + right < side:
                        new[i + down, j + right] = image[i, j]
            made[down, right] = new.ravel().tolist()
    return made


def test_images_are_moved_each_by_itself_and_along_both_axes():
    X = np.arange(1.0, 4 * 60 + 1).reshape(60, 4)
    Z = pert.shift_images(X, 2, rng(3), fill=-7.0)
    seen = []
    for before, after in zip(X, Z, strict=True):
        made = moves(before.reshape(2, 2), -7.0)
        seen.append(next(move for move, new in made.items() if new == after.tolist()))
    assert set(seen) == {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


def test_empty_edges_are_zero_by_default():
    X = np.ones((50, 9))
    Z = pert.shift_images(X, 3, rng(4))
    assert set(np.unique(Z)) == {0.0, 1.0}
    assert np.array_equal(Z, pert.shift_images(X, 3, rng(4), fill=0.0))


def test_shifted_images_of_whole_numbers_take_any_fill():
    Z = pert.shift_images(np.ones((50, 4), dtype=int), 2, rng(4), fill=0.5)
    assert set(np.unique(Z)) == {0.5, 1.0}


@pytest.mark.parametrize("X", [np.ones(9), np.ones((2, 8)), np.ones((2, 3, 3))])
def test_images_must_be_flat_and_square(X):
    with pytest.raises(ValueError, match=r"need images \(n, 9\) for side 3"):
        pert.shift_images(X, 3, rng())


def test_stopping_has_no_smallest_improvement_by_default():
    stop = pert.EarlyStopping(3)
    assert (stop.patience, stop.min_delta, stop.best, stop.best_state, stop.bad) == (
        3,
        0.0,
        np.inf,
        None,
        0,
    )
    assert not stop.report(1.0)
    assert stop.best_state is None
    assert stop.best == 1.0


def test_an_improvement_must_be_larger_than_the_smallest_that_counts():
    stop = pert.EarlyStopping(2, min_delta=0.5)
    # 2.5 is no improvement by more than 0.5 on 3, 2.25 is
    reports = [stop.report(loss, str(loss)) for loss in (3.0, 2.5, 2.25, 2.0, 1.75)]
    assert reports == [False, False, False, False, True]
    assert (stop.best, stop.best_state, stop.bad) == (2.25, "2.25", 2)


def test_an_equal_loss_is_no_improvement():
    stop = pert.EarlyStopping(1)
    assert [stop.report(loss, i) for i, loss in enumerate((1.0, 1.0))] == [False, True]
    assert stop.best_state == 0
    assert stop.report(2.0)  # and it stays time to stop


@pytest.mark.parametrize(("patience", "min_delta"), [(0, 0.0), (1, -0.1)])
def test_patience_below_one_and_a_negative_improvement_are_refused(patience, min_delta):
    with pytest.raises(ValueError, match=f"got {patience} and {min_delta}"):
        pert.EarlyStopping(patience, min_delta)


def test_a_number_is_dropped_only_below_the_probability():
    # draws are multiples of 2^-53 from 0 on: those below p have the probability p
    p = rng(3).random()
    assert pert.dropout_mask((1,), p, rng(3)).tolist() == [1 / (1 - p)]


def test_mixtures_of_fractions_are_numbers():
    X = [[Fraction(1, 2)], [Fraction(1, 4)], [Fraction(3)]]
    A, T = pert.mixup(X, X, 0.5, rng(2))
    B, _ = pert.mixup([[0.5], [0.25], [3.0]], np.ones(3), 0.5, rng(2))
    assert A.dtype == T.dtype == float
    assert np.array_equal(A, B)
    assert np.array_equal(T, B)
