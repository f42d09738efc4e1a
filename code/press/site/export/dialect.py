"""The Markdown that every viewer shows: formulas, folds, and the languages of listings."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from markdownify import MarkdownConverter

LISTING = re.compile(r"highlight-(\w+)")


class Dialect(MarkdownConverter):
    """Markdown that keeps formulas, and whose other dollar signs begin none."""

    class Options(MarkdownConverter.DefaultOptions):  # type: ignore[name-defined]
        """What is asked of it."""

        bs4_options = "lxml"
        heading_style = "atx"
        bullets = "-"
        autolinks = False

        @staticmethod
        def code_language_callback(pre: Any) -> str:
            """The language of a listing, by the class of the box around it."""
            for parent in pre.parents:
                match = LISTING.search(" ".join(parent.get("class", [])))
                if match:
                    return "" if match[1] in ("default", "none", "text") else match[1]
            return ""

    def escape(self, text: str, parent_tags: set[str]) -> str:
        escaped = super().escape(text, parent_tags)  # type: ignore[misc]
        return re.sub(r"([$<])", r"\\\1", escaped)

    def convert_tex(self, element: Any, text: str, parent_tags: set[str]) -> str:
        return element.get_text()

    def convert_texblock(self, element: Any, text: str, parent_tags: set[str]) -> str:
        return f"\n\n{element.get_text()}\n\n"

    def convert_details(self, element: Any, text: str, parent_tags: set[str]) -> str:
        return f"\n\n<details>\n{text.strip()}\n\n</details>\n\n"

    def convert_summary(self, element: Any, text: str, parent_tags: set[str]) -> str:
        words = re.sub(r"\s+", " ", element.get_text()).strip()
        return f"<summary>{escape(words, quote=False)}</summary>\n\n"
