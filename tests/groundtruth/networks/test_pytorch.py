"""The loop against a plain one, exact resumption, the custom function, and the refusals."""

from zipfile import ZipFile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.networks import pytorch as pt
from groundtruth.networks.mlp import MLP
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

X = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
Y = torch.arange(30) % 2


def net(seed: int = 0) -> nn.Sequential:
    pt.set_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def batches(size: int = 8):
    return list(zip(X.split(size), Y.split(size), strict=True))


def test_fit_equals_a_plain_loop():
    ours = net()
    theirs = net()
    opts = [torch.optim.SGD(m.parameters(), 0.1, momentum=0.9) for m in (ours, theirs)]
    schedules = [torch.optim.lr_scheduler.ExponentialLR(o, 0.9) for o in opts]
    history = pt.fit(ours, batches(), F.cross_entropy, opts[0], 4, schedules[0])
    seen = []
    for _ in range(4):
        total = 0.0
        for x, y in batches():
            opts[1].zero_grad()
            loss = F.cross_entropy(theirs(x), y)
            loss.backward()
            opts[1].step()
            total += loss.item() * len(x)
        schedules[1].step()
        seen.append(total / 30)
    assert history == pytest.approx(seen, rel=1e-12)
    assert all(
        torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)
    )


def test_clipping_limits_the_whole_gradient():
    model = net()
    pt.train_step(
        model, (1000 * X, Y), F.cross_entropy, torch.optim.SGD(model.parameters(), 1e-3), clip=0.5
    )
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
    assert norm == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("mode", [True, False])
def test_evaluate_weighs_rows_keeps_the_mode_and_records_nothing(mode):
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    model.train(mode)
    told = pt.evaluate(
        model,
        batches(7),
        {"loss": F.cross_entropy, "right": lambda out, y: (out.argmax(1) == y).float().mean()},
    )
    assert model.training is mode
    model.eval()
    out = model(X)
    assert told["loss"] == pytest.approx(F.cross_entropy(out, Y).item(), rel=1e-5)
    assert told["right"] == pytest.approx((out.argmax(1) == Y).float().mean().item(), abs=1e-6)
    seen = []
    pt.evaluate(
        model, batches(), {"grad": lambda out, y: seen.append(out.requires_grad) or torch.zeros(())}
    )
    assert not any(seen)


def test_a_layer_frozen_in_evaluation_stays_so():
    model = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)
    ).train()
    model[1].eval()
    before = model[1].running_mean.clone()
    pt.evaluate(model, batches(), {"loss": F.cross_entropy})
    assert [m.training for m in model] == [True, False, True, True]
    assert torch.equal(model[1].running_mean, before)


def test_the_mode_is_put_back_even_when_a_metric_fails():
    model = net().train()
    with pytest.raises(ZeroDivisionError):
        pt.evaluate(model, batches(), {"bad": lambda out, y: 1 / 0})
    assert model.training


@settings(max_examples=15)
@given(st.integers(1, 9), st.sampled_from(["sgd", "adamw"]))
def test_stopping_and_going_on_equals_going_through(tmp_path_factory, k, name):
    def start():
        model = net()
        return model, (
            torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
            if name == "sgd"
            else torch.optim.AdamW(model.parameters(), 0.01)
        )

    straight_model, opt = start()
    straight = pt.fit(straight_model, batches(), F.cross_entropy, opt, 10)
    model, opt = start()
    pt.fit(model, batches(), F.cross_entropy, opt, k)
    path = tmp_path_factory.mktemp("run") / "c.pt"
    pt.save(path, model, opt, epoch=k)
    again = net(9)
    opt = None
    opt = (
        torch.optim.SGD(again.parameters(), 0.1, momentum=0.9)
        if name == "sgd"
        else torch.optim.AdamW(again.parameters(), 0.01)
    )
    assert pt.load(path, again, opt) == {"epoch": k}
    assert pt.fit(again, batches(), F.cross_entropy, opt, 10 - k) == straight[k:]
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.parameters(), straight_model.parameters(), strict=True)
    )
    assert [p.name for p in path.parent.iterdir()] == ["c.pt"]


def test_the_random_state_goes_on_where_it_was_saved(tmp_path):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    pt.save(tmp_path / "c.pt", model, opt)
    expected = torch.rand(3)
    pt.set_seed(7)
    pt.load(tmp_path / "c.pt", model, opt)
    assert torch.equal(torch.rand(3), expected)


def test_a_file_with_code_in_it_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"model": Evil()}, tmp_path / "evil.pt")
    model = net()
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        pt.load(tmp_path / "evil.pt", model, torch.optim.SGD(model.parameters(), 0.1))


def test_silu_has_the_right_slope_and_curvature():
    z = torch.linspace(-6, 6, 41, dtype=torch.float64, requires_grad=True)
    assert torch.equal(pt.SiLU.apply(z), z * torch.sigmoid(z))
    assert torch.autograd.gradcheck(pt.SiLU.apply, z)
    assert torch.autograd.gradgradcheck(pt.SiLU.apply, z)


def test_a_copied_network_gives_the_same_scores():
    ours = MLP((3, 4, 2), seed=5)
    x = np.random.default_rng(0).normal(size=(6, 3))
    np.testing.assert_allclose(
        pt.copied(ours.params)(torch.tensor(x)).detach().numpy(), ours.forward(x)[0], atol=1e-12
    )


def test_shared_and_frozen_parameters_count_once_and_not_at_all():
    model = net()
    model.append(model[0])
    assert pt.count_params(model) == 3 * 5 + 5 + 5 * 2 + 2
    model[0].weight.requires_grad_(False)
    assert pt.count_params(model, trainable=True) == 5 + 5 * 2 + 2


class Draws(torch.utils.data.Dataset):
    """Two ways of being random in a worker: NumPy's global generator, and one that the data set
    holds.
    """

    def __init__(self):
        self.held = np.random.default_rng(0)

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return np.random.randint(2**30), int(self.held.integers(2**30))


def test_workers_draw_apart_from_global_generators_and_alike_from_one_that_is_held():
    (global_a, held_a), (global_b, held_b) = [
        tuple(int(v) for v in pair)
        for pair in torch.utils.data.DataLoader(Draws(), batch_size=1, num_workers=2)
    ]
    assert global_a != global_b
    assert held_a == held_b


def test_bad_input_is_refused():
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for call in (
        lambda: pt.set_seed(-1),
        lambda: pt.fit(model, batches(), F.cross_entropy, opt, 0),
        lambda: pt.fit(model, batches(), F.cross_entropy, opt, 1, clip=0.0),
        lambda: pt.fit(model, [], F.cross_entropy, opt, 1),
        lambda: pt.fit(
            model, batches(), F.cross_entropy, torch.optim.SGD(model[0].parameters(), 0.1), 1
        ),
        lambda: pt.evaluate(model, batches(), {}),
        lambda: pt.evaluate(model, [], {"l": F.cross_entropy}),
        lambda: pt.copied([np.ones((2, 2))]),
        lambda: pt.copied([np.ones((2, 3)), np.zeros(2)]),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(FloatingPointError, match="nan"):
        pt.train_step(model, (X * float("nan"), Y), F.cross_entropy, opt)


def test_a_seed_decides_the_global_generator_and_the_one_that_is_returned():
    own = pt.set_seed(3)
    drawn = torch.rand(4), torch.rand(4, generator=own)
    pt.set_seed(0)
    assert not torch.equal(torch.rand(4), drawn[0])
    torch.manual_seed(3)
    assert torch.equal(torch.rand(4), drawn[0])
    assert torch.equal(torch.rand(4, generator=torch.Generator().manual_seed(3)), drawn[1])
    assert own is not torch.default_generator
    with pytest.raises(ValueError, match="seed must be >= 0, got -1"):
        pt.set_seed(-1)


def test_frozen_parameters_count_unless_told():
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    assert pt.count_params(model) == pt.count_params(model, False) == 8
    assert pt.count_params(model, True) == 6


def line(weight: float = 1.0) -> nn.Linear:
    """x times a weight, without a bias, in double precision."""
    model = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    model.weight.data.fill_(weight)
    return model


def half_square(out, y):
    return ((out - y) ** 2).mean() / 2


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


@pytest.mark.parametrize(("clip", "moved"), [(None, 6.0), (10.0, 6.0), (2.0, 2.0)])
def test_a_step_forgets_old_slopes_and_tells_the_loss_before_it(clip, moved):
    # w = 1, x = 2, y = -1: the loss is 9 / 2 and its slope 3 . 2
    model = line()
    model.weight.grad = torch.full((1, 1), 50.0, dtype=torch.float64)
    opt = torch.optim.SGD(model.parameters(), 0.25)
    told = pt.train_step(model, (column(2.0), column(-1.0)), half_square, opt, clip)
    assert (type(told), told) == (float, 4.5)
    assert model.weight.item() == pytest.approx(1 - 0.25 * moved, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_stops_before_the_step(value):
    model = line()
    opt = torch.optim.SGD(model.parameters(), 0.5)
    with pytest.raises(FloatingPointError, match="; lower the learning rate, clip the gradient"):
        pt.train_step(model, (column(2.0), column(0.0)), lambda out, y: out.sum() * value, opt)
    assert model.weight.item() == 1.0


def test_an_epoch_weighs_its_batches_by_their_rows():
    # a rate of 0 leaves w = 1: the losses of the batches are 1/2 and (4 + 4) / 4
    model = line()
    opt = torch.optim.SGD(model.parameters(), 0.0)
    rows = [(column(1.0), column(0.0)), (column(2.0, 2.0), column(0.0, 0.0))]
    assert pt.fit(model, rows, half_square, opt, 1) == [pytest.approx((0.5 + 2 * 2) / 3)]


def test_training_clips_steps_the_schedule_after_each_pass_and_is_in_training_mode():
    model = nn.Sequential(line())
    model.eval()
    seen = []

    def noted(out, y):
        seen.append(model.training)
        return half_square(out, y)

    opt = torch.optim.SGD(model.parameters(), 1.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    rows = [(column(2.0), column(-98.0))]
    # the slopes are far above 1, so each step is its rate: 1, then a half
    pt.fit(model, rows, noted, opt, 2, schedule, 1.0)
    assert model[0].weight.item() == pytest.approx(1 - 1 - 0.5, rel=1e-6)
    assert seen == [True, True]
    assert model.training


def test_training_goes_back_to_training_mode_at_every_pass():
    model = nn.Sequential(line())
    seen = []

    def noted(out, y):
        seen.append(model.training)
        model.eval()  # what a careless metric leaves behind
        return half_square(out, y)

    opt = torch.optim.SGD(model.parameters(), 0.1)
    pt.fit(model, [(column(1.0), column(0.0))], noted, opt, 3)
    assert seen == [True, True, True]


@pytest.mark.parametrize(
    ("epochs", "clip"), [(0, None), (-1, None), (1, 0.0), (1, -1.0), (1, np.nan)]
)
def test_training_needs_an_epoch_and_a_positive_clip(epochs, clip):
    model = line()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="at least one epoch and a positive clip, got"):
        pt.fit(model, [(column(1.0), column(0.0))], half_square, opt, epochs, clip=clip)


def test_a_small_clip_is_positive():
    model = line()
    opt = torch.optim.SGD(model.parameters(), 1.0)
    pt.fit(model, [(column(2.0), column(-1.0))], half_square, opt, 1, clip=0.25)
    assert model.weight.item() == pytest.approx(0.75, rel=1e-5)


def test_an_iterator_is_used_up_after_one_pass():
    model = line()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    once = iter([(column(1.0), column(0.0))])
    with pytest.raises(ValueError, match="gave no batch; an iterator can be used once, pass a"):
        pt.fit(model, once, half_square, opt, 2)


def test_an_optimizer_holds_all_parameters_that_learn():
    model = net()
    opt = torch.optim.SGD([model[0].weight], 0.1)
    with pytest.raises(ValueError, match=r"does not hold '0.bias' and 2 more; make it from"):
        pt.fit(model, batches(), F.cross_entropy, opt, 1)
    for p in (model[0].bias, model[2].weight, model[2].bias):
        p.requires_grad_(False)
    pt.fit(model, batches(), F.cross_entropy, opt, 1)
    other = net()
    groups = [{"params": [p]} for p in other.parameters()]
    pt.fit(other, batches(), F.cross_entropy, torch.optim.SGD(groups, 0.1), 1)


def test_evaluation_needs_a_metric_and_a_batch():
    with pytest.raises(ValueError, match="no metric was given"):
        pt.evaluate(net(), batches(), {})
    with pytest.raises(ValueError, match="the loader gave no batch"):
        pt.evaluate(net(), [], {"loss": F.cross_entropy})


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    path = tmp_path / "c.pt"
    pt.save(str(path), model, opt, epoch=1, note="first")
    first = path.read_bytes()
    renamed = []
    monkeypatch.setattr(pt.os, "replace", lambda *names: renamed.append(names))
    pt.save(path, model, opt, epoch=2)
    monkeypatch.undo()
    assert path.read_bytes() == first
    assert renamed == [(tmp_path / "c.pt.part", path)]
    assert pt.load(str(path), model, opt) == {"epoch": 1, "note": "first"}
    pt.save(path, model, opt, epoch=2)
    assert pt.load(path, model, opt) == {"epoch": 2}


def test_a_file_holds_weights_optimizer_and_random_state_by_name(tmp_path):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    pt.fit(model, batches(), F.cross_entropy, opt, 1)
    pt.save(tmp_path / "c.pt", model, opt)
    held = torch.load(tmp_path / "c.pt", weights_only=True)  # noqa: TID251
    assert sorted(held) == ["model", "opt", "rng"]
    assert torch.equal(held["model"]["0.weight"], model[0].weight)
    other = net(5)
    fresh = torch.optim.SGD(other.parameters(), 0.5, momentum=0.1)
    pt.load(tmp_path / "c.pt", other, fresh)
    assert torch.equal(other[0].weight, model[0].weight)
    assert fresh.state_dict()["param_groups"] == opt.state_dict()["param_groups"]
    assert torch.equal(
        fresh.state[other[0].weight]["momentum_buffer"],
        opt.state[model[0].weight]["momentum_buffer"],
    )


def test_a_file_from_a_graphics_card_is_read_without_one(tmp_path):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    pt.save(tmp_path / "here.pt", model, opt, epoch=3)
    # the place of a tensor is a string of the pickle: its length, then its letters
    with ZipFile(tmp_path / "here.pt") as here, ZipFile(tmp_path / "there.pt", "w") as there:
        for name in here.namelist():
            held = here.read(name)
            if name.endswith("data.pkl"):
                assert b"X\x03\x00\x00\x00cpu" in held
                held = held.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
            there.writestr(name, held)
    other = net(9)
    assert pt.load(tmp_path / "there.pt", other, opt) == {"epoch": 3}
    assert torch.equal(other[0].weight, model[0].weight)
    assert other[0].weight.device.type == "cpu"


def test_a_copied_network_has_the_activation_asked_for_between_its_layers():
    arrays = [np.array([[1, -2, 3]]), np.array([0.5, 0, -1]), np.ones((3, 1)), np.array([0.25])]
    model = pt.copied(arrays, nn.ReLU)
    assert [type(part) for part in model] == [nn.Linear, nn.ReLU, nn.Linear]
    # x = 1: 1.5 + 0 + 2 + 0.25; x = -1: 0 + 2 + 0 + 0.25
    out = model(column(1.0, -1.0))
    assert (out.dtype, out.ravel().tolist()) == (torch.float64, [3.75, 2.25])
    assert [type(part) for part in pt.copied(arrays)] == [nn.Linear, nn.Tanh, nn.Linear]
    assert [type(part) for part in pt.copied(arrays[:2])] == [nn.Linear]
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.zero_()
    assert arrays[0].tolist() == [[1, -2, 3]]
    assert arrays[1].tolist() == [0.5, 0, -1]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_weights_and_biases_come_in_pairs(count):
    with pytest.raises(ValueError, match=f"need pairs of weights and biases, got {count} arrays"):
        pt.copied([np.ones((1, 1)), np.ones(1), np.ones((1, 1))][:count])


@pytest.mark.parametrize(
    ("W", "b"), [((2,), (2,)), ((2, 2, 2), (2,)), ((2, 3), (2,)), ((2, 3), (1, 3))]
)
def test_weights_have_a_bias_for_each_output(W, b):
    with pytest.raises(ValueError, match=r"weights \(in, out\) need biases \(out,\), got"):
        pt.copied([np.ones(W), np.ones(b)])


def test_batches_follow_the_permutations_of_numpy():
    x = torch.arange(7) * 10
    y = torch.arange(7)
    batches = pt.Batches(x, y, 3, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    orders = []
    for _ in range(2):
        order = rng.permutation(7).tolist()
        taken = list(batches)
        assert [len(rows) for rows, _ in taken] == [3, 3, 1]
        assert torch.cat([targets for _, targets in taken]).tolist() == order
        assert torch.cat([rows for rows, _ in taken]).tolist() == [10 * i for i in order]
        orders.append(order)
    assert orders[0] != orders[1]


def test_a_batch_may_be_one_row_or_all():
    x = torch.arange(3)
    rng = np.random.default_rng(0)
    assert [len(rows) for rows, _ in pt.Batches(x, x, 1, rng)] == [1, 1, 1]
    assert [len(rows) for rows, _ in pt.Batches(x, x, 9, rng)] == [3]
    assert len(list(pt.Batches(x[:1], x[:1], 1, rng))) == 1
    with pytest.raises(ValueError, match="a batch needs at least one row, got size 0"):
        pt.Batches(x, x, 0, rng)
    with pytest.raises(ValueError, match="as many targets as rows and at least one, got 3 and 2"):
        pt.Batches(x, x[:2], 1, rng)
    with pytest.raises(ValueError, match="as many targets as rows and at least one, got 0 and 0"):
        pt.Batches(x[:0], x[:0], 1, rng)
