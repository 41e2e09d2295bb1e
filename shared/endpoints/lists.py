"""The addresses of each allowed tag or list as a plain list, for which a firewall asks often.

An empty list closes a firewall, or opens it, so none is ever sent. After an error the firewall goes
on with the list that it has.
"""

import hashlib
import json
from email.utils import format_datetime
from http import HTTPStatus

import azure.functions as func
from pydantic import Field

from .. import answers, shapes
from ..app import App
from ..domain import codes
from ..domain.errors import NotFound
from ..domain.routing.plain_list import Family, PlainList
from ..http import Query, has_already, parse_query
from ..json_shapes import plain_list_json
from .operations import Answer, Operation, described
from .shell import endpoint

_TEXT, _JSON = "text/plain", "application/json"
_MEDIA = {"txt": _TEXT, "json": _JSON}
_IN_LIST = ("ETag", "Last-Modified", "Cache-Control")


class ListQuery(Query):
    family: Family = Field(Family.ALL, description="The prefixes that are wanted.")


@described(
    Operation(
        "lists",
        "GET",
        "lists/{name}",
        "Show the prefixes of an allowed service tag or list, as text or JSON, for firewalls.",
        {
            200: Answer(
                "The newest recorded version, with what left it less than the grace ago.",
                str,
                media=_TEXT,
                headers=_IN_LIST,
                also={_JSON: shapes.PlainList},
            ),
            304: Answer("`If-None-Match` names the list as it is.", headers=_IN_LIST),
        },
        errors=(404,),
    )
)
@endpoint(ListQuery, needs_token=False)
def lists(context: App, request: func.HttpRequest) -> func.HttpResponse:
    """Firewalls have no tokens, and ask often: whoever has the list as it is gets it not again."""
    name, media = _asked(request.route_params["name"])
    family = parse_query(request, ListQuery).family
    found = answers.plain_list(context, name)
    body = _body(found, family, media)

    headers = _headers(found, body)
    if has_already(request, headers["ETag"]):
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return func.HttpResponse(body, headers=headers, mimetype=media)


def _asked(file: str) -> tuple[str, str]:
    """Return the name of the list and its media type. A tag's name can have a dot as well."""
    name, _, form = file.rpartition(".")
    if form not in _MEDIA:
        raise NotFound(codes.LIST_NOT_FOUND, "the name of a list ends with .txt or .json")
    return name, _MEDIA[form]


def _body(found: PlainList, family: Family, media: str) -> str:
    prefixes = found.prefixes(family)
    if not prefixes:
        raise NotFound(codes.LIST_EMPTY, f"{found.version.source} has no {family} prefix")
    if media == _JSON:
        return json.dumps(plain_list_json(found, family))
    return "".join(f"{prefix}\n" for prefix in prefixes)


def _headers(found: PlainList, body: str) -> dict[str, str]:
    return {
        "ETag": f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(found.changed_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
