"""Every call over HTTP is bounded, whichever client makes it."""

import time
from contextlib import suppress

import pytest
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest
from requests.adapters import HTTPAdapter

from local.azure.faults import Delay, InjectedFault, refusal
from shared.deadline import RESERVE_SECONDS, time_limit
from shared.domain.errors import TransientError
from shared.domain.people.notices import Notice, NoticeKind
from shared.notify.formats import Sender
from shared.notify.webhook import HttpWebhook
from shared.transport import Transport
from tests.builders.azure import add_table, answer, rid
from tests.builders.clocks import SteppedClock
from tests.builders.runs import START, begin, outcome_of, register, run_report, started, sync

A = "20.0.0.0/24"
STALLED = Delay(seconds=5)


@pytest.fixture
def timeouts(monkeypatch) -> list[tuple[str, object]]:
    """The URL and the timeouts of each request."""
    seen: list[tuple[str, object]] = []
    send = HTTPAdapter.send

    def noting(self, request, **options):
        seen.append((request.url, options["timeout"]))
        return send(self, request, **options)

    monkeypatch.setattr(HTTPAdapter, "send", noting)
    return seen


def test_arm_storage_and_the_identity_have_ten_seconds_to_connect_and_sixty_to_answer(
    azure, app, timeouts
):
    add_table(azure.state, "one")
    answer(azure, A)
    register(app, "one")
    assert sync(app)["status"] == "Succeeded"
    assert {limits for _, limits in timeouts} == {(10, 60)}
    for part in ("/msi/token", "/routeTables/one", "/operations/", "SyncRuns", "/usages"):
        assert any(part in url for url, _ in timeouts), part


def test_a_webhook_has_less(receiver, timeouts):
    webhook = HttpWebhook(receiver.url, format_name="json", sender=Sender(None, "AzureCloud", None))
    webhook.send(Notice("id", NoticeKind.CHANGED, "title", START, "summary"))
    assert [limits for _, limits in timeouts] == [(3, 5)]


def test_a_netrc_file_replaces_no_credential(azure, app, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    add_table(azure.state, "one")
    assert app.route_tables.read(rid("one")).routes == ()
    app.account.check()


@pytest.mark.parametrize("etag", ["a\nX: y", "a\r\n X: y", "a\n"])
def test_no_header_of_a_stranger_becomes_two(azure, etag):
    azure.state.log.clear()
    request = HttpRequest("GET", f"{azure.url}/subscriptions", headers={"If-None-Match": etag})
    with pytest.raises(AzureError):
        Transport().send(request)
    assert azure.state.log == []


def test_a_header_without_a_value_is_not_sent(azure):
    headers = {"If-None-Match": None, "accept-encoding": None}
    Transport().send(HttpRequest("GET", f"{azure.url}/simulator/token", headers=headers))  # type: ignore[arg-type]


def test_no_call_goes_on_after_the_deadline(azure, app, timeouts):
    clock = SteppedClock()
    add_table(azure.state, "one")
    with time_limit(20, clock):
        app.route_tables.read(rid("one"))
        clock.seconds = 19.75
        app.route_tables.read(rid("one"))
        clock.seconds = 20
        with pytest.raises(TransientError, match="OutOfTime"):
            app.route_tables.read(rid("one"))
    limits = [limits for url, limits in timeouts if "routeTables/one" in url]
    assert limits == [(10, 20), (0.25, 0.25)]


def test_storage_may_be_used_a_little_longer_so_that_the_end_is_recorded(app):
    clock = SteppedClock()
    with time_limit(20, clock):
        clock.seconds = 20 + RESERVE_SECONDS - 1
        app.account.check()
        clock.seconds = 20 + RESERVE_SECONDS
        with pytest.raises(TransientError, match="OutOfTime"):
            app.account.check()


@pytest.mark.parametrize(("asked", "calls"), [("2", 1), ("1", 2)])
def test_no_wait_that_azure_asks_for_goes_beyond_the_deadline(azure, app, asked, calls):
    add_table(azure.state, "one")
    app.route_tables.read(rid("one"))
    azure.state.log.clear()
    azure.state.faults.append(refusal("GET", "one", 503, {}, headers={"Retry-After": asked}))
    with time_limit(1.9), suppress(TransientError):
        app.route_tables.read(rid("one"))
    assert len(azure.state.log) == calls


def test_a_stalled_call_ends_with_its_invocation_and_the_next_delivery_goes_on(
    azure, app, monkeypatch
):
    add_table(azure.state, "one")
    answer(azure, A)
    run_id = started(app, "one")
    stalled = InjectedFault(method="GET", path="routeTables/one$", effect=STALLED)
    azure.state.faults.append(stalled)
    began = time.monotonic()
    with time_limit(0.5), pytest.raises(TransientError, match="OutOfTime"):
        app.tables.sync(run_id, rid("one"))
    assert time.monotonic() - began < 4
    assert app.outcomes.get_pending(run_id, rid("one")).last_error.code.name == "OutOfTime"
    app.tables.sync(run_id, rid("one"))
    assert outcome_of(run_report(app, run_id), "one")["added"] == [A]


@pytest.mark.parametrize("path", ["/serviceTags$", "/msi/token"])
def test_a_start_that_is_stalled_goes_back_to_the_queue(azure, app, path):
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")
    run_id = begin(app)
    azure.state.faults.append(InjectedFault(method="GET", path=path, effect=STALLED, times=9))
    began = time.monotonic()
    with time_limit(0.5), pytest.raises(TransientError):
        app.run_start.start(run_id)
    assert time.monotonic() - began < 4
    azure.state.faults.clear()
    assert app.run_start.start(run_id) == [rid("one")]
