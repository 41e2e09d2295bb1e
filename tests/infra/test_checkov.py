"""checkov judges every resource of every profile.

It gets the resources as the compiler has expanded them. In the template itself it looks at none,
because it does not know nested deployments and symbolic names.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.builders.once import once

from .deployed import DEPLOYED

PYTHON = Path(__file__).parents[2] / ".venv-checkov" / "bin" / "python"
JUDGE = """
import json, sys
from checkov.arm.runner import Runner

print(json.dumps(Runner().run(sys.argv[1]).get_dict(), default=str))
"""
"""`checkov --framework arm` finds the same, but takes twice as long: it loads every framework."""
_WEB_APPS = "for web apps, and nothing of a function app's"
ACCEPTED = {
    "CKV_AZURE_13": "Entra is `authClientId`, a config of its own; a key is needed in any case",
    "CKV_AZURE_17": "alerts and runbooks have no client certificates",
    "CKV_AZURE_35": "the public profile has no network of its own to allow; `private` denies",
    "CKV_AZURE_59": "alerts come from outside, and Event Grid comes as a trusted service",
    "CKV_AZURE_63": "requests are in Application Insights",
    "CKV_AZURE_65": _WEB_APPS,
    "CKV_AZURE_66": _WEB_APPS,
    "CKV_AZURE_78": "Flex Consumption has no FTP; on a Premium plan it is off",
    "CKV_AZURE_80": _WEB_APPS,
    "CKV_AZURE_88": "Azure Files needs a shared key",
    "CKV_AZURE_206": "redundancy is `storageSku`",
    "CKV_AZURE_212": "one instance is enough: what it misses waits in the queue",
    "CKV_AZURE_213": "the heartbeat alert looks whether it works; a restart would mend nothing",
    "CKV_AZURE_222": "the public profile is public, since alerts come from outside",
    "CKV_AZURE_225": "one instance needs no zones: what it misses waits in the queue",
}
"""What fails, and why it may."""
OF_THE_PUBLIC_PROFILE = {"CKV_AZURE_35", "CKV_AZURE_59"}
OF_EVENTS = {"CKV_AZURE_59"}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    if not PYTHON.exists():
        pytest.fail("checkov is not installed; `make .venv-checkov/.installed` installs it")
    return once(tmp_path_factory, "checkov", lambda: judge(tmp_path_factory.mktemp("arm")))


def judge(folder):
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    for name, deployed in DEPLOYED.items():
        resources = [*deployed.resources]
        template = {"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources}
        (folder / f"{name}.json").write_text(json.dumps(template))
    done = subprocess.run(
        [PYTHON, "-c", JUDGE, folder],
        env={**os.environ, "LOG_LEVEL": "CRITICAL"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_resource_is_looked_at(judged):
    """The topics of two subscriptions have the same name, and checkov takes them for one."""
    named = {
        (profile, one["type"], one["name"])
        for profile, deployed in DEPLOYED.items()
        for one in deployed.resources
    }
    assert judged["summary"]["parsing_errors"] == 0
    assert judged["summary"]["resource_count"] >= len(named)


def test_nothing_fails_but_what_is_accepted_and_why(judged):
    failed = {c["check_id"]: c["check_name"] for c in judged["results"]["failed_checks"]}
    assert {k: v for k, v in failed.items() if k not in ACCEPTED} == {}
    assert ACCEPTED.keys() - failed.keys() == set(), "accepted, and no longer failing"


@pytest.mark.parametrize(
    ("profile", "accepted"), [("private", OF_EVENTS), ("private-without-events", set())]
)
def test_what_is_accepted_because_a_profile_is_public_does_not_fail_in_private(
    profile, accepted, judged
):
    failed = {
        check["check_id"]
        for check in judged["results"]["failed_checks"]
        if check["file_path"].endswith(f"/{profile}.json")
    }
    assert failed & OF_THE_PUBLIC_PROFILE == accepted
