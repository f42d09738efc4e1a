"""Numbers in figures have the minus sign of their axes."""

import pytest
from groundtruth.figures.numbers import number


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-0.2, 2, "\N{MINUS SIGN}0.20"), (-4.0, 0, "\N{MINUS SIGN}4"), (1.26, 1, "1.3"), (0, 0, "0")],
)
def test_a_number_in_a_figure_has_the_minus_sign_of_its_axes(value, digits, text):
    assert number(value, digits) == text


def test_a_number_has_no_negative_count_of_decimals():
    with pytest.raises(ValueError, match="at least 0 decimals"):
        number(1.0, -1)
