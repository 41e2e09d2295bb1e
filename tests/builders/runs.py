"""Registrations and runs of an app in this process, with each message delivered once."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any, TypedDict, Unpack

from azure.data.tables import TableClient

from shared.answers import run_report as run_report_of
from shared.app import App
from shared.domain.armid import EnvironmentId
from shared.domain.errors import TransientError
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.report import Report
from shared.domain.runs.run import Action, Mode, RunRequest, Trigger
from shared.domain.surroundings.search import Search
from shared.json_shapes import report_json
from shared.storage.entities import complement, table_key
from shared.storage.registry import Registry
from shared.sync.registering import PinRequest
from shared.sync.requester import Requester

from .azure import SUBSCRIPTION, rid

TAG = "AppServiceManagement"
START = datetime(2026, 3, 4, 6, tzinfo=UTC)
"""A Wednesday, at the time of the weekly sync."""


class Asked(TypedDict, total=False):
    """The fields of a `RunRequest` that a test may give."""

    action: Action
    plan_run_id: str
    force: tuple[str, ...]
    rolled_back_run_id: str
    from_owner: str
    ase_id: EnvironmentId
    azure_tags: Mapping[str, str]
    ensure_nsg: bool
    reason: str
    change_id: str
    requested_by: str
    writers: Mapping[str, tuple[str, ...]]


def keep(app: App, table: RegisteredTable) -> None:
    """Register the table, or replace its registration and its former sources."""
    if not app.registry.add(table):
        former = table.status.former_sources
        app.registry.change(
            table.route_table_id,
            lambda known: replace(
                known,
                registration=table.registration,
                status=replace(known.status, former_sources=former),
            ),
        )


def register(app: App, *names: str, tags: Iterable[str] = (TAG,), enabled: bool = True) -> None:
    for name in names:
        keep(app, RegisteredTable(rid(name), Registration(tuple(tags), enabled=enabled)))


def pin(app: App, name: str, version_id: str | None, reason: str = "why") -> None:
    """Pin the table to this version as a person does it; None removes the pin."""
    asked = None if version_id is None else PinRequest(version_id, reason)
    somebody = Requester(Trigger.HTTP, "somebody")
    app.registering.change(str(rid(name)), partial(replace, pin=asked), somebody)


class _Noted:
    """Stands for a table of storage and keeps every write."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, Any, dict[str, Any]]] = []

    def create_entity(self, entity: Any, **how: Any) -> None:
        self.operations.append(("create", entity, how))

    def update_entity(self, entity: Any, **how: Any) -> dict[str, str]:
        self.operations.append(("update", entity, how))
        return {"etag": "known when it is written"}


@contextmanager
def in_batches(table: TableClient) -> Iterator[Any]:
    """Collect writes to the table, and send a hundred rows in one request at the end.

    All rows need the same partition. A request for each row would take seconds.
    """
    noted = _Noted()
    yield noted
    for batch in itertools.batched(noted.operations, 100, strict=False):
        table.submit_transaction(batch)


def register_many(app: App, names: Iterable[str]) -> None:
    with in_batches(app.account.route_tables) as table:
        for name in names:
            Registry(table).add(RegisteredTable(rid(name), Registration((TAG,))))


def copy_rows(source: App, target: App) -> None:
    """Copy all rows of an account to one that is empty: that is quicker than to make them again."""
    for name in ("versions", "route_tables", "runs", "outcomes"):
        rows = getattr(source.account, name).list_entities()
        for _, some in itertools.groupby(rows, itemgetter("PartitionKey")):
            with in_batches(getattr(target.account, name)) as table:
                for row in some:
                    table.create_entity(row)


def begin(app: App, *names: str, mode: Mode = Mode.APPLY, **asked: Unpack[Asked]) -> str:
    tables = tuple(rid(name) for name in names)
    return app.create_run(RunRequest(Trigger.HTTP, mode, route_tables=tables, **asked)).run_id


def started(app: App, *names: str) -> str:
    """Register these tables and start a run of them; return its id. No table is synced yet."""
    register(app, *names)
    run_id = begin(app)
    app.run_start.start(run_id)
    return run_id


def sync(app: App, *names: str, mode: Mode = Mode.APPLY, **asked: Unpack[Asked]) -> dict[str, Any]:
    """Run to the end, with every message delivered once; return the report."""
    run_id = begin(app, *names, mode=mode, **asked)
    for table in app.run_start.start(run_id):
        app.tables.sync(run_id, table)
    return run_report(app, run_id)


def approved(app: App, plan: dict[str, Any], **asked: Unpack[Asked]) -> dict[str, Any]:
    """Apply what this plan run showed; return the report."""
    tables = [outcome["routeTableId"] for outcome in plan["outcomes"]]
    approval: Asked = {**asked, "plan_run_id": plan["runId"]}
    return sync(app, *tables, **approval)


def adopt(app: App, **asked: Unpack[Asked]) -> dict[str, Any]:
    """Adopt routes of the table `one`; return its outcome."""
    adoption: Asked = {"action": Action.ADOPT, "reason": "ours now", **asked}
    return outcome_of(sync(app, "one", **adoption), "one")


def roll_back(app: App, run: dict[str, Any], **asked: Unpack[Asked]) -> dict[str, Any]:
    """Undo this run in the table `one`; return the table's outcome."""
    rollback: Asked = {
        "action": Action.ROLLBACK,
        "rolled_back_run_id": run["runId"],
        "reason": "why",
        **asked,
    }
    return outcome_of(sync(app, "one", **rollback), "one")


def begin_discovery(app: App, *subscriptions: str, **search: Any) -> str:
    asked = RunRequest(
        Trigger.HTTP,
        Mode.APPLY,
        action=Action.DISCOVER,
        requested_by="somebody",
        search=Search(subscriptions, **search),
    )
    return app.create_run(asked).run_id


def discover(app: App, *subscriptions: str, **search: Any) -> dict[str, Any]:
    """Discover to the end; return the report."""
    return to_the_end(app, begin_discovery(app, *subscriptions, **search))


def to_the_end(app: App, run_id: str) -> dict[str, Any]:
    """Deliver each message of a discovery, and again if that fails; return the report."""
    is_left = True
    while is_left:
        with suppress(TransientError):
            is_left = app.task_runs.go_on(run_id)
    return run_report(app, run_id)


def report_of(app: App, run_id: str) -> Report:
    run = app.runs.get(run_id)
    assert run is not None
    return run_report_of(app, run)


def run_report(app: App, run_id: str) -> dict[str, Any]:
    """Return the report as the JSON that the function answers."""
    return {**report_json(report_of(app, run_id))}


def codes(outcome: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in outcome["findings"]]


def outcome_of(whole: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [o for o in whole["outcomes"] if o["routeTableId"] == str(rid(name))]
    return found


def spoil(app: App, name: str) -> None:
    """Leave the table's row in storage as nobody can read it."""
    keys = {"PartitionKey": SUBSCRIPTION, "RowKey": table_key(rid(name))}
    app.account.route_tables.update_entity({**keys, "registration": "spoiled"})


def spoil_pending(app: App, run_id: str, name: str) -> None:
    """Leave what the run noted about the table as nobody can read it."""
    keys = {"PartitionKey": run_id, "RowKey": table_key(rid(name))}
    app.account.outcomes.update_entity({**keys, "pending": b"spoiled"})


def spoil_run(app: App, run_id: str) -> None:
    """Leave the row of the run as nobody can read it."""
    keys = {"PartitionKey": "run", "RowKey": complement(run_id)}
    app.account.runs.update_entity({**keys, "run": b"spoiled"})
