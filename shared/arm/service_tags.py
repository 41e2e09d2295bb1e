"""Service Tag Discovery API (Microsoft.Network/locations/serviceTags/read)."""

from collections.abc import Iterator, Mapping
from typing import Any

from azure.core.exceptions import DecodeError
from azure.core.rest import HttpRequest

from shared.domain.errors import PermanentError, UnusableServiceTag

from .client import NetworkClients, raw_json
from .errors import arm_errors


class ServiceTagDiscovery:
    def __init__(self, clients: NetworkClients, subscription_id: str) -> None:
        self._clients = clients
        self._subscription_id = subscription_id

    def read(self, location: str) -> Mapping[str, Any]:
        """The whole answer of one location, its pages as one document.

        Raise UnusableServiceTag where it cannot be had or is not complete, TransientError where
        trying again may help.
        """
        try:
            with arm_errors():
                first, *rest = self._pages(location)
        except PermanentError as error:
            raise UnusableServiceTag(f"service tags of {location}: {error}") from error
        values = [value for page in (first, *rest) for value in _values(page, location)]
        return {**first, "values": values}

    def _pages(self, location: str) -> Iterator[Mapping[str, Any]]:
        client = self._clients.of(self._subscription_id)
        seen: set[str] = set()
        try:
            page = _object(
                client.service_tags.list(location, cls=raw_json, **self._clients.call_options),
                location,
            )
            while True:
                yield page
                link = page.get("nextLink")
                if not link:
                    return
                if not isinstance(link, str) or link in seen or not self._clients.owns(link):
                    raise UnusableServiceTag(f"service tags of {location}: bad nextLink")
                seen.add(link)
                response = client.send_request(HttpRequest("GET", link))
                response.raise_for_status()
                page = _object(response.json(), location)
        except (DecodeError, ValueError) as error:
            raise UnusableServiceTag(f"service tags of {location}: not JSON") from error


def _object(page: object, location: str) -> Mapping[str, Any]:
    if not isinstance(page, Mapping):
        raise UnusableServiceTag(f"service tags of {location}: a page is not an object")
    return page


def _values(page: Mapping[str, Any], location: str) -> list[Any]:
    values = page.get("values")
    if not isinstance(values, list):
        raise UnusableServiceTag(f"service tags of {location}: a page has no list of values")
    return values
