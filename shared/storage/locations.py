"""SyncRuns also has one row with what the locations of the service tags have answered."""

from collections.abc import Mapping

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from ..domain.locations import Standing
from .mapping import Property

_KEYS = {"PartitionKey": "locations", "RowKey": "standings"}
_STANDINGS = Property("standings", dict[str, Standing])


class LocationLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def read(self) -> Mapping[str, Standing]:
        """Return how each location stands that has ever answered."""
        try:
            return _STANDINGS.unpacked(self._table.get_entity(*_KEYS.values()))
        except ResourceNotFoundError:
            return {}

    def write(self, standings: Mapping[str, Standing]) -> None:
        """Replace all standings. If two workers write at once, the next answers mend it."""
        self._table.upsert_entity({**_KEYS, **_STANDINGS.packed(dict(standings))})
