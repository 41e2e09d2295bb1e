"""Service tags that are read, validated and recorded when a run starts."""

from datetime import timedelta

import pytest

from local.azure.faults import refusal
from shared.domain.errors import TransientError
from tests.builders.azure import add_table, answer, ase_id_of, rid, tag_document
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import outcome_of, register, sync

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (b"not json", "not JSON"),
        (b"[]", "not an object"),
        (b'{"values": 5}', "no list of values"),
        (tag_document([], "AppServiceManagement"), "names no addresses"),
        (tag_document([A], "AppServiceManagementNew"), "is not in the answer"),
        (tag_document([A], "appservicemanagement"), "is not in the answer"),
        (tag_document(["20.0.0.1/24"]), "host bits"),
        (tag_document([A, "0.0.0.0/0"]), "0.0.0.0/0"),
        (tag_document([A, "10.1.0.0/24"]), "not public"),
        (tag_document([A, "239.0.0.0/24"]), "not public"),
    ],
)
def test_a_bad_tag_fails_its_tables_before_any_write(azure, app, bad, named):
    table = add_table(azure.state, "one", [owned(C), to_firewall()])
    before = list(table.routes)
    register(app, "one")
    azure.state.tags.answers["westeurope"] = bad
    whole = sync(app)
    assert whole["status"] == "Failed"
    assert whole["error"]["code"] == "TagUnavailable"
    assert named in whole["error"]["message"]
    assert outcome_of(whole, "one")["error"]["code"] == "TagUnavailable"
    assert azure.state.writes() == []
    assert table.routes == before
    assert list(app.versions.list()) == []


@pytest.mark.parametrize(
    "bad",
    [b"not json", tag_document([]), tag_document([A], "Another"), tag_document([A, "0.0.0.0/0"])],
)
def test_with_a_version_recorded_a_bad_tag_lets_repair_but_not_remove(azure, app, bad):
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A, B)
    sync(app)
    verified_at = app.registry.get(rid("one")).status.verified_at
    table.routes = [to_firewall(), owned(A, "None"), owned(C)]  # B is lost, and A led astray
    azure.state.tags.answers["westeurope"] = bad
    whole = sync(app)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    outcome = outcome_of(whole, "one")
    assert (outcome["status"], outcome["error"]) == ("changed", None)
    assert (outcome["added"], outcome["updated"], outcome["removed"]) == ([B], [A], [])
    assert outcome["withheld"] == [{"prefix": C, "change": "remove", "why": "TagUnavailable"}]
    assert [finding["code"] for finding in outcome["findings"]] == ["TagUnavailable"]
    assert owned_prefixes(table) == {A, B, C}
    # Whether it is right is not known: the day it was last found right stays.
    assert app.registry.get(rid("one")).status.verified_at == verified_at
    answer(azure, A, B)
    assert outcome_of(sync(app), "one")["removed"] == [C]


def test_a_bad_tag_leaves_tables_of_other_tags_alone(azure, make_app):
    document = tag_document([A])
    document["values"] += tag_document(["10.0.0.0/8"], "ApiManagement")["values"]
    azure.state.tags.answers["westeurope"] = document
    app = make_app(ALLOWED_SERVICE_TAGS="AppServiceManagement,ApiManagement")
    good, bad, both = (add_table(azure.state, name) for name in ("good", "bad", "both"))
    register(app, "good")
    register(app, "bad", tags=("ApiManagement",))
    register(app, "both", tags=("AppServiceManagement", "ApiManagement"))
    whole = sync(app)
    assert {o["status"] for o in whole["outcomes"]} == {"changed", "failed"}
    assert whole["status"] == "Failed"
    assert owned_prefixes(good) == {A}
    assert bad.routes == both.routes == []


def test_wanted_is_the_union_of_locations_and_gone_is_what_none_has(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A, B)
    answer(azure, B, C, location="eastus2")
    sync(app)
    assert owned_prefixes(table) == {A, B, C}
    answer(azure, B)
    sync(app)
    assert owned_prefixes(table) == {B, C}
    assert app.versions.newest("AppServiceManagement").locations == ("westeurope", "eastus2")


def test_a_location_that_fails_lets_nothing_be_gone(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one", [owned(C)])
    register(app, "one")
    answer(azure, A)
    azure.state.tags.answers["eastus2"] = b"<html>"
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    assert "eastus2" in whole["error"]["message"]
    assert owned_prefixes(table) == {C}


def test_a_location_that_fails_lets_what_was_recorded_be_repaired(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    answer(azure, A)
    answer(azure, A, B, location="eastus2")
    sync(app)
    table.routes, table.etag = [owned(A), owned(C)], 'W/"drifted"'
    azure.state.tags.answers["eastus2"] = b"<html>"
    whole = sync(app)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    assert owned_prefixes(table) == {A, B, C}


def test_a_new_word_on_routes_is_recorded_and_silence_changes_nothing(azure, app):
    def pulled(**said):
        azure.state.tags.answers["westeurope"] = tag_document([A], **said)
        [version] = app.pull.record(["AppServiceManagement"], run_id="r").versions
        return version.version_id[-1], version.routable

    assert pulled() == ("1", None)
    assert pulled(networkFeatures=["NSG", "UDR"]) == ("2", True)
    assert pulled(networkFeatures=["UDR"]) == ("2", True)
    assert pulled() == ("2", True)
    assert pulled(networkFeatures=["NSG"]) == ("3", False)


WEEK, DAY, SECOND = timedelta(days=7), timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def frozen(azure, make_app, clock):
    """An app whose second location stands still from now on, at a prefix that leaves elsewhere."""
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2", REMOVAL_GRACE_DAYS="28")
    table = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    for location in ("westeurope", "eastus2"):
        answer(azure, A, B, location=location)
    sync(app)
    clock.shift(DAY)
    answer(azure, B, C)
    sync(app)
    return app, table


@pytest.mark.parametrize(("later", "wanted"), [(34 * DAY - SECOND, {A, B, C}), (34 * DAY, {B, C})])
def test_a_location_that_stands_still_while_another_moves_counts_for_35_days(
    frozen, clock, later, wanted
):
    app, _ = frozen
    clock.shift(later)
    sync(app)
    assert {*app.versions.newest("AppServiceManagement").address_prefixes} == wanted


def test_an_address_that_only_a_frozen_location_has_leaves_after_its_grace(frozen, azure, clock):
    app, table = frozen
    for week in range(13):
        clock.shift(WEEK)
        answer(azure, B, C, f"20.1.{week}.0/24")
        sync(app)
    assert A not in owned_prefixes(table)
    assert {B, C, "20.1.12.0/24"} <= owned_prefixes(table)


def test_what_was_seen_while_the_clock_ran_ahead_hides_no_frozen_location(frozen, azure, clock):
    app, table = frozen
    clock.shift(400 * DAY)
    for location in ("westeurope", "eastus2"):
        answer(azure, A, B, C, location=location)
    sync(app)
    clock.shift(-400 * DAY)
    for week in range(13):
        clock.shift(WEEK)
        answer(azure, B, C, f"20.1.{week}.0/24", location="westeurope")
        sync(app)
    assert A not in owned_prefixes(table)


def test_a_frozen_location_that_moves_again_counts_at_once(frozen, azure, clock):
    app, table = frozen
    clock.shift(34 * DAY)
    sync(app)
    answer(azure, A, B, "20.9.0.0/24", location="eastus2")
    sync(app)
    assert owned_prefixes(table) == {A, B, C, "20.9.0.0/24"}


def test_a_frozen_location_that_does_not_answer_holds_back_nothing(frozen, azure, clock):
    app, table = frozen
    clock.shift(34 * DAY)
    sync(app)
    azure.state.tags.answers["eastus2"] = b"<html>"
    answer(azure, B, C, "20.9.0.0/24")
    whole = sync(app)
    assert whole["status"] == "Succeeded"
    assert "20.9.0.0/24" in owned_prefixes(table)


def test_a_location_that_is_later_than_another_counts_however_long_nobody_looked(
    azure, make_app, clock
):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2", REMOVAL_GRACE_DAYS="0")
    table = add_table(azure.state, "one")
    register(app, "one")
    for location in ("westeurope", "eastus2"):
        answer(azure, A, B, location=location)
    sync(app)
    clock.shift(40 * DAY)
    answer(azure, B, C)
    sync(app)
    assert owned_prefixes(table) == {A, B, C}
    assert app.check.check().document.stale == {}


def test_locations_that_all_stand_still_all_count(azure, make_app, clock):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    table = add_table(azure.state, "one")
    register(app, "one")
    answer(azure, A)
    answer(azure, B, location="eastus2")
    for _ in range(8):
        sync(app)
        clock.shift(WEEK)
    assert owned_prefixes(table) == {A, B}


def test_a_location_that_flips_between_two_old_versions_does_not_move(frozen, azure, clock):
    app, table = frozen
    for week in range(13):
        clock.shift(WEEK)
        answer(azure, A, B, *([C] if week % 2 else []), location="eastus2")
        answer(azure, B, C, f"20.1.{week}.0/24")
        sync(app)
    assert A not in owned_prefixes(table)


def test_a_content_that_comes_back_is_a_version_again(azure, app):
    for prefixes in ((A,), (B,), (A,)):
        answer(azure, *prefixes)
        sync(app)
        sync(app)
    recorded = app.versions.history("AppServiceManagement")
    assert [v.address_prefixes for v in recorded] == [(A,), (B,), (A,)]
    assert [v.previous_version_id for v in recorded] == [
        None,
        *(v.version_id for v in recorded[:2]),
    ]


def test_a_change_number_that_goes_backwards_changes_no_table(azure, app):
    azure.state.tags.position = 2  # change number 16, and 3 a version later with the same content
    add_table(azure.state, "one")
    register(app, "one")
    sync(app)
    azure.state.tags.step()
    azure.state.log.clear()
    whole = sync(app)
    assert whole["versions"][0]["changeNumber"] == "3"
    assert (whole["versions"][0]["added"], whole["versions"][0]["removed"]) == ([], [])
    assert whole["counts"]["unchanged"] == 1
    assert azure.state.writes() == []


def test_no_right_to_read_the_tags_is_an_unavailable_tag(azure, app):
    refused = {"error": {"code": "AuthorizationFailed", "message": "no"}}
    azure.state.faults.append(refusal("GET", "serviceTags", 403, refused))
    whole = sync(app)
    assert whole["error"]["code"] == "TagUnavailable"
    assert "AuthorizationFailed" in whole["error"]["message"]


def test_a_tag_is_known_once_recorded_or_where_every_location_answers_for_it(azure, make_app):
    app = make_app(SERVICE_TAG_LOCATIONS="westeurope,eastus2")
    assert app.pull.unusable(["ApiManagement"]) == {}
    answer(azure, A, location="eastus2")
    assert "eastus2" in app.pull.unusable(["ApiManagement"])["ApiManagement"]
    sync(app)
    azure.state.log.clear()
    assert app.pull.unusable(["AppServiceManagement"]) == {}
    assert azure.state.log == []


def test_however_many_tags_are_asked_about_each_location_is_read_once(azure, app):
    answer(azure, A)
    assert app.pull.unusable(["ApiManagement", "Storage"]).keys() == {"ApiManagement", "Storage"}
    assert len(azure.state.log) == 1


STORAGE = "Storage.WestEurope"


def publish(azure, *tags, location="westeurope"):
    values = [tag_document([A], tag)["values"][0] for tag in tags]
    azure.state.tags.answers[location] = {"values": values}


@pytest.fixture
def with_lists(azure, make_app):
    add_table(azure.state, "one", [to_firewall()])
    app = make_app(ALLOWED_SERVICE_TAGS=f"AppServiceManagement,{STORAGE}")
    register(app, "one")
    return app


def test_a_run_about_all_tables_records_each_allowed_tag_and_asks_no_more(azure, with_lists):
    publish(azure, "AppServiceManagement", STORAGE)
    whole = sync(with_lists)
    assert with_lists.versions.newest(STORAGE).address_prefixes == (A,)
    assert [version["serviceTag"] for version in whole["versions"]] == ["AppServiceManagement"]
    assert len([e for e in azure.state.log if "servicetags" in e["path"].lower()]) == 1


def test_a_run_about_some_tables_records_their_tags_alone(azure, with_lists):
    publish(azure, "AppServiceManagement", STORAGE)
    sync(with_lists, "one")
    assert with_lists.versions.newest(STORAGE) is None
    assert with_lists.versions.newest("AppServiceManagement") is not None


def test_a_tag_that_no_table_uses_fails_no_run(azure, with_lists, monkeypatch):
    publish(azure, "AppServiceManagement")
    whole = sync(with_lists)
    assert (whole["status"], whole["error"]) == ("Succeeded", None)

    # Not even if storage does not take its version.
    publish(azure, "AppServiceManagement", STORAGE)
    append = with_lists.versions.append

    def refused(content, *arguments, **named):
        if content.source == STORAGE:
            raise RuntimeError("unforeseen")
        return append(content, *arguments, **named)

    monkeypatch.setattr(with_lists.versions, "append", refused)
    assert sync(with_lists)["status"] == "Succeeded"
    assert with_lists.versions.newest(STORAGE) is None


def test_what_routes_need_is_recorded_before_what_only_a_list_needs(azure, with_lists, monkeypatch):
    publish(azure, "AppServiceManagement", STORAGE)
    recorded, append = [], with_lists.versions.append

    def noted(content, *arguments, **named):
        recorded.append(content.source)
        return append(content, *arguments, **named)

    monkeypatch.setattr(with_lists.versions, "append", noted)
    sync(with_lists)
    assert recorded == ["AppServiceManagement", STORAGE]


def test_a_run_without_tables_does_not_fail_for_a_tag_that_only_a_list_needs(azure, make_app):
    publish(azure, "AppServiceManagement")
    app = make_app(ALLOWED_SERVICE_TAGS=f"AppServiceManagement,{STORAGE}")
    assert sync(app)["status"] == "Succeeded"


def test_a_run_that_needs_no_tag_does_not_wait_for_one_that_only_a_list_needs(azure, with_lists):
    azure.state.faults.append(refusal("GET", "serviceTags", 503, {}, times=9))
    pulled = with_lists.pull.record([ase_id_of("one")], run_id="run", also=[STORAGE])
    assert pulled.unusable.keys() == {ase_id_of("one")}
    with pytest.raises(TransientError):
        with_lists.pull.record(["AppServiceManagement"], run_id="run", also=[STORAGE])
