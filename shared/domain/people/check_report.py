"""The report of a daily check."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..addresses import Source
from ..armid import RouteTableId
from ..findings import Finding
from ..registry.azure_tag import TagChange
from ..runs.outcome import OutcomeStatus
from ..runs.report import Result
from .health import Alarm, Document, Measured, Measurements, alarms

MOST_LISTED = 500
"""The most route tables in a report. A stored row holds 1 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTable:
    """One route table as the check found it.

    `error` is the reason why it could not be judged. `held` is the number of held prefixes.
    """

    route_table_id: RouteTableId
    right: bool
    status: OutcomeStatus | None
    error: Finding | None
    days_since_right: float
    routes: int | None
    route_limit: int | None
    held: int
    contested: bool
    poisoned: bool

    @property
    def is_judged(self) -> bool:
        """True if the check could say how it stands. Without its addresses, nobody can."""
        if self.right or self.status is OutcomeStatus.PLANNED:
            return True
        return self.status is not None and self.status.is_bad

    @property
    def words(self) -> str:
        """The words for how it stands."""
        if self.right:
            return "right"
        return str(self.status) if self.is_judged else "not judged"

    @classmethod
    def of(cls, measured: Measured, now: datetime) -> "CheckedTable":
        status = measured.entry.status
        outcome = measured.outcome

        return cls(
            route_table_id=measured.entry.route_table_id,
            right=measured.right,
            status=outcome.status if outcome else None,
            error=measured.error,
            days_since_right=round(measured.days_since_right(now), 2),
            routes=measured.routes,
            route_limit=measured.route_limit,
            held=len(status.held),
            contested=status.contest.since is not None,
            poisoned=status.poisoned,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Numbers of route tables, and the age in days of the one that was right longest ago."""

    tables: int
    right: int
    not_judged: int
    poisoned: int
    held: int
    contested: int
    max_days_since_right: float

    @classmethod
    def of(cls, tables: Iterable[CheckedTable]) -> "Figures":
        every = list(tables)
        return cls(
            tables=len(every),
            right=sum(table.right for table in every),
            not_judged=sum(table.error is not None for table in every),
            poisoned=sum(table.poisoned for table in every),
            held=sum(table.held > 0 for table in every),
            contested=sum(table.contested for table in every),
            max_days_since_right=max((table.days_since_right for table in every), default=0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport(Result):
    """Everything that one daily check found.

    `tables` are the worst ones first, and at most 500; `figures` count all of them. `differs` are
    the service tags that differ from their newest recorded version, and `unusable` the unusable
    ones, each with the error that was met. `versions` are the ids of the newest
    recorded versions. `run_id` is the run that the check started, if it started one.
    `tag_changes` are the registrations that Azure tags have changed, and `tags_not_read` says of
    each subscription why its Azure tags were not read.
    """

    check_id: str
    at: datetime
    figures: Figures
    tables: tuple[CheckedTable, ...]
    unusable: Mapping[Source, Finding]
    document: Document
    alarms: tuple[Alarm, ...]
    service_tags: tuple[Source, ...] = ()
    differs: tuple[Source, ...] = ()
    versions: tuple[str, ...] = ()
    run_id: str | None = None
    tag_changes: tuple[TagChange, ...] = ()
    tags_not_read: Mapping[str, Finding] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Measurements) -> "CheckReport":
        """Return the part of the report that the measurements give."""
        tables = _checked_tables(found)
        return cls(
            check_id=check_id_of(found.at),
            at=found.at,
            figures=Figures.of(tables),
            tables=tuple(tables[:MOST_LISTED]),
            unusable=found.unusable,
            document=found.document,
            alarms=alarms(found),
        )

    @property
    def all_right(self) -> bool:
        """Whether every route table is right, and nobody has to look at anything."""
        wrong = self.figures.tables - self.figures.right
        return not (wrong or self.alarms or self.unusable or self.differs)

    @property
    def document_unchanged_days(self) -> int:
        return (self.at - self.document.since).days

    @property
    def all_listed(self) -> bool:
        """Whether every route table that is not right is among `tables`."""
        wrong = sum(not table.right for table in self.tables)
        return wrong == self.figures.tables - self.figures.right


def check_id_of(at: datetime) -> str:
    return f"check-{at:%Y%m%d%H%M%S%f}"


def _checked_tables(found: Measurements) -> list[CheckedTable]:
    """Return all tables of the check, the worst first."""
    worst_first = sorted(found.tables, key=lambda m: (m.right, -m.days_since_right(found.at)))
    return [CheckedTable.of(measured, found.at) for measured in worst_first]
