"""A real browser, the system's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

from local.chromium import installed, launch
from tests.builders.missing import without
from tests.builders.settings import run_queues

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe-core that depend on colours."""

SCREEN: ViewportSize = {"width": 1280, "height": 720}

type Scheme = Literal["light", "dark"]
type Lend = Callable[..., AbstractContextManager[Page]]
type Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture
def app_settings(app_settings: dict[str, str]) -> dict[str, str]:
    """The hosts show pages and carry out no runs, so they need not look for messages."""
    return app_settings | run_queues("true")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if installed() is None:
        without("chromium is not installed")
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture(scope="session")
def lend(browser: Browser) -> Lend:
    """Lend an empty page, and take it back. A new one would take a second of processor time.

    A page that was left with an error is closed.
    """
    free: dict[bool, Page] = {}

    @contextmanager
    def lend_page(
        *, viewport: ViewportSize = SCREEN, color_scheme: Scheme = "light", bypass_csp: bool = False
    ) -> Iterator[Page]:
        page = free.pop(bypass_csp, None)
        if page is None:
            page = browser.new_context(bypass_csp=bypass_csp).new_page()
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme)
        try:
            yield page
        except BaseException:
            page.context.close()
            raise
        page.goto("about:blank")
        page.context.clear_cookies()
        free[bypass_csp] = page

    return lend_page


@pytest.fixture
def visit(lend: Lend) -> Visit:
    """Open a page; when it is left, nothing was wrong on it and nothing else was asked."""

    @contextmanager
    def open_page(url: str, *, expected: Sequence[str] = (), **options: Any) -> Iterator[Page]:
        said: list[str] = []
        asked: list[str] = []

        def note_message(message: ConsoleMessage) -> None:
            said.append(f"{message.type}: {message.text}")

        def note_error(error: Error) -> None:
            said.append(str(error))

        def note_request(request: Request) -> None:
            asked.append(request.url)

        with lend(**options) as page:
            page.on("console", note_message)
            page.on("pageerror", note_error)
            page.on("request", note_request)
            page.goto(url)
            yield page
        page.remove_listener("console", note_message)
        page.remove_listener("pageerror", note_error)
        page.remove_listener("request", note_request)

        assert said == [*expected]
        origins = {urlsplit(u).netloc for u in asked if not u.startswith("data:")}
        assert origins == {urlsplit(url).netloc}

    return open_page


@pytest.fixture
def serious_faults(lend: Lend) -> Callable[[str, Scheme], list[str]]:
    """What axe-core finds on a page that keeps somebody from using it.

    In the dark only the colours are looked at. Nothing else differs.
    """

    def find(url: str, scheme: Scheme) -> list[str]:
        # The page's own policy would keep axe out.
        with lend(bypass_csp=True, color_scheme=scheme) as page:
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
