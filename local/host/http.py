"""HTTP triggers: routes, keys, and what a function gets of a request.

Sources: WebScriptHostHttpRoutesManager.cs, AuthenticationLevelHandler.cs,
FunctionInvocationMiddleware.cs and GrpcMessageConversionExtensions.cs of
Azure/azure-functions-host.
"""

import base64
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from azure_functions_runtime.bindings.datumdef import Datum
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .config import is_disabled
from .worker import Function, InvocationFailed, Result

PREFIX = "/api"

_SAFE_IN_PATH = "/%:@!$&'()*+,;="

_IN_HEADER = r"[\t -~]*"
"""The real host sends no header with another letter."""

_WITHOUT_BODY = {204, 304}

MOST_BODY_BYTES = 100 * 1024 * 1024
"""The real host calls no function for a larger body."""

type Invoke = Callable[[Function, Datum], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Keys:
    """The host key is for callers. The master key also opens `/admin`.

    `of_functions` has the key of a function by its name. Such a key opens that function alone.
    """

    host: str
    master: str
    of_functions: Mapping[str, str] = field(default_factory=dict)

    def open(self, request: Request, *keys: str) -> bool:
        """Return whether the request has one of these keys."""
        given = _given_key(request).encode()
        return any(secrets.compare_digest(given, key.encode()) for key in keys)


def _given_key(request: Request) -> str:
    """The header decides if it is there, even if it is empty. The first of several counts."""
    header = request.headers.get("x-functions-key")
    if header is not None:
        return header
    query = request.query_params.multi_items()
    return next((value for name, value in query if name.lower() == "code"), "")


class HttpTriggers:
    def __init__(self, functions: Sequence[Function], keys: Keys, invoke: Invoke) -> None:
        # The real host tries the routes in the order of the functions' names.
        in_order = sorted(functions, key=lambda function: function.name)
        self._routes = [
            (function, _pattern(function.trigger["route"]))
            for function in in_order
            if function.trigger["type"] == "httpTrigger"
        ]

        self._keys = keys
        self._invoke = invoke

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """Call the first function whose route and method match."""
        # The real host makes a URL with this scheme, and fails if it is none, or more than one.
        schemes = request.headers.getlist("x-forwarded-proto")
        if schemes and not re.fullmatch("[a-z]+", ",".join(schemes)):
            return Response(status_code=500)
        path, method = request.scope["path"], request.method.upper()
        for function, pattern in self._routes:
            match = pattern.fullmatch(path)
            if match and method in _methods(function):
                return await self._call(function, request, _parameters(match))
        return Response(status_code=404)

    async def _call(self, function: Function, request: Request, route: dict[str, str]) -> Response:
        if refusal := self._refusal(function, request):
            return Response(status_code=refusal)
        try:
            result = await self._invoke(function, await _request_datum(request, route))
        except InvocationFailed:
            return Response(status_code=500)
        return _response(result)

    def _refusal(self, function: Function, request: Request) -> int | None:
        """Return the status of the answer if the function is not called."""
        if _has_unreadable_principal(request):
            return 500
        if not self._may_call(function, request):
            return 401
        if is_disabled(function.name) and not self._keys.open(request, self._keys.master):
            return 404
        if int(request.headers.get("content-length", "0")) > MOST_BODY_BYTES:
            return 500
        return None

    def _may_call(self, function: Function, request: Request) -> bool:
        match function.trigger["authLevel"].lower():
            case "anonymous":
                return True
            case "admin":
                return self._keys.open(request, self._keys.master)
            case _:
                own = self._keys.of_functions.get(function.name, self._keys.host)
                return self._keys.open(request, own, self._keys.host, self._keys.master)


def _has_unreadable_principal(request: Request) -> bool:
    """With App Service Authentication on, the real host decodes the principal, and may fail."""
    is_on = os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
    try:
        base64.b64decode(request.headers.get("x-ms-client-principal", ""), validate=True)
    except ValueError:
        return is_on
    return False


def _response(result: Result) -> Response:
    if result.returned is None:
        return Response(status_code=500)
    value = result.returned.value
    headers = {name: datum.value for name, datum in value["headers"].items()}
    if not all(re.fullmatch(_IN_HEADER, text) for text in headers.values()):
        return Response(status_code=500)

    status = int(value["status_code"].value)
    body = b"" if status in _WITHOUT_BODY else value["body"].value
    response = Response(body, status, headers)
    # The real host sends each answer of a function in chunks.
    del response.headers["content-length"]
    return response


def _parameters(match: re.Match[str]) -> dict[str, str]:
    """The real host leaves out a parameter that is empty."""
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _methods(function: Function) -> list[str]:
    return [method.upper() for method in function.trigger["methods"]]


def _pattern(template: str) -> re.Pattern[str]:
    """`runs/{runId}` matches one segment. `route-tables/{*id}` matches the rest, even if empty.

    The case does not matter, nor does one slash at the end. A rest that begins with a slash does
    not match.
    """
    parts = [PREFIX]
    for segment in template.split("/"):
        if rest := re.fullmatch(r"\{\*(\w+)\}", segment):
            parts.append(rf"(?:/(?P<{rest[1]}>[^/].*)?)?")
        elif parameter := re.fullmatch(r"\{(\w+)\}", segment):
            parts.append(rf"/(?P<{parameter[1]}>[^/]+)")
        else:
            parts.append("/" + re.escape(segment))

    if "{*" not in template:
        parts.append("/?")
    return re.compile("".join(parts), re.ASCII | re.DOTALL | re.IGNORECASE)


async def _body(request: Request) -> bytes:
    """The real host gives the function only a body whose length the request says beforehand.

    If a body comes in chunks, the function gets the header `Transfer-Encoding` and not one byte.
    """
    sent = await request.body()
    headers = request.headers
    has_length = "content-length" in headers and "transfer-encoding" not in headers
    return sent if has_length else b""


async def _request_datum(request: Request, route: Mapping[str, str]) -> Datum:
    headers = ((name.decode(), value.decode()) for name, value in request.headers.raw)
    query = request.query_params.multi_items()

    parts = {
        "method": Datum(request.method, "string"),
        "url": Datum(_url(request), "string"),
        "headers": _strings(_joined(headers)),
        "query": _strings({name: text for name, text in _joined(query).items() if text}),
        "params": _strings(route),
        "body": Datum(await _body(request), "bytes"),
    }
    return Datum(parts, "http")


def _joined(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The real host joins the values of a name, whatever its case, and skips empty ones."""
    names: dict[str, str] = {}
    values: dict[str, list[str]] = {}
    for name, value in items:
        first = names.setdefault(name.lower(), name)
        values.setdefault(first, []).append(value)
    return {name: ",".join(filter(None, found)) for name, found in values.items()}


def _strings(texts: Mapping[str, str]) -> dict[str, Datum]:
    return {name: Datum(text, "string") for name, text in texts.items()}


def _url(request: Request) -> str:
    """The real host writes the URL anew, with the path as it was resolved."""
    path = quote(request.scope["path"], safe=_SAFE_IN_PATH)
    url = f"{request.url.scheme}://{request.headers.get('host', '')}{path}"
    return f"{url}?{request.url.query}" if request.url.query else url
