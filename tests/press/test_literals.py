"""Strings in listings are broken where Python joins them again, and mean the same."""

from __future__ import annotations

import ast

import pytest
from press.site.literals import broken
from press.site.narrow import narrowed

CALL = """def told(name, value, kind):
    return tell(
        name, f"{name} is {value:>{len(name)}.3f} of the kind {kind!r}, {{as it is}}", 3
    )
"""
ALONE = """def why(x):
    text = "a value must be positive, finite and smaller than the number of examples"
    return text.upper()
"""
METHOD = """x = "must be at least one and at most {} or the next even number".format(2)
"""
RAW = r"""x = r"a pattern of \d+ digits, \w+ words and \s+ spaces, each of them once or more"
"""
ESCAPES = r"""print("one line\n and another line\t with signs of its own \" in it \\ and more", 1)
"""
FIELDS = """lines.append(f"{first['text']}{second['text'] if second else ''}{third[0]}{fourth}")
"""


@pytest.mark.parametrize("columns", [45, 60])
@pytest.mark.parametrize("text", [CALL, ALONE, METHOD, RAW, ESCAPES])
def test_a_broken_string_fits_and_means_the_same(text, columns):
    shown = broken(text, columns)
    assert shown != text
    assert max(map(len, shown.splitlines())) <= columns
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(text))


def test_fields_without_a_space_between_them_are_broken_beside_a_field():
    shown = broken(FIELDS, 60)
    assert max(map(len, shown.splitlines())) <= 60
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(FIELDS))


def test_a_part_without_fields_is_a_plain_string():
    shown = broken('x = f"a text without any field before the end of it {name}"\n', 40)
    first, second = shown.splitlines()[1:3]
    assert first == '    "a text without any field before "'
    assert second == '    f"the end of it {name}"'


def test_a_string_outside_of_brackets_gets_its_own():
    assert broken(ALONE, 60).splitlines()[1] == "    text = ("


@pytest.mark.parametrize(
    "text",
    [
        'x = "short"\n',
        'x = "' + "y" * 90 + '"\n',  # no place to break
        'x = """' + "long words " * 9 + '"""\n',
        "first = second + third + fourth + fifth + sixth + seventh + eighth + ninth\n",
        'f("short", ' + "y" * 60 + ",\n)\n",
    ],
)
def test_what_fits_or_cannot_be_broken_stays(text):
    assert broken(text, 60) == text


def test_a_comment_that_the_formatter_moved_to_the_right_fits():
    text = """def f(x):
    return [
        one + two
        # a comment of just as many columns as fit into a line here
        for one in x
        if one and two and three and four and five and six and seven and eight
    ]
"""
    shown = narrowed(text, 66)
    assert max(map(len, shown.splitlines())) <= 66
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(text))
