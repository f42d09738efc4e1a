"""Starting scales against torch's rules, quadrature against sampling, the recursion against real
stacks.
"""

import numpy as np
import pytest
import torch
from groundtruth.networks import activations as act
from groundtruth.networks import initialization as ini
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import kstest, norm


@pytest.mark.parametrize(
    ("shape", "torch_shape"),
    [((40, 30), (30, 40)), ((32, 16, 3, 3), (32, 16, 3, 3)), ((8, 4, 5), (8, 4, 5))],
)
def test_fans_are_those_of_torch(shape, torch_shape):
    assert ini.fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(torch_shape))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            lambda r: ini.he((500, 400), r),
            lambda t: torch.nn.init.kaiming_normal_(t, nonlinearity="relu"),
        ),
        (
            lambda r: ini.he((500, 400), r, 0.3),
            lambda t: torch.nn.init.kaiming_normal_(t, a=0.3, nonlinearity="leaky_relu"),
        ),
        (
            lambda r: ini.lecun((500, 400), r),
            lambda t: torch.nn.init.kaiming_normal_(t, nonlinearity="linear"),
        ),
        (
            lambda r: ini.xavier((500, 400), r, 1.5),
            lambda t: torch.nn.init.xavier_uniform_(t, gain=1.5),
        ),
    ],
)
def test_draws_have_the_distribution_of_torchs(ours, theirs):
    torch.manual_seed(0)
    a = ours(np.random.default_rng(0)).ravel()
    b = theirs(torch.empty(400, 500)).numpy().ravel()
    assert a.std() == pytest.approx(b.std(), rel=0.01)
    assert abs(a.mean()) < 0.01 * a.std()
    assert (
        np.abs(
            np.quantile(a, np.linspace(0.01, 0.99, 50))
            - np.quantile(b, np.linspace(0.01, 0.99, 50))
        ).max()
        < 0.03 * a.std()
    )


@pytest.mark.parametrize("shape", [(7, 7), (9, 4), (4, 9)])
def test_orthogonal_matrices_keep_lengths(shape):
    Q = ini.orthogonal(shape, np.random.default_rng(1), 2.0) / 2
    small = Q.T @ Q if shape[0] >= shape[1] else Q @ Q.T
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-12)


def test_orthogonal_draws_are_uniform_over_directions():
    first = [ini.orthogonal((3, 3), np.random.default_rng(s))[0, 0] for s in range(600)]
    # an entry of a uniform direction in space is uniform
    assert kstest(first, "uniform", args=(-1, 2)).pvalue > 0.01


@pytest.mark.parametrize(
    "name", ["identity", "relu", "leaky_relu", "tanh", "gelu", "silu", "elu", "sigmoid"]
)
@pytest.mark.parametrize("q", [0.2, 1.0, 4.0])
def test_second_moments_equal_an_adaptive_quadrature(name, q):
    f = act.named(name).f
    exact = (
        quad(lambda z: float(f(np.array(np.sqrt(q) * z)) ** 2 * norm.pdf(z)), -12, 0)[0]
        + quad(lambda z: float(f(np.array(np.sqrt(q) * z)) ** 2 * norm.pdf(z)), 0, 12)[0]
    )
    assert ini.second_moment(f, q) == pytest.approx(exact, rel=1e-6)


@given(st.floats(0.01, 100), st.floats(0, 2))
def test_a_leaky_rectifier_keeps_the_same_share_at_any_size(q, slope):
    assert ini.second_moment(lambda z: act.leaky_relu(z, slope), q) == pytest.approx(
        (1 + slope**2) / 2 * q, rel=1e-6
    )


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_the_recursion_predicts_real_stacks(name):
    f = act.named(name).f
    seen = np.mean(
        [ini.measured(f, lambda n: 1.3 / n, 6, width=400, n=50, seed=s) for s in range(5)], axis=0
    )
    np.testing.assert_allclose(seen, ini.predicted(f, 1.3, 6), rtol=0.1)


def test_correlations_agree_with_sampling():
    rng = np.random.default_rng(2)
    c = np.array([-0.5, 0.0, 0.7, 1.0])
    u, v = rng.normal(size=(2, 1_000_000))
    for rho, ours in zip(c, ini.correlation(np.tanh, 2.0, 0.1, c, 1.5), strict=True):
        a = np.tanh(np.sqrt(1.5) * u)
        b = np.tanh(np.sqrt(1.5) * (rho * u + np.sqrt(1 - rho**2) * v))
        assert ours == pytest.approx(
            (2 * (a * b).mean() + 0.1) / (2 * (a * a).mean() + 0.1), abs=4e-3
        )


SHAPES = [(5, 3), (3, 5), (1, 1), (6, 2, 3), (2, 4, 3, 5)]


@pytest.mark.parametrize("shape", SHAPES)
def test_normal_starts_are_scaled_draws_of_the_generator(shape):
    draws = np.random.default_rng(3).normal(size=shape)
    fan_in, _ = ini.fans(shape)
    for W, variance in (
        (ini.lecun(shape, np.random.default_rng(3)), 1 / fan_in),
        (ini.he(shape, np.random.default_rng(3)), 2 / fan_in),
        (ini.he(shape, np.random.default_rng(3), 2.0), 2 / 5 / fan_in),
    ):
        np.testing.assert_allclose(W, draws * variance**0.5, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gain", [None, 1.5])
def test_xavier_weights_are_uniform_draws_up_to_a_bound_on_both_sides(shape, gain):
    draws = np.random.default_rng(3).uniform(-1, 1, shape)
    given_gain = () if gain is None else (gain,)
    W = ini.xavier(shape, np.random.default_rng(3), *given_gain)
    # a bound b gives the variance b^2 / 3
    bound = (gain or 1.0) * (6 / sum(ini.fans(shape))) ** 0.5
    np.testing.assert_allclose(W, draws * bound, rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (1, 1), (1, 4)])
def test_an_orthogonal_start_is_the_qr_factor_with_a_positive_diagonal(shape):
    tall = shape if shape[0] >= shape[1] else shape[::-1]
    draws = np.random.default_rng(5).normal(size=tall)
    Q = ini.orthogonal(shape, np.random.default_rng(5))
    factor = Q if shape[0] >= shape[1] else Q.T
    R = factor.T @ draws
    # Q and an upper triangle of positive diagonal belong to only one matrix
    np.testing.assert_allclose(factor @ R, draws, atol=1e-12)
    np.testing.assert_allclose(np.tril(R, -1), 0, atol=1e-12)
    assert (np.diag(R) > 0).all()
    np.testing.assert_allclose(factor.T @ factor, np.eye(min(shape)), atol=1e-12)


def test_the_gain_of_an_orthogonal_start_scales_it():
    Q = ini.orthogonal((3, 2), np.random.default_rng(0))
    np.testing.assert_allclose(ini.orthogonal((3, 2), np.random.default_rng(0), 2.5), 2.5 * Q)


def test_without_variance_the_second_moment_is_that_of_the_function_at_zero():
    assert ini.second_moment(lambda z: z + 3, 0.0) == pytest.approx(9)


@pytest.mark.parametrize(
    ("f", "expected"),
    [(lambda z: z / 10, 100.0), (lambda z: 2 * z, 0.25), (lambda z: np.maximum(z, 0), 2.0)],
)
def test_the_gain_is_one_over_the_second_moment(f, expected):
    assert ini.gain(f) == pytest.approx(expected, rel=1e-6)


def test_predicted_moments_of_a_linear_stack_are_powers():
    half = lambda z: z / 2  # noqa: E731
    np.testing.assert_allclose(ini.predicted(half, 8.0, 3, 5.0), [5, 10, 20, 40])
    np.testing.assert_allclose(ini.predicted(half, 4.0, 2), [1, 1, 1])
    np.testing.assert_allclose(ini.predicted(half, 0.0, 2), [1, 0, 0])
    assert ini.predicted(half, 4.0, 0, 7).tolist() == [7.0]


def test_a_stack_of_one_unit_by_hand():
    draws = np.random.default_rng(9).normal(size=3)  # the input and two weights
    asked = []

    def scale(width):
        asked.append(width)
        return 4.0  # so a weight is twice a draw

    seen = ini.measured(lambda z: z + 1, scale, 2, width=1, n=1, seed=9)
    first = (draws[0] + 1) * 2 * draws[1]
    second = (first + 1) * 2 * draws[2]
    np.testing.assert_allclose(seen, [draws[0] ** 2, first**2, second**2])
    assert asked == [1, 1]


def test_a_stack_has_64_examples_256_units_and_seed_0_by_default():
    inputs = np.random.default_rng(0).normal(size=(64, 256))
    seen = ini.measured(np.tanh, lambda n: 1 / n, 1)
    assert seen[0] == pytest.approx((inputs**2).mean(), rel=1e-12)
    same = ini.measured(np.tanh, lambda n: 1 / 256, 1, 256, 64, 0)
    np.testing.assert_array_equal(seen, same)


def test_a_stack_without_layers_has_only_the_size_of_its_inputs():
    inputs = np.random.default_rng(4).normal(size=(3, 5))
    seen = ini.measured(np.tanh, lambda n: 1 / n, 0, 5, 3, 4)
    np.testing.assert_allclose(seen, [(inputs**2).mean()])


def test_correlations_through_a_linear_layer_by_hand():
    # E[u v] = 2 c, so the map is (3 * 2 c + 0.5) / (3 * 2 + 0.5)
    seen = ini.correlation(lambda z: z, 3.0, 0.5, [-1, 0, 1], 2.0)
    np.testing.assert_allclose(seen, [-5.5 / 6.5, 0.5 / 6.5, 1.0], atol=1e-8)


@pytest.mark.parametrize("q", [None, 0.3])
def test_correlations_through_an_error_function_have_a_closed_form(q):
    c = np.array([-1.0, -0.4, 0.0, 0.9, 1.0])
    size = 1.0 if q is None else q
    # E[erf(u) erf(v)] = 2 / pi asin(2 q c / (1 + 2 q)) (Williams, 1998)
    both = 2 / np.pi * np.arcsin(2 * size * c / (1 + 2 * size))
    given_q = () if q is None else (q,)
    seen = ini.correlation(erf, 1.5, 0.2, c, *given_q)
    np.testing.assert_allclose(seen, (1.5 * both + 0.2) / (1.5 * both[-1] + 0.2), atol=1e-7)


def test_correlations_keep_double_precision():
    c = np.array([0.1, -0.7], dtype=np.float32)
    seen = ini.correlation(np.tanh, 1.0, 0.0, c)
    assert seen.dtype == np.float64
    np.testing.assert_array_equal(seen, ini.correlation(np.tanh, 1.0, 0.0, c.astype(float)))


@pytest.mark.parametrize("c", [[1.0000001], [0.0, -1.1], [0.0, np.nan], 0.5, [[0.5]]])
def test_correlations_are_a_list_between_minus_one_and_one(c):
    with pytest.raises(ValueError, match=r"correlations \(k,\) lie between -1 and 1"):
        ini.correlation(np.tanh, 1.0, 0.0, c)


@pytest.mark.parametrize("shape", [(3,), (), (3, 0), (0, 3), (2, 2, 0), (2, -1)])
def test_weights_have_at_least_two_axes_and_no_empty_one(shape):
    with pytest.raises(ValueError, match="at least two axes"):
        ini.fans(shape)


@pytest.mark.parametrize("shape", [(2,), (2, 2, 2), (2, 0), (0, 2)])
def test_an_orthogonal_start_needs_a_matrix(shape):
    with pytest.raises(ValueError, match="needs a matrix"):
        ini.orthogonal(shape, np.random.default_rng(0))


@pytest.mark.parametrize("gain", [0.0, -1.0, np.inf, np.nan])
def test_the_gain_of_xavier_is_positive_and_finite(gain):
    with pytest.raises(ValueError, match=f"gain must be positive, got {gain}"):
        ini.xavier((2, 2), np.random.default_rng(0), gain)


@pytest.mark.parametrize("slope", [-0.1, np.inf, np.nan])
def test_the_slope_of_he_is_finite_and_not_negative(slope):
    with pytest.raises(ValueError, match=f"slope must be >= 0, got {slope}"):
        ini.he((2, 2), np.random.default_rng(0), slope)


@pytest.mark.parametrize("q", [-0.1, np.inf, np.nan])
def test_a_variance_is_finite_and_not_negative(q):
    with pytest.raises(ValueError, match="a variance is a finite number >= 0"):
        ini.second_moment(np.tanh, q)


def test_a_function_that_is_zero_has_no_gain():
    with pytest.raises(ValueError, match="zero on all scores"):
        ini.gain(lambda z: 0 * z)


@pytest.mark.parametrize(("variance", "depth"), [(-0.1, 2), (np.inf, 2), (np.nan, 2), (1.0, -1)])
def test_a_prediction_needs_a_depth_and_a_variance(variance, depth):
    with pytest.raises(ValueError, match="need depth >= 0 and a finite variance"):
        ini.predicted(np.tanh, variance, depth)


@pytest.mark.parametrize(("depth", "width", "n"), [(-1, 2, 2), (2, 0, 2), (2, 2, 0)])
def test_a_real_stack_needs_layers_units_and_examples(depth, width, n):
    with pytest.raises(ValueError, match=f"got {depth}, {width} and {n}"):
        ini.measured(np.tanh, lambda n: 1 / n, depth, width, n)
