"""Writes of whole route tables, over real HTTP."""

import threading

import pytest

from local.azure.faults import Delay, FailOperation, HangOperation, InjectedFault, refusal
from shared.arm.route_tables import ArmRouteTables
from shared.domain.errors import (
    PermanentError,
    PreconditionFailed,
    TransientError,
    UnconfirmedWrite,
)
from shared.domain.routing.routes import internet_route
from tests.builders.azure import add_table, rid, table_id
from tests.builders.routes import to_firewall

P = "20.0.0.0/24"


def with_routes(app, read, routes):
    return app.route_tables.body(read, routes), read.etag


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


@pytest.mark.parametrize("code", ["InternalServerError", "RouteConflict", "NotKnownYet"])
def test_an_operation_that_fails_is_not_a_success_and_no_refusal(azure, app, code):
    add_table(azure.state, "one")
    failing = FailOperation(code=code, message="An error occured.")
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=failing))
    read = app.route_tables.read(rid("one"))
    with pytest.raises(UnconfirmedWrite) as raised:
        app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))
    assert raised.value.code.name == code
    [put] = azure.state.writes()
    assert raised.value.correlation_id == put["correlationId"]


def test_an_operation_that_does_not_end_is_not_a_success(azure, app):
    add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (3, 3)
    impatient = ArmRouteTables(app.clients, longest_write_seconds=0.2)
    read = impatient.read(rid("one"))
    with pytest.raises(TransientError, match="WriteNotEnded"):
        impatient.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize("asked", ["1", "10", "600", "864000"])
def test_an_operation_that_never_ends_leaves_no_thread(azure, app, asked):
    add_table(azure.state, "one")
    azure.state.poll_seconds = int(asked)
    hanging = InjectedFault(method="PUT", path="one$", effect=HangOperation())
    azure.state.faults.append(hanging)
    before = set(threading.enumerate())
    read = app.route_tables.read(rid("one"))
    with pytest.raises(TransientError, match="WriteNotEnded"):
        app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))
    assert {t.name for t in set(threading.enumerate()) - before if "LRO" in t.name} == set()
    assert len([e for e in azure.state.log if "/operations/" in e["path"]]) <= 121


@pytest.mark.usefixtures("nobody_waits")
def test_a_wait_that_azure_asks_for_is_no_longer_than_a_write_may_take(azure, app):
    """The write ends while Azure asks for a longer wait: it is looked at once more."""
    add_table(azure.state, "one")
    azure.state.poll_seconds = 864000
    azure.state.timing.operation_seconds = (0.3, 0.3)
    read = app.route_tables.read(rid("one"))
    slow = InjectedFault(method="GET", path="/operations/", effect=Delay(seconds=0.4), skip=1)
    azure.state.faults.append(slow)
    after = app.route_tables.write(
        rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),))
    )
    assert len(after.routes) == 1


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
