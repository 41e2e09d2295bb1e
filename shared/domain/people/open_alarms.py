"""The alarms and the errors of runs that still hold: their cause is not gone.

The last check may be a day old, and the last run a week. Later runs and checks may have seen that
the cause is gone.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from .. import codes
from ..addresses import UNAVAILABLE, Source, VersionHead
from ..codes import Code
from ..findings import Finding
from ..registry.registered_table import RegisteredTable
from ..runs.run import Run, Trigger
from .check_report import CheckReport
from .health import RIGHTS, Alarm, coming_alarms

_LOCATION_ALARMS = {codes.LOCATION_STALE, codes.LOCATION_FLIPS}
_ONLY_CHECKS_SEE = {
    codes.AZURE_TAG_WRONG,
    codes.AZURE_TAG_DIFFERS,
    codes.AZURE_TAGS_NOT_READ,
    codes.STAMPED_BY_ANOTHER,
}
"""Only the next check can tell whether the cause of such an alarm is gone."""
_FILE_ALARMS = {codes.WEEKLY_FILE_UNUSABLE, codes.WEEKLY_FILE_STALE}
WARNINGS = frozenset({codes.CAPACITY_LOW, codes.EXCEPTION_ENDING, *_LOCATION_ALARMS, *_FILE_ALARMS})
"""The codes of alarms that tell of nothing that is wrong already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that shows whether a cause is gone.

    `check` is the last one. `runs` are the last ones, the newest first. `tables` are the enabled
    ones, and `newest` the newest version of each source. `locations` are asked for service tags.
    """

    check: CheckReport | None
    runs: Sequence[Run]
    tables: Sequence[RegisteredTable]
    newest: Collection[VersionHead]
    locations: Collection[str]

    @property
    def without_people(self) -> "Seen":
        """The same without the runs of the command line, which have the rights of a person."""
        by_app = [run for run in self.runs if run.request.trigger is not Trigger.CLI]
        return replace(self, runs=by_app)

    def has_read(self, source: Source, since: datetime) -> bool:
        """Whether a run or a check that is newer than this has read the source."""
        if any(_has_read(run, source) for run in self._runs_since(since)):
            return True
        check = self.check
        if check is None or check.at <= since:
            return False
        return source in check.service_tags and source not in check.unusable

    def has_read_without(self, code: Code, since: datetime) -> bool:
        """Whether a run that is newer than this has read the sources, and noted no such thing."""
        read = (run for run in self._runs_since(since) if run.fanned_out_at is not None)
        return any(code not in {found.code for found in run.noted} for run in read)

    def has_ended_well(self, since: datetime) -> bool:
        """Whether a run that is newer than this had no error of its own."""
        return any(run.ended and run.error is None for run in self._runs_since(since))

    def _runs_since(self, since: datetime) -> Iterator[Run]:
        """Yield the newer runs that were about tables. Other runs read no source."""
        newer = (run for run in self.runs if run.started_at > since)
        return (run for run in newer if run.request.action.is_about_tables)


def open_alarms(seen: Seen, today: date) -> list[Alarm]:
    """Return the alarms that still hold, without those that the states of the tables show."""
    coming = (alarm for table in seen.tables for alarm in coming_alarms(table, today))
    if seen.check is None:
        return [*coming]
    told = (alarm for alarm in seen.check.alarms if _is_open(alarm, seen, seen.check.at))
    return [*told, *coming]


def open_error(run: Run, seen: Seen) -> Finding | None:
    """Return the error that stopped or limited this run, unless its cause is gone."""
    ended_at = run.finished_at or run.started_at
    if run.error is None:
        return None

    # A run without a source still repairs its tables, so only the source can show that it is back.
    if run.unusable:
        gone = all(seen.has_read(source, ended_at) for source in run.unusable)
    else:
        gone = seen.has_ended_well(ended_at)
    return None if gone else run.error


def _is_open(alarm: Alarm, seen: Seen, at: datetime) -> bool:
    """Judge an alarm that the check raised at this time. Tables and settings are judged anew."""
    if alarm.code in {codes.RIGHTS_LOST_ON_TAG, *UNAVAILABLE}:
        return _is_unread(alarm, seen, at)
    if alarm.code in _FILE_ALARMS:
        return not seen.has_read_without(alarm.code, at)
    if alarm.code in _LOCATION_ALARMS:
        return alarm.about in seen.locations
    if alarm.code == codes.RIGHTS_LOST_ON_TABLES:
        return _most_lack_rights(seen.tables, at)
    if alarm.code == codes.DOCUMENT_UNCHANGED:
        return all(version.recorded_at <= at for version in seen.newest)
    return alarm.code in _ONLY_CHECKS_SEE


def _is_unread(alarm: Alarm, seen: Seen, at: datetime) -> bool:
    """Only what the app itself has read shows that it may read the tag again."""
    known = seen.without_people if alarm.code == codes.RIGHTS_LOST_ON_TAG else seen
    return not known.has_read(alarm.about, at)


def _most_lack_rights(tables: Iterable[RegisteredTable], since: datetime) -> bool:
    """Whether no run or check has reached most of the tables since then."""
    reached = [_is_reached(table, since) for table in tables]
    return 2 * sum(reached) < len(reached)


def _is_reached(table: RegisteredTable, since: datetime) -> bool:
    verified_at, last = table.status.verified_at, table.status.last_outcome
    if verified_at is not None and verified_at > since:
        return True
    if last is None or last.at <= since:
        return False
    return last.error is None or last.error.code not in RIGHTS


def _has_read(run: Run, source: Source) -> bool:
    """The versions of a run are also those that it worked from without asking the source."""
    read = (version.source for version in run.versions)
    return source in read and source not in run.unusable
