"""Kernels against scikit-learn and SciPy; validity, closure, invariances, random features, and bad
input.
"""

import math
import re
from fractions import Fraction

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


KERNELS_OF_A_TABLE = [kn.linear, kn.poly, kn.rbf, kn.laplacian, kn.matern, kn.sigmoid_kernel]


@pytest.mark.parametrize("kernel", KERNELS_OF_A_TABLE)
def test_one_table_is_compared_with_itself(kernel):
    assert np.allclose(kernel(X), kernel(X, X), atol=1e-12)
    assert kernel(X).shape == (30, 30)
    assert kernel(X, Y).shape == (30, 20)


def test_parameters_that_are_not_given_by_hand():
    """x = (1, 1) and y = (2, 0): the product is 2, |x - y|_1 = 2, |x - y|^2 = 2."""
    x = [[1.0, 1.0]]
    y = [[2.0, 0.0]]
    root = math.sqrt(6)
    assert kn.poly(x, y).item() == pytest.approx(4)
    assert kn.rbf(x, y).item() == pytest.approx(math.exp(-2))
    assert kn.laplacian(x, y).item() == pytest.approx(math.exp(-2))
    assert kn.matern(x, y).item() == pytest.approx((1 + root) * math.exp(-root))
    assert kn.sigmoid_kernel(x, y).item() == pytest.approx(math.tanh(2))


def test_parameters_by_hand():
    """x = (1, 1) and y = (2, 0): the product is 2, |x - y|_1 = 2, |x - y|^2 = 2."""
    x = [[1.0, 1.0]]
    y = [[2.0, 0.0]]
    s = math.sqrt(6) / 2
    assert kn.poly(x, y, 3, 0.5).item() == pytest.approx(2.5**3)
    assert kn.poly(x, y, 1, 0.5).item() == pytest.approx(2.5)
    assert kn.poly(x, y, 2.0).item() == pytest.approx(4)
    assert kn.rbf(x, y, 0.25).item() == pytest.approx(math.exp(-0.5))
    assert kn.laplacian(x, y, 0.25).item() == pytest.approx(math.exp(-0.5))
    assert kn.matern(x, y, 2.0).item() == pytest.approx((1 + s) * math.exp(-s))
    assert kn.sigmoid_kernel(x, y, 0.5, -0.5).item() == pytest.approx(math.tanh(0.5))


@pytest.mark.parametrize("value", [-1.0, 0.0, np.inf, np.nan])
def test_widths_of_kernels_are_positive_and_finite(value):
    with pytest.raises(ValueError, match=f"gamma must be positive and finite, got {value}"):
        kn.rbf(ONE, gamma=value)
    with pytest.raises(ValueError, match=f"gamma must be positive and finite, got {value}"):
        kn.laplacian(ONE, gamma=value)
    with pytest.raises(ValueError, match=f"length must be positive and finite, got {value}"):
        kn.matern(ONE, length=value)
    with pytest.raises(ValueError, match=f"gamma must be positive and finite, got {value}"):
        kn.rff(ONE, 4, value, 0)
    with pytest.raises(ValueError, match=f"penalty must be positive and finite, got {value}"):
        kn.KernelRidge(kn.linear, value).fit(ONE, [1.0])
    with pytest.raises(
        ValueError, match=f"the bandwidth h must be positive and finite, got {value}"
    ):
        kn.kde([0.0], [0.0], value)
    with pytest.raises(
        ValueError, match=f"the bandwidth h must be positive and finite, got {value}"
    ):
        kn.nadaraya_watson([0.0], [0.0], [0.0], value)


@pytest.mark.parametrize(
    ("degree", "c"), [(0, 0.0), (-1, 0.0), (1.5, 0.0), (2, -0.5), (2, np.inf), (2, np.nan)]
)
def test_powers_that_make_no_valid_kernel_are_refused(degree, c):
    with pytest.raises(ValueError, match=f"got degree {degree} and c = {c}"):
        kn.poly(ONE, degree=degree, c=c)


def test_monomials_of_three_factors_by_hand():
    """(x1 + x2)^3 = x1^3 + 3 x1^2 x2 + 3 x1 x2^2 + x2^3, here at (2, 5)."""
    found = kn.monomials([[2.0, 5.0]], 3)
    assert np.allclose(found, [[8.0, math.sqrt(3) * 20, math.sqrt(3) * 50, 125.0]], rtol=1e-14)


def test_monomials_of_degree_one_are_the_features():
    assert np.array_equal(kn.monomials(X, 1), X)


def test_a_matrix_is_judged_with_numbers_of_any_kind():
    half = Fraction(1, 2)
    K = [[Fraction(1), half], [half, Fraction(1)]]
    assert kn.is_psd(K)
    assert np.allclose(kn.center(K), [[0.25, -0.25], [-0.25, 0.25]])
    assert np.allclose(kn.normalize(K), [[1.0, 0.5], [0.5, 1.0]])


@pytest.mark.parametrize("shape", [(0, 0), (2,), (2, 3), (2, 2, 2)])
def test_what_is_no_square_matrix_is_refused(shape):
    for use in (kn.is_psd, kn.center, kn.normalize):
        with pytest.raises(ValueError, match=re.escape(f"square matrix (n, n), got shape {shape}")):
            use(np.ones(shape))


@pytest.mark.parametrize(
    ("smallest", "valid"), [(1.0, True), (0.0, True), (-0.5e-10, True), (-2e-10, False)]
)
@pytest.mark.parametrize("unit", [1.0, 1e8])
def test_an_eigenvalue_may_be_negative_by_rounding_only(smallest, valid, unit):
    """The eigenvalues of a diagonal matrix are its entries; the largest here is the unit."""
    assert kn.is_psd(unit * np.diag([smallest, 1.0])) is valid
    assert kn.is_psd(unit * np.diag([0.1, smallest, 1.0])) is valid


def test_the_tolerance_for_negative_eigenvalues():
    K = np.diag([-0.01, 1.0])
    assert not kn.is_psd(K)
    assert not kn.is_psd(K, 0.005)
    assert kn.is_psd(K, 0.02)
    assert kn.is_psd(np.zeros((2, 2)), 0.0)
    assert kn.is_psd(np.diag([0.0, 1.0]), 0.0)


def test_the_tolerance_is_relative_even_for_tiny_matrices():
    assert not kn.is_psd(np.diag([-1.0, 0.5]) * 1e-200)
    assert not kn.is_psd(np.diag([-1.0, 1.0]) * 1e-14)
    assert kn.is_psd(np.diag([0.5, 1.0]) * 1e-200)


@pytest.mark.parametrize(
    ("upper", "lower", "symmetric"),
    [
        (0.5, 0.5 + 1e-11, True),
        (0.5, 0.5 + 1e-9, False),
        (0.0, 0.5e-12, True),
        (0.0, 3e-12, False),
        (0.5, -0.5, False),
    ],
)
def test_symmetry_up_to_rounding(upper, lower, symmetric):
    assert kn.is_psd([[1.0, upper], [lower, 1.0]]) is symmetric
    assert kn.is_psd([[1.0, lower], [upper, 1.0]]) is symmetric


def test_centering_an_asymmetric_matrix_takes_rows_and_columns_apart():
    K = np.arange(9.0).reshape(3, 3) ** 2
    H = np.eye(3) - 1 / 3
    assert np.allclose(kn.center(K), H @ K @ H, atol=1e-12)


def test_a_diagonal_that_is_not_positive_is_refused_by_its_entry():
    with pytest.raises(ValueError, match="entry 1 is 0;"):
        kn.normalize([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="entry 2 is -3;"):
        kn.normalize(np.diag([1.0, 0.0, -3.0]))


def test_normalizing_keeps_the_likeness_of_hidden_vectors_of_any_length():
    """The lengths are 2 and 3, the product is 3: the cosine is 3 / 6."""
    assert np.allclose(kn.normalize([[4.0, 3.0], [3.0, 9.0]]), [[1.0, 0.5], [0.5, 1.0]])


def test_ridge_keeps_its_rows_and_one_weight_for_each():
    """One row x = 2 with y = 6 and the kernel 4: the weight is 6 / (4 + 2), f(5) = 10."""
    model = kn.KernelRidge(kn.linear, 2.0)
    assert model.fit([[Fraction(2)]], [Fraction(6)]) is model
    assert model.rows.tolist() == [[2.0]]
    assert model.weights == pytest.approx(1.0)
    assert model.predict([[5.0], [0.0]]) == pytest.approx([10.0, 0.0])


@pytest.mark.parametrize("target", [[1.0], [[1.0], [2.0]], [1.0, np.nan], [np.inf, 1.0]])
def test_targets_that_are_not_one_finite_number_per_row_are_refused(target):
    with pytest.raises(ValueError, match=r"one finite target per row: shape \(2,\)"):
        kn.KernelRidge(kn.linear, 1.0).fit([[1.0], [2.0]], target)


def test_a_kernel_with_a_negative_direction_is_refused_by_its_penalty():
    def negative(P, Q):
        return -5 * kn.linear(P, Q)

    with pytest.raises(ValueError, match=r"K \+ 0.25 I is not positive definite"):
        kn.KernelRidge(negative, 0.25).fit(ONE, [1.0])


def test_a_density_by_hand():
    """Two samples at 0 and 2, seen from 1 with h = 2: both bumps are phi(1/2) / 2."""
    bump = math.exp(-1 / 8) / math.sqrt(2 * math.pi) / 2
    assert kn.kde([0, 2], [Fraction(1)], 2.0) == pytest.approx(bump, rel=1e-14)
    assert kn.kde([Fraction(0), 2], [1.0], 2.0) == pytest.approx(bump, rel=1e-14)


def test_kernel_regression_by_hand():
    """From 0.5 with h = 0.5 the samples 0 and 2 lie at 1 and 3 widths."""
    near = math.exp(-1 / 2)
    far = math.exp(-9 / 2)
    expected = (1 * near + 5 * far) / (near + far)
    found = kn.nadaraya_watson([0, Fraction(2)], [Fraction(1), 5], [Fraction(1, 2)], 0.5)
    assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("bad", [[], [[1.0]], [np.nan], [np.inf]])
def test_samples_and_grids_are_vectors_of_finite_values(bad):
    message = "a vector of at least one finite value, got shape"
    with pytest.raises(ValueError, match=message):
        kn.kde(bad, [0.0], 1.0)
    with pytest.raises(ValueError, match=message):
        kn.kde([0.0], bad, 1.0)
    with pytest.raises(ValueError, match=message):
        kn.nadaraya_watson(bad, [0.0], [0.0], 1.0)
    with pytest.raises(ValueError, match=message):
        kn.nadaraya_watson([0.0], bad, [0.0], 1.0)
    with pytest.raises(ValueError, match=message):
        kn.nadaraya_watson([0.0], [0.0], bad, 1.0)


def test_random_features_depend_on_the_seed_alone():
    one = kn.rff(X, 7, 0.5, seed=3)
    assert one.shape == (30, 7)
    assert np.array_equal(one, kn.rff(X, 7, 0.5, seed=3))
    assert not np.allclose(one, kn.rff(X, 7, 0.5, seed=4))
    assert kn.rff(X, 1, 0.5, seed=3).shape == (30, 1)


@pytest.mark.parametrize("D", [1, 6])
def test_no_random_feature_exceeds_its_amplitude(D):
    found = np.abs(kn.rff(np.random.default_rng(1).normal(size=(2000, 2)), D, 50.0, seed=0))
    assert found.max() <= math.sqrt(2 / D)
    assert (found.max(axis=0) > 0.99 * math.sqrt(2 / D)).all()


@pytest.mark.parametrize("gamma", [0.1, 2.0])
def test_many_random_features_give_the_kernel_for_any_width(gamma):
    """The standard error of a mean of 40 000 products below 2 is at most 0.01."""
    Z = kn.rff(X[:6], 40_000, gamma, seed=5)
    assert np.abs(Z @ Z.T - kn.rbf(X[:6], gamma=gamma)).max() < 0.03


def test_random_features_have_mean_zero_where_all_angles_are_random():
    """At the origin a feature is sqrt(2/D) cos(b), with b uniform on the circle."""
    Z = kn.rff([[0.0]], 40_000, 1.0, seed=6) * math.sqrt(40_000 / 2)
    assert abs(Z.mean()) < 4 * math.sqrt(0.5 / 40_000)
    assert abs((Z**2).mean() - 0.5) < 4 * math.sqrt(0.125 / 40_000)


def test_nystrom_equals_the_projection_on_the_landmarks():
    """Dot products K_xz K_zz^-1 K_zy, with a landmark that stands there twice as well."""
    kernel = VALID["rbf"]
    Z = X[:4]
    projected = kernel(Y, Z) @ np.linalg.solve(kernel(Z), kernel(Z, Y))
    found = kn.nystrom(Y, Z, kernel)
    assert found.shape == (20, 4)
    assert np.allclose(found @ found.T, projected, atol=1e-9)
    twice = kn.nystrom(Y, np.vstack([Z, Z[:1]]), kernel)
    assert twice.shape == (20, 4)
    assert np.allclose(twice @ twice.T, projected, atol=1e-9)


@pytest.mark.parametrize(("smallest", "kept"), [(2e-12, 2), (0.5e-12, 1), (0.0, 1)])
def test_nystrom_leaves_out_directions_of_rounding(smallest, kept):
    """The landmarks (1, 0) and (0, r) have the eigenvalues 1 and r^2 under the linear kernel."""
    landmarks = [[1.0, 0.0], [0.0, math.sqrt(smallest)]]
    found = kn.nystrom([[3.0, 4.0]], landmarks, kn.linear)
    assert found.shape == (1, kept)
    assert np.allclose(np.sort(np.abs(found)), [[3.0, 4.0][:kept]], rtol=1e-9)


@pytest.mark.parametrize("degree", [20, 30, 150])
@pytest.mark.parametrize("d", [1, 2])
def test_monomials_of_a_high_degree_keep_their_weights(d, degree):
    """At (1, 1) the squares of the weights are the binomial coefficients, which sum to 2^degree."""
    F = kn.monomials(np.ones((1, d)), degree)
    assert (F**2).sum() == pytest.approx(float(d) ** degree, rel=1e-12)


def product_of_two_tables(P, Q):
    """A kernel that knows neither a default nor a check: the product of the first features."""
    return P[:, :1] @ Q[:, :1].T


def test_kernels_are_called_with_two_tables():
    """x = 2 with y = 6: the weight is 6 / (4 + 2), f(5) = 10; one landmark 2 makes 5 x 2 / 2."""
    model = kn.KernelRidge(product_of_two_tables, 2.0).fit([[2.0, 9.0]], [6.0])
    assert model.predict([[5.0, 1.0]]) == pytest.approx(10.0)
    found = kn.nystrom([[5.0, 1.0]], [[2.0, 9.0]], product_of_two_tables)
    assert np.abs(found) == pytest.approx(5.0)


def test_rows_with_other_features_than_in_training_are_refused_before_the_kernel():
    model = kn.KernelRidge(product_of_two_tables, 2.0).fit([[2.0, 9.0]], [6.0])
    with pytest.raises(ValueError, match=r"\(1, 3\) and \(1, 2\)"):
        model.predict([[5.0, 1.0, 1.0]])


@pytest.mark.parametrize("unit", [0.01, 100.0])
def test_directions_of_rounding_are_told_by_the_largest_of_all(unit):
    """Eigenvalues 1, 0.01 and 5e-13 times the square of the unit; only the last is too small."""
    landmarks = unit * np.diag([1.0, 0.1, math.sqrt(5e-13)])
    found = kn.nystrom([[3.0, 4.0, 5.0]], landmarks, kn.linear)
    assert np.allclose(np.sort(np.abs(found)), [[3.0, 4.0]], rtol=1e-9)


def test_landmarks_without_a_likeness_make_no_features():
    assert kn.nystrom([[1.0], [2.0]], [[0.0]], kn.linear).shape == (2, 0)
