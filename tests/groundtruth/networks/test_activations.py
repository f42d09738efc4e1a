"""Activations and their slopes against torch, differences and each other."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.check import numeric_grad
from groundtruth.networks import activations as act
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_ndtr

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


@pytest.mark.parametrize(
    ("name", "parameter", "value", "theirs"),
    [
        ("leaky_relu", "slope", 0.3, lambda v: F.leaky_relu(v, 0.3)),
        ("leaky_relu", "slope", 0.0, F.relu),
        ("elu", "alpha", 0.7, lambda v: F.elu(v, 0.7)),
        ("elu", "alpha", 0.0, F.relu),
        ("repu", "power", 1, F.relu),
        ("repu", "power", 3.0, lambda v: F.relu(v) ** 3),
        ("gelu", "approximate", "none", F.gelu),
    ],
)
def test_functions_of_a_parameter_and_their_slopes_equal_torch(name, parameter, value, theirs):
    t = torch.linspace(-5, 5, 100, dtype=torch.float64, requires_grad=True)
    out = theirs(t)
    (slope,) = torch.autograd.grad(out.sum(), t)
    f = act.named(name)
    z = t.detach().numpy()
    given_value = {parameter: value}
    np.testing.assert_allclose(f.f(z, **given_value), out.detach().numpy(), atol=1e-13)
    np.testing.assert_allclose(f.slope(z, **given_value), slope.numpy(), atol=1e-13)


@pytest.mark.parametrize(
    ("name", "z", "slope"),
    [
        ("relu", 0.0, 0.0),
        ("leaky_relu", 0.0, 0.01),
        ("elu", 0.0, 1.0),
        ("selu", 0.0, act.SELU_SCALE * act.SELU_ALPHA),
        ("repu", 0.0, 0.0),
        ("step", 0.0, 0.0),
        ("hard_swish", -3.0, 0.0),
        ("hard_swish", 3.0, 1.0),
    ],
)
def test_slopes_at_the_kinks(name, z, slope):
    assert act.named(name).slope([z]) == pytest.approx([slope], abs=1e-15)


def test_the_first_power_has_the_slope_of_the_rectifier():
    assert act.d_repu([-2.0, 0.0, 2.0], 1).tolist() == [0.0, 0.0, 1.0]


def test_the_step_is_one_at_zero_itself():
    assert act.step([-1e-300, -0.0, 0.0, 1e-300]).tolist() == [0.0, 1.0, 1.0, 1.0]


def test_the_identity_is_a_copy():
    z = np.array([1.0, 2.0])
    assert not np.shares_memory(act.identity(z), z)


@pytest.mark.parametrize("name", act.ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_whole_and_short_numbers_are_computed_in_double_precision(name, dtype):
    f = act.named(name)
    z = np.array([-100, -3, -1, 0, 1, 2, 3, 100])
    for way in (f.f, f.slope):
        seen = way(z.astype(dtype))
        assert seen.dtype == np.float64
        np.testing.assert_array_equal(seen, way(z.astype(float)))


@pytest.mark.parametrize("name", act.ACTIVATIONS)
@pytest.mark.filterwarnings("error")
def test_large_scores_neither_overflow_nor_warn(name):
    f = act.named(name)
    z = np.array([-2000.0, 2000.0])
    assert np.isfinite(f.f(z)).all()
    assert np.isfinite(f.slope(z)).all()


@pytest.mark.parametrize("z", [-5.0, -20.0, -37.0])
def test_the_far_left_tail_of_gelu_keeps_its_digits(z):
    assert act.gelu([z])[0] == pytest.approx(z * np.exp(log_ndtr(z)), rel=1e-9)


@pytest.mark.parametrize("z", [20.0, 36.0, 100.0])
def test_the_slope_of_the_sigmoid_keeps_its_digits_where_it_is_nearly_flat(z):
    # s(z) s(-z) = 1 / (2 + 2 cosh(z))
    for score in (z, -z):
        assert act.d_sigmoid([score])[0] == pytest.approx(1 / (2 + 2 * np.cosh(z)), rel=1e-12)


def test_maxout_reduces_only_the_last_axis():
    Z = np.array([[[1, 5, 2]], [[7, 3, 4]]])
    assert act.maxout(Z).tolist() == [[5.0], [7.0]]
    assert act.maxout(Z[..., :1]).tolist() == [[1.0], [7.0]]
    assert act.maxout([3, 4]).tolist() == 4.0


@pytest.mark.parametrize("Z", [1.0, [], [[], []]])
def test_maxout_needs_a_score_per_unit(Z):
    with pytest.raises(ValueError, match="at least one score per unit"):
        act.maxout(Z)


@pytest.mark.parametrize("name", act.ACTIVATIONS)
def test_slopes_at_nan_are_refused(name):
    with pytest.raises(ValueError, match="holds NaN"):
        act.named(name).slope([0.0, np.nan])


@pytest.mark.parametrize("value", [-0.1, np.inf, np.nan])
@pytest.mark.parametrize(("name", "parameter"), [("leaky_relu", "slope"), ("elu", "alpha")])
def test_slopes_and_scales_are_finite_and_not_negative(name, parameter, value):
    f = act.named(name)
    for way in (f.f, f.slope):
        with pytest.raises(ValueError, match=f"^{parameter} must be a finite number >= 0, got"):
            way([1.0], value)


@pytest.mark.parametrize("power", [0, -1, 0.5, 1.5])
@pytest.mark.parametrize("way", [act.repu, act.d_repu])
def test_powers_are_whole_numbers_from_one_on(way, power):
    with pytest.raises(ValueError, match=f"whole number >= 1, got {power}"):
        way([1.0], power)


@pytest.mark.parametrize("way", [act.gelu, act.d_gelu])
def test_there_are_two_forms_of_gelu(way):
    with pytest.raises(ValueError, match="'none' or 'tanh', got 'erf'"):
        way([1.0], "erf")


def test_unknown_names_are_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="'swish'; there are identity, step, relu, leaky_relu"):
        act.named("swish")
