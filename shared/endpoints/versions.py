"""Recorded versions, and what each of them added and removed."""

import azure.functions as func

from .. import answers
from ..app import App
from ..domain.addresses import Difference, Version
from ..http import json_response, page, skip_token
from ..json_shapes import version_json
from .shell import PAGED, after, endpoint


@endpoint(*PAGED)
def list_versions(context: App, request: func.HttpRequest) -> func.HttpResponse:
    def token(pair: tuple[Version, Difference]) -> str:
        version, _change = pair
        return version.version_id

    return page(
        request,
        "versions",
        after(skip_token(request), answers.versions(context), token),
        front=context.settings.public_url,
        token_of=token,
        render=lambda pair: version_json(*pair),
    )


@endpoint()
def get_version(context: App, request: func.HttpRequest) -> func.HttpResponse:
    version = answers.existing_version(context, request.route_params["versionId"])
    return json_response(version_json(version, answers.version_change(context, version)))
