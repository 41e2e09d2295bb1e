"""Which prefixes are believed."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bounds import SPECIAL_PURPOSE, fault_of, out_of_bounds, shortened
from tests.builders.azure import history
from tests.builders.recorded import needs_recordings, published_prefixes


@pytest.mark.parametrize(("length", "fault"), [(15, "20.0.0.0/15 is wider than /16"), (16, None)])
def test_a_prefix_wider_than_the_minimum_is_out_of_bounds(length, fault):
    assert fault_of(f"20.0.0.0/{length}", 16) == fault


def test_the_minimum_is_of_ipv4():
    assert fault_of("2603:1000::/24", 32) is None


def test_only_what_is_out_of_bounds_is_named():
    assert out_of_bounds(["20.0.0.0/24", "10.0.0.0/24"], 16) == {
        "10.0.0.0/24": "10.0.0.0/24 is not public address space: "
        "10.0.0.0/8 is private use (RFC 1918)"
    }


@pytest.mark.parametrize(
    ("count", "end"), [(1, "fault 0"), (10, "fault 9"), (11, "fault 9; and 1 more")]
)
def test_ten_faults_are_named_and_the_others_counted(count, end):
    assert shortened([f"fault {number}" for number in range(count)]).endswith(end)


@pytest.mark.parametrize("prefix", ["168.63.129.16/32", "168.63.129.0/24", "168.63.0.0/16"])
def test_no_prefix_takes_the_virtual_address_of_the_azure_platform(prefix):
    fault = fault_of(prefix, 0) or ""
    assert "168.63.129.16/32 is the virtual address of the Azure platform" in fault


@pytest.mark.parametrize("prefix", ["168.63.129.15/32", "168.63.129.17/32", "168.63.130.0/24"])
def test_its_neighbours_are_public(prefix):
    assert fault_of(prefix, 0) is None


@given(st.sampled_from([*SPECIAL_PURPOSE]), st.data())
def test_whatever_covers_a_special_network_or_lies_in_it_is_refused(special, data):
    network = ipaddress.ip_network(special)
    address = network[data.draw(st.integers(0, network.num_addresses - 1))]
    length = data.draw(st.integers(0, network.max_prefixlen))
    prefix = str(ipaddress.ip_network(f"{address}/{length}", strict=False))
    assert "is not public address space" in (fault_of(prefix, 0) or "")


@pytest.mark.parametrize("cloud", ["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"])
def test_the_real_history_of_each_cloud_is_within_bounds(cloud):
    prefixes = {prefix for version in history(cloud) for prefix in version["addressPrefixes"]}
    assert out_of_bounds(prefixes, 16) == {}


@needs_recordings
def test_no_prefix_of_any_published_tag_is_special():
    prefixes = set(published_prefixes())
    assert len(prefixes) > 50_000

    # What two of them touch together, one of them touches.
    networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    ipv4 = ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network))
    ipv6 = ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network))
    assert out_of_bounds(map(str, (*ipv4, *ipv6)), 0) == {}
