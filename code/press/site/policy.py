"""What a page may load and run: its own files, and no inline script.

The policy is in every page, for hosts that send no headers and for a folder, and in the header
files of common hosts. Inline styles are allowed, because each glyph of a formula carries its own.
"""

from __future__ import annotations

# what a page can say of itself, and what only a header can
ONLY_HEADER = "frame-ancestors 'none'"
OTHERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def policy() -> str:
    """The policy of every page."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
        )
    )


def headers() -> dict[str, str]:
    """Header -> value for the whole site."""
    return {"Content-Security-Policy": f"{policy()}; {ONLY_HEADER}", **OTHERS}


def files() -> dict[str, str]:
    """The header files by name: Netlify and Cloudflare Pages read the first, Apache the second."""
    send = headers()
    apache = "".join(f'  Header always set {name} "{value}"\n' for name, value in send.items())
    return {
        "_headers": "/*\n" + "".join(f"  {name}: {value}\n" for name, value in send.items()),
        ".htaccess": f"<IfModule mod_headers.c>\n{apache}</IfModule>\n"
        "ErrorDocument 404 /404.html\n",
    }
