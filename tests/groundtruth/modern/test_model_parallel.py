"""Tensor and pipeline parallelism by hand and against the training of one process."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from groundtruth.modern import model_parallel, processes, sharding
from groundtruth.modern.processes import Group

from tests.groundtruth.modern.divided import alone, job, together

TOTAL = 64 * 96 + 96 + 96 * 64 + 64 * 96 + 96 + 96 * 10


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def copied(group):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = model_parallel.Copy.apply(x, group)
    sent = group.sent
    (grad,) = torch.autograd.grad(y, x, torch.tensor([1.0, 3.0]) + 10 * group.rank)
    return y.tolist(), sent, grad.tolist()


def test_a_copy_sends_nothing_forward_and_sums_the_gradients(monkeypatch):
    for y, sent, grad in together(monkeypatch, copied, 2):
        assert y == [1, 2]
        assert sent == 0
        assert grad == [12, 16]  # (1, 3) + (11, 13)


def summed(group):
    x = (torch.tensor([1.0, 2.0]) + 10 * group.rank).requires_grad_()
    y = model_parallel.Sum.apply(x, group)
    sent = group.sent
    (grad,) = torch.autograd.grad(y, x, torch.tensor([5.0, 7.0]))
    return y.tolist(), grad.tolist(), group.sent - sent


def test_a_sum_adds_forward_and_sends_nothing_backward(monkeypatch):
    for y, grad, sent in together(monkeypatch, summed, 2):
        assert y == [12, 14]
        assert grad == [5, 7]
        assert sent == 0


@pytest.mark.parametrize("i", [0, 1])
def test_a_parallel_block_is_the_block(monkeypatch, i):
    W, b, V = sharding.unpack(i, sharding.initial(0)[i])
    x = job().x[0]

    def work(group):
        rows = slice(32 * group.rank, 32 * group.rank + 32)
        return model_parallel.parallel_block(i, x, group, W[:, rows], b[rows], V[rows])

    expected = sharding.block(i, x, W, b, V)
    for out in together(monkeypatch, work, 3):
        assert torch.allclose(out, expected, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tensor_parallel_processes_end_with_the_parameters_of_one(monkeypatch, size):
    expected = alone(job())
    for outcome in together(monkeypatch, model_parallel.tensor_parallel, size, job()):
        assert (outcome["params"] - expected).abs().max() < 1e-12


@pytest.mark.parametrize("size", [1, 2, 4])
def test_tensor_parallel_processes_hold_a_part_and_send_activations(monkeypatch, size):
    """Each batch has three all-reduces: both outputs, and the gradient of the second input.

    The input of the first block is data and needs no gradient.
    """
    by_hand = 2 * (size - 1) / size * 13 * (64 + 10 + 64)

    def work(group):
        group.all_reduce(torch.ones(1000))  # earlier, so it does not count
        return model_parallel.tensor_parallel(group, job(steps=2))

    for outcome in together(monkeypatch, work, size):
        assert outcome["numbers"] == pytest.approx(4 / size)
        assert outcome["sent"] == pytest.approx(by_hand / TOTAL)


@pytest.mark.parametrize("settings", [(), (1,), (3,), (13,)])
def test_pipeline_processes_end_with_the_parameters_of_one(monkeypatch, settings):
    expected = alone(job())
    for outcome in together(monkeypatch, model_parallel.pipeline, 2, job(), *settings):
        assert (outcome["params"] - expected).abs().max() < 1e-12


def test_pipeline_processes_hold_a_block_and_send_activations(monkeypatch):
    """The first sends 13 rows of 64 numbers, the second their gradients."""

    def work(group):
        group.all_reduce(torch.ones(1000))
        return model_parallel.pipeline(group, job(steps=2))

    first, second = together(monkeypatch, work, 2)
    assert first["sent"] == second["sent"] == pytest.approx(13 * 64 / TOTAL)
    assert first["numbers"] == pytest.approx(4 * (64 * 96 + 96 + 96 * 64) / TOTAL)
    assert second["numbers"] == pytest.approx(4 * (64 * 96 + 96 + 96 * 10) / TOTAL)


@pytest.mark.parametrize(("settings", "lengths"), [((), [4, 3, 3, 3]), ((2,), [7, 6])])
def test_a_pipeline_has_four_micro_batches_or_as_many_as_asked(monkeypatch, settings, lengths):
    sent = []
    send = Group.send

    def noted(group, x, to):
        sent.append((group.rank, to, len(x)))
        send(group, x, to)

    monkeypatch.setattr(Group, "send", noted)
    together(monkeypatch, model_parallel.pipeline, 2, job(steps=1), *settings)
    assert [n for rank, to, n in sent if (rank, to) == (0, 1)] == lengths
    assert [n for rank, to, n in sent if (rank, to) == (1, 0)] == lengths


def test_all_micro_batches_go_forward_before_the_first_comes_back(monkeypatch):
    events = []
    send, receive = Group.send, Group.receive

    def sends(group, x, to):
        events.append((group.rank, "send"))
        send(group, x, to)

    def receives(group, like, source):
        events.append((group.rank, "receive"))
        return receive(group, like, source)

    monkeypatch.setattr(Group, "send", sends)
    monkeypatch.setattr(Group, "receive", receives)
    together(monkeypatch, model_parallel.pipeline, 2, job(steps=1))
    for rank, order in enumerate((["send", "receive"], ["receive", "send"])):
        assert [what for r, what in events if r == rank] == [order[0]] * 4 + [order[1]] * 4


@pytest.mark.parametrize("size", [1, 3])
def test_a_pipeline_of_two_blocks_has_two_processes(size):
    with pytest.raises(ValueError, match=f"two blocks need two processes, got {size}"):
        model_parallel.pipeline(Group(0, size), job())


@pytest.fixture
def one_process(tmp_path):
    """A group of one real process, this one."""
    store = processes.dist.FileStore(str(tmp_path / "store"), 1)
    processes.dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield Group(0, 1)
    processes.dist.destroy_process_group()


def test_the_library_alone_trains_as_torchs_modules_do(one_process):
    params = model_parallel.library(one_process, job())
    assert (params - alone(job())).abs().max() < 1e-12


class Averaged(torch.nn.Module):
    """What DistributedDataParallel does, among threads: the mean of the gradients of all."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.group = Group(processes.dist.local.rank, processes.dist.barrier.parties)
        for p in module.parameters():
            p.register_hook(self.mean)

    def mean(self, grad):
        return self.group.all_reduce(grad) / self.group.size

    def forward(self, x):
        return self.module(x)


@pytest.mark.parametrize("size", [2, 3])
def test_a_library_that_averages_gradients_ends_with_the_parameters_of_one(monkeypatch, size):
    monkeypatch.setattr(torch.nn.parallel, "DistributedDataParallel", Averaged)
    expected = alone(job())
    for params in together(monkeypatch, model_parallel.library, size, job()):
        assert (params - expected).abs().max() < 1e-12


def test_every_way_is_there_by_name(monkeypatch):
    calls = []

    def noting(name, result):
        def work(*arguments):
            calls.append((name, arguments))
            return result

        monkeypatch.setattr(model_parallel, name, work)

    names = ["data_parallel", "zero", "zero_3", "tensor_parallel", "pipeline", "library"]
    for name in names:
        noting(name, name)
    assert model_parallel.every_way("group", "job") == {
        "data parallel": "data_parallel",
        "ZeRO, stage 1": "zero",
        "ZeRO, stage 2": "zero",
        "ZeRO, stage 3": "zero_3",
        "tensor parallel": "tensor_parallel",
        "pipeline": "pipeline",
        "library": "library",
    }
    both = ("group", "job")
    expected = [("zero", (*both, 1)), ("zero", (*both, 2))]
    expected += [(name, both) for name in names if name != "zero"]
    assert sorted(calls, key=str) == sorted(expected, key=str)


def test_both_losses_of_a_pipeline_are_of_the_whole_batch(monkeypatch):
    """One step of the second process alone, its inputs given: the gradient of the mean."""
    vectors = sharding.initial(0)
    x, y = job().x[0], job().y[0]
    own = vectors[1].clone().requires_grad_()
    h = sharding.block(0, x, *sharding.unpack(0, vectors[0]))
    loss = F.cross_entropy(sharding.block(1, h, *sharding.unpack(1, own)), y)
    (expected,) = torch.autograd.grad(loss, own)

    def work(group):
        mine = vectors[group.rank].clone().requires_grad_()
        return model_parallel._micro_batches(group, mine, x.tensor_split(4), y.tensor_split(4))

    gradients = together(monkeypatch, work, 2)
    assert torch.allclose(gradients[1], expected, atol=1e-14)
