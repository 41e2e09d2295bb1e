"""What people send, as models: the bodies of requests, and the parts that a file has as well."""

import re
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from .domain.registry.choices import AddressSource, RouteStyle
from .domain.registry.registration import RouteException
from .domain.routing.policy import ApplyPolicy
from .domain.services.known import NAMED
from .sync.registering import PinRequest, RegisterRequest
from .sync.texts import MAX_EXCEPTION_REASON, MAX_EXCEPTIONS, MAX_NOTE, MAX_REASON, MAX_TAGS

type Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class Body(BaseModel):
    """A request body: camelCase keys, strict types, and a fault for each unknown key."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)


def _day(text: object) -> date:
    """Take only the calendar's own writing. The library also reads seconds since 1970."""
    if not isinstance(text, str) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("a day is written as YYYY-MM-DD")
    return date.fromisoformat(text)


class ExceptionBody(Body):
    """A conflict that is accepted: somebody else's route on a wanted prefix."""

    prefix: str = Field(description="An IPv4 prefix in CIDR notation.")
    reason: str = Field(min_length=1, max_length=MAX_EXCEPTION_REASON)
    until: Annotated[date, BeforeValidator(_day)] = Field(description="The last day, in UTC.")

    @property
    def accepted(self) -> RouteException:
        return RouteException(self.prefix, self.reason, self.until)


class PinBody(Body):
    """The source of this version stays at it."""

    version_id: str = Field(description="The id of a recorded version.")
    reason: Reason

    @property
    def request(self) -> PinRequest:
        return PinRequest(self.version_id, self.reason)


class RegistrationBody(Body):
    """A registration as a person asks for it; a key that is null stands for its default."""

    ase_id: str | None = Field(None, description="The ARM id of its App Service Environment.")
    service: str | None = Field(
        None,
        description="The Azure service whose tags are wanted.",
        examples=[*NAMED],
    )
    region: str | None = Field(
        None, description="The ARM location of the service, if its tags depend on the region."
    )
    service_tags: list[str] | None = Field(
        None,
        max_length=MAX_TAGS,
        description="The tags and lists whose addresses are wanted, besides the tags of the "
        "service. The default without a service is SERVICE_TAG.",
    )
    address_source: AddressSource | None = Field(
        None, description="Who says which addresses are wanted. The default is serviceTag."
    )
    route_style: RouteStyle | None = Field(
        None, description="A route for each prefix, or one for each service tag."
    )
    apply_policy: ApplyPolicy | None = Field(
        None, description="A policy that is stricter than APPLY_POLICY."
    )
    exceptions: list[ExceptionBody] | None = Field(
        None, max_length=MAX_EXCEPTIONS, description="The conflicts that are accepted."
    )
    enabled: bool | None = Field(None, description="If false, the table is left alone.")
    note: str | None = Field(None, max_length=MAX_NOTE, description="A note for people.")
    pin: PinBody | None = Field(None, description="A version at which its source stays.")
    acknowledge: bool | None = Field(
        None, description="If true, an ASEv3 is registered, which needs no such routes."
    )

    def request(self, resource_id: str) -> RegisterRequest:
        """Return what replaces a registration."""
        return self.merged(RegisterRequest(resource_id=resource_id))

    def merged(self, existing: RegisterRequest) -> RegisterRequest:
        """Return what is merged into the existing one, as RFC 7396 says: null removes."""
        default = RegisterRequest(resource_id=existing.resource_id)
        exceptions = [one.accepted for one in self.exceptions or ()] or None
        pin = self.pin.request if self.pin else None
        values = {"ase": self.ase_id, "exceptions": exceptions, "pin": pin}

        given: dict[str, Any] = {}
        # A body that extends this one has keys besides.
        for key in self.model_fields_set & RegistrationBody.model_fields.keys():
            name = "ase" if key == "ase_id" else key
            value = values.get(name, getattr(self, key))
            given[name] = getattr(default, name) if value is None else value

        return replace(existing, **given)
