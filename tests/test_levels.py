"""The host asks a caller for a key, or for none, before it calls a function.

That depends on a setting for the dashboard alone.
"""

import importlib.util
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest

from local.azurite import ROOT
from shared.settings import InvalidSettings, Settings
from tests.builders.functions import HTTP_FUNCTIONS
from tests.local.loop import run

NEEDED = {
    "AzureWebJobsStorage__accountName": "account",
    "SERVICE_TAG_SUBSCRIPTION_ID": "10000000-0000-0000-0000-000000000001",
    "SERVICE_TAG_LOCATIONS": "westeurope",
}
WORDS = ["true", "1", "yes", "y", "on", "t", "false", "0", "no", "n", "off", "f"]
BLANKS = [" ", "\t", "\r\n", "\x1c", "\x85", "\u3000", "\u200b", "\ufeff", "'", '"']
ODD = ["", " ", "tru", "truee", "tr ue", "true,true", "true!", "01", "1.0", "2", "+1", "none", "ja"]


def lookalikes(*words: str) -> Sequence[str]:
    """Return the words with other letters that become theirs if nobody looks at their case."""
    letters = map(chr, range(0x80, 0x20000))  # the further planes have no capitals
    same = {
        letter: {letter.lower(), letter.upper().lower(), letter.casefold()} for letter in letters
    }
    return [
        word.replace(own, letter)
        for word in words
        for letter, its in same.items()
        if its & {*word}
        for own in word
    ]


VALUES = [
    *ODD,
    *(made for word in WORDS for made in (word, word.upper(), word.title())),
    *(f"{blank}{word}{blank}" for word in ("true", "yes", "0") for blank in BLANKS),
    "\u0661",  # a digit one, but not ours
]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], ModuleType]:
    """Import function_app.py as a worker does that starts with this value of REQUIRE_TOKENS."""

    def fresh(value: str | None) -> ModuleType:
        monkeypatch.delenv("REQUIRE_TOKENS", raising=False)
        if value is not None:
            monkeypatch.setenv("REQUIRE_TOKENS", value)
        spec = importlib.util.spec_from_file_location("fresh_app", ROOT / "function_app.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return fresh


def functions(module: ModuleType) -> dict[str, Any]:
    return {each.get_function_name(): each for each in module.app.get_functions()}


def levels(module: ModuleType) -> dict[str, str]:
    triggers = {name: each.get_trigger() for name, each in functions(module).items()}
    return {
        name: str(trigger.auth_level.value)
        for name, trigger in triggers.items()
        if trigger.type == "httpTrigger"
    }


def needs_token(value: str) -> bool:
    """Return what the app makes of the value. It refuses everybody if it cannot read it."""
    try:
        return Settings.read({**NEEDED, "REQUIRE_TOKENS": value}).require_tokens
    except InvalidSettings:
        return False


@pytest.mark.parametrize(
    ("value", "anonymous"),
    [(None, {"health"}), ("false", {"health"}), ("true", {"health", "dashboard"})],
)
def test_the_dashboard_needs_no_key_if_tokens_are_required_and_no_other_function_changes(
    load, value, anonymous
):
    found = levels(load(value))
    assert found.keys() == {name for name, _method, _path in HTTP_FUNCTIONS}
    assert {name for name, level in found.items() if level == "anonymous"} == anonymous
    assert {level for name, level in found.items() if name not in anonymous} == {"function"}


def test_the_host_and_the_app_read_the_setting_in_the_same_way(load):
    # Each worker imports this file, and it takes long to make these.
    values = [*VALUES, *lookalikes("yes", "on")]
    required = [value for value in values if needs_token(value)]
    assert len(required) > 20 and len(values) - len(required) > 40
    for value in values:
        assert load(value).TOKENS_ARE_REQUIRED is needs_token(value), repr(value)


@pytest.mark.parametrize("now", ["false", "", "maybe", "true"])
def test_whoever_came_without_a_key_has_to_sign_in_whatever_the_app_reads_later(
    load, monkeypatch, now
):
    dashboard = functions(load("true"))["dashboard"].get_user_function()
    monkeypatch.setenv("REQUIRE_TOKENS", now)
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    request = func.HttpRequest("GET", "https://app.invalid/api/dashboard", body=b"")
    assert run(dashboard(request)).status_code == 401
