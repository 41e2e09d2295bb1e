"""The two queue messages."""

import pytest

from shared.domain.armid import RouteTableId
from shared.messages import MAX_MESSAGE_BYTES, RunMessage, TableMessage, table_messages
from tests.builders.azure import OTHER_SUBSCRIPTION, rid, table_id


def test_messages_say_what_they_are():
    assert RunMessage.parse('{"runId": "r"}') == RunMessage("r")
    table = TableMessage("r", rid("one"))
    assert TableMessage.parse(str(table)) == table
    assert str(RunMessage("r")) == '{"runId": "r"}'
    chained = TableMessage("r", rid("one"), (rid("two"), rid("three")))
    assert TableMessage.parse(str(chained)) == chained
    assert chained.next == TableMessage("r", rid("two"), (rid("three"),))
    assert table.next is None
    astray = f'{{"runId": "r", "routeTableId": "{table_id("one")}", "then": '
    wrong = ("", "[]", "{}", '{"runId": 5}', '{"runId": "r", "routeTableId": "x"}')
    for text in (*wrong, f"{astray}5}}", f"{astray}[5]}}"):
        with pytest.raises(ValueError, match=r".+"):
            TableMessage.parse(text)


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250, 20_001])
def test_no_more_messages_of_a_subscription_than_azure_lets_be_under_way(count):
    tables = [rid(f"t{number}") for number in range(count)]
    other = RouteTableId.parse(table_id("x", OTHER_SUBSCRIPTION))
    messages = list(table_messages("r", [*tables, other]))
    longest = max(100, -(-count // 200))
    assert len(messages) == min(count, longest) + 1
    listed = [table for message in messages for table in (message.route_table_id, *message.then)]
    assert sorted(listed, key=str) == sorted([*tables, other], key=str)
    assert all(len(str(message)) < 48 * 1024 for message in messages)


@pytest.mark.parametrize("letter", ["x", "名"])
def test_no_message_is_longer_than_a_queue_takes_however_long_the_ids_are(letter):
    group, name = letter * 90, letter * 76
    ids = [table_id(name).replace(f"rg-{name}", group) + f"{n:04}" for n in range(2000)]
    tables = [RouteTableId.parse(text) for text in (*ids, *map(table_id, map(str, range(18_001))))]
    messages = list(table_messages("20260304060000000000-0123abcd", tables))
    assert all(len(str(message).encode()) <= MAX_MESSAGE_BYTES for message in messages)
    listed = [table for message in messages for table in (message.route_table_id, *message.then)]
    assert sorted(listed, key=str) == sorted(tables, key=str)
    assert [TableMessage.parse(str(message)) for message in messages[:3]] == messages[:3]
