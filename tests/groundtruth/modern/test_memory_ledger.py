"""Bytes by ZeRO stage, and activations against what torch saves."""

from __future__ import annotations

import pytest
import torch
from groundtruth.modern import memory_ledger as ml
from torch.utils.checkpoint import checkpoint


@pytest.mark.parametrize(
    ("stage", "by_hand"), [(0, 16), (1, 2 + 2 + 12 / 8), (2, 2 + 14 / 8), (3, 16 / 8)]
)
def test_bytes_of_eight_devices(stage, by_hand):
    assert ml.state_bytes(stage, 8) == by_hand


def test_the_table_of_the_zero_paper():
    """7.5 billion parameters on 64 devices: 120, 31.4, 16.6 and 1.9 GB."""
    gigabytes = [7.5 * ml.state_bytes(stage, 64) for stage in ml.STAGES]
    assert gigabytes == pytest.approx([120, 31.4, 16.6, 1.9], abs=0.05)


@pytest.mark.parametrize("devices", [1, 2, 8])
@pytest.mark.parametrize("scheme", list(ml.SCHEMES))
def test_bytes_of_a_scheme_are_those_of_what_a_process_holds(scheme, devices):
    shares = [ml.held(scheme, kind, 0, devices).mean() for kind in ml.KINDS[:3]]
    of_shares = 2 * shares[0] + 3 * shares[1] + 12 * shares[2]
    assert ml.scheme_bytes(scheme, devices, (2, 3, 12)) == pytest.approx(of_shares)


@pytest.mark.parametrize("scheme", ["ZeRO, stage 3", "tensor parallel", "pipeline"])
def test_full_division_is_that_of_stage_three(scheme):
    assert ml.scheme_bytes(scheme, 8) == ml.state_bytes(3, 8) == 2


@pytest.mark.parametrize("kind", ml.KINDS)
@pytest.mark.parametrize("scheme", list(ml.SCHEMES))
def test_what_is_divided_is_held_by_one_process_and_the_rest_by_all(scheme, kind):
    copies = sum(ml.held(scheme, kind, rank, 4).astype(int) for rank in range(4))
    assert copies.min() == copies.max() == (1 if kind in ml.SCHEMES[scheme] else 4)


def test_pieces_by_hand():
    columns = [[0, 0, 1], [0, 0, 1], [0, 0, 1]]
    assert ml.held("tensor parallel", "gradients", 2, 3).astype(int).tolist() == columns
    assert ml.held("tensor parallel", "activations", 2, 3).all()
    assert ml.held("ZeRO, stage 3", "activations", 2, 3).astype(int).tolist() == columns
    rows = [[0, 0, 0], [0, 0, 0], [1, 1, 1]]
    assert ml.held("pipeline", "activations", 2, 3).astype(int).tolist() == rows
    assert ml.held("data parallel", "optimizer states", 2, 3).all()


@pytest.mark.parametrize(
    ("scheme", "kind", "rank"),
    [("FSDP", "weights", 0), ("pipeline", "momentum", 0), ("pipeline", "weights", 2)],
)
def test_unknown_schemes_kinds_and_ranks(scheme, kind, rank):
    with pytest.raises(ValueError, match="got 'FSDP'|'momentum'|rank 2 is not one of 2"):
        ml.held(scheme, kind, rank, 2)


def test_other_widths_of_numbers():
    assert ml.state_bytes(0, 1, weights=4, gradients=4) == 20
    assert ml.state_bytes(2, 2, weights=4, gradients=8) == 4 + 4 + 6


@pytest.mark.parametrize(("C", "H", "T", "B"), [(16, 2, 8, 1), (32, 4, 24, 3)])
def test_activations_are_what_torch_saves(C, H, T, B):
    layers = [ml.Block(C, H) for _ in range(3)]
    own = [p for layer in layers for p in layer.parameters()]
    x = torch.randn(B, T, C)

    def plain(x):
        for layer in layers:
            x = layer(x)
        return x

    def saving(x):
        for layer in layers:
            x = checkpoint(layer, x, use_reentrant=False)
        return x

    shape = ml.Shape(3, C, H)
    assert ml.saved_numbers(plain, x, own) == ml.activation_numbers(shape, B * T, T)
    inside = B * T * (16 * C + 4 + H)
    assert ml.activation_numbers(shape, B * T, T, "blocks") - inside == ml.saved_numbers(
        saving, x, own
    )


def test_fused_attention_saves_a_row_sum_and_no_matrix():
    shape = ml.Shape(2, 16, 4)
    every = ml.activation_numbers(shape, 24, 12)
    fused = ml.activation_numbers(shape, 24, 12, "fused")
    assert every - fused == 2 * 4 * 24 * (12 - 1)


def test_the_block_attends_like_torch():
    block = ml.Block(16, 4)
    for norm in block.norms:  # each with numbers of its own
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 5, 16)
    q, k, v = (
        part.view(2, 5, 4, 4).transpose(1, 2) for part in block.qkv(block.norms[0](x)).chunk(3, -1)
    )
    attended = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    h = x + block.out(attended.transpose(1, 2).reshape(2, 5, 16))
    expected = h + block.down(torch.nn.functional.gelu(block.up(block.norms[1](h))))
    assert torch.allclose(block(x), expected, atol=1e-6)


def test_parameters_of_a_block():
    block = ml.Block(16, 4)
    matrices = sum(p.numel() for p in block.parameters() if p.ndim == 2)
    assert ml.Shape(1, 16, 4).parameters == matrices


def test_a_block_has_two_norms_and_four_matrices_without_biases():
    assert {name: tuple(p.shape) for name, p in ml.Block(8, 2).named_parameters()} == {
        "norms.0.weight": (8,),
        "norms.0.bias": (8,),
        "norms.1.weight": (8,),
        "norms.1.bias": (8,),
        "qkv.weight": (24, 8),
        "out.weight": (8, 8),
        "up.weight": (32, 8),
        "down.weight": (8, 32),
    }


def test_sequences_of_one_token_have_a_score_for_each_head():
    """Three tokens: 16 numbers of each of 8 features, two means, two scales and two scores."""
    assert ml.activation_numbers(ml.Shape(1, 8, 2), 3, 1) == 3 * (16 * 8 + 4 + 2)
    block = ml.Block(8, 2)
    counted = ml.saved_numbers(block, torch.randn(3, 1, 8), list(block.parameters()))
    assert counted == 3 * (16 * 8 + 4 + 2)


def test_saved_numbers_are_counted_also_where_a_gradient_is_taken_inside():
    x = torch.arange(5.0, requires_grad=True)
    slopes = []

    def squared_slope(x):
        (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        slopes.append(slope)
        return slope**2

    counted = ml.saved_numbers(squared_slope, x, [])
    assert slopes[0].tolist() == [0, 3, 12, 27, 48]
    assert isinstance(counted, int)
    assert counted >= 10  # x for the cube, and the slope for its square


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ml.state_bytes(4, 1), "stage"),
        (lambda: ml.state_bytes(0, 0), "device"),
        (lambda: ml.scheme_bytes("FSDP", 2), "got 'FSDP' and 2 processes"),
        (lambda: ml.scheme_bytes("pipeline", 0), "got 'pipeline' and 0 processes"),
        (lambda: ml.activation_numbers(ml.Shape(1, 8, 2), 8, 8, "none"), "saving"),
        (lambda: ml.activation_numbers(ml.Shape(1, 8, 2), 9, 8), "not sequences of 8"),
        (lambda: ml.activation_numbers(ml.Shape(1, 8, 2), 8, 0), "not sequences of 0"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ValueError, match=says):
        call()
