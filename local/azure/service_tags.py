"""Service tags as the Discovery API answers them: whole (`serviceTags`) and one by one."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from .call import Call

SERVICE_TAG = "AppServiceManagement"
PAGE_SIZE = 2
"""Tags a page; the real service has hundreds of tags, and pages of its own size."""
TAG_KINDS = (
    "Microsoft.Network/locations/serviceTags",
    "Microsoft.Network/locations/serviceTagDetails",
)
DATA = Path(__file__).parents[1] / "data"
_ROUTABLE = {
    "ApiManagement",
    "AppService",
    "AzureCloud",
    "AzureDatabricks",
    "AzureMonitor",
    "BatchNodeManagement",
    "EventHub",
    "Sql",
    "Storage",
}
"""Tags that a route may have as its prefix, a region behind it or not; the real ones are more."""


class TagHistory:
    """The tag's real history in one cloud, stepped forward; a location may lag behind."""

    def __init__(self, cloud: str) -> None:
        self._cloud = cloud
        self.published = _published(cloud)
        self.position = 0
        self.page_size = PAGE_SIZE
        self.lag: dict[str, int] = {}
        self.answers: dict[str, bytes | Mapping[str, Any]] = {}
        """What a location answers instead: bytes as they are, or a document."""

    def at(self, location: str) -> dict[str, Any]:
        return self.published[max(0, self.position - self.lag.get(location, 0))]

    def step(self, steps: int = 1) -> dict[str, Any]:
        self.position = min(self.position + steps, len(self.published) - 1)
        return self.published[self.position]

    def routable(self, tag: str) -> bool:
        """Whether a route may have it; never one of its regions, nor any of it in China."""
        if tag == SERVICE_TAG:
            return self._cloud != "AzureChinaCloud"
        return tag.split(".", maxsplit=1)[0] in _ROUTABLE

    def document(self, location: str) -> dict[str, Any]:
        """What this location publishes now, as one document."""
        published = self.at(location)
        number = str(published["tagChangeNumber"])
        prefixes = published["addressPrefixes"]
        return {
            "name": published["cloud"],
            "id": f"/subscriptions/s/providers/Microsoft.Network/serviceTags/{published['cloud']}",
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


class ServiceTagApi:
    """`locations/{}/serviceTags`: the whole cloud's tags, in pages."""

    kind = TAG_KINDS[0]

    def list_page(self, call: "Call") -> Response:
        answer = _answer(call)
        if isinstance(answer, bytes):
            return Response(answer, media_type="application/json")
        if not isinstance(answer.get("values"), list):
            return JSONResponse(dict(answer))
        return JSONResponse(
            {**answer, **call.page("values", answer["values"], call.state.tags.page_size)}
        )


class ServiceTagDetailApi:
    """`locations/{}/serviceTagDetails`, of one tag by `tagName`. UNCONFIRMED: no recording."""

    kind = TAG_KINDS[1]

    def list_page(self, call: "Call") -> Response:
        answer = _answer(call)
        if isinstance(answer, bytes):
            return Response(answer, media_type="application/json")
        query = call.request.query_params
        tags = [dict(tag) for tag in answer.get("values") or ()]
        if "tagName" in query:
            tags = [tag for tag in tags if tag["name"] == query["tagName"]]
        if query.get("noAddressPrefixes", "").lower() == "true":
            tags = [{**tag, "properties": _without_prefixes(tag["properties"])} for tag in tags]
        return JSONResponse(call.page("value", tags, call.state.tags.page_size))


def with_tag(
    body: dict[str, Any], change: Callable[[list[str]], list[str] | None]
) -> dict[str, Any]:
    """An answer of either API with the tag's prefixes changed; without the tag where it is None."""
    key = "values" if "values" in body else "value"
    tags = []
    for tag in body[key]:
        prefixes = tag["properties"].get("addressPrefixes", [])
        changed = change(prefixes) if tag["name"] == SERVICE_TAG else prefixes
        if changed is not None:
            tags.append({**tag, "properties": {**tag["properties"], "addressPrefixes": changed}})
    return {**body, key: tags}


@functools.cache
def _published(cloud: str) -> Sequence[dict[str, Any]]:
    """Parsed once a process: each test has an Azure of its own."""
    return tuple(map(json.loads, (DATA / f"{cloud}.jsonl").read_text().splitlines()))


def _answer(call: "Call") -> bytes | Mapping[str, Any]:
    location = call.target.names[0].lower()
    tags = call.state.tags
    instead = tags.answers.get(location)
    return tags.document(location) if instead is None else instead


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


def _without_prefixes(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in properties.items() if k != "addressPrefixes"}
