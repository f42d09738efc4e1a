"""Data parallelism and ZeRO by hand and against the training of one process."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import sharding
from groundtruth.modern.processes import Group

from tests.groundtruth.modern.divided import alone, job, network, numbers, together

TOTAL = 64 * 96 + 96 + 96 * 64 + 64 * 96 + 96 + 96 * 10


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_each_block_has_the_size_of_its_matrices_and_its_bias():
    vectors = sharding.initial(0)
    assert [v.shape for v in vectors] == [(64 * 96 + 96 + 96 * 64,), (64 * 96 + 96 + 96 * 10,)]
    assert [v.dtype for v in vectors] == [torch.float64] * 2


def test_initial_weights_have_mean_zero_and_variance_one_over_the_number_of_rows():
    parts = [p for i, vector in enumerate(sharding.initial(1)) for p in sharding.unpack(i, vector)]
    for part in parts:
        rows = part.shape[0]
        expected = rows**-0.5
        mean_error = expected / math.sqrt(part.numel())
        assert abs(float(part.mean())) < 4 * mean_error
        assert float(part.std()) == pytest.approx(expected, rel=4 / math.sqrt(2 * part.numel()))


def test_the_seed_determines_the_initial_weights():
    first, same, other = (torch.cat(sharding.initial(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, same)
    assert (first != other).all()


@pytest.mark.parametrize(("i", "k"), [(0, 64), (1, 10)])
def test_unpacked_parts_are_consecutive_views(i, k):
    vector = torch.arange(float(64 * 96 + 96 + 96 * k))
    W, b, V = sharding.unpack(i, vector)
    assert (W.shape, b.shape, V.shape) == ((64, 96), (96,), (96, k))
    assert torch.equal(torch.cat([W.flatten(), b, V.flatten()]), vector)
    V[0, 0] = -1.0
    assert vector[65 * 96] == -1.0


def test_a_block_by_hand():
    x = torch.tensor([[1.0, -2.0]])
    W = torch.tensor([[1.0, 2.0, 0.0], [1.0, 0.0, 1.0]])
    b = torch.tensor([0.5, 1.0, 0.0])
    V = torch.tensor([[1.0, 1.0], [2.0, -1.0], [5.0, 5.0]])
    # x W + b = (-0.5, 3, -2), so only the second hidden unit is positive: 3 (2, -1) = (6, -3)
    assert sharding.block(1, x, W, b, V).tolist() == [[6.0, -3.0]]
    assert sharding.block(0, x, W, b, V).tolist() == [[7.0, -5.0]]


def test_logits_are_those_of_torchs_modules():
    vectors = sharding.initial(2)
    x = job().x[0]
    expected = network(vectors)(x)
    assert torch.allclose(sharding.logits(vectors, x), expected, atol=1e-12)
    assert torch.allclose(sharding.Blocks(2)(x), expected, atol=1e-12)


def test_the_module_holds_the_initial_weights_of_its_seed():
    params = list(sharding.Blocks(4).parameters())
    assert all(torch.equal(p, q) for p, q in zip(params, sharding.initial(4), strict=True))


def test_the_summed_loss_is_the_mean_times_the_number_of_examples():
    vectors = sharding.initial(2)
    x, y = job().x[0], job().y[0]
    mean = F.cross_entropy(network(vectors)(x), y)
    assert sharding.summed_loss(vectors, x, y).item() == pytest.approx(13 * mean.item())


@pytest.mark.parametrize("size", [1.0, 1e-8])
def test_our_adam_is_torchs(size):
    """For gradients as small as the constant in the denominator too."""
    rng = np.random.default_rng(0)
    ours = [torch.tensor(rng.normal(size=shape)) for shape in (5, (2, 3))]
    theirs = [torch.nn.Parameter(p.clone()) for p in ours]
    adam = sharding.Adam(ours, 0.01)
    optimizer = torch.optim.Adam(theirs, lr=0.01)
    for _ in range(4):
        grads = [torch.tensor(size * rng.normal(size=p.shape)) for p in ours]
        adam.step(ours, grads)
        for p, g in zip(theirs, grads, strict=True):
            p.grad = g
        optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        assert torch.allclose(p, q, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("size", "sizes"), [(1, [5]), (2, [3, 2]), (3, [2, 2, 1])])
def test_every_example_of_a_batch_is_in_one_share(size, sizes):
    x = torch.arange(2 * 5 * 1.0).view(2, 5, 1)
    y = torch.arange(10).view(2, 5)
    shares = [
        list(sharding.shares(sharding.Job(x, y, 0.1, 0), Group(rank, size))) for rank in range(size)
    ]
    for step in range(2):
        assert [len(of_rank[step][0]) for of_rank in shares] == sizes
        assert torch.equal(torch.cat([of_rank[step][0] for of_rank in shares]), x[step])
        assert torch.equal(torch.cat([of_rank[step][1] for of_rank in shares]), y[step])


def test_flat_numbers_are_in_order_and_have_no_graph():
    tensors = [torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), torch.tensor([5.0])]
    result = sharding.flat(tensors)
    assert result.tolist() == [1, 2, 3, 4, 5]
    assert not result.requires_grad


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_numbers_of_any_width_are_counted_once(kind):
    x = torch.zeros(6, dtype=kind)
    assert sharding.distinct_numbers([[x], [x[2:], x.view(2, 3)]]) == 6
    assert sharding.distinct_numbers([[x[:1]]]) == 6  # a view keeps the memory of the whole
    assert sharding.distinct_numbers([[x, x.clone()], [], [x.clone()[:2]]]) == 18


def test_an_outcome_is_per_parameter_and_step():
    halves = [torch.ones(TOTAL // 2, dtype=torch.float64), torch.zeros(TOTAL, dtype=torch.float64)]
    result = sharding.outcome(halves, (halves, halves), 6.0 * TOTAL, job(steps=3))
    assert set(result) == {"params", "numbers", "sent"}
    assert torch.equal(result["params"], torch.cat(halves))
    assert result["numbers"] == 1.5
    assert result["sent"] == 2.0


def test_a_piece_is_a_view_without_a_graph():
    vector = torch.arange(6.0, requires_grad=True)
    piece = sharding.piece(vector, Group(1, 3))
    assert piece.tolist() == [2, 3]
    assert not piece.requires_grad
    piece[0] = 9.0
    assert vector.tolist() == [0, 1, 9, 3, 4, 5]


def gathered(group):
    own = torch.tensor([1.0, 2.0]) + 10 * group.rank
    own.requires_grad_()
    whole = sharding.Gather.apply(own, group)
    weights = torch.arange(4.0) + group.rank
    (grad,) = torch.autograd.grad((weights * whole).sum(), own)
    return whole.tolist(), grad.tolist()


def test_a_gathered_vector_gives_each_piece_the_sum_of_its_gradients(monkeypatch):
    """The gradients of the two processes are (0, 1, 2, 3) and (1, 2, 3, 4)."""
    first, second = together(monkeypatch, gathered, 2)
    assert first == ([1, 2, 11, 12], [1, 3])
    assert second == ([1, 2, 11, 12], [5, 7])


WAYS = {
    "data parallel": (sharding.data_parallel, ()),
    "stage 1": (sharding.zero, (1,)),
    "stage 2": (sharding.zero, (2,)),
    "stage 3": (sharding.zero_3, ()),
}


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("way", list(WAYS))
def test_every_process_ends_with_the_parameters_of_one(monkeypatch, way, size):
    work, settings = WAYS[way]
    expected = alone(job())
    assert (expected - torch.cat(sharding.initial(3))).abs().max() > 0.02
    for outcome in together(monkeypatch, work, size, job(), *settings):
        assert (outcome["params"] - expected).abs().max() < 1e-12


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("way", "whole", "divided", "rounds"),
    [
        # parameters, gradients and two moments; an all-reduce has two rounds
        ("data parallel", 4, 0, 2),
        ("stage 1", 2, 2, 2),
        ("stage 2", 1, 3, 2),
        # parameters gathered twice, gradients scattered once
        ("stage 3", 0, 4, 3),
    ],
)
def test_numbers_held_and_sent_per_parameter(monkeypatch, way, whole, divided, rounds, size):
    work, settings = WAYS[way]
    for outcome in together(monkeypatch, work, size, job(steps=2), *settings):
        assert outcome["numbers"] == pytest.approx(whole + divided / size)
        assert outcome["sent"] == pytest.approx(rounds * (size - 1) / size)


@pytest.mark.parametrize("way", list(WAYS))
def test_what_was_sent_before_is_not_counted(monkeypatch, way):
    work, settings = WAYS[way]

    def twice(group):
        group.all_reduce(torch.ones(1000))
        before = group.sent
        sent = work(group, job(steps=1), *settings)["sent"]
        return before, sent

    for before, sent in together(monkeypatch, twice, 2):
        assert before == 1000
        assert sent == pytest.approx(1.5 if way == "stage 3" else 1.0)


def test_the_reference_counts_every_parameter():
    assert (
        numbers(network(sharding.initial(0))).tolist()
        == sharding.flat(sharding.initial(0)).tolist()
    )
    assert sum(sharding.SIZES) == TOTAL
