"""Alerts of every shape are read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alert_shapes import Validation, read_alerts, read_events
from shared.domain.runs.alert import MAX_TARGETS, Alert, Ignored
from tests.builders.alerts import (
    activity_log,
    administrative,
    cloud_event,
    common,
    event,
    metric,
    one,
    one_alert,
)
from tests.builders.azure import SUBSCRIPTION, table_id

TABLE = table_id("one")


@pytest.mark.parametrize(
    "body",
    [
        common(),
        common(condition="fired"),
        common(service="Log Alerts V2"),
        common(service="Resource Health"),
        common(service="ResourceHealth"),
        common(service="ServiceHealth", context={"status": "Resolved", "channels": 1}),
        administrative(),
        activity_log(resourceId=TABLE, eventSource="Administrative", status="Succeeded"),
        activity_log(resourceId=TABLE, eventSource="ResourceHealth", status="Active"),
        metric(),
        [event()],
        event(),
        [event(kind="Microsoft.Resources.ResourceDeleteSuccess")],
        cloud_event(),
        [cloud_event(kind="Microsoft.Resources.ResourceDeleteSuccess")],
        cloud_event(resourceUri=None),
        {key: part for key, part in cloud_event().items() if key != "subject"},
    ],
)
def test_what_fires_is_about_its_targets(body):
    alert = one(body)
    assert isinstance(alert, Alert)
    assert alert.targets == (TABLE.lower(),)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (common(condition="Resolved"), "'Resolved'"),
        (common(condition=None), "not Fired"),
        (common(service="CostAlerts"), "CostAlerts"),
        (common(service="SmartDetector"), "SmartDetector"),
        ({"schemaId": "AIP Budget Notification", "data": {}}, "budget"),
        ({"schemaId": "SmartDetection", "data": {}}, "smartdetection"),
        (administrative("Started"), "'Started'"),
        (administrative("Accepted"), "'Accepted'"),
        (administrative("Failed"), "'Failed'"),
        (administrative(None), "not Succeeded"),
        (activity_log("Deactivated", resourceId=TABLE), "'Deactivated'"),
        (activity_log(eventSource="Administrative", status="Started"), "'Started'"),
        (metric("Deactivated"), "'Deactivated'"),
        ([event(kind="Microsoft.Resources.ResourceWriteFailure")], "ResourceWriteFailure"),
        ([event(kind="Microsoft.Resources.ResourceWriteCancel")], "ResourceWriteCancel"),
        ([event(kind="Microsoft.Resources.ResourceActionSuccess")], "ResourceActionSuccess"),
        ([event(kind="Microsoft.EventGrid.SubscriptionValidationEvent")], "without its code"),
        (cloud_event(kind="Microsoft.Resources.ResourceWriteFailure"), "ResourceWriteFailure"),
        ({"specversion": "1.0"}, "changes no resource"),
        ([], "empty"),
        ([7], "not an event"),
        (None, "not an object"),
        ("text", "not an object"),
        (7, "not an object"),
        ({}, "unknown schema"),
        ({"schemaId": "other"}, "'other'"),
        ({"schemaId": {"a": 1}}, "unknown schema"),
    ],
)
def test_what_starts_nothing_says_why(body, reason):
    ignored = one(body)
    assert isinstance(ignored, Ignored)
    assert reason in ignored.reason


def test_event_grid_is_told_its_code():
    data = {"validationCode": "512d38b6"}
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert one([event(kind=kind, **data)]) == Validation("512d38b6")


@pytest.mark.parametrize(
    "body",
    [
        common(targets=None),
        common(targets=[]),
        common(targets=["test-VM", 7, None]),
        {"AlertRuleName": "rule", "SearchQuery": "Heartbeat", "SubscriptionId": SUBSCRIPTION},
        {"schemaId": "Microsoft.Insights/LogAlert", "data": {"AlertRuleName": "rule"}},
    ],
)
def test_a_known_alert_without_an_arm_target_is_about_all(body):
    alert = one(body)
    assert isinstance(alert, Alert)
    assert alert.targets == ()


WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg"
    "/providers/microsoft.operationalinsights/workspaces/w"
)


def criteria(*values):
    return {
        "condition": {
            "allOf": [{"dimensions": [{"name": "_ResourceId", "value": v}]} for v in values]
        }
    }


@pytest.mark.parametrize(
    ("context", "items", "named"),
    [
        (criteria(TABLE), [], [TABLE]),
        (criteria(TABLE, table_id("two")), [], [TABLE, table_id("two")]),
        (criteria(TABLE.upper(), f" {TABLE.lower()}/ "), [], [TABLE]),
        (criteria("3efad9dc-3d50-4eac-9c87-8b3fd6f97e4e", "", "/", SUBSCRIPTION), [], []),
        (criteria("test-computer"), ["test-computer"], []),
        (None, [TABLE], [TABLE]),
        (criteria(TABLE), [TABLE], [TABLE]),
        ({"condition": {"allOf": [7, {"dimensions": 7}, {"dimensions": [7, {}]}]}}, [], []),
    ],
)
def test_resources_that_a_log_alert_names_beside_its_workspace_are_targets(context, items, named):
    alert = one_alert(
        common([WORKSPACE], service="Log Alerts V2", context=context, configurationItems=items)
    )
    assert alert.targets == (WORKSPACE, *(name.lower() for name in named))


COMPONENT = WORKSPACE.replace("operationalinsights/workspaces", "Insights/components")


@pytest.mark.parametrize("log", [WORKSPACE, WORKSPACE.upper(), COMPONENT])
def test_a_log_alert_that_names_only_its_log_says_how_to_split_the_rule(log):
    def advice(targets, signal="Log", values=()):
        context = criteria(*values)
        return one_alert(common(targets, context=context, signalType=signal)).advice

    assert "split the alert rule" in advice([log])
    assert "_ResourceId" in advice([log, WORKSPACE], values=["test-computer"])
    assert advice([log], values=[TABLE]) is None
    assert advice([TABLE]) is None
    assert advice([log, TABLE]) is None
    assert advice([]) is None
    for signal in ("Metric", "Activity Log", None):
        assert advice([log], signal=signal) is None


def test_an_alert_of_the_service_is_about_its_subscription():
    alert = one_alert(activity_log(eventSource="ServiceHealth", subscriptionId=SUBSCRIPTION))
    assert alert.targets == (f"/subscriptions/{SUBSCRIPTION}",)


@pytest.mark.parametrize("claims", ['{"appid": "APP"}', {"appid": "APP"}])
def test_who_did_it_is_told_by_caller_and_claims(claims):
    assert one_alert(administrative(caller="who@example", claims=claims)).callers == {
        "who@example",
        "APP",
    }
    assert one_alert([event(claims=claims)]).callers == {"APP"}
    assert one_alert(cloud_event(claims=claims)).callers == {"APP"}


def test_an_event_names_the_principal_as_well_as_its_application():
    """The claims of an event are those of its caller's token."""
    claims = {"appid": "APP", "http://schemas.microsoft.com/identity/claims/objectidentifier": "ID"}
    assert one_alert(event(claims=claims)).callers == {"APP", "ID"}


@pytest.mark.parametrize("claims", ["{", "[" * 100_000, "7", 7, None, {"appid": 7}, '"x"'])
def test_claims_that_can_not_be_read_name_nobody(claims):
    assert one_alert(administrative(claims=claims, caller=None)).callers == set()


def test_an_instance_is_told_by_its_own_id():
    service = "/subscriptions/s/providers/Microsoft.AlertsManagement"
    assert one_alert(common()).instance == f"{service}/alerts/1"
    assert one_alert([event(number="42")]).instance == "42"
    assert one_alert(cloud_event(number="42")).instance == f"/subscriptions/{SUBSCRIPTION} 42"
    assert one_alert(metric()).instance is None


def test_events_of_two_sources_may_have_the_same_id():
    """Source: cloudevents/spec, "source" and "id": only both together tell an event."""
    theirs = one_alert(cloud_event(number="42"))
    other = one_alert(cloud_event(number="42") | {"source": "/subscriptions/other"})
    assert theirs.instance != other.instance

    same = one_alert(event(number="42") | {"topic": f"/subscriptions/{SUBSCRIPTION}"})
    assert same.instance == theirs.instance


def test_the_queue_of_events_takes_a_cloud_event_as_well():
    [alert] = read_events(cloud_event(number="42"))
    assert isinstance(alert, Alert)
    assert alert.targets == (TABLE.lower(),)
    assert alert.instance == f"/subscriptions/{SUBSCRIPTION} 42"


def test_so_many_targets_are_as_good_as_all():
    def some(count):
        return [f"/subscriptions/s/resourceGroups/g{n}" for n in range(count)]

    assert len(one_alert(common(targets=some(MAX_TARGETS))).targets) == MAX_TARGETS
    assert one_alert(common(targets=some(MAX_TARGETS + 1))).targets == ()


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(TABLE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
_bodies = st.sampled_from(
    [
        *(common(), administrative(claims="{}"), activity_log(resourceId=TABLE), metric()),
        *([event()], cloud_event()),
    ]
)


@given(_bodies, st.integers(0, 200), _values)
def test_whatever_a_body_holds_it_is_read(body, place, value):
    """One value of a known shape is another."""
    text = json.dumps(body)
    changed = json.loads(text)
    _replace_nth(changed, place, value)
    for notice in read_alerts(changed):
        assert isinstance(notice, Alert | Ignored | Validation)
    for notice in read_events(changed):
        assert isinstance(notice, Ignored) or notice.targets


@given(_values)
def test_whatever_comes_is_read(value):
    assert read_alerts(value)
    assert all(isinstance(read, Ignored) for read in read_events(value))


def _replace_nth(body, place, value):
    places = list(_places(body))
    container, key = places[place % len(places)]
    container[key] = value


def _places(body):
    items = body.items() if isinstance(body, dict) else enumerate(body)
    for key, inner in items:
        yield body, key
        if isinstance(inner, dict | list):
            yield from _places(inner)
