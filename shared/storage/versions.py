"""ServiceTagVersions: one row a recorded version, the newest of a source first."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient

from ..domain.addresses import Source, SourceContent, Version, VersionHead, service_tag_of
from ..domain.errors import ConcurrentUpdate
from .entities import pack, unpack

_LAST = 999_999
_VERSION_ID = re.compile(r"(?P<source>[A-Za-z]+\.[\w.\-]+)-(?P<number>[0-9]{6})")


class VersionLog:
    """The versions of one cloud; a version's id is `{cloud}.{service tag}-{number}`, or
    `{cloud}.ase.{name}.{hash}-{number}` of what an App Service Environment's API answered.
    """

    def __init__(self, table: TableClient, *, cloud: str) -> None:
        self._table = table
        self._cloud = cloud

    def newest(self, source: Source) -> Version | None:
        return next(self._of(source, results_per_page=1), None)

    def history(self, source: Source) -> list[Version]:
        """Oldest first."""
        return list(self._of(source))[::-1]

    def list(self) -> Iterator[Version]:
        """Of every source; in no order across sources."""
        return (_version(entity) for entity in self._table.list_entities())

    def heads(self) -> dict[Source, VersionHead]:
        """Of every source its newest version, without addresses."""
        rows = self._table.list_entities(
            select=["versionId", "source", "changeNumber", "recordedAt"]
        )
        newest: dict[Source, VersionHead] = {}
        for row in rows:  # the newest of a source comes first
            head = VersionHead(
                row["versionId"], row["source"], row["changeNumber"], row["recordedAt"]
            )
            newest.setdefault(head.source, head)
        return newest

    def get(self, version_id: str) -> Version | None:
        match = _VERSION_ID.fullmatch(version_id)
        if match is None:
            return None
        try:
            return _version(self._table.get_entity(match["source"], _row_key(int(match["number"]))))
        except ResourceNotFoundError:
            return None

    def append(
        self,
        content: SourceContent,
        previous: Version | None,
        *,
        recorded_at: datetime,
        run_id: str,
    ) -> Version:
        """Raise ConcurrentUpdate where another has appended after `previous` already."""
        number = 1 if previous is None else int(previous.version_id[-6:]) + 1
        partition = self._partition(content.source)
        entity: dict[str, Any] = {
            "PartitionKey": partition,
            "RowKey": _row_key(number),
            "versionId": f"{partition}-{number:06}",
            "cloud": self._cloud,
            "changeNumber": content.change_number,
            "contentHash": content.content_hash,
            "recordedAt": recorded_at,
            "source": content.source,
            "previousVersionId": "" if previous is None else previous.version_id,
            "runId": run_id,
            **pack("locations", content.locations),
            **pack("addressPrefixes", content.address_prefixes),
        }
        try:
            self._table.create_entity(entity)
        except ResourceExistsError as error:
            raise ConcurrentUpdate("VERSION_RECORDED", entity["versionId"]) from error
        return _version(entity)

    def _of(self, source: Source, **options: Any) -> Iterator[Version]:
        entities = self._table.query_entities(
            "PartitionKey eq @source", parameters={"source": self._partition(source)}, **options
        )
        return (_version(entity) for entity in entities)

    def _partition(self, source: Source) -> str:
        """Legal as a key, and as one segment of a URL; readable."""
        if service_tag_of(source) is not None:
            return f"{self._cloud}.{source}"
        name = source.rsplit("/", 1)[1]
        return f"{self._cloud}.ase.{name}.{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def _row_key(number: int) -> str:
    return f"{_LAST - number:06}"


def _version(entity: Mapping[str, Any]) -> Version:
    return Version(
        version_id=entity["versionId"],
        cloud=entity["cloud"],
        source=entity["source"],
        change_number=entity["changeNumber"],
        recorded_at=entity["recordedAt"],
        locations=tuple(unpack(entity, "locations")),
        address_prefixes=tuple(unpack(entity, "addressPrefixes")),
        previous_version_id=entity["previousVersionId"] or None,
        run_id=entity["runId"],
    )
