"""Alerts of Azure Monitor and events of Event Grid over HTTP."""

from collections.abc import Callable
from http import HTTPStatus

import azure.functions as func

from .. import shapes
from ..alert_shapes import Validation, parsed, read_alerts
from ..app import App
from ..domain.findings import Finding
from ..domain.runs.alert import Alert, Ignored
from ..http import HttpError, body_of, json_error, json_response
from ..log import log_alert
from ..messages import RunMessage
from .operations import STARTED, Answer, Operation, described
from .shell import accepted, endpoint

_TAKES = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")
_TAKEN = Answer(
    "The run that the alert started or joined, or the reason why it is ignored.",
    shapes.Started | shapes.IgnoredAlert,
    sometimes=STARTED.headers,
)
_VALIDATED = Answer(
    "Event Grid has asked whether the app wants its events.", shapes.ValidationAnswer
)
_CONSENT = Answer(
    "The sender may send as often as it likes.",
    headers=("Allow",),
    sometimes=("WebHook-Allowed-Origin", "WebHook-Allowed-Rate"),
)


def _logged_error(error: HttpError) -> func.HttpResponse:
    """Log every error of this function, because perhaps nobody reads the answer to an alert."""
    log_alert(None, error=Finding(error.code, error.message))
    return json_error(error)


@described(
    Operation(
        "alert",
        "POST",
        "alerts",
        "Take an alert of Azure Monitor, or events of Event Grid. An unknown body is ignored.",
        {200: _VALIDATED, 202: _TAKEN},
        takes=_TAKES,
    ),
    Operation(
        "alert",
        "OPTIONS",
        "alerts",
        "Let a sender of CloudEvents ask whether it may send them.",
        {200: _CONSENT},
        operation_id="alert_options",
    ),
)
@endpoint(needs_token=False, is_for_senders=True, show=_logged_error)
def take_alert(
    context: App, request: func.HttpRequest, send: Callable[[str], None]
) -> func.HttpResponse:
    """Start or join the run that the alert asks for, or say why the alert is ignored.

    The caller's only errors are a query parameter, and a body that got lost on its way, is too
    large or is not UTF-8. With `OPTIONS` a sender asks whether it may send events.
    """
    if request.method.upper() == "OPTIONS":
        return _consent(request)

    signals = read_alerts(parsed(body_of(request)))
    validation = next((one for one in signals if isinstance(one, Validation)), None)
    if validation is not None:
        # Event Grid accepts no other status than 200 as a confirmation.
        asked: shapes.ValidationAnswer = {"validationResponse": validation.code}
        return json_response(asked, status=HTTPStatus.OK)

    signal = context.alerts.relevant([one for one in signals if not isinstance(one, Validation)])
    if isinstance(signal, Ignored):
        return _ignored(signal)
    return _taken(context, request, send, signal)


def _consent(request: func.HttpRequest) -> func.HttpResponse:
    """Let the sender send, as often as it likes. The headers are for a sender that names itself.

    Sources: cloudevents/spec, "HTTP 1.1 Web Hooks for Event Delivery", section 4; "Endpoint
    validation by using CloudEvents schema". Event Grid has another origin in each cloud
    (azure-sdk-for-net#47175).
    """
    headers = {"Allow": "POST, OPTIONS"}
    origin = request.headers.get("WebHook-Request-Origin", "")
    # If a header of the answer has other letters, the host answers 500.
    if origin and origin.isascii():
        headers |= {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return func.HttpResponse(status_code=HTTPStatus.OK, headers=headers)


def _taken(
    context: App, request: func.HttpRequest, send: Callable[[str], None], alert: Alert
) -> func.HttpResponse:
    taken = context.alerts.take(alert, request.get_body())
    if isinstance(taken, Ignored):
        reasons = filter(None, (taken.reason, alert.advice))
        return _ignored(Ignored("; ".join(reasons)), alert)

    if taken.send:
        send(str(RunMessage(taken.run.run_id)))
    log_alert(alert.name, run_id=taken.run.run_id)
    return accepted(context, request, taken.run)


def _ignored(signal: Ignored, alert: Alert | None = None) -> func.HttpResponse:
    log_alert(alert.name if alert else None, ignored=signal.reason)
    body: shapes.IgnoredAlert = {"status": "ignored", "ignored": signal.reason}
    return json_response(body, status=HTTPStatus.ACCEPTED)
