"""Claims of the diffusion project, against the diffusers library, exact answers and simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from clikit.errors import UserError
from groundtruth.networks.diffusion import circle_noise
from projects import diffusion as d
from projects import evaluation, pictures, quality
from projects.clouds import spiral_arms
from projects.diffusion import Schedule, Settings
from projects.runner.rng import generator
from projects.runner.settings import choose

from tests.projects.toy import trainer

CPU = torch.device("cpu")


def theirs(kind: str, s: Schedule, **options):
    import diffusers

    scheduler = getattr(diffusers, kind)(
        num_train_timesteps=s.T, trained_betas=s.beta.numpy(), clip_sample=False, **options
    )
    # their tables in our precision: a cosine's end divides by nearly nothing
    scheduler.betas = s.beta
    scheduler.alphas = s.alpha
    scheduler.alphas_cumprod = s.abar
    return scheduler


def test_linear_and_cosine_schedules_are_those_of_diffusers():
    import diffusers

    linear = diffusers.DDPMScheduler(
        num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear"
    )
    assert torch.allclose(Schedule("linear", 1000).abar.float(), linear.alphas_cumprod, atol=1e-6)
    cosine = diffusers.DDPMScheduler(num_train_timesteps=200, beta_schedule="squaredcos_cap_v2")
    assert torch.allclose(Schedule("cosine", 200).abar.float(), cosine.alphas_cumprod, atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_noise_and_velocity_are_those_of_diffusers(kind):
    s = Schedule(kind, 100)
    x0 = torch.randn(20, 2)
    eps = torch.randn(20, 2)
    t = torch.randint(100, (20,))
    reference = theirs("DDPMScheduler", s)
    assert torch.allclose(
        d.add_noise(x0, t, eps, s), reference.add_noise(x0, eps, t).float(), atol=1e-6
    )
    assert torch.allclose(
        d.velocity(x0, t, eps, s), reference.get_velocity(x0, eps, t).float(), atol=1e-6
    )


@pytest.mark.parametrize("target", ["eps", "v"])
@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_ancestral_sampling_is_that_of_diffusers_step_for_step(kind, target):
    """The same noise in both: a model that is no model, and every state of the way compared."""
    s = Schedule(kind, 40)

    def predict(x, t):
        return torch.sin(3 * x) + t.view(-1, 1) / 40

    x = torch.randn(16, 2, generator=generator(1), dtype=torch.float64)
    path: list = []
    d.sample(
        predict, x, s, 40, eta=1.0, target=target, rng=torch.Generator().manual_seed(7), path=path
    )
    reference = theirs(
        "DDPMScheduler",
        s,
        variance_type="fixed_small",
        prediction_type={"eps": "epsilon", "v": "v_prediction"}[target],
    )
    reference.set_timesteps(40)
    rng = torch.Generator().manual_seed(7)
    theirs_x = x
    for t, ours_x in zip(reference.timesteps, path, strict=True):
        theirs_x = reference.step(
            predict(theirs_x, t.expand(16)), t, theirs_x, generator=rng
        ).prev_sample
        assert torch.allclose(ours_x, theirs_x, rtol=1e-6, atol=1e-6), int(t)


def test_deterministic_sampling_in_few_steps_is_that_of_diffusers():
    s = Schedule("linear", 50)

    def predict(x, t):
        return torch.tanh(x)

    x = torch.randn(16, 2, generator=generator(1))
    path: list = []
    d.sample(predict, x, s, 8, path=path)
    reference = theirs("DDIMScheduler", s, set_alpha_to_one=True, timestep_spacing="linspace")
    reference.set_timesteps(8)
    levels = torch.linspace(49, 0, 8).round().long().tolist()
    assert reference.timesteps.tolist() == levels
    theirs_x = x
    for i, level in enumerate(levels):
        # diffusers takes the level before as t - T // steps, ours is the next of the list
        kept = s.abar[level]
        then = s.abar[levels[i + 1]] if i + 1 < 8 else torch.tensor(1.0)
        eps = predict(theirs_x, level)
        x0 = (theirs_x - (1 - kept).sqrt() * eps) / kept.sqrt()
        theirs_x = (then.sqrt() * x0 + (1 - then).sqrt() * eps).float()
        assert torch.allclose(path[i], theirs_x, atol=1e-5)
    even = Schedule("linear", 50)
    one = theirs("DDIMScheduler", even, set_alpha_to_one=True)
    one.set_timesteps(50)
    ours = d.sample(predict, x, even, 50)
    other = x
    for t in one.timesteps:
        other = one.step(predict(other, t), t, other).prev_sample
    assert torch.allclose(ours, other, atol=1e-5)


def test_many_single_steps_are_one_jump():
    """The closed form by simulation: 50 steps of the definition, mean and variance."""
    s = Schedule("linear", 50)
    rng = generator(3)
    x = torch.full((40_000,), 2.0, dtype=torch.float64)
    for t in range(50):
        x = s.alpha[t].sqrt() * x + s.beta[t].sqrt() * torch.randn(
            40_000, generator=rng, dtype=torch.float64
        )
        if t in (0, 10, 49):
            assert float(x.mean()) == pytest.approx(2 * float(s.abar[t].sqrt()), abs=0.02)
            assert float(x.var()) == pytest.approx(float(1 - s.abar[t]), abs=0.02)


def test_data_and_noise_are_found_again_from_either_target():
    s = Schedule("cosine", 30)
    x0 = torch.randn(50, 2).double()
    eps = torch.randn(50, 2).double()
    t = torch.randint(30, (50,))
    xt = d.add_noise(x0, t, eps, s)
    for target, said in (("eps", eps), ("v", d.velocity(x0, t, eps, s))):
        found = d.predict_x0_eps(xt, t, said, s, target)
        assert torch.allclose(found[0], x0, atol=1e-6)
        assert torch.allclose(found[1], eps, atol=1e-6)


@pytest.mark.parametrize(("steps", "eta"), [(50, 0.0), (50, 1.0), (10, 0.0)])
def test_with_the_exact_denoiser_samples_lie_on_the_ring(steps, eta):
    s = Schedule.of(torch.linspace(1e-4, 0.1, 50))

    def predict(x, t):
        return torch.tensor(circle_noise(x.numpy(), float(s.abar[int(t[0])])))

    x = torch.randn(1000, 2, generator=generator(0), dtype=torch.float64)
    radius = d.sample(predict, x, s, steps, eta, rng=generator(1)).norm(dim=1)
    assert float(radius.mean()) == pytest.approx(1.0, abs=2e-3)
    assert float(radius.std()) < 2e-3


def test_clipping_keeps_the_predicted_data_in_range():
    s = Schedule("cosine", 20)

    def wild(x, t):
        return -5 * x

    x = torch.randn(50, 2, generator=generator(0))
    assert (
        float(d.sample(wild, x, s, 20, clip=1.0).abs().max())
        <= 1.0 + 1e-5
        < float(d.sample(wild, x, s, 20).abs().max())
    )


def test_clipping_moves_the_noise_with_the_data():
    """After clipping, data and noise still make up the state that they were predicted from."""
    s = Schedule("cosine", 20)
    x = torch.randn(5, 2, generator=generator(0)).double()
    path: list = []
    d.sample(lambda x, t: -5 * x, x, s, 2, clip=1.0, path=path)
    a = s.abar[19].sqrt()
    b = (1 - s.abar[19]).sqrt()
    x0 = ((x + b * 5 * x) / a).clamp(-1, 1)
    expected = s.abar[0].sqrt() * x0 + (1 - s.abar[0]).sqrt() * (x - a * x0) / b
    assert torch.allclose(path[0], expected)


def test_guidance_extrapolates_between_without_and_with_the_label():
    def model(x, t, labels):
        return x * labels.view(-1, 1)

    x = torch.ones(3, 2)
    t = torch.zeros(3, dtype=torch.long)
    labels = torch.tensor([1, 2, 3])
    for w, expected in ((0.0, [-1.0, -1.0, -1.0]), (1.0, [1.0, 2.0, 3.0]), (2.0, [3.0, 5.0, 7.0])):
        assert d.with_guidance(model, labels, w)(x, t)[:, 0].tolist() == expected


# -- data and measures ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", d.POINTS)
def test_sets_are_bounded_and_repeat_with_their_seed(name):
    a, b, c = (d.points(name, 2000, generator(seed)) for seed in (0, 0, 1))
    assert a.shape == (2000, 2)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert float(a.abs().max()) < 1.7
    assert abs(float(a.mean())) < 0.25
    if name == "ring":
        assert torch.allclose(a.norm(dim=1), torch.ones(2000), atol=1e-5)


def test_spirals_are_normals_around_the_middles_of_their_arms():
    middle = spiral_arms(400)
    assert middle.shape == (800, 2)
    # an arm ends at radius 1.25 and the angle 2.5 pi, the other opposite to it; u is at most
    # 799 / 800, which lowers the radius by 0.0007 and the angle by 0.005
    end = torch.tensor([0.0, 1.25], dtype=torch.float64)
    assert torch.allclose(middle[399], end, atol=0.01)
    assert torch.allclose(middle[:400], -middle[400:], atol=1e-12)
    data = d.points("spirals", 4000, generator(0)).double()
    away = torch.cdist(data, middle)
    assert float(away.amin(1).square().mean().sqrt()) == pytest.approx(0.03, rel=0.1)
    counts = (away.argmin(1) // 100).bincount(minlength=8)  # each eighth of both arms
    assert float((counts - 500).abs().max()) < 110


def test_sliced_wasserstein_is_that_of_a_shift_and_of_scipy():
    from scipy.stats import wasserstein_distance

    a = torch.randn(4000, 1, generator=generator(0))
    assert quality.sliced_wasserstein(a, a + 3) == pytest.approx(3.0, abs=1e-4)
    b = torch.randn(4000, 1, generator=generator(1)) * 1.5
    assert (
        quality.sliced_wasserstein(a, b)
        >= wasserstein_distance(a[:, 0].numpy(), b[:, 0].numpy()) - 1e-6
    )  # root mean square over mean
    shift = torch.tensor([3.0, 4.0])
    flat = torch.zeros(10, 2)
    assert quality.sliced_wasserstein(flat, flat + shift, directions=4096) == pytest.approx(
        5 / math.sqrt(2), rel=0.05
    )  # E cos^2 = 1/2


def test_mmd_is_unbiased_and_sees_a_difference():
    values = [
        quality.mmd(
            torch.randn(200, 2, generator=generator(i)),
            torch.randn(200, 2, generator=generator(i, 1)),
            1.0,
        )
        for i in range(30)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(30)
    a = torch.tensor([[0.0], [1.0]])
    b = torch.tensor([[2.0], [3.0]])

    def k(x):
        return math.exp(-(x**2) / 2)

    assert quality.mmd(a, b, 1.0) == pytest.approx(2 * k(1) - 2 * (2 * k(2) + k(3) + k(1)) / 4)
    assert (
        quality.mmd(
            torch.randn(200, 2, generator=generator(0)),
            1 + torch.randn(200, 2, generator=generator(1)),
            1.0,
        )
        > 0.1
    )


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda: Schedule("linear", 1), "at least 2 levels"),
        (lambda: Schedule("square", 10), "no schedule 'square'"),
        (lambda: Schedule.of(torch.tensor([0.0, 0.5])), "strictly between"),
        (lambda: d.points("square", 5, generator(0)), "no set 'square'"),
        (lambda: d.points("ring", 0, generator(0)), "0 points"),
        (lambda: spiral_arms(0), "0 points on an arm"),
        (
            lambda: d.sample(lambda x, t: x, torch.zeros(1, 2), Schedule("linear", 5), 6),
            "1 to 5 steps",
        ),
        (lambda: quality.sliced_wasserstein(torch.zeros(3, 2), torch.zeros(4, 2)), "one shape"),
        (lambda: quality.mmd(torch.zeros(3, 2), torch.zeros(3, 2), 0.0), "positive width"),
    ],
)
def test_bad_input_is_told(do, message):
    with pytest.raises(ValueError, match=message):
        do()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "cube"}, "data='cube'"),
        ({"schedule": "x"}, "schedule='x'"),
        ({"target": "x0"}, "target='x0'"),
        ({"sample_steps": 51}, "between 1 and T"),
        ({"width": 12}, "multiple of 8"),
        ({"label_dropout": 1.0}, "share below 1"),
        ({"T": 1}, "T=1 must be at least 2"),
        ({"samples": 9}, "samples=9 must be"),
        ({"guidance": 1e38}, "guidance=1e"),
        ({"data": ".", "size": 7}, "size=7"),
        ({"data": ".", "size": 20, "levels": 2}, "even number of pixels"),
        ({"levels": 0}, "levels=0"),
        ({"data": "digits", "levels": 3}, "even number of pixels"),
        ({"judge": "x"}, "give data=glyphs too"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Settings(), **changes).check()


# -- models and training --------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["ring", "digits", "glyphs"])
def test_models_answer_in_the_shape_of_their_input_and_know_the_level(data):
    task = d.build(replace(Settings(), data=data, width=16))
    x, t, labels, goal = task.batch(0)
    with torch.no_grad():
        out = task.model(x, t, labels)
        other = task.model(x, (t + 20) % 50, labels)
    assert out.shape == x.shape == goal.shape
    assert not torch.allclose(out, other)
    again = task.batch(0)
    assert torch.equal(x, again[0])
    assert not torch.equal(x, task.batch(1)[0])


@pytest.mark.parametrize("target", ["eps", "v"])
def test_batches_have_all_levels_and_the_target_of_the_settings(target):
    task = d.build(replace(Settings(), target=target, batch_size=2000))
    x, t, _, goal = task.batch(0)
    assert t.min() == 0
    assert t.max() == 49
    x0, _ = d.predict_x0_eps(x, t, goal, task.schedule, target)
    low = t < 40  # above, a prediction of eps is divided by nearly nothing
    assert torch.allclose(x0[low].norm(dim=1), torch.ones(int(low.sum())), atol=1e-2)


def test_samples_of_a_model_of_v_are_drawn_as_v():
    task = d.build(replace(Settings(), target="v"))
    s = task.schedule

    def model(x, t, labels):
        """Predicts the v of the data (1, 1)."""
        a, b = s.at(t, x)
        return d.velocity(torch.ones_like(x), t, (x - a) / b, s)

    drawn = task.draw(model, 20, CPU, steps=10)
    assert torch.allclose(drawn, torch.ones(20, 2), atol=1e-3)


def test_pictures_are_drawn_within_the_range_of_pictures():
    task = d.build(replace(Settings(), data="digits", width=8))
    drawn = task.draw(lambda x, t, labels: -5 * x, 4, CPU, steps=5)
    assert float(drawn.abs().max()) <= 1 + 1e-5


def test_each_skip_connection_of_the_network_is_used():
    torch.manual_seed(0)
    model = d.UNet(8, 50, levels=1)
    x = torch.randn(1, 1, 8, 8)
    t = torch.tensor([3])
    with torch.no_grad():
        before = model(x, t)
        for up in model.up:
            half = up.first.in_channels // 2
            weight = up.first.weight[:, half:].clone()
            up.first.weight[:, half:] = 0  # the convolution that reads the skip connection
            assert not torch.allclose(model(x, t), before, atol=1e-4)
            up.first.weight[:, half:] = weight


@pytest.mark.parametrize("target", ["eps", "v"])
def test_the_least_loss_is_that_of_the_exact_denoiser(target):
    """On the examples of an evaluation the excess of the exact denoiser is zero."""
    task = d.build(replace(Settings(), target=target))
    s = task.schedule

    class Exact(torch.nn.Module):
        def forward(self, x, t, labels=None):
            abar = s.abar[t].numpy()
            eps = [
                circle_noise(p[None].double().numpy(), a)[0] for p, a in zip(x, abar, strict=True)
            ]
            eps = torch.tensor(np.array(eps))
            x0, _ = d.predict_x0_eps(x.double(), t, eps, s, "eps")
            return eps if target == "eps" else d.velocity(x0, t, eps, s)

    task.quality = lambda *_: {}
    metrics = task.evaluate(Exact(), CPU)
    assert metrics["least_loss"] == pytest.approx(metrics["val_loss"], rel=1e-4)
    if target == "eps":
        assert metrics["least_loss"] == pytest.approx(0.1513, abs=5e-4)


def test_a_tenth_of_the_labels_is_hidden():
    labels = d.build(replace(Settings(), data="digits", width=16, batch_size=5000)).batch(0)[2]
    assert float((labels == d.NO_LABEL).float().mean()) == pytest.approx(0.1, abs=0.015)


def test_a_short_run_moves_noise_towards_the_ring(tmp_path):
    task = d.build(choose(Settings(), d.PRESETS, "smoke"))
    before = task.evaluate(task.model.eval(), CPU)
    card = trainer(tmp_path, task).run()
    after = card["metrics"]
    assert after["sliced"] < 0.5 * before["sliced"]
    assert after["val_loss"] < before["val_loss"]
    assert len(card["drawn"]) == 250
    text = task.sample(task.model, d.Sample(count=3), CPU)
    assert len(text.splitlines()) == 3
    assert text == task.sample(task.model, d.Sample(count=3), CPU)
    with pytest.raises(UserError, match="count=0"):
        task.sample(task.model, d.Sample(count=0), CPU)


def test_digits_are_drawn_by_label_as_pictures(tmp_path):
    task = d.build(
        choose(
            Settings(),
            d.PRESETS,
            "laptop",
            [
                "steps=3",
                "batch_size=8",
                "width=8",
                "samples=50",
                "T=10",
                "sample_steps=5",
                "eval_every=3",
                "save_every=3",
                "warmup_steps=0",
            ],
        )
    )
    card = trainer(tmp_path, task).run()
    assert {"right_label", "sliced", "nearest_real"} <= set(card["metrics"])
    assert len(card["drawn"]) == 20
    assert len(card["drawn"][0]) == 64
    assert len(task.sample(task.model, d.Sample(count=2, label=3, steps=5), CPU).splitlines()) == 17


@pytest.mark.parametrize("levels", [1, 2])
def test_a_network_of_any_depth_takes_no_label_as_one_of_its_own(levels):
    torch.manual_seed(0)
    model = d.UNet(8, 50, labels=5, levels=levels)
    x = torch.randn(3, 1, 16, 16)
    t = torch.tensor([0, 10, 49])
    with torch.no_grad():
        hidden = model(x, t, torch.full((3,), d.NO_LABEL))
        none = model(x, t)
        named = model(x, t, torch.tensor([0, 1, 4]))
    assert hidden.shape == x.shape
    assert torch.equal(hidden, none)
    assert not torch.allclose(hidden, named)
    assert len(model.down) == len(model.up) == levels + 1


def test_drawn_glyphs_are_read_by_a_judge_that_was_trained_on_glyphs(tmp_path):
    from projects import cnn
    from projects.runner import records

    for name, preset, changes in (
        (
            "judge",
            "glyphs",
            ["warmup_steps=0", "channels=4", "batch_size=8", "eval_every=2", "save_every=2"],
        ),
        ("bars", "smoke", []),
    ):
        run = trainer(
            tmp_path / name,
            cnn.build(choose(cnn.Settings(), cnn.PRESETS, preset, ["steps=2", *changes])),
        )
        run.project = "cnn"
        run.run()
        records.write_run(tmp_path / name, "cnn", preset, run.task.settings)
    sizes = ["width=8", "samples=62", "sample_steps=2", "batch_size=4"]
    task = d.build(choose(Settings(), d.PRESETS, "glyphs", [*sizes, f"judge={tmp_path / 'judge'}"]))
    found = task.evaluate(task.model.eval(), CPU)
    # noise is far from letters
    assert found["frechet"] > found["frechet_floor"] > 0
    assert 0 <= found["right_label"] <= 1
    drawn = task.extras(task.model, CPU)["drawn"]
    assert len(drawn) == 62
    assert all(len(row) == 32 * 32 and row.isdigit() for row in drawn)
    with pytest.raises(UserError, match="is not a run of cnn on glyphs of 32 pixels"):
        d.build(
            choose(Settings(), d.PRESETS, "glyphs", [*sizes, f"judge={tmp_path / 'bars'}"])
        ).evaluate(task.model, CPU)


# -- measures of samples, each against the data themselves ----------------------------------------


def test_data_lie_on_their_floors_and_a_displaced_ring_does_not():
    data = d.points("ring", 500, generator(1, 200))
    found = evaluation.point_quality(data, "ring")
    assert abs(found["sliced"] - found["sliced_floor"]) < 3 * found["sliced_floor_sd"]
    assert abs(found["mmd"] - found["mmd_floor"]) < 4 * found["mmd_floor_sd"]
    assert found["stray"] == 0
    moved = evaluation.point_quality(data + torch.tensor([0.3, 0.0]), "ring")
    assert moved["sliced"] > found["sliced_floor"] + 3 * found["sliced_floor_sd"]
    assert moved["mmd"] > found["mmd_floor"] + 4 * found["mmd_floor_sd"]
    assert moved["stray"] > 0.2


def test_copies_wrong_labels_and_new_digits_are_told_apart():
    parts = {name: (X * 2 - 1, y) for name, (X, y) in pictures.digits().items()}
    train = parts["train"]
    test = parts["test"]
    copies = evaluation.picture_quality(train[0][:200], train[1][:200], train, test)
    assert copies["right_label"] == 1
    assert copies["copies"] == 1
    assert copies["nearest"] < 1e-3 < copies["nearest_real"]
    new = evaluation.picture_quality(test[0][:200], test[1][:200], train, test)
    assert new["copies"] == 0
    assert new["right_label_real"] == pytest.approx(0.988, abs=1e-6)
    assert 0.9 < new["right_label"] < 1
    shifted = evaluation.picture_quality(test[0][:200], (test[1][:200] + 1) % 10, train, test)
    assert shifted["right_label"] < 0.1


def test_floors_of_pictures_are_of_disjoint_samples():
    X = torch.arange(10.0).view(10, 1, 1, 1)
    for a, b in evaluation.halves(X, 5, pairs=3):
        assert sorted(torch.cat([a, b]).flatten().tolist()) == list(range(10))
    with pytest.raises(ValueError, match="need 12 pictures, got 10"):
        evaluation.halves(X, 6)


def test_the_distance_to_the_nearest_is_to_the_pictures_given():
    distance, index = evaluation.nearest(torch.zeros(1, 1, 2, 2), torch.ones(3, 1, 2, 2) * 2)
    assert float(distance[0]) == 4.0
    assert int(index[0]) < 3


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [{"T": 40}, {"schedule": "cosine"}, {"target": "v"}, {"data": "moons"}, {"width": 64}],
)
def test_weights_of_another_process_are_refused(changed):
    state = d.build(Settings()).state()
    d.build(Settings(), state)
    d.build(Settings(), {})  # of a checkpoint that is older than this rule
    with pytest.raises(UserError, match=f"weights were trained with {next(iter(changed))}="):
        d.build(replace(Settings(), **changed), state)


def test_samples_that_are_not_finite_are_an_error_not_a_picture():
    task = d.build(replace(Settings(), data="digits", width=8))
    torch.nn.init.constant_(task.model.conv_in.weight, float("nan"))
    with pytest.raises(UserError, match="not finite"):
        task.sample(task.model, d.Sample(count=1, steps=1), CPU)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("ring", {"label": 3}, "label=3 is for pictures"),
        ("ring", {"guidance": 3.0}, "guidance=3.0 is for pictures"),
        ("ring", {"file": "x.png"}, "file='x.png' is for pictures"),
        ("digits", {"label": 10}, "label=10 must lie between -1 and 9"),
        ("digits", {"guidance": 1e38}, "guidance=1e"),
        ("digits", {"steps": 51}, "steps=51 is more than the 50 levels"),
        ("digits", {"file": "x.gif", "steps": 1}, "not the name of a PNG"),
        ("digits", {"file": "nowhere/x.png", "steps": 1}, "cannot be written"),
    ],
)
def test_options_that_cannot_be_drawn_with_are_refused(data, options, message):
    task = d.build(replace(Settings(), data=data, width=8))
    with pytest.raises(UserError, match=message):
        task.sample(task.model, d.Sample(**options), CPU)


def test_a_missing_judge_is_refused_before_training(tmp_path):
    changes = [f"judge={tmp_path / 'nowhere'}"]
    with pytest.raises(UserError, match="nowhere"):
        d.build(choose(Settings(), d.PRESETS, "glyphs", changes))


# -- pictures of your own -------------------------------------------------------------------------


@pytest.fixture
def album(tmp_path):
    """Dark and bright pictures, ten of each, in one folder per class."""
    from PIL import Image

    for name, low in (("bright", 150), ("dark", 0)):
        (tmp_path / "album" / name).mkdir(parents=True)
        for i in range(10):
            pixels = np.random.default_rng(i + low).integers(low, low + 100, (20, 24, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "album" / name / f"{i}.png")
    return tmp_path / "album"


@pytest.mark.parametrize("color", [False, True])
def test_a_folder_of_pictures_is_trained_on_and_drawn_without_the_folder(album, tmp_path, color):
    import shutil

    from PIL import Image

    sizes = ["size=16", "T=10", "sample_steps=2", "width=8", "samples=20", "schedule=cosine"]
    changes = [f"data={album}", f"color={color}", "steps=2", "eval_every=2", *sizes]
    run = trainer(tmp_path / "run", d.build(choose(Settings(), d.PRESETS, "smoke", changes)))
    metrics = run.run()["metrics"]
    assert {"right_label", "sliced_floor", "copies"} <= set(metrics)
    state = run.task.state()
    assert state["classes"] == ["bright", "dark"]
    shutil.rmtree(album)
    task = d.build(run.task.settings, state)
    sheet = tmp_path / "samples.png"
    text = task.sample(task.model, d.Sample(count=12, label=1, file=str(sheet), steps=2), CPU)
    assert text == f"12 pictures in {sheet}"
    with Image.open(sheet) as image:
        assert image.mode == ("RGB" if color else "L")
        assert image.size == (10 * 132 + 4, 2 * 132 + 4)  # 16 pixels, each of 8, and edges of 4
    with pytest.raises(UserError, match="there is no folder"):
        d.build(run.task.settings)


def test_the_published_glyphs_are_of_the_preset():
    from projects.runner import records

    card = records.read_card("_assets/results/diffusion-glyphs.json")
    whole = choose(Settings(), d.PRESETS, "glyphs")
    assert all(
        value == getattr(whole, key)
        for key, value in card["settings"].items()
        if key not in ("seed", "judge")
    )
    assert len(card["drawn"]) == 62
    assert card["parameters"] == sum(p.numel() for p in d.build(whole).model.parameters())
