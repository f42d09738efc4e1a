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


def test_a_block_by_hand():
    x = np.zeros((8, 32))
    x[0, :2] = [472.5, 31.5]  # 15 steps and one of 31.5 = 63 * 0.5: d is 0.5
    x[1, :3] = [7.5, 1.0, 0.2]  # the scale 1: 15 steps of 0.5, two, and none
    x[2, :4] = [-15.75, 14.25, 0.25, -13.5]  # dmin is 0.25, 63 times; the scale 4: steps of 2
    x[7, :2] = [-1.0, 29.0]  # the minimum 4 times 0.25, the scale 4
    block = kq.encode(x.ravel())
    assert block.dtype == np.uint8
    assert np.frombuffer(block[:4].tobytes(), "<f2").tolist() == [0.5, 0.25]
    scales, minima = kq.unpack_scales(block[4:16])
    assert scales.tolist() == [63, 1, 4, 0, 0, 0, 0, 4]
    assert minima.tolist() == [0, 0, 63, 0, 0, 0, 0, 4]
    q = kq.unpack_nibbles(block[16:]).reshape(8, 32)
    assert q[0, :3].tolist() == [15, 1, 0]
    assert q[1, :4].tolist() == [15, 2, 0, 0]
    # -15.75 + 15.75, 14.25 + 15.75, 0.25 + 15.75, -13.5 + 15.75 and 15.75 in steps of 2
    assert q[2, :5].tolist() == [0, 15, 8, 1, 8]
    assert not q[3:7].any()
    assert q[7, :3].tolist() == [0, 15, 0]  # 1 is half a step, and halves go to the even number
    expected = [-15.75, 14.25, 0.25, -13.75, 0.25]
    assert kq.decode(block).reshape(8, 32)[2, :5].tolist() == expected


@pytest.mark.parametrize("seed", range(3))
def test_no_weight_is_further_off_than_half_a_step_and_the_rounding_of_its_minimum(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(size=(8, 1)), rng.uniform(0.1, 2, size=(8, 1)), size=(8, 32))
    block = kq.encode(x.ravel())
    d, dmin = np.frombuffer(block[:4].tobytes(), "<f2").astype(float)
    scales, _ = kq.unpack_scales(block[4:16])
    below = np.maximum(-x.min(1), 0)
    width = (np.maximum(x.max(1), 0) + below) / 15
    assert d == pytest.approx(width.max() / 63, rel=2**-11)
    assert dmin == pytest.approx(below.max() / 63, rel=2**-11)
    np.testing.assert_allclose(scales, width / d, atol=0.5 + 63 * 2**-11)
    error = np.abs(kq.decode(block).reshape(8, 32) - x).max(1)
    # the last level lies up to 15 halves of d below the largest weight
    assert (error <= d * scales / 2 + 7.5 * d + 0.6 * dmin).all()


def test_the_smallest_numbers_fill_a_block():
    unit = 2.0**-24  # the smallest number of half precision
    x = np.full(256, 15 * 63 * 1.4 * unit)  # the scale 63 * 1.4 units is cut to 63
    assert kq.decode(kq.encode(x)).tolist() == [15 * 63 * unit] * 256
    x = np.full(256, -63 * 1.4 * unit)
    assert kq.decode(kq.encode(x)).tolist() == [-63 * unit] * 256
    assert not kq.decode(kq.encode(np.full(256, 1e-9))).any()
    assert not kq.decode(kq.encode(np.full(256, -1e-9))).any()


def test_the_levels_of_a_weight_end_at_0_and_15():
    x = np.zeros((8, 32))
    x[0, 0] = -15.75  # dmin is 0.25, and d is 15.75 / 15 / 63 = 1 / 60
    x[1, :2] = [-0.12, 0.13]  # the minimum 0.48 of dmin is rounded to 0, and -0.12 has no level
    x[2, :2] = [-0.13, 0.12]  # the minimum 0.52 of dmin becomes 1; 0.12 + 0.25 is 22 steps of d
    q = kq.unpack_nibbles(kq.encode(x.ravel())[16:]).reshape(8, 32)
    assert q[1, :2].tolist() == [0, 8]  # 0.13 is 7.8 steps
    assert q[2, :2].tolist() == [7, 15]  # -0.13 + 0.25 is 7.2 steps


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("largest", "step"), [(15 * 63 * 65504.0, 15 * 63), (-63 * 65504.0, -63)], ids=["d", "dmin"]
)
def test_a_head_ends_at_the_largest_number_of_half_precision(largest, step):
    x = np.zeros(256)
    x[40] = largest
    assert kq.decode(kq.encode(x))[40] == step * 65504.0
    x[40] = largest * 1.001
    with pytest.raises(ValueError, match="half precision"):
        kq.encode(x)


def test_single_precision_and_integers_are_taken_as_double():
    x = RNG.normal(size=256).astype(np.float32)
    assert kq.encode(x).tolist() == kq.encode(x.astype(float)).tolist()
    whole = np.arange(-128, 128).astype(np.int8)
    assert kq.encode(whole).tolist() == kq.encode(whole.astype(float)).tolist()
    large = np.full(256, np.float16(60000.0))  # the sum of two exceeds half precision
    large[::2] *= -1
    assert kq.encode(large).tolist() == kq.encode(large.astype(float)).tolist()
    assert kq.decode(kq.encode(x).tolist()).tolist() == kq.decode(kq.encode(x)).tolist()


def test_packed_numbers_are_bytes_and_unpacked_ones_whole():
    s, m = np.arange(56, 64), np.arange(8)
    packed = kq.pack_scales(s.astype(float), m.astype(float))
    assert packed.dtype == np.uint8
    assert packed.tolist() == kq.pack_scales(s.tolist(), m.tolist()).tolist()
    assert [part.dtype for part in kq.unpack_scales(packed)] == [np.int64] * 2
    q = np.arange(256) % 16
    packed = kq.pack_nibbles(q.astype(float))
    assert packed.dtype == np.uint8
    # of each 64 the first 32 in the low nibbles: 0 with 0, 1 with 1 and so on
    assert packed.tolist() == [17 * (i % 16) for i in range(128)]
    assert kq.unpack_nibbles(packed).dtype == np.int64
    assert kq.unpack_nibbles(packed.tolist()).tolist() == q.tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kq.encode(np.zeros(255)), "256"),
        (lambda: kq.encode(np.full(256, np.nan)), "256"),
        (lambda: kq.encode(np.full(256, 1e9)), "half precision"),
        (lambda: kq.encode(np.zeros((8, 32))), "256"),
        (lambda: kq.decode(np.zeros(143, np.uint8)), "144"),
        (lambda: kq.pack_scales([64] * 8, [0] * 8), "63"),
        (lambda: kq.pack_scales([0] * 8, [-1] * 8), ">= 0"),
        (lambda: kq.pack_scales([0] * 8, [0] * 7 + [64]), "at most 63, got 64"),
        (lambda: kq.pack_scales([0] * 7 + [-1], [0] * 8), ">= 0"),
        (lambda: kq.pack_scales([0] * 7, [0] * 8), "eight"),
        (lambda: kq.pack_scales([0] * 8, [0] * 7), "eight"),
        (lambda: kq.unpack_scales(np.zeros(11, np.uint8)), "twelve"),
        (lambda: kq.pack_nibbles([16] * 256), "0 to 15"),
        (lambda: kq.pack_nibbles([-1] * 256), "0 to 15"),
        (lambda: kq.pack_nibbles([0] * 255), "256"),
        (lambda: kq.unpack_nibbles(np.zeros(127, np.uint8)), "128"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
