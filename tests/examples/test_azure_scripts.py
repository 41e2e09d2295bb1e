"""The scripts that call `az`: what they ask Azure for, by words and properties that Azure knows."""

import json
from pathlib import Path

import pytest

from tests.infra.deployed import DEPLOYED

from .judges import refused_by_bicep, refused_by_the_cli
from .programs import RecordedAz
from .scenarios import KEY

EXAMPLES = Path(__file__).parents[2] / "examples"
SUBSCRIPTION = "10000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stapp"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/topic"
KIND = "Microsoft.Resources.Subscriptions"
OF_EVENTS = {"eventgrid system-topic create": TOPIC, "eventgrid system-topic show": "principal"}


@pytest.fixture
def drift(tmp_path):
    answers = {
        "functionapp show": "app.azurewebsites.net",
        "functionapp function keys list": KEY,
        "monitor action-group create": f"{GROUP}/providers/Microsoft.Insights/actionGroups/a",
    }
    (tmp_path / "drift").mkdir()
    az = RecordedAz(tmp_path / "drift", answers)
    script = EXAMPLES / "azure-monitor" / "call-on-drift.sh"
    done = az.run((script, "rg-app", "app", SUBSCRIPTION, "rg"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    return az.calls


def deliver(tmp_path, answers, failures=None):
    az = RecordedAz(tmp_path, answers, failures)
    script = EXAMPLES / "event-grid" / "deliver-events.sh"
    return az.run((script, STORAGE, SUBSCRIPTION, "rg"), tmp_path), az.calls


@pytest.fixture
def events(tmp_path):
    done, calls = deliver(tmp_path, OF_EVENTS)
    assert done.returncode == 0, done.stderr
    return calls


def those(calls, words):
    return [call for call in calls if call.begins_with(words)]


def test_the_action_group_calls_alerts_with_a_key_of_that_function_alone(drift):
    [made] = those(drift, "functionapp function keys set")
    [read] = those(drift, "functionapp function keys list")
    assert made.option("--function-name") == read.option("--function-name") == "alert"
    assert read.option("--query") == f'"{made.option("--key-name")}"'
    [group] = those(drift, "monitor action-group create")
    url = f"https://app.azurewebsites.net/api/alerts?code={KEY}"
    receiver = ["--action", "webhook", "ase-route-sync", url, "usecommonalertschema"]
    assert " ".join(receiver) in " ".join(group.arguments)
    assert not any(KEY in text for call in drift for text in call.shown)


def test_a_key_of_another_name_can_be_made_so_that_the_old_one_counts_until_it_is_deleted(tmp_path):
    az = RecordedAz(tmp_path, {"functionapp function keys list": KEY})
    script = EXAMPLES / "azure-monitor" / "call-on-drift.sh"
    done = az.run((script, "rg-app", "app", SUBSCRIPTION, "rg", "action-group-2"), tmp_path)
    assert done.returncode == 0
    [made] = those(az.calls, "functionapp function keys set")
    assert made.option("--key-name") == "action-group-2"


def test_no_action_group_gets_an_empty_key(tmp_path):
    az = RecordedAz(tmp_path, {})
    script = EXAMPLES / "azure-monitor" / "call-on-drift.sh"
    done = az.run((script, "rg-app", "app", SUBSCRIPTION, "rg"), tmp_path)
    assert (done.returncode, "no key" in done.stderr) == (1, True)
    assert those(az.calls, "monitor action-group create") == []


def test_a_rule_for_each_type_fires_when_a_write_has_succeeded(drift):
    rules = those(drift, "monitor activity-log alert create")
    conditions = [" ".join(rule.arguments).partition(" --condition ")[2] for rule in rules]
    assert conditions == [
        f"category=Administrative and resourceType=Microsoft.Network/{kind} and status=Succeeded"
        for kind in ("routeTables", "routeTables/routes")
    ]
    assert len({rule.option("--name") for rule in rules}) == 2
    assert {rule.option("--scope") for rule in rules} == {f"/subscriptions/{SUBSCRIPTION}"}


def test_events_come_by_the_topics_identity_into_the_queue(events):
    assigned = those(events, "role assignment create")
    assert [call.option("--role") for call in assigned] == [
        "Storage Queue Data Message Sender",
        "Storage Blob Data Contributor",
    ]
    assert {call.option("--assignee-object-id") for call in assigned} == {"principal"}
    queue = f"{STORAGE}/queueServices/default/queues/resource-events"
    assert assigned[0].option("--scope") == queue
    assert events[-1].option("--url").startswith(f"{TOPIC}/eventSubscriptions/")


def test_the_events_and_their_way_are_those_of_azd_up(events):
    deployed = DEPLOYED["default"]
    made = deployed.one("Microsoft.EventGrid/systemTopics/eventSubscriptions")["properties"]
    asked = events[-1].option("--body").replace(STORAGE, deployed.storage["id"])
    assert json.loads(asked)["properties"] == made


def test_a_topic_that_is_there_is_used(tmp_path):
    listed = f"Microsoft.PolicyInsights.PolicyStates\t{TOPIC}-policy\n{KIND.lower()}\t{TOPIC}"
    done, calls = deliver(tmp_path, {**OF_EVENTS, "eventgrid system-topic list": listed})
    assert done.returncode == 0
    assert calls[-1].option("--url").startswith(f"{TOPIC}/eventSubscriptions/")
    assert those(calls, "eventgrid system-topic create") == []


def test_a_topic_without_an_identity_stays_as_it_is(tmp_path):
    done, calls = deliver(tmp_path, {"eventgrid system-topic list": f"{KIND}\t{TOPIC}"})
    assert done.returncode == 1
    assert "has no system-assigned identity" in done.stderr
    assert those(calls, "role assignment create") == []


@pytest.mark.parametrize(("times", "status"), [(2, 0), (20, 1)])
def test_event_grid_is_asked_again_until_it_knows_the_roles(tmp_path, times, status):
    put = (
        f"rest --method put --url {TOPIC}/eventSubscriptions/ase-route-sync?api-version=2025-02-15"
    )
    done, calls = deliver(tmp_path, OF_EVENTS, {put: times})
    assert done.returncode == status
    assert len(those(calls, put)) == min(times + 1, 20)


@pytest.mark.parametrize("script", ["azure-monitor/call-on-drift", "event-grid/deliver-events"])
def test_each_says_how_it_is_used(script, tmp_path):
    done = RecordedAz(tmp_path, {}).run((EXAMPLES / f"{script}.sh", "one"), tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_bicep_knows_every_property(bicep, events, tmp_path):
    puts = those(events, "rest --method put")
    assert len(puts) == 3
    assert refused_by_bicep(bicep, puts, tmp_path) == []

    wrong = puts[-1].arguments
    at = wrong.index("--body") + 1
    body = json.loads(wrong[at])
    body["properties"]["retryPolicy"]["deliveryAttempts"] = 30
    wrong[at] = json.dumps(body)
    [told] = refused_by_bicep(bicep, puts, tmp_path)
    assert '"deliveryAttempts" is not allowed' in told


def test_the_azure_cli_knows_every_word(drift, events, tmp_path):
    assert refused_by_the_cli([*drift, *events], tmp_path) == ""
    events[0].arguments.append("--bodies")
    assert "rest --method put" in refused_by_the_cli(events, tmp_path)
