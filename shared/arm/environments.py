"""App Service Environments, and the subscriptions in which discovery looks for them.

Rights: Microsoft.Web/hostingEnvironments/read and …/inboundNetworkDependenciesEndpoints/read.
"""

from collections.abc import Iterator, Sequence

from ..domain import codes
from ..domain.armid import EnvironmentId
from ..domain.surroundings.environments import Environment
from .client import ArmClients, items
from .errors import arm_answers

_SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"


class ArmEnvironments:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def read(self, environment_id: EnvironmentId) -> Environment:
        """Raise PermanentError `EnvironmentNotFound` if there is none."""
        client = self._clients.web(environment_id.subscription_id)
        with arm_answers(not_found=codes.ENVIRONMENT_NOT_FOUND):
            found = client.app_service_environments.get(
                environment_id.resource_group, environment_id.name
            )
            return Environment.from_arm(found.as_dict())

    def list(self, subscription_id: str) -> Iterator[Environment]:
        """Yield every environment of a subscription, page by page."""
        client = self._clients.web(subscription_id)
        with arm_answers():
            for found in items(client.app_service_environments.list()):
                yield Environment.from_arm(found.as_dict())

    def subscriptions(self) -> Sequence[str]:
        """Return the ids of the subscriptions in which the app's identity has a role."""
        with arm_answers():
            pages = self._clients.pages(_SUBSCRIPTIONS)
            return [str(found["subscriptionId"]) for page in pages for found in page["value"]]


class ArmInboundDependencies:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def read(self, environment_id: EnvironmentId) -> Sequence[object]:
        """Return all entries: the management addresses, the VIP and the subnet."""
        client = self._clients.web(environment_id.subscription_id)
        with arm_answers(not_found=codes.ENVIRONMENT_NOT_FOUND):
            list_entries = (
                client.app_service_environments.get_inbound_network_dependencies_endpoints
            )
            entries = list_entries(environment_id.resource_group, environment_id.name)
            return [entry.as_dict() for entry in items(entries)]
