"""The parsers of the press on damaged input: an answer or a clear error, never a crash, and nothing
wrong is let through.
"""

from __future__ import annotations

import copy
import re
from dataclasses import fields, replace
from pathlib import Path

from clikit.errors import UserError
from press import checks as audits
from press import config as project
from press.checks import figures, numbers
from press.checks.book import Book, Page
from press.execute import compare, expectations
from press.execute.records import Record
from press.source import cards, prose, toc
from press.source import chapter as chapters

from tests.conftest import ROOT
from tests.fuzz.mutate import BATCH, CASES, cases, fuzz, rewrite

REAL = project.load(ROOT)


def pages(*slugs: str) -> list[str]:
    return [REAL.page(slug).read_text(encoding="utf-8") for slug in slugs]


CARDS = [
    "- id: a-card\n  level: expert\n  type: math\n  tags: [one, two]\n  question: What is a mean "
    "of numbers?\n  answer: The sum of the numbers over how many there are, and nothing else.\n",
    "- id: first\n  level: foundational\n  type: coding\n  tags: [x]\n  question: 'How do you "
    "add?'\n  answer: >\n    With the plus sign, as everybody does who was ever asked to do it.\n  "
    "verify: assert 1 + 1 == 2\n"
    "- id: second\n  level: advanced\n  type: concept\n  tags:\n  - y-2\n"
    "  question: Why is that so, after all?\n"
    '  answer: "Because it was defined so, and the definition was found to be useful."\n',
]


@fuzz
def test_a_card_file_is_read_or_refused(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("fuzz") / "cards.yml"
    for text in cases(
        seed,
        CARDS,
        ["id: ", "level: ", "verify: ", "- ", "&a ", "*a", "<<: ", "? ", "| ", "!!binary "],
    ):
        rewrite(path, text)
        try:
            found = cards.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            continue
        assert found and len({card.id for card in found}) == len(found)
        for card in found:
            assert (
                re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.id)
                and card.level in cards.LEVELS
                and card.type in cards.TYPES
            )
            assert card.tags and all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in card.tags)
            assert (
                len(card.question) >= 10
                and len(card.answer) >= 40
                and all(isinstance(v, str) for v in (card.question, card.answer, card.verify))
            )


SETTINGS = [
    "[tool.press]\nworkers = 2\ncell_timeout_s = 120\noutput_limit_bytes = 1000000\n"
    'packages = ["groundtruth"]\naudits = ["numbers", "anatomy"]\n',
    '[project]\nname = "x"\n\n[tool.press]\nworkers = 4\n[tool.ruff]\nline-length = 100\n',
]


@fuzz
def test_settings_are_read_or_refused(tmp_path_factory, seed):
    root = tmp_path_factory.mktemp("fuzz")
    for text in cases(
        seed,
        SETTINGS,
        [
            "workers = ",
            "true",
            "-3",
            "0",
            "1.5",
            '"two"',
            "[]",
            "audits = ",
            '["prose"]',
            "[tool]",
            "packages = 3",
        ],
    ):
        rewrite(root / "pyproject.toml", text)
        try:
            found = project.load(root)
        except UserError as error:
            assert "pyproject.toml" in error.what and error.fix
            continue
        for field in fields(found):
            value = getattr(found, field.name)
            if field.type == "int":
                assert type(value) is int and value > 0, (text, field.name)
            elif field.type == "tuple[str, ...]":
                assert isinstance(value, tuple) and all(isinstance(word, str) for word in value), (
                    text,
                    field.name,
                )
        assert set(found.audits) <= set(audits.ALL)


SLUG = "front/primer"
PAGE = chapters.read(SLUG, REAL.page(SLUG))
WANT = REAL.expectation(SLUG).read_text(encoding="utf-8")
TRUE = expectations.load(REAL.expectation(SLUG))["cells"]
RECORD = Record(
    SLUG,
    "",
    [c["source"] for c in TRUE],
    [copy.deepcopy(c["outputs"]) for c in TRUE],
    [c["execution_count"] for c in TRUE],
    1.0,
    None,
)


@fuzz
def test_no_changed_expectation_passes(tmp_path_factory, seed):
    """Whatever is changed in the committed file is found: by its form, by its cells, or by what the
    page prints.
    """
    elsewhere = replace(REAL, root=tmp_path_factory.mktemp("fuzz"))
    path = elsewhere.expectation(SLUG)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(WANT, encoding="utf-8")
    assert compare.chapter_findings(elsewhere, PAGE, RECORD) == []
    for number, text in enumerate(
        cases(
            seed,
            [WANT],
            [
                '"execution_count": 3',
                '"outputs": []',
                '"output_type": "stream"',
                '"metadata": {}',
                "null",
                '"text": [',
                '"cells": [',
                "1.0",
                "true",
            ],
        )
    ):
        if (
            text == WANT or number % 4
        ):  # reading the whole file is slow; the other cases are in the next test
            continue
        rewrite(path, text)
        assert compare.chapter_findings(elsewhere, PAGE, RECORD), (
            "a changed expectation was let through"
        )


SMALL = """{
 "cells": [
  {
   "cell_type": "code",
   "execution_count": 1,
   "id": "cell-1",
   "metadata": {},
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "loss 0.25\\n"
     ]
    },
    {
     "data": {
      "text/plain": [
       "4"
      ]
     },
     "execution_count": 1,
     "metadata": {},
     "output_type": "execute_result"
    }
   ],
   "source": [
    "print('loss', 0.25)\\n",
    "2 + 2"
   ]
  }
 ],
 "metadata": {
  "kernelspec": {
   "display_name": "Python 3",
   "language": "python",
   "name": "python3"
  }
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
"""


@fuzz
def test_no_changed_small_expectation_passes(tmp_path_factory, seed):
    small = replace(REAL, root=tmp_path_factory.mktemp("fuzz"))
    source = "print('loss', 0.25)\n2 + 2"
    page = replace(PAGE, slug="a/b", cells=(replace(PAGE.cells[0], source=source, metadata={}),))
    path = small.expectation("a/b")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SMALL, encoding="utf-8")
    outputs = expectations.load(path)["cells"][0]["outputs"]
    record = Record("a/b", "", [source], [outputs], [1], 1.0, None)
    assert compare.chapter_findings(small, page, record) == []
    for text in cases(
        seed,
        [SMALL],
        [
            '"execution_count": 1,',
            '"outputs": [],',
            '"name": "stderr",',
            "null",
            "1.0",
            "true",
            "2",
            "\\n",
            '"tags": ["raises-exception"]',
        ],
    ):
        if text != SMALL:
            rewrite(path, text)
            assert compare.chapter_findings(small, page, record), text


PROSE = [
    *pages("front/primer", "data/tensors"),
    "# T\n\n```{note}\nx 0.5\n```\n\n:::{admonition} A\n:class: trap\nB 12 %.\n:::\n\n| a | b "
    "|\n|---|---|\n| 1 | 2.5 |\n",
    "$$x^2$$ and $0.5$ {term}`a` {cite}`b` <!-- given: 3 -->",
]
MARKS = [
    "```{code-cell} ipython3\n",
    "```\n",
    "````",
    ":::",
    "{term}`",
    "{cite}`",
    "<!-- given: 1.5 -->",
    "$",
    "$$",
    "| 1 |",
    "## ",
    "```{exercise-start}\n:label: a\n",
    "```{solution-start} a\n",
    "---\n",
    "1,000",
    "12 %",
    "−4.5",
]


@fuzz
def test_prose_is_cut_into_lines_blocks_and_numbers_whatever_it_is(seed):
    for text in cases(
        seed,
        PROSE[2:] + [part for page in PROSE[:2] for part in (page[600:3000], page[3000:6000])],
        MARKS,
    ):
        page = prose.read(text)
        lines = page.lines
        assert [line.number for line in lines] == sorted({line.number for line in lines})
        total = text.count("\n") + 1
        assert all(1 <= line.number <= total for line in lines) and all(
            1 <= block.number <= total for block in page.blocks
        )
        prose.plain(text)
        for _, value, decimals, percent in numbers.tokens(text):
            assert numbers.accounted(value, decimals, percent, [value]) and not numbers.accounted(
                value, decimals, percent, []
            )


@fuzz
def test_a_page_is_read_or_refused_with_its_line(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("fuzz") / "p.md"
    front = PROSE[0][: PROSE[0].index("\n# ")]
    cell = "\n```{code-cell} ipython3\n:tags: [hide-input]\nprint(1)\n```\n"
    for text in cases(seed, [front + cell, front + PROSE[2]], [*MARKS, "\x0c", ":tags: x\n"]):
        rewrite(path, text)
        try:
            page = chapters.read("p", path)
        except chapters.PageError as error:
            assert 0 <= error.finding.line <= text.count("\n") + 1
            assert error.finding.fix
            continue
        assert all(1 <= cell.line <= text.count("\n") + 1 for cell in page.cells)


def replace_pages(book: Book, page: Page) -> Book:
    """The book with one page, and with the terms and citations it has read already.

    Without its documents: their numbers are audited with every build, and no page changes them.
    """
    other = Book(book.project, [page])
    other.__dict__.update({name: book.__dict__[name] for name in ("terms", "citations")})
    other.__dict__["settings"] = replace(book.settings, documents={})
    return other


@fuzz
def test_the_audits_end_with_findings_on_any_page(seed):
    """A page that is not even a page gets findings with a line that exists."""
    book = Book(REAL, [])
    assert book.terms is not book.citations  # both are computed before the audits ask
    for text in cases(seed, [PROSE[0][:1500], PROSE[0][-2500:], *PROSE[2:]], MARKS):
        page = Page(REAL, replace(PAGE, text=text, cells=(), prose=prose.read(text)), None)
        for finding in audits.run(
            replace_pages(book, page), ("numbers", "anatomy", "links", "originality")
        ):
            assert finding.what and finding.fix and 0 <= finding.line <= text.count("\n") + 1


FIGURE = (
    '<svg xmlns="http://www.w3.org/2000/svg"><g id="axes_1"><g id="matplotlib.axis_1">'
    '<g id="xtick_1"><g id="text_1"><!-- 1 --><path d="M0 0"/></g></g>'
    '<g id="text_3"><!-- x --></g></g></g></svg>'
)


@fuzz
def test_a_figure_is_read_or_named_as_damaged(seed):
    for text in cases(
        seed,
        [FIGURE],
        ["<g>", "</g>", 'id="axes_2"', "<!DOCTYPE x [<!ENTITY a 'b'>]>", "&a;", "<!-- y -->"],
    ):
        assert all(isinstance(name, str) for name in figures.unnamed_axes(text))


TOC = [
    "format: jb-book\nroot: index\nparts:\n- caption: One\n  chapters:\n  - file: a/b\n  - file: "
    "c/d\n- caption: Two\n  chapters:\n  - file: e\n"
]


@fuzz
def test_contents_are_read_or_refused(tmp_path_factory, seed):
    elsewhere = replace(REAL, root=tmp_path_factory.mktemp("fuzz"))
    for slug in ("index", "a/b", "c/d", "e"):
        elsewhere.page(slug).parent.mkdir(parents=True, exist_ok=True)
        elsewhere.page(slug).touch()
    for text in cases(
        seed, TOC, ["parts: ", "- file: ", "chapters: ", "- caption: ", "root: ", "[]", "{}"]
    ):
        rewrite(elsewhere.root / "_toc.yml", text)
        try:
            found = toc.entries(elsewhere)
        except UserError as error:
            assert "_toc.yml" in error.what and error.fix
            continue
        assert all(isinstance(entry.slug, str) and entry.slug for entry in found) and len(
            {entry.slug for entry in found}
        ) == len(found)


def test_the_number_of_cases_is_told(measured, counted):
    """Each fuzzer of this folder draws the same number of cases."""
    fuzzers = sum(
        path.read_text(encoding="utf-8").count("\n@fuzz\n")
        for path in Path(__file__).parent.glob("test_*.py")
    )
    measured(f"fuzzing: {CASES:,} cases for each of {fuzzers} parsers")
    counted("damaged inputs tried on our parsers", CASES // BATCH * BATCH * fuzzers)
    assert fuzzers >= 14 and CASES >= BATCH
