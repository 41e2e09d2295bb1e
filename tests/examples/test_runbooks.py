"""The runbooks, run in PowerShell and in the Pythons of Azure Automation against a scripted app.

Each language runs all scenarios once, side by side; the tests look at what they came to. A pause of
a job takes a moment here, and its length is noted.
"""

import json
import os
import pty
import subprocess
import sys

import pytest

from local.pwsh import ENVIRONMENT as PWSH
from tests.builders.once import once

from .jobs import POWERSHELL, PYTHON, environment, run_powershell, run_python, servers
from .pythons import automation_python
from .scenarios import ALERT, JOB, KEY, STATUS, TABLE, TOKEN, scenarios
from .scripted import RUN

LANGUAGES = ("powershell", "python of Automation", "python 3.13")
GRACE_SECONDS = 15
"""A job ends at most so long after its `WaitMinutes`, whatever happens."""
GOOD_ONES = {
    *("good", "plan", "approval", "blanks around the key", "debug", "away", "away at the start"),
    *("dropped", "cut", "busy", "paces", "a read hangs", "the start hangs", "another location"),
    *("504 though started", "dropped though started", "restarted", "job", "waits", "what if"),
    *("job that asks for one table", "alert", "alert again", "alert as Automation writes it"),
    *("alert ignored", "automation", "hybrid worker", "reports of no run"),
    "a date that no calendar has",
}
"""The scenarios in which a job does not fail."""
UNKNOWN = {
    *("silent at the start", "504 and not started", "504 beside an older run"),
    *("504 beside another run", "504 for one table", "503 and a list that fails"),
}
"""Those in which nobody knows whether a run was started."""
NEVER_SENT = {"a key that is none", "body", "http", "key in the url", "azure arc", "what if"}
NEVER_SENT |= {"alert and more", "no alert"}


@pytest.fixture(params=LANGUAGES)
def jobs(request, tmp_path_factory):
    """What each scenario came to in this language.

    A test begins with each language in turn, so several workers do not wait for the same one.
    """
    if request.param == "powershell":
        program, run = request.getfixturevalue("pwsh"), run_powershell
    elif request.param == "python 3.13":
        program, run = sys.executable, run_python
    else:
        program, run = automation_python(), run_python
    return once(tmp_path_factory, request.param, lambda: run(program))


def lines(texts):
    return "\n".join(texts)


def result(ended):
    """The one object of the output, whatever the case of its keys."""
    [found] = ended.output
    return {name[0].lower() + name[1:]: value for name, value in found.items()}


def sent(ended):
    """The body of the one start."""
    [start] = ended.asked("/api/sync")
    return start.json


def test_only_the_good_scenarios_end_well(jobs):
    assert {name for name, ended in jobs.items() if ended.failure is None} == GOOD_ONES & set(jobs)


def test_every_failure_is_one_sentence(jobs):
    failures = [ended.failure for ended in jobs.values() if ended.failure]
    assert [
        text for text in failures if "\n" in text or "Traceback" in text or len(text) > 400
    ] == []


def test_every_job_ends_in_time(jobs):
    late = {}
    for name, ended in jobs.items():
        minutes = scenarios()[name].parameters.get("WaitMinutes", 60)
        if ended.seconds > 60 * minutes + GRACE_SECONDS:
            late[name] = ended.seconds
    assert late == {}


def test_a_key_goes_to_the_app_alone_and_is_never_printed(jobs):
    for name, ended in jobs.items():
        keys = {one.headers.get("x-functions-key") for one in ended.seen if "/api/" in one.path}
        assert keys <= {scenarios()[name].key.strip()}, name
        assert [one.query for one in ended.seen if "code" in one.query] == [], name
        assert ended.elsewhere == [], name
        for secret in (KEY, "a-wrong-key", "half-a-key", "in-the-url", TOKEN, "secret-header"):
            assert secret not in ended.text, name
    assert {name for name, ended in jobs.items() if not ended.seen} == NEVER_SENT & set(jobs)


def test_the_output_is_one_object(jobs):
    assert result(jobs["good"]) == {
        "runId": RUN,
        "status": "Succeeded",
        "mode": "apply",
        "counts": {
            **dict.fromkeys(("unchanged", "planned", "conflict", "blocked", "failed"), 0),
            "changed": 1,
        },
        "tables": result(jobs["good"])["tables"],
        "url": result(jobs["good"])["url"],
    }
    [table] = result(jobs["good"])["tables"]
    folded = {name.lower(): value for name, value in table.items()}
    assert folded == {
        "routetable": TABLE + "one",
        "status": "changed",
        "added": 2,
        "removed": 0,
        "updated": 0,
        "fault": "",
    }
    assert result(jobs["good"])["url"].endswith(STATUS)
    for name in ("good", "busy", "dropped"):
        assert (jobs[name].warnings, jobs[name].errors) == ([], [])
    assert {name for name, ended in jobs.items() if ended.output} == (
        GOOD_ONES - {"what if"} | {"fails", "fails as a whole", "waits and fails"}
    ) & set(jobs)


def test_progress_is_on_the_information_stream(jobs):
    if jobs["good"].information:  # Python has no such stream
        assert RUN in lines(jobs["good"].information)
        assert "503 StorageUnavailable" in lines(jobs["busy"].information)


def test_what_is_asked_for_is_sent(jobs):
    assert sent(jobs["plan"]) == {
        "mode": "plan",
        "routeTables": [TABLE + "one", TABLE + "two"],
        "reason": "weekly",
        "changeId": "CHG0042",
        "force": [],
    }
    assert sent(jobs["approval"]) == {
        "planRunId": "20261101-1",
        "reason": "weekly",
        "changeId": "CHG0042",
    }
    assert result(jobs["plan"])["mode"] == "plan"
    assert set(sent(jobs["good"])) == {"changeId"}


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("wrong key", "401"),
        ("400", "400 InvalidBody: 2 faults; mode: unknown; reason: x"),
        ("an echo", "403 Forbidden: *** may not"),
        ("redirect", "302"),
        ("no such identity", "the managed identity gives no token: it answered 401"),
        ("azure arc", "Azure Arc"),
    ],
)
def test_a_start_that_is_refused_says_so(jobs, scenario, said):
    assert "no run was started" in jobs[scenario].failure.lower()
    assert said in jobs[scenario].failure
    assert len(jobs[scenario].asked("/api/sync")) <= 1


def test_a_lost_connection_is_tried_again_until_the_time_is_up(jobs):
    assert len(jobs["busy"].asked(STATUS)) == 8
    assert len(jobs["busy to the end"].asked(STATUS)) > 1
    for name in ("silent", "drips", "busy to the end", "longer"):
        assert "not ended in time" in jobs[name].failure
        assert "goes on by itself" in jobs[name].failure
    for name in ("gone", "redirect of a read"):
        assert "can't be followed" in jobs[name].failure
        assert "goes on by itself" in jobs[name].failure
        assert len(jobs[name].asked(STATUS)) == 2


def test_only_the_report_of_this_run_ends_the_job(jobs):
    assert result(jobs["reports of no run"])["runId"] == RUN
    assert len(jobs["reports of no run"].asked(STATUS)) == 3


def test_the_pace_is_the_apps_within_limits(jobs):
    *paces, soon = jobs["paces"].slept[1:]
    assert paces == [5, 1, 2.5, pytest.approx(paces[3]), 60, 5]
    assert 1 <= paces[3] <= 60
    assert 1 <= soon <= 20


def test_a_start_whose_answer_is_lost_is_looked_for_and_never_repeated(jobs):
    for name in ("504 though started", "dropped though started", "the start hangs"):
        assert "not known whether a run was started" in lines(jobs[name].warnings)
        [listed] = jobs[name].asked("/api/runs")
        assert listed.query["changeId"] == [sent(jobs[name])["changeId"]]
        assert result(jobs[name])["runId"] == RUN
    for name in UNKNOWN:
        assert "not known whether a run was started" in jobs[name].failure
        assert sent(jobs[name])["changeId"] in jobs[name].failure
        assert jobs[name].asked(STATUS) == []


def test_a_job_that_is_restarted_finds_its_run(jobs):
    assert jobs["restarted"].asked("/api/sync") == []
    assert result(jobs["restarted"])["runId"] == RUN
    assert sent(jobs["job"])["changeId"] == JOB
    # Another request of the same job is not taken for it.
    assert sent(jobs["job that asks for one table"])["changeId"].startswith(f"{JOB}/")


def test_each_table_that_failed_is_an_error_that_says_what_to_do(jobs):
    one, two, three = jobs["fails"].errors
    assert f"{TABLE}one failed: AuthorizationFailed: may not write." in one
    assert "docs/operations.md" in one
    assert f"{TABLE}two blocked: MaxRemovedPercent: 40 %." in two
    assert f'"planRunId": "{RUN}", "force": ["MaxRemovedPercent"]' in two
    assert f"{TABLE}three conflict: Conflict: 20.0.0.0/24 has the route fw to None" in three
    assert "register an exception" in three
    assert "3 of 4 route tables" in jobs["fails"].failure
    assert result(jobs["fails"])["status"] == "Failed"
    assert "TagUnavailable: no tag" in jobs["fails as a whole"].failure


def test_each_table_that_waits_is_a_warning_with_the_command(jobs):
    one, two = jobs["waits"].warnings
    for table, warning in (("one", one), ("two", two)):
        assert f"{TABLE}{table} waits for approval in run {RUN}" in warning
        assert "AseRouteSyncKey" in warning
        assert warning.lower().replace("-", "").count(f"planrunid {RUN}".replace("-", "")) == 1
    assert jobs["waits and fails"].warnings
    assert "2 route tables wait for approval" in jobs["waits and fails"].failure


def test_an_alert_is_handed_on_as_it_came(jobs):
    for name in {"alert", "alert again", "alert as Automation writes it"} & set(jobs):
        bodies = {one.body for one in jobs[name].asked("/api/alerts")}
        assert bodies == {ALERT}
        assert result(jobs[name])["runId"] == RUN
    assert result(jobs["alert ignored"])["status"] == "Ignored"
    assert "nothing else can be asked for" in jobs["alert and more"].failure


def test_another_host_in_location_is_not_asked_but_named(jobs):
    assert "Location names another host" in lines(jobs["another location"].warnings)
    assert len(jobs["another location"].asked(STATUS)) == 1


def test_a_token_of_the_managed_identity_goes_with_the_key(jobs):
    for name in ("automation", "hybrid worker"):
        for one in jobs[name].seen:
            token = f"Bearer {TOKEN}" if "/api/" in one.path else None
            assert one.headers.get("authorization") == token
    query = {"resource": ["api://app"], "client_id": ["an-identity"], "api-version": ["2019-08-01"]}
    assert jobs["automation"].seen[0].query == query
    query = {"resource": ["api://app"], "api-version": ["2018-02-01"]}
    assert jobs["hybrid worker"].seen[0].query == query


def test_without_a_job_each_call_has_an_id_of_its_own(jobs):
    assert sent(jobs["good"])["changeId"] != sent(jobs["dropped"])["changeId"]


# As a person and a pipeline call them


@pytest.mark.parametrize(("scenario", "status"), [("good", 0), ("fails", 1), ("wrong key", 1)])
def test_powershell_has_an_exit_status_and_no_key_even_with_debug(pwsh, scenario, status, tmp_path):
    wanted = scenarios()[scenario]
    command = (
        f"function Get-AutomationVariable {{ '{wanted.key}' }}; $DebugPreference = 'Continue'; "
        f"$VerbosePreference = 'Continue'; & '{POWERSHELL}' -Url $env:APP -KeyVariable k -Debug"
    )
    with servers({scenario: wanted}) as (running, other):
        done = subprocess.run(
            [pwsh, "-NoProfile", "-NonInteractive", "-Command", command],
            env=environment(other, HOME=str(tmp_path), APP=running[scenario].url, **PWSH),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == status, done.stderr
    assert wanted.key not in done.stdout + done.stderr
    assert RUN in done.stdout or scenario == "wrong key"


def test_python_tells_a_person_at_a_terminal_how_far_it_is():
    with servers({"good": scenarios()["good"]}) as (running, other):
        ours, theirs = pty.openpty()
        done = subprocess.run(
            [sys.executable, PYTHON, running["good"].url, "--key", KEY],
            env=environment(other),
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=True,
            timeout=120,
        )
        os.close(theirs)
        said = os.read(ours, 10_000).decode()
        os.close(ours)
    assert said.splitlines() == [f"waiting for run {RUN}"]
    assert json.loads(done.stdout)["runId"] == RUN


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["http://127.0.0.1"], 1, "one of --key and --key-variable is needed"),
        ([], 2, "the following arguments are required: url"),
        (["http://127.0.0.1", "--wait-minutes", "0"], 2, "give 0.01 to 1440"),
        (["http://127.0.0.1", "--key-variable", "k"], 1, "can't be read: ModuleNotFoundError"),
    ],
)
def test_python_refuses_wrong_arguments_in_one_line(arguments, status, said):
    done = subprocess.run(
        [sys.executable, PYTHON, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (status, "")
    [line] = done.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize("wrong", [[KEY], ["--kye", KEY], [f"--ke={KEY}"]])
def test_python_does_not_repeat_an_argument_that_it_does_not_know(wrong):
    done = subprocess.run(
        [sys.executable, PYTHON, "http://127.0.0.1", *wrong],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert KEY not in done.stderr
    assert "--help lists the options" in done.stderr
