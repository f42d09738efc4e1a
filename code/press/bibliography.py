"""One repair to sphinxcontrib-bibtex: an entry is formatted once, not twice a build, and not again while it stays as it is."""

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

    def env_updated(self: Any) -> Any:
        for citation in self.citations:  # of the last build, out of Sphinx's pickle
            if bibliography := self.bibliographies.get(citation.bibliography_key):
                known[style(bibliography.style), citation.entry.key] = (citation.entry, citation.formatted_entry.text)
        return update(self)

    def once(self: Any, label: str, entry: Any, bib_data: Any = None) -> Any:
        before, text = known.get((type(self), entry.key), (None, None))
        if before is None or before != entry:
            text = format_entry(self, label, entry, bib_data).text
            known[type(self), entry.key] = (entry, text)
        return FormattedEntry(entry.key, text, label)

    BibtexDomain.env_updated = env_updated  # type: ignore[method-assign]
    BaseStyle.format_entry = once
