"""Writes to Microsoft.Network: long-running operations, each followed to its end.

Azure refuses a write in its answer to the PUT or not at all. Everything that goes wrong later is
about following the operation: people have seen polls answer 404, 401, 403, nothing at all or a
failure, although the resource was written. Only another reading shows what stands.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.core.polling import LROPoller
from azure.core.polling.base_polling import OperationFailed
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core.polling.arm_polling import ARMPolling

from ..domain import codes
from ..domain.errors import (
    FailedWrite,
    PermanentError,
    RouteSyncError,
    TransientError,
    UnconfirmedWrite,
)
from .budgets import seconds_asked
from .client import correlation_id_of
from .errors import arm_answers

POLL_SECONDS = 2
"""The time between two polls if ARM sends no `Retry-After`.

The SDK would wait 30 s, which is far longer than a write usually takes.
"""
FIRST_POLL_SECONDS = 1.5
"""The time before the first poll, if ARM does not ask for a shorter one.

The SDK polls at once, when no operation has ended yet, and then as ARM asks, which is after 10 s.
In a recording of 2024 the operation had ended after about one second.
"""
LONGEST_WRITE_SECONDS = 120
"""All writes of one delivery, and the waits when Azure throttles them, must fit into the time of an
invocation (`shared.deadline`).
"""

_REFUSED = HTTPStatus.MULTIPLE_CHOICES

type _Answer = PipelineResponse[HttpRequest, HttpResponse]
# If an answer gets lost, do not send the PUT again: after a first PUT that succeeded, the second
# one would get a false 412.
_NO_BLIND_RETRIES = {"retry_connect": 0, "retry_read": 0, "retry_status": 1}


def write(
    begin: Callable[..., LROPoller[Any]],
    headers: Mapping[str, str],
    *,
    longest_seconds: float = LONGEST_WRITE_SECONDS,
) -> tuple[HttpResponse, HttpResponse]:
    """PUT with these headers and wait for the end of the operation.

    Return the first and the last answer. The last answer is the PUT's own, or the answer to the GET
    with which the SDK ends an operation. Raise PreconditionFailed if the resource has changed, and
    PermanentError if Azure refuses the PUT. Raise UnconfirmedWrite for every error after Azure has
    accepted it, and TransientError if not even that is known: the write may have taken effect, so
    read the resource again.
    """
    answers: list[_Answer] = []
    with _nothing_refused_after(answers), arm_answers():
        poller = begin(
            headers=headers,
            polling=_Polling(longest_seconds),
            raw_response_hook=answers.append,
            **_NO_BLIND_RETRIES,
        )
        last_answer: HttpResponse = poller.result()
        return answers[-1].http_response, last_answer


def write_and_look(
    begin: Callable[..., LROPoller[Any]], headers: Mapping[str, str], stands: Callable[[], bool]
) -> None:
    """Do the same as `write`. If the end of an accepted write is not known, look whether it stands.

    `stands` reads the resource. Raise the errors of `write`, but UnconfirmedWrite only if the write
    is not there yet, or if that cannot be read.
    """
    try:
        write(begin, headers)
    except UnconfirmedWrite:
        with suppress(PermanentError, TransientError):
            if stands():
                return
        raise


@contextmanager
def _nothing_refused_after(answers: Sequence[_Answer]) -> Iterator[None]:
    """Raise UnconfirmedWrite for every error if one of the answers has accepted the PUT."""
    try:
        yield
    except RouteSyncError as error:
        accepted = [a.http_response for a in answers if a.http_response.status_code < _REFUSED]
        if not accepted:
            raise
        raise _unconfirmed(error, accepted[-1]) from error


def _unconfirmed(error: RouteSyncError, accepted: HttpResponse) -> UnconfirmedWrite:
    azures = error.__cause__
    failed = azures is not None and isinstance(azures.__cause__, OperationFailed)
    error_type = FailedWrite if failed else UnconfirmedWrite
    message = f"Azure accepted the write, and then: {error.message}"
    return error_type(error.code, message, correlation_id=correlation_id_of(accepted))


def wait_before_poll(polls: int, asked: float | None, waited: float) -> float:
    """Return the seconds to wait after so many polls and so many seconds, if ARM asks for `asked`.

    The SDK has as many polls, but its first one comes at once.
    """
    if polls == 0:
        return min(FIRST_POLL_SECONDS, POLL_SECONDS if asked is None else asked)
    seconds = asked or POLL_SECONDS
    return seconds - waited if polls == 1 and seconds > waited else seconds


class _Polling(ARMPolling):
    """Returns the last answer instead of the SDK's model of it.

    It follows the operation in the caller's thread. The SDK would start a thread of its own, which
    goes on for ever if the operation never ends.
    """

    def __init__(self, longest_seconds: float) -> None:
        super().__init__()
        self._longest_seconds = longest_seconds
        self._waited_seconds = 0.0
        self._waits = 0

    def initialize(
        self, client: Any, initial_response: Any, deserialization_callback: Callable[[Any], Any]
    ) -> None:
        """Follow the operation to its end: the SDK starts no thread for one that has ended."""
        super().initialize(client, initial_response, deserialization_callback)
        if not self.finished():
            self._delay()  # the SDK would poll at once
        self.run()

    def _delay(self) -> None:
        left = self._longest_seconds - self._waited_seconds
        if left <= 0:
            message = f"not ended after {self._longest_seconds:g} s"
            raise TransientError(codes.WRITE_NOT_ENDED, message)

        # If Azure asks for a longer wait, the operation is looked at once more before it is left.
        asked = seconds_asked(self._pipeline_response)
        seconds = min(wait_before_poll(self._waits, asked, self._waited_seconds), left)
        self._waits += 1
        self._waited_seconds += seconds
        if seconds > 0:
            self._sleep(seconds)

    def resource(self) -> HttpResponse:
        response: HttpResponse = self._pipeline_response.http_response
        return response
