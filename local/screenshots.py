"""`make screenshots`: take the README's pictures from the local stack."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
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
    with Azurite() as storage, SimulatedAzure() as azure, sync_playwright() as playwright:
        tables = sample.fill(azure.state)
        settings = {
            **sample.settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
        }
        browser = launch(playwright)
        with HostProcess(settings) as host:
            _make_good_day(host, azure, tables)
            _take_dashboard(browser, host, "good")
            _make_bad_day(host, azure)
            _take_dashboard(browser, host, "bad")

            azure.state.tags.step()
            _forget_one_role(azure, [*tables.registered, tables.unregistered])
            for command in ("plan", "doctor"):
                _take_command(browser, command, sample.for_a_laptop(settings))
        browser.close()


def _make_good_day(host: HostProcess, azure: SimulatedAzure, tables: sample.Sample) -> None:
    for table in tables.registered:
        host.request("PUT", f"/api/route-tables{table}", json={}).raise_for_status()
    host.fire("scheduled_sync")
    _follow_tag(host, azure, host.newest_run()["runId"])


def _make_bad_day(host: HostProcess, azure: SimulatedAzure) -> None:
    """A discovery registers one more table, and in this one a foreign route is in the way."""
    discovery = host.request("POST", "/api/discover", json={"register": True})
    run_id = discovery.raise_for_status().json()["runId"]
    host.ended_run(run_id)
    _follow_tag(host, azure, run_id)


def _follow_tag(host: HostProcess, azure: SimulatedAzure, newest_run_id: str) -> None:
    """The daily check finds the tag's next version, and starts a run."""
    azure.state.tags.step()
    host.fire("daily_check")
    host.newest_run(other_than=newest_run_id)


def _forget_one_role(azure: SimulatedAzure, tables: Sequence[str]) -> None:
    """The pictures show a table for which the app has no role."""
    others = [(table, OWNER) for table in tables[1:]]
    azure.state.identities.app.assignments = [("/", READER), *others]


def _take_dashboard(browser: Browser, host: HostProcess, day: str) -> None:
    for scheme in SCHEMES:
        page = browser.new_page(color_scheme=scheme, viewport=_SIZE)
        page.goto(f"{host.url}/api/dashboard?code={host.key}")
        page.screenshot(path=DOCS / f"dashboard-{day}-{scheme}.png", full_page=True)
        page.close()


def _take_command(browser: Browser, command: str, laptop: Mapping[str, str]) -> None:
    """Show the command's output as a terminal would."""
    arguments = [sys.executable, "-m", "shared", command]
    environment = {**os.environ, **laptop, "FORCE_COLOR": "1", "COLUMNS": str(_COLUMNS)}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)

    # The console records what it prints, but must print to some file.
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
