"""Compares the text of two built sites: `python -m tests.site.compare_text OLD NEW`.

The exit code is 1 if any page differs. Markup, scripts, style and addresses may differ between
versions of Sphinx; what a reader reads must not.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from lxml import html

LEFT_OUT = "//script | //style | //noscript | //head | //annotation"
CONTEXT = 1
SHOWN_LINES = 20


def lines_of(page: str) -> list[str]:
    """The text of a page's article, a line for each block, with white space joined."""
    tree = html.document_fromstring(page)
    for element in tree.xpath(LEFT_OUT):
        element.drop_tree()
    articles = tree.xpath("//article") or tree.xpath("//main") or [tree]
    texts: list[str] = []
    for element in articles[0].iter():
        if not isinstance(element.tag, str):
            continue
        own = [element.text or "", *(child.tail or "" for child in element)]
        line = " ".join(" ".join(own).split())
        if line:
            texts.append(line)
    return texts


def pages(site: Path) -> dict[str, str]:
    """The HTML of every page by its path in the site."""
    return {
        path.relative_to(site).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(site.rglob("*.html"))
    }


def differences(old: dict[str, str], new: dict[str, str]) -> dict[str, list[str]]:
    """For each page whose text differs, the lines of a diff; a page in one site only is one."""
    changed: dict[str, list[str]] = {}
    for name in sorted(old.keys() | new.keys()):
        before = lines_of(old[name]) if name in old else []
        after = lines_of(new[name]) if name in new else []
        diff = list(difflib.unified_diff(before, after, "old", "new", lineterm="", n=CONTEXT))
        if diff:
            changed[name] = diff
        elif name not in old or name not in new:
            changed[name] = ["a page of one site only"]
    return changed


def report(changed: dict[str, list[str]], total: int) -> str:
    """The differences as Markdown, at most `SHOWN_LINES` lines for a page."""
    parts = [f"{len(changed)} of {total} pages differ in their text.\n"]
    for name, diff in changed.items():
        shown = "\n".join(diff[:SHOWN_LINES])
        parts.append(f"### {name}\n\n````diff\n{shown}\n````\n")
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Print the report and write it to a file if asked; the exit code is 1 if any page differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--markdown", type=Path, help="also write the report to this file")
    options = parser.parse_args(arguments)
    for site in (options.old, options.new):
        if not any(site.rglob("*.html")):
            parser.error(f"{site} holds no page; name the folder of a built site")
    old = pages(options.old)
    changed = differences(old, pages(options.new))
    text = report(changed, len(old))
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    print(text)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
