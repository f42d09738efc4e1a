"""The registry of audits, and numbers, links and originality: what each rejects and accepts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from clikit.errors import Exit, UserError
from press import checks, config
from press.checks import numbers, registry
from press.checks.book import Book

from tests.conftest import ROOT
from tests.press import sample_book
from tests.press.pages import book, messages, page, printed

PRINTS = sample_book.cell("print(a, b)")
OUTPUT = [[printed("loss 0.123 after 1000, -4.5\n")]]


def without_fixtures(names: list[str]) -> list[str]:
    """Audits that no test of the press runs by name on a page made for it."""
    files = sorted((ROOT / "tests" / "press").glob("test_*.py"))
    texts = "".join(path.read_text(encoding="utf-8") for path in files)
    return [name for name in names if f'"{name}"' not in texts]


def test_every_audit_has_fixtures():
    assert without_fixtures(list(checks.ALL)) == []
    unknown = "-".join(("no", "test", "names", "this"))
    assert without_fixtures([unknown]) == [unknown]


def test_the_help_lists_every_audit_with_its_line():
    text = " ".join(sample_book.press(ROOT, "audit", "--help").stdout.split())
    missing = [a.name for a in checks.ALL.values() if f"{a.name} {a.about}" not in text]
    assert missing == []


def test_a_project_runs_all_audits_unless_it_names_some(tmp_path):
    assert config.Project(tmp_path).audits == tuple(checks.ALL)


def test_two_audits_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two audits are called 'numbers'"):
        registry.audit("numbers", "again")(lambda book: [])


def test_an_audit_of_pages_reads_each_of_them(tmp_path):
    body = page(sample_book.cell("x = 1;"))
    findings = checks.run(book(tmp_path, {"front/x": body, "front/y": body}), ("anatomy",))
    assert [finding.chapter for finding in findings] == ["front/x", "front/y"]


def test_an_unknown_audit_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="no audit 'nubers'; did you mean 'numbers'") as caught:
        checks.chosen(("nubers",))
    assert caught.value.code is Exit.USAGE


def test_an_unknown_audit_in_the_settings_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.press]\naudits = ["anatmy"]\n')
    with pytest.raises(UserError, match="did you mean 'anatomy'"):
        config.load(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
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
    ],
)
def test_numbers_that_are_accounted_for_pass(tmp_path, line):
    assert messages(tmp_path, "numbers", f"{line}\n\n{PRINTS}", OUTPUT) == []


@pytest.mark.parametrize(
    "line",
    [
        "The loss is 0.124.",
        "The loss is 0.13.",
        "It fell by 13 %.",
        "After 1,001 steps it was there.",
        "The value 4.5 has lost its sign.",
        "A rate of 0.26 is assumed.",
        "There are 33 of them.",
        "In mathematics $0.125$ was never printed.",
        "A percentage of 1230 %.",
    ],
)
def test_a_number_that_nothing_accounts_for_is_reported(tmp_path, line):
    (what,) = messages(tmp_path, "numbers", f"{line}\n\n{PRINTS}", OUTPUT)
    assert "no cell of this page prints" in what


def test_numbers_of_a_stale_page_are_not_judged(tmp_path):
    sample = book(tmp_path, {"front/x": page(f"The loss is 0.77.\n\n{PRINTS}")})
    stale = Book(sample.project, [replace(item, record=None) for item in sample.pages])
    assert len(checks.run(sample, ("numbers",))) == 1
    assert checks.run(stale, ("numbers",)) == []


def test_numbers_in_captions_are_audited(tmp_path):
    head = "---\nmystnb:\n  figure:\n    caption: It reaches 0.77.\n    name: f\n---\n"
    body = sample_book.cell("print(1)", head)
    assert len(messages(tmp_path, "numbers", body, [[printed("1\n")]])) == 1


def test_a_literal_in_a_cell_is_an_assumption(tmp_path):
    body = f"With 0.05 it works.\n\n{sample_book.cell('eta = 0.05')}"
    assert messages(tmp_path, "numbers", body) == []


def test_a_comment_in_a_cell_is_no_assumption(tmp_path):
    body = f"With 0.05 it works.\n\n{sample_book.cell('eta = 1  # 0.05')}"
    assert len(messages(tmp_path, "numbers", body)) == 1


@pytest.mark.parametrize(
    ("value", "decimals", "percent", "is_accounted"),
    [
        ("0.46", 2, False, True),
        ("0.45", 2, False, False),
        ("46", 0, True, True),
        ("45", 0, True, False),
        ("46", 0, False, False),
        ("1.2", 1, False, True),
        ("1.3", 1, False, False),
    ],
)
def test_rounding_is_that_of_the_digits_given(value, decimals, percent, is_accounted):
    accounts = [Decimal("-3"), Decimal("0.4567"), Decimal("1.16")]
    assert numbers.accounted(Decimal(value), decimals, percent, accounts) is is_accounted


def audit_document(folder, text: str) -> list[str]:
    sample = book(folder, {"front/x": page("Text.")})
    settings = dict(sample_book.SETTINGS, documents={"README.md": ["report.json"]})
    sample_book.write(folder / "book" / "press.yml", sample_book.yaml.safe_dump(settings))
    sample_book.write(folder / "README.md", text)
    report = {"counts": {"tests": 2345}, "profiles": [1.5] * 14}
    sample_book.write(folder / "report.json", json.dumps(report))
    other = Book(sample.project, sample.pages)
    return [finding.what for finding in checks.run(other, ("numbers",))]


@pytest.mark.parametrize(
    "line",
    ["There are 2,345 tests.", "Three or 3.", "Twelve.", "Fourteen profiles.", "All 14 profiles."],
)
def test_numbers_of_a_document_may_come_from_its_reports(tmp_path, line):
    assert audit_document(tmp_path, f"# R\n\n{line}\n") == []


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("There are 2,346 tests.", "2,346"),
        ("Run as fifteen other machines.", "fifteen"),
        ("It takes thirty-five minutes.", "thirty-five"),
        ("A hundred pages.", "hundred"),
    ],
)
def test_other_numbers_of_a_document_are_reported(tmp_path, line, token):
    expected = f"no committed report holds the number {token!r}"
    assert audit_document(tmp_path, f"# R\n\n{line}\n") == [expected]


def test_a_document_that_is_missing_is_reported(tmp_path):
    audit_document(tmp_path, "Text.\n")
    (tmp_path / "README.md").unlink()
    sample = Book(config.load(tmp_path), [])
    assert "cannot be read" in checks.run(sample, ("numbers",))[0].what


GLOSSARY = """# Glossary

```{glossary}
logit
log-odds
  A score.

loss
  A number.

ZeRO
  A way to share states.

margin loss
  A loss of the margin.

margin
  A distance.

  Explained in {doc}`../data/x`.
```
"""


def link_messages(folder, text: str) -> list[str]:
    pages = {"data/x": page(f"(here)=\n\n{text}", "chapter"), "reference/glossary": GLOSSARY}
    sample = book(folder, pages)
    sample_book.write(folder / "book" / "references.bib", "@book{known,\n title={X}}\n")
    return [finding.what for finding in checks.run(sample, ("links",))]


@pytest.mark.parametrize(
    "text",
    [
        "A {term}`logit` and later a logit.",
        "A {term}`logit`, which is the log-odds.",
        "A zero is not the name with capitals.",
        "The page explains the margin itself.",
        "A {term}`margin loss`. One margin loss is not another margin loss.",
        "See {doc}`../reference/glossary`.",
        "Known {cite}`known`.",
        "See {ref}`here`.",
        "The word `loss` in code.",
        "A blossoming tree.",
    ],
)
def test_links_that_resolve_pass(tmp_path, text):
    assert link_messages(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A logit comes first.", "'logit' is used here first"),
        ("Many Losses and a loss.", "'loss' is used here first"),
        ("The log-odds come first, then the logit.", "'log-odds' is used here first"),
        ("States are shared by ZeRO.", "'ZeRO' is used here first"),
        ("See {doc}`nowhere`.", "no page 'nowhere'"),
        ("See {ref}`nothing`.", "nothing is labeled 'nothing'"),
        ("See {eq}`eq-none`.", "nothing is labeled"),
        ("As in {cite}`unknown`.", "no entry 'unknown'"),
        ("As in {cite}`known,unknown`.", "no entry 'unknown'"),
        ("A {term}`word`.", "no term 'word'"),
        ("A [link](missing.md).", "'missing.md' does not exist"),
    ],
)
def test_a_link_that_does_not_resolve_is_reported(tmp_path, text, message):
    (what,) = link_messages(tmp_path, text)
    assert message in what


LONG = "This sentence has more than eight words and occurs a second time."


def test_repetition_across_pages_is_reported(tmp_path):
    body = page(f"{LONG}\n\n" + sample_book.cell("a = 1\nb = 2\nprint(a + b)"))
    findings = checks.run(book(tmp_path, {"front/x": body, "front/y": body}), ("originality",))
    texts = sorted(re.sub(r":\d+$", "", finding.what) for finding in findings)
    where = "already appears at book/front/x.md"
    assert texts == [f"this cell {where}", f"this sentence {where}"]


def test_short_cells_and_imports_may_repeat(tmp_path):
    cell = sample_book.cell("import a\nimport b\nfrom c import d\nprint(1)")
    body = page(f"Short words.\n\n{cell}")
    findings = checks.run(book(tmp_path, {"front/x": body, "front/y": body}), ("originality",))
    assert findings == []


def test_a_finding_names_its_place_and_the_fix(tmp_path):
    sample = book(tmp_path, {"front/x": page("The loss is 0.77.")})
    (finding,) = checks.run(sample, ("numbers",))
    rows = sample.pages[0].chapter.text.split("\n")
    assert finding.path == "book/front/x.md"
    assert rows[finding.line - 1] == "The loss is 0.77."
    assert f":{finding.line}:" in str(finding)
    assert finding.fix in str(finding)
