"""Every schedule against torch's, exactly; the plateau; the range test; bad input."""

import numpy as np
import pytest
import torch
from groundtruth.learning import schedules
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler as theirs

BASE = 0.3
STEPS = 60


def torchs(make, steps=STEPS, momentum=False):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE, momentum=0.9)
    scheduler = make(optimiser)
    seen = []
    for _ in range(steps):
        group = optimiser.param_groups[0]
        seen.append((group["lr"], group["momentum"]) if momentum else group["lr"])
        optimiser.step()
        scheduler.step()
    return np.array(seen)


PAIRS = {
    "step": (lambda t: schedules.step(t, BASE, 7, 0.5), lambda o: theirs.StepLR(o, 7, 0.5)),
    "exponential": (
        lambda t: schedules.exponential(t, BASE, 0.97),
        lambda o: theirs.ExponentialLR(o, 0.97),
    ),
    "linear": (
        lambda t: schedules.linear(t, BASE, 20, 0.1, 0.8),
        lambda o: theirs.LinearLR(o, 0.1, 0.8, 20),
    ),
    "cosine": (
        lambda t: schedules.cosine(t, BASE, STEPS, 0.01),
        lambda o: theirs.CosineAnnealingLR(o, STEPS, 0.01),
    ),
    "warm-up and cosine": (
        lambda t: schedules.warmup_cosine(t, BASE, 10, STEPS),
        lambda o: theirs.LambdaLR(
            o, lambda t: t / 10 if t < 10 else (1 + np.cos(np.pi * (t - 10) / 50)) / 2
        ),
    ),
    "inverse square root": (
        lambda t: schedules.inverse_sqrt(t, BASE, 10),
        lambda o: theirs.LambdaLR(o, lambda t: min(t / 10, (10 / max(t, 1)) ** 0.5)),
    ),
    "sgdr": (
        lambda t: schedules.sgdr(t, BASE, 5, 2, 0.01),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
    ),
    "sgdr, equal lengths": (
        lambda t: schedules.sgdr(t, BASE, 6),
        lambda o: theirs.CosineAnnealingWarmRestarts(o, 6),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_every_schedule_equals_torch(name):
    ours, make = PAIRS[name]
    assert np.allclose([ours(t) for t in range(STEPS)], torchs(make), atol=1e-12)


def test_the_cosine_after_a_line_equals_torchs_two_in_a_row():
    def make(o):
        return theirs.SequentialLR(
            o, [theirs.LinearLR(o, 1e-3, 1.0, 10), theirs.CosineAnnealingLR(o, 50)], [10]
        )

    ours = [
        schedules.linear(t, BASE, 10, 1e-3) if t < 10 else schedules.warmup_cosine(t, BASE, 10, 60)
        for t in range(STEPS)
    ]
    assert np.allclose(ours, torchs(make), atol=1e-12)


@pytest.mark.parametrize("rise", [0.2, 0.3, 0.55])
def test_one_cycle_equals_torch_in_rate_and_momentum(rise):
    want = torchs(
        lambda o: theirs.OneCycleLR(o, BASE, total_steps=STEPS + 1, pct_start=rise), momentum=True
    )
    assert np.allclose(
        [schedules.one_cycle(t, BASE, STEPS + 1, rise) for t in range(STEPS)], want, atol=1e-12
    )


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=60), st.integers(0, 3), st.integers(0, 3))
def test_the_plateau_equals_torch(losses, patience, cooldown):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    want = theirs.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=patience, cooldown=cooldown, eps=0.0
    )
    ours = schedules.Plateau(1.0, 0.5, patience, cooldown=cooldown)
    for loss in losses:
        want.step(loss)
        assert np.isclose(ours.report(loss), optimiser.param_groups[0]["lr"], rtol=1e-12)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 30))
def test_warm_up_stay_decay_has_its_three_parts(warmup, decay, stay):
    total = warmup + stay + decay
    rates = [schedules.wsd(t, 1.0, warmup, decay, total) for t in range(total + 1)]
    assert rates[0] == 0 == rates[-1]
    assert rates[warmup : warmup + stay + 1] == [1.0] * (stay + 1)
    assert (np.diff(rates[: warmup + 1]) > 0).all()
    assert (np.diff(rates[warmup + stay :]) < 0).all()


def test_the_range_test_stops_above_the_limit_and_suggests_below_it():
    x = np.array([1.0, 1.0])

    def train(lr):
        nonlocal x
        loss = float((np.array([1.0, 10.0]) * x * x).sum()) / 2
        x = x - lr * np.array([1.0, 10.0]) * x
        return loss

    rates, losses = schedules.range_test(train, 1e-4, 10.0, 100)
    assert 0.2 < rates[-1] < 10.0
    assert len(rates) == len(losses)  # the limit of this bowl is 2 / 10
    assert schedules.steepest(rates, losses) < 0.2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedules.step(-1, 0.1, 2), "t >= 0"),
        (lambda: schedules.step(0, 0.1, 0), "every"),
        (lambda: schedules.exponential(0, 0.0, 0.9), "positive rate"),
        (lambda: schedules.linear(0, 0.1, 0), "total"),
        (lambda: schedules.cosine(0, 0.1, 0), "total"),
        (lambda: schedules.warmup_cosine(0, 0.1, 5, 5), "exceed"),
        (lambda: schedules.warmup_cosine(0, 0.1, 0, 5), "warmup"),
        (lambda: schedules.inverse_sqrt(0, 0.1, 0), "warmup"),
        (lambda: schedules.wsd(0, 0.1, 5, 6, 10), "do not fit"),
        (lambda: schedules.sgdr(0, 0.1, 0), "first"),
        (lambda: schedules.one_cycle(10, 0.1, 10), "below total"),
        (lambda: schedules.one_cycle(0, 0.1, 10, rise=1.0), "rise"),
        (lambda: schedules.Plateau(0.1, factor=1.0), "factor"),
        (lambda: schedules.Plateau(0.1).report(np.nan), "NaN"),
        (lambda: schedules.range_test(lambda lr: 1.0, 1.0, 0.1), "low < high"),
        (lambda: schedules.steepest(np.ones(1), np.ones(1)), "two rates"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
