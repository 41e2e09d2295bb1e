"""The Azure adapters over real HTTP against the simulated Azure."""

import json
from types import SimpleNamespace

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.mgmt.network import models

from local.azure.faults import FailOperation, Fault, refusal
from shared.arm.errors import typed_error
from shared.arm.route_tables import ArmRouteTables
from shared.arm.service_tags import ServiceTagDiscovery
from shared.domain.errors import (
    PermanentError,
    PreconditionFailed,
    TransientError,
    UnusableServiceTag,
)
from shared.domain.routing.routes import RouteTable, internet_route
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    SUBSCRIPTION,
    add_table,
    rid,
    table_id,
    tag_document,
)
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import to_firewall

P = "20.0.0.0/24"


@pytest.fixture
def discovery(app) -> ServiceTagDiscovery:
    return ServiceTagDiscovery(app.clients, SUBSCRIPTION)


def names(document):
    return [value["name"] for value in document["values"]]


def link_to(azure, link):
    azure.state.tags.answers["westeurope"] = {**tag_document([P]), "nextLink": link}


def test_every_page_of_the_service_tags_is_read(azure, discovery):
    document = discovery.read("westeurope")
    assert len(names(document)) == 5
    pages = [e for e in azure.state.log if e["path"].endswith("/serviceTags")]
    assert [("skipToken" in page["query"]) for page in pages] == [False, True, True]


def test_a_link_to_another_host_is_not_followed(azure, discovery):
    link_to(azure, "http://127.0.0.1:9/steal-the-token")
    with pytest.raises(UnusableServiceTag, match="bad nextLink"):
        discovery.read("westeurope")


def test_a_link_that_leads_to_itself_is_not_followed_for_ever(azure, discovery):
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope"
    link_to(azure, f"{azure.url}{path}/serviceTags?api-version=2025-05-01")
    with pytest.raises(UnusableServiceTag, match="bad nextLink"):
        discovery.read("westeurope")


def test_a_later_page_that_fails_is_not_taken_for_the_end(azure, discovery):
    link_to(azure, f"{azure.url}/subscriptions/{OTHER_SUBSCRIPTION}/nowhere?api-version=1")
    with pytest.raises(UnusableServiceTag):
        discovery.read("westeurope")


def test_a_later_page_that_may_pass_is_passing_trouble(azure, discovery):
    azure.state.faults.append(
        refusal("GET", "serviceTags", 200, {**tag_document([P]), "nextLink": _tags_url(azure)})
    )
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, times=9, headers={"Retry-After": "31"})
    )
    with pytest.raises(TransientError):
        discovery.read("westeurope")


def _tags_url(azure):
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/x/serviceTags"
    return f"{azure.url}{path}?api-version=2025-05-01"


def with_routes(app, read, routes):
    return app.route_tables.body(read, routes), read.etag


def test_the_api_version_can_be_overridden(azure, make_app):
    app = make_app(ARM_API_VERSION_NETWORK="2023-04-01")
    add_table(azure.state, "one")
    read = app.route_tables.read(rid("one"))
    app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))
    ServiceTagDiscovery(app.clients, SUBSCRIPTION).read("westeurope")
    asked = [e for e in azure.state.log if "/operations/" not in e["path"]]
    assert len(asked) == 6  # the read, the write, the read of its end, and three pages of tags
    assert all("api-version=2023-04-01" in entry["query"] for entry in asked)


def test_without_a_setting_it_is_the_sdks_own_api_version(azure, app):
    add_table(azure.state, "one")
    app.route_tables.read(rid("one"))
    client = app.clients.network(SUBSCRIPTION)
    client.route_tables.get("rg-one", "one")
    ours, sdks = azure.state.log
    assert ours["query"] == sdks["query"]


def test_the_next_hop_types_are_those_that_the_sdk_knows(app):
    assert app.route_tables.next_hop_types() == {kind.value for kind in models.RouteNextHopType}


def _every_key(model, value):
    """A JSON object with each key that the SDK's model knows, and one that it does not."""
    model({})  # it knows its keys from then on
    return {"unknown": [1]} | {f._rest_name: value for f in model._attr_to_rest_field.values()}


def test_a_body_leaves_out_what_the_sdk_knows_to_be_read_only_and_nothing_else(app):
    route = _every_key(models.Route, "r") | {
        "properties": _every_key(models.RoutePropertiesFormat, "p")
    }
    whole = _every_key(models.RouteTable, "t") | {
        "properties": _every_key(models.RouteTablePropertiesFormat, "q") | {"routes": [route]}
    }
    table = RouteTable.from_arm(whole)
    body = app.route_tables.body(table, table.routes)
    assert body.raw == models.RouteTable(whole).as_dict(exclude_readonly=True)
    assert body.raw["unknown"] == body.raw["properties"]["unknown"] == [1]
    [sent] = body.routes
    assert sent.raw["unknown"] == sent.raw["properties"]["unknown"] == [1]


@needs_recordings
@pytest.mark.parametrize(
    "path", sorted(RECORDINGS.glob("*routetable*200*.json")), ids=lambda path: path.stem
)
def test_the_body_of_a_recorded_table_is_what_the_sdk_would_send(app, path):
    answer = json.loads(path.read_text())["response"]["body"]
    tables = answer.get("value", [answer])
    for raw in (one for one in tables if "properties" in one):
        table = RouteTable.from_arm(raw)
        sdks = models.RouteTable(raw).as_dict(exclude_readonly=True)
        assert app.route_tables.body(table, table.routes).raw == {
            **sdks,
            "properties": {"routes": [], **sdks["properties"]},
        }


def test_a_write_follows_its_operation_to_the_end(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    azure.state.timing.operation_seconds, azure.state.poll_seconds = (0.5, 0.5), 1
    read = app.route_tables.read(rid("one"))
    after = app.route_tables.write(
        rid("one"), *with_routes(app, read, (*read.routes, internet_route("asemgmt", P)))
    )
    assert (after.etag, len(after.routes)) == (table.etag, 2)
    first, put, last = (e for e in azure.state.log if e["path"] == table_id("one"))
    assert (first["method"], put["method"], last["method"]) == ("GET", "PUT", "GET")
    assert after.correlation_id == put["correlationId"]
    assert table.provisioning_state == "Succeeded"
    assert table.etag != read.etag
    assert len(table.routes) == 2


def test_a_table_that_changed_since_it_was_read_is_not_written(azure, app):
    table = add_table(azure.state, "one")
    read = app.route_tables.read(rid("one"))
    table.etag = 'W/"other"'
    with pytest.raises(PreconditionFailed):
        app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))
    assert table.routes == []


def test_an_operation_that_fails_is_not_a_success(azure, app):
    add_table(azure.state, "one")
    read = app.route_tables.read(rid("one"))
    for code, kind in (("InternalServerError", TransientError), ("RouteConflict", PermanentError)):
        failing = FailOperation(code=code, message="An error occured.")
        azure.state.faults.append(Fault(method="PUT", path="one$", effect=failing))
        read = app.route_tables.read(rid("one"))
        with pytest.raises(kind) as raised:
            app.route_tables.write(
                rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),))
            )
        assert raised.value.code.name == code


def test_an_operation_that_does_not_end_is_not_a_success(azure, app):
    add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (3, 3)
    impatient = ArmRouteTables(app.clients, longest_write_seconds=0.2)
    read = impatient.read(rid("one"))
    with pytest.raises(TransientError, match="WriteNotEnded"):
        impatient.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))


def test_a_put_is_never_repeated_blindly(azure, app):
    add_table(azure.state, "one")
    read = app.route_tables.read(rid("one"))
    azure.state.faults.append(
        refusal("PUT", "one", 503, {}, times=9, effected=True, headers={"Retry-After": "1"})
    )
    with pytest.raises(TransientError):
        app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))
    assert len(azure.state.writes()) == 1


def test_a_busy_table_is_passing_trouble(azure, app):
    table = add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (60, 60)
    azure.state.begin("PutRouteOperation", table)
    read = app.route_tables.read(rid("one"))
    with pytest.raises(TransientError, match="RetryableErrorDueToAnotherOperation"):
        app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))


def test_a_duplicate_prefix_refuses_the_whole_write(azure, app):
    table = add_table(azure.state, "one", [to_firewall(P)])
    read = app.route_tables.read(rid("one"))
    with pytest.raises(PermanentError) as raised:
        app.route_tables.write(
            rid("one"), *with_routes(app, read, (*read.routes, internet_route("asemgmt", P)))
        )
    assert raised.value.code.name == "RouteConflict"
    assert table.routes == [to_firewall(P)]


@pytest.mark.parametrize(
    "missing",
    [
        table_id("missing"),
        table_id("missing").replace("rg-missing", "no-such-group"),
        table_id("missing", "99999999-9999-4999-8999-999999999999"),
    ],
    ids=["table", "group", "subscription"],
)
def test_a_table_that_is_not_there(azure, app, missing):
    azure.state.add_group(SUBSCRIPTION, "rg-missing")
    with pytest.raises(PermanentError) as raised:
        app.route_tables.read(rid(missing))
    assert raised.value.code.name == "RouteTableNotFound"


@pytest.mark.parametrize(
    "change",
    [
        {"etag": ""},
        {"etag": None},
        {"properties": {}},
        {"properties": {"routes": None}},
        {"properties": {"routes": [{"properties": {}}]}},
        {"properties": {"routes": ["x"]}},
        {"id": table_id("two")},
    ],
)
def test_half_an_answer_or_another_tables_is_not_a_table(azure, app, ask, change):
    add_table(azure.state, "one", [to_firewall()])
    body = {**ask("GET", table_id("one")).json(), **change}
    azure.state.faults.append(refusal("GET", "one", 200, body))
    with pytest.raises(TransientError, match="UnexpectedAnswer"):
        app.route_tables.read(rid("one"))


def test_a_short_wait_that_azure_asks_for_is_waited(azure, app):
    add_table(azure.state, "one")
    azure.state.faults.append(refusal("GET", "one", 429, {}, headers={"Retry-After": "1"}))
    app.route_tables.read(rid("one"))
    assert len(azure.state.log) == 2


def test_a_long_wait_that_azure_asks_for_is_left_to_the_queue(azure, app):
    add_table(azure.state, "one")
    azure.state.faults.append(
        refusal("GET", "one", 429, {}, times=9, headers={"Retry-After": "31"})
    )
    with pytest.raises(TransientError):
        app.route_tables.read(rid("one"))
    assert len(azure.state.log) == 1


def _error(status, body, headers=None):
    response = SimpleNamespace(
        status_code=status,
        reason="",
        headers=headers or {},
        text=lambda *_: json.dumps(body),
        body=lambda: json.dumps(body).encode(),
        content_type="application/json",
    )
    return HttpResponseError(response=response)


_EXPECTED = {
    "err_400_InUseRouteTableCannotBeDeleted": PermanentError,
    "err_400_InvalidResourceName": PermanentError,
    "err_400_InvalidResourceReference": PermanentError,
    "err_400_RouteConflict_duplicate_prefix": PermanentError,
    "err_403_AuthorizationFailed": PermanentError,
    "err_409_ScopeLocked_delete": PermanentError,
    "err_409_ScopeLocked_write": PermanentError,
    "err_412_PreconditionFailed_routetable_production": PreconditionFailed,
    "err_429_OperationNotAllowed_TooManyRequests_compute": TransientError,
    "err_429_RetryableErrorDueToTooManyCalls": TransientError,
    "err_429_RetryableErrorDueTooHighReadDataSize": TransientError,
    "err_429_RetryableError_DueToAnotherOperation_route": TransientError,
    "err_429_RetryableError_ReferencedResourceNotProvisioned_routetable": TransientError,
    "err_429_SubscriptionRequestsThrottled_backend_storage": TransientError,
    "err_429_SubscriptionRequestsThrottled_read": TransientError,
    "routetable_put_ifmatch_412_PreconditionFailed": PreconditionFailed,
    "xplat_network_delete_409_AnotherOperationInProgress": TransientError,
    "xplat_network_put_400_InvalidRequestFormat": PermanentError,
    "xplat_network_put_400_ParentResourceIsInFailedState": PermanentError,
    "xplat_route_put_400_InvalidCIDRNotation": PermanentError,
    "xplat_network_async_poll_200_Failed_InternalServerError": TransientError,
}


@needs_recordings
def test_every_recorded_error_is_expected_here():
    recorded = {file.stem for file in RECORDINGS.glob("err_*.json")}
    assert recorded <= _EXPECTED.keys()


@needs_recordings
@pytest.mark.parametrize("name", _EXPECTED)
def test_recorded_errors_are_typed_by_code(name):
    response = json.loads((RECORDINGS / f"{name}.json").read_text())["response"]
    error = typed_error(_error(response["status"], response["body"]))
    assert type(error) is _EXPECTED[name]
    assert error.code.name == response["body"]["error"]["code"]


def test_the_code_counts_and_not_the_message():
    misleading = {"error": {"code": "ScopeLocked", "message": "RetryableError, try again"}}
    assert type(typed_error(_error(409, misleading))) is PermanentError
    passing = {"error": {"code": "AnotherOperationInProgress", "message": "ScopeLocked"}}
    assert type(typed_error(_error(409, passing))) is TransientError


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ServiceRequestError("no route to host"), TransientError, "NoAnswer"),
        (ServiceResponseError("connection dropped"), TransientError, "NoAnswer"),
        (ClientAuthenticationError("no token"), TransientError, "CredentialUnavailable"),
        (_error(503, {}), TransientError, "AnswerWithoutCode"),
        (_error(400, {}), PermanentError, "AnswerWithoutCode"),
        (_error(418, "text"), PermanentError, "AnswerWithoutCode"),
    ],
)
def test_errors_without_a_code_are_typed_by_what_they_are(error, kind, code):
    found = typed_error(error)
    assert (type(found), found.code.name) == (kind, code)


def test_arms_correlation_id_stays_with_the_error():
    body = {"error": {"code": "ScopeLocked", "message": "locked"}}
    error = typed_error(_error(409, body, {"x-ms-correlation-request-id": "abc"}))
    assert error.correlation_id == "abc"
