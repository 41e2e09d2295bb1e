"""Alerts of Azure Monitor and events of Event Grid."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

import azure.functions as func
from pydantic_core import from_json

from ..app import App
from ..domain.findings import Finding
from ..domain.runs.alert import Alert, merge_alerts
from ..http import HttpError, body_of, json_response
from ..log import log_alert
from ..messages import RunMessage
from .alert_shapes import Ignored, Signal, Validation, read_alerts
from .shell import accepted, endpoint_without_token


@endpoint_without_token
def take_alert(
    context: App, request: func.HttpRequest, send: Callable[[str], None]
) -> func.HttpResponse:
    """Start or join the run that the alert asks for, or say why the alert is ignored.

    The caller's only errors are a body that got lost on its way and one that is too large.
    """
    signals = read_alerts(_parsed(_body_of(request)))
    validation = next((one for one in signals if isinstance(one, Validation)), None)
    if validation is not None:
        # Event Grid accepts no other status than 200 as a confirmation.
        return json_response({"validationResponse": validation.code}, status=HTTPStatus.OK)

    signal = _relevant(context, signals)
    if isinstance(signal, Ignored):
        return _ignored(signal)
    return _taken(context, request, send, signal)


def _body_of(request: func.HttpRequest) -> bytes:
    """Raise HttpError. Nobody may read the answer to an alert, so the log has its error as well."""
    try:
        return body_of(request)
    except HttpError as error:
        log_alert(None, error=Finding(error.code, error.message))
        raise


def _taken(
    context: App, request: func.HttpRequest, send: Callable[[str], None], alert: Alert
) -> func.HttpResponse:
    taken = context.alerts.take(alert, request.get_body())
    if taken is None:
        return _ignored(Ignored("it concerns no registered route table"), alert)

    if taken.send:
        send(str(RunMessage(taken.run.run_id)))
    log_alert(alert.name, run_id=taken.run.run_id)
    return accepted(request, taken.run)


def _relevant(context: App, signals: Sequence[Signal]) -> Alert | Ignored:
    """Return one alert for everything that others did, or the reason why there is none."""
    alerts = [one for one in signals if isinstance(one, Alert)]
    if not alerts:
        return next(one for one in signals if isinstance(one, Ignored))

    # Each write of ours raises an event as well: it must not start another run.
    ours = context.identity.names() if any(alert.callers for alert in alerts) else frozenset()
    others = [
        alert for alert in alerts if ours.isdisjoint(caller.lower() for caller in alert.callers)
    ]
    return merge_alerts(others) if others else Ignored("it is about what this app did itself")


def _ignored(signal: Ignored, alert: Alert | None = None) -> func.HttpResponse:
    log_alert(alert.name if alert else None, ignored=signal.reason)
    body = {"status": "ignored", "ignored": signal.reason}
    return json_response(body, status=HTTPStatus.ACCEPTED)


def _parsed(body: bytes) -> object:
    """Return None for whatever is not JSON, also for text that is nested too deeply or no UTF-8."""
    try:
        return from_json(body)
    except ValueError:
        return None
