"""The settings that a command follows: the policy that the app has recorded, and the connections
of this environment.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from ..domain.app_record import AppRecord
from ..settings import POLICY, RECORDED, Settings

FOLLOWED = RECORDED - {"AZURE_CLOUD"}
"""A person signs in to the cloud of this environment, so the app's is only compared with it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A policy setting that has another value here, or had one before, than in the app."""

    name: str
    here: str
    app: str


def followed(
    environment: Mapping[str, str], record: AppRecord | None, *, override: bool = False
) -> Settings:
    """Return the settings that count. With `override`, the policy of the environment does.

    Raise InvalidSettings.
    """
    given = {name: value for name, value in environment.items() if value.strip()}
    recorded = {} if record is None else record.settings
    app = {name: value for name, value in recorded.items() if name in FOLLOWED}

    # The app may have an address that only reaches it from here.
    own = POLICY | {"PUBLIC_URL"} if override else {"PUBLIC_URL"}
    here = {name: value for name, value in given.items() if name in own}
    return Settings.read({**given, **app, **here})


def differences(environment: Mapping[str, str], record: AppRecord | None) -> list[Difference]:
    """List the policy settings that the environment has, and the app has otherwise.

    Raise InvalidSettings.
    """
    if record is None:
        return []
    app = followed(environment, record).recorded()
    here = followed(environment, record, override=True).recorded()
    return _differing(here, app, POLICY & record.settings.keys())


def changes(before: AppRecord, now: AppRecord) -> list[Difference]:
    """List the policy settings that have changed in the app."""
    return _differing(before.settings, now.settings, POLICY)


def unknown(record: AppRecord) -> list[str]:
    """List the settings that the app has and this version does not know."""
    return sorted(name for name, value in record.settings.items() if value and name not in RECORDED)


def missing(record: AppRecord) -> list[str]:
    """List the policy settings that this version knows and the app has not recorded."""
    return sorted(POLICY - record.settings.keys())


def _differing(
    here: Mapping[str, str], app: Mapping[str, str], names: Set[str]
) -> list[Difference]:
    compared = (Difference(name, here.get(name, ""), app.get(name, "")) for name in sorted(names))
    return [one for one in compared if _meaning(one.here) != _meaning(one.app)]


def _meaning(text: str) -> frozenset[str]:
    """The order of a list means nothing, nor does the case of a subscription's id."""
    return frozenset(text.lower().split(","))
