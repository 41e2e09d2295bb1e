"""SyncRuns: one row a run, the newest first. SyncOutcomes: one row a table of a run."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from itertools import batched
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, TableTransactionError, UpdateMode

from ..domain import codes
from ..domain.armid import EnvironmentId, RouteTableId
from ..domain.errors import ConcurrentUpdate
from ..domain.findings import finding_json, finding_of_json
from ..domain.routing.changes import Change, Changes
from ..domain.routing.judgement import Approval
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.pending import Pending
from ..domain.runs.run import (
    Action,
    Mode,
    Run,
    RunRequest,
    RunStatus,
    Trigger,
    VersionSeen,
    run_id_of,
)
from .entities import complement, pack, table_key, unpack

_PARTITION = "run"
_CLAIMS = "alert"
_RUN_ID = re.compile(r"[0-9]{20}-[0-9a-f]{8}")
_MOST_IN_A_TRANSACTION = 100
_PENDING = "pending"
_OPEN, _SETTLED = "status eq @pending", "status ne @pending"


class RunLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def create(self, run: Run) -> None:
        """Nothing where it is there already."""
        with suppress(ResourceExistsError):
            self._table.create_entity(_run_entity(run))

    def claim(self, instance: str, run_id: str) -> str:
        """Let this be the run of this alert; return the id of the one that was first to be it."""
        claim = {"PartitionKey": _CLAIMS, "RowKey": instance, "runId": run_id}
        try:
            self._table.create_entity(claim)
        except ResourceExistsError:
            return self.claimed(instance) or run_id
        return run_id

    def claimed(self, instance: str) -> str | None:
        """The id of the run that this alert has started, or joined."""
        try:
            return str(self._table.get_entity(_CLAIMS, instance)["runId"])
        except ResourceNotFoundError:
            return None

    def get(self, run_id: str) -> Run | None:
        if not _RUN_ID.fullmatch(run_id):
            return None
        try:
            return _run(self._table.get_entity(_PARTITION, _row_key(run_id)))
        except ResourceNotFoundError:
            return None

    def replace(self, run: Run) -> Run:
        """Raise ConcurrentUpdate where the run has changed since it was read."""
        etag = _replace_as_read(
            self._table, _run_entity(run), run.etag, ConcurrentUpdate(codes.RUN_CHANGED, run.run_id)
        )
        return replace(run, etag=etag)

    def running(self, *, before: datetime) -> Iterator[Run]:
        """Those begun before that have not ended."""
        return self._query(
            "RowKey ge @moment and status eq @status", before, status=RunStatus.RUNNING.value
        )

    def waiting(self, *, since: datetime) -> Iterator[Run]:
        """Those begun since then that have not fanned out."""
        return self._query(
            "RowKey le @moment and status eq @status and fannedOut eq @fanned_out",
            since,
            status=RunStatus.RUNNING.value,
            fanned_out=False,
        )

    def due(self, *, since: datetime) -> Iterator[Run]:
        """Those begun since then that have ended, and nobody has been told."""
        return self._query("RowKey le @moment and noticeDue eq @due", since, due=True)

    def told(self, run: Run) -> None:
        """Nobody need be told of it any more."""
        self._table.update_entity(
            {"PartitionKey": _PARTITION, "RowKey": _row_key(run.run_id), "noticeDue": False},
            mode=UpdateMode.MERGE,
        )

    def begun_before(self, moment: datetime) -> Iterator[str]:
        """The ids of runs."""
        old = self._table.query_entities(
            "PartitionKey eq @partition and RowKey gt @first",
            parameters={"partition": _PARTITION, "first": _moment_key(moment)},
            select=["runId"],
        )
        return (str(entity["runId"]) for entity in old)

    def remove(self, run_id: str) -> None:
        self._table.delete_entity(_PARTITION, _row_key(run_id))

    def remove_claims(self, *, before: datetime) -> None:
        """Those of alerts on runs that were begun before."""
        claims = self._table.query_entities(
            "PartitionKey eq @partition and runId lt @first",
            parameters={"partition": _CLAIMS, "first": run_id_of(before, "")},
            select=["PartitionKey", "RowKey"],
        )
        for claim in claims:
            self._table.delete_entity(claim)

    def _query(self, condition: str, moment: datetime, **values: Any) -> Iterator[Run]:
        """The newest come first: what is on the other side of the moment is not even looked at."""
        bound = {"partition": _PARTITION, "moment": _moment_key(moment)}
        entities = self._table.query_entities(
            f"PartitionKey eq @partition and {condition}", parameters=bound | values
        )
        return (_run(entity) for entity in entities)

    def list(self, *, older_than: str | None = None) -> Iterator[Run]:
        """The newest first, from after the run with this id."""
        entities = self._table.query_entities(
            "PartitionKey eq @partition and RowKey gt @after",
            parameters={
                "partition": _PARTITION,
                "after": _row_key(older_than) if older_than else "",
            },
        )
        return (_run(entity) for entity in entities)


class OutcomeLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def expect(self, run_id: str, route_table_ids: Iterable[RouteTableId]) -> None:
        """Those that are not there yet. Raise ConcurrentUpdate where another expects them, too."""
        there = {row["RowKey"] for row in self._rows(run_id, select=["RowKey"])}
        new = (i for i in route_table_ids if table_key(i) not in there)
        for batch in batched(new, _MOST_IN_A_TRANSACTION, strict=False):
            try:
                self._table.submit_transaction(
                    [("create", _pending_entity(Pending(run_id, i))) for i in batch]
                )
            except TableTransactionError as error:
                raise ConcurrentUpdate(codes.RUN_CHANGED, run_id) from error

    def pending(self, run_id: str) -> Iterator[Pending]:
        return (_pending(entity) for entity in self._rows(run_id, _OPEN))

    def get_pending(self, run_id: str, route_table_id: RouteTableId) -> Pending | None:
        row = self._row(run_id, route_table_id)
        return _pending(row) if row is not None and row["status"] == _PENDING else None

    def save(self, pending: Pending) -> Pending:
        """Raise ConcurrentUpdate where it has been saved or settled since it was read."""
        return replace(pending, row_etag=self._replace(pending, _pending_entity(pending)))

    def settle(self, pending: Pending, outcome: Outcome) -> None:
        """Turn pending into outcome in one write; a final outcome is never overwritten.

        Raise ConcurrentUpdate where pending has been saved or settled since it was read.
        """
        final = {
            **_keys(pending.run_id, pending.route_table_id),
            "status": outcome.status.value,
            **pack("report", outcome.to_json()),
            **pack("changes", _changes_json(outcome.changes)),
        }
        try:
            self._replace(pending, final)
        except ConcurrentUpdate:
            found = self._row(pending.run_id, pending.route_table_id) or {}
            if not final.items() <= found.items():  # else only the answer was lost
                raise

    def approval(self, run_id: str, route_table_id: RouteTableId) -> Approval | None:
        """What a plan run showed of this table."""
        found = self.get(run_id, route_table_id)
        return None if found is None else Approval.of(found)

    def status(self, run_id: str, route_table_id: RouteTableId) -> OutcomeStatus | None:
        """What became of a table; None while that is open."""
        found = self._outcome(run_id, route_table_id)
        return None if found is None else OutcomeStatus(found["status"])

    def changes(self, run_id: str, route_table_id: RouteTableId) -> Changes | None:
        """What a run did to this table."""
        found = self._outcome(run_id, route_table_id)
        return None if found is None else _changes(unpack(found, "changes"))

    def counts(self, run_id: str) -> Mapping[str, int] | None:
        """Outcomes by status; None while one is pending."""
        open_rows = self._rows(run_id, _OPEN, select=["RowKey"], results_per_page=1)
        if next(open_rows, None) is not None:
            return None
        return Counter(row["status"] for row in self._rows(run_id, select=["status"]))

    def get(self, run_id: str, route_table_id: RouteTableId) -> Mapping[str, Any] | None:
        """The outcome as the report shows it; None while it is open, or no longer kept."""
        found = self._outcome(run_id, route_table_id)
        return None if found is None else unpack(found, "report")

    def list(self, run_id: str) -> list[Mapping[str, Any]]:
        """Each outcome as the report shows it."""
        return [unpack(entity, "report") for entity in self._rows(run_id, _SETTLED)]

    def remove(self, run_id: str) -> None:
        """Whatever is known of the run's tables."""
        rows = self._rows(run_id, select=["PartitionKey", "RowKey"])
        for batch in batched(rows, _MOST_IN_A_TRANSACTION, strict=False):
            self._table.submit_transaction([("delete", row) for row in batch])

    def _replace(self, pending: Pending, row: Mapping[str, Any]) -> str:
        taken = ConcurrentUpdate(codes.TABLE_TAKEN, str(pending.route_table_id))
        return _replace_as_read(self._table, row, pending.row_etag, taken)

    def _outcome(self, run_id: str, route_table_id: RouteTableId) -> Mapping[str, Any] | None:
        row = self._row(run_id, route_table_id)
        return row if row is not None and row["status"] != _PENDING else None

    def _row(self, run_id: str, route_table_id: RouteTableId) -> Mapping[str, Any] | None:
        try:
            return self._table.get_entity(run_id, table_key(route_table_id))
        except ResourceNotFoundError:
            return None

    def _rows(
        self, run_id: str, condition: str | None = None, **options: Any
    ) -> Iterator[Mapping[str, Any]]:
        whose = "PartitionKey eq @run" + (f" and {condition}" if condition else "")
        parameters = {"run": run_id, "pending": _PENDING}
        return iter(self._table.query_entities(whose, parameters=parameters, **options))


def _replace_as_read(
    table: TableClient, entity: Mapping[str, Any], etag: str, changed: ConcurrentUpdate
) -> str:
    """Return the new ETag. Raise `changed` where the row has changed or gone since it was read."""
    try:
        answer = table.update_entity(
            entity,
            mode=UpdateMode.REPLACE,
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
        )
    except (ResourceModifiedError, ResourceNotFoundError) as error:
        raise changed from error
    return str(answer["etag"])


def _moment_key(at: datetime) -> str:
    """Below the row keys of all runs of this moment, and of those before it."""
    return complement(run_id_of(at, "").rstrip("-"))


def _row_key(run_id: str) -> str:
    return complement(run_id) if _RUN_ID.fullmatch(run_id) else run_id


def _run_entity(run: Run) -> dict[str, Any]:
    request = run.request
    return {
        "PartitionKey": _PARTITION,
        "RowKey": _row_key(run.run_id),
        "runId": run.run_id,
        "trigger": request.trigger.value,
        "mode": request.mode.value,
        "action": request.action.value,
        "planRunId": request.plan_run_id or "",
        "undoneRunId": request.undone_run_id or "",
        "fromOwner": request.from_owner or "",
        "aseId": str(request.ase_id or ""),
        "ensureNsg": request.ensure_nsg,
        "status": run.status.value,
        "reason": request.reason or "",
        "changeId": request.change_id or "",
        "requestedBy": request.requested_by or "",
        "noticeDue": run.notice_due,
        "fannedOut": run.fanned_out_at is not None,
        "startedAt": run.started_at,
        **({"finishedAt": run.finished_at} if run.finished_at else {}),
        **({"fannedOutAt": run.fanned_out_at} if run.fanned_out_at else {}),
        **pack("routeTables", [str(i) for i in request.route_tables]),
        **pack("force", list(request.force)),
        **pack("promptedBy", list(request.prompted_by)),
        **pack("azureTags", dict(request.azure_tags)),
        **pack("error", finding_json(run.error)),
        **pack("unusable", dict(run.unusable)),
        **pack("versions", [asdict(version) for version in run.versions]),
        **pack("counts", dict(run.counts)),
    }


def _run(entity: Mapping[str, Any]) -> Run:
    return Run(
        run_id=entity["runId"],
        request=RunRequest(
            trigger=Trigger(entity["trigger"]),
            mode=Mode(entity["mode"]),
            action=Action(entity["action"]),
            route_tables=tuple(RouteTableId.parse(i) for i in unpack(entity, "routeTables")),
            plan_run_id=entity["planRunId"] or None,
            force=tuple(unpack(entity, "force")),
            undone_run_id=entity["undoneRunId"] or None,
            from_owner=entity["fromOwner"] or None,
            ase_id=EnvironmentId.parse(entity["aseId"]) if entity["aseId"] else None,
            azure_tags=unpack(entity, "azureTags"),
            ensure_nsg=entity["ensureNsg"],
            reason=entity["reason"] or None,
            change_id=entity["changeId"] or None,
            requested_by=entity["requestedBy"] or None,
            prompted_by=tuple(unpack(entity, "promptedBy")),
        ),
        started_at=entity["startedAt"],
        status=RunStatus(entity["status"]),
        finished_at=entity.get("finishedAt"),
        fanned_out_at=entity.get("fannedOutAt"),
        error=finding_of_json(unpack(entity, "error")),
        unusable=unpack(entity, "unusable"),
        versions=tuple(
            VersionSeen(**{**v, "added": tuple(v["added"]), "removed": tuple(v["removed"])})
            for v in unpack(entity, "versions")
        ),
        counts=unpack(entity, "counts"),
        notice_due=entity["noticeDue"],
        etag=getattr(entity, "metadata", {}).get("etag", ""),
    )


def _keys(run_id: str, route_table_id: RouteTableId) -> dict[str, str]:
    return {"PartitionKey": run_id, "RowKey": table_key(route_table_id)}


def _pending_entity(pending: Pending) -> dict[str, Any]:
    return {
        **_keys(pending.run_id, pending.route_table_id),
        "status": _PENDING,
        "routeTableId": str(pending.route_table_id),
        "etag": pending.etag,
        "correlationId": pending.correlation_id or "",
        **pack("applied", _changes_json(pending.applied)),
        **pack("intended", _changes_json(pending.intended)),
        **pack("lastError", finding_json(pending.last_error)),
    }


def _pending(entity: Mapping[str, Any]) -> Pending:
    return Pending(
        run_id=entity["PartitionKey"],
        route_table_id=RouteTableId.parse(entity["routeTableId"]),
        applied=_changes(unpack(entity, "applied")),
        intended=_changes(unpack(entity, "intended")),
        etag=entity["etag"],
        last_error=finding_of_json(unpack(entity, "lastError")),
        correlation_id=entity["correlationId"] or None,
        row_etag=getattr(entity, "metadata", {}).get("etag", ""),
    )


def _changes_json(changes: Changes) -> dict[str, Any]:
    return {p: [change.before, change.after] for p, change in changes.by_prefix.items()}


def _changes(value: Mapping[str, Any]) -> Changes:
    return Changes({prefix: Change(*sides) for prefix, sides in value.items()})
