"""The resources of services, in one query of Azure Resource Graph for many subscriptions.

Rights: Microsoft.ResourceGraph/resources/read, and the read action of each type. Azure silently
leaves out what the identity may not read, so a caller has to look at its rights as well. Sources:
"Working with large Azure resource data sets", "Guidance for throttled requests in Azure Resource
Graph", and "Permissions in Azure Resource Graph" of its overview.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azure.core.rest import HttpResponse

from ..domain import codes
from ..domain.errors import TransientError
from ..domain.surroundings.service_resources import ACTIONS, TYPES, ServiceResource
from .budgets import quota_seconds
from .client import ArmClients, next_link
from .errors import arm_answers
from .permissions import missing

if TYPE_CHECKING:
    from azure.mgmt.resourcegraph.models import QueryRequest

QUERY = (
    f"resources | where type in~ ({', '.join(f"'{each}'" for each in TYPES)})"
    " | project id, type, location, sku, properties | order by id asc"
)
"""Without its order, pages may repeat a resource or leave one out."""
ROWS_A_PAGE = 200
"""A page may have 1,000 rows. A resource may have tens of KB."""


class ArmServiceResources:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def list(self, subscription_ids: Sequence[str]) -> Iterator[ServiceResource]:
        """Yield the resources in these subscriptions, of which one query may name 1,000.

        Raise TransientError `ResourceGraphIncomplete` after the last one if there are more.
        """
        with arm_answers():
            total, read = 0, 0
            for page in self._pages(subscription_ids):
                total, rows = int(page["totalRecords"]), page["data"]
                read += len(rows)
                yield from map(ServiceResource.from_graph, rows)

        if read < total:
            said = f"Azure Resource Graph answered {read} of {total} resources"
            raise TransientError(codes.RESOURCE_GRAPH_INCOMPLETE, said)

    def missing_rights(self, subscription_id: str) -> Sequence[str]:
        """Return the actions that the identity lacks there: without them, `list` is incomplete."""
        return missing(self._clients, f"/subscriptions/{subscription_id}", ACTIONS)

    def _pages(self, subscription_ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Follow the token of each page. Raise ValueError if a token repeats."""
        token: str | None = None
        seen = set[str]()
        while True:
            response = self._ask(_request(subscription_ids, token))
            page = response.json()
            yield page

            # The text `resultTruncated` is "true" only if rows are missing and no token is there.
            token = next_link(page.get("$skipToken"), seen)
            if token is None:
                return
            self._clients.wait(quota_seconds(response))

    def _ask(self, request: "QueryRequest") -> HttpResponse:
        def whole(response: Any, _model: object, _headers: object) -> HttpResponse:
            answer: HttpResponse = response.http_response
            return answer

        answer: Any = self._clients.graph().resources(request, cls=whole)
        found: HttpResponse = answer
        return found


def _request(subscription_ids: Sequence[str], token: str | None) -> "QueryRequest":
    from azure.mgmt.resourcegraph import models  # only discoveries need it

    options = models.QueryRequestOptions(
        top=ROWS_A_PAGE, skip_token=token, result_format=models.ResultFormat.OBJECT_ARRAY
    )
    return models.QueryRequest(query=QUERY, subscriptions=list(subscription_ids), options=options)
