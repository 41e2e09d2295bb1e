"""Service Tag Discovery API: the whole cloud's tags, in pages."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .state import SERVICE_TAG, State

PAGE_SIZE = 2
"""Tags a page; the real service has hundreds of tags, and pages of its own size."""


class ServiceTagApi:
    def __init__(self, state: State) -> None:
        self._state = state

    async def list(self, request: Request) -> Response:
        location = request.path_params["location"].lower()
        instead = self._state.tags.answers.get(location)
        if isinstance(instead, bytes):
            return Response(instead, media_type="application/json")
        document = instead if instead is not None else self.document(location)
        return JSONResponse(_page(document, request))

    def document(self, location: str) -> dict[str, Any]:
        """What this location answers now, as one document."""
        published = self._state.tags.at(location)
        number = str(published["tagChangeNumber"])
        prefixes = published["addressPrefixes"]
        return {
            "name": "Public",
            "id": "/subscriptions/s/providers/Microsoft.Network/serviceTags/Public",
            "type": "Microsoft.Network/serviceTags",
            "changeNumber": str(published["documentChangeNumber"]),
            "cloud": published["cloud"],
            "values": [
                # Names that begin alike, or differ in case, are other tags.
                _tag("AppService", "13", ["13.64.73.110/32", "191.235.208.12/32"]),
                _tag("ApiManagement", "7", ["13.64.39.16/32", "40.74.146.80/31"]),
                _tag(SERVICE_TAG, number, prefixes),
                _tag(f"{SERVICE_TAG}.WestEurope", number, prefixes[:1]),
                _tag(SERVICE_TAG.lower(), number, ["51.12.0.0/16"]),
            ],
        }


def _tag(name: str, change_number: str, prefixes: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "id": name,
        "properties": {
            "changeNumber": change_number,
            "region": "",
            "systemService": "AzureAppServiceManagement",
            "addressPrefixes": prefixes,
        },
    }


def _page(document: Mapping[str, Any], request: Request) -> dict[str, Any]:
    if not isinstance(document.get("values"), list):
        return dict(document)
    start = int(request.query_params.get("$skipToken", "0"))
    page = {**document, "values": document["values"][start : start + PAGE_SIZE]}
    if start + PAGE_SIZE < len(document["values"]):
        query = f"api-version={request.query_params['api-version']}&$skipToken={start + PAGE_SIZE}"
        page["nextLink"] = f"{request.url.scheme}://{request.url.netloc}{request.url.path}?{query}"
    return page
