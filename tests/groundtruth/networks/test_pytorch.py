"""The loop against a plain one, exact resumption, the custom function, and the refusals."""

import zipfile

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


@pytest.mark.parametrize("allowed", ["", "1"])
def test_a_file_with_code_in_it_is_refused_wherever_it_is_read(tmp_path, monkeypatch, allowed):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", allowed)

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


def test_a_seed_sets_the_global_generator_and_makes_one_of_its_own():
    own = pt.set_seed(0)
    got = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(got, torch.rand(3))
    assert own.initial_seed() == 0
    assert torch.equal(torch.rand(3, generator=own), got)
    assert pt.set_seed(5).initial_seed() == 5
    assert not torch.equal(torch.rand(3), got)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be >= 0, got -1"):
        pt.set_seed(-1)


def test_frozen_parameters_count_unless_only_trained_ones_are_asked_for():
    model = net()
    model[0].weight.requires_grad_(False)
    assert pt.count_params(model) == 3 * 5 + 5 + 5 * 2 + 2


def test_a_step_by_hand():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)
    opt = torch.optim.SGD(model.parameters(), 0.1)
    batch = (torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    # (2 * 3 - 1)^2, with the slope 2 * 5 * 3
    loss = pt.train_step(model, batch, F.mse_loss, opt)
    assert loss == 25.0
    assert type(loss) is float
    assert model.weight.item() == pytest.approx(2 - 0.1 * 30)
    # (-1 * 3 - 1)^2, and slopes of the last step are gone: 2 * -4 * 3
    assert pt.train_step(model, batch, F.mse_loss, opt) == pytest.approx(16.0)
    assert model.weight.grad.item() == pytest.approx(-24)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_before_it_moves_a_weight(bad):
    model = nn.Linear(1, 1)
    before = [p.clone() for p in model.parameters()]
    opt = torch.optim.SGD(model.parameters(), 0.1)
    batch = (torch.tensor([[bad]]), torch.tensor([[1.0]]))
    with pytest.raises(FloatingPointError, match=f"the loss is {bad}; lower the learning rate"):
        pt.train_step(model, batch, F.mse_loss, opt)
    for old, new in zip(before, model.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.grad is None


@pytest.mark.parametrize("clip", [0.05, None])
def test_fit_clips_as_asked(clip):
    ours = net()
    theirs = net()
    opts = [torch.optim.SGD(m.parameters(), 0.1) for m in (ours, theirs)]
    pt.fit(ours, batches(), F.cross_entropy, opts[0], 1, clip=clip)
    for x, y in batches():
        opts[1].zero_grad()
        F.cross_entropy(theirs(x), y).backward()
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        opts[1].step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_fit_trains_in_training_mode():
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).eval()
    seen = []

    def loss(out, y):
        seen.append(model[1].training)
        if len(seen) == 4:
            model.eval()  # as an evaluation that forgets the mode would
        return F.cross_entropy(out, y)

    pt.fit(model, batches(), loss, torch.optim.SGD(model.parameters(), 0.1), 2)
    assert seen == [True] * 8
    assert model.training


@pytest.mark.parametrize(("epochs", "clip"), [(0, None), (0, 1.0), (1, 0.0), (1, -1.0)])
def test_training_that_does_nothing_is_refused(epochs, clip):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match=f"got {epochs} and {clip}"):
        pt.fit(model, batches(), F.cross_entropy, opt, epochs, clip=clip)


def test_a_loader_that_is_used_up_is_named():
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError, match="the loader gave no batch; an iterator can be used once"):
        pt.fit(model, [], F.cross_entropy, opt, 1)
    with pytest.raises(ValueError, match="the loader gave no batch; an iterator can be used once"):
        pt.fit(model, iter(batches()), F.cross_entropy, opt, 2)
    with pytest.raises(ValueError, match="the loader gave no batch"):
        pt.evaluate(model, [], {"loss": F.cross_entropy})


def test_parameters_that_the_optimizer_lacks_are_named_and_counted():
    model = net()
    opt = torch.optim.SGD(model[0].parameters(), 0.1)
    with pytest.raises(ValueError, match="does not hold '2.weight' and 1 more"):
        pt.fit(model, batches(), F.cross_entropy, opt, 1)
    model[2].weight.requires_grad_(False)
    with pytest.raises(ValueError, match="does not hold '2.bias' and 0 more"):
        pt.fit(model, batches(), F.cross_entropy, opt, 1)


def test_frozen_parameters_and_several_groups_are_no_gap():
    model = net()
    model[0].weight.requires_grad_(False)
    groups = [{"params": [model[0].bias]}, {"params": model[2].parameters(), "lr": 0.01}]
    assert len(pt.fit(model, batches(), F.cross_entropy, torch.optim.SGD(groups, 0.1), 1)) == 1


def test_means_of_an_evaluation_by_hand():
    rows = [(torch.ones(1, 1), torch.ones(1)), (torch.zeros(3, 1), torch.zeros(3))]

    def mean(out, y):
        return out.sum() / len(y)

    def count(out, y):
        return torch.tensor(len(y))

    got = pt.evaluate(nn.Identity(), rows, {"one": mean, "two": count})
    # one row of 1 and three of 0; 1 once and 3 thrice
    assert got == {"one": 0.25, "two": 2.5}
    assert all(type(value) is float for value in got.values())


def test_an_evaluation_without_metrics_is_refused():
    with pytest.raises(ValueError, match="no metric was given"):
        pt.evaluate(net(), batches(), {})


def test_metrics_are_taken_in_evaluation_mode():
    model = net().train()
    seen = []
    pt.evaluate(
        model,
        batches(),
        {"mode": lambda out, y: seen.append([m.training for m in model.modules()]) or y.sum()},
    )
    assert seen == [[False] * 4] * 4


def test_a_file_that_cannot_be_written_leaves_the_last_one_whole(tmp_path):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    path = tmp_path / "c.pt"
    pt.save(str(path), model, opt, epoch=1)
    with pytest.raises(Exception, match="pickle"):
        pt.save(path, model, opt, epoch=lambda: 2)
    assert pt.load(str(path), model, opt) == {"epoch": 1}
    # what was begun lies beside it
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.pt", "c.pt.part"]


def test_a_file_from_a_gpu_is_read_without_one(tmp_path):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    pt.save(tmp_path / "cpu.pt", model, opt)
    # the same file, but with the place that a GPU writes
    with (
        zipfile.ZipFile(tmp_path / "cpu.pt") as old,
        zipfile.ZipFile(tmp_path / "gpu.pt", "w") as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("data.pkl"):
                assert b"X\3\0\0\0cpu" in data
                data = data.replace(b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:0")
            new.writestr(name, data)
    other = net(1)
    pt.load(tmp_path / "gpu.pt", other, torch.optim.SGD(other.parameters(), 0.1))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_copied_network_has_double_precision_and_the_asked_activations():
    params = [
        np.array([[1.5, -2.0]], dtype=np.float32),
        np.array([0.25, 0.5], dtype=np.float32),
        np.array([[1.0], [2.0]]),
        np.array([-1.0]),
    ]
    plain = pt.copied(params)
    assert [type(part) for part in plain] == [nn.Linear, nn.Tanh, nn.Linear]
    assert all(p.dtype == torch.float64 and p.requires_grad for p in plain.parameters())
    x = torch.tensor([[2.0]], dtype=torch.float64)
    # relu(3.25) + 2 relu(-3.5) - 1
    assert pt.copied(params, nn.ReLU)(x).item() == 2.25
    assert plain(x).item() == pytest.approx(np.tanh(3.25) + 2 * np.tanh(-3.5) - 1)
    assert [type(part) for part in pt.copied(params[:2])] == [nn.Linear]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ([], "need pairs of weights and biases, got 0 arrays"),
        ([np.ones((2, 2))], "need pairs of weights and biases, got 1 arrays"),
        ([np.ones((2, 3)), np.zeros(2)], r"got \(2, 3\) and \(2,\)"),
        ([np.ones((2, 3)), np.zeros((3, 1))], r"got \(2, 3\) and \(3, 1\)"),
        ([np.ones(3), np.zeros(3)], r"got \(3,\) and \(3,\)"),
        ([np.ones((2, 3, 1)), np.zeros(3)], r"got \(2, 3, 1\) and \(3,\)"),
    ],
)
def test_arrays_that_are_no_network_are_refused(params, named):
    with pytest.raises(ValueError, match=named):
        pt.copied(params)


def test_batches_follow_the_permutations_of_their_generator():
    x = torch.arange(10).reshape(5, 2)
    y = torch.arange(5) * 100
    loader = pt.Batches(x, y, 2, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for _ in range(2):
        order = rng.permutation(5)
        got = list(loader)
        for (rows, targets), want in zip(got, (order[:2], order[2:4], order[4:]), strict=True):
            assert rows.tolist() == [[2 * i, 2 * i + 1] for i in want]
            assert targets.tolist() == [100 * i for i in want]


def test_the_smallest_batches_hold_one_row():
    (batch,) = pt.Batches(torch.ones(1, 2), torch.ones(1), 1, np.random.default_rng(0))
    assert [len(part) for part in batch] == [1, 1]
    assert len(list(pt.Batches(torch.ones(3), torch.ones(3), 1, np.random.default_rng(0)))) == 3


@pytest.mark.parametrize(
    ("rows", "targets", "size", "named"),
    [
        (3, 2, 1, "as many targets as rows and at least one, got 3 and 2"),
        (0, 0, 1, "as many targets as rows and at least one, got 0 and 0"),
        (3, 3, 0, "at least one row, got size 0"),
    ],
)
def test_batches_of_nothing_are_refused(rows, targets, size, named):
    with pytest.raises(ValueError, match=named):
        pt.Batches(torch.ones(rows), torch.ones(targets), size, np.random.default_rng(0))


@pytest.mark.parametrize(
    "call",
    [
        lambda model, opt: pt.set_seed(-1),
        lambda model, opt: pt.fit(model, batches(), F.cross_entropy, opt, 0),
        lambda model, opt: pt.fit(model, batches(), F.cross_entropy, opt, 1, clip=0.0),
        lambda model, opt: pt.fit(model, [], F.cross_entropy, opt, 1),
        lambda model, opt: pt.fit(
            model, batches(), F.cross_entropy, torch.optim.SGD(model[0].parameters(), 0.1), 1
        ),
        lambda model, opt: pt.evaluate(model, batches(), {}),
        lambda model, opt: pt.evaluate(model, [], {"l": F.cross_entropy}),
        lambda model, opt: pt.copied([np.ones((2, 2))]),
        lambda model, opt: pt.copied([np.ones((2, 3)), np.zeros(2)]),
    ],
)
def test_bad_input_is_refused(call):
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ValueError):
        call(model, opt)


def test_a_loss_of_nan_ends_the_training():
    model = net()
    opt = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(FloatingPointError, match="nan"):
        pt.train_step(model, (X * float("nan"), Y), F.cross_entropy, opt)
