"""Processes of the app record their settings, and nobody can make them write each time."""

from datetime import timedelta

import pytest

from shared import __version__
from shared.domain.app_record import TRUSTED_FOR

MINUTE = timedelta(minutes=1)


@pytest.fixture
def records(app):
    return app.store.app_records


def paused(records):
    return records.read().settings["PAUSED"]


def test_the_first_process_records_the_settings_in_effect(clock, make_app, records):
    make_app(PAUSED="true", SERVICE_TAG="ApiManagement").recorder.record()
    record = records.read()
    assert (record.version, record.question) == (__version__, "")
    assert record.settings["PAUSED"] == "true"
    assert record.settings["ALLOWED_SERVICE_TAGS"] == "ApiManagement"
    assert record.settings["REMOVAL_GRACE_DAYS"] == "0"
    assert record.settings["ROUTE_LIMIT"] == ""


def test_it_is_written_again_only_if_it_differs_is_old_or_is_asked_about(clock, make_app, records):
    make_app().recorder.record()
    first = records.read()
    clock.shift(TRUSTED_FOR - MINUTE)
    make_app().recorder.record()
    assert records.read() == first
    clock.shift(MINUTE)
    make_app().recorder.record()
    second = records.read()
    assert second.recorded_at - first.recorded_at == TRUSTED_FOR
    records.ask("does it hold?")
    clock.shift(MINUTE)
    make_app().recorder.record()
    answered = records.read()
    assert (answered.question, answered.recorded_at - second.recorded_at) == ("", MINUTE)


def test_while_two_versions_go_on_the_older_one_neither_writes_nor_answers(
    clock, make_app, records
):
    old = make_app(PAUSED="false")
    old.recorder.record()
    clock.shift(MINUTE)
    new = make_app(PAUSED="true")
    new.recorder.record()
    assert paused(records) == "true"
    records.ask("does it hold?")
    old.recorder.record()
    assert (paused(records), records.read().question) == ("true", "does it hold?")
    new.recorder.record()
    assert (paused(records), records.read().question) == ("true", "")


def test_what_nobody_has_confirmed_for_long_does_not_stay(clock, make_app, records):
    """The process that recorded it has ended, and another one read its settings before it."""
    steady = make_app(PAUSED="true")
    clock.shift(MINUTE)
    make_app(PAUSED="false").recorder.record()
    clock.shift(TRUSTED_FOR)
    steady.recorder.record()
    assert paused(records) == "true"


def test_the_process_that_confirms_a_record_is_no_older_than_it(clock, make_app, records):
    """So that one of the old settings still yields to it."""
    first = make_app(PAUSED="true")
    clock.shift(MINUTE)
    old = make_app(PAUSED="false")
    clock.shift(MINUTE)
    make_app(PAUSED="true").recorder.record()
    records.ask("does it hold?")
    first.recorder.record()
    old.recorder.record()
    assert paused(records) == "true"


def test_a_question_that_comes_while_the_record_is_written_is_answered_as_well(
    clock, make_app, records, monkeypatch
):
    app = make_app()
    app.recorder.record()
    records.ask("first")
    written = type(records).write

    def write_late(log, record):
        monkeypatch.setattr(type(records), "write", written)
        records.ask("second")
        written(log, record)

    monkeypatch.setattr(type(records), "write", write_late)
    clock.shift(MINUTE)
    app.recorder.record()
    assert records.read().question == ""
