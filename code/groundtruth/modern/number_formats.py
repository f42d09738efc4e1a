"""Floating-point formats: which numbers they hold, and rounding to them.

Read with book/modern/numerics.md.

A format with E exponent bits and M mantissa bits holds sign * (1 + f / 2^M) * 2^(c - bias) for the
exponent codes c >= 1, and the subnormals sign * (f / 2^M) * 2^(1 - bias) for c = 0, 0 <= f < 2^M.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from groundtruth.arrays import Array

SPECIALS = ("ieee", "nan", "none")


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format.

    Parameters
    ----------
    name : str
    exponent_bits : int, 2 to 11
    mantissa_bits : int, 0 to 52
        Stored bits of the significand; the leading one is implied.
    specials : {"ieee", "nan", "none"}
        What is reserved: the highest exponent code for infinity and NaN; only the code of all ones,
        for NaN (E4M3 of OCP); or nothing (E2M1).

    Raises
    ------
    ValueError
        If a number of bits or `specials` is not one of these.

    Examples
    --------
    >>> FloatFormat("float16", 5, 10).largest
    65504.0
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    specials: str = "ieee"

    def __post_init__(self) -> None:
        if not 2 <= self.exponent_bits <= 11:
            raise ValueError(f"exponent_bits must be 2 to 11, got {self.exponent_bits}")
        if not 0 <= self.mantissa_bits <= 52:
            raise ValueError(f"mantissa_bits must be 0 to 52, got {self.mantissa_bits}")
        if self.specials not in SPECIALS:
            raise ValueError(f"specials must be one of {SPECIALS}, got {self.specials!r}")

    @property
    def bias(self) -> int:
        """What is subtracted from an exponent code."""
        return 2 ** (self.exponent_bits - 1) - 1

    @property
    def bits(self) -> int:
        """Sign, exponent and mantissa together."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def largest(self) -> float:
        """The largest finite number."""
        top = 2**self.exponent_bits - 1 - (self.specials == "ieee")
        missing = 2 if self.specials == "nan" else 1
        return float(np.ldexp(2 - missing * self.eps, top - self.bias))

    @property
    def smallest_normal(self) -> float:
        """The smallest positive number with the full precision."""
        return float(np.ldexp(1.0, 1 - self.bias))

    @property
    def smallest(self) -> float:
        """The smallest positive number, a subnormal."""
        return float(np.ldexp(1.0, 1 - self.bias - self.mantissa_bits))

    @property
    def eps(self) -> float:
        """The distance from 1 to the next larger number."""
        return 2.0**-self.mantissa_bits

    @property
    def largest_integer(self) -> int:
        """The largest n such that all integers from 0 to n are representable."""
        return int(min(2 ** (self.mantissa_bits + 1), np.floor(self.largest)))


FLOAT64 = FloatFormat("float64", 11, 52)
FLOAT32 = FloatFormat("float32", 8, 23)
TF32 = FloatFormat("TF32", 8, 10)
BFLOAT16 = FloatFormat("bfloat16", 8, 7)
FLOAT16 = FloatFormat("float16", 5, 10)
E5M2 = FloatFormat("E5M2", 5, 2)
E4M3 = FloatFormat("E4M3", 4, 3, "nan")
E3M2 = FloatFormat("E3M2", 3, 2, "none")
E2M3 = FloatFormat("E2M3", 2, 3, "none")
E2M1 = FloatFormat("E2M1", 2, 1, "none")
FORMATS = (FLOAT64, FLOAT32, TF32, BFLOAT16, FLOAT16, E5M2, E4M3, E2M1)


def values(kind: FloatFormat) -> Array:
    """All finite numbers >= 0 of a format, increasing.

    Raises
    ------
    ValueError
        If the format has more than 16 bits.

    Examples
    --------
    >>> values(E2M1).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    if kind.bits > 16:
        raise ValueError(f"{kind.name} has 2^{kind.bits - 1} numbers; list formats of 16 bits")
    exponent, fraction = np.divmod(np.arange(2 ** (kind.bits - 1)), 2**kind.mantissa_bits)
    significand = np.where(exponent == 0, 0.0, 1.0) + fraction * kind.eps
    numbers = np.ldexp(significand, np.maximum(exponent, 1) - kind.bias)
    return numbers[numbers <= kind.largest]


def quantum(x: ArrayLike, kind: FloatFormat) -> Array:
    """The distance between neighboring numbers of a format in the binade of x, entry by entry.

    A binade is the interval [2^e, 2^(e+1)); below the smallest normal number the distance stays.

    Examples
    --------
    >>> quantum([1.0, 300.0, 1e-9], BFLOAT16).tolist()[:2]
    [0.0078125, 2.0]
    """
    magnitude = np.abs(np.asarray(x, dtype=float))
    exponent = np.frexp(np.where(np.isfinite(magnitude), magnitude, 1.0))[1] - 1
    exponent = np.where(magnitude > 0, exponent, 1 - kind.bias)
    return np.ldexp(1.0, np.maximum(exponent, 1 - kind.bias) - kind.mantissa_bits)


def round_to(x: ArrayLike, kind: FloatFormat, saturate: bool = False) -> Array:
    """Round to the nearest number of a format, ties to the even mantissa, in float64.

    Parameters
    ----------
    x : array_like of any shape, taken as float64
    kind : FloatFormat
    saturate : bool
        Whether numbers beyond the largest become the largest; otherwise infinity, NaN in a format
        without infinity, and in a format without either, the largest.

    Raises
    ------
    ValueError
        If x holds NaN and the format has none.

    Examples
    --------
    >>> round_to([1.001, 300.5, 1e39], BFLOAT16).tolist()
    [1.0, 300.0, inf]
    """
    value = np.asarray(x, dtype=float)
    step = quantum(value, kind)
    with np.errstate(invalid="ignore"):
        return _limited(np.rint(value / step) * step, value, kind, saturate)


def stochastic_round(
    x: ArrayLike, kind: FloatFormat, rng: np.random.Generator, saturate: bool = False
) -> Array:
    """Round up or down at random, so that the mean of the result is x.

    A number at the fraction t of the way from its lower to its upper neighbor is rounded up with
    probability t (Gupta et al., 2015). Parameters and errors are those of `round_to`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sorted(set(stochastic_round(np.full(99, 1.001), BFLOAT16, rng).tolist()))
    [1.0, 1.0078125]
    """
    value = np.asarray(x, dtype=float)
    step = quantum(value, kind)
    with np.errstate(invalid="ignore"):
        steps = value / step
        lower = np.floor(steps)
        up = rng.random(value.shape) < steps - lower
        return _limited((lower + up) * step, value, kind, saturate)


def _limited(rounded: Array, value: Array, kind: FloatFormat, saturate: bool) -> Array:
    """Replace numbers beyond the largest; the sign of x stays, of zeros too."""
    if kind.specials == "none" and np.isnan(value).any():
        raise ValueError(f"{kind.name} has no NaN; find where x gets it")
    beyond = {"ieee": np.inf, "nan": np.nan, "none": kind.largest}[kind.specials]
    limit = kind.largest if saturate else beyond
    magnitude = np.where(np.abs(rounded) > kind.largest, limit, np.abs(rounded))
    return np.copysign(magnitude, value)
