"""Writes of whole route tables, over real HTTP."""

import itertools
import math
import threading

import pytest

from local.azure.faults import (
    Delay,
    FailOperation,
    HangOperation,
    InjectedFault,
    ServeStale,
    refusal,
)
from local.azure.throttles import BucketSize
from shared.arm.budgets import LOW
from shared.arm.route_tables import ArmRouteTables
from shared.arm.writes import waits_before_looks
from shared.domain.errors import (
    PermanentError,
    PreconditionFailed,
    TransientError,
    UnconfirmedWrite,
)
from shared.domain.routing.routes import internet_route
from tests.builders.azure import add_table, no_look, rid
from tests.builders.routes import to_firewall

P = "20.0.0.0/24"


def with_routes(app, read, routes):
    return app.route_tables.body(read, routes), read.etag


def methods(azure):
    """The requests about the table: those for its operation have a path of their own."""
    log = (entry for entry in azure.state.log if entry["path"] != "/msi/token")
    return ["poll" if "/operations/" in entry["path"] else entry["method"] for entry in log]


def add_route(azure, app):
    """Read the table, and add a route to it. Return the table as written, and before."""
    read = app.route_tables.read(rid("one"))
    routes = (*read.routes, internet_route("asemgmt", P))
    return app.route_tables.write(rid("one"), *with_routes(app, read, routes)), read


@pytest.mark.parametrize(
    ("seconds", "requests"),
    [
        (0, ["GET", "PUT", "GET"]),
        (0.2, ["GET", "PUT", "GET", "GET"]),
        (0.5, ["GET", "PUT", "GET", "GET", "GET"]),
    ],
)
def test_a_write_has_ended_as_soon_as_the_table_shows_it(azure, app, seconds, requests):
    table = add_table(azure.state, "one", [to_firewall()])
    azure.state.timing.operation_seconds, azure.state.poll_seconds = (seconds, seconds), 1
    after, read = add_route(azure, app)
    assert (after.etag, len(after.routes)) == (table.etag, 2)
    assert methods(azure) == requests
    [put] = azure.state.writes()
    assert after.correlation_id == put["correlationId"]
    assert table.provisioning_state == "Succeeded"
    assert table.etag != read.etag
    assert len(table.routes) == 2


@pytest.mark.parametrize("ended_after", [0.5, 1.5, 1.6, 4, 4.1, 9, 10, 11, 20, 21, 95, 119])
def test_no_write_is_looked_at_more_often_than_the_sdk_asks(ended_after):
    waits = waits_before_looks(10)
    looks = next(n for n, at in enumerate(itertools.accumulate(waits), 1) if at >= ended_after)
    # It asks for the operation at once and after each wait, and then for the resource.
    assert looks <= 1 + math.ceil(ended_after / 10) + 1


@pytest.mark.parametrize(
    ("asked", "looks"),
    [
        (None, (0.3, 0.8, 2, 4)),
        (0, (0, 0, 0, 2)),
        (10, (1.5, 4, 10, 20)),
        (60, (1.5, 4, 60, 120)),
    ],
)
def test_after_the_first_looks_azures_wait_is_kept(asked, looks):
    waits = itertools.islice(waits_before_looks(asked), len(looks))
    assert [*itertools.accumulate(waits)] == pytest.approx(looks)


def test_a_reading_from_before_the_write_is_not_its_end(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    stale = InjectedFault(method="GET", path="one$", effect=ServeStale(), skip=1)
    azure.state.faults.append(stale)
    after, _ = add_route(azure, app)
    assert (after.etag, len(after.routes)) == (table.etag, 2)
    assert methods(azure) == ["GET", "PUT", "GET", "GET"]


def test_a_write_that_changes_nothing_has_ended_at_once(azure, app):
    add_table(azure.state, "one", [to_firewall()])
    read = app.route_tables.read(rid("one"))
    after = app.route_tables.write(rid("one"), *with_routes(app, read, read.routes))
    assert after.etag == read.etag
    assert methods(azure) == ["GET", "PUT", "GET"]


def test_if_the_table_is_not_as_it_was_sent_the_operation_tells(azure, app):
    """Somebody else has written the table right after the write."""
    table = add_table(azure.state, "one", [to_firewall()])

    def overtake(_call):
        if len(table.routes) == 2 and table.provisioning_state == "Succeeded":
            table.routes, table.etag = [to_firewall()], 'W/"theirs"'

    azure.state.watch = overtake
    after, _ = add_route(azure, app)
    assert (after.etag, len(after.routes)) == ('W/"theirs"', 1)
    assert methods(azure) == ["GET", "PUT", "GET", "poll", "GET"]


def test_if_few_reads_are_left_the_operation_is_followed_as_it_asks(azure, app):
    add_table(azure.state, "one", [to_firewall()])
    azure.state.throttles.limits.buckets["read"] = BucketSize(LOW, 0)
    add_route(azure, app)
    assert methods(azure) == ["GET", "PUT", "poll", "GET"]


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
    azure.state.faults += [slow, no_look()]
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
