"""HTTP: bodies checked, errors as the contract has them, lists in pages."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlencode, urlsplit

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from .domain.errors import TransientError
from .settings import InvalidSettings

MAX_BODY_BYTES = 1024 * 1024
MAX_PAGE = 1000

_log = logging.getLogger("ase_route_sync")


class HttpFault(Exception):
    """What the caller got wrong; `details` has every fault with its place in the body."""

    def __init__(
        self, status: int, code: str, message: str, details: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = [{"target": target, "message": text} for target, text in details]


class Body(BaseModel):
    """A request body: camelCase, types strict, unknown keys are faults."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


def respond(
    answer: Callable[[], func.HttpResponse], show: Callable[[HttpFault], func.HttpResponse]
) -> func.HttpResponse:
    """The shell around every HTTP function: whatever happens, one error is shown and no trace."""
    try:
        return answer()
    except HttpFault as fault:
        return show(fault)
    except InvalidSettings as error:
        details = [("settings", fault) for fault in error.faults]
        return show(HttpFault(500, "InvalidSettings", "missing or wrong app settings", details))
    except TransientError as error:
        _log.warning("passing error", exc_info=error)
        return show(HttpFault(503, error.code, error.message))
    except AzureError as error:
        _log.error("storage does not answer", exc_info=error)
        return show(HttpFault(503, "StorageUnavailable", "storage does not answer"))
    except Exception as error:  # the last shell: an unforeseen error is an answer too
        _log.error("unforeseen error", exc_info=error)
        return show(HttpFault(500, "InternalError", "unforeseen error; see the log"))


def json_response(
    body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(body), status_code=status, headers=headers, mimetype="application/json"
    )


def body_of(request: func.HttpRequest) -> bytes:
    """Raise HttpFault where it is too large."""
    body = request.get_body()
    if len(body) > MAX_BODY_BYTES:
        raise HttpFault(413, "BodyTooLarge", f"the body is larger than {MAX_BODY_BYTES} bytes")
    return body


def parse_body[B: Body](request: func.HttpRequest, kind: type[B]) -> B:
    """An empty body is an empty object. Raise HttpFault with every fault."""
    body = body_of(request)
    try:
        return kind.model_validate_json(body.strip() or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise invalid_body((_place(f["loc"]), f["msg"]) for f in faults) from None


def invalid_body(faults: Iterable[tuple[str, str]]) -> HttpFault:
    return HttpFault(400, "InvalidBody", "the body is not as it must be", faults)


def api_url(request: func.HttpRequest, path: str) -> str:
    """A URL of this app, as the caller reached it."""
    url = urlsplit(request.url)
    prefix, _, _ = url.path.partition("/api/")
    return f"{url.scheme}://{url.netloc}{prefix}/api/{path}"


def page[T](
    request: func.HttpRequest,
    path: str,
    items: Iterable[T],
    *,
    token_of: Callable[[T], str],
    render: Callable[[T], Mapping[str, Any]],
) -> func.HttpResponse:
    """`items` begin after the request's `skip_token`."""
    top = whole_number(request, "top", 100, MAX_PAGE)
    found = list(islice(items, top + 1))
    link = None
    if len(found) > top:
        query = urlencode({"top": top, "skipToken": token_of(found[top - 1])})
        link = f"{api_url(request, path)}?{query}"
    return json_response({"value": [render(item) for item in found[:top]], "nextLink": link})


def skip_token(request: func.HttpRequest) -> str | None:
    return request.params.get("skipToken") or None


def whole_number(request: func.HttpRequest, name: str, default: int, most: int) -> int:
    """Of the query. Raise HttpFault where it is not one from 1 to `most`."""
    text = request.params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise HttpFault(400, "InvalidQuery", f"{name} is a whole number from 1 to {most}")
    return int(text)


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def json_error(fault: HttpFault) -> func.HttpResponse:
    error: dict[str, Any] = {"code": fault.code, "message": fault.message}
    if fault.details:
        error["details"] = fault.details
    return json_response({"error": error}, status=fault.status)
