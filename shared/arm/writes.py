"""Writes to Microsoft.Network: long-running operations, followed to their end."""

from collections.abc import Callable, Mapping
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.core.polling import LROPoller
from azure.core.rest import HttpResponse
from azure.mgmt.core.polling.arm_polling import ARMPolling

from ..domain.errors import TransientError
from .errors import arm_errors

POLL_SECONDS = 2
"""Between polls where ARM names no Retry-After: the SDK's own 30 s is far above what is usual."""
LONGEST_WRITE_SECONDS = 120
"""As often as one delivery may write, and be throttled before, it stays within host.json's
functionTimeout.
"""


def write(
    begin: Callable[..., LROPoller[Any]],
    headers: Mapping[str, str],
    *,
    longest_seconds: float = LONGEST_WRITE_SECONDS,
) -> tuple[HttpResponse, HttpResponse]:
    """Begin one PUT with these headers, and follow it to its end.

    Return the first answer and the last one: the PUT's own, or that of the reading with which the
    SDK ends an operation. Raise PreconditionFailed where the resource has changed, and
    TransientError where the end is not known: then read again, it may have taken effect.
    """
    answers: list[PipelineResponse[Any, HttpResponse]] = []
    with arm_errors():
        poller = begin(
            headers=headers,
            # A blind second PUT would meet the first one as a false 412: after an answer that was
            # lost it is not sent again. Polls may repeat.
            retry_connect=0,
            retry_read=0,
            retry_status=1,
            polling=_Polling(POLL_SECONDS),
            raw_response_hook=answers.append,
        )
        poller.wait(longest_seconds)
        if not poller.done():
            raise TransientError("WRITE_NOT_ENDED", f"not ended after {longest_seconds:g} s")
        return answers[-1].http_response, poller.result()


class _Polling(ARMPolling):
    """Results in the last answer as it came, not in the SDK's model of it."""

    def resource(self) -> HttpResponse:
        response: HttpResponse = self._pipeline_response.http_response
        return response
