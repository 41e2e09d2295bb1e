"""Notices about the faults and the changes of a run that has ended, and about a daily check.

A notice says what changed, what newly needs a person, and what no longer does. A fault that stays
open is repeated once a day, in the digest of the check. If no fault is open, the check says once a
week that all is well.
"""

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from .. import codes
from ..addresses import UNAVAILABLE
from ..codes import Code
from ..findings import without_remedy
from ..runs.outcome import Outcome, OutcomeStatus
from ..runs.run import Mode, Run
from ..times import utc_minute
from .check_report import CheckReport
from .health import Alarm
from .next_steps import About, acceptable
from .notices import (
    MOST_REMEMBERED,
    Item,
    Ledger,
    Notice,
    NoticeKind,
    OpenFault,
    by_age,
    counted,
    end_of,
    found_right,
    key_of,
    number_of,
    one_line,
    page_of,
)
from .summaries import NO_ACTION, steps_of, summary_of

ALL_WELL_EVERY = timedelta(days=7)
_ALARM = "alarm|"
_SOURCE = "source|"
_RUN = "run|"

type _Faults = Mapping[str, OpenFault]
"""The open faults of a ledger, or of a part of it."""


def run_notice(
    run: Run,
    outcomes: Sequence[Outcome],
    ledger: Ledger,
    last_run_ids: Mapping[str, str],
) -> tuple[Notice | None, Ledger]:
    """Return the notice about a run that has ended, if there is one, and the ledger after it.

    `last_run_ids` has, by route table key, the run that settled the table last. A fault that a
    later run has settled is told, but it is not opened again.
    """
    current, others = by_age(run, outcomes, last_run_ids)
    late = [_item(run, outcome) for outcome in others if outcome.status.is_bad]
    turn = _Turn.of(ledger, _run_faults(run, current), lambda key: _mended(key, run, current))
    changed = _changed(run, outcomes, current, turn.new)

    items = (*_items(turn.new), *late, *_recovered(turn.gone), *changed)
    headline = _headline(len(turn.new) + len(late), len(turn.gone), len(changed))
    return _run_notice(run, *headline, items) if items else None, turn.ledger


def check_notice(
    check: CheckReport, ledger: Ledger, registered: Collection[str], *, paused: bool = False
) -> tuple[Notice | None, Ledger]:
    """Return the notice about a check, if there is one, and the ledger after it.

    `registered` are the keys of the route tables that are enabled: a fault of any other table is
    dropped without a word.
    """
    turn = _turn_of(check, ledger, registered, paused=paused)
    if turn.open:
        return _digest(check, turn)
    if turn.gone:
        title = f"{number_of(len(turn.gone), 'fault')} no longer open"
        items = tuple(_recovered(turn.gone))
        return _check_notice(check, NoticeKind.RECOVERED, title, items), turn.ledger
    return _all_well(check, turn.ledger)


def _turn_of(
    check: CheckReport, ledger: Ledger, registered: Collection[str], *, paused: bool
) -> "_Turn":
    repeats = _repeats(check, ledger, paused=paused)
    every = {_alarm_key(alarm): _alarm_fault(alarm, check) for alarm in check.alarms}
    alarms = {key: fault for key, fault in every.items() if key not in repeats}

    # An alarm that is told otherwise from now on has not recovered.
    known = {
        key: fault
        for key, fault in ledger.faults.items()
        if key not in repeats and (not key.startswith("/") or key in registered)
    }
    mended = functools.partial(_seen_mended, check, found_right(check, known))
    return _Turn.of(replace(ledger, faults=known), alarms, mended)


def _repeats(check: CheckReport, ledger: Ledger, *, paused: bool) -> Collection[str]:
    """Return the keys of the alarms of which people hear otherwise.

    If they are reminded every day of what waits, they need not hear that the table is stale.
    """
    reminded = frozenset[str]() if paused else ledger.waiting.keys()
    return {
        _alarm_key(alarm)
        for alarm in check.alarms
        if _is_stale(alarm, reminded) or _is_known_source(alarm, ledger.faults)
    }


@dataclass(frozen=True, slots=True)
class _Turn:
    """The change that a run or a check makes to the open faults."""

    open: _Faults
    new: _Faults
    gone: _Faults
    ledger: Ledger
    """The one after it."""

    @classmethod
    def of(cls, ledger: Ledger, found: _Faults, mended: Callable[[str], bool]) -> "_Turn":
        """Compare the faults that were found with those that people know."""
        found = {key: _since_known(fault, ledger.faults.get(key)) for key, fault in found.items()}
        known = {key: fault.signature for key, fault in ledger.faults.items()}
        new = {key: fault for key, fault in found.items() if known.get(key) != fault.signature}
        gone = {
            key: fault for key, fault in ledger.faults.items() if key not in found and mended(key)
        }

        still_open = {key: fault for key, fault in ledger.faults.items() if key not in gone}
        all_open = {**still_open, **found}
        remembered = dict(itertools.islice(all_open.items(), MOST_REMEMBERED))
        return cls(all_open, new, gone, replace(ledger, faults=remembered))


def _digest(check: CheckReport, turn: _Turn) -> tuple[Notice | None, Ledger]:
    """Return one notice a day, and another one only if something is new."""
    today = check.at.date()
    if turn.ledger.digest_on == today and not turn.new and not turn.gone:
        return None, turn.ledger

    title = f"{number_of(len(turn.open), 'fault')} open"
    items = (*_items(turn.open), *_recovered(turn.gone))
    notice = _check_notice(check, NoticeKind.DIGEST, title, items)
    return notice, replace(turn.ledger, digest_on=today)


def _all_well(check: CheckReport, ledger: Ledger) -> tuple[Notice | None, Ledger]:
    """Return a notice once a week, and only if every table is right."""
    figures, today = check.figures, check.at.date()
    last = ledger.all_well_on
    early = last is not None and timedelta() <= today - last < ALL_WELL_EVERY
    if early or figures.right < figures.tables:
        return None, ledger

    tables = number_of(figures.tables, "route table")
    title = f"all well, {tables}, version {_versions(check)}"
    summary = f"The check at {utc_minute(check.at)} found every one right. {NO_ACTION}"
    notice = _check_notice(check, NoticeKind.ALL_WELL, title, summary=summary)
    return notice, replace(ledger, all_well_on=today)


def _run_notice(run: Run, kind: NoticeKind, title: str, items: tuple[Item, ...]) -> Notice:
    # A fault says itself since when it is there.
    at = end_of(run)
    when = "" if kind is NoticeKind.FAULT else f"The run ended at {utc_minute(at)}."
    facts, summary = _run_facts(run), summary_of(items, when)
    path = page_of(run.run_id)
    return Notice(run.run_id, kind, title, at, summary, facts, items, steps_of(items), path)


def _check_notice(
    check: CheckReport,
    kind: NoticeKind,
    title: str,
    items: tuple[Item, ...] = (),
    summary: str = "",
) -> Notice:
    tables = f"{check.figures.right} of {check.figures.tables} right"
    facts = {"Route tables": tables, "Versions": _versions(check)}
    summary = summary or summary_of(items)
    return Notice(check.check_id, kind, title, check.at, summary, facts, items, steps_of(items))


def _headline(faults: int, recovered: int, changed: int) -> tuple[NoticeKind, str]:
    if faults:
        return NoticeKind.FAULT, f"{number_of(faults, 'new fault')}"
    if recovered:
        return NoticeKind.RECOVERED, f"{number_of(recovered, 'fault')} no longer open"
    return NoticeKind.CHANGED, f"{number_of(changed, 'route table')} changed"


def _run_facts(run: Run) -> dict[str, str]:
    facts = {"Run": f"{run.request.trigger}, {run.request.mode}: {run.status}"}
    if run.request.reason:
        facts["Reason"] = one_line(run.request.reason)
    counted = (f"{number} {status}" for status, number in run.counts.items() if number)
    facts["Route tables"] = ", ".join(counted) or "none"

    # Another notice says what they added and removed.
    recorded = [seen.version_id for seen in run.versions if seen.added or seen.removed]
    if recorded:
        facts["New versions"] = one_line(", ".join(recorded))
    return facts


def _changed(
    run: Run, outcomes: Iterable[Outcome], current: Collection[Outcome], new: _Faults
) -> list[Item]:
    """Return the tables that the run changed, and that are not among the new faults."""
    changed = [o for o in outcomes if o.status is OutcomeStatus.CHANGED]
    # A fault that people know already does not keep the table's other routes from being written.
    if run.request.mode is Mode.APPLY:
        changed += [o for o in current if o.status.is_bad and o.writes and key_of(o) not in new]
    return [replace(_item(run, outcome), since=None) for outcome in changed]


def _run_faults(run: Run, outcomes: Iterable[Outcome]) -> dict[str, OpenFault]:
    """Return the faults of the tables, and those that stopped or limited the whole run."""
    bad = (outcome for outcome in outcomes if outcome.status.is_bad)
    faults = {key_of(outcome): OpenFault(outcome.signature, _item(run, outcome)) for outcome in bad}
    # The person who interrupted a command knows it, and nothing has to be mended.
    if run.error is None or run.error.code == codes.INTERRUPTED:
        return faults

    code, name = run.error.code, run.error.code.name
    said = {_SOURCE + source: f"{source}: {why}" for source, why in run.unusable.items()}
    for key, text in (said or {_RUN + name: f"{name}: {run.error.message}"}).items():
        about = About(run_id=run.run_id, action=run.request.action)
        item = Item("failed", one_line(text), None, end_of(run), about, code)
        faults[key] = OpenFault(name, item)
    return faults


def _mended(key: str, run: Run, outcomes: Iterable[Outcome]) -> bool:
    """Whether this run has shown that an open fault is gone."""
    if key.startswith(_SOURCE):
        source = key.removeprefix(_SOURCE)
        # The weekly file can add to a source that is unusable.
        return source not in run.unusable and any(v.source == source for v in run.versions)
    if key.startswith(_RUN):
        return run.error is None
    return any(key_of(outcome) == key and _is_no_fault(outcome) for outcome in outcomes)


def _is_no_fault(outcome: Outcome) -> bool:
    # A table that only waits for an approval is told of by itself.
    good = {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}
    return outcome.status in good or (bool(outcome.waiting) and not outcome.status.is_bad)


def _seen_mended(check: CheckReport, right: Collection[str], key: str) -> bool:
    """Whether this check has shown that an open fault is gone. It has found `right` tables."""
    if key.startswith(_SOURCE):
        tag = key.removeprefix(_SOURCE)
        return tag in check.service_tags and tag not in check.unusable
    if key.startswith(_RUN):
        return False
    if key.startswith(_ALARM):
        return True
    return key in right


def _item(run: Run, outcome: Outcome) -> Item:
    """Return a line of counts and codes, and the first conflict. The report has all prefixes."""
    table, at = outcome.route_table_id, end_of(run)
    text = one_line("; ".join(filter(None, _parts(outcome))))
    about = About.of(run, table, acceptable(outcome))
    return Item(outcome.status.value, text, table, at, about, _code_of(outcome))


def _parts(outcome: Outcome) -> Iterator[str]:
    yield counted(added=outcome.added, updated=outcome.updated, removed=outcome.removed)
    if outcome.open_conflicts:
        first, *others = outcome.open_conflicts
        yield str(first)
        if others:
            yield f"and {number_of(len(others), 'conflict')} more"
    yield from _faults_of(outcome)


def _faults_of(outcome: Outcome) -> Iterator[str]:
    yield from (f"{violation.code}: {violation.message}" for violation in outcome.violations)
    if outcome.error is not None:
        code = outcome.error.code
        yield f"{code}: {without_remedy(code, outcome.error.message)}"
    contests = (one.message for one in outcome.findings if one.code == codes.CONTESTED)
    yield from (f"contested: {message}" for message in itertools.islice(contests, 1))


def _code_of(outcome: Outcome) -> Code | None:
    """Return the code of what has to be done first. A conflict has none."""
    if outcome.error is not None:
        return outcome.error.code
    return outcome.violations[0].code if outcome.violations else None


def _since_known(fault: OpenFault, known: OpenFault | None) -> OpenFault:
    """Return the fault, since the time for which people know that something is wrong there."""
    since = known.item.since if known else None
    return fault if since is None else replace(fault, item=replace(fault.item, since=since))


def _items(faults: _Faults) -> Iterator[Item]:
    return (fault.item for fault in faults.values())


def _recovered(faults: _Faults) -> Iterator[Item]:
    for _, fault in sorted(faults.items()):
        item = fault.item
        since = f" since {utc_minute(item.since)}" if item.since else ""
        text = one_line(f"was {item.state}{since}: {item.text}")
        yield Item("recovered", text, item.route_table_id)


def _is_stale(alarm: Alarm, tables: Collection[str]) -> bool:
    table = alarm.route_table_id
    return alarm.code == codes.TABLE_STALE and table is not None and table.key in tables


def _is_known_source(alarm: Alarm, faults: _Faults) -> bool:
    """Whether a run could not read the source either, so that its fault is open."""
    return alarm.code in UNAVAILABLE and _SOURCE + alarm.about in faults


def _alarm_key(alarm: Alarm) -> str:
    about = alarm.route_table_id.key if alarm.route_table_id else alarm.about
    return f"{_ALARM}{alarm.code.name}|{about}"


def _alarm_fault(alarm: Alarm, check: CheckReport) -> OpenFault:
    # The message counts days, so the code alone tells one alarm from another.
    text = one_line(f"{alarm.code}: {alarm.message}")
    about = About(route_table_id=alarm.route_table_id)
    item = Item("alarm", text, alarm.route_table_id, check.at, about, alarm.code)
    return OpenFault(alarm.code.name, item)


def _versions(check: CheckReport) -> str:
    return ", ".join(check.versions) or "none"
