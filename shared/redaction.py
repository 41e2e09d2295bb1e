"""The doors of the log and of the terminal: no secret passes, and no control character.

Errors of the libraries repeat URLs, headers and connection strings, and Azure's texts repeat what
other people wrote.
"""

import logging
import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any

HIDDEN = "***"
SHORTEST_SECRET = 8
"""A shorter text is likely to stand elsewhere, too, with another meaning."""

_IN_QUERY = "sig|code|AccountKey|SharedAccessKey|SharedAccessSignature|client_secret|password"
_IN_JSON = "access_token|refresh_token|client_secret|password|x-functions-key|x-identity-header"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), shown)
    for pattern, shown in (
        # a user and a password, as in the URL of a proxy; the last @ ends them, as for the clients
        (r"(?<=://)[^/?#\s'\"\\]+@", f"{HIDDEN}@"),
        # a query string: a link of Azure is signed there, and so is a webhook. JSON may escape an &
        (r"\?[\w.~%$*-]+=(?:[^\s'\"<>\\)]|\\+u[0-9a-f]{4})*", f"?{HIDDEN}"),
        # one value of a query string or of a connection string
        (rf"(?:\b|(?<=\\u0026))({_IN_QUERY})=[^\s&;,'\"<>\\)]+", rf"\1={HIDDEN}"),
        # headers, and members of JSON
        (rf"\b({_IN_JSON})(['\"]?\s*:\s*['\"]?)[^\s&;,'\"<>\\]+", rf"\1\2{HIDDEN}"),
        (r"\b(bearer|sharedkey(?:lite)?)(\s+)[\w.~+/=:-]{12,}", rf"\1\2{HIDDEN}"),
        # a token by itself
        (r"\beyJ[\w-]{5,}\.[\w-]+(\.[\w-]*)?", HIDDEN),
    )
)
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
"""C0 without tab and line feed, C1, the characters that turn the direction of a text, and halves of
a letter: JSON can hold one, but no file and no terminal takes it.
"""

_known: set[str] = set()


def hide(secrets: Iterable[str | None]) -> None:
    """Hide these texts wherever they stand, as well as everything that looks like a secret."""
    _known.update(text for text in secrets if text is not None and len(text) >= SHORTEST_SECRET)


def redacted(text: str) -> str:
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def visible(text: str) -> str:
    """Show each control character by its escape sequence, such as `\\x1b`."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def presentable(text: str) -> str:
    """Return the text as a person may see it."""
    return visible(redacted(text))


def presentable_trace(error: BaseException) -> str:
    """Return the trace of the error, with the errors that led to it."""
    return presentable("".join(traceback.format_exception(error)).rstrip())


def guard_log() -> None:
    """Let every record of every logger in this process pass the door."""
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _Door):
        logging.setLogRecordFactory(_Door(factory))


class _Door:
    """Makes log records whose texts are final: no handler can add a secret to them."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self._factory = factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._factory(*args, **kwargs)
        record.msg, record.args = presentable(_message(record)), ()

        # Formatters append `exc_text` as it is, and a handler that reads `exc_info` finds nothing.
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = presentable_trace(record.exc_info[1])
        record.exc_info = None
        return record


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (KeyError, TypeError, ValueError):  # a library's mistake is no reason to fail
        return f"{record.msg} {record.args}"
