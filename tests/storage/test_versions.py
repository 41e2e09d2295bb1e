"""Versions on Azurite."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.addresses import SourceContent
from shared.domain.errors import ConcurrentUpdate
from tests.builders.azure import ase_id_of
from tests.builders.runs import TAG

NOW = datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def content(*prefixes, number="1", routable=None):
    return SourceContent(TAG, number, ("westeurope",), prefixes, routable)


def test_a_tag_of_any_real_size_is_recorded(app):
    prefixes = tuple(f"20.{n // 256}.{n % 256}.0/24" for n in range(20_000))
    recorded = app.versions.append(content(*prefixes), None, recorded_at=NOW, run_id="r")
    assert app.versions.get(recorded.version_id).address_prefixes == prefixes
    assert app.versions.newest(TAG) == recorded


@pytest.mark.parametrize("routable", [True, False, None])
def test_what_the_answer_says_of_routes_is_recorded(app, routable):
    """A row that was written before this was recorded is like one whose answer did not say it."""
    said = content("20.0.0.0/24", routable=routable)
    recorded = app.versions.append(said, None, recorded_at=NOW, run_id="r")
    assert recorded.routable is app.versions.newest(TAG).routable is routable
    [row] = app.account.versions.list_entities()
    assert row.get("routable") is routable


def test_a_version_is_appended_once_whoever_comes_second(app):
    first = app.versions.append(content("20.0.0.0/24"), None, recorded_at=NOW, run_id="r")
    with pytest.raises(ConcurrentUpdate):
        app.versions.append(content("20.0.1.0/24"), None, recorded_at=NOW, run_id="s")
    second = app.versions.append(content("20.0.1.0/24"), first, recorded_at=NOW, run_id="s")
    assert [v.version_id for v in app.versions.history(TAG)] == [
        f"AzureCloud.{TAG}-000001",
        f"AzureCloud.{TAG}-000002",
    ]
    assert second.previous_version_id == first.version_id


def test_two_pulls_at_once_record_one_version(app, monkeypatch):
    append = app.versions.append

    def beaten(*arguments, **named):
        monkeypatch.setattr(app.versions, "append", append)
        append(*arguments, **named)
        return append(*arguments, **named)

    monkeypatch.setattr(app.versions, "append", beaten)
    pulled = app.pull.record([TAG], run_id="r")
    assert app.versions.history(TAG) == list(pulled.versions)


@pytest.mark.parametrize("version_id", ["", "x", f"AzureCloud.{TAG}-1", "a/b-000001", "é-000001"])
def test_an_id_that_no_version_has_is_no_error(app, version_id):
    assert app.versions.get(version_id) is None


def test_the_newest_of_each_source_is_told_without_its_addresses(app):
    ase = ase_id_of("one").lower()
    first = app.versions.append(content("20.0.0.0/24"), None, recorded_at=NOW, run_id="r")
    newest = app.versions.append(content("20.0.1.0/24"), first, recorded_at=LATER, run_id="r")
    other = SourceContent(ase, "", (), ("20.0.2.0/24",))
    of_ase = app.versions.append(other, None, recorded_at=NOW, run_id="r")
    heads = app.versions.heads()
    assert {source: head.version_id for source, head in heads.items()} == {
        TAG: newest.version_id,
        ase: of_ase.version_id,
    }
    assert heads[TAG].recorded_at == LATER
    assert app.versions.heads_of([TAG, "Unknown"]) == {TAG: heads[TAG]}
    many = [TAG, *(f"Unknown{number}" for number in range(20))]
    assert app.versions.heads_of(many) == heads


@pytest.mark.parametrize(("days", "oldest"), [(0, 11), (26, 8), (27, 7)])
def test_the_recent_versions_reach_back_to_what_stood_so_many_days_before(app, days, oldest):
    last = None
    for week in range(12):
        at = NOW + timedelta(weeks=week)
        last = app.versions.append(content(f"20.0.{week}.0/24"), last, recorded_at=at, run_id="r")
    found = app.versions.recent(TAG, days=days)
    assert [int(version.version_id[-6:]) for version in found] == [*range(oldest, 13)]
    assert app.versions.recent(TAG, days=3650) == app.versions.history(TAG)
    assert app.versions.recent("Storage", days=days) == []
