"""What a discovery has found comes back as it was saved, whatever is in it."""

import functools
import secrets
from dataclasses import replace

import pytest
from azure.core.exceptions import ServiceRequestError
from hypothesis import example, given

from shared.domain import codes
from shared.domain.errors import ConcurrentUpdate
from shared.domain.findings import Finding
from shared.domain.surroundings.search import SearchedSubscription
from shared.storage.entities import MAX_ENTITY_BYTES
from shared.storage.searches import SearchLog
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, rid
from tests.calls import in_hand, pass_by

from . import values
from .tables import MemoryTable
from .test_entities import incompressible


@functools.cache
def large() -> SearchedSubscription:
    return SearchedSubscription(
        SUBSCRIPTION,
        known=tuple(rid(f"a-route-table-with-a-long-name-{number}") for number in range(10_000)),
        errors=(Finding(codes.INTERNAL_ERROR, incompressible(MAX_ENTITY_BYTES)),),
    )


@given(values.searched_subscriptions)
@example(large)
def test_a_subscription_comes_back_as_it_was_saved(searched):
    searched = values.made(searched)
    log = SearchLog(MemoryTable.client())
    log.expect("run", [SearchedSubscription(searched.subscription_id)])
    [expected] = log.list("run")
    log.save("run", replace(searched, row_etag=expected.row_etag))
    [found] = log.list("run")
    assert replace(found, row_etag="") == searched


def test_only_what_has_not_ended_is_open(app):
    run_id = secrets.token_hex(8)
    app.searches.expect(run_id, map(SearchedSubscription, (OTHER_SUBSCRIPTION, SUBSCRIPTION)))
    first, second = app.searches.list(run_id)
    assert [first.subscription_id, second.subscription_id] == [SUBSCRIPTION, OTHER_SUBSCRIPTION]
    app.searches.save(run_id, replace(first, ended=True))
    assert app.searches.open(run_id) == [second]
    assert len(app.searches.list(run_id)) == 2


def test_what_is_expected_again_stays_as_it_was_saved(app):
    run_id = secrets.token_hex(8)
    subscription = OTHER_SUBSCRIPTION.replace("2", "a")
    app.searches.expect(run_id, [SearchedSubscription(subscription)])
    [part] = app.searches.open(run_id)
    app.searches.save(run_id, replace(part, ended=True))
    again = [SearchedSubscription(each) for each in (subscription.upper(), SUBSCRIPTION)]
    app.searches.expect(run_id, [*again, *again])
    assert [one.ended for one in app.searches.list(run_id)] == [False, True]


def test_of_two_workers_only_one_saves_a_subscription(app):
    run_id = secrets.token_hex(8)
    app.searches.expect(run_id, [SearchedSubscription(SUBSCRIPTION)])
    [part] = app.searches.open(run_id)
    app.searches.save(run_id, replace(part, ended=True))
    with pytest.raises(ConcurrentUpdate):
        app.searches.save(run_id, part)
    assert app.searches.open(run_id) == []


def test_a_save_whose_answer_was_lost_is_no_conflict(app):
    run_id = secrets.token_hex(8)
    app.searches.expect(run_id, [SearchedSubscription(SUBSCRIPTION)])
    [part] = app.searches.open(run_id)
    lost: list[object] = []

    def lose_one(request):
        if request.method == "PUT" and not lost:
            lost.append(request)
            raise ServiceRequestError("the answer was lost")

    with in_hand(pass_by, lose_one):
        app.searches.save(run_id, replace(part, ended=True))
    assert lost and app.searches.open(run_id) == []


def test_what_needs_more_than_a_row_is_removed_whole(app):
    run_id = secrets.token_hex(8)
    app.searches.expect(run_id, [large()])
    [found] = app.searches.list(run_id)
    assert replace(found, row_etag="") == large()
    assert len(list(app.account.outcomes.list_entities())) > 1
    app.searches.remove(run_id)
    assert list(app.account.outcomes.list_entities()) == []
