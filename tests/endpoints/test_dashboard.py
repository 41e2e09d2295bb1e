"""The pages show whatever Azure wrote."""

import json
from collections.abc import Mapping

import azure.functions as func
import pytest

from local.azure.faults import refusal
from shared import endpoints
from shared.domain import codes
from shared.endpoints import shell
from tests.builders.azure import add_table, rid, tag_document
from tests.builders.routes import owned
from tests.builders.runs import register, sync


@pytest.mark.parametrize("page", ["", "run", "routeTable"])
def test_half_a_letter_is_no_reason_to_fail(azure, app, monkeypatch, page):
    monkeypatch.setattr(shell, "app", lambda: app)
    add_table(azure.state, "one")
    register(app, "one")
    error = json.dumps({"error": {"code": "Odd", "message": "half a \ud83d letter"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 400, error, times=99))
    values = {"run": sync(app)["runId"], "routeTable": str(rid("one"))}
    text = shown({page: values[page]} if page else {})
    assert not page or r"half a \ud83d letter" in text


@pytest.mark.parametrize("page", ["run", "routeTable"])
def test_what_to_do_about_a_blocked_table_stands_on_its_pages(azure, app, monkeypatch, page):
    monkeypatch.setattr(shell, "app", lambda: app)
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_table(azure.state, "one", [owned(f"20.0.{number}.0/24") for number in range(9)])
    register(app, "one")
    values = {"run": sync(app)["runId"], "routeTable": str(rid("one"))}
    text = shown({page: values[page]})
    assert f"<small>{codes.MAX_REMOVED_PERCENT.remedy}</small>" in text


def test_a_wrong_schedule_shows_at_once_and_once(azure, make_app, monkeypatch):
    app = make_app(CHECK_SCHEDULE="@daily")
    monkeypatch.setattr(shell, "app", lambda: app)
    azure.state.tags.answers["westeurope"] = tag_document(["20.0.0.0/24"])
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    for _ in range(2):
        text = shown({})
        assert "There is an alarm" in text
        assert text.count("CHECK_SCHEDULE: it must have six fields") == 1
        app.check.check()  # a person can fire it


def shown(asked: Mapping[str, str]) -> str:
    answer = endpoints.dashboard(
        func.HttpRequest("GET", "https://app.invalid/api/dashboard", params=asked, body=b"")
    )
    assert answer.status_code == 200
    return answer.get_body().decode()
