"""The weekly file: its form, its cloud and its day."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain import codes
from shared.domain.addresses import Publication
from shared.domain.errors import UnusableWeeklyFile
from shared.domain.weekly_file import WeeklyFile, check_day, day_in_name, parse_weekly_file
from tests.builders.recorded import DOCUMENTS, needs_documents

TODAY = date(2026, 3, 4)
DAY = timedelta(days=1)
NAME = "ServiceTags_Public_20260302.json"
GOOD = {"changeNumber": 374, "cloud": "Public", "values": [{"name": "Sql"}]}


def parsed(content, name=NAME, modified_at=None, cloud="AzureCloud"):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return parse_weekly_file(content, name=name, modified_at=modified_at, cloud=cloud)


@needs_documents
@pytest.mark.parametrize(
    ("name", "cloud", "number"),
    [
        ("ServiceTags_Public_20251008.json.gz", "AzureCloud", "371"),
        ("ServiceTags_Public_20251027.json.gz", "AzureCloud", "374"),
        ("ServiceTags_AzureGovernment_20260706.json.gz", "AzureUSGovernment", "400"),
        ("ServiceTags_China_20260706.json.gz", "AzureChinaCloud", "403"),
        ("ServiceTags_AzureGovernment_20200827.json", "AzureUSGovernment", "97"),
        ("ServiceTags_China_20200914.json", "AzureChinaCloud", "105"),
    ],
)
def test_each_real_file_is_read(name, cloud, number):
    raw = (DOCUMENTS / name).read_bytes()
    content = gzip.decompress(raw) if name.endswith(".gz") else raw
    day = datetime.strptime(name.split("_")[2][:8], "%Y%m%d").replace(tzinfo=UTC).date()
    file = parsed(content, name.removesuffix(".gz"), cloud=cloud)
    assert file.publication == Publication(day, number)
    with pytest.raises(UnusableWeeklyFile, match="is of the cloud"):
        parsed(content, name, cloud="AzureCloud" if cloud != "AzureCloud" else "AzureChinaCloud")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "is an HTML page"),
        (b"\n <html>", "is an HTML page"),
        (json.dumps(GOOD).encode()[:-20], "is no JSON, or not all of it"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        ([GOOD], "is not a JSON object"),
        ({**GOOD, "cloud": "China"}, "is of the cloud 'China', and not of AzureCloud"),
        ({"values": GOOD["values"]}, "is of the cloud None"),
        ({**GOOD, "values": []}, "has no service tags"),
        ({**GOOD, "values": {"name": "Sql"}}, "has no service tags"),
        ({"cloud": "Public"}, "has no service tags"),
    ],
)
def test_anything_else_is_refused_with_the_reason(content, said):
    with pytest.raises(UnusableWeeklyFile, match=said) as raised:
        parsed(content)
    assert raised.value.message.startswith(NAME)
    assert raised.value.code == codes.WEEKLY_FILE_UNUSABLE


def test_a_byte_order_mark_is_no_fault():
    assert parsed(b"\xef\xbb\xbf" + json.dumps(GOOD).encode()).publication.change_number == "374"


@pytest.mark.parametrize(
    ("name", "day"),
    [
        (NAME, date(2026, 3, 2)),
        ("ours-20260301.JSON", date(2026, 3, 1)),
        ("weekly.json", None),
        ("ServiceTags_Public_20261302.json", None),
        ("ServiceTags_Public_120260302.json", None),
    ],
)
def test_the_day_is_in_the_name(name, day):
    assert day_in_name(name) == day


def test_without_a_day_in_the_name_the_last_change_counts():
    modified_at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert parsed(GOOD, "weekly.json", modified_at).publication.published_on == date(2026, 3, 1)
    assert parsed(GOOD, NAME, modified_at).publication.published_on == date(2026, 3, 2)
    with pytest.raises(UnusableWeeklyFile, match=r"neither the name of weekly\.json nor its serv"):
        parsed(GOOD, "weekly.json")


def of_day(day):
    return WeeklyFile("the file", Publication(day, "374"), GOOD)


@pytest.mark.parametrize("age", [-7, 0, 35])
def test_a_file_is_believed_for_35_days(age):
    check_day(of_day(TODAY - age * DAY), None, TODAY)


@pytest.mark.parametrize(
    ("age", "code", "said"),
    [
        (36, codes.WEEKLY_FILE_STALE, "is of 2026-01-27, 36 days ago"),
        (-8, codes.WEEKLY_FILE_UNUSABLE, "is of 2026-03-12, which is yet to come"),
    ],
)
def test_another_file_is_too_old_or_too_new(age, code, said):
    with pytest.raises(UnusableWeeklyFile, match=said) as raised:
        check_day(of_day(TODAY - age * DAY), None, TODAY)
    assert raised.value.code == code


def test_a_file_must_not_be_older_than_the_one_before():
    last = Publication(TODAY, "375")
    check_day(of_day(TODAY), last, TODAY)
    with pytest.raises(UnusableWeeklyFile, match="is older than the weekly file of 2026-03-04"):
        check_day(of_day(TODAY - DAY), last, TODAY)
