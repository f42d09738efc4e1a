"""Small networks on the digits: masks, rounding, sizes, curvature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import small_networks as sn
from groundtruth.modern.quantization import rounded
from sklearn.datasets import load_digits


def small(seed=0, sizes=(64, 16, 10)):
    return sn.mlp(sizes, np.random.default_rng(seed))


TRAIN, TEST = sn.digits(300, np.random.default_rng(0))


def test_the_split_has_every_digit_once():
    assert len(TRAIN[1]) == 300
    assert len(TEST[1]) == 1497
    labels = np.concatenate([TRAIN[1], TEST[1]])
    assert (np.bincount(labels) == np.bincount(load_digits().target)).all()
    assert float(TRAIN[0].max()) == 1.0


def test_the_forward_pass_is_that_of_torch_modules():
    layers = small(sizes=(64, 16, 8, 10))
    modules = []
    for W, b in layers:
        linear = torch.nn.Linear(*W.shape[::-1])
        linear.load_state_dict({"weight": W.detach(), "bias": b.detach()})
        modules += [linear, torch.nn.ReLU()]
    theirs = torch.nn.Sequential(*modules[:-1])(TEST[0])
    assert torch.allclose(sn.forward(layers, TEST[0]), theirs, atol=1e-6)


def test_training_lowers_the_error():
    layers = small()
    before = sn.accuracy(layers, TEST)
    sn.train(layers, TRAIN, 150, 0.01, np.random.default_rng(1))
    assert before < 0.4
    assert sn.accuracy(layers, TEST) > 0.8


def test_masked_weights_stay_zero_in_training():
    rng = np.random.default_rng(2)
    layers = small()
    masks = [rng.random(W.shape) < 0.5 for W, _ in layers]
    pruned = sn.train(sn.masked(layers, masks), TRAIN, 20, 0.01, rng, masks=masks)
    for W, m in zip(sn.arrays(pruned), masks, strict=True):
        assert not W[~m].any()
        assert (W[m] != 0).all()


def test_a_copy_shares_nothing():
    layers = small()
    other = sn.copy(layers)
    before = sn.arrays(layers)[0].copy()
    sn.train(other, TRAIN, 5, 0.01, np.random.default_rng(0))
    assert (sn.arrays(layers)[0] == before).all()


def test_rounded_layers_have_one_scale_per_output():
    layers = small()
    ours = sn.rounded_layers(layers, 4)[0][0].detach().numpy()
    assert np.allclose(ours, rounded(sn.arrays(layers)[0], 4, 0), atol=1e-6)


def test_each_layer_can_have_its_own_width():
    layers = small()
    mixed = sn.rounded_layers(layers, (32, 3))
    assert (mixed[0][0] == layers[0][0]).all()
    assert torch.equal(mixed[1][0], sn.rounded_layers(layers, 3)[1][0])
    with pytest.raises(ValueError, match="zip"):
        sn.rounded_layers(layers, (3,))


def test_each_layer_loses_its_smallest_weights():
    layers = small()
    before = sn.arrays(layers)
    after = sn.arrays(sn.pruned(layers, (0.0, 0.75)))
    assert (after[0] == before[0]).all()
    assert (after[1] == 0).mean() == pytest.approx(0.75)
    stays = after[1] != 0
    assert np.abs(before[1][stays]).min() >= np.abs(before[1][~stays]).max()


def test_the_learning_rate_falls_to_zero():
    steps = []

    def loss(logits, rows):
        steps.append(sn.arrays(layers)[0].copy())
        return F.cross_entropy(logits, TRAIN[1][rows])

    layers = small()
    sn.train(layers, TRAIN, 20, 0.01, np.random.default_rng(0), loss=loss)
    sizes = np.abs(np.diff([*steps, sn.arrays(layers)[0]], axis=0)).max((1, 2))
    assert sizes[0] == pytest.approx(0.01, rel=1e-3)  # Adam's first step is the rate
    assert sizes[-1] < 0.05 * 0.01 * 3  # the last of 20 steps has a twentieth of it


def test_aware_training_sees_rounded_weights():
    seen = []

    def loss(logits, rows):
        seen.append((logits.detach(), rows))
        return F.cross_entropy(logits, TRAIN[1][rows])

    layers = small()
    expected = sn.forward(sn.rounded_layers(layers, 2), TRAIN[0]).detach()
    sn.train(layers, TRAIN, 1, 0.01, np.random.default_rng(0), bits=2, loss=loss)
    logits, rows = seen[0]
    assert torch.allclose(logits, expected[rows], atol=1e-5)


def test_gradients_and_curvature_are_those_of_single_examples():
    layers = small()
    few = (TRAIN[0][:5], TRAIN[1][:5])
    single = [sn.gradients(layers, (few[0][i : i + 1], few[1][i : i + 1])) for i in range(5)]
    mean = sn.gradients(layers, few)
    squares = sn.fisher_diagonals(layers, few)
    for k in range(2):
        assert np.allclose(mean[k], np.mean([g[k] for g in single], 0), atol=1e-6)
        assert np.allclose(squares[k], np.mean([g[k] ** 2 for g in single], 0), atol=1e-6)


def test_class_accuracies_average_to_the_accuracy():
    layers = sn.train(small(), TRAIN, 30, 0.01, np.random.default_rng(0))
    weights = np.bincount(TEST[1].numpy())
    ours = sn.class_accuracies(layers, TEST)
    assert ours.shape == (10,)
    assert np.average(ours, weights=weights) == pytest.approx(sn.accuracy(layers, TEST))


@pytest.mark.parametrize(("bits", "expected"), [(32, 4840), (8, 1392), (3, 652)])
def test_bytes_by_hand(bits, expected):
    """64 x 16 + 16 x 10 = 1,184 weights, 26 outputs."""
    assert sn.size_bytes(small(), bits) == expected


def test_packed_weights_fill_whole_bytes():
    layer = [(torch.zeros(1, 3), torch.zeros(1))]
    assert sn.size_bytes(layer, 3) == 2 + 4 + 4


@pytest.mark.parametrize("n", [0, 1797])
def test_an_empty_part_is_refused(n):
    with pytest.raises(ValueError, match="training examples"):
        sn.digits(n, np.random.default_rng(0))
