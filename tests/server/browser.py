"""A real browser, Debian's Chromium, for the tests of the page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

expect = playwright.expect

CHROMIUM = shutil.which("chromium")
FLAGS = [
    # Tests may run as root, where the sandbox does not start; they load their own pages alone.
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Any]:
    """Run the browser; skip what needs it where it is missing."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A tab of its own, and what happened in it that should not.

    Attributes:
        page: the tab.
        requests: addresses it asked for.
        complaints: errors of scripts, and what the browser refused or could not load.
    """

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.context = browser.new_context(base_url=url, viewport=WIDE, **options)
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )

    def open(self, path: str) -> Any:
        """Go to a page, and wait until it has loaded."""
        self.page.goto(path)
        return self.page

    def close(self) -> None:
        self.context.close()
