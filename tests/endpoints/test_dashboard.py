"""The pages show whatever Azure wrote."""

import json

import azure.functions as func
import pytest

from local.azure.faults import refusal
from shared import endpoints
from shared.endpoints import shell
from tests.builders.azure import add_table, rid
from tests.builders.runs import register, sync


@pytest.mark.parametrize("page", ["", "run", "routeTable"])
def test_half_a_letter_is_no_reason_to_fail(azure, app, monkeypatch, page):
    monkeypatch.setattr(shell, "app", lambda: app)
    add_table(azure.state, "one")
    register(app, "one")
    error = json.dumps({"error": {"code": "Odd", "message": "half a \ud83d letter"}})
    azure.state.faults.append(refusal("GET", "routeTables/one$", 400, error, times=99))
    values = {"run": sync(app)["runId"], "routeTable": str(rid("one"))}
    asked = {page: values[page]} if page else {}
    answer = endpoints.dashboard(
        func.HttpRequest("GET", "https://app.invalid/api/dashboard", params=asked, body=b"")
    )
    text = answer.get_body().decode()
    assert answer.status_code == 200
    assert not page or r"half a \ud83d letter" in text
