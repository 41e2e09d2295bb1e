"""Judge the measurements of the daily check: which alarms to raise, and which tables need a run."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from .. import codes
from ..addresses import Source, unavailable
from ..armid import RouteTableId
from ..codes import Code
from ..findings import Finding
from ..locations import STALE_AFTER, Standing, stale_locations
from ..registry.registered_table import RegisteredTable
from ..registry.status import Status
from ..runs.outcome import Outcome, OutcomeStatus

FULL_FROM = 0.8
"""A table is nearly full if more than this share of its route limit is used."""
PINNED_LONG = timedelta(days=30)
"""A pin raises an alarm after this time."""
EXCEPTION_NOTICE = timedelta(days=7)
"""An exception is announced this long before it ends."""
RIGHTS = frozenset({codes.AUTHORIZATION_FAILED, codes.LINKED_AUTHORIZATION_FAILED})
"""A role assignment mends errors with these codes."""

_READ_TAGS = "Microsoft.Network/locations/serviceTags/read"
_READ_TABLE = "Microsoft.Network/routeTables/read"
_REFUSED = re.compile(r"perform action '(?P<action>[^']+)' over scope '(?P<scope>[^']+)'")

type _Warnings = Iterator[tuple[Code, str]]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm about one route table, or about the whole app.

    `about` is the service tag or the location that it is about, if it is about one.
    """

    code: Code
    message: str
    route_table_id: RouteTableId | None = None
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One registered table as the check found it.

    `error` is the reason why the table could not be judged. `right_at` is the time at which it was
    last found right. If it was never found right, it is the time since which it is watched.
    """

    entry: RegisteredTable
    right_at: datetime
    outcome: Outcome | None = None
    error: Finding | None = None
    routes: int | None = None
    route_limit: int | None = None

    @property
    def right(self) -> bool:
        return self.outcome is not None and self.outcome.right

    @property
    def trouble(self) -> Finding | None:
        """The error that the check met, or else the error of the last run, if it still counts."""
        last = self.entry.status.last_outcome
        if self.right or self.error is not None or last is None:
            return self.error
        return last.error

    @property
    def lacks_rights(self) -> bool:
        return self.trouble is not None and self.trouble.code in RIGHTS

    def days_since_right(self, now: datetime) -> float:
        return (now - self.right_at) / timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Document:
    """The published service tags: their change number at each location, and since when.

    `since` is when some location last showed anything new. `stale` are the locations that stand
    still while another moves, with the time since when. `flipping` are the locations that went back
    to an earlier content, with the last time.
    """

    change_numbers: Mapping[str, str]
    since: datetime
    stale: Mapping[str, datetime] = field(default_factory=dict)
    flipping: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, standings: Mapping[str, Standing], now: datetime) -> "Document":
        return cls(
            change_numbers={at: standing.change_number for at, standing in standings.items()},
            since=max((standing.moved_at for standing in standings.values()), default=now),
            stale={at: standings[at].moved_at for at in sorted(stale_locations(standings, now))},
            flipping={
                at: standing.went_back_at
                for at, standing in standings.items()
                if standing.went_back_at is not None and standing.flips(now)
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Everything that one check measured.

    `unusable` has the unusable service tags, each with the error that was met. `noted` says what is
    wrong with the weekly file. `wrong_schedules` has what is wrong with each of these settings.
    """

    at: datetime
    tables: Sequence[Measured]
    unusable: Mapping[Source, Finding]
    document: Document
    noted: Sequence[Finding] = ()
    missing_settings: Sequence[str] = ()
    wrong_schedules: Mapping[str, str] = field(default_factory=dict)
    tag_scope: str
    max_age_days: int


def alarms(found: Measurements) -> tuple[Alarm, ...]:
    """Return the alarms. A trouble that most tables share is one alarm, and not one for each."""
    denied = [measured for measured in found.tables if measured.lacks_rights]
    shared = 2 * len(denied) > len(found.tables)

    result = [*_settings_alarms(found), *_document_alarms(found), *_tag_alarms(found)]
    if shared:
        result.append(_rights_alarm(denied, len(found.tables)))
    for measured in found.tables:
        excused = shared and measured.lacks_rights
        result += _table_alarms(measured, found, excused=excused)
    return tuple(result)


def _settings_alarms(found: Measurements) -> Iterator[Alarm]:
    if not found.tables:
        yield Alarm(codes.NO_TABLE_REGISTERED, "no route table is registered and enabled")
    yield from schedule_alarms(found.wrong_schedules, found.missing_settings)


def schedule_alarms(wrong: Mapping[str, str], missing: Iterable[str] = ()) -> Iterator[Alarm]:
    """Yield an alarm for each of these settings: it is missing, or this is wrong with it."""
    for name in missing:
        yield Alarm(codes.SCHEDULE_MISSING, f"the setting {name} is missing: its timer never fires")
    for name, fault in wrong.items():
        yield Alarm(codes.SCHEDULE_WRONG, f"{name}: {fault}")


def _document_alarms(found: Measurements) -> Iterator[Alarm]:
    age = found.at - found.document.since
    if age >= STALE_AFTER:
        message = (
            f"the published service tags are unchanged for {age.days} days, although Azure "
            f"publishes them every week. {codes.DOCUMENT_UNCHANGED.remedy}"
        )
        yield Alarm(codes.DOCUMENT_UNCHANGED, message)
    yield from _stale_location_alarms(found)
    yield from _flipping_location_alarms(found.document)


def _stale_location_alarms(found: Measurements) -> Iterator[Alarm]:
    numbers = found.document.change_numbers
    for location, since in found.document.stale.items():
        message = (
            f"{location} has shown nothing new for {(found.at - since).days} days while another "
            f"location moves: its answers, with change number {numbers[location]}, do not count. "
            f"{codes.LOCATION_STALE.remedy}"
        )
        yield Alarm(codes.LOCATION_STALE, message, about=location)


def _flipping_location_alarms(document: Document) -> Iterator[Alarm]:
    for location, at in document.flipping.items():
        message = (
            f"{location} went back to an earlier version at {at:%Y-%m-%d %H:%M} UTC, and has "
            f"change number {document.change_numbers[location]} now. {codes.LOCATION_FLIPS.remedy}"
        )
        yield Alarm(codes.LOCATION_FLIPS, message, about=location)


def _tag_alarms(found: Measurements) -> Iterator[Alarm]:
    for source, error in found.unusable.items():
        if error.code in RIGHTS:
            action, scope = _refused([error.message], found.tag_scope, _READ_TAGS)
            message = f"{action} over {scope} is refused: {source} can't be read"
            yield Alarm(codes.RIGHTS_LOST_ON_TAG, message, about=source)
        else:
            message = f"{source} is unusable now: {error.message}"
            yield Alarm(unavailable(source), message, about=source)
    for finding in found.noted:
        yield Alarm(finding.code, f"{finding.message}. {finding.code.remedy}")


def _rights_alarm(denied: Sequence[Measured], count: int) -> Alarm:
    ids = [measured.entry.route_table_id for measured in denied]
    subscriptions = dict.fromkeys(f"/subscriptions/{i.subscription_id.lower()}" for i in ids)
    messages = [measured.trouble.message for measured in denied if measured.trouble is not None]

    action, _ = _refused(messages, "", _READ_TABLE)
    where = ", ".join(subscriptions)
    message = f"{action} over {where} is refused: on {len(denied)} of {count} route tables"
    return Alarm(codes.RIGHTS_LOST_ON_TABLES, message)


def _refused(messages: Iterable[str], scope: str, action: str) -> tuple[str, str]:
    """Return the action and the scope as Azure's message names them, or else these."""
    for message in messages:
        if match := _REFUSED.search(message):
            return match["action"], scope or match["scope"]
    return action, scope


def _table_alarms(measured: Measured, found: Measurements, *, excused: bool) -> Iterator[Alarm]:
    warnings = (
        *(() if excused else _age_warnings(measured, found)),
        *_capacity_warnings(measured.routes, measured.route_limit),
        *_exception_warnings(measured.entry, found.at.date()),
        *_pin_warnings(measured.entry, found.at),
        *_status_warnings(measured.entry.status),
        *_environment_warnings(measured.entry),
    )
    for code, message in warnings:
        yield Alarm(code, message, measured.entry.route_table_id)


def _age_warnings(measured: Measured, found: Measurements) -> _Warnings:
    days = measured.days_since_right(found.at)
    if days > found.max_age_days:
        why = f": {measured.trouble.code}" if measured.trouble else ""
        yield codes.TABLE_STALE, f"not found right for {days:.1f} days{why}"

    last = measured.entry.status.last_outcome
    if last is not None and last.poisoned:
        why = f": {last.error.code}" if last.error else ""
        yield codes.TABLE_POISONED, f"run {last.run_id} gave up on it{why}"


def coming_alarms(entry: RegisteredTable, today: date) -> Iterator[Alarm]:
    """Yield the alarms about what is still right, and will not be if nobody does anything."""
    reading = entry.status.reading
    room = () if reading is None else _capacity_warnings(reading.routes, reading.route_limit)
    for code, message in (*room, *_exception_warnings(entry, today)):
        yield Alarm(code, message, entry.route_table_id)


def _capacity_warnings(routes: int | None, limit: int | None) -> _Warnings:
    if routes is not None and limit is not None and routes > FULL_FROM * limit:
        yield codes.CAPACITY_LOW, f"{routes} of the {limit} routes that it may hold are used"


def _exception_warnings(entry: RegisteredTable, today: date) -> _Warnings:
    for exception in entry.registration.exceptions:
        if timedelta() <= exception.until - today <= EXCEPTION_NOTICE:
            yield (
                codes.EXCEPTION_ENDING,
                f"{exception.prefix} is accepted until {exception.until}: {exception.reason}",
            )


def _pin_warnings(entry: RegisteredTable, now: datetime) -> _Warnings:
    pin = entry.registration.pin
    if pin is not None and now - pin.since >= PINNED_LONG:
        said = f"pinned to {pin.version_id} for {(now - pin.since).days} days: {pin.reason}"
        yield codes.TABLE_PINNED, f"{said}. {codes.TABLE_PINNED.remedy}"


def _status_warnings(status: Status) -> _Warnings:
    """Warn of a state that only a person can end."""
    if status.held:
        runs = ", ".join(dict.fromkeys(hold.rolled_back_run_id for hold in status.held))
        said = f"{len(status.held)} prefixes are held since run {runs} was rolled back"
        yield codes.TABLE_HELD, f"{said}. {codes.TABLE_HELD.remedy}"
    if status.contest.since is not None:
        yield codes.TABLE_CONTESTED, f"{status.contest}. {codes.TABLE_CONTESTED.remedy}"


def _environment_warnings(entry: RegisteredTable) -> _Warnings:
    if entry.status.suspended:
        said = f"Azure has suspended {entry.registration.ase_id}"
        yield codes.ENVIRONMENT_SUSPENDED, f"{said}. {codes.ENVIRONMENT_SUSPENDED.remedy}"


def needs_run(measured: Measured, differing: Collection[Source], *, paused: bool) -> bool:
    """Return whether a run would help the table. `differing` are sources that have changed."""
    last = measured.entry.status.last_outcome
    failed = last is not None and last.status is OutcomeStatus.FAILED
    differs = any(source in differing for source in measured.entry.registration.sources)
    return differs or failed or _is_off_plan(measured, paused=paused)


def _is_off_plan(measured: Measured, *, paused: bool) -> bool:
    """Return whether a run would write something, or report something new."""
    if measured.outcome is None:
        return True
    if measured.right:
        return False
    last = measured.entry.status.last_outcome
    said = last is not None and last.signature == measured.outcome.signature
    return not said or (measured.outcome.writes and not paused)
