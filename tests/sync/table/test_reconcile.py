"""One table is read, planned, written and verified, on real storage and by real SDKs."""

from dataclasses import replace
from typing import Any

import pytest

from local.azure.faults import WRONG_POLLS, FailOperation, InjectedFault, Refuse, refusal
from shared.domain.errors import TransientError
from shared.domain.runs.run import Mode
from tests.builders.azure import (
    add_table,
    answer,
    history,
    published_ipv4,
    rid,
    table_writes,
)
from tests.builders.routes import foreign_routes, owned, owned_prefixes, route, to_firewall
from tests.builders.runs import (
    TAG,
    begin,
    outcome_of,
    register,
    roll_back,
    run_report,
    started,
    sync,
)
from tests.calls import Killed, in_hand, pass_by

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


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


@pytest.mark.parametrize("poll", WRONG_POLLS, ids=lambda poll: f"{poll.status} {poll.body}")
def test_after_azure_has_accepted_a_write_what_stands_counts(azure, app, poll):
    table = add_table(azure.state, "one", [to_firewall()])
    answer(azure, A)
    register(app, "one")
    azure.state.faults.append(InjectedFault(method="GET", path="/operations/", effect=poll))
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["added"], outcome["error"]) == ("changed", [A], None)
    [write] = table_writes(azure.state)
    assert outcome["correlationId"] == write["correlationId"]
    assert table.routes[:-1] == [to_firewall()]


@pytest.mark.parametrize("poll", WRONG_POLLS, ids=lambda poll: f"{poll.status} {poll.body}")
def test_a_write_that_is_accepted_and_not_there_yet_goes_back_to_the_queue(azure, app, poll):
    add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.timing.operation_seconds = (60, 60)
    azure.state.faults.append(InjectedFault(method="GET", path="/operations/", effect=poll))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    for operation in azure.state.operations.values():
        operation.ends_at = 0
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.added) == ("changed", (A,))
    assert len(table_writes(azure.state)) == 1


@pytest.mark.parametrize("change", ["deleted", "disabled", "other tag"])
def test_a_registration_that_changes_while_its_table_is_planned_stops_the_write(azure, app, change):
    """A person changes the row right before the app notes there what it is about to write."""
    add_table(azure.state, "one", [to_firewall()])
    answer(azure, A)
    run_id = started(app, "one")
    others: dict[str, dict[str, Any]] = {
        "disabled": {"enabled": False},
        "other tag": {"service_tags": ("AzureMonitor",)},
    }
    changes = [change]

    def meanwhile(request):
        if not changes or request.method != "PUT" or "/RouteTables(" not in request.url:
            return
        if changes.pop() == "deleted":
            app.registry.delete(rid("one"))
            return
        app.registry.change(
            rid("one"),
            lambda entry: replace(
                entry, registration=replace(entry.registration, **others[change])
            ),
        )

    with in_hand(meanwhile, pass_by), pytest.raises(TransientError, match="RegistrationChanged"):
        app.tables.sync(run_id, rid("one"))
    assert changes == []
    assert table_writes(azure.state) == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_of_the_reading_after_a_write_is_none_of_the_write(azure, app, status):
    add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    refused = Refuse(status=status, body={"error": {"code": "NotFound", "message": "no"}})
    reading = InjectedFault(method="GET", path="one$", effect=refused, skip=1, times=2)
    azure.state.faults.append(reading)
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.added) == ("changed", (A,))


@pytest.mark.parametrize("reverts", [False, True])
@pytest.mark.parametrize("code", ["NetworkingInternalOperationError", "RouteConflict", "NotKnown"])
def test_no_code_of_a_failed_operation_is_lasting(azure, app, code, reverts):
    table = add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    failing = FailOperation(code=code, reverts=reverts)
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=failing))
    with pytest.raises(TransientError, match=code):
        app.tables.sync(run_id, rid("one"))
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.added) == ("changed", (A,))
    assert (table.provisioning_state, owned_prefixes(table)) == ("Succeeded", {A})


def test_a_part_of_a_write_that_stands_is_reported_although_the_rest_is_written_again(azure, app):
    table = add_table(azure.state, "one")
    answer(azure, A, B, C)
    run_id = started(app, "one")
    azure.state.faults.append(refusal("PUT", "routetables/one", 502, {}, effected=True))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    table.routes, table.etag = [owned(A), owned(B)], 'W/"one was removed"'
    again = app.tables.sync(run_id, rid("one")).outcome
    assert (again.status, again.changes.added) == ("changed", {A, B, C})


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
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=FailOperation()))
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


@pytest.fixture
def dies_after_its_write(app, monkeypatch):
    """Let a worker die when its write has taken effect and before it knows of it."""

    def deliver(run_id):
        write = app.route_tables.write

        def last(*arguments):
            monkeypatch.setattr(app.route_tables, "write", write)
            write(*arguments)
            raise Killed

        monkeypatch.setattr(app.route_tables, "write", last)
        with pytest.raises(Killed):
            app.tables.sync(run_id, rid("one"))

    return deliver


def begun(app, **asked):
    run_id = begin(app, "one", **asked)
    app.run_start.start(run_id)
    return run_id


def ended(app, run_id):
    app.tables.sync(run_id, rid("one"))
    return outcome_of(run_report(app, run_id), "one")


def test_what_a_run_has_removed_is_not_judged_again_when_others_take_its_equivalent_away(
    azure, app
):
    """Their route made these removals harmless, and is gone when ours is read again."""
    whole, halves = "20.1.0.0/16", [f"20.1.{number}.0/24" for number in range(5)]
    table = add_table(azure.state, "one", [route("theirs", whole), *(owned(p) for p in halves)])
    answer(azure, A)
    register(app, "one")

    def remove_theirs(_call):
        if table.provisioning_state == "Succeeded" and owned_prefixes(table) == {A}:
            azure.state.watch = lambda _call: None
            table.routes, table.etag = [owned(A)], 'W/"theirs"'

    azure.state.watch = remove_theirs
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["violations"]) == ("changed", [])
    assert (outcome["added"], outcome["removed"]) == ([A], halves)


def test_a_delivery_after_a_crash_still_says_what_was_forced(azure, app, dies_after_its_write):
    many = [f"20.1.{number}.0/24" for number in range(10)]
    table = add_table(azure.state, "one", [owned(p) for p in many])
    register(app, "one")
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)
    run_id = begun(app, plan_run_id=plan["runId"], force=("MaxRemovedPercent",), reason="moved")
    dies_after_its_write(run_id)
    outcome = ended(app, run_id)
    assert (outcome["status"], outcome["added"], outcome["removed"]) == ("changed", [A], many)
    assert {f["code"] for f in outcome["findings"]} == {"Approved", "Forced"}
    assert owned_prefixes(table) == {A}


def test_an_approved_run_that_has_written_leaves_what_comes_after_to_others(
    azure, make_app, app, dies_after_its_write
):
    table = add_table(azure.state, "one", [owned(C)])
    register(app, "one")
    answer(azure, A)
    plan = sync(app, mode=Mode.PLAN)
    run_id = begun(app, plan_run_id=plan["runId"])
    dies_after_its_write(run_id)

    answer(azure, A, B)
    sync(app, mode=Mode.PLAN)  # records the newer version
    outcome = ended(app, run_id)
    assert (outcome["status"], outcome["violations"]) == ("changed", [])
    assert (outcome["added"], outcome["removed"]) == ([A], [C])
    assert outcome["withheld"] == [{"prefix": B, "change": "add", "why": "PlanChanged"}]
    assert outcome["planChecksum"] == outcome_of(plan, "one")["planChecksum"]
    assert owned_prefixes(table) == {A}
    assert app.registry.get(rid("one")).status.verified_at is None


def test_a_write_counts_after_a_crash_although_others_have_undone_a_part_of_it(
    azure, app, dies_after_its_write
):
    table = add_table(azure.state, "one", [owned(C)])
    register(app, "one")
    answer(azure, A, B)
    run_id = begun(app)
    dies_after_its_write(run_id)
    table.routes, table.etag = [owned(A)], 'W/"undone"'
    outcome = ended(app, run_id)
    assert (outcome["status"], outcome["added"], outcome["removed"]) == ("changed", [A, B], [C])
    assert owned_prefixes(table) == {A, B}
    undone = roll_back(app, {"runId": run_id})
    assert (undone["added"], undone["removed"]) == ([C], [A, B])


def test_after_a_crash_a_run_removes_no_more_than_one_run_may(azure, app, dies_after_its_write):
    """The first delivery's removals count, although others have changed the table since."""
    many = [f"20.1.{number}.0/24" for number in range(10)]
    table = add_table(azure.state, "one", [owned(p) for p in many])
    register(app, "one")
    answer(azure, A, *many[3:])
    run_id = begun(app)
    dies_after_its_write(run_id)
    table.routes, table.etag = [owned(p) for p in many[3:]], 'W/"undone"'
    answer(azure, A, *many[6:])
    sync(app, mode=Mode.PLAN)
    outcome = ended(app, run_id)
    assert (outcome["status"], outcome["added"]) == ("blocked", [A])
    assert outcome["removed"] == many[:3]
    assert owned_prefixes(table) == {A, *many[3:]}
