"""The local host does as the real one."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest
from azure.data.tables import TableServiceClient
from azure_functions_runtime.bindings.datumdef import Datum
from starlette.applications import Starlette
from starlette.routing import Route

from local.azurite import ROOT, Azurite
from local.host.config import HostError, queue_options, resolve
from local.host.http import MOST_BODY_BYTES, HttpTriggers, Keys
from local.host.timers import due
from local.host.worker import Function, Result
from shared.transport import MOST_CONNECTIONS


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("0 0 6 * * 3", "2026-11-23T00:00Z", "2026-11-25T06:00Z"),
        ("0 0 6 * * 3", "2026-11-25T06:00Z", "2026-12-02T06:00Z"),
        ("30 */5 * * * *", "2026-11-23T06:01Z", "2026-11-23T06:05:30Z"),
        # Day and weekday are both to be met: the first Friday that is a 13th.
        ("0 0 0 13 * 5", "2026-11-23T00:00Z", "2027-08-13T00:00Z"),
    ],
)
def test_ncrontab_has_seconds_first_and_ands_day_and_weekday(schedule, after, expected):
    assert due(schedule, datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


def test_host_json_holds_unless_the_environment_overrides_it():
    options = queue_options(ROOT, {})
    assert options.max_dequeue_count == 15
    assert options.visibility_timeout.total_seconds() == 60
    prefix = "AzureFunctionsJobHost__extensions__queues__"
    changed = queue_options(ROOT, {f"{prefix}maxDequeueCount": "3", f"{prefix}batchSize": "1"})
    assert (changed.max_dequeue_count, changed.batch_size) == (3, 1)


def test_a_worker_has_a_thread_and_a_connection_for_each_table_in_hand_and_some_to_spare():
    options = queue_options(ROOT, {})
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    threads = int(sample["PYTHON_THREADPOOL_THREAD_COUNT"])
    assert threads == MOST_CONNECTIONS
    assert threads > options.batch_size + options.new_batch_threshold


def test_a_setting_that_a_binding_names_must_be_there(monkeypatch):
    monkeypatch.setenv("SOME_SCHEDULE", "x")
    assert resolve("%SOME_SCHEDULE%") == "x"
    with pytest.raises(HostError, match="NO_SUCH_SETTING"):
        resolve("%NO_SUCH_SETTING%")


def test_azurite_tells_each_request():
    told = threading.Event()
    lines = []

    def on_request(line):
        lines.append(line)
        told.set()

    with Azurite(on_request=on_request) as storage:
        service = TableServiceClient.from_connection_string(storage.connection_string())
        assert list(service.list_tables()) == []
        assert told.wait(10)
    [line] = lines
    assert "GET /devstoreaccount1/Tables" in line


def test_the_host_says_what_it_has_used_itself(host):
    before = host.request("GET", "/local/cpu").json()["seconds"]
    for _ in range(20):
        host.request("GET", "/admin/host/status").raise_for_status()
    assert 0 < before < host.request("GET", "/local/cpu").json()["seconds"]
    anyone = {"x-functions-key": host.key}
    assert host.request("GET", "/local/cpu", headers=anyone).status_code == 401


TRIGGER = {"type": "httpTrigger", "route": "x", "methods": ["POST"], "authLevel": "anonymous"}


def sent(content=b"{}", path="/api/x", returned=None, **headers):
    """Send this body to a function: return the status of the answer, and the calls that it got."""
    called = []

    async def invoke(_function, datum):
        called.append(datum.value)
        return Result(returned, [])

    triggers = HttpTriggers([Function("x", "id", [TRIGGER])], Keys("host", "master"), invoke)
    app = Starlette(routes=[Route("/{path:path}", triggers.answer, methods=["POST"])])

    async def post():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            return await client.post(path, content=content, headers=headers)

    # The browser's tests leave an event loop in this thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, post()).result().status_code, called


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "2"}])
def test_a_body_in_chunks_is_lost_and_its_header_is_not(headers):
    [call] = sent(chunks(b"{", b"}"), **{"Transfer-Encoding": "chunked"}, **headers)[1]
    assert call["body"].value == b""
    assert call["headers"]["transfer-encoding"].value == "chunked"


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\x00", b"\xef\xbb\xbf{}"])
def test_a_body_of_a_known_length_arrives_as_it_is(body):
    [call] = sent(body)[1]
    assert call["body"].value == body
    assert "transfer-encoding" not in call["headers"]


def test_no_function_gets_a_body_of_more_than_100_mebibytes():
    status, called = sent(b" " * MOST_BODY_BYTES)
    assert (status, len(called)) == (204, 1)
    assert sent(b" " * (MOST_BODY_BYTES + 1)) == (500, [])


@pytest.mark.parametrize(
    ("path", "status"),
    [("/API/X", 204), ("/api/x", 204), ("/x", 404), ("/apix", 404), ("/api/x/y", 404)],
)
def test_paths_are_found_whatever_their_case(path, status):
    assert sent(path=path)[0] == status


@pytest.mark.parametrize(("schemes", "status"), [("https", 204), ("https,https", 500)])
def test_a_second_scheme_in_front_is_an_error(schemes, status):
    answered, called = sent(**{"X-Forwarded-Proto": schemes})
    assert (answered, len(called)) == (status, status == 204)


@pytest.mark.parametrize(("place", "status"), [("/a", 202), ("/\xe4", 500), ("/\u20ac", 500)])
def test_a_header_beyond_ascii_in_an_answer_is_an_error(place, status):
    headers = {"Location": Datum(place, "string")}
    parts = {"headers": headers, "status_code": Datum("202", "string"), "body": Datum(b"", "bytes")}
    assert sent(returned=Datum(parts, "http"))[0] == status
