"""What main.bicep works out from its parameters, and what it refuses before anything is made."""

import json

import pytest

from local.snapshots import taken

from .conftest import MAIN

A, B = "abcdef00-0000-0000-0000-00000000000a", "abcdef00-0000-0000-0000-00000000000b"
HERE = "10000000-0000-0000-0000-000000000001"
PUBLIC, GOVERNMENT, CHINA = "AzureCloud", "AzureUSGovernment", "AzureChinaCloud"


@pytest.fixture
def call(bicep, tmp_path):
    """Give what these calls of infra/functions.bicep come to. A small template compiles at once."""
    functions = (MAIN.parent / "functions.bicep").relative_to(tmp_path, walk_up=True)

    def run(*calls):
        outputs = [
            f"output o{number:02} string = string({one})" for number, one in enumerate(calls)
        ]
        lines = ["targetScope = 'subscription'", f"import * as f from '{functions}'", *outputs]
        (tmp_path / "small.bicep").write_text("\n".join(lines))
        (tmp_path / "small.bicepparam").write_text("using 'small.bicep'\n")
        snapshot = json.loads(taken(bicep, tmp_path / "small.bicepparam"))
        return [*snapshot["outputs"].values()]

    return run


def topic(subscription, name="one"):
    group = f"/subscriptions/{subscription}/resourceGroups/rg-events"
    return f"{group}/providers/Microsoft.EventGrid/systemTopics/{name}"


def plan(given, cloud, location):
    return f"f.planOf('{given}', '{cloud}', '{location}')"


def test_lists_are_read_as_people_write_them(call):
    texts = ["", " , ", "a", "a,", " a ,, b"]
    found = call(*(f"f.listed('{text}')" for text in texts))
    assert [json.loads(one) for one in found] == [[], [], ["a"], ["a"], ["a", "b"]]


def test_the_gateway_is_the_one_that_the_setting_names(call):
    gateway = "https://api.contoso.com/routes"
    reference = "@Microsoft.KeyVault(SecretUri=https://kv.invalid/secrets/url)"
    given = {"": "", " ": "", reference: "", gateway: gateway, f" {gateway}/ ": gateway}
    found = call(*(f"f.gatewayOf('{text}')" for text in given))
    assert found == [*given.values()]


def test_the_id_of_a_subscription_is_in_lower_case(call):
    assert call(f"f.subscriptionIdOf('{A.upper()}')", f"f.subscriptionIdOf('{A}')") == [A, A]


@pytest.mark.parametrize("wrong", ["prod", f"{A}0", A.replace("a", "g"), A.replace("-", "")])
def test_what_is_no_id_of_a_subscription_is_refused(wrong, call):
    with pytest.raises(RuntimeError, match=f'"{wrong}" is not the id of a subscription'):
        call(f"f.subscriptionIdOf('{wrong}')")


def test_the_plan_is_one_that_the_cloud_and_the_region_have(call):
    flex = [
        ("", PUBLIC, "westeurope"),
        ("", PUBLIC, "West Europe"),
        ("flex", PUBLIC, "newregion"),  # the list may be old
    ]
    premium = [
        ("premium", PUBLIC, "westeurope"),
        ("premium", PUBLIC, "newregion"),
        ("", GOVERNMENT, "usgovvirginia"),
        ("", CHINA, "chinanorth3"),
    ]
    assert call(*(plan(*one) for one in flex)) == ["flex"] * len(flex)
    assert call(*(plan(*one) for one in premium)) == ["premium"] * len(premium)


@pytest.mark.parametrize(
    ("given", "cloud", "told"),
    [
        ("", PUBLIC, "newregion had no Flex Consumption on 2026-04-02"),
        ("flex", GOVERNMENT, "only the public cloud has Flex Consumption"),
        ("flex", CHINA, "only the public cloud has Flex Consumption"),
    ],
)
def test_a_plan_that_is_not_there_is_refused(given, cloud, told, call):
    with pytest.raises(RuntimeError, match=told):
        call(plan(given, cloud, "newregion"))


def test_storage_is_in_three_zones_if_the_region_has_them_and_nobody_says_otherwise(expand):
    skus = {
        ("westeurope", ""): "Standard_ZRS",
        ("West Europe", ""): "Standard_ZRS",
        ("northcentralus", ""): "Standard_LRS",
        ("westeurope", "Standard_LRS"): "Standard_LRS",
        ("northcentralus", "Standard_ZRS"): "Standard_ZRS",  # the list may be old
    }
    for (location, given), sku in skus.items():
        assert expand(location=location, storageSku=given).storage["sku"]["name"] == sku


@pytest.mark.parametrize(
    "wrong",
    [
        topic(A).replace("EventGrid", "Storage"),
        topic(A).replace("systemTopics", "topics"),
        topic(A, name=""),
        f"{topic(A)}/eventSubscriptions/one",
    ],
)
def test_what_is_no_id_of_a_system_topic_is_refused(wrong, call):
    with pytest.raises(RuntimeError, match=f'"{wrong.lower()}" is not the id of a system topic'):
        call(f"f.systemTopicsOf('{wrong}', ['{A}'], 'rg-prod-drift', 'egst-prod')")


def test_each_subscription_has_the_topic_that_is_there_or_ours(call):
    ids = f" {topic(A)},, {topic(A).upper()}, "
    [found] = call(f"f.systemTopicsOf('{ids}', ['{A}', '{B}'], 'rg-prod-drift', 'egst-prod')")
    ours = {"subscription": B, "group": "rg-prod-drift", "name": "egst-prod", "isOurs": True}
    theirs = {"subscription": A, "group": "rg-events", "name": "one", "isOurs": False}
    assert json.loads(found) == [theirs, ours]


@pytest.mark.parametrize("wrong", ["https://kv-net.vault.azure.net/secrets/notices", "notices"])
def test_what_is_no_id_of_a_secret_is_refused(wrong, call):
    with pytest.raises(RuntimeError, match=f'"{wrong}" is not the id of a secret'):
        call(f"f.secretPartsOf('{wrong}')")


def test_each_watched_subscription_counts_once(expand):
    tags, ids = f" {A.upper()} ", f" {B} ,, {A},{B.upper()},{HERE},"
    deployed = expand(serviceTagSubscriptionId=tags, watchedSubscriptionIds=ids)
    assert deployed.settings["SERVICE_TAG_SUBSCRIPTION_ID"] == A
    for role in deployed.all("Microsoft.Authorization/roleDefinitions"):
        scopes = [f"/subscriptions/{one}" for one in (A, B, HERE)]
        assert role["properties"]["assignableScopes"] == scopes


@pytest.mark.parametrize(
    ("told", "given"),
    [
        ("no Flex Consumption", {"location": "newregion"}),
        ("is not the id of a subscription", {"watchedSubscriptionIds": "prod"}),
        ("is not the id of a subscription", {"serviceTagSubscriptionId": "prod"}),
        ("is not the id of a secret", {"webhookSecretId": "notices"}),
        ("is not the id of a system topic", {"systemTopicIds": "landing-zone"}),
        ("which is not watched", {"systemTopicIds": topic(A)}),
        ("systemTopicIds has 2", {"systemTopicIds": f"{topic(HERE)},{topic(HERE, 'two')}"}),
        ("are needed", {"networkProfile": "private", "integrationSubnetId": "/subnets/one"}),
        ("are needed", {"networkProfile": "private", "privateEndpointSubnetId": "/subnets/two"}),
    ],
)
def test_the_template_refuses_it_before_anything_is_made(told, given, expand):
    """Azure works out a variable when it checks the template."""
    with pytest.raises(RuntimeError, match=f"The template variable '.+' is not valid: .*{told}"):
        expand(**given)
