"""Azure Resource Graph: the one query of this project over the resources of services.

This is no Kusto engine: every other query is refused. Sources: "Resources - Resources" (REST,
2021-03-01); "Working with large Azure resource data sets"; "Guidance for throttled requests";
azure-docs issue 50606 for `resultTruncated`; aztfexport issues 331, 410 and 491 for the refusals;
a 429 that a client's source code quotes, with its headers (February 2023).
"""

import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from .call import Call
from .errors import ArmError
from .target import key_of

KIND = "Microsoft.ResourceGraph/resources"
_TYPES = (
    "microsoft.aad/domainservices",
    "microsoft.apimanagement/service",
    "microsoft.databricks/workspaces",
    "microsoft.hdinsight/clusters",
)
QUERY = (
    f"resources | where type in~ {_TYPES} | project id, type, location, sku, properties"
    " | order by id asc"
)
MOST_SUBSCRIPTIONS = 1000
MOST_ROWS = 1000
_THROTTLED = (
    "Client application has been throttled and should not attempt to repeat the request until an "
    "amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."
)
_COLUMNS = ("id", "type", "location", "sku", "properties")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceResource:
    """A resource of a service, as its own provider answers it."""

    resource_id: str
    kind: str
    location: str = "West Europe"
    properties: Mapping[str, Any] = field(default_factory=dict)
    sku: Mapping[str, Any] | None = None

    @property
    def subscription(self) -> str:
        return self.resource_id.split("/")[2].lower()

    @property
    def row(self) -> dict[str, Any]:
        """The row as the graph shows it: it has its own spelling of types and locations."""
        location = self.location.lower().replace(" ", "")
        values = (self.resource_id, self.kind.lower(), location, self.sku, self.properties)
        return dict(zip(_COLUMNS, values, strict=True))


@dataclass(kw_only=True)
class Graph:
    """The content of the graph, and the way in which it answers."""

    clock: Callable[[], float]
    resources: dict[str, ServiceResource] = field(default_factory=dict)
    page_size: int = MOST_ROWS
    """The graph answers fewer rows than were asked for if they are large."""
    pages: bool = True
    """If false, the answer is cut off after its first page, and nothing leads to the rest."""
    quota: int = 15
    """The queries of one caller in each window."""
    window_seconds: int = 5
    retry_after: int = 2
    """Seconds, as recorded: shorter than the window."""
    _queries: dict[str, deque[float]] = field(default_factory=dict)

    def add(self, resource: ServiceResource) -> ServiceResource:
        self.resources[key_of(resource.resource_id)] = resource
        return resource

    def admit(self, object_id: str) -> tuple[int, float]:
        """Count a query of this caller. Return how many are left, and the seconds to the next one.

        If -1 is left, the query is refused.
        """
        queries = self._queries.setdefault(object_id, deque())
        while queries and queries[0] <= self.clock() - self.window_seconds:
            queries.popleft()
        is_refused = len(queries) >= self.quota
        if not is_refused:
            queries.append(self.clock())

        oldest = queries[0] if queries else self.clock()
        resets_after = oldest + self.window_seconds - self.clock()
        return (-1 if is_refused else self.quota - len(queries)), resets_after


class ResourceGraphApi:
    kind = KIND

    def post(self, call: Call) -> Response:
        graph = call.state.graph
        left, resets_after = graph.admit(call.principal.object_id)
        seconds = call.state.timing.real(resets_after)
        quota = {
            "x-ms-user-quota-remaining": str(max(0, left)),
            "x-ms-user-quota-resets-after": f"00:00:{seconds:010.7f}",
        }
        if left < 0:
            headers = {**quota, "Retry-After": str(graph.retry_after)}
            raise _refusal(call, 429, "RateLimiting", _THROTTLED, headers=headers)

        _check(call)
        return JSONResponse(_page(call, graph), headers=quota)


def _check(call: Call) -> None:
    body = call.json()
    if " ".join(str(body.get("query")).split()) != QUERY:
        raise _bad_request(call, "InvalidQuery", "Query is invalid.")
    if not 1 <= _options(call).get("$top", MOST_ROWS) <= MOST_ROWS:
        raise _bad_request(call, "UnconfirmedTop", f"$top has to be from 1 to {MOST_ROWS}.")


def _options(call: Call) -> Mapping[str, Any]:
    found: Mapping[str, Any] = call.json().get("options") or {}
    return found


def _page(call: Call, graph: Graph) -> dict[str, Any]:
    readable = _readable(call, call.json().get("subscriptions") or [])
    found = [resource.row for resource in _visible(call, graph, readable)]
    start = _start(call)
    end = start + min(_options(call).get("$top", MOST_ROWS), graph.page_size)
    answer = {"totalRecords": len(found), "count": len(found[start:end]), "facets": []}

    # The text is "true" only if no page follows, although rows are missing.
    more = end < len(found)
    answer |= {"data": found[start:end], "resultTruncated": str(more and not graph.pages).lower()}
    if more and graph.pages:
        answer["$skipToken"] = _token(end, call.json())
    return answer


def _readable(call: Call, asked: list[str]) -> set[str]:
    """Return the subscriptions in which the caller may query. The others are left out silently.

    UNCONFIRMED: whether the graph asks for the action of a query at all.
    """
    if len(asked) > MOST_SUBSCRIPTIONS:
        said = f"The request has more than {MOST_SUBSCRIPTIONS} subscriptions."
        raise _bad_request(call, "UnconfirmedTooManySubscriptions", said)
    known = {each.lower() for each in asked} & call.state.subscriptions
    if not known:
        raise _bad_request(
            call,
            "NoValidSubscriptionsInQueryRequest",
            "There must be at least one subscription that is eligible to contain resources. "
            f"Given: '{','.join(asked)}'.",
        )

    may = {each for each in known if call.principal.may(f"{KIND}/read", f"/subscriptions/{each}")}
    if not may:
        said = (
            "Access is denied to the requested resource. The user might not have enough permission."
        )
        raise _refusal(call, 403, "AccessDenied", said)
    return may


def _visible(call: Call, graph: Graph, readable: set[str]) -> list[ServiceResource]:
    """Return the resources that the caller may read. The others are left out silently."""
    found = [graph.resources[key] for key in sorted(graph.resources)]
    there = [r for r in found if r.subscription in readable and r.kind.lower() in _TYPES]
    actions = {f"{resource.kind}/read" for resource in there}
    call.linked += sorted(actions)
    return [r for r in there if call.principal.may(f"{r.kind}/read", r.resource_id)]


def _token(start: int, body: Mapping[str, Any]) -> str:
    """The token belongs to the query and to its scopes."""
    text = json.dumps([start, body["query"], body.get("subscriptions")])
    return base64.b64encode(text.encode()).decode()


def _start(call: Call) -> int:
    token = _options(call).get("$skipToken")
    if token is None:
        return 0
    start, *asked = json.loads(base64.b64decode(token))
    if asked != [call.json()["query"], call.json().get("subscriptions")]:
        raise _bad_request(call, "UnconfirmedSkipToken", "The token is of another query.")
    return int(start)


def _bad_request(call: Call, code: str, message: str) -> ArmError:
    return _refusal(call, 400, "BadRequest", message, detail=code)


def _refusal(
    call: Call,
    status: int,
    code: str,
    message: str,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> ArmError:
    """The graph says only in the details what is wrong."""
    said = (
        f"Please provide below info when asking for support: timestamp = "
        f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f0Z}, correlationId = {call.correlation_id}."
    )
    details: list[Mapping[str, Any]] = [{"code": detail or code, "message": message}]
    return ArmError(status, code, said, details=details, headers=headers)
