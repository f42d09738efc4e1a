"""What a page may load and run: its own files, and the inline scripts it was built with, by their hash.

The policy stands in every page, for hosts that send no headers and for a folder, and in the header files of
common hosts. Styles may stand inline, because each glyph of a formula carries its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

from lxml import html

SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script>", re.S)
# what a page can say of itself, and what only a header can
ONLY_HEADER = "frame-ancestors 'none'"
OTHERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def hashes(text: str) -> list[str]:
    """CSP sources of the inline scripts of a page, sorted; data blocks are no scripts."""
    found = set()
    for script in SCRIPT.finditer(text):
        attributes = script["attributes"]
        if "src=" not in attributes and "application/json" not in attributes:
            digest = hashlib.sha256(script["text"].encode()).digest()
            found.add(f"'sha256-{base64.b64encode(digest).decode()}'")
    return sorted(found)


def policy(scripts: Iterable[str]) -> str:
    """The policy with the given inline scripts."""
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *scripts)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def dress(root: html.HtmlElement, text: str) -> None:
    """Put the policy of the page `text` into its head, before anything that it governs."""
    meta = html.fragment_fromstring("<meta>")
    meta.set("http-equiv", "Content-Security-Policy")
    meta.set("content", policy(hashes(text)))
    head = root.find("head")
    charset = head.xpath("./meta[@charset]")
    head.insert(head.index(charset[0]) + 1 if charset else 0, meta)


def headers(texts: Iterable[str]) -> dict[str, str]:
    """Header -> value for the whole site."""
    scripts = sorted({source for text in texts for source in hashes(text)})
    return {"Content-Security-Policy": f"{policy(scripts)}; {ONLY_HEADER}", **OTHERS}


def files(texts: Iterable[str]) -> dict[str, str]:
    """Name -> text of the header files: `_headers` is read by Netlify and Cloudflare Pages, `.htaccess` by Apache."""
    send = headers(texts)
    apache = "".join(f'  Header always set {name} "{value}"\n' for name, value in send.items())
    return {
        "_headers": "/*\n" + "".join(f"  {name}: {value}\n" for name, value in send.items()),
        ".htaccess": f"<IfModule mod_headers.c>\n{apache}</IfModule>\nErrorDocument 404 /404.html\n",
    }
