"""Subnets. Rights: Microsoft.Network/virtualNetworks/subnets/read, /write."""

import functools
from typing import Any

from ..domain import codes
from ..domain.armid import RouteTableId, SubnetId
from ..domain.surroundings.environments import Subnet
from .client import ArmClients, raw_json
from .errors import arm_answers
from .writes import write_and_look


class ArmSubnets:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def read(self, subnet_id: SubnetId) -> Subnet:
        """Raise PermanentError `SubnetNotFound` if there is none."""
        network = subnet_id.virtual_network
        client = self._clients.network(network.subscription_id)
        with arm_answers(not_found=codes.SUBNET_NOT_FOUND):
            raw: Any = client.subnets.get(
                network.resource_group,
                network.name,
                subnet_id.name,
                cls=raw_json,
                **self._clients.call_options,
            )
            return Subnet.from_arm(raw, subnet_id)

    def set_route_table(self, subnet: Subnet, route_table_id: RouteTableId) -> None:
        """Attach the table to the subnet if the subnet still has the ETag that was read.

        Raise the errors of `write_and_look`.
        """
        network = subnet.subnet_id.virtual_network
        begin = functools.partial(
            self._clients.network(network.subscription_id).subnets.begin_create_or_update,
            network.resource_group,
            network.name,
            subnet.subnet_id.name,
            _body(subnet, route_table_id),
            **self._clients.call_options,
        )

        stands = functools.partial(self._has, subnet.subnet_id, route_table_id)
        write_and_look(begin, {"If-Match": subnet.etag}, stands)

    def _has(self, subnet_id: SubnetId, route_table_id: RouteTableId) -> bool:
        subnet = self.read(subnet_id)
        return subnet.sound and subnet.route_table_id == route_table_id


def _body(subnet: Subnet, route_table_id: RouteTableId) -> Any:
    """A PUT replaces the whole subnet. The model drops read-only keys and keeps unknown ones."""
    from azure.mgmt.network import models

    model = models.Subnet(subnet.with_route_table(route_table_id))
    return model.as_dict(exclude_readonly=True)
