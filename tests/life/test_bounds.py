"""Each bound is the app's own: what is within it works, and what is beyond it is said."""

import random
from dataclasses import replace
from datetime import date, timedelta

import azure.functions as func
import pytest

from shared.domain.armid import RouteTableId
from shared.domain.errors import InvalidRequest
from shared.domain.registry.registration import RouteException
from shared.domain.runs.run import Mode, RunRequest, Trigger
from shared.http import HttpError, Paged, parse_query
from shared.storage import entities
from shared.storage.entities import MAX_ENTITY_BYTES, size_of
from shared.sync.asking import DiscoverRequest, SyncRequest
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from shared.sync.texts import (
    MAX_EXCEPTION_REASON,
    MAX_EXCEPTIONS,
    MAX_FORCED,
    MAX_NAMED,
    MAX_SUBSCRIPTIONS,
    MAX_TAGS,
)
from tests.builders.azure import SUBSCRIPTION, add_table, answer, rid, table_id
from tests.builders.routes import owned_prefixes
from tests.builders.runs import outcome_of, register, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
ME = Requester(Trigger.CLI)
HAN = range(0x4E00, 0x9FFF)


def words(seed: int, length: int) -> str:
    """Letters that cannot be compressed."""
    return "".join(map(chr, random.Random(seed).choices(HAN, k=length)))


def rows(app):
    account = app.account
    for table in (account.runs, account.outcomes, account.versions, account.route_tables):
        yield from table.list_entities()


def rows_are_small(monkeypatch, size):
    """Let a row hold only this much, but for the row of a registration, which is always larger."""
    monkeypatch.setattr(entities, "MAX_ENTITY_BYTES", size)
    monkeypatch.setattr("shared.storage.registry.fitting", lambda entity: entity)


@pytest.mark.parametrize("text", ["1", "1000", "0001", "000001000"])
def test_a_page_has_as_many_rows_as_were_asked_for(text):
    request = func.HttpRequest("GET", "/x", params={"top": text}, body=b"")
    assert parse_query(request, Paged).top == int(text)


@pytest.mark.parametrize(
    "text", ["0", "1001", "000000001999", "000000001" + "9" * 5000, "²", "1 ", "+1"]
)
def test_a_page_that_is_too_long_is_refused(text):
    request = func.HttpRequest("GET", "/x", params={"top": text}, body=b"")
    with pytest.raises(HttpError) as raised:
        parse_query(request, Paged)
    assert raised.value.status == 400


def test_without_a_number_a_page_has_its_usual_length():
    """The Functions host leaves an empty value out: tests/host/test_queries.py."""
    request = func.HttpRequest("GET", "/x", params={}, body=b"")
    assert parse_query(request, Paged).top == 100


def test_a_run_can_name_ten_thousand_tables_whatever_their_names(app):
    tables = tuple(
        RouteTableId.parse(table_id("x").replace("rg-x", words(n, 90)).replace("x", words(-n, 80)))
        if n % 3
        else rid(f"t{n}")
        for n in range(MAX_NAMED)
    )
    tables = tuple(dict.fromkeys(tables))
    run = app.create_run(RunRequest(Trigger.CHECK, Mode.APPLY, route_tables=tables))
    assert [str(table) for table in app.runs.get(run.run_id).request.route_tables] == [
        str(table) for table in tables
    ]
    assert next(app.runs.list()).request == run.request
    assert max(size_of(row) for row in rows(app)) <= MAX_ENTITY_BYTES

    ended = app.runs.replace(replace(app.runs.get(run.run_id), notice_due=True))
    due = app.runs.due(since=run.started_at - timedelta(seconds=1))
    assert [found.run_id for found in due] == [ended.run_id]
    app.outcomes.remove(run.run_id)
    app.runs.remove(run.run_id)
    assert list(rows(app)) == []


def test_whatever_needs_more_than_a_row_is_put_together_again(azure, app, monkeypatch):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A, B)
    sync(app)
    table.routes, table.etag = [], 'W/"drifted"'
    rows_are_small(monkeypatch, 750)
    monkeypatch.setattr(entities, "MAX_PROPERTY_BYTES", 100)
    monkeypatch.setattr(entities, "_PARTS_IN_A_ROW", 3)
    assert outcome_of(sync(app), "one")["added"] == [A, B]
    assert owned_prefixes(table) == {A, B}
    whole = sync(app)
    assert whole["counts"]["unchanged"] == 1
    report = app.check.check()
    assert app.checks.latest(until=report.at) == report
    assert {f"more|{key}" for key in (whole["runId"], report.check_id)} <= {
        row["PartitionKey"] for row in rows(app)
    }
    app.outcomes.remove(whole["runId"])
    app.runs.remove(whole["runId"])
    assert not [row for row in rows(app) if whole["runId"] in row["PartitionKey"]]


def test_a_source_that_no_row_can_hold_fails_alone(azure, app, monkeypatch):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    sync(app)
    answer(azure, *(f"20.{n // 256}.{n % 256}.0/24" for n in range(1000)))
    rows_are_small(monkeypatch, 2000)
    table.routes, table.etag = [], 'W/"drifted"'
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    assert "RowTooLarge" in whole["error"]["message"]
    assert outcome_of(whole, "one")["added"] == [A]


def test_a_table_can_have_a_thousand_exceptions_with_the_longest_reasons(azure, app):
    add_table(azure.state, "one")
    answer(azure, A)
    exceptions = tuple(
        RouteException(f"20.{n // 256}.{n % 256}.0/24", words(n, MAX_EXCEPTION_REASON), date.max)
        for n in range(MAX_EXCEPTIONS)
    )
    request = RegisterRequest(resource_id=table_id("one"), exceptions=exceptions)
    app.registering.register(request, ME)
    assert app.registry.get(rid("one")).registration.exceptions == exceptions
    assert sync(app)["status"] == "Succeeded"
    assert max(size_of(row) for row in rows(app)) <= MAX_ENTITY_BYTES

    one_more = RouteException("21.0.0.0/24", "x", date.max)
    too_long = replace(exceptions[0], reason="x" * (MAX_EXCEPTION_REASON + 1))
    for wrong in ((*exceptions, one_more), (too_long,)):
        with pytest.raises(InvalidRequest):
            app.registering.register(replace(request, exceptions=wrong), ME)


def test_twelve_thousand_prefixes_are_too_many_for_a_table_and_said_so(azure, app):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, *(f"20.{n // 256}.{n % 256}.7/32" for n in range(12_000)))
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["violations"][0]["code"]) == ("blocked", "NoCapacity")
    assert len(outcome["added"]) + len(outcome["withheld"]) == 12_000
    assert len(owned_prefixes(table)) == len(outcome["added"]) == 400
    assert max(size_of(row) for row in rows(app)) <= MAX_ENTITY_BYTES


def test_every_door_keeps_to_the_same_bounds(azure, app):
    add_table(azure.state, "one")
    answer(azure, A)
    for tags in (MAX_TAGS, MAX_TAGS + 1):
        names = ["AppServiceManagement"] * tags
        request = RegisterRequest(resource_id=table_id("one"), service_tags=names)
        if tags <= MAX_TAGS:
            app.registering.register(request, ME)
        else:
            with pytest.raises(InvalidRequest) as raised:
                app.registering.register(request, ME)
            assert [fault.target for fault in raised.value.faults] == ["serviceTags"]

    named = [table_id("one")] * MAX_NAMED
    assert app.asking.sync(SyncRequest(route_tables=named), ME).request.route_tables == (
        rid("one"),
    )
    for wrong in (
        SyncRequest(route_tables=[*named, table_id("one")]),
        SyncRequest(ases=["x"] * (MAX_NAMED + 1)),
        SyncRequest(force=["MaxRemovedPercent"] * (MAX_FORCED + 1)),
    ):
        with pytest.raises(InvalidRequest) as refused:
            app.asking.sync(wrong, ME)
        assert any("at most" in fault.message for fault in refused.value.faults)
    many = DiscoverRequest(subscriptions=[SUBSCRIPTION] * (MAX_SUBSCRIPTIONS + 1))
    with pytest.raises(InvalidRequest, match="not valid"):
        app.asking.discover(many, ME)
