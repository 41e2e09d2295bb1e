"""Say whether storage answers, and record the settings in effect."""

import azure.functions as func
from azure.core.exceptions import AzureError

from .. import shapes
from ..app import app
from ..domain import codes
from ..http import HttpError, Query, json_error, json_response, parse_query, respond
from ..settings import InvalidSettings
from .operations import Answer, Operation, described


@described(
    Operation(
        "health",
        "GET",
        "health",
        "Say whether storage answers. Anybody may ask.",
        {200: Answer("Storage answers.", shapes.Health)},
        needs_key=False,
    )
)
def health(request: func.HttpRequest) -> func.HttpResponse:
    return respond(lambda: _health(request), json_error)


def _health(request: func.HttpRequest) -> func.HttpResponse:
    """Anybody may ask, so the answer does not say why storage is unavailable.

    A command calls this before it writes, so that it follows the settings in effect now.
    """
    parse_query(request, Query)
    try:
        app().recorder.record()
    except (AzureError, InvalidSettings) as error:
        raise HttpError(503, codes.STORAGE_UNAVAILABLE, "storage does not answer") from error
    body: shapes.Health = {"status": "ok"}
    return json_response(body)
