"""The webhook that receives notices.

Its URL is a secret, so no message and no log contains it.
"""

import time
from http import HTTPStatus

import requests

from ..domain import codes
from ..domain.errors import TransientError
from ..domain.people.notices import Notice
from .formats import Sender, render

CONNECT_SECONDS, READ_SECONDS = 3, 5
WAIT_SECONDS = 60
"""The time without attempts after a failed one, so that a webhook that hangs delays nothing."""


class NoWebhook:
    """The webhook of an app that sends no notices."""

    def send(self, _notice: Notice, /) -> None:
        return


class HttpWebhook:
    def __init__(self, url: str, *, format_name: str, sender: Sender) -> None:
        self._url = url
        self._format_name = format_name
        self._sender = sender
        self._waits_until = 0.0

    def send(self, notice: Notice, /) -> None:
        """Raise TransientError if the webhook did not accept the notice: the caller tries again."""
        if time.monotonic() < self._waits_until:
            raise TransientError(
                codes.NOTIFY_FAILED, "the webhook failed a moment ago, so the notice was not sent"
            )

        failure = self._post(notice)
        if failure is not None:
            self._waits_until = time.monotonic() + WAIT_SECONDS
            raise TransientError(codes.NOTIFY_FAILED, f"the webhook {failure}")

    def _post(self, notice: Notice) -> str | None:
        """Return why the webhook did not accept the notice, or None if it did."""
        try:
            status = self._status_of_post(notice)
        except requests.RequestException as error:
            return f"could not be reached: {type(error).__name__}"
        return None if status // 100 == HTTPStatus.OK // 100 else f"answered {status}"

    def _status_of_post(self, notice: Notice) -> int:
        headers = {"Content-Type": "application/json", "X-Run-Id": notice.notice_id}
        with requests.post(
            self._url,
            data=render(notice, self._format_name, self._sender),
            headers=headers,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,  # do not wait for the body of the answer
        ) as answer:
            return answer.status_code
