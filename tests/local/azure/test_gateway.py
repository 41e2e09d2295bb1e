"""Resource Manager in front: paths, versions, tokens, roles, locks, throttles."""

import pytest

from local.azure.authorization import OWNER, READER, Principal, Role
from local.azure.errors import ArmError
from local.azure.identity import HEADER
from local.azure.locks import Lock
from local.azure.throttles import BucketSize, Throttles
from local.plain_http import http
from tests.builders.azure import OTHER_SUBSCRIPTION, SUBSCRIPTION, add_table, table_id
from tests.builders.routes import route, to_firewall

VERSION = {"api-version": "2025-05-01"}
NETWORK = table_id("net").replace("routeTables", "virtualNetworks")
OPERATOR = Role(
    "Route operator",
    ("Microsoft.Network/routeTables/read", "Microsoft.Network/routeTables/write"),
)


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def body(*routes):
    return {"location": "westeurope", "properties": {"routes": list(routes)}}


def hold(azure, *assignments):
    azure.state.identities.app.assignments = list(assignments)


# -- Paths and versions --


def test_an_id_is_the_same_in_any_case_but_names_come_back_as_they_were_given(azure, ask):
    add_table(azure.state, "one", [route("Routes", "10.0.0.0/8")])
    shouted = table_id("one").upper().replace("/SUBSCRIPTIONS", "/sUBSCRIPTIONS")
    answer = ask("GET", shouted)
    assert answer.json()["id"] == table_id("one")
    assert answer.json()["type"] == "Microsoft.Network/routeTables"
    child = ask("GET", f"{shouted}/ROUTES/rOUTES").json()
    assert (child["name"], child["id"]) == ("Routes", f"{table_id('one')}/routes/Routes")
    azure.state.add_group(SUBSCRIPTION, "rg-New")
    made = ask("PUT", table_id("New").replace("routeTables", "ROUTETABLES"), json=body())
    assert made.json()["id"] == table_id("New")


def test_a_resource_may_be_called_as_a_type_is(azure, ask):
    add_table(azure.state, "routeTables", [route("providers", "10.0.0.0/8")])
    path = f"{table_id('routeTables')}/routes/providers"
    assert ask("GET", path).json()["name"] == "providers"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", (400, "MissingApiVersionParameter")),
        ("latest", (400, "NoRegisteredProviderFound")),
        ("2099-01-01", (400, "NoRegisteredProviderFound")),
        ("2026-03-02", (400, "NoRegisteredProviderFound")),
    ],
)
def test_the_api_version_is_required_and_checked(azure, ask, version, expected):
    add_table(azure.state, "one")
    assert code(ask("GET", table_id("one"), api_version=version)) == expected
    for known in ("2016-12-01", "2026-03-01", "2020-01-01-preview"):
        assert ask("GET", table_id("one"), api_version=known).status_code == 200


def test_a_cloud_may_lag_behind(azure, ask):
    add_table(azure.state, "one")
    azure.state.newest_api_versions["microsoft.network"] = "2023-04-01"
    too_new = ask("GET", table_id("one"), api_version="2025-05-01")
    assert code(too_new) == (400, "NoRegisteredProviderFound")
    assert "2023-01-01-preview, 2023-04-01'." in too_new.json()["error"]["message"]
    listed = ask("GET", table_id("one").rsplit("/", 1)[0], api_version="2025-05-01")
    assert code(listed) == (404, "InvalidResourceType")
    assert "'2023-04-01,2023-01-01-preview," in listed.json()["error"]["message"]
    assert ask("GET", table_id("one"), api_version="2023-04-01").status_code == 200


def test_what_is_not_there(azure, ask):
    add_table(azure.state, "one")
    nowhere = "99999999-9999-4999-8999-999999999999"
    assert code(ask("GET", table_id("one", nowhere))) == (404, "SubscriptionNotFound")
    assert code(ask("GET", table_id("other"))) == (404, "ResourceGroupNotFound")
    gone = table_id("one").replace("routeTables/one", "routeTables/two")
    assert code(ask("GET", gone)) == (404, "ResourceNotFound")
    unknown = table_id("one").replace("routeTables", "natGateways")
    assert code(ask("GET", unknown)) == (404, "InvalidResourceType")
    assert code(ask("GET", "/nowhere")) == (404, "InvalidResourceType")
    assert code(ask("POST", table_id("one"))) == (405, "HttpMethodNotAllowed")
    assert code(ask("PUT", table_id("one").rsplit("/", 1)[0])) == (405, "HttpMethodNotAllowed")


# -- Who asks --


def test_who_asks_needs_a_token_of_this_tenant_for_this_audience(azure):
    add_table(azure.state, "one")
    identities = azure.state.identities
    good = identities.token()
    for header in (None, "Basic x", "Bearer", "Bearer x", f"Bearer {good[:-4]}aaaa"):
        headers = {} if header is None else {"Authorization": header}
        answer = http().get(azure.url + table_id("one"), params=VERSION, headers=headers)
        assert code(answer) == (401, "AuthenticationFailed")
        assert "www-authenticate" in answer.headers
    for_storage = identities.token(audience="https://storage.azure.com")
    stranger = identities.token(Principal(object_id="x", client_id="y"))
    for token in (for_storage, stranger):
        headers = {"Authorization": f"Bearer {token}"}
        answer = http().get(azure.url + table_id("one"), params=VERSION, headers=headers)
        assert code(answer) == (401, "AuthenticationFailed")


# -- What it may --


@pytest.mark.parametrize(
    ("scope", "role", "reads", "writes"),
    [
        ("/", OWNER, True, True),
        (f"/subscriptions/{SUBSCRIPTION}", READER, True, False),
        (f"/subscriptions/{SUBSCRIPTION}/RESOURCEGROUPS/RG-ONE", OPERATOR, True, True),
        (table_id("one"), OPERATOR, True, True),
        (table_id("one")[:-1], OPERATOR, False, False),
        (table_id("two"), OPERATOR, False, False),
        (f"/subscriptions/{OTHER_SUBSCRIPTION}", OWNER, False, False),
        ("/", Role("No writes", ("*",), ("*/write",)), True, False),
    ],
)
def test_a_role_holds_for_its_actions_at_its_scope_and_below(
    azure, ask, scope, role, reads, writes
):
    table = add_table(azure.state, "one")
    hold(azure, (scope, role))
    read = ask("GET", table_id("one"))
    assert read.status_code == (200 if reads else 403)
    written = ask("PUT", table_id("one"), json=body(to_firewall()))
    assert written.status_code == (200 if writes else 403)
    assert bool(table.routes) is writes
    if not writes:
        error = written.json()["error"]
        assert error["code"] == "AuthorizationFailed"
        assert "'Microsoft.Network/routeTables/write'" in error["message"]
        assert "details" not in error
        assert written.headers["x-ms-failure-cause"] == "gateway"


def test_each_identity_has_its_own_roles(azure, ask):
    add_table(azure.state, "one")
    reader = Principal(object_id="o", client_id="c", assignments=[("/", READER)])
    azure.state.identities.principals.append(reader)
    query = {"resource": "https://management.azure.com", "client_id": "c"}
    own = {"x-identity-header": HEADER}
    token = http().get(f"{azure.url}/msi/token", params=query, headers=own).json()["access_token"]
    theirs = {"Authorization": f"Bearer {token}"}
    assert ask("GET", table_id("one"), headers=theirs).status_code == 200
    refused = ask("PUT", table_id("one"), json=body(), headers=theirs)
    assert code(refused) == (403, "AuthorizationFailed")
    assert "The client 'o'" in refused.json()["error"]["message"]
    assert ask("PUT", table_id("one"), json=body()).status_code == 200


def test_each_request_is_an_action_of_its_own(azure, ask):
    add_table(azure.state, "one", [route("a", "10.0.0.0/8")])
    location = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope"
    hold(azure)
    for method, path in (
        ("GET", table_id("one").rsplit("/", 1)[0]),
        ("GET", f"{table_id('one')}/routes/a"),
        ("DELETE", f"{table_id('one')}/routes/a"),
        ("GET", f"{location}/serviceTags"),
        ("GET", f"{location}/serviceTagDetails"),
        ("GET", f"{location}/usages"),
        ("GET", f"/subscriptions/{SUBSCRIPTION}"),
        ("GET", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one"),
    ):
        assert code(ask(method, path)) == (403, "AuthorizationFailed")
    assert [entry["action"] for entry in azure.state.log] == [
        "Microsoft.Network/routeTables/read",
        "Microsoft.Network/routeTables/routes/read",
        "Microsoft.Network/routeTables/routes/delete",
        "Microsoft.Network/locations/serviceTags/read",
        "Microsoft.Network/locations/serviceTagDetails/read",
        "Microsoft.Network/locations/usages/read",
        "Microsoft.Resources/subscriptions/read",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
    ]


def test_who_may_write_one_group_may_follow_the_operation(azure, ask):
    add_table(azure.state, "one")
    hold(azure, (table_id("one"), OPERATOR))
    begun = ask("PUT", table_id("one"), json=body(to_firewall()))
    assert ask("GET", begun.headers["azure-asyncoperation"]).status_code == 200


def test_subscriptions_are_listed_where_a_role_is_held(azure, ask):
    def seen():
        return [s["subscriptionId"] for s in ask("GET", "/subscriptions").json()["value"]]

    assert seen() == [SUBSCRIPTION, OTHER_SUBSCRIPTION]
    hold(azure, (table_id("one", OTHER_SUBSCRIPTION), READER))
    assert seen() == [OTHER_SUBSCRIPTION]
    hold(azure)
    assert seen() == []


def test_a_subnet_joins_only_what_the_caller_may_join(azure, ask):
    azure.state.add_group(SUBSCRIPTION, "rg-net")
    table = add_table(azure.state, "one")
    table.subnets = []
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    ask("PUT", NETWORK, json={"location": "westeurope", "properties": space})
    subnet = {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": table_id("one")}}
    actions = tuple(f"Microsoft.Network/virtualNetworks/subnets/{a}" for a in ("read", "write"))
    writer = Role("Subnet writer", actions)
    hold(azure, ("/", writer))
    refused = ask("PUT", f"{NETWORK}/subnets/a", json={"properties": subnet})
    assert code(refused) == (403, "LinkedAuthorizationFailed")
    assert "'join/action'" in refused.json()["error"]["message"]
    assert table.subnets == []
    joiner = Role("Joiner", ("Microsoft.Network/routeTables/join/action",))
    hold(azure, ("/", writer), (table_id("one"), joiner))
    assert ask("PUT", f"{NETWORK}/subnets/a", json={"properties": subnet}).status_code == 201


# -- Locks and groups --


@pytest.mark.parametrize(
    "scope",
    [f"/subscriptions/{SUBSCRIPTION}", table_id("one").split("/providers")[0], table_id("one")],
)
def test_a_read_only_lock_refuses_every_write_below_it(azure, ask, scope):
    table = add_table(azure.state, "one", [route("a", "10.0.0.0/8")])
    azure.state.locks[scope.upper()] = Lock.READ_ONLY
    child = f"{table_id('one')}/routes/a"
    for method, path in (
        ("PUT", table_id("one")),
        ("PATCH", table_id("one")),
        ("DELETE", table_id("one")),
        ("PUT", child),
        ("DELETE", child),
    ):
        assert code(ask(method, path, json=body())) == (409, "ScopeLocked")
    assert ask("GET", table_id("one")).status_code == 200
    assert len(table.routes) == 1


def test_a_delete_lock_keeps_a_route_from_delete_but_not_from_a_whole_write(azure, ask):
    table = add_table(azure.state, "one", [route("a", "10.0.0.0/8"), to_firewall()])
    azure.state.locks[table_id("one")] = Lock.CAN_NOT_DELETE
    assert code(ask("DELETE", f"{table_id('one')}/routes/a")) == (409, "ScopeLocked")
    assert code(ask("DELETE", table_id("one"))) == (409, "ScopeLocked")
    assert len(table.routes) == 2
    assert ask("PUT", table_id("one"), json=body(to_firewall())).status_code == 200
    assert table.routes == [to_firewall()]
    add_table(azure.state, "one-more").subnets = []
    assert ask("DELETE", table_id("one-more")).status_code == 202


def test_a_group_that_is_going_takes_no_write(azure, ask):
    add_table(azure.state, "one")
    azure.state.group(table_id("one").split("/providers")[0]).being_deleted = True
    assert code(ask("PUT", table_id("one"), json=body())) == (409, "ResourceGroupBeingDeleted")
    assert ask("GET", table_id("one")).status_code == 200


# -- Throttles --


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_bucket_empties_and_fills_again():
    clock = Clock()
    throttles = Throttles(clock)
    reads = [throttles.admit("GET", "s", "me") for _ in range(250)]
    assert reads[0]["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert reads[0]["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"
    assert reads[-1]["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    with pytest.raises(ArmError, match="Number of 'read' requests") as raised:
        throttles.admit("GET", "s", "me")
    assert raised.value.status == 429
    assert raised.value.headers["Retry-After"] == "10"
    throttles.admit("GET", "s", "another")  # each principal has its own,
    throttles.admit("GET", "t", "me")  # and each subscription,
    throttles.admit("PUT", "s", "me")  # and each kind of operation
    clock.now += 0.5 / 25
    with pytest.raises(ArmError):
        throttles.admit("GET", "s", "me")
    clock.now += 0.6 / 25
    throttles.admit("GET", "s", "me")


def test_all_callers_of_a_subscription_together_are_held_too():
    throttles = Throttles(Clock())
    throttles.limits.buckets["write"] = BucketSize(2, 1)
    throttles.limits.global_factor = 2
    for caller in ("a", "b", "c", "d"):
        throttles.admit("PUT", "s", caller)
    with pytest.raises(ArmError, match="Number of 'write' requests"):
        throttles.admit("PUT", "s", "e")


def test_the_network_provider_counts_five_minutes():
    clock = Clock()
    throttles = Throttles(clock)
    for _ in range(1000):
        throttles.admit_to_network("PUT", "s")
        throttles.count_for_network("PUT", "s", 100)
        clock.now += 0.1
    with pytest.raises(ArmError) as raised:
        throttles.admit_to_network("DELETE", "s")
    assert raised.value.error["details"][0]["code"] == "RetryableErrorDueToTooManyCalls"
    assert 39 <= int(raised.value.headers["Retry-After"]) <= 64
    throttles.admit_to_network("GET", "s")
    throttles.admit_to_network("PUT", "t")
    clock.now += 199.8
    with pytest.raises(ArmError):
        throttles.admit_to_network("PUT", "s")
    clock.now += 0.3
    throttles.admit_to_network("PUT", "s")


def test_the_network_provider_counts_what_is_read():
    throttles = Throttles(Clock())
    throttles.count_for_network("GET", "s", throttles.limits.network_read_bytes - 1)
    throttles.admit_to_network("GET", "s")
    throttles.count_for_network("GET", "s", 1)
    with pytest.raises(ArmError) as raised:
        throttles.admit_to_network("GET", "s")
    assert raised.value.error["details"][0]["code"] == "RetryableErrorDueTooHighReadDataSize"
    throttles.admit_to_network("PUT", "s")


def test_throttled_requests_have_no_effect_and_are_answered_over_http(azure, ask):
    table = add_table(azure.state, "one")
    azure.state.throttles.limits.buckets["write"] = BucketSize(1, 0)
    left = "x-ms-ratelimit-remaining-subscription-writes"
    assert ask("PUT", table_id("one"), json=body(to_firewall())).headers[left] == "0"
    refused = ask("PUT", table_id("one"), json=body())
    assert code(refused) == (429, "SubscriptionRequestsThrottled")
    assert "details" not in refused.json()["error"]
    assert table.routes == [to_firewall()]
