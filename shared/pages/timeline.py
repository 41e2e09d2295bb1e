"""The size of a service tag or list over its versions, as the numbers of a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ..domain.addresses import Version, difference, ipv4_of, is_list
from .tables import Context

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT = 48, 944
_TOP, _FLOOR = 14, 130
"""The line of the sizes is between these."""
_AXIS, _REACH = 175, 32
"""Bars go from the axis this far: up for added prefixes, down for removed ones."""
MOST = 60
"""The picture shows the newest versions, and at most this many."""
_FRAME = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT}


@dataclass(frozen=True, slots=True)
class Step:
    """A version with its number of IPv4 prefixes, and how many of them it added and removed."""

    number: int
    change_number: str
    recorded_at: datetime
    size: int
    added: int
    removed: int

    @classmethod
    def of(cls, before: Version, version: Version) -> "Step":
        change = difference(ipv4_of(before.address_prefixes), ipv4_of(version.address_prefixes))
        return cls(
            number=int(version.version_id[-6:]),
            change_number=version.change_number,
            recorded_at=version.recorded_at,
            size=len(version.ipv4),
            added=len(change.added),
            removed=len(change.removed),
        )


def timeline(history: Sequence[Version]) -> Context | None:
    """Draw these versions, the oldest first. Return None if there are none."""
    shown = history[-MOST:]
    if not shown:
        return None

    # All of the first version is new, so it is compared with itself: it has added nothing.
    steps = [Step.of(before, version) for before, version in pairwise([shown[0], *shown])]
    return {**_picture(steps), **_texts(shown[-1].source, steps), "versions": steps[::-1]}


def _texts(tag: str, steps: Sequence[Step]) -> dict[str, str]:
    first, last = steps[0].size, steps[-1].size
    title = f"IPv4 prefixes of {tag} in its last {len(steps)} versions"
    return {
        "source": f"{tag}: {last} addresses",
        "number_name": "Verified" if is_list(tag) else "Change number",
        "title": f"{title}: {first} at first, {last} now",
    }


def _picture(steps: Sequence[Step]) -> Context:
    most = max(step.size for step in steps)
    places = [_x(number, len(steps)) for number in range(len(steps))]
    return {
        **_FRAME,
        "grid": [{"y": _y(value, most), "label": value} for value in (0, most)],
        "points": _points([_y(step.size, most) for step in steps], places),
        "bars": _bars(steps, places),
        "ticks": _ticks(steps, places),
    }


def _x(number: int, count: int) -> float:
    step = (RIGHT - LEFT - 20) / max(1, count - 1)
    return round(LEFT + 10 + number * step, 1)


def _y(value: int, most: int) -> float:
    return round(_FLOOR - (_FLOOR - _TOP) * value / max(1, most), 1)


def _points(heights: Sequence[float], places: Sequence[float]) -> str:
    """Join the points. A single version is drawn as a line from left to right."""
    if len(heights) == 1:
        return f"{LEFT},{heights[0]} {RIGHT},{heights[0]}"
    return " ".join(f"{x},{y}" for x, y in zip(places, heights, strict=True))


def _bars(steps: Sequence[Step], places: Sequence[float]) -> list[Context]:
    most = max(1, *(max(step.added, step.removed) for step in steps))
    return [bar for step, x in zip(steps, places, strict=True) for bar in _bars_at(x, step, most)]


def _bars_at(x: float, step: Step, most: int) -> Iterator[Context]:
    """Yield one bar for what was added, and one for what was removed, if there is any."""
    for kind, number in (("added", step.added), ("removed", step.removed)):
        height = max(2.0, round(_REACH * number / most, 1))
        title = f"version {step.number}, {step.recorded_at:%Y-%m-%d}: {number} {kind}"
        top = _AXIS - height if kind == "added" else _AXIS + 1
        if number:
            yield {"kind": kind, "x": x - 4, "y": top, "width": 8, "height": height, "title": title}


def _ticks(steps: Sequence[Step], places: Sequence[float]) -> list[Context]:
    """Label the first version and, if there are more, the last one."""
    ends = [(0, "start"), (len(steps) - 1, "end")] if len(steps) > 1 else [(0, "start")]
    return [
        {"x": places[i], "anchor": anchor, "label": f"{steps[i].recorded_at:%Y-%m-%d}"}
        for i, anchor in ends
    ]
