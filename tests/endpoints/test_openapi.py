"""The API's description is the app: each function is in it, with each answer that it gives."""

import functools
import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func
import pytest
from openapi_spec_validator import validate

from shared import __version__
from shared.app import App
from shared.bodies import Body
from shared.endpoints.description import statuses
from shared.endpoints.operations import OPERATIONS, Operation
from shared.http import MAX_BODY_BYTES
from tests import described
from tests.builders.azure import (
    add_environment,
    add_table,
    ase_id_of,
    table_id,
    tag_document,
)
from tests.builders.callers import principal
from tests.builders.endpoints import NO_RUN, call, let_find, serve
from tests.builders.functions import indexed
from tests.builders.runs import begin, register, sync
from tests.builders.settings import without_storage

ONE = {"routeTableId": table_id("one"), "reason": "CHG-1"}
WITH_AUTHENTICATION = {"WEBSITE_AUTH_ENABLED": "True"}
BY_ID = {one.operation_id: one for one in OPERATIONS}

each_operation = pytest.mark.parametrize("name", BY_ID)


def routes() -> set[tuple[str, str, str, bool]]:
    """Return name, method, route, and whether it needs no key, of each function with HTTP."""
    return {
        (each.get_function_name(), str(method), trigger["route"], is_anonymous(trigger))
        for each in indexed()
        for trigger in [each.get_trigger().get_dict_repr()]
        if trigger["type"] == "httpTrigger"
        for method in trigger["methods"]
    }


def is_anonymous(trigger: Mapping[str, Any]) -> bool:
    return bool(trigger["authLevel"] is func.AuthLevel.ANONYMOUS)


def test_each_function_with_http_is_described_and_nothing_else():
    listed = {
        (one.function, one.method, one.path.replace("/{id}", ""), not one.needs_key)
        for one in OPERATIONS
    }
    there = {(name, method, route.replace("/{*id}", ""), _) for name, method, route, _ in routes()}
    assert there - listed == set(), "put @described(Operation(…)) above the endpoint of these"
    assert listed - there == set(), "no function of function_app.py serves these"


def test_the_rest_of_a_path_is_a_parameter_of_each_function_that_takes_it():
    rest = {(name, method) for name, method, route, _key in routes() if "{*id}" in route}
    with_id = {(one.function, one.method) for one in OPERATIONS if "{id}" in one.path}
    assert with_id == rest


def test_it_is_valid_openapi():
    validate(described.documented())
    assert described.documented()["openapi"].startswith("3.1")
    assert described.documented()["info"]["version"] == __version__


@each_operation
def test_every_part_has_a_text(name):
    operation = described.operation_json(BY_ID[name])
    assert operation["summary"].endswith(".")
    for parameter in operation["parameters"]:
        assert parameter["description"].endswith("."), parameter["name"]


@pytest.mark.parametrize("required", [False, True])
def test_how_a_function_is_opened(required, make_app, monkeypatch):
    app = make_app(REQUIRE_TOKENS=str(required), **WITH_AUTHENTICATION)
    document = shown(app, monkeypatch)
    schemes = document["components"]["securitySchemes"]
    assert (schemes["key"]["in"], schemes["key"]["name"]) == ("header", "x-functions-key")
    assert (schemes["keyInQuery"]["in"], schemes["keyInQuery"]["name"]) == ("query", "code")
    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")

    ways = {
        method["operationId"]: [{*way} for way in method["security"]]
        for path in document["paths"].values()
        for method in path.values()
    }
    with_key = [{"key"}, {"keyInQuery"}]
    with_token = [{"key", "token"}, {"keyInQuery", "token"}]
    assert [name for name in ways if not ways[name]] == ["health"]
    assert ways["alert"] == [*with_key, *with_token]
    either = [*with_key, *with_token]
    assert ways["list_runs"] == (with_token if required else either)
    assert ways["dashboard"] == ([{"token"}] if required else either)


@pytest.mark.parametrize("front", ["", "https://api.contoso.invalid/routes"])
def test_the_server_is_the_address_under_which_the_app_is_called(front, make_app, monkeypatch):
    document = shown(make_app(PUBLIC_URL=front), monkeypatch)
    servers = document.pop("servers")
    assert servers == [{"url": front or "https://app.invalid"}]

    # All else is what `test_it_is_valid_openapi` has found valid, and takes two seconds each time.
    assert document == described.documented()
    validate({**document, "servers": servers, "paths": {}, "components": {}})


def test_it_is_made_once(app, monkeypatch):
    assert shown(app, monkeypatch) == shown(app, monkeypatch)
    from shared.endpoints.description import description

    assert description(require_tokens=False) is description(require_tokens=False)


def shown(app: App, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    serve(app, monkeypatch)
    answer = call(BY_ID["openapi"], headers=principal("Reader"))
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.get_body())
    return found


class Parsed(BaseException):
    """The model that parses a body. No endpoint makes an answer of it."""


@each_operation
def test_the_body_that_is_described_is_the_one_that_is_parsed(name, app, monkeypatch):
    def note(kind: type[Body], _body: bytes) -> Body:
        raise Parsed(kind)

    serve(app, monkeypatch)
    monkeypatch.setattr(Body, "model_validate_json", classmethod(note))
    operation, parsed = BY_ID[name], None
    try:
        call(operation, body={}, headers=principal("Approver"))
    except Parsed as found:
        [parsed] = found.args
    assert parsed is operation.body


@each_operation
def test_each_parameter_of_a_query_is_known_and_no_other_is(name, app, monkeypatch):
    serve(app, monkeypatch)
    operation = BY_ID[name]
    listed = described.operation_json(operation)["parameters"]
    names = [one["name"] for one in listed if one["in"] == "query"]
    answer = call(operation, params={"nonsense": "1", **dict.fromkeys(names, "\0")})
    assert answer.status_code == 400
    if operation.error.media == "application/json":
        details = json.loads(answer.get_body())["error"]["details"]
        assert [one["target"] for one in details if "no such parameter" in one["message"]] == [
            "nonsense"
        ]


class Asks:
    """The requests that lead to the answers of one function only. `{}` is the usual body."""

    def __init__(self, azure: Any, app: App) -> None:
        self.azure, self.app = azure, app

    def of(self, operation: Operation, status: int) -> dict[str, Any]:
        usual: dict[str, Any] = {"body": {}} if operation.body is not None else {}
        special = getattr(self, f"{operation.operation_id}_{status}", lambda: usual)
        asked: dict[str, Any] = special()
        return asked

    def adopt_202(self) -> dict[str, Any]:
        return {"body": ONE}

    release_200 = adopt_202

    def rollback_202(self) -> dict[str, Any]:
        return {"body": {**ONE, "runId": sync(self.app)["runId"]}}

    def provision_202(self) -> dict[str, Any]:
        add_environment(self.azure.state, "bare")
        return {"body": {"aseId": ase_id_of("bare")}}

    def register_route_table_201(self) -> dict[str, Any]:
        add_table(self.azure.state, "two")
        return {"body": {}, "ids": {"id": table_id("two").strip("/")}}

    def alert_200(self) -> dict[str, Any]:
        kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
        return {"body": [{"eventType": kind, "data": {"validationCode": "1"}}]}

    def get_run_200(self) -> dict[str, Any]:
        return {"ids": {"runId": sync(self.app)["runId"]}}

    def get_run_202(self) -> dict[str, Any]:
        return {"ids": {"runId": begin(self.app)}}

    def get_version_200(self) -> dict[str, Any]:
        sync(self.app)
        newest = self.app.versions.newest("AppServiceManagement")
        assert newest is not None
        return {"ids": {"versionId": newest.version_id}}

    def get_route_table_404(self) -> dict[str, Any]:
        return {"ids": {"id": table_id("none").strip("/")}}

    unregister_route_table_404 = get_route_table_404

    def change_route_table_404(self) -> dict[str, Any]:
        return {"body": {}, **self.get_route_table_404()}

    def register_route_table_412(self) -> dict[str, Any]:
        return {"body": {}, "headers": {"If-Match": '"another"'}}

    change_route_table_412 = unregister_route_table_412 = register_route_table_412

    def versions_feed_304(self) -> dict[str, Any]:
        return {"headers": {"If-None-Match": "*"}}

    def lists_200(self) -> dict[str, Any]:
        sync(self.app)
        return {}

    def lists_304(self) -> dict[str, Any]:
        sync(self.app)
        return {"headers": {"If-None-Match": "*"}}

    def lists_404(self) -> dict[str, Any]:
        return {"ids": {"name": "NotAllowed.txt"}}

    def dashboard_404(self) -> dict[str, Any]:
        return {"params": {"run": NO_RUN}}


@each_operation
def test_each_answer_that_is_described_can_be_had(name, azure, make_app, monkeypatch, nobody_waits):
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_table(azure.state, "one")
    app = make_app()
    register(app, "one")
    with_authentication = make_app(**WITH_AUTHENTICATION)
    operation, asks = BY_ID[name], Asks(azure, app)
    chunked = {"headers": {"Transfer-Encoding": "chunked"}}

    def unforeseen() -> App:
        raise RuntimeError("unforeseen")

    unreachable = functools.partial(make_app, AzureWebJobsStorage=without_storage())
    of_all: dict[int, tuple[Any, dict[str, Any]]] = {
        400: (lambda: app, {"params": {"nonsense": "1"}}),
        401: (lambda: with_authentication, {"headers": {"X-MS-CLIENT-PRINCIPAL": "nobody"}}),
        403: (lambda: with_authentication, {"headers": principal("Nobody")}),
        411: (lambda: app, chunked),
        413: (lambda: app, {"content": b" " * (MAX_BODY_BYTES + 1)}),
        500: (unforeseen, {}),
        503: (unreachable, {}),
    }
    seen = {}
    # The last ones are those that change anything.
    for status in reversed(statuses(operation)):
        find, request = of_all.get(status) or (lambda: app, asks.of(operation, status))
        let_find(find, monkeypatch)
        answer = call(operation, **request)
        seen[status] = answer.status_code
    assert seen == {status: status for status in statuses(operation)}
