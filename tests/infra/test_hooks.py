"""The hook before a deployment, in both languages, against a server that answers as Azure does."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.builders.recorded import BESIDE

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / "infra" / "hooks"
SUBSCRIPTION = "/subscriptions/10000000-0000-0000-0000-000000000001"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
SUBNET = f"{NETWORK}/subnets/snet-functions"
APPS = f"{SUBSCRIPTION}/providers/Microsoft.App"
AZD = f"""#!{sys.executable} -IS
import json, sys
assert sys.argv[1:3] == ["auth", "token"]
print(json.dumps({{"token": "secret", "expiresOn": "2026-12-01T00:00:00Z"}}))
"""


def subnet(prefix="10.0.0.0/26", delegation="Microsoft.App/environments", field="addressPrefix"):
    delegations = [{"properties": {"serviceName": delegation}}] if delegation else []
    value = [prefix] if field == "addressPrefixes" else prefix
    return 200, {"id": SUBNET, "properties": {field: value, "delegations": delegations}}


def environment_of(subnet):
    vnet = {"vnetConfiguration": {"infrastructureSubnetId": subnet}}
    return 200, {"value": [{"properties": vnet}]}


RIGHT = {
    SUBNET: subnet(),
    NETWORK: (200, {"location": "westeurope"}),
    f"{APPS}/managedEnvironments": (200, {"value": []}),
    APPS: (200, {"registrationState": "Registered"}),
}
"""These are the answers of Azure if everything is right, by path."""


@pytest.fixture(scope="session")
def pwsh(tmp_path_factory):
    archives = sorted((BESIDE / "tools").glob("pwsh-*-linux-x64.tar.xz"))
    if found := shutil.which("pwsh"):
        return found
    if not archives:
        pytest.skip("PowerShell is not installed")
    folder = tmp_path_factory.mktemp("pwsh")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob("*/pwsh"))


only_sh = pytest.mark.parametrize("hook", ["sh"], indirect=True)
"""PowerShell takes long to start."""


@pytest.fixture(params=["sh", "pwsh"])
def hook(request):
    if request.param == "sh":
        return ["sh", HOOKS / "preprovision.sh"]
    program = request.getfixturevalue("pwsh")
    return [program, "-NoProfile", "-File", HOOKS / "preprovision.ps1"]


class Azure(ThreadingHTTPServer):
    """It answers by path, and notes what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers: dict[str, tuple[int, object]] = {}
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Azure

    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.server.asked.append(f"{self.command} {path}")
        right = self.headers["Authorization"] == "Bearer secret" and query.startswith(
            "api-version="
        )
        status, body = self.server.answers.get(path, (404, {})) if right else (401, {})

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
    """Run the hook, with these answers beside the right ones."""
    azd = tmp_path / "azd"
    azd.write_text(AZD)
    azd.chmod(0o755)
    usual = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        "ARM_ENDPOINT": f"http://127.0.0.1:{azure.server_port}",
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION.rpartition("/")[2],
        "AZURE_LOCATION": "westeurope",
        "INTEGRATION_SUBNET_ID": SUBNET,
    }

    def start(changed=None, **variables):
        azure.answers = RIGHT | (changed or {})
        done = subprocess.run(
            hook,
            env=usual | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    return start


def test_azd_runs_it_on_each_system():
    hooks = yaml.safe_load((ROOT / "azure.yaml").read_text())["hooks"]["preprovision"]
    assert hooks["posix"] == {"shell": "sh", "run": "infra/hooks/preprovision.sh"}
    assert hooks["windows"] == {"shell": "pwsh", "run": "infra/hooks/preprovision.ps1"}


def test_a_subnet_that_fits_and_a_registered_provider_pass_without_a_word(run, azure):
    fits = subnet("10.0.0.0/24", field="addressPrefixes")
    assert run({SUBNET: fits}) == (0, "", "")
    assert azure.asked == [f"GET {path}" for path in RIGHT]


@only_sh
def test_without_a_subnet_and_with_a_premium_plan_there_is_nothing_to_ask(run, azure):
    assert run(INTEGRATION_SUBNET_ID="") == (0, "", "")
    assert run(HOSTING_PLAN="premium") == (0, "", "")
    assert azure.asked == []


def test_each_thing_that_is_wrong_with_a_subnet_is_told(run):
    name = f"{NETWORK}/subnets/snet_functions"
    wrong = {
        name: subnet("10.0.0.0/27", delegation="Microsoft.Web/serverFarms"),
        NETWORK: (200, {"location": "northeurope"}),
        f"{APPS}/managedEnvironments": environment_of(name.upper()),
    }
    status, _, told = run(wrong, INTEGRATION_SUBNET_ID=name)
    assert status == 1
    assert told.splitlines() == [
        "The subnet snet_functions has an underscore in its name, and Flex Consumption refuses it.",
        "The subnet is not delegated to Microsoft.App/environments.",
        "The subnet has the range 10.0.0.0/27. It must be a /26 or larger.",
        "The subnet is in northeurope, and the app is in westeurope. Both must be in one region.",
        "Container Apps use the subnet. Flex Consumption needs one of its own.",
    ]


@only_sh
def test_the_provider_is_registered(run, azure):
    missing = {APPS: (200, {"registrationState": "NotRegistered"})}
    status, said, told = run(missing | {f"{APPS}/register": (200, {})})
    assert (status, told) == (0, "")
    assert "Microsoft.App is being registered" in said
    assert azure.asked[-1] == f"POST {APPS}/register"


def test_a_person_without_rights_gets_the_commands_to_hand_on(run):
    status, _, told = run({path: (403, {}) for path in [*RIGHT, f"{APPS}/register"]})
    assert status == 1
    assert told.splitlines() == [
        "You may not read the subnet. Ask somebody who may to run:",
        f"  az network vnet subnet show --ids {SUBNET}",
        "The provider Microsoft.App is not registered. Ask somebody who may to run:",
        f"  az provider register --namespace Microsoft.App --subscription {SUBSCRIPTION[15:]}",
    ]
