"""The names of each cloud."""

import pytest

from shared.domain.clouds import CLOUDS
from tests.builders.azure import rid, table_id


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("AzureCloud", "portal.azure.com"),
        ("AzureUSGovernment", "portal.azure.us"),
        ("AzureChinaCloud", "portal.azure.cn"),
    ],
)
def test_each_cloud_has_its_portal(cloud, host):
    url = CLOUDS[cloud].portal_url(str(rid("one")))
    assert url == f"https://{host}/#@/resource{rid('one')}/overview"


def test_an_odd_name_is_part_of_the_link():
    url = CLOUDS["AzureCloud"].portal_url(table_id("é (1)"))
    assert url.endswith("/routeTables/%C3%A9%20%281%29/overview")
