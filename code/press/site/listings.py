"""Listings with fewer elements: names, brackets and spaces have the colour of the listing and need no element of their own."""

from __future__ import annotations

import re

LISTING = re.compile(r'<div class="highlight">.*?</pre>', re.S)
PLAIN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')


def lighten(page: str) -> str:
    """The page with such tokens as bare text: a quarter of all elements of a chapter, which a phone need not lay out."""
    return LISTING.sub(lambda listing: PLAIN.sub(r"\1", listing[0]), page)
