"""A finished site, a real browser and a static host.

Without Chromium the tests that need it are skipped, except in CI.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import html

from tests.conftest import ROOT
from tests.site.server import Host

DEPENDS = ()  # each test of the site is marked below
FEATURES_OFF = (
    "WebUIOmniboxPopup",  # each window would load two pages of the address bar
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "AimEnabled",
    # a list of ours replaces Playwright's, so its names come along
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "PreconnectToSearch",
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(FEATURES_OFF)}",
]


def chromium() -> str | None:
    """The whole browser first: its headless shell can stop drawing for good on a busy computer."""
    names = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
    return next((path for name in names if (path := shutil.which(name))), None)


def pages() -> list[str]:
    """Pages of the site as it was built, not as somebody typed them."""
    site = ROOT / "_build" / "html"
    return (
        sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html"))
        if site.is_dir()
        else ["index.html"]
    )


@functools.cache
def dependencies(site: Path, name: str) -> tuple[str, ...]:
    """What a page is made of: itself, what its attributes name, and what all pages share."""
    shared = ("_build/html/_static/**", "_build/html/_headers")
    if name == "search.html":
        return (*shared, "_build/html/**")
    page = site / name
    values = set(re.findall(r'"([^"<>\s]+)"', page.read_text(encoding="utf-8")))
    paths = {os.path.normpath(page.parent / value.split("#")[0]) for value in values}
    files = [path for path in paths if os.path.isfile(path) and not path.endswith(".html")]
    return (*shared, *sorted(os.path.relpath(path, ROOT) for path in [*files, page]))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items) -> None:
    """A group for each page and one for each file of other tests; the largest pages come first.

    A worker has one browser for all groups that it runs, and what it runs last is short. The test
    of a page depends on what that page is made of, any other test on the whole site.
    """
    site = ROOT / "_build" / "html"
    bytes_of = {name: (site / name).stat().st_size for name in pages() if site.is_dir()}
    order: dict[pytest.Item, float] = {}
    for item in items:
        if item.get_closest_marker("browser"):
            params = getattr(item, "callspec", None)
            values = params.params.values() if params else ()
            name = next((value for value in values if value in bytes_of), None)
            needed = dependencies(site, name) if name else ("_build/html/**",)
            item.add_marker(pytest.mark.xdist_group(f"browser-{name or item.path.stem}"))
            item.add_marker(pytest.mark.depends(*needed))
            order[item] = -bytes_of.get(name, float("inf"))
    places = [index for index, item in enumerate(items) if item in order]
    for place, item in zip(places, sorted(order, key=order.__getitem__), strict=True):
        items[place] = item


@contextlib.contextmanager
def opened(browser, url: str, width: int = 1280, height: int = 900, prepare: str = "", **options):
    """A URL in a fresh context; console messages and requests are recorded on the page.

    `prepare` is a script that runs before any of the page.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    try:
        page = context.new_page()
        page.console = []
        page.requests = []
        page.on("console", lambda message: page.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.console.append(f"error: {error}"))
        page.on("request", lambda request: page.requests.append(request.url))
        if prepare:
            page.add_init_script(prepare)
        page.goto(url)
        yield page
    finally:
        context.close()


def wait_until(page, condition: str) -> None:
    """Wait for a condition, asked from outside: the policy of a page forbids asking from within."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"after 5 s there is still not: {condition}")


@pytest.fixture(scope="session")
def site() -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "press", "build"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def parsed(site):
    """A page of the site as a tree: for what needs no browser."""

    @functools.cache
    def parse(name: str):
        return html.parse(site / name).getroot()

    return parse


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium; .ci/run installs it")
        pytest.skip("no Chromium on this machine: install it to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def host(site):
    with Host(site) as running:
        yield running


@pytest.fixture
def open_page(browser):
    """Open pages as `opened` does; all are closed when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(opened(browser, url, **options))
