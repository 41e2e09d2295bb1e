"""The size of a service tag over its versions, as the numbers of a picture."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..domain.addresses import Version, difference, ipv4_of, service_tag_of

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT = 48, 944
_TOP, _FLOOR = 14, 130
"""Of the size's line."""
_AXIS, _REACH = 175, 32
"""Of what was added, upwards, and removed, downwards."""
MOST = 60
"""Versions in the picture: the newest."""


def timeline(history: Sequence[Version]) -> dict[str, Any] | None:
    """Of its versions, oldest first; None where none is recorded."""
    if not history:
        return None
    shown = history[-MOST:]
    steps = [_step(None, shown[0]), *(_step(a, b) for a, b in pairwise(shown))]
    most = max(step["size"] for step in steps)
    reach = max([1, *(max(step["added"], step["removed"]) for step in steps)])
    places = [_x(number, len(steps)) for number in range(len(steps))]
    tag = service_tag_of(shown[-1].source) or shown[-1].source
    return {
        "source": f"{tag}: {steps[-1]['size']} addresses",
        "title": f"IPv4 prefixes of {tag} in its last {len(steps)} versions: "
        f"{steps[0]['size']} at first, {steps[-1]['size']} now",
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": RIGHT,
        "grid": [{"y": _y(value, most), "label": value} for value in (0, most)],
        "points": _points([_y(step["size"], most) for step in steps], places),
        "bars": [
            bar for step, x in zip(steps, places, strict=True) for bar in _bars(step, x, reach)
        ],
        "ticks": _ticks(steps, places),
        "versions": steps[::-1],
    }


def _step(before: Version | None, version: Version) -> dict[str, Any]:
    """The first has added nothing: all of it was new."""
    now = ipv4_of(version.address_prefixes)
    change = difference(now if before is None else ipv4_of(before.address_prefixes), now)
    return {
        "number": int(version.version_id[-6:]),
        "change_number": version.change_number,
        "recorded_at": version.recorded_at,
        "size": len(now),
        "added": len(change.added),
        "removed": len(change.removed),
    }


def _x(number: int, count: int) -> float:
    step = (RIGHT - LEFT - 20) / max(1, count - 1)
    return round(LEFT + 10 + number * step, 1)


def _y(value: int, most: int) -> float:
    return round(_FLOOR - (_FLOOR - _TOP) * value / max(1, most), 1)


def _points(heights: Sequence[float], places: Sequence[float]) -> str:
    """A single version is a line, too."""
    if len(heights) == 1:
        return f"{LEFT},{heights[0]} {RIGHT},{heights[0]}"
    return " ".join(f"{x},{y}" for x, y in zip(places, heights, strict=True))


def _bars(step: dict[str, Any], x: float, reach: int) -> list[dict[str, Any]]:
    bars = []
    for kind in ("added", "removed"):
        number = step[kind]
        height = max(2.0, round(_REACH * number / reach, 1))
        if number:
            bars.append(
                {
                    "kind": kind,
                    "x": x - 4,
                    "y": _AXIS - height if kind == "added" else _AXIS + 1,
                    "width": 8,
                    "height": height,
                    "title": f"version {step['number']}, {step['recorded_at']:%Y-%m-%d}: "
                    f"{number} {kind}",
                }
            )
    return bars


def _ticks(steps: Sequence[dict[str, Any]], places: Sequence[float]) -> list[dict[str, Any]]:
    ends = ((0, "start"), (len(steps) - 1, "end"))
    return [
        {"x": places[i], "anchor": anchor, "label": f"{steps[i]['recorded_at']:%Y-%m-%d}"}
        for i, anchor in (ends if len(steps) > 1 else ends[:1])
    ]
