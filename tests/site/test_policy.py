"""The content security policy: every page keeps it, in its own words and in the header files, and what is planted does not run.

That every page works under it, silently, is seen by the tests of all pages: the host sends the headers, and a page from a
folder brings its own.
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


@pytest.mark.browser
def test_every_page_brings_a_policy_and_has_no_inline_script(site):
    for name in pages():
        text = (site / name).read_text(encoding="utf-8")
        [own] = META.findall(text)
        governed = [
            text.index(tag) for tag in ("<title>", "<style", "<script", "<link") if tag in text
        ]
        assert all(text.index(own) < place for place in governed), (
            f"{name}: the policy stands after something that it governs"
        )
        rules = directives(own.replace("&#39;", "'").replace("&quot;", '"'))
        assert (
            rules["default-src"] == ["'none'"]
            and "'unsafe-inline'" not in rules.get("script-src", [])
            and "unsafe-eval" not in own
        )
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


@pytest.mark.browser
def test_the_header_files_say_the_same_for_every_page(site):
    send = policy.headers()
    assert {f"{name}: {value}" for name, value in send.items()} == {
        line.strip() for line in (site / "_headers").read_text().splitlines()[1:]
    }
    for name, value in send.items():
        assert (
            f'Header always set {name} "{value}"' in (site / ".htaccess").read_text()
            and '"' not in value
        )
    rules = directives(send["Content-Security-Policy"])
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["script-src"] == ["'self'"]


PLANTED = {
    "an inline script": "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);",
    "a handler": "const d = document.createElement('div'); d.innerHTML = '<img src=\"data:,x\" onerror=\"window.ran = 1\">'; document.body.append(d);",
    "a foreign script": "const s = document.createElement('script'); s.src = 'http://127.0.0.1:9/x.js'; document.body.append(s);",
    "a frame": "const f = document.createElement('iframe'); f.src = 'data:text/html,<p>x'; document.body.append(f);",
    "a text that becomes code": "setTimeout('window.ran = 1', 0);",
    "a request elsewhere": "fetch('http://127.0.0.1:9/x.json').then(() => { window.ran = 1; }).catch(() => {});",
}


@pytest.mark.browser
@pytest.mark.parametrize("way", ["file", "http"])
@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_does_not_run(site, host, open_page, way, what):
    page = open_page(f"{site.as_uri() if way == 'file' else host.url}/data/tensors.html")
    assert page.said == []
    page.evaluate(f"() => {{ {PLANTED[what]} }}")
    for _ in range(50):
        page.wait_for_timeout(40)
        if any("Content Security Policy" in line for line in page.said):
            break
    assert any("Content Security Policy" in line for line in page.said), page.said
    assert page.evaluate("window.ran") is None
