"""Shorten JSON until it fits into a number of characters, and count what is left out."""

import json
from bisect import bisect_right

FEWEST = 10
"""No entry may take more than this part of the room of its list, so that a list shows so many."""

LEFT_OUT = "LeftOut"
"""`xLeftOut` counts the entries of `x` that are left out."""

_CUT = "…"
_MANY = 10**9

type _Fields = dict[str, object]


def size_of(value: object) -> int:
    """Return the number of characters of the JSON.

    The JSON has ASCII letters only, so it has as many bytes and UTF-16 units.
    """
    return len(json.dumps(value))


def fitted(fields: _Fields, room: int) -> _Fields:
    """Return these fields, shortened if their JSON has more than `room` characters.

    Long texts end with "…". Lists and objects lose their last entries, so the most important ones
    have to stand first.
    """
    if size_of(fields) <= room:
        return fields

    shown = _shared_out(fields, room)
    for name, value in fields.items():
        if missing := _missing(value, shown[name]):
            before = fields.get(name + LEFT_OUT, 0)
            shown[name + LEFT_OUT] = missing + (before if isinstance(before, int) else 0)

    # Even the names of very many fields may be too long.
    return shown if size_of(shown) <= room else dict(_start([*shown.items()], room))


def _shared_out(fields: _Fields, room: int) -> _Fields:
    """Keep the small values whole, and share what they leave among the large ones."""
    counts = [name + LEFT_OUT for name, value in fields.items() if isinstance(value, list | dict)]
    left = room - size_of(dict.fromkeys([*fields, *counts], _MANY))
    smallest_first = sorted(fields, key=lambda name: size_of(fields[name]))

    parts: _Fields = {}
    for done, name in enumerate(smallest_first):
        share = left // (len(fields) - done)
        parts[name] = _part(fields[name], max(share, room // FEWEST))
        left -= size_of(parts[name])
    return {name: parts[name] for name in fields}


def _part(value: object, room: int) -> object:
    """Return what fits of a value. Numbers are short enough."""
    match value:
        case dict():
            return fitted(value, room)
        case str() if size_of(value) > room:
            return _start(value, room - size_of(_CUT)) + _CUT
        case list() if size_of(value) > room:
            return _start([_part(entry, room // FEWEST) for entry in value], room)
        case _:
            return value


def _start[S: (str, list[object], list[tuple[str, object]])](value: S, room: int) -> S:
    """Return as much of the start of a list or a text as fits."""
    lengths = range(1, len(value) + 1)
    fits = bisect_right(lengths, room, key=lambda length: size_of(value[:length]))
    return value[:fits]


def _missing(whole: object, part: object) -> int:
    """Return how many entries of the whole the part has not."""
    match whole, part:
        case (dict(), dict()):
            return len(whole.keys() - part.keys())
        case (list(), list()):
            return len(whole) - len(part)
        case _:
            return 0
