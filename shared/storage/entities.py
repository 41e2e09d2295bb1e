"""Keys and properties that Table Storage accepts.

Source: "Understanding the Table service data model". A key has 1 KiB at most and no `/`, `\\`, `#`,
`?` or control character. A binary property has 64 KiB at most, and an entity 1 MiB. Azurite accepts
more, so the app keeps to both itself.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from itertools import batched
from typing import Any, cast

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from ..domain import codes
from ..domain.armid import RouteTableId
from ..domain.errors import ConcurrentUpdate, PermanentError

type Entity = Mapping[str, Any]
"""A row with its properties."""

MAX_PROPERTY_BYTES = 64 * 1024
MAX_ENTITY_BYTES = 1024 * 1024
MOST_IN_A_TRANSACTION = 100
_PARTS_IN_A_ROW = 11
"""Some parts of the greatest length, with room for keys and names."""
_MORE = "moreRows"


def table_key(route_table_id: RouteTableId) -> str:
    """Return a legal and readable key, which is the same for every spelling of the ARM id."""
    return route_table_id.key.strip("/").replace("/", "|")


def id_of_key(key: str) -> RouteTableId:
    """Return the id in lower case. Raise ValueError if this is no `table_key`."""
    return RouteTableId.parse("/" + key.replace("|", "/"))


_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def complement(digits: str) -> str:
    """Return the nines' complement. As row keys, complements put the newest row first."""
    return digits.translate(_COMPLEMENT)


def pack(name: str, value: object) -> dict[str, bytes | int]:
    """Return a value of any length as the properties `name`, `name1`, … and `nameParts`.

    It is compressed. `nameParts` is their number: a longer value may have left further parts on
    the row.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    packed = zlib.compress(text.encode(errors="surrogatepass"))
    starts = range(0, len(packed), MAX_PROPERTY_BYTES)
    parts = [packed[start : start + MAX_PROPERTY_BYTES] for start in starts]
    named = {_part_name(name, index): part for index, part in enumerate(parts)}
    return {f"{name}Parts": len(parts), **named}


def unpack(entity: Entity, name: str) -> Any:
    count = entity[f"{name}Parts"]
    packed = b"".join(entity[_part_name(name, index)] for index in range(count))
    return json.loads(zlib.decompress(packed).decode(errors="surrogatepass"))


def size_of(entity: Entity) -> int:
    """Return the bytes for which Table Storage counts the entity, or more.

    Azurite counts binary properties in Base64, in which they are sent.
    """
    return 4 + sum(8 + 2 * len(name) + _size_of(value) for name, value in entity.items())


def fitting(entity: dict[str, Any]) -> dict[str, Any]:
    """Return the entity. Raise PermanentError `RowTooLarge` if the real service would refuse it."""
    size = size_of(entity)
    if size > MAX_ENTITY_BYTES:
        message = f"a row of {size} bytes, and it may have {MAX_ENTITY_BYTES}"
        raise PermanentError(codes.ROW_TOO_LARGE, message)
    return entity


def spread(table: TableClient, owner: str, entity: dict[str, Any]) -> dict[str, Any]:
    """Move the parts of an entity that is too large into further rows; return what is left.

    They are written first, under a name that follows from their content. So whoever reads the
    entity finds the rows to which it belongs, whatever others write at the same time.
    """
    if size_of(entity) <= MAX_ENTITY_BYTES:
        return entity

    parts = {name: value for name, value in entity.items() if isinstance(value, bytes)}
    content = hashlib.sha256()
    for name, part in parts.items():
        content.update(name.encode() + part)

    token = content.hexdigest()[:32]

    for number, some in enumerate(batched(parts.items(), _PARTS_IN_A_ROW, strict=False)):
        keys = {"PartitionKey": more_of(owner), "RowKey": f"{token}-{number:03}"}
        table.upsert_entity(fitting({**keys, **dict(some)}), mode=UpdateMode.REPLACE)

    left = {name: value for name, value in entity.items() if name not in parts}
    return {**left, _MORE: token}


def gathered(table: TableClient, owner: str, entity: Entity) -> Entity:
    """Return the entity with the parts that `spread` moved into further rows."""
    token = entity.get(_MORE)
    if token is None:
        return entity

    rows = table.query_entities(
        "PartitionKey eq @more and RowKey ge @first and RowKey lt @end",
        parameters={"more": more_of(owner), "first": f"{token}-", "end": f"{token}."},
    )

    # A row of the client is a dict, which also has the ETag.
    for row in rows:
        parts = {name: value for name, value in row.items() if isinstance(value, bytes)}
        cast(dict[str, Any], entity).update(parts)
    return entity


def more_of(owner: str) -> str:
    """Return the partition of the further rows."""
    return f"more|{owner}"


def replace_as_read(
    table: TableClient, entity: Entity, etag: str, changed: ConcurrentUpdate
) -> str:
    """Return the new ETag. Raise `changed` if the row has changed or gone since it was read."""
    try:
        answer = table.update_entity(
            entity,
            mode=UpdateMode.REPLACE,
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
        )
    except (ResourceModifiedError, ResourceNotFoundError) as error:
        raise changed from error
    return str(answer["etag"])


def etag_of(entity: Entity) -> str:
    etag: str = getattr(entity, "metadata", {}).get("etag", "")
    return etag


def remove_partition(table: TableClient, partition: str) -> None:
    rows = table.query_entities(
        "PartitionKey eq @partition",
        parameters={"partition": partition},
        select=["PartitionKey", "RowKey"],
    )
    for batch in batched(rows, MOST_IN_A_TRANSACTION, strict=False):
        table.submit_transaction([("delete", row) for row in batch])


def _size_of(value: object) -> int:
    match value:
        case bytes():
            return 4 + len(base64.b64encode(value))
        case str():
            return 4 + len(value.encode("utf-16-le", errors="surrogatepass"))
        case bool():
            return 1
        case int() | float() | datetime():
            return 8
        case _:
            return 16


def _part_name(name: str, index: int) -> str:
    return f"{name}{index or ''}"
