"""The library functions that the cells of a page use are listed, short and each once."""

from __future__ import annotations

import ast
import dataclasses

import pytest
from clikit.errors import UserError
from lxml import html
from press.site import listings
from press.site.listings import Library
from press.site.narrow import narrowed
from press.site.shortening import shortened
from press.source import chapter

from tests.press import sample_book

NEAR = '''"""Near."""

from lib.deep.core import inner as again
from lib.checks import within


def helper(x):
    """Half."""
    return x / 2


def _share(x):
    """A part that computes."""
    return x / 3


def _number(x):
    """A part that refuses."""
    if x < 0:
        raise ValueError(x)
    return float(x)


def double(x, y=1):
    """Double.

    Long.
    """
    within(x, 0)
    if x < 0:
        raise ValueError(
            f"negative: {x}"
        )
    for part in (x, y):
        if part is None:
            raise TypeError("nothing")
    value = _number(x)  # a comment stays
    if value > 5:
        raise RuntimeError("not a check of an argument")
    return _share(2 * value)


class Pair:
    """Two."""

    left: int
    """The left one."""

    def total(self):
        """Both."""
        return self.left
'''
FILES = {
    "lib/__init__.py": "",
    "lib/near.py": NEAR,
    "lib/deep/__init__.py": "",
    "lib/deep/core.py": "def inner():\n    return 1\n",
    "lib/checks.py": "def within(x, low):\n    if x < low:\n        raise ValueError(x)\n",
    "lib/figures.py": "def draw():\n    return 0\n",
}
DOUBLE = """def _share(x):
    return x / 3

def double(x, y=1):
    value = _number(x)  # a comment stays
    if value > 5:
        raise RuntimeError("not a check of an argument")
    return _share(2 * value)"""


@pytest.fixture
def library(tmp_path):
    for name, text in FILES.items():
        sample_book.write(tmp_path / name, text)
    return Library(tmp_path, ("lib",), ("lib.figures",))


def names(library, *cells):
    return [(item.cell, item.name) for item in library.listings(cells)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["import lib.near as n\nn.double(1)"], [(1, "lib.near.double")]),
        (["import lib.near", "lib.near.double(1)"], [(2, "lib.near.double")]),
        (["from lib import near as n\nn.helper(n.double(1))"], ["helper", "double"]),
        (["from lib.near import double as d\nd(1)\nd(2)", "d(3)"], [(1, "lib.near.double")]),
        (["from lib.near import again", "again()"], [(2, "lib.deep.core.inner")]),
        (["from lib.near import Pair\nmap(Pair, [1])"], [(1, "lib.near.Pair")]),
        (["%%time\nfrom lib.near import helper\nhelper(1)"], []),
        (["import numpy as np\nnp.ones(3)"], []),
        (["from lib.figures import draw\ndraw()"], []),
        (["from lib.near import double"], []),
        (["from lib.near import missing\nmissing()"], []),
        (["from lib.near import double\ndouble(1)", "def double(x):\n    return x"], []),
        (["this is not Python"], []),
    ],
)
def test_a_function_is_listed_where_a_cell_first_uses_it(library, cells, expected):
    whole = [item if isinstance(item, tuple) else (1, f"lib.near.{item}") for item in expected]
    assert names(library, *cells) == whole


def test_a_listing_has_neither_docstrings_nor_checks_but_what_computes(library):
    (listing,) = library.listings(["from lib.near import double\ndouble(1)"])
    assert listing.text == DOUBLE


def test_a_listing_says_where_it_stands(library):
    (listing,) = library.listings(["from lib.near import helper\nhelper(1)"])
    assert listing.path.endswith("lib/near.py")
    assert listing.lines == "L7-L9"


def test_docstrings_of_fields_go_too(library):
    (listing,) = library.listings(["from lib.near import Pair\nPair()"])
    assert "The left one" not in listing.text
    assert "left: int" in listing.text


def test_a_body_that_is_nothing_but_a_check_stays_whole():
    text = "def f(x):\n    if x:\n        raise ValueError(x)"
    assert shortened(text, ast.parse(text).body[0]) == text


@pytest.fixture
def page(tmp_path):
    root = sample_book.make(tmp_path / "book")
    return chapter.read("a/one", root / "book" / "a" / "one.md")


def with_open(page, names):
    metadata = {**page.source["metadata"], "open": names}
    return dataclasses.replace(page, source={**page.source, "metadata": metadata})


LISTING = listings.Listing(
    1, "toy.near.double", "code/toy/near.py", "L1-L2", "def double(x):\n    x"
)


def test_the_front_matter_opens_a_listing(page):
    (listing,) = listings.opened(with_open(page, ["toy.near.double"]), [LISTING], 25)
    assert listing.is_open


@pytest.mark.parametrize(
    ("names", "limit", "message"),
    [
        ("toy.near.double", 25, "not a list of names"),
        (["toy.near.duble"], 25, "did you mean 'toy.near.double'"),
        (["toy.near.double"], 1, "has 2 lines, more than 1"),
    ],
)
def test_a_wrong_open_is_refused(page, names, limit, message):
    with pytest.raises(UserError, match=message):
        listings.opened(with_open(page, names), [LISTING], limit)


def with_unlisted(page, names):
    metadata = {**page.source["metadata"], "unlisted": names}
    return dataclasses.replace(page, source={**page.source, "metadata": metadata})


@pytest.mark.parametrize(
    ("names", "left"), [([], 1), (["toy"], 0), (["toy.near"], 0), (["toy.near.double"], 0)]
)
def test_the_front_matter_leaves_out_what_is_below_a_name(page, names, left):
    assert len(listings.listed(with_unlisted(page, names), [LISTING])) == left


@pytest.mark.parametrize(
    ("names", "message"),
    [("toy.near", "not a list of names"), (["toy.ne"], "'toy.ne', nor is in it")],
)
def test_a_wrong_unlisted_is_refused(page, names, message):
    with pytest.raises(UserError, match=message):
        listings.listed(with_unlisted(page, names), [LISTING])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book with a page whose second cell uses the library."""
    root = sample_book.make(tmp_path_factory.mktemp("book"))
    path = root / "book" / "a" / "one.md"
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "kind: front", "kind: front\nopen: [toy.near.double]"
        ),
        encoding="utf-8",
    )
    done = sample_book.press(sample_book.accepted(root), "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return html.parse(root / "_build" / "html" / "a" / "one.html").getroot()


def test_a_page_folds_the_source_below_the_cell(site):
    (fold,) = site.xpath("//div[contains(@class, 'cell')]/div[contains(@class, 'sources')]/details")
    assert fold.find("summary").text_content() == "Source of double"
    assert fold.xpath(".//pre")[0].text_content().startswith("def double(x):")
    assert fold.get("open") == "open"


def test_a_listing_says_how_to_import_it_and_links_to_its_module(site):
    (line,) = site.xpath("//p[@class='source-origin']")
    assert line.text_content().startswith("from toy.near import double")
    (address,) = line.xpath(".//a/@href")
    assert address.endswith("/blob/main/code/toy/near.py#L6-L7")


WIDE = """class Sum:
    # how a comment that has a line of its own is broken is the same
    def of(self, first, second, third):  # named after their places
        if first:
            return [first * 1000 + second * 2000, second + 3000, third]  # all of them

        return None  # short
"""


@pytest.mark.parametrize("columns", [40, 60, 79])
def test_a_wide_listing_says_the_same_in_the_columns_of_a_page(columns):
    shown = narrowed(WIDE, columns)
    assert max(map(len, shown.splitlines())) <= columns
    assert ast.dump(ast.parse(shown)) == ast.dump(ast.parse(WIDE))
    words = " ".join(" ".join(shown.replace("#", " ").split()).split())
    for comment in ("a line of its own is broken is the same", "named after their places"):
        assert comment in words
    assert "return None  # short" in shown


def test_a_comment_stands_above_the_line_that_it_made_too_long():
    shown = narrowed(WIDE, 60).splitlines()
    at = shown.index("            # all of them")
    assert shown[at + 1].strip() == "return ["


def test_the_text_of_an_error_is_left_out_where_it_does_not_fit():
    text = """def f(x):
    if x < 0:
        raise KeyError("short")
    if x > 9:
        raise FloatingPointError(
            f"a long text about {x} and about what a reader could do about it"
        ) from None
    while x > 8:
        x -= 1
        if x == 3:
            raise FloatingPointError(f"another long text about {x} and about the same as above")
    raise FloatingPointError(f"another long text about {x} and about the same as above")
    return x
"""
    shown = narrowed(text, 60)
    assert shown.count("raise FloatingPointError(...)") == 3
    assert "raise FloatingPointError(...) from None\n    while x > 8" in shown
    assert 'raise KeyError("short")' in shown
    assert shown.endswith("(...)\n    return x")


def test_paragraphs_of_a_docstring_are_filled_anew_and_its_sections_stay():
    text = """def f(x, wide):
    \"\"\"One sentence that has rather more words in it than a narrow column
    can hold.

    Parameters
    ----------
    x : number
        What is doubled, and what this explains with more words than fit into a line here.
    wide : unused

    >>> f("a string that is longer than the column of the page", 1) and "not broken here"
    \"\"\"
    return 2 * x
"""
    shown = narrowed(text, 60)
    rows = shown.splitlines()
    assert max(len(row) for row in rows if ">>>" not in row) <= 60
    words = " ".join(shown.split())
    assert words == " ".join(text.split())
    at = rows.index("    Parameters")
    assert rows[at - 1 : at + 3] == ["", "    Parameters", "    ----------", "    x : number"]
    assert rows[at + 3].startswith(" " * 8 + "What is doubled,")
    assert '    >>> f("a string that is longer than the column of the page", 1)' in shown
    assert rows[-2:] == ['    """', "    return 2 * x"]


def test_a_part_of_a_class_keeps_its_margin():
    part = "    def of(self, first, second, third):\n        return first + second + third\n"
    shown = narrowed(part, 40).splitlines()
    assert shown[0].startswith("    def")
    assert max(map(len, shown)) <= 40


@pytest.mark.parametrize("text", ["x = 1", "for every x do this " * 5, 'x = """' + "y " * 50])
def test_what_fits_or_is_not_whole_python_stays(text):
    assert narrowed(text, 79) == text
