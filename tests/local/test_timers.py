"""Timers of the local host."""

import logging

import pytest

from local.host.config import HostError, resolve
from local.host.timers import is_indexed
from local.host.worker import Function

DAILY = "0 20 5 * * *"


def timer(schedule=DAILY, **binding):
    trigger = {"type": "timerTrigger", "name": "timer", "schedule": schedule, **binding}
    return Function("tick", "id", [trigger])


@pytest.mark.parametrize("schedule", ["0 0 6 * * 7", "%NO_SUCH_SETTING%", "%EMPTY%", ""])
def test_a_timer_with_a_wrong_schedule_is_one_error_and_one_warning(schedule, caplog, monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    assert not is_indexed(timer(schedule))
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert all("Functions.tick" in record.message for record in caplog.records)


def test_every_other_function_is_indexed(caplog):
    assert is_indexed(timer())
    assert is_indexed(Function("x", "id", [{"type": "httpTrigger"}]))
    assert caplog.records == []


def test_a_setting_that_a_binding_names_must_be_there(monkeypatch):
    monkeypatch.setenv("SOME_SCHEDULE", "x")
    assert resolve("%SOME_SCHEDULE%") == "x"
    with pytest.raises(HostError, match="NO_SUCH_SETTING"):
        resolve("%NO_SUCH_SETTING%")
