"""The local host's worker is a process of its own. It can hang and die as the real host's can."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from tests.builders.clocks import wait_until

APP = Path(__file__).parent / "worker_app"
WITHIN_SECONDS = 60
BEGAN = datetime(2026, 11, 25, 6, tzinfo=UTC)


@pytest.fixture
def make_worker(make_host):
    """A host that runs the app of these tests. Its clock shows BEGAN."""

    def make(**settings):
        host = make_host(AzureWebJobsScriptRoot=str(APP), **settings)
        host.set_clock(BEGAN)
        return host

    return make


@pytest.fixture
def host(make_worker):
    return make_worker()


@pytest.fixture
def post(host):
    """Call a function in the background: return what will be the status of the answer."""
    with ThreadPoolExecutor(4) as pool:
        yield lambda path: pool.submit(lambda: host.request("POST", path).status_code)
        host.set_clock(BEGAN + timedelta(days=1))  # whatever still hangs has to end


@pytest.fixture
def queue(storage):
    with queue_of(storage, "work") as client:
        yield client


def queue_of(storage, name):
    client = QueueClient.from_connection_string(
        storage, name, message_encode_policy=TextBase64EncodePolicy()
    )
    client.create_queue()
    return client


def facts(host):
    return host.request("GET", "/api/facts").raise_for_status().json()


def test_a_timeout_ends_the_worker_and_all_others_in_it_hang_until_their_own(host, post):
    worker = host.worker_pid
    first = post("/api/hang/first")
    host.line_with("first hangs")
    host.set_clock(BEGAN + timedelta(minutes=6))
    second = post("/api/hang/second")
    host.line_with("second hangs")

    host.set_clock(BEGAN + timedelta(minutes=9, seconds=50))
    assert facts(host) and not first.done() and host.worker_pid == worker
    host.set_clock(BEGAN + timedelta(minutes=10, seconds=1))
    assert first.result() == 500
    other = host.worker_pid
    assert other != worker and not psutil.pid_exists(worker)

    host.set_clock(BEGAN + timedelta(minutes=15, seconds=50))
    assert facts(host) and not second.done()
    host.set_clock(BEGAN + timedelta(minutes=16, seconds=1))
    assert second.result() == 500
    assert host.worker_pid == other


def test_a_worker_whose_event_loop_is_blocked_is_ended_as_well(host, post):
    blocked = post("/api/block")
    host.line_with("everything hangs")
    host.set_clock(BEGAN + timedelta(minutes=11))
    assert blocked.result() == 500
    assert facts(host)


def test_the_timeout_can_be_set(make_worker):
    host = make_worker(AzureFunctionsJobHost__functionTimeout="00:00:20")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(host.request, "POST", "/api/hang/it")
        host.line_with("it hangs")
        host.set_clock(BEGAN + timedelta(seconds=21))
        assert answer.result().status_code == 500


def test_a_message_whose_function_timed_out_is_delivered_again_and_counts(host, queue):
    queue.send_message("hangs at first")
    host.line_with("hangs at first, delivery 1")
    host.set_clock(BEGAN + timedelta(minutes=11))
    host.line_with("hangs at first, delivery 2")
    wait_until(lambda: not queue.get_queue_properties().approximate_message_count)


def test_a_queue_begins_nothing_until_the_invocations_of_a_killed_worker_reach_their_timeout(
    host, post, queue
):
    first = post("/api/hang/first")
    host.line_with("first hangs")
    host.set_clock(BEGAN + timedelta(minutes=6))
    queue.send_message("hangs at first")
    host.line_with("hangs at first, delivery 1")
    queue.send_message("waits")
    host.set_clock(BEGAN + timedelta(minutes=11))
    assert first.result() == 500
    assert facts(host)
    host.set_clock(BEGAN + timedelta(minutes=15, seconds=50))
    assert facts(host)
    [waiting] = queue.peek_messages()
    assert waiting.dequeue_count == 0

    host.set_clock(BEGAN + timedelta(minutes=17))
    host.line_with("waits, delivery 1")
    host.line_with("hangs at first, delivery 2")


def test_if_the_worker_is_killed_all_its_invocations_fail_at_once(host, post):
    worker = host.worker_pid
    hanging = [post("/api/hang/first"), post("/api/hang/second")]
    host.line_with("first hangs")
    host.line_with("second hangs")
    os.kill(worker, signal.SIGKILL)
    assert [answer.result() for answer in hanging] == [500, 500]
    assert facts(host)
    assert host.worker_pid != worker


def test_a_function_that_ends_its_process_fails_and_the_next_one_runs(host):
    for _ in range(3):
        assert host.request("POST", "/api/die").status_code == 500
    assert facts(host)


@pytest.mark.parametrize(("end", "status", "sent"), [("return", 200, 1), ("fail", 500, 0)])
def test_nothing_is_sent_of_a_function_that_raises(host, storage, end, status, sent):
    with queue_of(storage, "sent") as queue:
        assert host.request("POST", f"/api/send/{end}").status_code == status
        assert len(queue.peek_messages()) == sent


def test_every_worker_has_the_hosts_clock(host):
    for _ in range(2):
        shown = datetime.fromisoformat(facts(host)["now"])
        assert BEGAN <= shown < BEGAN + timedelta(minutes=10)
        host.request("POST", "/api/die")
    later = BEGAN + timedelta(days=400)
    host.set_clock(later)
    assert later <= datetime.fromisoformat(facts(host)["now"]) < later + timedelta(minutes=10)


@pytest.mark.parametrize(
    "end",
    [
        lambda host: os.kill(host.pid, signal.SIGKILL),
        lambda host: os.kill(host.pid, signal.SIGTERM),
        lambda host: host._process.stdin.close(),
    ],
    ids=["killed", "told to stop", "without its parent"],
)
def test_the_worker_ends_with_its_host_and_the_log_has_no_word_of_it(host, end):
    worker = psutil.Process(host.worker_pid)
    end(host)
    worker.wait(WITHIN_SECONDS)
    host._reader.join(WITHIN_SECONDS)
    assert host.errors == []


def test_a_host_without_its_parent_does_not_wait_for_a_function_that_hangs(host, queue):
    queue.send_message("hangs at first")
    host.line_with("hangs at first, delivery 1")
    host._process.stdin.close()
    host._process.wait(WITHIN_SECONDS)


@pytest.mark.parametrize(
    ("settings", "threads", "seen"),
    [
        ({}, 1000, "1000"),
        ({"PYTHON_THREADPOOL_THREAD_COUNT": "32"}, 32, "32"),
        ({"PYTHON_THREADPOOL_THREAD_COUNT": "32", "HOST_FLEX": "1"}, 5, "32"),
    ],
)
def test_the_pool_has_the_threads_of_the_setting_except_on_flex(
    make_worker, settings, threads, seen
):
    found = facts(make_worker(**settings))
    assert (found["threads"], found["setting"]) == (threads, seen)


def records(host, prefix):
    """All that was written until now: the last record of all comes behind the others."""
    host.request("POST", "/api/release")
    host.line_with("released")
    return [line for line in host.errors if f": {prefix}: " in line]


def test_of_a_functions_thread_the_records_arrive_but_not_of_its_own_threads(make_worker):
    host = make_worker(LOG_LEVEL="DEBUG")
    assert host.request("POST", "/api/logs").status_code == 200
    printed = host.line_with("sync: printed")
    assert printed == "INFO Host.Function.Console: sync: printed"
    info = "INFO ase_route_sync.app: sync: info"
    assert set(records(host, "sync")) == {"WARNING app: sync: function", info, printed}


def test_of_a_coroutine_the_records_arrive_but_not_of_threads(host):
    assert host.request("POST", "/api/logs-async").status_code == 200
    assert records(host, "async") == [
        "WARNING app: async: coroutine",
        "WARNING app: async: task",
        "WARNING app: async: variable set",
    ]


def test_a_record_after_the_end_of_its_invocation_does_not_arrive(host):
    assert host.request("POST", "/api/log-later").status_code == 200
    assert records(host, "async") == []
