"""The API's description, for whoever writes or generates a client."""

from typing import Any

import azure.functions as func

from ..app import App
from ..http import json_response, origin
from .operations import Answer, Operation, described
from .shell import endpoint


@described(
    Operation(
        "openapi",
        "GET",
        "openapi.json",
        "Show this description.",
        {200: Answer("The description, in OpenAPI 3.1.", dict[str, Any])},
    )
)
@endpoint()
def openapi(context: App, request: func.HttpRequest) -> func.HttpResponse:
    # It takes a while to make, and most processes never show it.
    from .description import description

    settings = context.settings
    shown = description(require_tokens=settings.require_tokens)
    servers = [{"url": origin(request, front=settings.public_url)}]
    return json_response({**shown, "servers": servers})
