"""The rules for what a person may register, at every door."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..domain import codes
from ..domain.addresses import is_ipv4_prefix, is_list, is_service_tag
from ..domain.armid import EnvironmentId, RouteTableId, ignoring_case
from ..domain.errors import (
    ConcurrentUpdate,
    Fault,
    InvalidRequest,
    NotFound,
    Outdated,
    PermanentError,
    RouteSyncError,
)
from ..domain.registry.choices import AddressSource, RouteStyle
from ..domain.registry.loosening import loosened
from ..domain.registry.registered_table import RegisteredTable
from ..domain.registry.registration import Pin, Registration, RouteException
from ..domain.registry.status import TableNews
from ..domain.routing.policy import ApplyPolicy
from ..domain.routing.routable_tags import why_not_routable
from ..domain.services.known import NAMED
from ..domain.services.service import Service
from .policy import Policy
from .ports import Azure, Clock, Store
from .registrar import Registrar
from .requester import Requester
from .run.pull import SourcePull
from .run.services import tags_of
from .surroundings.audit import NOT_NEEDED
from .surroundings.survey import Survey, Surveyor
from .table.sources import why_not_pinned
from .texts import (
    MAX_EXCEPTION_REASON,
    MAX_EXCEPTIONS,
    MAX_NOTE,
    MAX_REASON,
    MAX_TAGS,
    list_faults,
    text_faults,
)

ATTEMPTS = 3
"""If others change the registration while a request is judged, the request is judged again."""


@dataclass(frozen=True, slots=True)
class PinRequest:
    """The source of this version is to stay at it."""

    version_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRequest:
    """The whole registration of a route table, as a person asks for it.

    `resource_id` is the table's id, or the id of the environment whose subnet has the table. A
    `service` stands for its tags in `region`, an ARM location, and `service_tags` come to them. If
    both are None, the app's own tag is meant. An ASEv3 needs no such routes, so its registration
    needs `acknowledge`.
    """

    resource_id: str
    ase: str | None = None
    service: str | None = None
    region: str | None = None
    service_tags: Sequence[str] | None = None
    address_source: AddressSource = AddressSource.SERVICE_TAG
    route_style: RouteStyle = RouteStyle.PREFIXES
    apply_policy: ApplyPolicy | None = None
    exceptions: Sequence[RouteException] = ()
    enabled: bool = True
    note: str | None = None
    pin: PinRequest | None = None
    acknowledge: bool = False


@dataclass(frozen=True, slots=True)
class RegisterResult:
    table: RegisteredTable
    is_new: bool


type Edit = Callable[[RegisterRequest], RegisterRequest]
"""Turns what is registered now into what a person wants."""

type Expect = Callable[[Registration | None], None]
"""Raises an error if what is registered now is not what a person expects."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a requester asks for; `survey` is the one by which the table was found, if any was."""

    route_table_id: RouteTableId
    survey: Survey | None
    wanted: Callable[[RegisteredTable | None], RegisterRequest]
    by: Requester
    expect: Expect


def anything(_: Registration | None) -> None:
    pass


def nothing(registration: Registration | None) -> None:
    """Raise InvalidRequest if the table is registered."""
    if registration is not None:
        message = "the route table is registered already"
        raise InvalidRequest(code=codes.ALREADY_REGISTERED, message=message)


def one_of(etags: Collection[str]) -> Expect:
    """Return what raises Outdated unless the registration has one of these ETags; `*` is any."""

    def expect(registration: Registration | None) -> None:
        if registration is None:
            raise _outdated("the route table is not registered, so it has no ETag")
        if {"*", registration.etag}.isdisjoint(etags):
            raise _outdated("the registration has another ETag by now")

    return expect


def _outdated(what: str) -> Outdated:
    return Outdated(codes.REGISTRATION_CHANGED, f"{what}. {codes.REGISTRATION_CHANGED.remedy}")


@dataclass(frozen=True, slots=True)
class Registering:
    store: Store
    azure: Azure
    policy: Policy
    clock: Clock
    pull: SourcePull
    surveyor: Surveyor
    registrar: Registrar

    def get(self, resource_id: str) -> RegisteredTable:
        """Raise InvalidRequest for whatever is not a route table's id, NotFound if unregistered."""
        entry = self.store.registrations.get(_route_table_id(resource_id))
        if entry is None:
            raise _not_registered()
        return entry

    def unregister(self, resource_id: str, by: Requester, expect: Expect = anything) -> None:
        """Leave the table and its routes as they are. Raise as `get` does.

        A table whose row cannot be read can be unregistered as well.
        """
        by.needs_approver("to unregister a route table")

        def check(entry: RegisteredTable) -> None:
            expect(entry.registration)

        if self.registrar.remove(_route_table_id(resource_id), check, by) is None:
            raise _not_registered()

    def register(
        self, request: RegisterRequest, by: Requester, expect: Expect = anything
    ) -> RegisterResult:
        """Register the table, or replace what is registered; nothing is written to Azure.

        Raise InvalidRequest with every fault, or with the code that says why an environment has no
        table to register. Raise TransientError if Azure cannot be asked now, or if others change
        the registration all the time. Raise NotAllowed if the change loosens what guards the table
        and needs an approver. Raise what `expect` raises.
        """
        return self._persistently(self._asked(request, by, expect))

    def judge(self, request: RegisterRequest, by: Requester) -> None:
        """Judge the request, and register nothing. Raise as `register` does."""
        self._judgement(self._asked(request, by, anything))

    def change(
        self, resource_id: str, edit: Edit, by: Requester, expect: Expect = anything
    ) -> RegisterResult:
        """Change what is registered. Raise as `get` and `register` do."""

        def merged(existing: RegisteredTable | None) -> RegisterRequest:
            if existing is None:
                raise _not_registered()
            return edit(_request_of(existing))

        return self._persistently(_Asked(_route_table_id(resource_id), None, merged, by, expect))

    def _asked(self, request: RegisterRequest, by: Requester, expect: Expect) -> _Asked:
        ase_id, _ = _environment_id(request)
        route_table_id, survey = self._place(request.resource_id, ase_id)
        return _Asked(route_table_id, survey, lambda _: request, by, expect)

    def _persistently(self, asked: _Asked) -> RegisterResult:
        for _ in range(ATTEMPTS - 1):
            with suppress(ConcurrentUpdate):
                return self._attempt(asked)
        return self._attempt(asked)

    def _attempt(self, asked: _Asked) -> RegisterResult:
        """Raise ConcurrentUpdate if others have changed the registration meanwhile."""
        existing, registration = self._judgement(asked)

        news = self._news(asked.route_table_id, existing)
        if existing is None:
            new = RegisteredTable(asked.route_table_id, registration).with_news(news)
            return self._add(new, asked.by)
        return self._replace(existing, registration, news, asked.by)

    def _judgement(self, asked: _Asked) -> tuple[RegisteredTable | None, Registration]:
        """Return what is registered, and what is to be registered instead."""
        existing = self.store.registrations.get(asked.route_table_id)
        asked.expect(existing.registration if existing else None)

        request = asked.wanted(existing)
        registration = self._judged(request, asked, existing)
        self._check_rights(request, asked.by, existing, registration)
        return existing, registration

    def _news(self, route_table_id: RouteTableId, existing: RegisteredTable | None) -> TableNews:
        """An alert about one of its subnets is to find the table before its first run."""
        if existing is not None and existing.status.subnet_ids is not None:
            return TableNews()
        return TableNews(subnet_ids=self._subnet_ids(route_table_id))

    def _check_rights(
        self,
        request: RegisterRequest,
        by: Requester,
        existing: RegisteredTable | None,
        registration: Registration,
    ) -> None:
        """Raise NotAllowed if this needs an approver: a request is judged by its effect."""
        old = existing.registration if existing else None
        looser = loosened(old, registration, self.policy.apply_policy)
        if request.acknowledge:
            looser.append("acknowledge")
        if looser:
            by.needs_approver(f"to loosen what guards the table ({', '.join(looser)})")

    def _add(self, new: RegisteredTable, by: Requester) -> RegisterResult:
        entry = self.registrar.add(new, by)
        if entry is None:
            raise _changed_meanwhile()
        return RegisterResult(entry, is_new=True)

    def _replace(
        self,
        existing: RegisteredTable,
        registration: Registration,
        news: TableNews,
        by: Requester,
    ) -> RegisterResult:
        now = self.clock()

        def replaced(entry: RegisteredTable) -> RegisteredTable:
            if entry.registration != existing.registration:
                raise _changed_meanwhile()
            return entry.with_registration(registration, now).with_news(news)

        entry = self.registrar.change(existing.route_table_id, replaced, by)
        if entry is None:
            raise _changed_meanwhile()
        return RegisterResult(entry, is_new=False)

    def _judged(
        self, request: RegisterRequest, asked: _Asked, existing: RegisteredTable | None
    ) -> Registration:
        """Return what is to be registered. Raise InvalidRequest with every fault."""
        ase_id, faults = _environment_id(request)
        before = existing.registration if existing else None
        registration = self._registration(request, ase_id, before)

        # A person acknowledges an environment once only, and Azure is asked only about what is
        # new, because each run judges the rest again.
        if ase_id is not None and (before is None or ase_id != before.ase_id):
            faults += self._environment_faults(ase_id, request, asked)
        faults += _text_faults(request, before)
        faults += self._pin_faults(request.pin, registration, before)
        if _needs_routes_judged(asked.by, registration, before):
            faults += self._route_faults(request, asked, registration, faults)

        if faults:
            raise InvalidRequest(faults)
        return registration

    def _registration(
        self, request: RegisterRequest, ase_id: EnvironmentId | None, before: Registration | None
    ) -> Registration:
        return Registration(
            service_tags=self._tags(request, before),
            ase_id=ase_id,
            address_source=request.address_source,
            route_style=request.route_style,
            apply_policy=request.apply_policy,
            exceptions=tuple(request.exceptions),
            enabled=request.enabled,
            note=request.note,
            pin=self._pin(request.pin, before),
            service=request.service,
            region=request.region,
            tags_beside=_beside(request) if request.service else (),
        )

    def _tags(self, request: RegisterRequest, before: Registration | None) -> tuple[str, ...]:
        beside = _beside(request)
        if before and _same_tags(request, before):
            return before.service_tags  # each run renews them, if this release knows others
        tags = dict.fromkeys((*self._tags_of_service(request, before), *beside))
        default = () if request.service else (self.policy.default_service_tag,)
        return tuple(tags) or default

    def _tags_of_service(
        self, request: RegisterRequest, before: Registration | None
    ) -> tuple[str, ...]:
        """Azure is not asked again about a service that is registered already."""
        if request.service is None or any(_service_faults(request)):
            return ()
        asked = (request.service, request.region)
        known = before.service_tags if before and (before.service, before.region) == asked else ()
        return tags_of(NAMED[request.service], request.region, self.pull, known)

    def _pin(self, asked: PinRequest | None, before: Registration | None) -> Pin | None:
        """Return the pin that is asked for, or None if no such version is recorded."""
        if asked is None:
            return None
        known = before.pin if before else None
        if known and _pin_request_of(known) == asked:
            return known

        version = self.store.versions.get(asked.version_id)
        return (
            Pin(asked.version_id, asked.reason, version.source, self.clock()) if version else None
        )

    def _pin_faults(
        self, asked: PinRequest | None, registration: Registration, before: Registration | None
    ) -> Iterator[Fault]:
        if asked is None:
            return
        # A pin that stands already was judged when it was set, or when the sources changed.
        pin = registration.pin
        if pin and before and pin == before.pin and before.has_routes_of(registration):
            return

        version = self.store.versions.get(asked.version_id)
        why = why_not_pinned(version, registration, self.policy.cloud)
        if why is not None:
            yield Fault("pin.versionId", f"{asked.version_id}: {why}")

    def _environment_faults(
        self, ase_id: EnvironmentId, request: RegisterRequest, asked: _Asked
    ) -> list[Fault]:
        survey = asked.survey or self.surveyor.survey(ase_id)
        return _environment_faults(survey, acknowledge=request.acknowledge)

    def _route_faults(
        self,
        request: RegisterRequest,
        asked: _Asked,
        registration: Registration,
        others: Sequence[Fault],
    ) -> list[Fault]:
        """The style is judged last, because it asks Azure about a table that may be wrong."""
        faults = self._tag_faults(registration, request.service_tags or registration.named_tags)
        faults += self._source_faults(request, registration.ase_id)
        if faults or others:
            return faults
        return self._style_faults(request, asked.route_table_id, registration.service_tags)

    def _place(
        self, resource_id: str, ase_id: EnvironmentId | None
    ) -> tuple[RouteTableId, Survey | None]:
        """Return the table that is meant, and the survey if the environment's subnet named it."""
        if ase_id is None or not EnvironmentId.matches(resource_id):
            return _route_table_id(resource_id), None

        survey = self.surveyor.survey(ase_id)
        if survey.route_table_id is None:
            obstacle = survey.findings[-1]
            raise InvalidRequest(code=obstacle.code, message=obstacle.message)
        return survey.route_table_id, survey

    def _tag_faults(self, registration: Registration, named: Sequence[str]) -> list[Fault]:
        """A tag that has no version yet has to be in the answers of all locations."""
        named = named[:MAX_TAGS]  # that there are more is a fault of its own
        of_service = [tag for tag in registration.service_tags if tag not in named]

        refused = {tag: why for tag in named if (why := self._why_refused(tag)) is not None}
        if not all(map(self.policy.allows, of_service)):
            why = f"{_not_allowed(registration.service)}: add it to this setting of the app"
            refused |= dict.fromkeys(of_service, why)
        refused |= self.pull.unusable({*named, *of_service} - refused.keys())
        return _faults_of_tags(refused, named, of_service)

    def _why_refused(self, tag: str) -> str | None:
        if tag in NAMED:
            return f"{tag} is a service and no tag: name it under service"
        if not is_list(tag) and not is_service_tag(tag):
            return "not the name of a service tag or of a list"
        if not self.policy.allows(tag):
            return _not_allowed(tag) + self._with_other_letters(tag)
        return None

    def _with_other_letters(self, tag: str) -> str:
        """Whoever types the name by hand may take small letters for capital ones."""
        allowed = sorted(self.policy.allowed_service_tags)
        alike = (name for name in allowed if name.lower() == tag.lower())
        return "".join(f", and {name} is: upper and lower case count" for name in alike)

    def _source_faults(
        self, request: RegisterRequest, ase_id: EnvironmentId | None
    ) -> Iterator[Fault]:
        if request.address_source is AddressSource.SERVICE_TAG:
            return
        if ase_id is None:
            yield Fault("addressSource", "ase and both need an aseId")
        else:
            for why in self.pull.unusable([ase_id.key]).values():
                yield Fault("addressSource", why)

    def _style_faults(
        self, request: RegisterRequest, route_table_id: RouteTableId, tags: Sequence[str]
    ) -> list[Fault]:
        """Say why Azure would refuse a route for one of these tags."""
        if request.route_style is not RouteStyle.SERVICE_TAG:
            return []
        if request.address_source is AddressSource.ASE:
            message = "the addresses that an environment's own API names are no tag"
            return [Fault("routeStyle", message)]

        tags = [tag for tag in tags if not is_list(tag)]
        said = self.pull.routable(tags)
        reasons = [why_not_routable(self.policy.cloud, tag, said.get(tag)) for tag in tags]
        faults = [Fault("routeStyle", why) for why in reasons if why is not None]
        return faults or self._tag_limit_faults(route_table_id, tags)

    def _tag_limit_faults(self, route_table_id: RouteTableId, tags: Sequence[str]) -> list[Fault]:
        """Each run judges the limit again, so a table that cannot be read now has no fault."""
        try:
            table = self.azure.route_tables.read(route_table_id)
        except PermanentError:
            return []

        limit = self.azure.route_limits.tag_routes(route_table_id.subscription_id, table.location)
        count = len({route.prefix for route in table.routes if route.network is None} | {*tags})
        if limit is None or count <= limit:
            return []
        message = f"the table would have {count} routes with a service tag and may have {limit}"
        return [Fault("routeStyle", message)]

    def _subnet_ids(self, route_table_id: RouteTableId) -> frozenset[str] | None:
        try:
            return self.azure.route_tables.read(route_table_id).subnet_ids
        except RouteSyncError:
            return None


def _request_of(table: RegisteredTable) -> RegisterRequest:
    registration = table.registration
    return RegisterRequest(
        resource_id=str(table.route_table_id),
        ase=str(registration.ase_id) if registration.ase_id else None,
        service=registration.service,
        region=registration.region,
        service_tags=registration.named_tags,
        address_source=registration.address_source,
        route_style=registration.route_style,
        apply_policy=registration.apply_policy,
        exceptions=registration.exceptions,
        enabled=registration.enabled,
        note=registration.note,
        pin=_pin_request_of(registration.pin) if registration.pin else None,
    )


def _pin_request_of(pin: Pin) -> PinRequest:
    return PinRequest(pin.version_id, pin.reason)


def _changed_meanwhile() -> ConcurrentUpdate:
    message = "others have changed the registration while the request was judged"
    return ConcurrentUpdate(codes.REGISTRATION_CHANGED, message)


def _not_registered() -> NotFound:
    return NotFound(codes.NOT_REGISTERED, "this route table is not registered")


def _route_table_id(text: str) -> RouteTableId:
    try:
        return RouteTableId.parse(text)
    except ValueError as error:
        raise InvalidRequest(code=codes.INVALID_ROUTE_TABLE_ID, message=str(error)) from None


def _environment_id(request: RegisterRequest) -> tuple[EnvironmentId | None, list[Fault]]:
    """Both ids can name the environment, but not two different ones."""
    if EnvironmentId.matches(request.resource_id):
        in_url = ignoring_case(request.resource_id)
        same = request.ase is None or ignoring_case(request.ase) == in_url
        faults = [] if same else [Fault("aseId", f"the id to register is {request.resource_id}")]
        return EnvironmentId.parse(request.resource_id), faults

    if request.ase is None:
        return None, []
    try:
        return EnvironmentId.parse(request.ase), []
    except ValueError as error:
        return None, [Fault("aseId", str(error))]


def _not_allowed(name: str | None) -> str:
    return f"{name} is not in ALLOWED_SERVICE_TAGS"


def _faults_of_tags(
    refused: Mapping[str, str], named: Sequence[str], of_service: Sequence[str]
) -> list[Fault]:
    """Place each fault. All tags of a service may have the same one."""
    places = [(f"serviceTags.{index}", tag) for index, tag in enumerate(named)]
    places += [("service", tag) for tag in of_service]
    return [*dict.fromkeys(Fault(place, refused[tag]) for place, tag in places if tag in refused)]


def _environment_faults(survey: Survey, *, acknowledge: bool) -> list[Fault]:
    if survey.environment is None:
        return [Fault("aseId", f"{found.code}: {found.message}") for found in survey.findings]
    if survey.manages_itself and not acknowledge:
        message = f"{NOT_NEEDED.message}: acknowledge: true registers it nevertheless"
        return [Fault("acknowledge", message)]
    return []


def _needs_routes_judged(
    by: Requester, registration: Registration, before: Registration | None
) -> bool:
    """An Azure tag that says `off` names no tags. Those of the table are judged as soon as its tag
    enables it.
    """
    if by.is_azure_tag:
        return registration.enabled
    return before is None or not before.has_routes_of(registration)


def _same_tags(request: RegisterRequest, before: Registration | None) -> bool:
    """Return whether the service stays as it is, and the tags beside it do.

    Another release may have registered it, which knew other services.
    """
    if before is None or before.service is None:
        return False
    asked = (request.service, request.region, _beside(request))
    return asked == (before.service, before.region, before.tags_beside)


def _beside(request: RegisterRequest) -> tuple[str, ...]:
    return tuple(dict.fromkeys(request.service_tags or ()))


def _service_faults(request: RegisterRequest) -> Iterator[Fault]:
    """Yield what is wrong with the service, with its region, and with naming nothing at all."""
    if request.service is None:
        if request.region is not None:
            yield Fault("region", "a region is of use only with a service")
        if request.service_tags is not None and not request.service_tags:
            yield Fault("serviceTags", "name a tag or a service")
    elif request.service not in NAMED:
        yield Fault("service", f"no such service. The services are {', '.join(NAMED)}")
    else:
        yield from _region_faults(NAMED[request.service], request.region)


def _region_faults(service: Service, region: str | None) -> Iterator[Fault]:
    """A region that changes nothing is refused: it would look as if other tags were wanted."""
    if not service.is_regional:
        if region is not None:
            yield Fault("region", f"{service.name} has the same tags everywhere, so name no region")
    elif region is None:
        yield Fault("region", f"{service.name} has tags of a region: name it, such as westeurope")
    elif not re.fullmatch(r"[a-z0-9]{1,64}", region):
        why = "the name of an Azure location has small letters and digits only, such as westeurope"
        yield Fault("region", why)


def _text_faults(request: RegisterRequest, before: Registration | None) -> Iterator[Fault]:
    if not _same_tags(request, before):
        yield from _service_faults(request)
    yield from list_faults("serviceTags", request.service_tags or (), MAX_TAGS)
    yield from _exception_faults(request.exceptions)
    yield from text_faults("note", request.note or None, MAX_NOTE)
    if request.pin is not None:
        yield from text_faults("pin.reason", request.pin.reason, MAX_REASON)


def _exception_faults(exceptions: Sequence[RouteException]) -> Iterator[Fault]:
    yield from list_faults("exceptions", exceptions, MAX_EXCEPTIONS)
    seen: set[str] = set()
    for index, exception in enumerate(exceptions):
        place = f"exceptions.{index}"
        if not is_ipv4_prefix(exception.prefix):
            yield Fault(f"{place}.prefix", "not an IPv4 prefix in CIDR notation")
        elif exception.prefix in seen:
            yield Fault(f"{place}.prefix", "there is an exception for this prefix already")
        yield from text_faults(f"{place}.reason", exception.reason, MAX_EXCEPTION_REASON)
        seen.add(exception.prefix)
