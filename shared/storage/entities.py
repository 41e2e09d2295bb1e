"""Keys and properties that Table Storage accepts.

Source: "Understanding the Table service data model". A key has 1 KiB at most and no `/`, `\\`, `#`,
`?` or control character. A string property has 64 KiB of UTF-16 at most, and an entity 1 MiB.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from ..domain.armid import RouteTableId

type Entity = Mapping[str, Any]
"""A row with its properties."""

MAX_PROPERTY_CHARACTERS = 32_000
"""Less than 64 KiB of UTF-16, even if some characters take four bytes."""


def table_key(route_table_id: RouteTableId) -> str:
    """Return a legal and readable key, which is the same for every spelling of the ARM id."""
    return route_table_id.key.strip("/").replace("/", "|")


_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def complement(digits: str) -> str:
    """Return the nines' complement. As row keys, complements put the newest row first."""
    return digits.translate(_COMPLEMENT)


def pack(name: str, value: object) -> dict[str, str | int]:
    """Return a value of any length as the properties `name`, `name1`, … and `nameParts`.

    `nameParts` is their number: a longer value may have left further parts on the row.
    """
    text = json.dumps(value, separators=(",", ":"))
    starts = range(0, len(text), MAX_PROPERTY_CHARACTERS)
    properties: dict[str, str | int] = {f"{name}Parts": len(starts)}
    for index, start in enumerate(starts):
        properties[_part_name(name, index)] = text[start : start + MAX_PROPERTY_CHARACTERS]
    return properties


def unpack(entity: Entity, name: str) -> Any:
    count = entity[f"{name}Parts"]
    parts = [entity[_part_name(name, index)] for index in range(count)]
    return json.loads("".join(parts))


def pack_tight(name: str, value: object) -> dict[str, str | int]:
    """Compress the value first. Use this for ids of many tables, which hardly differ."""
    text = json.dumps(value, separators=(",", ":"))
    compressed = zlib.compress(text.encode())
    return pack(name, base64.b64encode(compressed).decode())


def unpack_tight(entity: Entity, name: str) -> Any:
    compressed = base64.b64decode(unpack(entity, name))
    return json.loads(zlib.decompress(compressed))


def _part_name(name: str, index: int) -> str:
    return f"{name}{index or ''}"
