"""SyncRuns: one row a daily check, the newest first, and what people have been told."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode

from ..domain import codes
from ..domain.errors import ConcurrentUpdate
from ..domain.people.notices import Item, Ledger, OpenFault
from .entities import complement, pack_tight, unpack_tight

_PARTITION = "check"
_PREFIX = "check-"
_LEDGER = {"PartitionKey": "notices", "RowKey": "ledger"}


class CheckLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def put(self, check_id: str, report: Mapping[str, Any], *, notice_due: bool) -> None:
        self._table.upsert_entity(
            {**_keys(check_id), "checkId": check_id, "noticeDue": notice_due}
            | pack_tight("report", report)
        )

    def get(self, check_id: str) -> tuple[Mapping[str, Any], bool] | None:
        """What a check had to say, and whether nobody has been told yet."""
        if not check_id.startswith(_PREFIX):
            return None
        try:
            found = self._table.get_entity(_PARTITION, _keys(check_id)["RowKey"])
        except ResourceNotFoundError:
            return None
        return unpack_tight(found, "report"), found["noticeDue"]

    def latest(self) -> Mapping[str, Any] | None:
        newest = self._table.query_entities(
            "PartitionKey eq @check", parameters={"check": _PARTITION}, results_per_page=1
        )
        found = next(iter(newest), None)
        return None if found is None else unpack_tight(found, "report")

    def due(self, *, since: datetime) -> Iterator[str]:
        """The ids of checks of which nobody has been told."""
        found = self._table.query_entities(
            "PartitionKey eq @check and noticeDue eq @due and RowKey le @last",
            parameters={"check": _PARTITION, "due": True, "last": _row_key(since)},
            select=["checkId"],
        )
        return (str(entity["checkId"]) for entity in found)

    def told(self, check_id: str) -> None:
        self._table.update_entity({**_keys(check_id), "noticeDue": False}, mode=UpdateMode.MERGE)

    def remove_before(self, moment: datetime) -> None:
        old = self._table.query_entities(
            "PartitionKey eq @check and RowKey gt @last",
            parameters={"check": _PARTITION, "last": _row_key(moment)},
            select=["PartitionKey", "RowKey"],
        )
        for entity in old:
            self._table.delete_entity(entity)


class LedgerLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def read(self) -> Ledger:
        try:
            found = self._table.get_entity(**_keys_of_ledger())
        except ResourceNotFoundError:
            return Ledger()
        return Ledger(
            faults={
                key: OpenFault(f["signature"], Item(f["state"], f["text"], f["routeTableId"]))
                for key, f in unpack_tight(found, "faults").items()
            },
            digest_on=_day(found["digestOn"]),
            all_well_on=_day(found["allWellOn"]),
            etag=str(found.metadata["etag"]),
        )

    def write(self, ledger: Ledger) -> None:
        """Raise ConcurrentUpdate where it has changed since it was read."""
        faults = {
            key: {"signature": fault.signature, **fault.item.to_json()}
            for key, fault in ledger.faults.items()
        }
        entity: dict[str, Any] = {
            **_LEDGER,
            "digestOn": str(ledger.digest_on or ""),
            "allWellOn": str(ledger.all_well_on or ""),
            **pack_tight("faults", faults),
        }
        try:
            if ledger.etag:
                self._table.update_entity(
                    entity,
                    mode=UpdateMode.REPLACE,
                    etag=ledger.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            else:
                self._table.create_entity(entity)
        except (ResourceModifiedError, ResourceExistsError, ResourceNotFoundError) as error:
            raise ConcurrentUpdate(
                codes.LEDGER_CHANGED, "others are told at the same time"
            ) from error


def _keys(check_id: str) -> dict[str, str]:
    digits = check_id.removeprefix(_PREFIX)
    return {"PartitionKey": _PARTITION, "RowKey": complement(digits)}


def _row_key(at: datetime) -> str:
    return complement(f"{at:%Y%m%d%H%M%S%f}")


def _keys_of_ledger() -> dict[str, str]:
    return {"partition_key": _LEDGER["PartitionKey"], "row_key": _LEDGER["RowKey"]}


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
