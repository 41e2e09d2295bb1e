"""SyncOutcomes also has one row for each subscription of a discovery."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import batched

from azure.data.tables import TableClient, TableTransactionError

from ..domain import codes
from ..domain.errors import ConcurrentUpdate
from ..domain.findings import Finding
from ..domain.surroundings.search import SearchedSubscription
from .entities import (
    MOST_IN_A_TRANSACTION,
    Entity,
    etag_of,
    gathered,
    more_of,
    remove_partition,
    replace_as_read,
    spread,
)
from .mapping import Property

_PROPERTY = Property("searched", SearchedSubscription)


class SearchLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def expect(self, run_id: str, parts: Iterable[SearchedSubscription]) -> None:
        """Add the subscriptions that the run does not have yet.

        Raise ConcurrentUpdate if another worker adds one of them at the same time.
        """
        there = {_key(part) for part in self.list(run_id)}
        new = {_key(part): part for part in parts if _key(part) not in there}
        for batch in batched(new.values(), MOST_IN_A_TRANSACTION, strict=False):
            try:
                self._table.submit_transaction(
                    [("create", self._entity(run_id, part)) for part in batch]
                )
            except TableTransactionError as error:
                raise ConcurrentUpdate(codes.RUN_CHANGED, run_id) from error

    def open(self, run_id: str) -> list[SearchedSubscription]:
        """Return the subscriptions that have not ended."""
        found = self._query(run_id, "PartitionKey eq @partition and ended eq false")
        return [part for part in found if not part.ended]

    def save(self, run_id: str, part: SearchedSubscription) -> None:
        """Raise ConcurrentUpdate if another worker has saved it since it was read."""
        changed = ConcurrentUpdate(codes.RUN_CHANGED, f"{run_id} {part.subscription_id}")
        # Two workers may have found the same, so that their rows differ in nothing else.
        row = {**self._entity(run_id, part), "savedBy": secrets.token_hex(8)}
        try:
            replace_as_read(self._table, row, part.row_etag, changed)
        except ConcurrentUpdate:
            found = self._table.get_entity(_partition(run_id), _key(part))
            # If the row is as it should be, only the answer to this very write was lost.
            if not row.items() <= found.items():
                raise

    def list(self, run_id: str) -> list[SearchedSubscription]:
        """Return all subscriptions of the run, in the order of their ids.

        If a row cannot be read, the search of its subscription has ended with this error.
        """
        return [*self._query(run_id, "PartitionKey eq @partition")]

    def remove(self, run_id: str) -> None:
        remove_partition(self._table, more_of(_partition(run_id)))
        remove_partition(self._table, _partition(run_id))

    def _query(self, run_id: str, condition: str) -> Iterator[SearchedSubscription]:
        rows = self._table.query_entities(condition, parameters={"partition": _partition(run_id)})
        return (self._part(run_id, row) for row in rows)

    def _part(self, run_id: str, row: Entity) -> SearchedSubscription:
        whole = gathered(self._table, _partition(run_id), row)
        try:
            found = _PROPERTY.unpacked(whole)
        except Exception as error:  # whatever is wrong with a row, it hides no other one
            cause = Finding.of(error)
            why = f"what was found here cannot be read: {cause.message}"
            lost = Finding(cause.code, why)
            found = SearchedSubscription(row["RowKey"], errors=(lost,), ended=True)
        return replace(found, row_etag=etag_of(row))

    def _entity(self, run_id: str, part: SearchedSubscription) -> dict[str, object]:
        row = {
            "PartitionKey": _partition(run_id),
            "RowKey": _key(part),
            "ended": part.ended,
            **_PROPERTY.packed(replace(part, row_etag="")),
        }
        return spread(self._table, _partition(run_id), row)


def _partition(run_id: str) -> str:
    return f"search|{run_id}"


def _key(part: SearchedSubscription) -> str:
    return part.subscription_id.lower()
