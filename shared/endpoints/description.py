"""Make the API's description, in OpenAPI 3.1, of the operations and of the types they name.

It takes a while, so only the function `openapi` imports this module, and it is done once.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from .. import __version__
from ..http import MAX_BODY_BYTES, Query
from .operations import ERROR, OPERATIONS, Answer, Operation

type _Json = dict[str, Any]
type _Input = tuple[Any, JsonSchemaMode, TypeAdapter[Any]]

_JSON = "application/json"
_REFERENCE = "#/components/schemas/{model}"

_ABOUT = """Keeps the management routes of App Service Environments right.

- Each time is in ISO 8601 and UTC. ARM ids are compared without regard to case.
- A key of a body, or a query parameter, that is not described here is refused.
- A later version may add keys to an answer, so ignore the keys that you do not know.
- If a key in the query opened the function, the URLs in its answer have that key as well.
- The host itself answers 401 to a wrong key, and 404 to a wrong path, both without a body."""

_ERRORS = {
    400: "The request is wrong. `details` lists every fault.",
    401: "The key is missing or wrong, and there is no body then. Or a token is missing or wrong.",
    403: "The caller lacks the app role that this needs.",
    404: "There is nothing with this id.",
    411: "The body got lost on its way, because it came in chunks: send `Content-Length`.",
    412: "The registration is not the one that `If-Match` names.",
    413: f"The body is larger than {MAX_BODY_BYTES} bytes.",
    500: "The app cannot answer. Its settings are wrong, or the log says more.",
    503: "Storage or Azure does not answer. Try again later.",
}

_IN_PATH = {
    "id": "The ARM id of the route table, without its first slash. A table can be registered by "
    "the id of its App Service Environment as well. Slashes are sent as they are, or as `%2F`.",
    "name": "The name of an allowed service tag or list, and then `.txt` or `.json`.",
    "runId": "The id of a run.",
    "versionId": "The id of a version.",
}

_CONDITIONS = {
    HTTPStatus.NOT_MODIFIED: (
        "If-None-Match",
        "The `ETag` of what the caller has, or several of them with commas.",
    ),
    HTTPStatus.PRECONDITION_FAILED: (
        "If-Match",
        "The `ETag` of the registration as it was read, or several with commas, or `*` for any.",
    ),
}
"""The header of a request that leads to this status."""

_IN_HEADERS = {
    "Allow": "The methods of this path.",
    "Cache-Control": "How long the answer may be kept.",
    "ETag": "The state of what is shown, for `If-Match` or `If-None-Match`.",
    "Last-Modified": "The time since which what is shown is as it is.",
    "Location": "The URL of the run's report.",
    "Retry-After": "The seconds to wait before the report is asked for.",
    "WebHook-Allowed-Origin": "The `WebHook-Request-Origin` of the request.",
    "WebHook-Allowed-Rate": "The deliveries in a minute; `*` is any number.",
}

_SECURITY_SCHEMES = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "x-functions-key",
        "description": "A key of the Functions host, or of this function.",
    },
    "keyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "code",
        "description": "The same key in the URL. It then belongs in no log.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of Microsoft Entra for this app, with the app role Reader, "
        "Operator or Approver. It is sent beside the key, and replaces it only for the dashboard.",
    },
}


@functools.cache
def description(*, require_tokens: bool) -> Mapping[str, object]:
    """Return everything but the address of the app."""
    schemas = _Schemas()
    paths: dict[str, _Json] = {}

    for operation in OPERATIONS:
        methods = paths.setdefault(f"/api/{operation.path}", {})
        methods[operation.method.lower()] = {
            "operationId": operation.operation_id,
            "summary": operation.summary,
            "security": _security(operation, require_tokens=require_tokens),
            "parameters": [*_parameters(operation, schemas)],
            **_request_body(operation, schemas),
            "responses": _responses(operation, schemas),
        }

    return {
        "openapi": "3.1.1",
        "info": {
            "title": "ASE Route Sync",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": _errors(schemas),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def statuses(operation: Operation) -> list[int]:
    """Return the status of each answer that the function gives."""
    with_body = (411, 413) if operation.body or operation.takes else ()
    with_key = (401, 403) if operation.needs_key else ()
    every = {400, 500, 503, *with_body, *with_key, *operation.errors, *operation.answers}
    return sorted(every)


class _NoTitles(GenerateJsonSchema):
    """The name of a key or of a type is title enough, and a key without a value is not null."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: Any) -> _Json:
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if (key, value) != ("default", None)}


class _Schemas:
    """The schemas of all types that the operations name. They share their parts."""

    def __init__(self) -> None:
        named = dict.fromkeys(each for one in OPERATIONS for each in _types(one))
        inputs: list[_Input] = [(kind, mode, TypeAdapter(kind)) for kind, mode in named]
        found, definitions = TypeAdapter.json_schemas(
            inputs, ref_template=_REFERENCE, schema_generator=_NoTitles
        )
        self._found = {kind: schema for (kind, _mode), schema in found.items()}

        self.components: dict[str, _Json] = definitions.get("$defs", {})
        for component in self.components.values():
            component.pop("title", None)

        # A query is no body: its fields are parameters.
        queries = {one.query for one in OPERATIONS if one.query is not None}
        self._queries = {query: self.components.pop(query.__name__, {}) for query in queries}

    def of(self, kind: object) -> _Json:
        return self._found[kind]

    def fields(self, query: type[Query]) -> Iterator[tuple[str, _Json]]:
        yield from self._queries[query].get("properties", {}).items()


def _types(operation: Operation) -> Iterator[tuple[Any, JsonSchemaMode]]:
    """Yield each type that is read or shown."""
    for answer in (*operation.answers.values(), operation.error):
        for shape in answer.shapes.values():
            yield shape, "serialization"
    for model in (operation.body, operation.query):
        if model is not None:
            yield model, "validation"


def _security(operation: Operation, *, require_tokens: bool) -> list[_Json]:
    """Each entry is one way to call the function."""
    if not operation.needs_key:
        return []
    if require_tokens and operation.can_sign_in:
        return [{"token": []}]
    with_key: list[_Json] = [{"key": []}, {"keyInQuery": []}]
    with_token = [{**way, "token": []} for way in with_key]
    return with_token if require_tokens and operation.needs_token else with_key + with_token


def _parameters(operation: Operation, schemas: _Schemas) -> Iterator[_Json]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield _parameter("path", name, {"type": "string"}, _IN_PATH[name])
    for status, (name, text) in _CONDITIONS.items():
        if status in statuses(operation):
            yield _parameter("header", name, {"type": "string"}, text)

    for name, field in schemas.fields(operation.query or Query):
        # A parameter that is not there is null in the app, and nobody can send one.
        described = field.get("description", "")
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        schema = {key: field[key] for key in field if key not in {"description", "anyOf"}}
        yield _parameter("query", name, schema | (kinds[0] if kinds else {}), described)


def _parameter(place: str, name: str, schema: _Json, text: str) -> _Json:
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "description": text, **required, "schema": schema}


def _request_body(operation: Operation, schemas: _Schemas) -> _Json:
    if operation.body is not None:
        content = {_JSON: {"schema": schemas.of(operation.body)}}
        return {"requestBody": {"required": True, "content": content}}
    if operation.takes:
        return {"requestBody": {"content": {media: {"schema": {}} for media in operation.takes}}}
    return {}


def _responses(operation: Operation, schemas: _Schemas) -> _Json:
    """An error that looks as most errors do stands among the components."""
    responses: _Json = {}
    for status in statuses(operation):
        if status in operation.answers:
            responses[str(status)] = _response(operation.answers[status], schemas)
        elif operation.error == ERROR:
            responses[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
        else:
            error = replace(operation.error, meaning=_ERRORS[status])
            responses[str(status)] = _response(error, schemas)
    return responses


def _errors(schemas: _Schemas) -> _Json:
    return {
        _name(status): _response(replace(ERROR, meaning=meaning), schemas)
        for status, meaning in _ERRORS.items()
    }


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _response(answer: Answer, schemas: _Schemas) -> _Json:
    described: _Json = {"description": answer.meaning}
    if answer.shapes:
        content = {media: {"schema": schemas.of(shape)} for media, shape in answer.shapes.items()}
        described["content"] = content

    headers = {name: _header(name, required=True) for name in answer.headers}
    headers |= {name: _header(name, required=False) for name in answer.sometimes}
    return {**described, "headers": headers} if headers else described


def _header(name: str, *, required: bool) -> _Json:
    return {
        "description": _IN_HEADERS[name],
        "required": required,
        "schema": {"type": "string"},
    }
