import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import (
    SourceContent,
    difference,
    in_order,
    ipv4_of,
    parse_service_tag,
    union,
)
from shared.domain.errors import UnusableServiceTag
from tests.builders.azure import history, tag_document
from tests.builders.recorded import BESIDE, needs_recordings

TAG = "AppServiceManagement"


def parse(document: object, *, location: str = "westeurope", min_prefix_length: int = 16):
    return parse_service_tag(document, TAG, location=location, min_prefix_length=min_prefix_length)


@pytest.mark.parametrize(
    ("cloud", "versions", "ipv4", "ipv6"),
    [("AzureCloud", 38, 276, 184), ("AzureUSGovernment", 8, 18, 15), ("AzureChinaCloud", 6, 14, 7)],
)
def test_the_real_history_of_each_cloud_is_believed(cloud, versions, ipv4, ipv6):
    contents = [parse(tag_document(p["addressPrefixes"])) for p in history(cloud)]
    newest = contents[-1].address_prefixes
    assert len(contents) == versions
    assert (len(ipv4_of(newest)), len(newest) - len(ipv4_of(newest))) == (ipv4, ipv6)


@needs_recordings
@pytest.mark.parametrize(
    "name", ["ServiceTags_AzureGovernment_20200827", "ServiceTags_China_20200914"]
)
def test_a_whole_published_document_is_read(name):
    folder = BESIDE / "data" / "service-tags" / "documents"
    content = parse(json.loads((folder / f"{name}.json").read_text()))
    assert content.address_prefixes
    assert content.change_number.isdigit()


@pytest.mark.parametrize(
    ("prefixes", "named"),
    [
        ([], "names no addresses"),
        (["13.64.115.203/24"], "host bits set"),
        (["0.0.0.0/0"], "0.0.0.0/0 is not public"),
        (["10.0.0.0/24"], "10.0.0.0/24 is not public"),
        (["172.16.5.0/24"], "not public"),
        (["192.168.0.0/24"], "not public"),
        (["100.64.0.0/24"], "not public"),
        (["127.0.0.0/24"], "not public"),
        (["169.254.169.254/32"], "not public"),
        (["224.0.0.0/24"], "224.0.0.0/24 is not public"),
        (["fe80::/64"], "not public"),
        (["8.0.0.0/6"], "not public"),
        (["13.64.115.203"], "not CIDR"),
        (["13.64.115.0/255.255.255.0"], "not CIDR"),
        (["13.64.115.203/33"], "33"),
        (["AzureCloud"], "not CIDR"),
        ([None], "not CIDR"),
        ([["13.64.115.203/32"]], "not CIDR"),
        (["2603:1000::/24"], "names no IPv4 prefix"),
    ],
)
def test_what_cannot_be_believed_is_unusable_and_says_why(prefixes, named):
    with pytest.raises(UnusableServiceTag, match=named) as raised:
        parse(tag_document(prefixes))
    assert raised.value.code.name == "TagUnavailable"
    assert "westeurope" in raised.value.message


def test_one_bad_prefix_makes_the_whole_tag_unusable_and_all_faults_are_named():
    with pytest.raises(UnusableServiceTag) as raised:
        parse(tag_document(["13.64.115.203/32", "10.0.0.0/8", "1.2.3.4/24"]))
    assert "10.0.0.0/8" in raised.value.message
    assert "1.2.3.4/24" in raised.value.message


def test_of_many_faults_ten_are_shown_and_the_others_counted():
    with pytest.raises(UnusableServiceTag, match="and 5 more"):
        parse(tag_document([f"10.0.{i}.0/24" for i in range(15)]))


@pytest.mark.parametrize(("length", "believed"), [(15, False), (16, True)])
def test_a_prefix_wider_than_the_minimum_is_not_believed(length, believed):
    document = tag_document([f"20.0.0.0/{length}"])
    if believed:
        assert parse(document).address_prefixes == (f"20.0.0.0/{length}",)
    else:
        with pytest.raises(UnusableServiceTag, match="wider than /16"):
            parse(document)


@pytest.mark.parametrize(
    "name",
    ["appservicemanagement", "AppServiceManagement.WestEurope", "AppServiceManagementV2", "App"],
)
def test_only_the_exact_name_is_the_tag(name):
    with pytest.raises(UnusableServiceTag, match="is not in the answer"):
        parse(tag_document(["13.64.115.203/32"], name))


def test_a_name_that_differs_in_its_case_alone_is_told_as_azure_spells_it():
    document = tag_document(["20.0.0.0/24"], "Storage.WestEurope")
    with pytest.raises(UnusableServiceTag) as raised:
        parse_service_tag(
            document, "Storage.westeurope", location="westeurope", min_prefix_length=16
        )
    said = "Storage.westeurope is not in the answer of westeurope: it is spelled Storage.WestEurope"
    assert str(raised.value).endswith(said)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"values": None},
        {"values": "AppServiceManagement"},
        {"values": [None, "x", {"name": TAG}]},
        {"values": [{"name": TAG, "properties": []}]},
        {"values": [{"name": TAG, "properties": {"addressPrefixes": "13.64.115.203/32"}}]},
        {"values": tag_document(["13.64.115.203/32"])["values"] * 2},
    ],
)
def test_a_document_of_another_shape_is_unusable(document):
    with pytest.raises(UnusableServiceTag):
        parse(document)


def test_prefixes_are_canonical_unique_and_in_numerical_order():
    content = parse(
        tag_document(["100.0.0.0/24", "20.0.0.0/24", "2603:1000:0::/48", "20.0.0.0/24"])
    )
    assert content.address_prefixes == ("20.0.0.0/24", "100.0.0.0/24", "2603:1000::/48")


def test_wanted_is_the_union_of_the_locations():
    west = parse(tag_document(["20.0.0.0/24", "20.0.1.0/24"]), location="westeurope")
    east = parse(tag_document(["20.0.1.0/24", "20.0.2.0/24"]), location="eastus")
    both = union([west, east])
    assert both.address_prefixes == ("20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24")
    assert both.locations == ("westeurope", "eastus")


@pytest.mark.parametrize(
    ("said", "routable"),
    [
        ({"networkFeatures": ["API", "NSG", "UDR", "FW"]}, True),
        ({"networkFeatures": ["API", "NSG"]}, False),
        ({"networkFeatures": []}, None),
        ({"networkFeatures": None}, None),
        ({"networkFeatures": "UDR"}, None),
        ({}, None),
    ],
)
def test_an_answer_may_say_whether_a_route_may_have_the_tag(said, routable):
    assert parse(tag_document(["20.0.0.0/24"], **said)).routable is routable


@pytest.mark.parametrize(
    ("said", "routable"),
    [
        ((True, False), True),
        ((False, True), True),
        ((None, True), True),
        ((False, None), False),
        ((False, False), False),
        ((None, None), None),
    ],
)
def test_one_location_that_knows_the_tag_as_routable_is_enough(said, routable):
    contents = [SourceContent(TAG, "1", (), ("20.0.0.0/24",), each) for each in said]
    assert union(contents).routable is routable


_PREFIXES = st.sets(st.integers(0, 200).map(lambda n: f"20.0.{n}.0/24"))


@given(_PREFIXES, _PREFIXES)
def test_a_difference_leads_from_one_set_to_the_other(before, after):
    change = difference(before, after)
    assert (before - set(change.removed)) | set(change.added) == after
    assert not set(change.added) & set(change.removed)


@given(st.permutations([f"20.0.{n}.0/24" for n in range(12)]))
def test_the_content_hash_does_not_know_the_order(prefixes):
    assert parse(tag_document(prefixes)).content_hash == (
        parse(tag_document(in_order(prefixes))).content_hash
    )


def test_the_content_hash_differs_with_the_content():
    hashes = {parse(tag_document(p["addressPrefixes"])).content_hash for p in history()}
    assert len(hashes) == 36  # of 38: two versions bring an earlier content back
