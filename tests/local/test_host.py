"""The local host does as the real one."""

import threading
from datetime import datetime

import pytest
from azure.data.tables import TableServiceClient

from local.azurite import ROOT, Azurite
from local.host.config import HostError, queue_options, resolve
from local.host.timers import due


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("0 0 6 * * 3", "2026-11-23T00:00Z", "2026-11-25T06:00Z"),
        ("0 0 6 * * 3", "2026-11-25T06:00Z", "2026-12-02T06:00Z"),
        ("30 */5 * * * *", "2026-11-23T06:01Z", "2026-11-23T06:05:30Z"),
        # Day and weekday are both to be met: the first Friday that is a 13th.
        ("0 0 0 13 * 5", "2026-11-23T00:00Z", "2027-08-13T00:00Z"),
    ],
)
def test_ncrontab_has_seconds_first_and_ands_day_and_weekday(schedule, after, expected):
    assert due(schedule, datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


def test_host_json_holds_unless_the_environment_overrides_it():
    options = queue_options(ROOT, {})
    assert options.max_dequeue_count == 15
    assert options.visibility_timeout.total_seconds() == 60
    prefix = "AzureFunctionsJobHost__extensions__queues__"
    changed = queue_options(ROOT, {f"{prefix}maxDequeueCount": "3", f"{prefix}batchSize": "1"})
    assert (changed.max_dequeue_count, changed.batch_size) == (3, 1)


def test_a_setting_that_a_binding_names_must_be_there(monkeypatch):
    monkeypatch.setenv("SOME_SCHEDULE", "x")
    assert resolve("%SOME_SCHEDULE%") == "x"
    with pytest.raises(HostError, match="NO_SUCH_SETTING"):
        resolve("%NO_SUCH_SETTING%")


def test_azurite_tells_each_request():
    told = threading.Event()
    lines = []

    def on_request(line):
        lines.append(line)
        told.set()

    with Azurite(on_request=on_request) as storage:
        service = TableServiceClient.from_connection_string(storage.connection_string())
        assert list(service.list_tables()) == []
        assert told.wait(10)
    [line] = lines
    assert "GET /devstoreaccount1/Tables" in line


def test_the_host_says_what_it_has_used_itself(host):
    before = host.request("GET", "/local/cpu").json()["seconds"]
    for _ in range(20):
        host.request("GET", "/admin/host/status").raise_for_status()
    assert 0 < before < host.request("GET", "/local/cpu").json()["seconds"]
    anyone = {"x-functions-key": host.key}
    assert host.request("GET", "/local/cpu", headers=anyone).status_code == 401
