"""Domain types <-> the JSON in the properties of a row, by the types' own annotations.

A dataclass is an object with the names of its fields; a field that it lacks gets its default. An
ARM id is its text. A code is its name, so that a report follows a later change of the code's texts.

cattrs does it, because the domain knows no library: cattrs keeps its rules for a type outside of
the type, and pydantic needs them inside.
"""

import functools
from dataclasses import is_dataclass
from typing import TYPE_CHECKING

from ..domain.armid import ResourceId, ServiceResourceId, SubnetId
from ..domain.codes import Code, lookup
from .entities import Entity, pack, unpack

if TYPE_CHECKING:
    from cattrs.preconf.json import JsonConverter


class Property[T]:
    """A property that holds a value of this type, whatever its length.

    It is compressed, because a row holds 1 MiB.
    """

    def __init__(self, name: str, kind: type[T]) -> None:
        self.name = name
        self._kind = kind

    def packed(self, value: T) -> dict[str, bytes | int]:
        """Return the property, and those into which a long value overflows."""
        return pack(self.name, converter().unstructure(value, self._kind))

    def unpacked(self, entity: Entity) -> T:
        """Raise an error if the row has something else there."""
        return converter().structure(unpack(entity, self.name), self._kind)

    def is_in(self, entity: Entity) -> bool:
        return f"{self.name}Parts" in entity


@functools.cache
def converter() -> "JsonConverter":
    """Import cattrs when the first property is read or written, which takes 40 ms."""
    from cattrs.preconf.json import make_converter

    converter = make_converter(
        # The same set is always the same text, because rows are compared with each other.
        unstruct_collection_overrides={frozenset: sorted},
        # The error is the one that the type raises, and not a group with one for each level.
        detailed_validation=False,
    )

    # Before it takes a class for one of these, cattrs asks whether it is a mapping. Azure's SDK has
    # thousands of mappings, and each first answer takes milliseconds.
    converter.register_structure_hook_factory(is_dataclass, converter.gen_structure_attrs_fromdict)
    converter.register_unstructure_hook_factory(
        is_dataclass, converter.gen_unstructure_attrs_fromdict
    )

    for each in (ResourceId, ServiceResourceId, SubnetId):
        converter.register_structure_hook(each, lambda text, kind: kind.parse(text))
        converter.register_unstructure_hook(each, str)
    converter.register_structure_hook(Code, lambda name, _: lookup(name))
    converter.register_unstructure_hook(Code, str)
    return converter
