"""Pages become notebooks whose cells know their lines."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from press.execute import imports
from press.source import chapter, markdown, prose
from press.store import Store

from tests.conftest import ROOT
from tests.press import sample_book


def read(tmp_path, text):
    (tmp_path / "p.md").write_text(text)
    return chapter.read("p", tmp_path / "p.md")


def test_cells_know_their_lines(tmp_path):
    text = sample_book.chapter("T", "print(1)", "x = 2\nprint(x)")
    page = read(tmp_path, text)
    rows = text.split("\n")
    assert [rows[cell.line - 1] for cell in page.cells] == ["```{code-cell} ipython3"] * 2
    assert [cell.source for cell in page.cells] == ["print(1)", "x = 2\nprint(x)"]


def test_a_fence_inside_a_longer_fence_is_an_example_and_no_cell(tmp_path):
    text = (
        sample_book.HEAD
        + "# T\n\n````md\n```{code-cell}\nprint(1)\n```\n````\n\n"
        + sample_book.cell("print(2)")
    )
    assert [cell.source for cell in read(tmp_path, text).cells] == ["print(2)"]


@pytest.fixture
def parsed(monkeypatch):
    """The texts that were parsed, in order."""
    texts = []
    parse = chapter._Page.parse
    monkeypatch.setattr(chapter._Page, "parse", lambda page: texts.append(page.text) or parse(page))
    return texts


def test_a_page_is_parsed_once_and_again_when_its_text_changes(tmp_path, parsed):
    page = tmp_path / "p.md"
    store = Store(tmp_path / "store", "base")
    page.write_text(sample_book.chapter("T", "print(1)"))
    first = chapter.read("p", page, store)
    assert chapter.read("p", page, store) == first
    assert len(parsed) == 1
    page.write_text(sample_book.chapter("T", "print(2)"))
    assert chapter.read("p", page, store).cells[0].source == "print(2)"
    assert len(parsed) == 2


def test_a_damaged_memory_of_a_page_is_not_believed(tmp_path, parsed):
    page = tmp_path / "p.md"
    store = Store(tmp_path / "store", "base")
    page.write_text(sample_book.chapter("T", "print(2)"))
    chapter.read("p", page, store)
    for path in (tmp_path / "store").rglob("*.json"):
        path.write_text(path.read_text().replace("print(2)", "print(3)"))
    assert chapter.read("p", page, store).cells[0].source == "print(2)"
    assert len(parsed) == 2


@pytest.mark.parametrize(("front", "limit_s"), [("", 120), ("press: {timeout_s: 300}\n", 300)])
def test_the_time_limit_of_a_page_is_its_own_or_the_usual_one(tmp_path, front, limit_s):
    text = sample_book.HEAD.replace("kind:", f"{front}kind:") + "# T\n"
    assert read(tmp_path, text).time_limit(120) == limit_s


def test_tags_are_kept(tmp_path):
    page = read(
        tmp_path,
        sample_book.HEAD + "# T\n\n" + sample_book.cell("1/0", ":tags: [raises-exception]\n\n"),
    )
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

    text = sample_book.HEAD + "# T\n\n" + "\n\n".join(parts) + "\n"
    code = [c for c in jupytext.reads(text, fmt="md:myst").cells if c.cell_type == "code"]
    with tempfile.TemporaryDirectory() as folder:
        page = read(Path(folder), text)
    assert [cell.source for cell in page.cells] == [cell.source for cell in code]
    rows = text.split("\n")
    assert {rows[cell.line - 1] for cell in page.cells} <= {"```{code-cell} ipython3"}


IMPORTS = [
    ("import a.b.c", {"a.b.c"}),
    ("from a import b, c as d", {"a", "a.b", "a.c"}),
    ("def f():\n    import late", {"late"}),
    ("try:\n    import x\nexcept ImportError:\n    import y", {"x", "y"}),
    ("try:\n    pass\nexcept* OSError:\n    import x\nelse:\n    import y", {"x", "y"}),
    ("try:\n    import x\nfinally:\n    import y", {"x", "y"}),
    ("for i in a:\n    import x\nelse:\n    if i:\n        import y", {"x", "y"}),
    ("while a:\n    import x\nelse:\n    import y", {"x", "y"}),
    ("class C:\n    async def f():\n        async with a:\n            import x", {"x"}),
    ("match a:\n    case 1:\n        import x\n    case _:\n        import y", {"x", "y"}),
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


CELLS = {
    "a magic": ("%matplotlib inline\nimport a", {"a"}),
    "a magic that runs code": ("%time from a.b import c", {"a.b", "a.b.c"}),
    "a shell line": ("from a import b\nout = !echo hi", {"a", "a.b"}),
    "help": ("import a\na?", {"a"}),
    "an indented magic": ("if True:\n    %precision 3\n    import a", {"a"}),
    "a cell magic": ("%%timeit\nimport a", {"a"}),
    "another interpreter": ("%%bash\npython -c 'import a, b'", {"a", "b"}),
    "importlib": ("f('a.b')", {"a.b"}),
    "a module as a program": ("!python -m a.b", {"a.b"}),
    "a cell that is not Python": ("import a\ndef broken(", {"a"}),
    "await at the margin": ("await f()\nimport a", {"a"}),
}


@pytest.mark.parametrize("kind", CELLS)
def test_imports_of_a_cell_are_those_that_ipython_would_run(kind):
    source, expected = CELLS[kind]
    assert imports.cell_names([source]) == expected


def test_imports_are_followed_through_packages(tmp_path):
    sample_book.make(tmp_path)
    found = imports.files({"toy.near"}, tmp_path / "code", ("toy",))
    assert {p.name for p in found} == {"__init__.py", "near.py", "deep.py"}


def test_imports_in_a_circle_end(tmp_path):
    for a, b in (("x", "y"), ("y", "x")):
        sample_book.write(tmp_path / f"{a}.py", f"import {b}\n")
    assert {p.name for p in imports.files({"x"}, tmp_path, ("x", "y"))} == {"x.py", "y.py"}


def test_prose_leaves_out_code_mathematics_and_options():
    text = (
        sample_book.HEAD
        + "# T\n\nOne line.\n<!-- hidden -->\n\n$$\na = 7\n$$ (eq-x)\n\n"
        + "```{admonition} Title\n:class: trap\nInside.\n```\n\n"
        + sample_book.cell("print(3)")
    )
    assert [line.text for line in prose.lines(text)] == ["T", "One line.", "Title", "Inside."]


def test_prose_leaves_out_mathematics_below_a_line_of_text():
    assert [line.text for line in prose.lines("A\n$$x =\n7$$\nB\n")] == ["A", "B"]


def test_prose_of_directives_inside_directives_knows_its_lines():
    text = "::::{note}\n:class: a\n\n```{tip} T\nInside.\n```\n::::\n"
    inside = [line for line in prose.lines(text) if line.text == "Inside."]
    assert [(line.number, line.blocks) for line in inside] == [(5, ("note.a", "tip"))]


def test_an_example_in_a_fence_holds_no_directives():
    assert [b.name for b in prose.blocks("````md\n```{note}\nx\n```\n````\n")] == []


def test_the_extensions_of_the_parser_are_those_of_the_configuration(tmp_path):
    assert markdown.extensions(ROOT) == markdown.EXTENSIONS
    (tmp_path / "_config.yml").write_text("parse: {myst_enable_extensions: [deflist]}\n")
    assert markdown.extensions(tmp_path) == ("deflist",)


def test_prose_counts_words():
    assert prose.word_count("# A title\n\nThree more words with $x$ and `code`.\n") == 9
