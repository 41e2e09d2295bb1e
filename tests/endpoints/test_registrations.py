"""What an answer shows under `registration` can be sent back as it is."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from operator import methodcaller
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared import endpoints
from shared.bodies import ExceptionBody, RegistrationBody
from shared.domain.addresses import MANAGEMENT_TAG
from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration, RouteException
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.times import utc_text
from shared.endpoints import shell
from shared.json_shapes import registered_table_json
from shared.sync.registering import PinRequest
from tests.builders.azure import add_environment, add_table, ase_id_of, table_id, tag_document
from tests.builders.callers import principal
from tests.builders.runs import keep, pin, register_many, sync

TABLE = RouteTableId.parse(table_id("one"))
PREFIXES = ["20.0.0.0/24", "20.0.1.0/24"]

texts = st.text(min_size=1, max_size=20)
some_tags = st.lists(
    st.sampled_from(["AppServiceManagement", "Storage.WestEurope"]), min_size=1, unique=True
).map(tuple)
of_service = {"service_tags": ("BatchNodeManagement.WestEurope",), "service": "batch"}
registrations = st.builds(
    Registration,
    some_tags,
    ase_id=st.none() | st.just(EnvironmentId.parse(ase_id_of("one"))),
    address_source=st.sampled_from(AddressSource),
    route_style=st.sampled_from(RouteStyle),
    apply_policy=st.none() | st.sampled_from(ApplyPolicy),
    exceptions=st.lists(
        st.builds(RouteException, st.sampled_from(PREFIXES), texts, st.dates()), max_size=2
    ).map(tuple),
    enabled=st.booleans(),
    note=st.none() | st.text(max_size=20),
    pin=st.none() | st.builds(Pin, texts, texts, texts, st.datetimes(timezones=st.just(UTC))),
)
of_services = st.builds(
    lambda one, beside: replace(one, **of_service, region="westeurope", tags_beside=beside),
    registrations,
    some_tags | st.just(()),
)


@given(registrations | of_services)
def test_every_field_of_a_registration_is_understood_again(registration):
    shown = registered_table_json(RegisteredTable(TABLE, registration), lambda _source: None)
    body = RegistrationBody.model_validate_json(json.dumps(shown["registration"]))
    asked = body.request(str(TABLE))
    assert asked.ase == (str(registration.ase_id) if registration.ase_id else None)
    assert tuple(asked.service_tags or ()) == registration.named_tags
    assert tuple(asked.exceptions) == registration.exceptions
    for name in (
        "service",
        "region",
        "address_source",
        "route_style",
        "apply_policy",
        "enabled",
        "note",
    ):
        assert getattr(asked, name) == getattr(registration, name)
    pin = registration.pin
    assert asked.pin == (PinRequest(pin.version_id, pin.reason) if pin else None)


@pytest.mark.parametrize(
    "text",
    ["0", "1893456000", "20260401", "2026-4-1", "2026-04-31", "\N{FULLWIDTH DIGIT TWO}026-04-01"],
)
def test_an_exception_ends_on_a_day_of_the_calendar(text):
    exception = {"prefix": PREFIXES[0], "reason": "by design", "until": "2026-04-01"}
    accepted = ExceptionBody.model_validate_json(json.dumps(exception)).accepted
    assert accepted.until == date(2026, 4, 1)
    with pytest.raises(ValidationError):
        ExceptionBody.model_validate_json(json.dumps(exception | {"until": text}))


@pytest.fixture
def call(app, monkeypatch):
    monkeypatch.setattr(shell, "app", lambda: app)

    def call(endpoint: Any, body: object = None) -> Any:
        answer = asked(endpoint, body)
        assert answer.status_code in {200, 201}, answer.get_body()
        return json.loads(answer.get_body())

    return call


def asked(endpoint: Any, body: object = None, **headers: str) -> Any:
    """Ask about the table `one`."""
    request = func.HttpRequest(
        method="GET" if body is None else "PUT",
        url="https://app.invalid/api/route-tables/x",
        headers=principal("Operator") | {name.replace("_", "-"): v for name, v in headers.items()},
        route_params={"id": table_id("one").strip("/")},
        body=b"" if body is None else json.dumps(body).encode(),
    )
    return endpoint(request)


def test_get_then_put_changes_nothing(azure, app, call):
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES)
    add_environment(azure.state, "one", table=add_table(azure.state, "one"))
    asked = Registration(
        (MANAGEMENT_TAG,),
        EnvironmentId.parse(ase_id_of("one")),
        route_style=RouteStyle.PREFIXES,
        apply_policy=ApplyPolicy.ADDITIVE,
        exceptions=(RouteException(PREFIXES[0], "by design", date(2099, 1, 1)),),
        note="ours",
    )
    keep(app, RegisteredTable(TABLE, asked))
    sync(app)
    first = app.versions.newest(MANAGEMENT_TAG)
    pin = Pin(first.version_id, "why", MANAGEMENT_TAG, datetime(2026, 3, 4, tzinfo=UTC))
    keep(app, RegisteredTable(TABLE, replace(asked, pin=pin)))
    held = [Hold(PREFIXES[1], True, "a", "b")]
    app.registry.change(TABLE, methodcaller("with_open_holds", held, "b"))
    before, shown = app.registry.get(TABLE), call(endpoints.list_or_get_route_tables)
    assert before.status.verified_at is not None
    assert list(shown) == ["routeTableId", "registration", "status"]
    assert set(shown["status"]) == {
        *("desiredVersionIds", "appliedVersionIds", "newestVersionIds", "pinnedSince"),
        *("held", "contested", "verifiedAt", "lastOutcome"),
        *("changedAt", "changedBy", "madeByTag"),
        "environmentSuspended",
    }
    assert call(endpoints.register_route_table, shown["registration"]) == shown
    assert app.registry.get(TABLE) == before


def test_desired_applied_and_newest_version_are_three_fields(azure, app, call):
    table = add_table(azure.state, "one")
    environment = add_environment(azure.state, "one", table=table, management=PREFIXES)
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    keep(app, RegisteredTable(TABLE, Registration((MANAGEMENT_TAG,), ase_id, AddressSource.BOTH)))

    def ids():
        found = call(endpoints.list_or_get_route_tables)["status"]
        kinds = ("desired", "applied", "newest")
        numbers = [[i[-1] for i in found[f"{kind}VersionIds"]] for kind in kinds]
        return ["".join(each) for each in numbers], found["pinnedSince"]

    assert ids() == (["", "", ""], None)
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES)
    sync(app)
    assert ids() == (["11", "11", "11"], None)
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES[:1])
    app.pull.record([MANAGEMENT_TAG], run_id="r")
    assert ids() == (["21", "11", "21"], None)
    pin(app, "one", f"AzureCloud.{MANAGEMENT_TAG}-000001")
    environment.management = PREFIXES[:1]
    sync(app)
    since = app.registry.get(TABLE).registration.pin.since
    assert ids() == (["12", "12", "22"], utc_text(since))


def test_a_list_reads_the_newest_version_of_each_source_once(azure, app, monkeypatch):
    monkeypatch.setattr(shell, "app", lambda: app)
    register_many(app, (f"t{number:03}" for number in range(100)))
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES)
    app.pull.record([MANAGEMENT_TAG], run_id="r")
    newest, read = app.versions.newest, []

    def noted(source):
        read.append(source)
        return newest(source)

    monkeypatch.setattr(app.versions, "newest", noted)
    request = func.HttpRequest(method="GET", url="https://app.invalid/api/route-tables", body=b"")
    listed = json.loads(endpoints.list_or_get_route_tables(request).get_body())["value"]
    assert len(listed) == 100
    assert {tuple(one["status"]["newestVersionIds"]) for one in listed} == {
        (f"AzureCloud.{MANAGEMENT_TAG}-000001",)
    }
    assert read == [MANAGEMENT_TAG]


def test_what_a_person_sends_never_reaches_the_status(azure, app, call):
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES)
    add_table(azure.state, "one")
    keep(app, RegisteredTable(TABLE, Registration((MANAGEMENT_TAG,))))
    sync(app)
    before = app.registry.get(TABLE)
    call(endpoints.register_route_table, {"enabled": False, "note": "paused"})
    after = app.registry.get(TABLE)
    assert after.status == before.status
    assert after.registration == replace(before.registration, enabled=False, note="paused")


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize(
    ("pin", "targets"),
    [
        ({"versionId": "AzureCloud.AppServiceManagement-000009", "reason": "x"}, {"pin.versionId"}),
        ({"versionId": "AzureCloud.AppServiceManagement-000001"}, {"pin.reason"}),
        ({"versionId": "a", "reason": "", "since": "2026-01-01"}, {"pin.reason", "pin.since"}),
        ({"versionId": 1, "reason": "x", "source": "x"}, {"pin.versionId", "pin.source"}),
    ],
)
def test_a_pin_that_is_none_is_refused_and_says_why(app, pin, targets):
    keep(app, RegisteredTable(TABLE, STANDS))
    answer = asked(endpoints.change_route_table, {"pin": pin})
    details = json.loads(answer.get_body())["error"]["details"]
    assert (answer.status_code, {fault["target"] for fault in details}) == (400, targets)
    assert app.registry.get(TABLE).registration == STANDS


STANDS = Registration(
    (MANAGEMENT_TAG,),
    apply_policy=ApplyPolicy.APPROVAL,
    exceptions=(RouteException(PREFIXES[0], "by design", date(2099, 1, 1)),),
    enabled=False,
    note="ours",
)


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"note": "theirs"}, {"note": "theirs"}),
        ({"note": None, "enabled": True}, {"note": None, "enabled": True}),
        ({"applyPolicy": None, "exceptions": None}, {"apply_policy": None, "exceptions": ()}),
        ({"enabled": None, "serviceTags": None}, {"enabled": True}),
        ({"exceptions": []}, {"exceptions": ()}),
    ],
)
def test_a_patch_merges_and_null_removes(app, call, patch, changed):
    keep(app, RegisteredTable(TABLE, STANDS))
    shown = call(endpoints.change_route_table, patch)
    assert app.registry.get(TABLE).registration == replace(STANDS, **changed)
    assert shown == call(endpoints.list_or_get_route_tables)


@pytest.mark.usefixtures("call")
def test_a_patch_changes_only_what_is_registered_and_lists_every_fault(app):
    assert asked(endpoints.change_route_table, {"note": "x"}).status_code == 404
    keep(app, RegisteredTable(TABLE, STANDS))
    answer = asked(endpoints.change_route_table, {"enabled": 1, "unknown": 2})
    details = json.loads(answer.get_body())["error"]["details"]
    assert (answer.status_code, {d["target"] for d in details}) == (400, {"enabled", "unknown"})
    assert app.registry.get(TABLE).registration == STANDS


def test_no_run_changes_the_etag_and_each_change_does(azure, app, call):
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES)
    add_table(azure.state, "one")
    call(endpoints.register_route_table, {"note": "a"})
    first = asked(endpoints.list_or_get_route_tables).headers["ETag"]
    sync(app)
    app.check.check()
    assert app.registry.get(TABLE).status.verified_at is not None
    assert asked(endpoints.list_or_get_route_tables).headers["ETag"] == first
    changed = asked(endpoints.change_route_table, {"note": "b"}).headers["ETag"]
    assert changed == asked(endpoints.list_or_get_route_tables).headers["ETag"] != first


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (endpoints.register_route_table, {"note": "x"}),
        (endpoints.change_route_table, {"note": "x"}),
        (endpoints.unregister_route_table, None),
    ],
)
def test_an_etag_that_no_longer_holds_is_refused(app, endpoint, body):
    missing = asked(endpoint, body, If_Match="*")
    assert missing.status_code in {404, 412}
    assert "is not registered" in json.loads(missing.get_body())["error"]["message"]
    keep(app, RegisteredTable(TABLE, STANDS))
    for stale in ('"stale"', f"W/{STANDS.etag}", ""):
        answer = asked(endpoint, body, If_Match=stale)
        code = json.loads(answer.get_body())["error"]["code"]
        assert (answer.status_code, code) == (412, "RegistrationChanged")
        assert app.registry.get(TABLE).registration == STANDS
    assert asked(endpoint, body, If_Match=f'"other", {STANDS.etag}').status_code in {200, 204}


def test_a_change_that_comes_while_another_is_judged_is_not_lost(azure, app, call, monkeypatch):
    azure.state.tags.answers["westeurope"] = tag_document(PREFIXES)
    keep(app, RegisteredTable(TABLE, STANDS))
    read = app.registry.get
    theirs = [RegisteredTable(TABLE, replace(STANDS, note="theirs"))]

    def overtaken(table_id):
        found = read(table_id)
        if theirs:
            keep(app, theirs.pop())
        return found

    monkeypatch.setattr(app.registry, "get", overtaken)
    call(endpoints.change_route_table, {"enabled": True})
    assert read(TABLE).registration == replace(STANDS, note="theirs", enabled=True)
