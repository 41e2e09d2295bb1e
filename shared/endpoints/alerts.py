"""What Azure Monitor and Event Grid have to say."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import azure.functions as func
from pydantic_core import from_json

from ..app import App
from ..domain.runs.alert import Alert, merge_alerts
from ..http import body_of, json_response
from ..log import log_alert
from ..messages import RunMessage
from .alert_shapes import Ignored, Signal, Validation, read_alerts
from .shell import accepted, endpoint


@endpoint
def take_alert(
    context: App, request: func.HttpRequest, send: Callable[[str], None]
) -> func.HttpResponse:
    """Start the run that the alert asks for, or say why not; never an error but for its size."""
    body = body_of(request)
    notices = read_alerts(_parsed(body))
    validation = next((n for n in notices if isinstance(n, Validation)), None)
    if validation is not None:
        # Event Grid takes nothing but 200 for a yes.
        return json_response({"validationResponse": validation.code}, status=HTTPStatus.OK)
    alert, reason = _wanted(context, notices)
    if alert is None:
        return _ignored(reason)
    taken = context.alerts.take(alert, body)
    if taken is None:
        return _ignored("it concerns no registered route table", alert)
    if taken.send:
        send(str(RunMessage(taken.run.run_id)))
    log_alert(alert.name, run_id=taken.run.run_id)
    return accepted(request, taken.run)


def _wanted(context: App, notices: Sequence[Signal]) -> tuple[Alert | None, str]:
    """What is not our own doing, as one; or why there is none."""
    alerts = [notice for notice in notices if isinstance(notice, Alert)]
    ours = context.identity.names() if any(alert.callers for alert in alerts) else frozenset()
    others = [a for a in alerts if ours.isdisjoint(c.lower() for c in a.callers)]
    if others:
        return merge_alerts(others), ""
    if alerts:
        return None, "it is about what this app did itself"
    return None, next(n.reason for n in notices if isinstance(n, Ignored))


def _ignored(reason: str, alert: Alert | None = None) -> func.HttpResponse:
    log_alert(alert.name if alert else None, ignored=reason)
    body = {"status": "ignored", "ignored": reason}
    return json_response(body, status=HTTPStatus.ACCEPTED)


def _parsed(body: bytes) -> Any:
    """None for what is not JSON: text that is not UTF-8, or too deep, is not."""
    try:
        return from_json(body)
    except ValueError:
        return None
