"""The Chromium of the system, without a window."""

import shutil

from playwright.sync_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def installed() -> str | None:
    """Return the path of the program, or None if it is not installed."""
    paths = map(shutil.which, _NAMES)
    return next(filter(None, paths), None)


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=installed(), args=_FLAGS)
