"""The number of requests that each subscription has left, as Azure's answers say.

The header counts the requests of all workers together, so the workers share a budget without
talking to each other. Sources: "Understand how Azure Resource Manager throttles requests";
recorded 429s.
"""

import json
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import RetryPolicy, SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse

LOW = 60
"""If no more requests than this are left, nothing new begins: work in progress needs them.

A full budget is 250 reads or 200 writes.
"""
WAIT_SECONDS = 1.0
"""A low budget delays new work for this long. Azure adds 25 reads and 10 writes per second."""
LONGEST_WAIT_SECONDS = 3600.0
"""A wait that Azure asks for counts for so much at most. If it is not over then, the next answer
asks again.
"""
_STANDARD_POLICY: RetryPolicy[Any, Any] = RetryPolicy()
_REMAINING = tuple(f"x-ms-ratelimit-remaining-subscription-{kind}" for kind in ("reads", "writes"))
_QUOTA = "x-ms-user-quota"
"""Azure Resource Graph counts the queries of each caller, not those in a subscription."""
_THROTTLING_CODES = frozenset(
    {
        "RateLimiting",
        "SubscriptionRequestsThrottled",
        "RetryableErrorDueToTooManyCalls",
        "RetryableErrorDueTooHighReadDataSize",
    }
)

type Request = PipelineRequest[HttpRequest]
type Response = PipelineResponse[HttpRequest, HttpResponse]


class Budgets(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Reads the budget from every answer. All clients and threads of a process share one object."""

    def __init__(self) -> None:
        self._waits_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def seconds_to_wait(self, subscription_id: str) -> float:
        """Return how long nothing new should begin there; 0 if the budget is large enough."""
        with self._lock:
            until = self._waits_until.get(subscription_id.lower(), 0.0)
        return max(0.0, until - time.monotonic())

    def on_response(self, request: Request, response: Response) -> None:
        seconds = _seconds_to_wait(response)
        subscription_id = _subscription_id(request.http_request.url)
        if not seconds or not subscription_id:
            return

        # Threads read answers in any order, so a shorter wait must not end a longer one.
        until = time.monotonic() + seconds
        with self._lock:
            known = self._waits_until.get(subscription_id, 0.0)
            self._waits_until[subscription_id] = max(known, until)


def seconds_asked(response: PipelineResponse[Any, Any]) -> float | None:
    """Return how long `Retry-After` asks to wait; None if there is none that can be read."""
    try:
        seconds = _STANDARD_POLICY.get_retry_after(response)
    except (OverflowError, TypeError, ValueError):
        return None

    # A refusal of Azure Resource Graph asks for a shorter wait than its quota needs.
    quota = quota_seconds(response.http_response)
    longest = max(seconds or 0.0, quota)
    return min(longest, LONGEST_WAIT_SECONDS) if quota or seconds is not None else None


def quota_seconds(response: HttpResponse) -> float:
    """Return how long until the caller may query Azure Resource Graph again; 0 if it may now.

    Source: "Guidance for throttled requests in Azure Resource Graph": the time is hh:mm:ss.
    """
    if response.headers.get(f"{_QUOTA}-remaining") != "0":
        return 0.0
    try:
        hours, minutes, seconds = response.headers[f"{_QUOTA}-resets-after"].split(":")
        return int(hours) * 3600.0 + int(minutes) * 60.0 + float(seconds)
    except (LookupError, ValueError):
        return 0.0


def is_throttled(response: Response) -> bool:
    """Return whether Azure throttles the subscription. A table that is busy also answers 429."""
    if response.http_response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        return False

    # Only the code tells a throttled subscription from a busy table.
    try:
        error = json.loads(response.http_response.read())["error"]
        codes = {error["code"]}
        codes.update(detail["code"] for detail in error.get("details") or ())
    except (LookupError, TypeError, ValueError):
        return False
    return not _THROTTLING_CODES.isdisjoint(codes)


def _seconds_to_wait(response: Response) -> float:
    headers: Mapping[str, str] = response.http_response.headers
    if is_throttled(response):
        return max(WAIT_SECONDS, seconds_asked(response) or 0.0)

    remaining = [_number(headers.get(name)) for name in _REMAINING]
    is_low = any(left is not None and left <= LOW for left in remaining)
    return WAIT_SECONDS if is_low else 0.0


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _subscription_id(url: str) -> str | None:
    _, _, rest = url.lower().partition("/subscriptions/")
    return rest.partition("/")[0].partition("?")[0] or None
