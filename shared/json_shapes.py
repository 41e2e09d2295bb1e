"""The public JSON: how answers and log records show runs, outcomes, registrations and checks.

The keys are the contract's. Nothing reads this JSON back: storage has a mapper of its own.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, cast, overload

from . import shapes
from .domain.addresses import Addition, Difference, Source, Version, is_list, name_of
from .domain.findings import Finding
from .domain.people.check_report import CheckedTable, CheckReport, Figures
from .domain.people.health import Alarm
from .domain.registry.azure_tag import TagChange
from .domain.registry.contest import Contest
from .domain.registry.registered_table import RegisteredTable
from .domain.registry.registration import Pin, Registration
from .domain.registry.status import LastOutcome, Status
from .domain.routing.plain_list import Family, PlainList
from .domain.runs.outcome import Outcome, OutcomeStatus
from .domain.runs.report import Report
from .domain.runs.run import Run, VersionSeen
from .domain.surroundings.search import Found, FoundEnvironment, FoundService, StampedTable
from .domain.times import utc_text

type NewestOf = Callable[[Source], Version | None]


@overload
def finding_json(finding: Finding) -> shapes.Finding: ...
@overload
def finding_json(finding: None) -> None: ...
def finding_json(finding: Finding | None) -> shapes.Finding | None:
    return None if finding is None else {"code": finding.code.name, "message": finding.message}


def outcome_json(outcome: Outcome) -> shapes.Outcome:
    return {
        "routeTableId": str(outcome.route_table_id),
        "status": outcome.status,
        "versionIds": list(outcome.version_ids),
        "planChecksum": outcome.plan_checksum,
        **_routes_json(outcome),
        **_faults_json(outcome),
        "correlationId": outcome.correlation_id,
        "durationMs": outcome.duration_ms,
    }


def _routes_json(outcome: Outcome) -> shapes.Routes:
    retained: list[shapes.Retained] = [
        {"prefix": each.prefix, "until": str(each.until)} for each in outcome.retained
    ]
    withheld: list[shapes.Withheld] = [
        {"prefix": each.prefix, "change": each.change, "why": each.why.name}
        for each in outcome.withheld
    ]

    updates: list[shapes.Update] = [
        {"prefix": each.prefix, "from": each.before, "to": each.after} for each in outcome.updates
    ]

    return {
        "added": list(outcome.added),
        "removed": list(outcome.removed),
        "updated": list(outcome.updated),
        "updates": updates,
        "covered": list(outcome.covered),
        "retained": retained,
        "withheld": withheld,
    }


def _faults_json(outcome: Outcome) -> shapes.Faults:
    conflicts: list[shapes.Conflict] = [
        {
            "prefix": each.prefix,
            "routeName": each.route_name,
            "nextHopType": each.next_hop_type,
            "nextHopIpAddress": each.next_hop_address,
            "accepted": each.accepted,
        }
        for each in outcome.conflicts
    ]

    violations: list[shapes.Violation] = [
        {
            "code": each.code.name,
            "message": each.message,
            "observed": each.observed,
            "limit": each.limit,
            "forceable": each.forceable,
        }
        for each in outcome.violations
    ]

    return {
        "conflicts": conflicts,
        "violations": violations,
        "findings": [finding_json(each) for each in outcome.findings],
        "error": finding_json(outcome.error),
    }


def run_json(run: Run) -> shapes.Run:
    """Show the run in a list: without its outcomes, and without the prefixes of its versions."""
    return {
        **_run_json(run, run.counts),
        "versions": [_version_counts_json(version) for version in run.versions],
    }


def report_json(report: Report) -> shapes.Report:
    whole: shapes.WholeRun = {
        **_run_json(report.run, report.counts),
        "versions": [_version_seen_json(version) for version in report.run.versions],
        "outcomes": [outcome_json(outcome) for outcome in report.outcomes],
    }

    # Only some reports have the other keys.
    shown = cast("shapes.Report", whole)
    if report.not_begun:
        shown["notBegun"] = [str(route_table) for route_table in report.not_begun]
    if not report.run.request.action.is_about_tables:
        shown["result"] = _result_json(report)
    return shown


def _result_json(report: Report) -> shapes.Discovery | shapes.Check | None:
    """A check has no result before it has ended."""
    match report.result:
        case Found():
            return found_json(report.result)
        case CheckReport():
            return check_json(report.result)
        case _:
            return None


def _run_json(run: Run, counts: Mapping[OutcomeStatus, int]) -> shapes.AnyRun:
    request = run.request

    return {
        "runId": run.run_id,
        "action": request.action,
        "trigger": request.trigger,
        "mode": request.mode,
        "status": run.status,
        "reason": request.reason,
        "changeId": request.change_id,
        "requestedBy": request.requested_by,
        "startedAt": utc_text(run.started_at),
        "finishedAt": _moment(run.finished_at),
        "error": finding_json(run.error),
        "counts": _counts_json(counts),
    }


def _counts_json(counts: Mapping[OutcomeStatus, int]) -> shapes.Counts:
    return {
        "unchanged": counts.get(OutcomeStatus.UNCHANGED, 0),
        "planned": counts.get(OutcomeStatus.PLANNED, 0),
        "changed": counts.get(OutcomeStatus.CHANGED, 0),
        "conflict": counts.get(OutcomeStatus.CONFLICT, 0),
        "blocked": counts.get(OutcomeStatus.BLOCKED, 0),
        "failed": counts.get(OutcomeStatus.FAILED, 0),
    }


def _version_counts_json(version: VersionSeen) -> shapes.VersionCounts:
    return {
        **_any_version_json(version),
        "addedCount": len(version.added),
        "removedCount": len(version.removed),
    }


def _version_seen_json(version: VersionSeen) -> shapes.VersionSeen:
    return {
        **_any_version_json(version),
        "added": list(version.added),
        "removed": list(version.removed),
    }


def _any_version_json(version: VersionSeen) -> shapes.AnyVersionSeen:
    return {
        "versionId": version.version_id,
        "cloud": version.cloud,
        "serviceTag": version.service_tag,
        "changeNumber": version.change_number,
    }


def registered_table_json(table: RegisteredTable, newest_of: NewestOf) -> shapes.RegisteredTable:
    """Show what a person asked for apart from what was seen.

    A caller can send `registration` back as it is. `newest_of` tells the newest version of a
    source. A table whose row cannot be read has an error instead.
    """
    if table.unreadable is not None:
        return {
            "routeTableId": str(table.route_table_id),
            "registration": None,
            "status": None,
            "error": finding_json(table.unreadable),
        }

    versions, seen = _versions_json(table, newest_of), _status_json(table.status)
    return {
        "routeTableId": str(table.route_table_id),
        "registration": registration_json(table.registration),
        "status": {**versions, **seen, **_changed_json(table)},
    }


def _changed_json(table: RegisteredTable) -> shapes.Changed:
    return {
        "changedAt": _moment(table.changed_at),
        "changedBy": table.changed_by,
        "madeByTag": table.by_tag,
    }


def registration_json(registration: Registration) -> shapes.Registration:
    exceptions: list[shapes.RouteException] = [
        {"prefix": each.prefix, "reason": each.reason, "until": each.until.isoformat()}
        for each in registration.exceptions
    ]

    return {
        "aseId": _text(registration.ase_id),
        "service": registration.service,
        "region": registration.region,
        "serviceTags": list(registration.named_tags),
        "addressSource": registration.address_source,
        "routeStyle": registration.route_style,
        "applyPolicy": registration.apply_policy,
        "exceptions": exceptions,
        "enabled": registration.enabled,
        "note": registration.note,
        "pin": _pin_json(registration.pin),
    }


def _pin_json(pin: Pin | None) -> shapes.Pin | None:
    return None if pin is None else {"versionId": pin.version_id, "reason": pin.reason}


def _versions_json(table: RegisteredTable, newest_of: NewestOf) -> shapes.TableVersions:
    registration, pin = table.registration, table.registration.pin
    found = [newest_of(source) for source in registration.sources]
    newest = [version for version in found if version is not None]
    desired = [registration.desired_version_id(one.version_id, one.source) for one in newest]

    return {
        "desiredVersionIds": desired,
        "appliedVersionIds": list(table.status.applied_version_ids),
        "newestVersionIds": [version.version_id for version in newest],
        "pinnedSince": None if pin is None else utc_text(pin.since),
    }


def _status_json(status: Status) -> shapes.SeenStatus:
    held: list[shapes.Hold] = [
        {
            "prefix": hold.prefix,
            "routed": hold.routed,
            "undoneRunId": hold.rolled_back_run_id,
            "rollbackRunId": hold.rollback_run_id,
        }
        for hold in status.held
    ]

    return {
        "held": held,
        "contested": _contest_json(status.contest),
        "verifiedAt": _moment(status.verified_at),
        "environmentSuspended": status.suspended,
        "lastOutcome": _last_outcome_json(status.last_outcome),
    }


def _contest_json(contest: Contest) -> shapes.Contest | None:
    if contest.since is None:
        return None
    return {
        "since": utc_text(contest.since),
        "by": list(contest.by),
        "undone": [
            {"at": utc_text(each.at), "runId": each.run_id, "by": list(each.by)}
            for each in contest.undone
        ],
    }


def _last_outcome_json(last: LastOutcome | None) -> shapes.LastOutcome | None:
    if last is None:
        return None
    return {
        "runId": last.run_id,
        "at": utc_text(last.at),
        "status": last.status,
        "error": finding_json(last.error),
        "poisoned": last.poisoned,
    }


def check_json(report: CheckReport) -> shapes.Check:
    return {
        "checkId": report.check_id,
        "at": utc_text(report.at),
        **_figures_json(report.figures),
        "routeTables": [_checked_table_json(table) for table in report.tables],
        **_sources_json(report),
        "runId": report.run_id,
        "alarms": [alarm_json(alarm) for alarm in report.alarms],
        "tagChanges": [_tag_change_json(change) for change in report.tag_changes],
        "tagsNotRead": [_subscription_json(*each) for each in report.tags_not_read.items()],
    }


def _tag_change_json(change: TagChange) -> shapes.TagChange:
    return {
        "routeTableId": str(change.route_table_id),
        "change": change.effect,
        "message": change.message,
    }


def _subscription_json(subscription_id: str, why: Finding) -> shapes.SubscriptionError:
    return {"subscriptionId": subscription_id, "code": why.code.name, "message": why.message}


def _figures_json(figures: Figures) -> shapes.Figures:
    return {
        "tables": figures.tables,
        "right": figures.right,
        "notJudged": figures.not_judged,
        "poisoned": figures.poisoned,
        "held": figures.held,
        "contested": figures.contested,
        "maxDaysSinceRight": figures.max_days_since_right,
    }


def _sources_json(report: CheckReport) -> shapes.Sources:
    document: shapes.Document = {
        "changeNumbers": dict(report.document.change_numbers),
        "since": utc_text(report.document.since),
        "staleLocations": [*report.document.stale],
        "flippingLocations": [*report.document.flipping],
    }

    return {
        "serviceTags": list(report.service_tags),
        "differs": list(report.differs),
        "unusable": {source: finding_json(why) for source, why in report.unusable.items()},
        "versions": list(report.versions),
        "document": document,
        "documentUnchangedDays": report.document_unchanged_days,
    }


def _checked_table_json(table: CheckedTable) -> shapes.CheckedTable:
    return {
        "routeTableId": str(table.route_table_id),
        "right": table.right,
        "status": table.status,
        "error": finding_json(table.error),
        "daysSinceRight": table.days_since_right,
        "routes": table.routes,
        "routeLimit": table.route_limit,
        "held": table.held,
        "contested": table.contested,
        "poisoned": table.poisoned,
    }


def alarm_json(alarm: Alarm) -> shapes.Alarm:
    return {
        "code": alarm.code.name,
        "message": alarm.message,
        "routeTableId": _text(alarm.route_table_id),
    }


def found_json(found: Found) -> shapes.Discovery:
    return {
        "cloud": found.cloud,
        "value": [_found_environment_json(each) for each in found.environments],
        "services": [_found_service_json(each) for each in found.services],
        "routeTables": [_stamped_json(each) for each in found.route_tables],
        "errors": [_subscription_json(*each) for each in found.errors],
    }


def _found_environment_json(found: FoundEnvironment) -> shapes.FoundEnvironment:
    return {
        "aseId": str(found.environment_id),
        "kind": found.kind,
        "location": found.location,
        "subnetId": _text(found.subnet_id),
        "routeTableId": _text(found.route_table_id),
        "networkSecurityGroupId": _text(found.security_group_id),
        "registered": found.registered,
        "faults": [finding_json(finding) for finding in found.findings],
    }


def _found_service_json(found: FoundService) -> shapes.FoundService:
    subnets: list[shapes.FoundSubnet] = [
        {
            "subnetId": str(subnet.subnet_id),
            "routeTableId": _text(subnet.route_table_id),
            "networkSecurityGroupId": _text(subnet.security_group_id),
            "registered": subnet.registered,
        }
        for subnet in found.subnets
    ]

    return {
        "resourceId": str(found.resource_id),
        "service": found.service,
        "location": found.location,
        "subnets": subnets,
        "faults": [finding_json(finding) for finding in found.findings],
    }


def _stamped_json(stamped: StampedTable) -> shapes.FoundRouteTable:
    return {
        "routeTableId": str(stamped.route_table_id),
        "ownedRoutes": stamped.owned_routes,
        "aseId": _text(stamped.ase_id),
        "registered": stamped.registered,
    }


def version_json(version: Version, change: Difference) -> shapes.Version:
    return {
        "versionId": version.version_id,
        "cloud": version.cloud,
        "serviceTag": version.name,
        "changeNumber": version.change_number,
        "recordedAt": utc_text(version.recorded_at),
        "source": _kind_of(version.source),
        "locations": list(version.locations) or [version.source],
        "addressPrefixes": list(version.address_prefixes),
        "added": list(change.added),
        "removed": list(change.removed),
        "previousVersionId": version.previous_version_id,
        "apiLacks": [_lack_json(addition) for addition in version.additions],
    }


def _lack_json(addition: Addition) -> shapes.Lack:
    since = addition.since
    return {
        "prefix": addition.prefix,
        "since": str(since.published_on),
        "changeNumber": since.change_number,
    }


def _kind_of(source: Source) -> Literal["ase", "customList", "serviceTag"]:
    if name_of(source) is None:
        return "ase"
    return "customList" if is_list(source) else "serviceTag"


def _text(resource_id: object | None) -> str | None:
    return None if resource_id is None else str(resource_id)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else utc_text(at)


def plain_list_json(found: PlainList, family: Family) -> shapes.PlainList:
    version, prefixes = found.version, found.prefixes(family)
    ends = [(prefix, found.retained[prefix]) for prefix in prefixes if prefix in found.retained]
    retained: list[shapes.Retained] = [
        {"prefix": prefix, "until": str(end)} for prefix, end in ends
    ]

    return {
        "name": version.source,
        "family": family,
        "cloud": version.cloud,
        "versionId": version.version_id,
        "changeNumber": version.change_number,
        "recordedAt": utc_text(version.recorded_at),
        "changedAt": utc_text(found.changed_at),
        "addressPrefixes": list(prefixes),
        "retained": retained,
    }
