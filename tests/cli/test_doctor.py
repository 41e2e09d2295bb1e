"""Each fault is named, with what to do about it; a healthy app has none."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme
from azure.storage.queue import QueueClient

from local.azure.authorization import READER, Role
from local.azure.policy_restrictions import DenyingPolicy
from shared import __version__
from shared.cli.checks import Grade
from shared.cli.checks.reach import (
    CLOCK_FAULT_SECONDS,
    CLOCK_WARNING_SECONDS,
    Clock,
    Peer,
    clock_finding,
    reach,
)
from shared.transport import Transport
from tests.builders.azure import SUBSCRIPTION, add_table, answer
from tests.builders.lists import custom_list
from tests.builders.runs import register, sync
from tests.builders.weekly import DownloadCenter

A = "20.0.0.0/24"


@pytest.fixture
def healthy(azure, app):
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")


def faults(done):
    return {f["subject"]: f for f in done.json["findings"] if f["grade"] == "fault"}


def test_a_healthy_app_has_no_fault(azure, healthy, cli):
    done = cli("doctor")
    assert done.status == 0, done.out
    for subject in ("settings", "network: Azure Resource Manager", "network: Table Storage"):
        assert f"✓ {subject}" in done.out
    for subject in ("clock", "identity", "storage", "queues", "service tags", "permissions"):
        assert f"✓ {subject}" in done.out
    assert azure.state.writes() == []


def test_whether_events_come_is_told(app, healthy, cli):
    done = cli("doctor", "--json")
    [found] = [f for f in done.json["findings"] if f["subject"] == "events"]
    assert (done.json["healthy"], found["grade"]) == (True, "warning")
    assert found["message"].startswith("no event has ever come")
    for role in ("Storage Queue Data Message Sender", "Storage Blob Data Contributor"):
        assert role in found["remedy"]

    app.store.events.came(datetime(2026, 3, 4, 6, tzinfo=UTC))
    assert "✓ events: the newest that is noted came at 2026-03-04 06:00 UTC;" in cli("doctor").out


def test_events_that_are_poisoned_have_a_remedy_of_their_own(storage, healthy, cli):
    for name in ("resource-events-poison", "route-table-sync-poison"):
        queue = QueueClient.from_connection_string(storage, name, transport=Transport())
        queue.create_queue()
        queue.send_message("x")
    found = [f for f in cli("doctor", "--json").json["findings"] if f["subject"] == "queues"]
    table, event = sorted(found, key=lambda f: "resource-events" in f["message"])
    assert event["message"] == "1 messages wait in resource-events-poison"
    assert "the daily check repairs" in event["remedy"]
    assert "the daily check repairs" not in table["remedy"]


def test_without_a_managed_identity_entra_is_asked(healthy, cli):
    """Here by a name that nobody knows: there is no way to it."""
    done = cli(
        "doctor", "--json", without=("IDENTITY_ENDPOINT",), HTTPS_PROXY="http://nowhere.invalid"
    )
    found = faults(done)
    assert "nowhere.invalid" in found["network: Microsoft Entra"]["message"]
    assert "HTTPS_PROXY" in found["network: Microsoft Entra"]["remedy"]
    assert "az login" in found["identity"]["remedy"]


def test_wrong_settings_are_each_a_fault(cli):
    wrong = {"REMOVAL_GRACE_DAYS": "x"}
    done = cli("doctor", "--json", without=("SERVICE_TAG_LOCATIONS",), alone=True, **wrong)
    assert done.status == 1
    found = {f["message"].partition(":")[0]: f["remedy"] for f in done.json["findings"]}
    assert found.keys() >= {"SERVICE_TAG_LOCATIONS", "REMOVAL_GRACE_DAYS"}
    assert "call the app's /api/health" in found["SERVICE_TAG_LOCATIONS"]
    storage = cli("doctor", "--json", without=("AzureWebJobsStorage",), alone=True)
    assert "AzureWebJobsStorage" in faults(storage)["settings"]["message"]
    malformed = cli("doctor", "--json", AzureWebJobsStorage="UseDevelopmentStorage=true;nonsense")
    assert "AzureWebJobsStorage" in faults(malformed)["settings"]["message"]


def of_weekly_file(done):
    return [f for f in done.json["findings"] if f["subject"].endswith("weekly file")]


def test_the_weekly_file_is_read_and_named(healthy, cli):
    assert of_weekly_file(cli("doctor", "--json")) == []
    with DownloadCenter() as center:
        center.publish([A], datetime.now(UTC).date())
        done = cli("doctor", "--json", PUBLISHED_TAGS_URL=center.url)
    reached, read = of_weekly_file(done)
    assert (done.status, reached["grade"], read["grade"]) == (0, "ok", "ok")
    assert read["message"].startswith(f"it is the weekly file of {datetime.now(UTC):%Y-%m-%d} (")


def test_a_weekly_file_that_cannot_be_fetched_is_a_warning_with_the_firewall_rule(healthy, cli):
    done = cli("doctor", "--json", PUBLISHED_TAGS_URL="https://127.0.0.1:9/weekly.json")
    reached, read = of_weekly_file(done)
    assert (done.status, done.json["healthy"]) == (0, True)
    assert (reached["grade"], read["grade"]) == ("warning", "warning")
    assert reached["remedy"] == "ask for a firewall rule from here to 127.0.0.1, TCP 9"
    assert "127.0.0.1, TCP 9, cannot be reached" in read["message"]
    assert "run ase-route-sync doctor" not in read["remedy"]


def app_found(done):
    [found] = [f for f in done.json["findings"] if f["subject"] == "app"]
    return found


def test_an_app_that_confirms_its_settings_is_shown_with_its_version(healthy, deployed, cli):
    found = app_found(cli("doctor", "--json"))
    assert found["grade"] == "ok"
    said = f"it has confirmed its settings at {deployed.url}, and has version {__version__}"
    assert found["message"] == said


def test_whether_the_app_and_this_environment_differ_is_told(healthy, cli):
    here = {"PAUSED": "false", "REMOVAL_GRACE_DAYS": "7"}
    done = cli("doctor", "--json", here=here, PAUSED="true")
    assert done.status == 1
    said = [f["message"] for f in done.json["findings"] if f["grade"] == "fault"]
    assert said == [
        "PAUSED: false here, true in the app",
        "REMOVAL_GRACE_DAYS: 7 here, 0 in the app",
    ]
    overridden = cli("doctor", "--json", "--override-settings", here=here, PAUSED="true")
    assert overridden.status == 0
    said = [f["message"] for f in overridden.json["findings"] if f["grade"] == "warning"]
    assert "PAUSED: false here, true in the app" in said
    cloud = cli("doctor", "--json", here={"AZURE_CLOUD": "AzureChinaCloud"})
    assert "AzureChinaCloud" in faults(cloud)["settings"]["message"]


def test_an_app_that_does_not_confirm_its_settings_is_a_warning(healthy, deployed, cli):
    cli("doctor")
    deployed.status = 403
    done = cli("doctor", "--json")
    found = app_found(done)
    assert (done.status, found["grade"]) == (0, "warning")
    assert f"{deployed.url}: it answers 403" in found["message"]
    assert "PUBLIC_URL" in found["remedy"]
    gone = cli("doctor", "--json", WEBSITE_HOSTNAME="127.0.0.1:9")
    assert "ask for a firewall rule from here to 127.0.0.1, TCP 9" in app_found(gone)["remedy"]


def test_an_app_that_has_recorded_nothing_is_a_warning(healthy, cli):
    done = cli("doctor", "--json", alone=True)
    assert done.status == 0
    found = app_found(done)
    assert "has recorded no settings in this storage account" in found["message"]
    assert "/api/health" in found["remedy"]


def test_another_version_of_the_app_is_a_warning(app, healthy, deployed, cli):
    cli("doctor")
    recorder = deployed.app.recorder
    newer = replace(recorder.own, version="9.0.0", read_at=datetime.now(UTC))
    deployed.app.recorder = replace(recorder, own=newer)
    found = app_found(cli("doctor", "--json"))
    assert found["grade"] == "warning"
    assert found["message"].endswith(f"version 9.0.0. This is version {__version__}")


def test_missing_schedules_are_a_warning(healthy, cli):
    done = cli("doctor", "--json", without=("SYNC_SCHEDULE",))
    assert done.status == 0
    [found] = [f for f in done.json["findings"] if f["subject"] == "settings"]
    assert (found["grade"], "SYNC_SCHEDULE missing" in found["message"]) == ("warning", True)


def test_a_wrong_schedule_is_a_fault_that_names_setting_and_field(healthy, cli):
    wrong = {"SYNC_SCHEDULE": "0 0 6 * * MON-SUN", "CHECK_SCHEDULE": "25:00:00"}
    done = cli("doctor", "--json", **wrong)
    assert done.status == 1
    said = [f["message"] for f in done.json["findings"] if f["grade"] == "fault"]
    assert said == [
        "SYNC_SCHEDULE: weekday: a range must begin with its lower end, or the host swaps both",
        "CHECK_SCHEDULE: it must have six fields, with single blanks between them",
    ]
    remedies = [f["remedy"] for f in done.json["findings"] if f["grade"] == "fault"]
    assert [remedy.partition("for example to ")[2] for remedy in remedies] == [
        "0 0 6 * * 3: Wednesday at 06:00",
        "0 20 5 * * *: each day at 05:20",
    ]


def test_an_identity_that_is_refused_is_told_in_the_words_of_azure_identity(azure, healthy, cli):
    found = faults(cli("doctor", "--json", IDENTITY_HEADER="nonsense"))["identity"]
    assert "there is no token: ManagedIdentityCredential: " in found["message"]
    port = azure.url.rpartition(":")[2]
    assert f"IDENTITY_ENDPOINT is at 127.0.0.1:{port}: assign the app an" in found["remedy"]
    assert "az login" not in found["remedy"]


def test_an_identity_that_is_asked_through_a_proxy_names_no_proxy(healthy, cli):
    """The endpoint of the identity is on this machine, so that no proxy can ask it."""
    found = faults(cli("doctor", "--json", HTTP_PROXY="http://u:p4ssw0rd@127.0.0.1:9"))["identity"]
    assert "ManagedIdentityCredential: HTTPConnectionPool" in found["message"]
    assert "the proxy 127.0.0.1:9 cannot ask it: add 127.0.0.1 to NO_PROXY" in found["remedy"]
    assert "az login" not in found["remedy"]
    assert "p4ssw0rd" not in str(found)


def test_an_identity_that_no_proxy_stands_before_is_fine(healthy, cli):
    done = cli("doctor", HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="127.0.0.1")
    assert done.status == 0, done.out


def test_without_an_endpoint_the_proxy_before_a_machines_own_identity_is_told(healthy, cli):
    proxy = "http://127.0.0.1:9"
    done = cli("doctor", "--json", without=("IDENTITY_ENDPOINT",), HTTP_PROXY=proxy)
    found = faults(done)["identity"]
    assert "AzureCliCredential: " in found["message"]
    assert "az login" in found["remedy"]
    assert "add 169.254.169.254 to NO_PROXY" in found["remedy"]


def test_a_role_that_lacks_an_action_is_named_with_its_scope(azure, healthy, cli):
    principal = azure.state.identities.app
    principal.assignments = [(f"/subscriptions/{SUBSCRIPTION}", READER)]
    done = cli("doctor", "--json")
    assert done.status == 1
    [found] = faults(done).values()
    assert "/routeTables/one, or above" in found["remedy"]
    assert found["message"] == "missing: Microsoft.Network/routeTables/write"


def test_a_tag_that_may_not_be_read_names_action_and_subscription(azure, healthy, cli):
    principal = azure.state.identities.app
    tables = Role("Tables", ("Microsoft.Network/routeTables/*", "Microsoft.Authorization/*/read"))
    principal.assignments = [(f"/subscriptions/{SUBSCRIPTION}", tables)]
    found = faults(cli("doctor", "--json"))
    assert "Microsoft.Network/locations/serviceTags/read" in found["service tags"]["remedy"]
    assert SUBSCRIPTION in found["service tags"]["remedy"]


@pytest.mark.usefixtures("healthy")
def test_an_allowed_tag_that_cannot_be_read_is_named_although_no_table_uses_it(cli):
    allowed = "AppServiceManagement,Storage.Nowhere"
    found = faults(cli("doctor", "--json", ALLOWED_SERVICE_TAGS=allowed))["service tags"]
    assert "Storage.Nowhere is not in the answer of westeurope" in found["message"]
    assert "spelled as Azure spells it" in found["remedy"]


def test_limits_that_may_not_be_read_name_action_and_subscription(azure, app, healthy, cli):
    sync(app)
    assert "✓ route limits" in cli("doctor").out
    without = Role("X", ("*",), ("Microsoft.Network/locations/usages/read",))
    azure.state.identities.app.assignments = [("/", without)]
    done = cli("doctor", "--json")
    assert done.status == 0
    [found] = [f for f in done.json["findings"] if f["subject"] == "route limits"]
    assert found["grade"] == "warning"
    assert f"usages/read at /subscriptions/{SUBSCRIPTION}" in found["remedy"]


ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/no-internet"


def policies_of(done):
    return [f for f in done.json["findings"] if f["subject"] == "policies"]


def test_a_policy_that_would_deny_the_routes_is_named_before_a_run_meets_it(azure, healthy, cli):
    [found] = policies_of(cli("doctor", "--json"))
    assert found["grade"] == "ok"
    azure.state.policies.append(DenyingPolicy(f"/subscriptions/{SUBSCRIPTION}{ASSIGNMENT}"))
    done = cli("doctor", "--json")
    [found] = policies_of(done)
    assert (done.status, found["grade"]) == (0, "warning")
    assert found["message"].startswith(f"/subscriptions/{SUBSCRIPTION}{ASSIGNMENT} would deny")
    assert "exemption" in found["remedy"]
    assert azure.state.writes() == []


def test_a_role_that_does_not_allow_to_ask_about_policies_is_nothing_to_tell(azure, healthy, cli):
    without = Role("X", ("*",), ("Microsoft.PolicyInsights/*",))
    azure.state.identities.app.assignments = [("/", without)]
    azure.state.policies.append(DenyingPolicy(f"/subscriptions/{SUBSCRIPTION}{ASSIGNMENT}"))
    done = cli("doctor", "--json")
    assert (done.status, policies_of(done)) == (0, [])


@pytest.mark.parametrize(
    ("provider", "subject", "setting"),
    [
        ("microsoft.web", "environments", "ARM_API_VERSION_WEB"),
        ("microsoft.network", "service tags", "ARM_API_VERSION_NETWORK"),
    ],
)
def test_a_cloud_that_lags_behind_names_the_setting_and_no_role(
    azure, healthy, cli, provider, subject, setting
):
    azure.state.newest_api_versions[provider] = "2024-04-01"
    done = cli("doctor", "--json")
    assert done.status == 1
    found = faults(done)[subject]
    assert f"set {setting} to 2024-04-01" in found["message"]
    assert (setting in found["remedy"], "role" in found["remedy"]) == (True, False)


def test_limits_that_a_lagging_cloud_refuses_name_the_setting_and_no_role(azure, app, healthy, cli):
    sync(app)
    azure.state.newest_api_versions["microsoft.network"] = "2024-04-01"
    done = cli("doctor", "--json")
    [found] = [f for f in done.json["findings"] if f["subject"] == "route limits"]
    assert "set ARM_API_VERSION_NETWORK to 2024-04-01" in found["message"]
    assert "role" not in found["remedy"]


def test_nothing_registered_is_said(azure, app, cli):
    answer(azure, A)
    done = cli("doctor", "--json")
    assert done.status == 0
    assert done.json["findings"][-1]["remedy"].startswith("ase-route-sync discover")


def test_an_arm_that_can_not_be_reached_names_the_firewall_rule(healthy, cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    done = cli("doctor", "--json", ARM_ENDPOINT=f"http://127.0.0.1:{closed}")
    assert done.status == 1
    found = faults(done)["network: Azure Resource Manager"]
    assert f"TCP {closed} (service tag AzureResourceManager)" in found["remedy"]


@pytest.mark.parametrize(
    ("seconds", "grade"),
    [
        (0, Grade.OK),
        (CLOCK_WARNING_SECONDS - 2, Grade.OK),
        (CLOCK_WARNING_SECONDS + 2, Grade.WARNING),
        (CLOCK_FAULT_SECONDS - 2, Grade.WARNING),
        (CLOCK_FAULT_SECONDS + 2, Grade.FAULT),
        (-CLOCK_FAULT_SECONDS - 2, Grade.FAULT),
    ],
)
def test_a_clock_that_goes_wrong(seconds, grade):
    clock = Clock()
    clock.compare(format_datetime(datetime.now(UTC) - timedelta(seconds=seconds), usegmt=True))
    assert clock_finding(clock).grade is grade


# -- Name, TCP, TLS, proxy --


@contextmanager
def listening(handle) -> Iterator[int]:
    """Give each connection to `handle`, until left; the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    with suppress(OSError):
                        handle(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def https(context: ssl.SSLContext):
    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    return handle


def tunnel(connection: socket.socket, upstream: int) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with socket.create_connection(("127.0.0.1", upstream), timeout=10) as there:
        back = threading.Thread(target=pipe, args=(there, connection))
        back.start()
        pipe(connection, there)
        back.join()


def pipe(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def certificates(tmp_path, monkeypatch):
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setenv("NO_PROXY", "")
    return trusted, context


def peer(port: int, host: str = "localhost") -> Peer:
    return Peer("Peer", f"https://{host}:{port}", "ItsServiceTag")


def test_tls_that_is_trusted_is_fine(certificates, monkeypatch):
    trusted, context = certificates
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with listening(https(context)) as port:
        found = reach(peer(port), Clock())
    assert found.grade is Grade.OK, found
    assert "(private)" in found.said


def test_tls_inspection_is_recognised(certificates):
    _, context = certificates
    with listening(https(context)) as port:
        found = reach(peer(port), Clock())
    assert found.grade is Grade.FAULT
    assert "not trusted" in found.said
    assert "TLS inspection" in str(found.remedy) and "REQUESTS_CA_BUNDLE" in str(found.remedy)


def test_what_hangs_up_in_the_middle_asks_for_the_rule(certificates):
    with listening(lambda connection: None) as port:
        found = reach(peer(port), Clock())
    assert found.grade is Grade.FAULT
    assert f"localhost, TCP {port} (service tag ItsServiceTag)" in str(found.remedy)


def test_an_unknown_name_is_a_fault_of_dns():
    found = reach(peer(443, "nowhere.invalid"), Clock())
    assert found.grade is Grade.FAULT
    assert "the name of nowhere.invalid is not known" in found.said
    assert "DNS" in str(found.remedy)


def test_through_the_proxy(certificates, monkeypatch):
    trusted, context = certificates
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with listening(https(context)) as port, listening(lambda c: tunnel(c, port)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        found = reach(peer(port), Clock())
    assert found.grade is Grade.OK, found
    assert f"through the proxy 127.0.0.1:{proxy}" in found.said


USER = "Proxy-Authorization: Basic dTpwQHNz"  # u:p@ss


@contextmanager
def guarded(upstream: int) -> Iterator[int]:
    """A proxy that lets only this user through."""

    def handle(connection: socket.socket) -> None:
        asked = connection.recv(4096, socket.MSG_PEEK).decode()
        if USER.lower() not in asked.lower():
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        elif asked.startswith("CONNECT"):
            tunnel(connection, upstream)
        else:
            assert asked.startswith("HEAD http://")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with listening(handle) as port:
        yield port


@pytest.mark.parametrize(
    ("signed_in", "grade"),
    [("u:p%40ss@", Grade.OK), ("u:wrong@", Grade.FAULT), ("u@", Grade.FAULT), ("", Grade.FAULT)],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_a_password(certificates, monkeypatch, signed_in, grade, scheme):
    trusted, context = certificates
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with listening(https(context)) as port, guarded(port) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://{signed_in}127.0.0.1:{proxy}")
        found = reach(Peer("Peer", f"{scheme}://localhost:{port}", "Tag"), Clock())
    assert found.grade is grade, found
    if grade is Grade.FAULT:
        assert "407" in found.said
        assert "user and password into HTTPS_PROXY" in str(found.remedy)
    assert "p@ss" not in str(found)


def test_the_password_of_the_proxy_is_not_sent_through_it(certificates, monkeypatch):
    trusted, context = certificates
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    received: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            received.append(secured.recv(4096))
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with listening(handle) as port, guarded(port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://u:p%40ss@127.0.0.1:{proxy}")
        assert reach(peer(port), Clock()).grade is Grade.OK
    assert received
    assert b"proxy-authorization" not in received[0].lower()


def test_a_proxy_that_refuses_says_whom_to_ask(certificates, monkeypatch):
    def refuse(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with listening(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        found = reach(peer(443, "management.azure.com"), Clock())
    assert found.grade is Grade.FAULT
    assert "refuses management.azure.com" in found.said
    assert "at the proxy" in str(found.remedy)


def test_a_proxy_that_can_not_be_reached_asks_for_a_rule_to_the_proxy(certificates, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed}")
    found = reach(peer(443, "management.azure.com"), Clock())
    assert found.said.endswith(
        f"the proxy 127.0.0.1:{closed} cannot be reached: Connection refused"
    )
    assert f"from here to the proxy 127.0.0.1, TCP {closed}" in str(found.remedy)
    assert "correct HTTPS_PROXY" in str(found.remedy)


# -- Lists of one's own --


def of_lists(done):
    found = [f for f in done.json["findings"] if f["subject"] == "lists"]
    return [(f["grade"], f["message"]) for f in found]


def test_each_list_is_judged_by_itself(azure, app, healthy, cli):
    lists = {
        "kms-activation": custom_list(A),
        "other-list": custom_list(A),
        "wrong-list": custom_list("10.0.0.0/8"),
        "Kms": custom_list(A),
    }
    allowed = "AppServiceManagement,kms-activation,wrong-list,lost-list"
    # The settings in the environment count here, because no app has recorded any.
    done = cli("doctor", "--json", CUSTOM_LISTS=json.dumps(lists), ALLOWED_SERVICE_TAGS=allowed)
    kms, lost, other, wrong = sorted(of_lists(done), key=lambda one: one[1].lower())[1:]
    assert kms == ("ok", f"kms-activation: 1 prefix, verified on 2026-12-01: {SOURCE}")
    assert lost[0] == wrong[0] == "fault"
    assert lost[1].startswith("lost-list is not in CUSTOM_LISTS, which has 'kms-activation'")
    assert wrong[1].endswith(
        "prefixes.0: 10.0.0.0/8 is not public address space: 10.0.0.0/8 is private use (RFC 1918)"
    )
    assert other == (
        "warning",
        f"other-list: 1 prefix, verified on 2026-12-01: {SOURCE}. It is not used",
    )
    assert any("Kms" in message and "its name needs" in message for _, message in of_lists(done))
    assert "service tags" not in faults(done)


SOURCE = custom_list()["source"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "ListUnavailable: CUSTOM_LISTS is not JSON"),
        ("http://127.0.0.1:9/x/y.json", "BlobNotFound: http://127.0.0.1:9/x/y.json is not in"),
    ],
)
def test_lists_that_cannot_be_read_are_one_fault(azure, app, healthy, cli, text, said):
    done = cli("doctor", "--json", CUSTOM_LISTS=text)
    [(grade, message)] = of_lists(done)
    assert (done.status, grade) == (1, "fault")
    assert message.startswith(said)


def test_without_lists_nothing_is_said_of_them(healthy, cli):
    assert of_lists(cli("doctor", "--json")) == []
