"""The app says by itself which settings are in effect, and where it can be reached."""

import pytest

from local.plain_http import http
from shared.storage.account import StorageAccount
from shared.storage.app_record import AppRecordLog
from tests.builders.clocks import wait_until


@pytest.fixture
def records(storage):
    return AppRecordLog(StorageAccount.from_connection_string(storage).runs)


def test_health_records_the_settings_in_effect_and_the_address(make_host, records):
    host = make_host(PAUSED="true")
    assert http().get(f"{host.url}/api/health").json() == {"status": "ok"}
    recorded = records.read().settings
    assert recorded["PAUSED"] == "true"
    assert f"http://{recorded['WEBSITE_HOSTNAME']}" == host.url


@pytest.mark.parametrize("first", ["scheduled_sync", "daily_check"])
def test_the_first_invocation_with_other_settings_records_them(make_host, records, first):
    http().get(f"{make_host().url}/api/health").raise_for_status()
    assert records.read().settings["PAUSED"] == "false"
    host = make_host(PAUSED="true")
    host.fire(first)
    wait_until(lambda: records.read().settings["PAUSED"] == "true")


def test_callers_of_health_cannot_make_the_app_write(make_host, records):
    host = make_host()
    http().get(f"{host.url}/api/health").raise_for_status()
    record = records.read()
    for _ in range(3):
        http().get(f"{host.url}/api/health").raise_for_status()
    assert records.read() == record


def test_health_answers_the_question_of_a_command(make_host, records):
    host = make_host()
    http().get(f"{host.url}/api/health").raise_for_status()
    records.ask("does it hold?")
    http().get(f"{host.url}/api/health").raise_for_status()
    assert records.read().question == ""
