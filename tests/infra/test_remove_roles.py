"""The roles go from a subscription first, so that Azure takes the next deployment or its end. The
event subscription goes with them.

`az` is a model of what the Azure CLI does with them, and refuses what Azure refuses.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .deployed import DEPLOYED

SCRIPT = Path(__file__).parents[2] / "infra" / "remove-roles.sh"
AZ = """#!{python} -IS
import itertools, json, pathlib, sys

state = pathlib.Path({state!r})
azure = json.loads(state.read_text())
words = list(itertools.takewhile(lambda word: not word.startswith("-"), sys.argv[1:]))
options = dict(zip(sys.argv[1:], [*sys.argv[2:], ""]))
scope = "/subscriptions/" + options["--subscription"]
command, found = " ".join(words), []
if command == "role definition list":
    found = [
        id for id, role in azure["roles"].items()
        if role["name"] == options["--name"] and scope in role["scopes"]
    ]
elif command == "role assignment list":
    assert "--all" in sys.argv
    found = [
        id for id, role in azure["assignments"].items()
        if role == options["--role"] and id.startswith(scope + "/")
    ]
elif command == "role assignment delete":
    del azure["assignments"][options["--ids"]]
elif command == "role definition delete":
    if options["--name"] in azure["assignments"].values():
        sys.exit("RoleDefinitionHasAssignments")
    del azure["roles"][options["--name"]]
elif command == "eventgrid system-topic list":
    assert options["--query"] == "[?source=='" + scope + "'].id"
    topics = {{id.partition("/eventSubscriptions/")[0] for id in azure["events"]}}
    found = [id for id in topics if id.startswith(scope + "/")]
elif command == "eventgrid system-topic event-subscription list":
    topic = (
        scope + "/resourceGroups/" + options["--resource-group"]
        + "/providers/Microsoft.EventGrid/systemTopics/" + options["--system-topic-name"]
    )
    found = [
        id for id in azure["events"]
        if id.startswith(topic + "/")
        and options["--query"] == "[?name=='" + id.rpartition("/")[2] + "'].id"
    ]
else:
    assert command == "resource delete"
    azure["events"].remove(options["--ids"])
if found:
    print(*found, sep="\\n")
state.write_text(json.dumps(azure))
"""
EVENT_SUBSCRIPTION = "Microsoft.EventGrid/systemTopics/eventSubscriptions"
APP, TAGS, LEFT, KEPT = (f"10000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3, 4))


def deployed_roles(deployed):
    """The custom roles, and the role of each of their assignments."""
    roles = {
        one["name"]: {
            "name": one["properties"]["roleName"],
            "scopes": one["properties"]["assignableScopes"],
        }
        for one in deployed.all("Microsoft.Authorization/roleDefinitions")
    }
    assignments = {}
    for number, one in enumerate(deployed.all("Microsoft.Authorization/roleAssignments")):
        scope, _, role = one["properties"]["roleDefinitionId"].rpartition("/")
        if role in roles:
            assignments[f"{scope.partition('/providers/')[0]}/providers/{number}"] = role
    return roles, assignments


class Azure:
    """The roles of a deployment, and `az` for a script that asks for them."""

    def __init__(self, folder, more_events=()):
        self.folder = folder
        self.state = folder / "state.json"
        roles, assignments = deployed_roles(DEPLOYED["subscriptions"])
        # Somebody else has a role, and a person audits a resource group.
        group = f"/subscriptions/{LEFT}/resourceGroups/rg/providers"
        [auditor] = [name for name, role in roles.items() if "Auditor" in role["name"]]
        roles["other"] = {"name": "Operator (prod)", "scopes": [f"/subscriptions/{LEFT}"]}
        assignments |= {f"{group}/1": "other", f"{group}/2": auditor}
        # Another app has event subscriptions on the same topics.
        events = [one["id"] for one in DEPLOYED["subscriptions"].all(EVENT_SUBSCRIPTION)]
        events += [one.replace("-sync-prod-", "-sync-test-") for one in events]
        events += more_events
        self.state.write_text(
            json.dumps({"roles": roles, "assignments": assignments, "events": events})
        )

        (folder / "az").write_text(AZ.format(python=sys.executable, state=str(self.state)))
        (folder / "az").chmod(0o755)

    def run(self, *arguments):
        environment = {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            [SCRIPT, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def roles(self):
        return {role["name"] for role in json.loads(self.state.read_text())["roles"].values()}

    def events(self, subscription):
        found = json.loads(self.state.read_text())["events"]
        here = [one for one in found if one.startswith(f"/subscriptions/{subscription}/")]
        return {one.rpartition("/")[2] for one in here}

    def assignments(self, subscription):
        found = json.loads(self.state.read_text())["assignments"]
        return {
            role
            for assignment, role in found.items()
            if assignment.startswith(f"/subscriptions/{subscription}/")
        }


OUR_EVENTS, OTHER_EVENTS = (f"ase-route-sync-{name}-10000000" for name in ("prod", "test"))


@pytest.fixture
def azure(tmp_path):
    return Azure(tmp_path)


def test_a_subscription_that_is_no_longer_watched_loses_its_assignments_and_no_other(azure):
    kept = azure.assignments(KEPT)
    done = azure.run("prod", APP, LEFT)
    assert done.returncode == 0, done.stderr
    assert azure.assignments(LEFT) == {"other"}  # so the roles may lose this scope
    assert azure.assignments(KEPT) == kept != set()
    assert azure.events(LEFT) == {OTHER_EVENTS}
    assert azure.events(KEPT) == {OTHER_EVENTS, OUR_EVENTS}
    assert len(azure.roles) == 4


def test_an_uninstall_deletes_each_role_after_all_of_its_assignments(azure):
    done = azure.run("--roles-too", "prod", APP, TAGS, LEFT, KEPT)
    assert done.returncode == 0, done.stderr
    assert azure.roles == {"Operator (prod)"}
    assert [azure.assignments(one) for one in (TAGS, LEFT, KEPT)] == [set(), {"other"}, set()]


def test_a_role_that_is_still_assigned_elsewhere_is_not_deleted(azure):
    done = azure.run("--roles-too", "prod", APP, LEFT)
    assert done.returncode != 0
    assert "RoleDefinitionHasAssignments" in done.stderr


def test_it_knows_the_name_that_the_template_makes_of_the_environments(tmp_path, expand):
    name = "-Prod_(1).eu."
    [made] = expand(environmentName=name).all(EVENT_SUBSCRIPTION)
    azure = Azure(tmp_path, [made["id"]])
    done = azure.run(name, APP, APP)
    assert done.returncode == 0, done.stderr
    assert azure.events(APP) == set()


def test_it_says_how_it_is_used(azure):
    done = azure.run("prod", APP)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_the_page_removes_the_roles_while_azd_still_knows_the_ids():
    page = (SCRIPT.parents[1] / "docs" / "deploy.md").read_text()
    assert page.index("infra/remove-roles.sh --roles-too") < page.index("azd down --purge")
