"""Exercises: labeled, graded, with a solution that runs, as many as the kind of page needs."""

from __future__ import annotations

from press.checks.book import Page
from press.errors import Finding
from press.source.prose import Block

RULE = "anatomy"
ENDS = ("exercise", "exercise-end")
GATES = (*ENDS, "exercise-start", "solution", "solution-start", "solution-end")


def check(page: Page) -> list[Finding]:
    """What is missing at exercises and their solutions."""
    exercises = [block for block in page.blocks if block.name in ("exercise", "exercise-start")]
    solutions = {
        block.argument.strip(): block for block in page.blocks if block.name == "solution-start"
    }
    findings = []
    for exercise in exercises:
        findings += _heading(page, exercise)
        if label := exercise.options.get("label", ""):
            findings += _solution(page, exercise, label, solutions.get(label))
    findings += _order(page)
    limits = page.rules.exercises
    if limits and not limits.holds(len(exercises)):
        what = f"the page has {len(exercises)} exercises, not {limits}"
        fix = "at least one to compute, one to break, one to extend"
        findings.append(page.finding(1, RULE, what, fix))
    return findings


def _heading(page: Page, exercise: Block) -> list[Finding]:
    findings = []
    if not exercise.options.get("label"):
        fix = "add :label: ex-<page>-<name>"
        findings.append(page.finding(exercise.number, RULE, "the exercise has no label", fix))
    grades = page.settings.grades
    title = exercise.argument
    graded = any(title.startswith(grade) or f"({grade.lower()})" in title for grade in grades)
    if grades and not graded:
        fix = f"begin its title with one of: {', '.join(grades)}"
        findings.append(page.finding(exercise.number, RULE, "the exercise has no grade", fix))
    return findings


def _solution(page: Page, exercise: Block, label: str, solution: Block | None) -> list[Finding]:
    if solution is None:
        what = f"the exercise {label!r} has no solution"
        fix = "add {solution-start} and {solution-end} with a cell that runs"
        return [page.finding(exercise.number, RULE, what, fix)]
    ends = [block.number for block in page.blocks if block.name == "solution-end"]
    end = min((line for line in ends if line > solution.number), default=10**9)
    if any(solution.number < cell.line <= end for cell in page.chapter.cells):
        return []
    what = f"the solution of {label!r} has no cell that runs"
    fix = "show that the answer is right by running it"
    return [page.finding(solution.number, RULE, what, fix)]


def _order(page: Page) -> list[Finding]:
    """Hints that do not stand between their exercise and its solution."""
    findings = []
    before = ""
    for block in page.blocks:
        if block.name in GATES:
            before = block.name
        elif "hint" in block.options.get("class", "").split() and before not in ENDS:
            fix = "the order is exercise, hint, solution"
            what = "the hint does not follow an exercise directly"
            findings.append(page.finding(block.number, RULE, what, fix))
    return findings
