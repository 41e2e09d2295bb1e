"""HTTP connections that stay open: one for each thread of the app and each host.

Each call is bounded: by timeouts of its own, and by the deadline of the invocation that makes it.
"""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from .deadline import out_of_time, seconds_left

MOST_CONNECTIONS = 72
"""Connections to one host, as many as the app has threads (`shared.lanes`).

The library's default is 10: every further thread would open a new TLS connection for each request.
"""
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
"""The library's default is 300 s for both."""


class Transport(RequestsTransport):  # type: ignore[misc]  # azure-core gives it without a type
    """The transport of clients that live as long as the process."""

    def __init__(self, *, reserve_seconds: float = 0.0) -> None:
        """Calls may exceed the deadline of their invocation by the reserve."""
        session = _Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
        super().__init__(session=session, session_owner=False)
        self._reserve_seconds = reserve_seconds

    def send(self, request: Any, **options: Any) -> Any:
        """Raise TransientError if there is no time left."""
        left = self._seconds_left()
        if left <= 0:
            raise out_of_time()
        for name, longest in _LONGEST.items():
            options[name] = min(options.get(name, longest), longest, left)
        return super().send(request, **options)

    def sleep(self, duration: float) -> None:
        """Raise TransientError at once if there is not so much time left."""
        if duration > self._seconds_left():
            raise out_of_time()
        super().sleep(duration)

    def _seconds_left(self) -> float:
        return seconds_left() + self._reserve_seconds


_LONGEST = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}


class _Session(requests.Session):
    """Sends each request as the SDKs have made it.

    It looks up the environment's proxy and certificates once for each host. `requests` does so for
    each request, which costs as much as parsing a small answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._settings: dict[object, Any] = {}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Add no cookie and no credential.

        `requests` looks for both, which takes a tenth of a call. It would also look for the
        host in the file `~/.netrc`, and replace our credential by what it finds there
        (psf/requests#3929).
        """
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(request.url, request.params)
        all_headers = CaseInsensitiveDict({**self.headers, **request.headers})
        known = {name: value for name, value in all_headers.items() if value is not None}
        prepared.prepare_headers(known)
        prepared.prepare_body(request.data, request.files)
        return prepared

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Keep no cookie, and follow no redirect: who may follow one does so itself."""
        del options["allow_redirects"]
        response = self.get_adapter(request.url or "").send(request, **options)
        if not options["stream"]:
            _ = response.content  # the errors of reading it belong to this call
        return response

    def merge_environment_settings(
        self,
        url: str | bytes | None,
        proxies: MutableMapping[str, str] | None,
        stream: bool | None,
        verify: bool | str | None,
        cert: Any,
    ) -> Any:
        # Proxies and certificates depend on nothing else.
        host = urlsplit(url)[:2]
        key = (host, *sorted((proxies or {}).items()), stream, verify, cert)

        if key not in self._settings:
            self._settings[key] = super().merge_environment_settings(
                url, proxies, stream, verify, cert
            )
        return self._settings[key].copy()
