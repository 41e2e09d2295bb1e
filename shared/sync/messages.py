"""The two queue messages. They name what is to be done; everything else is read when it is."""

import json
from dataclasses import dataclass
from typing import Self

from shared.domain.armid import RouteTableId


@dataclass(frozen=True, slots=True)
class RunMessage:
    run_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError for what is not one of our messages."""
        return cls(_text(text, "runId"))

    def __str__(self) -> str:
        return json.dumps({"runId": self.run_id})


@dataclass(frozen=True, slots=True)
class TableMessage:
    run_id: str
    route_table_id: RouteTableId

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError for what is not one of our messages."""
        return cls(_text(text, "runId"), RouteTableId.parse(_text(text, "routeTableId")))

    def __str__(self) -> str:
        return json.dumps({"runId": self.run_id, "routeTableId": str(self.route_table_id)})


def _text(text: str, key: str) -> str:
    body = json.loads(text)
    value = body.get(key) if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"a message without {key}: {text[:200]}")  # noqa: TRY004
    return value
