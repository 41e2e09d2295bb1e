"""Domain types <-> the JSON in the properties of a row, by the types' own annotations.

A dataclass is an object with the names of its fields; a field that it lacks gets its default. An
ARM id is its text. A code is its name, so that a report follows a later change of the code's texts.
"""

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

from ..domain.armid import ResourceId
from ..domain.codes import Code, lookup
from .entities import Entity, pack_tight, unpack_tight

if TYPE_CHECKING:
    from typing_extensions import TypeForm

type _Read = Callable[[Any], Any]


class Property[T]:
    """A property that holds a value of this type, whatever its length.

    It is compressed, because a row holds 1 MiB and a run can name 10,000 route tables.
    """

    def __init__(self, name: str, kind: "TypeForm[T]") -> None:
        self.name = name
        self._kind: Any = kind

    def packed(self, value: T) -> dict[str, str | int]:
        """Return the property, and those into which a long value overflows."""
        return pack_tight(self.name, plain(value))

    def unpacked(self, entity: Entity) -> T:
        """Raise an error if the row has something else there."""
        found: T = _reader(self._kind)(unpack_tight(entity, self.name))
        return found

    def is_in(self, entity: Entity) -> bool:
        return f"{self.name}Parts" in entity


def plain(value: object) -> object:
    """Return the value as JSON can hold it: the same value always as the same text."""
    if isinstance(value, Code | ResourceId):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple | frozenset):
        return [plain(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


@functools.cache
def _reader(kind: Any) -> _Read:
    """Return the function that reads a plain value as this type."""
    if isinstance(kind, TypeAliasType):
        return _reader(kind.__value__)
    if isinstance(kind, type) and not get_args(kind):
        return _class_reader(kind)
    return _generic_reader(get_origin(kind), get_args(kind))


def _class_reader(kind: type) -> _Read:
    if kind is Code:
        return lookup
    if issubclass(kind, ResourceId):
        return kind.parse
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    if issubclass(kind, date):
        return kind.fromisoformat
    return kind if issubclass(kind, Enum) else _unchanged


def _generic_reader(origin: Any, arguments: tuple[Any, ...]) -> _Read:
    """Read X | None, Mapping[str, X], tuple[X, ...] or frozenset[X]. Anything else is JSON."""
    if origin in {Union, types.UnionType}:
        read = _reader(arguments[0])
        return lambda found: None if found is None else read(found)
    if origin is Mapping:
        read = _reader(arguments[1])
        return lambda found: {key: read(each) for key, each in found.items()}
    if origin in {tuple, frozenset}:
        read = _reader(arguments[0])
        return lambda found: origin(read(each) for each in found)
    return _unchanged


def _dataclass_reader(kind: type) -> _Read:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}

    def read(found: Mapping[str, object]) -> Any:
        known = {name: each for name, each in found.items() if name in readers}
        return kind(**{name: readers[name](each) for name, each in known.items()})

    return read


def _unchanged(found: Any) -> Any:
    return found
