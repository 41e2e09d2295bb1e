"""Read runs, versions and registrations: every door gives the same answers."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .app import App, utc_now
from .domain import codes
from .domain.addresses import Difference, Version
from .domain.armid import RouteTableId
from .domain.bounds import out_of_bounds, shortened
from .domain.errors import NotFound, TransientError
from .domain.people.check_report import check_id_of
from .domain.people.overview import Standpoint
from .domain.registry.registered_table import RegisteredTable
from .domain.routing.plain_list import PlainList
from .domain.runs.report import Report, Result
from .domain.runs.run import Action, Run, RunStatus, Trigger
from .domain.services.known import NAMED
from .domain.surroundings.search import Found
from .json_shapes import NewestOf

MOST_LOOKED_AT = 1000
"""The runs that one page looks at. Each may need a read of storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The conditions that a run has to fulfil to be listed. One without a value does not count.

    It was started with this id of a change and by this trigger, has this status, and names this
    route table or has an outcome of it.
    """

    change_id: str | None = None
    trigger: Trigger | None = None
    status: RunStatus | None = None
    route_table: RouteTableId | None = None


def existing_run(context: App, run_id: str) -> Run:
    """An overdue run is ended first. Raise NotFound if there is no run with this id."""
    run = context.run_end.expire_if_overdue(context.runs.get(run_id))
    if run is None:
        raise NotFound(codes.RUN_NOT_FOUND, "there is no run with this id")
    return run


def runs(context: App) -> Iterator[Run]:
    """Yield the newest first. Overdue ones are ended."""
    return (context.run_end.expire_if_overdue(run) for run in context.runs.list())


def page_of_runs(
    context: App, wanted: Wanted, *, older_than: str | None, most: int
) -> tuple[list[Run], str | None]:
    """Return the newest of these runs, and the id of the run after which the next page begins.

    They are older than the run with that id. Overdue ones are ended. There are `most` at most, and
    fewer if `MOST_LOOKED_AT` runs have been looked at. After the last page the id is None.
    """
    found: list[Run] = []
    last = None
    for number, run in enumerate(_candidates(context, wanted, older_than)):
        is_wanted = _is_wanted(context, run, wanted)
        if number == MOST_LOOKED_AT or (is_wanted and len(found) == most):
            return found, last
        if is_wanted:
            found.append(run)
        last = run.run_id
    return found, None


def _candidates(context: App, wanted: Wanted, older_than: str | None) -> Iterator[Run]:
    # An overdue run still has the status Running in storage.
    stored = None if wanted.status is None else {wanted.status, RunStatus.RUNNING}
    found = context.runs.list(
        older_than=older_than,
        change_id=wanted.change_id,
        statuses=stored,
        trigger=wanted.trigger,
    )
    return map(context.run_end.expire_if_overdue, found)


def _is_wanted(context: App, run: Run, wanted: Wanted) -> bool:
    if wanted.status not in {None, run.status}:
        return False
    table, request = wanted.route_table, run.request
    if table is None or table in request.route_tables:
        return True

    # Storage keeps no list of the runs of a table, but a run about all tables has a row for each.
    is_about_all = request.action.is_about_tables and not request.route_tables
    return is_about_all and context.outcomes.has(run.run_id, table)


def last_runs(context: App, number: int) -> list[Run]:
    """Return the last runs, the newest first. Overdue ones are ended."""
    return [context.run_end.expire_if_overdue(run) for run in context.runs.last(number)]


def run_report(context: App, run: Run) -> Report:
    # Only a run that was stopped has ended with tables that are still open.
    left = context.outcomes.pending(run.run_id) if run.not_begun else ()
    not_begun = [pending.route_table_id for pending in left]
    outcomes = context.outcomes.list(run.run_id)
    return Report.of(run, outcomes, _result(context, run), not_begun)


def _result(context: App, run: Run) -> Found | Result | None:
    match run.request.action:
        case Action.DISCOVER:
            return _found(context, run)
        case Action.CHECK:
            stored = context.checks.get(check_id_of(run.started_at))
            return stored and stored[0]
        case _:
            return None


def _found(context: App, run: Run) -> Found:
    # A run that was ended early has not come to every subscription, and its result says so.
    parts = context.searches.list(run.run_id)
    shown = [part.given_up() if run.ended else part for part in parts]
    return Found.of(shown, cloud=context.settings.azure_cloud)


def registered_tables(context: App) -> list[RegisteredTable]:
    """Return all, sorted by their ids, ignoring case."""
    return sorted(context.registry.list(), key=lambda one: one.route_table_id.key)


def standpoint(context: App, tables: Iterable[RegisteredTable]) -> Standpoint:
    """Return the point from which these tables are judged now."""
    settings = context.settings
    sources = {source for table in tables for source in table.registration.sources}
    newest = context.versions.heads_of({settings.service_tag, *sources})
    return Standpoint(utc_now(), newest, settings.max_sync_age_days)


def newest_versions(context: App) -> NewestOf:
    """Return what reads the newest version of a source, once for each source."""
    return functools.cache(context.versions.newest)


def existing_version(context: App, version_id: str) -> Version:
    """Raise NotFound if there is no version with this id."""
    version = context.versions.get(version_id)
    if version is None:
        raise NotFound(codes.VERSION_NOT_FOUND, "there is no version with this id")
    return version


def plain_list(context: App, name: str) -> PlainList:
    """Return the list of this tag. It is never empty.

    Raise NotFound if the tag is not allowed, and TransientError if no version is recorded, or if
    the newest one cannot be believed any more.
    """
    settings = context.settings
    if not context.policy.allows(name):
        raise NotFound(codes.LIST_NOT_FOUND, _why_no_list(name))
    history = context.versions.recent(name, days=settings.removal_grace_days)
    if not history:
        raise TransientError(codes.LIST_NOT_READY, f"no version of {name} is recorded yet")

    faults = out_of_bounds(history[-1].address_prefixes, settings.min_prefix_length)
    if faults:
        raise TransientError(codes.RECORDED_OUT_OF_BOUNDS, shortened([*faults.values()]))
    found = PlainList.of(history, grace_days=settings.removal_grace_days, today=utc_now().date())
    return found.without(out_of_bounds(found.retained, settings.min_prefix_length))


def _why_no_list(name: str) -> str:
    service = NAMED.get(name)
    if service is None:
        return f"{name} is not in ALLOWED_SERVICE_TAGS"
    return f"{name} is a service. Each of its tags has a list: {', '.join(service.service_tags)}"


def version_change(context: App, version: Version) -> Difference:
    """Compare the version with the one before it."""
    return version.change_since(context.versions.get(version.previous_version_id or ""))


def versions(context: App) -> Iterator[tuple[Version, Difference]]:
    """Yield each version with what it changed, the newest first."""
    by_id = {version.version_id: version for version in context.versions.list()}
    newest_first = sorted(by_id.values(), key=lambda v: (v.recorded_at, v.version_id), reverse=True)

    # A page needs only some of the versions, and comparing two large tags takes a while.
    for version in newest_first:
        yield version, version.change_since(by_id.get(version.previous_version_id or ""))
