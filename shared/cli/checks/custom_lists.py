"""Check the lists of CUSTOM_LISTS, each by itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from ...app import App
from ...domain import codes
from ...domain.addresses import is_list
from ...domain.custom_lists import lists_in, parse_custom_list
from ...domain.errors import RouteSyncError, UnusableList
from ...domain.registry.registered_table import RegisteredTable
from .diagnosis import Diagnosis, Grade

_NAME = "lists"


def custom_lists(context: App, registered: Sequence[RegisteredTable]) -> Iterator[Diagnosis]:
    """Show each list that is written, used or allowed. Nothing is shown if there is none."""
    used = {name for one in registered for name in one.registration.service_tags}
    named = {name for name in used | context.policy.listed_tags if is_list(name)}
    if named or context.settings.custom_lists is not None:
        yield from _diagnoses(context, named)


def _diagnoses(context: App, named: Collection[str]) -> Iterator[Diagnosis]:
    try:
        written = lists_in(context.azure.custom_lists.read())
    except RouteSyncError as error:
        yield _fault(f"{error.code}: {error.message}", error.code.remedy)
    else:
        yield from (_diagnosis(context, written, name) for name in sorted({*named, *written}))


def _diagnosis(context: App, written: Mapping[str, object], name: str) -> Diagnosis:
    settings = context.settings
    try:
        found = parse_custom_list(written, name, min_prefix_length=settings.min_prefix_length)
    except UnusableList as error:
        return _fault(error.message, codes.LIST_UNAVAILABLE.remedy)

    count = len(found.prefixes)
    counted = "1 prefix" if count == 1 else f"{count} prefixes"
    said = f"{name}: {counted}, verified on {found.verified}: {found.source}"
    if name in settings.allowed:
        return Diagnosis(_NAME, Grade.OK, said)
    return Diagnosis(_NAME, Grade.WARNING, f"{said}. It is not used", _TO_USE)


_TO_USE = "to use it, add its name to ALLOWED_SERVICE_TAGS"


def _fault(said: str, remedy: str) -> Diagnosis:
    return Diagnosis(_NAME, Grade.FAULT, said, remedy)
