"""Long values in the properties of an entity, and in further rows."""

import random

import pytest

from shared.domain.errors import PermanentError
from shared.storage.entities import (
    MAX_ENTITY_BYTES,
    MAX_PROPERTY_BYTES,
    fitting,
    gathered,
    more_of,
    pack,
    size_of,
    spread,
    unpack,
)

from .tables import MemoryTable

KEYS = {"PartitionKey": "p", "RowKey": "r"}


def incompressible(length: int) -> str:
    return "".join(map(chr, random.Random(length).choices(range(0x4E00, 0x9FFF), k=length)))


@pytest.mark.parametrize("length", [0, 1, MAX_PROPERTY_BYTES, 10 * MAX_PROPERTY_BYTES])
def test_a_value_of_any_length_comes_back_from_properties_of_legal_length(length):
    value = [incompressible(length), "é", "\ud800", "1"]
    packed = pack("v", value)
    assert unpack(packed, "v") == value
    parts = [part for part in packed.values() if isinstance(part, bytes)]
    assert all(len(part) <= MAX_PROPERTY_BYTES for part in parts)
    assert packed["vParts"] == len(parts)


def test_a_row_may_have_a_mebibyte_and_no_byte_more():
    fixed = size_of({**KEYS, "v": ""})
    exact = {**KEYS, "v": "x" * ((MAX_ENTITY_BYTES - fixed) // 2)}
    assert size_of(exact) == MAX_ENTITY_BYTES
    assert fitting(exact) is exact
    with pytest.raises(PermanentError, match="RowTooLarge"):
        fitting({**exact, "v": exact["v"] + "x"})


@pytest.mark.parametrize("length", [10, 3_000_000])
def test_a_value_that_no_row_can_hold_comes_back_from_further_rows(length):
    table, value = MemoryTable(), [incompressible(length)]
    entity = {**KEYS, "status": "x", **pack("v", value)}
    client = table.client_of()
    left = spread(client, "run", entity)
    assert size_of(left) <= MAX_ENTITY_BYTES
    assert (left == entity) == (length == 10)
    assert {partition for partition, _ in table.rows} <= {more_of("run")}
    assert unpack(gathered(client, "run", dict(left)), "v") == value
    # The same content has the same rows, so a repeated write is the same write.
    rows = dict(table.rows)
    assert spread(client, "run", entity) == left
    assert table.rows.keys() == rows.keys()
