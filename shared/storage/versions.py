"""ServiceTagVersions: one row for each recorded version, the newest of a source first."""

import hashlib
import re
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient

from ..domain import codes
from ..domain.addresses import Addition, Source, SourceContent, Version, VersionHead, name_of
from ..domain.armid import EnvironmentId
from ..domain.errors import ConcurrentUpdate
from .entities import Entity, fitting, pack, unpack
from .mapping import Property

_LAST = 999_999
_FEW_SOURCES = 10
"""One request for each of so few is quicker than a list of all versions."""
_FEW_VERSIONS = 10
"""A month has no more, if the tag changes every week. A large tag has large rows."""
_ADDITIONS = Property("additions", tuple[Addition, ...])
_VERSION_ID = re.compile(r"(?P<source>[A-Za-z]+\.[\w.\-]+)-(?P<number>[0-9]{6})")


class VersionLog:
    """The versions of one cloud.

    A version's id is `{cloud}.{service tag or list}-{number}`. If the API of an App Service
    Environment is the source, the id is `{cloud}.ase.{name}.{hash}-{number}`.
    """

    def __init__(self, table: TableClient, *, cloud: str) -> None:
        self._table = table
        self._cloud = cloud

    def newest(self, source: Source) -> Version | None:
        return next(self._query(source, results_per_page=1), None)

    def history(self, source: Source) -> list[Version]:
        """Return all versions of the source, the oldest first."""
        return list(self._query(source))[::-1]

    def recent(self, source: Source, *, days: int) -> list[Version]:
        """Return the newest versions of the source, the oldest first.

        The oldest of them stood so many days before the newest one was recorded.
        """
        found: list[Version] = []
        for version in self._query(source, results_per_page=_FEW_VERSIONS):
            found.append(version)
            if found[0].recorded_at - version.recorded_at > timedelta(days=days + 1):
                break
        return found[::-1]

    def list(self) -> Iterator[Version]:
        """Yield the versions of all sources, which come in no particular order."""
        return (_version(entity) for entity in self._table.list_entities())

    def ids(self) -> Iterator[str]:
        """Yield the ids of all versions, which come in no particular order."""
        rows = self._table.list_entities(select=["versionId"])
        return (str(row["versionId"]) for row in rows)

    def heads(self) -> dict[Source, VersionHead]:
        """Return the newest version of each source, without its addresses."""
        columns = ["versionId", "source", "changeNumber", "recordedAt"]
        newest: dict[Source, VersionHead] = {}
        for row in self._table.list_entities(select=columns):
            head = VersionHead(
                row["versionId"], row["source"], row["changeNumber"], row["recordedAt"]
            )
            newest.setdefault(head.source, head)  # the newest of a source comes first
        return newest

    def heads_of(self, sources: Collection[Source]) -> dict[Source, VersionHead]:
        """Return the newest version of each of these sources, without its addresses."""
        # There may be far more versions than tables, because each environment can have its own.
        if len(sources) > _FEW_SOURCES:
            return self.heads()
        newest = (self.newest(source) for source in sources)
        return {version.source: version.head for version in newest if version is not None}

    def get(self, version_id: str) -> Version | None:
        match = _VERSION_ID.fullmatch(version_id)
        if match is None:
            return None

        row_key = _row_key(int(match["number"]))
        try:
            return _version(self._table.get_entity(match["source"], row_key))
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
        """Raise ConcurrentUpdate if another worker has already appended after `previous`.

        Raise PermanentError `RowTooLarge` for more addresses than a row can hold.
        """
        entity: dict[str, object] = {
            **self._keys(content.source, previous),
            **_packed(content),
            "recordedAt": recorded_at,
            "runId": run_id,
        }

        # The number is part of the key, so only one worker can make this row.
        try:
            self._table.create_entity(fitting(entity))
        except ResourceExistsError as error:
            raise ConcurrentUpdate(codes.VERSION_RECORDED, str(entity["versionId"])) from error
        return _version(entity)

    def _keys(self, source: Source, previous: Version | None) -> dict[str, str]:
        """Return the properties that tell the version after `previous` from every other one."""
        number = 1 if previous is None else int(previous.version_id[-6:]) + 1
        partition = self._partition(source)
        return {
            "PartitionKey": partition,
            "RowKey": _row_key(number),
            "versionId": f"{partition}-{number:06}",
            "previousVersionId": "" if previous is None else previous.version_id,
            "cloud": self._cloud,
        }

    def _query(self, source: Source, **options: Any) -> Iterator[Version]:
        parameters = {"source": self._partition(source)}
        entities = self._table.query_entities(
            "PartitionKey eq @source", parameters=parameters, **options
        )
        return (_version(entity) for entity in entities)

    def _partition(self, source: Source) -> str:
        """Return a readable name that is legal as a key and as one segment of a URL."""
        if name_of(source) is not None:
            return f"{self._cloud}.{source}"

        # Environments in different resource groups can have the same name, so add a hash of the id.
        name = EnvironmentId.parse(source).name
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        return f"{self._cloud}.ase.{name}.{digest}"


def _row_key(number: int) -> str:
    return f"{_LAST - number:06}"


def _packed(content: SourceContent) -> dict[str, str | bytes | int]:
    # A row lacks the word on routes if the answer did not have it.
    said = {} if content.routable is None else {"routable": content.routable}
    added = _ADDITIONS.packed(content.additions) if content.additions else {}
    return {
        "source": content.source,
        "changeNumber": content.change_number,
        "contentHash": content.content_hash,
        **pack("locations", content.locations),
        **pack("addressPrefixes", content.address_prefixes),
        **said,
        **added,
    }


def _version(entity: Entity) -> Version:
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
        routable=entity.get("routable"),
        additions=_ADDITIONS.unpacked(entity) if _ADDITIONS.is_in(entity) else (),
    )
