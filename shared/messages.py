"""The two queue messages. They name a run or a table; the worker reads everything else."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from .domain.armid import RouteTableId

MOST_AT_ONCE = 100
"""The messages of one run and one subscription that are in the queue at a time.

Azure takes 10 writes a second in a subscription, and each lasts up to 10 seconds, so more messages
would only wait. The tables of another subscription then come to the front sooner.
"""
LONGEST_CHAIN = 200
"""The most tables that one message names."""
MAX_MESSAGE_BYTES = 48 * 1024
"""A queue holds messages of 64 KiB, in Base64."""
_ROOM_FOR_IDS = MAX_MESSAGE_BYTES - 200


@dataclass(frozen=True, slots=True)
class RunMessage:
    run_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if this is not one of our messages."""
        return cls(_text(_object(text), "runId"))

    def __str__(self) -> str:
        return json.dumps({"runId": self.run_id})


@dataclass(frozen=True, slots=True)
class TableMessage:
    """One table to sync; `then` are the tables whose messages follow, one after the other."""

    run_id: str
    route_table_id: RouteTableId
    then: tuple[RouteTableId, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError if this is not one of our messages."""
        body = _object(text)
        then = body.get("then", [])
        if not isinstance(then, list):
            raise ValueError(f"a message with another then: {text[:200]}")  # noqa: TRY004
        return cls(
            _text(body, "runId"),
            RouteTableId.parse(_text(body, "routeTableId")),
            tuple(RouteTableId.parse(str(table)) for table in then),
        )

    @property
    def next(self) -> Self | None:
        if not self.then:
            return None
        return type(self)(self.run_id, self.then[0], self.then[1:])

    def __str__(self) -> str:
        body: dict[str, object] = {"runId": self.run_id, "routeTableId": str(self.route_table_id)}
        then = {"then": [str(i) for i in self.then]} if self.then else {}
        return json.dumps(body | then, ensure_ascii=False)


def table_messages(run_id: str, tables: Iterable[RouteTableId]) -> Iterator[TableMessage]:
    """Yield the messages to begin with. Each table is in exactly one of them."""
    by_subscription: dict[str, list[RouteTableId]] = {}
    for table in tables:
        by_subscription.setdefault(table.subscription_id.lower(), []).append(table)

    for together in by_subscription.values():
        for chain in _chains(together):
            for first, *then in _fitting(chain):
                yield TableMessage(run_id, first, tuple(then))


def _chains(tables: Sequence[RouteTableId]) -> Iterator[Sequence[RouteTableId]]:
    count = min(len(tables), max(MOST_AT_ONCE, math.ceil(len(tables) / LONGEST_CHAIN)))
    return (tables[first::count] for first in range(count))


def _fitting(tables: Iterable[RouteTableId]) -> Iterator[Sequence[RouteTableId]]:
    """Split a chain whose ids are too long for one message."""
    together: list[RouteTableId] = []
    room = _ROOM_FOR_IDS
    for table in tables:
        # The quotes, the comma and the space belong to each id.
        length = len(str(table).encode()) + 4

        if together and length > room:
            yield together
            together, room = [], _ROOM_FOR_IDS

        together.append(table)
        room -= length

    yield together


def _object(text: str) -> dict[str, object]:
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError(f"a message that is no object: {text[:200]}")  # noqa: TRY004
    return body


def _text(body: dict[str, object], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise ValueError(f"a message without {key}: {str(body)[:200]}")  # noqa: TRY004
    return value
