"""Measures for how long wanted addresses have no route in Azure."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from local.azure.call import Call
from local.azure.resources import RouteTable
from local.azure.state import State

from .world import wanted_prefixes


@dataclass(frozen=True, slots=True)
class Result:
    address_seconds: float
    """The time without a route, summed over all tables and their wanted addresses."""
    last_right_after: float
    """The seconds from the tag's change until the last table had all its routes."""


class Exposure:
    """Looks at a table whenever Azure has accepted a write of it."""

    def __init__(self, state: State, tables: Iterable[str]) -> None:
        self._state = state
        self._tables = [table.lower() for table in tables]
        self._wanted = wanted_prefixes(state)
        self._began = self._last_look = time.monotonic()
        self._missing = {table: self._missing_in(table) for table in self._tables}
        self._address_seconds = 0.0
        self._last_right_after = 0.0
        state.watch = self._look

    def result(self) -> Result:
        """End the measurement. Raise RuntimeError if a wanted address still has no route."""
        self._state.watch = lambda _call: None
        if any(self._missing.values()):
            raise RuntimeError("a wanted address has no route")
        return Result(round(self._address_seconds, 1), round(self._last_right_after, 1))

    def _look(self, call: Call | None) -> None:
        if call is None or call.request.method == "GET":
            return
        table = call.target.resource_id.lower().split("/routes/")[0]
        if table not in self._missing:
            return

        # Nothing has changed since the last look, so the same addresses were missing until now.
        now = time.monotonic()
        self._address_seconds += sum(self._missing.values()) * (now - self._last_look)
        self._last_look = now

        missing = self._missing_in(table)
        if self._missing[table] and not missing:
            self._last_right_after = now - self._began
        self._missing[table] = missing

    def _missing_in(self, table: str) -> int:
        resource = self._state.find(RouteTable, table)
        assert resource is not None
        to_internet = {
            route["properties"]["addressPrefix"]
            for route in resource.routes
            if route["properties"]["nextHopType"] == "Internet"
        }
        return len(self._wanted - to_internet)
