"""The order of sections, the length of cells, one sentence a line, exercises with executed solutions."""

from __future__ import annotations

import re
from itertools import pairwise

from press.checks.book import Book, Page
from press.errors import Finding
from press.source import prose

ORDER = [
    "The picture",
    "The mathematics",
    "In the library",
    "Don't be confused",
    "Traps",
    "What to keep",
    "Exercises",
    "Check yourself",
    "Further reading",
]
CELL_LINES = 25
CELLS = (12, 30)  # outside the exercises
WORDS = (1500, 3500)  # outside the exercises
EXERCISES = (4, 6)
KEEP_LINES = 5
FILLER = re.compile(
    r"\b(let'?s dive|dive in|deep dive|simply put|it is important to note|it'?s worth noting|in the realm of|delve|seamless|"
    r"leverag(?:ing|ed)|(?<!\ba )(?<!\bthe )(?<!\*\*)leverage|crucial|in today'?s|unlock|game.chang|powerful tool|obviously|needless to say|as we all know|"
    r"magic(?:al)?|tapestry|navigate the)\b",
    re.I,
)
ABBREVIATION = re.compile(
    r"\b(e\.g|i\.e|cf|vs|Fig|Eq|et al|St|Dr|No|approx|resp|ch|p|pp|vol|[A-Z])\.$"
)


def audit(book: Book) -> list[Finding]:
    """Departures from the house style that a machine can see."""
    return [finding for page in book.pages for check in CHECKS for finding in check(page)]


def _headings(page: Page) -> list[Finding]:
    found = []
    heads = [
        (line.number, line.text, line.heading)
        for line in page.lines
        if 0 < line.heading < 7 and not line.blocks
    ]
    tops = [head for head in heads if head[2] == 1]
    if len(tops) != 1 or heads[0][2] != 1:
        found.append(
            page.finding(
                heads[0][0] if heads else 1,
                "anatomy",
                "a page has exactly one first-level heading, and it comes first",
                "make the title the only line that starts with one #",
            )
        )
    sections = [(number, text) for number, text, level in heads if level == 2]
    if page.kind == "chapter":
        names = [text for _, text in sections]
        for wanted in ORDER:
            if wanted not in names:
                found.append(
                    page.finding(
                        1,
                        "anatomy",
                        f"the section {wanted!r} is missing",
                        f"add a second-level heading {wanted!r}",
                    )
                )
        places = [(ORDER.index(text), number, text) for number, text in sections if text in ORDER]
        for (a, _, first), (b, number, second) in pairwise(places):
            if b < a:
                found.append(
                    page.finding(
                        number,
                        "anatomy",
                        f"{second!r} comes before {first!r} in every chapter",
                        "move the section",
                    )
                )
        if not any(
            block.name == "admonition" and "promise" in block.options.get("class", "")
            for block in page.blocks
        ):
            found.append(
                page.finding(
                    1,
                    "anatomy",
                    "the promise is missing",
                    "open with an admonition of class promise: what the reader will be able to do",
                )
            )
    return found


def main_part(text: str) -> str:
    """A page without its exercises and cards, which a reader takes one at a time."""
    return re.sub(r"(?ms)^## (Exercises|Check yourself)$.*?(?=^## |\Z)", "", text)


def _lengths(page: Page) -> list[Finding]:
    found = []
    for cell in page.chapter.cells:
        rows = [row for row in cell.source.split("\n") if row.strip()]
        if len(rows) > CELL_LINES:
            found.append(
                page.finding(
                    cell.line,
                    "anatomy",
                    f"the cell has {len(rows)} lines, more than {CELL_LINES}",
                    "move plumbing into code/groundtruth or split the cell",
                    cell.number,
                )
            )
        if rows and rows[-1].rstrip().endswith(";"):
            found.append(
                page.finding(
                    cell.line,
                    "anatomy",
                    "a trailing semicolon does not hide an output everywhere",
                    "assign the value to _ instead",
                    cell.number,
                )
            )
    if page.kind == "chapter":
        main = main_part(page.chapter.text)
        words = prose.word_count(main)
        cells = sum(block.runs for block in prose.blocks(main))
        if not WORDS[0] <= words <= WORDS[1]:
            found.append(
                page.finding(
                    1,
                    "anatomy",
                    f"the chapter has {words} words, outside {WORDS[0]} to {WORDS[1]}",
                    "a thin chapter lacks something; a long one is two chapters",
                )
            )
        if not CELLS[0] <= cells <= CELLS[1]:
            found.append(
                page.finding(
                    1,
                    "anatomy",
                    f"the chapter has {cells} cells, outside {CELLS[0]} to {CELLS[1]}",
                    "show more, or split",
                )
            )
    keep = False
    count = 0
    for line in page.lines:
        if 0 < line.heading < 7:
            keep = line.text == "What to keep"
        elif keep and re.match(r"[-*] ", line.text):
            count += 1
            if count == KEEP_LINES + 1:
                found.append(
                    page.finding(
                        line.number,
                        "anatomy",
                        f"'What to keep' has more than {KEEP_LINES} lines",
                        "keep less",
                    )
                )
    return found


def _sentences(page: Page) -> list[Finding]:
    found = []
    for line in page.lines:
        if line.is_table or line.heading or "glossary" in line.blocks:
            continue
        text = prose.plain(line.text)
        for match in re.finditer(r"[.?!](?=\s+[\"'(]?[A-Z])", text):
            if not ABBREVIATION.search(text[: match.end()]) and not re.match(
                r"^\s*(\d+|[-*])\.?$", text[: match.end()]
            ):
                found.append(
                    page.finding(
                        line.number,
                        "anatomy",
                        "two sentences stand on one line",
                        "one sentence a line: break after the full stop",
                    )
                )
                break
        if hit := FILLER.search(text):
            found.append(
                page.finding(line.number, "anatomy", f"filler: {hit[0]!r}", "say the thing itself")
            )
        if "!" in re.sub(r"!=|!\[", "", text):
            found.append(
                page.finding(
                    line.number,
                    "anatomy",
                    "an exclamation mark",
                    "end the sentence with a full stop",
                )
            )
    return found


def _exercises(page: Page) -> list[Finding]:
    found = []
    labels: dict[str, int] = {}
    for block in page.blocks:
        if block.name in ("exercise", "exercise-start"):
            label = block.options.get("label", "")
            labels[label] = block.number
            if not label:
                found.append(
                    page.finding(
                        block.number,
                        "anatomy",
                        "the exercise has no label",
                        "add :label: ex-<chapter>-<name>",
                    )
                )
            if not re.search(
                r"\((warm-up|core|stretch)\)|^(Warm-up|Core|Stretch)\b", block.argument
            ):
                found.append(
                    page.finding(
                        block.number,
                        "anatomy",
                        "the exercise has no grade",
                        "begin its title with Warm-up, Core or Stretch",
                    )
                )
    solved = {}
    rows = page.chapter.text.split("\n")
    for block in page.blocks:
        if block.name == "solution-start":
            end = next(
                (i for i in range(block.number, len(rows)) if "{solution-end}" in rows[i]),
                len(rows),
            )
            has_cell = any(block.number < cell.line <= end for cell in page.chapter.cells)
            solved[block.argument.strip()] = (block.number, has_cell)
    for label, number in labels.items():
        if label and label not in solved:
            found.append(
                page.finding(
                    number,
                    "anatomy",
                    f"the exercise {label!r} has no solution",
                    "add {solution-start} and {solution-end} with a cell that runs",
                )
            )
        elif label and not solved[label][1]:
            found.append(
                page.finding(
                    solved[label][0],
                    "anatomy",
                    f"the solution of {label!r} has no cell that runs",
                    "show that the answer is right by running it",
                )
            )
    if page.kind == "chapter" and not EXERCISES[0] <= len(labels) <= EXERCISES[1]:
        found.append(
            page.finding(
                1,
                "anatomy",
                f"the chapter has {len(labels)} exercises, not {EXERCISES[0]} to {EXERCISES[1]}",
                "four to six: at least one to compute, one to break, one to extend",
            )
        )
    return found


def _outputs_are_read(page: Page) -> list[Finding]:
    """Two cells that print stand apart: between them is a sentence that reads the first output."""
    found = []
    for cell, following in pairwise(page.chapter.cells):
        if page.outputs(cell.number) and page.outputs(following.number):
            if not any(cell.line < line.number < following.line for line in page.lines):
                found.append(
                    page.finding(
                        following.line,
                        "anatomy",
                        f"nobody reads the output of cell {cell.number}",
                        "say before or after the cell what its output shows, or cut it",
                        cell.number,
                    )
                )
    return found


def _nothing_warns(page: Page) -> list[Finding]:
    """A warning names files and lines of one machine, and tells a reader that something is wrong."""
    found = []
    for cell in page.chapter.cells:
        said = [
            text
            for out in page.outputs(cell.number)
            if out.get("name") == "stderr" and (text := "".join(out["text"]).strip())
        ]
        if said:
            found.append(
                page.finding(
                    cell.line,
                    "anatomy",
                    "the cell writes to stderr: " + " ".join(said[0].split())[:120],
                    "mend what it warns of, or print to stdout what the reader should see",
                    cell.number,
                )
            )
    return found


CHECKS = (_headings, _lengths, _sentences, _exercises, _outputs_are_read, _nothing_warns)
