"""A page that cannot be read is one finding with its line and its fix.

The other pages are still checked.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from clikit.errors import Exit
from press.source import chapter

from tests.press import sample_book

CELL = "```{code-cell} ipython3\n%s\n```\n"
FRONT = sample_book.HEAD.replace("kernelspec:", "%s\nkernelspec:")
BODY = "# T\n"
KIND = FRONT[: FRONT.index("kind:")].count("\n") + 1
TOP = sample_book.HEAD.count("\n") + 1  # the first line behind the front matter
BROKEN = {
    "a byte order mark": (b"\xef\xbb\xbf" + sample_book.HEAD.encode(), 1, "byte order mark"),
    "UTF-16": ((sample_book.HEAD + BODY).encode("utf-16"), 1, "UTF-16"),
    "Latin-1": ((sample_book.HEAD + "# caf\xe9\n").encode("latin-1"), TOP, "not UTF-8: byte 0xe9"),
    "a NUL": (sample_book.HEAD + "# T\n\x00\n", TOP + 1, "U+0000"),
    "a form feed": (sample_book.HEAD + "# T\n\x0c\n", TOP + 1, "U+000C"),
    "a bell": (sample_book.HEAD + "# T\x07\n", TOP, "U+0007"),
    "a line separator": (sample_book.HEAD + "# T\u2028\n", TOP, "U+2028"),
    "nothing": ("", 1, "empty"),
    "broken YAML": (FRONT % "title: [", 8, "not valid YAML"),
    "an impossible date": (FRONT % "date: 2020-13-45" + BODY, 1, "month must be in 1..12"),
    "a list in front": ("---\n- a\n---\n\n# T\n", 1, "not a mapping"),
    "a tag of Python": (FRONT % "x: !!python/name:os.system ''" + BODY, 6, "not valid YAML"),
    "jupytext as a string": ("---\njupytext: x\n---\n\n# T\n", 1, "jupytext"),
    "binary data": (FRONT % "description: !!binary aGk=" + BODY, 1, "type bytes"),
    "a deep front matter": (FRONT % ("x: " + "[" * 3000) + BODY, 0, "nested too deeply"),
    "tags as a string": (
        sample_book.HEAD + BODY + CELL % ":tags: hide-input\nx",
        TOP + 1,
        "'hide-input'",
    ),
    "tags that are not names": (
        sample_book.HEAD + BODY + CELL % ":tags: [1, null]\nx",
        TOP + 1,
        "1 is not",
    ),
    "options that are not YAML": (
        sample_book.HEAD + BODY + CELL % "---\na: [\n---\nx",
        TOP + 1,
        "bad YAML",
    ),
    "a figure as a string": (
        sample_book.HEAD + BODY + CELL % "---\nmystnb: {figure: x}\n---\nx",
        TOP + 1,
        "mystnb",
    ),
    "source from elsewhere": (
        sample_book.HEAD + BODY + CELL % ":load: x.py\n",
        TOP + 1,
        "loads its source",
    ),
    "a cell in a block": (
        sample_book.HEAD + "````{note}\n" + CELL % "x" + "````\n",
        TOP + 1,
        "not executed",
    ),
    "a cell in a list": (
        sample_book.HEAD + "- a\n\n  ```{code-cell}\n  x\n  ```\n",
        TOP + 2,
        "not executed",
    ),
    "a cell of colons": (sample_book.HEAD + ":::{code-cell}\nx\n:::\n", TOP, "not executed"),
    "a gate without end": (
        sample_book.HEAD + "```{exercise-start} A\n```\nx\n",
        TOP,
        "without exercise-end",
    ),
    "an end without gate": (
        sample_book.HEAD + "```{solution-end}\n```\n",
        TOP,
        "without solution-start",
    ),
    "two gates": (
        sample_book.HEAD
        + "```{exercise-start} A\n```\n```{solution-start} a\n```\n```{solution-end}\n```\n",
        TOP,
        "without exercise-end",
    ),
    "an unknown setting": (FRONT % "press: {timeout: 3}" + BODY, 1, "no setting 'timeout'"),
    "an unknown name": (FRONT % "kinds: bank" + BODY, 6, "no 'kinds'; did you mean 'kind'?"),
    "a name that is far from all": (FRONT % "zzz: 1" + BODY, 6, "has no 'zzz'"),
    "a name that stands twice": (FRONT % "kind: bank" + BODY, KIND, "kind stands twice"),
    "an open that is no list": (FRONT % "open: toy.near.double" + BODY, 6, "open is 'toy.near"),
    "an unlisted that is no list": (FRONT % "unlisted: toy" + BODY, 6, "unlisted is 'toy'"),
    "an open of numbers": (FRONT % "open: [1]" + BODY, 6, "open is [1], not a list of names"),
    "paths that are no list": (FRONT % "paths: interview" + BODY, 6, "paths is 'interview'"),
    "another kernel": (sample_book.HEAD.replace("python3", "julia-1.10") + BODY, 9, "'julia-1.10'"),
    "another kernel in one line": (
        f"---\nkernelspec: {{display_name: R, name: 'ir'}}\n---\n{BODY}",
        2,
        "the kernel 'ir'",
    ),
    "a wrong time limit": (FRONT % "press: {timeout_s: soon}" + BODY, 1, "'soon'"),
}


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "book" / "p.md"
    path.parent.mkdir()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", BROKEN)
def test_a_page_that_cannot_be_read_names_its_line_and_the_fix(tmp_path, name):
    content, line, message = BROKEN[name]
    with pytest.raises(chapter.PageError) as caught:
        chapter.read("p", write(tmp_path, content))
    finding = caught.value.finding
    assert message in finding.what
    assert (finding.path, finding.line) == ("book/p.md", line)
    assert finding.fix
    assert caught.value.code is Exit.FINDINGS


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "I/O")])
def test_a_page_that_the_system_does_not_give_is_named(tmp_path, monkeypatch, error):
    def refuse(self):
        raise error

    path = write(tmp_path, sample_book.HEAD)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(chapter.PageError, match="cannot be read"):
        chapter.read("p", path)


GOOD = {
    "a date": FRONT % "date: 2020-01-01" + BODY,
    "a date in the head of a cell": sample_book.HEAD + BODY + CELL % "---\nday: 2020-01-01\n---\nx",
    "a set": FRONT % "substitutions: {1: 2}" + BODY,
    "infinity": FRONT % "description: .inf" + BODY,
    "Windows line ends": (sample_book.HEAD + BODY + CELL % "x").replace("\n", "\r\n"),
    "no front matter": BODY + CELL % "x",
    "a time limit": FRONT % "press: {timeout_s: 300}" + BODY,
}


@pytest.mark.parametrize("name", GOOD)
def test_a_page_with_rare_values_is_read(tmp_path, name):
    page = chapter.read("p", write(tmp_path, GOOD[name]))
    assert page.notebook.nbformat == 4


FENCES = {
    "a closing fence longer than the opening one": ("```{code-cell}\nx\n````\n", ["x"]),
    "a space behind a fence": ("```{code-cell} \nx\n``` \n", ["x"]),
    "a fence inside a longer one": ("````{code-cell}\n```\n````\n", ["```"]),
    "inline code at the start of a line": ("```x``` is code.\n\n```{code-cell}\ny\n```\n", ["y"]),
    "a cell in a comment": ("<!--\n```{code-cell}\nx\n```\n-->\n\n```{code-cell}\ny\n```\n", ["y"]),
    "an indented example": ("    ```{code-cell}\n    x\n    ```\n", []),
    "an example by tabs": ("\t```{code-cell}\n\tx\n\t```\n", []),
    "tildes": ("~~~{code-cell}\nx\n~~~\n", ["x"]),
}


@pytest.mark.parametrize("name", FENCES)
def test_cells_are_those_that_commonmark_and_jupytext_see(tmp_path, name):
    import jupytext

    text, sources = FENCES[name]
    page = chapter.read("p", write(tmp_path, sample_book.HEAD + text))
    assert [cell.source for cell in page.cells] == sources
    cells = jupytext.reads(sample_book.HEAD + text, fmt="md:myst").cells
    assert [cell.source for cell in cells if cell.cell_type == "code"] == sources


@pytest.mark.slow
def test_a_page_that_cannot_be_read_leaves_the_others_checked(tmp_path):
    root = sample_book.make(tmp_path)
    sample_book.accepted(root)
    (root / "book" / "a" / "two.md").write_bytes(
        (sample_book.HEAD + "# caf\xe9\n").encode("latin-1")
    )
    path = root / "tests" / "expected" / "a" / "one.ipynb"
    path.write_text(path.read_text().replace('"x = 1.50', '"x = 1.51'))
    done = sample_book.press(root, "check")
    assert done.returncode == 1
    assert f"book/a/two.md:{TOP}: [page] the page is not UTF-8" in done.stderr
    assert "cell 2 of a/one does not print" in done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [
        line
        for line in sample_book.press(root, "status").stdout.splitlines()
        if line.startswith("unreadable")
    ]
    assert "the page is not UTF-8" in line


@pytest.mark.slow
def test_a_solution_of_no_exercise_is_named_with_its_line(tmp_path):
    gates = "```{solution-start} nowhere\n```\n\n```{solution-end}\n```\n"
    root = sample_book.make(tmp_path, {"index": sample_book.HEAD + "# T\n\n" + gates})
    done = sample_book.press(root, "check")
    assert done.returncode == 1
    assert f"book/index.md:{TOP + 2}: [page] there is no exercise 'nowhere'" in done.stderr


@pytest.mark.slow
def test_the_expectation_of_a_page_that_is_gone_is_named(tmp_path):
    root = sample_book.accepted(sample_book.make(tmp_path))
    toc = root / "_toc.yml"
    toc.write_text(toc.read_text().replace("  - file: a/two\n", ""))
    done = sample_book.press(root, "check")
    assert done.returncode == 1
    assert "tests/expected/a/two.ipynb: [pairing] no page of _toc.yml" in done.stderr
