"""Each page as a Markdown file beside its HTML, and the files by which language models find them.

`llms.txt` follows https://llmstxt.org: a title, a summary, and a list of links by section.
"""

from __future__ import annotations

import re
from html import unescape

from press.execute.records import Record
from press.site.export.plain import Code, Text
from press.source.chapter import Chapter
from press.source.toc import Entry

WHOLE_BYTES = 5_000_000  # a longer file than this nobody reads at once
DESCRIPTION = re.compile(r'<meta name="description" content="([^"]*)"')
TITLE = re.compile(r"^# (.+)$", re.M)
FENCE = re.compile(r"^`{3,}", re.M)


def page(chapter: Chapter, record: Record, parts: list[Text | Code]) -> str:
    """The page as Markdown, with its code and what it printed in fenced blocks."""
    texts = []
    for part in parts:
        match part:
            case Text():
                texts.append(part.markdown)
            case Code():
                texts.append(_cell(chapter, record, part))
    return "\n\n".join(texts) + "\n"


def _cell(chapter: Chapter, record: Record, place: Code) -> str:
    cell = chapter.cells[place.number - 1]
    blocks = [_fenced(cell.source, "python")]
    blocks += [_fenced(text, "text") for text in printed(record.outputs[place.number - 1])]
    if place.fold:
        head = f"<details>\n<summary>{place.fold}: code</summary>"
        blocks = [head, *blocks, "</details>"]
    blocks += [f"![{alt}]({address})" for alt, address in place.images]
    return "\n\n".join(blocks)


def printed(outputs: list[dict]) -> list[str]:
    """What the outputs of a cell say as text; figures say nothing."""
    texts = []
    for output in outputs:
        data = output.get("data", {})
        text = output.get("text", "")
        if data and not any(kind.startswith("image/") or "vega" in kind for kind in data):
            text = data.get("text/plain", "")
        text = "".join(text).rstrip()
        if text:
            texts.append(text)
    return texts


def _fenced(text: str, language: str) -> str:
    """A block that no fence inside of it ends."""
    longest = max((len(fence) for fence in FENCE.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def index(
    title: str, base: str, entries: list[Entry], html: dict[str, str], pages: dict[str, str]
) -> str:
    """`llms.txt`: what the book is, and a link to each page with its first sentence."""
    lines = [f"# {title}", ""]
    part = ""
    for entry in entries:
        slug = entry.slug
        match = TITLE.search(pages[slug])
        description = DESCRIPTION.search(html[slug])
        about = unescape(description[1]) if description else ""
        if slug == entries[0].slug:
            lines += [f"> {about}", ""]
        if entry.part != part:
            part = entry.part
            lines += ["", f"## {part}", ""]
        name = match[1] if match else slug
        lines.append(f"- [{name}]({base}/{slug}.md): {about}".replace("](/", "]("))
    return "\n".join(lines) + "\n"


def whole(entries: list[Entry], pages: dict[str, str]) -> str:
    """`llms-full.txt`: every page in the order of the book; empty where that would be too long."""
    text = "\n\n".join(pages[entry.slug].rstrip() for entry in entries) + "\n"
    return text if len(text.encode()) < WHOLE_BYTES else ""
