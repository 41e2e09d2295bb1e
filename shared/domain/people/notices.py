"""Notices: what people are told about a run that has ended, or about a daily check.

A notice says what changed, what newly needs a person, and what no longer does. A fault that stays
open is repeated once a day, in the digest of the check. If no fault is open, the check says once a
week that all is well.
"""

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from .. import codes
from ..armid import RouteTableId
from ..runs.outcome import Outcome, OutcomeStatus
from ..runs.run import Mode, Run, Trigger
from .check_report import CheckReport
from .health import Alarm

ALL_WELL_EVERY = timedelta(days=7)
MOST_REMEMBERED = 2000
_LONGEST = 300
"""Characters of one line."""
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_ALARM = "alarm|"
_SOURCE = "source|"
_RUN = "run|"


class NoticeKind(StrEnum):
    CHANGED = "changed"
    FAULT = "fault"
    RECOVERED = "recovered"
    DIGEST = "digest"
    ALL_WELL = "allWell"


@dataclass(frozen=True, slots=True)
class Item:
    """One line, about a route table or about the whole app."""

    state: str
    text: str
    route_table_id: RouteTableId | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """`notice_id` is the id of the run or of the check. The first items matter most.

    `path` leads to the report, after the app's own address.
    """

    notice_id: str
    kind: NoticeKind
    title: str
    at: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    path: str | None = None


@dataclass(frozen=True, slots=True)
class OpenFault:
    """Something that a person has to look at. It is news only if its signature changes."""

    signature: str
    item: Item


type _Faults = Mapping[str, OpenFault]
"""By a key that stays the same from day to day: a route table's, or an alarm's, source's, run's."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The record of what people were told: open faults, and the days of the last digest and of the
    last all-well.
    """

    faults: _Faults = field(default_factory=dict)
    digest_on: date | None = None
    all_well_on: date | None = None
    etag: str = ""


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
    # A plan that a person asked for is read by that person.
    if run.request.mode is Mode.PLAN and run.request.trigger in {Trigger.HTTP, Trigger.CLI}:
        return None, ledger

    current, late = _by_age(run, outcomes, last_run_ids)
    turn = _Turn.of(ledger, _run_faults(run, current), lambda key: _mended(key, run, current))
    changed = [_item(outcome) for outcome in _changed(run, outcomes, current, turn.new)]

    items = (*_items(turn.new), *late, *_recovered(turn.gone), *changed)
    headline = _headline(len(turn.new) + len(late), len(turn.gone), len(changed))
    return _run_notice(run, *headline, items) if items else None, turn.ledger


def check_notice(
    check: CheckReport, ledger: Ledger, registered: Collection[str]
) -> tuple[Notice | None, Ledger]:
    """Return the notice about a check, if there is one, and the ledger after it.

    `registered` are the keys of the route tables that are enabled: a fault of any other table is
    dropped without a word.
    """
    alarms = {_alarm_key(alarm): _alarm_fault(alarm) for alarm in check.alarms}
    known = {k: f for k, f in ledger.faults.items() if not k.startswith("/") or k in registered}
    turn = _Turn.of(replace(ledger, faults=known), alarms, lambda key: _seen_mended(key, check))

    if turn.open:
        return _digest(check, turn)
    if turn.gone:
        title = f"{_number(len(turn.gone), 'fault')} no longer open"
        items = tuple(_recovered(turn.gone))
        return _check_notice(check, NoticeKind.RECOVERED, title, items), turn.ledger
    return _all_well(check, turn.ledger)


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
        known = {key: fault.signature for key, fault in ledger.faults.items()}
        new = {key: fault for key, fault in found.items() if known.get(key) != fault.signature}
        gone = {
            key: fault for key, fault in ledger.faults.items() if key not in found and mended(key)
        }

        still_open = {key: fault for key, fault in ledger.faults.items() if key not in gone}
        all_open = {**still_open, **found}
        # What is not remembered is told again. The ledger is one row of storage.
        remembered = dict(itertools.islice(all_open.items(), MOST_REMEMBERED))
        return cls(all_open, new, gone, replace(ledger, faults=remembered))


def _digest(check: CheckReport, turn: _Turn) -> tuple[Notice | None, Ledger]:
    """Return one notice a day, and another one only if something is new."""
    today = check.at.date()
    if turn.ledger.digest_on == today and not turn.new and not turn.gone:
        return None, turn.ledger

    title = f"{_number(len(turn.open), 'fault')} open"
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

    tables = _number(figures.tables, "route table")
    title = f"all well, {tables}, version {_versions(check)}"
    return _check_notice(check, NoticeKind.ALL_WELL, title), replace(ledger, all_well_on=today)


def _run_notice(run: Run, kind: NoticeKind, title: str, items: tuple[Item, ...]) -> Notice:
    at, path = run.finished_at or run.started_at, f"runs/{run.run_id}"
    return Notice(run.run_id, kind, title, at, _run_facts(run), items, path)


def _check_notice(
    check: CheckReport, kind: NoticeKind, title: str, items: tuple[Item, ...] = ()
) -> Notice:
    tables = f"{check.figures.right} of {check.figures.tables} right"
    facts = {"Route tables": tables, "Versions": _versions(check)}
    return Notice(check.check_id, kind, title, check.at, facts, items)


def _headline(faults: int, recovered: int, changed: int) -> tuple[NoticeKind, str]:
    if faults:
        return NoticeKind.FAULT, f"{_number(faults, 'new fault')}"
    if recovered:
        return NoticeKind.RECOVERED, f"{_number(recovered, 'fault')} no longer open"
    return NoticeKind.CHANGED, f"{_number(changed, 'route table')} changed"


def _run_facts(run: Run) -> dict[str, str]:
    facts = {"Run": f"{run.request.trigger}, {run.request.mode}: {run.status}"}
    if run.request.reason:
        facts["Reason"] = _line(run.request.reason)
    counted = (f"{number} {status}" for status, number in run.counts.items() if number)
    facts["Route tables"] = ", ".join(counted) or "none"

    for version in run.versions:
        if version.added or version.removed:
            size = f"+{len(version.added)} -{len(version.removed)} prefixes"
            facts[f"Version {version.version_id}"] = size
    return facts


def _changed(
    run: Run, outcomes: Iterable[Outcome], current: Collection[Outcome], new: _Faults
) -> Iterator[Outcome]:
    """The tables that the run changed, and that are not among the new faults."""
    yield from (o for o in outcomes if o.status is OutcomeStatus.CHANGED)
    # A fault that people know already does not keep the table's other routes from being written.
    if run.request.mode is Mode.APPLY:
        yield from (o for o in current if o.status.is_bad and o.writes and _key(o) not in new)


def _by_age(
    run: Run, outcomes: Iterable[Outcome], last_run_ids: Mapping[str, str]
) -> tuple[list[Outcome], list[Item]]:
    """Return the outcomes that are the last of their table, and the faults among the others."""
    current: list[Outcome] = []
    late: list[Item] = []
    for outcome in outcomes:
        if last_run_ids.get(_key(outcome), run.run_id) <= run.run_id:
            current.append(outcome)
        elif outcome.status.is_bad:
            late.append(_item(outcome))
    return current, late


def _run_faults(run: Run, outcomes: Iterable[Outcome]) -> dict[str, OpenFault]:
    """Return the faults of the tables, and those that stopped or limited the whole run."""
    bad = (outcome for outcome in outcomes if outcome.status.is_bad)
    faults = {_key(outcome): OpenFault(outcome.signature, _item(outcome)) for outcome in bad}
    if run.error is None:
        return faults

    code = run.error.code.name
    if not run.unusable:
        text = _line(f"{code}: {run.error.message}")
        faults[_RUN + code] = OpenFault(code, Item("failed", text))
    for source, why in run.unusable.items():
        faults[_SOURCE + source] = OpenFault(code, Item("failed", _line(f"{source}: {why}")))
    return faults


def _mended(key: str, run: Run, outcomes: Iterable[Outcome]) -> bool:
    """Whether this run has shown that an open fault is gone."""
    if key.startswith(_SOURCE):
        return any(_SOURCE + version.source == key for version in run.versions)
    if key.startswith(_RUN):
        return run.error is None
    good = {OutcomeStatus.CHANGED, OutcomeStatus.UNCHANGED}
    return any(_key(outcome) == key and outcome.status in good for outcome in outcomes)


def _seen_mended(key: str, check: CheckReport) -> bool:
    """Whether this check has shown that an open fault is gone."""
    if key.startswith(_SOURCE):
        tag = key.removeprefix(_SOURCE)
        return tag in check.service_tags and tag not in check.unusable
    if key.startswith(_RUN):
        return False
    if key.startswith(_ALARM):
        return True
    wrong = {table.route_table_id.key for table in check.tables if not table.right}
    return check.all_listed and key not in wrong


def _key(outcome: Outcome) -> str:
    return outcome.route_table_id.key


def _item(outcome: Outcome) -> Item:
    """Return a line of counts and codes. The prefixes themselves stand in the report."""
    signs = (("+", outcome.added), ("~", outcome.updated), ("-", outcome.removed))
    parts = [" ".join(f"{sign}{len(prefixes)}" for sign, prefixes in signs if prefixes)]
    if outcome.open_conflicts:
        parts.append(_number(len(outcome.open_conflicts), "conflict"))

    parts.append(", ".join(violation.code.name for violation in outcome.violations))
    if outcome.error is not None:
        parts.append(f"{outcome.error.code}: {outcome.error.message}")
    parts += [f"contested: {f.message}" for f in outcome.findings if f.code == codes.CONTESTED][:1]

    text = "; ".join(part for part in parts if part)
    return Item(outcome.status.value, _line(text), outcome.route_table_id)


def _items(faults: _Faults) -> Iterator[Item]:
    return (fault.item for fault in faults.values())


def _recovered(faults: _Faults) -> Iterator[Item]:
    for _, fault in sorted(faults.items()):
        text = _line(f"was {fault.item.state}: {fault.item.text}")
        yield replace(fault.item, state="recovered", text=text)


def _alarm_key(alarm: Alarm) -> str:
    table = alarm.route_table_id.key if alarm.route_table_id else ""
    return f"{_ALARM}{alarm.code.name}|{table}"


def _alarm_fault(alarm: Alarm) -> OpenFault:
    # The message counts days, so the code alone tells one alarm from another.
    text = _line(f"{alarm.code}: {alarm.message}")
    return OpenFault(alarm.code.name, Item("alarm", text, alarm.route_table_id))


def _versions(check: CheckReport) -> str:
    return ", ".join(check.versions) or "none"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _line(text: str) -> str:
    """Return the text shortened to one line, without any query of a link: it may hold a key."""
    text = _QUERY.sub(r"\1", " ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def short_name(route_table_id: RouteTableId) -> str:
    """Return the name by which people know the route table."""
    return f"{route_table_id.name} in {route_table_id.resource_group}"
