"""One run: who asked for it, what it is to do, and how far it has come."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..addresses import Source, is_list, name_of
from ..armid import EnvironmentId, RouteTableId
from ..findings import Finding
from ..surroundings.search import Search
from .outcome import OutcomeStatus

MAX_RUN_TIME = timedelta(hours=2)
"""A run that takes longer is ended as Failed."""
_ALL_TABLES = ""


class Mode(StrEnum):
    APPLY = "apply"
    PLAN = "plan"


class Action(StrEnum):
    SYNC = "sync"
    ADOPT = "adopt"
    ROLLBACK = "rollback"
    PROVISION = "provision"
    REMOVE = "remove"
    DISCOVER = "discover"
    CHECK = "check"

    @property
    def is_about_tables(self) -> bool:
        """Whether the run brings each route table to an outcome. Other runs only look around."""
        return self not in {Action.DISCOVER, Action.CHECK}


class Trigger(StrEnum):
    TIMER = "timer"
    CHECK = "check"
    HTTP = "http"
    ALERT = "alert"
    EVENT = "event"
    CLI = "cli"


class RunStatus(StrEnum):
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Progress(StrEnum):
    """How far a message has brought a run that is not about tables."""

    DONE = "done"
    LEFT = "left"
    """The next message has to go on."""
    TAKEN = "taken"
    """Another worker has the run in hand as well, and its messages go on."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The request of a trigger. Without `route_tables` it is about all that are enabled.

    `plan_run_id` names the run that is approved, or that has shown what an adoption is to do, and
    `force` the violations that may pass. A rollback puts back what `rolled_back_run_id` changed. An
    adoption also takes over the routes that have the owner `from_owner` in their name. A removal
    takes every owned route away. A provision gives `ase_id` a route table with these Azure tags;
    with `ensure_nsg` it also gives the security group the rule that the environment needs. A
    discovery looks for `search`.
    `writers` names who wrote each table, as alerts and events say; `written_by` makes it.
    """

    trigger: Trigger
    mode: Mode
    action: Action = Action.SYNC
    route_tables: tuple[RouteTableId, ...] = ()
    plan_run_id: str | None = None
    force: tuple[str, ...] = ()
    rolled_back_run_id: str | None = None
    from_owner: str | None = None
    ase_id: EnvironmentId | None = None
    azure_tags: Mapping[str, str] = field(default_factory=dict)
    ensure_nsg: bool = False
    search: Search = field(default_factory=Search)
    reason: str | None = None
    change_id: str | None = None
    requested_by: str | None = None
    writers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def covers_all(self) -> bool:
        """Whether it brings all tables to the newest versions, and is no plan of a person.

        While the app is paused, the runs of the timers are plans, and count as well.
        """
        by_itself = self.trigger in {Trigger.TIMER, Trigger.CHECK}
        is_sync = self.action is Action.SYNC and not self.route_tables
        return is_sync and (self.mode is Mode.APPLY or by_itself)

    @property
    def is_sync(self) -> bool:
        """True if it brings tables to their newest versions, as an approval of it does.

        Provisioning does that when the table exists. Its plan also has other steps.
        """
        provisions = self.action is Action.PROVISION and self.mode is Mode.APPLY
        return self.action is Action.SYNC or provisions

    def writers_of(self, route_table: RouteTableId) -> tuple[str, ...]:
        return self.writers.get(route_table.key) or self.writers.get(_ALL_TABLES, ())


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A version that a run worked from.

    `added` and `removed` compare it with the version before it. They are empty unless this very run
    recorded it. `api_lacks` is the number of its prefixes that come from the weekly file alone.
    """

    version_id: str
    cloud: str
    source: Source
    change_number: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    api_lacks: int = 0

    @property
    def service_tag(self) -> str | None:
        """A list stands among the tags. None if the source is an App Service Environment."""
        return name_of(self.source)

    @property
    def edition(self) -> str:
        """What the source itself says of how new it is, for people. An environment says nothing."""
        if is_list(self.source):
            return f"verified on {self.change_number}"
        return f"change number {self.change_number}" if self.change_number else ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    While a run `is_open`, events add tables to it; its start closes it. `opened_by` is the delivery
    of an event that sends the start message of such a run. `unusable` gives the reason for each
    source that is unusable now, and `noted` says what is wrong with the weekly file. While the run
    has not fanned out, or is not about tables, `error` stopped its last attempt, and its code has
    been the same since `error_since`. A discovery fans out when it knows in which subscriptions it
    has to look. `not_begun` is the number of tables that a run had not begun when it was stopped.
    `notice_due` is true if the run has ended and nobody has been told yet.
    """

    run_id: str
    request: RunRequest
    started_at: datetime
    status: RunStatus = RunStatus.RUNNING
    finished_at: datetime | None = None
    fanned_out_at: datetime | None = None
    error: Finding | None = None
    error_since: datetime | None = None
    unusable: Mapping[Source, str] = field(default_factory=dict)
    noted: tuple[Finding, ...] = ()
    versions: tuple[VersionSeen, ...] = ()
    counts: Mapping[OutcomeStatus, int] = field(default_factory=dict)
    not_begun: int = 0
    notice_due: bool = False
    is_open: bool = False
    opened_by: str = ""
    etag: str = ""

    @property
    def ended(self) -> bool:
        return self.status is not RunStatus.RUNNING

    @property
    def waits(self) -> bool:
        """Whether the run has read no table yet, and is going to."""
        return self.fanned_out_at is None and not self.ended

    def overdue(self, now: datetime) -> bool:
        return not self.ended and now - self.started_at >= MAX_RUN_TIME

    def with_tables(self, other: RunRequest) -> "Run":
        """Return the run with the tables of this request as well, each with all who wrote it.

        Return the run itself if it has them already.
        """
        known = self.request
        tables = tuple(dict.fromkeys((*known.route_tables, *other.route_tables)))
        writers = _joint_writers(known.writers, other.writers)
        if (tables, writers) == (known.route_tables, known.writers):
            return self
        both = replace(known, route_tables=tables, writers=writers, reason="several events")
        return replace(self, request=both)

    def stopped_by(self, error: Finding, now: datetime) -> "Run":
        """Return the run after an attempt to start it that this error has stopped."""
        known = self.error is not None and self.error.code == error.code
        return replace(self, error=error, error_since=self.error_since if known else now)

    def ended_with(self, error: Finding | None, counts: Mapping[OutcomeStatus, int]) -> "Run":
        """Return the run with this error and these numbers of outcomes, and its last status."""
        status = final_status(error, counts)
        return replace(self, status=status, error=error, counts=counts, is_open=False)


def written_by(
    names: Collection[str], route_tables: Collection[RouteTableId]
) -> Mapping[str, tuple[str, ...]]:
    """Return the `writers` of a request, if these wrote these tables, or all if none is given."""
    keys = [table.key for table in route_tables] or [_ALL_TABLES]
    return dict.fromkeys(keys, tuple(sorted(names))) if names else {}


def _joint_writers(*both: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    keys = dict.fromkeys(key for writers in both for key in writers)
    return {
        key: tuple(dict.fromkeys(name for writers in both for name in writers.get(key, ())))
        for key in keys
    }


def final_status(error: Finding | None, counts: Mapping[OutcomeStatus, int]) -> RunStatus:
    """Return Failed if the run has an error or if any outcome is bad."""
    bad = any(counts.get(status, 0) for status in OutcomeStatus if status.is_bad)
    return RunStatus.FAILED if bad or error is not None else RunStatus.SUCCEEDED


def run_id_of(at: datetime, distinction: str) -> str:
    """Return an id that sorts by time, in microseconds. `distinction` is 8 hexadecimal digits."""
    return f"{at:%Y%m%d%H%M%S%f}-{distinction}"
