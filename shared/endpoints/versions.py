"""Recorded versions, and what each of them added and removed."""

import hashlib
from http import HTTPStatus
from itertools import islice

import azure.functions as func
from pydantic import Field

from .. import __version__, answers, feed, shapes
from ..app import App
from ..domain.addresses import Difference, Version
from ..http import (
    MAX_PAGE,
    Paged,
    Query,
    WholeNumber,
    api_url,
    has_already,
    in_query,
    json_response,
    page,
    parse_query,
)
from ..json_shapes import version_json
from .operations import Answer, Operation, described
from .shell import after, endpoint

FEED_ENTRIES = 50
_IN_FEED = ("ETag", "Cache-Control")


@described(
    Operation(
        "list_versions",
        "GET",
        "versions",
        "List the recorded versions, the newest first.",
        {200: Answer("A page of versions.", shapes.VersionList)},
    )
)
@endpoint(Paged)
def list_versions(context: App, request: func.HttpRequest) -> func.HttpResponse:
    asked = parse_query(request, Paged)
    return page(
        request,
        "versions",
        after(asked.skip_token, answers.versions(context), _token),
        top=asked.top,
        front=context.settings.public_url,
        token_of=_token,
        render=lambda pair: version_json(*pair),
    )


def _token(pair: tuple[Version, Difference]) -> str:
    version, _change = pair
    return version.version_id


@described(
    Operation(
        "get_version",
        "GET",
        "versions/{versionId}",
        "Show one version, and what it added and removed.",
        {200: Answer("The version.", shapes.Version)},
        errors=(404,),
    )
)
@endpoint()
def get_version(context: App, request: func.HttpRequest) -> func.HttpResponse:
    version = answers.existing_version(context, request.route_params["versionId"])
    return json_response(version_json(version, answers.version_change(context, version)))


class FeedQuery(Query):
    top: WholeNumber = Field(
        FEED_ENTRIES, ge=1, le=MAX_PAGE, description="The most versions in the feed."
    )


@described(
    Operation(
        "versions_feed",
        "GET",
        "versions.atom",
        "Show the newest versions as an Atom feed.",
        {
            200: Answer("The feed.", str, media=feed.MIME_TYPE, headers=_IN_FEED),
            304: Answer("`If-None-Match` names the feed as it is.", headers=_IN_FEED),
        },
    )
)
@endpoint(FeedQuery, needs_token=False)
def versions_feed(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """Feed readers have no tokens, and ask often: whoever has the newest feed gets it not again."""
    top = parse_query(request, FeedQuery).top
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
