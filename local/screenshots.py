"""`make screenshots`: the README's pictures, of the local stack."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, sync_playwright
from rich.console import Console
from rich.text import Text

from . import sample
from .azure.authorization import OWNER, READER
from .azure.server import SimulatedAzure
from .azurite import Azurite
from .chromium import launch
from .stack import HostProcess

DOCS = Path(__file__).parents[1] / "docs"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_COLUMNS = 120
_SIZE: ViewportSize = {"width": 1440, "height": 900}


def main() -> None:
    with Azurite() as storage, SimulatedAzure() as azure:
        tables = sample.fill(azure.state)
        settings = {
            **sample.settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
        }
        with HostProcess(settings) as host:
            found = host.request("POST", "/api/discover", json={"register": True})
            found.raise_for_status()
            newest = None
            # The daily check finds the tag's next version, and starts a run.
            for function in ("scheduled_sync", "scheduled_sync", "daily_check"):
                host.fire(function)
                newest = host.newest_run(other_than=newest)["runId"]
                azure.state.tags.step()
            # Of one table somebody has forgotten the role.
            others = [(table, OWNER) for table in [*tables.registered, tables.unregistered][1:]]
            azure.state.identities.app.assignments = [("/", READER), *others]
            with sync_playwright() as playwright:
                browser = launch(playwright)
                _take_dashboard(browser, f"{host.url}/api/dashboard?code={host.key}")
                for command in ("plan", "doctor"):
                    _take_command(browser, command, settings)
                browser.close()


def _take_dashboard(browser: Browser, url: str) -> None:
    for scheme in SCHEMES:
        page = browser.new_page(color_scheme=scheme, viewport=_SIZE)
        page.goto(url)
        page.screenshot(path=DOCS / f"dashboard-{scheme}.png", full_page=True)
        page.close()


def _take_command(browser: Browser, command: str, settings: Mapping[str, str]) -> None:
    """As it looks in a terminal."""
    arguments = [sys.executable, "-m", "shared", command]
    environment = {**os.environ, **settings, "FORCE_COLOR": "1", "COLUMNS": str(_COLUMNS)}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    with tempfile.TemporaryFile("w") as nowhere:
        terminal = Console(record=True, width=_COLUMNS, file=nowhere, force_terminal=True)
        terminal.print(Text(f"$ ase-route-sync {command}", style="bold"))
        terminal.print(Text.from_ansi(done.stdout))
    page = browser.new_page(device_scale_factor=2)
    page.set_content(terminal.export_svg(title="ase-route-sync"))
    page.locator("svg").screenshot(path=DOCS / f"cli-{command}.png")
    page.close()


if __name__ == "__main__":
    main()
