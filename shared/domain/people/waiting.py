"""Notices about changes that wait for an approval: they come at once, and then once a day."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from .. import codes
from ..routing.judgement import Withheld
from ..runs.outcome import Outcome, OutcomeStatus
from ..runs.run import Mode, Run, Trigger
from ..times import utc_minute
from .check_report import CheckReport
from .next_steps import About, NextStep, step_for_code
from .notices import (
    MOST_REMEMBERED,
    Item,
    Ledger,
    Notice,
    NoticeKind,
    Waiting,
    by_age,
    counted,
    end_of,
    found_right,
    key_of,
    number_of,
    page_of,
)
from .summaries import MOST_STEPS, summary_of

_NOT_JUDGED = frozenset({OutcomeStatus.FAILED, OutcomeStatus.BLOCKED})
_WHO_MAY = {
    "Who may approve": "an Approver; at the command line, whoever may write the route tables"
}


def run_waits(
    run: Run,
    outcomes: Sequence[Outcome],
    ledger: Ledger,
    last_run_ids: Mapping[str, str],
    *,
    paused: bool,
) -> tuple[Notice | None, Ledger]:
    """Return the notice about what waits after this run, if there is one, and the ledger after it.

    It is told at once if a table newly waits, or waits for a newer version. While the app is
    `paused`, nothing can be approved, so nobody is told.
    """
    if run.request.mode is Mode.PLAN or not run.request.is_sync:
        return None, ledger
    current, _ = by_age(run, outcomes, last_run_ids)
    waiting = _waiting_after(run, current, ledger.waiting)

    # A check leaves its reminder to the run that it starts, which alone knows what waits now.
    at = end_of(run)
    is_turn = run.request.trigger is Trigger.CHECK and ledger.waits_told_on != at.date()
    due = not paused and (is_turn or _has_news(waiting, ledger.waiting))
    return _told(run.run_id, at, waiting, ledger, due=due)


def check_waits(
    check: CheckReport,
    ledger: Ledger,
    untold: Mapping[str, Waiting],
    registered: Collection[str],
    *,
    paused: bool,
) -> tuple[Notice | None, Ledger]:
    """Return the reminder of what waits, once a day, and the ledger after it.

    `untold` waits as well, and nobody was told. `registered` are the keys of the route tables that
    are enabled: no other table waits.
    """
    known = {**ledger.waiting, **untold}
    right = found_right(check, known)
    waiting = {key: one for key, one in known.items() if key in registered and key not in right}

    due = not paused and check.run_id is None and ledger.waits_told_on != check.at.date()
    return _told(check.check_id, check.at, waiting, ledger, due=due)


def _told(
    notice_id: str, at: datetime, waiting: Mapping[str, Waiting], ledger: Ledger, *, due: bool
) -> tuple[Notice | None, Ledger]:
    """Return the notice about what waits, if one is due, and the ledger after it."""
    remembered = dict(itertools.islice(waiting.items(), MOST_REMEMBERED))
    after = replace(ledger, waiting=remembered)
    if not due or not waiting:
        return None, after
    return _notice(notice_id, at, waiting.values()), replace(after, waits_told_on=at.date())


def _waiting_after(
    run: Run, outcomes: Iterable[Outcome], known: Mapping[str, Waiting]
) -> dict[str, Waiting]:
    """Return what waits after a run with these outcomes."""
    waiting = dict(known)
    for outcome in outcomes:
        key = key_of(outcome)
        if outcome.waiting:
            since = known[key].item.since if key in known else None
            waiting[key] = waiting_in(run.run_id, outcome, since or end_of(run))

        # A table that has failed or is blocked may still wait. Nobody could look.
        elif outcome.status not in _NOT_JUDGED:
            waiting.pop(key, None)
    return waiting


def waiting_in(run_id: str, outcome: Outcome, since: datetime) -> Waiting:
    """Return the changes of a table that wait in this run, and in its outcome, since then."""
    text = f"{counted_changes(outcome.waiting)} in run {run_id}"
    # Such a run can be approved, whatever its action is.
    about = About(run_id=run_id)
    item = Item("waits", text, outcome.route_table_id, since, about, codes.APPLY_POLICY)
    return Waiting(item, outcome.version_ids)


def _has_news(waiting: Mapping[str, Waiting], known: Mapping[str, Waiting]) -> bool:
    """Return whether a table newly waits, or waits for a newer version."""
    return any(
        key not in known or known[key].version_ids != one.version_ids
        for key, one in waiting.items()
    )


def _notice(notice_id: str, at: datetime, waiting: Iterable[Waiting]) -> Notice:
    # Only the newest run of a table shows what waits now. In an older one its plan may be another.
    items = tuple(sorted((one.item for one in waiting), key=attrgetter("run_id"), reverse=True))
    steps = _approvals(items)
    title, path = _title(len(items)), page_of(items[0].run_id)
    summary = f"{summary_of(items)} {steps[0].command}"

    facts = {"Since": utc_minute(min(item.since or at for item in items)), **_WHO_MAY}
    kind = NoticeKind.WAITS
    return Notice(notice_id, kind, title, at, summary, facts, items, steps[:MOST_STEPS], path)


def _approvals(items: Iterable[Item]) -> tuple[NextStep, ...]:
    runs = dict.fromkeys(item.about for item in items)
    return tuple(step_for_code(codes.APPLY_POLICY, about) for about in runs)


def _title(count: int) -> str:
    verb = "waits" if count == 1 else "wait"
    return f"{number_of(count, 'route table')} {verb} for approval"


def counted_changes(waiting: Sequence[Withheld]) -> str:
    """Return the numbers of these changes, for example `+12 -3`."""

    def those(change: str) -> list[Withheld]:
        return [one for one in waiting if one.change == change]

    return counted(added=those("add"), updated=those("update"), removed=those("remove"))
