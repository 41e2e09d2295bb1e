"""What there is to look at: versions, runs."""

from datetime import UTC, datetime

from tests.builders.azure import add_table, answer
from tests.builders.runs import TAG, register, sync
from tests.builders.weekly import DownloadCenter

A, B, C = "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24"


def test_versions_one_of_them_and_the_difference_of_two(azure, app, cli):
    assert "No version is recorded yet" in cli("versions").out
    for prefixes in ((A, B), (B, C)):
        answer(azure, *prefixes)
        sync(app)
    newest, first = (v["versionId"] for v in cli("versions", "--json").json["value"])
    listed = cli("versions", "--top", "1").out
    assert newest in listed and first not in listed
    shown = cli("versions", newest).out
    assert f"+ {C}" in shown and f"- {A}" in shown and f"  {B}" in shown
    change = cli("versions", first, newest)
    assert change.status == 0
    assert f"+ {C}" in change.out and f"- {A}" in change.out
    assert "1 added, 1 removed" in change.out
    assert cli("versions", newest, first, "--json").json == {
        "from": newest,
        "to": first,
        "added": [A],
        "removed": [C],
    }
    unknown = cli("versions", "nonsense")
    assert unknown.status == 1
    assert "VersionNotFound" in unknown.err


def test_runs_and_the_report_of_one(azure, app, cli):
    assert "No run yet" in cli("runs").out
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")
    run_id = sync(app)["runId"]
    assert run_id in cli("runs").out
    report = cli("runs", run_id)
    assert report.status == 0
    assert f"+ {A}" in report.out
    assert cli("runs", run_id, "--json").json["runId"] == run_id
    assert "RunNotFound" in cli("runs", "nonsense").err


def test_a_plan_and_a_version_tell_what_the_weekly_file_alone_has(azure, app, cli):
    answer(azure, A)
    add_table(azure.state, "one")
    register(app, "one")
    with DownloadCenter() as center:
        center.publish([A, B, C], datetime.now(UTC).date())
        planned = cli("plan", PUBLISHED_TAGS_URL=center.url)
    assert "are IPv4; the API lacks 2, which the weekly file has (version" in planned.out
    shown = cli("versions", app.versions.newest(TAG).version_id)
    assert "API lacks      2 of these prefixes, which the weekly file has" in shown.out
