"""A registration: the part of a registered route table that a person asked for."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime

from ..addresses import Source
from ..armid import EnvironmentId
from ..routing.policy import ApplyPolicy
from .choices import AddressSource, RouteStyle


@dataclass(frozen=True, slots=True)
class RouteException:
    """A conflict that is accepted: a foreign route on this prefix, to the end of a day (UTC)."""

    prefix: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Pin:
    """A recorded version at which its own source stays, and the reason.

    A person names the version. The app adds the `source` of that version, and the time `since` when
    the pin is set.
    """

    version_id: str
    reason: str
    source: Source
    since: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """The wishes of a person for one route table. No run and no check ever changes them. If the
    Azure tag of the table has made the registration, the tag changes it.

    The wanted addresses of the table are the union of its sources. A table that is not `enabled`
    is left alone. A `service` stands for its tags in `region`, an ARM location. `service_tags` has
    them and the tags that a person named beside it, which `tags_beside` has alone: so the row says
    what is wanted to a release that does not know the service, or knows other tags of it.
    """

    service_tags: tuple[str, ...]
    ase_id: EnvironmentId | None = None
    address_source: AddressSource = AddressSource.SERVICE_TAG
    route_style: RouteStyle = RouteStyle.PREFIXES
    apply_policy: ApplyPolicy | None = None
    exceptions: tuple[RouteException, ...] = ()
    enabled: bool = True
    note: str | None = None
    pin: Pin | None = None
    service: str | None = None
    region: str | None = None
    tags_beside: tuple[str, ...] = ()

    @property
    def named_tags(self) -> tuple[str, ...]:
        """The tags that a person named one by one."""
        return self.service_tags if self.service is None else self.tags_beside

    @property
    def known_sources(self) -> tuple[Source, ...]:
        """Every source of addresses for this table, also one that is only compared with."""
        return self.service_tags if self.ase_id is None else (*self.service_tags, self.ase_id.key)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources whose addresses are wanted in the table."""
        if self.address_source is AddressSource.SERVICE_TAG or self.ase_id is None:
            return self.service_tags
        if self.address_source is AddressSource.ASE:
            return (self.ase_id.key,)
        return self.known_sources

    @property
    def following(self) -> tuple[Source, ...]:
        """The sources of which the newest version counts: all but the pinned one."""
        pinned = None if self.pin is None else self.pin.source
        return tuple(source for source in self.sources if source != pinned)

    def desired_version_id(self, newest_id: str, source: Source) -> str:
        """Return the id of the version that is wanted of this source: the pinned or the newest."""
        if self.pin is None or self.pin.source != source:
            return newest_id
        return self.pin.version_id

    def has_routes_of(self, other: "Registration") -> bool:
        """Whether both want routes from the same sources and in the same style."""
        mine, theirs = (
            ({*one.service_tags}, one.ase_id, one.address_source, one.route_style)
            for one in (self, other)
        )
        return mine == theirs

    @property
    def etag(self) -> str:
        """Return the strong ETag (RFC 9110) of what a person asked for."""
        asked = asdict(self) | {"service_tags": self.named_tags}
        text = json.dumps(asked, default=str, sort_keys=True)
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'

    def accepted(self, today: date) -> dict[str, str]:
        """Return the reason for each exception that has not ended, by its prefix."""
        return {each.prefix: each.reason for each in self.exceptions if today <= each.until}
