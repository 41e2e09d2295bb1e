"""A source that is pinned stays at its version, and no network gets worse by that."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure.faults import InjectedFault, LoseTag
from shared.domain.addresses import SourceContent, Version, in_order
from shared.domain.armid import EnvironmentId
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Pin, Registration
from shared.domain.registry.status import Status
from shared.domain.routing.changes import Changes
from shared.domain.routing.plan import owned_prefixes as owned_in
from shared.domain.routing.policy import ApplyPolicy
from shared.domain.runs.run import Mode, Run, RunRequest, Trigger
from shared.storage.versions import VersionLog
from shared.sync.policy import Policy
from shared.sync.table.planning import Planning
from tests.builders.azure import add_environment, add_table, answer, ase_id_of, rid
from tests.builders.plans import table as table_of
from tests.builders.routes import OWNER, owned, owned_prefixes, route, to_firewall
from tests.builders.runs import START, TAG, approved, codes, keep, outcome_of, pin, roll_back, sync
from tests.storage.tables import MemoryTable

A, B, C, D = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24", "20.0.3.0/24"
FIRST = f"AzureCloud.{TAG}-000001"


@pytest.fixture
def one(azure, app):
    """The table `one`, brought to the first version of its tag: A and B."""
    table = add_table(azure.state, "one", [to_firewall()])
    keep(app, RegisteredTable(rid("one"), Registration((TAG,))))
    answer(azure, A, B)
    sync(app)
    return table


def withheld(outcome):
    return {(each["change"], each["prefix"], each["why"]) for each in outcome["withheld"]}


def test_a_pinned_source_gets_and_loses_nothing_and_the_report_says_what(azure, app, one):
    pin(app, "one", FIRST, "the proxy is not ready")
    answer(azure, A, C)
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert (whole["status"], outcome["status"]) == ("Succeeded", "unchanged")
    assert owned_prefixes(one) == {A, B}
    assert withheld(outcome) == {("add", C, "Pinned"), ("remove", B, "Pinned")}
    [finding] = outcome["findings"]
    assert finding == {
        "code": "Pinned",
        "message": f"{TAG} stays at {FIRST}: the proxy is not ready",
    }
    assert outcome["versionIds"] == [FIRST]
    assert whole["versions"][0]["versionId"] == f"AzureCloud.{TAG}-000002"
    status = app.registry.get(rid("one")).status
    assert status.applied_version_ids == (FIRST,)
    assert status.verified_at >= app.runs.get(whole["runId"]).started_at


def test_a_pin_to_an_older_version_takes_no_route_that_the_newest_wants(azure, app, one):
    answer(azure, A, C)
    sync(app)
    assert owned_prefixes(one) == {A, C}
    pin(app, "one", FIRST)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["added"], outcome["removed"]) == ([B], [])
    assert owned_prefixes(one) == {A, B, C}
    assert withheld(outcome) == {("remove", B, "Pinned")}

    # Our route on C goes to a firewall now: it is repaired. If it is gone, the pin keeps it out.
    bent = owned(C, "VirtualAppliance", nextHopIpAddress="10.0.0.4")
    one.routes = [to_firewall(), bent, owned(A)]
    repaired = outcome_of(sync(app), "one")
    assert (repaired["updated"], repaired["added"]) == ([C], [B])
    one.routes = [to_firewall(), owned(A)]
    outcome = outcome_of(sync(app), "one")
    assert (outcome["status"], outcome["added"]) == ("changed", [B])
    assert withheld(outcome) == {("add", C, "Pinned"), ("remove", B, "Pinned")}


def test_when_the_pin_is_gone_the_newest_version_counts(azure, app, one):
    pin(app, "one", FIRST)
    answer(azure, A, C)
    sync(app)
    pin(app, "one", None)
    outcome = outcome_of(sync(app), "one")
    assert (outcome["added"], outcome["removed"], outcome["withheld"]) == ([C], [B], [])
    assert outcome["versionIds"] == [f"AzureCloud.{TAG}-000002"]


@pytest.mark.parametrize("source", [AddressSource.ASE, AddressSource.BOTH])
def test_the_other_sources_of_the_table_go_on(azure, app, source):
    table = add_table(azure.state, "one", [to_firewall()])
    environment = add_environment(azure.state, "one", table=table, management=[A])
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    keep(app, RegisteredTable(rid("one"), Registration((TAG,), ase_id, source)))
    answer(azure, B)
    sync(app)
    [first] = app.versions.history(ase_id.key)
    pin(app, "one", first.version_id)
    environment.management = [A, C]
    answer(azure, B, D)
    outcome = outcome_of(sync(app), "one")
    tag = {B, D} if source is AddressSource.BOTH else set()
    assert owned_prefixes(table) == {A, *tag}
    assert withheld(outcome) == {("add", C, "Pinned")}
    assert first.version_id in outcome["versionIds"]


def test_beside_the_route_of_a_tag_an_environment_can_be_pinned(azure, app):
    table = add_table(azure.state, "one", [to_firewall()])
    environment = add_environment(azure.state, "one", table=table, management=[A, C])
    ase_id = EnvironmentId.parse(ase_id_of("one"))
    asked = Registration((TAG,), ase_id, AddressSource.BOTH, RouteStyle.SERVICE_TAG)
    keep(app, RegisteredTable(rid("one"), asked))
    answer(azure, B)
    sync(app)
    pin(app, "one", app.versions.newest(ase_id.key).version_id)
    environment.management = [A, D]
    outcome = outcome_of(sync(app), "one")
    assert owned_prefixes(table) == {TAG, A, C}
    assert withheld(outcome) == {("add", D, "Pinned"), ("remove", C, "Pinned")}


def pinned_by_hand(app, **changed):
    """Pin the table as no door lets anybody do it."""
    pinned = replace(Pin(FIRST, "x", TAG, START), **changed)
    edited = app.registry.get(rid("one"))
    keep(app, replace(edited, registration=replace(edited.registration, pin=pinned)))


@pytest.mark.parametrize(
    ("version_id", "why"),
    [
        (f"AzureCloud.{TAG}-000009", "no such version is recorded"),
        (f"AzureUSGovernment.{TAG}-000001", "a version of AzureUSGovernment"),
        ("AzureCloud.Other-000001", "no source of the registration"),
    ],
)
def test_a_pin_that_cannot_be_followed_lets_everything_in_and_nothing_out(
    azure, app, one, version_id, why
):
    for source, cloud in (("Other", "AzureCloud"), (TAG, "AzureUSGovernment")):
        content = SourceContent(source, "1", (), (D,))
        log = VersionLog(app.account.versions, cloud=cloud)
        log.append(content, None, recorded_at=START, run_id="r")
    pinned_by_hand(app, version_id=version_id)
    answer(azure, A, C)
    whole = sync(app)
    outcome = outcome_of(whole, "one")
    assert (whole["status"], outcome["status"]) == ("Failed", "blocked")
    assert owned_prefixes(one) == {A, B, C}
    assert withheld(outcome) == {("remove", B, "PinNotFollowed")}
    [violation] = outcome["violations"]
    assert (violation["code"], violation["forceable"]) == ("PinNotFollowed", False)
    assert why in violation["message"]
    before = app.runs.get(whole["runId"]).started_at
    assert app.registry.get(rid("one")).status.verified_at < before


def test_the_route_of_a_tag_follows_no_pin_and_the_report_says_so(azure, app, one):
    entry = app.registry.get(rid("one"))
    styled = replace(entry.registration, route_style=RouteStyle.SERVICE_TAG)
    keep(app, replace(entry, registration=styled))
    pinned_by_hand(app)
    outcome = outcome_of(sync(app), "one")
    assert [v["code"] for v in outcome["violations"]] == ["PinNotFollowed"]
    assert owned_prefixes(one) == {TAG, A, B}


def test_while_its_tag_cannot_be_read_a_pinned_table_is_repaired_to_its_version(azure, app, one):
    pin(app, "one", FIRST)
    one.routes = [owned(A), owned(D)]
    azure.state.faults.append(
        InjectedFault(method="GET", path="serviceTags", effect=LoseTag(), times=99)
    )
    outcome = outcome_of(sync(app), "one")
    assert owned_prefixes(one) == {A, B, D}
    assert withheld(outcome) == {("remove", D, "TagUnavailable")}


def test_what_is_held_stays_held_whatever_is_pinned(azure, app, one):
    answer(azure, A, B, C)
    added = sync(app)
    roll_back(app, added)
    pin(app, "one", f"AzureCloud.{TAG}-000002")
    outcome = outcome_of(sync(app), "one")
    assert owned_prefixes(one) == {A, B}
    assert withheld(outcome) == {("add", C, "Held")}
    assert set(codes(outcome)) == {"Held", "Pinned"}


def test_an_approval_of_a_plan_made_without_the_pin_is_none(azure, make_app):
    app = make_app(APPLY_POLICY="approval")
    table = add_table(azure.state, "one", [owned(A)])
    keep(app, RegisteredTable(rid("one"), Registration((TAG,))))
    answer(azure, A, B)
    sync(app)
    answer(azure, A, B, C)
    plan = sync(app, mode=Mode.PLAN)
    pin(app, "one", FIRST)
    assert outcome_of(approved(app, plan), "one")["violations"][0]["code"] == "PlanChanged"
    now = sync(app, mode=Mode.PLAN)
    assert outcome_of(now, "one")["added"] == [B]
    assert withheld(outcome_of(now, "one")) == {("add", C, "Pinned")}
    assert outcome_of(approved(app, now), "one")["status"] == "changed"
    assert owned_prefixes(table) == {A, B}


# -- Whatever the versions and the table are --

ASE = EnvironmentId.parse(ase_id_of("one"))
PREFIXES = [f"20.0.{number}.0/24" for number in range(6)]
POLICY = Policy(
    cloud="AzureCloud",
    service_tag_subscription_id="",
    service_tag_locations=(),
    min_prefix_length=16,
    default_service_tag=TAG,
    allowed_service_tags=frozenset({TAG}),
    discovers_by_tag=False,
    owner=OWNER,
    next_hop_types=frozenset({"internet", "virtualappliance"}),
    grace_days=0,
    max_removed_percent=100,
    apply_policy=ApplyPolicy.AUTO,
    paused=False,
    notifies=False,
    missing_schedules=(),
    wrong_schedules={},
    max_age_days=2,
    run_retention_days=400,
)
KINDS = {
    "none": lambda prefix: [],
    "ours": lambda prefix: [owned(prefix)],
    "ours, bent": lambda prefix: [owned(prefix, "VirtualAppliance", nextHopIpAddress="10.0.0.4")],
    "covers": lambda prefix: [route(f"theirs-{prefix[:6]}", prefix)],
    "conflicts": lambda prefix: [to_firewall(prefix, f"mine-{PREFIXES.index(prefix)}")],
}
contents = st.sets(st.sampled_from(PREFIXES), min_size=1)
kinds = st.fixed_dictionaries({prefix: st.sampled_from([*KINDS]) for prefix in PREFIXES})


class World:
    """A table whose tag and whose environment have had these contents, one after the other."""

    def __init__(self, of_tag, of_ase, kinds, *, style, held, grace_days):
        log = VersionLog(MemoryTable.client(), cloud="AzureCloud")
        self.said = f"{of_tag} {of_ase} {kinds} {style} held {held}, grace {grace_days}"
        self.versions: dict[str, list[Version]] = {TAG: [], ASE.key: []}
        for source, several in ((TAG, of_tag), (ASE.key, of_ase)):
            for prefixes in several:
                last = self.versions[source][-1] if self.versions[source] else None
                content = SourceContent(source, "1", (), in_order(prefixes))
                version = log.append(content, last, recorded_at=START, run_id="r")
                self.versions[source].append(version)

        routes = [one for prefix, kind in kinds.items() for one in KINDS[kind](prefix)]
        self.table = table_of(*routes)
        self.style, self.held = style, held
        limits = SimpleNamespace(routes=lambda *_: None, tag_routes=lambda *_: None)
        store: Any = SimpleNamespace(versions=log)
        azure: Any = SimpleNamespace(route_limits=limits)
        policy = replace(POLICY, grace_days=grace_days)
        self.planning = Planning(store, azure, policy, lambda: START)

    def __repr__(self):
        return self.said

    def proposed(self, table, pinned=None):
        known = pinned and Pin(pinned.version_id, "x", pinned.source, START)
        asked = Registration((TAG,), ASE, AddressSource.BOTH, self.style, pin=known)
        holds = tuple(Hold(prefix, False, "a", "b") for prefix in self.held)
        entry = RegisteredTable(rid("one"), asked, Status(holds=holds))
        run = Run("run", RunRequest(Trigger.HTTP, Mode.APPLY), START)
        planner = self.planning.planner_for(run, Mode.APPLY, rid("one"))(entry)
        return planner.propose(table, Changes()).judgement

    def synced(self, table, pinned=None):
        return replace(table, routes=self.proposed(table, pinned).plan.routes)

    def newest(self, *sources):
        return {prefix for source in sources for prefix in self.versions[source][-1].ipv4}


@st.composite
def worlds(draw, grace_days):
    """A world, and the version to which a source of its table is pinned."""
    style = draw(st.sampled_from(RouteStyle))
    world = World(
        draw(st.lists(contents, min_size=1, max_size=3)),
        draw(st.lists(contents, min_size=1, max_size=3)),
        draw(kinds),
        style=style,
        held=draw(st.sets(st.sampled_from(PREFIXES), max_size=2)),
        grace_days=grace_days,
    )
    # Azure itself keeps the addresses of a tag's route.
    source = ASE.key if style is RouteStyle.SERVICE_TAG else draw(st.sampled_from([TAG, ASE.key]))
    return world, draw(st.sampled_from(world.versions[source]))


def changes(judgement):
    return {(kind, p) for kind, all_of in judgement.plan.changes.by_kind.items() for p in all_of}


@given(st.sampled_from([0, 28]).flatmap(worlds))
def test_no_route_that_the_newest_version_wants_is_lost(drawn):
    world, pinned = drawn
    after = world.synced(world.table, pinned)
    before = owned_in(world.table, owner=OWNER)
    by_tag = world.newest(TAG) if world.style is RouteStyle.SERVICE_TAG else set()
    kept = (before & world.newest(TAG, ASE.key)) - by_tag
    assert kept <= owned_in(after, owner=OWNER)
    bent = {r.prefix for r in after.routes if r.owner == OWNER and not r.to_internet}
    assert bent & kept <= world.held
    # A prefix of the pinned version is routed as well, unless somebody else has it or it is held.
    there = {r.prefix for r in after.routes}
    assert set(pinned.ipv4) - by_tag - world.held <= there


@given(st.sampled_from([0, 28]).flatmap(worlds))
def test_nothing_comes_in_that_the_pinned_version_lacks(drawn):
    world, pinned = drawn
    [other] = {TAG, ASE.key} - {pinned.source}
    tag = {TAG} if world.style is RouteStyle.SERVICE_TAG else set()
    added = world.proposed(world.table, pinned).plan.changes.added
    assert added <= {*pinned.ipv4, *world.newest(other), *tag}


@given(st.sampled_from([0, 28]).flatmap(worlds))
def test_what_is_withheld_is_what_a_run_without_the_pin_would_do_as_well(drawn):
    world, pinned = drawn
    with_pin, without = world.proposed(world.table, pinned), world.proposed(world.table)
    kinds = {"add": "added", "update": "updated", "remove": "removed"}
    held_back = {
        (kinds[each.change], each.prefix)
        for each in with_pin.withheld
        if each.why.name == "Pinned" and each.prefix not in world.held
    }
    assert held_back == changes(without) - changes(with_pin)


@given(worlds(grace_days=0))
def test_without_the_pin_the_table_is_as_if_it_had_never_been_pinned(drawn):
    world, pinned = drawn
    unpinned = world.synced(world.synced(world.table, pinned))
    never = world.synced(world.table)
    kept, alone = ([r.bare() for r in one.routes] for one in (unpinned, never))
    assert all(route in alone for route in kept)
    assert all(route in kept for route in alone)


@given(worlds(grace_days=0))
def test_a_pinned_table_comes_to_rest(drawn):
    world, pinned = drawn
    once = world.synced(world.table, pinned)
    assert not world.proposed(once, pinned).plan.changes
