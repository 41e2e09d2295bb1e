"""The weekly sync in one process: real storage, real SDKs over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from local.azure.faults import FailOperation, Fault, refusal
from shared import workers
from shared.domain.armid import RouteTableId
from shared.domain.codes import lookup
from shared.domain.errors import PermanentError, TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.runs.run import Mode
from shared.messages import RunMessage, TableMessage, table_messages
from shared.workers import Messages
from tests.builders.azure import (
    OTHER_SUBSCRIPTION,
    add_table,
    answer,
    history,
    published_ipv4,
    rid,
    table_id,
    table_writes,
    tag_document,
)
from tests.builders.routes import foreign_routes, owned, owned_prefixes, route, to_firewall
from tests.builders.runs import TAG, begin, outcome_of, register, run_report, started, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def test_a_version_becomes_routes_in_every_registered_table(azure, app):
    tables = [add_table(azure.state, name, [to_firewall()]) for name in ("one", "two")]
    untouched = add_table(azure.state, "unregistered", [to_firewall()])
    register(app, "one", "two")
    whole = sync(app)
    wanted = published_ipv4(history()[0])
    assert whole["status"] == "Succeeded"
    assert whole["counts"]["changed"] == 2
    for table in tables:
        assert owned_prefixes(table) == wanted
        assert foreign_routes(table) == [to_firewall()]
    assert foreign_routes(untouched) == untouched.routes
    [version] = whole["versions"]
    assert set(version["added"]) == wanted
    applied = app.registry.get(rid("one"))
    assert applied.status.applied_version_ids == (version["versionId"],)


def test_the_write_is_one_put_of_the_whole_table_with_its_etag(azure, app):
    table = add_table(
        azure.state,
        "one",
        [
            to_firewall(),
            route("monitoring", "AzureMonitor"),
            route("strange", "172.16.0.0/12", "VirtualNetworkGateway", future={"a": [1]}),
        ],
    )
    etag, before = table.etag, [dict(r) for r in table.routes]
    register(app, "one")
    sync(app)
    [write] = table_writes(azure.state)
    assert write["method"] == "PUT"
    assert write["path"].endswith("/routeTables/one")
    assert write["ifMatch"] == etag
    body = write["body"]
    sent = [
        {"name": r["name"], "properties": r["properties"]} for r in body["properties"]["routes"]
    ]
    assert sent[:3] == before
    assert len(sent) == 3 + len(published_ipv4(history()[0]))
    assert body["location"] == "westeurope"
    assert body["tags"] == {"owner": "network"}
    assert body["properties"]["disableBgpRoutePropagation"] is True
    assert body["properties"]["disablePeeringRoute"] == "None"
    for read_only in ("etag", "provisioningState", "resourceGuid", "subnets"):
        assert read_only not in body
        assert read_only not in body["properties"]


def test_a_second_run_writes_nothing_to_azure(azure, app):
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    azure.state.log.clear()
    whole = sync(app)
    assert whole["counts"]["unchanged"] == 1
    assert len(outcome_of(whole, "one")["correlationId"]) == 36
    assert azure.state.writes() == []
    assert len([e for e in azure.state.log if "routeTables" in e["path"]]) == 1
    assert whole["versions"][0]["added"] == []
    assert len(list(app.versions.list())) == 1


def test_plan_shows_the_changes_and_writes_nothing(azure, app):
    table = add_table(azure.state, "one", [owned(C), to_firewall()])
    answer(azure, A, B)
    register(app, "one")
    whole = sync(app, mode=Mode.PLAN)
    outcome = outcome_of(whole, "one")
    assert (outcome["status"], outcome["added"], outcome["removed"]) == ("planned", [A, B], [C])
    assert outcome["planChecksum"]
    assert azure.state.writes() == []
    assert owned_prefixes(table) == {C}
    assert app.registry.get(rid("one")).status.applied_version_ids == ()


def test_while_paused_every_run_is_a_plan(azure, make_app):
    add_table(azure.state, "one")
    paused = make_app(PAUSED="true")
    register(paused, "one")
    whole = sync(paused)
    assert whole["mode"] == "plan"
    assert whole["counts"]["planned"] == 1
    assert azure.state.writes() == []


def test_a_run_that_began_before_the_pause_writes_nothing_after_it(azure, app, make_app):
    add_table(azure.state, "one")
    run_id = started(app, "one")
    outcome = make_app(PAUSED="true").tables.sync(run_id, rid("one")).outcome
    assert outcome.status == "planned"
    assert azure.state.writes() == []


def test_removal_waits_for_the_grace_and_then_happens(azure, make_app):
    app = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one")
    register(app, "one")
    start = datetime(2026, 3, 4, 6, tzinfo=UTC)
    for day, prefixes, expected in (
        (0, (A, B), {A, B}),
        (7, (B, C), {A, B, C}),
        (34, (B, C), {A, B, C}),
        (35, (B, C), {B, C}),
    ):
        answer(azure, *prefixes)
        with time_machine.travel(start + timedelta(days=day), tick=True):
            outcome = outcome_of(sync(app), "one")
        assert owned_prefixes(table) == expected, day
        if day in (7, 34):
            assert outcome["retained"] == [{"prefix": A, "until": "2026-04-08"}]


def test_a_fresh_store_removes_nothing_at_once(azure, make_app):
    table = add_table(azure.state, "one", [owned(C)])
    answer(azure, A)
    app = make_app(REMOVAL_GRACE_DAYS="28")
    register(app, "one")
    outcome = outcome_of(sync(app), "one")
    assert [r["prefix"] for r in outcome["retained"]] == [C]
    assert owned_prefixes(table) == {A, C}


def test_one_conflict_does_not_stop_the_tables_other_prefixes(azure, app):
    table = add_table(azure.state, "one", [to_firewall(A, "mine")])
    answer(azure, A, B)
    register(app, "one")
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert whole["status"] == "Failed"
    assert outcome["status"] == "conflict"
    assert outcome["added"] == [B]
    assert outcome["conflicts"] == [
        {
            "prefix": A,
            "routeName": "mine",
            "nextHopType": "VirtualAppliance",
            "accepted": None,
        }
    ]
    assert owned_prefixes(table) == {B}
    assert app.registry.get(rid("one")).status.applied_version_ids == ()


def test_a_taken_name_is_a_conflict_that_the_report_explains(azure, app):
    add_table(azure.state, "one", [to_firewall("20.9.0.0/24", "ASEMGMT--20.0.0.0_24")])
    answer(azure, A)
    register(app, "one")
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "conflict"
    assert outcome["findings"][0]["code"] == "NameTaken"
    assert azure.state.writes() == []


def test_without_tables_the_version_is_recorded_and_the_run_ends(azure, app):
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    assert whole["outcomes"] == []
    assert app.versions.newest("AppServiceManagement") is not None


def test_a_disabled_table_is_left_out(azure, app):
    add_table(azure.state, "one")
    register(app, "one", enabled=False)
    assert sync(app)["outcomes"] == []
    assert azure.state.writes() == []


def test_several_tags_are_one_desired_set_and_one_write(azure, make_app):
    document = tag_document([A, B])
    document["values"] += tag_document([B, C], "ApiManagement")["values"]
    azure.state.tags.answers["westeurope"] = document
    app = make_app(ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement")
    table = add_table(azure.state, "one")
    register(app, "one", tags=("AppServiceManagement", "ApiManagement"))
    whole = sync(app)
    assert owned_prefixes(table) == {A, B, C}
    assert len(table_writes(azure.state)) == 1
    assert len(outcome_of(whole, "one")["versionIds"]) == 2


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (b"not json", "not JSON"),
        (b"[]", "not an object"),
        (b'{"values": 5}', "no list of values"),
        (tag_document([], "AppServiceManagement"), "names no addresses"),
        (tag_document([A], "AppServiceManagementNew"), "is not in the answer"),
        (tag_document([A], "appservicemanagement"), "is not in the answer"),
        (tag_document(["20.0.0.1/24"]), "host bits"),
        (tag_document([A, "0.0.0.0/0"]), "0.0.0.0/0"),
        (tag_document([A, "10.1.0.0/24"]), "not public"),
        (tag_document([A, "239.0.0.0/24"]), "not public"),
    ],
)
def test_a_bad_tag_fails_its_tables_before_any_write(azure, app, bad, named):
    table = add_table(azure.state, "one", [owned(C), to_firewall()])
    before = list(table.routes)
    register(app, "one")
    azure.state.tags.answers["westeurope"] = bad
    whole = sync(app)
    assert whole["status"] == "Failed"
    assert whole["error"]["code"] == "TagUnavailable"
    assert named in whole["error"]["message"]
    assert outcome_of(whole, "one")["error"]["code"] == "TagUnavailable"
    assert azure.state.writes() == []
    assert table.routes == before
    assert list(app.versions.list()) == []


@pytest.mark.parametrize(
    "bad",
    [b"not json", tag_document([]), tag_document([A], "Another"), tag_document([A, "0.0.0.0/0"])],
)
def test_with_a_version_recorded_a_bad_tag_lets_repair_but_not_remove(azure, app, bad):
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A, B)
    sync(app)
    verified_at = app.registry.get(rid("one")).status.verified_at
    table.routes = [to_firewall(), owned(A, "None"), owned(C)]  # B is lost, and A led astray
    azure.state.tags.answers["westeurope"] = bad
    whole = sync(app)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    outcome = outcome_of(whole, "one")
    assert (outcome["status"], outcome["error"]) == ("changed", None)
    assert (outcome["added"], outcome["updated"], outcome["removed"]) == ([B], [A], [])
    assert outcome["withheld"] == [{"prefix": C, "change": "remove", "why": "TagUnavailable"}]
    assert [finding["code"] for finding in outcome["findings"]] == ["TagUnavailable"]
    assert owned_prefixes(table) == {A, B, C}
    # Whether it is right is not known: the day it was last found right stays.
    assert app.registry.get(rid("one")).status.verified_at == verified_at
    answer(azure, A, B)
    assert outcome_of(sync(app), "one")["removed"] == [C]


def test_a_bad_tag_leaves_tables_of_other_tags_alone(azure, make_app):
    document = tag_document([A])
    document["values"] += tag_document(["10.0.0.0/8"], "ApiManagement")["values"]
    azure.state.tags.answers["westeurope"] = document
    app = make_app(ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement")
    good, bad, both = (add_table(azure.state, name) for name in ("good", "bad", "both"))
    register(app, "good")
    register(app, "bad", tags=("ApiManagement",))
    register(app, "both", tags=("AppServiceManagement", "ApiManagement"))
    whole = sync(app)
    assert {o["status"] for o in whole["outcomes"]} == {"changed", "failed"}
    assert whole["status"] == "Failed"
    assert owned_prefixes(good) == {A}
    assert bad.routes == both.routes == []


def test_a_tag_that_is_no_longer_allowed_fails_its_tables(azure, app, make_app):
    add_table(azure.state, "one")
    register(app, "one", tags=("ApiManagement",))
    whole = sync(app)
    assert outcome_of(whole, "one")["error"]["code"] == "ServiceTagNotAllowed"
    assert azure.state.writes() == []


def test_wanted_is_the_union_of_locations_and_gone_is_what_none_has(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A, B)
    answer(azure, B, C, location="eastus2")
    sync(app)
    assert owned_prefixes(table) == {A, B, C}
    answer(azure, B)
    sync(app)
    assert owned_prefixes(table) == {B, C}
    assert app.versions.newest("AppServiceManagement").locations == ("westeurope", "eastus2")


def test_a_location_that_fails_lets_nothing_be_gone(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one", [owned(C)])
    register(app, "one")
    answer(azure, A)
    azure.state.tags.answers["eastus2"] = b"<html>"
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    assert "eastus2" in whole["error"]["message"]
    assert owned_prefixes(table) == {C}


def test_a_location_that_fails_lets_what_was_recorded_be_repaired(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A)
    answer(azure, A, B, location="eastus2")
    sync(app)
    table.routes, table.etag = [owned(A), owned(C)], 'W/"drifted"'
    azure.state.tags.answers["eastus2"] = b"<html>"
    whole = sync(app)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    assert owned_prefixes(table) == {A, B, C}


def test_a_content_that_comes_back_is_a_version_again(azure, app):
    for prefixes in ((A,), (B,), (A,)):
        answer(azure, *prefixes)
        sync(app)
        sync(app)
    recorded = app.versions.history("AppServiceManagement")
    assert [v.address_prefixes for v in recorded] == [(A,), (B,), (A,)]
    assert [v.previous_version_id for v in recorded] == [
        None,
        *(v.version_id for v in recorded[:2]),
    ]


def test_a_change_number_that_goes_backwards_changes_no_table(azure, app):
    azure.state.tags.position = 2  # change number 16, and 3 a version later with the same content
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    azure.state.tags.step()
    azure.state.log.clear()
    whole = sync(app)
    assert whole["versions"][0]["changeNumber"] == "3"
    assert (whole["versions"][0]["added"], whole["versions"][0]["removed"]) == ([], [])
    assert whole["counts"]["unchanged"] == 1
    assert azure.state.writes() == []


def test_drift_is_repaired_though_the_version_is_the_same(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A, B)
    register(app, "one")
    sync(app)
    table.routes = [owned(A, "VirtualAppliance", nextHopIpAddress="10.0.0.4")]
    table.etag = 'W/"drifted"'
    outcome = outcome_of(sync(app), "one")
    assert (outcome["added"], outcome["updated"]) == ([B], [A])
    assert owned_prefixes(table) == {A, B}


def test_only_the_tables_asked_for_are_synced(azure, app):
    one, two = add_table(azure.state, "one"), add_table(azure.state, "two")
    register(app, "one", "two")
    whole = sync(app, "two")
    assert [o["routeTableId"] for o in whole["outcomes"]] == [table_id("two")]
    assert one.routes == []
    assert two.routes


def test_a_table_unregistered_since_the_run_began_is_a_failed_outcome(azure, app):
    add_table(azure.state, "one")
    register(app, "one")
    run_id = begin(app, "one")
    app.registry.delete(rid("one"))
    for table in app.run_start.start(run_id):
        app.tables.sync(run_id, table)
    whole = run_report(app, run_id)
    assert outcome_of(whole, "one")["error"]["code"] == "NotRegistered"
    assert azure.state.writes() == []


def test_workers_plan_with_the_newest_version_whatever_the_message_was_sent_for(azure, app):
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    old_run = begin(app)
    app.run_start.start(old_run)
    answer(azure, A, B)
    sync(app)
    azure.state.log.clear()
    late = app.tables.sync(old_run, rid("one")).outcome
    assert late.status == "unchanged"
    assert azure.state.writes() == []
    assert owned_prefixes(table) == {A, B}


def test_a_worker_overtaken_between_read_and_write_plans_with_the_newer_version(
    azure, app, monkeypatch
):
    table = add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    write = app.route_tables.write

    def overtaken(*arguments):
        monkeypatch.setattr(app.route_tables, "write", write)
        answer(azure, A, B)
        sync(app)
        return write(*arguments)

    monkeypatch.setattr(app.route_tables, "write", overtaken)
    app.tables.sync(run_id, rid("one"))
    assert owned_prefixes(table) == {A, B}


def test_a_worker_overtaken_between_write_and_reading_after_it_goes_by_the_newer_version(
    azure, make_app, monkeypatch
):
    app = make_app(REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one")
    answer(azure, A)
    register(app, "one")
    sync(app)
    answer(azure, A, B)
    write = app.route_tables.write

    def overtaken(*arguments):
        monkeypatch.setattr(app.route_tables, "write", write)
        write(*arguments)
        answer(azure, A, B, C)
        sync(app)
        return app.route_tables.read(rid("one"))

    monkeypatch.setattr(app.route_tables, "write", overtaken)
    outcome = outcome_of(sync(app), "one")
    newest = app.versions.newest(TAG).version_id
    assert (outcome["added"], outcome["retained"]) == ([B], [])
    assert outcome["versionIds"] == [newest]
    assert app.registry.get(rid("one")).status.applied_version_ids == (newest,)
    assert owned_prefixes(table) == {A, B, C}


def test_a_repeated_message_does_nothing_and_the_outcome_stays(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A)
    register(app, "one")
    run_id = begin(app)
    [message] = app.run_start.start(run_id)
    app.tables.sync(run_id, message)
    first = run_report(app, run_id)
    table.routes = []
    azure.state.log.clear()
    assert app.tables.sync(run_id, message).outcome is None
    assert app.run_start.start(run_id) == []
    app.tables.give_up(run_id, message)
    assert app.run_start.start_without_tags(run_id) == []
    assert run_report(app, run_id) == first
    assert azure.state.log == []


def test_a_start_message_that_comes_again_sends_only_what_is_still_pending(azure, app):
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")
    run_id = begin(app)
    first = app.run_start.start(run_id)
    app.tables.sync(run_id, first[0])
    assert app.run_start.start(run_id) == [first[1]]


def test_messages_for_a_run_that_never_was_are_dropped(azure, app):
    unknown = "20260101000000000000-00000000"
    assert app.run_start.start(unknown) == []
    assert app.tables.sync(unknown, rid("one")).outcome is None
    app.tables.give_up(unknown, rid("one"))
    assert app.run_start.start_without_tags(unknown) == []
    assert azure.state.log == []


def test_a_run_whose_worker_died_ends_as_failed_after_two_hours(azure, app):
    for name in ("one", "two"):
        add_table(azure.state, name)
    register(app, "one", "two")
    run_id = begin(app)
    first, second = app.run_start.start(run_id)
    app.tables.sync(run_id, first)
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(hours=1, minutes=59), tick=True):
        app.run_end.expire_overdue()
        assert run_report(app, run_id)["status"] == "Running"
    azure.state.log.clear()
    with time_machine.travel(now + timedelta(hours=2, minutes=1), tick=True):
        assert app.tables.sync(run_id, second).outcome is None
    whole = run_report(app, run_id)
    assert whole["status"] == "Failed"
    assert whole["error"]["code"] == "RunTimedOut"
    assert outcome_of(whole, second.name)["error"]["code"] == "RunTimedOut"
    assert outcome_of(whole, first.name)["status"] == "changed"
    assert azure.state.log == []


def test_the_next_run_ends_one_that_never_started(azure, app):
    stuck = begin(app)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3), tick=True):
        sync(app)
    assert run_report(app, stuck)["error"]["code"] == "RunTimedOut"


def test_passing_trouble_is_raised_and_noted_until_the_queue_gives_up(azure, app):
    table = add_table(azure.state, "one")
    run_id = started(app, "one")
    refused = {"error": {"code": "ServiceUnavailable", "message": "later"}}
    azure.state.faults.append(refusal("PUT", "routetables/one", 503, refused, times=99))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    assert run_report(app, run_id)["status"] == "Running"
    app.tables.give_up(run_id, rid("one"))
    whole = run_report(app, run_id)
    assert whole["status"] == "Failed"
    assert outcome_of(whole, "one")["error"]["code"] == "ServiceUnavailable"
    assert len(outcome_of(whole, "one")["correlationId"]) == 36
    assert table.routes == []


def test_a_write_whose_answer_was_lost_is_reported_as_changed(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.faults.append(refusal("PUT", "routetables/one", 502, {}, effected=True))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    assert owned_prefixes(table) == {A}
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.added) == ("changed", (A,))
    assert len(table_writes(azure.state)) == 1


def test_an_intended_write_that_never_happened_is_not_reported_as_done(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.faults.append(refusal("PUT", "routetables/one", 502, {}))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    assert table.routes == []
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.added) == ("changed", (A,))
    assert len(table_writes(azure.state)) == 2


def test_a_write_that_failed_halfway_is_written_again_and_never_reported_as_done(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.faults.append(Fault(method="PUT", path="one$", effect=FailOperation()))
    with pytest.raises(TransientError, match="InternalServerError"):
        app.tables.sync(run_id, rid("one"))
    assert (table.provisioning_state, owned_prefixes(table)) == ("Failed", {A})
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.added) == ("changed", (A,))
    assert [finding.code.name for finding in again.findings] == ["WasFailed"]
    assert table.provisioning_state == "Succeeded"


def test_a_table_that_somebody_is_writing_is_waited_for(azure, app):
    table = add_table(azure.state, "one")
    run_id = started(app, "one")
    table.provisioning_state = "Updating"
    with pytest.raises(TransientError, match="TableBusy"):
        app.tables.sync(run_id, rid("one"))
    assert azure.state.writes() == []


def test_the_checksum_of_what_was_done_is_that_of_what_was_planned(azure, app):
    add_table(azure.state, "one")
    register(app, "one")
    planned = outcome_of(sync(app, mode=Mode.PLAN), "one")
    done = outcome_of(sync(app), "one")
    assert done["planChecksum"] == planned["planChecksum"]


def test_what_others_wrote_between_read_and_write_stands(azure, app, monkeypatch):
    table = add_table(azure.state, "one", [to_firewall()])
    answer(azure, A)
    register(app, "one")
    write = app.route_tables.write

    def raced(*arguments):
        monkeypatch.setattr(app.route_tables, "write", write)
        table.routes.append(route("theirs", "20.9.0.0/24", "None"))
        table.etag = 'W/"theirs"'
        return write(*arguments)

    monkeypatch.setattr(app.route_tables, "write", raced)
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "changed"
    assert foreign_routes(table) == [to_firewall(), route("theirs", "20.9.0.0/24", "None")]
    assert owned_prefixes(table) == {A}
    assert [w["ifMatch"] for w in table_writes(azure.state)][1] == 'W/"theirs"'


def test_others_who_keep_writing_are_not_reported_as_done(azure, app, monkeypatch):
    table = add_table(azure.state, "one")
    register(app, "one")
    write = app.route_tables.write

    def raced(*arguments):
        table.etag = f'{table.etag[:-1]}x"'
        return write(*arguments)

    monkeypatch.setattr(app.route_tables, "write", raced)
    run_id = begin(app)
    app.run_start.start(run_id)
    with pytest.raises(TransientError, match="NotAsPlanned"):
        app.tables.sync(run_id, rid("one"))
    assert table.routes == []


def test_routes_removed_again_right_after_our_write_are_written_again(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A)
    register(app, "one")

    def undo(_call):
        if table.provisioning_state == "Succeeded" and owned_prefixes(table):
            azure.state.watch = lambda _call: None
            table.routes, table.etag = [to_firewall()], 'W/"undone"'

    azure.state.watch = undo
    outcome = outcome_of(sync(app), "one")
    assert owned_prefixes(table) == {A}
    assert outcome["findings"][0]["code"] == "ForeignChangedMeanwhile"
    assert outcome["status"] == "changed"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AuthorizationFailed", 403),
        ("LinkedAuthorizationFailed", 403),
        ("ScopeLocked", 409),
        ("RequestDisallowedByPolicy", 403),
        ("ReadOnlyDisabledSubscription", 409),
    ],
)
def test_a_lasting_refusal_is_a_failed_outcome_with_azures_code(azure, app, code, status):
    add_table(azure.state, "one")
    add_table(azure.state, "two")
    register(app, "one", "two")
    refused = {"error": {"code": code, "message": "no"}}
    azure.state.faults.append(refusal("PUT", "routetables/one", status, refused, times=99))
    whole = sync(app)
    assert whole["status"] == "Failed"
    outcome = outcome_of(whole, "one")
    assert (outcome["status"], outcome["error"]["code"]) == ("failed", code)
    assert outcome["error"]["message"].startswith("no What to do: ")
    assert len(outcome["correlationId"]) == 36
    assert len([w for w in table_writes(azure.state) if w["path"].endswith("one")]) == 1
    assert outcome_of(whole, "two")["status"] == "changed"


def test_a_table_that_is_gone_is_a_failed_outcome(azure, app):
    register(app, "gone")
    azure.state.add_group("11111111-1111-4111-8111-111111111111", "rg-gone")
    whole = sync(app)
    assert outcome_of(whole, "gone")["error"]["code"] == "RouteTableNotFound"


def test_trouble_with_the_tags_that_may_pass_is_raised_and_noted(azure, app):
    refused = {"error": {"code": "SubscriptionRequestsThrottled", "message": "later"}}
    azure.state.faults.append(
        refusal("GET", "serviceTags", 429, refused, headers={"Retry-After": "60"}, times=9)
    )
    run_id = begin(app)
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    assert run_report(app, run_id)["error"]["code"] == "SubscriptionRequestsThrottled"
    assert app.run_start.start_without_tags(run_id) == []
    assert run_report(app, run_id)["status"] == "Failed"


def test_a_start_that_recovers_forgets_the_trouble(azure, app):
    run_id = begin(app)
    azure.state.faults.append(refusal("GET", "serviceTags", 429, {}, headers={"Retry-After": "60"}))
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    app.run_start.start(run_id)
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]) == ("Succeeded", None)


def test_no_right_to_read_the_tags_is_an_unavailable_tag(azure, app):
    refused = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    azure.state.faults.append(refusal("GET", "serviceTags", 403, refused))
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    assert "AuthorizationFailed" in whole["error"]["message"]


def test_a_tag_is_known_once_recorded_or_where_every_location_answers_for_it(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    assert app.pull.unusable(["ApiManagement"]) == {}
    answer(azure, A, location="eastus2")
    assert "eastus2" in app.pull.unusable(["ApiManagement"])["ApiManagement"]
    sync(app)
    azure.state.log.clear()
    assert app.pull.unusable(["AppServiceManagement"]) == {}
    assert azure.state.log == []


def test_however_many_tags_are_asked_about_each_location_is_read_once(azure, app):
    answer(azure, A)
    assert app.pull.unusable(["ApiManagement", "Storage"]).keys() == {"ApiManagement", "Storage"}
    assert len(azure.state.log) == 1


def test_messages_say_what_they_are():
    assert RunMessage.parse('{"runId": "r"}') == RunMessage("r")
    table = TableMessage("r", rid("one"))
    assert TableMessage.parse(str(table)) == table
    assert str(RunMessage("r")) == '{"runId": "r"}'
    chained = TableMessage("r", rid("one"), (rid("two"), rid("three")))
    assert TableMessage.parse(str(chained)) == chained
    assert chained.next == TableMessage("r", rid("two"), (rid("three"),))
    assert table.next is None
    astray = f'{{"runId": "r", "routeTableId": "{table_id("one")}", "then": '
    wrong = ("", "[]", "{}", '{"runId": 5}', '{"runId": "r", "routeTableId": "x"}')
    for text in (*wrong, f"{astray}5}}", f"{astray}[5]}}"):
        with pytest.raises(ValueError, match=r".+"):
            TableMessage.parse(text)


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250, 20_001])
def test_no_more_messages_of_a_subscription_than_azure_lets_be_under_way(count):
    tables = [rid(f"t{number}") for number in range(count)]
    other = RouteTableId.parse(table_id("x", OTHER_SUBSCRIPTION))
    messages = list(table_messages("r", [*tables, other]))
    longest = max(100, -(-count // 200))
    assert len(messages) == min(count, longest) + 1
    listed = [table for message in messages for table in (message.route_table_id, *message.then)]
    assert sorted(listed, key=str) == sorted([*tables, other], key=str)
    assert all(len(str(message)) < 48 * 1024 for message in messages)


@pytest.mark.usefixtures("nobody_waits")
def test_what_comes_after_a_table_does_not_wait_for_it(azure, app, monkeypatch):
    """Done, in trouble, or given up: the next one's message is sent."""
    monkeypatch.setattr(workers, "app", lambda: app)
    for name in ("one", "two"):
        add_table(azure.state, name)
    run_id = started(app, "one", "two")
    alone, after = TableMessage(run_id, rid("one")), TableMessage(run_id, rid("two"))
    chained = str(TableMessage(run_id, rid("one"), (rid("two"),)))
    azure.state.faults.append(refusal("GET", "tables/one", 503, {}, times=9))
    assert workers.sync_route_table(chained) == Messages(later=(str(alone), str(after)))
    with pytest.raises(TransientError):
        workers.sync_route_table(str(alone))
    assert workers.give_up_route_table(chained) == Messages(later=(str(after),))
    assert workers.sync_route_table(str(after)) == Messages()
    assert workers.sync_route_table(chained) == Messages(later=(str(after),))  # late, and done
    assert (
        run_report(app, run_id)["counts"] | {"changed": 1, "failed": 1}
        == (run_report(app, run_id)["counts"])
    )


def test_the_typed_errors_say_their_code():
    assert str(PermanentError(lookup("Code"), "what")) == "Code: what"


def except_for(app, prefix, until, reason="the proxy team wants it so"):
    exception = RouteException(prefix, reason, until)
    app.registry.put(RegisteredTable(rid("one"), Registration((TAG,), exceptions=(exception,))))


@pytest.mark.parametrize(
    ("days_left", "status", "findings"), [(0, "changed", []), (-1, "conflict", ["ExceptionEnded"])]
)
def test_a_conflict_that_is_meant_is_none_to_the_end_of_its_day(
    azure, app, days_left, status, findings
):
    table = add_table(azure.state, "one", [to_firewall(A, "mine")])
    answer(azure, A, B)
    except_for(app, A, datetime.now(UTC).date() + timedelta(days=days_left))
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert outcome["status"] == status
    assert whole["status"] == ("Succeeded" if status == "changed" else "Failed")
    [conflict] = outcome["conflicts"]
    assert conflict["accepted"] == (None if findings else "the proxy team wants it so")
    assert [f["code"] for f in outcome["findings"]] == findings
    assert foreign_routes(table) == [to_firewall(A, "mine")]
    assert owned_prefixes(table) == {B}
    assert bool(app.registry.get(rid("one")).status.applied_version_ids) is not bool(findings)


def test_an_exception_is_of_its_prefix_alone_and_not_of_a_name(azure, app):
    add_table(
        azure.state,
        "one",
        [to_firewall(A, "mine"), to_firewall("20.9.0.0/24", owned(B)["name"])],
    )
    answer(azure, A, B)
    except_for(app, B, datetime.now(UTC).date())
    outcome = outcome_of(sync(app), "one")
    assert outcome["status"] == "conflict"
    assert [c["accepted"] for c in outcome["conflicts"]] == [None, None]


def test_a_source_that_a_registration_lost_leaves_its_routes_their_grace(azure, make_app):
    document = tag_document([A])
    document["values"] += tag_document([B], "ApiManagement")["values"]
    azure.state.tags.answers["westeurope"] = document
    app = make_app(
        ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement", REMOVAL_GRACE_DAYS="28"
    )
    table = add_table(azure.state, "one")
    start = datetime(2026, 3, 4, 6, tzinfo=UTC)
    with time_machine.travel(start, tick=True):
        register(app, "one", tags=("AppServiceManagement", "ApiManagement"))
        sync(app)
    lost_at = start + timedelta(days=100)
    both = app.registry.get(rid("one"))
    one_left = both.with_registration(Registration(("AppServiceManagement",)), lost_at)
    app.registry.put(one_left)
    assert app.registry.get(rid("one")).status.former_sources == {"ApiManagement": lost_at}
    for days, there in ((0, {A, B}), (27, {A, B}), (28, {A})):
        with time_machine.travel(lost_at + timedelta(days=days), tick=True):
            sync(app)
        assert owned_prefixes(table) == there, days


def test_a_source_that_comes_back_is_no_former_one():
    first = RegisteredTable(rid("one"), Registration(("A", "B")))
    january, february, march = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))
    second = first.with_registration(Registration(("B",)), january)
    later = second.with_registration(Registration(("C",)), february)
    assert later.status.former_sources == {"A": january, "B": february}
    back = later.with_registration(Registration(("A", "C")), march)
    assert back.status.former_sources.keys() == {"B"}


def test_without_an_answer_tables_are_repaired_from_what_was_recorded(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A, B)
    sync(app)
    table.routes, table.etag = [owned(C), owned(A, "None")], 'W/"drifted"'
    azure.state.faults.append(
        refusal("GET", "serviceTags", 503, {}, headers={"Retry-After": "60"}, times=99)
    )
    run_id = begin(app)
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    assert run_report(app, run_id)["status"] == "Running"
    for message in app.run_start.start_without_tags(run_id):
        app.tables.sync(run_id, message)
    whole = run_report(app, run_id)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    outcome = outcome_of(whole, "one")
    assert (outcome["added"], outcome["updated"], outcome["removed"]) == ([B], [A], [])
    assert [w["why"] for w in outcome["withheld"]] == ["TagUnavailable"]
    assert owned_prefixes(table) == {A, B, C}
    assert [v["versionId"][-1] for v in whole["versions"]] == ["1"]


def test_of_two_tables_at_once_the_last_to_be_done_ends_the_run(azure, app, monkeypatch):
    """Even where it was the first to be begun, and came back to the queue in between."""
    for name in ("one", "two"):
        add_table(azure.state, name, [to_firewall()])
    run_id = started(app, "one", "two")
    read = app.route_tables.read

    def meanwhile(table):
        if table == rid("one"):
            monkeypatch.undo()
            app.tables.sync(run_id, rid("two"))
            raise TransientError(lookup("X"), "y")
        return read(table)

    monkeypatch.setattr(app.route_tables, "read", meanwhile)
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    assert not app.runs.get(run_id).ended
    app.tables.sync(run_id, rid("one"))
    assert run_report(app, run_id)["counts"]["changed"] == 2
    assert app.runs.get(run_id).ended


def test_a_late_message_in_hand_does_not_keep_a_run_from_its_end(azure, app, monkeypatch):
    add_table(azure.state, "one", [to_firewall()])
    run_id = started(app, "one")
    pending = app.outcomes.get_pending

    def meanwhile(*asked):
        monkeypatch.undo()
        app.tables.sync(run_id, rid("one"))
        assert not app.runs.get(run_id).ended  # this one has it in hand, too
        return pending(*asked)

    monkeypatch.setattr(app.outcomes, "get_pending", meanwhile)
    app.tables.sync(run_id, rid("one"))
    assert app.runs.get(run_id).ended
