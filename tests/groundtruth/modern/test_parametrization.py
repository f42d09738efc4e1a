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
