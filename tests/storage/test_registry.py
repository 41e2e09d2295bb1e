"""A registered table comes back as it was written, part by part, whatever is in it."""

import itertools
import random
from dataclasses import replace
from datetime import date
from operator import methodcaller

import pytest
from azure.data.tables import UpdateMode
from hypothesis import example, given

from shared.domain.armid import EnvironmentId, RouteTableId
from shared.domain.errors import ConcurrentUpdate, RowUnreadable
from shared.domain.registry.choices import AddressSource, RouteStyle
from shared.domain.registry.contest import MOST_KEPT, Contest, Undoing
from shared.domain.registry.history import Entry
from shared.domain.registry.holds import Hold
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration, RouteException
from shared.domain.registry.status import Reading, Status, TableNews
from shared.domain.runs.outcome import OutcomeStatus
from shared.domain.runs.run import Action, Trigger
from shared.storage.entities import pack, table_key, unpack
from shared.storage.registry import Registry
from tests.builders.azure import SUBSCRIPTION, ase_id_of, rid, table_id
from tests.builders.runs import TAG, keep, register, spoil
from tests.calls import in_hand, pass_by

from . import values
from .tables import MemoryTable
from .test_runs import NOW, PREFIXES

MOST_TAGS, MOST_EXCEPTIONS, MOST_CALLERS = 50, 1000, 10
LARGE = RegisteredTable(
    RouteTableId.parse(table_id("one")),
    Registration(
        tuple(f"AppServiceManagement.Region{n}" for n in range(MOST_TAGS)),
        EnvironmentId.parse(ase_id_of("one")),
        exceptions=tuple(
            RouteException(prefix, "é" * 50, date(2027, 1, 1))
            for prefix in PREFIXES[:MOST_EXCEPTIONS]
        ),
        note="é" * 1000,
    ),
    Status(
        holds=tuple(Hold(prefix, True, "r" * 29, "r" * 29) for prefix in PREFIXES),
        contest=Contest(
            (Undoing(NOW, "r" * 29, ("somebody@example.com",) * MOST_CALLERS),) * MOST_KEPT, NOW
        ),
        owned_left=frozenset(PREFIXES),
        verified_at=NOW,
    ),
)


def written(table: RegisteredTable) -> Registry:
    """Everything that is known of the table, by way of a row that had nothing of it."""
    registry, table_id = Registry(MemoryTable.client()), table.route_table_id
    assert registry.add(RegisteredTable(table_id, Registration((TAG,))))
    registry.change(table_id, lambda _: table)
    return registry


@given(values.registered_tables)
@example(LARGE)
def test_a_registered_table_comes_back_as_it_was_written(table):
    registry = written(table)
    assert registry.get(table.route_table_id) == table
    assert list(registry.list()) == [replace(table, status=replace(table.status, history=()))]


@given(values.registered_tables, values.registrations)
def test_to_register_again_leaves_what_was_seen(table, registration):
    registry = written(table)
    anew = registry.change(
        table.route_table_id, lambda known: known.with_registration(registration, NOW)
    )
    assert registry.get(table.route_table_id) == anew == table.with_registration(registration, NOW)


@given(values.registered_tables)
def test_a_release_forgets_holds_and_contest_and_nothing_else(table):
    registry = written(table)
    registry.change(table.route_table_id, RegisteredTable.release)
    assert registry.get(table.route_table_id) == table.release()


@pytest.mark.parametrize(
    "text",
    [
        table_id("rt-1"),
        table_id("x" * 70).replace("rg-", "Résumé_(1)-"),
        table_id("a.b_c-d").upper(),
        table_id("r").replace("rg-r", "r" * 90),
    ],
)
def test_any_arm_id_is_a_legal_key_whatever_its_case(app, text):
    ase_id = EnvironmentId.parse(ase_id_of("a"))
    table = RegisteredTable(
        RouteTableId.parse(text),
        Registration((TAG,), ase_id, AddressSource.BOTH, RouteStyle.SERVICE_TAG, note="n"),
    )
    keep(app, table)
    assert app.registry.get(RouteTableId.parse(text.swapcase().swapcase().lower())) == table
    assert list(app.registry.list()) == [table]
    app.registry.delete(table.route_table_id)
    assert app.registry.get(table.route_table_id) is None


def test_what_one_writer_adds_while_another_thinks_is_not_lost(app):
    keep(app, RegisteredTable(rid("one"), Registration((TAG,))))
    news = TableNews(applied_version_ids=("v1",), verified_at=NOW)
    calls = []

    def slowly(known):
        calls.append(known)
        if len(calls) == 1:
            app.registry.change(rid("one"), methodcaller("with_news", news))
        return replace(known, registration=replace(known.registration, note="late"))

    changed = app.registry.change(rid("one"), slowly)
    assert (len(calls), changed) == (2, app.registry.get(rid("one")))
    assert (changed.registration.note, changed.status.applied_version_ids) == ("late", ("v1",))


def disabled(entry: RegisteredTable) -> RegisteredTable:
    return replace(entry, registration=replace(entry.registration, enabled=False))


def with_note(entry: RegisteredTable, note: str) -> RegisteredTable:
    return replace(entry, registration=replace(entry.registration, note=note))


def test_a_row_that_is_still_as_it_was_read_is_not_read_again(app):
    register(app, "one")
    known = app.registry.get(rid("one"))

    methods: list[str] = []
    with in_hand(lambda request: methods.append(request.method), pass_by):
        after = app.registry.change(rid("one"), disabled, known)
        last = app.registry.change(rid("one"), RegisteredTable.release, after)
        same = app.registry.change(rid("one"), RegisteredTable.release, last)

    assert methods == ["PUT"]  # the others change nothing
    assert last == same == app.registry.get(rid("one")) == disabled(known)


def test_of_a_row_that_has_changed_since_it_was_read_nothing_is_lost(app):
    register(app, "one")
    known = app.registry.get(rid("one"))
    app.registry.change(rid("one"), lambda entry: with_note(entry, "kept"))

    changed = app.registry.change(rid("one"), disabled, known)

    assert changed == app.registry.get(rid("one")) == disabled(with_note(known, "kept"))


def test_a_row_that_has_gone_since_it_was_read_does_not_come_back(app):
    register(app, "one")
    known = app.registry.get(rid("one"))
    app.registry.delete(rid("one"))

    assert app.registry.change(rid("one"), disabled, known) is None
    assert app.registry.get(rid("one")) is None


def test_what_a_list_leaves_out_is_not_lost_if_its_entry_is_changed(app):
    keep(app, LARGE)
    history = (Entry("run", NOW, Action.SYNC, Trigger.TIMER, OutcomeStatus.CHANGED),)
    status = replace(LARGE.status, history=history)
    app.registry.change(LARGE.route_table_id, lambda entry: replace(entry, status=status))

    [known] = app.registry.list()
    changed = app.registry.change(LARGE.route_table_id, disabled, known)

    assert changed.status.history == history


def test_a_row_that_others_write_all_the_time_is_left_to_the_queue():
    registry = written(LARGE)

    def overtaken(known):
        registry.change(LARGE.route_table_id, lambda now: now.with_sound(frozenset({next(hashes)})))
        return replace(known, registration=Registration(()))

    hashes = (str(number) for number in itertools.count())
    with pytest.raises(ConcurrentUpdate, match="RegistrationChanged"):
        registry.change(LARGE.route_table_id, overtaken)


def test_a_table_is_added_once_and_changed_or_deleted_only_if_it_is_there(app):
    first, second = (RegisteredTable(rid("a"), Registration((TAG,), note=n)) for n in "12")
    news = methodcaller("with_news", TableNews(verified_at=NOW))
    assert app.registry.change(rid("a"), news) is None
    assert app.registry.delete(rid("a")) is None
    assert [app.registry.add(first), app.registry.add(second)] == [True, False]
    assert list(app.registry.list()) == [first]
    assert app.registry.delete(rid("a")) == first
    assert app.registry.change(rid("a"), news) is None
    assert list(app.registry.list()) == []


def test_what_is_deleted_is_what_was_looked_at(app):
    keep(app, RegisteredTable(rid("a"), Registration((TAG,))))
    looked_at: list[tuple[str, ...]] = []

    def look(table):
        if not looked_at:
            app.registry.change(rid("a"), lambda t: replace(t, registration=Registration(("B",))))
        looked_at.append(table.registration.service_tags)

    deleted = app.registry.delete(rid("a"), look)
    assert looked_at == [(TAG,), ("B",)]
    assert deleted.registration.service_tags == ("B",)


DAMAGES = [
    {"registration": "not packed"},
    {"registrationParts": 7},
    {"registration": "eJyrVnIsLk7NTcqpVLJSSlOqBQAvqgVS", "registrationParts": 1},
    {"contest": "", "contestParts": 1},
    {"routeTableId": "nonsense"},
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_row_that_cannot_be_read_is_an_error_of_its_table_alone(app, damage):
    for name in ("one", "two"):
        keep(app, RegisteredTable(rid(name), Registration((TAG,))))
    keys = {"PartitionKey": SUBSCRIPTION, "RowKey": table_key(rid("one"))}
    app.account.route_tables.update_entity({**keys, **damage})
    with pytest.raises(RowUnreadable, match="RowUnreadable"):
        app.registry.get(rid("one"))
    with pytest.raises(RowUnreadable):
        app.registry.change(rid("one"), RegisteredTable.release)
    assert not app.registry.add(RegisteredTable(rid("one"), Registration((TAG,))))
    found = {table.route_table_id: table.unreadable for table in app.registry.list()}
    assert found.keys() == {rid("one"), rid("two")}
    assert (found[rid("one")].code.name, found[rid("two")]) == ("RowUnreadable", None)
    assert {place.route_table_id for place in app.registry.places(None)} == {rid("one"), rid("two")}
    assert app.registry.place(rid("one")).route_table_id == rid("one")
    assert app.registry.delete(rid("one")).unreadable is not None
    assert [table.route_table_id for table in app.registry.list()] == [rid("two")]


def test_a_row_from_the_time_before_pins_has_none(app):
    register(app, "one")
    keys = {"PartitionKey": SUBSCRIPTION, "RowKey": table_key(rid("one"))}
    row = app.account.route_tables.get_entity(SUBSCRIPTION, table_key(rid("one")))
    old = {name: value for name, value in unpack(row, "registration").items() if name != "pin"}
    app.account.route_tables.update_entity({**keys, **pack("registration", old)})
    assert app.registry.get(rid("one")).registration == Registration((TAG,))


def test_a_list_leaves_the_history_out_and_a_change_keeps_it(app):
    entry = Entry("run", NOW, Action.SYNC, Trigger.TIMER, OutcomeStatus.CHANGED, added=1)
    table = RegisteredTable(rid("one"), Registration((TAG,)), Status(history=(entry,)))
    app.registry.add(table)
    [listed] = app.registry.list()
    assert listed == replace(table, status=Status())
    app.registry.change(rid("one"), lambda known: replace(known, changed_by="she"))
    assert app.registry.get(rid("one")) == replace(table, changed_by="she")


def test_a_summary_is_the_table_without_what_only_runs_need(app):
    entry = Entry("run", NOW, Action.SYNC, Trigger.TIMER, OutcomeStatus.CHANGED, added=1)
    reading = Reading("westeurope", 1, None)
    full = replace(LARGE.status, reading=reading, suspended=True, history=(entry,))
    app.registry.add(RegisteredTable(rid("new"), Registration((TAG,))))
    app.registry.add(replace(LARGE, route_table_id=rid("full"), status=full))
    app.registry.remember(rid("gone"), Status(), NOW)
    register(app, "spoiled")
    spoil(app, "spoiled")

    found = {one.route_table_id.name: one for one in app.registry.summaries()}
    assert sorted(found) == ["full", "new", "spoiled"]
    assert found["new"] == app.registry.get(rid("new"))
    assert found["full"].registration == LARGE.registration
    assert found["full"].status == replace(full, owned_left=None, history=())
    assert found["spoiled"].unreadable is not None


def test_a_summary_of_more_than_one_property_is_read_whole(app):
    texts = random.Random(1)
    exceptions = tuple(
        RouteException(prefix, texts.randbytes(100).hex(), date(2027, 1, 1)) for prefix in PREFIXES
    )
    table = RegisteredTable(rid("one"), Registration((TAG,), exceptions=exceptions))
    app.registry.add(table)
    assert [*app.registry.summaries()] == [table]


def test_a_row_of_an_earlier_release_belongs_to_a_person(app):
    tagged = RegisteredTable(rid("one"), Registration((TAG,)), by_tag=True)
    app.registry.add(tagged)
    assert [*app.registry.summaries()] == [*app.registry.list()] == [tagged]
    row = app.account.route_tables.get_entity(SUBSCRIPTION, table_key(rid("one")))
    del row["byTag"]
    app.account.route_tables.update_entity(row, mode=UpdateMode.REPLACE)
    theirs = replace(tagged, by_tag=False)
    assert [*app.registry.summaries()] == [*app.registry.list()] == [theirs]


def test_the_place_of_one_table_is_as_in_the_list_of_all(app):
    register(app, "one", "two")
    register(app, "off", enabled=False)
    subnet = f"/subscriptions/{SUBSCRIPTION}/subnet"
    app.registry.change(
        rid("one"), methodcaller("with_news", TableNews(subnet_ids=frozenset({subnet})))
    )
    listed = {place.route_table_id: place for place in app.registry.places(None)}
    assert listed.keys() == {rid("one"), rid("two")}
    for name in ("one", "ONE", "two", "off", "unregistered"):
        assert app.registry.place(rid(name)) == listed.get(rid(name))
    assert listed[rid("one")].subnet_ids == {subnet}
