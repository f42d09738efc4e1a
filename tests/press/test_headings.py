"""Headings that name what their section explains, and headings that do not."""

from __future__ import annotations

import pytest

from tests.press import pages

DEPENDS = ("code/press/**", "book/press.yml")


def wrong(folder, heading: str, body: str = "Text.", level: int = 3) -> list[str]:
    """What the audit says of a chapter with this heading."""
    text = f"## Build it\n\n{'#' * level} {heading}\n\n{body}\n"
    return pages.messages(folder, "headings", text, kind="chapter")


@pytest.mark.parametrize(
    "heading",
    ["Rare things", "Order", "Holes", "A rate for every direction", "Step 4", "One layer"],
)
def test_a_heading_without_a_term_is_refused(tmp_path, heading):
    assert wrong(tmp_path, heading) == [f"the heading {heading!r} names no term of the field"]


@pytest.mark.parametrize(
    "heading",
    [
        "RoPE and ALiBi: order",  # abbreviations
        "The KV cache",
        "Checkpoints: stop and resume",  # a term of the settings, in the plural
        "k-means",  # an announced subject
    ],
)
def test_a_heading_with_a_term_is_accepted(tmp_path, heading):
    assert wrong(tmp_path, heading) == []


def test_a_term_in_bold_in_the_section_itself_will_do(tmp_path):
    body = "The velocity is the **momentum** of the step."
    assert wrong(tmp_path, "Momentum: a memory of gradients", body) == []


def test_a_term_in_bold_in_another_section_will_not_do(tmp_path):
    body = "Text.\n\n### Checkpoints\n\nThe **ladder** of the step."
    assert len(wrong(tmp_path, "Ladder: a name of nowhere", body)) == 1


def test_an_emphasized_sentence_is_no_term(tmp_path):
    body = "**What holds in every case of this kind is the rule.**"
    assert len(wrong(tmp_path, "What holds in every case of this kind is the rule", body)) == 1


def test_the_subject_in_the_title_of_a_chapter_is_a_term(tmp_path):
    text = pages.page("### Gravity wells\n\nText.", "chapter").replace(
        "# T\n", "# Gravity and mass\n"
    )
    book = pages.book(tmp_path, {"a/x": text})
    from press import checks

    assert checks.run(book, ("headings",)) == []


def test_steps_of_every_chapter_and_pages_of_other_kinds_are_exempt(tmp_path):
    assert wrong(tmp_path / "a", "Name it", level=2) == []
    assert pages.messages(tmp_path / "b", "headings", "### Order\n\nText.", kind="front") == []
