"""Which route tables are registered; and taking ours out again."""

import inspect
import re
from dataclasses import fields, replace

from local.azure.faults import refusal
from shared.cli.commands import tables as commands
from shared.domain.registry.choices import RouteStyle
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Trigger
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from tests.builders.azure import (
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
    tag_document,
)
from tests.builders.routes import foreign_routes, owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, register, register_many, spoil, sync

A, B = "20.0.0.0/24", "20.0.1.0/24"
FOREIGN = [to_firewall(), to_firewall(B, "mine")]


def test_add_list_remove(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [to_firewall(), owned(A)])
    empty = cli("tables", "list")
    assert empty.status == 0
    assert "No route table is registered" in empty.out
    added = cli(
        *("tables", "add", table_id("one"), "--route-style", "prefixes", "--note", "ours"),
        *("--exception", f"{B},2027-01-31,the firewall, on purpose"),
    )
    assert added.status == 0, added.err
    assert "the firewall, on purpose" in added.out
    registered = app.registry.get(rid("one")).registration
    assert (registered.note, registered.route_style) == ("ours", RouteStyle.PREFIXES)
    assert "one" in cli("tables", "list").out
    assert [r["routeTableId"] for r in cli("tables", "list", "--json").json["value"]] == [
        table_id("one")
    ]
    assert cli("tables", "remove", table_id("one"), types="n\n").status == 1
    assert app.registry.get(rid("one")) is not None
    assert cli("tables", "remove", table_id("one"), types="y\n").status == 0
    assert app.registry.get(rid("one")) is None
    assert owned_prefixes(table) == {A}
    assert azure.state.writes() == []


def test_what_people_have_noted_stays_text(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    add_table(azure.state, "one")
    note = "[/red][bold]x[/bold] :smile: <script>"
    added = cli("tables", "add", table_id("one"), "--note", note)
    assert added.status == 0, added.err
    assert note in added.out


def test_a_thousand_tables_are_all_listed(app, cli):
    register_many(app, (f"t{number:04}" for number in range(1001)))
    assert len(cli("tables", "list", "--json").json["value"]) == 1001


def test_what_can_not_be_registered_is_said(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    add_table(azure.state, "one")
    refused = cli("tables", "add", table_id("one"), "--service-tag", "Storage")
    assert refused.status == 1
    assert "serviceTags.0: Storage is not in ALLOWED_SERVICE_TAGS" in refused.err
    assert cli("tables", "add", table_id("one"), "--exception", "20.0.0.0/24").status == 1
    assert cli("tables", "remove", table_id("one"), "--yes").status == 1
    assert list(app.registry.list()) == []


def test_a_row_that_cannot_be_read_can_be_removed_and_registered_again(azure, app, cli):
    register(app, "one")
    spoil(app, "one")
    with_routes = cli("tables", "remove", table_id("one"), "--with-routes", "--yes")
    assert (with_routes.status, "RowUnreadable" in with_routes.err) == (1, True)
    removed = cli("tables", "remove", table_id("one"), "--yes")
    assert removed.status == 0, removed.err
    assert cli("tables", "list", "--json").json["value"] == []
    assert cli("tables", "remove", table_id("one"), "--yes").status == 1


def test_remove_with_routes_takes_ours_and_nothing_else(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    table = add_table(azure.state, "one", [*FOREIGN, *(owned(f"20.1.{n}.0/24") for n in range(9))])
    register(app, "one")
    removing = ("tables", "remove", table_id("one"), "--with-routes")
    declined = cli(*removing, types="n\n")
    assert declined.status == 1
    assert "9 to remove" in declined.out
    assert len(owned_prefixes(table)) == 9
    done = cli(*removing, "--reason", "migrated", types="y\n")
    assert done.status == 0, done.err
    assert "9 removed" in done.out
    assert owned_prefixes(table) == set()
    assert foreign_routes(table) == FOREIGN
    assert app.registry.get(rid("one")) is None
    [write] = azure.state.writes()
    assert [route["name"] for route in write["body"]["properties"]["routes"]] == [
        route["name"] for route in FOREIGN
    ]


def test_where_our_routes_can_not_be_taken_out_it_stays_registered(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    register(app, "gone")
    failed = cli("tables", "remove", table_id("gone"), "--with-routes", "--yes", "--json")
    assert failed.status == 1
    assert failed.json["outcomes"][0]["error"]["code"] == "RouteTableNotFound"
    assert app.registry.get(rid("gone")) is not None
    add_table(azure.state, "gone", [owned(A)])
    paused = cli("tables", "remove", table_id("gone"), "--with-routes", "--yes", PAUSED="true")
    assert paused.status == 2
    assert app.registry.get(rid("gone")) is not None
    assert azure.state.writes() == []


def test_add_replaces_no_registration_and_set_changes_only_what_is_named(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    add_table(azure.state, "one")
    exception = ("--exception", f"{B},2027-01-31,the firewall")
    added = cli(
        *("tables", "add", table_id("one"), "--apply-policy", "approval", "--disabled", *exception)
    )
    assert added.status == 0, added.err
    before = app.registry.get(rid("one")).registration
    again = cli("tables", "add", table_id("one"), "--note", "x", "--json")
    assert (again.status, app.registry.get(rid("one")).registration) == (1, before)
    assert again.json["error"]["code"] == "AlreadyRegistered"
    assert cli("tables", "set", table_id("one"), "--note", "x").status == 0
    assert app.registry.get(rid("one")).registration == replace(before, note="x")
    cleared = cli("tables", "set", table_id("one"), "--note", "", "--no-exceptions", "--enabled")
    assert cleared.status == 0, cleared.err
    assert app.registry.get(rid("one")).registration == replace(before, exceptions=(), enabled=True)
    assert cli("tables", "set", table_id("two"), "--note", "x").status == 1
    assert [one.route_table_id for one in app.registry.list()] == [rid("one")]


def test_an_exception_joins_those_of_other_prefixes(app, cli):
    def set_(*options):
        done = cli("tables", "set", "one", *options)
        assert done.status == 0, done.err
        exceptions = app.registry.get(rid("one")).registration.exceptions
        return {each.prefix: each.reason for each in exceptions}

    register(app, "one")
    assert set_("--exception", f"{A},2027-01-31,first") == {A: "first"}
    assert set_("--exception", f"{B},2027-01-31,second") == {A: "first", B: "second"}
    assert set_("--exception", f"{A},2027-02-28,again") == {A: "again", B: "second"}
    assert set_("--note", "x") == {A: "again", B: "second"}
    assert set_("--no-exceptions", "--exception", f"{B},2027-01-31,alone") == {B: "alone"}
    assert set_("--no-exceptions") == {}


VERSIONS = "Desired", "Applied", "Newest "


def test_a_table_is_pinned_and_unpinned(azure, app, cli):
    azure.state.tags.answers["westeurope"] = tag_document([A])
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    version_id = app.versions.newest("AppServiceManagement").version_id
    pinning = ("--pin", version_id, "--pin-reason", "the proxy")

    def changed(*options):
        done = cli("tables", "set", table_id("one"), *options)
        pinned = app.registry.get(rid("one")).registration.pin
        return done, pinned and (pinned.version_id, pinned.reason)

    done, pinned = changed(*pinning)
    assert pinned == (version_id, "the proxy"), done.err
    assert f"Pin          {version_id} since" in done.out
    for refused in (pinning[:2], pinning[2:], (*pinning, "--unpin")):
        done, still = changed(*refused)
        assert (done.status, still) == (1, pinned)
    done, still = changed("--pin", "AzureCloud.AppServiceManagement-000009", "--pin-reason", "x")
    assert "VersionNotFound" in done.err
    done, still = changed("--pin", "000001", "--pin-reason", "x")
    assert (done.status, still) == (1, pinned)
    assert f"Do you mean {version_id}?" in done.err
    azure.state.tags.answers["westeurope"] = tag_document([A, "20.0.9.0/24"])
    sync(app)
    lines = cli("tables", "show", "one").out.splitlines()
    versions = dict(line.split(maxsplit=1) for line in lines if line[:7] in VERSIONS)
    newer = version_id.replace("000001", "000002")
    assert versions == {"Desired": version_id, "Applied": version_id, "Newest": newer}
    assert changed("--note", "x")[1] == pinned
    assert changed("--unpin")[1] is None
    assert cli("tables", "remove", table_id("one"), "--yes").status == 0
    added = cli("tables", "add", table_id("one"), *pinning)
    assert added.status == 0, added.err
    assert app.registry.get(rid("one")).registration.pin.version_id == version_id


OPTIONS = {
    "ase": ("ase",),
    "service": ("service",),
    "region": ("region",),
    "service_tags": ("service_tag",),
    "address_source": ("address_source",),
    "route_style": ("route_style",),
    "apply_policy": ("apply_policy",),
    "exceptions": ("exception",),
    "note": ("note",),
    "pin": ("pin", "pin_reason"),
    "acknowledge": ("acknowledge",),
}
"""The options for each field of a registration, of `add` and of `set`."""
CLEARED_BY = {"apply_policy": "no_apply_policy", "exceptions": "no_exceptions", "pin": "unpin"}
"""An empty text clears other fields that may be empty."""


def test_each_part_of_a_registration_can_be_given_changed_and_cleared():
    every = {field.name for field in fields(RegisterRequest)}
    assert {*OPTIONS, "resource_id", "enabled"} == every
    add, set_ = (inspect.signature(one).parameters for one in (commands.add, commands.set_))
    options = {option for names in OPTIONS.values() for option in names}
    assert options | {"disabled"} <= add.keys()
    assert options | {"enabled", *CLEARED_BY.values()} <= set_.keys()


def test_the_policy_of_the_app_counts_again(azure, app, cli):
    register(app, "one")
    assert cli("tables", "set", "one", "--apply-policy", "approval").status == 0
    assert app.registry.get(rid("one")).registration.apply_policy == "approval"
    both = cli("tables", "set", "one", "--apply-policy", "additive", "--no-apply-policy")
    assert both.status == 1
    assert cli("tables", "set", "one", "--no-apply-policy").status == 0
    assert app.registry.get(rid("one")).registration.apply_policy is None


def test_add_says_what_azure_has(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one", [to_firewall(), owned(A)])
    added = cli("tables", "add", table_id("one"), "--json")
    assert added.status == 0, added.err
    assert "Found in Azure: one in rg-one" in added.err
    assert "2 routes, 1 of them ours, on 1 subnet\n" in added.err
    now = f"ase-route-sync apply --route-table {table_id('one')}"
    assert "Registered. The next run brings it the routes." in added.err
    assert now in " ".join(added.err.split())
    assert added.json["routeTableId"] == table_id("one")


def test_add_refuses_a_table_that_is_not_there_unless_it_is_still_to_be_made(azure, app, cli):
    answer(azure, A)
    refused = cli("tables", "add", table_id("one"))
    assert (refused.status, "RouteTableNotFound" in refused.err) == (1, True)
    assert "could not be found. To register the table without a look" in refused.err
    assert "say --no-check" in refused.err and "or unregister it" not in refused.err
    assert app.registry.get(rid("one")) is None
    added = cli("tables", "add", table_id("one"), "--no-check")
    assert added.status == 0, added.err
    assert app.registry.get(rid("one")) is not None


def test_add_says_nothing_of_a_next_run_for_a_table_that_is_left_alone(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one")
    added = cli("tables", "add", table_id("one"), "--disabled")
    assert added.status == 0, added.err
    assert "next run" not in added.err


def test_add_names_what_is_no_id_as_it_was_typed(app, cli):
    refused = cli("tables", "add", "rt-one")
    assert refused.status == 1
    assert "'rt-one'" in refused.err and "Use the resource id" in refused.err


def test_set_without_a_wish_changes_nothing_and_says_so(app, cli):
    register(app, "one")
    refused = cli("tables", "set", "one")
    assert (refused.status, refused.out) == (1, "")
    assert "name what to change, for example --note" in refused.err
    assert cli("tables", "set", "one", "--acknowledge").status == 1


def test_add_refuses_a_table_that_it_may_not_read(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one")
    error = {"error": {"code": "AuthorizationFailed", "message": "no right"}}
    azure.state.faults.append(refusal("GET", "routeTables/one$", 403, error, times=99))
    refused = cli("tables", "add", table_id("one"), "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "AuthorizationFailed")
    assert "say --no-check" in refused.json["error"]["message"]
    assert list(app.registry.list()) == []


def test_while_azure_cannot_be_asked_add_refuses_unless_nobody_wants_to_look(azure, app, cli):
    answer(azure, A)
    sync(app)  # so that the tag has a version, and Azure need not be asked about it
    nowhere = {"ARM_ENDPOINT": "http://127.0.0.1:9"}
    refused = cli("tables", "add", table_id("one"), **nowhere)
    assert (refused.status, "HostUnreachable" in refused.err) == (1, True)
    assert "say --no-check" in refused.err
    added = cli("tables", "add", table_id("one"), "--no-check", **nowhere)
    assert added.status == 0, added.err
    assert app.registry.get(rid("one")) is not None


def test_add_finds_the_table_of_an_environment(azure, app, cli):
    answer(azure, A)
    add_environment(azure.state, "one", table=add_table(azure.state, "one"))
    added = cli("tables", "add", ase_id_of("one"))
    assert added.status == 0, added.err
    assert app.registry.get(rid("one")) is not None


def test_show_says_how_a_table_stands_and_what_to_do(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one", [to_firewall(A, "mine")])
    register(app, "one")
    report = sync(app)
    shown = cli("tables", "show", "one")
    assert shown.status == 0, shown.err
    assert "State        conflict\n" in shown.out
    assert "\nFound right  never\n" in shown.out
    assert f"\nRoute table  {table_id('one')}\n" in shown.out
    assert f"ase-route-sync tables set {table_id('one')} --exception '{A}," in shown.out
    assert f"{report['runId']}: conflict" in shown.out
    as_json = cli("tables", "show", "one", "--json").json
    assert as_json["routeTableId"] == table_id("one")
    assert as_json["status"]["lastOutcome"]["status"] == "conflict"


def test_show_of_a_table_that_is_right_asks_for_nothing(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one", [owned(A)])
    register(app, "one")
    sync(app)
    shown = cli("tables", "show", "one").out
    assert "State        right\n" in shown
    assert "→" not in shown


def test_show_of_a_table_that_is_not_registered_says_so(app, cli):
    assert "NotRegistered" in cli("tables", "show", table_id("one")).err
    register(app, "one")
    spoil(app, "one")
    assert "RowUnreadable" in cli("tables", "show", "one").err


def test_a_service_is_added_by_one_word_and_removed_by_an_empty_one(azure, app, cli):
    tag, allowed = "BatchNodeManagement.WestEurope", f"{TAG},batch"
    azure.state.tags.answers["westeurope"] = tag_document([A], tag)
    add_table(azure.state, "one")
    asked = ("--service", "batch", "--region", "westeurope")
    added = cli("tables", "add", table_id("one"), *asked, ALLOWED_SERVICE_TAGS=allowed)
    assert added.status == 0, added.err
    assert f"batch in westeurope ({tag})" in added.out
    assert "A pool with a node management private endpoint does not need them." in added.out
    assert app.registry.get(rid("one")).registration.service_tags == (tag,)

    nothing = cli("tables", "set", "one", "--service", "", ALLOWED_SERVICE_TAGS=allowed)
    assert "region: a region is of use only with a service" in nothing.err
    answer(azure, A)
    without = ("--service", "", "--region", "", "--service-tag", TAG)
    changed = cli("tables", "set", "one", *without, ALLOWED_SERVICE_TAGS=allowed)
    assert changed.status == 0, changed.err
    registered = app.registry.get(rid("one")).registration
    assert (registered.service, registered.region, registered.service_tags) == (None, None, (TAG,))


def test_the_tags_beside_a_service_are_taken_away_by_an_empty_one(azure, app, cli):
    tag, allowed = "BatchNodeManagement.WestEurope", f"{TAG},batch"
    register(app, "one")
    values = [one for name in (tag, TAG) for one in tag_document([A], name)["values"]]
    azure.state.tags.answers["westeurope"] = tag_document([A]) | {"values": values}
    asked = ("--service", "batch", "--region", "westeurope")
    both = cli("tables", "set", "one", *asked, ALLOWED_SERVICE_TAGS=allowed)
    assert f"batch in westeurope ({tag}, {TAG})" in both.out, both.err
    alone = cli("tables", "set", "one", "--service-tag", "", ALLOWED_SERVICE_TAGS=allowed)
    assert f"batch in westeurope ({tag})" in alone.out, alone.err
    assert app.registry.get(rid("one")).registration.named_tags == ()
    assert app.registry.get(rid("one")).status.former_sources.keys() == {TAG}


def test_a_table_that_its_tag_has_registered_says_so_and_may_come_back(app, cli):
    by_tag = Requester(Trigger.CHECK, "Azure tag aseRouteSync", is_azure_tag=True)
    app.registrar.add(RegisteredTable(rid("one"), Registration((TAG,))), by_tag)
    shown = cli("tables", "show", "one").out
    assert re.search("Made by +its Azure tag aseRouteSync", shown)

    refused = cli("tables", "remove", table_id("one"), types="n\n", DISCOVER_BY_TAG="true")
    assert "the next check registers it again" in refused.err.partition("Unregister")[0]
    removed = cli("tables", "remove", table_id("one"), "--yes", DISCOVER_BY_TAG="true")
    assert "the next check registers it again" in removed.err
    register(app, "one")
    assert "Made by" not in cli("tables", "show", "one").out
    assert "registers it again" not in cli("tables", "remove", table_id("one"), "--yes").err
