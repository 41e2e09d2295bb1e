"""What people are told of changes that wait for an approval."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.domain.people.notices import MOST_REMEMBERED, Ledger, NoticeKind
from shared.domain.people.waiting import check_waits, run_waits, waiting_in
from shared.domain.runs.run import Action, Mode, Trigger
from tests.builders.notices import NOW, A, B, check, failed, outcome, rid, run, waits

FIRST = run(0).run_id
SECOND = run(1).run_id


def after(ledger, *outcomes, number=0, paused=False, last=None, **asked):
    """The notice about a run with these outcomes, and the ledger after it."""
    return run_waits(run(number, **asked), outcomes, ledger, last or {}, paused=paused)


def reminded(ledger, *, registered=("one", "two"), untold=(), paused=False, **found):
    keys = {rid(name).key for name in registered}
    found = {"wrong": [*registered], **found}
    return check_waits(check(**found), ledger, dict(untold), keys, paused=paused)


def commands_of(notice):
    return [step.command for step in notice.steps]


def known(*outcomes, number=0):
    return after(Ledger(), *outcomes, number=number)[1]


def test_what_waits_is_told_at_once_with_the_run_to_approve():
    notice, _ = after(Ledger(), waits("one", add=(A, "20.0.9.0/24")), outcome("two"))
    assert notice is not None
    assert (notice.notice_id, notice.kind) == (FIRST, NoticeKind.WAITS)
    assert notice.title == "1 route table waits for approval"
    assert notice.facts == {
        "Since": "2026-03-04 06:00 UTC",
        "Who may approve": "an Approver; at the command line, whoever may write the route tables",
    }
    assert commands_of(notice) == [f"ase-route-sync approve {FIRST}"]
    [item] = notice.items
    assert (item.state, item.route_table_id) == ("waits", rid("one"))
    assert item.text == f"+2 -2 in run {FIRST}"
    assert notice.path == f"dashboard?run={FIRST}"
    assert A not in str(notice)


@pytest.mark.parametrize("status", ["planned", "changed", "conflict", "blocked"])
def test_it_waits_whatever_else_became_of_the_table(status):
    notice, ledger = after(Ledger(), waits(status=status))
    assert notice is not None
    assert list(ledger.waiting) == [rid("one").key]


@pytest.mark.parametrize("trigger", [Trigger.HTTP, Trigger.TIMER])
def test_a_plan_waits_for_nobody(trigger):
    """A person has asked for it and reads it, or the app is paused."""
    planned = outcome(status="planned", added=(A,))
    for one in (planned, waits()):
        assert after(Ledger(), one, mode=Mode.PLAN, trigger=trigger) == (None, Ledger())


def test_until_it_is_approved_people_are_reminded_once_a_day():
    ledger = known(waits())
    told = []
    for quarter in range(1, 13):
        notice, ledger = reminded(ledger, day=quarter / 4)
        told.append(notice and notice.at.hour)
    # It was told at 06:00 of the first day, and the dates change at midnight.
    assert told == [None, None, 0, None, None, None, 0, None, None, None, 0, None]

    _, ledger = after(ledger, outcome(status="changed", added=(A,), removed=(B,)), number=4)
    assert ledger.waiting == {}
    assert reminded(ledger, day=5)[0] is None


def test_the_reminder_names_the_newest_run_of_each_table_and_since_when_it_waits():
    ledger = known(waits("one"), waits("two"))
    _, ledger = after(ledger, waits("two", add=()), number=1)
    notice, _ = reminded(ledger, day=2)
    assert notice is not None
    assert (notice.notice_id, notice.title) == ("check-2", "2 route tables wait for approval")
    assert notice.facts["Since"] == "2026-03-04 06:00 UTC"
    commands = [f"ase-route-sync approve {run_id}" for run_id in (SECOND, FIRST)]
    assert commands_of(notice) == commands
    assert [(item.route_table_id.name, item.text) for item in notice.items] == [
        ("two", f"-2 in run {SECOND}"),
        ("one", f"+1 -2 in run {FIRST}"),
    ]
    assert notice.path == f"dashboard?run={SECOND}"


def test_of_many_runs_three_are_named():
    ledger = Ledger()
    for number in range(5):
        _, ledger = after(ledger, waits(f"table{number}"), number=number)
    notice, _ = reminded(ledger, day=9, registered=[f"table{number}" for number in range(5)])
    assert notice is not None
    newest = [run(number).run_id for number in (4, 3, 2)]
    assert commands_of(notice) == [f"ase-route-sync approve {run_id}" for run_id in newest]
    assert all(item.run_id in item.text for item in notice.items)


def test_the_same_that_waits_again_is_no_news_and_a_newer_version_is():
    ledger = known(waits(version=1))
    notice, ledger = after(ledger, waits(version=1, add=()), number=1)
    assert notice is None
    assert ledger.waiting[rid("one").key].item.run_id == SECOND
    notice, ledger = after(ledger, waits(version=2), number=2)
    assert notice is not None
    notice, _ = after(ledger, waits(version=2), waits("two"), number=2)
    assert [item.route_table_id.name for item in notice.items] == ["one", "two"]


def test_a_check_leaves_its_reminder_to_the_run_that_it_starts():
    """The plan may have changed, and then only that run can be approved."""
    ledger = known(waits("one"), waits("two"))
    notice, ledger = reminded(ledger, day=1, run_id=SECOND)
    assert notice is None
    notice, ledger = after(ledger, waits("one"), number=1, trigger=Trigger.CHECK)
    assert notice is not None
    assert [item.run_id for item in notice.items] == [SECOND, FIRST]
    assert after(ledger, waits("one"), number=1, trigger=Trigger.CHECK)[0] is None
    assert reminded(ledger, day=1)[0] is None


def test_what_is_told_in_a_run_is_not_repeated_by_the_check_of_that_day():
    assert reminded(known(waits()), day=0.5)[0] is None
    assert reminded(known(waits()), day=0.75)[0] is not None


@pytest.mark.parametrize("bad", [failed(), outcome(status="blocked")])
def test_a_table_that_could_not_be_judged_still_waits(bad):
    ledger = known(waits())
    notice, ledger = after(ledger, bad, number=1)
    assert notice is None
    notice, _ = reminded(ledger, day=1)
    assert notice is not None
    assert notice.items[0].run_id == FIRST


@pytest.mark.parametrize("action", [Action.ADOPT, Action.ROLLBACK, Action.REMOVE])
def test_an_action_that_is_no_sync_says_nothing_of_what_waits(action):
    ledger = known(waits())
    done = outcome(status="changed", added=(A,))
    assert after(ledger, done, number=1, action=action) == (None, ledger)


def test_it_ends_without_a_word_when_nothing_waits_any_more():
    assert after(known(waits()), outcome(), number=1) == (
        None,
        replace(known(waits()), waiting={}),
    )
    notice, ledger = reminded(known(waits()), day=1, wrong=[])
    assert (notice, ledger.waiting) == (None, {})
    notice, ledger = reminded(known(waits()), day=1, registered=["two"])
    assert (notice, ledger.waiting) == (None, {})


def test_of_more_tables_than_are_listed_none_is_taken_to_be_right():
    notice, _ = reminded(known(waits()), day=1, wrong=["two"], unlisted=1)
    assert notice is not None


def test_while_the_app_is_paused_nobody_is_reminded_and_nothing_is_forgotten():
    notice, ledger = after(Ledger(), waits(), paused=True)
    assert notice is None
    notice, ledger = reminded(ledger, day=1, paused=True)
    assert notice is None
    notice, _ = reminded(ledger, day=1.1)
    assert notice is not None
    assert notice.facts["Since"] == "2026-03-04 06:00 UTC"


def test_a_later_run_that_was_told_first_is_what_counts():
    _, ledger = after(Ledger(), outcome(), number=1)
    last = {rid("one").key: SECOND}
    assert after(ledger, waits(), last=last) == (None, ledger)


def test_more_tables_than_are_remembered_are_told_again_and_none_is_left_out():
    many = [waits(f"table{number}") for number in range(MOST_REMEMBERED + 1)]
    notice, ledger = after(Ledger(), *many)
    assert notice is not None
    assert len(notice.items) == MOST_REMEMBERED + 1
    assert len(ledger.waiting) == MOST_REMEMBERED
    notice, _ = after(ledger, *many, number=0.1)
    assert notice is not None
    assert len(notice.items) == MOST_REMEMBERED + 1


def test_what_was_told_by_no_run_is_told_by_the_check():
    untold = {rid("two").key: waiting_in(SECOND, waits("two"), NOW)}
    notice, ledger = reminded(known(waits("one")), untold=untold, day=1)
    assert notice is not None
    assert [item.run_id for item in notice.items] == [SECOND, FIRST]
    assert ledger.waiting.keys() == {rid("one").key, rid("two").key}
    assert reminded(Ledger(), untold=untold, day=1, registered=["one"])[0] is None


TABLES = ("one", "two", "three")


class Days(RuleBasedStateMachine):
    """Days on which tables begin to wait and are approved, and people are told."""

    def __init__(self):
        super().__init__()
        self.ledger, self.at, self.paused = Ledger(), 0.0, False
        self.waiting: dict[str, int] = {}
        """The version for which each table waits."""
        self.reported: dict[str, tuple[str, int]] = {}
        """The newest run of each table, and the version for which the table waited in it."""
        self.told_on = -1
        """The day on which people were last told."""

    def _day(self):
        return run(self.at).started_at.date().toordinal()

    def _run(self, names, trigger):
        self.at += 0.01
        outcomes = [
            waits(name, self.waiting[name]) if name in self.waiting else outcome(name)
            for name in names
        ]
        before = {name: version for name, (_, version) in self.reported.items()}
        this = run(self.at, trigger=trigger)
        notice, self.ledger = run_waits(this, outcomes, self.ledger, {}, paused=self.paused)

        news = {
            name
            for name in names
            if name in self.waiting and before.get(name) != self.waiting[name]
        }
        for name in names:
            self.reported.pop(name, None)
            if name in self.waiting:
                self.reported[name] = (this.run_id, self.waiting[name])
        if self.paused:
            assert notice is None
        elif news:
            assert notice is not None
        elif notice is not None:
            assert trigger is Trigger.CHECK
            self._reminded()
        if notice is not None:
            self._names_the_newest(notice)
            self.told_on = self._day()

    def _reminded(self):
        """A reminder is the first that people hear of it today."""
        assert self.told_on != self._day()
        self.told_on = self._day()

    def _names_the_newest(self, notice):
        shown = {item.route_table_id.name: item.run_id for item in notice.items}
        assert shown == {name: run_id for name, (run_id, _) in self.reported.items()}

    @rule(name=st.sampled_from(TABLES), version=st.integers(1, 3))
    def a_version_waits(self, name, version):
        self.waiting[name] = version

    @rule(name=st.sampled_from(TABLES))
    def it_is_approved_or_gone(self, name):
        self.waiting.pop(name, None)

    @rule()
    def the_app_is_paused_or_not(self):
        self.paused = not self.paused

    @rule(names=st.sets(st.sampled_from(TABLES)))
    def an_event_comes(self, names):
        self._run(names, Trigger.EVENT)

    @rule(
        hours=st.sampled_from([1, 12, 24, 36]),
        names=st.none() | st.sets(st.sampled_from(TABLES), min_size=1),
    )
    def hours_pass_and_a_check_comes(self, hours, names):
        """With a run of these tables, or without a run."""
        self.at += hours / 24
        run_id = None if names is None else "run"
        found = check(day=self.at, wrong=TABLES, run_id=run_id)
        keys = {rid(name).key for name in TABLES}
        notice, self.ledger = check_waits(found, self.ledger, {}, keys, paused=self.paused)
        if notice is not None:
            assert names is None
            self._names_the_newest(notice)
            self._reminded()
        if names is not None:
            self._run(names, Trigger.CHECK)

        # Whatever has waited in a run is told on each day.
        assert self.told_on == self._day() or self.paused or not self.reported

    @invariant()
    def what_has_waited_in_a_run_is_remembered(self):
        assert self.ledger.waiting.keys() == {rid(name).key for name in self.reported}


Days.TestCase.settings = settings(max_examples=200, stateful_step_count=30)
test_days = Days.TestCase
