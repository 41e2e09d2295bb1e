"""An alert's body -> what it is about, or the reason why it is ignored.

Formats: "Common alert schema", "Non-common alert schema definitions", "Azure Resource Manager as an
Event Grid source", "Webhook event delivery" (validation). Whatever else comes is ignored: nothing
here raises, for the body is anybody's who has the key.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..domain.runs.alert import MAX_TARGETS, Alert

_COMMON = "azuremonitorcommonalertschema"


_ACTIVITY_LOG = "microsoft.insights/activitylogs"


_METRIC = "azuremonitormetricalert"


_LOG = "microsoft.insights/logalert"


_BUDGET = "aip budget notification"


_VALIDATION = "microsoft.eventgrid.subscriptionvalidationevent"


_CHANGED = frozenset(
    {"microsoft.resources.resourcewritesuccess", "microsoft.resources.resourcedeletesuccess"}
)


_NOT_CONCERNED = re.compile("budget|cost|smart", re.IGNORECASE)
"""Of money, and what Azure itself finds odd in telemetry."""


_RESOURCE = re.compile(r"(?=.{1,1000}\Z)/subscriptions/[^/]+(/[^/]+){0,24}", re.DOTALL)


_LONGEST = 200
"""Characters of what is only shown."""


@dataclass(frozen=True, slots=True)
class Ignored:
    reason: str


@dataclass(frozen=True, slots=True)
class Validation:
    """Event Grid asks whether we want its events."""

    code: str


type Signal = Alert | Ignored | Validation


def read_alerts(body: object) -> list[Signal]:
    """One, or as many as Event Grid's batch has events."""
    if isinstance(body, list):
        return [_event(event) for event in body] or [Ignored("an empty batch")]
    if not isinstance(body, Mapping):
        return [Ignored("not an object")]
    return [_event(body) if "eventType" in body else _alert(body)]


def _alert(body: Mapping[str, Any]) -> Signal:
    schema = _text(body, "schemaId").lower()
    reader = _READERS.get(schema)
    if reader is not None:
        return reader(body)
    if not schema and _text(body, "AlertRuleName") and "SearchQuery" in body:
        return _log_alert(body)
    if _NOT_CONCERNED.search(schema):
        return Ignored(f"{_shown(schema)} is not about routes")
    return Ignored(f"unknown schema {_shown(schema)!r}")


def _common(body: Mapping[str, Any]) -> Signal:
    data = _object(body, "data")
    essentials = _object(data, "essentials")
    service = _text(essentials, "monitoringService")
    condition = _text(essentials, "monitorCondition")
    if _NOT_CONCERNED.search(service):
        return Ignored(f"{_shown(service)} is not about routes")
    if condition.lower() != "fired":
        return Ignored(f"monitorCondition is {_shown(condition)!r}, not Fired")
    context = _object(data, "alertContext")
    if "administrative" in service.lower() and not _succeeded(context):
        return _not_succeeded(context)
    return Alert(
        name=_shown(_text(essentials, "alertRule") or service),
        targets=_resources(essentials.get("alertTargetIDs")),
        instance=_text(essentials, "alertId") or None,
        callers=_callers(context),
    )


def _activity_log(body: Mapping[str, Any]) -> Signal:
    data = _object(body, "data")
    if not _activated(data):
        return _not_activated(data)
    event = _object(_object(data, "context"), "activityLog")
    if _text(event, "eventSource").lower() == "administrative" and not _succeeded(event):
        return _not_succeeded(event)
    subscription = _text(event, "subscriptionId")
    scopes = [
        _text(event, "resourceId"),
        _text(_object(event, "authorization"), "scope"),
        f"/subscriptions/{subscription}" if subscription else "",
    ]
    return Alert(
        name=_shown(_text(event, "operationName") or "activity log"),
        targets=_resources([next((scope for scope in scopes if scope), "")]),
        callers=_callers(event),
    )


def _metric_alert(body: Mapping[str, Any]) -> Signal:
    data = _object(body, "data")
    if not _activated(data):
        return _not_activated(data)
    context = _object(data, "context")
    return Alert(
        name=_shown(_text(context, "name") or "metric"),
        targets=_resources([_text(context, "resourceId")]),
    )


def _log_alert(body: Mapping[str, Any]) -> Signal:
    """It names the workspace that was searched, and nothing that it is about."""
    data = _object(body, "data") or body
    return Alert(name=_shown(_text(data, "AlertRuleName") or "log search"), targets=())


def _budget(_body: Mapping[str, Any]) -> Signal:
    return Ignored("a budget is not about routes")


_READERS: dict[str, Callable[[Mapping[str, Any]], Signal]] = {
    _COMMON: _common,
    _ACTIVITY_LOG: _activity_log,
    _METRIC: _metric_alert,
    _LOG: _log_alert,
    _BUDGET: _budget,
}


def _event(event: object) -> Signal:
    """Event Grid's schema."""
    if not isinstance(event, Mapping):
        return Ignored("not an event")
    kind = _text(event, "eventType")
    data = _object(event, "data")
    if kind.lower() == _VALIDATION:
        code = _text(data, "validationCode")
        return Validation(code) if code else Ignored("a validation without its code")
    if kind.lower() not in _CHANGED:
        return Ignored(f"event {_shown(kind)!r} changes no resource")
    return Alert(
        name=_shown(_text(data, "operationName") or kind),
        targets=_resources([_text(data, "resourceUri") or _text(event, "subject")]),
        instance=_text(event, "id") or None,
        callers=_callers(data),
    )


def _activated(data: Mapping[str, Any]) -> bool:
    return _text(data, "status").lower() == "activated"


def _not_activated(data: Mapping[str, Any]) -> Ignored:
    return Ignored(f"status is {_shown(_text(data, 'status'))!r}, not Activated")


def _succeeded(event: Mapping[str, Any]) -> bool:
    """One write is several events: when it starts, when it is accepted, and when it has ended."""
    return _text(event, "status").lower() == "succeeded"


def _not_succeeded(event: Mapping[str, Any]) -> Ignored:
    status = _shown(_text(event, "status"))
    return Ignored(f"the operation's status is {status!r}, not Succeeded")


def _callers(event: Mapping[str, Any]) -> frozenset[str]:
    """Alerts have the claims as text, events as an object."""
    claims = event.get("claims")
    if isinstance(claims, str):
        try:
            claims = json.loads(claims)
        except (ValueError, RecursionError):
            claims = None
    appid = _text(claims, "appid") if isinstance(claims, Mapping) else ""
    return frozenset(_shown(name) for name in (_text(event, "caller"), appid) if name)


def _resources(values: object) -> tuple[str, ...]:
    """Those that are ids of ARM resources; none where there are too many."""
    listed = values if isinstance(values, list) else []
    texts = (value.strip().rstrip("/").lower() for value in listed if isinstance(value, str))
    found = dict.fromkeys(text for text in texts if _RESOURCE.fullmatch(text))
    return tuple(found) if len(found) <= MAX_TARGETS else ()


def _object(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _shown(text: str) -> str:
    """What is only shown is short, and on one line."""
    return " ".join(text.split())[:_LONGEST]
