"""The Azure tag on a route table that registers it.

Its value is `off`, a service, or service tags with commas between them. Azure compares the names of
such tags without regard to case, and their values with it. Source: "Use tags to organize your Azure
resources".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .. import codes
from ..armid import RouteTableId
from ..errors import Fault, InvalidRequest, TransientError
from ..routing.routes import RouteTable
from ..services.known import NAMED
from .registration import Registration

AZURE_TAG = "aseRouteSync"
OFF = "off"
"""The table is registered and disabled: the app leaves it alone. It is taken in any case, because
it never lets the app write.
"""


class TagEffect(StrEnum):
    REGISTERED = "registered"
    CHANGED = "changed"
    UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class TagChange:
    """A registration that the Azure tag of its table has made, changed or removed."""

    route_table_id: RouteTableId
    effect: TagEffect
    message: str


@dataclass(frozen=True, slots=True)
class TaggedTable:
    """A route table with the value of its Azure tag; None if it has no such tag.

    `region` is the ARM location of the table. `owners` are those whose stamps are in the names of
    its routes.
    """

    route_table_id: RouteTableId
    value: str | None = None
    region: str | None = None
    owners: frozenset[str] = frozenset()

    @classmethod
    def of(cls, route_table_id: RouteTableId, table: RouteTable) -> "TaggedTable":
        """Raise TransientError if the answer shows the table's tags in no known form."""
        owners = frozenset(route.owner for route in table.routes if route.owner is not None)
        region = (table.location or "").replace(" ", "").lower() or None
        return cls(route_table_id, _value_in(table.raw.get("tags")), region, owners)

    @property
    def text(self) -> str:
        """The tag as messages show it: its value may be anything."""
        return f"{AZURE_TAG} = {self.value!r:.80}" if self.value is not None else AZURE_TAG


def _value_in(tags: object) -> str | None:
    if tags is None:
        return None
    if not isinstance(tags, Mapping):
        raise TransientError(codes.UNEXPECTED_ANSWER, "the tags of the table are no object")
    # A tag without a value is there, and so it is no reason to unregister the table.
    values = (value for name, value in tags.items() if name.lower() == AZURE_TAG.lower())
    return next(("" if value is None else str(value) for value in values), None)


@dataclass(frozen=True, slots=True)
class TagWish:
    """The wish of an Azure tag for a registration. The rest of the registration stays as it is.

    If the table is to be `enabled`, it names a service or service tags. The `region` is the one of
    the table, if the tags of the service depend on it.
    """

    enabled: bool
    service: str | None = None
    region: str | None = None
    service_tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, tagged: TaggedTable) -> "TagWish":
        """Raise InvalidRequest if the value names nothing. Tags that it names are not judged."""
        value = tagged.value or ""
        names = tuple(dict.fromkeys(name.strip() for name in value.split(",")))
        if [name.lower() for name in names] == [OFF]:
            return cls(enabled=False)

        fault = _fault_of(names)
        if fault is not None:
            raise InvalidRequest([Fault(AZURE_TAG, fault)])
        if names[0] not in NAMED:
            return cls(enabled=True, service_tags=names)
        region = tagged.region if NAMED[names[0]].is_regional else None
        return cls(enabled=True, service=names[0], region=region)

    def differences(self, registration: Registration) -> Iterator[str]:
        """Yield what the registration says otherwise, in words.

        A table that is left alone may have any tags.
        """
        if registration.enabled != self.enabled:
            yield "enabled" if registration.enabled else "disabled"
        asked = registration.service, registration.region, {*registration.named_tags}
        if self.enabled and asked != (self.service, self.region, {*self.service_tags}):
            names = filter(None, (registration.service, *registration.named_tags))
            where = f" in {registration.region}" if registration.region else ""
            yield f"with {', '.join(names)}{where}"


def _fault_of(names: tuple[str, ...]) -> str | None:
    if names == ("",):
        return "the value is empty"
    if "" in names:
        return "a name is missing beside a comma"
    services = [name for name in names if name in NAMED]
    if services and len(names) > 1:
        return f"{services[0]} is a service, which stands alone: name its tags instead"
    return None
