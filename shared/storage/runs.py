"""SyncRuns has a row for each run, the newest first. SyncOutcomes has one for each table of it."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import batched, islice
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient, TableTransactionError, UpdateMode

from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import ConcurrentUpdate
from ..domain.findings import Finding
from ..domain.runs.outcome import Outcome, OutcomeStatus
from ..domain.runs.pending import Pending
from ..domain.runs.run import Run, RunStatus, Trigger, run_id_of
from .entities import (
    MOST_IN_A_TRANSACTION,
    Entity,
    complement,
    etag_of,
    gathered,
    id_of_key,
    more_of,
    remove_partition,
    replace_as_read,
    spread,
    table_key,
)
from .mapping import Property

_PARTITION = "run"
_CLAIMS = "alert"
_RUN_ID = re.compile(r"[0-9]{20}-[0-9a-f]{8}")
_AFTER_EACH_KEY = "~"
"""It sorts after every character of an id."""
_PENDING = "pending"
_OPEN, _SETTLED = "status eq @pending", "status ne @pending"
_RUN_PROPERTY = Property("run", Run)
_PENDING_PROPERTY = Property("pending", Pending)
_OUTCOME_PROPERTY = Property("outcome", Outcome)


class RunLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def create(self, run: Run) -> bool:
        """Write the run, and return whether no run had its id yet."""
        try:
            self._table.create_entity(self._entity(run))
        except ResourceExistsError:
            return False
        return True

    def claim(self, instance: str, run_id: str) -> str:
        """Claim the alert for this run, and return the id of the run that claimed it first."""
        claim = {"PartitionKey": _CLAIMS, "RowKey": instance, "runId": run_id}
        try:
            self._table.create_entity(claim)
        except ResourceExistsError:
            return self.claimed(instance) or run_id
        return run_id

    def claimed(self, instance: str) -> str | None:
        """Return the id of the run that this alert started or joined."""
        try:
            return str(self._table.get_entity(_CLAIMS, instance)["runId"])
        except ResourceNotFoundError:
            return None

    def get(self, run_id: str) -> Run | None:
        if not _RUN_ID.fullmatch(run_id):
            return None
        try:
            return self._run(self._table.get_entity(_PARTITION, _row_key(run_id)))
        except ResourceNotFoundError:
            return None

    def replace(self, run: Run) -> Run:
        """Raise ConcurrentUpdate if the run has changed since it was read."""
        etag = replace_as_read(
            self._table,
            self._entity(run),
            run.etag,
            ConcurrentUpdate(codes.RUN_CHANGED, run.run_id),
        )
        return replace(run, etag=etag)

    def running(self, *, before: datetime) -> Iterator[Run]:
        """List the runs that were started before this moment and have not ended."""
        return _readable(self._running(before))

    def unreadable(self, *, before: datetime) -> Iterator[Finding]:
        """Say why others that were started before this moment cannot be read. No list has them."""
        return (found for found in self._running(before) if isinstance(found, Finding))

    def _running(self, before: datetime) -> Iterator[Run | Finding]:
        return self._query(
            "RowKey ge @moment and status eq @status", before, status=RunStatus.RUNNING.value
        )

    def waiting(self, *, since: datetime) -> Iterator[Run]:
        """List the runs that were started since then and have not fanned out."""
        found = self._query(
            "RowKey le @moment and status eq @status and fannedOut eq @fanned_out",
            since,
            status=RunStatus.RUNNING.value,
            fanned_out=False,
        )
        return _readable(found)

    def due(self, *, since: datetime) -> Iterator[Run]:
        """List the runs that were started since then, have ended and were told to nobody."""
        return _readable(self._query("RowKey le @moment and noticeDue eq @due", since, due=True))

    def covering_all(self, *, since: datetime) -> Iterator[Run]:
        """List the runs over all tables that were started since then, the newest first."""
        # There may be thousands of other runs, and the first few of these tell everything.
        found = self._query(
            "RowKey le @moment and coversAll eq @all", since, all=True, results_per_page=5
        )
        return _readable(found)

    def last(self, number: int) -> Iterator[Run]:
        """List so many runs, the newest first. Storage is not asked for more."""
        entities = self._table.query_entities(
            "PartitionKey eq @partition",
            parameters={"partition": _PARTITION},
            results_per_page=number,
        )
        return islice(_readable(self._read(entity) for entity in entities), number)

    def told(self, run: Run) -> None:
        """Note that people have been told about the run."""
        self._table.update_entity(
            {"PartitionKey": _PARTITION, "RowKey": _row_key(run.run_id), "noticeDue": False},
            mode=UpdateMode.MERGE,
        )

    def begun_before(self, moment: datetime) -> Iterator[str]:
        """List the ids of the runs that were started before this moment."""
        old = self._table.query_entities(
            "PartitionKey eq @partition and RowKey gt @first",
            parameters={"partition": _PARTITION, "first": _moment_key(moment)},
            select=["runId"],
        )
        return (str(entity["runId"]) for entity in old)

    def remove(self, run_id: str) -> None:
        remove_partition(self._table, more_of(run_id))
        self._table.delete_entity(_PARTITION, _row_key(run_id))

    def remove_claims(self, *, before: datetime) -> None:
        """Remove the claims of runs that were started before this moment."""
        claims = self._table.query_entities(
            "PartitionKey eq @partition and runId lt @first",
            parameters={"partition": _CLAIMS, "first": run_id_of(before, "")},
            select=["PartitionKey", "RowKey"],
        )
        for claim in claims:
            self._table.delete_entity(claim)

    def _entity(self, run: Run) -> dict[str, object]:
        return spread(self._table, run.run_id, _run_entity(run))

    def _run(self, entity: Entity) -> Run:
        return _run(gathered(self._table, entity["runId"], entity))

    def _read(self, entity: Entity) -> Run | Finding:
        """Return the run, or why it cannot be read. One such run must not stop the others."""
        row = gathered(self._table, entity["runId"], entity)
        try:
            return _run(row)
        except Exception as error:  # whatever is wrong with a row, it is an error of one run
            cause = Finding.of(error)
            return Finding(cause.code, f"run {row['runId']}: {cause.message}")

    def _query(
        self,
        condition: str,
        moment: datetime,
        *,
        results_per_page: int | None = None,
        **values: str | bool,
    ) -> Iterator[Run | Finding]:
        """The rows are in order of time, so storage reads only this side of the moment."""
        bound = {"partition": _PARTITION, "moment": _moment_key(moment)}
        entities = self._table.query_entities(
            f"PartitionKey eq @partition and {condition}",
            parameters=bound | values,
            results_per_page=results_per_page,
        )
        return (self._read(entity) for entity in entities)

    def list(
        self,
        *,
        older_than: str | None = None,
        change_id: str | None = None,
        beginning: str | None = None,
        statuses: Collection[RunStatus] | None = None,
        trigger: Trigger | None = None,
    ) -> Iterator[Run]:
        """List the runs that fulfil every condition, the newest first.

        They are older than the run with this id, were started with this id of a change and by this
        trigger, have one of these statuses, and their own id has this beginning.
        """
        conditions = ["PartitionKey eq @partition", "RowKey gt @after"]

        if change_id is not None:
            conditions.append("changeId eq @change")
        if beginning is not None:
            conditions.append("RowKey ge @first and RowKey lt @beyond")
        if statuses is not None:
            one_of = " or ".join(f"status eq '{status}'" for status in sorted(statuses))
            conditions.append(f"({one_of})")
        if trigger is not None:
            conditions.append("trigger eq @trigger")

        # A value that no condition names is not sent.
        first = complement(beginning or "")
        bound = {
            "partition": _PARTITION,
            "after": _row_key(older_than) if older_than else "",
            "change": _change_key(change_id),
            "first": first,
            "beyond": first + _AFTER_EACH_KEY,
            "trigger": trigger or "",
        }

        found = self._table.query_entities(" and ".join(conditions), parameters=bound)
        return _readable(self._read(entity) for entity in found)


class OutcomeLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def expect(self, run_id: str, route_table_ids: Iterable[RouteTableId]) -> None:
        """Add the tables that the run does not have yet, as pending.

        Raise ConcurrentUpdate if another worker adds one of them at the same time.
        """
        there = {row["RowKey"] for row in self._rows(run_id, select=["RowKey"])}
        new = (i for i in route_table_ids if table_key(i) not in there)
        for batch in batched(new, MOST_IN_A_TRANSACTION, strict=False):
            try:
                self._table.submit_transaction(
                    [("create", _pending_entity(Pending(run_id, i))) for i in batch]
                )
            except TableTransactionError as error:
                raise ConcurrentUpdate(codes.RUN_CHANGED, run_id) from error

    def pending(self, run_id: str) -> Iterator[Pending]:
        """List the tables that are still open, also those that are `unreadable`."""
        return (self._pending(run_id, entity) for entity in self._rows(run_id, _OPEN))

    def get_pending(self, run_id: str, route_table_id: RouteTableId) -> Pending | None:
        row = self._row(run_id, route_table_id)
        if row is None or row["status"] != _PENDING:
            return None
        return self._pending(run_id, row)

    def save(self, pending: Pending) -> Pending:
        """Raise ConcurrentUpdate if it has been saved or settled since it was read."""
        return replace(
            pending, row_etag=self._replace(pending, self._spread(_pending_entity(pending)))
        )

    def settle(self, pending: Pending, outcome: Outcome) -> None:
        """Turn pending into outcome in one write. A final outcome is never overwritten.

        Raise ConcurrentUpdate if pending has been saved or settled since it was read.
        """
        final = self._spread(
            {
                **_keys(pending.run_id, pending.route_table_id),
                "status": outcome.status.value,
                **_OUTCOME_PROPERTY.packed(outcome),
            }
        )

        try:
            self._replace(pending, final)
        except ConcurrentUpdate:
            found = self._row(pending.run_id, pending.route_table_id) or {}
            # If the row is as it should be, only the answer to this very write was lost.
            if not final.items() <= found.items():
                raise

    def is_any_open(self, run_id: str) -> bool:
        """Return whether the run still waits for a table."""
        open_rows = self._rows(run_id, _OPEN, select=["RowKey"], results_per_page=1)
        return next(open_rows, None) is not None

    def counts(self, run_id: str) -> Mapping[OutcomeStatus, int] | None:
        """Return the number of outcomes by status, or None while a table is pending."""
        return None if self.is_any_open(run_id) else self.settled(run_id)

    def settled(self, run_id: str) -> Mapping[OutcomeStatus, int]:
        """Return the number of outcomes by status so far."""
        rows = self._rows(run_id, _SETTLED, select=["status"])
        return Counter(OutcomeStatus(row["status"]) for row in rows)

    def get(self, run_id: str, route_table_id: RouteTableId) -> Outcome | None:
        """Return None while the table is pending, and if the outcome is no longer kept."""
        found = self._settled(run_id, route_table_id)
        return None if found is None else self._outcome(run_id, found)

    def has(self, run_id: str, route_table_id: RouteTableId) -> bool:
        """Return whether the table is part of the run, settled or not."""
        try:
            self._table.get_entity(run_id, table_key(route_table_id), select=["RowKey"])
        except ResourceNotFoundError:
            return False
        return True

    def list(self, run_id: str) -> list[Outcome]:
        """Return the outcomes of the tables that are settled."""
        return [self._outcome(run_id, entity) for entity in self._rows(run_id, _SETTLED)]

    def how_far(self, run_id: str) -> tuple[int, int]:
        """Return the number of tables that are settled, and of all that the run has."""
        found = [row["status"] != _PENDING for row in self._rows(run_id, select=["status"])]
        return sum(found), len(found)

    def remove(self, run_id: str) -> None:
        """Remove everything that is known of the run's tables."""
        remove_partition(self._table, more_of(run_id))
        remove_partition(self._table, run_id)

    def _spread(self, entity: dict[str, object]) -> dict[str, object]:
        return spread(self._table, str(entity["PartitionKey"]), entity)

    def _pending(self, run_id: str, entity: Entity) -> Pending:
        row = gathered(self._table, run_id, entity)
        try:
            found = _PENDING_PROPERTY.unpacked(row)
        except Exception as error:  # whatever is wrong with a row, it is an error of one table
            cause = Finding.of(error)
            why = f"what the run noted about this table cannot be read: {cause.message}"
            unreadable = Finding(cause.code, why)
            found = Pending(run_id, id_of_key(row["RowKey"]), unreadable=unreadable)
        return replace(found, row_etag=etag_of(entity))

    def _outcome(self, run_id: str, entity: Entity) -> Outcome:
        return _OUTCOME_PROPERTY.unpacked(gathered(self._table, run_id, entity))

    def _replace(self, pending: Pending, row: Entity) -> str:
        taken = ConcurrentUpdate(codes.TABLE_TAKEN, str(pending.route_table_id))
        return replace_as_read(self._table, row, pending.row_etag, taken)

    def _settled(self, run_id: str, route_table_id: RouteTableId) -> Entity | None:
        row = self._row(run_id, route_table_id)
        return row if row is not None and row["status"] != _PENDING else None

    def _row(self, run_id: str, route_table_id: RouteTableId) -> Entity | None:
        try:
            return self._table.get_entity(run_id, table_key(route_table_id))
        except ResourceNotFoundError:
            return None

    def _rows(self, run_id: str, condition: str | None = None, **options: Any) -> Iterator[Entity]:
        whose = "PartitionKey eq @run" + (f" and {condition}" if condition else "")
        parameters = {"run": run_id, "pending": _PENDING}
        return iter(self._table.query_entities(whose, parameters=parameters, **options))


def _moment_key(at: datetime) -> str:
    """Return a key just below the row keys of the runs of this moment and of all before it."""
    return complement(run_id_of(at, "").rstrip("-"))


def _row_key(run_id: str) -> str:
    return complement(run_id) if _RUN_ID.fullmatch(run_id) else run_id


def _change_key(change_id: str | None) -> str:
    """Return the id in ASCII, because storage takes no half of a surrogate pair."""
    return json.dumps(change_id)


def _run_entity(run: Run) -> dict[str, object]:
    """Return the whole run, beside the properties by which runs are looked for."""
    return {
        "PartitionKey": _PARTITION,
        "RowKey": _row_key(run.run_id),
        "runId": run.run_id,
        "status": run.status.value,
        "fannedOut": run.fanned_out_at is not None,
        "noticeDue": run.notice_due,
        "coversAll": run.request.covers_all,
        "changeId": _change_key(run.request.change_id),
        "trigger": run.request.trigger.value,
        **_RUN_PROPERTY.packed(replace(run, etag="")),
    }


def _run(entity: Entity) -> Run:
    found = _RUN_PROPERTY.unpacked(entity)
    # The notifier changes only this property of the row.
    return replace(found, notice_due=entity["noticeDue"], etag=etag_of(entity))


def _readable(found: Iterable[Run | Finding]) -> Iterator[Run]:
    return (one for one in found if isinstance(one, Run))


def _keys(run_id: str, route_table_id: RouteTableId) -> dict[str, str]:
    return {"PartitionKey": run_id, "RowKey": table_key(route_table_id)}


def _pending_entity(pending: Pending) -> dict[str, object]:
    return {
        **_keys(pending.run_id, pending.route_table_id),
        "status": _PENDING,
        **_PENDING_PROPERTY.packed(replace(pending, row_etag="")),
    }
