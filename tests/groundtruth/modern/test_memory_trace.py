"""Bytes over training steps: against the ledger, by hand, and freed when nothing holds them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from groundtruth.modern import memory_ledger as ledger
from groundtruth.modern import memory_trace as mt
from torch.utils.checkpoint import checkpoint

B = 2
T = 12
C = 16
H = 2
L = 3


@pytest.fixture(scope="module")
def traces():
    layers = [ledger.Block(C, H) for _ in range(L)]
    own = [p for layer in layers for p in layer.parameters()]
    x = torch.randn(B, T, C, generator=torch.Generator().manual_seed(0))

    def plain(x):
        for layer in layers:
            x = layer(x)
        return x

    def saving(x):
        for layer in layers:
            x = checkpoint(layer, x, use_reentrant=False)
        return x

    numbers = sum(p.numel() for p in own)
    return numbers, mt.trace(plain, x, own), mt.trace(saving, x, own)


@pytest.mark.parametrize("step", [0, 1])
def test_the_forward_pass_leaves_what_the_ledger_says(traces, step):
    """And the output; from the second step on a mean and a count of steps are small change."""
    numbers, plain, saving = traces
    shape = ledger.Shape(L, C, H)
    saved = ledger.activation_numbers(shape, B * T, T)
    output = B * T * C
    rest = 4 * sum(1 for _ in range(L * 8)) * step  # a counter of steps for each parameter
    assert plain.at("forward", step)["activations"] == 4 * (saved + output) + rest
    assert saving.at("forward", step)["activations"] == 4 * (L + 1) * output + rest
    assert plain.at("forward", step)["weights"] == 4 * numbers


@pytest.mark.parametrize("which", [1, 2])
def test_gradients_and_states_come_when_they_are_made(traces, which):
    numbers, trace = traces[0], traces[which]
    first = trace.at("forward")
    assert (first["gradients"], first["optimizer states"]) == (0, 0)
    assert trace.at("backward")["gradients"] == 4 * numbers
    assert trace.at("backward")["optimizer states"] == 0
    assert trace.at("update")["optimizer states"] == 8 * numbers
    assert trace.at("forward", 1)["gradients"] == 0  # freed before the step
    assert trace.at("forward", 1)["optimizer states"] == 8 * numbers


def test_activations_of_the_backward_pass_are_freed(traces):
    _, plain, _ = traces
    assert plain.at("backward")["activations"] == 4 * B * T * C  # the input alone


def test_checkpoints_lower_the_peak_and_add_operations(traces):
    _, plain, saving = traces
    assert saving.peak < plain.peak
    assert len(saving.bytes) > len(plain.bytes)
    assert plain.peak == plain.bytes.sum(1).max()


def test_phases_are_in_order_and_the_table_ends_with_the_last(traces):
    for trace in traces[1:]:
        names = [name for name, _ in trace.marks]
        counts = [count for _, count in trace.marks]
        assert names == ["forward", "backward", "update"] * 2
        assert (np.diff(counts) > 0).all()
        assert len(trace.bytes) == counts[-1] + 1
        assert trace.bytes.min() >= 0
        assert trace.bytes.shape[1] == len(ledger.KINDS)


def test_one_step_by_hand():
    """y = w x of 10 numbers: the product saves w and x, and the square saves y."""
    w = torch.nn.Parameter(torch.ones(10))
    trace = mt.trace(lambda x: w * x, torch.ones(10), [w], steps=1)
    kinds = ledger.KINDS
    assert trace.bytes[0].tolist() == [40, 0, 0, 40]
    assert trace.at("forward") == dict(zip(kinds, (40, 0, 0, 80), strict=True))
    assert trace.at("backward") == dict(zip(kinds, (40, 40, 0, 40), strict=True))
    assert len(trace.marks) == 3


def test_views_share_their_memory_and_temporaries_are_freed():
    def f(x):
        y = x.exp()
        z = y.view(2, 5).t()
        (x + 1).sum()  # freed at once
        return z * w

    w = torch.nn.Parameter(torch.ones(5, 2))
    trace = mt.trace(f, torch.zeros(10), [w], steps=1)
    assert trace.at("forward")["activations"] == 4 * (10 + 10 + 10)  # x, y and the result
    forward = trace.marks[0][1]
    assert max(trace.bytes[: forward + 1, 3]) == 4 * (10 + 10 + 10 + 1)  # x, y, x + 1, its sum


def test_the_parameters_are_trained():
    w = torch.nn.Parameter(torch.full((3,), 2.0))
    mt.trace(lambda x: w * x, torch.ones(3), [w], steps=3)
    assert w.detach().tolist() == pytest.approx([2 - 3e-3] * 3, abs=1e-5)


def test_two_steps_are_the_default():
    w = torch.nn.Parameter(torch.ones(2))
    assert len(mt.trace(lambda x: w * x, torch.ones(2), [w]).marks) == 6


def test_a_parameter_without_a_gradient_has_none():
    w, idle = torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.ones(6))
    trace = mt.trace(lambda x: w * x, torch.ones(4), [w, idle], steps=1)
    assert trace.at("update")["weights"] == 40
    assert trace.at("update")["gradients"] == 16
    assert trace.at("update")["optimizer states"] == 32


@pytest.mark.parametrize(("steps", "count"), [(0, 1), (1, 0)])
def test_nothing_to_train(steps, count):
    params = [torch.nn.Parameter(torch.ones(2))] * count
    with pytest.raises(ValueError, match=f"got {steps} and {count}"):
        mt.trace(lambda x: x, torch.ones(2), params, steps)


@pytest.mark.parametrize(("phase", "step"), [("sleep", 0), ("forward", 2), ("forward", -1)])
def test_unknown_phases(traces, phase, step):
    with pytest.raises(ValueError, match=f"no phase '{phase}' of step {step}"):
        traces[1].at(phase, step)


def test_every_operation_counts_once():
    w = torch.nn.Parameter(torch.ones(10))

    def negated(x, times):
        y = w * x
        for _ in range(times):
            y = y.neg()
        return y

    ends = [
        mt.trace(partial(negated, times=times), torch.ones(10), [w], steps=1).marks[0][1]
        for times in range(3)
    ]
    assert np.diff(ends).tolist() == [1, 1]


def test_the_update_takes_one_parameter_after_the_other():
    """So its temporary numbers are at most three times those of one parameter."""
    params = [torch.nn.Parameter(torch.ones(1000)) for _ in range(4)]
    trace = mt.trace(lambda x: sum(p * x for p in params), torch.ones(1000), params, steps=1)
    backward = trace.marks[1][1]
    assert trace.bytes[backward:, 3].max() <= 4 * (1000 + 3 * 1000) + 4 * len(params)


def test_the_table_has_a_row_before_the_first_operation_and_one_after_each():
    w = torch.nn.Parameter(torch.ones(10))
    trace = mt.trace(lambda x: w * x, torch.ones(10), [w], steps=1)
    assert len(trace.bytes) == trace.marks[-1][1] + 1
    assert trace.bytes[-1].tolist() == list(trace.at("update").values())
