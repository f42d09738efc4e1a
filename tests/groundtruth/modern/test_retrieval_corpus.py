"""Claims of groundtruth.modern.retrieval_corpus: prose of pages, snapshots, pairs for training."""

from __future__ import annotations

import bz2
import hashlib
import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from groundtruth.modern import retrieval_corpus
from groundtruth.modern.retrieval_corpus import Corpus, plain, prose, split

PAGE = """---
kind: chapter
---

(anchor)=
# Top *title*

First {term}`gate <gates>` sentence $x^2$ here.
<!-- given: 1 -->

```{code-cell} ipython3
hidden = 1
```

$$
hidden
$$ (eq-hidden)

## Part

```{admonition} Trap
:class: trap
Visible {cite}`nobody` words, see {doc}`other`.
```

### Sub part

More.

## Exercises

### Inside

Hidden.

## Check yourself

Hidden.
"""


class Drawn:
    """A generator that draws the given numbers in turn, each below the limit that it was given."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)
        self.limits = []

    def integers(self, limit):
        self.limits.append(limit)
        return self.numbers.pop(0)


def test_a_page_is_split_into_the_prose_of_its_sections():
    assert split(PAGE) == [
        ("Top title", "First gate sentence here."),
        ("Top title: Part", "Visible words, see."),
        ("Top title: Sub part", "More."),
    ]


def test_lines_of_a_section_are_joined_by_one_space():
    assert split("# Top\n\nOne\ntwo\n\nthree.") == [("Top", "One two three.")]


def test_text_before_the_title_is_in_no_section():
    assert split("Words.\n\n### Low\n\nMore.\n\n# Top\n\nText.") == [("Top", "Text.")]


def test_a_section_after_a_skipped_one_counts_again():
    source = "# Top\n\n## Exercises\n\nHidden.\n\n### Deep\n\nHidden.\n\n## After\n\nSeen."
    assert split(source) == [("Top: After", "Seen.")]


@pytest.mark.parametrize("name", ["Check yourself", "Further reading", "Exercises"])
def test_cards_lists_and_solutions_are_skipped(name):
    assert split(f"# Top\n\nSeen.\n\n## {name}\n\nHidden.\n\n### Sub\n\nHidden.") == [
        ("Top", "Seen.")
    ]


def test_sections_without_text_are_left_out():
    assert split("# Top\n\n## Empty\n\n## Full\n\nText.") == [("Top: Full", "Text.")]


def test_a_heading_of_the_fourth_level_is_text():
    assert split("# Top\n\nOne.\n\n#### Deep\n\nTwo.") == [("Top", "One. #### Deep Two.")]


def test_only_the_front_matter_at_the_very_start_is_cut():
    assert prose("---\na: 1\nb: 2\n---\none\n---\ntwo") == ["one", "---", "two"]
    assert prose("---\n---\none") == ["one"]
    assert prose("one\n---\ntwo\n---\nthree") == ["one", "---", "two", "---", "three"]


@pytest.mark.parametrize("kind", ["code-cell", "math", "csv-table", "figure"])
def test_blocks_that_are_no_prose_are_left_out_up_to_their_closing_fence(kind):
    source = f"before\n```{{{kind}}} argument\nhidden\n    ```\nhidden\n```  \nafter"
    assert prose(source) == ["before", "after"]


def test_other_blocks_lose_only_their_fences_and_options():
    source = "````{note} A\n:class: trap\n```{tip}\nkept: yes\n```\n````\n:::{warning}\nalso\n:::"
    assert prose(source) == ["kept: yes", "also"]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("a\n$$ x = 1 $$\nb", ["a", "b"]),
        ("a\n$$\nx\n$$\nb", ["a", "b"]),
        ("a\n$$\nx\n$$ (eq-x)\nb", ["a", "b"]),
        ("a\n$$ x\ny\n$$\nb\n$$\nz\n$$\nc", ["a", "b", "c"]),
    ],
)
def test_formulas_in_blocks_are_left_out(source, lines):
    assert prose(source) == lines


@pytest.mark.parametrize("line", [":name: fig-x", ":two-words: 1", "<!-- note -->", "(sec-x)="])
def test_options_comments_and_anchors_are_left_out(line):
    assert prose(f"a\n{line}\nb") == ["a", "b"]


@pytest.mark.parametrize("line", ["a :name: b", "see <!-- x", "(a) = b", "``inline``", "::"])
def test_lines_that_only_look_alike_stay(line):
    assert prose(line) == [line]


@pytest.mark.parametrize(
    "role", ["cite", "cite:p", "cite:t", "cite:author_2", "doc", "numref", "eq"]
)
def test_references_leave_nothing(role):
    assert plain(f"See {{{role}}}`some <target>` now") == "See now"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a {term}`gate` b", "a gate b"),
        ("a {term}`two gates <gate>` b", "a two gates b"),
        ("a {term}`gate<gates>` b", "a gate b"),
        ("a {my:role-name}`x` b", "a x b"),
        ("a {term}`x` and {term}`y <z>` b", "a x and y b"),
        ("a $x^2$ b $y$ c", "a b c"),
        ("a$x$b", "a b"),
        ("*a* **b** `c` |d|", "a b c d"),
        ("a <!-- b --> c <!-- d --> e", "a c e"),
        ("a<!-- b -->c", "ac"),
        ("  a \t b\u00a0 c  ", "a b c"),
        ("a . b , c ; d : (e )", "a. b, c; d: (e)"),
        ("a $x$. b $y$, c", "a. b, c"),
        ("a ! b ? (c", "a ! b ? (c"),
    ],
)
def test_a_line_without_markup(text, words):
    assert plain(text) == words


def shelf(folder: Path, pages: dict[str, str], cards: dict[str, str]) -> Path:
    """A folder book with these pages and cards."""
    for name, content in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    for name, content in cards.items():
        path = folder / "_assets" / "cards" / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def test_a_snapshot_holds_pages_with_cards_in_the_order_of_their_names(tmp_path):
    pages = {
        "b/one": "# One\n\nText one.\n\n## Sub\n\nText two.",
        "a/two": "# Two\n\nText three.",
        "a/bare": "# No cards\n\nHidden.",
    }
    cards = {
        "b/one": "- question: First?\n- question: Second *now*?\n",
        "a/two": "- question: Third?\n",
        "a/gone": "- question: No page?\n",
        "deep/er/three": "- question: Too deep?\n",
    }
    corpus = retrieval_corpus.snapshot(shelf(tmp_path, pages, cards))
    assert corpus == Corpus(
        pages=("a/two", "b/one", "b/one"),
        titles=("Two", "One", "One: Sub"),
        texts=("Text three.", "Text one.", "Text two."),
        queries=("Third?", "First?", "Second now?"),
        answers=("a/two", "b/one", "b/one"),
    )


def test_pages_and_cards_are_read_as_utf_8_whatever_the_encoding_of_the_system(
    tmp_path, monkeypatch
):
    def read_text(path, encoding=None):
        return path.read_bytes().decode(encoding or "latin-1")

    book = shelf(tmp_path, {"a/b": "# Über\n\nπ is naïve."}, {"a/b": "- question: Größe?\n"})
    monkeypatch.setattr(Path, "read_text", read_text)
    corpus = retrieval_corpus.snapshot(book)
    assert (corpus.titles, corpus.texts) == (("Über",), ("π is naïve.",))
    assert corpus.queries == ("Größe?",)


@pytest.mark.parametrize(
    ("page", "cards"),
    [
        ("# Top\n\nText.", "[]"),
        ("# Top\n\n## Exercises\n\nHidden.", "- question: What?\n"),
    ],
)
def test_a_snapshot_needs_sections_and_questions(tmp_path, page, cards):
    with pytest.raises(ValueError, match="no page with cards"):
        retrieval_corpus.snapshot(shelf(tmp_path, {"a/b": page}, {"a/b": cards}))


def test_a_folder_that_is_no_book_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="nothing holds no page with cards"):
        retrieval_corpus.snapshot(tmp_path / "nothing")


def corpus_of_two() -> Corpus:
    return Corpus(("z", "a", "z"), ("Z", "A", "Z: b"), ("1.", "2.", "3."), ("q", "r"), ("a", "z"))


def test_a_snapshot_survives_writing(tmp_path, monkeypatch):
    corpus = corpus_of_two()
    monkeypatch.setattr(retrieval_corpus, "FILE", tmp_path / "file.bz2")
    retrieval_corpus.write(corpus, tmp_path / "file.bz2")
    assert retrieval_corpus.load() == corpus
    assert retrieval_corpus.load().digest == corpus.digest


def test_the_same_snapshot_gives_the_same_bytes_of_json(tmp_path):
    for name in ("a", "b"):
        retrieval_corpus.write(corpus_of_two(), tmp_path / name)
    stored = (tmp_path / "a").read_bytes()
    assert stored == (tmp_path / "b").read_bytes()
    fields = json.loads(bz2.decompress(stored))
    assert list(fields) == ["pages", "titles", "texts", "queries", "answers"]
    assert fields["titles"] == ["Z", "A", "Z: b"]


def test_a_snapshot_takes_less_room_than_by_lzma(tmp_path):
    retrieval_corpus.write(retrieval_corpus.load(), tmp_path / "file.bz2")
    stored = (tmp_path / "file.bz2").read_bytes()
    assert len(stored) < 0.95 * len(lzma.compress(bz2.decompress(stored), preset=9))
    assert stored == retrieval_corpus.FILE.read_bytes()


def test_the_digest_is_the_sha_256_of_what_is_stored(tmp_path):
    corpus = corpus_of_two()
    retrieval_corpus.write(corpus, tmp_path / "file.bz2")
    content = bz2.decompress((tmp_path / "file.bz2").read_bytes())
    assert corpus.digest == hashlib.sha256(content).hexdigest()[:12]


def test_pages_have_numbers_in_the_order_of_their_names():
    corpus = corpus_of_two()
    assert corpus.page_names == ["a", "z"]
    assert corpus.page_of_section.tolist() == [1, 0, 1]
    assert corpus.page_of_query.tolist() == [0, 1]


def test_the_frozen_snapshot_is_whole():
    corpus = retrieval_corpus.load()
    assert len(corpus.pages) == len(corpus.titles) == len(corpus.texts) == 597
    assert len(corpus.queries) == 301
    assert set(corpus.answers) <= set(corpus.pages)
    assert corpus.digest == "a1845d78fccd"
    assert not any("```" in words or "{term}" in words for words in corpus.texts)


def test_the_questions_of_the_cards_do_not_stand_in_the_sections():
    corpus = retrieval_corpus.load()
    everything = " ".join(corpus.texts)
    assert sum(query in everything for query in corpus.queries) == 0


def section(title: str, text: str) -> Corpus:
    return Corpus(("p",), (title,), (text,), ("q",), ("p",))


@pytest.mark.parametrize(
    ("drawn", "query", "document"),
    [
        (0, "one aa", "top head two bb three cc"),
        (1, "two bb", "top head one aa three cc"),
        (2, "three cc", "top head one aa two bb"),
    ],
)
def test_a_pair_is_a_sentence_and_the_rest_of_its_section(drawn, query, document):
    rng = Drawn(drawn)
    corpus = section("Top: Head", "One aa. Two bb? Three cc!")
    queries, documents = retrieval_corpus.sentence_pairs(corpus, rng, 1)
    assert rng.limits == [3]
    assert queries == [query.split(), ["head"]]
    assert documents == [document.split(), ["one", "aa", "two", "bb", "three", "cc"]]


def test_four_sentences_are_drawn_per_section_by_default():
    corpus = section("Top", "One aa. Two bb. Three cc.")
    queries, documents = retrieval_corpus.sentence_pairs(corpus, Drawn(0, 2, 1, 2))
    assert [query[0] for query in queries] == ["one", "three", "two", "three", "top"]
    assert len(documents) == 5


def test_of_two_sentences_only_the_heading_is_paired():
    corpus = section("Top: Middle: Low end", "One aa. Two bb.")
    queries, documents = retrieval_corpus.sentence_pairs(corpus, np.random.default_rng(0))
    assert queries == [["low", "end"]]
    assert documents == [["one", "aa", "two", "bb"]]


def test_pairs_repeat_with_the_generator():
    text = " ".join(f"Word{i}." for i in range(40))
    first, second, other = (
        retrieval_corpus.sentence_pairs(section("T", text), np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == second != other


@pytest.mark.parametrize("repeats", [0, -1])
def test_at_least_one_repeat_is_needed(repeats):
    with pytest.raises(ValueError, match=f"at least one repeat, got {repeats}"):
        retrieval_corpus.sentence_pairs(corpus_of_two(), np.random.default_rng(0), repeats)
