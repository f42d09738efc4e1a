"""The loop against a plain one, exact resumption, the custom function, and the refusals."""

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
