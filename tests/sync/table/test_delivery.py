"""One table's message is delivered once, twice, late or in vain."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from local.azure.faults import LOST_SIGHT, Delay, InjectedFault, refusal
from shared.arm.route_tables import ArmRouteTables
from shared.deadline import GIVEN_UP_AFTER_SECONDS
from shared.domain.codes import lookup
from shared.domain.errors import TransientError
from shared.sync.table import in_hand
from tests.builders.azure import add_table, answer, rid, table_writes
from tests.builders.clocks import LONGEST_SECONDS, Slow
from tests.builders.routes import owned, to_firewall
from tests.builders.runs import begin, outcome_of, register, run_report, spoil, started, sync
from tests.calls import in_hand as calls_in_hand
from tests.calls import pass_by

A, B = "20.0.0.0/24", "20.0.1.0/24"


def test_a_run_that_began_before_the_pause_writes_nothing_after_it(azure, app, make_app):
    add_table(azure.state, "one")
    run_id = started(app, "one")
    outcome = make_app(PAUSED="true").tables.sync(run_id, rid("one")).outcome
    assert outcome.status == "planned"
    assert azure.state.writes() == []


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


def test_passing_trouble_is_raised_and_noted_until_the_queue_gives_up(azure, app):
    table = add_table(azure.state, "one")
    run_id = started(app, "one")
    refused = {"error": {"code": "ServiceUnavailable", "message": "later"}}
    azure.state.faults.append(refusal("PUT", "routetables/one", 503, refused, times=99))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    assert run_report(app, run_id)["status"] == "Running"
    app.tables.fail_poisoned(run_id, rid("one"))
    whole = run_report(app, run_id)
    assert whole["status"] == "Failed"
    assert outcome_of(whole, "one")["error"]["code"] == "ServiceUnavailable"
    assert len(outcome_of(whole, "one")["correlationId"]) == 36
    assert table.routes == []


def test_a_failed_outcome_reports_what_stands(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    answer(azure, A, B)
    run_id = started(app, "one")
    azure.state.faults.append(refusal("PUT", "routetables/one", 502, {}, effected=True))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    table.routes, table.etag = [to_firewall(), owned(A)], 'W/"without B"'
    app.tables.fail_poisoned(run_id, rid("one"))
    outcome = outcome_of(run_report(app, run_id), "one")
    assert (outcome["status"], outcome["added"], outcome["findings"]) == ("failed", [A], [])
    assert app.outcomes.get(run_id, rid("one")).changes.added == {A}


def test_an_error_that_nobody_foresaw_keeps_no_table_from_its_failed_outcome(
    azure, app, monkeypatch
):
    add_table(azure.state, "one", [to_firewall()])
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.faults.append(refusal("PUT", "routetables/one", 502, {}))
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))

    def read(*_arguments):
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(ArmRouteTables, "read", read)
    outcome = app.tables.fail_poisoned(run_id, rid("one")).outcome
    assert outcome.status == "failed"
    assert [finding.code.name for finding in outcome.findings] == ["WriteUnconfirmed"]


def test_a_write_that_nobody_can_read_is_named_in_the_failed_outcome(azure, app):
    add_table(azure.state, "one", [to_firewall(), owned(B)])
    answer(azure, A)
    run_id = started(app, "one")
    forbidden = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    lost = refusal("GET", "routetables/one$", 403, forbidden, times=99)
    azure.state.faults += [lost.model_copy(update={"skip": 1})]
    with pytest.raises(TransientError, match="AuthorizationFailed"):
        app.tables.sync(run_id, rid("one"))
    app.tables.sync(run_id, rid("one"))
    outcome = outcome_of(run_report(app, run_id), "one")
    assert (outcome["status"], outcome["added"]) == ("failed", [])
    assert outcome["error"]["code"] == "AuthorizationFailed"
    [finding] = outcome["findings"]
    assert finding["code"] == "WriteUnconfirmed"
    assert f"added: {A}; removed: {B}" in finding["message"]
    assert app.outcomes.get(run_id, rid("one")).changes.removed == {B}


def test_a_changed_table_among_many_costs_seven_calls_of_storage(azure, app):
    names = ("first", "one", "last")
    for name in names:
        add_table(azure.state, name, [to_firewall()])
    answer(azure, A)
    run_id = started(app, *names)
    app.tables.sync(run_id, rid("first"))  # the first one also reads the run

    calls: list[str] = []
    app.tables._in_hand.take(run_id)  # another thread still works on the last one
    with calls_in_hand(lambda request: calls.append(f"{request.method} {request.url}"), pass_by):
        assert app.tables.sync(run_id, rid("one")).outcome.status == "changed"

    of_storage = [call for call in calls if urlsplit(app.account.runs.url).netloc in call]
    assert len(of_storage) == 7, of_storage


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


@pytest.fixture
def seen(azure, app, clock):
    """A table that was there in the last run, and a run that is to sync it."""
    table = add_table(azure.state, "one", [to_firewall()])
    answer(azure, A)
    register(app, "one")
    assert sync(app)["status"] == "Succeeded"
    run_id = begin(app)
    app.run_start.start(run_id)
    return table, run_id


def asked_in_vain(app, run_id):
    with pytest.raises(TransientError, match="RouteTableGone"):
        app.tables.sync(run_id, rid("one"))


def test_a_single_404_is_no_loss(azure, app, seen):
    _, run_id = seen
    azure.state.faults.append(InjectedFault(method="GET", path="one$", effect=LOST_SIGHT))
    asked_in_vain(app, run_id)
    assert app.tables.sync(run_id, rid("one")).outcome.status == "unchanged"


@pytest.mark.parametrize("body", [None, "", {}], ids=["a page", "nothing", "no code"])
def test_a_404_that_azure_has_not_given_a_code_is_no_answer_about_the_table(azure, app, seen, body):
    _, run_id = seen
    azure.state.faults.append(refusal("GET", "routetables/one$", 404, body))
    with pytest.raises(TransientError, match="AnswerWithoutCode"):
        app.tables.sync(run_id, rid("one"))
    assert app.tables.sync(run_id, rid("one")).outcome.status == "unchanged"


def test_a_table_that_was_there_is_asked_for_ten_minutes_before_it_is_gone(azure, app, clock, seen):
    table, run_id = seen
    azure.state.remove(table)
    asked_in_vain(app, run_id)
    clock.shift(599)
    asked_in_vain(app, run_id)
    clock.shift(1)
    outcome = app.tables.sync(run_id, rid("one")).outcome
    assert (outcome.status, outcome.error.code.name) == ("failed", "RouteTableGone")
    again = outcome_of(sync(app), "one")
    assert again["error"]["code"] == "RouteTableGone"  # and it is not waited for again
    azure.state.add_table(table)
    assert outcome_of(sync(app), "one")["status"] == "unchanged"


def test_the_ten_minutes_begin_anew_when_the_table_was_found(azure, app, clock, seen):
    table, run_id = seen
    azure.state.remove(table)
    asked_in_vain(app, run_id)
    clock.shift(599)
    azure.state.add_table(table).provisioning_state = "Updating"
    with pytest.raises(TransientError, match="TableBusy"):
        app.tables.sync(run_id, rid("one"))
    azure.state.remove(table)
    asked_in_vain(app, run_id)
    clock.shift(599)
    asked_in_vain(app, run_id)


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


@pytest.mark.parametrize(("lasts", "ended"), [(GIVEN_UP_AFTER_SECONDS, False), (0, True)])
def test_a_thread_that_hangs_does_not_keep_a_run_from_its_end_for_ever(
    azure, app, monkeypatch, lasts, ended
):
    assert in_hand.LONGEST_SECONDS == GIVEN_UP_AFTER_SECONDS
    monkeypatch.setattr(in_hand, "LONGEST_SECONDS", lasts)
    add_table(azure.state, "one", [to_firewall()])
    run_id, slow = started(app, "one"), Slow()

    with ThreadPoolExecutor(1) as threads:
        with monkeypatch.context() as only_here:
            only_here.setattr(app.route_tables, "read", lambda _table: slow())
            hangs = threads.submit(app.tables.sync, run_id, rid("one"))
            assert slow.begun.wait(LONGEST_SECONDS)
        assert app.tables.sync(run_id, rid("one")).outcome.status == "changed"
        assert app.runs.get(run_id).ended is ended
        slow.may_end.set()
        assert hangs.exception(LONGEST_SECONDS) is not None


REFUSED_TOKENS = {
    "invalid": {"error": {"code": "InvalidAuthenticationToken", "message": "no"}},
    "failed": {"error": {"code": "AuthenticationFailed", "message": "no"}},
    "expired": {"error": {"code": "ExpiredAuthenticationToken", "message": "no"}},
    "unknown code": {"error": {"code": "AuthorizationFailed", "message": "no"}},
    "no JSON": "",
    "no body": None,
}


@pytest.mark.parametrize("body", REFUSED_TOKENS.values(), ids=REFUSED_TOKENS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_refused_token_is_passing_trouble_and_the_next_delivery_signs_in_anew(
    azure, app, method, body
):
    add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    signed_in = InjectedFault(method="GET", path="/msi/token", effect=Delay(seconds=0), times=99)
    azure.state.faults += [refusal(method, "routetables/one$", 401, body, times=2), signed_in]
    for again in range(2):
        with pytest.raises(TransientError, match="SignInFailed"):
            app.tables.sync(run_id, rid("one"))
        assert run_report(app, run_id)["status"] == "Running"
        assert signed_in.times <= 99 - again
    app.tables.sync(run_id, rid("one"))
    assert signed_in.times <= 97
    assert outcome_of(run_report(app, run_id), "one")["added"] == [A]


@pytest.mark.parametrize(("seconds", "ends"), [(599, False), (600, True)])
def test_a_token_that_is_refused_for_ten_minutes_is_a_failed_outcome(
    azure, app, clock, seconds, ends
):
    add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    azure.state.faults.append(
        refusal("GET", "routetables/one$", 401, REFUSED_TOKENS["failed"], times=99)
    )
    clock.shift(3600)  # the ten minutes begin with the first refusal
    with pytest.raises(TransientError):
        app.tables.sync(run_id, rid("one"))
    clock.shift(seconds)
    if not ends:
        with pytest.raises(TransientError):
            app.tables.sync(run_id, rid("one"))
        return
    app.tables.sync(run_id, rid("one"))
    error = outcome_of(run_report(app, run_id), "one")["error"]
    assert error["code"] == "SignInFailed"
    assert "AuthenticationFailed" in error["message"]


def test_other_trouble_in_between_begins_the_ten_minutes_anew(azure, app, clock):
    add_table(azure.state, "one")
    run_id = started(app, "one")
    for status in (401, 503, 401):
        azure.state.faults.append(refusal("GET", "routetables/one$", status, None, times=4))
        with pytest.raises(TransientError):
            app.tables.sync(run_id, rid("one"))
        azure.state.faults.clear()
        clock.shift(500)


@pytest.mark.parametrize("named", [("one", "two"), ()])
def test_a_row_that_cannot_be_read_fails_its_own_table_and_no_other(azure, app, named):
    for name in ("one", "two"):
        add_table(azure.state, name)
        register(app, name)
    spoil(app, "one")
    whole = sync(app, *named)
    failed = outcome_of(whole, "one")
    assert (failed["status"], failed["error"]["code"]) == ("failed", "RowUnreadable")
    assert outcome_of(whole, "two")["status"] == "changed"
    assert [write["path"].split("/")[-1] for write in table_writes(azure.state)] == ["two"]
