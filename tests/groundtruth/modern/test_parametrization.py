"""Standard parametrization and muP: rules by hand, coordinate check, recorded losses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from groundtruth.modern import parametrization as pz
from sklearn.datasets import load_digits

FILE = Path(__file__).parents[3] / "book" / "_assets" / "results" / "mup-grid.json"
DIGITS = load_digits()
X = torch.tensor(DIGITS.data[:1200] / 16 - 0.5).float()
Y = torch.tensor(DIGITS.target[:1200])


def test_the_rules_of_the_table_by_hand():
    first, hidden, also, last = pz.rules(256, "muP")
    assert first == pz.Rule((2 / 64) ** 0.5, 1.0)
    assert hidden == also == pz.Rule((2 / 256) ** 0.5, 0.25)
    assert last.rate == 0.25
    assert last.scale == pytest.approx((1 / 256) ** 0.5 / 2)
    assert pz.rules(256, "standard")[-1] == pz.Rule(1 / 16, 1.0)


def test_both_are_the_same_at_the_base_width():
    assert pz.rules(pz.BASE_WIDTH, "muP") == pz.rules(pz.BASE_WIDTH, "standard")


def test_the_rates_reach_the_optimizer():
    network = pz.Network(128, "muP", 0.02, 0)
    assert network.rates == pytest.approx([0.02, 0.01, 0.01, 0.01, 0.02])
    network.step(X[:8], Y[:8], 0.5)
    assert [g["lr"] for g in network.optimizer.param_groups] == pytest.approx(
        [0.01, 0.005, 0.005, 0.005, 0.01]
    )


def test_outputs_are_those_of_torch_modules():
    network = pz.Network(16, "standard", 0.01, 0)
    h = X[:5]
    for i, (W, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        h = torch.nn.functional.linear(torch.relu(h) if i else h, W, b)
        assert torch.allclose(network.outputs(X[:5])[i], h)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_coordinate_check(seed):
    change = {
        kind: [pz.coordinate_check(w, kind, 2.0**-7, seed, X[:64], Y[:64]) for w in (64, 512)]
        for kind in pz.KINDS
    }
    growth = {kind: np.array(wide) / narrow for kind, (narrow, wide) in change.items()}
    assert (growth["muP"] < 1.6).all()
    assert (growth["muP"] > 0.6).all()
    assert growth["standard"][-1] > 2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_matrix_with_more_inputs_changes_its_output_like_their_number(seed):
    """Where its inputs stay the same: in one step by far more than sqrt(8) at 8 times the width."""

    def own_change(width):
        network = pz.Network(width, "standard", 2.0**-7, seed)
        *hidden, _ = network.outputs(X[:64])
        inputs = [X[:64], *(torch.relu(v.detach()) for v in hidden)]
        before = [W.detach().clone() for W in network.weights]
        network.step(X[:64], Y[:64])
        moved = zip(inputs, network.weights, before, strict=True)
        return np.array([float((h @ (W.detach() - b).T).norm()) for h, W, b in moved])

    growth = own_change(512) / own_change(64)
    growth /= np.array([512, 512, 512, 10]) ** 0.5 / np.array([64, 64, 64, 10]) ** 0.5
    assert growth[0] == pytest.approx(1, abs=0.1)
    assert (growth[1:] > 4.5).all()


def test_the_recorded_grid_repeats_in_part():
    grid = json.loads(FILE.read_text("utf-8"))
    again = pz.recorded_grid(X, Y, (64, 128), (-9, -8), (0, 1, 2))
    for kind in pz.KINDS:
        columns = [grid["powers"].index(k) for k in (-9, -8)]
        recorded = np.array(grid["losses"][kind])[:2][:, columns]
        assert np.allclose(again["losses"][kind], recorded, atol=0.03)


@pytest.mark.parametrize("arguments", [(0, "muP"), (64, "mup")])
def test_bad_input(arguments):
    with pytest.raises(ValueError, match="need a positive width and a kind"):
        pz.rules(*arguments)


def test_a_network_of_other_sizes_has_a_rule_for_each_matrix():
    """Relative width 2: rates halve, and the last deviation falls by sqrt(2) more."""
    first, *middle, last = pz.rules(128, "muP", inputs=50, hidden=5)
    assert first == pz.Rule(0.2, 1.0)
    assert middle == [pz.Rule(0.125, 0.5)] * 4
    assert last.scale == pytest.approx((1 / 128) ** 0.5 / 2**0.5)
    assert last.rate == 0.5
    standard = pz.rules(128, "standard", inputs=50, hidden=1)
    assert standard == [pz.Rule(0.2, 1.0), pz.Rule((1 / 128) ** 0.5, 1.0)]


def test_the_smallest_width_is_one():
    assert pz.rules(1, "muP")[1] == pz.Rule(2**0.5, 64.0)
    assert pz.rules(1, "standard")[1] == pz.Rule(2**0.5, 1.0)


@pytest.mark.parametrize("kind", pz.KINDS)
def test_initial_weights_follow_the_rules(kind):
    network = pz.Network(256, kind, 0.01, 3)
    shapes = [(256, 64), (256, 256), (256, 256), (10, 256)]
    assert [W.shape for W in network.weights] == shapes
    for W, rule in zip(network.weights, pz.rules(256, kind), strict=True):
        assert W.dtype == torch.float32
        values = W.detach()
        assert float(values.mean()) == pytest.approx(0, abs=4 * rule.scale / W.numel() ** 0.5)
        assert float(values.std()) == pytest.approx(rule.scale, rel=4 / (2 * W.numel()) ** 0.5)
    assert [b.tolist() for b in network.biases] == [[0] * k for k in (256, 256, 256, 10)]


def test_the_seed_determines_the_weights():
    first, same, other = (pz.Network(8, "muP", 0.01, seed).weights for seed in (1, 1, 2))
    for a, b, c in zip(first, same, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@pytest.mark.parametrize("factors", [(), (1.0,), (0.25,)])
def test_steps_are_torchs_adam_with_the_rate_of_each_matrix(factors):
    """Relative width 1/2: the rates of all but the first matrix and the biases double."""
    network = pz.Network(32, "muP", 0.01, 0)
    weights = [W.detach().clone().requires_grad_() for W in network.weights]
    biases = [b.detach().clone().requires_grad_() for b in network.biases]
    f = factors[0] if factors else 1.0
    groups = [
        {"params": [weights[0], *biases], "lr": f * 0.01},
        {"params": weights[1:], "lr": f * 0.02},
    ]
    optimizer = torch.optim.Adam(groups)
    for i in range(3):
        x, y = X[20 * i : 20 * i + 20], Y[20 * i : 20 * i + 20]
        network.step(x, y, *factors)
        h = x
        for j, (W, b) in enumerate(zip(weights, biases, strict=True)):
            h = (torch.relu(h) if j else h) @ W.T + b
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(h, y).backward()
        optimizer.step()
    for ours, theirs in zip([*network.weights, *network.biases], [*weights, *biases], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_loss_is_the_mean_cross_entropy_without_a_graph():
    network = pz.Network(16, "standard", 0.01, 0)
    logits = network.outputs(X[:7])[-1].detach().double()
    by_hand = [float(torch.logsumexp(z, 0) - z[k]) for z, k in zip(logits, Y[:7], strict=True)]
    loss = network.loss(X[:7], Y[:7])
    assert isinstance(loss, float)
    assert loss == pytest.approx(np.mean(by_hand), rel=1e-5)


class Noted(pz.Network):
    """Notes each step; example i has i in its first column."""

    made: list

    def __init__(self, *settings):
        super().__init__(*settings)
        self.settings = settings
        self.steps = []
        Noted.made.append(self)

    def step(self, x, y, factor=1.0):
        self.steps.append((x[:, 0].long().tolist(), y.tolist(), factor))

    def loss(self, x, y):
        return 1000.0 * len(x) + len(y)


def noted(monkeypatch):
    monkeypatch.setattr(Noted, "made", [], raising=False)
    monkeypatch.setattr(pz, "Network", Noted)
    x = torch.arange(20.0)[:, None].expand(20, 64)
    return x, torch.arange(20) % 10


def test_the_rate_falls_in_a_line_over_batches_of_64_random_examples(monkeypatch):
    x, y = noted(monkeypatch)
    assert pz.final_loss(8, "muP", 0.5, 7, x, y, steps=5) == 20020
    (network,) = Noted.made
    assert network.settings == (8, "muP", 0.5, 7)
    assert [factor for *_, factor in network.steps] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
    for rows, labels, _ in network.steps:
        assert len(rows) == 64
        assert labels == [i % 10 for i in rows]
    assert len({tuple(rows) for rows, *_ in network.steps}) == 5
    assert {i for rows, *_ in network.steps for i in rows} == set(range(20))


def test_the_seed_determines_the_batches_and_they_are_not_the_numbers_of_the_weights(monkeypatch):
    x, y = noted(monkeypatch)
    for seed in (1, 1, 2):
        pz.final_loss(8, "muP", 0.5, seed, x, y)
    first, same, other = ([rows for rows, *_ in network.steps] for network in Noted.made)
    assert len(first) == 40
    assert first == same != other
    again = np.random.default_rng(1)
    assert first[0] != again.integers(0, 20, 64).tolist()


def test_a_training_that_diverges_has_an_infinite_loss():
    assert pz.final_loss(8, "standard", 1e30, 0, X[:64], Y[:64], steps=3) == np.inf


def test_a_training_that_learns_has_a_lower_loss_than_none():
    before = pz.Network(32, "muP", 0.01, 0).loss(X[:200], Y[:200])
    assert pz.final_loss(32, "muP", 0.01, 0, X[:200], Y[:200], steps=20) < 0.7 * before


@pytest.mark.parametrize("settings", [(), (4,), (1,)])
def test_the_coordinate_check_is_the_rms_change_of_outputs(settings):
    steps = settings[0] if settings else 4
    network = pz.Network(16, "muP", 0.02, 5)
    before = [v.detach().numpy().astype(float) for v in network.outputs(X[:9])]
    for _ in range(steps):
        network.step(X[:9], Y[:9])
    after = [v.detach().numpy().astype(float) for v in network.outputs(X[:9])]
    expected = [np.linalg.norm(a - b) / a.size**0.5 for a, b in zip(after, before, strict=True)]
    values = pz.coordinate_check(16, "muP", 0.02, 5, X[:9], Y[:9], *settings)
    assert values == pytest.approx(expected, rel=1e-4)
    assert all(isinstance(value, float) for value in values)


def test_the_grid_has_the_median_over_the_seeds_of_every_kind_width_and_rate(monkeypatch):
    """Losses are 100 width + rate + 0.0001, and the seeds add 5, -4 and 0; muP adds 1000."""
    given = []

    def final_loss(width, kind, rate, seed, x, y):
        given.append((x, y))
        offset = {0: 5.0, 1: -4.0, 2: 0.0}[seed]
        return 100 * width + rate + offset + 1000 * (kind == "muP") + 0.0001

    monkeypatch.setattr(pz, "final_loss", final_loss)
    grid = pz.recorded_grid("x", "y", (2, 4), (-3, -1, 0), (0, 1, 2))
    standard = [[200.125, 200.5, 201.0], [400.125, 400.5, 401.0]]
    assert grid == {
        "widths": [2, 4],
        "powers": [-3, -1, 0],
        "seeds": 3,
        "losses": {
            "standard": standard,
            "muP": [[loss + 1000 for loss in row] for row in standard],
        },
    }
    assert set(given) == {("x", "y")}
