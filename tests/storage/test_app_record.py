"""What the app says about itself comes back as it was written, and two writers do not mix."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from azure.data.tables import UpdateMode
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.app_record import AppRecord
from shared.domain.errors import ConcurrentUpdate
from shared.settings import RECORDED
from shared.storage.account import StorageAccount
from shared.storage.app_record import AppRecordLog

from .tables import MemoryTable
from .values import moments

RECORD = AppRecord(
    settings={"PAUSED": "true", "ROUTE_LIMIT": ""},
    version="1.0.0",
    read_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
    recorded_at=datetime(2026, 11, 23, 7, 0, 0, 123456, tzinfo=UTC),
)
KEYS = {"PartitionKey": "settings", "RowKey": "app"}


@pytest.fixture
def table(storage):
    return StorageAccount.from_connection_string(storage).runs


@pytest.fixture
def log(table):
    return AppRecordLog(table)


def as_written(record):
    return replace(record, etag="")


texts = st.text(st.characters(codec="utf-8"))


@given(
    st.dictionaries(st.sampled_from(sorted(RECORDED)), texts, max_size=3), texts, moments, moments
)
def test_it_comes_back_as_it_was_written(settings, version, read_at, recorded_at):
    log = AppRecordLog(MemoryTable.client())
    assert log.read() is None
    record = AppRecord(settings=settings, version=version, read_at=read_at, recorded_at=recorded_at)
    log.write(record)
    assert as_written(log.read()) == record


def test_half_a_letter_is_no_reason_to_fail(log):
    log.write(replace(RECORD, settings={"SYNC_SCHEDULE": "0 \ud83d"}))
    assert log.read().settings == {"SYNC_SCHEDULE": r"0 \ud83d"}


def test_a_question_stands_until_the_record_is_written_again(log):
    log.ask("nobody is there")
    assert log.read() is None
    log.write(RECORD)
    log.ask("does it hold?")
    asked = log.read()
    assert as_written(asked) == replace(RECORD, question="does it hold?")
    log.write(replace(RECORD, etag=asked.etag))
    assert as_written(log.read()) == RECORD


def test_of_two_writers_one_has_to_read_again(log):
    log.write(RECORD)
    with pytest.raises(ConcurrentUpdate):
        log.write(RECORD)
    known = log.read()
    log.ask("meanwhile")
    with pytest.raises(ConcurrentUpdate):
        log.write(replace(RECORD, etag=known.etag))
    assert log.read().question == "meanwhile"


def test_people_can_read_the_row_and_a_row_that_they_have_edited_is_old(table, log):
    log.write(RECORD)
    row = table.get_entity(*KEYS.values())
    assert (row["PAUSED"], row["ROUTE_LIMIT"]) == ("true", "")
    table.upsert_entity({**KEYS, "PAUSED": False}, mode=UpdateMode.REPLACE)
    edited = log.read()
    assert edited.settings == {"PAUSED": "False"}
    assert edited.is_old(RECORD.recorded_at)
    log.write(replace(RECORD, etag=edited.etag))
    assert as_written(log.read()) == RECORD
