"""Calls of the endpoints in this process."""

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func
import pytest

from shared.app import App
from shared.endpoints import shell
from shared.endpoints.operations import Operation

from .azure import table_id
from .callers import principal
from .functions import indexed

NO_RUN = "20260107060000000000-0123abcd"

SENDING = {
    each.get_function_name()
    for each in indexed()
    if any(binding.get_dict_repr()["type"] == "queue" for binding in each.get_bindings())
}
"""The functions with an output to a queue."""


def serve(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every endpoint find this app."""
    let_find(lambda: app, monkeypatch)


def let_find(find: Callable[[], App], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "app", find)
    monkeypatch.setattr(importlib.import_module("shared.endpoints.health"), "app", find)


def call(
    operation: Operation,
    *,
    body: object = None,
    content: bytes = b"",
    ids: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """Ask as somebody who has a key and all that the path needs."""
    known = {
        "id": table_id("one").strip("/"),
        "name": "AppServiceManagement.txt",
        "runId": NO_RUN,
        "versionId": NO_RUN,
    }
    request = func.HttpRequest(
        operation.method,
        f"https://app.invalid/api/{operation.path}",
        headers={**principal("Approver"), **(headers or {})},
        params=dict(params or {}),
        route_params={
            name: text
            for name, text in {**known, **(ids or {})}.items()
            if f"{{{name}}}" in operation.path
        },
        body=content if body is None else json.dumps(body).encode(),
    )
    endpoint: Any = operation.endpoint
    sends = [_send_nothing] if operation.function in SENDING else []
    answer: func.HttpResponse = endpoint(request, *sends)
    return answer


def _send_nothing(_message: str) -> None:
    """No run has to go on here."""
