"""Every optimizer against torch.optim step for step, under schedules too; invariances; errors."""

import numpy as np
import pytest
import torch
from groundtruth.learning import blocks
from groundtruth.learning import optimizers as opt
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 10_000)
SHAPES = ((4, 3), (3,), (1,))


def run_both(ours, theirs, steps=100, seed=0):
    """The same random parameters and the same noisy quadratic's gradients through both; the
    parameters after each step.
    """
    rng = np.random.default_rng(seed)
    params = [rng.normal(size=s) for s in SHAPES]
    twins = [torch.tensor(p.copy(), requires_grad=True) for p in params]
    a = ours(params)
    b = theirs(twins)
    for _ in range(steps):
        noise = [rng.normal(size=s) for s in SHAPES]
        for twin, z in zip(twins, noise, strict=True):
            twin.grad = 3 * twin.detach() + torch.tensor(z)
        a.step([3 * p + z for p, z in zip(params, noise, strict=True)])
        b.step()
        yield params, [t.detach().numpy() for t in twins]


PAIRS = {
    "sgd": (lambda p: opt.SGD(p, 0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (
        lambda p: opt.SGD(p, 0.05, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
    ),
    "dampening": (
        lambda p: opt.SGD(p, 0.05, momentum=0.9, dampening=0.3),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, dampening=0.3),
    ),
    "nesterov": (
        lambda p: opt.SGD(p, 0.05, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
    ),
    "l2": (
        lambda p: opt.SGD(p, 0.05, momentum=0.9, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.1),
    ),
    "adagrad": (lambda p: opt.AdaGrad(p, 0.3), lambda p: torch.optim.Adagrad(p, 0.3)),
    "rmsprop": (lambda p: opt.RMSProp(p, 0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    "rmsprop with momentum": (
        lambda p: opt.RMSProp(p, 0.01, momentum=0.9),
        lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.9),
    ),
    "adam": (lambda p: opt.Adam(p, 0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adam, other betas": (
        lambda p: opt.Adam(p, 0.01, betas=(0.0, 0.5), eps=1e-3),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.0, 0.5), eps=1e-3),
    ),
    "adam with l2": (
        lambda p: opt.Adam(p, 0.01, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1),
    ),
    "amsgrad": (
        lambda p: opt.Adam(p, 0.01, amsgrad=True),
        lambda p: torch.optim.Adam(p, 0.01, amsgrad=True),
    ),
    "adamw": (
        lambda p: opt.AdamW(p, 0.01, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
    ),
    "adamw with amsgrad": (
        lambda p: opt.AdamW(p, 0.01, amsgrad=True),
        lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True),
    ),
    "adam by default": (opt.Adam, torch.optim.Adam),
    "adamw by default": (opt.AdamW, torch.optim.AdamW),
}


@pytest.mark.parametrize("name", PAIRS)
def test_every_step_equals_torch(name):
    for ours, theirs in run_both(*PAIRS[name]):
        for p, q in zip(ours, theirs, strict=True):
            assert np.allclose(p, q, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_a_rate_that_changes_from_step_to_step_is_used(name):
    """As under a schedule: the decay of AdamW must follow the rate as well."""
    rng = np.random.default_rng(7)
    p = rng.normal(size=(4, 3))
    twin = torch.tensor(p.copy(), requires_grad=True)
    ours = PAIRS[name][0]([p])
    theirs = PAIRS[name][1]([twin])
    for t in range(30):
        rate = 0.1 * 0.8**t
        ours.lr = rate
        theirs.param_groups[0]["lr"] = rate
        g = rng.normal(size=p.shape)
        twin.grad = torch.tensor(g)
        ours.step([g])
        theirs.step()
        assert np.allclose(p, twin.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_betas_that_change_from_step_to_step_equal_torch(amsgrad):
    """As under one-cycle, which moves the first beta against the rate."""
    rng = np.random.default_rng(8)
    p = rng.normal(size=5)
    twin = torch.tensor(p.copy(), requires_grad=True)
    ours = opt.Adam([p], 0.1, amsgrad=amsgrad)
    theirs = torch.optim.Adam([twin], 0.1, amsgrad=amsgrad)
    for t in range(20):
        betas = (0.9 + 0.05 * np.cos(t), 0.99 + 0.005 * np.sin(t))
        ours.betas = betas
        theirs.param_groups[0]["betas"] = betas
        g = rng.normal(size=5)
        twin.grad = torch.tensor(g)
        ours.step([g])
        theirs.step()
        assert np.allclose(p, twin.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_bad_betas_are_refused_during_a_run():
    adam = opt.Adam([np.ones(2)], 0.1)
    adam.step([np.ones(2)])
    with pytest.raises(ValueError, match=r"betas\[1\]"):
        adam.betas = (0.9, 1.0)
    assert adam.betas == (0.9, 0.999)


def test_adam_in_blocks_equals_torch_beyond_one_block():
    rng = np.random.default_rng(1)
    p = rng.normal(size=(3, blocks.PART + 7))  # more than one block, and more than one thread
    twin = torch.tensor(p.copy(), requires_grad=True)
    ours = opt.AdamW([p], 0.01)
    theirs = torch.optim.AdamW([twin], 0.01)
    for _ in range(3):
        g = rng.normal(size=p.shape)
        twin.grad = torch.tensor(g)
        ours.step([g])
        theirs.step()
    assert np.allclose(p, twin.detach().numpy(), rtol=0, atol=1e-12)


def test_float32_parameters_stay_float32():
    p = np.ones(3, dtype=np.float32)
    for kind in (opt.SGD, opt.AdaGrad, opt.RMSProp, opt.Adam, opt.AdamW):
        kind([p], 0.1).step([np.ones(3)])
        assert p.dtype == np.float32
        assert np.isfinite(p).all()


@given(seeds, st.floats(1e-3, 1e3))
def test_adam_does_not_see_the_scale_of_the_loss(seed, scale):
    rng = np.random.default_rng(seed)
    a = np.zeros(4)
    b = np.zeros(4)
    first = opt.Adam([a], 0.01, eps=0.0)
    second = opt.Adam([b], 0.01, eps=0.0)
    for _ in range(20):
        g = rng.normal(size=4)
        first.step([g])
        second.step([scale * g])
    assert np.allclose(a, b, rtol=0, atol=1e-12)


@given(seeds, st.floats(1e-6, 1e6))
def test_the_first_adam_step_is_the_sign(seed, scale):
    g = scale * np.random.default_rng(seed).choice([-1.0, 1.0], size=5)
    p = np.zeros(5)
    opt.Adam([p], 0.1, eps=0.0).step([g])
    assert np.allclose(p, -0.1 * np.sign(g), rtol=0, atol=1e-12)


def test_a_refused_gradient_changes_nothing():
    p = np.ones(3)
    adam = opt.Adam([p], 0.1)
    with pytest.raises(FloatingPointError, match="step 1"):
        adam.step([np.array([1.0, np.nan, 1.0])])
    assert adam.t == 0
    assert (p == 1).all()
    assert adam.state == [{}]
    # its square overflows, it does not: allowed
    opt.SGD([p], 1e-200).step([np.array([1e200, 1.0, 1.0])])
    assert p[0] == 0
    unchecked = np.ones(2)
    opt.SGD([unchecked], 1.0).step([np.array([np.nan, 1.0])], check=False)
    assert np.isnan(unchecked[0])
    assert unchecked[1] == 0
    with pytest.raises(ValueError, match=r"\(3,\)"):
        opt.SGD([unchecked], 1.0).step([np.ones(3)], check=False)


F = np.ones(2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: opt.SGD([], 0.1), ValueError, "no parameters"),
        (lambda: opt.SGD([[1.0]], 0.1), TypeError, "parameter 0"),
        (lambda: opt.SGD([np.arange(3)], 0.1), TypeError, "floats"),
        (lambda: opt.SGD([np.ones((3, 2)).T], 0.1), TypeError, "contiguous"),
        (lambda: opt.SGD([F], 0.0), ValueError, "lr must"),
        (lambda: opt.SGD([F], np.nan), ValueError, "lr must"),
        (lambda: opt.SGD([F], 0.1, momentum=1.0), ValueError, "momentum"),
        (lambda: opt.SGD([F], 0.1, momentum=0.9, dampening=np.nan), ValueError, "dampening"),
        (lambda: opt.SGD([F], 0.1, nesterov=True), ValueError, "Nesterov"),
        (lambda: opt.SGD([F], 0.1, weight_decay=-1), ValueError, "weight_decay"),
        (lambda: opt.AdaGrad([F], 0.1, eps=-1), ValueError, "eps"),
        (lambda: opt.RMSProp([F], 0.1, alpha=1.0), ValueError, "alpha"),
        (lambda: opt.RMSProp([F], 0.1, momentum=-0.1), ValueError, "momentum"),
        (lambda: opt.Adam([F], betas=(0.9, 1.0)), ValueError, r"betas\[1\]"),
        (lambda: opt.Adam([F], weight_decay=-0.1), ValueError, "weight_decay"),
        (lambda: opt.SGD([F], 0.1).step([]), ValueError, "as many gradients"),
        (lambda: opt.SGD([F], 0.1).step([np.ones(3)]), ValueError, r"\(3,\)"),
        (lambda: opt.Optimizer([F], 0.1).step([F]), NotImplementedError, "subclass"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("make", "name", "end"),
    [
        (opt.SGD, "momentum", 1.0),
        (opt.SGD, "dampening", 1.0),
        (opt.SGD, "weight_decay", np.inf),
        (opt.AdaGrad, "eps", np.inf),
        (opt.RMSProp, "alpha", 1.0),
        (opt.RMSProp, "momentum", 1.0),
        (opt.RMSProp, "eps", np.inf),
        (opt.Adam, "eps", np.inf),
        (opt.Adam, "weight_decay", np.inf),
        (opt.AdamW, "weight_decay", np.inf),
    ],
)
def test_a_setting_may_be_zero_and_must_stay_below_its_end(make, name, end):
    p = np.ones(2)
    make([p], 0.1, **{name: 0.0}).step([np.ones(2)])
    assert np.isfinite(p).all()
    message = f"^{name} must lie at or above 0 and below {end:g}, got {end}$"
    with pytest.raises(ValueError, match=message):
        make([p], 0.1, **{name: end})
