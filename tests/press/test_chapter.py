"""Pages become notebooks whose cells know their lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from press.execute import imports
from press.source import chapter, prose

from tests.press import shop


def read(tmp_path, text):
    (tmp_path / "p.md").write_text(text)
    return chapter.read("p", tmp_path / "p.md")


def test_cells_know_their_lines(tmp_path):
    text = shop.chapter("T", "print(1)", "x = 2\nprint(x)")
    page = read(tmp_path, text)
    rows = text.split("\n")
    assert [rows[cell.line - 1] for cell in page.cells] == ["```{code-cell} ipython3"] * 2
    assert [cell.source for cell in page.cells] == ["print(1)", "x = 2\nprint(x)"]


def test_a_fence_inside_a_longer_fence_is_an_example_and_no_cell(tmp_path):
    text = (
        shop.HEAD + "# T\n\n````md\n```{code-cell}\nprint(1)\n```\n````\n\n" + shop.cell("print(2)")
    )
    assert [cell.source for cell in read(tmp_path, text).cells] == ["print(2)"]


def test_a_page_is_parsed_once_and_again_when_its_text_changes_or_the_memory_is_damaged(
    tmp_path, monkeypatch
):
    parsed, plain = [], chapter._parse
    monkeypatch.setattr(
        chapter, "_parse", lambda path, text: parsed.append(text) or plain(path, text)
    )
    page, memo = tmp_path / "p.md", tmp_path / "memo"
    page.write_text(shop.chapter("T", "print(1)"))
    first, second = chapter.read("p", page, memo), chapter.read("p", page, memo)
    assert len(parsed) == 1 and first == second and first.notebook == second.notebook
    page.write_text(shop.chapter("T", "print(2)"))
    assert chapter.read("p", page, memo).cells[0].source == "print(2)" and len(parsed) == 2
    (memo / "p.json").write_text((memo / "p.json").read_text().replace("print(2)", "print(3)"))
    assert chapter.read("p", page, memo).cells[0].source == "print(2)" and len(parsed) == 3


def test_tags_are_kept(tmp_path):
    page = read(tmp_path, shop.HEAD + "# T\n\n" + shop.cell("1/0", ":tags: [raises-exception]\n\n"))
    assert page.cells[0].tags == ["raises-exception"]


@given(
    st.lists(
        st.sampled_from(
            [
                "text",
                "```python\nx\n```",
                "```{code-cell} ipython3\nprint(1)\n```",
                "````{admonition} A\n```\nz\n```\n````",
                "",
            ]
        ),
        max_size=8,
    )
)
def test_lines_and_cells_agree_for_any_mixture(parts):
    import jupytext

    text = shop.HEAD + "# T\n\n" + "\n\n".join(parts) + "\n"
    code = [c for c in jupytext.reads(text, fmt="md:myst").cells if c.cell_type == "code"]
    assert len(chapter.cell_lines(text)) == len(code)


IMPORTS = [
    ("import a.b.c", {"a.b.c"}),
    ("from a import b, c as d", {"a", "a.b", "a.c"}),
    ("def f():\n    import late", {"late"}),
    ("try:\n    import x\nexcept ImportError:\n    import y", {"x", "y"}),
]


@pytest.mark.parametrize(("source", "expected"), IMPORTS)
def test_imports_are_found_wherever_they_stand(source, expected):
    assert imports.names(source) == expected


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [("from . import z", "p.q", {"p.q", "p.q.z"}), ("from ..r import s", "p.q", {"p.r", "p.r.s"})],
)
def test_relative_imports_are_resolved(source, package, expected):
    assert imports.names(source, package) == expected


def test_magics_and_broken_cells_do_not_hide_imports():
    assert imports.cell_names(["%matplotlib inline\nimport a", "def broken(", "import b"]) == {
        "a",
        "b",
    }


def test_imports_are_followed_through_packages(tmp_path):
    shop.make(tmp_path)
    found = imports.files({"toy.near"}, tmp_path / "code", ("toy",))
    assert {p.name for p in found} == {"__init__.py", "near.py", "deep.py"}


def test_imports_in_a_circle_end(tmp_path):
    for a, b in (("x", "y"), ("y", "x")):
        shop.write(tmp_path / f"{a}.py", f"import {b}\n")
    assert {p.name for p in imports.files({"x"}, tmp_path, ("x", "y"))} == {"x.py", "y.py"}


def test_prose_leaves_out_code_mathematics_and_options():
    text = (
        shop.HEAD
        + "# T\n\nOne line.\n<!-- hidden -->\n\n$$\na = 7\n$$ (eq-x)\n\n```{admonition} Title\n:class: trap\nInside.\n```\n\n"
        + shop.cell("print(3)")
    )
    assert [line.text for line in prose.lines(text)] == ["T", "One line.", "Title", "Inside."]


def test_prose_counts_words():
    assert prose.word_count("# A title\n\nThree more words with $x$ and `code`.\n") == 9
