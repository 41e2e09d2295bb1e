"""`make conformance`: the Azure CLI does by hand what Microsoft's article says, then we take over.

The article's procedure: a route table, one route for each management address, the table on the
subnet of the App Service Environment, and the rule of the network security group. Then the tag
changes, and a sync must add what is new, and nothing else, to what the CLI made; in the end that is
adopted. Against the simulated Azure over https, by a certificate authority that lives as long as
this does.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from shared.domain.addresses import ipv4_of
from shared.domain.routing.routes import owned_name

from .azure.locks import Lock
from .azure.resources import RouteTable, SecurityGroup, VirtualNetwork
from .azure.server import SimulatedAzure
from .azure_cli import AzureCli, expect, make_certificate, say, sign_in
from .azurite import Azurite
from .sample import TAG_SUBSCRIPTION, settings
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
        # The CLI does not follow nextLink: to it the real service answers with one page.
        azure.state.tags.page_size = 100
        az = AzureCli(Path(executable), folder, azure, ca)
        sign_in(az, azure, TAG_SUBSCRIPTION)
        addresses = _do_by_hand(az, azure)
        _check_by_hand(azure, addresses)
        _be_refused(az, azure)
        storage = stack.enter_context(Azurite())
        app_settings = {
            **settings(),
            **azure.environment(),
            "AzureWebJobsStorage": storage.connection_string(),
            "REQUESTS_CA_BUNDLE": str(ca),
        }
        host = stack.enter_context(HostProcess(app_settings))
        _take_over(az, azure, host, addresses)
        _from_a_laptop(azure, app_settings, az.on_path(folder))
        print(f"Passed: {az.calls} commands of the Azure CLI")
    return 0


def _do_by_hand(az: AzureCli, azure: SimulatedAzure) -> list[str]:
    """The article's procedure; return the addresses that it made routes for."""
    network = ("--resource-group", GROUP, "--vnet-name", NETWORK, "--name", SUBNET)
    az(
        *("network", "vnet", "create", "--resource-group", GROUP, "--name", NETWORK),
        *("--address-prefixes", "10.0.0.0/16", "--subnet-name", SUBNET),
        *("--subnet-prefixes", "10.0.1.0/24"),
    )
    tags = az("network", "list-service-tags", "--location", LOCATION)["values"]
    [tag] = [tag for tag in tags if tag["name"] == "AppServiceManagement"]
    addresses = ipv4_of(tag["properties"]["addressPrefixes"])
    expect(addresses == ipv4_of(azure.state.tags.at(LOCATION)["addressPrefixes"]), "the whole tag")

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
    listed = az("network", "route-table", "route", "list", *table)
    expect([r["addressPrefix"] for r in listed] == list(addresses), "every route listed")

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
    expect(subnet["routeTable"]["id"] == TABLE_ID, "the table on the subnet")
    expect("networkSecurityGroup" in subnet, "the security group on the subnet")
    return list(addresses)


def _check_by_hand(azure: SimulatedAzure, addresses: list[str]) -> None:
    """What stands in Azure is what the CLI was told, not only what it printed."""
    table = azure.state.find(RouteTable, TABLE_ID.lower())
    group = azure.state.find(
        SecurityGroup, f"{SCOPE}/networkSecurityGroups/{SECURITY_GROUP}".lower()
    )
    network = azure.state.find(VirtualNetwork, f"{SCOPE}/virtualNetworks/{NETWORK}".lower())
    assert table is not None and group is not None and network is not None
    expect([r["properties"]["addressPrefix"] for r in table.routes] == addresses, "routes in Azure")
    expect(len(table.subnets) == len(group.subnets) == 1, "both know their subnet")
    ports = [rule["properties"]["destinationPortRange"] for rule in group.rules]
    expect(ports == ["454-455"], "the security rule in Azure")
    refused = [e for e in azure.state.log if e["status"] >= 400]
    expect(refused == [], "no request of the CLI refused")


def _be_refused(az: AzureCli, azure: SimulatedAzure) -> None:
    """The refusals of the service reach the CLI's user, and leave all as it was."""
    table = azure.state.find(RouteTable, TABLE_ID.lower())
    assert table is not None
    before = list(table.routes)
    create = (
        *("network", "route-table", "route", "create", "--resource-group", GROUP),
        *("--route-table-name", TABLE, "--next-hop-type", "Internet", "--name", "another"),
    )
    there = before[0]["properties"]["addressPrefix"]
    az.refused("RouteConflict", *create, "--address-prefix", there)
    az.refused("InvalidCIDRNotation", *create, "--address-prefix", "10.11.12.13/8")
    delete = ("network", "route-table", "delete", "--resource-group", GROUP, "--name", TABLE)
    az.refused("InUseRouteTableCannotBeDeleted", *delete)
    azure.state.locks[TABLE_ID] = Lock.READ_ONLY
    az.refused("ScopeLocked", *create, "--address-prefix", "192.0.2.0/24")
    azure.state.locks.clear()
    whole, azure.state.identities.app.assignments = azure.state.identities.app.assignments, []
    az.refused("AuthorizationFailed", *create, "--address-prefix", "192.0.2.0/24")
    azure.state.identities.app.assignments = whole
    expect(table.routes == before, "none of it changed the table")


def _take_over(az: AzureCli, azure: SimulatedAzure, host: HostProcess, by_hand: list[str]) -> None:
    """Register the CLI's table, let the tag change, sync: only what is new is added, as ours.

    Then adopt what the CLI made.
    """
    table = azure.state.find(RouteTable, TABLE_ID.lower())
    assert table is not None
    made_by_hand = list(table.routes)
    host.request("PUT", f"/api/route-tables{TABLE_ID}", json={}).raise_for_status()
    first = _synced(host, None)
    expect(first["counts"]["unchanged"] == 1, "the first sync finds the CLI's work right")
    expect(sorted(first["outcomes"][0]["covered"]) == sorted(by_hand), "all of it covered")

    published = azure.state.tags.step()
    now = ipv4_of(published["addressPrefixes"])
    new = [prefix for prefix in now if prefix not in by_hand]
    second = _synced(host, first["runId"])
    outcome = second["outcomes"][0]
    expect(sorted(outcome["added"]) == sorted(new), f"the next version: {len(new)} added")
    expect(outcome["removed"] == [], "nothing removed: what is not ours is not ours to remove")
    expect(table.routes[: len(made_by_hand)] == made_by_hand, "the CLI's routes as they were")
    names = _listed(az)
    expect(all(prefix in names for prefix in now), "the CLI sees a route for every address")
    expect(all(names[p] == owned_name("asemgmt", p) for p in new), "the new ones under our name")

    body = {"routeTableId": TABLE_ID, "reason": "they are ours from now on"}
    adopted = host.request("POST", "/api/adopt", json=body).raise_for_status()
    outcome = host.ended_run(adopted.json()["runId"])["outcomes"][0]
    covered = [prefix for prefix in now if prefix not in new]
    expect(sorted(outcome["updated"]) == sorted(covered), f"{len(covered)} of the CLI's adopted")
    after = _listed(az)
    expect(all(after[p] == owned_name("asemgmt", p) for p in now), "all now under our name")
    expect(after.keys() == names.keys(), "not one of them lost")


def _from_a_laptop(azure: SimulatedAzure, app_settings: Mapping[str, str], path: str) -> None:
    """Our command line, as whoever is signed in with `az login`: no identity is at hand."""
    azure.state.tags.step()
    laptop = {k: v for k, v in app_settings.items() if not k.startswith("IDENTITY_")}
    done = subprocess.run(
        [sys.executable, "-m", "shared", "apply", "--yes", "--json"],
        env={**laptop, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    say("ase-route-sync apply --yes --json")
    expect(done.returncode == 0, "the command line signs in by az login")
    [outcome] = json.loads(done.stdout)["outcomes"]
    expect(outcome["status"] == "changed", f"{len(outcome['added'])} added from a laptop")


def _listed(az: AzureCli) -> dict[str, str]:
    """The name of each prefix's route, as the CLI sees it."""
    routes = az(
        *("network", "route-table", "route", "list"),
        *("--resource-group", GROUP, "--route-table-name", TABLE),
    )
    return {route["addressPrefix"]: route["name"] for route in routes}


def _synced(host: HostProcess, after: str | None) -> dict[str, Any]:
    host.request("POST", "/api/sync", json={"mode": "apply"}).raise_for_status()
    report = host.newest_run(other_than=after)
    say(f"POST /api/sync: {report['status']}, {report['counts']}")
    expect(report["status"] == "Succeeded", "the run succeeded")
    return report


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"make conformance: {error}")
