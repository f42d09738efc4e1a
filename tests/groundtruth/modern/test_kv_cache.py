"""Bytes of the cache against tensors of a model, published sizes, and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from groundtruth.modern.kv_cache import Layout, intensity, kept, projected
from projects import gpt


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_bytes_equal_the_tensors_of_a_model(kv_heads):
    settings = gpt.Settings(layers=3, heads=4, kv_heads=kv_heads, width=32, positions="rope")
    model = gpt.GPT(settings, 11).eval()
    cache: gpt.Cache = []
    with torch.no_grad():
        model(torch.zeros(1, 9, dtype=torch.long), new_cache=cache)
    stored = sum(part.nbytes for pair in cache for part in pair)
    assert Layout(3, kv_heads, 8, bits=32).bytes(9) == stored


def test_published_sizes():
    assert Layout(32, 32, 128).bytes(4096) == 2 * 2**30  # 32 layers of width 4096, 16 bits
    assert Layout(32, 8, 128).bytes(4096) == 2**29
    assert Layout(60, latent=512, rotary=64).per_token == 576  # DeepSeek-V2


def test_a_window_bounds_its_layers_only():
    layout = Layout(6, 1, 4, window=10, sinks=2, full_layers=2)
    assert layout.slots(8) == 48
    assert layout.slots(100) == 2 * 100 + 4 * 10
    assert layout.bytes(100) == 240 * 8 * 2


def test_bits_are_rounded_up_to_bytes():
    assert Layout(1, 1, 1, bits=3).bytes(1) == 1
    assert Layout(1, 1, 2, bits=3).bytes(1) == 2


@pytest.mark.parametrize(("n", "window", "sinks"), [(5, 0, 0), (5, 5, 1), (9, 4, 0), (9, 4, 2)])
def test_kept_positions(n, window, sinks):
    seen = [t for t in range(n) if not window or t >= n - (window - sinks) or t < sinks]
    expected = list(range(n)) if not window or n <= window else seen
    assert kept(n, window, sinks).tolist() == expected
    assert len(kept(n, window, sinks)) == (min(n, window) if window else n)


def test_projected_positions_are_those_a_model_computes():
    model = gpt.GPT(gpt.Settings(layers=1, heads=1, width=8, context=32), 5)
    for cached, index in ((True, 0), (False, 1)):
        widths = []
        hook = model.register_forward_hook(lambda _, x, __, w=widths: w.append(x[0].shape[1]))
        model.generate(torch.zeros(1, 4, dtype=torch.long), 6, temperature=0, cached=cached)
        hook.remove()
        assert sum(widths) == projected(4, 6)[index]


def test_projection_of_512_tokens():
    cached, without = projected(1, 512)
    assert without / cached == 256.5


def test_intensity_by_hand():
    assert intensity(10, 20, 4, weight_bytes=2) == 80 / 40


@pytest.mark.parametrize(
    "call",
    [
        lambda: Layout(0, 1, 1),
        lambda: Layout(1, 1, 1, bits=0),
        lambda: Layout(1, -1, 1),
        lambda: Layout(1),
        lambda: Layout(1, 2, 4, latent=3),
        lambda: Layout(1, 1, 1, full_layers=2),
        lambda: Layout(1, 1, 1, window=2, sinks=2),
        lambda: Layout(1, 1, 1).slots(-1),
        lambda: kept(-1),
        lambda: kept(3, -1),
        lambda: kept(3, 2, 2),
        lambda: kept(3, 0, 1),
        lambda: projected(0, 1),
        lambda: projected(1, 0),
        lambda: intensity(0, 0, 1),
        lambda: intensity(1, -1, 1),
        lambda: intensity(1, 0, 0),
        lambda: intensity(1, 0, 1, 0),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_kept_is_sorted_and_unique():
    positions = kept(50, 12, 3)
    assert (np.diff(positions) > 0).all()


def test_the_smallest_sizes_are_allowed():
    assert Layout(1, 1, 8, bits=1).bytes(1) == 2  # 16 numbers of one bit
    assert Layout(3, 1, 1, window=4, full_layers=3).slots(9) == 27
    assert Layout(2, 1, 1).slots(0) == 0
    assert kept(0).tolist() == []
    assert projected(1, 1) == (1, 1)
    assert intensity(0.5, 0, 3, weight_bytes=1) == 6.0


def test_without_a_window_and_sinks_everything_is_kept():
    assert kept(3).tolist() == [0, 1, 2]
    assert kept(3, 1).tolist() == [2]
