"""The bytes that the runs leave in the storage account."""

from collections.abc import Mapping
from datetime import datetime

from azure.data.tables import TableServiceClient

from shared.transport import Transport

_TABLES = ("SyncRuns", "SyncOutcomes")


def stored_bytes(connection_string: str) -> int:
    """Return the bytes of all rows of the runs and of their outcomes."""
    with TableServiceClient.from_connection_string(
        connection_string, transport=Transport()
    ) as service:
        # Before the first run, the tables are not there.
        names = [table.name for table in service.list_tables() if table.name in _TABLES]
        rows = (row for name in names for row in service.get_table_client(name).list_entities())
        return sum(map(entity_bytes, rows))


def entity_bytes(entity: Mapping[str, object]) -> int:
    """Return the bytes that Azure bills for a row.

    Source: Microsoft's article "Understanding Windows Azure Storage Billing - Bandwidth,
    Transactions, and Capacity".
    """
    keys = ("PartitionKey", "RowKey")
    others = [(name, value) for name, value in entity.items() if name not in keys]
    own = sum(2 * len(str(entity[key])) for key in keys)
    return 4 + own + sum(8 + 2 * len(name) + _value_bytes(value) for name, value in others)


def _value_bytes(value: object) -> int:
    if isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return 4
    if isinstance(value, bytes):
        return 4 + len(value)
    return 8 if isinstance(value, float | datetime) else 4 + 2 * len(str(value))
