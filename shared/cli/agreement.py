"""The agreement of a command with the app: both follow the same settings.

The app records its settings in the storage account, and a command takes them from there. Before a
command writes, the app confirms them.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import cached_property

from .. import __version__
from .. import app as wiring
from ..app import App, prepare, storage_account, utc_now
from ..domain import codes
from ..domain.app_record import AppRecord
from ..domain.times import ago
from ..redaction import hide
from ..settings import Connections, InvalidSettings, Settings
from ..storage.account import StorageAccount
from ..storage.app_record import AppRecordLog
from .confirmation import Confirmation, confirm
from .errors import Refused
from .settings import FOLLOWED, Difference, changes, differences, followed, missing, unknown
from .shell import ask, say, waiting

NO_RECORD = "the app has recorded no settings in this storage account"
_OWN_COUNT = "so the settings of this environment count"


class Agreement:
    """The agreement of one command.

    With `override`, a person has said that the policy of this environment counts. If it is `quiet`,
    nothing is told at the terminal.
    """

    def __init__(
        self, environment: Mapping[str, str], *, override: bool = False, quiet: bool = False
    ) -> None:
        self._environment = environment
        self.override = override
        self._quiet = quiet
        self._made_from: AppRecord | None = None
        self._is_made = False

    @cached_property
    def connections(self) -> Connections:
        """Raise InvalidSettings."""
        found = Connections.read(self._environment)
        hide(found.secrets)
        return found

    @cached_property
    def account(self) -> StorageAccount:
        return storage_account(self.connections)

    @cached_property
    def records(self) -> AppRecordLog:
        return AppRecordLog(self.account.runs)

    def settings(self, record: AppRecord | None) -> Settings:
        """Return the settings that count. Raise InvalidSettings or Refused."""
        cloud = self.connections.azure_cloud
        if record is not None and record.settings.get("AZURE_CLOUD", cloud) != cloud:
            said = f"AZURE_CLOUD is {cloud} here and {record.settings['AZURE_CLOUD']} in the app"
            raise Refused(codes.CLOUD_DIFFERS, said)

        try:
            found = followed(self._environment, record, override=self.override)
        except InvalidSettings as error:
            raise self._refusal_of(record, error) or error from None
        hide(found.secrets)
        return found

    def differences(self, record: AppRecord | None) -> Sequence[Difference]:
        """List the policy settings that are otherwise here. Raise InvalidSettings."""
        return differences(self._environment, record)

    def make_app(self) -> App:
        """Make an App that follows the settings that count.

        Raise Refused if they are otherwise here, unless a person has overridden them.
        """
        record = self.records.read()
        settings = self.settings(record)
        found = self.differences(record)
        if found and not self.override:
            said = "settings of this environment differ from those of the app"
            raise Refused(codes.SETTINGS_DIFFER, said, [difference_json(one) for one in found])

        if not self._quiet:
            for note in _notes(record, found):
                say(note)
        self._made_from, self._is_made = record, True
        return App(settings, self.account)

    def confirmation(self) -> Confirmation:
        """Let the app confirm its settings. Raise InvalidSettings or Refused."""
        addresses = self.settings(self.records.read()).addresses
        with waiting("Asking the app whether its settings still hold"):
            return confirm(self.records, addresses)

    def agree(self, *, yes: bool, shown: bool, as_json: bool) -> None:
        now = self.confirmation()
        if now.address is None:
            self._go_on_unconfirmed(now, may_ask=not (yes or as_json))
        if now.record is not None:
            self._check_version(now.record)

        if self._is_made and _has_changed(self._made_from, now.record):
            if shown:
                raise _changed(self._made_from, now.record)
            wiring.forget()

    def _go_on_unconfirmed(self, unconfirmed: Confirmation, *, may_ask: bool) -> None:
        """Ask a person. Raise Refused if nobody is there or the answer is no."""
        said = f"the app has not confirmed its settings ({unconfirmed.faults})"
        known = _sentence(f"{NO_RECORD}, {_OWN_COUNT}")
        if unconfirmed.record is not None:
            known = age_of(unconfirmed.record)

        if may_ask and sys.stdin.isatty() and not self.override:
            ask(f"{_sentence(said)} {known} Go on with them?")
        elif self.override:
            say(f"{_sentence(said)} {known}")
        else:
            raise Refused(codes.SETTINGS_UNCONFIRMED, f"{said}. {known}")

    def _check_version(self, record: AppRecord) -> None:
        """Tell that the app has another version, and raise Refused if it knows more settings."""
        if not is_of_this_version(record):
            say(f"The app has version {record.version}, and this is version {__version__}.")
        names = unknown(record)
        if names and not self.override:
            said = f"this version, {__version__}, does not know {', '.join(names)} of the app"
            raise Refused(codes.SETTINGS_UNKNOWN, said)

    def _refusal_of(self, record: AppRecord | None, error: InvalidSettings) -> Refused | None:
        """Return None if what is wrong stands in this environment alone."""
        details = [{"target": "settings", "message": fault} for fault in error.faults]
        if record is None:
            said = f"missing or wrong settings, and {NO_RECORD}: call its /api/health once"
            return Refused(codes.INVALID_SETTINGS, said, details)
        own = self._environment.keys() if self.override else set()
        recorded = (record.settings.keys() & FOLLOWED) - own
        if not any(fault.partition(":")[0] in recorded for fault in error.faults):
            return None
        said = f"this version, {__version__}, cannot read the settings of version {record.version}"
        return Refused(codes.SETTINGS_UNKNOWN, said, details)


_current: ContextVar[Agreement] = ContextVar("agreement")


@contextmanager
def following(*, override: bool = False, quiet: bool = False) -> Iterator[None]:
    """Within, `app()` follows the settings that the app has recorded."""
    prepare()
    agreement = Agreement(os.environ, override=override, quiet=quiet)
    token = _current.set(agreement)
    try:
        with wiring.made_by(agreement.make_app):
            yield
    finally:
        _current.reset(token)


def agreement() -> Agreement:
    """Return the agreement of this command."""
    return _current.get()


def app_for_writing(*, yes: bool = False, shown: bool = False, as_json: bool) -> App:
    """Let the app confirm its settings, and return an App that follows them.

    Every command that writes calls this just before it does. If the app does not confirm them, a
    person is asked. Raise Refused if nobody can be asked or has said `yes` to everything, unless
    the settings are overridden. If the settings have changed, the App is another one than before;
    but raise Refused if a person has confirmed what was `shown` under the old ones.
    """
    agreement().agree(yes=yes, shown=shown, as_json=as_json)
    return wiring.app()


def _notes(record: AppRecord | None, overridden: Sequence[Difference]) -> Iterator[str]:
    """Yield what a person should know about the settings that count."""
    if record is None:
        yield _sentence(f"{NO_RECORD}, {_OWN_COUNT}")
        return

    for one in overridden:
        yield f"{one.name} is overridden: it is {difference_json(one)['message']}."
    if names := unknown(record):
        yield f"The app has settings that this version does not know: {', '.join(names)}."
    if names := missing(record):
        yield f"The app has not recorded {', '.join(names)}, {_OWN_COUNT}."


def age_of(record: AppRecord) -> str:
    # The clock of this machine may be behind.
    age = max(timedelta(), utc_now() - record.recorded_at)
    return f"It has recorded them {ago(age)}."


def is_of_this_version(record: AppRecord) -> bool:
    return record.version == __version__


def difference_json(one: Difference) -> dict[str, str]:
    """Return a detail of an error."""
    message = f"{one.here or 'not set'} here, {one.app or 'not set'} in the app"
    return {"target": one.name, "message": message}


def _has_changed(before: AppRecord | None, now: AppRecord | None) -> bool:
    if before is None or now is None:
        return before is not now
    return bool(changes(before, now))


def _changed(before: AppRecord | None, now: AppRecord | None) -> Refused:
    found = changes(before, now) if before is not None and now is not None else []
    details = [
        {"target": one.name, "message": f"it was {one.here or 'not set'}, it is {one.app}"}
        for one in found
    ]
    return Refused(codes.SETTINGS_CHANGED, "the app's settings have changed meanwhile", details)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
