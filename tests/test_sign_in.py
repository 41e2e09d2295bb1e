"""An app that cannot sign in says so with one code at every door, and in one line."""

import json
import logging

import azure.functions as func
import pytest

from shared import app as wiring
from shared import endpoints, workers
from shared.domain.errors import TransientError
from shared.messages import RunMessage
from tests.builders.azure import add_table, answer
from tests.builders.runs import begin, register, run_report

pytestmark = pytest.mark.usefixtures("nobody_waits")

BY_IDENTITY = {
    "AzureWebJobsStorage": "",
    "AzureWebJobsStorage__tableServiceUri": "https://127.0.0.1:9",
}


@pytest.fixture
def without_identity(app_settings, monkeypatch):
    """An app in Azure whose identity endpoint is down, and whose storage wants an identity."""
    settings = {**app_settings, **BY_IDENTITY, "IDENTITY_ENDPOINT": "http://127.0.0.1:9/msi/token"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    wiring._app.cache_clear()
    yield
    wiring._app.cache_clear()


def test_a_queue_message_comes_again_with_this_code(without_identity):
    with pytest.raises(TransientError) as caught:
        workers.start_run(str(RunMessage("20260107060000000000-0123abcd")))
    assert caught.value.code.name == "CredentialUnavailable"
    assert caught.value.message.startswith("storage: ManagedIdentityCredential: ")
    assert "\n" not in caught.value.message


def test_a_caller_gets_this_code(without_identity, caplog):
    request = func.HttpRequest("GET", "https://app.invalid/api/runs", body=b"")
    with caplog.at_level(logging.ERROR):
        found = endpoints.list_runs(request)
    error = json.loads(found.get_body())["error"]
    assert (found.status_code, error["code"]) == (503, "CredentialUnavailable")
    assert "CredentialUnavailable: storage: ManagedIdentityCredential: " in caplog.text


def test_health_does_not_say_why(without_identity):
    request = func.HttpRequest("GET", "https://app.invalid/api/health", body=b"")
    found = endpoints.health(request)
    error = {"code": "StorageUnavailable", "message": "storage does not answer"}
    assert (found.status_code, json.loads(found.get_body())) == (503, {"error": error})


def test_a_run_notes_this_code(azure, app, make_app, monkeypatch):
    answer(azure, "20.0.0.0/24")
    add_table(azure.state, "one")
    register(app, "one")
    run_id = begin(app)
    fresh = make_app()
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
    monkeypatch.setattr(workers, "app", lambda: fresh)
    with pytest.raises(TransientError):
        workers.start_run(str(RunMessage(run_id)))
    assert run_report(app, run_id)["error"]["code"] == "CredentialUnavailable"
