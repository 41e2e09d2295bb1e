"""SyncRuns also has one row for each daily check, the newest first, and one with the ledger."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from ..domain import codes
from ..domain.errors import ConcurrentUpdate
from ..domain.people.check_report import CheckReport
from ..domain.people.notices import Ledger
from .entities import (
    Entity,
    complement,
    fitting,
    gathered,
    more_of,
    remove_partition,
    replace_as_read,
    spread,
)
from .mapping import Property

_PARTITION = "check"
_PREFIX = "check-"
_REPORT_PROPERTY = Property("report", CheckReport)
_LEDGER_PROPERTY = Property("ledger", Ledger)
_LEDGER = {"PartitionKey": "notices", "RowKey": "ledger"}


class CheckLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def put(self, report: CheckReport, *, notice_due: bool) -> None:
        """Keep the report in the place of an earlier one with its id."""
        self._table.upsert_entity(self._entity(report, notice_due=notice_due))

    def add(self, report: CheckReport, *, notice_due: bool, by_app: bool) -> None:
        """Keep the report, unless there is one with its id."""
        entity = self._entity(report, notice_due=notice_due, by_app=by_app)
        with suppress(ResourceExistsError):
            self._table.create_entity(entity)

    def get(self, check_id: str) -> tuple[CheckReport, bool] | None:
        """Return the report, and whether people are still to be told about it."""
        if not check_id.startswith(_PREFIX):
            return None
        try:
            found = self._table.get_entity(_PARTITION, _keys(check_id)["RowKey"])
        except ResourceNotFoundError:
            return None
        return self._report(found), found["noticeDue"]

    def latest(self, *, until: datetime) -> CheckReport | None:
        """Return the newest check up to this moment, of the app itself if it has made one.

        A check that lies in the future was made while the clock ran ahead.
        """
        found = self._latest(until, " and byApp eq true") or self._latest(until)
        return None if found is None else self._report(found)

    def _latest(self, until: datetime, condition: str = "") -> Entity | None:
        newest = self._table.query_entities(
            f"PartitionKey eq @check and RowKey ge @first{condition}",
            parameters={"check": _PARTITION, "first": _row_key(until)},
            results_per_page=1,
        )
        return next(iter(newest), None)

    def due(self, *, since: datetime) -> Iterator[str]:
        """List the ids of the checks since then that people are still to be told about."""
        found = self._table.query_entities(
            "PartitionKey eq @check and noticeDue eq @due and RowKey le @last",
            parameters={"check": _PARTITION, "due": True, "last": _row_key(since)},
            select=["checkId"],
        )
        return (str(entity["checkId"]) for entity in found)

    def told(self, check_id: str) -> None:
        """Note that people have been told about the check."""
        self._table.update_entity({**_keys(check_id), "noticeDue": False}, mode=UpdateMode.MERGE)

    def remove_before(self, moment: datetime) -> None:
        old = self._table.query_entities(
            "PartitionKey eq @check and RowKey gt @last",
            parameters={"check": _PARTITION, "last": _row_key(moment)},
            select=["PartitionKey", "RowKey", "checkId"],
        )
        for entity in old:
            remove_partition(self._table, more_of(entity["checkId"]))
            self._table.delete_entity(entity)

    def _entity(
        self, report: CheckReport, *, notice_due: bool, by_app: bool = True
    ) -> dict[str, object]:
        entity = {
            **_keys(report.check_id),
            "checkId": report.check_id,
            "noticeDue": notice_due,
            "byApp": by_app,
            **_REPORT_PROPERTY.packed(report),
        }
        return spread(self._table, report.check_id, entity)

    def _report(self, entity: Entity) -> CheckReport:
        return _REPORT_PROPERTY.unpacked(gathered(self._table, entity["checkId"], entity))


class LedgerLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def read(self) -> Ledger:
        try:
            found = self._table.get_entity(_LEDGER["PartitionKey"], _LEDGER["RowKey"])
        except ResourceNotFoundError:
            return Ledger()
        ledger = _LEDGER_PROPERTY.unpacked(found)
        return replace(ledger, etag=str(found.metadata["etag"]))

    def write(self, ledger: Ledger) -> Ledger:
        """Return the ledger as it is stored now. Raise ConcurrentUpdate if others changed it."""
        entity = fitting({**_LEDGER, **_LEDGER_PROPERTY.packed(replace(ledger, etag=""))})
        changed = ConcurrentUpdate(codes.LEDGER_CHANGED, "others are told at the same time")
        if ledger.etag:
            return replace(ledger, etag=replace_as_read(self._table, entity, ledger.etag, changed))
        try:
            created = self._table.create_entity(entity)
        except ResourceExistsError as error:
            raise changed from error
        return replace(ledger, etag=str(created["etag"]))


def _keys(check_id: str) -> dict[str, str]:
    digits = check_id.removeprefix(_PREFIX)
    return {"PartitionKey": _PARTITION, "RowKey": complement(digits)}


def _row_key(at: datetime) -> str:
    return complement(f"{at:%Y%m%d%H%M%S%f}")
