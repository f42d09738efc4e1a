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
