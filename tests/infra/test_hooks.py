"""The hook before a deployment, in both languages, against a server that answers as Azure does."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / "infra" / "hooks"
HERE = "10000000-0000-0000-0000-000000000001"
SUBSCRIPTION = f"/subscriptions/{HERE}"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
SUBNET = f"{NETWORK}/subnets/snet-functions"
APPS = f"{SUBSCRIPTION}/providers/Microsoft.App"
EVENT_GRID = f"{SUBSCRIPTION}/providers/Microsoft.EventGrid"
TOPICS = f"{EVENT_GRID}/systemTopics"
A_GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-events"
LANDING_ZONE = f"{A_GROUP}/providers/Microsoft.EventGrid/systemTopics/landing-zone"
AZD = f"""#!{sys.executable} -IS
import json, pathlib, sys
if sys.argv[1:3] == ["env", "set"]:
    pathlib.Path(__file__).with_name("variables").write_text(sys.argv[3])
else:
    assert sys.argv[1:] == ["auth", "token", "--output", "json"]
    print(json.dumps({{"token": "secret", "expiresOn": "2026-12-01T00:00:00Z"}}))
"""


def subnet(prefix="10.0.0.0/26", delegation="Microsoft.App/environments", field="addressPrefix"):
    delegations = [{"properties": {"serviceName": delegation}}] if delegation else []
    value = [prefix] if field == "addressPrefixes" else prefix
    return 200, {"id": SUBNET, "properties": {field: value, "delegations": delegations}}


def environment_of(subnet):
    vnet = {"vnetConfiguration": {"infrastructureSubnetId": subnet}}
    return 200, {"value": [{"properties": vnet}]}


def topic(identity="SystemAssigned", source=SUBSCRIPTION):
    """As Azure shows it. Its tags are words that the hook looks for."""
    return 200, {
        "properties": {"source": source, "topicType": "Microsoft.Resources.Subscriptions"},
        "tags": {"id": "7", "source": "terraform"},
        "id": LANDING_ZONE,
        "type": "Microsoft.EventGrid/systemTopics",
        "identity": {"type": identity, "principalId": None} if identity else None,
    }


def page(*topics, next_link=None):
    return 200, {"value": [one for _, one in topics], "nextLink": next_link}


type Status = tuple[int, object]

DONE: Status = 200, {}
FORBIDDEN: Status = 403, {}
REGISTERED: Status = 200, {"registrationState": "Registered"}
FITTING = {
    SUBNET: subnet(),
    NETWORK: (200, {"location": "westeurope"}),
    f"{APPS}/managedEnvironments": (200, {"value": []}),
    APPS: REGISTERED,
}
"""These are the answers of Azure if the subnet is right, by path."""
NO_TOPIC = {EVENT_GRID: REGISTERED, TOPICS: page()}
"""These, if the subscription has no system topic."""


only_sh = pytest.mark.parametrize("hook", ["sh"], indirect=True)
"""PowerShell takes longer."""


def in_sh(environment):
    return subprocess.run(
        ["sh", HOOKS / "preprovision.sh"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(params=["sh", "pwsh"])
def hook(request):
    """Run the hook in this environment."""
    if request.param == "sh":
        return in_sh
    powershell = request.getfixturevalue("powershell_session")
    return lambda environment: powershell.run(HOOKS / "preprovision.ps1", environment)


class Azure(ThreadingHTTPServer):
    """It answers by path, and notes what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers: dict[str, Status] = {}
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Azure

    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.server.asked.append(f"{self.command} {path}")
        right = self.headers["Authorization"] == "Bearer secret" and query.startswith(
            "api-version="
        )
        answers = self.server.answers
        found = answers.get(self.path) or answers.get(path, (404, {}))
        status, body = found if right else (401, {})

        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        self.wfile.write(json.dumps(body, indent=1).encode())

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def azure():
    with Azure() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def run(hook, azure, tmp_path):
    """Run the hook, with these answers of Azure and these variables of azd."""
    azd = tmp_path / "azd"
    azd.write_text(AZD)
    azd.chmod(0o755)
    usual = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ARM_ENDPOINT": f"http://127.0.0.1:{azure.server_port}",
        "AZURE_SUBSCRIPTION_ID": HERE,
        "AZURE_LOCATION": "westeurope",
        "AZURE_ENV_NAME": "prod",
    }

    def start(answers, **variables):
        azure.answers = answers
        done = hook(usual | variables)
        return done.returncode, done.stdout, done.stderr

    return start


def test_azd_runs_it_on_each_system():
    hooks = yaml.safe_load((ROOT / "azure.yaml").read_text())["hooks"]["preprovision"]
    assert hooks["posix"] == {"shell": "sh", "run": "infra/hooks/preprovision.sh"}
    assert hooks["windows"] == {"shell": "pwsh", "run": "infra/hooks/preprovision.ps1"}


@pytest.fixture
def passed_on(tmp_path):
    """Give the variable of azd that the hook has set."""

    def read():
        file = tmp_path / "variables"
        return file.read_text() if file.exists() else None

    return read


ONLY_A_SUBNET = {"RESOURCE_EVENTS": "false", "INTEGRATION_SUBNET_ID": SUBNET}


def test_what_is_right_passes_without_a_word(run, azure, passed_on):
    fits = {SUBNET: subnet("10.0.0.0/24", field="addressPrefixes")}
    assert run(FITTING | fits | NO_TOPIC, INTEGRATION_SUBNET_ID=SUBNET) == (0, "", "")
    assert azure.asked == [f"GET {path}" for path in [*FITTING, *NO_TOPIC]]
    assert passed_on() is None


@only_sh
def test_each_check_is_made_only_if_it_is_needed(run, azure):
    assert run(FITTING, **ONLY_A_SUBNET) == (0, "", "")
    assert azure.asked == [f"GET {path}" for path in FITTING]
    azure.asked.clear()
    assert run(NO_TOPIC, INTEGRATION_SUBNET_ID=SUBNET, HOSTING_PLAN="premium") == (0, "", "")
    assert azure.asked == [f"GET {path}" for path in NO_TOPIC]
    azure.asked.clear()
    assert run({}, RESOURCE_EVENTS="false") == (0, "", "")
    assert azure.asked == []


def test_before_azd_knows_the_subscription_it_says_what_to_do_and_asks_nothing(run, azure):
    """`azd up` asks for it before its hooks, and `azd provision` after them: azure-dev#3745."""
    status, said, told = run({}, INTEGRATION_SUBNET_ID=SUBNET, AZURE_SUBSCRIPTION_ID="")
    assert (status, told) == (0, "")
    assert "azd env set AZURE_SUBSCRIPTION_ID" in said
    assert azure.asked == []


def test_each_thing_that_is_wrong_with_a_subnet_is_told(run):
    name = f"{NETWORK}/subnets/snet_functions"
    wrong = {
        name: subnet("10.0.0.0/27", delegation="Microsoft.Web/serverFarms"),
        NETWORK: (200, {"location": "northeurope"}),
        f"{APPS}/managedEnvironments": environment_of(name.upper()),
    }
    status, _, told = run(FITTING | wrong, **ONLY_A_SUBNET | {"INTEGRATION_SUBNET_ID": name})
    assert status == 1
    assert told.splitlines() == [
        "The subnet snet_functions has an underscore in its name, and Flex Consumption refuses it.",
        "The subnet is not delegated to Microsoft.App/environments.",
        "The subnet has the range 10.0.0.0/27. It must be a /26 or larger.",
        "The subnet is in northeurope, and the app is in westeurope. Both must be in one region.",
        "Container Apps use the subnet. Flex Consumption needs one of its own.",
    ]


@only_sh
@pytest.mark.parametrize(
    ("provider", "answers", "variables"),
    [(APPS, FITTING, ONLY_A_SUBNET), (EVENT_GRID, NO_TOPIC, {})],
)
def test_the_provider_is_registered(provider, answers, variables, run, azure):
    missing = {provider: (200, {"registrationState": "NotRegistered"})}
    registered = {f"{provider}/register": DONE}
    status, said, told = run(answers | missing | registered, **variables)
    assert (status, told) == (0, "")
    assert f"{provider.rpartition('/')[2]} is being registered" in said
    assert azure.asked[-1] == f"POST {provider}/register"


def test_a_person_without_rights_gets_the_commands_to_hand_on(run, passed_on):
    forbidden = dict.fromkeys([*FITTING, *NO_TOPIC, f"{APPS}/register"], FORBIDDEN)
    given = {"SYSTEM_TOPIC_IDS": LANDING_ZONE, "INTEGRATION_SUBNET_ID": SUBNET}
    query = f"\"[?source=='{SUBSCRIPTION}'].id\""
    status, _, told = run(forbidden, **given)
    assert status == 1
    assert told.splitlines() == [
        "You may not read the subnet. Ask somebody who may to run:",
        f"  az network vnet subnet show --ids {SUBNET}",
        "The provider Microsoft.App is not registered. Ask somebody who may to run:",
        f"  az provider register --namespace Microsoft.App --subscription {HERE}",
        f"You may not read the system topics of {HERE}. Ask somebody who may to run:",
        f"  az eventgrid system-topic list --subscription {HERE} --query {query}",
        "If there is one, run: azd env set SYSTEM_TOPIC_IDS ID",
    ]
    assert passed_on() is None


@only_sh
def test_who_may_not_read_the_topics_can_deploy(run):
    status, _, told = run(dict.fromkeys(NO_TOPIC, FORBIDDEN))
    assert status == 0
    assert told


def test_a_topic_that_is_there_is_passed_on(run, azure, passed_on):
    """Azure gives 20 topics at a time, and they are of storage accounts for the most part."""
    others = [topic(source=f"{SUBSCRIPTION}/resourceGroups/rg")] * 20
    second = f"{TOPICS}?api-version=2022-06-15&$skiptoken=2"
    answers = NO_TOPIC | {
        TOPICS: page(*others, next_link=f"https://management.azure.com:443{second}"),
        second: page(topic()),
        LANDING_ZONE: topic(),
    }
    status, said, told = run(answers)
    assert (status, told) == (0, "")
    assert LANDING_ZONE in said
    assert passed_on() == f"SYSTEM_TOPIC_IDS={LANDING_ZONE}"
    assert azure.asked == [f"GET {path}" for path in (EVENT_GRID, TOPICS, TOPICS, LANDING_ZONE)]


@only_sh
def test_what_was_passed_on_before_is_not_told_again(run, passed_on):
    answers = NO_TOPIC | {TOPICS: page(topic()), LANDING_ZONE: topic()}
    assert run(answers, SYSTEM_TOPIC_IDS=LANDING_ZONE) == (0, "", "")
    assert passed_on() is None


@only_sh
def test_a_topic_that_is_gone_is_no_longer_passed_on(run, passed_on):
    status, said, told = run(NO_TOPIC, SYSTEM_TOPIC_IDS=LANDING_ZONE)
    assert (status, told) == (0, "")
    assert "none" in said
    assert passed_on() == "SYSTEM_TOPIC_IDS="


@only_sh
def test_each_watched_subscription_is_asked_once(run, passed_on):
    """One has a topic, one has none, and one may not be read."""
    ids = [f"10000000-0000-0000-0000-00000000000{letter}" for letter in "abc"]
    answers: dict[str, Status] = {}
    topics = []
    for one in ids:
        there = (
            f"/subscriptions/{one}/resourceGroups/rg/providers/Microsoft.EventGrid/systemTopics/t"
        )
        topics.append(there)
        _, found = topic(source=f"/subscriptions/{one.upper()}")
        provider = f"/subscriptions/{one}/providers/Microsoft.EventGrid"
        answers |= {
            provider: REGISTERED,
            f"{provider}/systemTopics": page((200, found | {"id": there})),
        }
        answers |= {there: (200, found)}
    answers[f"/subscriptions/{ids[1]}/providers/Microsoft.EventGrid/systemTopics"] = page()
    answers[f"/subscriptions/{ids[2]}/providers/Microsoft.EventGrid/systemTopics"] = FORBIDDEN

    watched = f" {ids[0].upper()},{ids[1]} ,, {ids[2]},{ids[0]}"
    status, _, told = run(
        answers, WATCHED_SUBSCRIPTION_IDS=watched, SYSTEM_TOPIC_IDS=",".join(topics[1:])
    )
    assert status == 0
    assert f"You may not read the system topics of {ids[2]}." in told
    assert passed_on() == f"SYSTEM_TOPIC_IDS={topics[0]},{topics[2]}"


ADD_AN_IDENTITY = {
    "": f"eventgrid system-topic update --subscription {HERE} --resource-group rg-events"
    " --name landing-zone --identity systemassigned",
    "UserAssigned": f"resource update --ids {LANDING_ZONE}"
    " --set identity.type='SystemAssigned, UserAssigned'",
}


@pytest.mark.parametrize("identity", ADD_AN_IDENTITY)
def test_a_topic_without_an_identity_is_refused_with_the_command_that_adds_it(identity, run):
    found = topic(identity)
    status, _, told = run(NO_TOPIC | {TOPICS: page(found), LANDING_ZONE: found})
    assert status == 1
    assert told.splitlines() == [
        "The system topic landing-zone has no system-assigned identity. Ask its owner to run:",
        f"  az {ADD_AN_IDENTITY[identity]}",
    ]


@pytest.mark.parametrize(
    "variables", [{"AZURE_ENV_NAME": "-Prod_(1).eu."}, {"RESOURCE_GROUP_NAME": "rg-net"}]
)
def test_a_second_deployment_takes_our_topic_for_ours(variables, run, passed_on, expand):
    names = {"AZURE_ENV_NAME": "environmentName", "RESOURCE_GROUP_NAME": "resourceGroupName"}
    deployed = expand(**{names[name]: value for name, value in variables.items()})
    ours = deployed.one("Microsoft.EventGrid/systemTopics")["id"]
    _, found = topic()
    answers = {TOPICS: page((200, found | {"id": ours})), ours: topic()}
    assert run(NO_TOPIC | answers, **variables) == (0, "", "")
    assert passed_on() is None


@only_sh
@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("westeurope", "management.azure.com"),
        ("usgovvirginia", "management.usgovcloudapi.net"),
        ("chinanorth3", "management.chinacloudapi.cn"),
    ],
)
def test_it_asks_the_azure_of_the_location(location, host, run, tmp_path):
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nfor last; do :; done; echo "$last" >> "$HOME/urls"; echo 403\n')
    curl.chmod(0o755)
    run({}, AZURE_LOCATION=location, ARM_ENDPOINT="")
    assert {url.split("/")[2] for url in (tmp_path / "urls").read_text().split()} == {host}
