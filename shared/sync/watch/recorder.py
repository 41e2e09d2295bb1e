"""Record what the app says about itself, so that the command line follows the same settings."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from ...domain.app_record import AppRecord
from ...domain.errors import ConcurrentUpdate
from ..ports import AppRecords, Clock

ATTEMPTS = 3
"""If others write each time, one of them has said it."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """`own` is what this process would record."""

    records: AppRecords
    clock: Clock
    own: AppRecord

    @classmethod
    def of(
        cls, records: AppRecords, clock: Clock, settings: Mapping[str, str], version: str
    ) -> "Recorder":
        """Make it when the settings have just been read."""
        now = clock()
        own = AppRecord(settings=settings, version=version, read_at=now, recorded_at=now)
        return cls(records, clock, own)

    def record(self) -> None:
        """Write the record if that is needed. Anybody may cause this at any time."""
        for _ in range(ATTEMPTS):
            with suppress(ConcurrentUpdate):
                self._record()
                return

    def _record(self) -> None:
        known, now = self.records.read(), self.clock()
        if known is None:
            self.records.write(replace(self.own, recorded_at=now))

        elif known.is_to_be_replaced_by(self.own, now):
            # Another process with the same settings may have read them later.
            same = known.says_the_same_as(self.own)
            read_at = max(known.read_at, self.own.read_at) if same else self.own.read_at
            self.records.write(replace(self.own, read_at=read_at, recorded_at=now, etag=known.etag))
