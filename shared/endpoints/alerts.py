"""Alerts of Azure Monitor and events of Event Grid over HTTP."""

from collections.abc import Callable
from http import HTTPStatus

import azure.functions as func

from ..alert_shapes import Validation, parsed, read_alerts
from ..app import App
from ..domain.errors import InvalidRequest
from ..domain.findings import Finding
from ..domain.runs.alert import Alert, Ignored
from ..http import HttpError, body_of, json_response
from ..log import log_alert
from ..messages import RunMessage
from .shell import accepted, endpoint


@endpoint(needs_token=False)
def take_alert(
    context: App, request: func.HttpRequest, send: Callable[[str], None]
) -> func.HttpResponse:
    """Start or join the run that the alert asks for, or say why the alert is ignored.

    The caller's only errors are a query parameter, and a body that got lost on its way, is too
    large or is not UTF-8.
    """
    signals = read_alerts(parsed(_body_of(request)))
    validation = next((one for one in signals if isinstance(one, Validation)), None)
    if validation is not None:
        # Event Grid accepts no other status than 200 as a confirmation.
        return json_response({"validationResponse": validation.code}, status=HTTPStatus.OK)

    signal = context.alerts.relevant([one for one in signals if not isinstance(one, Validation)])
    if isinstance(signal, Ignored):
        return _ignored(signal)
    return _taken(context, request, send, signal)


def _body_of(request: func.HttpRequest) -> bytes:
    """Raise what `http.body_of` raises, and log it: nobody may read the answer to an alert."""
    try:
        return body_of(request)
    except (HttpError, InvalidRequest) as error:
        log_alert(None, error=Finding(error.code, error.message))
        raise


def _taken(
    context: App, request: func.HttpRequest, send: Callable[[str], None], alert: Alert
) -> func.HttpResponse:
    taken = context.alerts.take(alert, request.get_body())
    if isinstance(taken, Ignored):
        return _ignored(taken, alert)

    if taken.send:
        send(str(RunMessage(taken.run.run_id)))
    log_alert(alert.name, run_id=taken.run.run_id)
    return accepted(context, request, taken.run)


def _ignored(signal: Ignored, alert: Alert | None = None) -> func.HttpResponse:
    log_alert(alert.name if alert else None, ignored=signal.reason)
    body = {"status": "ignored", "ignored": signal.reason}
    return json_response(body, status=HTTPStatus.ACCEPTED)
