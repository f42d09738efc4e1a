"""The comparison of two sites looks at what a reader reads, and at nothing else."""

from __future__ import annotations

import pytest

from tests.site import compare_text

PAGE = "<html><head><title>T</title></head><body><article>{}</article></body></html>"
TEXT = "<h1>One</h1><p>It is <b>1.5</b> m.</p>"


def compare(old: str, new: str) -> dict[str, list[str]]:
    return compare_text.differences({"a.html": PAGE.format(old)}, {"a.html": PAGE.format(new)})


@pytest.mark.parametrize(
    "other",
    [
        TEXT,
        '<h1 class="x" id="y">One</h1><p>It  is\n<b>1.5</b> m.</p>',
        f"{TEXT}<script>var a = 1;</script><style>p {{}}</style>",
    ],
    ids=["same", "markup", "scripts"],
)
def test_sites_that_read_the_same_do_not_differ(other):
    assert compare(TEXT, other) == {}


@pytest.mark.parametrize(
    "other",
    [TEXT.replace("1.5", "1.6"), TEXT.replace("One", ""), f"{TEXT}<p>More.</p>"],
    ids=["number", "heading lost", "paragraph added"],
)
def test_a_planted_difference_is_named_with_its_page(other):
    assert list(compare(TEXT, other)) == ["a.html"]


def test_a_page_of_one_site_only_is_a_difference():
    assert list(compare_text.differences({"a.html": PAGE.format(TEXT)}, {})) == ["a.html"]


def test_the_command_writes_the_report_and_ends_with_one(tmp_path, capsys):
    for name, text in (("old", TEXT), ("new", TEXT.replace("1.5", "1.6"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.html").write_text(PAGE.format(text))
    target = tmp_path / "text.md"
    arguments = [str(tmp_path / "old"), str(tmp_path / "new"), "--markdown", str(target)]
    assert compare_text.main(arguments) == 1
    assert "-1.5" in target.read_text()
    assert "1 of 1 pages differ" in capsys.readouterr().out


def test_a_folder_without_pages_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare_text.main([str(tmp_path), str(tmp_path)])
    assert "holds no page" in capsys.readouterr().err
