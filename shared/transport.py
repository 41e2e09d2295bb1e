"""HTTP connections that stay open: one for each thread of a worker and each host."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

MOST_CONNECTIONS = 32
"""Connections to one host, as many as a worker may have threads.

The library's default is 10: every further thread would open a new TLS connection for each request.
"""


def transport() -> RequestsTransport:
    """Make the transport of clients that live as long as the process."""
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    return RequestsTransport(session=session, session_owner=False)


class _Session(requests.Session):
    """Looks up the environment's proxy and certificates once for each host.

    `requests` does so for each request, which costs as much as parsing a small answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[object, Any] = {}

    def merge_environment_settings(
        self,
        url: str | bytes | None,
        proxies: MutableMapping[str, str] | None,
        stream: bool | None,
        verify: bool | str | None,
        cert: Any,
    ) -> Any:
        host = urlsplit(url)[:2]
        key = (host, *sorted((proxies or {}).items()), stream, verify, cert)
        if key not in self._settings:
            self._settings[key] = super().merge_environment_settings(
                url, proxies, stream, verify, cert
            )
        return self._settings[key].copy()
