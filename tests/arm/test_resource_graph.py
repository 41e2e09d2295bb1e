"""The query of Azure Resource Graph: whole, page by page, or said to be incomplete."""

import pytest

from local.azure.authorization import READER, Role
from local.azure.faults import HalfPage, InjectedFault, RepeatPage
from local.azure.resource_graph import MOST_SUBSCRIPTIONS, ServiceResource
from local.azure.server import SimulatedAzure
from shared.arm.client import LONGEST_SLEEP_SECONDS
from shared.arm.resource_graph import ROWS_A_PAGE
from shared.domain.errors import PermanentError, TransientError
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.builders.services import (
    API_MANAGEMENT,
    DATABRICKS,
    DOMAIN_SERVICES,
    HDINSIGHT,
    add_service,
    api_management,
    databricks,
    domain_services,
    hdinsight,
    service_id,
)

QUERY = "Microsoft.ResourceGraph/resources/read"


def found_by(app, *subscriptions):
    listed = app.azure.service_resources.list(subscriptions or (SUBSCRIPTION, OTHER_SUBSCRIPTION))
    return [str(each.resource_id) for each in listed]


def add_workspaces(azure, count):
    names = [f"w{number:03}" for number in range(count)]
    return [add_service(azure.state, DATABRICKS, name, databricks(None)) for name in names]


def queries(azure):
    return [e for e in azure.state.log if e["path"].endswith("ResourceGraph/resources")]


def test_one_query_finds_each_type_in_every_subscription(azure, app):
    wanted = [
        add_service(azure.state, API_MANAGEMENT, "a", api_management(None)),
        add_service(azure.state, DATABRICKS, "b", databricks(None)),
        add_service(azure.state, DOMAIN_SERVICES, "c", domain_services()),
        add_service(azure.state, HDINSIGHT, "d", hdinsight(None), subscription=OTHER_SUBSCRIPTION),
    ]
    assert found_by(app) == wanted
    assert found_by(app, OTHER_SUBSCRIPTION) == wanted[3:]
    first, _ = queries(azure)
    assert first["body"]["subscriptions"] == [SUBSCRIPTION, OTHER_SUBSCRIPTION]
    assert first["body"]["options"]["resultFormat"] == "objectArray"


def test_every_page_is_read_also_if_pages_are_smaller_than_was_asked_for(azure, app):
    wanted = add_workspaces(azure, ROWS_A_PAGE + 1)
    assert found_by(app) == wanted
    assert len(queries(azure)) == 2
    azure.state.graph.page_size = 67
    assert found_by(app) == wanted
    assert len(queries(azure)) == 5


def test_an_answer_that_is_cut_off_is_not_taken_for_the_whole(azure, app):
    azure.state.graph.page_size, azure.state.graph.pages = 2, False
    add_workspaces(azure, 2)
    assert len(found_by(app)) == 2
    add_workspaces(azure, 3)
    listed, seen = app.azure.service_resources.list([SUBSCRIPTION]), []
    with pytest.raises(TransientError, match="answered 2 of 3 resources") as refused:
        seen.extend(listed)
    assert (refused.value.code.name, len(seen)) == ("ResourceGraphIncomplete", 2)


def test_a_caller_who_has_used_up_its_quota_waits_for_as_long_as_the_graph_says(
    azure, app, monkeypatch
):
    waits: list[float] = []
    monkeypatch.setattr(app.clients._transport, "sleep", waits.append)
    azure.state.graph.page_size, azure.state.graph.quota = 1, 2
    azure.state.graph.clock = lambda: float(7 * len(waits))
    wanted = add_workspaces(azure, 5)
    assert found_by(app) == wanted
    assert waits == [5.0, 5.0]
    assert {e["status"] for e in queries(azure)} == {200}


def test_a_refused_query_is_asked_again_when_the_quota_is_back(azure, app, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(app.clients._transport, "sleep", waits.append)
    azure.state.graph.quota = 1
    azure.state.graph.clock = lambda: float(4 * len(waits))
    wanted = add_workspaces(azure, 1)
    assert [found_by(app), found_by(app)] == [wanted, wanted]
    assert [e["status"] for e in queries(azure)] == [200, 429, 429, 200]
    # `Retry-After` alone asks for two seconds.
    assert 5 <= waits[0] <= 5 * 1.25


@pytest.mark.usefixtures("nobody_waits")
def test_a_quota_that_does_not_come_back_is_an_error_that_passes(azure, app):
    azure.state.graph.quota = 0
    with pytest.raises(TransientError, match="RateLimiting: Client application has been throttled"):
        found_by(app)


def test_a_long_wait_is_left_to_the_queue(azure, app, monkeypatch):
    monkeypatch.setattr(app.clients._transport, "sleep", pytest.fail)
    azure.state.graph.quota, azure.state.graph.window_seconds = 1, LONGEST_SLEEP_SECONDS + 1
    add_workspaces(azure, 1)
    found_by(app)
    with pytest.raises(TransientError, match="RateLimiting"):
        found_by(app)


def test_what_the_identity_may_not_read_is_left_out_silently(azure, app):
    """Whoever asks has to look at its rights as well."""
    here = add_workspaces(azure, 1)
    add_service(azure.state, API_MANAGEMENT, "a", api_management(None))
    add_service(azure.state, DATABRICKS, "o", databricks(None), subscription=OTHER_SUBSCRIPTION)
    lists = "Microsoft.Authorization/permissions/read"
    some = Role("some", (QUERY, lists, f"{DATABRICKS}/read"))
    azure.state.identities.app.assignments = [(f"/subscriptions/{SUBSCRIPTION}", some)]
    assert found_by(app) == here

    missing = app.azure.service_resources.missing_rights(SUBSCRIPTION)
    assert missing == [f"{kind}/read" for kind in (DOMAIN_SERVICES, API_MANAGEMENT, HDINSIGHT)]


def test_an_identity_without_any_right_is_refused(azure, app):
    azure.state.identities.app.assignments = [
        (service_id("Microsoft.Network/routeTables", "x"), READER)
    ]
    with pytest.raises(PermanentError, match="Access is denied") as refused:
        found_by(app)
    assert refused.value.code.name == "AccessDenied"


def test_a_subscription_that_does_not_exist_is_refused_if_there_is_no_other(azure, app):
    nowhere = SUBSCRIPTION.replace("1", "9")
    with pytest.raises(PermanentError, match="NoValidSubscriptionsInQueryRequest"):
        found_by(app, nowhere)
    assert found_by(app, nowhere, SUBSCRIPTION) == []


def test_a_query_may_name_so_many_subscriptions_and_not_one_more(azure, app):
    many = [f"{number:08}-1111-4111-8111-111111111111" for number in range(MOST_SUBSCRIPTIONS - 1)]
    assert found_by(app, SUBSCRIPTION, *many) == []
    with pytest.raises(PermanentError, match="TooManySubscriptions"):
        found_by(app, SUBSCRIPTION, OTHER_SUBSCRIPTION, *many)


def test_a_half_page_is_not_taken_for_the_whole(azure, app):
    add_workspaces(azure, 4)
    azure.state.faults.append(InjectedFault(method="POST", path="/resources$", effect=HalfPage()))
    with pytest.raises(TransientError, match="answered 2 of 4 resources"):
        found_by(app)


def test_a_token_that_repeats_is_not_followed_for_ever(azure, app):
    azure.state.graph.page_size = 1
    add_workspaces(azure, 3)
    again = InjectedFault(method="POST", path="/resources$", effect=RepeatPage(), skip=1, times=9)
    azure.state.faults.append(again)
    with pytest.raises(TransientError) as refused:
        found_by(app)
    assert refused.value.code.name == "UnexpectedAnswer"


@pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChinaCloud"])
def test_another_cloud_is_asked_with_its_own_scope(make_app, monkeypatch, cloud):
    with SimulatedAzure(cloud) as azure:
        azure.state.add_group(SUBSCRIPTION, "rg")
        wanted = add_workspaces(azure, 1)
        for name, value in azure.environment().items():
            monkeypatch.setenv(name, value)
        app = make_app(AZURE_CLOUD=cloud, **azure.environment())
        assert found_by(app, SUBSCRIPTION) == wanted


def test_a_row_that_cannot_be_read_is_an_error(azure, app):
    found = ServiceResource(resource_id=f"/subscriptions/{SUBSCRIPTION}", kind=DATABRICKS)
    azure.state.graph.add(found)
    with pytest.raises(TransientError) as refused:
        found_by(app)
    assert refused.value.code.name == "UnexpectedAnswer"
