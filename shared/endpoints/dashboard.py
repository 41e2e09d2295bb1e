"""The pages for an operator: the overview, a run, a route table."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
from pydantic import Field

from .. import answers
from ..app import App, known_settings, utc_now
from ..deadline import time_limit
from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import NotFound, RouteSyncError, TransientError
from ..domain.findings import Finding
from ..domain.people.check_report import CheckReport
from ..domain.people.health import coming_alarms, schedule_alarms
from ..domain.people.membership import why_not_registered
from ..domain.people.next_steps import About, acceptable, step_for_code
from ..domain.people.open_alarms import Seen
from ..domain.people.overview import Judged, Mood, Standpoint
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Registration
from ..domain.runs.outcome import Outcome
from ..domain.runs.report import Report
from ..domain.runs.run import Run, RunStatus
from ..domain.services.known import NAMED
from ..domain.surroundings.search import Found
from ..http import HttpError, Query, WholeNumber, in_query, parse_query, respond
from ..pages import choice, headers, render_page
from ..pages.choice import Choice
from ..pages.codes import codes_page
from ..pages.overview import Situation, Timers, overview
from ..pages.reports import (
    checked_row,
    fault_block,
    found_row,
    history_row,
    outcome_block,
    outcome_of_run,
    report_head,
    run_row,
)
from ..pages.span import Span
from ..pages.tables import routes, row
from ..pages.timeline import timeline
from ..pages.todo import todo_of, todos_of_alarms
from ..settings import Settings
from . import sign_in
from .operations import Answer, Operation, described
from .shell import permitted

TABLES_A_PAGE = 50
OUTCOMES_A_PAGE = 100
LAST_RUNS = 20
MOST_TAGS = 12
"""The page draws the history of so many tags and lists. Each is a read of storage."""
COVERING_DAYS = 35
"""The page looks for the last run over all tables so far back, which is five weekly runs."""
PATIENCE_SECONDS = 15.0
"""For so long a page asks Azure. Storage has 30 s more, and Azure's front end waits for 230 s."""
_FARTHEST = 999_999_999
_NOT_PERMITTED = (401, 403)

_PAGE = Answer("The page.", str, media="text/html")


class DashboardQuery(Query):
    run: str | None = Field(None, description="The id of the run to show.")
    route_table: str | None = Field(None, description="The ARM id of the route table to show.")
    page: str | None = Field(None, description="`codes`: every code and state, with its meaning.")
    search: str | None = Field(
        None,
        description="Words of the names of the tables to list, or the beginning of an ARM id.",
    )
    state: str | None = Field(None, description="The state of the route tables to list.")
    tag: str | None = Field(None, description="A service tag or list of the route tables to list.")
    subscription: str | None = Field(
        None, description="The subscription of the route tables to list."
    )
    sort: str | None = Field(None, description="The order of the route tables: `state` or `name`.")
    from_: WholeNumber = Field(
        1,
        alias="from",
        ge=1,
        le=_FARTHEST,
        description="The place in a long list at which the page begins.",
    )


@described(
    Operation(
        "dashboard",
        "GET",
        "dashboard",
        "Show a page for people. Its errors are pages as well.",
        {200: _PAGE},
        query=DashboardQuery,
        errors=(404,),
        error=_PAGE,
        can_sign_in=True,
    )
)
def dashboard(request: func.HttpRequest, *, asks_for_no_key: bool = False) -> func.HttpResponse:
    """Show errors as a page as well. If the host `asks_for_no_key`, a person has to sign in."""

    def page() -> func.HttpResponse:
        if asks_for_no_key:
            sign_in.require_reader(request)
        return _in_time(request)

    return respond(page, functools.partial(_error_page, request))


def _in_time(request: func.HttpRequest) -> func.HttpResponse:
    """Return the page, or raise HttpError if storage keeps a person waiting for too long."""
    try:
        with time_limit(PATIENCE_SECONDS):
            return _page(request)
    except TransientError as error:
        if error.code != codes.OUT_OF_TIME:
            raise
        message = "storage has given no answer in time"
        raise HttpError(503, codes.STORAGE_UNAVAILABLE, message) from error


def _page(request: func.HttpRequest) -> func.HttpResponse:
    parse_query(request, DashboardQuery)
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
        "overview": overview(situation, functools.partial(_about, context)),
        "runs": [run_row(run) for run in runs],
        **_histories(context, situation.tables, chosen.tag),
        **_rows(request, situation, chosen),
    }
    return _response(context.settings, request, "overview", **shown)


def _histories(context: App, tables: Iterable[Judged], chosen: str) -> dict[str, Any]:
    """Draw the tags and lists that are allowed or used: the chosen one, the default one, others."""
    default = context.settings.service_tag
    used = {name for one in tables for name in one.table.registration.service_tags}
    known = {default} | used | context.policy.listed_tags

    first = [name for name in (chosen, default) if name in known]
    names = [*dict.fromkeys((*first, *sorted(known)))]
    drawn = (timeline(context.versions.history(name)) for name in names[:MOST_TAGS])
    return {
        "timelines": [each for each in drawn if each is not None],
        "not_drawn": names[MOST_TAGS:],
    }


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
    return Span(parse_query(request, DashboardQuery).from_, size, len(items))


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
    return _response(context.settings, request, "run", **report_head(report), **listed, span=span)


def _listed(report: Report) -> tuple[str, Sequence[Any], Callable[[Any], Mapping[str, Any]]]:
    """Return what the page of the run lists: its name, all of it, and how one is shown."""
    match report.result:
        case CheckReport():
            return "checked", report.result.tables, checked_row
        case Found():
            every = [*report.result.environments, *report.result.services]
            return "found", every, found_row
        case _:
            return "outcomes", report.outcomes, functools.partial(outcome_of_run, report.run)


def _table_page(context: App, request: func.HttpRequest, text: str) -> func.HttpResponse:
    table = _registered(context, text)
    about = _about(context, table)
    shown: dict[str, Any] = {
        "table": table,
        "service": NAMED.get(table.registration.service or ""),
        **_now(context, table, about),
        **_past(context, table, about),
        **_elsewhere(context.settings, table),
        **_routes_now(context, table),
    }
    return _response(context.settings, request, "route_table", **shown)


def _registered(context: App, text: str) -> RegisteredTable:
    """An alarm leads to the page of its table, also if a tag could not register the table."""
    try:
        return context.registering.get(text)
    except NotFound as error:
        check = context.checks.latest(until=utc_now())
        told = why_not_registered(check, RouteTableId.parse(text))
        if told is None:
            raise
        raise NotFound(told.code, f"{error.message}. {told.message}") from error


def _now(context: App, table: RegisteredTable, about: About) -> dict[str, Any]:
    """Return how the table stands, and what to do if it is not right or will not stay so."""
    standpoint = answers.standpoint(context, [table])
    judged = standpoint.judge(table)
    of_state = [] if judged.mood is Mood.GOOD else [todo_of([judged], lambda _: about)]
    coming = todos_of_alarms(coming_alarms(table, standpoint.now.date()))
    return {"row": row(judged, standpoint), "todos": [*of_state, *coming]}


def _past(context: App, table: RegisteredTable, about: About) -> dict[str, Any]:
    """Return what runs did and found, and for how long their pages are there."""
    last = _last_outcome(context, table)
    return {
        "shown": None if last is None else outcome_block(last, about),
        "history": [history_row(entry) for entry in table.status.history],
        "retention_days": context.settings.run_retention_days,
    }


def _elsewhere(settings: Settings, table: RegisteredTable) -> dict[str, Any]:
    """Return where the portal shows the table and its environment."""
    ase_id = table.registration.ase_id
    portal = {
        "table": settings.cloud.portal_url(str(table.route_table_id)),
        "environment": settings.cloud.portal_url(str(ase_id)) if ase_id else None,
    }
    return {"portal": portal}


def _about(context: App, table: RegisteredTable) -> About:
    """Return the ids for commands about this table, of which its last run knows some."""
    last = table.status.last_outcome
    run = None if last is None else context.runs.get(last.run_id)
    if last is None or run is None:
        return About(route_table_id=table.route_table_id)

    outcome = _last_outcome(context, table) if last.conflicts else None
    return About.of(run, table.route_table_id, () if outcome is None else acceptable(outcome))


def _named_page(context: App, request: func.HttpRequest, name: str) -> func.HttpResponse:
    if name != "codes":
        raise HttpError(400, codes.INVALID_QUERY, "page is codes, and there is no other")
    return _response(context.settings, request, "codes", **codes_page())


_PAGES: Mapping[str, Callable[[App, func.HttpRequest, str], func.HttpResponse]] = {
    "run": _run_page,
    "routeTable": _table_page,
    "page": _named_page,
}


def _routes_now(context: App, table: RegisteredTable) -> dict[str, Any]:
    """If Azure does not answer, the page still shows everything else."""
    try:
        found = context.route_tables.read(table.route_table_id)
    except RouteSyncError as error:
        about = About(route_table_id=table.route_table_id)
        return {"unreadable": fault_block(Finding.of(error), about, Mood.BAD)}

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
    if error.code in sign_in.REFUSALS:
        link = sign_in.sign_in_url(sign_in.front_in_use(), request)
        return _response(
            None, request, "sign_in", status=error.status, fault=error, sign_in_link=link
        )

    # A caller who may not see the pages learns nothing of the app.
    settings = None if error.status in _NOT_PERMITTED else known_settings()
    step = step_for_code(error.code, About())
    return _response(settings, request, "error", status=error.status, fault=error, step=step)


def _response(
    settings: Settings | None,
    request: func.HttpRequest,
    template: str,
    *,
    status: int = 200,
    **shown: object,
) -> func.HttpResponse:
    """Show a page. If the app's own settings are wrong, there are none."""
    everywhere = {} if settings is None else _everywhere(settings)
    front = settings or sign_in.front_in_use()
    shown["session"] = sign_in.session(front, request)
    url, key = front.public_url, in_query(request, "code")
    page = render_page(template, front=url, key=key, now=utc_now(), **everywhere, **shown)
    # Azure answers in JSON, which can hold half a letter, but no page can.
    body = page.encode(errors="backslashreplace")
    return func.HttpResponse(
        body, status_code=status, headers=headers(), mimetype="text/html", charset="utf-8"
    )
