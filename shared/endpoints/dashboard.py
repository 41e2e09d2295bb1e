"""The pages for an operator: the overview, a run, a route table."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func

from .. import answers
from ..app import App, utc_now
from ..domain import codes
from ..domain.errors import RouteSyncError
from ..domain.findings import Finding
from ..domain.people.check_report import CheckReport
from ..domain.people.health import schedule_alarms
from ..domain.people.open_alarms import Seen
from ..domain.people.overview import Standpoint
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.runs.outcome import Outcome
from ..domain.runs.report import Report
from ..domain.runs.run import Run, RunStatus
from ..domain.surroundings.search import Found
from ..http import HttpError, check_query, in_query, respond, whole_number
from ..pages import choice, headers, render_page
from ..pages.choice import Choice
from ..pages.overview import Situation, Timers, overview
from ..pages.reports import (
    checked_row,
    environment_row,
    history_row,
    outcome_block,
    report_head,
    run_row,
)
from ..pages.span import Span
from ..pages.tables import routes, row
from ..pages.timeline import timeline
from ..settings import Settings
from .shell import permitted

TABLES_A_PAGE = 50
OUTCOMES_A_PAGE = 100
LAST_RUNS = 20
COVERING_DAYS = 35
"""The page looks for the last run over all tables so far back, which is five weekly runs."""
_FARTHEST = 999_999_999


def dashboard(request: func.HttpRequest) -> func.HttpResponse:
    """Show errors as a page as well."""
    return respond(lambda: _page(request), functools.partial(_error_page, request))


def _page(request: func.HttpRequest) -> func.HttpResponse:
    check_query(request, (*_PAGES, *choice.NAMES, "from"))
    context = permitted(request)
    for name, show in _PAGES.items():
        value = in_query(request, name)
        if value:
            return show(context, request, value)
    return _overview(context, request)


def _overview(context: App, request: func.HttpRequest) -> func.HttpResponse:
    chosen, runs = _choice(request), answers.last_runs(context, LAST_RUNS)
    situation = _situation(context, runs)
    shown = {
        "overview": overview(situation),
        "timeline": timeline(context.versions.history(context.settings.service_tag)),
        "runs": [run_row(run) for run in runs],
        **_rows(request, situation, chosen),
    }
    return _response(context, request, "overview", **shown)


def _choice(request: func.HttpRequest) -> Choice:
    try:
        return Choice.of(functools.partial(in_query, request))
    except ValueError as error:
        raise HttpError(400, codes.INVALID_QUERY, str(error)) from None


def _rows(request: func.HttpRequest, situation: Situation, chosen: Choice) -> dict[str, Any]:
    found = chosen.found(situation.tables)
    span = _span(request, TABLES_A_PAGE, found)
    return {
        "rows": [row(one, situation.standpoint) for one in span.of(found)],
        "span": span,
        "choice": chosen,
        "options": choice.options(situation.tables),
    }


def _span(request: func.HttpRequest, size: int, items: Sequence[object]) -> Span:
    return Span(whole_number(request, "from", 1, _FARTHEST), size, len(items))


def _situation(context: App, runs: Sequence[Run]) -> Situation:
    tables = [*context.registry.summaries()]
    enabled = [table for table in tables if table.registration.enabled]
    standpoint = answers.standpoint(context, enabled)
    return Situation(
        standpoint=standpoint,
        tables=[standpoint.judge(table) for table in tables],
        seen=_seen(context, runs, enabled, standpoint),
        covering=[*_covering_runs(context, standpoint.now)],
        days=COVERING_DAYS,
        timers=_timers(context.settings),
    )


def _seen(
    context: App,
    runs: Sequence[Run],
    tables: Sequence[RegisteredTable],
    standpoint: Standpoint,
) -> Seen:
    return Seen(
        check=context.checks.latest(until=standpoint.now),
        runs=runs,
        tables=tables,
        newest=standpoint.newest.values(),
        locations=context.settings.service_tag_locations,
    )


def _timers(settings: Settings) -> Timers:
    # If a schedule is wrong or missing, no check may tell it.
    alarms = [*schedule_alarms(settings.wrong_schedules, settings.missing_schedules)]
    return Timers(sync=settings.sync_schedule, check=settings.check_schedule, alarms=alarms)


def _covering_runs(context: App, now: datetime) -> Iterator[Run]:
    """Yield the last runs over all tables, back to the last one that succeeded."""
    for run in context.runs.covering_all(since=now - timedelta(days=COVERING_DAYS)):
        yield run
        if run.status is RunStatus.SUCCEEDED:
            return


def _run_page(context: App, request: func.HttpRequest, run_id: str) -> func.HttpResponse:
    report = answers.run_report(context, answers.existing_run(context, run_id))
    name, every, shown_as = _listed(report)

    # A run can have thousands of outcomes, or environments.
    span = _span(request, OUTCOMES_A_PAGE, every)
    listed: dict[str, Any] = {name: [shown_as(each) for each in span.of(every)]}
    return _response(context, request, "run", **report_head(report), **listed, span=span)


def _listed(report: Report) -> tuple[str, Sequence[Any], Callable[[Any], Mapping[str, Any]]]:
    """Return what the page of the run lists: its name, all of it, and how one is shown."""
    match report.result:
        case CheckReport():
            return "checked", report.result.tables, checked_row
        case Found():
            return "environments", report.result.environments, environment_row
        case _:
            return "outcomes", report.outcomes, outcome_block


def _table_page(context: App, request: func.HttpRequest, text: str) -> func.HttpResponse:
    table = context.registering.get(text)
    standpoint = answers.standpoint(context, [table])
    last = _last_outcome(context, table)

    shown: dict[str, Any] = {
        "row": row(standpoint.judge(table), standpoint),
        "table": table,
        "shown": None if last is None else outcome_block(last),
        "history": [history_row(entry) for entry in table.status.history],
        "retention_days": context.settings.run_retention_days,
    }
    return _response(context, request, "route_table", **shown, **_routes_now(context, table))


_PAGES: Mapping[str, Callable[[App, func.HttpRequest, str], func.HttpResponse]] = {
    "run": _run_page,
    "routeTable": _table_page,
}


def _routes_now(context: App, table: RegisteredTable) -> dict[str, Any]:
    """If Azure does not answer, the page still shows everything else."""
    try:
        found = context.route_tables.read(table.route_table_id)
    except RouteSyncError as error:
        return {"unreadable": Finding.of(error)}

    registration, owner = table.registration, context.settings.route_owner
    shown, counts = routes(found, registration, _wanted(context, registration), owner=owner)
    return {"unreadable": None, "routes": shown, "route_counts": counts}


def _wanted(context: App, registration: Registration) -> set[str]:
    """Return what the newest versions want, what a pin wants, and the tags."""
    versions = [context.versions.newest(source) for source in registration.sources]
    if registration.pin is not None:
        versions.append(context.versions.get(registration.pin.version_id))
    wanted = {prefix for version in versions if version is not None for prefix in version.ipv4}
    return wanted | {*registration.service_tags}


def _last_outcome(context: App, table: RegisteredTable) -> Outcome | None:
    last = table.status.last_outcome
    return None if last is None else context.outcomes.get(last.run_id, table.route_table_id)


def _everywhere(settings: Settings) -> Mapping[str, Any]:
    """Return what every page shows: which of several apps this is, and what holds for all of it.

    A laptop has no app's name and no subscription.
    """
    named = {
        "App": settings.app_name,
        "Cloud": settings.azure_cloud,
        "Subscription": settings.app_subscription_id or settings.service_tag_subscription_id,
    }
    return {
        "place": {name: text for name, text in named.items() if text},
        "paused": settings.paused,
        "approvers_have_tokens": settings.website_auth_enabled,
    }


def _error_page(request: func.HttpRequest, error: HttpError) -> func.HttpResponse:
    return _response(None, request, "error", status=error.status, fault=error)


def _response(
    context: App | None,
    request: func.HttpRequest,
    template: str,
    *,
    status: int = 200,
    **shown: object,
) -> func.HttpResponse:
    """Show a page. If the app's own settings are wrong, there is no context."""
    everywhere = {} if context is None else _everywhere(context.settings)
    front = None if context is None else context.settings.public_url
    key = in_query(request, "code")
    page = render_page(template, front=front, key=key, now=utc_now(), **everywhere, **shown)
    # Azure answers in JSON, which can hold half a letter, but no page can.
    body = page.encode(errors="backslashreplace")
    return func.HttpResponse(
        body, status_code=status, headers=headers(), mimetype="text/html", charset="utf-8"
    )
