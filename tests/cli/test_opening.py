"""Where the dashboard is, and what opens it."""

import shlex

HOST = {"WEBSITE_HOSTNAME": "func-1.azurewebsites.net", "WEBSITE_SITE_NAME": "func-1"}


def test_the_address_that_the_app_has_recorded(cli):
    done = cli("open", **HOST)
    assert (done.status, done.out) == (0, "https://func-1.azurewebsites.net/api/dashboard\n")
    assert "It takes a key, as the parameter code in its query" in done.err
    # The command has a line of its own, so that it can be copied.
    command = "  az functionapp function keys list --resource-group GROUP --name func-1"
    expected = f"{command} --function-name dashboard --query default --output tsv"
    assert done.err.splitlines()[-1] == expected


def test_whoever_may_write_the_record_cannot_add_a_command_to_the_one_to_copy(cli):
    done = cli("open", **HOST | {"WEBSITE_SITE_NAME": "func-1; touch /tmp/x #"})
    copied = done.err.splitlines()[-1]
    assert shlex.split(copied)[8] == "func-1; touch /tmp/x #"


def test_a_gateway_comes_before_the_host_and_this_environment_before_the_record(cli):
    gateway = {"PUBLIC_URL": "https://net.example/routes"}
    assert cli("open", **HOST, **gateway).out == "https://net.example/routes/api/dashboard\n"
    here = cli("open", "--json", here={"PUBLIC_URL": "https://here.example"}, **HOST, **gateway)
    assert here.json == {"url": "https://here.example/api/dashboard"}


def test_with_tokens_a_person_signs_in(cli):
    done = cli("open", REQUIRE_TOKENS="true", **HOST)
    assert "app role Reader" in done.err
    assert "key" not in done.err


def test_an_address_that_nobody_knows_is_found_in_this_way(cli):
    done = cli("open", alone=True)
    assert (done.status, done.out) == (1, "")
    assert "AddressUnknown" in done.err
    assert "az functionapp list" in done.err and "PUBLIC_URL" in done.err
