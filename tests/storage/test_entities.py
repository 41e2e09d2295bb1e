"""Long values in the properties of an entity."""

import pytest

from shared.storage.entities import MAX_PROPERTY_CHARACTERS, pack, unpack


@pytest.mark.parametrize("length", [0, 1, MAX_PROPERTY_CHARACTERS, 10 * MAX_PROPERTY_CHARACTERS])
def test_a_value_of_any_length_comes_back_from_properties_of_legal_length(length):
    value = ["x" * length, "é", "1"]
    packed = pack("v", value)
    assert unpack(packed, "v") == value
    texts = [part for part in packed.values() if isinstance(part, str)]
    assert all(len(text) <= MAX_PROPERTY_CHARACTERS for text in texts)
