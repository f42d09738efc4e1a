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


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    for call in (
        lambda: ini.fans((3,)),
        lambda: ini.fans((3, 0)),
        lambda: ini.xavier((2, 2), rng, 0.0),
        lambda: ini.he((2, 2), rng, -1.0),
        lambda: ini.orthogonal((2, 2, 2), rng),
        lambda: ini.second_moment(np.tanh, -1.0),
        lambda: ini.gain(lambda z: 0 * z),
        lambda: ini.predicted(np.tanh, -1.0, 2),
        lambda: ini.predicted(np.tanh, 1.0, -1),
        lambda: ini.measured(np.tanh, lambda n: 1 / n, -1),
        lambda: ini.correlation(np.tanh, 1.0, 0.0, [2.0]),
    ):
        with pytest.raises(ValueError):
            call()
