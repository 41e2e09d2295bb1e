"""What the measurements stand on: a simulated Azure that takes its time, tables, and hosts."""

import os
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
from shared.domain.registry.registration import Registration
from shared.domain.routing.routes import owned_name
from shared.storage.account import StorageAccount
from shared.storage.registry import Registry
from shared.transport import MOST_CONNECTIONS

READ_SECONDS, WRITE_SECONDS, OPERATION_SECONDS = 0.06, 0.15, (1.0, 10.0)
"""Of Azure Resource Manager, and of an operation of Microsoft.Network."""
OWNER = "asemgmt"
POSITION = 32
"""In the tag's history: five versions are left to step through."""
_QUEUES = queue_options(Path(__file__).parents[1], {})
"""As host.json says."""
LANES = _QUEUES.batch_size + _QUEUES.new_batch_threshold
"""Tables that one worker has in hand at a time."""


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
        """Of a host here: its own waits are shortened as Azure's are."""
        queues = "AzureFunctionsJobHost__extensions__queues__"
        idle_poll = _QUEUES.max_polling_interval.total_seconds() / self.speedup
        put_back = max(1, round(_QUEUES.visibility_timeout.total_seconds() / self.speedup))
        return {
            **sample.settings(),
            **self.azure.environment(),
            "AzureWebJobsStorage": self.storage.connection_string(),
            "REMOVAL_GRACE_DAYS": "0",
            "PYTHON_THREADPOOL_THREAD_COUNT": str(MOST_CONNECTIONS),
            "AzureWebJobs.scheduled_sync.Disabled": "true",
            "AzureWebJobs.daily_check.Disabled": "true",
            f"{queues}maxPollingInterval": f"00:00:{idle_poll:g}",
            f"{queues}visibilityTimeout": f"00:{put_back // 60}:{put_back % 60}",
        }

    @contextmanager
    def hosts(self, count: int, **settings: str) -> Iterator[list[HostProcess]]:
        """As many workers on the same queues."""
        with ExitStack() as stack:
            wanted = {**self.settings, **settings}
            hosts = [stack.enter_context(HostProcess(wanted)) for _ in range(count)]
            yield hosts
        for line in (line for host in hosts for line in host.errors):
            print(f"  a host wrote: {line}", flush=True)

    def add_table(self, subscription: int, name: str) -> str:
        """One as the tag is now, in one of the subscriptions; return its ARM id."""
        table = (
            f"/subscriptions/00000000-0000-4000-8000-{subscription:012}/resourceGroups/rg"
            f"/providers/Microsoft.Network/routeTables/{name}"
        )
        self.state.add_table(
            RouteTable(resource_id=table, location="westeurope", routes=_routes(self.state))
        )
        return table

    def add_tables(self, count: int, *, subscriptions: int) -> list[str]:
        """The same of many, spread evenly."""
        return [self.add_table(number % subscriptions, f"rt-{number}") for number in range(count)]

    def register(self, tables: Sequence[str]) -> None:
        account = StorageAccount.from_connection_string(self.storage.connection_string())
        registry = Registry(account.route_tables)
        for table in tables:
            registry.put(Registration(RouteTableId.parse(table), ("AppServiceManagement",)))


@contextmanager
def world(
    azurite: Azurite, *, position: int, speedup: float, certificate: Path | None = None
) -> Iterator[World]:
    """With the tag at this position of its history."""
    both = None if certificate is None else (certificate, certificate)
    with SimulatedAzure(certificate=both) as azure:
        azure.state.timing.read_seconds = READ_SECONDS
        azure.state.timing.write_seconds = WRITE_SECONDS
        azure.state.timing.operation_seconds = OPERATION_SECONDS
        azure.state.timing.speedup = speedup
        azure.state.tags.position = position
        azure.state.add_group(sample.TAG_SUBSCRIPTION, "rg")
        yield World(azure, azurite, speedup)


def wanted(state: State) -> frozenset[str]:
    """The prefixes of the tag as it is published now."""
    return frozenset(ipv4_of(state.tags.at("")["addressPrefixes"]))


def _routes(state: State) -> list[Child]:
    to_firewall = {"nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4"}
    return [
        {"name": "default", "properties": {"addressPrefix": "0.0.0.0/0", **to_firewall}},
        *(
            {
                "name": owned_name(OWNER, prefix),
                "properties": {"addressPrefix": prefix, "nextHopType": "Internet"},
            }
            for prefix in sorted(wanted(state))
        ),
    ]


def speedup() -> float:
    """How much faster than the real one's the simulated Azure's time passes, by default."""
    return float(os.environ.get("SPEEDUP") or 10)
