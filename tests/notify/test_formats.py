"""Notices as the receivers want them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.armid import RouteTableId
from shared.domain.people.notices import Item, Notice, NoticeKind
from shared.notify.formats import FORMATS, MAX_BYTES, render
from tests.builders.azure import table_id

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
ADDRESS = "https://app.example"


def rid(name):
    return RouteTableId.parse(table_id(name))


def notice(*items, **changed):
    fields: dict[str, Any] = {
        "notice_id": "run-1",
        "kind": NoticeKind.FAULT,
        "title": "1 new fault",
        "at": NOW,
        "facts": {"Run": "timer, apply: Failed"},
        "items": items or (Item("failed", "X: why", rid("one")),),
        "path": "runs/run-1",
    }
    return Notice(**fields | changed)


def body(name, found=None, address=ADDRESS):
    return json.loads(render(found or notice(), name, address))


def test_json_has_every_field():
    assert body("json") == {
        "kind": "fault",
        "runId": "run-1",
        "title": "ASE Route Sync: 1 new fault",
        "at": "2026-03-04T06:00:00.000000Z",
        "facts": {"Run": "timer, apply: Failed"},
        "items": [{"state": "failed", "routeTableId": table_id("one"), "text": "X: why"}],
        "itemsLeftOut": 0,
        "link": "https://app.example/api/runs/run-1",
    }


def test_teams_gets_a_message_with_one_adaptive_card():
    [attachment] = body("teams")["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    title, facts, *lines = card["body"]
    assert title["text"] == "ASE Route Sync: 1 new fault"
    assert facts["facts"][0] == {"title": "Run", "value": "timer, apply: Failed"}
    assert [line["text"] for line in lines] == ["failed one in rg-one: X: why"]
    assert card["actions"][0]["url"] == "https://app.example/api/runs/run-1"


def test_slack_gets_blocks():
    message = body("slack")
    header, facts, lines, link = message["blocks"]
    assert header["text"] == {"type": "plain_text", "text": "ASE Route Sync: 1 new fault"}
    assert "*Run:* timer, apply: Failed" in facts["text"]["text"]
    assert lines["text"]["text"] == "• failed one in rg-one: X: why"
    assert link["text"]["text"] == "<https://app.example/api/runs/run-1|Report>"
    assert message["text"] == header["text"]["text"]


@pytest.mark.parametrize("name", FORMATS)
def test_where_the_apps_address_is_not_known_there_is_no_link(name):
    assert "http" not in json.dumps(body(name, address=None)).replace("http://adaptivecards", "")


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_letter_is_no_reason_to_fail(name):
    half = notice(items=(Item("failed", "half a \ud83d letter", rid("one")),))
    assert r"half a \ud83d letter" in render(half, name, ADDRESS).decode()
    assert body(name, half)


def test_what_comes_from_elsewhere_stays_text():
    hostile = notice(
        Item("failed", "[click](https://evil.example) <!channel> *bold* <https://e|x>")
    )
    lines = body("teams", hostile)["attachments"][0]["content"]["body"][2:]
    assert lines[0]["text"].startswith(r"failed: \[click\]\(https://evil")
    assert r"\*bold\*" in lines[0]["text"]
    text = body("slack", hostile)["blocks"][2]["text"]["text"]
    assert "<" not in text
    assert "&lt;!channel&gt;" in text


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_too_much_is_counted(name):
    items = [Item("failed", f"{n} " + "é" * 290, rid(f"table{n}")) for n in range(1000)]
    encoded = render(notice(*items), name, ADDRESS)
    assert len(encoded) <= MAX_BYTES
    text = encoded.decode()
    assert "failed" in text
    assert '"itemsLeftOut": 0' not in text
    assert name == "json" or "more: see the report" in text


_texts = st.text(max_size=300)


@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(
        st.builds(Item, st.just("failed"), _texts, st.none() | st.just(rid("one"))), max_size=60
    ),
    st.dictionaries(st.text(max_size=30), _texts, max_size=6),
)
def test_whatever_it_says_it_is_json_of_10_kb_at_most(name, items, facts):
    encoded = render(notice(*items, facts=facts), name, ADDRESS)
    assert len(encoded) <= MAX_BYTES
    message = json.loads(encoded)
    if name == "slack":
        assert len(message["blocks"]) <= 50
        texts = [block["text"]["text"] for block in message["blocks"]]
        assert all(0 < len(text) <= 3000 for text in texts)
