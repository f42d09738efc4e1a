"""After any edit whatever, an incremental build ends with the site of a clean one, byte for byte.

Each row edits one kind of input of a finished book, builds it there, and builds a copy that was
never built before. The control: the edit changed the site of the clean build, or is on record as
invisible.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from clikit.files import sha
from press.store import PACKAGES

from tests.conftest import ROOT
from tests.press import copies, sample_book

pytestmark = pytest.mark.slow

INDEX = """# Home

A first sentence about {term}`loss`.

```{press} counts
```

```{press} checks
```

```{press} machines
```

```{press} paths
```

```{press} study
```

```{press} take-cards
```

```{all-cards}
```
"""
ONE = (
    sample_book.HEAD
    + """# One

The drawing has the size that a module says, as in {cite}`gauss`.

"""
    + sample_book.cell("from toy.style import draw\n\ndraw()", ":tags: [remove-input]\n\n")
    + """
(the-area)=
## The area

A formula $x^2$ and a static figure.

```{figure} ../_assets/plain.svg
:name: fig-plain
A circle.
```

```{literalinclude} ../../code/toy/deep.py
```

```{exercise} Of areas
:label: ex-area

How large is it?
```

## Cards

```{cards}
```
"""
)
TWO = (
    sample_book.HEAD
    + """# Two

See {cite}`gauss`.

![A square behind a linked folder](../_assets/shared/square.svg)

"""
    + sample_book.cell(
        "from pathlib import Path\nfrom IPython.display import SVG\n\n"
        "folder = 'results'\nsize = Path(f'_assets/{folder}/card.json').read_text()\n"
        "radius = open('_assets/size.txt').read()\nshape = f'<circle r=\"{size.strip()}\"/>'\n"
        'SVG(f\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="{radius.strip()}">\''
        "\n    + shape + '</svg>')"
    )
    + sample_book.cell("print(f'claim ok: it is so ({3 / 4} > 0.5)')")
    + """
The share is 0.75.

```{bibliography}
```
"""
)
THREE = """# Three

A page without cells and citations, which shows what others say: {doc}`one`, {ref}`the-area`,
{numref}`fig-plain`, {term}`loss` and {ref}`the exercise <ex-area>` {ref}`ex-area`.
"""
GLOSSARY = """# Glossary

```{glossary}
loss
  What is lost. It is minimized.
```
"""
STYLE = '''"""How figures look."""

from pathlib import Path

from IPython.display import SVG

from toy.deep import FACTOR

COLOR = "#123456"
SIDE = Path(__file__).with_name("side.txt").read_text().strip()


def draw():
    """A square."""
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{90 * FACTOR}" height="90">'
        f'<rect width="{SIDE}" height="9" fill="{COLOR}"/></svg>'
    )
'''
CARD = """- id: first
  level: foundational
  type: concept
  tags: [loss]
  question: What is a loss, in one sentence?
  answer: A number that says how wrong a prediction is; training makes it small.
"""
ENTRIES = """@book{abel, title={Algebra}, author={Abel, N.}, publisher={Crelle}, year={1826}}
@book{gauss, title={Theoria}, author={Gauss, C.}, publisher={Perthes}, year={1809}}
"""
FIGURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    '<circle r="5" fill="#336699"/></svg>\n'
)
LIBRARY = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "toy"
version = "1.0"
readme = "README.md"
license-files = ["LICENSE"]

[tool.setuptools.packages.find]
where = ["code"]
include = ["toy*"]

"""
SETUP = """from setuptools import setup

setup(data_files=[("share/toy", ["LICENSE"])])
"""
SEEDS = """{"sources": ["numpy"], "pages": [{"slug": "a/two", "digest": "older", "faults": [],
"statements": [{"cell": 2, "kind": "claim", "text": "it is so", "held": 3, "of": 20}]}]}
"""
FILES = {
    "book/references.bib": ENTRIES,
    "book/_assets/plain.svg": FIGURE,
    "book/_assets/size.txt": "30",
    "book/_assets/results/card.json": "4",
    "book/_assets/cards/a/one.yml": CARD,
    "book/_assets/reports/tests.json": '{"counts": {"tests passed": 17}}\n',
    "book/_assets/reports/seeds.json": SEEDS,
    "book/_assets/other/square.svg": FIGURE,
    "linked/square.svg": FIGURE.replace("circle", "rect"),
    "code/toy/style.py": STYLE,
    "code/toy/side.txt": "9\n",
    "requirements.txt": "numpy==2.0\n",
    "book/_assets/anchors.json": '{"a/one": ["the-area"]}\n',
    "book/_assets/reports/dates.json": f'{{"a/three": ["2026-01-02", "{sha(THREE)[:16]}"]}}\n',
}


@dataclass(frozen=True)
class Edit:
    """`pattern` is replaced in `path`, exactly once; both builds must then return `code`."""

    path: str
    pattern: str
    replacement: str
    code: int = 0
    invisible: str = ""  # why the site stays as it was
    library: bool = False  # an edit of a book whose site carries a wheel


PRESS = "code/press"
SITE = f"{PRESS}/site"
EDITS = {
    "text: a sentence": Edit("book/a/two.md", "See ", "Do see "),
    "text: a title that other pages name": Edit("book/a/one.md", "# One", "# The one"),
    "text: a section that another page names": Edit("book/a/one.md", "## The area", "## Its area"),
    "text: a label that another page names": Edit("book/a/one.md", r"\(the-area\)=", "", code=1),
    "text: the title of an exercise that another page names": Edit(
        "book/a/one.md", "Of areas", "About areas"
    ),
    "text: a figure before a numbered one": Edit(
        "book/a/one.md",
        "A formula",
        "```{figure} ../_assets/plain.svg\n:name: fig-new\nNew.\n```\n\nA formula",
    ),
    "text: a citation, whose entry leads back to it": Edit(
        "book/a/two.md", r"\{cite\}`gauss`", "{cite}`abel` and {cite}`gauss`"
    ),
    "text: another picture of the same name": Edit(
        "book/a/one.md", "A formula", "![A circle](../_assets/other/square.svg)\n\nA formula"
    ),
    "module": Edit("code/toy/deep.py", "FACTOR = 2", "FACTOR = 3"),
    "figure style": Edit("code/toy/style.py", "#123456", "#654321"),
    "module: the source of a function that a page shows": Edit(
        "code/toy/style.py", r"return SVG\(", "return SVG(  # a string"
    ),
    "front matter: the source of a function stands open": Edit(
        "book/a/one.md", "kind: front", "kind: front\nopen: [toy.style.draw]"
    ),
    "module that nobody imports": Edit(
        "code/toy/unused.py", "= 0", "= 1", invisible="no page runs or shows it"
    ),
    "module: a data file beside it": Edit("code/toy/side.txt", "9", "8"),
    "data file that a cell names": Edit("book/_assets/size.txt", "30", "40"),
    "result card, named through a variable": Edit("book/_assets/results/card.json", "4", "3"),
    "dark colors": Edit(f"{SITE}/pictures.py", r"LIGHTEST = 0\.\d+", "LIGHTEST = 0.901"),
    "theme template": Edit(f"{SITE}/theme/layout.html", "<title>", "<title>Oh: "),
    "theme template of one page": Edit(f"{SITE}/theme/404.html", "<title>", "<title>Oh: "),
    "CSS": Edit(
        f"{SITE}/theme/static/css/base.css", r"\A", ".press-edited,body{--gt-edited:1px}\n"
    ),
    "JavaScript": Edit(f"{SITE}/theme/static/js/core.js", r"\A", "void 'edited';\n"),
    "script of the search": Edit(
        f"{SITE}/theme/static/search/engine.js", r"again: \.85", "again: .8"
    ),
    "announced subject": Edit("book/press.yml", r"(?m)^( +- )kmeans$", r"\g<1>kmean"),
    "font options": Edit(f"{SITE}/fonts.py", "hinting=False", "hinting=True"),
    "Markdown of pages": Edit(f"{SITE}/export/dialect.py", '"atx"', '"atx_closed"'),
    "directive of the press": Edit(f"{SITE}/extension/cards.py", " · {count}", " / {count}"),
    "patch of the bibliography": Edit(
        f"{PRESS}/patches.py",
        r"FormattedEntry\(entry\.key, text, label\)",
        "FormattedEntry(entry.key, text + '!', label)",
    ),
    "bibliography": Edit("book/references.bib", "Theoria", "Theoria motus"),
    "bibliography: an author that a page names": Edit("book/references.bib", "Gauss, C", "Gau, C"),
    "style of the bibliography": Edit(f"{SITE}/extension/citations.py", "Cited in ", "See "),
    "glossary": Edit("book/reference/glossary.md", "What is lost", "What was lost"),
    "glossary: a term that other pages use": Edit(
        "book/reference/glossary.md", r"\nloss\n", "\nloss function\n", code=1
    ),
    "card": Edit("book/_assets/cards/a/one.yml", "training makes", "training will make"),
    "card: its question, which another page lists": Edit(
        "book/_assets/cards/a/one.yml", "What is a loss", "What is the loss"
    ),
    "reading path": Edit("book/press.yml", "    name: Interview\n", "    name: Interviews\n"),
    "script of a session": Edit(f"{SITE}/theme/static/study/rate.js", r"\A", "void 'edited';\n"),
    "report": Edit("book/_assets/reports/tests.json", "17", "18"),
    "report: a count of other seeds": Edit(
        "book/_assets/reports/seeds.json", '"held": 3', '"held": 4'
    ),
    "report: an entry of the dates of printed lines": Edit(
        "book/_assets/reports/changes.json", r'("2": \{")[\d-]+', r"\g<1>2026-01-01"
    ),
    "_config.yml": Edit("_config.yml", "(?m)^title: .*$", "title: Another title"),
    "[tool.press]": Edit(
        "pyproject.toml",
        "workers = 2",
        "workers = 1",
        invisible="how a build runs, not what it says",
    ),
    "kind of page": Edit(
        "book/a/one.md", "kind: front", "kind: chapter", invisible="audits are off in this book"
    ),
    "kinds: a pattern of their exercises": Edit(
        "book/press.yml", "Warm-up", "Warming-up", invisible="audits are off in this book"
    ),
    "settings of the book": Edit("book/press.yml", r"(?m)^- scipy$", "- Sphinx"),
    "settings: a part gets a number": Edit("book/press.yml", "name: Mathematics", "name: All"),
    "settings: the name of an announced part": Edit(
        "book/press.yml", "name: Shipping", "name: Operations"
    ),
    "settings: the tagline": Edit("book/press.yml", "(?m)^tagline: .*$", "tagline: anything"),
    "settings: a page that moved": Edit(
        "book/press.yml", r"(?m)^redirects: \{\}$", "redirects: {a/zero: a/one}"
    ),
    "version of the book": Edit("pyproject.toml", r"\A", '[project]\nversion = "9"\n\n'),
    "report: the date of a page": Edit(
        "book/_assets/reports/dates.json", "2026-01-02", "2026-01-03"
    ),
    "published addresses: one that no page has": Edit(
        "book/_assets/anchors.json", "the-area", "the-volume", code=1
    ),
    "library: README": Edit("README.md", "A toy", "The toy", library=True),
    "library: LICENSE": Edit("LICENSE", "2026", "2027", library=True),
    "library: setup.py": Edit("setup.py", "share/toy", "share/toys", library=True),
    "pin": Edit(
        "requirements.txt", r"2\.0", "2.1", invisible="executes everything; prints the same"
    ),
    "static SVG": Edit("book/_assets/plain.svg", "#336699", "#993366"),
    "picture behind a linked folder": Edit("linked/square.svg", "#336699", "#993366"),
    "page taken out": Edit("_toc.yml", "  - file: a/three\n", ""),
    "table of contents": Edit("_toc.yml", "caption: All", "caption: Everything"),
    "expectation": Edit(
        "tests/expected/a/one.ipynb",
        r"(?m)^   \"execution_count\": 1",
        '   "execution_count": 2',
        code=1,
    ),
}


def edit(root: Path, change: Edit) -> None:
    """Apply the edit; a pattern that no longer fits is an error of this table."""
    path = root / change.path
    text, count = re.subn(
        change.pattern, change.replacement, path.read_text(encoding="utf-8"), count=2
    )
    assert count == 1, f"{change.pattern!r} fits {change.path} {count} times, not once"
    path.write_text(text, encoding="utf-8")


def edit_cell(root: Path) -> None:
    """The radius of a figure, in the page and in its expectation: images are not compared."""
    for name in ("book/a/two.md", "tests/expected/a/two.ipynb"):
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert "width=" in text
        path.write_text(re.sub(r'(width=\\?")9', r"\g<1>8", text), encoding="utf-8")


def commit(root: Path) -> None:
    """A first commit, which the landing page names; a fixed clock gives both copies one name."""
    stamp = "2026-01-01T00:00:00Z"
    env = {**os.environ, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "book"), (*who, "commit", "-qm", "first")):
        subprocess.run(["git", *arguments], cwd=root, env=env, check=True)


def age_figure(root: Path) -> None:
    """Another figure with the date of long ago, as a restored backup has it."""
    edit(root, EDITS["static SVG"])
    os.utime(root / "book" / "_assets" / "plain.svg", (1_000_000_000, 1_000_000_000))


def age_page(root: Path) -> None:
    """Another sentence in a page that is older than its last build."""
    edit(root, EDITS["text: a sentence"])
    os.utime(root / "book" / "a" / "two.md", (1_000_000_000, 1_000_000_000))


def install(root: Path) -> None:
    """Another version of a library that the landing page names and no cell uses."""
    sample_book.write(
        root / "packages" / "scikit_learn-99.0.dist-info" / "METADATA",
        "Metadata-Version: 2.1\nName: scikit-learn\nVersion: 99.0\n",
    )


def first_card(root: Path) -> None:
    """Cards of a page that had none; the landing page lists them."""
    sample_book.write(root / "book/_assets/cards/a/two.yml", CARD.replace("first", "second"))


def npm_package(root: Path) -> None:
    """Another file of an npm package; the packages that the other tests use stay as they are."""
    modules = root / "node_modules"
    modules.unlink()
    modules.mkdir()
    for path in (ROOT / "node_modules").iterdir():
        if path.name != "katex":
            (modules / path.name).symlink_to(path)
    shutil.copytree(ROOT / "node_modules" / "katex", modules / "katex")
    style = modules / "katex" / "dist" / "katex.min.css"
    style.write_text(style.read_text("utf-8") + ".katex-edited{margin:1px}", encoding="utf-8")


SPECIAL: dict[str, Callable[[Path], None]] = {
    "cell": edit_cell,
    "commit": commit,
    "figure with an old date": age_figure,
    "page with an old date": age_page,
    "installed version": install,
    "first card of a page": first_card,
    "npm package": npm_package,
}


def build(root: Path) -> tuple[copies.Outcome, dict[str, str]]:
    """One build, and the digest of every file of the site that it leaves."""
    outcome = copies.press(root, "build", path=(root / "packages",))
    return outcome, sample_book.digest(root / "_build" / "html")


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The book, built, with a copy of the press; and the digests of its site."""
    root = tmp_path_factory.mktemp("original") / "book"
    sample_book.make(
        root,
        {
            "index": INDEX,
            "a/one": ONE,
            "a/two": TWO,
            "a/three": THREE,
            "reference/glossary": GLOSSARY,
        },
    )
    for name, text in FILES.items():
        sample_book.write(root / name, text)
    (root / "book" / "_assets" / "shared").symlink_to("../../linked")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / "code" / package,
            root / "code" / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    copies.press(root, "check")
    copies.press(root, "accept", "a/one", "a/two")
    outcome, site = build(root)
    assert outcome.code == 0, outcome.text
    copied(root, root.with_name("pristine"))
    return root, site


@pytest.fixture(scope="module")
def library(original, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The same book, whose site carries a wheel."""
    root = tmp_path_factory.mktemp("library") / "book"
    copied(original[0].with_name("pristine"), root)
    settings = (root / "pyproject.toml").read_text(encoding="utf-8")
    sample_book.write(root / "pyproject.toml", LIBRARY + settings)
    sample_book.write(root / "README.md", "A toy.\n")
    sample_book.write(root / "LICENSE", "Copyright 2026\n")
    sample_book.write(root / "setup.py", SETUP)
    outcome, site = build(root)
    assert outcome.code == 0, outcome.text
    assert "_static/toy-1.0-py3-none-any.whl" in site
    copied(root, root.with_name("pristine"))
    return root, site


def restored(root: Path) -> Path:
    """The book as it was built, at the path where it was: moved, Sphinx would read every page."""
    shutil.rmtree(root)
    return copied(root.with_name("pristine"), root)


def copied(root: Path, to: Path, *left_out: str) -> Path:
    """A copy of the book with the same dates."""
    return shutil.copytree(root, to, symlinks=True, ignore=shutil.ignore_patterns(*left_out))


@pytest.mark.parametrize("name", [*EDITS, *SPECIAL])
def test_after_an_edit_an_incremental_build_is_a_clean_one(request, tmp_path, name):
    row = EDITS.get(name, Edit("", "", ""))
    root, before = request.getfixturevalue("library" if row.library else "original")
    here = restored(root)
    if name in SPECIAL:
        SPECIAL[name](here)
    else:
        edit(here, row)
    there = copied(here, tmp_path / "elsewhere" / "deeper", "_build")
    clean, wanted = build(there)
    assert clean.code == row.code, clean.text
    if not row.code:
        assert (wanted != before) == (not row.invisible), "the control: does this edit show?"
    incremental, site = build(here)
    assert incremental.code == row.code, incremental.text
    if row.code:
        assert site == before
        return
    different = [file for file in sorted({*site, *wanted}) if site.get(file) != wanted.get(file)]
    assert different == []


def test_the_press_that_is_tried_is_the_one_of_this_checkout(original, tmp_path):
    """The control of the table: the copy is what ran, and it is whole."""
    root = copied(restored(original[0]), tmp_path / "here")
    ours = sample_book.digest(ROOT / "code" / "press")
    copied_files = sample_book.digest(root / "code" / "press")
    for name in [name for name in ours if "__pycache__" not in name]:
        assert copied_files[name] == ours[name]
    (root / "code" / "press" / "cli.py").write_text("raise SystemExit(77)\n", encoding="utf-8")
    assert copies.press(root, "build").code == 77
