"""Read from the body of an alert or an event what it is about, or why it is ignored.

Formats: "Common alert schema", "Non-common alert schema definitions", "Azure Resource Manager as an
Event Grid source", "Webhook event delivery" (validation), "CloudEvents v1.0 schema with Azure Event
Grid". Any other body is ignored. Nothing here raises, because anybody who has the key can send any
body.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from .domain.armid import ignoring_case
from .domain.runs.alert import MAX_TARGETS, Alert, Ignored

type _Json = Mapping[str, object]

_COMMON = "azuremonitorcommonalertschema"
_ACTIVITY_LOG = "microsoft.insights/activitylogs"
_METRIC = "azuremonitormetricalert"
_LOG = "microsoft.insights/logalert"
_BUDGET = "aip budget notification"
_VALIDATION = "microsoft.eventgrid.subscriptionvalidationevent"
_CHANGED = frozenset(
    {"microsoft.resources.resourcewritesuccess", "microsoft.resources.resourcedeletesuccess"}
)
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
"""Only events need it, because alerts name the caller."""
_NOT_CONCERNED = re.compile("budget|cost|smart", re.IGNORECASE)
"""Alerts about money, and anomalies that Azure itself detects in telemetry."""
_RESOURCE = re.compile(r"(?=.{1,1000}\Z)/subscriptions/[^/]+(/[^/]+){0,24}", re.DOTALL)
_SEARCHED = re.compile(
    r".*/providers/microsoft\.(operationalinsights/workspaces|insights/components)/[^/]+"
)
"""A log alert searches one of these: a workspace, or an Application Insights component."""
_SPLIT_RULE = (
    "it names only the log that was searched: "
    "split the alert rule by the Resource ID column (_ResourceId)"
)
_LONGEST = 200
"""Characters of a text that is only shown to people."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Event Grid asks whether we want its events."""

    code: str


type Signal = Alert | Ignored | Validation


def parsed(body: bytes) -> object:
    """Return None for whatever is not JSON, also for text that is nested too deeply or no UTF-8."""
    try:
        return from_json(body)
    except ValueError:
        return None


def read_alerts(body: object) -> list[Signal]:
    """Return one signal, or one for each event if the body is a batch of Event Grid."""
    if isinstance(body, list):
        return [_read_event(event) for event in body] or [Ignored("an empty batch")]
    if not isinstance(body, Mapping):
        return [Ignored("not an object")]
    return [_read_event(body) if _is_event(body) else _read_alert(body)]


def read_events(body: object) -> list[Alert | Ignored]:
    """Return what a message of the events' queue is about: one event, or a list of events.

    An event that names no resource is ignored. As an event about everything, it would start a run
    of all tables, and anybody who may write to the queue can send it.
    """
    events = body if isinstance(body, list) else [body]
    return [_named_change(event) for event in events] or [Ignored("an empty list")]


def _named_change(event: object) -> Alert | Ignored:
    signal = _read_event(event)
    if isinstance(signal, Validation):
        return Ignored("a validation, which only a webhook can answer")
    if isinstance(signal, Alert) and not signal.targets:
        return Ignored("it names no resource")
    return signal


def _read_alert(body: _Json) -> Signal:
    schema = _text(body, "schemaId").lower()
    reader = _READERS.get(schema)
    if reader is not None:
        return reader(body)
    if not schema and _text(body, "AlertRuleName") and "SearchQuery" in body:
        return _read_log_alert(body)
    if _NOT_CONCERNED.search(schema):
        return Ignored(f"{_shown(schema)} is not about routes")
    return Ignored(f"unknown schema {_shown(schema)!r}")


def _read_common(body: _Json) -> Signal:
    data = _object(body, "data")
    essentials, context = _object(data, "essentials"), _object(data, "alertContext")
    return _ignored_common(essentials, context) or _common_alert(essentials, context)


def _common_alert(essentials: _Json, context: _Json) -> Alert:
    name = _text(essentials, "alertRule") or _text(essentials, "monitoringService")
    targets = _resources(_named(essentials, context))
    return Alert(
        name=_shown(name),
        targets=targets,
        instance=_text(essentials, "alertId") or None,
        callers=_callers(context),
        advice=_advice(essentials, targets),
    )


def _named(essentials: _Json, context: _Json) -> list[object]:
    """Return everything that may be what the alert is about.

    A log alert on a workspace has the workspace as its target. If its rule is split by resource,
    the resource of which the log speaks is the target or a dimension, and Azure copies a dimension
    to the configuration items.
    """
    criteria = _objects(_object(context, "condition"), "allOf")
    dimensions = (each for criterion in criteria for each in _objects(criterion, "dimensions"))
    return [
        *_list(essentials, "alertTargetIDs"),
        *_list(essentials, "configurationItems"),
        *(dimension.get("value") for dimension in dimensions),
    ]


def _advice(essentials: _Json, targets: Sequence[str]) -> str | None:
    """Return how a log alert that names no resource can name one.

    Source: "Create or edit a log search alert rule", section "Split by dimensions".
    """
    is_log = _text(essentials, "signalType").lower() == "log"
    names_only_log = bool(targets) and all(_SEARCHED.fullmatch(target) for target in targets)
    return _SPLIT_RULE if is_log and names_only_log else None


def _ignored_common(essentials: _Json, context: _Json) -> Ignored | None:
    service = _text(essentials, "monitoringService")
    if _NOT_CONCERNED.search(service):
        return Ignored(f"{_shown(service)} is not about routes")
    ignored = _unless(essentials, "monitorCondition", "Fired")
    if ignored is None and "administrative" in service.lower():
        return _unless_succeeded(context)
    return ignored


def _read_activity_log(body: _Json) -> Signal:
    data = _object(body, "data")
    event = _object(_object(data, "context"), "activityLog")

    ignored = _unless(data, "status", "Activated")
    if ignored is None and _text(event, "eventSource").lower() == "administrative":
        ignored = _unless_succeeded(event)
    if ignored is not None:
        return ignored

    name = _shown(_text(event, "operationName") or "activity log")
    return Alert(name=name, targets=_resources([_scope(event)]), callers=_callers(event))


def _scope(event: _Json) -> str:
    """Return what the event is about: if it names no resource, it is about a wider scope."""
    return (
        _text(event, "resourceId")
        or _text(_object(event, "authorization"), "scope")
        or f"/subscriptions/{_text(event, 'subscriptionId')}"
    )


def _read_metric_alert(body: _Json) -> Signal:
    data = _object(body, "data")
    ignored = _unless(data, "status", "Activated")
    if ignored is not None:
        return ignored

    context = _object(data, "context")
    return Alert(
        name=_shown(_text(context, "name") or "metric"),
        targets=_resources([_text(context, "resourceId")]),
    )


def _read_log_alert(body: _Json) -> Signal:
    """Return an alert about everything: a log alert names only the workspace it searched."""
    data = _object(body, "data") or body
    return Alert(name=_shown(_text(data, "AlertRuleName") or "log search"), targets=())


def _read_budget(_body: _Json) -> Signal:
    return Ignored("a budget is not about routes")


_READERS: dict[str, Callable[[_Json], Signal]] = {
    _COMMON: _read_common,
    _ACTIVITY_LOG: _read_activity_log,
    _METRIC: _read_metric_alert,
    _LOG: _read_log_alert,
    _BUDGET: _read_budget,
}


def _is_event(body: _Json) -> bool:
    return "eventType" in body or "specversion" in body


def _read_event(event: object) -> Signal:
    """Read one event in Event Grid's own schema, or one CloudEvent.

    Of what is read here, only the type and the source have other names. Event Grid delivers a
    CloudEvent as JSON in the body, and not with its attributes in headers.
    """
    if not isinstance(event, Mapping):
        return Ignored("not an event")

    kind = _text(event, "eventType") or _text(event, "type")
    if kind.lower() == _VALIDATION:
        return _read_validation(_object(event, "data"))
    if kind.lower() in _CHANGED:
        return _read_change(event, kind)
    return Ignored(f"event {_shown(kind)!r} changes no resource")


def _read_change(event: _Json, kind: str) -> Alert:
    data = _object(event, "data")
    return Alert(
        name=_shown(_text(data, "operationName") or kind),
        targets=_resources([_text(data, "resourceUri") or _text(event, "subject")]),
        instance=_event_instance(event),
        callers=_callers(data, _OBJECT_ID),
    )


def _event_instance(event: _Json) -> str | None:
    """Return the id with its source, because each source chooses its ids without the others.

    Source: cloudevents/spec, attribute `id`. In Event Grid's own schema the source is the topic.
    """
    number, source = _text(event, "id"), _text(event, "topic") or _text(event, "source")
    return " ".join(filter(None, (source, number))) if number else None


def _read_validation(data: _Json) -> Signal:
    code = _text(data, "validationCode")
    return Validation(code) if code else Ignored("a validation without its code")


def _unless(body: _Json, key: str, wanted: str) -> Ignored | None:
    value = _text(body, key)
    if value.lower() == wanted.lower():
        return None
    return Ignored(f"{key} is {_shown(value)!r}, not {wanted}")


def _unless_succeeded(event: _Json) -> Ignored | None:
    """Ignore all but the last of the events that one write causes: started, accepted, ended."""
    return _unless(event, "status", "Succeeded")


def _callers(event: _Json, *more_claims: str) -> frozenset[str]:
    claims = event.get("claims")
    # Alerts have the claims as text, events as an object.
    if isinstance(claims, str):
        try:
            claims = json.loads(claims)
        except (ValueError, RecursionError):
            claims = None

    known = claims if isinstance(claims, Mapping) else {}
    names = (_text(event, "caller"), *(_text(known, key) for key in ("appid", *more_claims)))
    return frozenset(_shown(name) for name in names if name)


def _resources(values: Iterable[object]) -> tuple[str, ...]:
    """Return the values that are ARM resource ids, or none if there are more than `MAX_TARGETS`."""
    texts = (ignoring_case(value.strip().rstrip("/")) for value in values if isinstance(value, str))
    found = dict.fromkeys(text for text in texts if _RESOURCE.fullmatch(text))
    return tuple(found) if len(found) <= MAX_TARGETS else ()


def _list(body: _Json, key: str) -> list[object]:
    value = body.get(key)
    return value if isinstance(value, list) else []


def _objects(body: _Json, key: str) -> Iterator[_Json]:
    return (each for each in _list(body, key) if isinstance(each, Mapping))


def _object(body: _Json, key: str) -> _Json:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(body: _Json, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _shown(text: str) -> str:
    """Return a text for people: short and on one line."""
    return " ".join(text.split())[:_LONGEST]
