"""How much may still be asked of each subscription, as Azure's own answers tell.

Every worker is told by the same header what all of them together have left: that is how they share
it. Source: "Understand how Azure Resource Manager throttles requests"; recorded 429s.
"""

import json
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

LOW = 60
"""Requests left, of 250 reads or 200 writes at most: what has begun needs those."""
REST_SECONDS = 1.0
"""So long what was read of a low budget counts; Azure adds 25 reads and 10 writes a second."""
_REMAINING = tuple(f"x-ms-ratelimit-remaining-subscription-{kind}" for kind in ("reads", "writes"))
_OF_SUBSCRIPTION = frozenset(
    {
        "SubscriptionRequestsThrottled",
        "RetryableErrorDueToTooManyCalls",
        "RetryableErrorDueTooHighReadDataSize",
    }
)


class Budgets(SansIOHTTPPolicy[Any, Any]):
    """Learns from every answer that passes; one for all clients and threads of a process."""

    def __init__(self) -> None:
        self._rests_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def seconds_to_rest(self, subscription_id: str) -> float:
        """How long nothing new should be begun there; 0 where there is budget enough."""
        with self._lock:
            until = self._rests_until.get(subscription_id.lower(), 0.0)
        return max(0.0, until - time.monotonic())

    def on_response(
        self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> None:
        seconds = _rest_asked_for(response)
        subscription_id = _subscription_id(request.http_request.url)
        if seconds and subscription_id:
            until = time.monotonic() + seconds
            with self._lock:
                known = self._rests_until.get(subscription_id, 0.0)
                self._rests_until[subscription_id] = max(known, until)


def is_throttled(response: PipelineResponse[Any, Any]) -> bool:
    """Whether the subscription has asked too much; a table that is busy is 429, too."""
    if response.http_response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        return False
    try:
        error = json.loads(response.http_response.read())["error"]
        codes = {error["code"], *(detail["code"] for detail in error.get("details") or ())}
    except (LookupError, TypeError, ValueError):
        return False
    return not _OF_SUBSCRIPTION.isdisjoint(codes)


def _rest_asked_for(response: PipelineResponse[Any, Any]) -> float:
    headers: Mapping[str, str] = response.http_response.headers
    if is_throttled(response):
        return max(REST_SECONDS, _number(headers.get("Retry-After")) or 0.0)
    remaining = [_number(headers.get(name)) for name in _REMAINING]
    low = any(left is not None and left <= LOW for left in remaining)
    return REST_SECONDS if low else 0.0


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _subscription_id(url: str) -> str | None:
    _, _, rest = url.lower().partition("/subscriptions/")
    return rest.partition("/")[0].partition("?")[0] or None
