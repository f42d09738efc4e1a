"""Kernels against scikit-learn and SciPy; validity, closure, invariances, random features, and bad
input.
"""

import numpy as np
import pytest
from groundtruth.data import kernels as kn
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gaussian_kde
from sklearn import kernel_ridge, preprocessing
from sklearn.gaussian_process.kernels import Matern
from sklearn.metrics import pairwise
from sklearn.neighbors import KernelDensity

tables = st.tuples(st.integers(1, 8), st.integers(1, 3)).flatmap(
    lambda s: arrays(float, s, elements=st.floats(-3, 3))
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = RNG.normal(size=(20, 3))
VALID = {
    "linear": kn.linear,
    "poly": lambda P, Q=None: kn.poly(P, Q, 3, 1.0),
    "rbf": lambda P, Q=None: kn.rbf(P, Q, 0.7),
    "laplacian": lambda P, Q=None: kn.laplacian(P, Q, 0.7),
    "matern": lambda P, Q=None: kn.matern(P, Q, 1.3),
}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (kn.linear(X, Y), pairwise.linear_kernel(X, Y)),
        (kn.poly(X, Y, 3, 0.5), pairwise.polynomial_kernel(X, Y, degree=3, gamma=1.0, coef0=0.5)),
        (kn.rbf(X, Y, 0.3), pairwise.rbf_kernel(X, Y, gamma=0.3)),
        (kn.laplacian(X, Y, 0.3), pairwise.laplacian_kernel(X, Y, gamma=0.3)),
        (kn.sigmoid_kernel(X, Y, 0.3, 0.1), pairwise.sigmoid_kernel(X, Y, gamma=0.3, coef0=0.1)),
        (kn.matern(X, Y, 1.7), Matern(length_scale=1.7, nu=1.5)(X, Y)),
    ],
)
def test_kernels_equal_sklearn(ours, theirs):
    assert np.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("name", VALID)
@given(P=tables)
def test_valid_kernels_are_symmetric_and_psd_on_any_points(name, P):
    K = VALID[name](P)
    assert np.allclose(K, K.T)
    assert kn.is_psd(K, tol=1e-9)
    bound = np.outer(np.diag(K), np.diag(K))
    assert (bound * (1 + 1e-9) + 1e-9 >= K**2).all()


@given(tables, st.floats(-5, 5))
def test_kernels_of_differences_do_not_move(P, shift):
    for k in (VALID["rbf"], VALID["laplacian"], VALID["matern"]):
        assert np.allclose(k(P), k(P + shift), atol=1e-9)
        assert np.allclose(np.diag(k(P)), 1)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 1000))
def test_the_explicit_map_has_the_stated_size_and_the_kernel(d, degree, seed):
    from math import comb

    rng = np.random.default_rng(seed)
    P = rng.normal(size=(4, d))
    Q = rng.normal(size=(3, d))
    F = kn.monomials(P, degree)
    G = kn.monomials(Q, degree)
    assert F.shape == (4, comb(d + degree - 1, degree))
    assert np.allclose(F @ G.T, kn.poly(P, Q, degree), atol=1e-9)


def test_closure_and_its_limit():
    A = kn.rbf(X)
    B = kn.poly(X, degree=2, c=1.0)
    assert kn.is_psd(A + B)
    assert kn.is_psd(A * B)
    assert kn.is_psd(np.exp(A))
    assert not kn.is_psd(A - B)


def test_psd_rejects_asymmetry_and_negative_directions():
    assert not kn.is_psd([[1.0, 0.5], [0.4, 1.0]])
    assert not kn.is_psd([[0.0, 1.0], [1.0, 0.0]])
    assert kn.is_psd(np.zeros((2, 2)))
    assert not kn.is_psd((np.array([[1.0], [-1.0]]) @ np.array([[1.0, -1.0]]) - 0.5) ** 2)


@pytest.mark.parametrize("gamma", [0.05, 0.1, 0.3, 1.0, 2.0])
def test_the_cycle_of_four_has_the_derived_eigenvalue(gamma):
    hops = np.array([[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])
    a = np.exp(-gamma)
    assert np.linalg.eigvalsh(np.exp(-gamma * hops**2.0))[0] == pytest.approx(1 - 2 * a + a**4)


def test_centring_equals_sklearn_and_explicit_centring():
    K = kn.rbf(X)
    assert np.allclose(kn.center(K), preprocessing.KernelCenterer().fit_transform(K), atol=1e-12)
    F = X - X.mean(0)
    assert np.allclose(kn.center(kn.linear(X)), F @ F.T, atol=1e-12)


def test_normalising_the_linear_kernel_gives_the_cosine():
    assert np.allclose(kn.normalize(kn.linear(X)), pairwise.cosine_similarity(X), atol=1e-12)


@pytest.mark.parametrize("name", VALID)
def test_ridge_equals_sklearn(name):
    y = np.sin(X[:, 0]) + X[:, 1]
    ours = kn.KernelRidge(VALID[name], 0.2).fit(X, y).predict(Y)
    theirs = (
        kernel_ridge.KernelRidge(alpha=0.2, kernel="precomputed")
        .fit(VALID[name](X), y)
        .predict(VALID[name](Y, X))
    )
    assert np.allclose(ours, theirs, atol=1e-8)


def test_linear_kernel_ridge_equals_primal_ridge():
    y = X @ [1.0, -2.0, 0.5] + 0.1
    w = np.linalg.solve(X.T @ X + 0.5 * np.eye(3), X.T @ y)
    assert np.allclose(kn.KernelRidge(kn.linear, 0.5).fit(X, y).predict(Y), Y @ w, atol=1e-10)


def test_densities_equal_sklearn_and_scipy_and_have_mass_one():
    x = RNG.normal(size=50)
    grid = np.linspace(-8, 8, 2001)
    ours = kn.kde(x, grid, 0.4)
    assert np.allclose(
        ours,
        np.exp(KernelDensity(bandwidth=0.4).fit(x[:, None]).score_samples(grid[:, None])),
        atol=1e-10,
    )
    assert np.allclose(
        kn.kde(x, grid, 0.3 * x.std(ddof=1)), gaussian_kde(x, bw_method=0.3)(grid), atol=1e-10
    )
    assert ours.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-6)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.floats(0.05, 3), st.integers(0, 99))
def test_kernel_regression_stays_between_the_targets_and_keeps_constants(x, h, seed):
    y = np.random.default_rng(seed).normal(size=len(x))
    grid = np.array([-1e6, -3.0, 0.0, 2.0, 1e6])
    found = kn.nadaraya_watson(x, y, grid, h)
    assert (found >= y.min() - 1e-9).all()
    assert (found <= y.max() + 1e-9).all()
    assert np.allclose(kn.nadaraya_watson(x, np.full(len(x), 3.0), grid, h), 3.0)


def test_random_features_are_unbiased():
    K = kn.rbf(X[:6], gamma=0.5)
    runs = np.array([(Z := kn.rff(X[:6], 200, 0.5, seed)) @ Z.T for seed in range(300)])
    assert (np.abs(runs.mean(0) - K) <= 4 * runs.std(0) / np.sqrt(300)).all()


def test_nystrom_is_exact_at_the_landmarks_and_with_all_of_them():
    k = VALID["rbf"]
    Z = kn.nystrom(X, X[:10], k)
    assert np.allclose((Z @ Z.T)[:10, :10], k(X[:10]), atol=1e-6)
    full = kn.nystrom(X, X, k)
    assert np.allclose(full @ full.T, k(X), atol=1e-6)


ONE = [[1.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kn.linear([]), "n, m, d >= 1"),
        (lambda: kn.linear(ONE, [[1.0, 2.0]]), r"\(1, 1\) and \(1, 2\)"),
        (lambda: kn.rbf([[np.nan]]), "NaN"),
        (lambda: kn.rbf(ONE, gamma=0.0), "gamma must be positive"),
        (lambda: kn.laplacian(ONE, gamma=-1.0), "-1.0"),
        (lambda: kn.matern(ONE, length=np.inf), "length"),
        (lambda: kn.poly(ONE, degree=0), "degree 0"),
        (lambda: kn.poly(ONE, degree=2, c=-1.0), "c = -1.0"),
        (lambda: kn.poly(ONE, degree=1.5), "1.5"),
        (lambda: kn.monomials(ONE, 0), "degree must be"),
        (lambda: kn.is_psd([[1.0, 2.0]]), r"\(1, 2\)"),
        (lambda: kn.is_psd([[np.nan]]), "NaN"),
        (lambda: kn.center([1.0]), "square"),
        (lambda: kn.normalize([[0.0]]), "entry 0"),
        (lambda: kn.KernelRidge(kn.linear, 0.0).fit(ONE, [1.0]), "penalty"),
        (lambda: kn.KernelRidge(kn.linear, 1.0).fit(ONE, [1.0, 2.0]), r"\(1,\), got \(2,\)"),
        (lambda: kn.KernelRidge(kn.linear, 1.0).predict(ONE), "call fit"),
        (lambda: kn.KernelRidge(kn.linear, 1.0).fit(ONE, [1.0]).predict([[1.0, 2.0]]), r"\(1, 2\)"),
        (
            lambda: kn.KernelRidge(lambda P, Q: -5 * kn.linear(P, Q), 1.0).fit(ONE, [1.0]),
            "not positive definite",
        ),
        (lambda: kn.kde([], [0.0], 1.0), "at least one"),
        (lambda: kn.kde([0.0], [0.0], 0.0), "bandwidth"),
        (lambda: kn.kde([np.nan], [0.0], 1.0), "finite"),
        (lambda: kn.nadaraya_watson([0.0], [1.0, 2.0], [0.0], 1.0), r"\(1,\) and \(2,\)"),
        (lambda: kn.rff(ONE, 0, 1.0, 0), "D = 0"),
        (lambda: kn.rff(ONE, 5, -1.0, 0), "gamma"),
        (lambda: kn.nystrom(ONE, [[1.0, 2.0]], kn.linear), r"\(1, 2\)"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
