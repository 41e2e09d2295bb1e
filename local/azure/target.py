"""What an ARM path names, and the action that a request on it is."""

from dataclasses import dataclass, replace
from typing import Self

RESOURCES = "Microsoft.Resources"
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


@dataclass(frozen=True, slots=True)
class Target:
    """`types` and `names` in turn; a collection has one type more than names. `extended` is the id
    of the resource of another provider that this belongs to.
    """

    namespace: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    subscription: str = ""
    group: str = ""
    extended: str = ""

    @classmethod
    def parse(cls, path: str) -> Self | None:
        """None for what is no path of Azure Resource Manager."""
        segments = [segment for segment in path.split("/") if segment]
        keys = [key.lower() for key in segments[0::2]]
        scope, resource = _split(segments, keys)
        subscription = scope[1] if len(scope) > 1 else ""
        group = scope[3] if len(scope) > 3 else ""
        if resource:
            namespace, *rest = resource
            kinds, names = tuple(rest[0::2]), tuple(rest[1::2])
            extended = f"/{'/'.join(scope)}" if "providers" in keys[: len(scope) // 2] else ""
            return cls(namespace, kinds, names, subscription, group, extended)
        if keys[:2] in (["tenants"], ["subscriptions"], ["subscriptions", "resourcegroups"]):
            return cls(RESOURCES, tuple(segments[0::2]), tuple(segments[1::2]), subscription, group)
        return None

    @property
    def kind(self) -> str:
        return "/".join((self.namespace, *self.types))

    @property
    def is_collection(self) -> bool:
        return len(self.types) > len(self.names)

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def subscription_id(self) -> str:
        return f"/subscriptions/{self.subscription}"

    @property
    def group_id(self) -> str:
        return f"{self.subscription_id}/resourceGroups/{self.group}"

    @property
    def resource_id(self) -> str:
        """Without the last type, where it is a collection: the scope that is listed."""
        pairs = zip(self.types, self.names, strict=False)
        within = "".join(f"/{kind}/{name}" for kind, name in pairs)
        if self.namespace == RESOURCES:
            return within
        scope = self.extended or (self.group_id if self.group else self.subscription_id)
        return f"{scope}/providers/{self.namespace}{within}" if within else scope

    @property
    def key(self) -> str:
        return self.resource_id.lower()

    @property
    def parent(self) -> Self:
        return replace(self, types=self.types[:1], names=self.names[:1])

    def spelled(self, kind: str) -> Self:
        """The same with its namespace and types in the case the provider gives them."""
        namespace, *types = kind.split("/")
        return replace(self, namespace=namespace, types=tuple(types))

    def action(self, method: str) -> str:
        return f"{self.kind}/{_VERBS[method]}"


def _split(segments: list[str], keys: list[str]) -> tuple[list[str], list[str]]:
    """What is before the last provider, and that with what is behind it."""
    if "providers" not in keys:
        return segments, []
    at = 2 * (len(keys) - 1 - keys[::-1].index("providers"))
    return segments[:at], segments[at + 1 :]
