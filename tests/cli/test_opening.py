"""Where the dashboard is, and what opens it."""

from datetime import timedelta

import pytest

from shared.app import utc_now
from shared.domain.app_record import AppRecord


@pytest.fixture
def record(app):
    """Let the app have recorded these settings."""

    def write(**settings):
        now = utc_now()
        # No process whose settings are older writes over it.
        later = now + timedelta(minutes=10)
        app.store.app_records.write(
            AppRecord(settings=settings, version="1", read_at=later, recorded_at=now)
        )

    return write


def test_the_address_that_the_app_has_recorded(record, cli):
    record(WEBSITE_HOSTNAME="func-1.azurewebsites.net", WEBSITE_SITE_NAME="func-1")
    done = cli("open")
    assert (done.status, done.out) == (0, "https://func-1.azurewebsites.net/api/dashboard\n")
    assert "It takes a key, as the parameter code in its query" in done.err
    assert "az functionapp keys list --resource-group GROUP --name func-1" in done.err


def test_a_gateway_comes_before_the_host_and_this_environment_before_the_record(record, cli):
    record(WEBSITE_HOSTNAME="func-1.azurewebsites.net", PUBLIC_URL="https://net.example/routes")
    assert cli("open").out == "https://net.example/routes/api/dashboard\n"
    here = cli("open", "--json", PUBLIC_URL="https://here.example")
    assert here.json == {"url": "https://here.example/api/dashboard"}


def test_with_tokens_a_person_signs_in(record, cli):
    record(WEBSITE_HOSTNAME="func-1.azurewebsites.net", REQUIRE_TOKENS="true")
    done = cli("open")
    assert "app role Reader" in done.err
    assert "key" not in done.err


def test_an_address_that_nobody_knows_is_found_in_this_way(cli):
    done = cli("open")
    assert (done.status, done.out) == (1, "")
    assert "AddressUnknown" in done.err
    assert "az functionapp list" in done.err and "PUBLIC_URL" in done.err
