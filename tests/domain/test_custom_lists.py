"""The lists of CUSTOM_LISTS: what is believed, and each fault with its place."""

import ipaddress
import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from shared.domain.addresses import is_list, is_service_tag, parse_service_tag
from shared.domain.custom_lists import MOST_IN_SETTING, kept, lists_in, parse_custom_list
from shared.domain.errors import UnusableList, UnusableServiceTag
from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.services.known import SERVICES
from tests.builders.azure import tag_document
from tests.builders.lists import custom_list

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "custom-lists.schema.json").read_text())
EXAMPLES = ROOT / "examples" / "custom-lists"
PAGE = ROOT / "docs" / "custom-lists.md"
A, B, SIX = "20.0.0.0/24", "20.0.1.0/24", "2603:1030:1::/48"
KMS = "kms-activation"


def parsed(written, name=KMS, least=16):
    text = written if isinstance(written, str) else json.dumps({name: written})
    return parse_custom_list(lists_in(text), name, min_prefix_length=least)


def refused(written, name=KMS, least=16):
    with pytest.raises(UnusableList) as raised:
        parsed(written, name, least)
    assert raised.value.code.name == "ListUnavailable"
    return raised.value.message


def by_schema(document):
    return [fault.message for fault in validator_for(SCHEMA)(SCHEMA).iter_errors(document)]


# -- What is believed --


def test_a_list_is_a_source_with_its_own_page_and_date():
    found = parsed(custom_list(B, SIX, A, verified="2026-11-30"))
    assert (found.prefixes, found.verified) == ((A, B, SIX), date(2026, 11, 30))
    content = found.content
    assert (content.source, content.address_prefixes) == (KMS, (A, B, SIX))
    assert (content.change_number, content.locations) == ("2026-11-30", (found.source,))
    assert content.routable is None


@pytest.mark.parametrize(
    ("file", "addresses"),
    [
        ("kms-activation.json", ["20.118.99.224", "23.102.135.246", "40.83.235.53"]),
        ("kms-activation-us-government.json", ["23.97.0.13", "52.126.105.2"]),
        ("kms-activation-china.json", ["42.159.7.249", "159.27.28.100", "163.228.64.161"]),
    ],
)
def test_each_example_is_right_and_has_what_microsofts_page_has(file, addresses):
    """The page of 17 July 2024."""
    text = (EXAMPLES / file).read_text()
    found = parsed(text)
    assert found.prefixes == tuple(f"{address}/32" for address in addresses)
    assert found.source.endswith("/custom-routes-enable-kms-activation")
    assert found.verified == date(2024, 7, 17)
    assert by_schema(json.loads(text)) == []

    [row] = [line for line in PAGE.read_text().splitlines() if f"[`{file}`]" in line]
    assert {*re.findall(r"`([0-9.]+)`", row)} == {*addresses}


networks = st.one_of(
    st.builds(
        lambda address, length: ipaddress.ip_network((address, length), strict=False),
        st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address),
        st.integers(0, 32),
    ),
    st.builds(
        lambda address, length: ipaddress.ip_network((address, length), strict=False),
        st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address),
        st.integers(0, 128),
    ),
).map(str)
odd = st.one_of(networks, st.text(max_size=20), st.integers(), st.none(), st.just("20.0.0.1/24"))


@given(st.one_of(st.lists(networks, max_size=5), st.lists(odd, max_size=5)), st.integers(0, 32))
def test_prefixes_are_believed_exactly_as_those_of_a_tag(prefixes, least):
    try:
        document = tag_document(prefixes, "Tag")
        known = parse_service_tag(document, "Tag", location="west", min_prefix_length=least)
    except UnusableServiceTag:
        refused(custom_list(*prefixes), least=least)
    else:
        assert parsed(custom_list(*prefixes), least=least).prefixes == known.address_prefixes


@given(st.text())
def test_any_text_is_a_list_or_an_unusable_one(text):
    with pytest.raises(UnusableList):
        parsed(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(A) | st.just("2026-12-01"),
    lambda part: st.lists(part) | st.dictionaries(st.text() | st.just("prefixes"), part),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["prefixes", "source", "note", "verified", None]))
def test_any_value_in_any_place_is_taken_or_refused(value, key):
    whole = value if key is None else {**custom_list(A), key: value}
    try:
        found = parsed(whole)
    except UnusableList:
        return
    assert by_schema({KMS: whole}) == []
    assert parsed(json.dumps({KMS: whole})) == found


# -- Faults --


@pytest.mark.parametrize(
    ("prefixes", "fault"),
    [
        ([], "prefixes: names no addresses"),
        ("20.0.0.0/24", "prefixes: names no addresses"),
        ([A, "20.0.0.1/24"], "prefixes.1: 20.0.0.1/24 has host bits set"),
        ([A, "20.0.0.1"], "prefixes.1: '20.0.0.1' is not CIDR notation"),
        (["0.0.0.0/0", A], "prefixes.0: 0.0.0.0/0 is not public"),
        ([A, "10.1.0.0/24"], "prefixes.1: 10.1.0.0/24 is not public"),
        ([A, "100.64.0.0/24"], "prefixes.1: 100.64.0.0/24 is not public"),
        ([A, "fd00::/8"], "prefixes.1: fd00::/8 is not public"),
        ([A, "20.0.0.0/15"], "prefixes.1: 20.0.0.0/15 is wider than /16"),
        ([A, 5], "prefixes.1: 5 is not CIDR notation"),
        ([SIX], "prefixes: names no IPv4 prefix"),
    ],
)
def test_a_prefix_that_is_not_believed_is_named_with_its_place(prefixes, fault):
    assert fault in refused({**custom_list(), "prefixes": prefixes})


def test_the_bound_is_that_of_the_setting():
    assert parsed(custom_list("20.0.0.0/16")).prefixes == ("20.0.0.0/16",)
    assert "wider than /17" in refused(custom_list("20.0.0.0/16"), least=17)


def test_a_prefix_twice_and_one_within_another_are_taken_as_those_of_a_tag_are():
    assert parsed(custom_list(A, A, "20.0.0.0/23", B)).prefixes == ("20.0.0.0/23", A, B)


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("source", None, "source: missing, or not a text"),
        ("source", "http://example.com/x", "source: not an https URL"),
        ("source", "https://", "source: not an https URL"),
        ("source", "https://example.com/a b", "source: not an https URL"),
        ("source", "https://[example.com/", "source: not an https URL"),
        ("source", f"https://example.com/{'x' * 981}", "source: longer than 1000 characters"),
        ("note", "  ", "note: missing, or not a text"),
        ("note", "x" * 1001, "note: longer than 1000 characters"),
        ("verified", "20261201", "verified: not a day such as 2026-12-01"),
        ("verified", "2026-13-01", "verified: not a day such as 2026-12-01"),
        ("verified", 20261201, "verified: not a day such as 2026-12-01"),
        ("prefix", [A], "'prefix': unknown key"),
    ],
)
def test_each_other_key_is_judged_and_the_schema_agrees(key, value, fault):
    wrong = {**custom_list(A), key: value}
    assert refused(wrong) == f"{KMS} in CUSTOM_LISTS cannot be believed: {fault}"
    finer_than_a_schema = ("https://[example.com/", "https://example.com/a b")
    assert by_schema({KMS: wrong}) or value in finer_than_a_schema


@pytest.mark.parametrize(("key", "value"), [("note", "x" * 1000), ("verified", "2024-02-29")])
def test_the_last_good_value_is_taken(key, value):
    assert parsed({**custom_list(A), key: value})
    assert by_schema({KMS: {**custom_list(A), key: value}}) == []


def test_every_fault_is_listed_at_once():
    said = refused({"prefixes": [A, "10.0.0.0/8", "x"], "source": "x", "verified": "", "more": 1})
    places = ["prefixes.1:", "prefixes.2:", "source:", "note:", "verified:", "'more':"]
    assert sorted(places, key=said.index) == places


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "CUSTOM_LISTS is not JSON"),
        ("{", "CUSTOM_LISTS is not JSON"),
        ("5" * 5000, "CUSTOM_LISTS is not JSON"),
        ("[" * 200_000, "CUSTOM_LISTS is nested too deeply"),
        ("[]", "CUSTOM_LISTS is not a JSON object"),
        ("null", "CUSTOM_LISTS is not a JSON object"),
        ("{}", "CUSTOM_LISTS has no list"),
        ('{"$schema": "x"}', "CUSTOM_LISTS has no list"),
        ('{"other-list": 5}', "kms-activation is not in CUSTOM_LISTS, which has 'other-list'"),
        ('{"kms-activation": [], "kms-activation": 5}', "has the key 'kms-activation' twice"),
        ('{"kms-activation": {"note": "", "note": ""}}', "has the key 'note' twice"),
        ('{"kms-activation": 5}', "it is not a JSON object"),
    ],
)
def test_a_text_without_the_list_says_what_is_wrong(text, fault):
    assert fault in refused(text)


def test_a_fault_of_one_list_is_none_of_another():
    text = json.dumps({KMS: custom_list(A), "other-list": custom_list("10.0.0.0/8"), "Bad": 5})
    assert parsed(text).prefixes == (A,)
    assert lists_in(text).keys() == {KMS, "other-list", "Bad"}
    assert "its name needs" in refused(text, "Bad")


# -- Names --


@pytest.mark.parametrize("name", [KMS, "a-1", "a-b-c", f"a-{'b' * 61}"])
def test_a_name_of_a_list(name):
    assert is_list(name)
    assert by_schema({name: custom_list(A)}) == []


@pytest.mark.parametrize(
    "name",
    [
        *("kms", "KMS-activation", "1-a", "a--b", "a-", "-a", "a.b-c", "a_b-c", "a-é", ""),
        *(f"a-{'b' * 62}", "a/b-c", "kms activation"),
    ],
)
def test_no_name_of_a_list(name):
    assert not is_list(name)
    assert by_schema({name: custom_list(A)})


def test_a_name_has_one_line():
    assert not is_list(f"{KMS}\n")


def test_no_tag_and_no_service_can_have_the_name_of_a_list():
    tags = {
        f"{name}.{ending}" if ending else name
        for file in PUBLISHED.values()
        for name, ending in file._routable | file._others
    }
    names = tags | {service.name for service in SERVICES}
    assert len(names) > 1000
    assert [name for name in names if is_list(name.lower())] == []


@given(st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){1,3}", fullmatch=True))
def test_no_name_is_that_of_a_tag_too(name):
    assert is_list(name)
    assert not is_service_tag(name)


def test_the_schema_is_one_and_helps_with_each_key():
    validator_for(SCHEMA).check_schema(SCHEMA)
    keys = SCHEMA["$defs"]["List"]["properties"]
    assert [key for key, value in keys.items() if not value.get("description")] == []


# -- The setting --


def test_no_secret_of_a_url_is_kept():
    url = "https://one.blob.core.windows.net/lists/all.json"
    assert kept(f"{url}?sv=1&sig=secret") == kept(f"{url}#x") == kept(url) == url
    assert kept(url.replace("//", "//me:secret@")) == url


def test_a_text_that_is_too_long_stays_so():
    assert kept("{" + " " * MOST_IN_SETTING) == "{" + " " * MOST_IN_SETTING
    assert len(kept(" " * 2 * MOST_IN_SETTING)) == MOST_IN_SETTING + 1
    text = json.dumps({KMS: {**custom_list(A), "note": "why? #1"}})
    assert kept(text) == text
