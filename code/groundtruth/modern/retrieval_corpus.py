"""The sections of this book as documents, the questions of its cards as labeled queries.

Read with book/modern/retrieval.md.

The snapshot is frozen, so that results do not move when a page is edited. `snapshot(book)` makes a
new one from the pages and cards of a checkout, `write(corpus)` stores it beside this module. A
query is relevant to every section of the page on which its card stands.
"""

from __future__ import annotations

import bz2
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from groundtruth.data.text import tokenize

FILE = Path(__file__).with_name("retrieval_corpus.json.bz2")
SKIPPED = {"Check yourself", "Further reading", "Exercises"}  # cards, lists and solutions
FENCE = re.compile(r"^(`{3,}|:{3,})")
HEADING = re.compile(r"^(#{1,3}) (.+)$")


@dataclass(frozen=True)
class Corpus:
    """Sections and queries; all lists of sections are parallel, and so are those of queries."""

    pages: tuple[str, ...]
    """Page of each section (n,), such as "learning/metrics"."""
    titles: tuple[str, ...]
    """Title of the page and heading of the section (n,)."""
    texts: tuple[str, ...]
    """Prose of each section (n,), without cells, formulas and markup."""
    queries: tuple[str, ...]
    """Questions of the cards (q,)."""
    answers: tuple[str, ...]
    """Pages of the cards (q,): the relevant page of each query."""

    @property
    def digest(self) -> str:
        """The first twelve digits of the SHA-256 of the content."""
        return hashlib.sha256(_encode(self)).hexdigest()[:12]

    @cached_property
    def page_names(self) -> list[str]:
        """Names of the pages (p,), sorted."""
        return sorted(set(self.pages))

    @cached_property
    def page_of_section(self) -> NDArray[np.intp]:
        """Number of the page of each section (n,)."""
        return np.searchsorted(self.page_names, self.pages)

    @cached_property
    def page_of_query(self) -> NDArray[np.intp]:
        """Number of the relevant page of each query (q,)."""
        return np.searchsorted(self.page_names, self.answers)


def load() -> Corpus:
    """The frozen snapshot.

    Examples
    --------
    >>> corpus = load()
    >>> len(corpus.pages) == len(corpus.texts), len(corpus.queries) == len(corpus.answers)
    (True, True)
    """
    fields = json.loads(bz2.decompress(FILE.read_bytes()))
    return Corpus(**{name: tuple(values) for name, values in fields.items()})


def write(corpus: Corpus, path: Path = FILE) -> None:
    """Store a snapshot, compressed; the same content gives the same bytes."""
    path.write_bytes(bz2.compress(_encode(corpus)))


def _encode(corpus: Corpus) -> bytes:
    names = ("pages", "titles", "texts", "queries", "answers")
    return json.dumps({name: getattr(corpus, name) for name in names}, indent=0).encode()


def snapshot(book: Path) -> Corpus:
    """Read the sections of all pages with cards, and the cards, from the folder `book`.

    Raises
    ------
    ValueError
        If the folder holds no page with cards.
    """
    import yaml  # only who makes a new snapshot needs it

    sections: list[tuple[str, str, str]] = []
    questions: list[tuple[str, str]] = []
    for cards in sorted((book / "_assets" / "cards").glob("*/*.yml")):
        page = cards.relative_to(book / "_assets" / "cards").with_suffix("").as_posix()
        source = book / f"{page}.md"
        if not source.exists():
            continue
        sections += [(page, *section) for section in split(source.read_text(encoding="utf-8"))]
        questions += [
            (page, plain(card["question"]))
            for card in yaml.safe_load(cards.read_text(encoding="utf-8"))
        ]
    if not sections or not questions:
        raise ValueError(f"{book} holds no page with cards; give the folder book of a checkout")
    pages, titles, texts = zip(*sections, strict=True)
    answers, queries = zip(*questions, strict=True)
    return Corpus(pages, titles, texts, queries, answers)


def split(source: str) -> list[tuple[str, str]]:
    """Title and prose of each section of a page in MyST Markdown; empty sections are left out.

    Examples
    --------
    >>> page = "# Page\\n\\nFirst.\\n\\n## Part\\n\\n{term}`One <two>`.\\n\\n## Exercises\\n\\nX."
    >>> split(page)
    [('Page', 'First.'), ('Page: Part', 'One.')]
    """
    lines = prose(source)
    top = ""
    heading = ""
    body: list[str] = []
    sections: list[tuple[str, str]] = []
    for line in [*lines, "# end"]:
        match = HEADING.match(line)
        if not match:
            body.append(line)
            continue
        text = " ".join(plain(part) for part in body if part.strip())
        if text and top and heading not in SKIPPED:
            sections.append((f"{top}: {heading}" if heading else top, text))
        body = []
        level, name = len(match[1]), plain(match[2])
        if level == 1:
            top, heading = name, ""
        elif level == 2 or heading not in SKIPPED:
            heading = name
    return sections


def prose(source: str) -> list[str]:
    """The lines of a page without front matter, cells, formulas, options and comments."""
    lines = source.split("\n")
    if lines[0] == "---":
        lines = lines[lines.index("---", 1) + 1 :]
    lines_of_prose: list[str] = []
    inside = ""  # the fence or mark that ends what is left out
    for line in lines:
        if inside:
            inside = "" if line.rstrip().startswith(inside) else inside
        elif line.startswith(("```{code-cell}", "```{math}", "```{csv-table}", "```{figure}")):
            inside = "```"
        elif line.startswith("$$"):
            inside = "" if line.count("$$") > 1 else "$$"
        elif not FENCE.match(line) and not re.match(r"^(:[\w-]+:|<!--|\([\w-]+\)=)", line):
            lines_of_prose.append(line)
    return lines_of_prose


def plain(text: str) -> str:
    """A line without roles, formulas and emphasis."""
    text = re.sub(r"\{(?:cite[:\w]*|doc|numref|eq)\}`[^`]*`", "", text)
    text = re.sub(r"\{[\w:-]+\}`([^`<]*?)\s*(?:<[^`]*>)?`", r"\1", text)
    text = re.sub(r"\$[^$]*\$", " ", text)
    text = re.sub(r"[*`|]|<!--.*?-->", "", text)
    return re.sub(r"\s+([.,;:)])", r"\1", re.sub(r"\s+", " ", text)).strip()


def sentence_pairs(
    corpus: Corpus, rng: np.random.Generator, repeats: int = 4
) -> tuple[list[list[str]], list[list[str]]]:
    """Token lists of pairs for contrastive training without labels: a sentence and the rest of its
    section, `repeats` times per section of at least three sentences, and a heading and its section
    (the inverse cloze task; Lee et al., 2019).
    """
    if repeats < 1:
        raise ValueError(f"need at least one repeat, got {repeats}")
    queries: list[list[str]] = []
    documents: list[list[str]] = []
    for title, content in zip(corpus.titles, corpus.texts, strict=True):
        sentences = re.split(r"(?<=[.?!]) ", content)
        for _ in range(repeats if len(sentences) > 2 else 0):
            i = int(rng.integers(len(sentences)))
            rest = " ".join([title, *sentences[:i], *sentences[i + 1 :]])
            queries.append(tokenize(sentences[i]))
            documents.append(tokenize(rest))
        queries.append(tokenize(title.split(": ")[-1]))
        documents.append(tokenize(content))
    return queries, documents
