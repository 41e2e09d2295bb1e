"""Writes of whole route tables, over real HTTP."""

import itertools
import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure.faults import Delay, FailOperation, HangOperation, InjectedFault, Refuse, refusal
from shared.arm.route_tables import ArmRouteTables
from shared.arm.writes import POLL_SECONDS, wait_before_poll
from shared.domain.errors import (
    PermanentError,
    PreconditionFailed,
    TransientError,
    UnconfirmedWrite,
)
from shared.domain.routing.routes import internet_route
from tests.builders.azure import add_table, rid, table_id
from tests.builders.routes import owned, to_firewall
from tests.calls import in_hand, pass_by

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


def test_a_service_that_takes_a_second_is_not_waited_for_as_long_as_it_asks(azure, app):
    add_table(azure.state, "one", [to_firewall()])
    azure.state.timing.operation_seconds, azure.state.poll_seconds = (1, 1), 10
    read = app.route_tables.read(rid("one"))
    after = app.route_tables.write(
        rid("one"), *with_routes(app, read, (*read.routes, internet_route("asemgmt", P)))
    )
    assert len(after.routes) == 2
    # The SDK's first poll would come at once and show nothing, and the next one after 10 s.
    assert requests_about_table(azure) == ["GET", "PUT", "poll", "GET"]


def requests_about_table(azure):
    """The requests for the operation of a write have a path of their own."""
    log = (entry for entry in azure.state.log if entry["path"] != "/msi/token")
    return ["poll" if "/operations/" in entry["path"] else entry["method"] for entry in log]


@pytest.mark.parametrize(
    ("asked", "polls_at"),
    [
        (None, (1.5, 2, 4, 6)),
        (0, (0, 2, 4, 6)),
        (1, (1, 2, 3, 4)),
        (1.5, (1.5, 3, 4.5, 6)),
        (10, (1.5, 10, 20, 30)),
        (60, (1.5, 60, 120, 180)),
    ],
)
def test_after_the_first_poll_azures_wait_is_kept(asked, polls_at):
    assert list(itertools.islice(poll_times(asked, asked), 4)) == pytest.approx(polls_at)


_ASKED = st.none() | st.sampled_from([0, 0.01, 1, 1.5, 2, 3, 10, 60]) | st.floats(0.5, 200)


@given(by_put=_ASKED, by_poll=_ASKED, ended_after=st.floats(0, 120))
def test_no_write_is_polled_more_often_than_by_the_sdk(by_put, by_poll, ended_after):
    ended = ended_after - 1e-9  # the times of the polls are sums, which are not exact
    ours = next(n for n, at in enumerate(poll_times(by_put, by_poll), 1) if at >= ended)
    of_sdk = 1 + math.ceil(ended / (by_poll or POLL_SECONDS))
    assert ours <= of_sdk


def poll_times(by_put, by_poll):
    """The seconds after the PUT at which the polls come, if its answer and those ask for these."""
    waited = wait_before_poll(0, by_put, 0.0)
    for polls in itertools.count(1):
        yield waited
        waited += wait_before_poll(polls, by_poll, waited)


def test_a_reading_that_lags_does_not_end_a_write(azure, app):
    """The table as it was two writes ago is what was sent, and then the operation fails."""
    table = add_table(azure.state, "one", [to_firewall(), owned(P)])
    read = app.route_tables.read(rid("one"))
    table.routes, table.etag = [to_firewall()], 'W/"deleted by hand"'
    failing = FailOperation(code="InternalServerError", message="no")
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=failing))
    before = app.route_tables.read(rid("one"))
    with pytest.raises(UnconfirmedWrite):
        app.route_tables.write(rid("one"), *with_routes(app, before, read.routes))


@pytest.mark.parametrize("status", [403, 500, 503])
def test_an_accepted_write_stays_one_if_what_stands_cannot_be_read(azure, app, status):
    add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (60, 60)
    lost = {"error": {"code": "NotFound", "message": "?"}}
    azure.state.faults += [
        refusal("GET", "/operations/", 404, lost),
        InjectedFault(
            method="GET", path="one$", effect=Refuse(status=status, body={}), skip=1, times=99
        ),
    ]
    read = app.route_tables.read(rid("one"))
    with pytest.raises(UnconfirmedWrite) as raised, in_hand(pass_by, pass_by):
        app.route_tables.write(rid("one"), *with_routes(app, read, (internet_route("asemgmt", P),)))
    [put] = azure.state.writes()
    assert raised.value.correlation_id == put["correlationId"]


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
