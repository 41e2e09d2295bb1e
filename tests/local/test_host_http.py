"""The local host does with HTTP as the real one, row by row: what the app's function gets and what
the caller gets, over a real socket.
"""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

import azure.functions as func
import pytest
from azure.functions.http import HttpRequestConverter, HttpResponseConverter
from azure_functions_runtime.bindings.datumdef import Datum
from starlette.applications import Starlette

from local.host.admin import Admin
from local.host.http import MOST_BODY_BYTES, HttpTriggers, Keys
from local.host.web import web_server
from local.host.worker import Function, Result
from local.listening import listen

KEY, MASTER, WRONG = "the-host-key", "the-master-key", "another-key"


def http_function(name: str, route: str, *methods: str, level: str = "ANONYMOUS") -> Function:
    trigger = {"type": "httpTrigger", "name": "req", "route": route, "methods": methods}
    return Function(name, name, [{**trigger, "authLevel": level}])


FUNCTIONS = [
    http_function("get", "get", "GET"),
    http_function("post", "post", "POST"),
    http_function("run", "runs/{runId}", "GET"),
    http_function("table", "x/{*id}", "GET", "PUT"),
    http_function("keyed", "keyed", "GET", level="FUNCTION"),
    http_function("admins", "admins", "GET", level="ADMIN"),
    Function("timer", "timer", [{"type": "timerTrigger", "name": "timer"}]),
    Function("message", "message", [{"type": "queueTrigger", "name": "message"}]),
]


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes
    calls: list[func.HttpRequest]
    """The requests that functions got meanwhile."""

    @property
    def call(self) -> func.HttpRequest:
        [call] = self.calls
        return call


@dataclass
class Wire:
    """The host's HTTP part on a port, with functions that only note what they get."""

    port: int
    calls: list[func.HttpRequest] = field(default_factory=list)
    fired: list[tuple[str, Datum]] = field(default_factory=list)
    returns: object = None
    """What each function returns, or raises."""

    def ask(self, line: str, *headers: str | bytes, body: bytes = b"", host: str = "h") -> Answer:
        """Send this line and these headers as they are, with a Host header unless it is empty."""
        self.calls.clear()
        lines: list[str | bytes] = [f"{line} HTTP/1.1", *([f"Host: {host}"] if host else [])]
        lines += [*headers, "", ""]
        head = b"\r\n".join(each.encode() if isinstance(each, str) else each for each in lines)

        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall(head + body)
            answer = http.client.HTTPResponse(connection, method=line.split(maxsplit=1)[0])
            answer.begin()
            return Answer(answer.status, answer.headers, answer.read(), list(self.calls))

    def sent(self, body: bytes, *headers: str) -> Answer:
        return self.ask("POST /api/post", *headers, body=body)

    async def invoke(self, _function: Function, datum: Datum) -> Result:
        self.calls.append(HttpRequestConverter.decode(datum, trigger_metadata={}))
        if isinstance(self.returns, Exception):
            raise self.returns
        if self.returns is None:
            return Result(None, [])
        return Result(HttpResponseConverter.encode(self.returns, expected_type=None), [])

    async def fire(self, function: Function, datum: Datum) -> None:
        self.fired.append((function.name, datum))


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    listening = listen(0)
    wire = Wire(listening.getsockname()[1])
    keys = Keys(KEY, MASTER)
    app = Starlette(routes=Admin({each.name: each for each in FUNCTIONS}, keys, wire.fire).routes())
    app.router.default = HttpTriggers(FUNCTIONS, keys, wire.invoke)

    server = web_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield wire
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def wire(running: Wire) -> Wire:
    running.returns = func.HttpResponse("ok")
    running.fired.clear()
    return running


# Bodies


@pytest.mark.parametrize("headers", [[], ["Content-Length: 2"]])
def test_a_body_in_chunks_is_lost_and_its_header_is_not(wire, headers):
    chunks = b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    answer = wire.sent(chunks, "Transfer-Encoding: chunked", *headers)
    assert (answer.status, answer.call.get_body()) == (200, b"")
    assert answer.call.headers["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize(
    ("headers", "body"),
    [([], b""), (["Content-Length: 0"], b""), (["Transfer-Encoding: chunked"], b"0\r\n\r\n")],
)
def test_no_body_is_zero_bytes(wire, headers, body):
    answer = wire.sent(body, *headers)
    assert (answer.status, answer.call.get_body()) == (200, b"")


@pytest.mark.parametrize("body", [b"{}", b"\xff\x00", b"\xef\xbb\xbf{}", b"a=1&b=2"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "x"])
def test_a_body_of_a_known_length_arrives_as_it_is(wire, body, kind):
    answer = wire.sent(body, f"Content-Length: {len(body)}", f"Content-Type: {kind}")
    assert answer.call.get_body() == body
    assert "Transfer-Encoding" not in answer.call.headers


def test_a_get_can_have_a_body(wire):
    assert wire.ask("GET /api/get", "Content-Length: 2", body=b"{}").call.get_body() == b"{}"


def test_no_function_gets_a_body_of_more_than_100_mebibytes(wire):
    whole = wire.sent(b" " * MOST_BODY_BYTES, f"Content-Length: {MOST_BODY_BYTES}")
    assert (whole.status, len(whole.call.get_body())) == (200, 100 * 1024 * 1024)
    refused = wire.sent(b"", f"Content-Length: {MOST_BODY_BYTES + 1}")
    assert (refused.status, refused.body, refused.calls) == (500, b"", [])
