"""The content security policy: every page keeps it, the header files repeat it, scripts obey it.

That every page works under it, silently, is seen by the tests of all pages: the host sends the
headers, and a page from a folder brings its own.
"""

from __future__ import annotations

import re

import pytest
from press.site import policy

from tests.site.conftest import pages

META = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')


def directives(text: str) -> dict[str, list[str]]:
    return {name: words for name, *words in (part.split() for part in text.split(";"))}


@pytest.mark.depends("_build/html/**")
def test_every_page_brings_a_policy_that_covers_just_its_own_scripts(site):
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
        assert [word for word in rules.get("script-src", []) if word != "'self'"] == policy.hashes(
            text
        ), name
        assert not re.search(r'<[^>]+\son[a-z]+="', text), (
            f"{name}: an inline handler would not run"
        )
        assert "javascript:" not in text.lower().replace("javascript: ", "")


@pytest.mark.depends("_build/html/**")
def test_the_header_files_say_the_same_for_every_page(site):
    texts = [(site / name).read_text(encoding="utf-8") for name in pages() if name != "404.html"]
    send = policy.headers(texts)
    assert {f"{name}: {value}" for name, value in send.items()} == {
        line.strip() for line in (site / "_headers").read_text().splitlines()[1:]
    }
    for name, value in send.items():
        assert '"' not in value
        assert f'Header always set {name} "{value}"' in (site / ".htaccess").read_text()
    rules = directives(send["Content-Security-Policy"])
    assert rules["frame-ancestors"] == ["'none'"]
    assert len(rules["script-src"]) <= 4, "one hash for the mode, one for the search page"


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


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("<script>a()</script>", 1),
        ("<script>a()</script><script>a()</script>", 1),
        ("<script>a()</script><script>b()</script>", 2),
        ('<script src="x.js"></script>', 0),
        ('<script type="application/json">{}</script>', 0),
        ("<p>script</p>", 0),
    ],
)
def test_inline_scripts_are_counted_once_and_data_not_at_all(text, count):
    assert len(policy.hashes(text)) == count


def test_a_hash_is_the_one_browsers_compute():
    assert policy.hashes("<script>alert('Hello, world.');</script>") == [
        "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    ]  # the specification's example
