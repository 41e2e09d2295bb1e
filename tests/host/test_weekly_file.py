"""The weekly file as a second source of an app in the Functions host."""

from datetime import UTC, datetime

from tests.builders.azure import add_table, answer
from tests.builders.routes import owned_prefixes
from tests.builders.weekly import DownloadCenter
from tests.host.test_functions import register, run_to_end

A, B = "20.0.0.0/24", "20.0.1.0/24"


def test_a_run_adds_what_the_api_lacks_and_its_report_and_version_say_so(azure, make_host):
    answer(azure, A)
    table = add_table(azure.state, "one")
    today = datetime.now(UTC).date()
    with DownloadCenter() as center:
        center.publish([A, B], today)
        host = make_host(PUBLISHED_TAGS_URL=center.url)
        register(host, "one")
        report = run_to_end(host)
    assert (report["status"], owned_prefixes(table)) == ("Succeeded", {A, B})
    [outcome] = report["outcomes"]
    assert [found["code"] for found in outcome["findings"]] == ["ApiLacksAddresses"]

    version = host.request("GET", f"/api/versions/{outcome['versionIds'][0]}").json()
    lacks = {"prefix": B, "since": str(today), "changeNumber": "374"}
    assert (version["addressPrefixes"], version["apiLacks"]) == ([A, B], [lacks])
    assert host.request("GET", "/api/lists/AppServiceManagement.txt").text.split() == [A, B]
