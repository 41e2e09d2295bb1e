"""Event Grid tells the app of each write to a route table, with no key and no public endpoint."""

import json
import re

import pytest

from .deployed import DEPLOYED
from .test_roles import BUILT_IN, assigned

TOPIC = "Microsoft.EventGrid/systemTopics"
EVENT_SUBSCRIPTION = f"{TOPIC}/eventSubscriptions"
WITH_EVENTS = {name: one for name, one in DEPLOYED.items() if name != "private-without-events"}
NAME = "ase-route-sync-prod-10000000"
"""So each event subscription is called: by the environment, and by the app's subscription."""
HERE, A, B = (f"10000000-0000-0000-0000-00000000000{n}" for n in (1, 3, 4))
LANDING_ZONE = f"/subscriptions/{B}/resourceGroups/rg-events/providers/{TOPIC}/landing-zone"

with_events = pytest.mark.parametrize("deployed", WITH_EVENTS.values(), ids=WITH_EVENTS)


def ours(subscription):
    return f"/subscriptions/{subscription}/resourceGroups/rg-prod-drift/providers/{TOPIC}/egst-prod"


def ids(deployed, kind):
    return {one["id"] for one in deployed.all(kind)}


@with_events
def test_each_watched_subscription_has_one_topic_of_its_own_with_an_identity(deployed):
    for topic in deployed.all(TOPIC):
        [subscription] = re.findall(r"^/subscriptions/([\w-]+)/", topic["id"])
        assert topic["id"] == ours(subscription)
        assert topic["properties"] == {
            "source": f"/subscriptions/{subscription}",
            "topicType": "Microsoft.Resources.Subscriptions",
        }
        assert topic["location"] == "global"
        assert topic["identity"] == {"type": "SystemAssigned"}
        group = topic["id"].partition("/providers/")[0]
        assert group in ids(deployed, "Microsoft.Resources/resourceGroups")


def test_topics_are_in_the_watched_subscriptions_and_not_where_the_tags_are_read():
    assert ids(DEPLOYED["default"], TOPIC) == {ours(HERE)}
    assert ids(DEPLOYED["subscriptions"], TOPIC) == {ours(A), ours(B)}


@with_events
def test_the_events_are_those_that_the_app_judges(deployed):
    """Source: "Event filtering for Event Grid subscriptions": at most 25 values of 512 letters."""
    types = ("routeTables", "routeTables/routes", "virtualNetworks/subnets")
    for one in deployed.all(EVENT_SUBSCRIPTION):
        properties = one["properties"]
        assert properties["eventDeliverySchema"] == "EventGridSchema"
        events = {f"Microsoft.Resources.Resource{done}Success" for done in ("Write", "Delete")}
        assert {*properties["filter"]["includedEventTypes"]} == events
        [operations] = properties["filter"]["advancedFilters"]
        assert (operations["key"], operations["operatorType"]) == ("data.operationName", "StringIn")
        assert {*operations["values"]} == {
            f"Microsoft.Network/{kind}/{verb}" for kind in types for verb in ("write", "delete")
        }


@with_events
def test_they_go_to_the_queue_and_those_that_do_not_arrive_to_a_container(deployed):
    queue = deployed.one(
        "Microsoft.Storage/storageAccounts/queueServices/queues", "/resource-events"
    )
    container = deployed.one(
        "Microsoft.Storage/storageAccounts/blobServices/containers", "/resource-events-dead-letters"
    )
    for one in deployed.all(EVENT_SUBSCRIPTION):
        delivery = one["properties"]["deliveryWithResourceIdentity"]
        dead_letters = one["properties"]["deadLetterWithResourceIdentity"]
        assert delivery["identity"] == dead_letters["identity"] == {"type": "SystemAssigned"}

        target = delivery["destination"]["properties"]
        assert delivery["destination"]["endpointType"] == "StorageQueue"
        assert target["resourceId"] == deployed.storage["id"]
        assert queue["id"].endswith(f"/{target['queueName']}")

        place = dead_letters["deadLetterDestination"]["properties"]
        assert dead_letters["deadLetterDestination"]["endpointType"] == "StorageBlob"
        assert place["resourceId"] == deployed.storage["id"]
        assert container["id"].endswith(f"/{place['blobContainerName']}")


@with_events
def test_an_event_is_tried_and_kept_for_a_day_until_the_daily_check_has_looked(deployed):
    """Source: "Event Grid message delivery and retry": at most a day and 30 attempts."""
    for one in deployed.all(EVENT_SUBSCRIPTION):
        properties = one["properties"]
        retries = {"eventTimeToLiveInMinutes": 24 * 60, "maxDeliveryAttempts": 30}
        assert properties["retryPolicy"] == retries
        queue = properties["deliveryWithResourceIdentity"]["destination"]["properties"]
        assert queue["queueMessageTimeToLiveInSeconds"] == 24 * 60 * 60


@pytest.mark.parametrize("name", ["default", "subscriptions", "existing-topics", "private"])
def test_the_identity_of_a_topic_may_write_to_the_queue_and_the_container_alone(name):
    deployed = DEPLOYED[name]
    topics = {
        one["id"].partition("/eventSubscriptions/")[0] for one in deployed.all(EVENT_SUBSCRIPTION)
    }
    [sender], [contributor] = BUILT_IN["queue"], BUILT_IN["deadLetters"]
    assert (sender, contributor) == (
        "Storage Queue Data Message Sender",
        "Storage Blob Data Contributor",
    )
    account = deployed.storage["id"]
    pair = [
        (contributor, f"{account}/blobServices/default/containers/resource-events-dead-letters"),
        (sender, f"{account}/queueServices/default/queues/resource-events"),
    ]
    roles, who = assigned(deployed, "systemTopics")
    assert roles == sorted(pair * len(topics))
    assert {topic for topic in topics if any(topic in one for one in who)} == topics
    assert len(who) == len(topics)


def test_an_event_subscription_is_made_after_the_roles_and_the_app(template):
    """Event Grid tries the roles at once: Azure/bicep-registry-modules#5205. A role counts
    only after some minutes, and the app takes them.
    """
    waits = template["resources"]["eventSubscriptions"]["dependsOn"]
    assert {"systemTopics", "topicRoles", "app"} <= {*waits}


def test_a_topic_that_is_there_gets_an_event_subscription_and_nothing_else():
    deployed = DEPLOYED["existing-topics"]
    assert ids(deployed, TOPIC) == {ours(A)}
    assert ids(deployed, EVENT_SUBSCRIPTION) == {
        f"{topic}/eventSubscriptions/{NAME}" for topic in (ours(A), LANDING_ZONE)
    }
    in_b = [one["id"] for one in deployed.resources if one["id"].startswith(f"/subscriptions/{B}/")]
    assert in_b == [f"{LANDING_ZONE}/eventSubscriptions/{NAME}"]


def test_a_topic_without_an_identity_is_refused_with_the_command_that_adds_it():
    _, who = assigned(DEPLOYED["existing-topics"], "systemTopics")
    [existing] = [one for one in who if LANDING_ZONE in one]
    assert "fail(format('The system topic {0} has no system-assigned identity." in existing
    assert "az eventgrid system-topic update" in existing
    assert "fail(" not in next(one for one in who if LANDING_ZONE not in one)


def test_the_app_takes_its_own_topic_for_its_own(expand):
    """The hook passes on what it finds, so a second deployment gets ours as well."""
    again = expand(systemTopicIds=ours(HERE).upper())
    assert again == expand()
    assert ids(again, TOPIC) == {ours(HERE)}


def test_two_apps_have_two_event_subscriptions_on_one_topic(expand):
    topic = f"/subscriptions/{HERE}/resourceGroups/rg/providers/{TOPIC}/one"
    found = [
        ids(expand(environmentName=name, systemTopicIds=topic), EVENT_SUBSCRIPTION)
        for name in ("prod", "test")
    ]
    assert found[0].isdisjoint(found[1])


def test_somebody_else_can_assign_the_roles_and_events_come_after_that(expand):
    no_roles = DEPLOYED["no-roles"]
    assert ids(no_roles, TOPIC) == {ours(HERE)}
    assert ids(no_roles, EVENT_SUBSCRIPTION) == set()
    for output, [role], scope in (
        ("QUEUE_ROLES_TO_ASSIGN", BUILT_IN["queue"], "/queues/resource-events"),
        ("DEAD_LETTER_ROLES_TO_ASSIGN", BUILT_IN["deadLetters"], "/resource-events-dead-letters"),
    ):
        told = no_roles.outputs[output]
        assert f"'{role}'" in told
        assert re.search(rf"'scope', '{no_roles.storage['id']}/[^']*{scope}'", told)
        assert f"'principalId', reference('{ours(HERE)}'" in told
        assert DEPLOYED["default"].outputs[output] == []

    afterwards = expand(assignRoles=False, topicRolesAssigned=True)
    assert ids(afterwards, EVENT_SUBSCRIPTION) == {f"{ours(HERE)}/eventSubscriptions/{NAME}"}
    assert afterwards.all("Microsoft.Authorization/roleAssignments") == []


def test_if_azure_refuses_the_event_subscription_all_else_can_be_deployed(expand):
    without = expand(topicRolesAssigned=False)
    assert ids(without, TOPIC) == {ours(HERE)}
    assert assigned(without, "systemTopics") == assigned(DEPLOYED["default"], "systemTopics")
    assert ids(without, EVENT_SUBSCRIPTION) == set()
    others = [one for one in DEPLOYED["default"].resources if one["type"] != EVENT_SUBSCRIPTION]
    assert sorted(without.resources, key=str) == sorted(others, key=str)


def test_without_events_there_is_no_topic_and_no_right(expand):
    for deployed in (DEPLOYED["private-without-events"], expand(resourceEvents=False)):
        assert "Microsoft.EventGrid" not in json.dumps(deployed.resources)
        assert assigned(deployed, "systemTopics") == ([], set())
