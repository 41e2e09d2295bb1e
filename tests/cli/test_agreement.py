"""A command follows the settings that the app has recorded, and lets it confirm them first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import UpdateMode

from local.plain_http import http
from shared.cli.confirmation import confirm
from shared.domain.runs.run import Mode
from shared.settings import POLICY
from tests.builders.azure import add_table, ase_id_of, rid, table_id, tag_document
from tests.builders.routes import owned, owned_prefixes, route
from tests.builders.runs import register, sync
from tests.receiver import Receiver

A, B = "20.0.0.0/24", "20.0.1.0/24"
KEYS = {"PartitionKey": "settings", "RowKey": "app"}
README = ("SERVICE_TAG_LOCATIONS", "SERVICE_TAG_SUBSCRIPTION_ID")
"""The policy settings that the README once told people to set on a laptop."""


@pytest.fixture
def table(azure, app):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "one")
    return add_table(azure.state, "one")


@pytest.fixture
def records(app):
    return app.store.app_records


def codes_of(done):
    assert done.status == 1, done.out
    error = done.json["error"]
    return error["code"], {one["target"]: one["message"] for one in error.get("details", ())}


# -- The app's settings count --


@pytest.mark.parametrize("variables", [README, ()], ids=["as the README was", "storage alone"])
def test_apply_from_a_laptop_writes_nothing_while_the_app_is_paused(
    azure, table, app_settings, make_host, cli, variables
):
    host = make_host(PAUSED="true", APPLY_POLICY="approval")
    http().get(f"{host.url}/api/health").raise_for_status()
    without = {*app_settings} - {"AzureWebJobsStorage", *azure.environment(), *variables}
    done = cli("apply", "--yes", without=without, alone=True)
    assert done.status == 2, done.out + done.err
    assert azure.state.writes() == []
    assert owned_prefixes(table) == set()


def test_a_command_needs_the_storage_account_alone(table, cli):
    """The app has settings that no laptop would guess."""
    settings = {"ROUTE_OWNER": "net", "ALLOWED_SERVICE_TAGS": "AppServiceManagement,Storage"}
    assert cli("apply", "--yes", **settings).status == 0
    assert [one["name"] for one in table.routes] == ["net--20.0.0.0_24"]
    adding = ("tables", "add", table_id("two"), "--no-check", "--service-tag", "Storage")
    allowed = cli(*adding, **settings)
    assert "Storage is not in the answer of westeurope" in allowed.err
    for command in (("plan",), ("versions",), ("runs",), ("tables", "list"), ("discover",)):
        done = cli(*command, **settings)
        assert (done.status, done.err) == (0, ""), done.out


def test_a_setting_that_differs_is_refused_with_all_that_do(azure, table, records, cli):
    here = {"PAUSED": "false", "REMOVAL_GRACE_DAYS": "7", "MIN_PREFIX_LENGTH": "16"}
    refused = cli("apply", "--yes", "--json", here=here, PAUSED="true")
    assert codes_of(refused) == (
        "SettingsDiffer",
        {
            "PAUSED": "false here, true in the app",
            "REMOVAL_GRACE_DAYS": "7 here, 0 in the app",
        },
    )
    assert azure.state.writes() == []


@pytest.mark.parametrize(
    ("here", "in_app"),
    [
        ({"PAUSED": "1"}, {"PAUSED": "True"}),
        ({"ALLOWED_SERVICE_TAGS": "AppServiceManagement"}, {}),
        (
            {"SERVICE_TAG_LOCATIONS": "eastus,westeurope"},
            {"SERVICE_TAG_LOCATIONS": "westeurope, eastus"},
        ),
        ({"ROUTE_LIMIT": " "}, {"ROUTE_LIMIT": "600"}),
        # Nothing of the following is a policy.
        ({"SYNC_SCHEDULE": "0 0 7 * * 3", "NOTIFY_FORMAT": "teams", "REQUIRE_TOKENS": "true"}, {}),
        ({"NOTIFY_WEBHOOK_URL": "http://127.0.0.1:9/hook"}, {}),
    ],
)
def test_what_means_the_same_or_is_no_policy_is_no_difference(app, cli, here, in_app):
    done = cli("runs", here=here, **in_app)
    assert (done.status, done.err) == (0, ""), done.err


@pytest.mark.parametrize("name", sorted(POLICY))
def test_every_policy_setting_is_compared(cli, name):
    other = {
        "SERVICE_TAG": "Storage",
        "ALLOWED_SERVICE_TAGS": "Storage",
        "SERVICE_TAG_SUBSCRIPTION_ID": "99999999-9999-4999-8999-999999999999",
        "SERVICE_TAG_LOCATIONS": "eastus",
        "ROUTE_OWNER": "other",
        "APPLY_POLICY": "additive",
        "PAUSED": "true",
        "ARM_API_VERSION_NETWORK": "2024-01-01",
        "ARM_API_VERSION_WEB": "2024-01-01",
        "PUBLISHED_TAGS_URL": "https://example.org/weekly.json",
    }
    _, details = codes_of(cli("runs", "--json", here={name: other.get(name, "30")}))
    assert [*details] == [name]


def test_settings_can_be_overridden_and_then_it_is_said(azure, table, cli):
    overridden = cli(
        "apply", "--yes", "--override-settings", here={"PAUSED": "false"}, PAUSED="true"
    )
    assert overridden.status == 0, overridden.err
    assert "PAUSED is overridden: it is false here, true in the app." in overridden.err
    assert owned_prefixes(table) == {A}


def test_what_is_not_overridden_is_the_apps(azure, table, cli):
    here = {"REMOVAL_GRACE_DAYS": "7"}
    paused = cli("apply", "--yes", "--override-settings", here=here, PAUSED="true")
    assert paused.status == 2
    assert azure.state.writes() == []


@pytest.mark.parametrize("override", [(), ("--override-settings",)])
def test_another_cloud_is_refused_in_any_case(azure, table, cli, override):
    refused = cli("plan", "--json", *override, here={"AZURE_CLOUD": "AzureUSGovernment"})
    assert codes_of(refused)[0] == "CloudDiffers"
    assert "AZURE_CLOUD is AzureUSGovernment here and AzureCloud in the app" in refused.out


def test_where_tokens_go_and_whose_they_are_is_never_taken_from_the_record(azure, app, table, cli):
    """Somebody who may write the row wants the token of the person at the laptop."""
    cli("runs")
    with Receiver() as thief:
        stolen = {
            "ARM_ENDPOINT": thief.url.partition("/hook")[0],
            "AzureWebJobsStorage__tableServiceUri": thief.url.partition("/hook")[0],
            "AZURE_CLIENT_ID": "99999999-9999-4999-8999-999999999999",
            "NOTIFY_WEBHOOK_URL": thief.url,
            "IDENTITY_ENDPOINT": thief.url,
            "HTTPS_PROXY": thief.url,
        }
        app.account.runs.update_entity({**KEYS, **stolen}, mode=UpdateMode.MERGE)
        done = cli("plan")
        assert done.status == 2, done.err
        assert thief.seen == 0


def test_what_the_environment_has_wrong_is_said_as_such(cli):
    refused = cli("runs", "--json", here={"PAUSED": "perhaps"})
    assert codes_of(refused)[0] == "InvalidSettings"
    assert "PAUSED" in refused.out


# -- No record, and records of other versions --


def test_without_a_record_the_environment_counts_and_it_is_said(azure, table, cli):
    planned = cli("plan", alone=True)
    assert planned.status == 2
    assert "The app has recorded no settings in this storage account" in planned.err
    refused = cli("apply", "--yes", "--json", alone=True)
    assert codes_of(refused)[0] == "SettingsUnconfirmed"
    assert azure.state.writes() == []
    assert cli("apply", "--yes", "--override-settings", alone=True).status == 0
    assert owned_prefixes(table) == {A}


def test_a_newer_app_has_settings_that_this_version_does_not_know(azure, app, table, deployed, cli):
    cli("runs")
    recorder = deployed.app.recorder
    settings = {**recorder.own.settings, "MAINTENANCE_WINDOW": "sat", "NO_WINDOW": ""}
    newer = replace(recorder.own, settings=settings, version="9.0.0", read_at=datetime.now(UTC))
    deployed.app.recorder = replace(recorder, own=newer)
    deployed.record()
    planned = cli("plan")
    assert planned.status == 2
    assert "does not know: MAINTENANCE_WINDOW." in planned.err
    refused = cli("apply", "--yes", "--json")
    assert codes_of(refused)[0] == "SettingsUnknown"
    assert "The app has version 9.0.0" in refused.err
    assert azure.state.writes() == []
    assert cli("apply", "--yes", "--override-settings").status == 0


def test_a_value_that_this_version_cannot_read_is_said_to_be_the_apps(azure, app, table, cli):
    cli("runs")
    app.account.runs.update_entity({**KEYS, "APPLY_POLICY": "weekly"}, mode=UpdateMode.MERGE)
    code, _ = codes_of(refused := cli("plan", "--json"))
    assert code == "SettingsUnknown"
    assert "APPLY_POLICY" in refused.out


def test_an_older_app_has_not_recorded_every_setting(azure, app, table, records, cli):
    cli("runs")
    row = dict(app.account.runs.get_entity(*KEYS.values()))
    del row["MIN_PREFIX_LENGTH"]
    app.account.runs.update_entity(row, mode=UpdateMode.REPLACE)
    planned = cli("plan", here={"MIN_PREFIX_LENGTH": "25"})
    assert planned.status == 1
    assert "The app has not recorded MIN_PREFIX_LENGTH" in planned.err
    assert "TagUnavailable" in planned.out  # the environment's value counts


# -- Before a write the app confirms its settings --


def test_settings_that_nobody_has_recorded_yet_count_before_a_write(
    azure, app_settings, table, deployed, cli
):
    """The app was paused a moment ago, and has not been invoked since."""
    cli("runs")
    deployed.restart({**app_settings, "PAUSED": "true"})
    done = cli("apply", "--yes")
    assert done.status == 2, done.out + done.err
    assert azure.state.writes() == []
    assert [call["path"] for call in deployed.called] == ["/api/health"]


@pytest.mark.parametrize("more", [(), ("--with-routes",)], ids=["row", "routes"])
def test_what_was_read_before_follows_the_new_settings_if_nobody_has_seen_it(
    azure, app, app_settings, table, deployed, cli, more
):
    table.routes.append(owned(A))
    cli("runs")
    deployed.restart({**app_settings, "PAUSED": "true"})
    done = cli("tables", "remove", table_id("one"), *more, "--yes")
    assert done.status == (2 if more else 0), done.err
    assert azure.state.writes() == []
    assert len(list(app.registry.list())) == len(more)


def test_nothing_secret_is_sent_to_the_address(table, deployed, cli, tmp_path):
    """It stands in a row that others can write. The .netrc has a password for this very host."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login me password very-secret\n")
    name = {"WEBSITE_HOSTNAME": f"localhost:{deployed.port}"}
    assert cli("apply", "--yes", here={"NETRC": str(netrc)}, **name).status == 0
    [call] = deployed.called
    assert {name.lower() for name in call} == {
        *("path", "host", "user-agent", "accept-encoding", "accept", "connection")
    }


def test_no_redirect_is_followed(table, deployed, cli):
    cli("runs")
    with Receiver() as elsewhere:
        deployed.status, deployed.headers = 302, {"Location": elsewhere.url}
        refused = cli("apply", "--yes", "--json")
        assert codes_of(refused)[0] == "SettingsUnconfirmed"
        assert "it answers 302" in refused.out
        assert elsewhere.seen == 0


WRITES = {
    "apply": ("apply", "--yes"),
    "approve": ("approve", "PLAN", "--yes"),
    "provision": ("provision", ase_id_of("one"), "--yes"),
    "adopt": ("adopt", table_id("one"), "--reason", "r", "--yes"),
    "rollback": ("rollback", table_id("one"), "--run", "RUN", "--reason", "r", "--yes"),
    "release": ("release", table_id("one"), "--reason", "r"),
    "discover": ("discover", "--register"),
    "add": ("tables", "add", table_id("two"), "--no-check"),
    "set": ("tables", "set", table_id("one"), "--note", "x"),
    "remove": ("tables", "remove", table_id("one"), "--yes"),
    "with routes": ("tables", "remove", table_id("one"), "--with-routes", "--yes"),
}


@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES)
def test_an_app_that_does_not_answer_stops_every_command_that_writes(
    azure, app, table, deployed, cli, command
):
    run_ids = {"PLAN": sync(app, mode=Mode.PLAN)["runId"], "RUN": sync(app)["runId"]}
    runs, before = len(list(app.runs.list())), app.registry.get(rid("one"))
    writes = len(azure.state.writes())
    cli("runs")
    deployed.status = 503
    refused = cli(*(run_ids.get(word, word) for word in command))
    assert refused.status == 1
    assert "SettingsUnconfirmed" in refused.err, refused.err
    assert f"{deployed.url}: it answers 503" in refused.err
    assert "It has recorded them just now." in refused.err
    assert len(azure.state.writes()) == writes
    assert len(list(app.runs.list())) == runs
    assert [one.route_table_id for one in app.registry.list()] == [rid("one")]
    assert app.registry.get(rid("one")) == before


def test_an_import_is_not_begun_either(app, table, deployed, cli, tmp_path):
    file = tmp_path / "tables.yaml"
    file.write_text(f"routeTables: [{{routeTableId: '{table_id('one')}', note: new}}]")
    deployed.status = 503
    refused = cli("tables", "import", str(file), "--yes")
    assert (refused.status, "SettingsUnconfirmed" in refused.err) == (1, True), refused.err
    assert app.registry.get(rid("one")).registration.note is None
    deployed.status = 200
    assert cli("tables", "import", str(file), "--yes").status == 0
    assert app.registry.get(rid("one")).registration.note == "new"


@pytest.mark.parametrize("command", [("plan",), ("discover",), ("tables", "list"), ("doctor",)])
def test_a_command_that_only_looks_needs_no_answer(azure, table, deployed, cli, command):
    cli("runs")
    deployed.status = 503
    done = cli(*command)
    assert done.status == (2 if command == ("plan",) else 0), done.out + done.err


def test_a_person_is_asked_whether_a_record_that_nobody_confirms_counts(
    azure, app, table, deployed, cli
):
    cli("runs")
    hours_ago = datetime.now(UTC) - timedelta(hours=3)
    app.account.runs.update_entity({**KEYS, "recordedAt": hours_ago}, mode=UpdateMode.MERGE)
    deployed.status = 503
    declined = cli("apply", types="y\nn\n")
    assert declined.status == 1
    assert "It has recorded them 3 h ago. Go on with them?" in declined.err
    assert azure.state.writes() == []
    assert cli("apply", types="y\ny\n").status == 0
    assert owned_prefixes(table) == {A}


def test_without_anybody_to_ask_overriding_lets_it_go_on_and_says_so(table, deployed, cli):
    cli("runs")
    deployed.status = 503
    done = cli("apply", "--yes", "--override-settings")
    assert done.status == 0, done.err
    assert "The app has not confirmed its settings" in done.err


@pytest.mark.parametrize("command", [("apply",), ("adopt", table_id("one"), "--reason", "r")])
def test_what_was_shown_under_other_settings_is_not_done(
    azure, app_settings, table, deployed, cli, command
):
    table.routes.append(route("by-hand", A))
    azure.state.tags.answers["westeurope"] = tag_document([A, B])
    cli("runs")
    deployed.restart({**app_settings, "MAX_REMOVED_PERCENT": "5"})
    changed = cli(*command, types="y\n")
    if command[0] == "apply":
        assert changed.status == 1
        assert "SettingsChanged" in changed.err
        assert "MAX_REMOVED_PERCENT: it was 10, it is 5" in changed.err
        assert azure.state.writes() == []
    assert cli(*command, types="y\n", MAX_REMOVED_PERCENT="5").status == 0


def test_another_storage_account_is_noticed(azure, app_settings, azurite, table, deployed, cli):
    """The app has moved to another account, and the laptop still has the name of the old one."""
    cli("runs")
    deployed.start({**app_settings, "AzureWebJobsStorage": azurite()})
    refused = cli("apply", "--yes")
    assert refused.status == 1
    assert "it has not recorded its settings here" in refused.err
    assert len(deployed.called) == 3
    assert azure.state.writes() == []


def test_a_process_of_the_old_settings_does_not_confirm_the_new_ones(
    azure, app_settings, table, deployed, cli
):
    cli("runs")
    old = deployed.app
    deployed.start({**app_settings, "PAUSED": "true"})
    deployed.app = old
    refused = cli("apply", "--yes")
    assert refused.status == 1
    assert "two versions run side by side" in refused.err
    assert azure.state.writes() == []


def test_behind_a_gateway_either_address_will_do(table, deployed, cli):
    gone = {"PUBLIC_URL": "http://127.0.0.1:9/gateway"}
    assert cli("apply", "--yes", **gone).status == 0
    deployed.status = 503
    refused = cli("apply", "--yes", **gone)
    assert "http://127.0.0.1:9/gateway: it cannot be reached" in refused.err
    assert f"{deployed.url}: it answers 503" in refused.err


def test_the_laptop_may_know_another_address(table, app_settings, deployed, cli):
    hidden = {"WEBSITE_HOSTNAME": "127.0.0.1:9"}
    assert cli("apply", "--yes", **hidden).status == 1
    assert cli("apply", "--yes", here={"PUBLIC_URL": deployed.url}, **hidden).status == 0


def test_an_address_that_is_none_is_not_called(table, app, cli):
    cli("runs")
    for name in ("a/path?x=", "me:secret@127.0.0.1"):
        app.account.runs.update_entity({**KEYS, "WEBSITE_HOSTNAME": name}, mode=UpdateMode.MERGE)
        refused = cli("apply", "--yes")
        assert "its address is not known" in refused.err


def test_the_question_of_another_command_is_not_taken_for_an_answer(app, deployed, environment):
    """It is put at the very moment at which the app has answered ours."""
    environment()
    records = app.store.app_records
    deployed.afterwards.append(lambda: records.ask("another"))
    assert confirm(records, [deployed.url]).address == deployed.url
    assert len(deployed.called) == 2
    assert records.read().question == ""


def test_an_answer_that_got_lost_counts_all_the_same(app, deployed, environment):
    """What counts is the record."""
    environment()
    records = app.store.app_records

    def fail_afterwards():
        deployed.status = 502

    deployed.afterwards.append(fail_afterwards)
    assert confirm(records, [deployed.url]).address == deployed.url


def test_a_record_that_is_written_for_the_first_time_is_confirmed(app, app_settings, deployed):
    deployed.restart(app_settings)
    found = confirm(app.store.app_records, [deployed.url])
    assert found.record is not None
    assert (found.address, found.record.settings["PAUSED"]) == (deployed.url, "false")
