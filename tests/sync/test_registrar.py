"""Each change of a registration is signed, and leaves one record."""

from dataclasses import replace

import pytest

from shared.app import utc_now
from shared.domain.errors import InvalidRequest, NotAllowed, RowUnreadable
from shared.domain.registry.registered_table import RegisteredTable
from shared.domain.registry.registration import Registration
from shared.domain.registry.status import TableNews
from shared.domain.runs.run import Trigger
from shared.storage.entities import table_key
from shared.sync.registrar import ChangeKind, Registrar
from shared.sync.requester import Requester
from tests.builders.azure import SUBSCRIPTION, rid
from tests.builders.runs import START, TAG

ANN, BOB = Requester(Trigger.HTTP, "ann"), Requester(Trigger.CLI, "bob")
AZURE_TAG = Requester(Trigger.CHECK, "Azure tag aseRouteSync", is_azure_tag=True)
FIRST = Registration((TAG,), note="first")


@pytest.fixture
def told():
    return []


@pytest.fixture
def registrar(app, told, clock):
    return Registrar(app.store, utc_now, told.append)


def setting(**changed):
    return lambda entry: replace(entry, registration=replace(entry.registration, **changed))


def summary(change):
    return (change.kind, change.before, change.after, change.by, change.trigger)


def test_who_registers_and_who_changes_stands_on_the_row(app, registrar, told, clock):
    assert registrar.add(RegisteredTable(rid("one"), FIRST), ANN).changed_by == "ann"
    found = app.registry.get(rid("one"))
    assert (found.changed_at, found.changed_by) == (START, "ann")
    clock.shift(60)
    changed = registrar.change(rid("one"), setting(note="second"), BOB)
    assert changed == app.registry.get(rid("one"))
    assert (changed.changed_at, changed.changed_by) == (utc_now(), "bob")
    second = replace(FIRST, note="second")
    assert [summary(change) for change in told] == [
        (ChangeKind.REGISTERED, None, FIRST, "ann", Trigger.HTTP),
        (ChangeKind.CHANGED, FIRST, second, "bob", Trigger.CLI),
    ]


def test_what_changes_nothing_is_no_change(app, registrar, told, clock):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    assert registrar.add(RegisteredTable(rid("one"), FIRST), BOB) is None
    clock.shift(60)
    news = TableNews(verified_at=utc_now())
    registrar.change(rid("one"), lambda entry: entry.with_news(news), BOB)
    assert registrar.change(rid("two"), setting(note="x"), BOB) is None
    assert registrar.remove(rid("two"), lambda _: None, BOB) is None
    found = app.registry.get(rid("one"))
    assert (found.changed_at, found.changed_by) == (START, "ann")
    assert found.status.verified_at == utc_now()
    assert len(told) == 1


def test_to_disable_to_enable_and_to_discover_are_told_apart(registrar, told):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    registrar.change(rid("one"), setting(enabled=False, note="x"), ANN)
    registrar.change(rid("one"), setting(enabled=True), ANN)
    registrar.change(rid("one"), setting(note="y"), ANN, ChangeKind.DISCOVERED)
    assert [c.kind for c in told[1:]] == ["disabled", "enabled", "discovered"]


def test_unregistering_tells_what_was_there(registrar, told):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    registrar.remove(rid("one"), lambda _: None, BOB)
    assert summary(told[-1]) == (ChangeKind.UNREGISTERED, FIRST, None, "bob", Trigger.CLI)
    assert told[-1].at == START


def test_what_is_refused_is_not_told(app, registrar, told):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)

    def refuse(_):
        raise InvalidRequest

    for attempt in (registrar.change, registrar.remove):
        with pytest.raises(InvalidRequest):
            attempt(rid("one"), refuse, BOB)
    assert len(told) == 1
    assert app.registry.get(rid("one")).registration == FIRST


def spoil_the_row(app):
    keys = {"PartitionKey": SUBSCRIPTION, "RowKey": table_key(rid("one"))}
    app.account.route_tables.update_entity({**keys, "registration": "spoiled"})


def test_of_a_row_that_cannot_be_read_only_its_end_is_told(app, registrar, told):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    spoil_the_row(app)
    with pytest.raises(RowUnreadable):
        registrar.change(rid("one"), setting(note="x"), BOB)
    registrar.remove(rid("one"), lambda _: None, BOB)
    assert summary(told[-1]) == (ChangeKind.UNREGISTERED, None, None, "bob", Trigger.CLI)


def test_what_was_remembered_of_a_table_outlives_a_row_that_cannot_be_read(app, registrar):
    registrar.add(RegisteredTable(rid("one"), replace(FIRST, service_tags=(TAG, "Other"))), ANN)
    registrar.remove(rid("one"), lambda _: None, ANN)
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    spoil_the_row(app)
    registrar.remove(rid("one"), lambda _: None, ANN)
    again = registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    assert again.status.former_sources == {"Other": START}


def test_the_last_of_several_attempts_is_told(app, registrar, told):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    overtakes = [setting(note="theirs")]

    def edit(entry):
        if overtakes:
            app.registry.change(rid("one"), overtakes.pop())
        return setting(enabled=False)(entry)

    registrar.change(rid("one"), edit, BOB)
    theirs = replace(FIRST, note="theirs")
    assert summary(told[-1])[1:3] == (theirs, replace(theirs, enabled=False))


def test_a_tag_changes_and_removes_only_what_it_has_made(app, registrar, told):
    assert registrar.add(RegisteredTable(rid("one"), FIRST), AZURE_TAG).by_tag
    assert registrar.change(rid("one"), setting(note="second"), AZURE_TAG).by_tag
    assert registrar.remove(rid("one"), lambda _: None, AZURE_TAG).by_tag
    assert [change.made_by_tag for change in told] == [True, True, True]


@pytest.mark.parametrize("edit", [setting(note="mine"), setting()])
def test_what_a_person_changes_is_theirs_even_if_nothing_differs(app, registrar, told, edit):
    registrar.add(RegisteredTable(rid("one"), FIRST), AZURE_TAG)
    theirs = registrar.change(rid("one"), edit, ANN)
    assert (theirs.by_tag, theirs.changed_by) == (False, "ann")
    assert (told[-1].by, told[-1].made_by_tag) == ("ann", False)
    with pytest.raises(NotAllowed):
        registrar.change(rid("one"), setting(note="other"), AZURE_TAG)
    with pytest.raises(NotAllowed):
        registrar.remove(rid("one"), lambda _: None, AZURE_TAG)
    assert app.registry.get(rid("one")) == theirs
    assert len(told) == 2


def test_a_search_that_completes_a_registration_leaves_it_to_its_tag(registrar):
    registrar.add(RegisteredTable(rid("one"), FIRST), AZURE_TAG)
    found = registrar.change(rid("one"), setting(note="x"), ANN, ChangeKind.DISCOVERED)
    assert (found.by_tag, found.changed_by) == (True, "ann")


def test_a_search_never_gives_a_persons_registration_to_a_tag(registrar):
    registrar.add(RegisteredTable(rid("one"), FIRST), ANN)
    assert not registrar.change(rid("one"), setting(note="x"), BOB, ChangeKind.DISCOVERED).by_tag


def test_a_tag_removes_no_row_that_cannot_be_read(app, registrar):
    registrar.add(RegisteredTable(rid("one"), FIRST), AZURE_TAG)
    spoil_the_row(app)
    with pytest.raises(NotAllowed):
        registrar.remove(rid("one"), lambda _: None, AZURE_TAG)
