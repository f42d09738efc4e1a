"""Each audit rejects what it is for and accepts what is right."""

from __future__ import annotations

import pytest
from press import checks as audits
from press import config as project
from press.checks import anatomy, figures, numbers
from press.checks.book import Book, Page
from press.execute.records import Record
from press.source import chapter as chapters

from tests.press import shop


def book(
    tmp_path, pages: dict[str, str], outputs: dict[str, list[list[dict]]] | None = None
) -> Book:
    root = shop.make(tmp_path, {"index": shop.chapter("Home"), **pages})
    loaded = project.load(root)
    found = []
    for slug in pages:
        page = chapters.read(slug, loaded.page(slug))
        given = (outputs or {}).get(slug, [[] for _ in page.cells])
        found.append(
            Page(
                loaded,
                page,
                Record(
                    slug,
                    "",
                    [c.source for c in page.cells],
                    given,
                    [1] * len(page.cells),
                    0.0,
                    None,
                ),
            )
        )
    return Book(loaded, found)


def printed(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": text}


def says(tmp_path, audit: str, body: str, outputs=None, slug="front/x") -> list[str]:
    made = book(
        tmp_path,
        {slug: shop.HEAD + "# T\n\n" + body + "\n"},
        {slug: outputs} if outputs is not None else None,
    )
    return [f.what for f in audits.run(made, (audit,))]


CELL = shop.cell("print(a, b)")

ACCOUNTED = [
    "The loss is 0.123.",
    "The loss is 0.12, rounded.",
    "It fell by 12 %.",
    "It fell by 12.3%.",
    "After 1,000 steps it was there.",
    "The value -4.5 is negative.",
    "The value −4.5 is negative.",
    "In 1998 this was new.",
    "There are three or 3 of them.",
    "A rate of 0.25 is given.\n<!-- given: 0.25 -->",
    "Others report 77.7 {cite}`key`.",
    "Code such as `x[99.5]` does not count.",
    "See [there](https://x.org/88.8) for more.",
    "In mathematics $x_{17}^{23}$ has indices, and $0.123$ was printed.",
]
ORPHANS = [
    "The loss is 0.124.",
    "The loss is 0.13.",
    "It fell by 13 %.",
    "After 1,001 steps it was there.",
    "The value 4.5 has lost its sign.",
    "A rate of 0.26 is assumed.",
    "There are 33 of them.",
    "In mathematics $0.125$ was never printed.",
    "A percentage of 1230 %.",
]


@pytest.mark.parametrize("line", ACCOUNTED)
def test_numbers_that_are_accounted_for_pass(tmp_path, line):
    assert (
        says(
            tmp_path, "numbers", line + "\n\n" + CELL, [[printed("loss 0.123 after 1000, -4.5\n")]]
        )
        == []
    )


@pytest.mark.parametrize("line", ORPHANS)
def test_orphan_numbers_are_found(tmp_path, line):
    found = says(
        tmp_path, "numbers", line + "\n\n" + CELL, [[printed("loss 0.123 after 1000, -4.5\n")]]
    )
    assert len(found) == 1 and "no cell of this page prints" in found[0]


def test_numbers_in_captions_are_audited(tmp_path):
    head = "---\nmystnb:\n  figure:\n    caption: It reaches 0.77.\n    name: f\n---\n"
    assert len(says(tmp_path, "numbers", shop.cell("print(1)", head), [[printed("1\n")]])) == 1


def test_a_literal_in_a_cell_is_an_assumption_and_a_comment_is_not(tmp_path):
    assert (
        says(tmp_path, "numbers", "With 0.05 it works.\n\n" + shop.cell("eta = 0.05"), [[]]) == []
    )
    assert (
        len(
            says(
                tmp_path, "numbers", "With 0.05 it works.\n\n" + shop.cell("eta = 1  # 0.05"), [[]]
            )
        )
        == 1
    )


def test_rounding_is_that_of_the_digits_given():
    from decimal import Decimal

    known = {Decimal("0.4567")}
    assert numbers.accounted(Decimal("0.46"), 2, False, known) and not numbers.accounted(
        Decimal("0.45"), 2, False, known
    )
    assert numbers.accounted(Decimal("46"), 0, True, known) and not numbers.accounted(
        Decimal("46"), 0, False, known
    )


GOOD_SENTENCES = [
    "One sentence, e.g. this one.",
    "It is by Dr. Smith.",
    "Why? because.",
    "1. A list item.",
    "See Fig. 3 for it.",
    "x != y holds.",
    "A row with a leverage of 0.98.",
]
BAD_SENTENCES = [
    ("Two. Sentences.", "two sentences"),
    ("Is it? Yes.", "two sentences"),
    ("Great!", "exclamation"),
    ("Let's dive in.", "filler"),
    ("This is crucial.", "filler"),
    ("We can leverage this.", "filler"),
    ("Networks leverage depth.", "filler"),
    ("A trick worth leveraging.", "filler"),
    ("Obviously so.", "filler"),
]


@pytest.mark.parametrize("line", GOOD_SENTENCES)
def test_good_sentences_pass(tmp_path, line):
    assert says(tmp_path, "anatomy", line) == []


@pytest.mark.parametrize(("line", "message"), BAD_SENTENCES)
def test_bad_sentences_are_found(tmp_path, line, message):
    found = says(tmp_path, "anatomy", line)
    assert len(found) == 1 and message in found[0]


EXERCISE = "```{exercise-start} Core: do it\n:label: ex-a\n```\n\nDo.\n\n```{exercise-end}\n```\n"
SOLUTION = (
    "```{solution-start} ex-a\n:class: dropdown\n```\n\n"
    + shop.cell("print(1)")
    + "\n```{solution-end}\n```\n"
)


def test_an_exercise_with_an_executed_solution_passes(tmp_path):
    assert says(tmp_path, "anatomy", EXERCISE + "\n" + SOLUTION) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (EXERCISE, "has no solution"),
        (
            EXERCISE + "\n" + SOLUTION.replace(shop.cell("print(1)"), "Words.\n"),
            "no cell that runs",
        ),
        (EXERCISE.replace("Core: ", "") + "\n" + SOLUTION, "no grade"),
        (EXERCISE.replace(":label: ex-a\n", ""), "no label"),
        ("## A\n\n# Second title", "exactly one first-level heading"),
        (shop.cell("\n".join(f"x = {i}" for i in range(26))), "26 lines"),
        (shop.cell("x = 1\nx;"), "semicolon"),
        ("## What to keep\n\n" + "\n".join(f"- Line {i}." for i in "abcdef"), "more than 5 lines"),
    ],
)
def test_departures_from_the_anatomy_are_found(tmp_path, body, message):
    found = says(tmp_path, "anatomy", body)
    assert any(message in what for what in found), found


def test_an_output_that_nobody_reads_is_found(tmp_path):
    twice = shop.cell("print(1)") + "\n" + shop.cell("print(2)")
    assert (
        "nobody reads" in says(tmp_path, "anatomy", twice, [[printed("1\n")], [printed("2\n")]])[0]
    )
    assert (
        says(
            tmp_path,
            "anatomy",
            twice.replace("\n\n", "\n\nIt says one.\n\n", 1),
            [[printed("1\n")], [printed("2\n")]],
        )
        == []
    )


def test_a_warning_on_a_page_is_found(tmp_path):
    cell, warning = (
        shop.cell("warn()"),
        {"output_type": "stream", "name": "stderr", "text": "/tmp/x.py:1: UserWarning: beware\n"},
    )
    found = says(tmp_path, "anatomy", cell, [[warning]])
    assert len(found) == 1 and "writes to stderr" in found[0] and "UserWarning: beware" in found[0]
    assert says(tmp_path, "anatomy", cell, [[printed("fine\n")]]) == []


def test_a_chapter_needs_its_sections_in_order(tmp_path):
    found = says(tmp_path, "anatomy", "## Traps\n\nA.\n\n## The picture\n\nB.", slug="data/x")
    assert any("'The picture' comes before 'Traps'" in what for what in found) or any(
        "comes before" in what for what in found
    )
    assert any("'Exercises' is missing" in what for what in found) and any(
        "promise" in what for what in found
    )
    assert any("words, outside" in what for what in found)


def svg(label: bool, ticks: bool = True, numbers: bool = True) -> str:
    tick = '<g id="xtick_1"><g id="line2d_1"/>' + ('<g id="text_1"/>' if numbers else "") + "</g>"
    inside = (tick if ticks else "") + ('<g id="text_9"/>' if label else "")
    axis = f'<g id="matplotlib.axis_1">{inside}</g>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="10pt"><g id="axes_1">{axis}</g></svg>'


def picture(text: str) -> dict:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/svg+xml": text, "text/plain": "<Figure>"},
    }


HEAD = "---\nmystnb:\n  figure:\n    caption: A caption.\n    name: fig-a\n  image:\n    alt: What is to be seen in it, in a sentence.\n---\n"


def test_a_complete_figure_passes(tmp_path):
    assert says(tmp_path, "figures", shop.cell("f()", HEAD), [[picture(svg(True))]]) == []
    assert (
        says(tmp_path, "figures", shop.cell("f()", HEAD), [[picture(svg(False, ticks=False))]])
        == []
    )
    lower = (
        svg(True)
        .split(">", 1)[1]
        .removesuffix("</svg>")
        .replace("axes_1", "axes_2")
        .replace("matplotlib.axis_1", "matplotlib.axis_3")
    )
    stacked = svg(False, numbers=False).replace(
        "</svg>", lower + "</svg>"
    )  # two axes, one scale, named on the lower
    assert says(tmp_path, "figures", shop.cell("f()", HEAD), [[picture(stacked)]]) == []
    assert (
        "without a name"
        in says(
            tmp_path, "figures", shop.cell("f()", HEAD), [[picture(svg(False, numbers=False))]]
        )[0]
    )  # numbers may only be missing where others have them


@pytest.mark.parametrize(
    ("head", "outputs", "message"),
    [
        ("", [picture(svg(True))], "no caption"),
        (HEAD.replace("    name: fig-a\n", ""), [picture(svg(True))], "no name"),
        (
            HEAD.replace("What is to be seen in it, in a sentence.", "a plot"),
            [picture(svg(True))],
            "alt text",
        ),
        (HEAD, [picture(svg(False))], "without a name"),
        (HEAD, [picture(svg(True)), picture(svg(True))], "2 pictures"),
        (HEAD, [], "shows no picture"),
    ],
)
def test_incomplete_figures_are_found(tmp_path, head, outputs, message):
    assert any(
        message in what for what in says(tmp_path, "figures", shop.cell("f()", head), [outputs])
    )


def vega(**spec) -> dict:
    full = {
        "description": "A long enough description.",
        "params": [{"name": "a", "bind": {"input": "range", "name": "a"}}],
        **spec,
    }
    return {
        "output_type": "execute_result",
        "metadata": {},
        "execution_count": 1,
        "data": {figures.VEGA: full},
    }


def test_interactive_figures_are_audited(tmp_path):
    head = HEAD.replace("  image:\n    alt: What is to be seen in it, in a sentence.\n", "")
    for spec, message in (
        ({}, None),
        ({"description": ""}, "no description"),
        ({"data": ["x" * 41_000]}, "41,"),
        ({"params": [{"name": "a", "bind": {"input": "range"}}]}, "no label"),
    ):
        found = says(tmp_path, "figures", shop.cell("f()", head), [[vega(**spec)]])
        assert (found == []) if message is None else any(message in what for what in found), (
            message,
            found,
        )


def test_a_name_is_used_once(tmp_path):
    pages = {
        name: shop.HEAD + "# T\n\n" + shop.cell("f()", HEAD) for name in ("front/x", "front/y")
    }
    made = book(tmp_path, pages, {name: [[picture(svg(True))]] for name in pages})
    assert any("is taken by front/x" in f.what for f in figures.audit(made))


GLOSSARY = "# Glossary\n\n```{glossary}\nlogit\n  A score.\n\nloss\n  A number.\n```\n"


def linked(tmp_path, text: str, slug: str = "data/x") -> list[str]:
    pages = {slug: shop.HEAD + "# T\n\n(here)=\n\n" + text + "\n", "reference/glossary": GLOSSARY}
    made = book(tmp_path, pages)
    shop.write(tmp_path / "book" / "references.bib", "@book{known,\n title={X}}\n")
    return [f.what for f in audits.run(made, ("links",))]


@pytest.mark.parametrize(
    "text",
    [
        "A {term}`logit` and later a logit.",
        "See {doc}`../reference/glossary`.",
        "Known {cite}`known`.",
        "See {ref}`here`.",
        "The word `loss` in code.",
        "A blossoming tree.",
    ],
)
def test_links_that_resolve_pass(tmp_path, text):
    assert linked(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A logit comes first.", "'logit' is used here first"),
        ("Many Losses and a loss.", "'loss' is used here first"),
        ("See {doc}`nowhere`.", "no page 'nowhere'"),
        ("See {ref}`nothing`.", "nothing is labelled 'nothing'"),
        ("See {eq}`eq-none`.", "nothing is labelled"),
        ("As in {cite}`unknown`.", "no entry 'unknown'"),
        ("A {term}`word`.", "no term 'word'"),
        ("A [link](missing.md).", "'missing.md' does not exist"),
    ],
)
def test_links_that_do_not_resolve_are_found(tmp_path, text, message):
    assert any(message in what for what in linked(tmp_path, text))


LONG = "This sentence has more than eight words and stands twice."


def test_repetition_is_found_across_pages(tmp_path):
    body = LONG + "\n\n" + shop.cell("a = 1\nb = 2\nprint(a + b)")
    pages = {name: shop.HEAD + "# T\n\n" + body for name in ("front/x", "front/y")}
    found = audits.run(book(tmp_path, pages), ("originality",))
    assert {f.what.split(" stands")[0] for f in found} == {"this cell", "this sentence"} and all(
        "book/front/x.md" in f.what for f in found
    )


def test_short_cells_and_imports_may_repeat(tmp_path):
    body = "Short words.\n\n" + shop.cell("import a\nimport b\nfrom c import d\nprint(1)")
    pages = {name: shop.HEAD + "# T\n\n" + body for name in ("front/x", "front/y")}
    assert audits.run(book(tmp_path, pages), ("originality",)) == []


def test_findings_have_a_place_and_a_fix(tmp_path):
    made = book(tmp_path, {"front/x": shop.HEAD + "# T\n\nThe loss is 0.77.\n"})
    (finding,) = audits.run(made, ("numbers",))
    assert (
        finding.path == "book/front/x.md"
        and made.pages[0].chapter.text.split("\n")[finding.line - 1] == "The loss is 0.77."
    )
    assert "fix:" in str(finding) and f":{finding.line}:" in str(finding)


def test_the_bounds_are_those_of_the_house_style():
    assert (anatomy.WORDS, anatomy.CELLS, anatomy.CELL_LINES, anatomy.EXERCISES) == (
        (1500, 3500),
        (12, 30),
        25,
        (4, 6),
    )
