"""Formats hold the numbers of ml_dtypes, and rounding is that of NumPy, torch and ml_dtypes."""

import ml_dtypes
import numpy as np
import pytest
import torch
from groundtruth.figures.modern.numerics import spacings
from groundtruth.modern import number_formats as nf

DTYPES = [
    (nf.FLOAT32, np.float32),
    (nf.FLOAT16, np.float16),
    (nf.BFLOAT16, ml_dtypes.bfloat16),
    (nf.E5M2, ml_dtypes.float8_e5m2),
    (nf.E4M3, ml_dtypes.float8_e4m3fn),
    (nf.E3M2, ml_dtypes.float6_e3m2fn),
    (nf.E2M3, ml_dtypes.float6_e2m3fn),
    (nf.E2M1, ml_dtypes.float4_e2m1fn),
]
TORCH = [
    (nf.FLOAT16, torch.float16),
    (nf.BFLOAT16, torch.bfloat16),
    (nf.E5M2, torch.float8_e5m2),
    (nf.E4M3, torch.float8_e4m3fn),
]
SHORT = [pair for pair in DTYPES if pair[0].bits <= 16]
NAMES = [kind.name for kind, _ in DTYPES]
SHORT_NAMES = [kind.name for kind, _ in SHORT]


def inputs(kind):
    """Numbers of all sizes, and for short formats all ties and what lies next to them."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=4000) * 10.0**power for power in range(-9, 10, 3)]
    if kind.bits <= 16:
        grid = nf.values(kind)
        ties = (grid[1:] + grid[:-1]) / 2
        limit = np.array([kind.largest + kind.largest * kind.eps / 4, 1e30, np.inf])
        x += [grid, ties, -ties, ties * (1 + 2**-20), ties * (1 - 2**-20), limit, -limit]
    return np.concatenate(x).astype(np.float32)


@pytest.mark.parametrize(("kind", "dtype"), DTYPES, ids=NAMES)
def test_limits_are_those_of_the_library(kind, dtype):
    info = ml_dtypes.finfo(dtype)
    ours = [kind.largest, kind.smallest_normal, kind.smallest, kind.eps, kind.bits]
    theirs = [info.max, info.smallest_normal, info.smallest_subnormal, info.eps, info.bits]
    assert ours[:4] == [float(value) for value in theirs[:4]]
    assert kind.exponent_bits == info.nexp
    assert kind.mantissa_bits == info.nmant


def test_limits_of_double_precision():
    info = np.finfo(float)
    assert nf.FLOAT64.largest == info.max
    assert nf.FLOAT64.smallest == info.smallest_subnormal
    assert nf.FLOAT64.eps == info.eps
    assert nf.TF32.bits == 19


@pytest.mark.parametrize(("kind", "dtype"), SHORT, ids=SHORT_NAMES)
def test_values_are_all_codes_of_the_library(kind, dtype):
    bits = kind.bits
    codes = np.arange(2**bits, dtype=np.uint8 if bits <= 8 else np.uint16)
    with np.errstate(invalid="ignore"):
        every = codes.view(dtype).astype(float)
    expected = np.unique(np.abs(every[np.isfinite(every)]))
    assert nf.values(kind).tolist() == expected.tolist()


@pytest.mark.parametrize(("kind", "count"), [(nf.E4M3, 127), (nf.E5M2, 124), (nf.E2M1, 8)])
def test_numbers_of_values(kind, count):
    assert len(nf.values(kind)) == count


@pytest.mark.parametrize(("kind", "dtype"), DTYPES, ids=NAMES)
def test_rounding_is_that_of_the_library(kind, dtype):
    x = inputs(kind)
    with np.errstate(over="ignore", invalid="ignore"):
        theirs = x.astype(dtype).astype(float)
    ours = nf.round_to(x, kind)
    assert np.array_equal(ours, theirs, equal_nan=True)
    assert np.array_equal(np.signbit(ours), np.signbit(theirs))


@pytest.mark.parametrize(("kind", "dtype"), TORCH, ids=[kind.name for kind, _ in TORCH])
def test_rounding_is_that_of_torch(kind, dtype):
    x = inputs(kind)
    inside = np.abs(x) <= kind.largest
    theirs = torch.from_numpy(x[inside]).to(dtype).double().numpy()
    assert np.array_equal(nf.round_to(x[inside], kind), theirs)


def test_double_precision_is_left_as_it_is():
    x = np.array([1.1, -1e300, 5e-324, 3e-310, 1 + 2**-52, 0.0])
    assert nf.round_to(x, nf.FLOAT64).tolist() == x.tolist()


def test_tf32_keeps_ten_bits():
    x = [1 + 2**-10, 1 + 2**-11, 1 + 3 * 2**-11, 1e38]
    assert nf.round_to(x, nf.TF32).tolist()[:3] == [1 + 2**-10, 1.0, 1 + 2**-9]


@pytest.mark.parametrize("kind", [kind for kind, _ in SHORT], ids=SHORT_NAMES)
def test_rounding_changes_nothing_that_is_representable(kind):
    grid = nf.values(kind)
    assert nf.round_to(grid, kind).tolist() == grid.tolist()


def test_saturation():
    x = [1e9, -1e9, np.inf]
    assert nf.round_to(x, nf.E4M3, saturate=True).tolist() == [448.0, -448.0, 448.0]
    assert np.isnan(nf.round_to(x, nf.E4M3)).all()
    assert nf.round_to(x, nf.E5M2).tolist() == [np.inf, -np.inf, np.inf]


def test_nan_stays_where_it_can():
    assert np.isnan(nf.round_to(np.nan, nf.FLOAT16))
    assert np.isnan(nf.round_to(np.nan, nf.E4M3, saturate=True))


@pytest.mark.parametrize(("x", "gap"), [(1.0, 2**-7), (-300.0, 2.0), (0.0, 2.0**-133)])
def test_quantum_by_hand(x, gap):
    assert nf.quantum(x, nf.BFLOAT16) == gap


@pytest.mark.parametrize("kind", [nf.E4M3, nf.E5M2, nf.E2M1], ids=lambda kind: kind.name)
def test_quantum_is_the_distance_to_the_next_value(kind):
    grid = nf.values(kind)
    assert nf.quantum(grid[:-1], kind).tolist() == np.diff(grid).tolist()


@pytest.mark.parametrize(
    ("kind", "largest"),
    [(nf.FLOAT64, 2**53), (nf.FLOAT32, 2**24), (nf.BFLOAT16, 256), (nf.FLOAT16, 2048)],
)
def test_largest_integer(kind, largest):
    assert kind.largest_integer == largest
    assert nf.round_to(float(largest), kind) == largest
    if largest < 2**53:
        assert nf.round_to(largest + 1.0, kind) != largest + 1


@pytest.mark.parametrize("kind", [nf.E4M3, nf.E5M2, nf.E2M1], ids=lambda kind: kind.name)
def test_all_integers_up_to_the_largest(kind):
    n = np.arange(kind.largest_integer + 1.0)
    assert nf.round_to(n, kind).tolist() == n.tolist()
    assert kind.largest_integer + 1 not in nf.values(kind)


def test_stochastic_rounding_is_unbiased_and_lands_on_neighbors():
    x = np.full(40_000, 1.003)
    rounded = nf.stochastic_round(x, nf.BFLOAT16, np.random.default_rng(1))
    assert set(rounded.tolist()) == {1.0, 1 + 2**-7}
    # standard error of the mean: 2^-7 sqrt(t (1 - t) / n) = 1.9e-5 at t = 0.384
    assert abs(rounded.mean() - 1.003) < 1e-4


def test_stochastic_rounding_of_negative_and_representable_numbers():
    rng = np.random.default_rng(2)
    x = np.array([-1.003] * 20_000)
    assert abs(nf.stochastic_round(x, nf.BFLOAT16, rng).mean() + 1.003) < 1e-4
    grid = nf.values(nf.E4M3)
    assert nf.stochastic_round(grid, nf.E4M3, rng).tolist() == grid.tolist()
    assert np.isinf(nf.stochastic_round(1e9, nf.FLOAT16, rng))


def test_the_shortest_and_the_longest_formats():
    assert nf.values(nf.FloatFormat("E2M0", 2, 0, "none")).tolist() == [0.0, 1.0, 2.0, 4.0]
    assert nf.FloatFormat("E11M0", 11, 0).smallest_normal == 2.0**-1022
    assert nf.FloatFormat("E2M52", 2, 52).eps == 2.0**-52
    assert len(nf.values(nf.FLOAT16)) == 31 * 1024


def test_single_precision_is_taken_as_double():
    x = np.float32([0.1, 1 / 3, 250.3])
    for kind in (nf.BFLOAT16, nf.FLOAT64):
        np.testing.assert_array_equal(nf.round_to(x, kind), nf.round_to(x.astype(float), kind))
        assert nf.round_to(x, kind).dtype == nf.quantum(x, kind).dtype == float
        np.testing.assert_array_equal(
            nf.stochastic_round(x, kind, np.random.default_rng(0)),
            nf.stochastic_round(x.astype(float), kind, np.random.default_rng(0)),
        )


@pytest.mark.filterwarnings("error")
def test_the_numbers_of_a_wide_range_are_listed_without_a_warning():
    grid = nf.values(nf.FloatFormat("E10M2", 10, 2))
    assert len(grid) == 1023 * 4
    assert grid[-1] == 1.75 * 2.0**511  # the code 1022 less the bias 511


@pytest.mark.filterwarnings("error")
def test_infinities_are_rounded_without_a_warning():
    x = np.array([np.inf, -np.inf])
    assert nf.round_to(x, nf.FLOAT16).tolist() == [np.inf, -np.inf]
    rounded = nf.stochastic_round(x, nf.FLOAT16, np.random.default_rng(0))
    assert rounded.tolist() == [np.inf, -np.inf]


@pytest.mark.filterwarnings("error")
def test_nan_of_either_kind_is_rounded_without_a_warning():
    signaling = np.array([0x7FF0000000000001], np.uint64).view(float)
    for x in (np.array([np.nan]), signaling):
        assert np.isnan(nf.round_to(x, nf.FLOAT16)).all()
        assert np.isnan(nf.stochastic_round(x, nf.FLOAT16, np.random.default_rng(0))).all()


def test_stochastic_rounding_saturates_when_it_is_asked_to():
    rng = np.random.default_rng(0)
    assert nf.stochastic_round([1e9, -1e9], nf.E4M3, rng, True).tolist() == [448.0, -448.0]
    assert np.isnan(nf.stochastic_round([1e9, -1e9], nf.E4M3, rng)).all()


def test_integers_of_any_length_are_taken_as_double():
    assert nf.quantum(np.int8([-128]), nf.BFLOAT16).tolist() == [1.0]  # 2^7 has the distance 2^0
    rng = np.random.default_rng(0)
    long = 2**70  # a Python integer longer than 64 bits
    assert nf.quantum(long, nf.BFLOAT16) == 2.0**63
    assert nf.round_to([long, -long], nf.BFLOAT16).tolist() == [2.0**70, -(2.0**70)]
    assert nf.stochastic_round([long], nf.BFLOAT16, rng).tolist() == [2.0**70]


class SameDraw:
    """Stands for a generator whose draws are all the same number."""

    def __init__(self, draw):
        self.draw = draw

    def random(self, shape):
        return np.full(shape, self.draw)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [(0.0, [1.0, 1.5, 2.0]), (0.25, [1.0, 1.0, 2.0]), (0.75, [1.0, 1.0, 1.5])],
)
def test_a_number_is_rounded_up_when_the_draw_is_below_its_fraction(draw, expected):
    x = [1.0, 1.125, 1.875 - 2**-9]  # fractions 0, 1/4 and a little less than 3/4 of the step 1/2
    assert nf.stochastic_round(x, nf.E2M1, SameDraw(draw)).tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", 1, 2), "exponent_bits"),
        (("x", 12, 2), "exponent_bits"),
        (("x", 4, 53), "mantissa_bits"),
        (("x", 4, 3, "inf"), "specials"),
    ],
)
def test_bad_formats(arguments, message):
    with pytest.raises(ValueError, match=message):
        nf.FloatFormat(*arguments)


def test_bad_input():
    with pytest.raises(ValueError, match="16 bits"):
        nf.values(nf.FLOAT32)
    with pytest.raises(ValueError, match="E8M8 has 2\\^16 numbers"):
        nf.values(nf.FloatFormat("E8M8", 8, 8))
    with pytest.raises(ValueError, match="no NaN"):
        nf.round_to([1.0, np.nan], nf.E2M1)


def test_the_figure_shows_the_distance_to_the_next_number():
    lines = {line.get_label(): line.get_xydata() for line in spacings().axes[0].get_lines()}
    for kind in (nf.FLOAT16, nf.BFLOAT16, nf.E4M3, nf.E5M2):
        grid = nf.values(kind)
        x, y = lines[kind.name][1:-1:97].T
        lower = np.searchsorted(grid, x, side="right") - 1
        assert y * x == pytest.approx(grid[lower + 1] - grid[lower], rel=1e-9)
