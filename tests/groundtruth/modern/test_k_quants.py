"""The bytes of a Q4_K block, by hand and against a second decoder that reads byte by byte."""

from __future__ import annotations

import numpy as np
import pytest
from groundtruth.modern import k_quants as kq

RNG = np.random.default_rng(0)


def decode_slowly(block):
    """One weight after the other, by the rule of the file format."""
    d, d_min = np.frombuffer(bytes(block[:4]), dtype="<f2").astype(float)
    packed = [int(b) for b in block[4:16]]
    out = []
    for i in range(256):
        group = i // 32
        if group < 4:
            scale, minimum = packed[group] % 64, packed[group + 4] % 64
        else:
            low = packed[group + 4]
            scale = low % 16 + packed[group - 4] // 64 * 16
            minimum = low // 16 + packed[group] // 64 * 16
        byte = int(block[16 + i // 64 * 32 + i % 32])
        q = byte % 16 if i % 64 < 32 else byte // 16
        out.append(d * scale * q - d_min * minimum)
    return np.array(out)


def random_block(seed):
    block = np.random.default_rng(seed).integers(0, 256, 144).astype(np.uint8)
    block[:4] = np.array([0.01, 0.02], "<f2").view(np.uint8)
    return block


@pytest.mark.parametrize("seed", range(5))
def test_any_block_is_decoded_as_by_the_slow_reader(seed):
    block = random_block(seed)
    assert np.allclose(kq.decode(block), decode_slowly(block), atol=1e-12)


def test_scales_and_minima_by_hand():
    packed = kq.pack_scales([63, 0, 0, 0, 0b110101, 0, 0, 0], [1, 0, 0, 0, 0b101110, 0, 0, 0])
    assert packed.tolist() == [63 | 3 << 6, 0, 0, 0, 1 | 2 << 6, 0, 0, 0, 0b11100101, 0, 0, 0]


def test_packing_and_unpacking_are_inverse():
    s, m = RNG.integers(0, 64, (2, 8))
    ours = kq.unpack_scales(kq.pack_scales(s, m))
    assert (ours[0] == s).all()
    assert (ours[1] == m).all()
    q = RNG.integers(0, 16, 256)
    assert (kq.unpack_nibbles(kq.pack_nibbles(q)) == q).all()


def test_encoding_a_decoded_block_loses_little():
    x = RNG.normal(size=256)
    once = kq.decode(kq.encode(x))
    width = x.reshape(8, 32).max(1) - np.minimum(x.reshape(8, 32).min(1), 0)
    error = np.abs(once - x).reshape(8, 32).max(1)
    assert (error < 0.06 * width + 0.05).all()
    assert kq.encode(x).size == 144


def test_weights_of_one_sign_and_zeros():
    assert kq.decode(kq.encode(np.zeros(256))).tolist() == [0.0] * 256
    positive = np.linspace(1, 2, 256)
    assert np.abs(kq.decode(kq.encode(positive)) - positive).max() < 0.1
    assert np.abs(kq.decode(kq.encode(-positive)) + positive).max() < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kq.encode(np.zeros(255)), "256"),
        (lambda: kq.encode(np.full(256, np.nan)), "256"),
        (lambda: kq.encode(np.full(256, 1e9)), "half precision"),
        (lambda: kq.decode(np.zeros(143, np.uint8)), "144"),
        (lambda: kq.pack_scales([64] * 8, [0] * 8), "63"),
        (lambda: kq.pack_scales([0] * 8, [-1] * 8), ">= 0"),
        (lambda: kq.pack_scales([0] * 7, [0] * 8), "eight"),
        (lambda: kq.unpack_scales(np.zeros(11, np.uint8)), "twelve"),
        (lambda: kq.pack_nibbles([16] * 256), "0 to 15"),
        (lambda: kq.pack_nibbles([-1] * 256), "0 to 15"),
        (lambda: kq.unpack_nibbles(np.zeros(127, np.uint8)), "128"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
