"""The Service Tag Discovery API: all tags (`serviceTags`) and single ones (`serviceTagDetails`)."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from shared.domain.routing.published_tags import PUBLISHED

if TYPE_CHECKING:
    from .call import Call

SERVICE_TAG = "AppServiceManagement"
PAGE_SIZE = 2
"""The number of tags on a page. The real service has hundreds of tags and larger pages."""
TAG_KINDS = (
    "Microsoft.Network/locations/serviceTags",
    "Microsoft.Network/locations/serviceTagDetails",
)
DATA = Path(__file__).parents[1] / "data"


class TagHistory:
    """The tag's real history in one cloud. Tests step through it, and a location may lag behind."""

    def __init__(self, cloud: str) -> None:
        self._cloud = cloud
        self.published = _published(cloud)
        self.position = 0
        self.page_size = PAGE_SIZE
        self.lag: dict[str, int] = {}
        self.answers: dict[str, bytes | Mapping[str, Any]] = {}
        """Bytes or a document that a location answers instead."""
        self.newly_routable: set[str] = set()
        """Tags that a route may have as its prefix, although Microsoft's last file lacks them."""
        self.others: dict[str, list[str]] = {}
        """The prefixes of more tags, which no step changes."""

    def at(self, location: str) -> dict[str, Any]:
        return self.published[max(0, self.position - self.lag.get(location, 0))]

    def step(self, steps: int = 1) -> dict[str, Any]:
        self.position = min(self.position + steps, len(self.published) - 1)
        return self.published[self.position]

    def routable(self, tag: str) -> bool:
        """Return whether a route may have the tag as its prefix."""
        return tag in self.newly_routable or PUBLISHED[self._cloud].says(tag) is True

    def document(self, location: str) -> dict[str, Any]:
        """Return the document that the location publishes now."""
        published = self.at(location)
        number = str(published["tagChangeNumber"])
        prefixes = published["addressPrefixes"]

        # Tags whose names begin alike or differ only in case are other tags.
        values = [
            _tag("AppService", "13", ["13.64.73.110/32", "191.235.208.12/32"]),
            _tag("ApiManagement", "7", ["13.64.39.16/32", "40.74.146.80/31"]),
            _tag(SERVICE_TAG, number, prefixes),
            _tag(f"{SERVICE_TAG}.WestEurope", number, prefixes[:1]),
            _tag(SERVICE_TAG.lower(), number, ["51.12.0.0/16"]),
            *(_tag(name, "1", others) for name, others in self.others.items()),
        ]
        return {
            "name": published["cloud"],
            "id": f"/subscriptions/s/providers/Microsoft.Network/serviceTags/{published['cloud']}",
            "type": "Microsoft.Network/serviceTags",
            "changeNumber": str(published["documentChangeNumber"]),
            "cloud": published["cloud"],
            "values": values,
        }


class ServiceTagApi:
    """`locations/{}/serviceTags` answers all tags of the cloud, in pages."""

    kind = TAG_KINDS[0]

    def list_page(self, call: "Call") -> Response:
        answer = _answer(call)
        if isinstance(answer, bytes):
            return Response(answer, media_type="application/json")
        if not isinstance(answer.get("values"), list):
            return JSONResponse(dict(answer))

        page = call.page("values", answer["values"], call.state.tags.page_size)
        return JSONResponse({**answer, **page})


class ServiceTagDetailApi:
    """`locations/{}/serviceTagDetails` answers the tag `tagName`. UNCONFIRMED: no recording."""

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
    """Change the tag's prefixes in an answer of either API.

    If `change` returns None, the tag is left out.
    """
    key = "values" if "values" in body else "value"
    tags = []
    for tag in body[key]:
        properties = tag["properties"]
        prefixes = properties.get("addressPrefixes", [])
        if tag["name"] == SERVICE_TAG:
            prefixes = change(prefixes)
        if prefixes is not None:
            tags.append({**tag, "properties": {**properties, "addressPrefixes": prefixes}})
    return {**body, key: tags}


@functools.cache
def _published(cloud: str) -> Sequence[dict[str, Any]]:
    """Parse once for each process, because each test has its own simulated Azure."""
    lines = (DATA / f"{cloud}.jsonl").read_text().splitlines()
    return tuple(json.loads(line) for line in lines)


def _answer(call: "Call") -> bytes | Mapping[str, Any]:
    location = call.target.names[0].lower()
    tags = call.state.tags
    answer = tags.answers.get(location)
    return tags.document(location) if answer is None else answer


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
    return {name: value for name, value in properties.items() if name != "addressPrefixes"}
