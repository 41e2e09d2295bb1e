"""Subnets (Microsoft.Network/virtualNetworks/subnets/read, /write), and their security groups."""

import functools
from typing import Any, cast

from ..domain.armid import RouteTableId, SubnetId
from ..domain.errors import SUBNET_NOT_FOUND
from ..domain.surroundings.environments import Subnet
from .client import ArmClients, raw_json
from .errors import arm_answers
from .writes import write


class ArmSubnets:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def read(self, subnet_id: SubnetId) -> Subnet:
        """Raise PermanentError `SubnetNotFound` where there is none."""
        network = subnet_id.virtual_network
        client = self._clients.network(network.subscription_id)
        with arm_answers(not_found=SUBNET_NOT_FOUND):
            raw: Any = client.subnets.get(
                network.resource_group,
                network.name,
                subnet_id.name,
                cls=raw_json,
                **self._clients.call_options,
            )
            return Subnet.from_arm(raw, subnet_id)

    def set_route_table(self, subnet: Subnet, route_table_id: RouteTableId) -> None:
        """Replace the subnet as read by the same with this table, if it still has its ETag.

        Raise as shared.arm.writes does.
        """
        from azure.mgmt.network import models

        network = subnet.subnet_id.virtual_network
        client = self._clients.network(network.subscription_id)
        # The model leaves out what is read-only and keeps what it does not know.
        body = models.Subnet(subnet.with_route_table(route_table_id))
        begin = functools.partial(
            client.subnets.begin_create_or_update,
            network.resource_group,
            network.name,
            subnet.subnet_id.name,
            cast(Any, body.as_dict(exclude_readonly=True)),
            **self._clients.call_options,
        )
        write(begin, {"If-Match": subnet.etag})
