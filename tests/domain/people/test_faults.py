"""What people are told of faults, and that they are told it once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.people.faults import check_notice, run_notice
from shared.domain.people.health import Alarm
from shared.domain.people.notices import Ledger, NoticeKind
from shared.domain.people.waiting import run_waits
from shared.domain.routing.plan import Conflict
from shared.domain.runs.run import Mode, VersionSeen
from tests.builders.notices import NOW, A, check, failed, outcome, rid, run, waits
from tests.builders.runs import TAG


def told(ledger, *outcomes, **fields):
    """The kind and items of the notice, if there is one, and the ledger after it."""
    notice, after = run_notice(run(**fields), outcomes, ledger, {})
    return notice and (notice.kind, [item.state for item in notice.items]), after


def test_nothing_changed_is_nothing_to_tell():
    assert told(Ledger(), outcome()) == (None, Ledger())


def test_a_change_is_told_in_counts_without_its_prefixes():
    changed = outcome("one", "changed", added=(A,), removed=("20.0.1.0/24", "20.0.2.0/24"))
    notice, after = run_notice(run(), [changed, outcome("two")], Ledger(), {})
    assert notice is not None
    assert (notice.kind, notice.title) == (NoticeKind.CHANGED, "1 route table changed")
    [item] = notice.items
    assert (item.state, item.text, item.route_table_id) == ("changed", "+1 -2", rid("one"))
    assert A not in str(notice)
    assert after == Ledger()


@pytest.mark.parametrize(
    "bad",
    [
        failed(),
        outcome(status="blocked"),
        outcome(status="conflict", conflicts=(Conflict(A, "mine", "VirtualAppliance"),)),
    ],
)
def test_a_fault_is_told_once_and_its_end_once(bad):
    first, ledger = told(Ledger(), bad)
    assert first == (NoticeKind.FAULT, [bad.status])
    again, ledger = told(ledger, bad, number=1)
    assert again is None
    end, ledger = told(ledger, outcome(), number=2)
    assert end == (NoticeKind.RECOVERED, ["recovered"])
    assert told(ledger, outcome(), number=3) == (None, Ledger())


def test_another_fault_of_the_same_table_is_news():
    _, ledger = told(Ledger(), failed(code="AuthorizationFailed"))
    news, _ = told(ledger, failed(code="ScopeLocked"))
    assert news == (NoticeKind.FAULT, ["failed"])


def test_what_a_faulty_table_changed_besides_is_told():
    def bad(**fields):
        conflict = Conflict(A, "mine", "VirtualAppliance")
        return outcome(status="conflict", conflicts=(conflict,), **fields)

    _, ledger = told(Ledger(), bad())
    news, _ = told(ledger, bad(added=("20.0.9.0/24",)), number=1)
    assert news == (NoticeKind.CHANGED, ["conflict"])


@pytest.mark.parametrize("alarm_comes_first", [False, True])
def test_a_digest_does_not_repeat_a_source_that_a_run_could_not_read(alarm_comes_first):
    alarms = [Alarm(lookup("TagUnavailable"), "unusable now", about=tag) for tag in (TAG, "Other")]
    ledger = Ledger()
    if alarm_comes_first:
        _, ledger = check_notice(check(alarms[0], day=-1, unusable=[TAG]), ledger, set())

    error = Finding(lookup("TagUnavailable"), "empty")
    _, ledger = run_notice(run(error=error, unusable={TAG: "empty"}), [outcome()], ledger, {})
    notice, _ = check_notice(check(*alarms, day=1, unusable=[TAG, "Other"]), ledger, set())
    assert notice is not None
    assert [(item.state, item.text) for item in notice.items] == [
        ("failed", f"{TAG}: empty"),
        ("alarm", "TagUnavailable: unusable now"),
    ]


def test_a_stale_table_that_begins_to_wait_has_not_recovered():
    stale = Alarm(lookup("TableStale"), "for days", rid("one"))
    keys = {rid("one").key}
    _, ledger = check_notice(check(stale, wrong=["one"]), Ledger(), keys)
    _, ledger = run_waits(run(1), [waits()], ledger, {}, paused=False)
    notice, ledger = check_notice(check(stale, day=2, wrong=["one"]), ledger, keys)
    assert notice is None
    assert ledger.faults == {}


def test_of_another_table_a_fault_stays_open():
    _, ledger = told(Ledger(), failed("one"), failed("two"))
    notice, ledger = told(ledger, outcome("one"), number=1)
    assert notice == (NoticeKind.RECOVERED, ["recovered"])
    assert list(ledger.faults) == [rid("two").key]


def test_what_a_later_run_found_is_not_opened_again():
    """Notices may come in any order."""
    later = {rid("one").key: run(5).run_id}
    notice, ledger = run_notice(run(1), [failed()], Ledger(), later)
    assert notice is not None
    assert notice.items[0].state == "failed"
    assert ledger == Ledger()


def test_a_source_that_can_not_be_believed_is_a_fault_until_it_can():
    error = Finding(lookup("TagUnavailable"), "empty")
    seen = VersionSeen("v1", "AzureCloud", TAG, "1", (), ())
    notice, ledger = told(Ledger(), outcome(), error=error, unusable={TAG: "empty"})
    assert notice == (NoticeKind.FAULT, ["failed"])
    assert told(ledger, outcome(), number=1, versions=())[0] is None
    notice, ledger = told(ledger, outcome(), number=2, versions=(seen,))
    assert (notice, ledger) == ((NoticeKind.RECOVERED, ["recovered"]), Ledger())


def test_a_run_that_timed_out_is_a_fault_until_one_ends_well():
    notice, ledger = told(Ledger(), error=Finding(lookup("RunTimedOut"), "two hours"))
    assert notice == (NoticeKind.FAULT, ["failed"])
    assert told(ledger, outcome(), number=1) == (
        (NoticeKind.RECOVERED, ["recovered"]),
        Ledger(),
    )


def test_a_plan_that_nobody_asked_for_tells_of_faults():
    notice, _ = told(Ledger(), failed(), mode=Mode.PLAN)
    assert notice == (NoticeKind.FAULT, ["failed"])
    assert told(Ledger(), outcome(status="planned", added=(A,)), mode=Mode.PLAN)[0] is None


def test_a_link_in_a_message_loses_what_may_be_a_key():
    message = "see https://app.example/api/runs/1?code=secret-key&x=1 for more"
    notice, _ = run_notice(
        run(), [outcome(status="failed", error=Finding(lookup("X"), message))], Ledger(), {}
    )
    assert "secret-key" not in str(notice)
    assert "https://app.example/api/runs/1" in str(notice)


def checked(ledger, *alarms, registered=("one",), **found):
    keys = {rid(name).key for name in registered}
    notice, after = check_notice(check(*alarms, **found), ledger, keys)
    return notice and notice.kind, after


def test_once_a_week_all_is_well():
    kinds, ledger = [], Ledger()
    for day in range(15):
        kind, ledger = checked(ledger, day=day)
        kinds.append(kind)
    well = NoticeKind.ALL_WELL
    assert kinds == [well, *[None] * 6, well, *[None] * 6, well]
    notice, _ = check_notice(check(), Ledger(), ())
    assert notice is not None
    assert notice.title == (
        "all well, 2 route tables, version AzureCloud.AppServiceManagement-000007"
    )


def test_an_alarm_comes_once_a_day_until_it_is_gone():
    kind, ledger = checked(Ledger(), "TableStale")
    assert kind is NoticeKind.DIGEST
    assert checked(ledger, "TableStale")[0] is None
    kind, ledger = checked(ledger, "TableStale", day=1)
    assert kind is NoticeKind.DIGEST
    kind, ledger = checked(ledger, day=2)
    assert kind is NoticeKind.RECOVERED
    assert checked(ledger, day=3)[0] is NoticeKind.ALL_WELL


def test_a_new_alarm_on_the_same_day_is_told():
    _, ledger = checked(Ledger(), "TableStale")
    assert checked(ledger, "TableStale", "CapacityLow")[0] is NoticeKind.DIGEST
    assert checked(ledger)[0] is NoticeKind.RECOVERED


def test_an_open_fault_is_in_the_digest_and_nothing_is_well():
    _, ledger = told(Ledger(), failed())
    notice, ledger = check_notice(check(day=1, wrong=["one"]), ledger, {rid("one").key})
    assert notice is not None
    assert (notice.kind, notice.title) == (NoticeKind.DIGEST, "1 fault open")
    assert [item.state for item in notice.items] == ["failed"]


def test_of_a_table_that_is_no_longer_registered_nothing_is_told():
    _, ledger = told(Ledger(), failed())
    kind, ledger = checked(ledger, day=1, registered=())
    assert kind is NoticeKind.ALL_WELL
    assert ledger.faults == {}


def test_all_is_not_well_while_a_table_is_not_right():
    kind, ledger = checked(Ledger(), wrong=["one"])
    assert kind is None
    assert checked(ledger, day=1)[0] is NoticeKind.ALL_WELL


def test_what_the_check_finds_right_is_no_fault_any_more():
    _, ledger = told(Ledger(), failed("one"))
    kind, ledger = checked(ledger, day=1, wrong=["two"])
    assert (kind, ledger.faults) == (NoticeKind.RECOVERED, {})


def test_a_source_that_the_check_can_read_is_no_fault_any_more():
    error = Finding(lookup("TagUnavailable"), "empty")
    _, ledger = told(Ledger(), error=error, unusable={TAG: "empty", "/an/ase": "down"})
    kind, ledger = checked(ledger, day=1, unusable=[TAG])
    assert (kind, len(ledger.faults)) == (NoticeKind.DIGEST, 2)
    kind, ledger = checked(ledger, day=2)
    assert (kind, list(ledger.faults)) == (NoticeKind.DIGEST, ["source|/an/ase"])


def test_a_version_that_the_weekly_file_completed_mends_no_source():
    _, ledger = told(Ledger(), error=Finding(lookup("TagUnavailable"), "e"), unusable={TAG: "e"})
    seen = VersionSeen("v", "AzureCloud", TAG, "1", (A,), ())
    _, still = told(ledger, unusable={TAG: "e"}, versions=(seen,), number=1)
    assert list(still.faults) == [f"source|{TAG}"]
    assert told(still, versions=(seen,), number=2)[1].faults == {}


def test_of_more_tables_than_are_listed_none_is_taken_to_be_right():
    _, ledger = told(Ledger(), failed("one"))
    report = check(day=1, wrong=["two"], unlisted=1)
    _, ledger = check_notice(report, ledger, {rid("one").key})
    assert list(ledger.faults) == [rid("one").key]


def test_a_recovered_fault_makes_way_for_all_well():
    _, ledger = told(replace(Ledger(), all_well_on=NOW.date()), failed())
    _, ledger = told(ledger, outcome(), number=1)
    assert checked(ledger, day=6)[0] is None
    assert checked(ledger, day=7)[0] is NoticeKind.ALL_WELL


def test_an_all_well_that_was_told_while_the_clock_ran_ahead_silences_no_other():
    told_on = (NOW + timedelta(days=400)).date()
    assert checked(replace(Ledger(), all_well_on=told_on), day=0)[0] is NoticeKind.ALL_WELL


def test_a_table_that_waits_is_no_fault_and_ends_the_fault_that_it_had():
    blocked = outcome(status="blocked")
    _, ledger = told(Ledger(), blocked)
    assert told(ledger, waits(), number=1) == ((NoticeKind.RECOVERED, ["recovered"]), Ledger())
    conflict = Conflict(A, "mine", "VirtualAppliance")
    both = replace(waits(status="conflict"), conflicts=(conflict,))
    _, ledger = told(Ledger(), both)
    assert list(ledger.faults) == [rid("one").key]


@pytest.mark.parametrize(("paused", "kind"), [(False, None), (True, NoticeKind.DIGEST)])
def test_a_table_of_which_people_are_reminded_is_not_stale_besides(paused, kind):
    """The daily reminder says since when it waits. While the app is paused there is none."""
    _, ledger = run_waits(run(), [waits()], Ledger(), {}, paused=False)
    stale, full = lookup("TableStale"), lookup("CapacityLow")
    found = check(Alarm(stale, "3 days", rid("one")), day=3, wrong=["one"])
    registered = {rid(name).key for name in ("one", "two")}
    notice, _ = check_notice(found, ledger, registered, paused=paused)
    assert (notice and notice.kind) is kind

    more = (Alarm(stale, "3 days", rid("two")), Alarm(full, "390 of 400", rid("one")))
    found = check(*found.alarms, *more, day=3, wrong=["one"])
    notice, _ = check_notice(found, ledger, registered, paused=False)
    assert notice is not None
    assert {(i.text, i.route_table_id) for i in notice.items} == {
        ("TableStale: 3 days", rid("two")),
        ("CapacityLow: 390 of 400", rid("one")),
    }


def test_a_run_that_somebody_interrupted_is_no_fault_and_what_it_changed_is_told():
    stopped = Finding(lookup("Interrupted"), "at the command line")
    assert told(Ledger(), outcome(), error=stopped) == (None, Ledger())
    changed = outcome("one", "changed", added=(A,))
    found, after = told(Ledger(), changed, error=stopped)
    assert (found, after) == ((NoticeKind.CHANGED, ["changed"]), Ledger())
