"""Numbers in the texts of figures, with the minus sign of their axes.

Read with book/learning/backprop.md.
"""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"  # as wide as a plus, and what Matplotlib and Vega print at their axes


def number(value: float, digits: int) -> str:
    """A number with so many decimals and a true minus sign.

    Examples
    --------
    >>> number(2.345, 1)
    '2.3'
    >>> number(-1, 0) == MINUS + "1"
    True

    Raises
    ------
    ValueError
        If the count of decimals is negative.
    """
    if digits < 0:
        raise ValueError(f"a number has at least 0 decimals, got {digits}")
    return f"{value:.{digits}f}".replace("-", MINUS)
