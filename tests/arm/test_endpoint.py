"""The token goes to the endpoint of Azure Resource Manager and nowhere else."""

import pytest

from local.azure.faults import InjectedFault, PointElsewhere, RepeatPage, refusal
from shared.arm.endpoint import OurEndpointOnly
from shared.arm.service_tags import ServiceTagDiscovery
from shared.domain.armid import EnvironmentId, SubnetId
from shared.domain.errors import RouteSyncError, TransientError, UnusableServiceTag
from shared.domain.routing.routes import internet_route
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    ase_id_of,
    rid,
    subnet_id_of,
)

P = "20.0.0.0/24"


def write(app):
    read = app.route_tables.read(rid("one"))
    body = app.route_tables.body(read, (*read.routes, internet_route("asemgmt", P)))
    return app.route_tables.write(rid("one"), body, read.etag)


def set_route_table(app):
    subnet = app.azure.subnets.read(SubnetId.parse(subnet_id_of("one")))
    app.azure.subnets.set_route_table(subnet, rid("one"))


CALLS = {
    "read": ("GET", "/routeTables/one$", lambda app: app.route_tables.read(rid("one"))),
    "write": ("PUT", "/routeTables/one$", write),
    "list of tables": ("GET", "/routeTables$", lambda app: [*app.route_tables.list(SUBSCRIPTION)]),
    "service tags": (
        "GET",
        "/serviceTags$",
        lambda app: ServiceTagDiscovery(app.clients, SUBSCRIPTION).read("westeurope"),
    ),
    "environments": (
        "GET",
        "/hostingEnvironments$",
        lambda app: [*app.azure.environments.list(SUBSCRIPTION)],
    ),
    "environment": (
        "GET",
        "/hostingEnvironments/one$",
        lambda app: app.azure.environments.read(EnvironmentId.parse(ase_id_of("one"))),
    ),
    "inbound addresses": (
        "GET",
        "/inboundNetworkDependenciesEndpoints$",
        lambda app: app.azure.inbound_dependencies.read(EnvironmentId.parse(ase_id_of("one"))),
    ),
    "subscriptions": (
        "GET",
        "/subscriptions$",
        lambda app: app.azure.environments.subscriptions(),
    ),
    "subnet": ("PUT", "/subnets/snet-ase$", set_route_table),
}
LISTS = ["list of tables", "service tags", "environments", "inbound addresses", "subscriptions"]


@pytest.fixture
def world(azure):
    """Two of each, one on a page, so that every list has a link to its next page."""
    for name in ("one", "two"):
        add_environment(azure.state, name, table=add_table(azure.state, name))
    azure.state.page_size = 1
    return azure


@pytest.mark.parametrize("name", ["write", "subnet", *LISTS])
def test_a_link_to_another_host_gets_no_request(world, app, receiver, name):
    method, path, call = CALLS[name]
    world.state.timing.operation_seconds = (60, 60)  # or what stands would count
    elsewhere = PointElsewhere(origin=receiver.url.split("/hook")[0])
    world.state.faults.append(InjectedFault(method=method, path=path, effect=elsewhere))
    with pytest.raises(RouteSyncError) as raised:
        call(app)
    assert world.state.faults[0].times == 0, "the fault was not met"
    assert receiver.seen == 0
    assert "leads to another host" in raised.value.message
    assert "sig=" not in raised.value.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", CALLS)
def test_a_redirect_is_an_error(world, app, receiver, name, status):
    method, path, call = CALLS[name]
    refused = refusal(method, path, status, {"value": []}, headers={"Location": receiver.url})
    world.state.faults.append(refused)
    with pytest.raises((TransientError, UnusableServiceTag)):
        call(app)
    assert receiver.seen == 0


def test_a_redirect_to_the_same_host_is_an_error(world, app):
    link = f"{world.url}{rid('two')}?api-version=2025-05-01"
    world.state.faults.append(refusal("GET", "one$", 307, None, headers={"Location": link}))
    with pytest.raises(TransientError, match="307"):
        app.route_tables.read(rid("one"))
    assert len(world.state.log) == 1


@pytest.mark.parametrize("name", LISTS)
def test_a_page_that_names_itself_again_ends_with_an_error(world, app, name):
    method, path, call = CALLS[name]
    again = InjectedFault(method=method, path=path, effect=RepeatPage(), times=1000)
    world.state.faults.append(again)
    with pytest.raises(RouteSyncError, match="read before"):
        call(app)
    assert len(world.state.log) <= 2


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://arm.example/x", True),
        ("https://ARM.example:443/x", True),
        ("https://arm.example:444/x", False),
        ("http://arm.example/x", False),
        ("https://arm.example.org/x", False),
        ("https://arm.example@evil.org/x", False),
        ("https://user:secret@arm.example/x", False),
        ("https://arm.example\\@evil.org/x", False),
        ("https://[", False),
        ("https://arm.example:x/", False),
        ("//arm.example/x", False),
        ("", False),
    ],
)
def test_what_counts_is_scheme_host_and_port(url, ours):
    assert OurEndpointOnly("https://arm.example").allows(url) is ours
