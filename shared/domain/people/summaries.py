"""The summary of a notice: what happened, since when, and what to do, in a few sentences.

It stands alone behind the title, because a phone shows nothing else.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from ..times import utc_minute
from .next_steps import NextStep, step_for_code, step_for_state
from .notices import Item, short_name, shortened
from .overview import State

LONGEST = 500
"""Characters of a summary."""
MOST_STEPS = 3
NO_ACTION = "No action is needed."
_LONGEST_TEXT = 160
_FAULTS = frozenset({State.CONFLICT, State.BLOCKED, State.FAILED})


def summary_of(items: Sequence[Item], *more: str, to_do: str = "") -> str:
    """Say what the first item says, how many others there are, this, and what to do.

    If no `to_do` is given, the first item says it.
    """
    first = items[0]
    others = f"And {len(items) - 1} more." if len(items) > 1 else ""
    sentences = (_sentence(first), others, *more, to_do or _to_do(first))
    return shortened(" ".join(filter(None, sentences)), LONGEST)


def _to_do(item: Item) -> str:
    """Return what to do about it in words, unless the item itself says it."""
    step = _step(item)
    if step is None:
        return NO_ACTION
    return "" if step.remedy in item.text else step.remedy


def steps_of(items: Iterable[Item]) -> tuple[NextStep, ...]:
    """Return the first few different steps, each with the ids of the first item that needs it."""
    steps: dict[str, NextStep] = {}
    for step in filter(None, map(_step, items)):
        steps.setdefault(step.remedy, step)
    return tuple(islice(steps.values(), MOST_STEPS))


def _step(item: Item) -> NextStep | None:
    if item.code is not None:
        return step_for_code(item.code, item.about)
    return step_for_state(State(item.state), item.about) if item.state in _FAULTS else None


def _sentence(item: Item) -> str:
    place = short_name(item.route_table_id) if item.route_table_id else "The app"
    since = f" since {utc_minute(item.since)}." if item.since else ","
    text = shortened(item.text, _LONGEST_TEXT).rstrip(".")
    return f"{place}: {item.state}{since} {text}." if text else f"{place}: {item.state}."
