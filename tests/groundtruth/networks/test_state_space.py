"""One linear system in three forms; discretisation against scipy; the scan against a loop; a memory
of polynomials.
"""

import numpy as np
import pytest
from groundtruth.networks import state_space as ss
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.signal import cont2discrete, dlsim

SEEDS = st.integers(0, 10**6)


def stable(seed, N):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(N, N))
    return (
        A - (np.linalg.eigvals(A).real.max() + 0.5) * np.eye(N),
        rng.normal(size=N),
        rng.normal(size=N),
        rng,
    )


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 5), st.floats(0.01, 1.0))
def test_discretisation_equals_scipy(seed, N, dt):
    A, B, C, _ = stable(seed, N)
    for ours, theirs in (("zoh", "zoh"), ("bilinear", "bilinear"), ("euler", "euler")):
        Ad, Bd, *_ = cont2discrete((A, B[:, None], C[None], np.zeros((1, 1))), dt, theirs)
        a, b = ss.discretize(A, B, dt, ours)
        np.testing.assert_allclose(a, Ad, atol=1e-10)
        np.testing.assert_allclose(b, Bd[:, 0], atol=1e-10)


@settings(max_examples=25)
@given(SEEDS, st.integers(1, 5), st.integers(1, 40))
def test_loop_convolution_and_scipy_agree(seed, N, L):
    A, B, C, rng = stable(seed, N)
    a, b = ss.discretize(A, B, 0.1)
    u = rng.normal(size=L)
    y = ss.recurrence(a, b, C, u)
    np.testing.assert_allclose(ss.convolve(u, ss.kernel(a, b, C, L)), y, atol=1e-10)
    # theirs reads the state before the input
    _, theirs, _ = dlsim((a, b[:, None], (C @ a)[None], np.array([[C @ b]]), 1), u)
    np.testing.assert_allclose(y, theirs[:, 0], atol=1e-10)


@given(SEEDS, st.integers(1, 33), st.integers(1, 4))
def test_the_scan_equals_a_loop(seed, L, N):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(L, N))
    b = rng.normal(size=(L, N))
    x = np.zeros(N)
    out = []
    for i in range(L):
        x = a[i] * x + b[i]
        out.append(x)
    np.testing.assert_allclose(ss.scan(a, b), out, rtol=1e-9, atol=1e-9)


def test_a_polynomial_of_low_degree_is_remembered():
    at = (np.arange(2000) + 0.5) / 2000
    u = 1 - 3 * at + 2 * at**2
    assert np.sqrt(np.mean((ss.recall(ss.remember(u, 3), 2000) - u) ** 2)) < 0.01


def test_more_coefficients_remember_more():
    rng = np.random.default_rng(0)
    at = np.linspace(0, 1, 800)
    u = sum(rng.normal() / k * np.sin(2 * np.pi * k * at + rng.uniform(0, 6)) for k in range(1, 6))
    errors = [np.sqrt(np.mean((ss.recall(ss.remember(u, N), 800) - u) ** 2)) for N in (8, 16, 32)]
    assert errors[0] > errors[1] > errors[2]


def test_two_steps_of_a_system_by_hand():
    A = [[1, 2], [0, 1]]
    # x is (1, 3), then (7, 3) + 2 (1, 3) = (9, 9); y = x_1 - 2 x_2
    assert ss.recurrence(A, [1, 3], [1, -2], [1, 2]).tolist() == [-5.0, -9.0]
    # B is (1, 3), A B is (7, 3), A A B is (13, 3)
    assert ss.kernel(A, [1, 3], [1, -2], 3).tolist() == [-5.0, 1.0, 7.0]
    assert ss.kernel(A, [1, 3], [1, -2], 1).tolist() == [-5.0]


def test_a_step_of_each_method_by_hand():
    Ad, Bd = ss.discretize([[-2]], [4], 0.5, "euler")
    assert (Ad.item(), Bd.item()) == (0.0, 2.0)
    # (1 - 1/2) / (1 + 1/2) and 2 / (1 + 1/2)
    Ad, Bd = ss.discretize([[-2]], [4], 0.5, "bilinear")
    assert (Ad.item(), Bd.item()) == pytest.approx((1 / 3, 4 / 3))
    # e^-1 and 4 times the integral of e^(-2s) from 0 to 1/2
    Ad, Bd = ss.discretize([[-2]], [4], 0.5, "zoh")
    assert (Ad.item(), Bd.item()) == pytest.approx((np.exp(-1), 2 - 2 * np.exp(-1)))
    assert Ad.shape == (1, 1)
    assert Bd.shape == (1,)


def test_steps_are_exact_for_a_held_input_unless_asked():
    A = np.array([[-1.0, 2.0], [0.5, -3.0]])
    B = np.array([1.0, -2.0])
    Ad, Bd = ss.discretize(A, B, 0.3)
    x = np.array([0.7, -0.4])
    end = solve_ivp(lambda t, x: A @ x + 1.5 * B, (0, 0.3), x, rtol=1e-11, atol=1e-12).y[:, -1]
    np.testing.assert_allclose(Ad @ x + 1.5 * Bd, end, rtol=1e-8)


@pytest.mark.parametrize("dt", [0.0, -0.1, np.nan])
def test_a_step_without_length_is_refused(dt):
    with pytest.raises(ValueError, match=f"dt must be positive, got {dt}"):
        ss.discretize(np.eye(2), np.ones(2), dt)


@pytest.mark.parametrize(
    ("A", "B", "C"),
    [
        (np.ones(2), np.ones(2), np.ones(2)),
        (np.ones((2, 2, 2)), np.ones(2), np.ones(2)),
        (np.ones((2, 3)), np.ones(2), np.ones(2)),
        (np.ones((2, 2)), np.ones(3), np.ones(3)),
        (np.ones((2, 2)), np.ones((2, 1)), np.ones((2, 1))),
        (np.ones((2, 2)), np.ones(2), np.ones(3)),
        (np.ones((2, 2)), np.ones(2), np.ones((1, 2))),
    ],
)
def test_shapes_that_are_no_system_are_refused(A, B, C):
    named = r"need A \(N, N\), B \(N,\) and C \(N,\), got"
    with pytest.raises(ValueError, match=named):
        ss.recurrence(A, B, C, [1.0])
    with pytest.raises(ValueError, match=named):
        ss.kernel(A, B, C, 2)


def test_systems_in_single_precision_are_run_in_double():
    A = np.array([[0.9, 0.1], [-0.2, 0.7]], dtype=np.float32)
    B = np.array([0.3, 0.6], dtype=np.float32)
    C = np.array([0.7, -0.1], dtype=np.float32)
    u = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    A2, B2, C2, u2 = (v.astype(float) for v in (A, B, C, u))
    for got, want in (
        (ss.recurrence(A, B2, C2, u2), ss.recurrence(A2, B2, C2, u2)),
        (ss.recurrence(A, B, C, u), ss.recurrence(A2, B2, C2, u2)),
        (ss.kernel(A, B, C, 4), ss.kernel(A2, B2, C2, 4)),
        (ss.convolve(u, u), ss.convolve(u2, u2)),
        (ss.scan(A, A), ss.scan(A2, A2)),
        (ss.scan(A2, A), ss.scan(A2, A2)),
        (ss.recall(B, 3), ss.recall(B2, 3)),
        (ss.discretize(A, B, 0.1, "euler")[0], ss.discretize(A2, B2, 0.1, "euler")[0]),
        (ss.discretize(A, B, 0.1, "euler")[1], ss.discretize(A2, B2, 0.1, "euler")[1]),
    ):
        assert got.dtype == np.float64
        assert np.array_equal(got, want)


def test_a_readout_of_more_than_double_precision_gives_doubles():
    C = np.ones(1, dtype=np.longdouble)
    assert ss.recurrence([[0.5]], [1.0], C, [1.0]).dtype == np.float64
    assert ss.kernel([[0.5]], [1.0], C, 1).dtype == np.float64


@given(SEEDS, st.integers(1, 20))
def test_the_convolution_by_transforms_equals_numpys_by_sums(seed, L):
    u, k = np.random.default_rng(seed).normal(size=(2, L))
    np.testing.assert_allclose(ss.convolve(u, k), np.convolve(u, k)[:L], atol=1e-12)


@pytest.mark.parametrize("u", [[], 1.0, [[1.0, 2.0]]])
def test_a_signal_is_one_row_of_numbers(u):
    named = r"u must be a non-empty signal \(L,\), got the shape"
    with pytest.raises(ValueError, match=named):
        ss.recurrence([[0.5]], [1.0], [1.0], u)
    with pytest.raises(ValueError, match=named):
        ss.convolve(u, [1.0])
    with pytest.raises(ValueError, match=named):
        ss.convolve([1.0], u)
    with pytest.raises(ValueError, match=named):
        ss.remember(u, 2)


def test_the_scan_leaves_what_it_was_given_and_takes_whole_numbers():
    a = np.full((5, 2), 2.0)
    b = np.ones((5, 2))
    # x doubles and grows by one: 1, 3, 7, 15, 31
    assert ss.scan(a, b)[:, 1].tolist() == [1.0, 3.0, 7.0, 15.0, 31.0]
    assert (a == 2).all()
    assert (b == 1).all()
    assert ss.scan([[1], [1]], [[1], [2]]).ravel().tolist() == [1.0, 3.0]
    assert ss.scan(np.full((3, 1), 0.5), [[1], [1], [1]]).ravel().tolist() == [1.0, 1.5, 1.75]


def test_the_scan_of_whole_numbers_may_grow_beyond_them():
    b = np.zeros((20, 1), dtype=int)
    b[0] = 1
    got = ss.scan(np.full((20, 1), 1000), b)
    np.testing.assert_allclose(got[:, 0], 1000.0 ** np.arange(20), rtol=1e-12)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones((2, 2)), np.ones((3, 2))),
        (np.ones(2), np.ones(2)),
        (np.ones((2, 1, 1)), np.ones((2, 1, 1))),
        (np.ones((0, 2)), np.ones((0, 2))),
    ],
)
def test_a_scan_of_other_shapes_is_refused(a, b):
    with pytest.raises(ValueError, match=r"must have one shape \(L, N\), got"):
        ss.scan(a, b)


@pytest.mark.parametrize("N", [1, 2, 5])
def test_the_memory_of_polynomials_follows_its_theorem(N):
    A, B = ss.hippo_legs(N)
    assert A.shape == (N, N)
    odd = 2 * np.arange(N) + 1
    np.testing.assert_allclose(B, np.sqrt(odd))
    # equation 3 of Gu et al. (2020), with the sign of A moved in
    below = np.tril(np.sqrt(np.outer(odd, odd)), -1)
    np.testing.assert_allclose(A, -below - np.diag(np.arange(N) + 1))


def test_the_memory_takes_scipys_bilinear_steps_of_a_system_that_slows_down():
    u = [3, -1, 2, 0, 5]
    A, B = ss.hippo_legs(3)
    x = np.zeros(3)
    for t, value in enumerate(u, start=1):
        system = (A / t, B[:, None] / t, np.eye(3), np.zeros((3, 1)))
        Ad, Bd, *_ = cont2discrete(system, 1.0, "bilinear")
        x = Ad @ x + Bd[:, 0] * value
    np.testing.assert_allclose(ss.remember(u, 3), x, rtol=1e-10)


def test_the_first_coefficient_is_the_mean_of_a_signal():
    u = np.random.default_rng(0).normal(size=4000)
    # x' = (u - x) / t by trapezoids: x_t (1 + 1/2t) = x_(t-1) (1 - 1/2t) + u_t / t
    x = 0.0
    for t in range(1, 4001):
        x = (x * (2 * t - 1) + 2 * u[t - 1]) / (2 * t + 1)
    got = ss.remember(u, 1)
    np.testing.assert_allclose(got, [x], rtol=1e-10)
    assert got[0] == pytest.approx(u.mean(), abs=1e-3)


def test_coefficients_stand_for_polynomials_of_legendre():
    # sqrt(2 n + 1) P_n at the middles -2/3, 0 and 2/3 of three parts of [-1, 1]
    np.testing.assert_allclose(ss.recall([2, 0, 0], 3), [2, 2, 2], rtol=1e-14)
    np.testing.assert_allclose(
        ss.recall([0, 1, 0], 3), np.sqrt(3) * np.array([-2 / 3, 0, 2 / 3]), atol=1e-14
    )
    # P_2 = (3 x^2 - 1) / 2 is 1/6, -1/2, 1/6 there
    np.testing.assert_allclose(
        ss.recall([0, 0, 1], 3), np.sqrt(5) * np.array([1 / 6, -1 / 2, 1 / 6]), rtol=1e-13
    )


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: ss.discretize(np.ones((2, 3)), np.ones(2), 0.1), "need A"),
        (lambda: ss.discretize(np.eye(2), np.ones(2), 0.0), "dt must be positive"),
        (lambda: ss.discretize(np.eye(2), np.ones(2), 0.1, "foh"), "method must be"),
        (lambda: ss.recurrence(np.eye(2), np.ones(3), np.ones(2), [1.0]), "need A"),
        (lambda: ss.recurrence(np.eye(2), np.ones(2), np.ones(2), []), "non-empty"),
        (lambda: ss.kernel(np.eye(2), np.ones(2), np.ones(2), 0), "L must be"),
        (lambda: ss.convolve([1.0], [1.0, 2.0]), "one length"),
        (lambda: ss.scan(np.ones((2, 2)), np.ones((3, 2))), "one shape"),
        (lambda: ss.hippo_legs(0), "N must be"),
    ],
)
def test_bad_input_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
