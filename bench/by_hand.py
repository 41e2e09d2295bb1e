"""The ways in which people do it today: `python -m bench.by_hand {sdk|az|whole}`.

Each line of its input is one step as JSON: the tables, and the prefixes to add. After each step it
prints `done`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping

from azure.identity import DefaultAzureCredential
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import Route

from shared.domain.armid import RouteTableId

type Step = Mapping[str, list[str]]
type Way = Callable[[Step], None]


def sdk() -> Way:
    """Add one route at a time by the SDK, and wait for each. Microsoft's article does this."""
    clients: dict[str, NetworkManagementClient] = {}

    def run(step: Step) -> None:
        for table in map(RouteTableId.parse, step["tables"]):
            routes = _client(clients, table.subscription_id).routes
            for prefix in step["added"]:
                operation = routes.begin_create_or_update(
                    table.resource_group, table.name, _name(prefix), _route(prefix)
                )
                operation.result()

    return run


def az() -> Way:
    """Add one route at a time by the Azure CLI, with the article's command."""

    def run(step: Step) -> None:
        for table in map(RouteTableId.parse, step["tables"]):
            for prefix in step["added"]:
                _az(*creation_of_route(table, prefix))

    return run


def creation_of_route(table: RouteTableId, prefix: str) -> tuple[str, ...]:
    """Return the words of the article's command."""
    return (
        *("network", "route-table", "route", "create"),
        *("--subscription", table.subscription_id),
        *("--resource-group", table.resource_group),
        *("--route-table-name", table.name, "--name", _name(prefix)),
        *("--address-prefix", prefix, "--next-hop-type", "Internet"),
    )


def whole() -> Way:
    """Write one whole table at a time, as similar tools do."""
    clients: dict[str, NetworkManagementClient] = {}

    def run(step: Step) -> None:
        for table in map(RouteTableId.parse, step["tables"]):
            tables = _client(clients, table.subscription_id).route_tables
            body = tables.get(table.resource_group, table.name)
            assert body.properties is not None and body.properties.routes is not None
            body.properties.routes += [_route(prefix) for prefix in step["added"]]
            tables.begin_create_or_update(table.resource_group, table.name, body).result()

    return run


WAYS: Mapping[str, Callable[[], Way]] = {"sdk": sdk, "az": az, "whole": whole}


def main(way: str) -> None:
    run = WAYS[way]()
    print("ready", flush=True)
    for line in sys.stdin:
        run(json.loads(line))
        print("done", flush=True)


def _client(
    clients: dict[str, NetworkManagementClient], subscription_id: str
) -> NetworkManagementClient:
    if subscription_id not in clients:
        clients[subscription_id] = NetworkManagementClient(
            DefaultAzureCredential(),
            subscription_id,
            base_url=os.environ["ARM_ENDPOINT"],
            credential_scopes=["https://management.azure.com/.default"],
        )
    return clients[subscription_id]


def _az(*arguments: str) -> None:
    subprocess.run(
        [os.environ["AZURE_CLI"], *arguments, "--output", "none", "--only-show-errors"], check=True
    )


def _name(prefix: str) -> str:
    return prefix.split("/", maxsplit=1)[0]


def _route(prefix: str) -> Route:
    properties = {"addressPrefix": prefix, "nextHopType": "Internet"}
    return Route({"name": _name(prefix), "properties": properties})


if __name__ == "__main__":
    main(sys.argv[1])
