"""Mistakes planted in a small module: those that its tests notice, and those that they miss."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from clikit.errors import Exit, UserError
from press import config
from press.cli import main
from press.machines import mutants, mutated, mutation_folder
from press.site import reports
from sphinx.util.template import SphinxRenderer

from tests.conftest import ROOT
from tests.press import sample_book

DEPENDS = ("code/press/**", "code/clikit/**", "requirements-mutants.txt")

# continuous integration installs it: there the tests fail without it
needs_mutmut = pytest.mark.skipif(
    not mutants.available() and not os.environ.get("CI"),
    reason=f"mutmut is not installed: {mutants.PINS}",
)
# the boundary of `clip` is tested nowhere, and `area` alone by its example
MODULE = '''"""Shapes of a small library."""


def area(width: float, height: float) -> float:
    """Width times height.

    >>> area(2.0, 4.0)
    8.0
    """
    if width < 0:
        raise ValueError(f"width {width} is " + "negative")
    return width * height


def clip(value: float, limit: float) -> float:
    return limit if value > limit else value


class Square:
    def __init__(self, side: float) -> None:
        self.side = side

    def __repr__(self) -> str:
        return "Square " + str(self.side)

    def corners(self) -> list[tuple[float, float]]:
        ends = (0.0, self.side)
        return list(zip(ends, ends, strict=True))
'''
TESTS = """import pytest
from shapes.flat.plane import Square, area, clip


def test_a_limit_clips():
    assert clip(9.0, 3.0) == 3.0
    assert clip(1.0, 3.0) == 1.0


def test_a_width_is_not_negative():
    with pytest.raises(ValueError):
        area(-1.0, 1.0)
    assert area(0.0, 1.0) == 0.0
    assert area(0.5, 1.0) == 0.5


def test_corners():
    assert Square(2.0).corners() == [(0.0, 0.0), (2.0, 2.0)]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose package has one module with tests of its name."""
    root = sample_book.make(tmp_path_factory.mktemp("mutants") / "p")
    for folder in ("code/shapes", "code/shapes/flat", "tests/shapes", "tests/shapes/flat"):
        sample_book.write(root / folder / "__init__.py", "")
    sample_book.write(root / "tests" / "__init__.py", "")
    sample_book.write(root / "code/shapes/flat/plane.py", MODULE)
    sample_book.write(root / "code/shapes/flat/solid.py", "def cube(a):\n    return a**3\n")
    sample_book.write(root / "tests/shapes/flat/test_plane.py", TESTS)
    return replace(config.load(root), packages=("shapes",))


@pytest.fixture(scope="module")
def score(project):
    lines: list[str] = []
    scores = mutants.run(project, ("flat/plane",), [], False, lines.append)
    assert "mutants caught" in lines[-1]
    return scores[0]


@needs_mutmut
def test_a_mistake_that_no_test_notices_survives_and_is_shown(score):
    changes = [(row.function, row.old, row.new) for row in score.survivors]
    old = "return limit if value > limit else value"
    assert changes == [("clip", old, old.replace(">", ">="))]
    assert MODULE.splitlines()[score.survivors[0].line - 1].strip() == old


@needs_mutmut
def test_other_mistakes_are_caught(score):
    assert score.mutants > 8
    assert score.caught == score.mutants - 1


@needs_mutmut
def test_a_reason_stays_and_an_explained_survivor_is_not_tried_again(project, score, monkeypatch):
    reason = "a value at the limit is the limit"
    explained = replace(score, survivors=[replace(score.survivors[0], reason=reason)])
    monkeypatch.setattr(mutants, "_tried", None)
    (again,) = mutants.run(project, ("flat/plane",), [explained], True, lambda _: None)
    assert again.survivors == explained.survivors
    assert (again.mutants, again.caught) == (score.mutants, score.caught)
    assert again.share == 1


@needs_mutmut
def test_a_survivor_is_tried_again_against_better_tests(project, score, monkeypatch):
    path = project.root / "tests/shapes/flat/test_plane.py"
    better = TESTS + "\n\ndef test_zero():\n    assert str(clip(0.0, -0.0)) == '0.0'\n"
    path.write_text(better)
    try:
        (again,) = mutants.run(project, ("flat/plane",), [score], True, lambda _: None)
    finally:
        path.write_text(TESTS)
    assert again.survivors == []
    assert again.caught == again.mutants == score.mutants


@needs_mutmut
def test_tests_that_fail_without_a_mistake_end_the_command(project):
    path = project.root / "tests/shapes/flat/test_plane.py"
    path.write_text("from shapes.flat.plane import clip\n\n\ndef test():\n    assert clip(1, 0)\n")
    try:
        with pytest.raises(UserError, match="shapes.flat.plane") as error:
            mutants.run(project, ("flat/plane",), [], False, lambda _: None)
    finally:
        path.write_text(TESTS)
    assert error.value.code == Exit.EXECUTION


def test_without_mutmut_the_command_says_how_to_install_it(project, monkeypatch):
    monkeypatch.setattr(mutants, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="mutmut is not installed") as error:
        mutants.run(project, ("flat/plane",), [], False, print)
    assert f"-r {mutants.PINS}" in error.value.fix
    assert (ROOT / mutants.PINS).is_file()


@pytest.mark.parametrize("name", ["flat/plane", "shapes.flat.plane", "code/shapes/flat/plane.py"])
def test_a_module_has_a_name_as_a_page_an_import_or_a_file(project, name):
    (module,) = mutation_folder.modules(project, (name,))
    assert module.source == "shapes/flat/plane.py"
    assert module.tests == ("tests/shapes/flat/test_plane.py",)


def test_an_unknown_module_is_refused_with_the_nearest(project):
    with pytest.raises(UserError, match="no module 'flat/plan'.*did you mean 'flat.plane'"):
        mutation_folder.modules(project, ("flat/plan",))


def test_a_module_that_nothing_tests_is_refused(project):
    with pytest.raises(UserError, match=r"no test below tests/shapes imports shapes\.flat\.solid"):
        mutation_folder.modules(project, ("flat/solid",))


def outcome(tmp_path, code, before="return a < 1", after="return a <= 1", name="f"):
    """What is read of one mutant that mutmut left behind."""
    stem = f"x_{name}__mutmut"
    body = f"def {stem}_orig(a):\n    {before}\n\n\ndef {stem}_1(a):\n    {after}\n"
    path = tmp_path / "mutants" / "src" / "m.py"
    sample_book.write(path, body)
    sample_book.write(
        path.with_name("m.py.meta"), json.dumps({"exit_code_by_key": {f"m.{stem}_1": code}})
    )
    sample_book.write(tmp_path / "m.py", f'"""A module."""\n\n\ndef {name}(a):\n    {before}\n')
    return mutated.read(tmp_path, "m.py", tmp_path / "m.py")


@pytest.mark.parametrize(
    ("code", "expected"),
    [(1, "caught"), (0, "survived"), (33, "untested"), (-24, "timeout"), (None, "untried")],
)
def test_an_exit_code_says_what_the_tests_said(tmp_path, code, expected):
    (mutant,) = outcome(tmp_path, code)
    assert mutant.outcome == expected
    assert (mutant.line, mutant.old, mutant.new) == (5, "return a < 1", "return a <= 1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("raise ValueError('a')", "raise ValueError('XXaXX')"),
        ("return zip(a, a, strict=True)", "return zip(a, a)"),
        ("warnings.warn('a', stacklevel=2)", "warnings.warn('A', stacklevel=3)"),
    ],
)
def test_texts_for_people_are_no_behavior(tmp_path, before, after):
    assert outcome(tmp_path, 0, before, after) == []


def test_the_type_of_an_error_is_behavior(tmp_path):
    assert outcome(tmp_path, 0, "raise ValueError('a')", "raise TypeError('a')")


def test_mutants_that_were_not_tried_are_no_score(project):
    module = mutation_folder.Module("a.b", "a/b.py", ())
    mutant = mutated.Mutant("x", "f", 1, "a", "b", "untried")
    with pytest.raises(UserError, match=r"1 mutants of a\.b were not tried"):
        mutants.score_of(module, "", [mutant])


def score_with(reason: str, module: str = "a.b") -> mutants.Score:
    row = mutants.Survivor("a.b.x_f__mutmut_1", "f", 3, "a < 1", "a <= 1", "survived", reason)
    return mutants.Score(module, "0", ["tests/a/test_b.py"], 10, 9, 1, survivors=[row])


def test_a_survivor_with_a_reason_does_not_count(tmp_path):
    assert score_with("").share == 0.9
    assert score_with("computes the same").share == 1
    assert "+a <= 1" in mutants.markdown([score_with("")])
    assert "+a <= 1" not in mutants.markdown([score_with("computes the same")])


def test_a_report_is_read_as_it_was_written_and_merged_by_module(tmp_path):
    path = tmp_path / "mutants.json"
    assert mutants.load(path) == []
    both = [score_with("computes the same"), score_with("", "a.c")]
    path.write_text(json.dumps(mutants.as_dict(both)))
    assert mutants.load(path) == both
    new = score_with("")
    assert mutants.merged(both, [new]) == [new, both[1]]


@pytest.mark.parametrize("text", ["", "[]", '{"modules": [{"module": "a"}]}', '{"modules": 1}'])
def test_a_damaged_report_is_refused(tmp_path, text):
    path = tmp_path / "mutants.json"
    path.write_text(text)
    with pytest.raises(UserError, match="no report of mutants"):
        mutants.load(path)


def test_the_command_refuses_an_unknown_module(project, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(project.root), "mutants", "flat/nothing"])
    assert ended.value.code == Exit.USAGE
    assert "there is no module 'flat/nothing'" in capsys.readouterr().err


def test_how_we_know_counts_the_mutants_and_lists_the_modules(tmp_path):
    there = replace(config.load(ROOT), root=tmp_path)
    before = reports.checks(there, [])
    path = tmp_path / mutants.REPORT
    both = [score_with("computes the same"), score_with("", "a.c")]
    sample_book.write(path, json.dumps(mutants.as_dict(both)))
    assert reports.checks(there, [])[len(before) :] == [
        ("mistakes planted in 2 modules of our own", "20", "mutants"),
        ("of these, caught by the tests of the module", "18", "mutants"),
        ("of these, equivalent, for a reason in writing", "1", "mutants"),
    ]
    renderer = SphinxRenderer(str(ROOT / "code" / "press" / "site" / "theme"))
    site = SimpleNamespace(mutants=reports.mutants(there))
    html = renderer.render("places.html", {"name": "mutants", "site": site})
    assert "<td><code>a.<wbr>c</code></td><td>10</td><td>9</td><td>0</td><td>1</td>" in html
    assert "<td><code>a.<wbr>b</code></td><td>10</td><td>9</td><td>1</td><td>0</td>" in html


def test_the_committed_report_meets_the_standard():
    scores = mutants.load(ROOT / mutants.REPORT)
    assert scores
    for score in scores:
        assert score.share >= mutants.STANDARD, score.module
        assert score.caught + len(score.survivors) == score.mutants
