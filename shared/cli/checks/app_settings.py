"""Check the settings that the commands follow, and let the app confirm them."""

from collections.abc import Generator, Iterator, Sequence

from ... import __version__
from ...app import App
from ...domain import codes
from ...domain.app_record import AppRecord
from ...settings import InvalidSettings, Settings
from ..agreement import NO_RECORD, Agreement, age_of, difference_json, is_of_this_version
from ..confirmation import Confirmation
from ..errors import Refused
from ..settings import Difference
from .diagnosis import Diagnosis, Grade
from .reach import Clock, Peer, reach

_EXAMPLES = {
    "SYNC_SCHEDULE": "0 0 6 * * 3: Wednesday at 06:00",
    "CHECK_SCHEDULE": "0 20 5 * * *: each day at 05:20",
}
_START_THE_APP = (
    "call the app's /api/health, at which it records them; or, if no app uses this account, set "
    "them here, and say --override-settings to a command that writes"
)


def app_settings(here: Agreement) -> Generator[Diagnosis, None, App | None]:
    """Return an App that follows the settings that count, None if they are missing or wrong."""
    try:
        found = here.confirmation()
        settings, differences = here.settings(found.record), here.differences(found.record)
    except (InvalidSettings, Refused) as error:
        yield from _wrong(error)
        return None

    yield from _schedules(settings)
    yield from _differing(differences, is_overridden=here.override)
    yield _app(found, settings)
    return App(settings, here.account)


def _wrong(error: InvalidSettings | Refused) -> Iterator[Diagnosis]:
    if isinstance(error, InvalidSettings):
        faults, remedy = error.faults, "correct it in this environment"
    else:
        faults = [detail["message"] for detail in error.details] or [error.message]
        no_record = error.code == codes.INVALID_SETTINGS
        remedy = f"{NO_RECORD}: {_START_THE_APP}" if no_record else error.code.remedy
    yield from (Diagnosis("settings", Grade.FAULT, fault, remedy) for fault in faults)


def _schedules(settings: Settings) -> Iterator[Diagnosis]:
    for name, fault in settings.wrong_schedules.items():
        remedy = f"correct it in the app's settings, for example to {_EXAMPLES[name]}"
        yield Diagnosis("settings", Grade.FAULT, f"{name}: {fault}", remedy)

    missing = settings.missing_schedules
    if missing:
        said = f"{', '.join(missing)} missing: without it a function app never runs by itself"
        remedy = "set it in the app's settings; the command line does not need it"
        yield Diagnosis("settings", Grade.WARNING, said, remedy)
    elif not settings.wrong_schedules:
        yield Diagnosis("settings", Grade.OK, "complete")


def _differing(found: Sequence[Difference], *, is_overridden: bool) -> Iterator[Diagnosis]:
    grade = Grade.WARNING if is_overridden else Grade.FAULT
    for one in found:
        said = f"{one.name}: {difference_json(one)['message']}"
        yield Diagnosis("settings", grade, said, codes.SETTINGS_DIFFER.remedy)


def _app(found: Confirmation, settings: Settings) -> Diagnosis:
    if found.record is None:
        return Diagnosis("app", Grade.WARNING, NO_RECORD, _START_THE_APP)
    if found.address is None:
        said = f"it has not confirmed its settings ({found.faults}). {age_of(found.record)}"
        return Diagnosis("app", Grade.WARNING, said, _remedy_at(settings.addresses))

    said = f"it has confirmed its settings at {found.address}"
    return _version(found.record, said)


def _version(record: AppRecord, said: str) -> Diagnosis:
    said = f"{said}, and has version {record.version}"
    if is_of_this_version(record):
        return Diagnosis("app", Grade.OK, said)
    remedy = "install the version of the app"
    return Diagnosis("app", Grade.WARNING, f"{said}. This is version {__version__}", remedy)


def _remedy_at(addresses: Sequence[str]) -> str:
    """If the network is in the way, say which rule to ask for."""
    for address in addresses:
        reached = reach(Peer("the app", address, "AppService"), Clock())
        if reached.remedy is not None:
            return reached.remedy
    return codes.SETTINGS_UNCONFIRMED.remedy
