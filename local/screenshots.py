"""`make screenshots`: the README's pictures of the dashboard, taken of the local stack."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, sync_playwright

from . import sample
from .azure.server import SimulatedAzure
from .azurite import Azurite
from .chromium import launch
from .stack import HostProcess

DOCS = Path(__file__).parents[1] / "docs"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_SIZE: ViewportSize = {"width": 1440, "height": 900}


def main() -> None:
    with Azurite() as storage, SimulatedAzure() as azure:
        sample.fill(azure.state)
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
            _take(f"{host.url}/api/dashboard?code={host.key}")


def _take(url: str) -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for scheme in SCHEMES:
            page = browser.new_page(color_scheme=scheme, viewport=_SIZE)
            page.goto(url)
            page.screenshot(path=DOCS / f"dashboard-{scheme}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
