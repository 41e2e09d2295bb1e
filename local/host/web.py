"""The web server in front of the routes: which requests it refuses, and how it reads a path.

Sources: KestrelServerLimits.cs, Http1Connection.cs, PathNormalizer.cs and `IsHostHeaderValid` in
HttpUtilities.cs of dotnet/aspnetcore.
"""

import re
from urllib.parse import unquote_to_bytes, urlsplit

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.listening import KEEP_ALIVE_SECONDS

LONGEST_LINE = 8 * 1024
"""Bytes of the first line of a request, with its end."""

MOST_HEADERS = 100

MOST_HEADER_BYTES = 32 * 1024
"""Bytes of all lines of headers, with their ends."""

_HOST = r"([A-Za-z0-9!$&'()\-._~]+|\[[0-9A-Fa-f:.]{3,}\])(:[0-9]+)?|"
"""A name or an address, with or without a port, or nothing."""

_MOST_UNREAD_BYTES = 1024 * 1024
"""The library refuses more bytes with another status, so its own limit is out of the way."""


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def web_server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        _AsRealServer(app),
        http="h11",
        h11_max_incomplete_event_size=_MOST_UNREAD_BYTES,
        log_level="warning",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)


class _AsRealServer:
    """Passes on what the real web server passes on, with the path as the real one reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        try:
            _check(scope)
            path = _path(scope)
        except _Refused as refused:
            await Response(status_code=refused.status)(scope, receive, send)
        else:
            await self._app({**scope, "path": path}, receive, send)


def _check(scope: Scope) -> None:
    """Raise _Refused."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    line = b"%s %s%s HTTP/1.1\r\n" % (scope["method"].encode(), scope["raw_path"], query)
    if len(line) > LONGEST_LINE:
        raise _Refused(414)

    headers = [b"%s: %s\r\n" % header for header in scope["headers"]]
    if len(headers) > MOST_HEADERS or sum(map(len, headers)) > MOST_HEADER_BYTES:
        raise _Refused(431)
    if not all(_is_utf8(header) for header in headers):
        raise _Refused(400)
    if not re.fullmatch(_HOST, _host(scope)):
        raise _Refused(400)


def _host(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"host", b"").decode("latin-1")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _path(scope: Scope) -> str:
    """Return the path, decoded and without dots. Raise _Refused."""
    target = scope["raw_path"].decode()
    if not target.startswith("/"):
        target = _path_of_url(target, _host(scope))
    path = _decoded(target)
    if "\0" in path:
        raise _Refused(400)
    return _without_dots(path)


def _path_of_url(target: str, host: str) -> str:
    """A client may send the whole URL. The real server refuses it if it has another host."""
    url = urlsplit(target)
    if url.netloc.lower() != host.lower():
        raise _Refused(400)
    return url.path


def _decoded(path: str) -> str:
    """Decode each escape once, but keep `%2F`, and bytes that are no UTF-8."""
    raw = unquote_to_bytes(re.sub("%(2f)", r"%25\1", path, flags=re.IGNORECASE))
    text = raw.decode(errors="surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text)


def _without_dots(path: str) -> str:
    """Return the path with `.` and `..` resolved. Source: RFC 3986, section 5.2.4."""
    segments = path.split("/")[1:]
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)

    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
