"""SyncRuns also has one row with the last weekly file that a run has read."""

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from ..domain.addresses import Publication
from .mapping import Property

_KEYS = {"PartitionKey": "locations", "RowKey": "weeklyFile"}
_PUBLICATION = Property("publication", Publication)


class PublicationLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def read(self) -> Publication | None:
        """Return None if no run has ever read a weekly file."""
        try:
            return _PUBLICATION.unpacked(self._table.get_entity(*_KEYS.values()))
        except ResourceNotFoundError:
            return None

    def write(self, publication: Publication) -> None:
        self._table.upsert_entity({**_KEYS, **_PUBLICATION.packed(publication)})
