"""The tags for which a service stands, as they are published."""

import pytest

from shared.domain.routing.published_tags import PUBLISHED
from shared.domain.services.known import SERVICES
from shared.sync.run.services import tags_of
from tests.builders.azure import answer
from tests.builders.recorded import needs_documents, weekly_file

FILES = {
    "AzureCloud": "ServiceTags_Public_20251027.json",
    "AzureUSGovernment": "ServiceTags_AzureGovernment_20260706.json",
    "AzureChinaCloud": "ServiceTags_China_20260706.json",
}


@needs_documents
@pytest.mark.parametrize("cloud", FILES)
def test_each_tag_in_each_region_is_spelled_as_in_the_weekly_file(cloud):
    published = {value["name"] for value in weekly_file(FILES[cloud])["values"]}
    in_any_case = {name.lower() for name in published}
    endings = PUBLISHED[cloud].regions.split()
    assert endings

    tags = {
        tag
        for ending in endings
        for service in SERVICES
        for tag in service.tags_in(PUBLISHED[cloud].ending(ending.lower()))
        if tag.lower() in in_any_case
    }
    assert sorted(tags - published) == []
    assert {tag.partition(".")[2] for tag in tags if "." in tag} == {*endings}


def test_the_data_of_the_repository_spells_what_no_answer_has(azure, make_app):
    answer(azure, "20.0.0.0/24")
    app = make_app()
    batch = next(one for one in SERVICES if one.name == "batch")
    assert tags_of(batch, "southeastasia", app.pull) == ("BatchNodeManagement.SoutheastAsia",)
    assert tags_of(batch, "denmarkeast", app.pull) == ("BatchNodeManagement.denmarkeast",)
