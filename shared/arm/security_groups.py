"""Network security groups.

Rights: Microsoft.Network/networkSecurityGroups/read and …/securityRules/write.
"""

import functools
from collections.abc import Mapping
from typing import Any, cast

from ..domain import codes
from ..domain.armid import SecurityGroupId
from ..domain.surroundings.security_rules import SecurityGroup
from .client import ArmClients, raw_json
from .errors import arm_answers
from .writes import write_and_look


class ArmSecurityGroups:
    def __init__(self, clients: ArmClients) -> None:
        self._clients = clients

    def read(self, group_id: SecurityGroupId) -> SecurityGroup:
        """Raise PermanentError `SecurityGroupNotFound` if there is none."""
        client = self._clients.network(group_id.subscription_id)
        with arm_answers(not_found=codes.SECURITY_GROUP_NOT_FOUND):
            raw: Any = client.network_security_groups.get(
                group_id.resource_group,
                group_id.name,
                cls=raw_json,
                **self._clients.call_options,
            )
            return SecurityGroup.from_arm(raw, group_id)

    def add_rule(self, group: SecurityGroup, name: str, properties: Mapping[str, object]) -> None:
        """Add one rule.

        Raise PermanentError if another rule has taken its priority since the group was read, and
        otherwise the errors of `write_and_look`.
        """
        group_id = group.group_id
        begin = functools.partial(
            self._clients.network(group_id.subscription_id).security_rules.begin_create_or_update,
            group_id.resource_group,
            group_id.name,
            name,
            cast(Any, {"name": name, "properties": properties}),
            **self._clients.call_options,
        )

        stands = functools.partial(self._has, group_id, name)
        write_and_look(begin, {"If-None-Match": "*"}, stands)

    def _has(self, group_id: SecurityGroupId, name: str) -> bool:
        return self.read(group_id).has_sound_rule(name)
