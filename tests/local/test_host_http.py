"""The local host does with HTTP as the real one, row by row: what the app's function gets and what
the caller gets, over a real socket.
"""

import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from email.message import Message
from queue import SimpleQueue

import azure.functions as func
import pytest
from azure.functions.http import HttpRequestConverter, HttpResponseConverter
from azure_functions_runtime.bindings.datumdef import Datum
from starlette.applications import Starlette

from local.host.admin import Admin
from local.host.http import MOST_BODY_BYTES, HttpTriggers, Keys
from local.host.web import web_server
from local.host.worker import Function, InvocationFailed, Result
from local.listening import listen
from tests.builders.clocks import wait_until

KEY, MASTER, WRONG = "the-host-key", "the-master-key", "another-key"


def http_function(name: str, route: str, *methods: str, level: str = "ANONYMOUS") -> Function:
    trigger = {"type": "httpTrigger", "name": "req", "route": route, "methods": methods}
    return Function(name, name, [{**trigger, "authLevel": level}])


FUNCTIONS = [
    http_function("get", "get", "GET"),
    http_function("post", "post", "POST"),
    http_function("asked", "asked", "POST", "OPTIONS", level="FUNCTION"),
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
    fired: SimpleQueue[tuple[str, Datum]] = field(default_factory=SimpleQueue)
    returns: object = None
    """Each function returns this, or raises it."""

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
        self.fired.put((function.name, datum))


@pytest.fixture(scope="module")
def running() -> Iterator[Wire]:
    listening = listen(0)
    wire = Wire(listening.getsockname()[1])
    server = web_server(app_of(wire))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)

    thread.start()
    wait_until(lambda: server.started)
    yield wire
    server.should_exit = True
    thread.join(10)


def app_of(wire: Wire) -> Starlette:
    keys = Keys(KEY, MASTER)
    admin = Admin({each.name: each for each in FUNCTIONS}, keys, wire.fire)
    app = Starlette(routes=admin.routes())
    app.router.default = HttpTriggers(FUNCTIONS, keys, wire.invoke)
    return app


@pytest.fixture
def wire(running: Wire) -> Wire:
    running.returns = func.HttpResponse("ok")
    running.fired = SimpleQueue()
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


# Paths and methods


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("%2Fsubscriptions%2Fa", "%2Fsubscriptions%2Fa"),
        ("%2fa", "%2fa"),
        ("a//b", "a//b"),
        ("a/", "a/"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a%20b", "a b"),
        ("a%25b", "a%b"),
        ("a%2541", "a%41"),
        ("a;b={c}", "a;b={c}"),
        ("a%7Bc%7D", "a{c}"),
        ("%C3%A4", "\xe4"),
        # These bytes are no UTF-8.
        ("%E4", "%E4"),
        ("a%E4%C3%A4b", "a%E4\xe4b"),
        ("a%0Ab", "a\nb"),
        ("a%zz%", "a%zz%"),
    ],
)
def test_a_path_is_decoded_once_and_keeps_its_slashes(wire, path, value):
    answer = wire.ask(f"GET /api/x/{path}")
    assert (answer.status, dict(answer.call.route_params)) == (200, {"id": value})


@pytest.mark.parametrize("path", ["/api/x", "/api/x/"])
def test_an_empty_rest_of_a_path_is_no_parameter(wire, path):
    answer = wire.ask(f"GET {path}")
    assert (answer.status, dict(answer.call.route_params)) == (200, {})


@pytest.mark.parametrize("path", ["/api/get/", "/api/runs/1/", "/API/Get", "/api/GET/"])
def test_a_slash_at_the_end_and_the_case_do_not_matter(wire, path):
    assert wire.ask(f"GET {path}").status == 200


def test_values_keep_their_case(wire):
    assert wire.ask("GET /API/RUNS/AbC").call.route_params == {"runId": "AbC"}
    assert wire.ask("GET /API/RUNS/AbC/").call.route_params == {"runId": "AbC"}


@pytest.mark.parametrize(
    "path",
    [
        *("/api/x//subscriptions/a", "/api/x//", "/api/x$", "/api/xa", "/api//get", "//api/get"),
        *("/api/get//", "/get", "/apiget", "/api/get/y", "/api/runs", "/api/runs/", "/api/runs//"),
        *("/api/runs/1/2", "/api", "/api/nothing", "/api/%E2%84%AAeyed"),
    ],
)
def test_other_paths_lead_nowhere(wire, path):
    answer = wire.ask(f"GET {path}")
    assert (answer.status, answer.body, answer.calls) == (404, b"", [])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/api/x/a/../b", "b"),
        ("/api/x/a/%2e%2e/b", "b"),
        ("/api/x/a/%2E./b", "b"),
        ("/api/x/./a", "a"),
        ("/api/x/a/.", "a/"),
        ("/api/x/a/b/..", "a/"),
        ("/other/../api/x/a", "a"),
        ("/../../api/x/a", "a"),
        ("/api/x/..a/...", "..a/..."),
        ("/api/x/a/..%2Fb", "a/..%2Fb"),
        ("/api/get/../x/a?b=/../c", "a"),
    ],
)
def test_dots_are_resolved_before_a_route_is_looked_for(wire, path, value):
    answer = wire.ask(f"GET {path}")
    assert (answer.status, dict(answer.call.route_params)) == (200, {"id": value})


def test_dots_open_no_path_that_needs_a_key(wire):
    for path in ("/api/get/../keyed", "/api/get/%2e%2e/keyed", "/api/get/../../api/keyed"):
        answer = wire.ask(f"GET {path}")
        assert (answer.status, answer.calls) == (401, [])


@pytest.mark.parametrize("path", ["/api/x/%00", "/%00/../api/get", "/api/nothing%00"])
def test_a_path_has_no_zero_byte(wire, path):
    answer = wire.ask(f"GET {path}")
    assert (answer.status, answer.calls) == (400, [])


def test_a_line_has_at_most_8_kibibytes(wire):
    longest = 8 * 1024 - len("GET /api/x/ HTTP/1.1\r\n")
    assert wire.ask(f"GET /api/x/{'a' * longest}").status == 200
    assert wire.ask(f"GET /api/x/{'a' * (longest + 1)}").status == 414
    assert wire.ask(f"GET /api/x/{'a' * 100_000}").status == 414
    assert wire.ask(f"GET /api/x/{'a' * 5000}?{'b' * (longest - 5001)}").status == 200
    refused = wire.ask(f"GET /api/x/{'a' * 5000}?{'b' * (longest - 5000)}")
    assert (refused.status, refused.body, refused.calls) == (414, b"", [])


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "TRACE", "DELETE", "post", "FETCH"])
def test_another_method_of_a_known_path_leads_nowhere(wire, method):
    answer = wire.ask(f"{method} /api/get")
    assert (answer.status, answer.body, answer.calls) == (404, b"", [])
    assert "Allow" not in answer.headers


def test_options_reaches_a_function_that_takes_it_if_the_key_is_right(wire):
    wire.returns = func.HttpResponse(headers={"Allow": "POST, OPTIONS"})
    answer = wire.ask(f"OPTIONS /api/asked?code={KEY}", "WebHook-Request-Origin: a.example")
    assert (answer.status, answer.body, answer.headers["Allow"]) == (200, b"", "POST, OPTIONS")
    assert answer.call.headers["WebHook-Request-Origin"] == "a.example"
    refused = wire.ask("OPTIONS /api/asked", "WebHook-Request-Origin: a.example")
    assert (refused.status, refused.calls) == (401, [])


@pytest.mark.parametrize("method", ["get", "Get"])
def test_a_method_may_be_in_small_letters(wire, method):
    answer = wire.ask(f"{method} /api/get")
    assert (answer.status, answer.call.method) == (200, "GET")


@pytest.mark.parametrize(
    ("line", "host", "status"),
    [
        ("GET /api/get", "", 400),
        ("GET http://other/api/get", "h", 400),
        ("GET http://h:1/api/get", "h", 400),
        ("GET http://h/api/get?a=1", "h", 200),
        ("GET http://H/api/x/../get", "h", 200),
        ("GET http://h", "h", 404),
    ],
)
def test_a_request_names_one_host(wire, line, host, status):
    answer = wire.ask(line, host=host)
    assert (answer.status, len(answer.calls)) == (status, status == 200)


@pytest.mark.parametrize("host", ["h", "h:80", "h-1.x_y~z", "[::1]", "[::1]:80"])
def test_a_host_is_a_name_or_an_address(wire, host):
    assert wire.ask("GET /api/get", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("h,i", "h/i", "h i", "h%41", "me@h", "h:", ":80", "h:a", "h:8:9"),
        *("[::1", "[::g]", "[::1]80", "[:]", "x[::1]"),
    ],
)
def test_nothing_else_is_a_host(wire, host):
    answer = wire.ask("GET /api/get", host=host)
    assert (answer.status, answer.calls) == (400, [])


# Query and headers


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("a=1", {"a": "1"}),
        ("a=", {}),
        ("a", {}),
        ("a=&b=1", {"b": "1"}),
        ("a=1&a=2", {"a": "1,2"}),
        ("a=1&A=2", {"a": "1,2"}),
        ("A=1&b=3&a=2", {"A": "1,2", "b": "3"}),
        ("a=&a=2&a=", {"a": "2"}),
        ("a=b+c%20d%2B", {"a": "b c d+"}),
        ("a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_a_query_has_one_value_for_each_name_and_none_that_is_empty(wire, query, values):
    assert dict(wire.ask(f"GET /api/get?{query}").call.params) == values


def test_a_header_that_comes_twice_is_joined(wire):
    call = wire.ask("GET /api/get", "X-A: 1", "x-a: 2", "X-B: 3").call
    assert (call.headers["x-a"], call.headers["X-B"]) == ("1,2", "3")


@pytest.mark.parametrize(("headers", "value"), [(["X-A:"], ""), (["X-A:", "X-A: 1"], "1")])
def test_an_empty_header_is_there(wire, headers, value):
    assert wire.ask("GET /api/get", *headers).call.headers["x-a"] == value


def test_a_header_is_utf_8(wire):
    assert wire.ask("GET /api/get", "X-A: \u20ac").call.headers["x-a"] == "\u20ac"
    refused = wire.ask("GET /api/get", b"X-A: \xe4")
    assert (refused.status, refused.calls) == (400, [])


def test_headers_have_at_most_32_kibibytes(wire):
    # The lines of Host and of X-A have their own names, colons and ends.
    longest = 32 * 1024 - len("Host: h\r\nX-A: \r\n")
    assert wire.ask("GET /api/get", f"X-A: {'a' * longest}").status == 200
    refused = wire.ask("GET /api/get", f"X-A: {'a' * (longest + 1)}")
    assert (refused.status, refused.body, refused.calls) == (431, b"", [])
    assert wire.ask("GET /api/get", f"X-A: {'a' * 100_000}").status == 431


def test_there_are_at_most_100_headers(wire):
    most = [f"X-{number}: 1" for number in range(99)]
    assert wire.ask("GET /api/get", *most).status == 200
    refused = wire.ask("GET /api/get", *most, "X-A: 1")
    assert (refused.status, refused.calls) == (431, [])


def test_a_second_scheme_in_front_is_an_error(wire):
    scheme = "X-Forwarded-Proto: https"
    assert wire.ask("GET /api/get", scheme).status == 200
    for headers in ([f"{scheme},https"], [scheme, scheme]):
        refused = wire.ask("GET /api/get", *headers)
        assert (refused.status, refused.body, refused.calls) == (500, b"", [])


def test_the_url_has_the_host_and_the_scheme_of_the_caller(wire):
    forwarded = "X-Forwarded-Proto: https"
    call = wire.ask("GET /api/x/./a%20b?c=d%20e", forwarded, host="me:8").call
    assert call.url == "https://me:8/api/x/a%20b?c=d%20e"


# Answers


def test_an_answer_arrives_as_it_is(wire):
    body = '{"a": "\u20ac"}'
    headers = {"Location": "/api/runs/1", "Retry-After": "5", "ETag": '"a"'}
    wire.returns = func.HttpResponse(
        body, status_code=202, headers=headers, mimetype="application/json"
    )
    answer = wire.ask("GET /api/get")
    assert (answer.status, answer.body.decode()) == (202, body)
    assert {name: answer.headers[name] for name in headers} == headers
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("text", ["", "ok"])
def test_an_answer_comes_in_chunks(wire, text):
    wire.returns = func.HttpResponse(text)
    answer = wire.ask("GET /api/get")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert ("Content-Length" in answer.headers, answer.body) == (False, text.encode())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_loses_it_and_the_connection_goes_on(wire, status):
    wire.returns = func.HttpResponse("lost", status_code=status, headers={"ETag": '"a"'})
    with closing(http.client.HTTPConnection("127.0.0.1", wire.port, timeout=60)) as connection:
        for _ in range(2):
            connection.request("GET", "/api/get")
            answer = connection.getresponse()
            assert (answer.status, answer.read(), answer.headers["ETag"]) == (status, b"", '"a"')


@pytest.mark.parametrize("value", ["/\xe4", "/\u20ac", "a\r\nX-B: 1", "a\x00", "a\x7f"])
def test_a_header_that_no_answer_can_have_is_an_error(wire, value):
    wire.returns = func.HttpResponse("ok", headers={"ETag": '"a"'})
    # `HttpResponse` itself refuses a line break.
    wire.returns.headers._list.append(("Location", value))
    answer = wire.ask("GET /api/get")
    assert (answer.status, answer.body) == (500, b"")


@pytest.mark.parametrize("returned", [None, InvocationFailed("a trace with a secret")])
def test_a_function_that_fails_tells_the_caller_nothing(wire, returned):
    wire.returns = returned
    answer = wire.ask("GET /api/get")
    assert (answer.status, answer.body, len(answer.calls)) == (500, b"", 1)


# Keys


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", [], 401),
        ("", [f"x-functions-key: {WRONG}"], 401),
        (f"?code={WRONG}", [], 401),
        ("?code=", [], 401),
        ("", [f"x-functions-key: {KEY}"], 200),
        ("", [f"X-Functions-Key: {MASTER}"], 200),
        (f"?code={KEY}", [], 200),
        (f"?code={MASTER}", [], 200),
        (f"?CODE={KEY}", [], 200),
        (f"?code={KEY.upper()}", [], 401),
        # The header decides if it is there.
        (f"?code={KEY}", [f"x-functions-key: {WRONG}"], 401),
        (f"?code={KEY}", ["x-functions-key:"], 401),
        (f"?code={WRONG}", [f"x-functions-key: {KEY}"], 200),
        # The first of several decides.
        (f"?code={KEY}&code={WRONG}", [], 200),
        (f"?code={WRONG}&Code={KEY}", [], 401),
        ("", [f"x-functions-key: {KEY}", f"x-functions-key: {WRONG}"], 200),
        ("", [f"x-functions-key: {WRONG}", f"x-functions-key: {KEY}"], 401),
    ],
)
def test_a_key_opens_a_function(wire, query, headers, status):
    answer = wire.ask(f"GET /api/keyed{query}", *headers)
    assert (answer.status, len(answer.calls)) == (status, status == 200)
    assert answer.body == (b"ok" if status == 200 else b"")


def test_an_anonymous_function_ignores_a_wrong_key(wire):
    answer = wire.ask(f"GET /api/get?code={WRONG}", f"x-functions-key: {WRONG}")
    assert answer.status == 200


@pytest.mark.parametrize(("key", "status"), [("", 401), (KEY, 401), (MASTER, 200)])
def test_only_the_master_key_opens_a_function_of_the_level_admin(wire, key, status):
    answer = wire.ask("GET /api/admins", f"x-functions-key: {key}")
    assert (answer.status, len(answer.calls)) == (status, status == 200)


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/get", "", 404),
        ("/api/get", KEY, 404),
        ("/api/get", MASTER, 200),
        ("/api/keyed", "", 401),
        ("/api/keyed", KEY, 404),
        ("/api/keyed", MASTER, 200),
    ],
)
def test_only_the_master_key_opens_a_function_that_is_disabled(
    wire, monkeypatch, path, key, status
):
    monkeypatch.setenv(f"AzureWebJobs.{path.removeprefix('/api/')}.Disabled", "true")
    answer = wire.ask(f"GET {path}", f"x-functions-key: {key}")
    assert (answer.status, len(answer.calls)) == (status, status == 200)
    assert wire.ask("GET /api/runs/1").status == 200


@pytest.mark.parametrize("path", ["/api/get", "/api/keyed"])
def test_a_principal_that_is_no_base64_fails_before_the_function(wire, path, monkeypatch):
    key, principal = f"x-functions-key: {KEY}", "X-MS-CLIENT-PRINCIPAL: not base64"
    assert wire.ask(f"GET {path}", key, principal).status == 200
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    answer = wire.ask(f"GET {path}", key, principal)
    assert (answer.status, answer.body, answer.calls) == (500, b"", [])
    readable = f"X-MS-CLIENT-PRINCIPAL: {base64.b64encode(b'[]').decode()}"
    assert wire.ask(f"GET {path}", key, readable).status == 200


# The host's own endpoints

ADMINS = [
    "GET /admin/host/status",
    "GET /admin/functions",
    "POST /admin/functions/timer",
    "POST /admin/functions/nothing",
]
JSON = "Content-Type: application/json"


@pytest.mark.parametrize("line", ADMINS)
def test_the_master_key_opens_the_hosts_own_endpoints(wire, line):
    for headers in ([], [f"x-functions-key: {WRONG}"], ["x-functions-key:"]):
        refused = wire.ask(line, *headers)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert wire.ask(line, f"x-functions-key: {KEY}").status == 403
    assert wire.ask(f"{line}?code={KEY}").status == 403
    assert wire.ask(line, f"x-functions-key: {MASTER}").status not in {401, 403}
    assert wire.fired.empty()


def test_the_status_says_that_the_host_runs(wire):
    answer = wire.ask(f"GET /admin/host/status?code={MASTER}")
    status = json.loads(answer.body)
    assert (answer.status, status["state"], "functions" in status) == (200, "Running", False)


def test_the_list_of_functions_has_their_names(wire):
    answer = wire.ask(f"GET /admin/functions?code={MASTER}")
    assert {each["name"] for each in json.loads(answer.body)} == {each.name for each in FUNCTIONS}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_ping_needs_no_key(wire, method):
    for headers in ([], [f"x-functions-key: {WRONG}"]):
        answer = wire.ask(f"{method} /admin/host/ping", *headers)
        assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ([], b"{}", 415),
        (["Content-Type: text/plain"], b"{}", 415),
        ([JSON], b"", 400),
        ([JSON], b"no JSON", 400),
        ([JSON], b"\xff", 400),
        ([JSON], b"[]", 400),
        ([JSON], b"null", 400),
        ([JSON], b"{}", 202),
        (["Content-Type: Application/JSON; charset=utf-8"], b"{}", 202),
    ],
)
def test_a_function_is_fired_by_a_json_object(wire, headers, body, status):
    line, length = f"POST /admin/functions/TIMER?code={MASTER}", f"Content-Length: {len(body)}"
    assert wire.ask(line, length, *headers, body=body).status == status
    # The answer does not wait for the function.
    if status == 202:
        name, _datum = wire.fired.get(timeout=60)
        assert name == "timer"
    assert wire.fired.empty()


def test_a_message_is_the_input_of_a_function_that_is_fired(wire):
    body = b'{"input": "some text"}'
    line, length = f"POST /admin/functions/message?code={MASTER}", f"Content-Length: {len(body)}"
    assert wire.ask(line, length, JSON, body=body).status == 202
    assert wire.fired.get(timeout=60) == ("message", Datum("some text", "string"))


def test_a_function_that_is_not_there_cannot_be_fired(wire):
    line = f"POST /admin/functions/nothing?code={MASTER}"
    assert wire.ask(line, "Content-Length: 2", JSON, body=b"{}").status == 404
