"""Addresses that machines and old links ask for: the site map, and pages that moved."""

from __future__ import annotations

import posixpath
from html import escape

from press.site import policy

MOVED = "_static/moved.js"
MOVED_SCRIPT = """/* A page that moved: the new address, with the place on the page. */
addEventListener("DOMContentLoaded", () => {
  const link = document.querySelector("main a");
  location.replace(link.href + location.hash);
});
"""


def page(baseurl: str, slug: str) -> str:
    """The address of a page on the published site."""
    return f"{baseurl}/" if slug == "index" else f"{baseurl}/{slug}.html"


def site_map(baseurl: str, slugs: list[str], dates: dict[str, str]) -> dict[str, str]:
    """`sitemap.xml` and `robots.txt` by name; none without an address of the site."""
    if not baseurl:
        return {}
    rows = []
    for slug in slugs:
        day = f"<lastmod>{dates[slug]}</lastmod>" if slug in dates else ""
        rows.append(f"<url><loc>{escape(page(baseurl, slug))}</loc>{day}</url>\n")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    name = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return {
        "sitemap.xml": f'{head}<urlset xmlns="{name}">\n{"".join(rows)}</urlset>\n',
        "robots.txt": f"User-agent: *\nAllow: /\nSitemap: {baseurl}/sitemap.xml\n",
    }


def moved(redirects: dict[str, str]) -> dict[str, str]:
    """The pages that lead from old addresses to new ones, by name, and their script."""
    if not redirects:
        return {}
    pages = {f"{old}.html": _moved_page(old, new) for old, new in redirects.items()}
    return {**pages, MOVED: MOVED_SCRIPT}


def _moved_page(old: str, new: str) -> str:
    """Works from a folder; without scripts the place on the page is lost."""
    up = "../" * old.count("/")
    target = escape(posixpath.join(up, f"{new}.html"))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy.policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>This page has moved</title>
<link rel="icon" href="data:,">
<link rel="canonical" href="{target}">
<script src="{up}{MOVED}"></script>
<noscript><meta http-equiv="refresh" content="0; url={target}"></noscript>
</head>
<body>
<main><h1>This page has moved</h1><p><a href="{target}">Go to its new address</a></p></main>
</body>
</html>
"""
