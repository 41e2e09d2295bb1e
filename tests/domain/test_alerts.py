"""What an alert's body is about, and which tables that concerns."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.runs.alert import MAX_TARGETS, Alert, Place, merge_alerts, select_places
from shared.endpoints.alert_shapes import Ignored, Validation, read_alerts
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, ase_id_of, table_id

TABLE = table_id("one")
VM = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v"


def common(targets=(TABLE,), condition="Fired", service="Platform", context=None, **essentials):
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/1",
                "alertRule": "rule",
                "monitorCondition": condition,
                "monitoringService": service,
                "alertTargetIDs": targets if targets is None else list(targets),
                **essentials,
            },
            "alertContext": context,
        },
    }


def administrative(status="Succeeded", **context):
    return common(
        service="Activity Log - Administrative",
        context={"operationName": "Microsoft.Network/routeTables/write", "status": status}
        | context,
    )


def activity_log(state="Activated", **event):
    return {
        "schemaId": "Microsoft.Insights/activityLogs",
        "data": {"status": state, "context": {"activityLog": event}},
    }


def metric(status="Activated", resource=TABLE):
    context = {"name": "rule", "resourceId": resource}
    return {
        "schemaId": "AzureMonitorMetricAlert",
        "data": {"status": status, "context": context},
    }


def event(kind="Microsoft.Resources.ResourceWriteSuccess", uri=TABLE, number="1", **data):
    data = {"operationName": "Microsoft.Network/routeTables/write", "resourceUri": uri} | data
    return {"id": number, "eventType": kind, "subject": uri, "data": data}


def one(body):
    [notice] = read_alerts(body)
    return notice


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


def test_an_alert_of_the_service_is_about_its_subscription():
    alert = one(activity_log(eventSource="ServiceHealth", subscriptionId=SUBSCRIPTION))
    assert alert.targets == (f"/subscriptions/{SUBSCRIPTION}",)


@pytest.mark.parametrize("claims", ['{"appid": "APP"}', {"appid": "APP"}])
def test_who_did_it_is_told_by_caller_and_claims(claims):
    assert one(administrative(caller="who@example", claims=claims)).callers == {
        "who@example",
        "APP",
    }
    assert one([event(claims=claims)]).callers == {"APP"}


@pytest.mark.parametrize("claims", ["{", "[" * 100_000, "7", 7, None, {"appid": 7}, '"x"'])
def test_claims_that_can_not_be_read_name_nobody(claims):
    assert one(administrative(claims=claims, caller=None)).callers == set()


def test_an_instance_is_told_by_its_own_id():
    assert (
        one(common()).instance == "/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/1"
    )
    assert one([event(number="42")]).instance == "42"
    assert one(metric()).instance is None


def merged(batch):
    return merge_alerts([n for n in read_alerts(batch) if isinstance(n, Alert)])


def test_a_batch_is_one_alert_of_all_its_events():
    whole = merged([event(number="1"), event(number="2", uri=VM)])
    assert whole.targets == (TABLE.lower(), VM.lower())
    swapped = merged([event(number="2", uri=VM), event(number="1")])
    assert whole.instance == swapped.instance
    assert merged([event(), event(uri="nothing")]).targets == ()


def test_so_many_targets_are_as_good_as_all():
    def some(count):
        return [f"/subscriptions/s/resourceGroups/g{n}" for n in range(count)]

    assert len(one(common(targets=some(MAX_TARGETS))).targets) == MAX_TARGETS
    assert one(common(targets=some(MAX_TARGETS + 1))).targets == ()


def place(**known):
    return Place(RouteTableId.parse(TABLE), **known)


SUBNET = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-net"
    "/providers/microsoft.network/virtualnetworks/v/subnets/ase"
)
KNOWN = place(
    ase_id=EnvironmentId.parse(ase_id_of("an-ase")), subnet_ids=frozenset({SUBNET.lower()})
)


@pytest.mark.parametrize(
    "target",
    [
        TABLE,
        TABLE.lower(),
        f"{TABLE}/routes/r",
        SUBNET,
        SUBNET.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"),
        SUBNET.rpartition("/subnets/")[0],
        ase_id_of("an-ase"),
        f"{ase_id_of('an-ase')}/multiRolePools/default",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-net",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-an-ase",
        f"/subscriptions/{SUBSCRIPTION}",
    ],
)
def test_a_target_concerns_the_table_that_it_is_or_holds(target):
    alert = one(common(targets=[target]))
    assert list(select_places(alert.targets, [KNOWN])) == [KNOWN]


@pytest.mark.parametrize(
    "target",
    [
        VM,
        table_id("another"),
        f"{TABLE}-2",
        f"{SUBNET}-2",
        f"{SUBNET.rpartition('/subnets/')[0]}-2",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg",
        f"/subscriptions/{OTHER_SUBSCRIPTION}",
        table_id("one", OTHER_SUBSCRIPTION),
        SUBNET.rpartition("/")[0] + "/other",
    ],
)
def test_what_is_beside_it_concerns_it_not(target):
    alert = one(common(targets=[target]))
    assert alert.targets
    assert list(select_places(alert.targets, [KNOWN])) == []


def test_a_table_whose_subnets_are_not_known_may_be_on_any_of_its_subscription():
    unknown = place()
    assert list(select_places([SUBNET], [unknown])) == [unknown]
    elsewhere = SUBNET.replace(SUBSCRIPTION, OTHER_SUBSCRIPTION)
    assert list(select_places([elsewhere], [unknown])) == []
    assert list(select_places([SUBNET], [place(subnet_ids=frozenset())])) == []


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(TABLE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
_bodies = st.sampled_from(
    [common(), administrative(claims="{}"), activity_log(resourceId=TABLE), metric(), [event()]]
)


@given(_bodies, st.integers(0, 200), _values)
def test_whatever_a_body_holds_it_is_read(body, place, value):
    """One value of a known shape is another."""
    text = json.dumps(body)
    changed = json.loads(text)
    _replace_nth(changed, place, value)
    for notice in read_alerts(changed):
        assert isinstance(notice, Alert | Ignored | Validation)


@given(_values)
def test_whatever_comes_is_read(value):
    assert read_alerts(value)


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
