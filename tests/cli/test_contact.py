"""If storage or Azure cannot be used, one line says which, why, and what to do."""

import json
import socket
import stat
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
import trustme

from local.azure.faults import Drop, InjectedFault, refusal
from local.azure.server import SimulatedAzure
from shared.cli import contact, in_place
from shared.domain import codes
from shared.domain.errors import TransientError
from tests.builders.azure import add_table, answer, table_id
from tests.builders.relay import Relay
from tests.builders.runs import register, register_many, run_report, sync
from tests.builders.settings import without_storage
from tests.served import Served

A, B = "20.0.0.0/24", "20.0.1.0/24"
ASKS_AZURE = [("plan",), ("apply", "--yes"), ("tables", "add", table_id("one"))]


def only_error(done, code):
    """The one line about it, after which its remedy follows."""
    assert done.status == 1
    assert done.out == ""
    first, *rest = done.err.splitlines()
    assert first.startswith(f"Error {code}: ")
    assert rest == [codes.CODES[code].remedy]
    return first


@contextmanager
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield port


@pytest.fixture
def many(app):
    register_many(app, (f"t{number:04}" for number in range(200)))


@pytest.mark.parametrize("command", ASKS_AZURE, ids=" ".join)
def test_an_arm_that_refuses_connections_is_said_once_and_no_run_begins(app, many, cli, command):
    with closed_port() as port:
        done = cli(*command, ARM_ENDPOINT=f"http://127.0.0.1:{port}")
    said = only_error(done, "HostUnreachable")
    assert f"Azure Resource Manager: 127.0.0.1, TCP {port}" in said
    assert "Connection refused" in said
    assert list(app.runs.list()) == []


def test_in_json_it_is_one_error(many, cli):
    with closed_port() as port:
        done = cli("plan", "--json", ARM_ENDPOINT=f"http://127.0.0.1:{port}")
    assert (done.status, done.err) == (1, "")
    assert done.json["error"]["code"] == "HostUnreachable"


def why_not(app):
    """The code and the message of the error that the first question to Azure ends with."""
    with pytest.raises(TransientError) as caught:
        contact.ask_azure(app)
    return caught.value.code.name, caught.value.message


@pytest.mark.usefixtures("nobody_waits")
def test_a_name_that_nobody_knows(make_app):
    code, said = why_not(make_app(ARM_ENDPOINT="https://nowhere.invalid"))
    assert (code, "the name nowhere.invalid is not known here" in said) == ("HostNotFound", True)


@pytest.mark.usefixtures("nobody_waits")
def test_a_certificate_of_an_authority_that_nobody_knows(make_app, tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    with SimulatedAzure(certificate=(certificate, key)) as inspected:
        code, said = why_not(make_app(ARM_ENDPOINT=inspected.url))
    assert (code, "a certificate that is not trusted" in said) == ("TlsFailed", True)


@pytest.mark.usefixtures("nobody_waits")
def test_a_host_that_speaks_no_tls(azure, make_app):
    code, said = why_not(make_app(ARM_ENDPOINT=azure.url.replace("http:", "https:")))
    assert (code, "TLS with 127.0.0.1 failed" in said) == ("TlsFailed", True)


@pytest.fixture
def behind(make_app, monkeypatch):
    """Make an app whose Azure is behind this proxy."""

    def make(proxy):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        return make_app(ARM_ENDPOINT="https://management.azure.com")

    return make


def proxy_answering(status):
    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            return

    return Served(Proxy)


@pytest.mark.usefixtures("nobody_waits")
@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_that_refuses(behind, status):
    with proxy_answering(status) as proxy:
        code, said = why_not(behind(f"http://somebody:p4ssw0rd@127.0.0.1:{proxy.port}"))
    assert code == "ProxyRefused"
    assert f"the proxy 127.0.0.1 refuses management.azure.com, TCP 443: {status}" in said
    assert "p4ssw0rd" not in said


@pytest.mark.usefixtures("nobody_waits")
def test_a_proxy_that_is_not_there(behind):
    with closed_port() as port:
        code, said = why_not(behind(f"http://127.0.0.1:{port}"))
    assert (code, "the proxy 127.0.0.1 cannot be reached" in said) == ("HostUnreachable", True)
    code, said = why_not(behind("http://proxy.invalid:3128"))
    assert (code, "the name of the proxy proxy.invalid" in said) == ("HostNotFound", True)


@pytest.mark.usefixtures("nobody_waits")
def test_a_host_that_hangs_up(azure, app):
    azure.state.faults.append(InjectedFault(method="GET", path="/usages", effect=Drop(), times=99))
    code, said = why_not(app)
    assert (code, "ServiceResponseError" in said) == ("NoAnswer", True)


@pytest.fixture
def black_hole():
    """A port that neither accepts a connection nor refuses it: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in waiting:
            each.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(contact, "PATIENCE_SECONDS", 1.0)


@pytest.fixture
def silent():
    """A port that accepts connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("nobody", ["black_hole", "silent"])
def test_an_arm_that_answers_nothing_is_given_up(request, make_app, impatient, nobody):
    port = request.getfixturevalue(nobody)
    code, said = why_not(make_app(ARM_ENDPOINT=f"http://127.0.0.1:{port}"))
    assert code == "HostUnreachable"
    assert f"127.0.0.1:{port}) has given no answer within 1 s" in said


def test_an_identity_that_answers_nothing_is_given_up(make_app, monkeypatch, silent, impatient):
    app = make_app()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{silent}/msi/token")
    code, said = why_not(app)
    assert (code, "signing in has given no answer" in said) == ("CredentialUnavailable", True)


def not_signed_in(tmp_path, says=None):
    """Settings of a laptop, at which the Azure CLI says this, or is not there."""
    path = tmp_path / "bin"
    path.mkdir()
    if says is not None:
        program = path / "az"
        program.write_text(f"#!/bin/sh\necho {says!r} >&2\nexit 1\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(path), "without": ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")}


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        ("ERROR: Please run az login to setup account.", "Please run 'az login' to set up an"),
        (
            "ERROR: AADSTS700082: The refresh token has expired due to inactivity.",
            "AADSTS700082: The refresh token has expired due to inactivity.",
        ),
        (None, "Azure CLI not found on path"),
    ],
    ids=["never", "expired", "no program"],
)
@pytest.mark.parametrize("command", [("plan",), ("tables", "add", table_id("one"))], ids=" ".join)
def test_whoever_is_not_signed_in_reads_one_line(many, cli, tmp_path, says, shown, command):
    """Without a word of the ways to sign in that nobody meant."""
    done = cli(*command, **not_signed_in(tmp_path, says))
    said = only_error(done, "CredentialUnavailable")
    assert f"AzureCliCredential: {'ERROR: ' if says and 'AADSTS' in says else ''}{shown}" in said
    assert "az login" in done.err and "--tenant" in done.err
    assert "EnvironmentCredential" not in done.err


def test_a_token_that_azure_refuses(azure, many, cli):
    error = {"error": {"code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer"}}
    azure.state.faults.append(refusal("GET", "/usages", 401, error, times=99))
    done = cli("plan")
    assert "InvalidAuthenticationTokenTenant: wrong issuer" in only_error(done, "SignInFailed")


def test_an_old_token_is_taken_again(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")
    error = {"error": {"code": "ExpiredAuthenticationToken", "message": "expired"}}
    azure.state.faults.append(refusal("GET", "/usages", 401, error))
    assert cli("plan").status == 2


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_whatever_else_azure_answers_is_left_to_the_command(azure, app, cli, status):
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")
    error = {"error": {"code": "Odd", "message": "no"}}
    headers = {"Retry-After": "99"}
    azure.state.faults.append(refusal("GET", "/usages", status, error, times=99, headers=headers))
    assert cli("plan").status == 2


def test_storage_that_refuses_connections(cli):
    done = cli("runs", AzureWebJobsStorage=without_storage())
    assert "storage: 127.0.0.1, TCP 9" in only_error(done, "HostUnreachable")


def test_a_storage_account_whose_name_nobody_knows(cli):
    done = cli(
        "runs",
        without=("AzureWebJobsStorage",),
        AzureWebJobsStorage__tableServiceUri="https://nowhere.invalid",
    )
    assert "storage: the name nowhere.invalid" in only_error(done, "HostNotFound")


REFUSALS = {
    "AuthorizationPermissionMismatch": (
        "StorageRoleMissing",
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationFailure": (
        "StorageNetworkRefused",
        "This request is not authorized to perform this operation.",
    ),
    "KeyBasedAuthenticationNotPermitted": (
        "StorageAccessRefused",
        "Key based authentication is not permitted on this storage account.",
    ),
    "AuthenticationFailed": (
        "StorageAccessRefused",
        "Server failed to authenticate the request.",
    ),
    "AccountBeingCreated": ("StorageUnavailable", "The specified account is in the process"),
}
"""Texts of the service. Sources: "Common REST API error codes", "Troubleshoot 403 errors"."""


def refusing(name, message):
    """Answers as Table Storage does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            text = f"{message}\nRequestId:1-2\nTime:2026-03-04T06:00:00.0000000Z"
            error = {"code": name, "message": {"lang": "en-US", "value": text}}
            body = json.dumps({"odata.error": error}).encode()
            self.send_response(403)
            self.send_header("Content-Type", "application/json;odata=minimalmetadata")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    return Handler


@pytest.mark.parametrize("name", REFUSALS)
def test_storage_that_refuses_says_which_role_or_which_network(cli, name):
    code, message = REFUSALS[name]
    with Served(refusing(name, message)) as refusing_account:
        url = f"http://127.0.0.1:{refusing_account.port}"
        done = cli("runs", AzureWebJobsStorage=f"TableEndpoint={url};SharedAccessSignature=sig=x")
    assert f"storage: {name}: {message}" in only_error(done, code)


def test_an_identity_that_storage_does_not_get_is_said_once(cli, tmp_path):
    done = cli(
        "runs",
        AzureWebJobsStorage="",
        AzureWebJobsStorage__tableServiceUri="https://127.0.0.1:9",
        **not_signed_in(tmp_path, "ERROR: Please run az login to setup account."),
    )
    assert "storage: AzureCliCredential: Please run" in only_error(done, "CredentialUnavailable")


@pytest.mark.usefixtures("nobody_waits")
def test_a_run_is_stopped_if_azure_goes_away(azure, app, make_app, laptop, monkeypatch, capsys):
    """What has begun fails for its own reason, and the rest stays as it was."""
    from shared import app as wiring
    from shared import workers
    from shared.cli import main

    answer(azure, A)
    names = [f"table{number:02}" for number in range(3 * in_place.LANES)]
    for name in names:
        add_table(azure.state, name)
    register(app, *names)
    sync(app)
    before = {one.route_table_id.name: one.status.last_outcome for one in app.registry.list()}
    answer(azure, A, B)

    with Relay(azure.url) as relay:
        relayed = make_app(ARM_ENDPOINT=relay.url)
        monkeypatch.setattr(wiring, "_app", lambda: relayed)
        monkeypatch.setattr(in_place, "SECONDS_BETWEEN", 0)
        started = workers.start_run

        def start_and_cut(text):
            sent = started(text)
            relay.cut()
            return sent

        monkeypatch.setattr(workers, "start_run", start_and_cut)
        assert main(["apply", "--yes"]) == 1

    report = run_report(app, next(app.runs.list()).run_id)
    assert (report["status"], report["error"]["code"]) == ("Failed", "HostUnreachable")
    assert {one["error"]["code"] for one in report["outcomes"]} == {"HostUnreachable"}
    left = {name for name in names if table_id(name) in report["notBegun"]}
    assert len(left) >= len(names) - 2 * in_place.LANES
    after = {one.route_table_id.name: one.status.last_outcome for one in app.registry.list()}
    assert all(after[name] == before[name] for name in left)
    shown = capsys.readouterr()
    assert shown.out.count("Error HostUnreachable") == 1
