"""The comma-separated parameters are read as people write them."""

import pytest

A, B = "abcdef00-0000-0000-0000-00000000000a", "abcdef00-0000-0000-0000-00000000000b"
HERE = "10000000-0000-0000-0000-000000000001"


def scopes(deployed):
    """The subscriptions in which the roles may be assigned, and where the app gets them."""
    roles = deployed.all("Microsoft.Authorization/roleDefinitions")
    [assignable] = {tuple(role["properties"]["assignableScopes"]) for role in roles}
    assignments = deployed.all("Microsoft.Authorization/roleAssignments")
    assigned = [
        one["id"].split("'")[1]
        for one in assignments
        if one["id"].startswith("[subscriptionResourceId(")
    ]
    assert assignable == tuple(f"/subscriptions/{one}" for one in assigned)
    return assigned


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", [HERE]),
        (" , ", [HERE]),
        (f"{A},", [HERE, A]),
        (f" {B} ,, {A}", [HERE, B, A]),
        (f"{A.upper()},{A},{HERE}", [HERE, A]),
    ],
)
def test_each_watched_subscription_counts_once(given, expected, expand):
    assert scopes(expand(watchedSubscriptionIds=given)) == expected


WATCHED, TAGS = "watchedSubscriptionIds", "serviceTagSubscriptionId"


@pytest.mark.parametrize(
    ("parameter", "wrong"),
    [
        (WATCHED, "prod"),
        (WATCHED, f"{A}0"),
        (WATCHED, A.replace("a", "g")),
        (WATCHED, A.replace("-", "")),
        (TAGS, "prod"),
    ],
)
def test_what_is_no_id_is_refused_before_anything_is_made(parameter, wrong, expand):
    with pytest.raises(RuntimeError, match=f'"{wrong}" is not the id of a subscription'):
        expand(**{parameter: wrong})


def test_the_service_tags_are_read_in_the_subscription_however_its_id_is_written(expand):
    found = expand(serviceTagSubscriptionId=f" {A.upper()} ")
    assert found.settings["SERVICE_TAG_SUBSCRIPTION_ID"] == A
    assert scopes(found) == [A, HERE]


def test_addresses_and_action_groups_may_end_with_a_comma(expand):
    found = expand(alertEmails="net@example.com, ,", alertActionGroupIds="/actionGroups/on-call,")
    group = found.one("Microsoft.Insights/actionGroups")["properties"]
    assert [one["emailAddress"] for one in group["emailReceivers"]] == ["net@example.com"]
    for rule in found.all("Microsoft.Insights/scheduledQueryRules"):
        assert rule["properties"]["actions"]["actionGroups"][1:] == ["/actionGroups/on-call"]
