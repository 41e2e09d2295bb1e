"""A real browser, the system's own."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from local.chromium import installed, launch

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe-core that depend on colours."""

type Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if installed() is None:
        missing = "chromium is not installed"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser) -> Visit:
    """Open a page; when it is left, nothing was wrong on it and nothing else was asked."""

    @contextmanager
    def open_page(url: str, *, expected: Sequence[str] = (), **options: Any) -> Iterator[Page]:
        said: list[str] = []
        asked: list[str] = []

        def note(message: ConsoleMessage) -> None:
            said.append(f"{message.type}: {message.text}")

        with browser.new_context(**options) as context:
            page = context.new_page()
            page.on("console", note)
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(url)
            yield page
        assert said == [*expected]
        origins = {urlsplit(u).netloc for u in asked if not u.startswith("data:")}
        assert origins == {urlsplit(url).netloc}

    return open_page


@pytest.fixture
def serious_faults(browser: Browser) -> Callable[[str, str], list[str]]:
    """What axe-core finds on a page that keeps somebody from using it.

    In the dark only the colours are looked at. Nothing else differs.
    """

    def find(url: str, scheme: str) -> list[str]:
        # The page's own policy would keep axe out.
        with browser.new_context(bypass_csp=True, color_scheme=scheme) as context:  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(url)
            page.evaluate(AXE.read_text())
            only = f"runOnly: {_OF_COLOURS}, " if scheme == "dark" else ""
            # Nearly all is right. To list that would take most of its time.
            found = page.evaluate(f"axe.run({{{only}resultTypes: ['violations']}})")
        return [
            f"{violation['id']}: {node['html']}"
            for violation in found["violations"]
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]

    return find
