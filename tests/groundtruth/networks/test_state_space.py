"""One linear system in three forms; discretisation against scipy; the scan against a loop; a memory
of polynomials.
"""

import numpy as np
import pytest
from groundtruth.networks import state_space as ss
from hypothesis import given, settings
from hypothesis import strategies as st
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


WIDTHS = (np.float32, np.longdouble, np.int64)


NO_SYSTEMS = [
    (np.ones((2, 3)), np.ones(2), np.ones(2)),
    (np.ones((3, 2)), np.ones(2), np.ones(2)),
    (np.ones(2), np.ones(2), np.ones(2)),
    (np.ones((2, 2, 2)), np.ones(2), np.ones(2)),
    (np.eye(2), np.ones(3), np.ones(3)),
    (np.eye(2), np.ones((2, 1)), np.ones((2, 1))),
    (np.eye(2), np.ones(2), np.ones(3)),
]


@pytest.mark.parametrize(("A", "B", "C"), NO_SYSTEMS)
def test_a_system_is_a_square_matrix_and_two_vectors(A, B, C):
    message = r"need A \(N, N\), B \(N,\) and C \(N,\), got the shapes"
    with pytest.raises(ValueError, match=message):
        ss.recurrence(A, B, C, [1.0])
    with pytest.raises(ValueError, match=message):
        ss.kernel(A, B, C, 1)


@pytest.mark.parametrize(("A", "B", "C"), NO_SYSTEMS[:-1])
def test_a_system_to_discretize_is_a_square_matrix_and_a_vector(A, B, C):
    with pytest.raises(ValueError, match=r"need A \(N, N\), B \(N,\) and C"):
        ss.discretize(A, B, 0.1)


def test_an_input_is_held_unless_told():
    A = [[-1.0, 2.0], [0.0, -3.0]]
    plain = ss.discretize(A, [1.0, 2.0], 0.5)
    for a, b in zip(plain, ss.discretize(A, [1.0, 2.0], 0.5, "zoh"), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="'zoh', 'bilinear' or 'euler', got 'foh'"):
        ss.discretize(A, [1.0, 2.0], 0.5, "foh")


@pytest.mark.parametrize("dt", [0.0, -0.1, np.nan])
def test_a_step_in_time_is_positive(dt):
    with pytest.raises(ValueError, match="dt must be positive"):
        ss.discretize([[-1.0]], [1.0], dt)


@pytest.mark.parametrize("width", WIDTHS)
def test_systems_are_computed_in_double_precision(width):
    A = np.array([[0, 1], [2, 0]])
    B = np.array([1, 0])
    C = np.array([1, 3])
    u = np.array([1, 0, 2])
    for args in (
        (A.astype(width), B, C, u),
        (A, B.astype(width), C, u),
        (A, B, C.astype(width), u),
        (A, B, C, u.astype(width)),
    ):
        y = ss.recurrence(*args)
        # the states are (1, 0), (0, 2) and (2 + 2, 0)
        assert (y.dtype, y.tolist()) == (np.float64, [1, 6, 4])
        k = ss.kernel(*args[:3], 3)
        assert (k.dtype, k.tolist()) == (np.float64, [1, 6, 2])
    for method in ("zoh", "bilinear", "euler"):
        for a, b in ((A.astype(width), B), (A, B.astype(width))):
            for ours, exact in zip(
                ss.discretize(a, b, 0.1, method),
                ss.discretize(A.astype(float), B.astype(float), 0.1, method),
                strict=True,
            ):
                assert ours.dtype == np.float64
                np.testing.assert_allclose(ours, exact, atol=1e-15)
    for args in ((u.astype(width), C[[0, 0, 1]]), (u, C[[0, 0, 1]].astype(width))):
        y = ss.convolve(*args)
        assert y.dtype == np.float64
        np.testing.assert_allclose(y, [1, 1, 5], atol=1e-14)
    a = np.array([[2], [3]])
    b = np.array([[1], [4]])
    for args in ((a.astype(width), b), (a, b.astype(width))):
        x = ss.scan(*args)
        assert (x.dtype, x.tolist()) == (np.float64, [[1], [7]])
    assert ss.recall(np.array([2], width), 2).dtype == np.float64


def test_a_kernel_of_one_step_is_the_product_of_the_ends():
    assert ss.kernel([[5.0]], [2.0], [3.0], 1).tolist() == [6.0]
    for L in (0, -1):
        with pytest.raises(ValueError, match=f"L must be >= 1, got {L}"):
            ss.kernel([[5.0]], [2.0], [3.0], L)


@pytest.mark.parametrize("L", [1, 2, 3, 8])
def test_a_causal_convolution_equals_its_sum(L):
    rng = np.random.default_rng(L)
    u, k = rng.normal(size=(2, L))
    np.testing.assert_allclose(ss.convolve(u, k), np.convolve(u, k)[:L], atol=1e-14)


@pytest.mark.parametrize("wrong", [[], 1.0, [[1.0]]])
def test_a_signal_has_one_axis_and_an_entry(wrong):
    message = r"u must be a non-empty signal \(L,\), got the shape"
    with pytest.raises(ValueError, match=message):
        ss.recurrence([[1.0]], [1.0], [1.0], wrong)
    with pytest.raises(ValueError, match=message):
        ss.convolve(wrong, [1.0])
    with pytest.raises(ValueError, match=message):
        ss.convolve([1.0], wrong)
    with pytest.raises(ValueError, match=message):
        ss.remember(wrong, 2)
    with pytest.raises(ValueError, match=message):
        ss.recall(wrong, 2)


def test_a_kernel_is_as_long_as_its_signal():
    with pytest.raises(ValueError, match="must have one length, got 1 and 2"):
        ss.convolve([1.0], [1.0, 2.0])


def test_a_scan_leaves_its_input_alone():
    a = np.full((5, 2), 0.5)
    b = np.ones((5, 2))
    ss.scan(a, b)
    assert (a == 0.5).all()
    assert (b == 1).all()


@pytest.mark.parametrize(
    ("a", "b"), [((2, 2), (3, 2)), ((2,), (2,)), ((0, 2), (0, 2)), ((1, 2, 2), (1, 2, 2))]
)
def test_a_scan_takes_two_tables_of_one_shape(a, b):
    with pytest.raises(ValueError, match=r"a and b must have one shape \(L, N\)"):
        ss.scan(np.ones(a), np.ones(b))


def test_the_memory_of_three_polynomials_by_its_formula():
    A, B = ss.hippo_legs(3)
    r3, r5, r15 = np.sqrt([3, 5, 15])
    np.testing.assert_allclose(A, [[-1, 0, 0], [-r3, -2, 0], [-r5, -r15, -3]], rtol=1e-14)
    np.testing.assert_allclose(B, [1, r3, r5], rtol=1e-14)
    assert ss.hippo_legs(1)[0].tolist() == [[-1]]
    with pytest.raises(ValueError, match="N must be >= 1, got 0"):
        ss.hippo_legs(0)


def test_one_coefficient_is_twice_the_sum_over_twice_the_length_and_one():
    # the bilinear step is (2 t + 1) x_t = (2 t - 1) x_(t-1) + 2 u_t, so (2 t + 1) x_t adds 2 u
    np.testing.assert_allclose(ss.remember([3.0, 1.0, 2.0], 1), [12 / 7], rtol=1e-14)


def test_two_coefficients_follow_their_bilinear_steps():
    r = np.sqrt(3)
    x = y = 0.0
    for t, u in enumerate([3.0, -1.0, 2.0, 5.0], start=1):
        # the rows of (I - A / 2t) new = (I + A / 2t) old + B u / t, the first one first
        new = ((1 - 1 / (2 * t)) * x + u / t) / (1 + 1 / (2 * t))
        y = ((1 - 1 / t) * y + (u - x / 2 - new / 2) * r / t) / (1 + 1 / t)
        x = new
    np.testing.assert_allclose(ss.remember([3.0, -1.0, 2.0, 5.0], 2), [x, y], rtol=1e-13)


def test_coefficients_stand_for_legendre_polynomials_at_midpoints():
    s = np.array([-0.75, -0.25, 0.25, 0.75])  # the midpoints of four quarters of -1 to 1
    expected = 2 + np.sqrt(3) * 3 * s - np.sqrt(5) * (3 * s**2 - 1) / 2
    np.testing.assert_allclose(ss.recall([2, 3, -1], 4), expected, rtol=1e-13)


def test_products_of_whole_numbers_do_not_wrap_around():
    b = np.zeros((40, 1), int)
    b[0] = 1
    np.testing.assert_allclose(ss.scan(np.full((40, 1), 10), b)[:, 0], 10.0 ** np.arange(40))
