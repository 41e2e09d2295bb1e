"""docs/services.md and the README's table, from the list of services: `make services`."""

import re
from pathlib import Path

from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.services.known import SERVICES
from shared.domain.services.service import REGION, InboundRule, Service, Source

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "services.md"
README = ROOT / "README.md"

_TABLE = re.compile(r"(<!-- services:begin -->\n).*?(<!-- services:end -->)", re.DOTALL)

_HEAD = """# Services that need such routes

These services work with addresses of [service tags](glossary.md#service-tag). If the default route
of the service's subnet leads to a firewall, this traffic needs routes to the Internet. Add the
service to [`ALLOWED_SERVICE_TAGS`](deploy.md#change-a-setting), and register the route table of the
subnet with it:

```sh
ase-route-sync tables add TABLE_ID --service databricks --region westeurope
```

Over HTTP and in the [file of registrations](gitops.md), that is
`"service": "databricks", "region": "westeurope"`. It stands for the tags of the service, and more
tags can stand beside it under `serviceTags`. If a tag has `{region}`, the service needs the region
of the resource: the name of an Azure location, such as `westeurope`. The tag's own spelling,
`Storage.WestEurope`, comes from what Azure publishes. If one of the tags is not published in that
region, the registration is refused, and the answer names the tag. A service whose tags are the same
everywhere takes no region.

A [discovery](environments.md#other-services) finds resources of `apiManagement`, `databricks`,
`entraDomainServices` and `hdInsight` by itself, and `discover --register` registers their tables.
You register those of every other service by their ids.

If a later release knows other tags of the service, the next sync of each table takes them over, and
the daily check starts it. Routes of a tag that the service has no more leave after
`REMOVAL_GRACE_DAYS`, as ever, but a [pinned](safety.md#pinning-a-source-to-a-version) tag stays. A
new tag that is not allowed, that Azure does not publish in the region, or that can have no route of
its own (`routeStyle: serviceTag`) is a finding (`ServiceTagMissing`), and the table stays as it is.

The network security group of the subnet has to allow the inbound rule. The report of each run says
whether the groups of the table's subnets do: `NsgAllows`, `NsgDeniesService`, `NsgDeniesOptional`
if the service needs the rule only in some cases, `NsgNotSure`, `NsgNone`, or `NsgMissing` if the
service needs a group ([what each code means](operations.md#every-code-and-what-to-do)).

*One route for the tag* says whether `routeStyle: serviceTag` is possible
([which tags may](environments.md#one-route-for-a-service-tag)). If one of the tags may not have a
route, the registration is refused with its name, and the table can have a route for each prefix
instead. The source has the date that Microsoft's page bore when it was read, if it bore one.

`make services` writes this page, and the table of the [README](../README.md), from
`shared/domain/services/known.py`, and `make test` checks both.
"""
_CLOUDS = {
    "AzureCloud": ("the public cloud", "westeurope"),
    "AzureUSGovernment": ("US Government", "usgovvirginia"),
    "AzureChinaCloud": ("China", "chinaeast2"),
}
"""How people call each cloud, and a region of it that stands for all."""


def text() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *(_section(service) for service in SERVICES)])


def readme(page: str) -> str:
    """Return the README with the table as the list of services has it."""
    return _TABLE.sub(lambda found: found[1] + _table() + found[2], page)


def _table() -> str:
    lines = ["| service | needed when | its tags |", "|---|---|---|"]
    lines += (
        f"| [{one.title}](docs/services.md#{_anchor(one.title)}): `{one.name}` "
        f"| {one.needed_when} | {_tags(one)} |"
        for one in SERVICES
    )
    return "".join(f"{line}\n" for line in lines)


def _anchor(title: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _tags(service: Service) -> str:
    return ", ".join(f"`{tag}`" for tag in service.service_tags)


def _section(service: Service) -> str:
    facts = {
        "Name": f"`{service.name}`",
        "Service tags": _tags(service),
        "Needed when": service.needed_when,
        "Why": service.why,
        "When not": service.unless,
        "Inbound rule": _inbound(service.inbound),
        "One route for the tag": _tag_routes(service),
        "Source": ", ".join(_link(source) for source in service.sources),
    }

    rows = "".join(f"| **{name}** | {fact} |\n" for name, fact in facts.items())
    return f"## {service.title}\n\n| | |\n|---|---|\n{rows}"


def _inbound(rule: InboundRule | None) -> str:
    if rule is None:
        return "none"
    only = f", {rule.only}" if rule.only else ""
    group = "; the subnet needs a network security group" if rule.needs_group else ""
    return f"TCP {rule.ports} from `{rule.service_tag}`{only}{group}"


def _tag_routes(service: Service) -> str:
    """Say in which clouds a [tag route](environments.md) can do it, by Microsoft's files."""
    return "; ".join(_tag_routes_in(cloud, service) for cloud in _CLOUDS)


def _tag_routes_in(cloud: str, service: Service) -> str:
    people, region = _CLOUDS[cloud]
    says = PUBLISHED[cloud].says
    may = [tag for tag in service.service_tags if says(tag.replace(REGION, region))]
    if len(may) == len(service.service_tags):
        return f"in {people}: yes"
    named = ", ".join(f"`{tag}`" for tag in may)
    return f"in {people}: only {named}" if may else f"in {people}: no"


def _link(source: Source) -> str:
    name = source.url.rsplit("/", maxsplit=1)[-1]
    dated = f" ({source.date})" if source.date else ""
    return f"[{name}]({source.url}){dated}"


if __name__ == "__main__":
    PAGE.write_text(text())
    README.write_text(readme(README.read_text()))
