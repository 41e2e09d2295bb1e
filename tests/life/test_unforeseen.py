"""An error that nobody foresaw is the failure of one source or one table, and of nothing else."""

from datetime import timedelta

import pytest

from shared.domain.armid import EnvironmentId
from shared.domain.registry.choices import AddressSource
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.routes import owned_prefixes
from tests.builders.runs import (
    START,
    TAG,
    begin,
    codes,
    discover,
    keep,
    outcome_of,
    register,
    run_report,
    sync,
)

A = "20.0.0.0/24"
SECRET = "sig=secret"


class Unforeseen(Exception):
    def __init__(self) -> None:
        super().__init__(SECRET)


@pytest.fixture
def breaks(monkeypatch):
    """Make a method fail for whatever has this name."""

    def broken(owner, method, name):
        unbroken = getattr(type(owner), method)

        def answered(self, first, *rest, **named):
            if name in str(first):
                raise Unforeseen
            return unbroken(self, first, *rest, **named)

        monkeypatch.setattr(type(owner), method, answered)

    return broken


@pytest.fixture
def tables(azure, app):
    found = {name: add_table(azure.state, name) for name in ("good", "bad")}
    register(app, *found)
    answer(azure, A)
    return found


def with_environment(azure, app, name, table):
    add_environment(azure.state, name, table=table, management=["20.9.0.0/32"])
    both = Registration((TAG,), EnvironmentId.parse(ase_id_of(name)), AddressSource.BOTH)
    keep(app, RegisteredTable(rid(name), both))


def test_one_source_is_unusable_and_the_run_goes_on(azure, app, tables, breaks):
    with_environment(azure, app, "bad", tables["bad"])
    breaks(app.surveyor.azure.inbound_dependencies, "read", "bad")
    whole = sync(app)
    assert whole["error"]["code"] == "AseUnavailable"
    assert "InternalError: Unforeseen in test_unforeseen.py" in whole["error"]["message"]
    assert SECRET not in str(whole)
    assert outcome_of(whole, "good")["status"] == "changed"
    assert owned_prefixes(tables["good"]) == {A}


def test_an_unreadable_answer_of_a_location_leaves_the_last_version(azure, app, tables, breaks):
    sync(app)
    tables["good"].routes, tables["good"].etag = [], 'W/"drifted"'
    breaks(app.surveyor.azure.service_tags, "read", "westeurope")
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    assert owned_prefixes(tables["good"]) == {A}


def test_one_table_fails_with_its_own_code_after_the_last_attempt(app, tables, breaks):
    breaks(app.route_tables, "read", "bad")
    run_id = begin(app)
    for table in app.run_start.start(run_id):
        if table == rid("bad"):
            with pytest.raises(Unforeseen):
                app.tables.sync(run_id, table)
            app.tables.fail_poisoned(run_id, table)
        else:
            app.tables.sync(run_id, table)
    whole = run_report(app, run_id)
    assert outcome_of(whole, "bad")["error"]["code"] == "InternalError"
    assert outcome_of(whole, "good")["status"] == "changed"


def test_a_check_looks_at_every_other_table(app, tables, breaks):
    sync(app)
    breaks(app.route_tables, "read", "bad")
    report = app.check.check()
    found = {one.route_table_id.name: one for one in report.tables}
    assert str(found["bad"].error.code) == "InternalError"
    assert (found["good"].right, found["good"].error) == (True, None)


def test_an_audit_that_fails_withholds_no_route(azure, app, tables, breaks):
    with_environment(azure, app, "bad", tables["bad"])
    breaks(app.surveyor.azure.environments, "read", "bad")
    outcome = outcome_of(sync(app), "bad")
    assert outcome["status"] == "changed"
    [said] = [f["message"] for f in outcome["findings"] if f["code"] == "NotAudited"]
    assert "InternalError" in said


def test_a_discovery_finds_every_other_environment_and_table(azure, app, tables, breaks):
    sync(app)
    for name in ("good", "bad"):
        add_environment(azure.state, name, kind="ASEV2", table=tables[name])
        app.registry.delete(rid(name))
    breaks(app.surveyor.azure.subnets, "read", "bad")
    whole = discover(app, SUBSCRIPTION, owner="asemgmt")
    found = whole["result"]
    codes_at = {one["aseId"]: {fault["code"] for fault in one["faults"]} for one in found["value"]}
    assert "InternalError" in codes_at[ase_id_of("bad")]
    assert "InternalError" not in codes_at[ase_id_of("good")]
    stamped = {one["routeTableId"] for one in found["routeTables"]}
    assert stamped == {table_id("good"), table_id("bad")}
    [error] = found["errors"]
    assert error["message"].startswith(ase_id_of("bad"))
    assert (whole["status"], error["code"]) == ("Failed", "InternalError")


def test_a_discovery_registers_every_other_table(azure, app, tables, breaks):
    sync(app)
    for name in ("good", "bad"):
        add_environment(azure.state, name, kind="ASEV2", table=tables[name])
        app.registry.delete(rid(name))
    breaks(app.registry, "add", "name='bad'")
    whole = discover(app, SUBSCRIPTION, register=True)
    registered = {one["aseId"]: one["registered"] for one in whole["result"]["value"]}
    assert registered == {ase_id_of("good"): True, ase_id_of("bad"): False}
    [error] = whole["result"]["errors"]
    assert (error["subscriptionId"], error["code"]) == (SUBSCRIPTION, "InternalError")
    assert error["message"].startswith(ase_id_of("bad"))
    assert whole["status"] == "Failed"
    assert {one.route_table_id.name for one in app.registry.list()} == {"good"}


def test_housekeeping_removes_every_other_run(app, clock, breaks):
    old = [begin(app) for _ in range(3)]
    clock.move_to(START + timedelta(days=500))
    breaks(app.outcomes, "remove", old[1])
    [kept] = app.housekeeping.remove_old()
    assert (str(kept.code), old[1] in kept.message) == ("InternalError", True)
    assert [app.runs.get(run_id) is not None for run_id in old] == [False, True, False]


def test_an_overdue_run_that_cannot_be_ended_stops_no_other(app, tables, clock, breaks):
    overdue = begin(app)
    app.run_start.start(overdue)
    clock.move_to(START + timedelta(hours=3))
    breaks(app.outcomes, "pending", overdue)
    whole = sync(app)
    assert whole["counts"]["changed"] == len(tables)
    assert codes(outcome_of(whole, "good")) == []
