"""A finished site, a real browser and a static host. Without Chromium these tests are skipped, except in CI."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.site.server import Host

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # each window would load two pages of the address bar, which cost as much as ours; a list of ours replaces Playwright's, so its names come along
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,AimEnabled,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
    "AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,NetworkTimeServiceQuerying,PreconnectToSearch",
]


def chromium() -> str | None:
    """The whole browser first: its headless shell is a fifth faster, and on a busy machine it can stop to draw for good."""
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items) -> None:
    """As many groups of pages as workers, so that each drives one browser of its own."""
    names, workers = pages(), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    for item in items:
        if item.get_closest_marker("browser"):
            of = getattr(item, "callspec", None)
            name = (
                next((value for value in of.params.values() if value in names), None)
                if of
                else None
            )
            item.add_marker(
                pytest.mark.xdist_group(f"browser-{names.index(name) % workers if name else 0}")
            )


@contextlib.contextmanager
def opened(browser, url: str, width: int = 1280, height: int = 900, prepare: str = "", **options):
    """A URL in a fresh context; everything the console says and every request is noted on the page.

    `prepare` is a script that runs before any of the page.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    try:
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
        page.on("request", lambda request: page.asked.append(request.url))
        if prepare:
            page.add_init_script(prepare)
        page.goto(url)
        yield page
    finally:
        context.close()


@pytest.fixture(scope="session")
def site() -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "press", "build"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "_build" / "html"


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
