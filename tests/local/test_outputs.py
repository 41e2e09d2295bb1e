"""The messages that the host makes of an output."""

import json

import pytest
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.outputs import texts_of
from shared.messages import RunMessage


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("words", ["words"]),
        ("", [""]),
        ("12", ["12"]),
        ('"2026-11-30T08:00:00+02:00"', ['"2026-11-30T08:00:00+02:00"']),
        ('{"b":1,"a":[]}', ['{\n  "b": 1,\n  "a": []\n}']),
        (' {"a": "Köln"} ', ['{\n  "a": "Köln"\n}']),
        ('{"a": 1, "a": 2}', ['{\n  "a": 2\n}']),
        ('{"a": "2026-11-30T08:00:00+02:00"}', ['{\n  "a": "2026-11-30T06:00:00+00:00"\n}']),
        ('{"a": "2026-11-30T08:00:00.5-02:00"}', ['{\n  "a": "2026-11-30T10:00:00.5+00:00"\n}']),
        ('{"a": ["2026-11-30T08:00:00Z"]}', ['{\n  "a": [\n    "2026-11-30T08:00:00Z"\n  ]\n}']),
        ('{"a": "on 2026-11-30T08:00:00+02:00"}', ['{\n  "a": "on 2026-11-30T08:00:00+02:00"\n}']),
        ('["one", {"a": 1}]', ["one", '{\n  "a": 1\n}']),
        ("[]", []),
    ],
)
def test_a_single_text_that_looks_like_json_is_written_anew(text, messages):
    assert texts_of(Datum(text, "string")) == messages


@pytest.mark.parametrize("text", ["{no json}", "[1, 2,]", "{} {}"])
def test_a_text_that_only_looks_like_json_cannot_be_sent(text):
    with pytest.raises(ValueError, match=r"line 1"):
        texts_of(Datum(text, "string"))


def test_the_items_of_a_list_stay_as_they_are():
    items = ['{"a":1,"a":2}', "[1,2]", '{"at": "2026-11-30T08:00:00+02:00"}']
    assert texts_of(Datum(json.dumps(items), "json")) == items


def test_the_message_of_a_run_is_read_although_it_was_written_anew():
    message = RunMessage("20261130060000000000-0123abcd")
    [text] = texts_of(Datum(str(message), "string"))
    assert text != str(message)
    assert RunMessage.parse(text) == message
