"""The order of life of a resource: states, ETags, operations and links."""

from urllib.parse import parse_qs, urlsplit

import pytest

from local.azure.faults import FailOperation, HangOperation, InjectedFault
from local.azure.resources import RouteTable
from tests.builders.azure import SUBSCRIPTION, add_table, table_id, table_with
from tests.builders.routes import route, to_firewall


def test_the_etag_changes_when_a_write_begins_and_again_when_it_ends(azure, ask):
    before = add_table(azure.state, "one").etag
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall())).json()
    assert begun["properties"]["provisioningState"] == "Updating"
    ended = ask("GET", table_id("one"))
    assert ended.json()["properties"]["provisioningState"] == "Succeeded"
    assert len({before, begun["etag"], ended.json()["etag"]}) == 3
    assert ended.headers["etag"] == ended.json()["etag"]


def test_a_table_and_its_routes_have_one_etag(azure, ask):
    add_table(azure.state, "one", [to_firewall()])
    path = f"{table_id('one')}/routes/new"
    ask("PUT", path, json={"properties": route("new", "10.1.0.0/16")["properties"]})
    table = ask("GET", table_id("one")).json()
    assert {r["etag"] for r in table["properties"]["routes"]} == {table["etag"]}
    assert ask("GET", path).headers["etag"] == table["etag"]


def test_a_write_of_what_is_there_changes_nothing(azure, ask):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    answer = ask("PUT", table_id("one"), json=ask("GET", table_id("one")).json())
    assert (answer.status_code, answer.json()["etag"], table.etag) == (200, etag, etag)
    assert "retry-after" not in answer.headers
    poll = ask("GET", answer.headers["azure-asyncoperation"])
    assert poll.json() == {"status": "Succeeded"}
    same = {"properties": to_firewall()["properties"]}
    child = ask("PUT", f"{table_id('one')}/routes/default-via-firewall", json=same)
    assert (child.status_code, child.json()["etag"], table.etag) == (200, etag, etag)


def test_a_whole_write_replaces_the_routes_and_the_tags_but_not_the_subnets(azure, ask):
    table = add_table(azure.state, "one", [to_firewall(), route("old", "10.9.0.0/16")])
    subnets = list(table.subnets)
    ask("PUT", table_id("one"), json=table_with(route("new", "10.1.0.0/16")))
    assert [r["name"] for r in table.routes] == ["new"]
    assert table.tags is None
    assert table.subnets == subnets


def test_a_table_without_a_subnet_does_not_speak_of_subnets(azure, ask):
    table = add_table(azure.state, "one")
    [subnet] = ask("GET", table_id("one")).json()["properties"]["subnets"]
    assert subnet.keys() == {"id"}
    table.subnets = []
    assert "subnets" not in ask("GET", table_id("one")).json()["properties"]


def test_tags_alone_are_changed_at_once(azure, ask):
    table = add_table(azure.state, "one", [to_firewall()])
    etag = table.etag
    answer = ask("PATCH", table_id("one"), json={"tags": {"a": "b"}})
    assert "azure-asyncoperation" not in answer.headers
    assert answer.json()["tags"] == {"a": "b"}
    assert answer.json()["etag"] == table.etag != etag
    assert table.routes == [to_firewall()]


def test_an_operation_that_runs_says_when_to_ask_again(azure, ask):
    add_table(azure.state, "one")
    azure.state.timing.operation_seconds = (60, 60)
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    poll = ask("GET", begun.headers["azure-asyncoperation"])
    assert (poll.status_code, poll.json()) == (200, {"status": "InProgress"})
    assert poll.headers["retry-after"] == begun.headers["retry-after"] == "10"


@pytest.mark.parametrize("reverts", [False, True])
def test_an_operation_that_fails_is_a_200_and_the_table_is_failed(azure, ask, reverts):
    table = add_table(azure.state, "one", [to_firewall()])
    effect = FailOperation(code="Oops", reverts=reverts)
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=effect))
    begun = ask("PUT", table_id("one"), json=table_with(route("new", "10.1.0.0/16")))
    assert begun.status_code == 200
    poll = ask("GET", begun.headers["azure-asyncoperation"])
    assert (poll.status_code, poll.json()["status"]) == (200, "Failed")
    assert poll.json()["error"]["code"] == "Oops"
    assert table.provisioning_state == "Failed"
    assert [r["name"] for r in table.routes] == ["default-via-firewall" if reverts else "new"]


def test_a_table_whose_creation_failed_may_be_there_or_not(azure, ask):
    for name, reverts in (("stays", False), ("goes", True)):
        azure.state.add_group(SUBSCRIPTION, f"rg-{name}")
        effect = FailOperation(reverts=reverts)
        azure.state.faults.append(InjectedFault(method="PUT", path=f"{name}$", effect=effect))
        ask("PUT", table_id(name), json=table_with())
    assert ask("GET", table_id("stays")).json()["properties"]["provisioningState"] == "Failed"
    assert ask("GET", table_id("goes")).status_code == 404


def test_an_operation_that_hangs_keeps_the_table_busy(azure, ask):
    add_table(azure.state, "one")
    azure.state.faults.append(InjectedFault(method="PUT", path="one$", effect=HangOperation()))
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    assert ask("GET", begun.headers["azure-asyncoperation"]).json() == {"status": "InProgress"}
    assert ask("GET", table_id("one")).json()["properties"]["provisioningState"] == "Updating"
    busy = ask("PUT", table_id("one"), json=table_with())
    assert busy.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"


def test_a_deletion_is_followed_by_two_links_and_the_second_is_nothing(azure, ask):
    table = add_table(azure.state, "one")
    table.subnets = []
    azure.state.timing.operation_seconds = (60, 60)
    deleted = ask("DELETE", table_id("one"))
    assert (deleted.status_code, deleted.content) == (202, b"")
    running = ask("GET", deleted.headers["location"])
    assert (running.status_code, running.headers["retry-after"]) == (202, "10")
    [operation] = azure.state.operations.values()
    operation.ends_at = 0
    polled = ask("GET", deleted.headers["azure-asyncoperation"])
    assert polled.json() == {"status": "Succeeded"}
    assert ask("GET", deleted.headers["location"]).status_code == 204
    assert ask("DELETE", table_id("one")).status_code == 204


def test_a_deletion_that_fails_leaves_what_was_there(azure, ask):
    add_table(azure.state, "one", [to_firewall()]).subnets = []
    effect = FailOperation(reverts=True)
    azure.state.faults.append(InjectedFault(method="DELETE", path="one$", effect=effect))
    deleted = ask("DELETE", table_id("one"))
    assert ask("GET", deleted.headers["location"]).status_code == 500
    table = azure.state.find(RouteTable, table_id("one").lower())
    assert table.routes == [to_firewall()]


def test_a_link_is_long_and_good_only_as_it_was_given(azure, ask):
    add_table(azure.state, "one")
    begun = ask("PUT", table_id("one"), json=table_with(to_firewall()))
    link = begun.headers["azure-asyncoperation"]
    assert len(link) > 2500
    assert parse_qs(urlsplit(link).query).keys() == {"api-version", "t", "c", "s", "h"}
    assert ask("GET", link).status_code == 200
    assert ask("GET", link[:-1]).status_code == 404
    assert ask("GET", link.split("&t=")[0]).status_code == 404
