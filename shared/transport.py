"""HTTP connections that are kept: one for each of a worker's threads, whatever it talks to."""

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

MOST_CONNECTIONS = 32
"""To one host: as many threads as a worker may have. The library's own 10 would have the others
begin anew, with TLS, for each request.
"""


def transport() -> RequestsTransport:
    """For clients that live as long as the process."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    return RequestsTransport(session=session, session_owner=False)
