"""Losses and gradients against torch and scikit-learn; minimisers, bounds, stability and bad
input.
"""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.learning import losses as ls
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

vectors = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        arrays(float, n, elements=st.floats(-20, 20)),
        arrays(float, n, elements=st.floats(-20, 20)),
        arrays(int, n, elements=st.integers(0, 1)),
    )
)


def T(v, grad=False):
    return torch.tensor(np.asarray(v), dtype=torch.float64, requires_grad=grad)


@pytest.mark.parametrize(
    ("ours", "grad", "theirs"),
    [
        (ls.mse, ls.mse_grad, F.mse_loss),
        (ls.mae, ls.mae_grad, F.l1_loss),
        (
            lambda a, b: ls.huber(a, b, 0.7),
            lambda a, b: ls.huber_grad(a, b, 0.7),
            partial(F.huber_loss, delta=0.7),
        ),
    ],
    ids=["mse", "mae", "huber"],
)
@given(vectors)
def test_regression_losses_and_gradients_equal_torch(ours, grad, theirs, data):
    y, p, _ = data
    at = T(p, grad=True)
    loss = theirs(at, T(y))
    loss.backward()
    assert ours(y, p) == pytest.approx(loss.item(), rel=1e-12, abs=1e-12)
    assert np.allclose(grad(y, p), at.grad.numpy(), atol=1e-12)


@given(vectors, st.floats(0.05, 0.95))
def test_pinball_equals_sklearn(data, q):
    y, p, _ = data
    assert ls.pinball(y, p, q) == pytest.approx(metrics.mean_pinball_loss(y, p, alpha=q))


@given(vectors)
def test_binary_losses_and_gradients_equal_torch(data):
    _, z, y = data
    at = T(z, grad=True)
    loss = F.binary_cross_entropy_with_logits(at, T(y))
    loss.backward()
    assert ls.bce_with_logits(y, z) == pytest.approx(loss.item(), rel=1e-10)
    assert np.allclose(ls.bce_with_logits_grad(y, z), at.grad.numpy(), atol=1e-12)
    at = T(z, grad=True)
    p = torch.sigmoid(at * (2 * T(y) - 1))
    loss = ((1 - p) ** 2 * F.softplus(-at * (2 * T(y) - 1))).mean()
    loss.backward()
    assert ls.focal(y, z) == pytest.approx(loss.item(), rel=1e-6, abs=1e-12)
    assert np.allclose(ls.focal_grad(y, z), at.grad.numpy(), atol=1e-9)
    assert ls.hinge(2 * y - 1, z) == pytest.approx(np.mean(np.maximum(0, 1 - (2 * y - 1) * z)))


@given(st.integers(1, 6), st.integers(2, 5), st.integers(0, 10_000))
def test_softmax_cross_entropy_equals_torch_and_its_gradients_sum_to_zero(n, K, seed):
    rng = np.random.default_rng(seed)
    Z = rng.normal(0, 30, (n, K))
    y = rng.integers(0, K, n)
    at = T(Z, grad=True)
    loss = F.cross_entropy(at, torch.tensor(y))
    loss.backward()
    g = ls.softmax_ce_grad(y, Z)
    assert ls.softmax_ce(y, Z) == pytest.approx(loss.item(), rel=1e-10, abs=1e-12)
    assert np.allclose(g, at.grad.numpy(), atol=1e-12)
    assert np.allclose(g.sum(1), 0, atol=1e-12)


@given(vectors)
def test_smooth_losses_agree_with_differences(data):
    y, p, _ = data
    h = 1e-5
    for loss, grad in ((ls.log_cosh, ls.log_cosh_grad), (ls.mse, ls.mse_grad)):
        i = int(np.argmax(np.abs(p - y)))
        step = h * np.eye(y.size)[i]
        assert grad(y, p)[i] == pytest.approx(
            (loss(y, p + step) - loss(y, p - step)) / (2 * h), rel=1e-5, abs=1e-6
        )


@given(
    arrays(float, st.integers(3, 15), elements=st.floats(-10, 10)),
    st.sampled_from([0.1, 0.25, 0.5, 0.9]),
)
def test_the_best_constants_are_mean_median_and_quantile(v, q):
    grid = np.linspace(v.min(), v.max(), 101)

    def constant(c):
        return np.full(v.size, c)

    assert ls.mse(v, constant(v.mean())) <= min(ls.mse(v, constant(c)) for c in grid) + 1e-9
    assert ls.mae(v, constant(np.median(v))) <= min(ls.mae(v, constant(c)) for c in grid) + 1e-9
    at = np.quantile(v, q, method="inverted_cdf")
    assert ls.pinball(v, constant(at), q) <= min(ls.pinball(v, constant(c), q) for c in grid) + 1e-9


@given(vectors)
def test_surrogates_bound_the_error_count(data):
    _, z, y = data
    wrong = np.mean((2 * y - 1) * z <= 0)
    assert ls.bce_with_logits(y, z) / np.log(2) >= wrong - 1e-12
    assert ls.hinge(2 * y - 1, z) >= wrong - 1e-12


def test_extreme_scores_are_exact():
    assert ls.bce_with_logits([0, 1], [1000.0, -1000.0]) == 1000.0
    assert ls.softmax_ce([0], [[-1000.0, 1000.0]]) == 2000.0
    assert ls.focal([1], [-1000.0]) == 1000.0
    assert ls.log_cosh([0.0], [1e6]) == pytest.approx(1e6 - np.log(2))


def test_huber_is_half_the_square_inside_and_focal_zero_is_cross_entropy():
    assert ls.huber([0.0], [0.5]) == 0.125
    assert ls.focal([0, 1], [0.3, -2.0], 0.0) == pytest.approx(
        ls.bce_with_logits([0, 1], [0.3, -2.0])
    )


def test_poisson_equals_torch_and_perplexity_counts_choices():
    y = np.array([0.0, 3.0, 1.0])
    z = np.array([-1.0, 1.2, 0.1])
    assert ls.poisson_nll(y, z) == pytest.approx(F.poisson_nll_loss(T(z), T(y)).item())
    assert ls.perplexity(np.log(50)) == pytest.approx(50)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ls.mse([1.0], [[1.0]]), "broadcast to a table"),
        (lambda: ls.mae([], []), "length >= 1"),
        (lambda: ls.mse([np.nan], [1.0]), "NaN"),
        (lambda: ls.huber([1.0], [1.0], 0.0), "delta"),
        (lambda: ls.huber_grad([1.0], [1.0], np.inf), "delta"),
        (lambda: ls.pinball([1.0], [1.0], 1.0), "q must"),
        (lambda: ls.pinball_grad([1.0], [1.0], 0.0), "q must"),
        (lambda: ls.bce_with_logits([-1.0], [0.0]), r"\(y \+ 1\) / 2"),
        (lambda: ls.focal([0.5], [0.0]), "labels 0 or 1"),
        (lambda: ls.focal([1.0], [0.0], -1.0), "gamma -1"),
        (lambda: ls.hinge([0], [1.0]), "2 y - 1"),
        (lambda: ls.hinge_grad([1], [np.inf]), "infinity"),
        (lambda: ls.softmax_ce([[0, 1]], [[1.0, 2.0]]), "one-hot"),
        (lambda: ls.mse([[1.0]], [[1.0]]), r"\(1, 1\)"),
        (lambda: ls.mse([1.0], [np.inf]), "infinity"),
        (lambda: ls.huber([1.0], [1.0], np.inf), "delta"),
        (lambda: ls.huber_grad([1.0], [1.0], 0.0), "delta"),
        (lambda: ls.pinball([1.0], [1.0], 0.0), "q must"),
        (lambda: ls.pinball_grad([1.0], [1.0], 1.0), "q must"),
        (lambda: ls.bce_with_logits([1.1], [0.0]), r"\(y \+ 1\) / 2"),
        (lambda: ls.focal([1.0], [0.0], np.inf), "gamma inf"),
        (lambda: ls.softmax_ce([0], [1.0, 2.0]), "one-hot"),
        (lambda: ls.softmax_ce([0, 1], [[1.0, 2.0]]), "one-hot"),
        (lambda: ls.softmax_ce([], np.zeros((0, 2))), "one-hot"),
        (lambda: ls.softmax_ce([-1], [[1.0, 2.0]]), r"\[0, 2\)"),
        (lambda: ls.softmax_ce([2], [[1.0, 2.0]]), r"\[0, 2\)"),
        (lambda: ls.softmax_ce([0.0], [[1.0, 2.0]]), "whole numbers"),
        (lambda: ls.softmax_ce_grad([0], [[np.nan, 2.0]]), "NaN"),
        (lambda: ls.poisson_nll([-1.0], [0.0]), "counts"),
        (lambda: ls.perplexity(-1.0), "bits"),
        (lambda: ls.perplexity(np.nan), "nan"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


NUMBERS = np.array([1.5, -2.0, 0.25, 3.0, 1.0])
GUESSES = np.array([0.2, -1.5, 0.5, 7.0, -0.4])  # away from the kinks of every loss
SIGNS = np.array([1.0, -1.0, -1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("loss", "grad", "target"),
    [
        (ls.mse, ls.mse_grad, NUMBERS),
        (ls.mae, ls.mae_grad, NUMBERS),
        (ls.huber, ls.huber_grad, NUMBERS),
        (ls.log_cosh, ls.log_cosh_grad, NUMBERS),
        (partial(ls.pinball, q=0.2), partial(ls.pinball_grad, q=0.2), NUMBERS),
        (ls.bce_with_logits, ls.bce_with_logits_grad, (SIGNS + 1) / 2),
        (ls.bce_with_logits, ls.bce_with_logits_grad, np.array([0.1, 0.5, 1.0, 0.0, 0.9])),
        (ls.focal, ls.focal_grad, (SIGNS + 1) / 2),
        (partial(ls.focal, gamma=0.5), partial(ls.focal_grad, gamma=0.5), (SIGNS + 1) / 2),
        (ls.hinge, ls.hinge_grad, SIGNS),
    ],
)
def test_every_gradient_agrees_with_differences_entry_by_entry(loss, grad, target):
    h = 1e-5
    steps = h * np.eye(GUESSES.size)
    slopes = [(loss(target, GUESSES + d) - loss(target, GUESSES - d)) / (2 * h) for d in steps]
    assert grad(target, GUESSES) == pytest.approx(slopes, rel=1e-8, abs=1e-10)


def test_a_subgradient_is_taken_at_each_kink():
    assert ls.mae_grad([1.0], [1.0]).tolist() == [0.0]
    assert ls.pinball_grad([1.0], [1.0], 0.3).tolist() == [0.0]
    assert ls.hinge_grad([1], [1.0]).tolist() == [0.0]  # beyond the margin nothing is lost
    assert ls.hinge_grad([-1], [-1.0]).tolist() == [0.0]


@pytest.mark.parametrize("kind", ["int8", "float16", "object"])
def test_numbers_of_any_type_are_computed_as_floats(kind):
    y = np.array([-100.0, 30.0, 77.0])
    p = np.array([100.0, 31.0, 80.0])
    for loss in (ls.mse, ls.mae, ls.huber, ls.log_cosh):
        assert loss(y.astype(kind), p) == loss(y, p)
        assert loss(y, p.astype(kind)) == loss(y, p)
        assert loss(y.astype(kind), p.astype(kind)) == loss(y, p)
    Z = np.array([[100.0, -100.0], [3.0, 2.0]])
    assert ls.softmax_ce([1, 0], Z.astype(kind)) == ls.softmax_ce([1, 0], Z)


@pytest.mark.parametrize("kind", ["uint8", "int64"])
def test_labels_of_any_whole_type_are_classes(kind):
    labels = np.array([1, 0], dtype=kind)
    Z = [[1.0, 3.0], [0.5, 0.0]]
    assert ls.softmax_ce(labels, Z) == ls.softmax_ce([1, 0], Z)
    assert np.array_equal(ls.softmax_ce_grad(labels, Z), ls.softmax_ce_grad([1, 0], Z))


def test_a_count_of_zero_and_a_loss_of_zero_are_allowed():
    assert ls.poisson_nll([0.0], [1.0]) == pytest.approx(np.e)
    assert ls.perplexity(0.0) == 1.0
    assert ls.perplexity(0.5) == pytest.approx(np.exp(0.5))
