"""Runs, outcomes and checks about which people are told."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain import codes
from shared.domain.armid import RouteTableId
from shared.domain.codes import lookup
from shared.domain.findings import Finding
from shared.domain.people.check_report import CheckedTable, CheckReport, Figures
from shared.domain.people.health import Alarm, Document
from shared.domain.routing.judgement import Withheld
from shared.domain.runs.outcome import Outcome, OutcomeStatus
from shared.domain.runs.run import Action, Mode, Run, RunRequest, RunStatus, Trigger, run_id_of

from .azure import table_id
from .runs import TAG

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def rid(name: str) -> RouteTableId:
    """Return the id of the table in the resource group `rg-{name}`."""
    return RouteTableId.parse(table_id(name))


def outcome(name: str = "one", status: str = "unchanged", **fields: Any) -> Outcome:
    return Outcome(rid(name), OutcomeStatus(status), **fields)


def failed(name: str = "one", code: str = "AuthorizationFailed") -> Outcome:
    return outcome(name, "failed", error=Finding(lookup(code), "why"))


def waits(
    name: str = "one", version: int = 1, *, status: str = "planned", add: Collection[str] = (A,)
) -> Outcome:
    """Return an outcome in which these additions and the removal of B and C wait."""
    withheld = (*((p, "add") for p in add), (B, "remove"), (C, "remove"))
    waiting = tuple(Withheld(p, change, codes.APPLY_POLICY) for p, change in withheld)
    return outcome(name, status, withheld=waiting, version_ids=(f"version-{version:06}",))


def run(
    number: float = 0,
    *,
    mode: Mode = Mode.APPLY,
    trigger: Trigger = Trigger.TIMER,
    action: Action = Action.SYNC,
    rolled_back: str | None = None,
    **fields: Any,
) -> Run:
    """Return a run that has ended so many days after NOW."""
    at = NOW + number * DAY
    request = RunRequest(trigger, mode, action, rolled_back_run_id=rolled_back)
    return Run(run_id_of(at, "0" * 8), request, at, RunStatus.SUCCEEDED, at, **fields)


def wrong_table(name: str) -> CheckedTable:
    return CheckedTable(
        route_table_id=rid(name),
        right=False,
        status=OutcomeStatus.PLANNED,
        error=None,
        days_since_right=1,
        routes=1,
        route_limit=400,
        held=0,
        contested=False,
        poisoned=False,
    )


def check(
    *alarms: str | Alarm,
    day: float = 0,
    wrong: Collection[str] = (),
    unusable: Collection[str] = (),
    unlisted: int = 0,
    run_id: str | None = None,
) -> CheckReport:
    """Return a check so many days after NOW that found two tables, of which these are wrong."""
    at = NOW + day * DAY
    return CheckReport(
        check_id=f"check-{day:g}",
        at=at,
        figures=Figures(
            tables=2,
            right=2 - len(wrong) - unlisted,
            not_judged=0,
            poisoned=0,
            held=0,
            contested=0,
            max_days_since_right=1,
        ),
        tables=tuple(wrong_table(name) for name in wrong),
        service_tags=(TAG,),
        differs=(),
        unusable={tag: Finding(lookup("TAG_UNAVAILABLE"), "empty") for tag in unusable},
        versions=("AzureCloud.AppServiceManagement-000007",),
        document=Document({}, at),
        alarms=tuple(
            alarm if isinstance(alarm, Alarm) else Alarm(lookup(alarm), "why") for alarm in alarms
        ),
        run_id=run_id,
    )
