"""HTTP connections that are kept: one for each of a worker's threads, whatever it talks to."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

MOST_CONNECTIONS = 32
"""To one host: as many threads as a worker may have. The library's own 10 would have the others
begin anew, with TLS, for each request.
"""


def transport() -> RequestsTransport:
    """For clients that live as long as the process."""
    session = _Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    return RequestsTransport(session=session, session_owner=False)


class _Session(requests.Session):
    """Looks once a host, not for each request, which proxy and certificates the environment names:
    that costs as much as parsing a small answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[object, Any] = {}

    def merge_environment_settings(
        self,
        url: str | bytes | None,
        proxies: MutableMapping[str, str] | None,
        stream: bool | None,
        verify: bool | str | None,
        cert: Any,
    ) -> Any:
        parts = urlsplit(url)
        asked = (parts.scheme, parts.netloc, *sorted((proxies or {}).items()), stream, verify, cert)
        if asked not in self._known:
            self._known[asked] = super().merge_environment_settings(
                url, proxies, stream, verify, cert
            )
        return self._known[asked].copy()
