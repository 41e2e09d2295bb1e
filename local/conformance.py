"""`make conformance`: the Azure CLI follows Microsoft's article, and then the product takes over.

The article's procedure makes a route table with one route for each management address, puts the
table on the subnet of the App Service Environment, and adds the rule of the network security group.
Then the tag changes. A sync must add exactly the new addresses to the CLI's table, and in the end
the CLI's routes are adopted.

All this runs on the simulated Azure over https, with a certificate authority made for this run.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from shared.domain.addresses import ipv4_of
from shared.domain.routing.routes import owned_name

from .azure.locks import Lock
from .azure.resources import Resource, RouteTable, SecurityGroup, VirtualNetwork
from .azure.server import SimulatedAzure
from .azure_cli import AzureCli, expect, make_certificate, say, sign_in
from .azurite import Azurite
from .sample import TAG_SUBSCRIPTION, for_a_laptop, settings
from .stack import HostProcess

GROUP, TABLE, NETWORK, SUBNET, SECURITY_GROUP = (
    "rg-ase",
    "rt-ase",
    "vnet-ase",
    "snet-ase",
    "nsg-ase",
)
LOCATION = "westeurope"
SCOPE = f"/subscriptions/{TAG_SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network"
TABLE_ID = f"{SCOPE}/routeTables/{TABLE}"


def main(executable: str) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ca, certificate = make_certificate(folder)
        azure = stack.enter_context(SimulatedAzure(certificate=(certificate, certificate)))
        azure.state.add_group(TAG_SUBSCRIPTION, GROUP, LOCATION)
        # The CLI does not follow nextLink, and the real service answers it with one page.
        azure.state.tags.page_size = 100

        az = AzureCli(Path(executable), folder, azure, ca)
        sign_in(az, azure, TAG_SUBSCRIPTION)
        addresses = _follow_the_article(az, azure)
        _check_the_cli(azure, addresses)
        _check_refusals(az, azure)

        storage = stack.enter_context(Azurite())
        app_settings = {
            **settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
            "REQUESTS_CA_BUNDLE": str(ca),
        }
        host = stack.enter_context(HostProcess(app_settings))
        wanted = _take_over(azure, host, az, addresses)
        _adopt(host, az, addresses, wanted)
        _apply_from_a_laptop(azure, app_settings, az.on_path(folder))
        print(f"Passed: {az.calls} commands of the Azure CLI")
    return 0


def _follow_the_article(az: AzureCli, azure: SimulatedAzure) -> list[str]:
    """Return the addresses for which the procedure made routes."""
    az(
        *("network", "vnet", "create", "--resource-group", GROUP, "--name", NETWORK),
        *("--address-prefixes", "10.0.0.0/16", "--subnet-name", SUBNET),
        *("--subnet-prefixes", "10.0.1.0/24"),
    )

    tags = az("network", "list-service-tags", "--location", LOCATION)["values"]
    [tag] = [tag for tag in tags if tag["name"] == "AppServiceManagement"]
    addresses = ipv4_of(tag["properties"]["addressPrefixes"])
    published = ipv4_of(azure.state.tags.at(LOCATION)["addressPrefixes"])
    expect(addresses == published, "the CLI gets the whole tag")

    _create_routes(az, addresses)
    _attach_to_subnet(az)
    return list(addresses)


def _create_routes(az: AzureCli, addresses: Sequence[str]) -> None:
    table = ("--resource-group", GROUP, "--route-table-name", TABLE)
    az("network", "route-table", "create", "--resource-group", GROUP, "--name", TABLE)

    say(f"az network route-table route create, once for each of {len(addresses)} addresses")
    began = time.monotonic()
    for number, prefix in enumerate(addresses):
        az(
            *("network", "route-table", "route", "create", *table),
            *("--name", prefix.split("/")[0], "--address-prefix", prefix),
            *("--next-hop-type", "Internet"),
            shown=number == 0,
        )
    say(f"  all of them took {time.monotonic() - began:.0f} s")

    routes = az("network", "route-table", "route", "list", *table)
    prefixes = [route["addressPrefix"] for route in routes]
    expect(prefixes == list(addresses), "the CLI lists every route")


def _attach_to_subnet(az: AzureCli) -> None:
    network = ("--resource-group", GROUP, "--vnet-name", NETWORK, "--name", SUBNET)
    az("network", "vnet", "subnet", "update", *network, "--route-table", TABLE)
    az("network", "nsg", "create", "--resource-group", GROUP, "--name", SECURITY_GROUP)
    az(
        *("network", "nsg", "rule", "create", "--resource-group", GROUP),
        *("--nsg-name", SECURITY_GROUP, "--name", "Inbound-management", "--priority", "100"),
        *("--source-address-prefixes", "AppServiceManagement", "--protocol", "*"),
        *("--destination-port-ranges", "454-455", "--direction", "Inbound", "--access", "Allow"),
    )
    az("network", "vnet", "subnet", "update", *network, "--network-security-group", SECURITY_GROUP)
    subnet = az("network", "vnet", "subnet", "show", *network)
    expect(subnet["routeTable"]["id"] == TABLE_ID, "the table is on the subnet")
    expect("networkSecurityGroup" in subnet, "the security group is on the subnet")


def _check_the_cli(azure: SimulatedAzure, addresses: list[str]) -> None:
    """The CLI's output is no proof, so look at the resources in Azure."""
    table = _find(azure, RouteTable, TABLE_ID)
    prefixes = [route["properties"]["addressPrefix"] for route in table.routes]
    expect(prefixes == addresses, "all routes exist in Azure")

    group = _find(azure, SecurityGroup, f"{SCOPE}/networkSecurityGroups/{SECURITY_GROUP}")
    ports = [rule["properties"]["destinationPortRange"] for rule in group.rules]
    expect(ports == ["454-455"], "the security rule exists in Azure")
    expect(len(table.subnets) == len(group.subnets) == 1, "both know their subnet")

    network = _find(azure, VirtualNetwork, f"{SCOPE}/virtualNetworks/{NETWORK}")
    expect(len(network.subnets) == 1, "the subnet exists in Azure")
    refused = [request for request in azure.state.log if request["status"] >= 400]
    expect(refused == [], "Azure refused no request of the CLI")


def _check_refusals(az: AzureCli, azure: SimulatedAzure) -> None:
    """The service's refusals must reach the CLI's user and change nothing."""
    table = _find(azure, RouteTable, TABLE_ID)
    before = list(table.routes)
    create = (
        *("network", "route-table", "route", "create", "--resource-group", GROUP),
        *("--route-table-name", TABLE, "--next-hop-type", "Internet", "--name", "another"),
    )

    existing_prefix = before[0]["properties"]["addressPrefix"]
    az.refused("RouteConflict", *create, "--address-prefix", existing_prefix)
    az.refused("InvalidCIDRNotation", *create, "--address-prefix", "10.11.12.13/8")
    delete = ("network", "route-table", "delete", "--resource-group", GROUP, "--name", TABLE)
    az.refused("InUseRouteTableCannotBeDeleted", *delete)

    azure.state.locks[TABLE_ID] = Lock.READ_ONLY
    az.refused("ScopeLocked", *create, "--address-prefix", "192.0.2.0/24")
    azure.state.locks.clear()

    app = azure.state.identities.app
    assignments, app.assignments = app.assignments, []
    az.refused("AuthorizationFailed", *create, "--address-prefix", "192.0.2.0/24")
    app.assignments = assignments

    expect(table.routes == before, "no refused request changed the table")


def _take_over(
    azure: SimulatedAzure, host: HostProcess, az: AzureCli, by_hand: list[str]
) -> list[str]:
    """Register the CLI's table, let the tag change, sync, and return the tag's addresses.

    Only the new addresses get routes, under our name.
    """
    table = _find(azure, RouteTable, TABLE_ID)
    made_by_hand = list(table.routes)
    host.request("PUT", f"/api/route-tables{TABLE_ID}", json={}).raise_for_status()
    first = _sync(host, None)
    expect(first["counts"]["unchanged"] == 1, "the first sync finds the CLI's routes right")
    expect(sorted(first["outcomes"][0]["covered"]) == sorted(by_hand), "all of them are covered")

    wanted = ipv4_of(azure.state.tags.step()["addressPrefixes"])
    new = [prefix for prefix in wanted if prefix not in by_hand]
    [outcome] = _sync(host, first["runId"])["outcomes"]
    expect(sorted(outcome["added"]) == sorted(new), f"the next version adds {len(new)}")
    expect(outcome["removed"] == [], "nothing is removed, because nothing obsolete is ours")
    expect(table.routes[: len(made_by_hand)] == made_by_hand, "the CLI's routes stay as they were")

    names = _route_names(az)
    expect(names.keys() >= set(wanted), "the CLI lists a route for every address")
    expect(_are_ours(names, new), "the new routes have our name")
    return list(wanted)


def _adopt(host: HostProcess, az: AzureCli, by_hand: list[str], wanted: list[str]) -> None:
    """Adopt the CLI's routes that are still wanted."""
    before = _route_names(az)
    body = {"routeTableId": TABLE_ID, "reason": "they are ours from now on"}
    answer = host.request("POST", "/api/adopt", json=body).raise_for_status()
    [outcome] = host.ended_run(answer.json()["runId"])["outcomes"]

    covered = [prefix for prefix in wanted if prefix in by_hand]
    expect(sorted(outcome["updated"]) == sorted(covered), f"{len(covered)} routes are adopted")
    after = _route_names(az)
    expect(_are_ours(after, wanted), "all wanted routes have our name now")
    expect(after.keys() == before.keys(), "no route is lost")


def _apply_from_a_laptop(azure: SimulatedAzure, app_settings: Mapping[str, str], path: str) -> None:
    """Run our command line without a managed identity, signed in by `az login`."""
    azure.state.tags.step()
    laptop = {
        name: value
        for name, value in for_a_laptop(app_settings).items()
        if not name.startswith("IDENTITY_")
    }

    say("ase-route-sync apply --yes --json")
    process = subprocess.run(
        [sys.executable, "-m", "shared", "apply", "--yes", "--json"],
        env={**laptop, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    expect(process.returncode == 0, "the command line signs in by az login")

    [outcome] = json.loads(process.stdout)["outcomes"]
    expect(outcome["status"] == "changed", f"{len(outcome['added'])} added from a laptop")


def _find[R: Resource](azure: SimulatedAzure, kind: type[R], resource_id: str) -> R:
    resource = azure.state.find(kind, resource_id.lower())
    assert resource is not None
    return resource


def _are_ours(names: Mapping[str, str], prefixes: Sequence[str]) -> bool:
    return all(names[prefix] == owned_name("asemgmt", prefix) for prefix in prefixes)


def _route_names(az: AzureCli) -> dict[str, str]:
    """Return the name of each prefix's route, as the CLI lists it."""
    routes = az(
        *("network", "route-table", "route", "list"),
        *("--resource-group", GROUP, "--route-table-name", TABLE),
    )
    return {route["addressPrefix"]: route["name"] for route in routes}


def _sync(host: HostProcess, previous_run_id: str | None) -> dict[str, Any]:
    host.request("POST", "/api/sync", json={"mode": "apply"}).raise_for_status()
    report = host.newest_run(other_than=previous_run_id)
    say(f"POST /api/sync: {report['status']}, {report['counts']}")
    expect(report["status"] == "Succeeded", "the run succeeded")
    return report


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"make conformance: {error}")
