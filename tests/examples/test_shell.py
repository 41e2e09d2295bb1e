"""The shell script, run by bash with the real curl and jq: it ends on every answer."""

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from local.azure.locks import Lock
from tests.builders.azure import add_table, table_id, tag_document
from tests.builders.routes import owned_prefixes, to_firewall

from .programs import needs, shorten_pauses
from .scenarios import (
    BAD,
    GOOD,
    HTML,
    KEY,
    LATE,
    PACES,
    STATUS,
    TABLE,
    TOKEN,
    WAITING,
    always,
    app,
    moved,
    outcome,
    refusal,
    report,
    running,
    started,
)
from .scripted import RUN, Drop, Effect, Leave, Reply, Scripted, Silence

SCRIPT = Path(__file__).parents[2] / "examples" / "shell" / "start-run.sh"
pytestmark = needs("curl", "jq")


class Shell:
    """A person at a shell, in a home of its own. A pause is noted, and takes a moment only."""

    def __init__(self, folder):
        self.folder = folder
        self.slept = []
        (folder / "bin").mkdir()
        shorten_pauses(folder / "bin", folder / "slept")
        (folder / "tmp").mkdir()
        # The settings in .curlrc must not send the key elsewhere or print it.
        (folder / ".curlrc").write_text("location\nverbose\n")

    def run(self, *arguments, key=KEY, before=(), **environment):
        known = {"HOME": str(self.folder), "TMPDIR": str(self.folder / "tmp")}
        done = subprocess.run(
            [*before, SCRIPT, *arguments],
            input=key,
            env={**known, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        slept = self.folder / "slept"
        self.slept = [int(line) for line in slept.read_text().split()] if slept.exists() else []
        assert KEY not in done.stdout + done.stderr
        assert list((self.folder / "tmp").iterdir()) == []
        return done


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.fixture
def ask(shell):
    """Start a run at an app that answers by this script, and look where the key went."""

    def run(script, *arguments, **more):
        with Scripted(always(Reply(200))) as other, Scripted(script, other=other.url) as server:
            done = shell.run(server.url, *arguments, http_proxy=other.url, **more)
        assert other.seen == []
        done.seen = server.seen
        return done

    return run


# A run that ends


def test_a_run_that_succeeds_ends_with_its_report(ask, shell):
    done = ask(app(running(), GOOD), '{"reason": "CHG1"}')
    assert done.returncode == 0
    assert json.loads(done.stdout) == GOOD.body
    counts = "0 unchanged, 0 planned, 1 changed, 0 conflict, 0 blocked, 0 failed"
    assert done.stderr.splitlines() == [
        f"start-run: run {RUN} started",
        f"start-run: run {RUN}: Succeeded, {counts}",
    ]
    [start, *_] = done.seen
    assert (start.json, start.headers["content-type"]) == ({"reason": "CHG1"}, "application/json")
    assert "transfer-encoding" not in start.headers  # the host would lose such a body
    assert {one.headers["x-functions-key"] for one in done.seen} == {KEY}


def test_a_run_that_fails_ends_with_1_although_its_report_comes_with_200(ask):
    done = ask(app(BAD))
    assert done.returncode == 1
    assert json.loads(done.stdout)["status"] == "Failed"
    assert done.stderr.splitlines()[2:] == [
        f"failed: {TABLE}one",
        "  AuthorizationFailed: may not write",
        f"blocked: {TABLE}two",
        "  MaxRemovedPercent: 40 %",
        f"conflict: {TABLE}three",
        "  the route fw has 20.0.0.0/24",
    ]


def test_the_fault_of_a_whole_run_is_told(ask):
    error = {"code": "TagUnavailable", "message": "no tag"}
    done = ask(app(report("Failed", error=error)))
    assert done.returncode == 1
    assert "TagUnavailable: no tag" in done.stderr


def test_tables_that_wait_for_approval_are_told_and_those_of_a_plan_are_not(ask):
    line = "2 route tables wait for approval"
    done = ask(app(WAITING))
    assert done.returncode == 0
    assert line in done.stderr
    planned = report("Succeeded", outcome("one", "planned"), outcome("two", "planned"), mode="plan")
    done = ask(app(planned), '{"mode": "plan"}')
    assert done.returncode == 0
    assert "wait for approval" not in done.stderr


# A run that is not started


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(400, "InvalidBody", "1 fault", mode="unknown"), "InvalidBody: 1 fault\n  mode"),
        (Reply(401), "HTTP 401"),
        (refusal(403, "RoleNeeded", f"{KEY} may not"), "RoleNeeded: [key] may not"),
        (Reply(404), "HTTP 404"),
        (refusal(411, "LengthRequired", "chunked"), "LengthRequired"),
        (Reply(429, "", {"Retry-After": "1"}), "HTTP 429"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else "",
)
def test_a_refused_start_ends_with_2_and_says_why(ask, answer, said):
    done = ask(app(start=always(answer)))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no run was started" in done.stderr
    assert said in done.stderr


def test_a_redirect_is_not_followed(ask):
    done = ask(app(start=moved))
    assert (done.returncode, len(done.seen)) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        ([], KEY, "usage"),
        (["{url}", "{}", "more"], KEY, "usage"),
        (["{url}", "[]"], KEY, "BODY"),
        (["{url}", "{"], KEY, "BODY"),
        (["{url}"], "", "no key"),
        (["{url}"], "\n", "no key"),
        (["{url}"], "kéy", "no key"),
        (["http://app.example"], KEY, "https://"),
        (["http://127.0.0.1:80@app.example"], KEY, "https://"),
        (["{url}/?code=in-the-url"], KEY, "https://"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(shell, arguments, key, said):
    with Scripted(app(GOOD)) as server:
        done = shell.run(*(text.replace("{url}", server.url) for text in arguments), key=key)
    assert (done.returncode, server.seen) == (2, [])
    assert said in done.stderr


def test_an_app_that_is_not_there_has_started_nothing(shell):
    done = shell.run("http://127.0.0.1:9")
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr


# A run of which nobody knows


@pytest.mark.parametrize(
    "answer",
    [LATE, HTML, Reply(500), Reply(503), Reply(408), Drop(), Reply(202, "{", cut=True)],
    ids=["504", "502", "500", "503", "408", "dropped", "cut"],
)
def test_a_start_without_a_clear_answer_ends_with_3(ask, answer):
    done = ask(app(GOOD, start=always(answer)))
    assert (done.returncode, done.stdout, len(done.seen)) == (3, "", 1)
    assert "it is not known whether a run was started" in done.stderr


def test_an_answer_that_names_no_run_ends_with_3(ask):
    pages = (Reply(202, "<html>queued</html>"), Reply(200, "<html>welcome</html>"))
    for answer in (*pages, Reply(202, {"runId": "../../admin/host/keys"})):
        done = ask(app(GOOD, start=always(answer)))
        assert (done.returncode, len(done.seen)) == (3, 1)


@pytest.mark.parametrize(
    "answer",
    [Reply(401), refusal(404, "RunNotFound", "no run"), moved, Reply(403)],
    ids=["401", "404", "302", "403"],
)
def test_a_run_that_cannot_be_followed_ends_with_3(ask, answer):
    done = ask(app(running(), answer))
    assert (done.returncode, done.stdout) == (3, "")
    assert f"run {RUN} cannot be followed, and goes on by itself" in done.stderr


@pytest.mark.parametrize(
    "answer", [running(), HTML, Silence(), Drop()], ids=["runs", "502", "silent", "dropped"]
)
def test_a_run_that_does_not_end_in_time_ends_with_3(ask, answer):
    done = ask(app(answer), WAIT_SECONDS="1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "has not ended within 1 s; it goes on by itself" in done.stderr


# The network and the gateways in it


def test_faults_that_pass_are_asked_again(ask):
    faults: list[Effect] = [
        *(refusal(503, "StorageUnavailable", "no answer"), Reply(429), HTML, Reply(408), Drop()),
        *(Leave(0.2), Reply(200, '{"status": "Succ', cut=True), Reply(200, "<html>soon</html>")),
        Reply(200, {"runId": "another", "status": "Succeeded"}),
    ]
    done = ask(app(*faults, running(), GOOD))
    assert done.returncode == 0
    assert json.loads(done.stdout) == GOOD.body


def test_the_pause_is_what_the_app_asks_for_from_1_to_60_seconds(ask, shell):
    assert PACES[:2] == (None, "0")
    done = ask(app(*map(running, PACES), GOOD))
    assert done.returncode == 0
    #               the start, then: none, 0, 2.5, a date, two days, a word
    assert shell.slept == [1, 5, 1, 5, 5, 60, 5]


def test_a_location_on_another_host_is_not_asked(ask):
    def elsewhere(server, _seen):
        return started(server, location=f"{server.other}{STATUS}")

    assert ask(app(GOOD, start=elsewhere)).returncode == 0


# The key and the token


def test_blanks_around_the_key_do_not_count_and_a_trace_does_not_show_it(ask):
    assert ask(app(GOOD), key=f"  {KEY}\r\n").returncode == 0
    assert ask(app(GOOD), before=("bash", "-x")).returncode == 0


def command_lines():
    """This process has started these, or one of them has started the others."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            yield process.cmdline()


def test_neither_key_nor_token_is_among_the_arguments_of_a_process(ask, tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    processes = []

    def answer(server, seen):
        processes.append([*command_lines()])
        return app(GOOD)(server, seen)

    done = ask(answer, TOKEN_FILE=str(tmp_path / "token"))
    assert done.returncode == 0
    assert {one.headers["authorization"] for one in done.seen} == {f"Bearer {TOKEN}"}
    for arguments, limit in zip(processes, ("230", "60"), strict=True):
        [curl] = [one for one in arguments if one[:1] == ["curl"]]
        assert curl[curl.index("--max-time") + 1] == limit
        shown = "\n".join(text for one in arguments for text in one)
        assert KEY not in shown
        assert TOKEN not in shown


def test_a_token_that_cannot_be_read_starts_nothing(ask):
    done = ask(app(GOOD), TOKEN_FILE="/nowhere")
    assert (done.returncode, done.seen) == (2, [])
    assert "TOKEN_FILE has no token" in done.stderr


# The app itself


def test_it_starts_a_run_of_the_app_and_tells_how_it_ended(azure, host, shell):
    prefix = "20.0.0.0/24"
    azure.state.tags.answers["westeurope"] = tag_document([prefix])
    table = add_table(azure.state, "one", [to_firewall()])
    host.request("PUT", f"/api/route-tables{table_id('one')}", json={}).raise_for_status()

    azure.state.locks[table_id("one")] = Lock.READ_ONLY
    done = shell.run(host.url, key=host.key)
    assert done.returncode == 1, done.stderr
    assert f"failed: {table_id('one')}\n  ScopeLocked: " in done.stderr

    azure.state.locks.clear()
    done = shell.run(host.url, '{"reason": "CHG1"}', key=host.key)
    assert done.returncode == 0, done.stderr
    assert owned_prefixes(table) == {prefix}
    [run, _] = host.request("GET", "/api/runs").json()["value"]
    assert (run["runId"], run["reason"]) == (json.loads(done.stdout)["runId"], "CHG1")

    done = shell.run(host.url, '{"mode": "nonsense"}', key=host.key)
    assert done.returncode == 2
    assert "InvalidBody" in done.stderr
