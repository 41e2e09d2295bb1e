"""What an answer shows under `registration` can be sent back as it is."""

import json
from dataclasses import replace
from datetime import date
from operator import methodcaller
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import endpoints
from shared.domain.addresses import MANAGEMENT_TAG
from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.routing.policy import ApplyPolicy
from shared.endpoints import shell
from shared.endpoints.registrations import RegistrationBody
from shared.json_shapes import registered_table_json
from tests.builders.azure import add_environment, add_table, ase_id_of, table_id, tag_document
from tests.builders.callers import principal
from tests.builders.runs import keep, sync

TABLE = RouteTableId.parse(table_id("one"))
PREFIXES = ["20.0.0.0/24", "20.0.1.0/24"]

texts = st.text(min_size=1, max_size=20)
registrations = st.builds(
    Registration,
    st.lists(st.sampled_from(["AppServiceManagement", "Storage.WestEurope"]), min_size=1).map(
        lambda tags: tuple(dict.fromkeys(tags))
    ),
    ase_id=st.none() | st.just(EnvironmentId.parse(ase_id_of("one"))),
    address_source=st.sampled_from(AddressSource),
    route_style=st.sampled_from(RouteStyle),
    apply_policy=st.none() | st.sampled_from(ApplyPolicy),
    exceptions=st.lists(
        st.builds(RouteException, st.sampled_from(PREFIXES), texts, st.dates()), max_size=2
    ).map(tuple),
    enabled=st.booleans(),
    note=st.none() | st.text(max_size=20),
)


@given(registrations)
def test_every_field_of_a_registration_is_understood_again(registration):
    shown = registered_table_json(RegisteredTable(TABLE, registration))
    body = RegistrationBody.model_validate_json(json.dumps(shown["registration"]))
    asked = body.request(str(TABLE))
    assert asked.ase == (str(registration.ase_id) if registration.ase_id else None)
    assert tuple(asked.service_tags) == registration.service_tags
    assert tuple(asked.exceptions) == registration.exceptions
    for name in ("address_source", "route_style", "apply_policy", "enabled", "note"):
        assert getattr(asked, name) == getattr(registration, name)


@pytest.fixture
def call(app, monkeypatch):
    monkeypatch.setattr(shell, "app", lambda: app)

    def call(endpoint: Any, body: object = None) -> Any:
        request = func.HttpRequest(
            method="GET" if body is None else "PUT",
            url="https://app.invalid/api/route-tables/x",
            headers=principal("Operator"),
            route_params={"id": table_id("one").strip("/")},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        answer = endpoint(request)
        assert answer.status_code in {200, 201}, answer.get_body()
        return json.loads(answer.get_body())

    return call


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
    held = [Hold(PREFIXES[1], True, "a", "b")]
    app.registry.change(TABLE, methodcaller("with_open_holds", held, "b"))
    before, shown = app.registry.get(TABLE), call(endpoints.list_or_get_route_tables)
    assert before.status.verified_at is not None
    assert list(shown) == ["routeTableId", "registration", "status"]
    assert set(shown["status"]) == {
        *("held", "contested", "appliedVersionIds", "verifiedAt", "lastOutcome"),
        "environmentSuspended",
    }
    assert call(endpoints.register_route_table, shown["registration"]) == shown
    assert app.registry.get(TABLE) == before


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
