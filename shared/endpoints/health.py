"""Say whether storage answers, and record the settings in effect."""

import azure.functions as func
from azure.core.exceptions import AzureError

from ..app import app
from ..domain import codes
from ..http import HttpError, check_query, json_error, json_response, respond
from ..settings import InvalidSettings


def health(request: func.HttpRequest) -> func.HttpResponse:
    return respond(lambda: _health(request), json_error)


def _health(request: func.HttpRequest) -> func.HttpResponse:
    """Anybody may ask, so the answer does not say why storage is unavailable.

    A command calls this before it writes, so that it follows the settings in effect now.
    """
    check_query(request)
    try:
        app().recorder.record()
    except (AzureError, InvalidSettings) as error:
        raise HttpError(503, codes.STORAGE_UNAVAILABLE, "storage does not answer") from error
    return json_response({"status": "ok"})
