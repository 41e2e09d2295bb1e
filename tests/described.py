"""Whether the app answers as its own description says: each answer that a test gets is compared.

A key that the description does not have is a fault here, although clients have to accept it.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
import httpx
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from local.plain_http import http
from shared.endpoints.description import description
from shared.endpoints.operations import OPERATIONS, Operation
from shared.endpoints.shell import Endpoint

type Json = dict[str, Any]

_FOR_HOST = {"code", "clientid"}
_DOCUMENT = "urn:description"


@functools.cache
def documented() -> Json:
    """Return the description as a client reads it."""
    found: Json = json.loads(json.dumps(description(require_tokens=False)))
    return found


@functools.cache
def validator(pointer: str) -> Draft202012Validator:
    """Return what judges a value by the schema at this place of the description."""
    resource = DRAFT202012.create_resource(_closed(documented()))
    registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
    return Draft202012Validator(
        {"$ref": f"{_DOCUMENT}#{pointer}"},
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def at(pointer: str) -> Json:
    """Return what stands at this place of the description."""
    found: Any = documented()
    for part in pointer.strip("/").split("/"):
        found = found[part.replace("~1", "/")]
    described: Json = found
    return described


def operation_json(operation: Operation) -> Json:
    return at(_pointer(operation))


def schema_faults(pointer: str, value: object) -> list[str]:
    found = validator(pointer).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


def body_pointer(operation: Operation) -> str:
    return f"{_pointer(operation)}/requestBody/content/application~1json/schema"


@contextmanager
def checked_at(url: str) -> Iterator[None]:
    """Compare each answer that comes from this address over HTTP."""

    def check(response: httpx.Response) -> None:
        if str(response.url).startswith(f"{url}/api/"):
            response.read()
            _check_http(response)

    hooks = http().event_hooks["response"]
    hooks.append(check)
    try:
        yield
    finally:
        hooks.remove(check)


@contextmanager
def checked_in_process() -> Iterator[None]:
    """Compare each answer of an endpoint that a test calls itself."""
    call = Endpoint.__call__

    def checked(self: Any, request: func.HttpRequest, *args: Any, **named: Any) -> Any:
        answer = call(self, request, *args, **named)
        _check_call(self, request, answer)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endpoint, "__call__", checked)
        yield


def _check_http(response: httpx.Response) -> None:
    path, method = response.request.url.path, response.request.method
    operation = next((one for one in OPERATIONS if _is_for(one, method, path)), None)
    if operation is None:
        assert (response.status_code, response.content) == (404, b""), f"not described: {path}"
        return

    # The host itself refuses some requests, and its answers have no body.
    if response.is_error and not response.content:
        return
    _check(
        operation,
        query=dict(parse_qsl(response.request.url.query.decode())),
        sent=_sent(response.request),
        status=response.status_code,
        headers=response.headers,
        body=response.content,
    )


def _check_call(endpoint: object, request: func.HttpRequest, answer: func.HttpResponse) -> None:
    """A test may call an endpoint with any URL, so the endpoint itself says which one it is."""
    served = [one for one in OPERATIONS if one.endpoint is endpoint]
    assert served, f"{endpoint} has no Operation: put @described(Operation(…)) above it"
    has_path = any(request.route_params.values())
    same_path = [one for one in served if ("{" in one.path) is has_path] or served
    operation = next((one for one in same_path if one.method == request.method), same_path[0])

    _check(
        operation,
        query=request.params,
        sent=request.get_body(),
        status=answer.status_code,
        headers={**answer.headers, "Content-Type": answer.mimetype},
        body=answer.get_body() or b"",
    )


def _check(
    operation: Operation,
    *,
    query: Mapping[str, str],
    sent: bytes | None,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    faults = [*_answer_faults(operation, status, headers, body)]
    if status < httpx.codes.BAD_REQUEST:
        faults += _query_faults(operation, query)
        faults += _body_faults(operation, sent)
    shown = f"{operation.method} /api/{operation.path} answered {status}: {body[:1000]!r}"
    assert not faults, "\n".join([shown, "It is not as described:", *faults])


def _answer_faults(
    operation: Operation, status: int, headers: Mapping[str, str], body: bytes
) -> Iterator[str]:
    described = operation_json(operation)["responses"].get(str(status))
    if described is None:
        yield f"the status {status} is not among the answers of the Operation"
        return
    pointer = described.get("$ref", f"#{_pointer(operation)}/responses/{status}").removeprefix("#")
    response = at(pointer)

    given = {name.lower() for name in headers}
    for name, header in response.get("headers", {}).items():
        if header["required"] and name.lower() not in given:
            yield f"the header {name} is missing"

    content = response.get("content", {})
    media = headers.get("Content-Type", "").split(";")[0]
    if not content:
        if body:
            yield "there is a body"
    elif media not in content:
        yield f"the media type is {media!r}, and not one of {[*content]}"
    elif media == "application/json":
        yield from _seen(f"{pointer}/content/application~1json/schema", body)


@functools.lru_cache(10_000)
def _seen(pointer: str, body: bytes) -> list[str]:
    """A test may get the same answer again and again."""
    return schema_faults(pointer, json.loads(body))


def _query_faults(operation: Operation, query: Mapping[str, str]) -> Iterator[str]:
    """The function has accepted this query, so each parameter has to be described."""
    parameters = operation_json(operation)["parameters"]
    known = {one["name"].lower(): i for i, one in enumerate(parameters) if one["in"] == "query"}
    for name, text in query.items():
        if not text or name.lower() in _FOR_HOST:
            continue
        if name.lower() not in known:
            yield f"the query parameter {name} was accepted, and is not described"
            continue
        number = known[name.lower()]
        is_number = parameters[number]["schema"].get("type") == "integer"
        value = int(text) if is_number else text
        yield from schema_faults(f"{_pointer(operation)}/parameters/{number}/schema", value)


def _body_faults(operation: Operation, sent: bytes | None) -> Iterator[str]:
    """The function has accepted this body, so it has to be as described."""
    if operation.body is not None and sent is not None:
        for fault in schema_faults(body_pointer(operation), json.loads(sent)):
            yield f"the body was accepted, and is not as described: {fault}"


def _sent(request: httpx.Request) -> bytes | None:
    try:
        return request.content
    except httpx.RequestNotRead:
        return None


def _is_for(operation: Operation, method: str, path: str) -> bool:
    """The last parameter of a path may have slashes, and the case of a path does not matter."""
    escaped = re.sub(r"\\\{\w+\\\}$", ".+", re.escape(operation.path))
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", escaped)
    return operation.method == method and bool(
        re.fullmatch(rf"/api/{pattern}/?", path, re.IGNORECASE | re.DOTALL)
    )


def _pointer(operation: Operation) -> str:
    path = f"/api/{operation.path}".replace("/", "~1")
    return f"/paths/{path}/{operation.method.lower()}"


def _closed(schema: Any) -> Any:
    """Return the schema without room for keys that it does not have."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
