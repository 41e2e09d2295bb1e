"""The resource or collection that an ARM path names, and the action of a request on it."""

from dataclasses import dataclass, replace
from typing import Self

RESOURCES = "Microsoft.Resources"
_READING_POSTS = {
    "microsoft.policyinsights/checkpolicyrestrictions",
    "microsoft.resourcegraph/resources",
}
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


def key_of(resource_id: str) -> str:
    """Return the same key for every spelling of an id: ARM compares the capitals, one by one."""
    return resource_id.lower() if resource_id.isascii() else "".join(map(_small, resource_id))


def _small(letter: str) -> str:
    capital = letter.upper()
    small = capital.lower()
    return small if len(capital) == len(small) == 1 else letter


@dataclass(frozen=True, slots=True)
class Target:
    """`types` and `names` alternate in a path. A collection has one type more than names.

    `extended` is the id of the resource of another provider to which this one belongs.
    """

    namespace: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    subscription: str = ""
    group: str = ""
    extended: str = ""

    @classmethod
    def parse(cls, path: str) -> Self | None:
        """Return None if the path does not belong to Azure Resource Manager."""
        segments = [segment for segment in path.split("/") if segment]
        keys = [key.lower() for key in segments[0::2]]
        scope, resource = _split(segments, keys)
        subscription = scope[1] if len(scope) > 1 else ""
        group = scope[3] if len(scope) > 3 else ""

        if resource:
            namespace, types, names = resource[0], resource[1::2], resource[2::2]
            extended = f"/{'/'.join(scope)}" if "providers" in keys[: len(scope) // 2] else ""
        elif keys[:2] in (["tenants"], ["subscriptions"], ["subscriptions", "resourcegroups"]):
            namespace, types, names, extended = RESOURCES, segments[0::2], segments[1::2], ""
        else:
            return None
        return cls(namespace, tuple(types), tuple(names), subscription, group, extended)

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
        """Return the id. A collection has the id of its scope."""
        pairs = zip(self.types, self.names, strict=False)
        within = "".join(f"/{kind}/{name}" for kind, name in pairs)
        if self.namespace == RESOURCES:
            return within
        scope = self.extended or (self.group_id if self.group else self.subscription_id)
        return f"{scope}/providers/{self.namespace}{within}" if within else scope

    @property
    def key(self) -> str:
        return key_of(self.resource_id)

    @property
    def parent(self) -> Self:
        return replace(self, types=self.types[:1], names=self.names[:1])

    def spelled(self, kind: str) -> Self:
        """Return the target with its namespace and types in the case that the provider uses."""
        namespace, *types = kind.split("/")
        return replace(self, namespace=namespace, types=tuple(types))

    def action(self, method: str) -> str:
        verb = "read" if self.kind.lower() in _READING_POSTS else _VERBS[method]
        return f"{self.kind}/{verb}"


def _split(segments: list[str], keys: list[str]) -> tuple[list[str], list[str]]:
    """Split the path at its last provider, into the scope and the resource."""
    if "providers" not in keys:
        return segments, []
    last_provider = 2 * (len(keys) - 1 - keys[::-1].index("providers"))
    return segments[:last_provider], segments[last_provider + 1 :]
