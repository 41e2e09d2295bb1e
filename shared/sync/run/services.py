"""The tags for which a service stands in a region, also if a later release knows other tags."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from ...domain.errors import RouteSyncError, TransientError
from ...domain.registry.choices import RouteStyle
from ...domain.registry.registered_table import RegisteredTable
from ...domain.registry.registration import Registration
from ...domain.routing.published_tags import PUBLISHED
from ...domain.routing.routable_tags import is_routable
from ...domain.services.known import NAMED
from ...domain.services.service import Service
from .pull import SourcePull


def tags_of(
    service: Service, region: str | None, pull: SourcePull, known: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the tags as they are spelled in `known`, in the last answer, or in the weekly file.

    The suffix of a tag is matched with the region without regard to case. A tag that is nowhere
    stays as the weekly file would spell it, or as the region is written. Raise TransientError if
    the answer is needed and Azure cannot be asked now.
    """
    file = PUBLISHED[pull.policy.cloud]
    tags = file.tags_of(service, region, known)

    new = [tag for tag in tags if tag not in known and not pull.is_recorded(tag)]
    if region is None or not new:
        return tags
    return file.tags_of(service, region, [*known, *pull.spelled(new)])


def renewed(entries: Sequence[RegisteredTable], pull: SourcePull) -> list[RegisteredTable]:
    """Return the tables with the tags that this release knows of their services. Write nothing.

    If a new tag is not allowed, is not published in the region, or can have no route of its own
    that the table needs, the table stays as it is. If Azure cannot be asked, so do all that are
    left, because each of them would wait for the same answer.
    """
    if not any(map(_is_outdated, entries)):
        return [*entries]

    once = pull.asking_once()
    found: list[RegisteredTable] = []
    with suppress(TransientError):
        for entry in entries:
            found.append(_renewed(entry, once))  # noqa: PERF401 - what was found is kept
    return [*found, *entries[len(found) :]]


def kept(entry: RegisteredTable, wanted: RegisteredTable, pull: SourcePull) -> RegisteredTable:
    """Register the tags of the renewed table that is `wanted`, and return what is registered.

    A tag that the service has no more is a former source from now on, so its routes stay for their
    grace. If a new tag has no recorded version, the table stays as it is, because none of its
    routes could be kept right then. If its row cannot be written now, the next run tries again.
    """
    known, tags = entry.registration, wanted.registration.service_tags
    new = {*tags} - {*known.service_tags}
    if known == wanted.registration or not all(map(pull.is_recorded, new)):
        return entry

    change = partial(_with_tags, known=known, tags=tags, at=pull.clock())
    with suppress(RouteSyncError):
        return pull.store.registrations.change(entry.route_table_id, change) or entry
    return entry


def missing_tags(registration: Registration, cloud: str) -> list[str]:
    """Return the tags that this release knows of the service and the table does not have."""
    service = NAMED.get(registration.service or "")
    tags = PUBLISHED[cloud].tags_of(service, registration.region) if service else ()
    return [tag for tag in tags if tag.lower() not in _known(registration)]


def _is_outdated(entry: RegisteredTable) -> bool:
    """Return whether this release knows other tags of the table's service."""
    service = NAMED.get(entry.registration.service or "")
    if service is None:
        return False
    of_service = service.tags_in(entry.registration.region)
    wanted = {tag.lower() for tag in (*of_service, *_of_person(entry.registration))}
    return wanted != _known(entry.registration)


def _of_person(registration: Registration) -> tuple[str, ...]:
    """Return the tags that a person wants whatever the service has: those beside, and a pinned one.

    Without its source, a pin would block the table.
    """
    pinned = registration.pin and registration.pin.source
    kept_by_pin = (tag for tag in registration.service_tags if tag == pinned)
    return (*registration.tags_beside, *kept_by_pin)


def _known(registration: Registration) -> set[str]:
    return {tag.lower() for tag in registration.service_tags}


def _renewed(entry: RegisteredTable, pull: SourcePull) -> RegisteredTable:
    registration = entry.registration
    service = NAMED.get(registration.service or "")
    if service is None or not _is_outdated(entry):
        return entry

    of_service = tags_of(service, registration.region, pull, registration.service_tags)
    new = {*of_service} - {*registration.service_tags}
    if not _usable(new, registration, pull):
        return entry
    tags = tuple(dict.fromkeys((*of_service, *_of_person(registration))))
    return replace(entry, registration=replace(registration, service_tags=tags))


def _usable(tags: Collection[str], registration: Registration, pull: SourcePull) -> bool:
    """Return whether the table can have routes for these tags. Raise TransientError."""
    if not all(map(pull.policy.allows, tags)) or pull.unusable(tags):
        return False
    if registration.route_style is RouteStyle.PREFIXES:
        return True
    said = pull.routable(tags)
    return all(is_routable(pull.policy.cloud, tag, said[tag]) is not False for tag in tags)


def _with_tags(
    entry: RegisteredTable, *, known: Registration, tags: tuple[str, ...], at: datetime
) -> RegisteredTable:
    """Return the table with these tags, unless a person has changed its registration meanwhile."""
    if entry.registration != known:
        return entry
    return entry.with_registration(replace(known, service_tags=tags), at)
