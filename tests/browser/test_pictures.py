"""The dashboard in each situation: what is read first, and on a phone nothing sideways.

`PICTURES=folder pytest tests/browser/test_pictures.py` takes pictures of each page, on each screen.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from local.stack import HostProcess
from tests.builders.azure import table_id

from .conftest import Lend
from .situations import FIRST, SITUATIONS

SCREENS: dict[str, dict[str, Any]] = {
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
}
PICTURES = os.environ.get("PICTURES")
WITHOUT_TABLES = {"empty", "storage-down"}


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_is_told_and_fits_on_a_phone(azure, make_app, make_host, lend, name):
    situation = SITUATIONS[name]
    situation.prepare(azure, make_app)
    host = make_host(**situation.settings)
    queries = {"overview": ""}
    if name not in WITHOUT_TABLES:
        last_run = next(make_app().runs.list()).run_id
        queries["table"] = f"&routeTable={quote(table_id(FIRST), safe='')}"
        queries["run"] = f"&run={last_run}"
    if name == "empty":
        queries["codes"] = "&page=codes"

    for screen in SCREENS if PICTURES else ("phone",):
        for kind, page in opened(lend, host, screen, queries):
            take(page, f"{name}-{kind}-{screen}")
            assert sideways(page) == [], f"{kind} on {screen}"
            if kind == "overview":
                assert page.locator("h1").inner_text() == situation.headline


def opened(
    lend: Lend, host: HostProcess, screen: str, queries: dict[str, str]
) -> Iterator[tuple[str, Page]]:
    with lend(**SCREENS[screen]) as page:
        for kind, query in queries.items():
            page.goto(f"{host.url}/api/dashboard?code={host.key}{query}")
            yield kind, page


def sideways(page: Page) -> list[str]:
    """Return what reaches beyond the screen, if anybody can scroll there."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            const wide = document.scrollingElement.scrollWidth > width
                || [...document.querySelectorAll('.wide')].some(e => e.scrollWidth > e.clientWidth);
            if (!wide) return [];
            return [...document.querySelectorAll('body *')]
                .filter(e => e.getBoundingClientRect().right > width + 1)
                .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 60));
        }"""
    )
    return found


def take(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
        page.screenshot(path=Path(PICTURES) / f"{name}-top.png")
