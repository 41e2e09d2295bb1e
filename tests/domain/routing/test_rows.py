"""The decision table of a plan: its text, the rows, and what a plan does with each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.routing import rows as module
from shared.domain.routing.plan import Plan, make_plan
from shared.domain.routing.routes import RouteTable
from shared.domain.routing.rows import Row, Situation, classify
from tests.builders.routes import OWNER, owned, route, to_firewall

TAG = "AppServiceManagement"
PREFIXES = [f"20.0.{n}.0/24" for n in range(5)]
DAY = date(2026, 12, 1)


def documented() -> list[list[str]]:
    """The cells of the table in the docstring, a list for each row."""
    lines = [line for line in str(module.__doc__).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_documented_table_has_exactly_the_rows_in_their_order():
    assert [cells[0] for cells in documented()] == [row.value for row in Row]


@dataclass(frozen=True)
class Case:
    table: RouteTable
    desired: frozenset[str]
    retained: frozenset[str]
    spared: frozenset[str]
    tags: Mapping[str, frozenset[str]]

    @property
    def situation(self) -> Situation:
        return Situation.of(
            self.table,
            self.desired,
            owner=OWNER,
            retained=self.retained,
            spared=self.spared,
            tags=self.tags,
        )

    @property
    def plan(self) -> Plan:
        return make_plan(
            self.table,
            self.desired,
            owner=OWNER,
            retained_until=dict.fromkeys(self.retained, DAY),
            spared=self.spared,
            tags=self.tags,
        )


@st.composite
def cases(draw, *, tags: bool) -> Case:
    kinds = st.sampled_from(["ours", "ours astray", "theirs", "elsewhere", "our name", None])
    routes = []
    for number, prefix in enumerate([TAG, *PREFIXES]):
        match draw(kinds):
            case "ours":
                routes.append(owned(prefix))
            case "ours astray":
                routes.append(owned(prefix, "None"))
            case "theirs":
                routes.append(route(f"by-hand-{number}", prefix))
            case "elsewhere":
                routes.append(to_firewall(prefix, f"firewall-{number}"))
            case "our name":
                routes.append(to_firewall(f"10.{number}.0.0/16", owned(prefix)["name"].upper()))
    some = st.frozensets(st.sampled_from([TAG, *PREFIXES]))
    return Case(
        RouteTable.from_arm({"etag": "1", "properties": {"routes": routes}}),
        draw(some),
        draw(some),
        draw(some),
        {TAG: draw(st.frozensets(st.sampled_from(PREFIXES)))} if tags else {},
    )


def planned(plan: Plan) -> dict[Row, set[str]]:
    """The prefixes of each row that a plan shows."""
    return {
        Row.ADD: set(plan.changes.added),
        Row.UPDATE: set(plan.changes.updated),
        Row.RETAIN: {retained.prefix for retained in plan.retained},
        Row.REMOVE: set(plan.changes.removed),
        Row.COVERED: set(plan.covered),
        Row.CONFLICT: {c.prefix for c in plan.conflicts if not c.name_taken},
        Row.NAME_TAKEN: {c.prefix for c in plan.conflicts if c.name_taken},
    }


@given(case=cases(tags=True))
def test_the_plan_does_with_each_prefix_what_its_row_says(case):
    rows, plan = case.situation.rows(), case.plan
    shown = planned(plan)
    for row in Row:
        prefixes = {prefix for prefix in rows if rows[prefix] is row}
        if row in shown:
            assert shown[row] == prefixes, row
        else:
            assert not prefixes & set().union(*shown.values()), row
        if row not in {Row.ADD, Row.UPDATE, Row.REMOVE}:
            before = [r for r in case.table.routes if r.prefix in prefixes]
            assert [r for r in plan.routes if r.prefix in prefixes] == before, row


@given(case=cases(tags=False))
def test_without_tags_each_prefix_meets_the_conditions_of_its_documented_row(case):
    situation = case.situation
    conditions = {cells[0]: (cells[1].split(",")[0], cells[2]) for cells in documented()}
    for prefix, row in situation.rows().items():
        existing, wanted = conditions[row]
        holder = "ours" if prefix in situation.ours else "none"
        assert existing == ("not ours" if prefix in situation.foreign else holder)
        assert wanted == ("yes" if prefix in case.desired else "no")


@given(case=cases(tags=True))
def test_a_prefix_without_route_that_nobody_wants_is_left(case):
    assert classify("20.9.9.0/24", case.situation) is Row.LEAVE


def one(routes, desired, **facts) -> Mapping[str, Row]:
    table = RouteTable.from_arm({"etag": "1", "properties": {"routes": routes}})
    return Situation.of(table, desired, owner=OWNER, **facts).rows()


A, B = PREFIXES[:2]
NAMED_AS_OURS = to_firewall("10.0.0.0/8", owned(TAG)["name"].upper())


@pytest.mark.parametrize(
    ("routes", "desired", "tags", "prefix", "row"),
    [
        ([], {A}, {}, A, Row.ADD),
        ([route("theirs", TAG)], {A}, {TAG: {A}}, A, Row.COVERED),
        ([to_firewall(TAG, "theirs")], {A}, {TAG: {A}}, A, Row.ADD),
        ([to_firewall(A, "theirs")], {TAG}, {TAG: {A}}, A, Row.CONFLICT),
        ([route("theirs", A)], {TAG}, {TAG: {A}}, A, Row.LEAVE),
        ([owned(A)], {TAG}, {TAG: {A}}, A, Row.REMOVE),
        ([owned(A), NAMED_AS_OURS], {TAG}, {TAG: {A}}, TAG, Row.NAME_TAKEN),
        ([owned(A), NAMED_AS_OURS], {TAG}, {TAG: {A}}, A, Row.SPARE),
        ([owned(A), to_firewall(TAG, "theirs")], {TAG}, {TAG: {A}}, A, Row.SPARE),
        ([owned(A), NAMED_AS_OURS], {TAG}, {TAG: {B}}, A, Row.REMOVE),
        (
            [owned(TAG), to_firewall("10.0.0.0/8", owned(A)["name"].upper())],
            {A},
            {TAG: {A}},
            TAG,
            Row.SPARE,
        ),
        ([owned(TAG), to_firewall(A, "theirs")], {A}, {TAG: {A}}, TAG, Row.REMOVE),
    ],
)
def test_a_tag_and_the_prefixes_that_it_holds(routes, desired, tags, prefix, row):
    assert one(routes, desired, tags=tags)[prefix] is row


@pytest.mark.parametrize(
    ("retained", "spared", "row"),
    [((), (), Row.REMOVE), ((A,), (A,), Row.RETAIN), ((), (A,), Row.SPARE)],
)
def test_an_owned_route_that_is_not_wanted(retained, spared, row):
    assert one([owned(A)], {B}, retained=retained, spared=spared)[A] is row
