"""Recorded versions, and what each of them added and removed."""

import azure.functions as func

from .. import answers
from ..app import App
from ..domain.addresses import Version
from ..http import json_response, page, skip_token
from .shell import after, endpoint


@endpoint
def list_versions(context: App, request: func.HttpRequest) -> func.HttpResponse:
    def token(pair: tuple[Version, Version | None]) -> str:
        version, _previous = pair
        return version.version_id

    return page(
        request,
        "versions",
        after(skip_token(request), answers.versions(context), token),
        token_of=token,
        render=lambda pair: answers.version_json(*pair),
    )


@endpoint
def get_version(context: App, request: func.HttpRequest) -> func.HttpResponse:
    version = answers.existing_version(context, request.route_params["versionId"])
    previous = answers.previous_version(context, version)
    return json_response(answers.version_json(version, previous))
