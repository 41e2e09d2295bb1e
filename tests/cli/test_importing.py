"""Registrations as a file: exported, changed, imported."""

from dataclasses import replace

import pytest
import yaml

from shared.cli.difference import Difference
from shared.cli.registrations_file import read
from shared.domain.errors import InvalidRequest, Outdated
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Trigger
from shared.sync.requester import Requester
from tests.builders.azure import (
    SUBSCRIPTION,
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
)
from tests.builders.runs import TAG, keep, pin, register, register_many, spoil, sync

A = "20.0.0.0/24"
NOTHING = "0 to register, 0 to change, 0 to unregister"
SOMEBODY = Requester(Trigger.CLI)
AZURE_TAG = Requester(Trigger.CHECK, "Azure tag aseRouteSync", is_azure_tag=True)


@pytest.fixture
def file(cli, tmp_path):
    """The exported file, as its own values, and a way to import it after a change."""
    return File(cli, tmp_path / "tables.yaml")


class File:
    def __init__(self, cli, path):
        self.cli, self.path = cli, path

    def exported(self):
        done = self.cli("tables", "export")
        assert done.status == 0, done.err
        self.path.write_text(done.out)
        return yaml.safe_load(done.out)["routeTables"]

    def imported(self, entries=None, *options, **how):
        if entries is not None:
            self.path.write_text(yaml.safe_dump({"routeTables": entries}))
        return self.cli("tables", "import", str(self.path), *options, **how)


@pytest.fixture
def tables(azure, app):
    """Ten registered tables, t0 to t9."""
    answer(azure, A)
    register_many(app, (f"t{number}" for number in range(10)))
    app.pull.record([TAG], run_id="r")


def noted(app, name):
    found = app.registry.get(rid(name))
    return found and found.registration.note


def entry(name, **registration):
    return {"routeTableId": table_id(name), **registration}


@pytest.mark.usefixtures("tables")
def test_what_was_exported_is_imported_without_a_change_and_without_a_question(app, file):
    before = list(app.registry.list())
    assert [one["routeTableId"] for one in file.exported()] == [
        table_id(f"t{number}") for number in range(10)
    ]
    for options in ((), ("--prune",), ("--plan",), ("--yes", "--prune-all")):
        done = file.imported(None, *options)
        assert (done.status, done.err) == (0, "")
        assert done.out == "Plan: 0 to register, 0 to change, 0 to unregister, 10 unchanged\n"
    assert list(app.registry.list()) == before


@pytest.mark.usefixtures("tables")
def test_the_difference_is_shown_and_then_the_person_is_asked(azure, app, file):
    entries = file.exported()
    entries[1] |= {"note": "no", "applyPolicy": "additive"}
    entries[2]["exceptions"] = [{"prefix": A, "reason": "mine", "until": "2027-01-31"}]
    entries = [entry("new", note="fresh"), *entries[1:]]
    declined = file.imported(entries, types="n\n")
    assert declined.status == 1
    assert "NotConfirmed" in declined.err
    assert noted(app, "t1") is None
    for line in (
        f"# new in rg-new ({SUBSCRIPTION}) will be registered",
        '  + note: "fresh"',
        f"# t1 in rg-t1 ({SUBSCRIPTION}) will be changed",
        '  ~ applyPolicy: null → "additive"',
        '  ~ note: null → "no"',
        '  + exceptions: {"prefix": "20.0.0.0/24", "reason": "mine", "until": "2027-01-31"}',
        f"Not in the file, and kept: t0 in rg-t0 ({SUBSCRIPTION}). --prune unregisters them.",
        "Plan: 1 to register, 2 to change, 0 to unregister, 7 unchanged",
    ):
        assert f"\n{line}\n" in f"\n{declined.out}"

    nobody = file.imported()
    assert (nobody.status, "say --yes" in nobody.err) == (1, True)
    done = file.imported(types="y\n")
    assert done.status == 0, done.err
    assert done.out.endswith("Done: 1 registered, 2 changed, 0 unregistered, 0 failed\n")
    assert (noted(app, "new"), noted(app, "t1")) == ("fresh", "no")
    assert len(app.registry.get(rid("t2")).registration.exceptions) == 1
    assert app.registry.get(rid("t0")) is not None
    assert app.registry.get(rid("new")).changed_by is not None
    assert azure.state.writes() == []
    assert file.imported(None, "--yes").out.startswith("Not in the file")


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("removed", "allowed"), [(1, True), (2, False)])
def test_more_than_a_tenth_of_the_registry_is_not_pruned_by_itself(app, file, removed, allowed):
    entries = file.exported()[removed:]
    plan = file.imported(entries, "--prune", "--plan")
    assert plan.out.count("will be unregistered, and its routes stay") == removed
    assert plan.status == (2 if allowed else 1)
    done = file.imported(None, "--prune", "--yes")
    assert done.status == (0 if allowed else 1), done.err
    if not allowed:
        assert "TooManyUnregistered" in done.err
        assert "2 of 10 registered tables are not in the file" in done.err
        assert len(list(app.registry.list())) == 10
        assert file.imported(None, "--prune-all", "--yes").status == 0
    assert len(list(app.registry.list())) == 10 - removed


def test_in_a_small_registry_each_table_is_more_than_a_tenth(azure, app, file):
    register(app, *(f"t{number}" for number in range(9)))
    assert file.imported(file.exported()[1:], "--prune", "--yes").status == 1
    register(app, "t9")
    assert file.imported(file.exported()[1:], "--prune", "--yes").status == 0


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("text", ["", "routeTables: []\n", "routeTables:\n  - note: x\n"])
def test_a_file_that_is_empty_or_wrong_changes_nothing(app, file, text):
    file.path.write_text(text)
    for options in ((), ("--prune-all", "--yes")):
        refused = file.imported(None, *options)
        assert (refused.status, "InvalidFile" in refused.err) == (1, True)
    assert len(list(app.registry.list())) == 10
    file.path.unlink()
    missing = file.imported(None, "--prune-all", "--yes", "--json")
    assert missing.json["error"]["message"] == f"{file.path}: No such file or directory"


@pytest.mark.usefixtures("tables")
def test_the_failure_of_one_table_stops_no_other_and_is_named(app, file):
    entries = file.exported()
    entries[0]["serviceTags"] = ["Storage"]
    entries[1]["pin"] = {"versionId": f"AzureCloud.{TAG}-000009", "reason": "x"}
    entries[2]["note"] = "right"
    plan = file.imported(entries, "--plan")
    assert (plan.status, plan.err) == (1, "")
    for said in ("! t0 in rg-t0", "serviceTags.0: Storage is not in ALLOWED", "! t1 in rg-t1"):
        assert said in plan.out
    assert "pin.versionId" in plan.out

    done = file.imported(None, "--yes", "--json")
    assert done.status == 1
    assert [one["routeTableId"] for one in done.json["failed"]] == [table_id("t0"), table_id("t1")]
    assert done.json["failed"][0]["error"]["details"][0]["target"] == "serviceTags.0"
    assert done.json["changed"] == [
        {
            "routeTableId": table_id("t2"),
            "changes": [{"key": "note", "from": None, "to": "right"}],
        }
    ]
    assert (noted(app, "t2"), done.json["unchanged"]) == ("right", 7)
    assert file.imported(None, "--yes").out.endswith("0 unregistered, 2 failed\n")


def test_a_plan_ends_with_2_if_there_is_a_difference_and_changes_nothing(azure, app, file):
    answer(azure, A)
    plan = file.imported([entry("one", note="x")], "--plan", "--json")
    assert plan.status == 2
    assert plan.json == {
        "registered": [
            {
                "routeTableId": table_id("one"),
                "registration": {
                    "aseId": None,
                    "service": None,
                    "region": None,
                    "serviceTags": [TAG],
                    "addressSource": "serviceTag",
                    "routeStyle": "prefixes",
                    "applyPolicy": None,
                    "exceptions": [],
                    "enabled": True,
                    "note": "x",
                    "pin": None,
                },
            }
        ],
        "changed": [],
        "unregistered": [],
        "unchanged": 0,
        "kept": [],
        "failed": [],
    }
    assert list(app.registry.list()) == []


@pytest.mark.usefixtures("tables")
def test_what_cannot_be_read_is_neither_exported_nor_pruned(app, cli, file):
    entries = file.exported()
    spoil(app, "t0")
    exported = cli("tables", "export")
    assert (exported.status, "RowUnreadable" in exported.err) == (1, True)
    assert f"# not exported: the row of {table_id('t0')}".lower() in exported.out.lower()
    assert len(yaml.safe_load(exported.out)["routeTables"]) == 9

    named = file.imported([*entries[:-1], entries[-1] | {"note": "x"}], "--yes")
    assert (named.status, noted(app, "t9")) == (1, "x")
    assert "! t0 in rg-t0" in named.out
    missing = file.imported(entries[1:], "--prune-all", "--yes")
    assert (missing.status, "RowUnreadable" in missing.out) == (1, True)
    assert file.imported(entries[1:], "--yes").status == 0
    assert cli("tables", "list", "--json").json["value"][0]["error"]["code"] == "RowUnreadable"


def test_a_registration_that_changes_after_it_was_shown_is_left_alone(azure, app):
    register(app, "one", "two")
    text = yaml.safe_dump({"routeTables": [entry("one", note="ours"), entry("three")]})
    found = Difference(read(text.encode()), list(app.registry.list()), TAG, prune=True)
    answer(azure, A)
    for name in ("one", "two", "three"):
        keep(app, RegisteredTable(rid(name), Registration((TAG,), note="theirs")))
    assert [step.kind for step in found.steps] == ["change", "register", "unregister"]
    changed, added, pruned = found.steps
    with pytest.raises(Outdated, match="RegistrationChanged"):
        app.registering.register(changed.request, SOMEBODY, changed.expect)
    with pytest.raises(InvalidRequest, match="AlreadyRegistered"):
        app.registering.register(added.request, SOMEBODY, added.expect)
    with pytest.raises(Outdated, match="RegistrationChanged"):
        app.registering.unregister(str(pruned.table_id), SOMEBODY, pruned.expect)
    assert [noted(app, name) for name in ("one", "two", "three")] == ["theirs"] * 3


def test_a_backup_is_restored_with_its_pins_and_its_environments(azure, app, cli, file):
    answer(azure, A)
    table = add_table(azure.state, "one")
    add_environment(azure.state, "one", table=table, kind="ASEV3")
    done = cli("tables", "add", table_id("one"), "--ase", ase_id_of("one"), "--acknowledge")
    assert done.status == 0, done.err
    sync(app)
    pin(app, "one", app.versions.newest(TAG).version_id, "1e3")
    before = app.registry.get(rid("one")).registration
    entries = file.exported()
    assert cli("tables", "remove", table_id("one"), "--yes").status == 0
    refused = file.imported(entries, "--yes")
    assert (refused.status, "acknowledge" in refused.out) == (1, True)
    restored = file.imported(None, "--yes", "--acknowledge")
    assert restored.status == 0, restored.out
    after = app.registry.get(rid("one")).registration
    assert replace(after, pin=before.pin) == before
    assert (after.pin.version_id, after.pin.reason) == (before.pin.version_id, "1e3")


def test_ids_are_compared_without_case(azure, app, file):
    keep(app, RegisteredTable(rid("one"), Registration((TAG,))))
    entries = [entry("one") | {"routeTableId": table_id("one").upper()}]
    done = file.imported(entries, "--prune", "--plan")
    assert (done.status, "1 unchanged" in done.out) == (0, True)


def test_the_file_may_come_from_standard_input(azure, app, cli):
    answer(azure, A)
    text = yaml.safe_dump({"routeTables": [entry("one", note="piped")]})
    done = cli("tables", "import", "-", "--yes", types=f"{text}\x04")
    assert done.status == 0, done.err
    assert noted(app, "one") == "piped"


def test_a_service_in_the_file_is_what_was_exported(azure, app, file):
    service_tags = ("BatchNodeManagement.WestEurope", TAG)
    beside = Registration(service_tags, service="batch", region="westeurope", tags_beside=(TAG,))
    keep(app, RegisteredTable(rid("one"), beside))
    keep(app, RegisteredTable(rid("two"), Registration(service_tags[:1], service="batch")))
    one, two = file.exported()
    assert (one["service"], one["region"], one["serviceTags"]) == ("batch", "westeurope", [TAG])
    assert "serviceTags" not in two
    same = file.imported(None, "--plan")
    assert (same.status, same.out) == (0, f"Plan: {NOTHING}, 2 unchanged\n")

    answer(azure, A)
    refused = file.imported([{**one, "service": "unknown"}], "--plan")
    assert "service: no such service. The services are appServiceEnvironment" in refused.out


def test_what_azure_tags_register_is_neither_exported_nor_pruned(azure, app, cli, tables, file):
    app.registrar.add(RegisteredTable(rid("tagged"), Registration((TAG,))), AZURE_TAG)
    done = cli("tables", "export", DISCOVER_BY_TAG="true")
    assert table_id("tagged") not in done.out
    assert "Not in the file: 1 table registered by the Azure tag aseRouteSync" in done.err
    file.path.write_text(done.out)
    for options in (["--prune", "--yes"], ["--prune", "--plan"]):
        done = file.imported(None, *options, DISCOVER_BY_TAG="true")
        assert (done.status, NOTHING in done.out) == (0, True), done.out + done.err
    assert app.registry.get(rid("tagged")).by_tag


def test_while_no_tag_is_followed_such_a_table_is_one_like_all_others(app, tables, file):
    app.registrar.add(RegisteredTable(rid("tagged"), Registration((TAG,))), AZURE_TAG)
    entries = file.exported()
    assert table_id("tagged") in [entry["routeTableId"] for entry in entries]
    kept = [entry for entry in entries if entry["routeTableId"] != table_id("tagged")]
    assert file.imported(kept, "--prune", "--yes").status == 0
    assert app.registry.get(rid("tagged")) is None


@pytest.mark.parametrize("note", [None, "ours now"])
def test_a_file_that_names_such_a_table_makes_it_the_files(azure, app, tables, file, note):
    add_table(azure.state, "tagged")
    app.registrar.add(RegisteredTable(rid("tagged"), Registration((TAG,))), AZURE_TAG)
    entries = file.exported()
    [named] = [entry for entry in entries if entry["routeTableId"] == table_id("tagged")]
    if note is not None:
        named["note"] = note
    planned = file.imported(entries, "--plan", DISCOVER_BY_TAG="true")
    assert "madeByTag: true → false" in planned.out
    done = file.imported(entries, "--yes", DISCOVER_BY_TAG="true")
    assert (done.status, "1 changed" in done.out) == (0, True), done.out
    assert not app.registry.get(rid("tagged")).by_tag
    assert NOTHING in file.imported(entries, "--plan", DISCOVER_BY_TAG="true").out
