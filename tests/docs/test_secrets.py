"""docs/secrets.md: its commands run as they are written. No secret is in a list of processes."""

import pytest

from tests.examples.judges import refused_by_the_cli

from .reader import ROOT, Reader, blocks

PAGE = (ROOT / "docs" / "secrets.md").read_text()
KEY, ALERT_KEY = "a-key-of-the-app", "a-key-of-one-function"
HOOKS = ["https://hooks.example.com/first?sig=1", "https://hooks.example.com/second?sig=2"]
VAULT_ID = "/subscriptions/s/resourceGroups/rg-vault/providers/Microsoft.KeyVault/vaults/kv-net"
SITE = "/subscriptions/s/resourceGroups/rg-app/providers/Microsoft.Web/sites/app"
OWN = {
    "APP": "app",
    "APP_GROUP": "rg-app",
    "URL": "https://app.azurewebsites.net",
    "VAULT": "kv-net",
    "VAULT_GROUP": "rg-vault",
    "LOCATION": "westeurope",
    "ALERTS_GROUP": "rg-alerts",
}
ANSWERS = {
    "functionapp keys list": KEY,
    "functionapp function keys list": ALERT_KEY,
    "functionapp show": SITE,
    "keyvault show": VAULT_ID,
    "ad signed-in-user show": "me",
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Somebody runs the page from its first command to its last, and pastes a URL twice."""
    reader = Reader(tmp_path_factory.mktemp("reader"))
    az, azd = reader.has("az", ANSWERS), reader.has("azd")
    reader.has("curl")
    (_, own), *rest = blocks(PAGE, "sh")
    assert all(f"{name}=" in own for name in OWN)

    typed = "".join(f"{url}\n\x04" for url in HOOKS)
    done = reader.bash("".join(text for _, text in rest), typed, **OWN)
    assert (done.returncode, done.stderr) == (0, "")
    shown = [done.stdout, *(text for call in az.calls for text in call.shown)]
    assert not [text for text in shown if any(s in text for s in (KEY, ALERT_KEY, *HOOKS))]
    return az.calls, azd.calls


def those(calls, words):
    return [call for call in calls[0] if call.begins_with(words)]


@pytest.mark.parametrize(
    ("words", "query"),
    [("functionapp keys", 'functionKeys."{}"'), ("functionapp function keys", '"{}"')],
)
def test_the_key_that_was_made_is_the_one_that_is_read(calls, words, query):
    [made], [read] = those(calls, f"{words} set"), those(calls, f"{words} list")
    assert read.option("--query") == query.format(made.option("--key-name"))
    assert calls[0].index(made) < calls[0].index(read)


def test_the_pipeline_gets_the_next_key_before_the_old_one_goes(calls):
    kept, *_ = those(calls, "keyvault secret set")
    [deleted] = those(calls, "functionapp keys delete")
    assert (kept.option("--name"), kept.option("--value")) == ("route-sync-github", KEY)
    assert deleted.option("--key-name") == "github-1"
    assert calls[0].index(kept) < calls[0].index(deleted)


def test_the_action_group_gets_its_receiver_anew_before_the_old_key_goes(calls):
    [updated] = those(calls, "monitor action-group update")
    at = updated.arguments.index("--remove-action")
    assert updated.arguments[at : at + 7] == [
        *("--remove-action", "route-sync", "--add-action", "webhook", "route-sync"),
        f"{OWN['URL']}/api/alerts?code={ALERT_KEY}",
        "usecommonalertschema",
    ]
    [deleted] = those(calls, "functionapp function keys delete")
    assert deleted.option("--key-name") == "action-group"
    assert calls[0].index(updated) < calls[0].index(deleted)


@pytest.mark.parametrize("is_right", [True, False])
def test_only_a_key_that_the_app_takes_goes_to_the_action_group(is_right, host, tmp_path):
    reader = Reader(tmp_path)
    key = host.key if is_right else "another"
    az = reader.has("az", {**ANSWERS, "functionapp function keys list": key})
    [commands] = [text for _, text in blocks(PAGE, "sh") if "action-group update" in text]
    done = reader.run(("bash", "-c", commands), **{**OWN, "URL": host.url})
    assert ("ignored" in done.stdout) == is_right, done.stderr
    updated = [call for call in az.calls if call.begins_with("monitor action-group update")]
    assert bool(updated) == is_right


def test_the_url_becomes_a_secret_of_which_the_deployment_knows_the_id(calls):
    kept = [
        call
        for call in those(calls, "keyvault secret set")
        if call.option("--name") == "route-sync-notices"
    ]
    assert [call.option("--value") for call in kept] == HOOKS
    assert [call.arguments for call in calls[1]] == [
        ["env", "set", "WEBHOOK_SECRET_ID", f"{VAULT_ID}/secrets/route-sync-notices"],
        ["env", "set", "NOTIFY_FORMAT", "teams"],
        ["provision"],
    ]


def test_the_next_url_is_read_anew_before_the_app_restarts(calls):
    kept, refreshed, restarted = calls[0][-3:]
    assert kept.begins_with("keyvault secret set")
    refresh = f"{SITE}/config/configreferences/appsettings/refresh?"
    assert refreshed.option("--url").startswith(refresh)
    assert restarted.begins_with("functionapp restart")


def test_the_azure_cli_knows_every_word(calls, tmp_path):
    assert refused_by_the_cli(calls[0], tmp_path) == ""
