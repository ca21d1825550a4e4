"""Visiting the reports with Chromium: no complaints, no network, no barriers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page


def until(page: Page, expression: str, seconds: float = 20.0) -> None:
    """Wait until a JavaScript expression is true; Playwright's own way breaks the pages' policy."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(20)


class Visitor:
    """Opens pages in Chromium, and fails where one complains or asks for anything but files."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")

    @contextmanager
    def open(self, path: Path, fragment: str = "", **look: Any) -> Iterator[Page]:
        """The page while it is open; `look` are options of a Playwright context."""
        complaints: list[str] = []
        context = self._browser.new_context(**look)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:"))
                or complaints.append(f"asked for {request.url}")
            ),
        )
        page.goto(path.as_uri() + fragment)
        yield page
        context.close()
        assert complaints == [], "\n".join(complaints)

    def barriers(self, page: Page) -> list[str]:
        """What axe-core finds that keeps people out; of a table it sees the first rows alone."""
        page.evaluate(self._axe)
        found = page.evaluate("axe.run({exclude: ['tbody tr:nth-child(n + 9)']})")
        assert len(found["passes"]) > 10
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in ("moderate", "serious", "critical")
        ]
