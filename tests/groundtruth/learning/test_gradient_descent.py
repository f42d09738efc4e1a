"""Descent against closed forms, torch and SciPy; line search, Newton, batches, and bad input."""

import numpy as np
import pytest
import torch
from groundtruth.learning import gradient_descent as gd
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess

seeds = st.integers(0, 10_000)


def bowl(seed, P=4):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(P, P)))[0]
    values = rng.uniform(0.2, 5, P)
    return Q @ np.diag(values) @ Q.T, Q, values, rng.normal(size=P)


@given(seeds, st.floats(0.01, 1.2))
def test_descent_on_a_bowl_follows_the_closed_form(seed, part):
    H, Q, values, x0 = bowl(seed)
    lr = part * gd.stability_limit(H)
    path = gd.gd(lambda x: H @ x, x0, lr, 12)
    assert np.allclose(path[-1], Q @ ((1 - lr * values) ** 12 * (Q.T @ x0)), atol=1e-8)


@given(seeds)
def test_the_limit_divides_convergence_from_divergence(seed):
    H, _, _, x0 = bowl(seed)
    limit = gd.stability_limit(H)
    below, above = (
        np.linalg.norm(gd.gd(lambda x: H @ x, x0, factor * limit, 4000)[-1])
        for factor in (0.98, 1.02)
    )
    assert below < np.linalg.norm(x0) < above


def test_the_path_equals_torch():
    theta = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([theta], lr=1e-3)
    path = gd.gd(rosen_der, [-1.2, 1.0], 1e-3, 50)
    for step in range(50):
        optimiser.zero_grad()
        ((1 - theta[0]) ** 2 + 100 * (theta[1] - theta[0] ** 2) ** 2).backward()
        optimiser.step()
        assert np.allclose(path[step + 1], theta.detach().numpy(), atol=1e-12)


def test_divergence_is_named_with_its_step():
    with pytest.raises(FloatingPointError, match=r"after step \d+: lower the rate 1"):
        gd.gd(lambda x: x**3, [10.0], 1.0, 100)


@given(st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=4))
def test_line_search_never_rises(x0):
    path = gd.armijo(rosen, rosen_der, x0, 30)
    values = [rosen(x) for x in path]
    assert (np.diff(values) <= 0).all()


def test_newton_is_one_step_on_a_bowl_and_finds_scipys_minimum():
    H, _, _, x0 = bowl(3)
    assert np.allclose(gd.newton(lambda x: H @ x, lambda x: H, x0, 1)[-1], 0, atol=1e-12)
    assert np.allclose(
        gd.newton(rosen_der, rosen_hess, [-1.2, 1.0], 20)[-1],
        minimize(rosen, [-1.2, 1.0], jac=rosen_der).x,
        atol=1e-4,
    )


def test_newton_walks_into_a_saddle():
    assert np.allclose(
        gd.newton(
            lambda v: np.array([2 * v[0], -2 * v[1]]), lambda v: np.diag([2.0, -2.0]), [0.5, 0.5], 1
        )[-1],
        0,
    )


@given(st.integers(1, 50), st.integers(1, 60), seeds)
def test_batches_hold_every_example_once(n, B, seed):
    batches = list(gd.minibatches(n, B, np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))
    assert all(len(b) == B for b in batches[:-1])
    assert 1 <= len(batches[-1]) <= B
    assert [len(b) for b in gd.minibatches(n, B, np.random.default_rng(seed), drop_last=True)] == [
        B
    ] * (n // B)


def test_two_epochs_of_one_generator_differ():
    rng = np.random.default_rng(0)
    first, second = (np.concatenate(list(gd.minibatches(100, 10, rng))) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gd.gd(lambda x: x, [], 0.1, 1), ValueError, "P >= 1"),
        (lambda: gd.gd(lambda x: x, [np.nan], 0.1, 1), ValueError, "finite"),
        (lambda: gd.gd(lambda x: x, [1.0], 0.0, 1), ValueError, "positive learning rate"),
        (lambda: gd.gd(lambda x: x, [1.0], np.inf, 1), ValueError, "positive learning rate"),
        (lambda: gd.gd(lambda x: x, [1.0], 0.1, -1), ValueError, "steps"),
        (lambda: gd.armijo(rosen, rosen_der, [1.0, 1.0], 1, c=0.0), ValueError, "c must"),
        (lambda: gd.stability_limit([[1.0], [1.0]]), ValueError, r"\(2, 1\)"),
        (lambda: gd.stability_limit([1.0]), ValueError, r"\(1,\)"),
        (lambda: gd.stability_limit(np.ones((1, 1, 1))), ValueError, r"\(1, 1, 1\)"),
        (lambda: gd.stability_limit(np.zeros((0, 0))), ValueError, r"\(0, 0\)"),
        (lambda: gd.stability_limit([[0.0]]), ValueError, "curvature is 0"),
        (lambda: gd.armijo(rosen, rosen_der, [1.0, 1.0], 1, c=1.0), ValueError, "c must"),
        (
            lambda: gd.newton(lambda x: x, lambda x: np.zeros((1, 1)), [1.0], 1),
            ValueError,
            "singular",
        ),
        (lambda: gd.newton(lambda x: x, lambda x: x, [1.0], -1), ValueError, "steps"),
        (lambda: gd.stability_limit([[1.0, 2.0]]), ValueError, r"\(1, 2\)"),
        (lambda: gd.stability_limit([[1.0, 2.0], [0.0, 1.0]]), ValueError, "symmetric"),
        (lambda: gd.stability_limit([[-1.0]]), ValueError, "curvature is -1"),
        (lambda: next(gd.minibatches(0, 1, np.random.default_rng(0))), ValueError, "n = 0"),
        (lambda: next(gd.minibatches(4, 0, np.random.default_rng(0))), ValueError, "B = 0"),
        (lambda: next(gd.minibatches(4, 2, 7)), TypeError, "generator"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_no_steps_leave_the_start():
    assert gd.gd(lambda x: x, [1.0, 2.0], 0.1, 0).tolist() == [[1.0, 2.0]]
    assert gd.newton(lambda x: x, lambda x: np.eye(2), [1.0, 2.0], 0).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("kind", [int, object])
def test_numbers_of_any_type_are_computed_as_floats(kind):
    H = np.array([[2, 0], [0, 4]], dtype=kind)
    start = np.array([3, 5], dtype=kind)
    assert gd.stability_limit(H) == 0.5
    path = gd.gd(lambda x: (2 * x).astype(kind), start, 0.25, 2)
    assert path.dtype == float
    search = gd.armijo(lambda x: float(x @ x), lambda x: np.array([1, 1], kind), start, 1)
    assert search.dtype == float
    assert gd.gd(lambda x: x, start, 0.5, 0).dtype == float


@pytest.mark.filterwarnings("error")
def test_a_step_that_overflows_is_an_error_and_not_a_warning_too():
    with pytest.raises(FloatingPointError, match="after step 1"):
        gd.gd(lambda x: np.array([1e308]), [1.0], 10.0, 1)


@pytest.mark.filterwarnings("error")
def test_infinity_less_infinity_is_an_error_and_not_a_warning_too():
    with pytest.raises(FloatingPointError, match="after step 1"):
        gd.gd(lambda x: np.array([np.inf]) - np.inf, [1.0], 1.0, 1)


def test_a_small_curvature_has_a_large_limit():
    assert gd.stability_limit([[0.5]]) == 4.0


@pytest.mark.parametrize("lr", [1.0, 8.0])
def test_the_line_search_takes_the_largest_rate_that_falls_enough(lr):
    """On x^2 / 2 a rate r falls enough when 1 - r / 2 >= c: r <= 2 (1 - c)."""
    for c in (0.1, 0.25, 0.5, 0.75, 0.9):
        rates = lr / 2.0 ** np.arange(60)
        expected = rates[rates <= 2 * (1 - c)][0]
        for start in (4.0, 2.0**-10):  # exact, ties included
            path = gd.armijo(lambda x: float(x @ x) / 2, lambda x: x, [start], 1, lr=lr, c=c)
            assert path[1, 0] == pytest.approx(start * (1 - expected), rel=1e-12, abs=1e-15)


def test_the_first_rate_of_the_line_search_is_one():
    path = gd.armijo(lambda x: float(x @ x) / 8, lambda x: x / 4, [1.0], 1)
    assert path[1, 0] == 0.75
