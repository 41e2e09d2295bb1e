"""docs/runbooks.md: its commands run as written, with words and properties that Azure knows."""

import json
import re
from pathlib import Path

import pytest

from .judges import refused_by_bicep, refused_by_the_cli
from .programs import RecordedAz, run_page
from .scenarios import KEY

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runbooks.md").read_text()
RUNBOOK = ROOT / "examples" / "runbooks" / "Start-AseRouteSync.ps1"
ACCOUNT = (
    "/subscriptions/10000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
    "/Microsoft.Automation/automationAccounts/aa"
)
HOOK = "https://hook.azure-automation.net/webhooks?token=a-secret-token"
READERS = {
    "ACCOUNT": ACCOUNT,
    "LOCATION": "westeurope",
    "APP": "app",
    "APP_GROUP": "rg-app",
    "URL": "https://app.azurewebsites.net",
    "APP_ID": "app-id",
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """The reader runs the page from its first command to its last: these are the calls of `az`."""
    az = RecordedAz(
        tmp_path_factory.mktemp("az"),
        {
            "functionapp keys list": KEY,
            f"rest --method patch --url {ACCOUNT}?api-version=2024-10-23": "a-principal",
            "ad sp show": "a-service-principal",
            f"rest --method post --url {ACCOUNT}/webhooks/generateUri?api-version=2024-10-23": HOOK,
        },
    )
    done = run_page(PAGE, az, ROOT, READERS)
    assert (done.returncode, done.stderr) == (0, "")
    assert KEY not in done.stdout
    return az.calls


def puts(calls):
    """Each of these puts a resource. A runbook's content is a text, and has no properties."""
    return [
        call
        for call in calls
        if call.begins_with("rest --method put") and "draft/content" not in call.option("--url")
    ]


def named(calls, path):
    """The body of the resource that has this path below the account, or of the first below it."""
    found = (one for one in puts(calls) if f"{ACCOUNT}/{path}" in one.option("--url"))
    return json.loads(next(found).option("--body"))["properties"]


def test_the_key_and_the_webhook_are_in_no_list_of_processes(calls):
    shown = [text for call in calls for text in call.shown]
    assert not [text for text in shown if KEY in text or HOOK in text]


def test_the_key_that_was_made_is_the_one_that_is_read(calls):
    read = [call.option("--query") for call in calls if call.begins_with("functionapp keys list")]
    made = [call.option("--key-name") for call in calls if call.begins_with("functionapp keys set")]
    assert read == [f'functionKeys."{name}"' for name in made]


@pytest.mark.parametrize(
    "failing", ["functionapp keys set", "functionapp keys list", "rest --method put"]
)
def test_no_key_is_deleted_before_the_next_one_is_kept(failing, tmp_path):
    """At a prompt, a command runs although the one before it has failed."""
    _, helpers, *rest = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [rotation] = [text for text in rest if "keys delete" in text]
    az = RecordedAz(tmp_path, {"functionapp keys list": KEY}, {failing: 1})
    az.run(("bash", "-c", helpers + rotation), ROOT, **READERS)
    assert az.calls[-1].begins_with(failing)


def test_no_empty_key_is_kept(tmp_path):
    _, helpers, *rest = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [rotation] = [text for text in rest if "keys delete" in text]
    az = RecordedAz(tmp_path, {})
    az.run(("bash", "-c", helpers + rotation), ROOT, **READERS)
    assert az.calls[-1].begins_with("functionapp keys list")


def test_the_variable_is_encrypted_and_has_the_key(calls):
    variable = named(calls, "variables/AseRouteSyncKey")
    assert variable["isEncrypted"] is True
    assert json.loads(variable["value"]) == KEY  # Automation keeps a value as JSON


def test_the_whole_runbook_is_imported_and_published_after_that(calls):
    urls = [call.option("--url") if "--url" in call.arguments else "" for call in calls]
    [content] = [n for n, url in enumerate(urls) if "draft/content" in url]
    assert calls[content].option("--body") == RUNBOOK.read_text().rstrip("\n")
    assert "/publish?" in urls[content + 1]


def test_az_can_send_the_runbooks():
    """`az rest` sends a body that is no JSON in Latin-1, so it must not have other letters."""
    for file in RUNBOOK.parent.iterdir():
        assert file.read_text().isascii(), file.name


def test_jobs_have_parameters_that_the_runbook_knows(calls):
    known = set(re.findall(r"\] \$(\w+)", RUNBOOK.read_text().split("\nparam(")[1].split("\n)")[0]))
    for kind in ("jobs/", "jobSchedules/", "webhooks/route-sync"):
        job = named(calls, kind)
        assert job["runbook"] == {"name": "Start-AseRouteSync"}
        assert {"Url", "KeyVariable"} <= job["parameters"].keys() <= known


def test_the_role_is_operator(calls):
    roles = json.loads((ROOT / "infra" / "entra" / "app-roles.json").read_text())
    [operator] = [role["id"] for role in roles if role["value"] == "Operator"]
    [assigned] = [call for call in calls if "appRoleAssignedTo" in " ".join(call.arguments)]
    assert json.loads(assigned.option("--body")) == {
        "principalId": "a-principal",
        "resourceId": "a-service-principal",
        "appRoleId": operator,
    }


def test_the_alert_starts_the_runbook_by_its_webhook(calls):
    assert named(calls, "webhooks/route-sync")["uri"] == HOOK
    [group] = [call for call in calls if call.begins_with("monitor action-group create")]
    at = group.arguments.index("automationrunbook")
    assert group.arguments[at + 2 : at + 6] == [
        ACCOUNT,
        "Start-AseRouteSync",
        f"{ACCOUNT}/webhooks/route-sync",
        HOOK,
    ]


def test_what_the_page_says_of_a_failed_job_is_what_the_runbook_says():
    table = PAGE.split("## What each end of a job means")[1]
    said = re.findall(r"^\| Failed \| (.+?) \|", table, re.MULTILINE)
    texts = [text for cell in said for text in re.findall("`(.+?)`", cell)]
    assert len(texts) >= 7
    runbook = RUNBOOK.read_text()
    for text in texts:
        parts = [part.strip() for part in text.split("…") if part.strip()]
        assert parts[-1] in runbook, text


def test_bicep_knows_every_property(bicep, calls, tmp_path):
    assert len(puts(calls)) == 8
    assert refused_by_bicep(bicep, puts(calls), tmp_path) == []


def test_the_azure_cli_knows_every_word(calls, tmp_path):
    assert refused_by_the_cli(calls, tmp_path) == ""
