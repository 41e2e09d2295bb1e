"""Registrations and runs of an app in this process, with each message delivered once."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from azure.data.tables import TableClient

from shared.app import App
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.report import Report
from shared.domain.runs.run import Action, Mode, RunRequest, Trigger
from shared.json_shapes import report_json
from shared.storage.registry import Registry

from .azure import rid

TAG = "AppServiceManagement"
START = datetime(2026, 3, 4, 6, tzinfo=UTC)
"""A Wednesday, at the time of the weekly sync."""


def register(app: App, *names: str, tags: Iterable[str] = (TAG,), enabled: bool = True) -> None:
    for name in names:
        app.registry.put(RegisteredTable(rid(name), Registration(tuple(tags), enabled=enabled)))


class _Noted:
    """Takes what a log of the product writes, as a table of storage would."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, Any, dict[str, Any]]] = []

    def create_entity(self, entity: Any, **how: Any) -> None:
        self.operations.append(("create", entity, how))

    def upsert_entity(self, entity: Any, **how: Any) -> None:
        self.operations.append(("upsert", entity, how))

    def update_entity(self, entity: Any, **how: Any) -> dict[str, str]:
        self.operations.append(("update", entity, how))
        return {"etag": "known when it is written"}


@contextmanager
def in_batches(table: TableClient) -> Iterator[Any]:
    """Stands for the table, and writes a hundred rows of one partition with one request at the
    end: a thousand requests take seconds.
    """
    noted = _Noted()
    yield noted
    for batch in itertools.batched(noted.operations, 100, strict=False):
        table.submit_transaction(batch)


def register_many(app: App, names: Iterable[str]) -> None:
    with in_batches(app.account.route_tables) as table:
        for name in names:
            Registry(table).put(RegisteredTable(rid(name), Registration((TAG,))))


def begin(app: App, *names: str, mode: Mode = Mode.APPLY, **asked: Any) -> str:
    tables = tuple(rid(name) for name in names)
    return app.create_run(RunRequest(Trigger.HTTP, mode, route_tables=tables, **asked)).run_id


def started(app: App, *names: str) -> str:
    """A run of these tables, registered, whose table messages are on their way."""
    register(app, *names)
    run_id = begin(app)
    app.run_start.start(run_id)
    return run_id


def sync(app: App, *names: str, mode: Mode = Mode.APPLY, **asked: Any) -> dict[str, Any]:
    """A whole run with every message delivered once."""
    run_id = begin(app, *names, mode=mode, **asked)
    for table in app.run_start.start(run_id):
        app.tables.sync(run_id, table)
    return run_report(app, run_id)


def approved(app: App, plan: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """A run that applies what this plan run showed."""
    tables = [outcome["routeTableId"] for outcome in plan["outcomes"]]
    return sync(app, *tables, plan_run_id=plan["runId"], **asked)


def adopt(app: App, **asked: Any) -> dict[str, Any]:
    """Adopt routes of the table `one`; return its outcome."""
    return outcome_of(sync(app, "one", action=Action.ADOPT, reason="ours now", **asked), "one")


def roll_back(app: App, run: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """Undo this run in the table `one`; return the table's outcome."""
    asked = {"action": Action.ROLLBACK, "undone_run_id": run["runId"], "reason": "why", **asked}
    return outcome_of(sync(app, "one", **asked), "one")


def report_of(app: App, run_id: str) -> Report:
    run = app.runs.get(run_id)
    assert run is not None
    return Report.of(run, app.outcomes.list(run_id))


def run_report(app: App, run_id: str) -> dict[str, Any]:
    """The JSON that the function answers."""
    return report_json(report_of(app, run_id))


def codes(outcome: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in outcome["findings"]]


def outcome_of(whole: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [o for o in whole["outcomes"] if o["routeTableId"] == str(rid(name))]
    return found
