"""The summary of each kind of notice stands alone: which table, what, since when, what to do."""

from dataclasses import replace

import pytest

from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.people.faults import check_notice, run_notice
from shared.domain.people.health import Alarm
from shared.domain.people.notices import Item, Ledger
from shared.domain.people.summaries import LONGEST, MOST_STEPS, steps_of, summary_of
from shared.domain.people.waiting import run_waits
from shared.domain.routing.judgement import Violation
from shared.domain.routing.plan import Conflict
from shared.domain.runs.run import Action
from tests.builders.notices import A, B, C, check, failed, outcome, rid, run, waits
from tests.builders.runs import TAG

RUN = run().run_id
BOTH = {rid(name).key for name in ("one", "two")}
BLOCKED = outcome(
    status="blocked",
    violations=(Violation(lookup("MaxRemovedPercent"), "12 of 60 routes would go", 20, 10),),
)


def told(*outcomes, ledger=None, number=0, **fields):
    """The notice about a run with these outcomes, and the ledger after it."""
    return run_notice(run(number, **fields), outcomes, ledger or Ledger(), {})


def checked(*alarms, ledger=None, **found):
    return check_notice(check(*alarms, **found), ledger or Ledger(), BOTH)


def test_a_fault_says_which_table_what_since_when_and_what_to_do():
    notice, _ = told(BLOCKED, failed("two"), outcome("three", "changed", added=(A,)))
    assert notice.summary == (
        "one in rg-one: blocked since 2026-03-04 06:00 UTC. "
        "MaxRemovedPercent: 12 of 60 routes would go. And 2 more. "
        f"{lookup('MaxRemovedPercent').remedy}"
    )
    assert notice.path == f"dashboard?run={RUN}"
    forced, assigned = (step.command for step in notice.steps)
    expected = f"ase-route-sync apply --plan {RUN} --force MaxRemovedPercent --reason '...'"
    assert forced == expected
    assert "--role 'ASE Route Sync Operator'" in assigned


def test_since_when_is_the_first_time_however_the_fault_changes():
    _, ledger = told(failed())
    _, ledger = told(BLOCKED, ledger=ledger, number=1)
    notice, ledger = checked(day=2, wrong=["one"], ledger=ledger)
    assert notice.summary.startswith("one in rg-one: blocked since 2026-03-04 06:00 UTC. ")
    assert notice.items[0].run_id == run(1).run_id
    assert notice.path == "dashboard"

    notice, ledger = told(outcome(), ledger=ledger, number=3)
    assert notice.summary.startswith(
        "one in rg-one: recovered, was blocked since 2026-03-04 06:00 UTC: MaxRemovedPercent: "
    )
    assert notice.summary.endswith("No action is needed.")
    notice, _ = told(failed(), ledger=ledger, number=4)
    assert "since 2026-03-08 06:00 UTC" in notice.summary


def test_a_conflict_says_which_route_is_in_the_way_and_how_it_is_accepted():
    conflict = Conflict(A, "mine", "VirtualAppliance", next_hop_address="10.1.0.4")
    notice, _ = told(outcome(status="conflict", conflicts=(conflict,)))
    assert notice.summary == (
        f"one in rg-one: conflict since 2026-03-04 06:00 UTC. {A}: route mine sends it to "
        "VirtualAppliance 10.1.0.4. Correct or remove that route. If it is there on purpose, "
        "accept it until a day."
    )
    [step] = notice.steps
    assert step.command is not None and f"--exception '{A},YYYY-MM-DD,REASON'" in step.command


def test_of_several_conflicts_the_first_is_named_and_the_others_are_counted():
    conflicts = tuple(Conflict(prefix, "mine", "VirtualAppliance") for prefix in (A, B, C))
    accepted = replace(conflicts[0], accepted="on purpose")
    notice, _ = told(outcome(status="conflict", conflicts=(accepted, *conflicts[1:])))
    text = f"{B}: route mine sends it to VirtualAppliance; and 1 conflict more"
    assert notice.items[0].text == text


def test_a_line_does_not_say_what_to_do_because_the_notice_says_it():
    denied = lookup("AuthorizationFailed")
    error = Finding(denied, f"no right to write. {denied.to_do}")
    notice, _ = told(outcome(status="failed", error=error))
    assert notice.items[0].text == "AuthorizationFailed: no right to write."
    assert notice.summary.count(denied.remedy) == 1
    assert notice.steps[0].remedy == denied.remedy


def test_what_a_rollback_was_refused_is_forced_by_a_rollback():
    undone = run(-1).run_id
    notice, _ = run_notice(run(action=Action.ROLLBACK, rolled_back=undone), [BLOCKED], Ledger(), {})
    assert notice is not None
    assert notice.steps[0].command == (
        f"ase-route-sync rollback {rid('one')} --run {undone} --force MaxRemovedPercent "
        "--reason '...'"
    )


def test_a_source_that_fails_for_the_whole_app_says_so():
    error = Finding(lookup("TagUnavailable"), "empty")
    notice, _ = told(outcome(), error=error, unusable={TAG: "it names no addresses"})
    assert notice.summary.startswith(
        f"The app: failed since 2026-03-04 06:00 UTC. {TAG}: it names no addresses. "
    )
    assert notice.steps[0].command == "ase-route-sync doctor"


def test_a_change_says_what_and_when_and_that_nobody_has_to_act():
    notice, _ = told(outcome("one", "changed", added=(A,)), outcome("two", "changed", added=(A,)))
    assert notice.summary == (
        "one in rg-one: changed, +1. And 1 more. "
        "The run ended at 2026-03-04 06:00 UTC. No action is needed."
    )
    assert notice.steps == ()


def test_the_daily_digest_says_the_first_alarm_and_does_not_repeat_its_remedy():
    held = lookup("TableHeld")
    message = f"2 prefixes are held since run {RUN} was rolled back. {held.remedy}"
    notice, _ = checked(Alarm(held, message, rid("one")), wrong=["one"])
    assert notice.summary.count(held.remedy) == 1
    assert notice.summary.startswith("one in rg-one: alarm since 2026-03-04 06:00 UTC. TableHeld: ")
    assert notice.steps[0].command.startswith("ase-route-sync release ")


def test_two_alarms_of_the_app_are_told_apart_by_what_they_are_about():
    code = lookup("LocationStale")
    both = [Alarm(code, f"{at} stands still", about=at) for at in ("westeurope", "eastus")]
    notice, _ = checked(*both)
    assert len(notice.items) == 2


def test_all_well_says_so_and_when_it_was_seen():
    notice, _ = checked()
    assert notice.summary == (
        "The check at 2026-03-04 06:00 UTC found every one right. No action is needed."
    )


def test_what_waits_says_the_command_that_approves_it():
    notice, _ = run_waits(run(), [waits("one"), waits("two")], Ledger(), {}, paused=False)
    assert notice is not None
    assert notice.summary == (
        f"one in rg-one: waits since 2026-03-04 06:00 UTC. +1 -2 in run {RUN}. And 1 more. "
        "Look at what the run shows. If it is right, approve this run by its id. "
        f"ase-route-sync approve {RUN}"
    )


def test_a_summary_has_a_bound_and_keeps_its_beginning():
    item = Item("failed", "x" * 300, rid("one"), code=lookup("TagUnavailable"))
    assert summary_of([item]).startswith("one in rg-one: failed, xxx")
    assert len(summary_of([item], "y" * 600)) == LONGEST


@pytest.mark.parametrize("count", [1, MOST_STEPS, MOST_STEPS + 1])
def test_a_few_different_steps_are_shown_and_each_once(count):
    codes = ["AuthorizationFailed", "TableBusy", "MaxRemovedPercent", "TagUnavailable"][:count]
    both = (rid("one"), rid("two"))
    items = [Item("failed", "", table, code=lookup(code)) for code in codes for table in both]
    steps = steps_of(items)
    assert [step.remedy for step in steps] == [lookup(c).remedy for c in codes[:MOST_STEPS]]
    assert "rg-two" not in str(steps)
