"""Notices as the receivers want them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.armid import RouteTableId
from shared.domain.codes import lookup
from shared.domain.people.next_steps import NextStep
from shared.domain.people.notices import Item, Notice, NoticeKind
from shared.notify.formats import FORMATS, MAX_BYTES, Sender, render
from tests.builders.azure import table_id

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
SENDER = Sender("func-routes", "AzureCloud", "https://app.example")
STEP = NextStep("It means this.", "Do this.", "ase-route-sync approve run-1")
TITLE = "ASE Route Sync (func-routes, AzureCloud): 1 new fault"
SUMMARY = "one in rg-one: failed since 2026-03-04 06:00 UTC. X: why. Do this."


def rid(name):
    return RouteTableId.parse(table_id(name))


def notice(*items, **changed):
    item = Item("failed", "X: why", rid("one"), NOW, code=lookup("TableBusy"))
    fields: dict[str, Any] = {
        "notice_id": "run-1",
        "kind": NoticeKind.FAULT,
        "title": "1 new fault",
        "at": NOW,
        "summary": SUMMARY,
        "facts": {"Run": "timer, apply: Failed"},
        "items": items or (item,),
        "steps": (STEP,),
        "path": "dashboard?run=run-1",
    }
    return Notice(**fields | changed)


def body(name, found=None, sender=SENDER):
    return json.loads(render(found or notice(), name, sender))


def test_json_has_every_field():
    assert body("json") == {
        "kind": "fault",
        "runId": "run-1",
        "app": "func-routes",
        "cloud": "AzureCloud",
        "title": TITLE,
        "summary": f"{TITLE}. {SUMMARY}",
        "at": "2026-03-04T06:00:00.000000Z",
        "facts": {"Run": "timer, apply: Failed"},
        "items": [
            {
                "state": "failed",
                "routeTableId": table_id("one"),
                "since": "2026-03-04T06:00:00.000000Z",
                "code": "TableBusy",
                "text": "X: why",
            }
        ],
        "itemsLeftOut": 0,
        "nextSteps": [
            {"meaning": STEP.meaning, "remedy": STEP.remedy, "command": STEP.command},
        ],
        "link": "https://app.example/api/dashboard?run=run-1",
    }


def test_teams_gets_a_message_with_one_adaptive_card():
    message = body("teams")
    [attachment] = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    title, summary, command, facts, line = card["body"]
    assert title["text"] == r"ASE Route Sync \(func-routes, AzureCloud\): 1 new fault"
    assert summary["text"] == SUMMARY
    assert (command["text"], command["fontType"]) == (STEP.command, "Monospace")
    assert facts["facts"][0] == {"title": "Run", "value": "timer, apply: Failed"}
    assert line["text"] == "failed one in rg-one since 2026-03-04 06:00 UTC: X: why"
    [action] = card["actions"]
    assert action["url"] == "https://app.example/api/dashboard?run=run-1"


def test_slack_gets_blocks():
    message = body("slack")
    header, summary, command, facts, lines, link = message["blocks"]
    assert header["text"] == {"type": "plain_text", "text": TITLE}
    assert summary["text"]["text"] == SUMMARY
    assert command["text"]["text"] == f"`{STEP.command}`"
    assert "*Run:* timer, apply: Failed" in facts["text"]["text"]
    line = "• failed one in rg-one since 2026-03-04 06:00 UTC: X: why"
    assert lines["text"]["text"] == line
    assert link["text"]["text"] == "<https://app.example/api/dashboard?run=run-1|Open>"


SHOWN = {"json": "summary", "teams": "summary", "slack": "text"}


@pytest.mark.parametrize(("name", "field"), SHOWN.items())
def test_what_a_phone_shows_says_which_app_it_is_and_all_of_the_summary(name, field):
    assert body(name)[field] == f"{TITLE}. {SUMMARY}"
    nameless = body(name, sender=Sender(None, "AzureChinaCloud", None))
    assert nameless[field] == f"ASE Route Sync (AzureChinaCloud): 1 new fault. {SUMMARY}"


@pytest.mark.parametrize("name", ["teams", "slack"])
def test_a_step_that_the_summary_does_not_have_is_shown_with_its_command(name):
    others = (STEP, replace(STEP, remedy="Do that.", command=None), replace(STEP, command="two"))
    text = json.dumps(body(name, notice(steps=others)))
    assert text.count("Do that.") == 1
    assert text.count("Do this.") == 2  # in what a phone shows, and in the message itself
    assert text.count("ase-route-sync approve run-1") == 1
    assert "two" in text


@pytest.mark.parametrize("name", FORMATS)
def test_where_the_apps_address_is_not_known_there_is_no_link(name):
    shown = json.dumps(body(name, sender=Sender("func-routes", "AzureCloud", None)))
    assert "http" not in shown.replace("http://adaptivecards", "")


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_letter_is_no_reason_to_fail(name):
    half = notice(items=(Item("failed", "half a \ud83d letter", rid("one")),))
    assert r"half a \ud83d letter" in render(half, name, SENDER).decode()
    assert body(name, half)


def test_what_comes_from_elsewhere_stays_text():
    hostile = notice(
        Item("failed", "[click](https://evil.example) <!channel> *bold* <https://e|x>")
    )
    line = body("teams", hostile)["attachments"][0]["content"]["body"][-1]
    assert line["text"].startswith(r"failed: \[click\]\(https://evil")
    assert r"\*bold\*" in line["text"]
    text = body("slack", hostile)["blocks"][-2]["text"]["text"]
    assert "<" not in text
    assert "&lt;!channel&gt;" in text


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_too_much_is_counted(name):
    items = [Item("failed", f"{n} " + "é" * 290, rid(f"table{n}")) for n in range(1000)]
    encoded = render(notice(*items), name, SENDER)
    assert len(encoded) <= MAX_BYTES
    text = encoded.decode()
    assert "failed" in text
    assert '"itemsLeftOut": 0' not in text
    assert name == "json" or " more" in text


_texts = st.text(max_size=300)
_steps = st.builds(NextStep, _texts, _texts, st.none() | _texts)


@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(
        st.builds(Item, st.just("failed"), _texts, st.none() | st.just(rid("one"))), max_size=60
    ),
    st.dictionaries(st.text(max_size=30), _texts, max_size=6),
    st.text(max_size=500),
    st.lists(_steps, max_size=3),
)
@example("teams", [], {f"{n}": "\x00" * 300 for n in range(6)}, "*" * 500, [])
@example("slack", [], {}, "&" * 500, [NextStep("", "\x00" * 300, "\x00" * 300)] * 3)
def test_whatever_it_says_it_is_json_of_10_kb_at_most(name, items, facts, summary, steps):
    found = notice(facts=facts, summary=summary, steps=tuple(steps))
    encoded = render(replace(found, items=tuple(items)), name, SENDER)
    assert len(encoded) <= MAX_BYTES
    message = json.loads(encoded)
    if name == "slack":
        assert len(message["blocks"]) <= 50
        texts = [block["text"]["text"] for block in message["blocks"]]
        assert all(0 < len(text) <= 3000 for text in texts)
