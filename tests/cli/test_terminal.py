"""What Azure and other people wrote reaches the terminal as text, and secrets do not reach it."""

import io
import json
import re
import sys

import pytest

from local.azure.faults import refusal
from shared.cli.main import main
from tests.builders.azure import add_table, answer
from tests.builders.runs import register

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31mred\r\u202eback"
SAS = "sv=2022-11-02&sig=very%2Fsecret%2Bsignature%3D"
NOBODY = "http://127.0.0.1:9"
KEY = "c2VjcmV0LXN0b3JhZ2Uta2V5LXNlY3JldA=="


@pytest.fixture
def hostile(azure, app):
    """A table whose read Azure refuses, in a text full of commands to a terminal."""
    answer(azure, "20.0.0.0/24")
    add_table(azure.state, "one")
    register(app, "one")
    error = {"error": {"code": "Odd", "message": HOSTILE, "details": []}}
    azure.state.faults.append(refusal("GET", "routeTables/one$", 400, error, times=99))


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("doctor",)])
def test_control_characters_are_made_visible(hostile, cli, command):
    done = cli(*command)
    assert not CONTROL.search(done.out + done.err)


def test_the_text_is_shown_with_its_control_characters_spelled(hostile, cli):
    """Rich itself takes out the bell and the carriage return."""
    assert r"\x1b]0;title\x1b[2J\x9b31mred\u202eback" in cli("plan").out


def test_json_keeps_them_escaped(hostile, cli):
    done = cli("plan", "--json")
    assert not CONTROL.search(done.out)
    [outcome] = done.json["outcomes"]
    assert outcome["error"]["message"].startswith(HOSTILE)


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("doctor",)])
def test_half_a_letter_is_no_reason_to_fail(azure, app, cli, command):
    answer(azure, "20.0.0.0/24")
    add_table(azure.state, "one")
    register(app, "one")
    error = json.dumps({"error": {"code": "Odd", "message": "half a \ud83d letter"}})
    azure.state.faults.append(refusal("GET", "(routeTables/one|/usages)$", 400, error, times=99))
    done = cli(*command)
    assert command == ("doctor",) or r"half a \ud83d letter" in done.out


@pytest.mark.parametrize(
    "connection",
    [
        f"TableEndpoint=http://127.0.0.1:9/one;AccountName=one;AccountKey={KEY}",
        f"TableEndpoint={NOBODY};QueueEndpoint={NOBODY};SharedAccessSignature={SAS}",
    ],
    ids=["key", "sas"],
)
@pytest.mark.parametrize("command", [("tables", "list"), ("tables", "list", "--json"), ("doctor",)])
def test_storage_that_does_not_answer_is_told_without_its_secret(cli, command, connection):
    done = cli(*command, AzureWebJobsStorage=connection)
    assert done.status == 1
    shown = done.out + done.err
    assert "127.0.0.1" in shown
    assert not re.search(rf"very|secret|{KEY[:12]}", shown)
    if "--json" in command:
        assert json.loads(done.out)["error"]["code"] == "HostUnreachable"


@pytest.fixture
def written(monkeypatch):
    """What a command writes into a file on Windows, which has an encoding of its own for it."""
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)

    def run(*arguments):
        file = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(file, encoding="cp1252"))
        main(arguments)
        sys.stdout.flush()
        return file.getvalue()

    return run


def test_a_file_has_every_letter_whatever_the_encoding_of_the_system_is(written):
    assert "✗ settings".encode() in written("doctor")


def test_an_encoding_that_somebody_has_chosen_stays_and_what_it_lacks_is_a_question_mark(
    written, monkeypatch
):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    assert b"? settings" in written("doctor")
