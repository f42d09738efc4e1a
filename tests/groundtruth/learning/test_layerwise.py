"""LARS and LAMB against the algorithms of their papers, written out; layers of zeros; bad input."""

import numpy as np
import pytest
from groundtruth.learning.layerwise import LAMB, LARS

STEPS = 10


def problem():
    """Three layers, and their gradients in each of ten steps; rates that change from step to step,
    as under a schedule.
    """
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=s) * scale for s, scale in (((4, 3), 1.0), ((3,), 0.1), ((5,), 10.0))]
    grads = [[rng.normal(size=p.shape) + 0.3 * p for p in layers] for _ in range(STEPS)]
    rates = 0.1 * 0.8 ** np.arange(STEPS)
    return layers, grads, rates


def run(optimizer, grads, rates):
    for g, rate in zip(grads, rates, strict=True):
        optimizer.lr = rate
        optimizer.step(g)
    return optimizer.params


def lars_of_the_paper(w, grads, rates, momentum, decay, trust):
    """Algorithm 1 of You, Gitman and Ginsburg (2017) for one layer."""
    v = np.zeros_like(w)
    for g, rate in zip(grads, rates, strict=True):
        norm_w = np.sqrt((w**2).sum())
        norm_g = np.sqrt((g**2).sum())
        local = trust * norm_w / (norm_g + decay * norm_w)
        v = momentum * v + rate * local * (g + decay * w)
        w = w - v
    return w


def lamb_of_the_paper(w, grads, rates, betas, decay, eps):
    """Algorithm 2 of You et al. (2020) for one layer, with the identity as phi."""
    m = np.zeros_like(w)
    v = np.zeros_like(w)
    for t, (g, rate) in enumerate(zip(grads, rates, strict=True), start=1):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        r = (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        update = r + decay * w
        w = w - rate * np.sqrt((w**2).sum()) / np.sqrt((update**2).sum()) * update
    return w


def test_ten_steps_of_lars_equal_the_papers_algorithm():
    layers, grads, rates = problem()
    wanted = [
        lars_of_the_paper(p, [g[i] for g in grads], rates, 0.9, 0.3, 0.2)
        for i, p in enumerate(layers)
    ]
    optimizer = LARS([p.copy() for p in layers], 0.1, momentum=0.9, weight_decay=0.3, trust=0.2)
    for ours, theirs in zip(run(optimizer, grads, rates), wanted, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_ten_steps_of_lamb_equal_the_papers_algorithm():
    layers, grads, rates = problem()
    wanted = [
        lamb_of_the_paper(p, [g[i] for g in grads], rates, (0.8, 0.9), 0.3, 1e-3)
        for i, p in enumerate(layers)
    ]
    optimizer = LAMB([p.copy() for p in layers], 0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.3)
    for ours, theirs in zip(run(optimizer, grads, rates), wanted, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [lambda p: LARS(p, 0.5, trust=0.01), lambda p: LAMB(p, 0.01)],
    ids=["LARS", "LAMB"],
)
def test_layers_move_in_proportion_to_their_norm(make):
    rng = np.random.default_rng(1)
    small = rng.normal(size=6)
    g = rng.normal(size=6)
    layers = [small.copy(), 100 * small]
    make(layers).step([g, g])
    first = np.linalg.norm(layers[0] - small) / np.linalg.norm(small)
    second = np.linalg.norm(layers[1] - 100 * small) / np.linalg.norm(100 * small)
    assert np.isclose(first, second)
    assert first > 0


@pytest.mark.parametrize("make", [lambda p: LARS(p, 0.1), lambda p: LAMB(p, 0.1)])
def test_a_layer_of_zeros_moves_at_the_plain_rate(make):
    p = np.zeros(2)
    make([p]).step([np.ones(2)])
    assert np.allclose(p, -0.1)


def test_a_layer_without_a_gradient_stays():
    p = np.ones(2)
    LARS([p], 0.1).step([np.zeros(2)])
    LAMB([p], 0.1).step([np.zeros(2)])
    assert np.array_equal(p, np.ones(2))


def test_lamb_keeps_its_averages_when_the_betas_change():
    p = np.ones(2)
    optimizer = LAMB([p], 0.1)
    optimizer.step([np.array([1.0, 2.0])])
    before = optimizer.state[0]["m"].copy()
    optimizer.betas = (0.5, 0.9)
    assert np.array_equal(optimizer.state[0]["m"], before)


def test_float32_layers_stay_float32():
    p = np.ones(3, dtype=np.float32)
    for kind in (LARS, LAMB):
        kind([p], 0.1).step([np.ones(3)])
        assert p.dtype == np.float32
        assert np.isfinite(p).all()


def test_lars_by_default_has_the_settings_of_its_paper_and_no_decay():
    layers, grads, rates = problem()
    wanted = [
        lars_of_the_paper(p, [g[i] for g in grads], rates, 0.9, 0.0, 1e-3)
        for i, p in enumerate(layers)
    ]
    for ours, theirs in zip(
        run(LARS([p.copy() for p in layers], 0.1), grads, rates), wanted, strict=True
    ):
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_without_a_gradient_lars_decays_at_the_plain_rate():
    p = np.array([1.0, -2.0])
    LARS([p], 0.5, weight_decay=0.25).step([np.zeros(2)])
    assert np.allclose(p, [1 - 0.125, -2 + 0.25], rtol=1e-12)


def test_momentum_of_zero_forgets():
    p = np.array([3.0, 4.0])
    optimizer = LARS([p], 1.0, momentum=0.0, trust=0.1)
    optimizer.step([np.array([0.0, 2.0])])
    optimizer.step([np.zeros(2)])
    assert np.allclose(p, [3.0, 3.5], rtol=1e-12)


def test_the_averages_of_a_layer_have_names():
    for kind, names in ((LARS, {"v"}), (LAMB, {"m", "v"})):
        optimizer = kind([np.ones(2), np.ones(3)], 0.1)
        optimizer.step([np.ones(2), np.ones(3)])
        assert [set(state) for state in optimizer.state] == [names, names]


@pytest.mark.parametrize(
    ("name", "low", "bad"),
    [
        ("momentum", 0.0, [-1e-9, 1.0, np.nan]),
        ("weight_decay", 0.0, [-1e-9, np.inf, np.nan]),
        ("trust", 5e-324, [0.0, -1.0, np.inf, np.nan]),
    ],
)
def test_settings_of_lars_have_ends(name, low, bad):
    assert getattr(LARS([np.ones(2)], 0.1, **{name: low}), name) == low
    for value in bad:
        with pytest.raises(ValueError, match=f"^{name} must lie .* got {value}$"):
            LARS([np.ones(2)], 0.1, **{name: value})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LARS([np.ones(2)], 0.1, trust=0.0), "trust"),
        (lambda: LARS([np.ones(2)], 0.1, momentum=1.0), "momentum"),
        (lambda: LARS([np.ones(2)], 0.1, weight_decay=-1.0), "weight_decay"),
        (lambda: LAMB([np.ones(2)], 0.1, betas=(1.0, 0.9)), r"betas\[0\]"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
