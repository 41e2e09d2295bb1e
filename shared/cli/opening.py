"""The address of the dashboard, and what opens it."""

import os

from ..domain import codes
from ..settings import Settings
from .contact import app
from .errors import Refused
from .shell import answer, say

_NEEDED = ("PUBLIC_URL", "WEBSITE_HOSTNAME", "WEBSITE_SITE_NAME", "REQUIRE_TOKENS")
_KEY = (
    "It takes a key, as the parameter code in its query. This prints one: az functionapp keys "
    "list --resource-group GROUP --name {app} --query functionKeys.default --output tsv"
)
_TOKEN = "It asks you to sign in, with an account that has the app role Reader."  # noqa: S105


def show_address(*, as_json: bool) -> None:
    settings = _settings()
    if settings.address is None:
        raise Refused(codes.ADDRESS_UNKNOWN, codes.ADDRESS_UNKNOWN.meaning)

    url = f"{settings.address}/api/dashboard"
    answer({"url": url}, url, as_json=as_json)
    say(_TOKEN if settings.require_tokens else _KEY.format(app=settings.app_name or "APP"))


def _settings() -> Settings:
    """Return the settings that this environment has, or else those that the app has recorded."""
    record = app().store.app_records.read()
    recorded = {} if record is None else record.settings
    known = {name: recorded.get(name, "") for name in _NEEDED}
    return Settings.read(known | {name: value for name, value in os.environ.items() if value})
