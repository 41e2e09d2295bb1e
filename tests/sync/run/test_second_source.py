"""The weekly file beside the API, over HTTP: what is written, what is reported, what stays."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from local.azure.faults import InjectedFault as Injected
from local.azure.faults import LoseTag
from local.azure.server import SimulatedAzure
from shared.answers import plain_list
from shared.domain.addresses import Publication, ipv4_of, uncovered
from shared.sync.run.second_source import Second
from tests.builders.azure import SUBSCRIPTION, add_table, answer, tag_document
from tests.builders.recorded import DOCUMENTS, needs_documents
from tests.builders.routes import owned, owned_prefixes, to_firewall
from tests.builders.runs import TAG, codes, outcome_of, register, sync
from tests.builders.weekly import MONDAY, DownloadCenter, prefixes_of, real_file

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"
DAY = timedelta(days=1)
OCTOBER_8, OCTOBER_27 = (f"ServiceTags_Public_{day}.json" for day in ("20251008", "20251027"))


@pytest.fixture
def center(clock):
    with DownloadCenter() as running:
        yield running


@pytest.fixture
def app(make_app, center):
    return make_app(PUBLISHED_TAGS_URL=center.url)


@pytest.fixture
def table(azure, app):
    """A registered table with a route to a firewall."""
    found = add_table(azure.state, "one", [to_firewall()])
    register(app, "one")
    return found


def run(app):
    whole = sync(app)
    return whole, outcome_of(whole, "one")


def sent(azure):
    """The prefixes of our routes in the body of the one PUT since the last call."""
    [put] = [entry for entry in azure.state.writes() if entry["method"] == "PUT"]
    azure.state.log.clear()
    routes = {one["name"]: one["properties"] for one in put["body"]["properties"]["routes"]}
    assert routes.pop("default-via-firewall") == to_firewall()["properties"]
    return {one["addressPrefix"] for one in routes.values()}


def messages(outcome, code):
    return [found["message"] for found in outcome["findings"] if found["code"] == code]


def lacks(app):
    return {one.prefix: one.since for one in app.versions.newest(TAG).additions}


# The real files of October 2025


@pytest.fixture
def november(clock, azure):
    azure.state.tags.page_size = 10_000
    clock.move_to(datetime(2025, 11, 3, 6, tzinfo=UTC))


@needs_documents
@pytest.mark.usefixtures("november")
def test_the_api_is_behind_the_real_file(azure, app, center, table):
    old = json.loads(real_file(OCTOBER_8))
    azure.state.tags.answers["westeurope"] = old
    new = center.publish_real(OCTOBER_27)
    whole, outcome = run(app)
    assert (whole["status"], whole["error"]) == ("Succeeded", None)

    # Everything that either has gets a route, if nothing wider has one already.
    wanted = ipv4_of(prefixes_of(old)), ipv4_of(prefixes_of(new))
    assert {*wanted[0]} <= sent(azure) == owned_prefixes(table)
    assert {*wanted[1]} - owned_prefixes(table) == set()
    [said] = messages(outcome, "ApiLacksAddresses")
    assert said.startswith(
        "AppServiceManagement: the API lacks, since the weekly file of 2025-10-27 "
        "(change number 374), "
    )
    version = app.versions.newest(TAG)
    assert (version.change_number, version.locations) == ("67", ("westeurope",))
    assert {*lacks(app)} == {*prefixes_of(new)} - {*prefixes_of(old)}


@needs_documents
@pytest.mark.usefixtures("november")
def test_the_api_is_ahead_of_the_real_file(azure, app, center, table):
    new = json.loads(real_file(OCTOBER_27))
    azure.state.tags.answers["westeurope"] = new
    old = center.publish_real(OCTOBER_8)
    _, outcome = run(app)
    alone = {*ipv4_of(prefixes_of(old))} - {*ipv4_of(prefixes_of(new))}
    assert sent(azure) == {*ipv4_of(prefixes_of(new))} | alone
    assert {*lacks(app)} == {*prefixes_of(old)} - {*prefixes_of(new)}
    assert ("ApiLacksAddresses" in codes(outcome)) is bool(alone)


@needs_documents
@pytest.mark.parametrize(
    ("cloud", "behind", "ahead"),
    [
        ("AzureUSGovernment", "AzureGovernment_20200827", "AzureGovernment_20260706"),
        ("AzureChinaCloud", "China_20200914", "China_20260706"),
    ],
)
def test_in_other_clouds_the_api_can_be_years_behind_the_real_file(
    make_app, center, clock, monkeypatch, cloud, behind, ahead
):
    clock.move_to(datetime(2026, 7, 8, 6, tzinfo=UTC))
    old = json.loads((DOCUMENTS / f"ServiceTags_{behind}.json").read_bytes())
    new = center.publish_real(f"ServiceTags_{ahead}.json")
    with SimulatedAzure(cloud) as azure:
        azure.state.add_group(SUBSCRIPTION, "rg")
        azure.state.tags.answers["westeurope"] = old
        settings = {**azure.environment(), "AZURE_CLOUD": cloud, "PUBLISHED_TAGS_URL": center.url}
        app = make_app(**settings)
        monkeypatch.setenv("IDENTITY_ENDPOINT", settings["IDENTITY_ENDPOINT"])
        app.pull.record([TAG], run_id="one")

    version = app.versions.newest(TAG)
    known, added = ipv4_of(prefixes_of(old)), ipv4_of(lacks(app))
    assert {*version.ipv4} == {*known, *added}
    assert uncovered(ipv4_of(prefixes_of(new)), version.ipv4) == frozenset()
    assert added
    assert {str(since.published_on) for since in lacks(app).values()} == {"2026-07-06"}


# What is wanted, and what is gone


def test_what_either_has_is_wanted(azure, app, center, table):
    answer(azure, A, B)
    center.publish([B, C])
    _, outcome = run(app)
    assert sent(azure) == {A, B, C}
    [said] = messages(outcome, "ApiLacksAddresses")
    since = f"the weekly file of {MONDAY} (change number 374)"
    assert said == f"AppServiceManagement: the API lacks, since {since}, {C}"


def test_the_day_since_when_the_api_lacks_it_stays(azure, app, center, clock, table):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    clock.shift(7 * DAY)
    center.publish([A, B, C], MONDAY + 7 * DAY, number=375)
    run(app)
    since = lacks(app)
    assert (since[B].published_on, since[B].change_number) == (MONDAY, "374")
    assert (since[C].published_on, since[C].change_number) == (MONDAY + 7 * DAY, "375")


def test_a_newer_file_with_the_same_addresses_is_no_new_version(azure, app, center, clock, table):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    clock.shift(7 * DAY)
    center.publish([A, B], MONDAY + 7 * DAY, number=375)
    _, outcome = run(app)
    assert (outcome["status"], len(list(app.versions.history(TAG)))) == ("unchanged", 1)


def test_when_the_api_has_it_too_the_version_says_so(azure, app, center, table):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    answer(azure, A, B)
    _, outcome = run(app)
    assert (outcome["status"], outcome["findings"]) == ("unchanged", [])
    assert [len(version.additions) for version in app.versions.history(TAG)] == [1, 0]


def test_what_the_api_drops_and_the_file_has_stays(azure, app, center, table):
    answer(azure, A, B)
    center.publish([A, B])
    run(app)
    azure.state.log.clear()
    answer(azure, A)
    _, outcome = run(app)
    assert (outcome["status"], owned_prefixes(table)) == ("unchanged", {A, B})
    assert {*lacks(app)} == {B}
    assert azure.state.writes() == []


def test_what_the_file_drops_and_the_api_has_stays(azure, app, center, clock, table):
    answer(azure, A, B)
    center.publish([A, B])
    run(app)
    clock.shift(7 * DAY)
    center.publish([A], MONDAY + 7 * DAY)
    _, outcome = run(app)
    assert (outcome["status"], owned_prefixes(table)) == ("unchanged", {A, B})


def test_what_neither_has_is_gone(azure, app, center, clock, table):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    azure.state.log.clear()
    clock.shift(7 * DAY)
    center.publish([A], MONDAY + 7 * DAY)
    _, outcome = run(app)
    assert (outcome["removed"], sent(azure)) == ([B], {A})


def test_what_neither_has_keeps_its_grace(azure, make_app, center, clock, table):
    app = make_app(PUBLISHED_TAGS_URL=center.url, REMOVAL_GRACE_DAYS="28")
    answer(azure, A)
    center.publish([A, B])
    run(app)
    clock.shift(7 * DAY)
    center.publish([A], MONDAY + 7 * DAY)
    _, outcome = run(app)
    assert (outcome["removed"], [one["prefix"] for one in outcome["retained"]]) == ([], [B])
    assert owned_prefixes(table) == {A, B}


def test_a_part_of_what_the_api_has_is_not_lacking(azure, app, center, table):
    answer(azure, "20.0.0.0/23", "2a01:111::/48")
    center.publish([A, B, C, "2a01:111::/48", "2a01:112::/48"])
    run(app)
    assert sent(azure) == {"20.0.0.0/23", C}
    assert {*lacks(app)} == {C, "2a01:112::/48"}


def test_without_the_setting_nothing_is_fetched(azure, make_app, center, table):
    answer(azure, A)
    center.publish([A, B])
    run(make_app())
    assert (sent(azure), center.asked) == ({A}, [])


def test_a_blob_is_a_second_source(azure, make_app, app_settings, table):
    answer(azure, A)
    document = {"changeNumber": 374, **tag_document([A, B])}
    with BlobServiceClient.from_connection_string(app_settings["AzureWebJobsStorage"]) as service:
        container = service.create_container("service-tags")
        name = f"ServiceTags_Public_{MONDAY:%Y%m%d}.json"
        url = container.upload_blob(name, json.dumps(document)).url
    run(make_app(PUBLISHED_TAGS_URL=url))
    assert sent(azure) == {A, B}


# A file that is missing or wrong

WRONG = {
    "missing": lambda center: center.statuses.update({center.name: 404}),
    "forbidden": lambda center: center.statuses.update({center.name: 403}),
    "of another cloud": lambda center: replaced(center, b'"Public"', b'"China"'),
    "empty": lambda center: emptied(center, b""),
    "without tags": lambda center: emptied(center, b'{"cloud": "Public", "values": []}'),
    "HTML": lambda center: emptied(center, b"<!DOCTYPE html><html></html>"),
    "not whole": lambda center: emptied(center, center.content[:-9]),
    "cut off": lambda center: center.headers.update(
        {"Content_Length": str(len(center.content) + 9)}
    ),
    "on a page without it": lambda center: setattr(center, "page", b"<html>Sorry</html>"),
    "on another host": lambda center: setattr(center, "host", "https://example.org"),
    "moved to another host": lambda center: setattr(center, "redirect", "https://example.org/"),
    "without the tag": lambda center: replaced(center, TAG.encode(), b"Sql"),
    "too wide": lambda center: center.publish([A, "20.0.0.0/8"]),
    "not public": lambda center: center.publish([A, "10.1.0.0/24"]),
    "older than the last": lambda center: center.publish([A], MONDAY - DAY),
    "yet to come": lambda center: center.publish([A], MONDAY + 30 * DAY),
}


def replaced(center, old, new):
    emptied(center, center.content.replace(old, new))


def emptied(center, content):
    center.content = content


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_takes_nothing_away_and_is_told(azure, app, center, table, wrong):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    azure.state.log.clear()
    answer(azure, A, C)
    WRONG[wrong](center)
    whole, outcome = run(app)
    assert (whole["status"], whole["error"]) == ("Succeeded", None)
    assert (outcome["added"], outcome["removed"], sent(azure)) == ([C], [], {A, B, C})
    assert codes(outcome) == ["WeeklyFileUnusable", "ApiLacksAddresses"]
    [alarm] = app.check.check().alarms
    assert alarm.code.name == "WeeklyFileUnusable"


@pytest.mark.parametrize("wrong", sorted(WRONG.keys() - {"older than the last"}))
def test_a_wrong_file_adds_nothing(azure, app, center, table, wrong):
    answer(azure, A)
    center.publish([A, B])
    WRONG[wrong](center)
    whole, outcome = run(app)
    assert (whole["status"], sent(azure)) == ("Succeeded", {A})
    assert codes(outcome) == ["WeeklyFileUnusable"]


@pytest.mark.parametrize(("age", "added"), [(35, {B}), (36, set())])
def test_a_file_that_is_too_old_adds_nothing(azure, app, center, clock, table, age, added):
    answer(azure, A)
    center.publish([A, B], date(2026, 3, 4) - age * DAY)
    _, outcome = run(app)
    assert sent(azure) == {A} | added
    assert codes(outcome) == ["ApiLacksAddresses" if added else "WeeklyFileStale"]


@pytest.mark.parametrize(("days", "left"), [(33, {A, B}), (34, {A})])
def test_what_a_file_added_stays_until_that_file_is_too_old(
    azure, app, center, clock, table, days, left
):
    answer(azure, A)
    center.publish([A, B])  # it is two days old
    run(app)
    center.statuses["details.aspx?id=56519"] = 404
    clock.shift(days * DAY)
    run(app)
    assert owned_prefixes(table) == left


def test_each_run_makes_the_last_file_a_newer_one(azure, app, center, clock, table):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    clock.shift(28 * DAY)
    center.publish([A, B], MONDAY + 28 * DAY)
    run(app)
    center.statuses["details.aspx?id=56519"] = 404
    clock.shift(28 * DAY)
    run(app)
    assert owned_prefixes(table) == {A, B}


def test_an_error_that_nobody_foresaw_is_the_files_alone(azure, app, center, table, monkeypatch):
    def fail(_):
        raise ZeroDivisionError

    answer(azure, A)
    monkeypatch.setattr(type(app.pull.second.files), "read", fail)
    whole, outcome = run(app)
    assert (whole["status"], sent(azure)) == ("Succeeded", {A})
    [said] = messages(outcome, "WeeklyFileUnusable")
    assert "InternalError: ZeroDivisionError" in said


def test_a_tag_that_neither_has_is_no_fault_of_the_file(azure, make_app, center, table):
    app = make_app(PUBLISHED_TAGS_URL=center.url, ALLOWED_SERVICE_TAGS=f"{TAG},Misspelled")
    answer(azure, A)
    center.publish([A])
    _, outcome = run(app)
    assert (outcome["findings"], app.check.check().alarms) == ([], ())


# The API is down


@pytest.fixture
def api_without_tag(azure):
    def lose():
        azure.state.faults.append(
            Injected(method="GET", path="serviceTags$", effect=LoseTag(), times=999)
        )

    return lose


def test_while_the_api_has_no_answer_the_file_adds_and_nothing_is_removed(
    azure, app, center, clock, table, api_without_tag
):
    answer(azure, A)
    center.publish([A, B])
    run(app)
    azure.state.log.clear()
    clock.shift(7 * DAY)
    table.routes.append(owned("20.9.0.0/24"))
    center.publish([C], MONDAY + 7 * DAY)
    api_without_tag()
    whole, outcome = run(app)
    assert (whole["status"], whole["error"]["code"]) == ("Failed", "TagUnavailable")
    assert (outcome["added"], outcome["removed"]) == ([C], [])
    assert sent(azure) == {A, B, C, "20.9.0.0/24"}
    assert {p: s.published_on for p, s in lacks(app).items()} == {
        B: MONDAY,
        C: MONDAY + 7 * DAY,
    }
    _, again = run(app)
    assert (again["added"], len(app.versions.history(TAG))) == ([], 2)


def test_the_file_alone_is_no_first_version(azure, app, center, table, api_without_tag):
    center.publish([A])
    api_without_tag()
    whole, outcome = run(app)
    assert (whole["error"]["code"], outcome["error"]["code"]) == ("TagUnavailable",) * 2
    assert azure.state.writes() == []
    assert app.versions.newest(TAG) is None


# Two workers, and one that ends in the middle


@pytest.fixture
def late(make_app, center):
    """A worker before whose next version another one records its own."""
    app = make_app(PUBLISHED_TAGS_URL=center.url)
    append = app.versions.append
    before: list[Callable[[], None]] = []

    def appended(*arguments, **named):
        if before:
            before.pop()()
        return append(*arguments, **named)

    app.versions.append = appended
    return app, before


def test_a_worker_without_the_file_keeps_what_another_has_just_added(azure, app, center, late):
    answer(azure, A)
    center.statuses["details.aspx?id=56519"] = 404
    app.pull.record([TAG], run_id="one")
    answer(azure, A, C)

    def with_the_file():
        center.statuses.clear()
        center.publish([A, B])
        app.pull.record([TAG], run_id="two")

    slow, before = late
    before.append(with_the_file)
    slow.pull.record([TAG], run_id="three")
    assert app.versions.newest(TAG).address_prefixes == (A, B, C)


def test_a_worker_without_the_api_keeps_what_another_has_just_read(
    azure, app, center, late, api_without_tag
):
    answer(azure, A)
    center.publish([A])
    app.pull.record([TAG], run_id="one")
    center.publish([A, C])
    api_without_tag()

    def with_the_api():
        azure.state.faults.clear()
        center.publish([A])
        answer(azure, A, B)
        app.pull.record([TAG], run_id="two")

    slow, before = late
    before.append(with_the_api)
    slow.pull.record([TAG], run_id="three")
    assert app.versions.newest(TAG).address_prefixes == (A, B, C)


def test_a_worker_with_an_older_file_keeps_what_another_has_added_from_a_newer_one(
    azure, app, center, late
):
    answer(azure, A)
    center.publish([A])
    app.pull.record([TAG], run_id="one")
    center.publish([A, B])

    def with_the_newer_file():
        center.publish([A, C], MONDAY + DAY)
        app.pull.record([TAG], run_id="two")

    slow, before = late
    before.append(with_the_newer_file)
    slow.pull.record([TAG], run_id="three")
    assert app.versions.newest(TAG).address_prefixes == (A, B, C)


def test_the_last_file_never_gets_older(app):
    newer, older = Publication(MONDAY, "374"), Publication(MONDAY - DAY, "373")
    for found in (newer, older):
        app.pull.second.note(Second(found))
    assert app.pull.store.publications.read() == newer


def test_what_a_run_added_stays_if_it_ended_in_the_middle(azure, app, center, clock, monkeypatch):
    answer(azure, A)
    center.publish([A])
    app.pull.record([TAG], run_id="one")
    clock.shift(42 * DAY)
    center.publish([A, B], MONDAY + 42 * DAY)
    append = app.versions.append

    def append_and_end(*arguments, **named):
        append(*arguments, **named)
        raise OSError("the worker was stopped")

    monkeypatch.setattr(app.versions, "append", append_and_end)
    with pytest.raises(OSError, match="stopped"):
        app.pull.record([TAG], run_id="two")
    monkeypatch.setattr(app.versions, "append", append)
    center.statuses["details.aspx?id=56519"] = 404
    app.pull.record([TAG], run_id="two")
    assert app.versions.newest(TAG).address_prefixes == (A, B)


# Who else sees it


def test_the_daily_check_starts_a_run_for_what_the_file_adds(azure, app, center, clock, table):
    answer(azure, A)
    center.publish([A])
    run(app)
    assert app.check.check().run_id is None
    clock.shift(DAY)
    center.publish([A, B], MONDAY + DAY)
    checked = app.check.check()
    assert (checked.differs, checked.alarms) == ((TAG,), ())
    for one in app.run_start.start(checked.run_id):
        app.tables.sync(checked.run_id, one)
    assert owned_prefixes(table) == {A, B}
    assert app.check.check().all_right


def test_the_daily_check_does_so_as_well_while_the_api_has_no_answer(
    azure, app, center, clock, table, api_without_tag
):
    answer(azure, A)
    center.publish([A])
    run(app)
    api_without_tag()
    assert app.check.check().differs == ()
    clock.shift(DAY)
    center.publish([A, B], MONDAY + DAY)
    checked = app.check.check()
    assert (checked.differs, [alarm.code.name for alarm in checked.alarms]) == (
        (TAG,),
        ["TagUnavailable"],
    )
    for one in app.run_start.start(checked.run_id):
        app.tables.sync(checked.run_id, one)
    assert owned_prefixes(table) == {A, B}


def test_a_list_for_others_has_it_too_with_its_grace(azure, make_app, center, clock, table):
    app = make_app(PUBLISHED_TAGS_URL=center.url, REMOVAL_GRACE_DAYS="28")
    answer(azure, A)
    center.publish([A, B])
    run(app)
    assert plain_list(app, TAG).version.address_prefixes == (A, B)
    clock.shift(7 * DAY)
    center.publish([A], MONDAY + 7 * DAY)
    run(app)
    listed = plain_list(app, TAG)
    assert (listed.version.address_prefixes, [*listed.retained]) == ((A,), [B])
