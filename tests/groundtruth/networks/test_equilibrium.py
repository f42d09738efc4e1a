"""Fixed points against scipy, gradients through them against torch and differences, halting
weights, and slerp.
"""

import numpy as np
import pytest
import torch
from groundtruth.check import numeric_grad
from groundtruth.networks import equilibrium as eq
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root
from scipy.spatial.transform import Rotation, Slerp

SEEDS = st.integers(0, 10**6)


def contraction(seed, d=5):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(d, d))
    return 0.8 * W / np.linalg.norm(W, 2), rng.normal(size=d), rng


@settings(max_examples=25)
@given(SEEDS)
def test_the_fixed_point_is_a_root(seed):
    W, x, _ = contraction(seed)
    z, steps = eq.fixed_point(lambda z: np.tanh(W @ z + x), np.zeros(5), 1e-12)
    np.testing.assert_allclose(
        z, root(lambda z: np.tanh(W @ z + x) - z, np.zeros(5), tol=1e-13).x, atol=1e-9
    )
    assert steps <= 1 + np.log(1e-13) / np.log(0.8)


@settings(max_examples=25)
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


WIDTHS = (np.float32, np.longdouble, np.int64)


def test_steps_of_a_halving_are_counted_and_a_step_of_exactly_the_tolerance_is_the_last():
    # from 1 the steps are 1/2, 1/4, ...: the fifth is 1/32, the 34th the first below 1e-10
    z, steps = eq.fixed_point(lambda z: z / 2, [1.0], 1 / 32)
    assert (z.tolist(), steps) == ([1 / 32], 5)
    assert eq.fixed_point(lambda z: z / 2, [1.0])[1] == 34
    assert eq.fixed_point(lambda z: z / 2, [-1.0])[1] == 34


def test_all_entries_must_settle():
    z, steps = eq.fixed_point(lambda z: z * [0.0, 0.5], [1.0, 1.0], 1 / 32)
    assert (z.tolist(), steps) == ([0.0, 1 / 32], 5)


def test_a_thousand_steps_are_tried_unless_told():
    def down(z):
        return np.maximum(z - 1, 0)

    z, steps = eq.fixed_point(down, [999.0])
    assert (z.tolist(), steps) == ([0.0], 1000)
    with pytest.raises(RuntimeError, match="within 1000 steps, the last step was 1; shrink"):
        eq.fixed_point(down, [1000.0])
    assert eq.fixed_point(down, [1000.0], max_iter=1001)[1] == 1001
    assert eq.fixed_point(down, [0.0], max_iter=1)[1] == 1


def test_huge_steps_are_a_divergence_and_large_ones_are_not():
    assert eq.fixed_point(lambda z: np.full(1, 1e99), [0.0])[1] == 2
    for value in (1e100, np.inf, np.nan):
        with pytest.raises(RuntimeError, match="diverged after 1 steps; shrink the map's norm"):
            eq.fixed_point(lambda z, value=value: np.full(1, value), [0.0])


@pytest.mark.parametrize("width", WIDTHS)
def test_points_are_told_in_double_precision(width):
    z, steps = eq.fixed_point(lambda z: z, np.array([1, 2], width))
    assert (z.dtype, z.tolist(), steps) == (np.float64, [1, 2], 1)
    z, _ = eq.fixed_point(lambda z: np.array([3, 4], width), [0.0, 0.0])
    assert (z.dtype, z.tolist()) == (np.float64, [3, 4])
    J = np.array([[0, 3], [0, 0]])
    plain = np.eye(2, dtype=int)
    g = np.array([1, 2])
    # (I - J')^-1 g: v1 = 1, v2 = 2 + 3 . 1
    for args in (
        (J.astype(width), plain, g),
        (J, plain.astype(width), g),
        (J, plain, g.astype(width)),
    ):
        slope = eq.implicit_vjp(*args)
        assert slope.dtype == np.float64
        np.testing.assert_allclose(slope, [1, 5])
    u = np.array([1, 0])
    v = np.array([0, 1])
    for a, b in ((u.astype(width), v), (u, v.astype(width))):
        middle = eq.slerp(a, b, 0.5)
        assert middle.dtype == np.float64
        np.testing.assert_allclose(middle, np.sqrt(0.5), rtol=1e-15)
    w, n = eq.halting_weights(np.array([0, 1, 1], width))
    assert (w.dtype, w.tolist(), n) == (np.float64, [0, 1, 0], 2)


def test_a_point_without_entries_stands_still():
    z, steps = eq.fixed_point(lambda z: z, [])
    assert (z.size, steps) == (0, 1)


@pytest.mark.parametrize(("tol", "most"), [(0.0, 5), (-1.0, 5), (np.nan, 5), (0.1, 0)])
def test_an_iteration_needs_a_tolerance_and_a_step(tol, most):
    with pytest.raises(ValueError, match="need tol > 0 and max_iter >= 1"):
        eq.fixed_point(lambda z: z, [0.0], tol, most)


@pytest.mark.parametrize(
    ("Jz", "Jx", "g"),
    [
        (np.eye(2), np.eye(3), np.ones(2)),
        (np.eye(3), np.eye(2), np.ones(2)),
        (np.ones((2, 3)), np.eye(2), np.ones(2)),
        (np.eye(2), np.ones(2), np.ones(2)),
        (np.eye(2), np.ones((2, 2, 2)), np.ones(2)),
        (np.eye(1), np.eye(1), np.ones((1, 1))),
        (np.eye(1), np.eye(1), 1.0),
    ],
)
def test_jacobians_fit_the_gradient(Jz, Jx, g):
    with pytest.raises(ValueError, match=r"shapes must be \(d, d\), \(d, m\) and \(d,\)"):
        eq.implicit_vjp(Jz, Jx, g)


def test_a_gradient_may_reach_more_or_fewer_inputs_than_the_state_has():
    # (I - J')^-1 g with J = (0 0; 1/2 0): v2 = 2, v1 = 1 + 2/2 = 2
    J = [[0.0, 0.0], [0.5, 0.0]]
    assert eq.implicit_vjp(J, [[1, 0, 3], [0, 1, 1]], [1, 2]).tolist() == [2, 2, 8]
    assert eq.implicit_vjp(J, [[1], [-1]], [1, 2]).tolist() == [0]


def test_a_sum_of_exactly_one_minus_epsilon_halts():
    w, n = eq.halting_weights([0.5, 0.25, 0.25], 0.25)
    assert (w.tolist(), n) == ([0.5, 0.5, 0.0], 2)
    assert eq.halting_weights([0.99, 1.0])[1] == 1
    assert eq.halting_weights([0.9899, 1.0])[1] == 2


def test_a_loop_that_never_wants_to_halt_uses_its_last_step():
    w, n = eq.halting_weights([0.0, 0.25, 0.0])
    assert (w.tolist(), n) == ([0.0, 0.25, 0.75], 3)
    assert eq.halting_weights([0.0])[0].tolist() == [1.0]


@pytest.mark.parametrize(
    ("h", "eps"),
    [
        ([], 0.1),
        (0.5, 0.1),
        ([[0.5]], 0.1),
        ([-0.01], 0.1),
        ([1.01], 0.1),
        ([np.nan], 0.1),
        ([0.5], 0.0),
        ([0.5], 1.0),
    ],
)
def test_halting_takes_a_row_of_probabilities(h, eps):
    with pytest.raises(ValueError, match="halting probabilities are numbers from 0 to 1 in a row"):
        eq.halting_weights(h, eps)


@pytest.mark.parametrize("degrees", [0.1, 30, 90, 150, 179.9])
@pytest.mark.parametrize("t", [0.0, 0.25, 0.5, 1.0])
def test_slerp_of_unit_vectors_turns_at_a_steady_pace(degrees, t):
    w = np.deg2rad(degrees)
    turned = np.array([np.cos(w), np.sin(w)])
    along = eq.slerp([1.0, 0.0], turned, t)
    np.testing.assert_allclose(along, [np.cos(t * w), np.sin(t * w)], atol=1e-10)


def test_rounding_of_the_cosine_does_not_matter():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 3))
    lengths = np.linalg.norm(vectors, axis=1)
    assert (np.array([v @ v for v in vectors]) / (lengths * lengths) > 1).any()
    for v in vectors:
        np.testing.assert_allclose(eq.slerp(v, 3 * v, 0.25), 1.5 * v, rtol=1e-12)
        with pytest.raises(ValueError, match="the vectors are opposite"):
            eq.slerp(v, -2 * v, 0.25)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0.0, 0.0], [1.0, 0.0]),
        ([1.0, 0.0], [0.0, 0.0]),
        ([1.0], [1.0, 0.0]),
        ([[1.0, 0.0]], [[1.0, 0.0]]),
    ],
)
def test_slerp_needs_two_directions(a, b):
    with pytest.raises(ValueError, match="need two non-zero vectors of one shape"):
        eq.slerp(a, b, 0.5)


def test_the_root_of_two_is_reached_from_a_whole_number():
    z, _ = eq.fixed_point(lambda z: (z + 2 * z**-1) / 2, [1])  # Heron's rule
    np.testing.assert_allclose(z, [np.sqrt(2)], rtol=1e-15)
