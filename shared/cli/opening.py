"""The address of the dashboard, and what opens it."""

import shlex

from ..domain import codes
from .contact import app
from .errors import Refused
from .shell import answer, say

_KEY = (
    "It takes a key, as the parameter code in its query. This prints one that opens nothing else:\n"
    "  az functionapp function keys list --resource-group GROUP --name {app} "
    "--function-name dashboard --query default --output tsv"
)
_TOKEN = "It asks you to sign in, with an account that has the app role Reader."  # noqa: S105 # nosec B105


def show_address(*, as_json: bool) -> None:
    settings = app().settings
    if settings.address is None:
        raise Refused(codes.ADDRESS_UNKNOWN, codes.ADDRESS_UNKNOWN.meaning)

    url = f"{settings.address}/api/dashboard"
    answer({"url": url}, url, as_json=as_json)
    # The name comes from storage, and stays one word of a shell.
    name = shlex.quote(settings.app_name or "APP")
    say(_TOKEN if settings.require_tokens else _KEY.format(app=name))
