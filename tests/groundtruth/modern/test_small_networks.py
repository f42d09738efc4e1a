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


def test_images_keep_their_labels_and_are_scaled_exactly():
    data = load_digits()
    known = {tuple(row): label for row, label in zip(data.data, data.target, strict=True)}
    for x, y in sn.digits(300, np.random.default_rng(0)):
        assert x.dtype == torch.float32
        assert y.dtype == torch.int64
        rows = (x.double() * 16).numpy()
        assert all(known[tuple(r)] == k for r, k in zip(rows, y.tolist(), strict=True))


def test_the_order_of_the_digits_is_random_and_that_of_the_generator():
    again = sn.digits(300, np.random.default_rng(0))[0]
    other = sn.digits(300, np.random.default_rng(1))[0]
    assert torch.equal(again[1], TRAIN[1])
    assert not torch.equal(other[1], TRAIN[1])
    assert not np.array_equal(TRAIN[1], load_digits().target[:300])


@pytest.mark.parametrize("n", [1, 1796])
def test_one_example_is_enough_for_a_part(n):
    train, test = sn.digits(n, np.random.default_rng(0))
    assert (len(train[1]), len(test[1])) == (n, 1797 - n)


def test_the_error_of_a_split_names_what_is_possible():
    with pytest.raises(ValueError, match="from 1 to 1796 training examples, got -3"):
        sn.digits(-3, np.random.default_rng(0))


def test_initial_weights_are_those_of_he():
    layers = sn.mlp((6, 4, 3), np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for (W, b), (k, d) in zip(layers, ((4, 6), (3, 4)), strict=True):
        expected = rng.standard_normal((k, d)) * np.sqrt(2 / d)
        assert W.detach().numpy() == pytest.approx(expected, rel=1e-6)
        assert W.dtype == b.dtype == torch.float32
        assert b.shape == (k,)
        assert not b.any()
        assert W.requires_grad
        assert b.requires_grad


def test_parameters_are_counted_by_hand():
    assert sn.count(small(sizes=(5, 4, 3))) == 5 * 4 + 4 + 4 * 3 + 3


def complete(layers):
    return sn.pruned(layers, (0.0, 0.0))


@pytest.mark.parametrize("change", [sn.copy, complete])
def test_copies_are_new_parameters_of_the_same_values(change):
    layers = small()
    layers[0][1].data += 0.5
    for pair, other in zip(layers, change(layers), strict=True):
        for p, q in zip(pair, other, strict=True):
            assert torch.equal(p, q)
            assert q.requires_grad
            assert q.is_leaf
            assert p.data_ptr() != q.data_ptr()


def test_masks_set_weights_to_zero_in_the_copy_only():
    layers = [(torch.tensor([[1.0, -2.0], [3.0, 4.0]]), torch.tensor([5.0, 6.0]))]
    result = sn.masked(layers, [np.array([[True, False], [False, True]])])
    assert result[0][0].tolist() == [[1.0, 0.0], [0.0, 4.0]]
    assert result[0][1].tolist() == [5.0, 6.0]
    assert layers[0][0].tolist() == [[1.0, -2.0], [3.0, 4.0]]


def test_the_smallest_weights_are_those_of_least_absolute_value():
    layers = [(torch.tensor([[-4.0, 1.0, -2.0, 3.0]]), torch.zeros(1))]
    assert sn.pruned(layers, (0.5,))[0][0].tolist() == [[-4.0, 0.0, 0.0, 3.0]]


def test_biases_are_not_rounded_and_32_bits_change_nothing():
    layers = small()
    layers[0][1].data += 0.123
    assert sn.rounded_layers(layers, 3)[0][1] is layers[0][1]
    for (W, _), (V, _) in zip(layers, sn.rounded_layers(layers, 32), strict=True):
        assert V is W


def test_gradients_pass_straight_through_rounding():
    layers = small()
    W = sn.rounded_layers(layers, 2)[0][0]
    assert not torch.equal(W, layers[0][0])
    slope = torch.autograd.grad(W.sum(), layers[0][0])[0]
    assert torch.equal(slope, torch.ones_like(slope))


def adam(layers, data, batches, rate):
    """Adam as its authors state it, with a rate that falls linearly."""
    x, y = data
    tensors = [p for pair in layers for p in pair]
    m = [torch.zeros_like(p) for p in tensors]
    v = [torch.zeros_like(p) for p in tensors]
    for t, rows in enumerate(batches, start=1):
        loss = F.cross_entropy(sn.forward(layers, x[rows]), y[rows])
        for i, g in enumerate(torch.autograd.grad(loss, tensors)):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            step = m[i] / (1 - 0.9**t) / ((v[i] / (1 - 0.999**t)).sqrt() + 1e-8)
            tensors[i].data -= rate * (len(batches) + 1 - t) / len(batches) * step


def test_training_is_adam_on_random_batches():
    layers = small()
    other = sn.copy(layers)
    seen = []

    def loss(logits, rows):
        seen.append(rows)
        return F.cross_entropy(logits, TRAIN[1][rows])

    result = sn.train(layers, TRAIN, 6, 0.02, np.random.default_rng(3), loss=loss)
    assert result is layers
    assert {len(rows) for rows in seen} == {64}
    adam(other, TRAIN, seen, 0.02)
    for pair, theirs in zip(layers, other, strict=True):
        for p, q in zip(pair, theirs, strict=True):
            assert torch.allclose(p, q, atol=1e-5)


def test_the_loss_is_the_cross_entropy_unless_another_is_given():
    def loss(logits, rows):
        return F.cross_entropy(logits, TRAIN[1][rows])

    runs = [
        sn.train(small(), TRAIN, 5, 0.01, np.random.default_rng(0), **options)
        for options in ({}, {"loss": loss}, {"loss": lambda logits, rows: -loss(logits, rows)})
    ]
    first = [sn.arrays(layers)[0] for layers in runs]
    assert np.array_equal(first[0], first[1])
    assert not np.allclose(first[0], first[2])


def test_batches_are_drawn_from_all_examples_of_a_small_set():
    seen = []

    def loss(logits, rows):
        seen.append(rows)
        return logits.sum()

    few = (TRAIN[0][:5], TRAIN[1][:5])
    sn.train(small(), few, 30, 0.01, np.random.default_rng(0), loss=loss)
    assert {len(rows) for rows in seen} == {5}
    assert set(torch.cat(seen).tolist()) == set(range(5))
    assert any(len(set(rows.tolist())) < 5 for rows in seen)  # with replacement


def test_masks_leave_the_rest_of_training_as_it_is():
    layers = small()
    masks = [np.ones(W.shape, bool) for W, _ in layers]
    free = sn.train(sn.copy(layers), TRAIN, 5, 0.01, np.random.default_rng(0))
    kept = sn.train(sn.copy(layers), TRAIN, 5, 0.01, np.random.default_rng(0), masks=masks)
    for a, b in zip(sn.arrays(free), sn.arrays(kept), strict=True):
        assert np.array_equal(a, b)


KNOWN = [(torch.eye(3), torch.zeros(3))]  # the predicted label is the largest input
SIGNS = torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 5.0], [4.0, 0.0, 0.0]])


def test_accuracies_by_hand():
    data = (SIGNS, torch.tensor([0, 2, 2, 2]))
    assert sn.accuracy(KNOWN, data) == 0.5
    assert sn.class_accuracies(KNOWN, data).tolist() == [1.0, pytest.approx(1 / 3)]


def test_gradients_are_those_of_softmax_less_the_label():
    x = SIGNS
    y = torch.tensor([0, 2, 2, 2])
    W = torch.eye(3, requires_grad=True)
    error = torch.softmax(SIGNS, 1) - F.one_hot(y, 3)
    result = sn.gradients([(W, torch.zeros(3))], (x, y))
    assert len(result) == 1
    assert np.allclose(result[0], (error.T @ x / 4).numpy(), atol=1e-6)


def test_curvature_of_three_layers_is_that_of_single_examples():
    layers = small(sizes=(64, 9, 7, 10))
    rng = np.random.default_rng(1)
    for _, b in layers:
        b.data += torch.tensor(rng.normal(size=len(b)), dtype=torch.float32)
    few = (TRAIN[0][:4] - 0.5, TRAIN[1][:4])
    single = [sn.gradients(layers, (few[0][i : i + 1], few[1][i : i + 1])) for i in range(4)]
    squares = sn.fisher_diagonals(layers, few)
    assert [s.shape for s in squares] == [(9, 64), (7, 9), (10, 7)]
    for k in range(3):
        assert np.allclose(squares[k], np.mean([g[k] ** 2 for g in single], 0), atol=1e-7)


@pytest.mark.parametrize(
    ("bits", "scale_bits", "expected"),
    [
        (32, 16, 4840),  # no scales: 1,210 numbers of four bytes
        (16, 32, 2 * 1184 + 26 * 8),
        (8, 16, 1184 + 26 * 6),
        (31, 8, 128 * 31 + 20 * 31 + 26 * 5),  # 1,024 and 160 are whole eights
    ],
)
def test_scales_count_below_32_bits(bits, scale_bits, expected):
    assert sn.size_bytes(small(), bits, scale_bits) == expected


def test_a_scale_has_32_bits_by_default():
    assert sn.size_bytes(small(), 8) == sn.size_bytes(small(), 8, 32)


def test_each_layer_is_packed_by_itself():
    # 3 weights of 3 bits fill two bytes, twice; scales and biases of 4 bytes each
    layers = [(torch.zeros(1, 3), torch.zeros(1)), (torch.zeros(3, 1), torch.zeros(3))]
    assert sn.size_bytes(layers, 3) == 2 * 2 + 4 * 8


def test_thirty_two_bits_need_no_scales_in_any_number_of_layers():
    layers = [(torch.zeros(1, 1), torch.zeros(1))] * 9
    assert sn.size_bytes(layers) == 9 * 8


def test_inputs_below_zero_reach_the_first_layer():
    assert torch.equal(sn.forward(KNOWN, -SIGNS), -SIGNS)
    assert torch.equal(sn.forward(2 * KNOWN, -SIGNS), torch.zeros(4, 3))
