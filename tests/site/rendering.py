"""Waiting for what a page draws: a busy computer can lose a frame, and with it what waits for one.

Figures start and color schemes change when the browser draws. Where it has stopped to draw, one
looks away and back, as a reader would, or asks for a screenshot, which asks for a frame.
"""

from __future__ import annotations

import sys
from contextlib import suppress

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

# a busy computer can lose a frame, and then nothing asks for another: wait a second at most
FRAMES = """await new Promise(done => {
  requestAnimationFrame(() => requestAnimationFrame(done));
  setTimeout(done, 1000);
})"""
# sent to the page and not to the browser, which waits for a frame after a real wheel, without end
TURN_WHEEL = f"""async () => {{
  document.body.dispatchEvent(new WheelEvent('wheel', {{ deltaY: 50, bubbles: true }}));
  scrollBy(0, 50);
  {FRAMES};
}}"""
FIGURE_STATE = f"""async figure => {{
  const start = performance.now();
  {FRAMES};
  const frames = performance.now() - start;
  return [figure.className, !!figure.view, document.visibilityState, frames, start];
}}"""
# the page on missing addresses has no script when opened from a folder: its style sheet follows
FOLLOWED = """scheme => {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === scheme : matchMedia(`(prefers-color-scheme: ${scheme})`).matches;
}"""
SCHEME_STATE = f"""async () => {{
  const start = performance.now();
  {FRAMES};
  const {{ mode, theme }} = document.documentElement.dataset;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  return [mode, theme, dark, document.visibilityState, performance.now() - start];
}}"""


def run(page, script: str, seconds: int = 120):
    """Run an asynchronous function in the page and ask until it has ended.

    `page.evaluate` alone would wait for ever for a page whose clock has stopped.
    """
    call = f"({script})().then(() => {{ window.ran = true; }})"
    page.evaluate(f"() => {{ window.ran = false; {call}; }}")
    for _ in range(10 * seconds):
        if page.evaluate("window.ran"):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"a script did not end within {seconds} s: {script[:60]}")


def start_figures(page):
    """Look at each interactive figure until it has started, then go back to the top."""
    for figure in page.query_selector_all(".interactive"):
        wait_for_figure(page, figure)
    page.evaluate("scrollTo(0, 0)")


def wait_for_figure(page, figure):
    """Look at a figure until it has started; a busy computer can lose the frame that starts it.

    Then look away and back, as a reader would.
    """
    for _ in range(3):
        figure.evaluate("e => e.scrollIntoView({ block: 'center' })")
        try:
            figure.wait_for_selector(".interactive-live svg", state="attached", timeout=5000)
            return
        except PlaywrightTimeout:
            state = figure.evaluate(FIGURE_STATE)
            print(
                "a figure did not start within 5 s; class, view, page, ms for two frames, ms since "
                f"the page began: {state}; console: {page.console}",
                file=sys.stderr,
            )
            assert "is-static" not in state[0], f"the figure gave up: {page.console}"
            ask_for_frame(page)
            page.evaluate(f"async () => {{ scrollTo(0, 0); {FRAMES}; }}")
    raise AssertionError(f"a figure did not start in three looks of 5 s: {state}")


class StaysError(AssertionError):
    """A page that does not follow the color scheme of the system."""


def show_in(page, scheme: str):
    """Switch the system to a color scheme, and wait until the page has followed."""
    page.emulate_media(color_scheme=scheme)
    for _ in range(3):
        try:
            page.wait_for_function(
                FOLLOWED,
                arg=scheme,
                polling=100,
                timeout=5000,
            )
            return
        except PlaywrightTimeout:
            state = page.evaluate(SCHEME_STATE)
            print(
                "the page did not follow the color scheme within 5 s; mode, theme, is the system "
                f"dark, page, ms for two frames: {state}",
                file=sys.stderr,
            )
            ask_for_frame(page)
    raise StaysError(f"the page did not turn {scheme} in three looks of 5 s: {state}")


def ask_for_frame(page):
    """Make the browser draw: a screenshot asks for a frame."""
    with suppress(PlaywrightError):
        page.bring_to_front()
        page.screenshot(timeout=5000)
