"""The world of a measurement: a simulated Azure as slow as the real one, tables, and hosts."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import sample
from local.azure.resources import Child, RouteTable
from local.azure.server import SimulatedAzure
from local.azure.state import State
from local.azurite import Azurite
from local.host.config import queue_options
from local.stack import HostProcess
from shared.domain.addresses import ipv4_of
from shared.domain.armid import RouteTableId
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.routing.routes import owned_name
from shared.storage.account import StorageAccount
from shared.storage.registry import Registry

READ_SECONDS, WRITE_SECONDS = 0.06, 0.15
"""The times of Azure Resource Manager."""
SLOW_SERVICE, FAST_SERVICE = (1.0, 10.0), (0.8, 1.2)
"""The shortest and the longest operation of Microsoft.Network: in the older recordings, and in one
of 2024.
"""
OWNER = "asemgmt"
POSITION = 32
"""The position in the tag's history. Five versions are left to step through."""
_QUEUES = queue_options(Path(__file__).parents[1], {})
"""The options of host.json."""
QUEUE_SETTINGS = "AzureFunctionsJobHost__extensions__queues__"
"""The beginning of the settings that replace these options."""
BATCH_SIZE, NEW_BATCH_THRESHOLD = _QUEUES.batch_size, _QUEUES.new_batch_threshold
LANES = BATCH_SIZE + NEW_BATCH_THRESHOLD
"""The most tables that one worker serves at a time."""
POLL_SECONDS = _QUEUES.max_polling_interval.total_seconds()
"""The time between two looks of an idle worker at a queue."""


@dataclass(frozen=True, slots=True)
class World:
    azure: SimulatedAzure
    storage: Azurite
    speedup: float

    @property
    def state(self) -> State:
        return self.azure.state

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a host. Its own waits are as much shorter as Azure's."""
        idle_poll = POLL_SECONDS / self.speedup
        put_back = max(1, round(_QUEUES.visibility_timeout.total_seconds() / self.speedup))

        return {
            **sample.settings(),
            **self.azure.environment(),
            "AzureWebJobsStorage": self.storage.connection_string(),
            "REMOVAL_GRACE_DAYS": "0",
            "AzureWebJobs.scheduled_sync.Disabled": "true",
            "AzureWebJobs.daily_check.Disabled": "true",
            f"{QUEUE_SETTINGS}maxPollingInterval": f"00:00:{idle_poll:g}",
            f"{QUEUE_SETTINGS}visibilityTimeout": f"00:{put_back // 60}:{put_back % 60}",
        }

    @contextmanager
    def hosts(self, count: int, **settings: str) -> Iterator[list[HostProcess]]:
        """Start this many workers on the same queues."""
        with ExitStack() as stack:
            all_settings = {**self.settings, **settings}
            hosts = [stack.enter_context(HostProcess(all_settings)) for _ in range(count)]
            yield hosts

        for host in hosts:
            for line in host.errors:
                print(f"  a host wrote: {line}", flush=True)

    def table_id(self, subscription: int, name: str) -> str:
        return (
            f"/subscriptions/00000000-0000-4000-8000-{subscription:012}/resourceGroups/rg"
            f"/providers/Microsoft.Network/routeTables/{name}"
        )

    def add_table(self, subscription: int, name: str) -> str:
        """Add a table that is right for the current tag, and return its ARM id."""
        resource_id = self.table_id(subscription, name)
        routes = _routes(self.state)
        self.state.add_table(
            RouteTable(resource_id=resource_id, location="westeurope", routes=routes)
        )
        return resource_id

    def add_tables(self, count: int, *, subscriptions: int) -> list[str]:
        """Add tables, spread evenly over the subscriptions."""
        return [self.add_table(number % subscriptions, f"rt-{number}") for number in range(count)]

    def register(self, tables: Sequence[str]) -> None:
        account = StorageAccount.from_connection_string(self.storage.connection_string())
        registry = Registry(account.route_tables)
        for table in tables:
            registry.add(
                RegisteredTable(RouteTableId.parse(table), Registration(("AppServiceManagement",)))
            )


@contextmanager
def world(
    azurite: Azurite,
    *,
    position: int,
    speedup: float,
    service: tuple[float, float] = SLOW_SERVICE,
    certificate: Path | None = None,
) -> Iterator[World]:
    """Start a simulated Azure with the tag at this position of its history."""
    files = None if certificate is None else (certificate, certificate)
    with SimulatedAzure(certificate=files) as azure:
        timing = azure.state.timing
        timing.read_seconds = READ_SECONDS
        timing.write_seconds = WRITE_SECONDS
        timing.operation_seconds = service
        timing.speedup = speedup

        azure.state.tags.position = position
        azure.state.add_group(sample.TAG_SUBSCRIPTION, "rg")
        yield World(azure, azurite, speedup)


def let_listeners_rest(speedup: float = 1.0) -> None:
    """Wait until the listeners wait as long as they ever do, each since another moment."""
    time.sleep(4 * POLL_SECONDS / speedup)


def answer_at_once(state: State) -> None:
    state.timing.read_seconds = state.timing.write_seconds = 0
    state.timing.operation_seconds = (0, 0)


def wanted_prefixes(state: State) -> frozenset[str]:
    """Return the IPv4 prefixes of the tag's current version."""
    return frozenset(ipv4_of(state.tags.at("")["addressPrefixes"]))


def _routes(state: State) -> list[Child]:
    to_firewall = {
        "addressPrefix": "0.0.0.0/0",
        "nextHopType": "VirtualAppliance",
        "nextHopIpAddress": "10.0.0.4",
    }
    routes: list[Child] = [{"name": "default", "properties": to_firewall}]
    for prefix in sorted(wanted_prefixes(state)):
        to_internet = {"addressPrefix": prefix, "nextHopType": "Internet"}
        routes.append({"name": owned_name(OWNER, prefix), "properties": to_internet})
    return routes


def speedup() -> float:
    """Return how much faster the simulated Azure is than the real one, by default."""
    return float(os.environ.get("SPEEDUP") or 10)
