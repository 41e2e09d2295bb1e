"""Alerts over HTTP, on the local host: each kind of body that Azure was recorded to send."""

import json
import socket
import uuid

import pytest

from local.azure.identity import TENANT
from local.plain_http import http
from tests.builders.alerts import cloud_event
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    ase_id_of,
    subnet_id_of,
    table_id,
    tag_document,
)
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.routes import owned_prefixes, to_firewall
from tests.builders.settings import run_queues, without_storage

A = "20.0.0.0/24"
FIRED = [
    "alert_common_metric_fired",
    "alert_common_log_v2",
    "alert_common_activitylog_administrative",
    "alert_common_servicehealth",
    "alert_common_resourcehealth",
    "alert_legacy_activitylog_administrative",
    "alert_legacy_activitylog_resourcehealth",
    "alert_legacy_activitylog_servicehealth",
    "alert_legacy_metric",
    "eventgrid_ResourceWriteSuccess_doc_sample",
    "eventgrid_routeTable_ResourceWriteSuccess_DERIVED",
]
IGNORED = ["alert_common_metric_resolved", "alert_budget_not_common_schema"]
LEGACY_LOG = {
    "SubscriptionId": SUBSCRIPTION,
    "AlertRuleName": "test-logAlertRule-v1",
    "SearchQuery": "Heartbeat",
    "AlertThresholdValue": 0,
    "ResultCount": 2,
    "Severity": "3",
}
SMART = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {"essentials": {"monitorCondition": "Fired", "monitoringService": "SmartDetector"}},
}


def two_tables(azure, host, suffix=""):
    """Two tables of two subscriptions' groups, registered; the tag holds A."""
    azure.state.tags.answers["westeurope"] = tag_document([A])
    one = f"one{suffix}"
    tables = {
        name: add_table(azure.state, f"{name}{suffix}", [to_firewall()]) for name in ("one", "two")
    }
    add_environment(azure.state, one, table=tables["one"])
    for name, table in tables.items():
        body = {"aseId": ase_id_of(one)} if name == "one" else {}
        path = f"/api/route-tables{table.resource_id}"
        assert host.request("PUT", path, json=body).status_code == 201
    return tables


@pytest.fixture
def two(azure, host):
    return two_tables(azure, host)


@pytest.fixture(scope="module")
def idle(common_azure, make_common_host):
    """A host with two tables. No test starts a run there."""
    host = make_common_host(**run_queues("true"))
    two_tables(common_azure, host)
    return host


@pytest.fixture(scope="module")
def busy(make_common_host, azurite):
    """A host on which each test has two tables of its own.

    It has a storage of its own as well, or `idle` would list its runs.
    """
    return make_common_host(AzureWebJobsStorage=azurite())


@pytest.fixture
def own_two(common_azure, busy):
    return two_tables(common_azure, busy, f"-{uuid.uuid4()}")


def post(host, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return host.request("POST", "/api/alerts", content=content)


def recorded(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())["request"]["body"]


def about(name, target):
    """A recorded body about this target.

    If it has an id, it gets a new one: an alert that comes again has the run of the first one.
    """
    body = recorded(name)
    table = target.rpartition("/")[2]

    # Event Grid sends a list of events.
    if isinstance(body, list):
        body[0]["id"] = table
        body[0]["subject"] = body[0]["data"]["resourceUri"] = target
        return body

    # The common schema has an id, and the older ones have none.
    data = body["data"]
    if "essentials" in data:
        data["essentials"]["alertTargetIDs"] = [target]
        data["essentials"]["alertId"] += f"-{table}"
    elif body["schemaId"] == "AzureMonitorMetricAlert":
        data["context"]["resourceId"] = target
    else:
        data["context"]["activityLog"]["resourceId"] = target
    return body


def started(host, answer):
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert body["statusQueryGetUri"] == answer.headers["location"]
    return host.ended_run(body["runId"])


def runs(host):
    return host.request("GET", "/api/runs").json()["value"]


@needs_recordings
@pytest.mark.parametrize("name", FIRED)
def test_every_kind_that_fires_starts_a_run_of_its_target(busy, own_two, name):
    target = own_two["two"].resource_id
    whole = started(busy, post(busy, about(name, target)))
    assert (whole["trigger"], whole["status"], whole["mode"]) == ("alert", "Succeeded", "apply")
    assert [o["routeTableId"] for o in whole["outcomes"]] == [target]
    assert owned_prefixes(own_two["two"]) == {A}
    assert owned_prefixes(own_two["one"]) == set()


@needs_recordings
def test_a_log_alert_on_a_workspace_starts_a_run_of_what_its_dimension_names(host, two):
    body = recorded("alert_common_log_v2")
    [criterion] = body["data"]["alertContext"]["condition"]["allOf"]
    criterion["dimensions"] = [{"name": "_ResourceId", "value": table_id("two")}]
    whole = started(host, post(host, body))
    assert [o["routeTableId"] for o in whole["outcomes"]] == [table_id("two")]


@needs_recordings
@pytest.mark.parametrize("name", FIRED)
def test_as_recorded_they_concern_nothing_of_ours(idle, name):
    answer = post(idle, recorded(name))
    assert answer.status_code == 202
    reason = answer.json()["ignored"]
    assert reason.startswith("it concerns no registered route table")
    assert ("split the alert rule" in reason) is (name == "alert_common_log_v2")
    assert runs(idle) == []


@needs_recordings
@pytest.mark.parametrize("name", IGNORED)
def test_what_has_ended_and_what_is_of_money_is_ignored(idle, name):
    answer = post(idle, recorded(name))
    assert (answer.status_code, answer.json()["status"]) == (202, "ignored")
    assert runs(idle) == []


def test_the_other_kinds_without_a_recording(host, two):
    assert post(host, SMART).json()["status"] == "ignored"
    assert runs(host) == []
    whole = started(host, post(host, LEGACY_LOG))
    assert whole["counts"]["changed"] == 2


@needs_recordings
def test_event_grid_shakes_hands(idle):
    answer = post(idle, recorded("eventgrid_SubscriptionValidation_DERIVED"))
    assert answer.status_code == 200
    assert answer.json() == {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}


def shake_hands(host, query="", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{host.url}/api/alerts?code={host.key}{query}"
    return http().request("OPTIONS", url, headers=named)


@pytest.mark.parametrize("origin", ["eventgrid.azure.net", "eventgrid.azure.us"])
def test_a_sender_of_cloud_events_gets_consent_and_its_callback_is_not_called(idle, origin):
    with socket.create_server(("127.0.0.1", 0)) as callback:
        answer = shake_hands(
            idle,
            WebHook_Request_Origin=origin,
            WebHook_Request_Rate="120",
            WebHook_Request_Callback=f"http://127.0.0.1:{callback.getsockname()[1]}/validate?id=1",
        )
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["webhook-allowed-origin"] == origin
        assert answer.headers["webhook-allowed-rate"] == "*"
        assert answer.headers["allow"] == "POST, OPTIONS"
        assert runs(idle) == []

        callback.setblocking(False)
        with pytest.raises(BlockingIOError):
            callback.accept()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 200),
        ({"WebHook_Request_Origin": ""}, 200),
        ({"WebHook_Request_Origin": "évents.example".encode()}, 200),
        ({"WebHook_Request_Origin": "a.example", "query": "&mode=plan"}, 400),
        ({"WebHook_Request_Origin": "a.example", "x_functions_key": "wrong"}, 401),
    ],
)
def test_without_a_name_a_key_or_a_right_url_there_is_no_consent(idle, asked, status):
    answer = shake_hands(idle, **asked)
    assert answer.status_code == status
    assert not [name for name in answer.headers if name.startswith("webhook-allowed")]


CLOUD_EVENT = {"content-type": "application/cloudevents+json; charset=utf-8"}
CLOUD_EVENTS = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (cloud_event(uri=table_id("two"), number="table"), CLOUD_EVENT),
        (cloud_event(uri=f"{table_id('two')}/routes/r", number="route"), CLOUD_EVENT),
        ([cloud_event(uri=table_id("two"), number="batch")], CLOUD_EVENTS),
        ([cloud_event(uri=table_id(name), number=name) for name in ("two", "none")], CLOUD_EVENTS),
    ],
)
def test_a_cloud_event_starts_a_run_of_its_table(busy, own_two, body, headers):
    table = own_two["two"].resource_id
    content = json.dumps(body).replace(table_id("two"), table).encode()
    answer = busy.request("POST", "/api/alerts", content=content, headers=headers)
    whole = started(busy, answer)
    assert [o["routeTableId"] for o in whole["outcomes"]] == [table]
    again = busy.request("POST", "/api/alerts", content=content, headers=headers)
    assert again.json()["runId"] == whole["runId"]


def metric(*targets, number="1"):
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/{number}",
                "alertRule": "rule",
                "monitorCondition": "Fired",
                "monitoringService": "Platform",
                "alertTargetIDs": list(targets),
            }
        },
    }


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (table_id("two"), {"two"}),
        (subnet_id_of("one").lower(), {"one"}),
        (subnet_id_of("one").split("/subnets/")[0], {"one"}),
        (f"{table_id('two').split('/providers/')[0]}", {"two"}),
        (ase_id_of("one"), {"one"}),
        (f"/subscriptions/{SUBSCRIPTION}", {"one", "two"}),
        (subnet_id_of("another"), set()),
        (table_id("unregistered"), set()),
    ],
)
def test_the_tables_that_a_target_concerns(host, two, target, expected):
    """Before any run has read them."""
    answer = post(host, metric(target))
    if not expected:
        assert answer.json()["status"] == "ignored"
        assert runs(host) == []
        return
    whole = started(host, answer)
    assert {o["routeTableId"].rpartition("/")[2] for o in whole["outcomes"]} == expected


def test_an_alert_without_a_target_is_about_all(host, two):
    assert started(host, post(host, metric()))["counts"]["changed"] == 2


def test_a_disabled_table_concerns_nobody(host, two):
    path = f"/api/route-tables{table_id('two')}"
    host.request("PUT", path, json={"enabled": False}).raise_for_status()
    assert post(host, metric(table_id("two"))).json()["status"] == "ignored"


def test_what_comes_again_has_its_run(host, two):
    bodies = [metric(number="7"), [event("8")], LEGACY_LOG]
    first = [post(host, body).json()["runId"] for body in bodies]
    for run_id in first:
        host.ended_run(run_id)
    count = len(runs(host))
    again = [post(host, body).json()["runId"] for body in bodies]
    assert again == first
    assert len(runs(host)) == count


def event(number, **data):
    target = table_id("two")
    data = {"operationName": "Microsoft.Network/routeTables/write", "resourceUri": target} | data
    kind = "Microsoft.Resources.ResourceWriteSuccess"
    return {"id": number, "eventType": kind, "subject": target, "data": data}


def activity(**context):
    body = metric(table_id("two"))
    body["data"]["essentials"]["monitoringService"] = "Activity Log - Administrative"
    operation = "Microsoft.Network/routeTables/write"
    body["data"]["alertContext"] = {"operationName": operation, "status": "Succeeded"} | context
    return body


@pytest.mark.parametrize("field", ["object_id", "client_id"])
def test_what_we_did_ourselves_starts_nothing(common_azure, idle, field):
    ours = getattr(common_azure.state.identities.app, field).upper()
    for body in (
        activity(caller=ours),
        activity(claims=json.dumps({"appid": ours, "iss": TENANT})),
        [event("1", claims={"appid": ours})],
        cloud_event(uri=table_id("two"), claims={"appid": ours}),
    ):
        answer = post(idle, body)
        assert answer.json()["ignored"] == "it is about what this app did itself"
    assert runs(idle) == []


def test_our_own_writes_alert_starts_nothing(azure, host, two):
    """The loop: each write of ours comes back as an alert."""
    first = started(host, post(host, metric(table_id("two"), number="1")))
    assert first["counts"]["changed"] == 1
    writer = azure.state.identities.app
    answer = post(host, activity(caller=writer.object_id, claims='{"appid": "x"}'))
    assert answer.json()["status"] == "ignored"
    assert [run["runId"] for run in runs(host)] == [first["runId"]]


def test_of_a_batch_what_others_did_is_looked_at(azure, host, two):
    ours = azure.state.identities.app.client_id
    batch = [event("1", claims={"appid": ours}), event("2", claims={"appid": "them"})]
    assert started(host, post(host, batch))["counts"]["changed"] == 1


def test_somebody_elses_write_is_repaired(azure, host, two):
    started(host, post(host, metric(number="1")))
    two["two"].routes = [to_firewall()]
    two["two"].etag = 'W/"somebody"'
    body = activity(caller="pipeline@example")
    body["data"]["essentials"]["alertId"] += "-2"
    whole = started(host, post(host, body))
    assert whole["outcomes"][0]["added"] == [A]
    assert owned_prefixes(two["two"]) == {A}


def test_a_deleted_table_is_failed(azure, host, two):
    azure.state.remove(two["two"])
    body = activity(operationName="Microsoft.Network/routeTables/delete")
    whole = started(host, post(host, body))
    assert whole["status"] == "Failed"
    assert whole["outcomes"][0]["error"]["code"] == "RouteTableNotFound"


def test_while_paused_an_alerts_run_is_a_plan(azure, two, make_host):
    paused = make_host(PAUSED="true")
    whole = started(paused, post(paused, metric(table_id("two"))))
    assert (whole["mode"], whole["counts"]["planned"]) == ("plan", 1)
    assert azure.state.writes() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"schemaId": "azureMonitorCommonAlertSchema", "schemaId": 7}',
        b'{"schemaId": "\\ud800"}',
        b'{"schemaId": ' + b"9" * 10_000 + b"}",
        b"[" + b"0," * 500_000 + b"0]",
        b'"' + b"x" * (1024 * 1024 - 2) + b'"',
    ],
)
def test_hostile_bodies_are_ignored(idle, body):
    answer = post(idle, body)
    assert (answer.status_code, answer.json()["status"]) == (202, "ignored")


def test_a_body_above_1_mib_is_refused(idle):
    assert post(idle, b'"' + b"x" * (1024 * 1024 - 1) + b'"').status_code == 413


def test_an_alert_that_storage_loses_is_an_error_in_the_log(make_host):
    host = make_host(AzureWebJobsStorage=without_storage())
    answer = host.request("POST", "/api/alerts", json=metric(table_id("two")), timeout=120)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "StorageUnavailable")
    assert "StorageUnavailable" in host.line_with('{"record": "alert"')


def test_a_key_is_needed(idle):
    answer = idle.request("POST", "/api/alerts", json={}, headers={"x-functions-key": "wrong"})
    assert answer.status_code == 401


def test_without_an_identity_it_is_answered_all_the_same(azure, two, make_host):
    """Who we are can't be known: the run finds nothing to do."""
    host = make_host(IDENTITY_ENDPOINT="http://127.0.0.1:9/msi/token")
    answer = post(host, activity(caller=azure.state.identities.app.object_id))
    assert (answer.status_code, answer.json()["status"]) == (202, "Running")
