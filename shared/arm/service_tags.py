"""The Service Tag Discovery API. Right: Microsoft.Network/locations/serviceTags/read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..domain.errors import PermanentError, UnusableServiceTag
from .client import ArmClients
from .errors import arm_errors


class ServiceTagDiscovery:
    def __init__(self, clients: ArmClients, subscription_id: str) -> None:
        self._clients = clients
        self._subscription_id = subscription_id

    def read(self, location: str) -> Mapping[str, Any]:
        """Return the whole answer of one location, its pages joined to one document.

        Raise UnusableServiceTag if the answer cannot be read or is incomplete. Raise TransientError
        if another attempt may help.
        """
        try:
            with arm_errors():
                pages = list(self._pages(location))
        except PermanentError as error:
            raise UnusableServiceTag(f"service tags of {location}: {error}", error.code) from error

        values = [value for page in pages for value in _values(page, location)]
        return {**pages[0], "values": values}

    def _pages(self, location: str) -> Iterator[Mapping[str, Any]]:
        url = (
            f"/subscriptions/{self._subscription_id}/providers/Microsoft.Network/locations/"
            f"{location}/serviceTags?api-version={self._clients.api_version_network}"
        )
        try:
            yield from self._clients.pages(url)
        except json.JSONDecodeError as error:
            raise UnusableServiceTag(f"service tags of {location}: not JSON") from error
        except ValueError as error:
            raise UnusableServiceTag(f"service tags of {location}: {error}") from error


def _values(page: Mapping[str, object], location: str) -> list[object]:
    values = page.get("values")
    if not isinstance(values, list):
        raise UnusableServiceTag(f"service tags of {location}: a page has no list of values")
    return values
