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


def test_the_threshold_is_a_share_of_the_best_loss():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=0, threshold=0.1)
    assert [plateau.report(loss) for loss in (20.0, 18.5, 17.5)] == [1.0, 0.5, 0.5]
    assert plateau.best == 17.5


def test_with_a_threshold_of_zero_any_fall_is_an_improvement():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=0, threshold=0.0)
    assert [plateau.report(loss) for loss in (1.0, np.nextafter(1, 0), 1.0)] == [1.0, 1.0, 0.5]


def test_the_threshold_of_a_negative_loss_is_a_margin_below_it():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=0, threshold=0.1)
    assert plateau.report(-1.0) == 1.0
    assert plateau.report(-1.05) == 0.5
    assert plateau.report(-1.2) == 0.5


@pytest.mark.parametrize("rise", [0.05, 0.15, 0.2])
def test_one_cycle_of_few_steps_equals_torch_with_other_divisors_and_momenta(rise):
    # with 0.05 the top lies before the first step, with 0.15 between the first and the second
    settings = {"div_factor": 10.0, "final_div_factor": 50.0}
    settings |= {"base_momentum": 0.7, "max_momentum": 0.8}
    want = torchs(
        lambda o: theirs.OneCycleLR(o, BASE, total_steps=10, pct_start=rise, **settings),
        steps=9,
        momentum=True,
    )
    ours = [schedules.one_cycle(t, BASE, 10, rise, 10.0, 50.0, (0.7, 0.8)) for t in range(9)]
    assert np.allclose(ours, want, rtol=0, atol=1e-12)


def test_one_cycle_by_default_equals_torch():
    want = torchs(lambda o: theirs.OneCycleLR(o, BASE, total_steps=STEPS), STEPS - 1, momentum=True)
    ours = [schedules.one_cycle(t, BASE, STEPS) for t in range(STEPS - 1)]
    assert np.allclose(ours, want, rtol=0, atol=1e-12)


def test_a_rise_of_one_step_begins_at_the_top():
    assert schedules.one_cycle(0, 2.0, 10, rise=0.1) == (2.0, 0.85)
    assert schedules.one_cycle(1, 2.0, 10, rise=0.1)[0] < 2.0


def test_a_cycle_of_one_step_is_its_end():
    assert np.allclose(schedules.one_cycle(0, 2.0, 1, div=4.0, final_div=5.0), (0.1, 0.95))


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (lambda t: schedules.step(t, BASE, 5), lambda o: theirs.StepLR(o, 5)),
        (
            lambda t: schedules.linear(t, BASE, 20, 1 / 3),
            lambda o: theirs.LinearLR(o, total_iters=20),
        ),
        (
            lambda t: schedules.cosine(t, BASE, STEPS),
            lambda o: theirs.CosineAnnealingLR(o, STEPS),
        ),
        (lambda t: schedules.sgdr(t, BASE, 7), lambda o: theirs.CosineAnnealingWarmRestarts(o, 7)),
    ],
    ids=["step", "linear", "cosine", "warm restarts"],
)
def test_schedules_by_default_equal_torch_by_default(ours, make):
    assert np.allclose([ours(t) for t in range(STEPS)], torchs(make), rtol=0, atol=1e-12)


def test_the_plateau_by_default_equals_torch_by_default():
    # improvements above and below one part in ten thousand, then none
    falls = np.r_[np.full(15, 2e-4), np.full(15, 0.5e-4), np.zeros(30)]
    losses = np.cumprod(1 - falls)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
    want = theirs.ReduceLROnPlateau(optimizer)
    ours = schedules.Plateau(BASE)
    rates = []
    for loss in losses:
        want.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
        assert np.isclose(ours.report(loss), rates[-1], rtol=1e-12)
    assert len(set(rates)) == 3  # two cuts


def test_before_the_first_finite_loss_nothing_is_an_improvement():
    plateau = schedules.Plateau(1.0, factor=0.5, patience=1, threshold=0.1)
    assert [plateau.report(loss) for loss in (np.inf, np.inf, 5.0, 5.0, 4.0)] == [
        1,
        0.5,
        0.5,
        0.5,
        0.5,
    ]
    assert plateau.best == 4.0


def test_a_rate_stays_at_its_lowest_and_is_not_raised_to_it_before_a_cut():
    plateau = schedules.Plateau(0.5, factor=0.5, patience=0, low=2.0)
    assert plateau.report(1.0) == 0.5


def test_after_its_end_warm_up_stay_decay_is_zero():
    assert [schedules.wsd(t, 0.3, 2, 4, 10) for t in (10, 11, 100)] == [0.0, 0.0, 0.0]


def test_warm_up_and_decay_may_fill_the_run():
    rates = [schedules.wsd(t, 2.0, 4, 4, 8) for t in range(9)]
    assert rates == [0.0, 0.5, 1.0, 1.5, 2.0, 1.5, 1.0, 0.5, 0.0]


def test_warm_up_and_cosine_end_at_the_lowest_rate():
    rates = [schedules.warmup_cosine(t, 1.0, 4, 8, 0.2) for t in (2, 4, 6, 8, 20)]
    assert np.allclose(rates, [0.5, 1.0, 0.6, 0.2, 0.2])


@pytest.mark.parametrize(
    "at",
    [
        lambda t, base, length: schedules.step(t, base, length),
        lambda t, base, length: schedules.linear(t, base, length),
        lambda t, base, length: schedules.cosine(t, base, length),
        lambda t, base, length: schedules.warmup_cosine(t, base, length, 100),
        lambda t, base, length: schedules.inverse_sqrt(t, base, length),
        lambda t, base, length: schedules.wsd(t, base, length, 1, 100),
        lambda t, base, length: schedules.wsd(t, base, 1, length, 100),
        lambda t, base, length: schedules.sgdr(t, base, length),
        lambda t, base, length: schedules.sgdr(t, base, 1, length),
        lambda t, base, length: schedules.one_cycle(t, base, length)[0],
    ],
)
def test_steps_begin_at_zero_lengths_at_one_and_all_are_finite(at):
    assert np.isfinite(at(0, 1e-12, 1))
    for t in (-1, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"got t = {t} and base = 1.0"):
            at(t, 1.0, 3)
    for base in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"got t = 0 and base = {base}"):
            at(0, base, 3)
    for length in (0, 0.5, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"must be at least one step, got {length}"):
            at(0, 1.0, length)


@pytest.mark.parametrize("t", [-1, np.inf])
def test_an_exponential_needs_a_step_and_a_rate_as_well(t):
    assert schedules.exponential(0, 3.0, 0.5) == 3.0
    with pytest.raises(ValueError, match="t >= 0"):
        schedules.exponential(t, 3.0, 0.5)
    with pytest.raises(ValueError, match="positive rate"):
        schedules.exponential(0, np.inf, 0.5)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_divisors_of_one_cycle_are_positive_and_finite(bad):
    with pytest.raises(ValueError, match="positive divisors"):
        schedules.one_cycle(0, 0.1, 10, div=bad)
    with pytest.raises(ValueError, match="positive divisors"):
        schedules.one_cycle(0, 0.1, 10, final_div=bad)


def test_divisors_of_one_cycle_below_one_raise_its_ends():
    assert np.allclose(schedules.one_cycle(0, 1.0, 10, div=0.5)[0], 2.0)
    assert np.allclose(schedules.one_cycle(9, 1.0, 10, div=0.5, final_div=0.25)[0], 8.0)


@pytest.mark.parametrize("rise", [0.0, -0.1, 1.0, np.nan])
def test_the_rise_of_one_cycle_is_a_fraction(rise):
    with pytest.raises(ValueError, match="rise must lie between 0 and 1"):
        schedules.one_cycle(0, 0.1, 10, rise=rise)


@pytest.mark.parametrize(
    ("setting", "bad"),
    [
        ("base", [0.0, np.inf, np.nan]),
        ("factor", [0.0, 1.0, np.nan]),
        ("patience", [-1]),
        ("cooldown", [-1]),
        ("threshold", [-1e-9, np.inf, np.nan]),
        ("low", [-1e-9, np.inf, np.nan]),
    ],
)
def test_settings_of_the_plateau_have_ends(setting, bad):
    for value in bad:
        with pytest.raises(ValueError, match=f"{value}"):
            schedules.Plateau(**{"base": 1.0, setting: value})


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
