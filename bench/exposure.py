"""How long addresses that are wanted have no route, in Azure as it stands from moment to moment."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from local.azure.call import Call
from local.azure.resources import RouteTable
from local.azure.state import State

from .world import wanted


@dataclass(frozen=True, slots=True)
class Exposed:
    """`address_seconds`: for each table, each address without its route, how long."""

    address_seconds: float
    last_right_after: float
    """Seconds from the tag's change to the moment when the last table had all routes."""


class Exposure:
    """Looks whenever Azure has accepted something."""

    def __init__(self, state: State, tables: Iterable[str]) -> None:
        self._state = state
        self._tables = [table.lower() for table in tables]
        self._wanted = wanted(state)
        self._began = self._looked = time.monotonic()
        self._missing = {table: self._missing_in(table) for table in self._tables}
        self._address_seconds = 0.0
        self._last_right_after = 0.0
        state.watch = self._look

    def ended(self) -> Exposed:
        """What came of it. Raise RuntimeError where an address still has no route."""
        self._state.watch = lambda _call: None
        if any(self._missing.values()):
            raise RuntimeError("an address that is wanted has no route")
        return Exposed(round(self._address_seconds, 1), round(self._last_right_after, 1))

    def _look(self, call: Call | None) -> None:
        if call is None or call.request.method == "GET":
            return
        table = call.target.resource_id.lower().split("/routes/")[0]
        if table not in self._missing:
            return
        now = time.monotonic()
        self._address_seconds += sum(self._missing.values()) * (now - self._looked)
        self._looked = now
        before, self._missing[table] = self._missing[table], self._missing_in(table)
        if before and not self._missing[table]:
            self._last_right_after = now - self._began

    def _missing_in(self, table: str) -> int:
        found = self._state.find(RouteTable, table)
        assert found is not None
        routed = {
            route["properties"]["addressPrefix"]
            for route in found.routes
            if route["properties"]["nextHopType"] == "Internet"
        }
        return len(self._wanted - routed)
