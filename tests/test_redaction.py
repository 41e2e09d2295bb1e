"""Every client fails on purpose, and nothing that anybody can read has a secret in it."""

import json
import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from local.azure.faults import Drop, InjectedFault, refusal
from shared import app as wiring
from shared import redaction, workers
from shared.arm import client
from shared.domain.people.notices import Notice, NoticeKind
from shared.messages import RunMessage, TableMessage
from shared.notify.formats import Sender
from shared.notify.webhook import HttpWebhook
from shared.redaction import guard_log, hide, presentable, visible
from tests.builders.azure import add_table, answer, rid
from tests.builders.runs import START, begin, run_report, started

KEY = "c2VjcmV0LXN0b3JhZ2Uta2V5LXNlY3JldA=="
SAS = "sv=2022-11-02&ss=t&sig=very%2Fsecret%2Bsignature%3D&se=2030-01-01"
PATH = "/services/T0SECRET/B0SECRET/very-secret-path"
SECRETS = ("very-secret", "very%2Fsecret", "secret%2Bsignature", KEY, "T0SECRET", "p4ssw0rd")


@pytest.fixture
def readable(caplog, monkeypatch) -> Iterator[Callable[[], str]]:
    """Everything that was logged, by whatever logger and at whatever level, with its traces."""
    monkeypatch.setattr(redaction, "_known", set())
    before = logging.getLogRecordFactory()
    guard_log()
    monkeypatch.setattr(wiring, "quiet_libraries", lambda: None)
    for name in (None, "azure", "urllib3"):
        caplog.set_level(logging.DEBUG, name)
    caplog.handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s %(exc_info)s"))
    yield lambda: caplog.text
    logging.setLogRecordFactory(before)


@pytest.fixture
def in_this_process(monkeypatch, app_settings) -> Iterator[Callable[..., None]]:
    """Let the functions of this process find an app with these settings."""

    def use(**changed: str) -> None:
        for name, value in {**app_settings, **changed}.items():
            monkeypatch.setenv(name, value)
        wiring._app.cache_clear()

    yield use
    wiring._app.cache_clear()


def host_log(work: Callable[[], object]) -> str:
    """What the host logs of an error that reaches it: the message, and the trace of its chain."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        work()
    return f"{raised.value}\n{''.join(traceback.format_exception(raised.value))}"


def assert_clean(*texts: str) -> None:
    for text in texts:
        assert text
        assert not [secret for secret in SECRETS if secret in text], text


@contextmanager
def answering(raw: bytes) -> Iterator[int]:
    """Answer each connection with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize(
    "connection",
    [
        f"TableEndpoint=http://127.0.0.1:9/one;AccountName=one;AccountKey={KEY}",
        f"TableEndpoint=http://127.0.0.1:9;SharedAccessSignature={SAS}",
    ],
    ids=["key", "sas"],
)
def test_storage_that_does_not_answer(readable, in_this_process, connection):
    in_this_process(AzureWebJobsStorage=connection)
    told = host_log(workers.scheduled_sync)
    assert "HostUnreachable" in told
    assert_clean(told, readable())


def test_a_webhook_with_a_malformed_header(readable, in_this_process, caplog):
    malformed = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nno header at all\r\n: x\r\n\r\n"
    with answering(malformed) as port:
        url = f"http://127.0.0.1:{port}{PATH}?{SAS}"
        hide([url, PATH])
        webhook = HttpWebhook(url, format_name="json", sender=Sender(None, "AzureCloud", None))
        notice = Notice("id", NoticeKind.CHANGED, "title", START, "summary")
        told = host_log(lambda: webhook.send(notice))
    logged = readable()
    assert "Failed to parse headers" in logged
    assert_clean(told, logged)


@pytest.mark.usefixtures("nobody_waits")
def test_a_link_of_azure_that_does_not_answer(readable, azure, app, monkeypatch):
    """The links of operations are signed."""
    add_table(azure.state, "one")
    answer(azure, "20.0.0.0/24")
    run_id = started(app, "one")
    monkeypatch.setattr("local.azure.operations._SIGNATURE", {"s": "very-secret", "c": "p4ssw0rd"})
    lost = InjectedFault(method="GET", path="/operations/", effect=Drop(), times=99)
    unread = InjectedFault(method="GET", path="/routeTables/one$", effect=Drop(), times=99, skip=1)
    azure.state.faults += [lost, unread]
    monkeypatch.setattr(workers, "app", lambda: app)
    told = host_log(lambda: workers.sync_route_table(str(TableMessage(run_id, rid("one")))))
    workers.fail_poisoned_route_table(str(TableMessage(run_id, rid("one"))))
    report = json.dumps(run_report(app, run_id))
    assert "/operations/" in readable()
    assert_clean(told, readable(), report)


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize(
    "identity",
    [
        "http://127.0.0.1:9/msi/token?code=very-secret",
        "http://somebody:p4ssw0rd@127.0.0.1:9/msi/token",
    ],
)
def test_an_identity_that_does_not_answer(readable, azure, make_app, monkeypatch, identity):
    answer(azure, "20.0.0.0/24")
    monkeypatch.setattr(client, "LONGEST_SLEEP_SECONDS", 0)
    app = make_app()
    monkeypatch.setenv("IDENTITY_ENDPOINT", identity)
    monkeypatch.setenv("IDENTITY_HEADER", "very-secret-header")
    hide(["very-secret-header"])
    monkeypatch.setattr(workers, "app", lambda: app)
    add_table(azure.state, "one")
    run_id = begin(app)
    told = host_log(lambda: workers.start_run(str(RunMessage(run_id))))
    assert "CredentialUnavailable" in told
    assert_clean(told, readable(), json.dumps(run_report(app, run_id)))


def test_a_token_in_the_text_of_an_error(readable, azure, app, monkeypatch):
    token = f"Bearer {azure.state.identities.token()}"
    detail = {"code": "Odder", "message": f"sent https://x.test/y?{SAS}"}
    error = {"error": {"code": "Odd", "message": f"got {token}", "details": [detail]}}
    add_table(azure.state, "one")
    run_id = started(app, "one")
    azure.state.faults.append(refusal("GET", "routeTables/one$", 400, error))
    monkeypatch.setattr(workers, "app", lambda: app)
    workers.sync_route_table(str(TableMessage(run_id, rid("one"))))
    report = json.dumps(run_report(app, run_id))
    assert "got Bearer *** Odder: sent https://x.test/y?***" in report
    assert token[7:40] not in report + readable()
    assert_clean(report, readable())


def test_an_unforeseen_error_is_told_whole_but_for_its_secrets(monkeypatch):
    def app() -> Any:
        try:
            raise OSError(f"http://x/?{SAS}")  # noqa: TRY301
        except OSError as error:
            raise ValueError(f"AccountKey={KEY};") from error

    monkeypatch.setattr(workers, "app", app)
    told = host_log(workers.scheduled_sync)
    assert_clean(told)
    for part in ("ValueError: AccountKey=***;", "OSError: http://x/?***", "The above exception"):
        assert part in told


def test_a_record_with_arguments_and_a_trace(readable):
    log = logging.getLogger("somebody's")
    try:
        raise ValueError(f"https://me:p4ssw0rd@proxy:8080/x?{SAS}")  # noqa: TRY301
    except ValueError:
        log.exception("went wrong: %s", {"Authorization": f"SharedKey one:{KEY}"})
    log.warning("%d", "a library's mistake")
    assert "https://***@proxy:8080/x?***" in readable()
    assert "a library's mistake" in readable()
    assert_clean(readable())


@pytest.mark.parametrize("password", ["p4ssw0rd", "p4ss@p4ssw0rd", "@p4ssw0rd@"])
def test_the_password_of_a_proxy_may_have_any_letter_that_a_client_takes(password):
    text = f"cannot connect to proxy http://me:{password}@proxy:8080/, write to help@example.com"
    shown = "cannot connect to proxy http://***@proxy:8080/, write to help@example.com"
    assert presentable(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            r'{"link": "https://x/y?sv=1\u0026sig=p4ssw0rd\u0026se=2"}',
            '{"link": "https://x/y?***"}',
        ),
        (r"sv=1\u0026sig=p4ssw0rd\u0026se=2", r"sv=1\u0026sig=***\u0026se=2"),
        (r"{\"link\": \"https://x/y?sig=p4ssw0rd\"}", r"{\"link\": \"https://x/y?***\"}"),
    ],
)
def test_a_link_in_json_may_have_its_ampersands_escaped(text, shown):
    assert presentable(text) == shown
    assert_clean(presentable(json.dumps({"text": text})))


@pytest.mark.parametrize(
    "text",
    [
        "why? because=",
        '{"code": "NoAnswer", "message": "x"}',
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/one",
        "Bearer token authentication is not permitted",
        "status_code=200, ErrorCode:None",
        "20.0.0.0/24 -> asmgmt--20.0.0.0_24\n\tä ✓ 漢字",
    ],
)
def test_other_text_stays(text):
    assert presentable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\rb\x08\x00\x7f", r"a\rb\x08\x00\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        (
            "half a \ud83d letter, and a whole \U0001f600",
            "half a \\ud83d letter, and a whole \U0001f600",
        ),
        ("\u202egpj.exe\u2066\u200f\u2028\ufeff", r"\u202egpj.exe\u2066\u200f\u2028\ufeff"),
    ],
)
def test_control_characters_are_made_visible(text, shown):
    assert visible(text) == shown


def test_every_character_that_is_shown_is_one_that_a_terminal_prints():
    shown = visible("".join(map(chr, range(0x3000))))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
