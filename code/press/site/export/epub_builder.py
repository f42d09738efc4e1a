"""The Sphinx extension behind `press epub`: the builder, and how its pages differ from the site."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from docutils import nodes
from lxml import etree, html
from sphinx.builders.epub3 import Epub3Builder, NavPoint

from press import patches
from press.checks.book import VEGA
from press.config import Project
from press.site import context, figures
from press.site.extension import formulas, interactive, places
from press.site.extension.translator import BookTranslator
from press.source import settings

APPLICATION = "<mo>\u2061</mo>"
THEME = Path(__file__).parent / "epub_theme"
MATHML = re.compile(r"<math.*?</math>", re.S)
ONLINE = re.compile(r"(?<![^/])(?:_static/cards\.\w+|licences\.txt)$")  # files of the site alone
DATE = (2026, 1, 1, 0, 0, 0)  # of every file inside: equal books are equal files
COVER = """<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="1600">
<rect width="1200" height="1600" fill="#0b5c6b"/>
<g transform="translate(360 420) scale(15)"><path d="M6 23h20" stroke="#f2c14e" stroke-width="3" \
stroke-linecap="round"/><path d="M6 19c6-1 8-11 11-11s4 7 9 8" fill="none" stroke="#fff" \
stroke-width="2.6" stroke-linecap="round"/><circle cx="17" cy="8" r="2.6" fill="#fff"/></g>
<text x="600" y="1080" font-size="120" font-family="sans-serif" font-weight="bold" fill="#fff" \
text-anchor="middle">{title}</text>
<text x="600" y="1180" font-size="48" font-family="sans-serif" fill="#fff" \
text-anchor="middle">{author}</text></svg>"""


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx, after the extension of the site."""
    patches.SPHINX.require()
    app.add_html_theme("epub-book", str(THEME))
    app.add_builder(BookEpub, override=True)
    app.set_translator("epub", EpubTranslator)
    # where a builder has visitors of its own, Sphinx no longer looks for those of its format
    visitors = app.registry.translation_handlers
    visitors["epub"] = {
        **visitors["html"],
        interactive.interactive.__name__: (_picture, None),
        places.place.__name__: (_place, None),
    }
    interactive.VegaLite.mime_priority_overrides = [("html", VEGA, 1), ("epub", VEGA, 1)]
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class BookEpub(Epub3Builder):
    """Sphinx's builder with contents by part, a cover, a license, and equal bytes each time."""

    name = "epub"

    def copy_static_files(self) -> None:
        """One style sheet and the cover, without what themes bring for browsers."""
        import vl_convert

        folder = Path(self.outdir) / "_static"
        folder.mkdir(parents=True, exist_ok=True)
        sheet = (THEME / "static" / "epub.css").read_text(encoding="utf-8")
        colors = self.highlighter.get_stylesheet()
        (folder / "book.css").write_text(f"{sheet}\n{colors}", encoding="utf-8")
        config = self.config
        cover = COVER.format(title=config.epub_title, author=config.epub_author)
        (folder / "cover.png").write_bytes(vl_convert.svg_to_png(cover))

    def gen_pages_from_extensions(self) -> None:
        """No page for addresses that do not exist."""

    def gen_additional_pages(self) -> None:
        """The license."""
        project = Project(Path(self.srcdir).parent)
        values = {
            "title": "License",
            "rights": self.config.epub_copyright,
            "notice": settings.load(project.book).license_notice,
            "address": context.of_app(self.app).baseurl,
        }
        self.handle_page("license", values, "license.html")

    def handle_page(self, pagename: str, addctx: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        addctx["author"] = self.config.epub_author
        super().handle_page(pagename, addctx, *args, **kwargs)

    def build_navlist(self, navnodes: list[dict[str, Any]]) -> list[NavPoint]:
        """The chapters below their parts."""
        parts = {entry.slug: entry.part for entry in context.of_app(self.app).entries}
        points: list[NavPoint] = []
        for chapter in super().build_navlist(navnodes):
            part = parts.get(chapter.refuri.removesuffix(self.out_suffix), "")
            if part and (not points or points[-1].text != part):
                points.append(NavPoint(part, chapter.refuri, []))
            siblings = points[-1].children if part else points
            siblings.append(chapter)
        return points

    def toc_metadata(self, level: int, navpoints: list[Any]) -> dict[str, Any]:
        """The same identifier as in the package: Sphinx writes the name of its element."""
        metadata = super().toc_metadata(level, navpoints)
        return {**metadata, "uid": self.config.epub_identifier}

    def build_content(self) -> None:
        """Declare what the standard wants declared: formulas, and which image is the cover."""
        super().build_content()
        path = Path(self.outdir) / "content.opf"
        package = etree.parse(str(path))
        for item in package.iterfind(".//{*}item"):
            name = item.get("href")
            if name == "_static/cover.png":
                item.set("properties", "cover-image")
            elif name.endswith(self.out_suffix) and name != "nav.xhtml":
                text = (Path(self.outdir) / name).read_text(encoding="utf-8")
                if "<math" in text:
                    item.set("properties", "mathml")
        package.write(str(path), encoding="utf-8", xml_declaration=True)

    def build_epub(self) -> None:
        """The archive, with the file that names its type first and uncompressed."""
        names = ["mimetype", "META-INF/container.xml", "content.opf", "toc.ncx", *self.files]
        target = Path(self.outdir) / f"{self.config.epub_basename}.epub"
        with zipfile.ZipFile(target, "w") as archive:
            for name in names:
                info = zipfile.ZipInfo(name, DATE)
                is_type = name == "mimetype"
                info.compress_type = zipfile.ZIP_STORED if is_type else zipfile.ZIP_DEFLATED
                archive.writestr(info, (Path(self.outdir) / name).read_bytes())


class EpubTranslator(BookTranslator):
    """Formulas as MathML, and one picture a figure."""

    def visit_math(self, node: Any, math_env: str = "") -> None:
        self.body.append(_mathml(node.astext(), False))
        raise nodes.SkipNode

    def visit_math_block(self, node: Any, math_env: str = "") -> None:
        from sphinxcontrib.katex import get_node_equation_number

        self.body.append(self.starttag(node, "div", CLASS="math"))
        if node["number"]:
            number = get_node_equation_number(self, node)
            self.body.append(f'<span class="eqno">({number})</span>')
        self.body.append(f"{_mathml(node.astext(), True)}</div>\n")
        raise nodes.SkipNode

    def visit_image(self, node: Any) -> None:
        name = self.builder.images.get(node["uri"], "")  # type: ignore[attr-defined]
        self.body.append(self.emptytag(node, "img", **_source(self, name, node.get("alt", ""))))

    def depart_image(self, node: Any) -> None:
        pass


def _source(self: Any, name: str, alt: str) -> dict[str, str]:
    return {"src": f"{self.builder.imgpath}/{name}", "alt": alt}


def _mathml(tex: str, display: bool) -> str:
    from sphinxcontrib.katex import render_latex

    drawn = MATHML.search(render_latex(tex, {"displayMode": True} if display else None))
    if drawn is None:
        raise ValueError(f"KaTeX cannot draw {tex!r}")
    # KaTeX writes the invisible operator also where only one element may stand, as in $x_{\min}$
    return formulas.with_letters(formulas.without_source(drawn[0]).replace(APPLICATION, ""))


def _picture(self: Any, node: nodes.Element) -> None:
    """An interactive figure as it is drawn at first."""
    spec = node["spec"]
    folder = Path(self.builder.outdir) / "_images"
    folder.mkdir(parents=True, exist_ok=True)
    name = figures.name(spec)
    svg = figures.static(spec, context.of_app(self.builder.app).store)
    (folder / name).write_text(svg, encoding="utf-8")
    source = _source(self, name, spec.get("description", ""))
    self.body.append(f"<div>{self.emptytag(nodes.image(), 'img', **source)}</div>\n")
    raise nodes.SkipNode


def _place(self: Any, node: nodes.Element) -> None:
    """What the build knows, without what needs a script."""
    start = len(self.body)
    try:
        places.visit(self, node)
    except nodes.SkipNode:
        tree = html.fragment_fromstring("".join(self.body[start:]))
    del self.body[start:]
    for element in list(tree.iter("input", "fieldset", "noscript")):
        element.drop_tree()
    for element in tree.xpath("//*[contains(@class, 'scripted') or @class = 'start-search']"):
        element.drop_tree()
    for link in tree.iter("a"):
        address = re.sub(r"\.html(?=#|$)", self.builder.out_suffix, link.get("href", ""))
        link.set("href", address)
        if online := ONLINE.search(address):
            link.set("href", f"{context.of_app(self.builder.app).baseurl}/{online[0]}")
            link.attrib.pop("download", None)
    self.body.append(etree.tostring(tree, encoding="unicode"))
    raise nodes.SkipNode
