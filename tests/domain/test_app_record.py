"""Which process writes what the app says about itself: each row of the table, on both sides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.app_record import TRUSTED_FOR, AppRecord

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KNOWN = AppRecord(
    settings={"PAUSED": "true"},
    version="1.0.0",
    read_at=NOW - timedelta(minutes=30),
    recorded_at=NOW - timedelta(minutes=30),
)


def otherwise(read_at):
    return replace(KNOWN, settings={"PAUSED": "false"}, read_at=read_at)


def test_a_record_that_says_the_same_is_left_until_somebody_asks():
    later = replace(KNOWN, read_at=NOW)
    assert not KNOWN.is_to_be_replaced_by(later, NOW)
    assert replace(KNOWN, question="does it hold?").is_to_be_replaced_by(later, NOW)


@pytest.mark.parametrize("question", ["", "does it hold?"])
def test_the_process_that_read_its_settings_last_has_the_newest(question):
    known = replace(KNOWN, question=question)
    assert known.is_to_be_replaced_by(otherwise(KNOWN.read_at + SECOND), NOW)
    assert known.is_to_be_replaced_by(otherwise(KNOWN.read_at), NOW)
    assert not known.is_to_be_replaced_by(otherwise(KNOWN.read_at - SECOND), NOW)


def test_another_version_of_the_code_says_otherwise():
    upgraded = replace(KNOWN, version="1.1.0", read_at=NOW)
    assert KNOWN.is_to_be_replaced_by(upgraded, NOW)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_old_record_and_one_of_the_future_are_written_again_by_anybody(sign):
    edge = replace(KNOWN, recorded_at=NOW - sign * TRUSTED_FOR)
    within = replace(KNOWN, recorded_at=NOW - sign * (TRUSTED_FOR - SECOND))
    for own in (KNOWN, otherwise(KNOWN.read_at - SECOND)):
        assert edge.is_to_be_replaced_by(own, NOW)
        assert not within.is_to_be_replaced_by(own, NOW)
