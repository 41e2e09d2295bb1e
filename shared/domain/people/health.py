"""What the daily check has measured -> what a person has to look at."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .. import codes
from ..addresses import Source
from ..armid import RouteTableId
from ..codes import Code
from ..findings import Finding
from ..registry.registered_table import RegisteredTable
from ..runs.outcome import Outcome, OutcomeStatus

FULL_FROM = 0.8
"""Share of a table's route limit above which it is about to be full."""
EXCEPTION_NOTICE = timedelta(days=7)
"""So long before its end an exception is said to be about to end."""
DOCUMENT_AGE = timedelta(days=35)
"""The tags are published every week: one that stands still for so long is not read rightly."""
RIGHTS = frozenset({codes.AUTHORIZATION_FAILED, codes.LINKED_AUTHORIZATION_FAILED})
"""Codes of what a role assignment would mend."""

_REFUSED = re.compile(r"perform action '(?P<action>[^']+)' over scope '(?P<scope>[^']+)'")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Of one table, or of everything."""

    code: Code
    message: str
    route_table_id: RouteTableId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One registered table as the check found it; `fault` is why it could not be judged.

    `right_at` is when it was last found right: now, or before, or where it never was, since when
    it is watched.
    """

    entry: RegisteredTable
    right_at: datetime
    outcome: Outcome | None = None
    fault: Finding | None = None
    routes: int | None = None
    route_limit: int | None = None

    @property
    def right(self) -> bool:
        return self.outcome is not None and self.outcome.found_right

    def days_since_right(self, now: datetime) -> float:
        return (now - self.right_at) / timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """All that one check has found. `unusable` says why a service tag can't be believed now, by
    the code of the error that was met; `document_since` when the published document last changed.
    """

    at: datetime
    tables: Sequence[Measured]
    unusable: Mapping[Source, Finding]
    document_since: datetime
    missing_settings: Sequence[str] = ()
    tag_scope: str
    max_age_days: int


def alarms(found: Measurements) -> tuple[Alarm, ...]:
    """What many tables share is one alarm, and none of each."""
    denied = [m for m in found.tables if (t := _trouble(m)) is not None and t.code in RIGHTS]
    most = 2 * len(denied) > len(found.tables)
    excused = {m.entry.route_table_id for m in denied} if most else set()
    return (
        *_of_settings(found),
        *_of_document(found),
        *_of_tags(found),
        *([_rights_on_tables(denied, len(found.tables))] if most else ()),
        *(
            alarm
            for measured in found.tables
            for alarm in _of_table(
                measured, found, excused=measured.entry.route_table_id in excused
            )
        ),
    )


def _trouble(measured: Measured) -> Finding | None:
    """What stands in the way: now, or in the last run if it still may."""
    last = measured.entry.status.last_outcome
    if measured.right or measured.fault is not None or last is None:
        return measured.fault
    return last.error


def _of_settings(found: Measurements) -> Iterator[Alarm]:
    if not found.tables:
        yield Alarm(codes.NO_TABLE_REGISTERED, "no route table is registered and enabled")
    for name in found.missing_settings:
        yield Alarm(codes.SCHEDULE_MISSING, f"the setting {name} is missing: its timer never fires")


def _of_document(found: Measurements) -> Iterator[Alarm]:
    age = found.at - found.document_since
    if age >= DOCUMENT_AGE:
        message = (
            f"the published service tags are unchanged for {age.days} days, although Azure "
            f"publishes them every week. {codes.DOCUMENT_UNCHANGED.remedy}"
        )
        yield Alarm(codes.DOCUMENT_UNCHANGED, message)


def _of_tags(found: Measurements) -> Iterator[Alarm]:
    for source, fault in found.unusable.items():
        if fault.code in RIGHTS:
            action, scope = _refused([fault.message], found.tag_scope, _READ_TAGS)
            message = f"{action} over {scope} is refused: {source} can't be read"
            yield Alarm(codes.RIGHTS_LOST_ON_TAG, message)
        else:
            yield Alarm(codes.TAG_UNAVAILABLE, f"{source} can't be believed now: {fault.message}")


_READ_TAGS = "Microsoft.Network/locations/serviceTags/read"
_READ_TABLE = "Microsoft.Network/routeTables/read"


def _rights_on_tables(denied: Sequence[Measured], count: int) -> Alarm:
    ids = [m.entry.route_table_id for m in denied]
    subscriptions = dict.fromkeys(f"/subscriptions/{i.subscription_id.lower()}" for i in ids)
    messages = [t.message for m in denied if (t := _trouble(m)) is not None]
    action, _ = _refused(messages, "", _READ_TABLE)
    where = ", ".join(subscriptions)
    message = f"{action} over {where} is refused: on {len(denied)} of {count} route tables"
    return Alarm(codes.RIGHTS_LOST_ON_TABLES, message)


def _refused(messages: Iterable[str], scope: str, action: str) -> tuple[str, str]:
    """As Azure names them, or as we know them."""
    for message in messages:
        if match := _REFUSED.search(message):
            return match["action"], scope or match["scope"]
    return action, scope


def _of_table(measured: Measured, found: Measurements, *, excused: bool) -> Iterator[Alarm]:
    entry = measured.entry
    table = entry.route_table_id
    for code, message in (
        *([] if excused else _of_age(measured, found)),
        *_of_capacity(measured),
        *_of_exceptions(entry, found.at.date()),
        *_of_people(entry),
    ):
        yield Alarm(code, message, table)


def _of_age(measured: Measured, found: Measurements) -> Iterator[tuple[Code, str]]:
    days = measured.days_since_right(found.at)
    last = measured.entry.status.last_outcome
    if days > found.max_age_days:
        trouble = _trouble(measured)
        why = f": {trouble.code}" if trouble else ""
        yield codes.TABLE_STALE, f"not found right for {days:.1f} days{why}"
    if last is not None and last.poisoned:
        why = f": {last.error.code}" if last.error else ""
        yield codes.TABLE_POISONED, f"run {last.run_id} gave up on it{why}"


def _of_capacity(measured: Measured) -> Iterator[tuple[Code, str]]:
    routes, limit = measured.routes, measured.route_limit
    if routes is not None and limit is not None and routes > FULL_FROM * limit:
        yield codes.CAPACITY_LOW, f"{routes} of the {limit} routes that it may hold are used"


def _of_exceptions(entry: RegisteredTable, today: date) -> Iterator[tuple[Code, str]]:
    for exception in entry.registration.exceptions:
        if timedelta() <= exception.until - today <= EXCEPTION_NOTICE:
            yield (
                codes.EXCEPTION_ENDING,
                f"{exception.prefix} is accepted until {exception.until}: {exception.reason}",
            )


def _of_people(entry: RegisteredTable) -> Iterator[tuple[Code, str]]:
    holds, contest = entry.status.holds, entry.status.contest
    if holds:
        runs = ", ".join(dict.fromkeys(hold.undone_run_id for hold in holds))
        said = f"{len(holds)} prefixes are held since run {runs} was rolled back"
        yield codes.TABLE_HELD, f"{said}. {codes.TABLE_HELD.remedy}"
    if contest.since is not None:
        yield (
            codes.TABLE_CONTESTED,
            f"{contest}. {codes.TABLE_CONTESTED.remedy}",
        )


def is_off_plan(measured: Measured, *, paused: bool) -> bool:
    """Whether a run would write something, or say what has not been said yet."""
    if measured.outcome is None:
        return True
    if measured.right:
        return False
    last = measured.entry.status.last_outcome
    said = last is not None and last.signature == measured.outcome.signature
    return not said or (measured.outcome.writes and not paused)


def needs_run(measured: Measured, differing: Collection[Source], *, paused: bool) -> bool:
    """Of these sources something else was read than is recorded."""
    last = measured.entry.status.last_outcome
    failed = last is not None and last.status is OutcomeStatus.FAILED
    differs = any(source in differing for source in measured.entry.registration.sources)
    return differs or failed or is_off_plan(measured, paused=paused)
