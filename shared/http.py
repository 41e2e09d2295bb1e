"""HTTP: request bodies are checked, errors look as the contract says, lists come in pages."""

import json
import logging
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from . import shapes
from .bodies import Body
from .domain import codes
from .domain.codes import Code
from .domain.errors import (
    Fault,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Outdated,
    RowUnreadable,
    TransientError,
)
from .settings import InvalidSettings
from .storage.errors import storage_fault

MAX_BODY_BYTES = 1024 * 1024
MAX_PAGE = 1000

_FOR_HOST = frozenset({"code", "clientid"})
_NO_PARAMETER = "the function has no such parameter; a POST, PUT or PATCH reads its body"

_STATUSES = {NotFound: 404, NotAllowed: 403, Outdated: 412}
_REFUSALS = (InvalidRequest, NotFound, NotAllowed, Outdated)

_log = logging.getLogger("ase_route_sync")


class HttpError(Exception):
    """The error that a caller is shown. `details` lists every fault with its place in the body."""

    def __init__(
        self, status: int, code: Code, message: str, details: Iterable[Fault] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)


class Query(BaseModel):
    """The query parameters of a function, none by default: camelCase names, whatever their case.

    The host leaves out what is empty. Each field has a default and a description.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


def _whole_number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError("it is not a whole number")
    return int(text)


WholeNumber = Annotated[int, BeforeValidator(_whole_number)]


class Paged(Query):
    """The query parameters of a list."""

    top: WholeNumber = Field(100, ge=1, le=MAX_PAGE, description="The most that a page lists.")
    skip_token: str | None = Field(
        None, description="The place at which the next page begins. `nextLink` has it."
    )


def respond(
    answer: Callable[[], func.HttpResponse], show: Callable[[HttpError], func.HttpResponse]
) -> func.HttpResponse:
    """Show exactly one error and never a trace: this is the shell around every HTTP function."""
    try:
        return answer()
    except (HttpError, InvalidSettings, *_REFUSALS) as error:
        return show(_refusal(error))
    except Exception as error:  # this shell is the last: an unforeseen error is an answer as well
        return show(_failure(error))


def json_response(
    body: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(body), status_code=status, headers=headers, mimetype="application/json"
    )


def json_error(error: HttpError) -> func.HttpResponse:
    shown: shapes.ErrorDetail = {"code": error.code.name, "message": error.message}
    if error.details:
        shown["details"] = [
            {"target": fault.target, "message": fault.message} for fault in error.details
        ]
    body: shapes.Error = {"error": shown}
    return json_response(body, status=error.status)


def body_of(request: func.HttpRequest) -> bytes:
    """Return the body in UTF-8, without a byte order mark.

    Raise HttpError if it got lost on its way or is larger than `MAX_BODY_BYTES`, and InvalidRequest
    if it has another encoding. Source: RFC 8259, section 8.1.
    """
    body = request.get_body()
    # If a body comes in chunks, the Functions host gives the app this header and not one byte.
    if not body and "Transfer-Encoding" in request.headers:
        raise HttpError(411, codes.LENGTH_REQUIRED, codes.LENGTH_REQUIRED.advice)
    if len(body) > MAX_BODY_BYTES:
        raise HttpError(
            413, codes.BODY_TOO_LARGE, f"the body is larger than {MAX_BODY_BYTES} bytes"
        )
    return _utf8(body)


def _utf8(body: bytes) -> bytes:
    """Raise InvalidRequest for another encoding."""
    try:
        body.decode()
        # Latin text in UTF-16 or UTF-32 has these bytes, and JSON in UTF-8 has none.
        is_utf8 = b"\0" not in body
    except UnicodeDecodeError:
        is_utf8 = False
    if not is_utf8:
        fault = Fault("body", "send it in UTF-8")
        raise InvalidRequest([fault], message="the body has another encoding than UTF-8")
    return body.removeprefix(BOM_UTF8)


def parse_body[B: Body](request: func.HttpRequest, kind: type[B]) -> B:
    """Raise InvalidRequest with every fault, and what `body_of` raises.

    An empty body is a fault: it may have got lost, and what it said was not the default.
    """
    body = body_of(request)
    if not body.strip():
        raise InvalidRequest([Fault("body", "it is empty; send a JSON object, {} at least")])

    try:
        parsed = kind.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(_faults(error, unknown="there is no such key")) from None
    json.loads(body, object_pairs_hook=_refuse_twice)
    return parsed


def parse_query[Q: Query](request: func.HttpRequest, kind: type[Q]) -> Q:
    """Raise HttpError with every parameter that is wrong or not known: it might go unheard.

    `code` and `clientId` are for the host, which finds the caller's key by them.
    """
    try:
        return kind.model_validate(_given(request, kind))
    except ValidationError as error:
        faults = [*_faults(error, unknown=_NO_PARAMETER)]

    message = "; ".join(f"{fault.target}: {fault.message}" for fault in faults)
    raise HttpError(400, codes.INVALID_QUERY, message, faults)


def _given(request: func.HttpRequest, kind: type[Query]) -> Mapping[str, str]:
    """Return the parameters in the spelling of the model."""
    fields = (field.alias or name for name, field in kind.model_fields.items())
    names = {name.lower(): name for name in fields}
    return {
        names.get(name.lower(), name): text
        for name, text in request.params.items()
        if name.lower() not in _FOR_HOST
    }


def _faults(error: ValidationError, *, unknown: str) -> Iterator[Fault]:
    """Yield the faults, in our own words if we have any."""
    for fault in error.errors(include_url=False, include_input=False):
        is_unknown = fault["type"] == "extra_forbidden"
        ours = unknown if is_unknown else fault.get("ctx", {}).get("error")
        yield Fault(_place(fault["loc"]), str(ours or fault["msg"]))


def _refuse_twice(pairs: Sequence[tuple[str, object]]) -> None:
    """Raise InvalidRequest if an object has a key twice: nobody can say which one was meant."""
    count = Counter(key for key, _value in pairs)
    twice = [key for key, number in count.items() if number > 1]
    if twice:
        raise InvalidRequest(Fault(key, "it stands here twice") for key in twice)


def api_url(
    request: func.HttpRequest,
    path: str,
    *,
    front: str | None,
    query: Mapping[str, str] | None = None,
) -> str:
    """Return a URL of this app below `front`, or below the host name that the caller used.

    If the caller has sent its key in the query, the URL has the key as well, so that nothing has to
    be added to it. If there is a key in a header, that one counts for the host, and no URL has any.
    It is in ASCII, because the host answers 500 to any other `Location`.
    """
    in_header = "x-functions-key" in request.headers
    key = None if in_header else in_query(request, "code")
    parameters = {**(query or {}), **({"code": key} if key else {})}
    shown = f"?{urlencode(parameters)}" if parameters else ""
    return f"{origin(request, front=front)}/api/{quote(path)}{shown}"


def origin(request: func.HttpRequest, *, front: str | None) -> str:
    """Return the address of this app, without `/api`."""
    url = urlsplit(request.url)
    return front or f"{url.scheme}://{quote(url.netloc, safe=':[]')}"


def page[T](
    request: func.HttpRequest,
    path: str,
    items: Iterable[T],
    *,
    top: int,
    front: str | None,
    token_of: Callable[[T], str],
    render: Callable[[T], Mapping[str, object]],
) -> func.HttpResponse:
    """Answer with one page. `items` begin after the request's `skip_token`."""
    # One more than asked for shows whether there is a next page.
    found = list(islice(items, top + 1))
    shown = found[:top]
    following = token_of(shown[-1]) if len(found) > top else None
    return listed(request, path, map(render, shown), front=front, top=top, following=following)


def listed(
    request: func.HttpRequest,
    path: str,
    value: Iterable[Mapping[str, object]],
    *,
    front: str | None,
    top: int,
    following: str | None,
) -> func.HttpResponse:
    """Answer with these. `following` is the `skip_token` of the next page, if there is one.

    The link to it has the other parameters of the query, which chose the items.
    """
    link = None
    if following is not None:
        paging = {"top": str(top), "skipToken": following}
        known = {"code", *map(str.lower, paging)}
        query = {name: text for name, text in request.params.items() if name.lower() not in known}
        link = api_url(request, path, front=front, query=query | paging)
    return json_response({"value": [*value], "nextLink": link})


def in_query(request: func.HttpRequest, name: str) -> str | None:
    """Return this parameter of the query, whatever the case of its name.

    The host joins the values of names that differ only in case, and leaves out what is empty.
    """
    values = (text for given, text in request.params.items() if given.lower() == name.lower())
    return next(values, None)


def has_already(request: func.HttpRequest, etag: str) -> bool:
    """Return whether the caller has what this ETag stands for. Source: RFC 9110, If-None-Match."""
    named = request.headers.get("If-None-Match", "").split(",")
    known = {each.strip().removeprefix("W/") for each in named}
    return "*" in known or etag.removeprefix("W/") in known


def _place(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _refusal(
    error: HttpError | InvalidSettings | InvalidRequest | NotFound | NotAllowed | Outdated,
) -> HttpError:
    match error:
        case InvalidRequest():
            return HttpError(400, error.code, error.message, error.faults)
        case NotFound() | NotAllowed() | Outdated():
            return HttpError(_STATUSES[type(error)], error.code, error.message)
        case InvalidSettings():
            details = [Fault("settings", fault) for fault in error.faults]
            return HttpError(500, codes.INVALID_SETTINGS, "missing or wrong app settings", details)
        case _:
            return error


def _failure(error: Exception) -> HttpError:
    """Say to the caller no more than they can act on; the log has the rest."""
    match error:
        case TransientError():
            _log.warning("passing error", exc_info=error)
            return HttpError(503, error.code, error.message)

        # The other errors are for an operator.
        case RowUnreadable():
            _log.error("unreadable row", exc_info=error)
            return HttpError(500, error.code, error.message)
        case AzureError():
            found = storage_fault(error)
            _log.error("%s: %s", found.code, found.message, exc_info=error)
            if found.code == codes.CREDENTIAL_UNAVAILABLE:
                return HttpError(503, found.code, "the app cannot sign in")
            return HttpError(503, codes.STORAGE_UNAVAILABLE, "storage does not answer")
        case _:
            _log.error("unforeseen error", exc_info=error)
            return HttpError(500, codes.INTERNAL_ERROR, "unforeseen error; see the log")
