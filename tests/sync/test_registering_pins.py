"""Which version a table may be pinned to, and since when it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.addresses import SourceContent
from shared.domain.armid import EnvironmentId
from shared.domain.errors import InvalidRequest, NotAllowed
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration
from shared.domain.runs.run import Trigger
from shared.storage.versions import VersionLog
from shared.sync.registering import PinRequest
from shared.sync.requester import Requester
from tests.builders.azure import (
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.runs import START, TAG, keep, pin, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
FIRST, SECOND, THIRD = (f"AzureCloud.{TAG}-00000{number}" for number in (1, 2, 3))
SOMEBODY = Requester(Trigger.HTTP, "somebody")
DAY = timedelta(days=1)


@pytest.fixture
def one(azure, app, clock):
    """The table `one`: its tag has two versions, and its environment is only compared with it."""
    table = add_table(azure.state, "one")
    add_environment(azure.state, "one", table=table, management=[A])
    keep(
        app,
        RegisteredTable(rid("one"), Registration((TAG,), EnvironmentId.parse(ase_id_of("one")))),
    )
    for prefixes in ([A], [A, B]):
        answer(azure, *prefixes)
        sync(app)


def change(app, by=SOMEBODY, **changed):
    return app.registering.change(table_id("one"), lambda known: replace(known, **changed), by)


def known(app):
    return app.registry.get(rid("one")).registration.pin


def faults(app, **changed):
    before = app.registry.get(rid("one"))
    with pytest.raises(InvalidRequest) as refused:
        change(app, **changed)
    assert app.registry.get(rid("one")) == before
    return {fault.target: fault.message for fault in refused.value.faults}


@pytest.mark.usefixtures("one")
def test_a_pin_has_the_source_of_its_version_and_the_time(app):
    pin(app, "one", FIRST, "the proxy")
    assert known(app) == Pin(FIRST, "the proxy", TAG, START)
    assert not app.registering.change(table_id("one"), lambda r: r, SOMEBODY).is_new
    pin(app, "one", None)
    assert known(app) is None


@pytest.mark.usefixtures("one")
def test_the_time_begins_anew_with_another_version_or_reason_and_with_nothing_else(app, clock):
    pin(app, "one", FIRST, "the proxy")
    clock.shift(DAY)
    pin(app, "one", FIRST, "the proxy")
    change(app, note="x", address_source=AddressSource.BOTH)
    assert known(app).since == START
    pin(app, "one", FIRST, "the proxy, still")
    assert known(app).since == START + DAY
    clock.shift(DAY)
    pin(app, "one", SECOND, "the proxy, still")
    assert known(app).since == START + 2 * DAY


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    ("version_id", "why"),
    [
        ("nonsense", "no such version is recorded"),
        (THIRD, "no such version is recorded"),
        (f"AzureChinaCloud.{TAG}-000001", "a version of AzureChinaCloud"),
        ("AzureCloud.Other-000001", "no source of the registration"),
        ("the environment's", "no source of the registration"),
    ],
)
def test_a_version_that_is_none_of_the_registration_is_a_fault(app, version_id, why):
    for source, cloud in (("Other", "AzureCloud"), (TAG, "AzureChinaCloud")):
        log = VersionLog(app.account.versions, cloud=cloud)
        log.append(SourceContent(source, "1", (), (A,)), None, recorded_at=START, run_id="r")
    if version_id == "the environment's":
        version_id = app.versions.newest(ase_id_of("one").lower()).version_id
    found = faults(app, pin=PinRequest(version_id, ""), note="x" * 1001)
    assert found.keys() == {"note", "pin.versionId", "pin.reason"}
    assert version_id in found["pin.versionId"]
    assert why in found["pin.versionId"]


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "changed",
    [
        {"address_source": AddressSource.ASE},
        {"route_style": RouteStyle.SERVICE_TAG},
    ],
)
def test_a_pinned_registration_cannot_lose_the_source_of_its_pin(app, changed):
    pin(app, "one", FIRST)
    assert faults(app, **changed).keys() == {"pin.versionId"}
    assert change(app, **changed, pin=None).table.registration.pin is None


@pytest.mark.usefixtures("one")
def test_what_is_pinned_already_needs_no_version_to_change_the_rest(app):
    pin(app, "one", FIRST)
    for row in app.account.versions.list_entities():
        app.account.versions.delete_entity(row)
    assert change(app, note="x").table.registration.pin.version_id == FIRST


@pytest.mark.usefixtures("one")
def test_only_an_approver_pins_moves_a_pin_or_removes_it(app):
    operator = replace(SOMEBODY, is_approver=False)
    first, second = PinRequest(FIRST, "why"), PinRequest(SECOND, "why")
    for before, after in ((None, first), (first, second), (first, None)):
        change(app, pin=before)
        with pytest.raises(NotAllowed, match=r"\(pin\)"):
            change(app, operator, pin=after)
    assert change(app, operator, note="x").table.registration.note == "x"


@pytest.mark.usefixtures("one")
def test_a_version_outlasts_every_run_as_long_as_a_pin_names_it(app, clock):
    pin(app, "one", FIRST)
    clock.shift(1000 * DAY)
    assert app.housekeeping.remove_old() == []
    assert list(app.runs.list()) == []
    assert app.versions.get(FIRST).address_prefixes == (A,)
