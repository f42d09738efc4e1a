"""Block formats store what casts of ml_dtypes store, block by block."""

import ml_dtypes
import numpy as np
import pytest
from groundtruth.modern import block_formats as bf

ROWS = np.random.default_rng(0).normal(size=(40, 64)) * np.logspace(-6, 5, 40)[:, None]
ROWS[3, :32] = 0.0
ROWS[5, 7] = 100 * np.abs(ROWS[5]).max()


def cast(x, dtype):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(x, np.float32).astype(dtype).astype(float)


@pytest.mark.parametrize(
    ("function", "dtype"),
    [
        (bf.to_e2m1, ml_dtypes.float4_e2m1fn),
        (bf.to_e4m3, ml_dtypes.float8_e4m3fn),
        (bf.to_e5m2, ml_dtypes.float8_e5m2),
    ],
)
def test_elements_are_those_of_ml_dtypes(function, dtype):
    x = np.concatenate([ROWS.ravel(), np.arange(-70_000, 70_000, 37.0), np.arange(-8, 8, 0.125)])
    assert np.array_equal(function(x.astype(np.float32)), cast(x, dtype), equal_nan=True)


def test_e8m0_is_that_of_ml_dtypes():
    rng = np.random.default_rng(1)
    ties = 1.5 * 2.0 ** np.arange(-100, 100)
    x = np.concatenate([2 ** rng.uniform(-120, 120, 2000), ties, 1.4999 * ties / 1.5, 2 * ties / 3])
    assert bf.to_e8m0(x).tolist() == cast(x, ml_dtypes.float8_e8m0fnu).tolist()


def test_e2m1_has_fifteen_values():
    assert len(np.unique(bf.to_e2m1(np.linspace(-9, 9, 10_001)))) == 15


def by_blocks(x, size, quantize):
    return np.concatenate(
        [[quantize(block) for block in row.reshape(-1, size)] for row in x]
    ).reshape(x.shape)


def test_mxfp4_block_by_block_with_ml_dtypes():
    def quantize(block):
        top = np.abs(block).max()
        if top == 0:
            return np.zeros_like(block)
        scale = cast(2.0 ** (np.floor(np.log2(top)) - 2), ml_dtypes.float8_e8m0fnu)
        return scale * cast(block / scale, ml_dtypes.float4_e2m1fn)

    assert np.array_equal(bf.mxfp4(ROWS), by_blocks(ROWS, 32, quantize))


def test_nvfp4_block_by_block_with_ml_dtypes():
    tensor = float(np.float32(np.abs(ROWS).max() / (6 * 448)))

    def quantize(block):
        wanted = np.minimum(np.abs(block).max() / 6 / tensor, 448)
        scale = tensor * cast(wanted, ml_dtypes.float8_e4m3fn)
        if scale == 0:
            return np.zeros_like(block)
        return scale * cast(block / scale, ml_dtypes.float4_e2m1fn)

    assert np.allclose(bf.nvfp4(ROWS), by_blocks(ROWS, 16, quantize), rtol=1e-15, atol=0)


def test_nvint4_block_by_block_with_ml_dtypes():
    tensor = float(np.float32(np.abs(ROWS).max() / (7 * 448)))

    def quantize(block):
        scale = tensor * cast(
            np.minimum(np.abs(block).max() / 7 / tensor, 448), ml_dtypes.float8_e4m3fn
        )
        if scale == 0:
            return np.zeros_like(block)
        return scale * cast(np.clip(np.rint(block / scale), -7, 7), ml_dtypes.int4)

    assert np.allclose(bf.nvint4(ROWS), by_blocks(ROWS, 16, quantize), rtol=1e-15, atol=0)


def test_int4_group_by_group_with_numpy():
    x = ROWS[10:30]

    def quantize(block):
        scale = float(np.float16(np.abs(block).max() / 7))
        if not scale:
            return np.zeros_like(block)
        return scale * cast(np.clip(np.rint(block / scale), -7, 7), ml_dtypes.int4)

    assert np.array_equal(bf.int4(x, 16), by_blocks(x, 16, quantize))
    assert np.array_equal(bf.int4(x), by_blocks(x, 64, quantize))


def test_mxfp4_by_hand():
    block = np.zeros(32)
    block[:5] = [7.0, 5.0, 0.3, -0.2, -2.5]  # largest 7: scale 2^(2 - 2) = 1, 7 saturates
    assert bf.mxfp4(block)[:5].tolist() == [6.0, 4.0, 0.5, 0.0, -2.0]


def test_nvfp4_by_hand():
    block = np.zeros(16)
    block[:4] = [12.0, 2.0, -7.0, 0.4]  # block scale 2 with tensor scale 1
    assert bf.nvfp4(block, tensor_scale=1.0)[:4].tolist() == [12.0, 2.0, -8.0, 0.0]


def test_a_block_scale_beyond_e4m3_saturates():
    assert bf.nvfp4(np.full(16, 1e4), tensor_scale=1.0).tolist() == [448.0 * 6] * 16


@pytest.mark.parametrize("function", [bf.mxfp4, bf.nvfp4, bf.nvint4, bf.int4])
def test_zeros_stay_and_signs_mirror(function):
    assert not function(np.zeros((2, 32))).any()
    x = ROWS[20:25]
    assert np.array_equal(function(-x), -function(x))


@pytest.mark.parametrize("factor", [2.0**-9, 2.0**5])
def test_powers_of_two_scale_through(factor):
    x = ROWS[18:22]
    assert np.array_equal(bf.mxfp4(factor * x), factor * bf.mxfp4(x))
    assert np.allclose(bf.nvfp4(factor * x), factor * bf.nvfp4(x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("function", [bf.mxfp4, bf.nvfp4, lambda x: bf.int4(x, 16)])
def test_blocks_do_not_know_each_other(function):
    x = ROWS[20:21].copy()
    y = x.copy()
    y[0, 40:] = 0.5 * y[0, 40:]  # the tensor's largest magnitude is in the first block
    x[0, 0] = y[0, 0] = 1.5 * np.abs(x).max()
    assert np.array_equal(function(x)[0, :32], function(y)[0, :32])


def test_tiny_scales():
    tiny = np.full(32, 1e-44)
    assert bf.mxfp4(tiny).max() <= 2.0**-127
    assert np.isfinite(bf.nvfp4(tiny)).all()
    assert not bf.int4(np.full(16, 1e-9)).any()
    # the scale 1.4 * 2^-24 rounds to 2^-24, the smallest float16, and -9.8 saturates at -7
    assert bf.int4(np.full(16, -9.8 * 2.0**-24)).tolist() == [-7 * 2.0**-24] * 16


def test_sqnr_by_hand():
    assert bf.sqnr_db([3.0, 4.0], [3.0, 4.5]) == pytest.approx(20.0)
    assert bf.sqnr_db([1.0], [1.0]) == np.inf


def int4_groups(x):
    return bf.int4(x, 16)


FUNCTIONS = [bf.mxfp4, bf.nvfp4, bf.nvint4, bf.int4, int4_groups]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_integers_and_single_precision_are_taken_as_double(function):
    whole = np.random.default_rng(2).integers(-100, 100, size=(3, 32)).astype(np.int8)
    for x in (whole, whole.tolist(), ROWS[20:23].astype(np.float32)):
        ours = function(x)
        assert ours.dtype == float
        assert np.array_equal(ours, function(np.asarray(x).astype(float)))
    long = [10**21] + [0] * 31  # integers longer than 64 bits
    if function in (bf.mxfp4, bf.nvfp4, bf.nvint4):
        assert np.array_equal(function(long), function(np.array(long, dtype=float)))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_blocks_lie_along_the_last_axis(function):
    x = ROWS[16:28].reshape(2, 3, 2, 64)
    x = x / np.abs(x).max()
    x[..., 0] = 1.0  # the largest of every row: alone it has the same scale of the tensor
    ours = function(x)
    assert ours.shape == x.shape
    for index in np.ndindex(2, 3, 2):
        assert np.array_equal(ours[index], function(x[index]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_blocks_of_zeros_are_rounded_without_a_warning(function):
    x = ROWS[20:22].copy()
    x[0, :32] = 0.0
    assert not function(x)[0, :32].any()
    assert bf.sqnr_db(function(x), function(x)) == np.inf


@pytest.mark.parametrize("function", [bf.nvfp4, bf.nvint4])
def test_a_tensor_whose_scale_no_float32_holds_becomes_zero(function):
    # 1e-44 / (6 * 448) is below half of 2^-149, the smallest float32
    assert not function(np.full(32, 1e-44)).any()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_input_stays_as_it_was(function):
    x = ROWS[20:25].copy()
    function(x)
    assert np.array_equal(x, ROWS[20:25])


def test_e5m2_saturates_only_when_it_is_asked_to():
    x = [1e5, -1e5, np.inf, 1.0]
    assert bf.to_e5m2(x, saturate=True).tolist() == [57344.0, -57344.0, 57344.0, 1.0]
    assert bf.to_e5m2(x).tolist() == [np.inf, -np.inf, np.inf, 1.0]
    assert np.isnan(bf.to_e4m3(1000.0))


def test_e8m0_ends_at_the_power_127():
    low = 2.0**-127
    high = 2.0**127
    x = [low, low / 2, 1e-300, 1.6 * low, high, 1.4 * high, 1.6 * high, 4 * high, 1e300]
    assert bf.to_e8m0(x).tolist() == [low, low, low, 2 * low] + [high] * 5
    assert bf.to_e8m0(np.uint8([1, 2, 3, 5, 6, 200])).tolist() == [1, 2, 4, 4, 8, 256]
    assert bf.to_e8m0([10**21]).tolist() == [2.0**70]  # 10^21 is 0.85 * 2^70


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf])
def test_one_bad_scale_is_enough_for_an_error(bad):
    with pytest.raises(ValueError, match="powers of two"):
        bf.to_e8m0([1.0, bad, 2.0])


def test_scales_of_mxfp4_end_at_the_power_127():
    # the scale 2^-127 leaves a half as the smallest element, and a quarter is rounded to 0
    assert bf.mxfp4(np.full(32, 2.0**-128)).tolist() == [2.0**-128] * 32
    assert not bf.mxfp4(np.full(32, 2.0**-129)).any()
    assert bf.mxfp4(np.full(32, 2.0**129)).tolist() == [2.0**129] * 32  # 4 times 2^127
    assert bf.mxfp4(np.full(32, 2.0**131)).tolist() == [6 * 2.0**127] * 32


def test_a_tensor_scale_may_be_any_positive_number():
    x = np.full(16, 6.0)
    for scale in (2.0**-8, 0.5, 1.0, 8.0):
        assert bf.nvfp4(x, scale).tolist() == [6.0] * 16  # 6 times 1 / scale times scale
    assert bf.nvfp4(x, 2.0**-10).tolist() == [6 * 448 / 1024] * 16  # the block's scale saturates
    with pytest.raises(ValueError, match="positive and finite, got -1"):
        bf.nvfp4(x, -1.0)


def test_the_largest_float16_is_a_scale():
    x = np.zeros(16)
    x[:3] = [7 * 65504.0, -65504.0, 1.0]
    assert bf.int4(x)[:3].tolist() == [7 * 65504.0, -65504.0, 0.0]
    assert bf.int4([1.0], 1).tolist() == [float(np.float16(1 / 7)) * 7]


def test_signals_of_short_integers_do_not_wrap_around():
    x, rounded = np.uint8([100, 200]), np.uint8([101, 199])
    # the signal has the power 10,000 + 40,000, the error 1 + 1
    assert bf.sqnr_db(x, rounded) == pytest.approx(10 * np.log10(25_000))
    assert bf.sqnr_db(np.int8([100]), np.int8([-100])) == pytest.approx(-10 * np.log10(4))
    assert bf.sqnr_db([[3.0], [4.0]], [[3.0], [9.0]]) == pytest.approx(0.0)


def test_the_error_is_measured_in_double_precision():
    signal = np.float32([1e-30])  # its square is 0 in single precision
    assert bf.sqnr_db(signal, 0.9 * signal.astype(float)) == pytest.approx(20)
    assert bf.sqnr_db(signal, np.float32([0.9e-30])) == pytest.approx(20, rel=1e-5)
    close = np.float32([1.0, 0.0])
    assert bf.sqnr_db([1 + 2.0**-30, 0.0], close) == pytest.approx(600 * np.log10(2))


def test_a_number_has_no_groups():
    with pytest.raises(ValueError, match=r"multiple of 0, got shape \(\); pad it with zeros$"):
        bf.int4(1.0)


@pytest.mark.parametrize("function", [bf.mxfp4, bf.nvfp4, bf.nvint4, bf.int4])
@pytest.mark.parametrize("x", [np.zeros(0), 1.0, np.zeros((2, 0))])
def test_empty_arrays_and_numbers_are_refused(function, x):
    with pytest.raises(ValueError, match="multiple"):
        function(x)


@pytest.mark.parametrize("function", [bf.mxfp4, bf.nvfp4, bf.nvint4, bf.int4])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_entries_that_are_not_finite_are_refused(function, bad):
    x = np.ones(32)
    x[3] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        function(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bf.mxfp4(np.ones(33)), "multiple of 32"),
        (lambda: bf.nvfp4(np.ones(24)), "multiple of 16"),
        (lambda: bf.int4(np.ones(24), 16), "multiple of 16"),
        (lambda: bf.int4(np.ones(24), 0), "multiple of 0"),
        (lambda: bf.int4(np.full(16, 1e6)), "exceeds float16"),
        (lambda: bf.nvfp4(np.ones(16), tensor_scale=0.0), "tensor_scale"),
        (lambda: bf.nvfp4(np.ones(16), tensor_scale=np.inf), "tensor_scale"),
        (lambda: bf.to_e2m1(np.nan), "no NaN"),
        (lambda: bf.to_e8m0(0.0), "powers of two"),
        (lambda: bf.to_e8m0([1.0, np.inf]), "powers of two"),
        (lambda: bf.sqnr_db([1.0], [1.0, 2.0]), "shapes differ"),
        (lambda: bf.sqnr_db([0.0], [1.0]), "zero everywhere"),
    ],
)
def test_documented_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
