"""An Azure service that works with the addresses of service tags, as a person names it."""

from collections.abc import Collection
from dataclasses import dataclass, replace

REGION = "{region}"
"""Stands in a tag for the region of the resource: `Storage.{region}` is `Storage.WestEurope`."""


@dataclass(frozen=True, slots=True)
class InboundRule:
    """The traffic over TCP that a security group must let in, from the tag to these ports.

    If the service does not always need it, `only` says when it does. If it `needs_group`, nothing
    is let in without a security group on the subnet, because a load balancer of the Standard SKU is
    closed until a group opens it.
    """

    service_tag: str
    ports: str
    only: str | None = None
    needs_group: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A page of Microsoft, and the date that it bears, if it bears one."""

    url: str
    date: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service. `why` is what its routes are for, and `unless` says when it needs none.

    `needed_when` is true of those who need the routes, if their traffic goes through a firewall.
    `REGION` stands in a tag that a region has for itself. If not `needs_table`, nothing is wrong on
    a subnet without a route table. If it `keeps_default_route`, Microsoft does not support it with
    a default route of the table that leads to anything but the Internet.
    """

    name: str
    title: str
    service_tags: tuple[str, ...]
    needed_when: str
    why: str
    unless: str
    inbound: InboundRule | None = None
    needs_table: bool = True
    keeps_default_route: bool = False
    sources: tuple[Source, ...]

    @property
    def is_regional(self) -> bool:
        """Whether a tag of the service depends on the region of the resource."""
        return any(REGION in tag for tag in self.service_tags)

    @property
    def global_tags(self) -> tuple[str, ...]:
        """The tags that are the same in every region."""
        return tuple(tag for tag in self.service_tags if REGION not in tag)

    def tags_in(self, ending: str | None, spelled: Collection[str] = ()) -> tuple[str, ...]:
        """Return the tags of the service in a region, whose tags end with `ending`.

        A tag that stands in `spelled` in another case has the spelling that it has there.
        """
        known = {tag.lower(): tag for tag in spelled}
        tags = [tag.replace(REGION, ending or "") for tag in self.service_tags]
        return tuple(tag if tag in spelled else known.get(tag.lower(), tag) for tag in tags)

    def inbound_in(self, region: str | None, tags: Collection[str]) -> InboundRule | None:
        """Return the inbound rule with its tag in a region, as `tags` spell it."""
        if self.inbound is None:
            return None
        wanted = self.inbound.service_tag.replace(REGION, region or "").lower()
        named = next((tag for tag in tags if tag.lower() == wanted), None)
        return None if named is None else replace(self.inbound, service_tag=named)

    def has(self, tag: str) -> bool:
        """Return whether this is a tag of the service, in any region."""
        name, dot, _ = tag.partition(".")
        return tag in self.service_tags or f"{name}{dot}{REGION}" in self.service_tags
