"""Two repairs to sphinxcontrib-bibtex.

An entry is formatted once, not twice a build, and not again while it stays as it is. And where a new reference
moves the numbers of others, the pages that show those numbers are written again: it would leave the old ones.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any


def repair() -> None:
    """Patch the domain and pybtex's styles; calling it twice does no harm.

    The text of an entry depends on the entry alone: the label is added to it, and the style belongs to
    the configuration, whose change makes Sphinx forget its citations.
    """
    from pybtex.plugin import find_plugin
    from pybtex.style import FormattedEntry
    from pybtex.style.formatting import BaseStyle
    from sphinxcontrib.bibtex.domain import BibtexDomain

    if hasattr(BibtexDomain, "_repaired"):
        return
    BibtexDomain._repaired = True  # type: ignore[attr-defined]
    known: dict[tuple[type, str], tuple[Any, Any]] = {}
    style = lru_cache(partial(find_plugin, "pybtex.style.formatting"))
    update, format_entry = BibtexDomain.env_updated, BaseStyle.format_entry

    def env_updated(self: Any) -> list[str]:
        for citation in self.citations:  # of the last build, out of Sphinx's pickle
            if bibliography := self.bibliographies.get(citation.bibliography_key):
                known[style(bibliography.style), citation.entry.key] = (
                    citation.entry,
                    citation.formatted_entry.text,
                )
        before = shown(self)
        pages = set(update(self))
        after = shown(self)
        if moved := {place[1] for place in before | after if before.get(place) != after.get(place)}:
            pages |= {
                reference.docname
                for reference in self.citation_refs
                if moved & {target.key for target in reference.targets}
            }
            pages |= {place.docname for place in self.bibliographies}  # the lists themselves
        return sorted(pages)

    def once(self: Any, label: str, entry: Any, bib_data: Any = None) -> Any:
        before, text = known.get((type(self), entry.key), (None, None))
        if before is None or before != entry:
            text = format_entry(self, label, entry, bib_data).text
            known[type(self), entry.key] = (entry, text)
        return FormattedEntry(entry.key, text, label)

    def shown(self: Any) -> dict[tuple[Any, str], tuple[str, Any]]:
        """What a page shows of each citation: its number and its entry, by bibliography and key."""
        return {
            (c.bibliography_key, c.key): (c.formatted_entry.label, c.entry) for c in self.citations
        }

    BibtexDomain.env_updated = env_updated  # type: ignore[method-assign]
    BaseStyle.format_entry = once
