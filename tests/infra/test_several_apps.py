"""docs/several-apps.md: the two environments that it makes, and two apps for one route table."""

import pytest

from tests.builders.azure import add_table, answer
from tests.builders.routes import owned_prefixes
from tests.builders.runs import adopt, register, sync
from tests.docs.reader import ROOT, Reader, blocks

from .test_change_of_settings import PARAMETERS

PAGE = (ROOT / "docs" / "several-apps.md").read_text()
SUBSCRIPTIONS = {
    "DEV_SUBSCRIPTION": "10000000-0000-0000-0000-000000000007",
    "PROD_SUBSCRIPTION": "10000000-0000-0000-0000-000000000008",
}
A, B = "20.0.0.0/24", "20.0.1.0/24"


@pytest.fixture
def environments(tmp_path):
    """The variables of each environment that the page makes."""
    reader = Reader(tmp_path)
    azd = reader.has("azd")
    done = reader.bash(blocks(PAGE, "sh")[0][1])
    assert (done.returncode, done.stderr) == (0, "")

    new = [call.arguments[2] for call in azd.calls if call.begins_with("env new")]
    made: dict[str, dict[str, str]] = {name: {} for name in new}
    for call in azd.calls:
        if call.begins_with("env set"):
            _, _, variable, value, option, name = call.arguments
            assert option == "-e"
            made[name][variable] = SUBSCRIPTIONS.get(value, value)
    assert [c.arguments[-1] for c in azd.calls if c.arguments[0] == "up"] == [*made]
    return made


def test_the_two_environments_share_nothing(environments, expand):
    deployed = [
        expand(environmentName=name, **{PARAMETERS[k]: v for k, v in values.items()})
        for name, values in environments.items()
    ]
    first, second = ({resource["id"] for resource in one.resources} for one in deployed)
    assert first & second == set()

    kind = "Microsoft.Authorization/roleDefinitions"
    names = [{role["properties"]["roleName"] for role in one.all(kind)} for one in deployed]
    assert len(names[0]) == len(names[1]) == 3
    assert names[0] & names[1] == set()
    assert [one.settings["ROUTE_OWNER"] for one in deployed] == ["asedev", "asemgmt"]


def test_names_that_differ_only_in_such_letters_make_the_same_names(expand):
    one, other = (
        {r["id"] for r in expand(environmentName=name).resources if "identity" in r["type"].lower()}
        for name in ("prod.eu", "prod-eu")
    )
    assert one == other


@pytest.fixture
def table(azure):
    answer(azure, A, B)
    return add_table(azure.state, "one")


def test_an_app_with_another_owner_leaves_the_routes_of_the_first_one_alone(
    table, make_app, azurite
):
    prod = make_app()
    register(prod, "one")
    sync(prod)
    before = [*table.routes]

    dev = make_app(ROUTE_OWNER="asedev", AzureWebJobsStorage=azurite())
    register(dev, "one")
    [outcome] = sync(dev)["outcomes"]
    assert (outcome["status"], {*outcome["covered"]}) == ("unchanged", {A, B})
    assert table.routes == before


def test_after_a_change_of_the_owner_the_routes_have_to_be_adopted(table, make_app):
    first = make_app()
    register(first, "one")
    sync(first)
    second = make_app(ROUTE_OWNER="other")
    [outcome] = sync(second)["outcomes"]
    assert {*outcome["covered"]} == {A, B} == owned_prefixes(table)
    adopt(second, from_owner="asemgmt")
    assert owned_prefixes(table) == set()
    assert {route["name"].partition("--")[0] for route in table.routes} == {"other"}
