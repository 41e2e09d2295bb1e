"""Lists of one's own in a run: routes, versions, grace, guards, and what makes a list unusable."""

import json
from dataclasses import replace
from unittest.mock import Mock

import pytest

from local.azure.faults import refusal
from shared.domain import codes as storage_codes
from shared.domain.armid import EnvironmentId
from shared.domain.errors import InvalidRequest, PermanentError, TransientError
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.runs.run import Trigger
from shared.domain.surroundings.service_endpoints import ServiceEndpoint
from shared.sync.registering import RegisterRequest
from shared.sync.requester import Requester
from shared.sync.table.sources import Sources
from tests.builders.azure import (
    add_environment,
    add_table,
    answer,
    ase_id_of,
    rid,
    table_id,
    table_writes,
    tag_document,
)
from tests.builders.lists import custom_list, custom_lists
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, begin, codes, keep, outcome_of, pin, register, run_report, sync
from tests.builders.tags import tag_table

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
KMS = "kms-activation"
ALLOWED = f"{TAG},{KMS}"
BOTH = (TAG, KMS)


@pytest.fixture
def app_with(make_app):
    """Each call is the app after somebody has changed CUSTOM_LISTS; None removes it."""

    def make(text, **settings):
        lists = {} if text is None else {"CUSTOM_LISTS": text}
        return make_app(**{"ALLOWED_SERVICE_TAGS": ALLOWED, **lists, **settings})

    return make


@pytest.fixture
def table(azure):
    return add_table(azure.state, "one", [to_firewall()])


def tags_read(azure):
    return [one for one in azure.state.log if "/servicetags" in one["path"].lower()]


def test_a_list_is_recorded_under_its_name_and_each_change_of_it(azure, app_with, table):
    answer(azure, A)
    app = app_with(custom_lists(kms_activation=[B, C]))
    register(app, "one", tags=BOTH)
    sync(app)
    assert owned_prefixes(table) == {A, B, C}
    assert len(table_writes(azure.state)) == 1

    whole = sync(app_with(custom_lists(kms_activation=[C, "20.0.3.0/24"])))
    [seen] = [one for one in whole["versions"] if one["serviceTag"] == KMS]
    assert (seen["versionId"], seen["changeNumber"]) == (f"AzureCloud.{KMS}-000002", "2026-12-01")
    assert (seen["added"], seen["removed"]) == (["20.0.3.0/24"], [B])
    assert owned_prefixes(table) == {A, C, "20.0.3.0/24"}


def test_a_later_verification_is_a_version_and_no_change_of_routes(azure, app_with, table):
    answer(azure, A)
    register(app_with(None), "one", tags=BOTH)
    for day in ("2026-11-30", "2026-12-01", "2026-12-01"):
        app = app_with(json.dumps({KMS: custom_list(B, verified=day)}))
        sync(app)
    assert [v.change_number for v in app.versions.history(KMS)] == ["2026-11-30", "2026-12-01"]
    assert len(table_writes(azure.state)) == 1


def test_what_leaves_a_list_keeps_its_route_for_the_grace(azure, app_with, table):
    answer(azure, A)
    register(app_with(None), "one", tags=BOTH)
    for prefixes in ([B, C], [C]):
        app = app_with(custom_lists(kms_activation=prefixes), REMOVAL_GRACE_DAYS="28")
        whole = sync(app)
    assert [kept["prefix"] for kept in outcome_of(whole, "one")["retained"]] == [B]
    assert owned_prefixes(table) == {A, B, C}


def prefixes(count):
    return [f"20.1.{number}.0/24" for number in range(count)]


@pytest.mark.parametrize(("left", "is_withheld"), [(36, False), (35, True)])
def test_the_guard_of_removals_counts_a_list_as_a_tag(azure, app_with, table, left, is_withheld):
    register(app_with(None), "one", tags=[KMS])
    sync(app_with(custom_lists(kms_activation=prefixes(40))))
    outcome = outcome_of(sync(app_with(custom_lists(kms_activation=prefixes(left)))), "one")
    assert bool(outcome["violations"]) == is_withheld
    assert len(owned_prefixes(table)) == (40 if is_withheld else left)


def test_a_list_gets_another_name_and_no_route_goes(azure, app_with, table):
    answer(azure, A)
    register(app_with(custom_lists(kms_activation=[B, C])), "one", tags=BOTH)
    sync(app_with(custom_lists(kms_activation=[B, C])))
    text = custom_lists(kms_activation=[B, C], other_list=[B, C])
    both = app_with(text, ALLOWED_SERVICE_TAGS=f"{ALLOWED},other-list")
    request = RegisterRequest(resource_id=table_id("one"), service_tags=[TAG, "other-list"])
    both.registering.register(request, Requester(Trigger.HTTP, "somebody"))
    sync(both)
    after = app_with(custom_lists(other_list=[B, C]), ALLOWED_SERVICE_TAGS=f"{TAG},other-list")
    whole = sync(after)
    assert (whole["status"], owned_prefixes(table)) == ("Succeeded", {A, B, C})
    assert len(table_writes(azure.state)) == 1


@pytest.mark.parametrize("loses_first", ["tag", "list"])
def test_a_prefix_of_a_tag_and_a_list_goes_when_both_have_lost_it(
    azure, app_with, table, loses_first
):
    answer(azure, A, B)
    register(app_with(None), "one", tags=BOTH)
    sync(app_with(custom_lists(kms_activation=[B, C])))
    assert owned_prefixes(table) == {A, B, C}

    in_tag, in_list = ([A], [B, C]) if loses_first == "tag" else ([A, B], [C])
    answer(azure, *in_tag)
    whole = sync(app_with(custom_lists(kms_activation=in_list)))
    assert outcome_of(whole, "one")["status"] == "unchanged"

    answer(azure, A)
    whole = sync(app_with(custom_lists(kms_activation=[C])))
    assert outcome_of(whole, "one")["removed"] == [B]
    assert owned_prefixes(table) == {A, C}


# -- Unusable lists --

UNUSABLE = [
    (None, "CUSTOM_LISTS is not set"),
    ("not json", "CUSTOM_LISTS is not JSON"),
    ("{}", "CUSTOM_LISTS has no list"),
    ('{"other-list": {}}', "kms-activation is not in CUSTOM_LISTS"),
    (custom_lists(kms_activation=[]), "prefixes: names no addresses"),
    (custom_lists(kms_activation=[B, "10.0.0.0/24"]), "prefixes.1: 10.0.0.0/24 is not public"),
    (json.dumps({KMS: custom_list(B, source="")}), "source: missing"),
    ("{" + "x" * 15_000, "CUSTOM_LISTS has more than 15,000 characters"),
    ("https://elsewhere.example/lists/all.json?sig=x", "is not in this account"),
]


@pytest.mark.parametrize(("text", "fault"), UNUSABLE)
def test_an_unusable_list_removes_nothing_and_the_tag_goes_on(azure, app_with, table, text, fault):
    answer(azure, A)
    app = app_with(custom_lists(kms_activation=[B, C]))
    register(app, "one", tags=BOTH)
    register(app, "other", tags=[TAG])
    other = add_table(azure.state, "other")
    sync(app)

    # One route of the list is lost, and one has left it before. The tag has a new address.
    old, new = "20.0.8.0/24", "20.0.9.0/24"
    table.routes = [to_firewall(), owned(A), owned(B), owned(old)]
    answer(azure, A, new)
    whole = sync(app_with(text))
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "ListUnavailable")
    assert fault in whole["error"]["message"]
    outcome = outcome_of(whole, "one")
    assert (outcome["status"], outcome["error"]) == ("changed", None)
    assert (outcome["added"], outcome["removed"]) == ([C, new], [])
    assert outcome["withheld"] == [{"prefix": old, "change": "remove", "why": "ListUnavailable"}]
    assert codes(outcome) == ["ListUnavailable"]

    # A table without the list does not hear of it.
    assert (outcome_of(whole, "other")["status"], owned_prefixes(other)) == ("changed", {A, new})
    assert codes(outcome_of(whole, "other")) == []


def test_a_list_that_was_never_recorded_fails_its_tables_alone(azure, app_with, table):
    answer(azure, A)
    other = add_table(azure.state, "other")
    app = app_with("not json")
    register(app, "one", tags=BOTH)
    register(app, "other")
    whole = sync(app)
    assert outcome_of(whole, "one")["error"]["code"] == "ListUnavailable"
    assert (table.routes, owned_prefixes(other)) == ([to_firewall()], {A})


def test_without_its_list_a_table_is_not_right(azure, app_with, table):
    answer(azure, A)
    app = app_with(custom_lists(kms_activation=[B]))
    register(app, "one", tags=BOTH)
    sync(app)
    verified_at = app.registry.get(rid("one")).status.verified_at
    sync(app_with(None))
    assert app.registry.get(rid("one")).status.verified_at == verified_at


def test_a_tag_that_is_unusable_leaves_the_list_alone(azure, app_with, table):
    app = app_with(custom_lists(kms_activation=[B]))
    register(app, "one", tags=[KMS])
    add_table(azure.state, "other")
    register(app, "other")
    azure.state.tags.answers["westeurope"] = b"not json"
    whole = sync(app)
    assert (whole["error"]["code"], owned_prefixes(table)) == ("TagUnavailable", {B})
    assert outcome_of(whole, "one")["status"] == "changed"


def test_a_list_that_is_no_longer_allowed_is_not_used(azure, app_with, table):
    text = custom_lists(kms_activation=[B])
    register(app_with(text), "one", tags=[KMS])
    sync(app_with(text))
    whole = sync(app_with(text, ALLOWED_SERVICE_TAGS=TAG))
    assert outcome_of(whole, "one")["error"]["code"] == "ServiceTagNotAllowed"
    assert owned_prefixes(table) == {B}


@pytest.mark.parametrize(("size", "is_taken"), [(15_000, True), (15_001, False)])
def test_the_setting_may_have_so_many_characters(azure, app_with, table, size, is_taken):
    short = custom_lists(kms_activation=[B])
    app = app_with("{" + " " * (size - len(short)) + short[1:])
    register(app, "one", tags=[KMS])
    sync(app)
    assert owned_prefixes(table) == ({B} if is_taken else set())


# -- One reading --


class Changing:
    """A blob that somebody replaces after each reading."""

    def __init__(self, *texts):
        self.left = [*texts]

    def read(self):
        text = self.left.pop(0)
        if isinstance(text, Exception):
            raise text
        return text


NEXT = "next-list"


def pull_of(app, *texts):
    blob = Changing(*texts)
    return replace(app.pull, azure=replace(app.pull.azure, custom_lists=blob)), blob


def test_all_lists_of_a_run_come_from_one_reading_of_the_blob(azure, app_with):
    first, second = ({"kms_activation": [one], "next_list": [one]} for one in (B, C))
    pull, blob = pull_of(app_with(None), custom_lists(**first), custom_lists(**second))
    found = pull.record([KMS, NEXT], run_id="one")
    assert {version.source: version.ipv4 for version in found.versions} == {KMS: (B,), NEXT: (B,)}
    assert pull.compare([KMS], also=[NEXT]).differs == {KMS}
    assert blob.left == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TransientError(storage_codes.STORAGE_UNAVAILABLE, "x"), "StorageUnavailable: x"),
        (PermanentError(storage_codes.BLOB_NOT_FOUND, "x"), "BlobNotFound: x"),
        (OSError("x"), "InternalError: OSError"),
    ],
    ids=["soon", "never", "unforeseen"],
)
def test_a_blob_that_cannot_be_read_is_asked_for_once(azure, app_with, error, said):
    pull, blob = pull_of(app_with(None), error, custom_lists(next_list=[C]))
    answer(azure, A)
    found = pull.record([TAG, KMS, NEXT], run_id="one")
    assert [version.source for version in found.versions] == [TAG]
    assert found.unusable.keys() == {KMS, NEXT}
    assert all(why.startswith(f"CUSTOM_LISTS: {said}") for why in found.unusable.values())
    assert len(blob.left) == 1


# -- What asks for nothing --


def test_no_location_is_asked_for_a_list(azure, app_with, table):
    app = app_with(custom_lists(kms_activation=[B]), ALLOWED_SERVICE_TAGS=KMS)
    register(app, "one", tags=[KMS])
    sync(app)
    report = app.check.check()
    assert (owned_prefixes(table), report.alarms, report.unusable) == ({B}, (), {})
    assert tags_read(azure) == []


def test_a_check_that_asks_no_location_forgets_none(azure, app_with, table):
    """A location that stands still would count again otherwise, and bring old addresses back."""
    answer(azure, A)
    text = custom_lists(kms_activation=[B])
    app = app_with(text)
    register(app, "one", tags=BOTH)
    sync(app)
    known = app.pull.store.locations.read()
    app = app_with(text, ALLOWED_SERVICE_TAGS=KMS)
    register(app, "one", tags=[KMS])
    app.check.check()
    assert known.keys() == {"westeurope"}
    assert app.pull.store.locations.read() == known


def after_the_last_attempt(app):
    """Run to the end after Azure has given no answer to any attempt to start."""
    run_id = begin(app)
    with pytest.raises(TransientError):
        app.run_start.start(run_id)
    for route_table_id in app.run_start.start_without_tags(run_id):
        app.tables.sync(run_id, route_table_id)
    return run_report(app, run_id)


@pytest.fixture
def silent(azure, app_with):
    """One table has a tag and a list, and one the list alone. Then no location answers any more."""
    for name, tags in (("one", BOTH), ("two", [KMS])):
        add_table(azure.state, name, [to_firewall()])
        register(app_with(None), name, tags=tags)
    answer(azure, A)
    sync(app_with(custom_lists(kms_activation=[B, C])))
    azure.state.faults.append(refusal("GET", "serviceTags$", 503, "{}", times=999))


def test_a_list_waits_for_no_answer_of_a_location(azure, app_with, silent):
    new = "20.0.9.0/24"
    whole = after_the_last_attempt(app_with(custom_lists(kms_activation=[B, new])))
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    assert whole["error"]["message"].startswith("the addresses could not be read (")
    one, two = (outcome_of(whole, name) for name in ("one", "two"))
    assert (one["added"], one["removed"], codes(one)) == ([new], [], ["TagUnavailable"])
    assert (two["added"], two["removed"], codes(two)) == ([new], [C], [])


def test_a_list_that_cannot_be_read_either_says_why(azure, app_with, silent):
    whole = after_the_last_attempt(app_with("not json"))
    one, two = (outcome_of(whole, name) for name in ("one", "two"))
    assert codes(one) == ["TagUnavailable", "ListUnavailable"]
    assert [finding["code"] for finding in two["findings"]] == ["ListUnavailable"]
    assert two["findings"][0]["message"].startswith("CUSTOM_LISTS is not JSON")


def test_a_list_that_cannot_be_recorded_counts_as_unusable(azure, app_with, silent, monkeypatch):
    app = app_with(custom_lists(kms_activation=[B]))
    full = PermanentError(storage_codes.ROW_TOO_LARGE, "full")
    monkeypatch.setattr(app.versions, "append", Mock(side_effect=full))
    two = outcome_of(after_the_last_attempt(app), "two")
    assert (codes(two), two["removed"]) == (["ListUnavailable"], [])


def test_the_daily_check_sees_a_change_and_a_fault_of_a_list(azure, app_with, table):
    answer(azure, A)
    register(app_with(None), "one", tags=BOTH)
    sync(app_with(custom_lists(kms_activation=[B])))
    changed = app_with(custom_lists(kms_activation=[B, C])).check.check()
    assert (changed.differs, changed.run_id is not None) == ((KMS,), True)
    wrong = app_with("not json").check.check()
    [alarm] = wrong.alarms
    assert (alarm.code.name, alarm.about) == ("ListUnavailable", KMS)
    assert alarm.message == f"{KMS} is unusable now: CUSTOM_LISTS is not JSON: {NO_JSON}"


NO_JSON = "Expecting value: line 1 column 1 (char 0)"


def test_an_allowed_list_that_no_table_uses_is_recorded_for_firewalls(azure, app_with, table):
    answer(azure, A)
    app = app_with(custom_lists(kms_activation=[B]))
    register(app, "one")
    assert [seen["serviceTag"] for seen in sync(app)["versions"]] == [TAG]
    assert app.versions.newest(KMS).ipv4 == (B,)


# -- Tag routes --


def test_beside_a_tag_route_a_list_has_a_route_for_each_prefix(azure, app_with, table):
    answer(azure, A, B)
    app = app_with(custom_lists(kms_activation=[B, C]))
    style = RouteStyle.SERVICE_TAG
    keep(app, RegisteredTable(rid("one"), Registration(BOTH, route_style=style)))
    outcome = outcome_of(sync(app), "one")
    # The tag's route has B already.
    assert (outcome["status"], owned_prefixes(table)) == ("changed", {TAG, C})
    [finding] = [one for one in outcome["findings"] if one["code"] == "ListNotRouted"]
    assert finding["message"] == f"a route for each prefix of: {KMS}"


def test_a_list_says_nothing_of_the_environments_own_api(azure, app_with, table):
    add_environment(azure.state, "one", table=table, management=[A])
    app = app_with(custom_lists(kms_activation=[B]))
    registration = Registration((KMS,), EnvironmentId.parse(ase_id_of("one")), AddressSource.BOTH)
    keep(app, RegisteredTable(rid("one"), registration))
    outcome = outcome_of(sync(app), "one")
    assert owned_prefixes(table) == {A, B}
    assert {"OnlyServiceTagKnows", "OnlyAseKnows"}.isdisjoint(codes(outcome))


def test_no_list_is_among_the_tags_that_routes_are_judged_by(azure, app_with, table):
    answer(azure, A)
    app = app_with(custom_lists(kms_activation=[B]))
    register(app, "one", tags=BOTH)
    sync(app)
    sources = Sources(app.versions, app.policy)
    assert sources.tags(app.registry.get(rid("one"))) == {TAG: {A}}
    assert not ServiceEndpoint("Microsoft.Storage", ()).goes_before("storage-westeurope")


# -- Registrations --


def faults(app, **asked):
    request = RegisterRequest(**{"resource_id": table_id("one")} | asked)
    with pytest.raises(InvalidRequest) as refused:
        app.registering.register(request, Requester(Trigger.HTTP, "somebody"))
    return {fault.target: fault.message for fault in refused.value.faults}


@pytest.mark.parametrize(("text", "fault"), UNUSABLE)
def test_a_list_that_is_unusable_cannot_be_registered(azure, app_with, table, text, fault):
    found = faults(app_with(text), service_tags=BOTH)
    assert found.keys() == {"serviceTags.1"}
    assert fault in found["serviceTags.1"]


def test_a_list_that_is_not_allowed_cannot_be_registered(azure, app_with, table):
    app = app_with(custom_lists(kms_activation=[B], other_list=[C]))
    found = faults(app, service_tags=[KMS, "other-list", "no_list"])
    assert found == {
        "serviceTags.1": "other-list is not in ALLOWED_SERVICE_TAGS",
        "serviceTags.2": "not the name of a service tag or of a list",
    }


def test_a_table_can_stay_at_a_version_of_a_list(azure, app_with, table):
    answer(azure, A)
    app = app_with(custom_lists(kms_activation=[B]))
    register(app, "one", tags=BOTH)
    sync(app)
    pin(app, "one", f"AzureCloud.{KMS}-000001")
    outcome = outcome_of(sync(app_with(custom_lists(kms_activation=[C]))), "one")
    assert (outcome["withheld"][0]["prefix"], owned_prefixes(table)) == (C, {A, B})
    assert "Pinned" in codes(outcome)


@pytest.mark.parametrize("tags", [BOTH, (KMS,)])
def test_a_list_can_be_registered_with_tag_routes(azure, app_with, table, tags):
    app = app_with(custom_lists(kms_activation=[B]))
    request = RegisterRequest(
        resource_id=table_id("one"), service_tags=tags, route_style=RouteStyle.SERVICE_TAG
    )
    app.registering.register(request, Requester(Trigger.HTTP, "somebody"))
    sync(app)
    assert owned_prefixes(table) == {*({TAG} & {*tags}), B}


def test_a_list_stands_beside_a_service(azure, app_with, table):
    azure.state.tags.answers["westeurope"] = tag_document([A], "ApiManagement")
    allowed = f"apiManagement,{KMS}"
    app = app_with(custom_lists(kms_activation=[B]), ALLOWED_SERVICE_TAGS=allowed)
    request = RegisterRequest(
        resource_id=table_id("one"), service="apiManagement", service_tags=[KMS]
    )
    app.registering.register(request, Requester(Trigger.HTTP, "somebody"))
    whole = sync(app)
    assert (whole["status"], owned_prefixes(table)) == ("Succeeded", {A, B})
    assert len(table_writes(azure.state)) == 1


def test_the_azure_tag_of_a_table_can_name_a_list(azure, app_with, table):
    answer(azure, A)
    tag_table(table, f"{TAG},{KMS}")
    app = app_with(custom_lists(kms_activation=[B]), DISCOVER_BY_TAG="true")
    app.check.check()
    assert app.registry.get(rid("one")).registration.service_tags == BOTH
    sync(app)
    assert owned_prefixes(table) == {A, B}
