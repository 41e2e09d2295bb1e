"""What Table Storage asks of keys and properties.

Source: "Understanding the Table service data model": a key is 1 KiB at most and holds no `/`, `\\`,
`#`, `?` or control character; a string property is 64 KiB of UTF-16 at most, an entity 1 MiB.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from ..domain.armid import RouteTableId

MAX_PROPERTY_CHARACTERS = 32_000
"""Below 64 KiB of UTF-16, with room for characters that take four bytes counted as two."""


def table_key(route_table_id: RouteTableId) -> str:
    """A legal key for any ARM id, the same for every spelling of it, and readable."""
    return route_table_id.key.strip("/").replace("/", "|")


_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def complement(digits: str) -> str:
    """As a row key what is newest comes first."""
    return digits.translate(_COMPLEMENT)


def pack(name: str, value: object) -> dict[str, str | int]:
    """A value of any length as properties `name`, `name1`, …, and their number."""
    text = json.dumps(value, separators=(",", ":"))
    parts = [
        text[start : start + MAX_PROPERTY_CHARACTERS]
        for start in range(0, len(text), MAX_PROPERTY_CHARACTERS)
    ]
    # The number tells the parts of this value from those that a longer one left on the row.
    return {f"{name}Parts": len(parts)} | {
        f"{name}{index or ''}": part for index, part in enumerate(parts)
    }


def pack_tight(name: str, value: object) -> dict[str, str | int]:
    """The same for what names many tables: their ids are alike, and an entity holds 1 MiB."""
    text = json.dumps(value, separators=(",", ":"))
    return pack(name, base64.b64encode(zlib.compress(text.encode())).decode())


def unpack_tight(entity: Mapping[str, Any], name: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(unpack(entity, name))))


def unpack(entity: Mapping[str, Any], name: str) -> Any:
    parts = (entity[f"{name}{index or ''}"] for index in range(entity[f"{name}Parts"]))
    return json.loads("".join(parts))
