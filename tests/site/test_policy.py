"""The content security policy: every page keeps it, the header files repeat it, scripts obey it.

That every page works under it, silently, is seen by the tests of all pages: the host sends the
headers, and a page from a folder brings its own.
"""

from __future__ import annotations

import re

import pytest
from press.site import policy

from tests.site.conftest import pages

SCRIPT = re.compile(r"<script([^>]*)>")
META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')


def directives(text: str) -> dict[str, list[str]]:
    return {name: words for name, *words in (part.split() for part in text.split(";"))}


@pytest.mark.depends("_build/html/**")
def test_every_page_brings_a_policy_and_has_no_inline_script(site):
    for name in pages():
        text = (site / name).read_text(encoding="utf-8")
        [own] = META.findall(text)
        tags = ("<title>", "<style", "<script", "<link")
        first = min(text.index(tag) for tag in tags if tag in text)
        assert text.index(own) < first, f"{name}: something precedes the policy that governs it"
        rules = directives(own.replace("&#39;", "'").replace("&quot;", '"'))
        assert rules["default-src"] == ["'none'"]
        assert "'unsafe-inline'" not in rules.get("script-src", [])
        assert "unsafe-eval" not in own
        inline = [
            attributes
            for attributes in SCRIPT.findall(text)
            if "src=" not in attributes and "application/json" not in attributes
        ]
        assert rules.get("script-src", ["'self'"]) == ["'self'"], name
        assert inline == [], name
        assert not re.search(r'<[^>]+\son[a-z]+="', text), (
            f"{name}: an inline handler would not run"
        )
        assert "javascript:" not in text.lower().replace("javascript: ", "")


@pytest.mark.depends("_build/html/**")
def test_the_header_files_say_the_same_for_every_page(site):
    send = policy.headers()
    assert {f"{name}: {value}" for name, value in send.items()} == {
        line.strip() for line in (site / "_headers").read_text().splitlines()[1:]
    }
    for name, value in send.items():
        assert '"' not in value
        assert f'Header always set {name} "{value}"' in (site / ".htaccess").read_text()
    rules = directives(send["Content-Security-Policy"])
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["script-src"] == ["'self'"]


PLANTED = {
    "an inline script": """
        const script = document.createElement('script');
        script.textContent = 'window.ran = 1';
        document.body.append(script);
    """,
    "a handler": """
        const box = document.createElement('div');
        box.innerHTML = '<img src="data:,x" onerror="window.ran = 1">';
        document.body.append(box);
    """,
    "a foreign script": """
        const script = document.createElement('script');
        script.src = 'http://127.0.0.1:9/x.js';
        document.body.append(script);
    """,
    "a frame": """
        const frame = document.createElement('iframe');
        frame.src = 'data:text/html,<p>x';
        document.body.append(frame);
    """,
    "a string that becomes code": "setTimeout('window.ran = 1', 0);",
    "a request elsewhere": """
        fetch('http://127.0.0.1:9/x.json').then(() => { window.ran = 1; }).catch(() => {});
    """,
}


@pytest.mark.browser
@pytest.mark.parametrize("way", ["file", "http"])
@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_does_not_run(site, host, open_page, way, what):
    page = open_page(f"{site.as_uri() if way == 'file' else host.url}/data/tensors.html")
    assert page.console == []
    page.evaluate(f"() => {{ {PLANTED[what]} }}")
    for _ in range(50):
        page.wait_for_timeout(40)
        if any("Content Security Policy" in line for line in page.console):
            break
    assert any("Content Security Policy" in line for line in page.console), page.console
    assert page.evaluate("window.ran") is None
