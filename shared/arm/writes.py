"""Writes to Microsoft.Network: long-running operations, each followed to its end.

Azure refuses a write in its answer to the PUT or not at all. Everything that goes wrong later is
about following the operation: people have seen polls answer 404, 401, 403, nothing at all or a
failure, although the resource was written. Only another reading shows what stands.

An operation asks to be looked at in 10 s, and in a recording of 2024 it had ended after one. So a
caller may `look` at the resource itself, which shows the end earlier and with one request less.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from itertools import repeat
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
LONGEST_WRITE_SECONDS = 120
"""All writes of one delivery, and the waits when Azure throttles them, must fit into the time of an
invocation (`shared.deadline`).
"""

_REFUSED = HTTPStatus.MULTIPLE_CHOICES

type Look = Callable[[HttpResponse], HttpResponse | None]
"""Gets the answer that accepted the write. Returns the resource as read, if the write has ended
well, and None while it goes on. Raises AskOperation or RouteSyncError if that cannot be seen.
"""
type _Answer = PipelineResponse[HttpRequest, HttpResponse]
# If an answer gets lost, do not send the PUT again: after a first PUT that succeeded, the second
# one would get a false 412.
_NO_BLIND_RETRIES = {"retry_connect": 0, "retry_read": 0, "retry_status": 1}


class AskOperation(Exception):
    """Only the operation can tell how a write has ended."""


def write(
    begin: Callable[..., LROPoller[Any]],
    headers: Mapping[str, str],
    *,
    look: Look | None = None,
    longest_seconds: float = LONGEST_WRITE_SECONDS,
) -> tuple[HttpResponse, HttpResponse]:
    """PUT with these headers and wait for the end of the operation, or until a `look` sees it.

    Return the first and the last answer. The last answer is the PUT's own, that of the look, or the
    answer to the GET with which the SDK ends an operation. Raise PreconditionFailed if the resource
    has changed, and PermanentError if Azure refuses the PUT. Raise UnconfirmedWrite for every error
    after Azure has accepted it, and TransientError if not even that is known: the write may have
    taken effect, so read the resource again.
    """
    answers: list[_Answer] = []
    with _nothing_refused_after(answers), arm_answers():
        poller = begin(
            headers=headers,
            polling=_Polling(longest_seconds, look),
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
        with suppress(PermanentError):
            if stands():
                return
        raise


def waits_before_looks(asked: float | None) -> Iterator[float]:
    """Yield the seconds to wait before each look, if Azure asks for a look after so many.

    If these are the usual 10, the looks come after 1.5, 4 and 10 s. The SDK would look at once,
    after 10 s, and once more in the end, so no write needs more requests.
    """
    whole = POLL_SECONDS if asked is None else asked
    first, second = min(0.15 * whole, 1.5), min(0.4 * whole, 4)
    yield from (first, second - first, whole - second)
    yield from repeat(whole or POLL_SECONDS)


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


class _Polling(ARMPolling):
    """Returns the last answer instead of the SDK's model of it.

    It follows the operation in the caller's thread. The SDK would start a thread of its own, which
    goes on for ever if the operation never ends.
    """

    def __init__(self, longest_seconds: float, look: Look | None) -> None:
        super().__init__()
        self._longest_seconds = longest_seconds
        self._waited_seconds = 0.0
        self._look = look
        self._seen: HttpResponse | None = None

    def initialize(
        self, client: Any, initial_response: Any, deserialization_callback: Callable[[Any], Any]
    ) -> None:
        """Follow the operation to its end: the SDK starts no thread for one that has ended."""
        super().initialize(client, initial_response, deserialization_callback)
        if self._look is not None and not self.finished():
            self._look_for_end(self._look)
        if self._seen is None:
            self.run()

    def finished(self) -> bool:
        return self._seen is not None or bool(super().finished())

    def _look_for_end(self, look: Look) -> None:
        accepted = self._pipeline_response
        with suppress(AskOperation, RouteSyncError):
            for seconds in waits_before_looks(seconds_asked(accepted)):
                self._wait(seconds)
                self._seen = look(accepted.http_response)
                if self._seen is not None:
                    return

    def _delay(self) -> None:
        self._wait(seconds_asked(self._pipeline_response) or POLL_SECONDS)

    def _wait(self, seconds: float) -> None:
        left = self._longest_seconds - self._waited_seconds
        if left <= 0:
            message = f"not ended after {self._longest_seconds:g} s"
            raise TransientError(codes.WRITE_NOT_ENDED, message)

        # If Azure asks for a longer wait, the operation is looked at once more before it is left.
        seconds = min(seconds, left)
        self._waited_seconds += seconds
        if seconds > 0:
            self._sleep(seconds)

    def resource(self) -> HttpResponse:
        response: HttpResponse = self._seen or self._pipeline_response.http_response
        return response
