"""Recorded versions, and what each of them added and removed."""

import hashlib
from http import HTTPStatus
from itertools import islice

import azure.functions as func

from .. import __version__, answers, feed
from ..app import App
from ..domain.addresses import Difference, Version
from ..http import (
    MAX_PAGE,
    api_url,
    has_already,
    in_query,
    json_response,
    page,
    skip_token,
    whole_number,
)
from ..json_shapes import version_json
from .shell import PAGED, after, endpoint

FEED_ENTRIES = 50


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


@endpoint("top", needs_token=False)
def versions_feed(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """Feed readers have no tokens, and ask often: whoever has the newest feed gets it not again."""
    top = whole_number(request, "top", FEED_ENTRIES, MAX_PAGE)
    headers = {"ETag": _feed_etag(context, top), "Cache-Control": "private, no-cache"}
    if has_already(request, headers["ETag"]):
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)

    newest = islice(answers.versions(context), top)
    body = feed.versions_feed(_place(context, request), newest)
    return func.HttpResponse(body, headers=headers, mimetype=feed.MIME_TYPE)


def _feed_etag(context: App, top: int) -> str:
    """Versions are only added, so the newest of each source say which there are."""
    newest = sorted(head.version_id for head in context.versions.heads().values())
    digest = hashlib.sha256(" ".join([__version__, str(top), *newest]).encode()).hexdigest()
    return f'W/"{digest[:32]}"'


def _place(context: App, request: func.HttpRequest) -> feed.Place:
    front, top = context.settings.public_url, in_query(request, "top")

    return feed.Place(
        name=context.account.versions.url,
        own=api_url(request, "versions.atom", front=front, query={"top": top} if top else {}),
        page=api_url(request, "dashboard", front=front),
        version=lambda one: api_url(request, f"versions/{one.version_id}", front=front),
    )
