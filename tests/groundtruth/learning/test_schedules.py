"""Every schedule against torch's, to rounding; what differs from torch; the plateau; bad input."""

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
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE, momentum=0.9)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        seen.append((group["lr"], group["momentum"]) if momentum else group["lr"])
        optimizer.step()
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
    assert np.allclose([ours(t) for t in range(STEPS)], torchs(make), rtol=0, atol=1e-12)


def test_the_cosine_after_a_line_equals_torchs_two_in_a_row():
    def make(o):
        return theirs.SequentialLR(
            o, [theirs.LinearLR(o, 1e-3, 1.0, 10), theirs.CosineAnnealingLR(o, 50)], [10]
        )

    ours = [
        schedules.linear(t, BASE, 10, 1e-3) if t < 10 else schedules.warmup_cosine(t, BASE, 10, 60)
        for t in range(STEPS)
    ]
    assert np.allclose(ours, torchs(make), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rise", [0.2, 0.3, 0.55])
def test_one_cycle_equals_torch_in_rate_and_momentum(rise):
    want = torchs(
        lambda o: theirs.OneCycleLR(o, BASE, total_steps=STEPS + 1, pct_start=rise), momentum=True
    )
    ours = [schedules.one_cycle(t, BASE, STEPS + 1, rise) for t in range(STEPS)]
    assert np.allclose(ours, want, rtol=0, atol=1e-12)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=60), st.integers(0, 3), st.integers(0, 3))
def test_the_plateau_equals_torch(losses, patience, cooldown):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    want = theirs.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=patience, cooldown=cooldown, eps=0.0
    )
    ours = schedules.Plateau(1.0, 0.5, patience, cooldown=cooldown)
    for loss in losses:
        want.step(loss)
        assert np.isclose(ours.report(loss), optimizer.param_groups[0]["lr"], rtol=1e-12)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 30))
def test_warm_up_stay_decay_has_its_three_parts(warmup, decay, stay):
    total = warmup + stay + decay
    rates = [schedules.wsd(t, 1.0, warmup, decay, total) for t in range(total + 1)]
    assert rates[0] == 0 == rates[-1]
    assert rates[warmup : warmup + stay + 1] == [1.0] * (stay + 1)
    assert (np.diff(rates[: warmup + 1]) > 0).all()
    assert (np.diff(rates[warmup + stay :]) < 0).all()


def test_after_its_end_the_cosine_stays_low_where_torchs_rises_again():
    ours = [schedules.cosine(t, BASE, 20, 0.01) for t in range(STEPS)]
    assert np.allclose(ours[20:], 0.01, rtol=0, atol=1e-12)
    want = torchs(lambda o: theirs.CosineAnnealingLR(o, 20, 0.01))
    assert np.allclose(ours[:21], want[:21], rtol=0, atol=1e-12)
    assert np.isclose(want[40], BASE)


def test_the_last_step_of_one_cycle_has_the_lowest_rate():
    rate, momentum = schedules.one_cycle(9, 1.0, 10)
    assert np.isclose(rate, 1 / 25 / 1e4, rtol=1e-12)
    assert np.isclose(momentum, 0.95, rtol=1e-12)


def test_the_plateau_does_not_go_below_its_lowest_rate():
    plateau = schedules.Plateau(1.0, factor=0.1, patience=0, low=0.05)
    assert [plateau.report(1.0) for _ in range(4)] == [1.0, 0.1, 0.05, 0.05]


def test_an_improvement_within_the_threshold_does_not_count():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=0, threshold=0.1)
    assert plateau.report(1.0) == 1.0
    assert plateau.report(0.91) == 0.5
    assert plateau.report(0.89) == 0.5


def test_the_threshold_of_a_negative_loss_is_a_margin_below_it():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=0, threshold=0.1)
    assert plateau.report(-1.0) == 1.0
    assert plateau.report(-1.05) == 0.5
    assert plateau.report(-1.2) == 0.5


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
        (lambda: schedules.Plateau(0.1, threshold=np.nan), "threshold"),
        (lambda: schedules.Plateau(0.1, low=-1.0), "lowest rate"),
        (lambda: schedules.Plateau(0.1).report(np.nan), "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
