"""A table of storage in memory that takes only what the real service takes."""

import itertools
from typing import Any, cast

from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient

MAX_PROPERTY_BYTES = 64 * 1024
MAX_ENTITY_BYTES = 1024 * 1024
"""Of UTF-16. Source: "Understanding the Table service data model"."""


class Row(dict[str, Any]):
    """An entity as the client returns it."""

    def __init__(self, properties: dict[str, Any], etag: str) -> None:
        super().__init__(properties)
        self.metadata = {"etag": etag}

    def copy(self) -> "Row":
        return Row(dict(self), self.metadata["etag"])


class MemoryTable:
    """Stands for a TableClient. Its queries return every row of the partition."""

    @classmethod
    def client(cls) -> TableClient:
        return cls().client_of()

    def client_of(self) -> TableClient:
        return cast(TableClient, self)

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self._etags = (f'W/"{number}"' for number in itertools.count())

    def create_entity(self, entity: dict[str, Any]) -> dict[str, str]:
        if _key(entity) in self.rows:
            raise ResourceExistsError
        return {"etag": self._keep(entity)}

    def upsert_entity(self, entity: dict[str, Any], **_how: object) -> None:
        self._keep({**self.rows.get(_key(entity), {}), **entity})

    def update_entity(
        self, entity: dict[str, Any], *, mode: str, etag: str | None = None, **_how: object
    ) -> dict[str, str]:
        existing = self.rows.get(_key(entity))
        if existing is None:
            raise ResourceNotFoundError
        if etag is not None and existing.metadata["etag"] != etag:
            raise ResourceModifiedError
        merged = {**existing, **entity} if mode == "merge" else entity
        return {"etag": self._keep(merged)}

    def submit_transaction(self, operations: list[tuple[str, dict[str, Any]]]) -> None:
        for kind, entity in operations:
            assert kind == "create"
            self.create_entity(entity)

    def get_entity(self, partition_key: str, row_key: str) -> Row:
        try:
            return self.rows[partition_key, row_key].copy()
        except KeyError:
            raise ResourceNotFoundError from None

    def list_entities(self) -> list[Row]:
        return [row.copy() for row in self.rows.values()]

    def query_entities(
        self, _condition: str, *, parameters: dict[str, Any], **_how: object
    ) -> list[Row]:
        partition = next(iter(parameters.values()))
        return [row.copy() for (found, _), row in sorted(self.rows.items()) if found == partition]

    def _keep(self, entity: dict[str, Any]) -> str:
        assert sum(map(_size, entity.values())) + sum(map(_size, entity)) < MAX_ENTITY_BYTES
        assert all(_size(value) <= MAX_PROPERTY_BYTES for value in entity.values())
        etag = next(self._etags)
        self.rows[_key(entity)] = Row(dict(entity), etag)
        return etag


def _key(entity: dict[str, Any]) -> tuple[str, str]:
    return entity["PartitionKey"], entity["RowKey"]


def _size(value: object) -> int:
    return len(value) if isinstance(value, bytes) else len(str(value).encode("utf-16-le"))
