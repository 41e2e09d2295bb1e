"""The app's own identity, and how long anybody waits to learn it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.azure.faults import Delay, InjectedFault
from shared.arm import credential

TOKENS = "/msi/token"


@pytest.fixture
def ours(azure):
    principal = azure.state.identities.app
    return {principal.object_id, principal.client_id}


def test_our_own_names_are_asked_once(azure, app, ours):
    azure.state.faults.append(InjectedFault(method="GET", path=TOKENS, effect=Delay(seconds=0)))
    assert app.identity.names() == app.identity.names() == ours
    assert azure.state.faults[0].times == 0


def test_a_tool_that_other_people_use_as_well_is_no_name_of_ours(azure, make_app):
    """On a laptop, the app signs in as a person, through the Azure CLI."""
    person = azure.state.identities.person
    names = make_app(AZURE_CLIENT_ID=person.client_id).identity.names()
    assert names == {person.object_id, person.sign_in_name}


def test_an_identity_that_does_not_answer_holds_up_one_alert_and_leaves_no_thread(
    azure, app, ours, monkeypatch
):
    monkeypatch.setattr(credential, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(credential, "WAIT_SECONDS", 0.5)
    stalled = InjectedFault(method="GET", path=TOKENS, effect=Delay(seconds=5), times=2)
    azure.state.faults.append(stalled)
    before = set(threading.enumerate())
    assert app.identity.names() == frozenset()
    assert set(threading.enumerate()) <= before
    # It is not asked again at once.
    assert app.identity.names() == frozenset()
    assert stalled.times == 1
    stalled.times = 0
    monkeypatch.setattr(app.identity, "_waits_until", 0.0)
    monkeypatch.setattr(credential, "PATIENCE_SECONDS", 10)
    assert app.identity.names() == ours


def test_alerts_that_come_at_once_all_learn_who_we_are(azure, app, ours):
    slow = InjectedFault(method="GET", path=TOKENS, effect=Delay(seconds=0.2), times=8)
    azure.state.faults.append(slow)
    with ThreadPoolExecutor(8) as callers:
        names = [one.result() for one in [callers.submit(app.identity.names) for _ in range(8)]]
    assert names == [ours] * 8
