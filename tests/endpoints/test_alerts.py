"""Bodies that nobody would send: none is an error, and none does harm."""

import copy
import json
import random
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from shared import endpoints
from shared.endpoints import shell
from tests.builders.azure import SUBSCRIPTION, add_table, table_id
from tests.builders.cases import cases
from tests.builders.recorded import RECORDINGS, needs_recordings
from tests.builders.runs import register

BODIES = cases(some=10_000, many=100_000)
HOSTILE: list[Any] = [
    *(None, True, 0, -1, 1e308, 10**30, "", " ", "\x00", "💥" * 50, "\u202e", "../..", "'; --"),
    *([], {}, [[]], [{}], {"": {}}, {"a": None}, ["x"] * 50, "x" * 3000, "/subscriptions/", "/"),
    *("Fired", "Resolved", "Succeeded", "azureMonitorCommonAlertSchema", "Activated"),
    *(f"/subscriptions/{SUBSCRIPTION}", table_id("one"), "/subscriptions/a" + "/b" * 500),
    [f"/subscriptions/{n}/resourceGroups/g" for n in range(40)],
    "https://evil.example/?code=1",
]


def samples() -> list[str]:
    """Every alert and event that Azure was recorded to send."""
    found = [*RECORDINGS.glob("alert_*.json"), *RECORDINGS.glob("eventgrid_*.json")]
    assert len(found) == 14
    return [json.dumps(json.loads(f.read_text())["request"]["body"]) for f in sorted(found)]


def fuzzed(random_: random.Random, texts: list[str]) -> bytes:
    body = json.loads(random_.choice(texts))
    for _ in range(random_.randint(1, 4)):
        mutate(random_, body)
    encoded = json.dumps(body, ensure_ascii=random_.random() < 0.5).encode()
    match random_.randint(0, 9):
        case 0:
            return encoded[: random_.randrange(len(encoded))]
        case 1:
            place = random_.randrange(len(encoded))
            return encoded[:place] + random_.randbytes(random_.randint(1, 8)) + encoded[place + 1 :]
        case 2:
            depth = random_.choice([50, 500, 5000])
            return b'{"schemaId":' * depth + encoded + b"}" * depth
        case 3:  # each key twice
            return encoded.replace(b'"data":', b'"data": 7, "data":')
    return encoded


def is_utf8(body: bytes) -> bool:
    return b"\0" not in body and "\ufffd" not in body.decode(errors="replace")


def hostile(random_: random.Random) -> Any:
    return copy.deepcopy(random_.choice(HOSTILE))


def mutate(random_: random.Random, body: Any) -> None:
    places = list(containers(body))
    container, key = random_.choice(places)
    match random_.randint(0, 3):
        case 0:
            del container[key]
        case 1 if isinstance(container, list):
            container.append(hostile(random_))
        case 1:
            container[str(random_.choice(HOSTILE))[:50]] = hostile(random_)
        case _:
            container[key] = hostile(random_)


def containers(body: Any) -> Any:
    yield {"body": body}, "body"
    items = body.items() if isinstance(body, dict) else enumerate(body)
    for key, inner in list(items):
        yield body, key
        if isinstance(inner, dict | list):
            yield from containers(inner)


@needs_recordings
@pytest.mark.parametrize("seed", [1, 2])
def test_a_body_is_an_error_only_if_it_is_not_utf_8(azure, app, monkeypatch, seed):
    monkeypatch.setattr(shell, "app", lambda: app)
    take, known = app.alerts.take, {}

    def take_once(alert, body):
        """Most bodies say one of a few hundred things, and storage is asked once about each."""
        if alert not in known:
            known[alert] = take(alert, body)
        return known[alert]

    monkeypatch.setattr(
        app, "alerts", SimpleNamespace(take=take_once, relevant=app.alerts.relevant)
    )
    add_table(azure.state, "one")
    register(app, "one")
    random_, texts = random.Random(seed), samples()
    answers = {200: 0, 202: 0, 400: 0}
    for _ in range(BODIES // 2):
        body = fuzzed(random_, texts)
        request = func.HttpRequest(
            "POST", "http://127.0.0.1/api/alerts", body=body, headers={}, params={}
        )
        answer = endpoints.take_alert(request, lambda _message: None)
        assert answer.status_code in answers, body
        answers[answer.status_code] += 1
        assert (answer.status_code == 400) is (not is_utf8(body)), body
    assert all(answers.values())
    assert azure.state.writes() == []
