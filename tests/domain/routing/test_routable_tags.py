"""Service tags that Azure takes as a prefix."""

import pytest

from shared.domain.routing.routable_tags import why_not_routable

TAG = "AppServiceManagement"


@pytest.mark.parametrize(
    ("cloud", "tag", "why"),
    [
        ("AzureCloud", TAG, None),
        ("AzureUSGovernment", TAG, None),
        ("AzureUSGovernment", "Storage", None),
        ("AzureChinaCloud", TAG, "no route may have a service tag"),
        ("AzureCloud", f"{TAG}.WestEurope", "one region of a tag"),
        ("AzureCloud", "NoSuchTag", "not known to be usable"),
        ("AzureUSGovernment", "AzureCloud", "not known to be usable"),
    ],
)
def test_which_tags_a_route_may_have_is_known(cloud, tag, why):
    said = why_not_routable(cloud, tag)
    assert said is None if why is None else why in str(said)
