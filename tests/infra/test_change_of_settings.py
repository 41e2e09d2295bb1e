"""docs/deploy.md, *Change a setting*: run as it is written, and what it deploys."""

import json
import re
from pathlib import Path

import pytest

from tests.examples.programs import RecordedAz

from .deployed import DEPLOYED

ROOT = Path(__file__).parents[2]
SECTION = (
    (ROOT / "docs" / "deploy.md").read_text().split("\n## Change a setting\n")[1].split("\n## ")[0]
)
GIVEN = json.loads((ROOT / "infra" / "main.parameters.json").read_text())["parameters"]
PARAMETERS = {one["value"].strip("${}"): name for name, one in GIVEN.items()}
"""The name of each parameter, by the variable of azd."""
URL = "https://app.azurewebsites.net"


@pytest.fixture
def calls(tmp_path):
    azd = RecordedAz(tmp_path, {"env get-value APP_URL": URL}, name="azd")
    curl = RecordedAz(tmp_path, {}, name="curl")
    [commands] = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    done = azd.run(("bash", "-euo", "pipefail", "-c", commands), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [call.arguments for call in curl.calls] == [["-sS", f"{URL}/api/health"]]
    return azd.calls


def test_each_value_becomes_a_setting_of_the_app(calls, expand):
    values = dict(call.arguments[2:] for call in calls if call.begins_with("env set"))
    objects = {"APP_SETTINGS": json.loads(values.pop("APP_SETTINGS"))}
    assert calls[len(values) + 1].arguments == ["provision"]

    given = {PARAMETERS[variable]: value for variable, value in {**values, **objects}.items()}
    settings = expand(**given).settings
    changed = {k: v for k, v in settings.items() if v != DEPLOYED["default"].settings[k]}
    assert changed == values | objects["APP_SETTINGS"]


def test_the_tag_the_owner_and_the_form_of_the_notices_are_parameters(expand):
    settings = expand(
        serviceTag="ApiManagement", routeOwner="asedev", notifyFormat="teams"
    ).settings
    names = ("SERVICE_TAG", "ROUTE_OWNER", "NOTIFY_FORMAT")
    assert [settings[name] for name in names] == ["ApiManagement", "asedev", "teams"]


@pytest.mark.parametrize("length", [0, 21])
def test_an_owner_that_the_app_would_refuse_by_its_length_is_not_deployed(length, template):
    owner = template["parameters"]["routeOwner"]
    assert not owner["minLength"] <= length <= owner["maxLength"]


def test_a_setting_without_a_parameter_can_still_win(expand):
    settings = expand(appSettings={"ROUTE_OWNER": "other", "ROUTE_LIMIT": "400"}).settings
    assert (settings["ROUTE_OWNER"], settings["ROUTE_LIMIT"]) == ("other", "400")
