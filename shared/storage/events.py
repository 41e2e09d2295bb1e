"""SyncRuns also has one row that says when an event of Event Grid came last."""

from datetime import UTC, datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

_KEYS = {"PartitionKey": "events", "RowKey": "last"}


class EventLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def came(self, at: datetime) -> None:
        """Note that an event came at this moment."""
        self._table.upsert_entity({**_KEYS, "at": at})

    def last(self) -> datetime | None:
        """Return when an event came last, as far as it was noted; None if none ever came."""
        try:
            at: datetime = self._table.get_entity(*_KEYS.values())["at"]
        except ResourceNotFoundError:
            return None
        return at.astimezone(UTC)
