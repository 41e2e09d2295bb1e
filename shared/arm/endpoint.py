"""The token goes to our endpoint of Azure Resource Manager only.

Azure's answers have links: the next page of a list, the state of a long-running operation. The
SDK follows them with our token.
"""

from urllib.parse import urlsplit

from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse

from ..domain import codes
from ..domain.errors import PermanentError
from .budgets import Request

_PORTS = {"http": 80, "https": 443}


class OurEndpointOnly(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Refuses every other URL. It stands before the policy that adds the token to a request."""

    def __init__(self, endpoint: str) -> None:
        self._ours = _origin(endpoint)

    def on_request(self, request: Request) -> None:
        if not self.allows(request.http_request.url):
            # The link may hold a signature or somebody's bait, so the message does not repeat it.
            message = "a link in Azure's answer leads to another host and was not followed"
            raise PermanentError(codes.LINK_NOT_FOLLOWED, message)

    def allows(self, url: str) -> bool:
        try:
            return _origin(url) == self._ours
        except ValueError:
            return False


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port. Raise ValueError if the URL has no clear origin."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "\\" in url:
        raise ValueError("not a plain http or https URL")
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
