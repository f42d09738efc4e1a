"""Fixed points against scipy, gradients through them against torch and differences, halting
weights, and slerp.
"""

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.networks import equilibrium as eq
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import root
from scipy.spatial.transform import Rotation, Slerp

SEEDS = st.integers(0, 10**6)


def contraction(seed, d=5):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(d, d))
    return 0.8 * W / np.linalg.norm(W, 2), rng.normal(size=d), rng


@given(SEEDS)
def test_the_fixed_point_is_a_root(seed):
    W, x, _ = contraction(seed)
    z, steps = eq.fixed_point(lambda z: np.tanh(W @ z + x), np.zeros(5), 1e-12)
    np.testing.assert_allclose(
        z, root(lambda z: np.tanh(W @ z + x) - z, np.zeros(5), tol=1e-13).x, atol=1e-9
    )
    assert steps <= 1 + np.log(1e-13) / np.log(0.8)


@given(SEEDS)
def test_the_implicit_gradient_equals_unrolling_and_differences(seed):
    W, x, rng = contraction(seed)
    g = rng.normal(size=5)
    z, _ = eq.fixed_point(lambda z: np.tanh(W @ z + x), np.zeros(5), 1e-14)
    s = 1 - z**2
    ours = eq.implicit_vjp(s[:, None] * W, np.diag(s), g)
    leaf = torch.tensor(x, requires_grad=True)
    state = torch.zeros(5, dtype=torch.float64)
    for _ in range(150):
        state = torch.tanh(torch.tensor(W) @ state + leaf)
    (state @ torch.tensor(g)).backward()
    np.testing.assert_allclose(ours, leaf.grad.numpy(), atol=1e-9)
    again = numeric_grad(
        lambda v: g @ eq.fixed_point(lambda z: np.tanh(W @ z + v), np.zeros(5), 1e-14)[0], x
    )
    np.testing.assert_allclose(ours, again, atol=1e-7)


def test_a_map_that_flees_its_fixed_point_is_reported():
    with pytest.raises(RuntimeError, match="root finder"):
        eq.fixed_point(lambda z: 1 - 2 * z, np.zeros(1))
    with pytest.raises(RuntimeError, match="within 7 steps"):
        eq.fixed_point(lambda z: -z + 1, np.zeros(1), max_iter=7)


@pytest.mark.parametrize(("eps", "steps"), [(0.01, 2), (0.001, 3)])
def test_the_loop_halts_at_one_minus_epsilon(eps, steps):
    assert eq.halting_weights([0.5, 0.495, 0.5], eps)[1] == steps


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_halting_weights_are_probabilities_up_to_the_last_used_step(h):
    w, n = eq.halting_weights(h)
    assert abs(w.sum() - 1) < 1e-12
    assert (w >= -1e-12).all()
    assert 1 <= n <= len(h)
    assert (w[n:] == 0).all()
    assert np.array_equal(w[: n - 1], h[: n - 1])


@given(SEEDS, st.floats(0, 1))
def test_slerp_of_unit_vectors_keeps_the_length_and_equals_scipy(seed, t):
    q = np.random.default_rng(seed).normal(size=(2, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    q[1] *= np.sign(q[0] @ q[1])  # rotations take the shorter of two arcs
    ours = eq.slerp(q[0], q[1], t)
    assert abs(np.linalg.norm(ours) - 1) < 1e-9
    theirs = Slerp([0, 1], Rotation.from_quat(q))([t])[0].as_quat()
    assert abs(abs(ours @ theirs) - 1) < 1e-9


def test_slerp_weighs_the_vectors_and_not_their_directions():
    middle = np.sqrt(0.5) * np.array([2.0, 3.0])
    np.testing.assert_allclose(eq.slerp([2.0, 0.0], [0.0, 3.0], 0.5), middle)


def test_slerp_of_neighbours_is_a_straight_line_and_of_opposites_an_error():
    a = np.array([1.0, 0.0])
    np.testing.assert_allclose(eq.slerp(a, a, 0.3), a)
    with pytest.raises(ValueError, match="opposite"):
        eq.slerp(a, -a, 0.3)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: eq.fixed_point(lambda z: z, [0.0], tol=0), "tol"),
        (lambda: eq.fixed_point(lambda z: np.zeros(3), [0.0]), "shape"),
        (lambda: eq.implicit_vjp(np.eye(2), np.eye(3), [1.0, 2.0]), "shapes"),
        (lambda: eq.halting_weights([]), "halting"),
        (lambda: eq.halting_weights([1.2]), "halting"),
        (lambda: eq.slerp([0.0, 0.0], [1.0, 0.0], 0.5), "non-zero"),
        (lambda: eq.slerp([1.0], [1.0, 0.0], 0.5), "one shape"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
