"""Which prefixes are believed."""

import pytest

from shared.domain.bounds import fault_of, out_of_bounds, shortened


@pytest.mark.parametrize(("length", "fault"), [(15, "20.0.0.0/15 is wider than /16"), (16, None)])
def test_a_prefix_wider_than_the_minimum_is_out_of_bounds(length, fault):
    assert fault_of(f"20.0.0.0/{length}", 16) == fault


def test_the_minimum_is_of_ipv4():
    assert fault_of("2603:1000::/24", 32) is None


def test_only_what_is_out_of_bounds_is_named():
    assert out_of_bounds(["20.0.0.0/24", "10.0.0.0/24"], 16) == {
        "10.0.0.0/24": "10.0.0.0/24 is not public address space"
    }


@pytest.mark.parametrize(
    ("count", "end"), [(1, "fault 0"), (10, "fault 9"), (11, "fault 9; and 1 more")]
)
def test_ten_faults_are_named_and_the_others_counted(count, end):
    assert shortened([f"fault {number}" for number in range(count)]).endswith(end)
