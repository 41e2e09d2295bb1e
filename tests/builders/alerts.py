"""Alerts in the shapes that Azure Monitor and Event Grid send."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.alert_shapes import Signal, read_alerts
from shared.domain.runs.alert import Alert

from .azure import table_id


def common(
    targets: Iterable[object] | None = (table_id("one"),),
    condition: str | None = "Fired",
    service: str = "Platform",
    context: Mapping[str, Any] | None = None,
    **essentials: Any,
) -> dict[str, Any]:
    """Return an alert in the common schema."""
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


def administrative(status: str | None = "Succeeded", **context: Any) -> dict[str, Any]:
    """Return the common schema's alert of an activity log."""
    return common(
        service="Activity Log - Administrative",
        context={"operationName": "Microsoft.Network/routeTables/write", "status": status}
        | context,
    )


def activity_log(state: str = "Activated", **event: Any) -> dict[str, Any]:
    """Return an alert of an activity log in the schema before the common one."""
    return {
        "schemaId": "Microsoft.Insights/activityLogs",
        "data": {"status": state, "context": {"activityLog": event}},
    }


def metric(status: str = "Activated", resource: str = table_id("one")) -> dict[str, Any]:
    """Return an alert of a metric in the schema before the common one."""
    context = {"name": "rule", "resourceId": resource}
    return {
        "schemaId": "AzureMonitorMetricAlert",
        "data": {"status": status, "context": context},
    }


def event(
    kind: str = "Microsoft.Resources.ResourceWriteSuccess",
    uri: str = table_id("one"),
    number: str = "1",
    **data: Any,
) -> dict[str, Any]:
    """Return an event of Event Grid."""
    data = {"operationName": "Microsoft.Network/routeTables/write", "resourceUri": uri} | data
    return {"id": number, "eventType": kind, "subject": uri, "data": data}


def cloud_event(
    kind: str = "Microsoft.Resources.ResourceWriteSuccess",
    uri: str = table_id("one"),
    number: str = "1",
    **data: Any,
) -> dict[str, Any]:
    """Return the event of `event` as a CloudEvent.

    Source: "Azure Resource Manager as an Event Grid source", the tab "Cloud event schema".
    """
    same = event(kind, uri, number, **data)
    return {
        "specversion": "1.0",
        "type": same["eventType"],
        "source": "/".join(uri.split("/")[:3]),
        "time": "2018-07-19T18:38:04.6117357Z",
        **{key: same[key] for key in ("id", "subject", "data")},
    }


def one(body: object) -> Signal:
    """Return the only signal in a body."""
    [read] = read_alerts(body)
    return read


def one_alert(body: object) -> Alert:
    alert = one(body)
    assert isinstance(alert, Alert)
    return alert
