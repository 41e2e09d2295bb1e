"""SyncRuns also has one row with what the app says about itself.

Each setting is a property under its own name, so that people can read the row.
"""

from datetime import UTC, datetime

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from ..domain import codes
from ..domain.app_record import AppRecord
from ..domain.errors import ConcurrentUpdate
from .entities import Entity, etag_of, fitting, replace_as_read

_KEYS = {"PartitionKey": "settings", "RowKey": "app"}
_NEVER = datetime.min.replace(tzinfo=UTC)


class AppRecordLog:
    def __init__(self, table: TableClient) -> None:
        self._table = table

    def read(self) -> AppRecord | None:
        """Return None if no app has ever recorded its settings."""
        try:
            return _record(self._table.get_entity(*_KEYS.values()))
        except ResourceNotFoundError:
            return None

    def write(self, record: AppRecord) -> None:
        """Write a new record, or replace the one with this ETag. Every question is answered.

        Raise ConcurrentUpdate if others have written meanwhile.
        """
        row = fitting(_row(record))
        changed = ConcurrentUpdate(codes.SETTINGS_CHANGED, "others record the settings as well")
        if record.etag:
            replace_as_read(self._table, row, record.etag, changed)
            return
        try:
            self._table.create_entity(row)
        except ResourceExistsError as error:
            raise changed from error

    def ask(self, question: str) -> None:
        """Ask whether the record still holds. Nothing is asked if there is no record."""
        try:
            self._table.update_entity({**_KEYS, "question": question}, mode=UpdateMode.MERGE)
        except ResourceNotFoundError:
            return


def _row(record: AppRecord) -> dict[str, object]:
    # A wrong schedule can be any text, also one with half a letter, which storage does not take.
    settings = {
        name: value.encode(errors="backslashreplace").decode()
        for name, value in record.settings.items()
    }
    return {
        **_KEYS,
        **settings,
        "version": record.version,
        "readAt": record.read_at,
        "recordedAt": record.recorded_at,
    }


def _record(row: Entity) -> AppRecord:
    """A row that somebody has edited is an old record, so that the next process replaces it."""
    return AppRecord(
        settings={name: str(value) for name, value in row.items() if name.isupper()},
        version=str(row.get("version", "")),
        read_at=_moment(row.get("readAt")),
        recorded_at=_moment(row.get("recordedAt")),
        question=str(row.get("question", "")),
        etag=etag_of(row),
    )


def _moment(value: object) -> datetime:
    return value.astimezone(UTC) if isinstance(value, datetime) else _NEVER
