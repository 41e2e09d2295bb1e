"""The webhook that takes notices.

Its URL is a secret: it is in no message, and in no log.
"""

import time
from http import HTTPStatus

import requests

from ..domain.errors import TransientError
from ..domain.people.notices import Notice
from .formats import rendered

CONNECT_SECONDS, READ_SECONDS = 3, 5
REST_SECONDS = 60
"""After an attempt that failed none is made for so long: a webhook that hangs holds nothing up."""


class NoWebhook:
    """Nobody wants to be told."""

    def send(self, _notice: Notice, /) -> None:
        return


class HttpWebhook:
    def __init__(self, url: str, *, format_name: str, address: str | None) -> None:
        self._url = url
        self._format_name = format_name
        self._address = address
        self._rests_until = 0.0

    def send(self, notice: Notice, /) -> None:
        """Raise TransientError where it was not taken: whoever asked tries again."""
        if time.monotonic() < self._rests_until:
            raise TransientError("NOTIFY_FAILED", "the webhook failed a moment ago: not tried")
        why = self._post(notice)
        if why is not None:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise TransientError("NOTIFY_FAILED", f"the webhook {why}")

    def _post(self, notice: Notice) -> str | None:
        """Why it was not taken."""
        try:
            with requests.post(
                self._url,
                data=rendered(notice, self._format_name, self._address),
                headers={"Content-Type": "application/json", "X-Run-Id": notice.notice_id},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,  # what it has to say is not waited for
            ) as answer:
                taken = answer.status_code // 100 == HTTPStatus.OK // 100
                return None if taken else f"answered {answer.status_code}"
        except requests.RequestException as error:
            return f"could not be reached: {type(error).__name__}"
