"""Writes to Microsoft.Network: long-running operations, followed to their end."""

from collections.abc import Callable, Mapping
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.core.polling import LROPoller
from azure.mgmt.core.polling.arm_polling import ARMPolling

from shared.domain.errors import TransientError

from .client import correlation_id_of
from .errors import arm_errors

POLL_SECONDS = 2
"""Between polls where ARM names no Retry-After: the SDK's own 30 s is far above what is usual."""
LONGEST_WRITE_SECONDS = 120
"""As often as one delivery may write, it stays within host.json's functionTimeout."""


def write(
    begin: Callable[..., LROPoller[Any]],
    headers: Mapping[str, str],
    *,
    longest_seconds: float = LONGEST_WRITE_SECONDS,
) -> str | None:
    """Begin one PUT with these headers, and follow it to its end.

    Return ARM's correlation id. Raise PreconditionFailed where the resource has changed, and
    TransientError where the end is not known: then read again, it may have taken effect.
    """
    answers: list[PipelineResponse[Any, Any]] = []
    with arm_errors():
        poller = begin(
            headers=headers,
            # A blind second PUT would meet the first one as a false 412; polls may repeat.
            retry_total=0,
            polling=ARMPolling(POLL_SECONDS),
            raw_response_hook=answers.append,
        )
        poller.wait(longest_seconds)
        if not poller.done():
            raise TransientError("WRITE_NOT_ENDED", f"not ended after {longest_seconds:g} s")
        poller.result()
    return correlation_id_of(answers[0])
