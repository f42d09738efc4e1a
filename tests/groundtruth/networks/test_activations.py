"""Activations and their slopes against torch, differences and each other."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import numeric_grad
from groundtruth.networks import activations as act
from hypothesis import given
from hypothesis import strategies as st

TORCH = {
    "identity": lambda v: v * 1,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": lambda v: F.softplus(v, threshold=50),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "silu": F.silu,
    "hard_swish": F.hardswish,
    "repu": lambda v: torch.relu(v) ** 2,
}
SCORES = st.lists(st.floats(-50, 50), min_size=1, max_size=20)


@pytest.mark.parametrize("name", TORCH)
def test_functions_and_slopes_equal_torch(name):
    t = torch.linspace(-40, 40, 2001, dtype=torch.float64, requires_grad=True)
    out = TORCH[name](t)
    (slope,) = torch.autograd.grad(out.sum(), t)
    f = act.named(name)
    z = t.detach().numpy()
    np.testing.assert_allclose(f.f(z), out.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(f.slope(z), slope.numpy(), rtol=1e-12, atol=1e-12)


def test_the_tanh_form_of_gelu_and_its_slope_equal_torch():
    t = torch.linspace(-12, 12, 999, dtype=torch.float64, requires_grad=True)
    out = F.gelu(t, approximate="tanh")
    (slope,) = torch.autograd.grad(out.sum(), t)
    np.testing.assert_allclose(
        act.gelu(t.detach().numpy(), "tanh"), out.detach().numpy(), atol=1e-12
    )
    np.testing.assert_allclose(act.d_gelu(t.detach().numpy(), "tanh"), slope.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", act.ACTIVATIONS)
def test_slopes_agree_with_differences_away_from_corners(name):
    f = act.named(name)
    z = np.array([-4.3, -2.2, -0.7, 0.4, 1.9, 3.6])
    np.testing.assert_allclose(
        f.slope(z), [numeric_grad(lambda v: f.f(v).sum(), [t])[0] for t in z], rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("name", act.ACTIVATIONS)
@given(z=SCORES)
def test_shape_is_kept_and_the_argument_is_left_alone(name, z):
    at = np.array(z).reshape(1, -1)
    before = at.copy()
    f = act.named(name)
    assert f.f(at).shape == f.slope(at).shape == at.shape
    assert np.array_equal(at, before)
    assert np.isfinite(f.f(at)).all()
    assert np.isfinite(f.slope(at)).all()


@given(SCORES)
def test_identities_between_activations(z):
    at = np.array(z)
    np.testing.assert_allclose(act.tanh(at), 2 * act.sigmoid(2 * at) - 1, atol=1e-12)
    np.testing.assert_allclose(act.softplus(at) - act.softplus(-at), at, atol=1e-10)
    np.testing.assert_allclose(act.relu(at) - act.relu(-at), at)
    np.testing.assert_allclose(act.leaky_relu(at, 1.0), at)
    # z Phi(z) + z Phi(-z) = z
    np.testing.assert_allclose(act.gelu(at) - act.gelu(-at), at, atol=1e-12)
    np.testing.assert_allclose(act.silu(at) - act.silu(-at), at, atol=1e-12)
    np.testing.assert_allclose(act.repu(at, 1), act.relu(at))


@given(SCORES, st.floats(0.1, 10))
def test_rectifiers_are_homogeneous(z, c):
    at = np.array(z)
    np.testing.assert_allclose(act.relu(c * at), c * act.relu(at))
    np.testing.assert_allclose(act.leaky_relu(c * at), c * act.leaky_relu(at))


def test_selu_keeps_mean_zero_and_variance_one():
    z = np.linspace(-9, 9, 200_001)
    mass = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    mean = (act.selu(z) * mass).sum()
    assert abs(mean) < 1e-6
    assert abs((act.selu(z) ** 2 * mass).sum() - mean**2 - 1) < 1e-6


def test_maxout_equals_the_maximum_and_makes_a_rectifier():
    z = np.random.default_rng(0).normal(size=(5, 3))
    assert np.array_equal(act.maxout(np.stack([z, np.zeros_like(z)], -1)), act.relu(z))


@pytest.mark.parametrize("name", act.ACTIVATIONS)
def test_nan_is_refused(name):
    with pytest.raises(ValueError, match="NaN"):
        act.named(name).f([0.0, np.nan])


def test_wrong_parameters_are_refused():
    for call in (
        lambda: act.leaky_relu([1.0], -0.1),
        lambda: act.d_leaky_relu([1.0], np.inf),
        lambda: act.elu([1.0], -1),
        lambda: act.d_elu([1.0], np.nan),
        lambda: act.repu([1.0], 0),
        lambda: act.d_repu([1.0], 1.5),
        lambda: act.gelu([1.0], "erf"),
        lambda: act.d_gelu([1.0], "erf"),
        lambda: act.maxout(np.zeros((2, 0))),
        lambda: act.named("swish"),
    ):
        with pytest.raises(ValueError):
            call()
